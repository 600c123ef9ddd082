// Pixels of images, and what each tap of a window multiplies in the filter gradient: pixels of the
// image and of the result, both on grids.
#pragma once

#include <stdint.h>

#include "kernels_gemm_conv.h"
#include "ukernels/extremes.h"

// Pixels of images that stand at equal distances.
typedef struct {
  int64_t n, h, w, c;
  int64_t image, row, pixel, block;  // floats from one to the next
} Grid;

// A pixel of images that follow each other row by row.
typedef struct {
  int64_t n, row, column;
} Position;

static inline Position position_at(int64_t index, int64_t h, int64_t w) {
  return (Position){index / w / h, index / w % h, index % w};
}

static inline void advance(Position *at, int64_t h, int64_t w) {
  if (++at->column < w) return;
  at->column = 0;
  if (++at->row < h) return;
  at->row = 0;
  at->n++;
}

// Along one axis: the first of `results` pixels that reads one of `pixels` pixels, and the one
// after the last, if the first reads pixel `offset` and each `stride` further.
static inline void inside(
    int64_t offset, int64_t stride, int64_t pixels, int64_t results, int64_t *begin, int64_t *end) {
  *begin = offset < 0 ? (-offset + stride - 1) / stride : 0;
  *end = offset >= pixels ? 0 : smaller(results, (pixels - 1 - offset) / stride + 1);
  if (*end < *begin) *end = *begin;
}

typedef struct {
  Grid x, y;
  int64_t x_first, y_first;  // where their first pixels stand
} TapOperands;

static inline int64_t pixel_count(const Grid *grid) { return grid->n * grid->h * grid->w; }
static inline int64_t window_taps(const trompe_window *w) { return w->r * w->s; }

TapOperands trompe_tap_operands_at(const trompe_window *window, int64_t index);
// Where pixels stand.
void trompe_pixel_offsets(const Grid *grid, int64_t first, int64_t count, int64_t *offsets);
