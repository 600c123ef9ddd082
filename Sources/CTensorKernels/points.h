// What the points of a convolution's window multiply in the gradient in its filter: pixels of the image
// and of the result, both on grids.
#pragma once

#include <stdint.h>

#include "extremes.h"
#include "kernels_pairs.h"

// Pixels of images that stand at equal distances.
typedef struct {
  int64_t n, h, w, c;
  int64_t image, row, pixel, block;  // floats from one to the next
} Grid;

typedef struct {
  Grid x, y;
  int64_t x_first, y_first;  // where their first pixels stand
} Point;

static inline int64_t pixel_count(const Grid *grid) { return grid->n * grid->h * grid->w; }
static inline int64_t point_count(const trompe_pairs_window *w) { return w->r * w->s; }

Point trompe_point_at(const trompe_pairs_window *window, int64_t index);
// Where pixels stand.
void trompe_pixel_offsets(const Grid *grid, int64_t first, int64_t count, int64_t *offsets);
