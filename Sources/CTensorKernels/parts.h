// A convolution as products of packed matrices: for pixels of the result that stand at equal distances,
// sums over some points of the window.
#pragma once

#include <stdint.h>

#include "extremes.h"
#include "kernels_packed.h"
#include "points.h"

enum { TAPS_MAX = 16 };

// One point of the window.
typedef struct {
  int64_t point;
  int64_t row, column;  // the pixel that it reads for the part's first pixel; perhaps outside the image
} Tap;

typedef struct {
  int64_t h, w;                       // how many pixels of each image of the result
  int64_t first, image, row, pixel;   // where they stand: floats
  int64_t step_y, step_x;             // pixels of the image that is read from one of them to the next
  int64_t tap_count;                  // perhaps 0: nothing reaches these pixels
  Tap taps[TAPS_MAX];
  int is_first, is_last;              // of those for the same pixels
  int64_t filter;                     // where its packed filter begins, in floats
  int64_t phase, taken;               // how far the walk has come
} Part;

// The images that are read and written.
typedef struct {
  const trompe_image *from, *to;
} Ends;

Ends trompe_ends(const trompe_window *window, int to_image);

// The next of all parts of a convolution or, with `to_image`, of its gradient in the image; 0 after the
// last. The walk begins with (Part){0}.
int trompe_next_part(const trompe_window *window, int to_image, Part *part);

// Steps of the part's sums.
static inline int64_t part_steps(const Part *part, const Ends *ends) {
  return part->tap_count * ends->from->c;
}

// 16 pixels of a part, and where they stand in the result. A last tile that has fewer repeats its first.
enum { TILE = 16 };
typedef struct {
  int64_t count;
  int64_t row[TILE], column[TILE];  // the pixels that they read, less a tap's shift
  int64_t from[TILE];               // and where those stand
  int64_t offsets[TILE];
} Tile;

static inline int64_t part_tiles(const Part *part, const Ends *ends) {
  return (ends->to->n * part->h * part->w + TILE - 1) / TILE;
}

void trompe_tile_at(const Part *part, const Ends *ends, int64_t index, Tile *tile);
// The pixels that a tap reads for those of a tile.
void trompe_tap_pixels(
    const Part *part, const Ends *ends, const Tile *tile, int64_t tap, const float *from,
    trompe_pixel *pixels);
