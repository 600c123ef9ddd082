#include "parts.h"

#include <string.h>

enum {
  // Steps of a sum that does not leave the registers: a tile of pixels and a block of filters stay in the
  // second-level cache.
  STEPS_MAX = 1536,
  // So many steps in one tap are worth a part of their own if that saves pixels outside the image.
  SINGLE_STEPS_MIN = 512,
};

Ends trompe_ends(const trompe_window *window, int to_image) {
  return to_image ? (Ends){&window->y, &window->x} : (Ends){&window->x, &window->y};
}

// Pixels of the result whose row and column leave the same rest by the strides: the same points of the
// window reach them. In a convolution, all.
typedef struct {
  int64_t row, column, stride_y, stride_x;
} Phase;

// The `index`-th phase; 0 after the last.
static int phase_at(const trompe_window *w, int to_image, int64_t index, Phase *phase) {
  if (!to_image) *phase = (Phase){0, 0, 1, 1};
  else *phase = (Phase){index / w->stride_x, index % w->stride_x, w->stride_y, w->stride_x};
  return index < phase->stride_y * phase->stride_x;
}

// The first and the last of single taps have parts of all pixels: those in the middle lose least.
static int64_t single_tap(int64_t points, int64_t index) {
  const int64_t middle = points / 2;
  if (index == 0) return middle;
  if (index == points - 1) return middle - 1;
  return index < middle ? index - 1 : index + 1;
}

// Points of the window that reach a phase; after `skipped` of them, as many as fit.
static int64_t find_taps(
    const trompe_window *w, int to_image, const Phase *phase, int is_single, int64_t skipped,
    Tap *taps) {
  const int64_t points = point_count(w);
  int64_t found = 0;
  for (int64_t i = 0; i < points; i++) {
    const int64_t point = is_single ? single_tap(points, i) : i;
    Tap tap = {point, point / w->s - w->top, point % w->s - w->left};
    if (to_image) {
      // Pixel p of the result reads pixel p · stride - top + r of the image: pixel row + i · stride of the
      // image is read by pixel i + (row + top - r) / stride of the result.
      const int64_t row = phase->row - tap.row, column = phase->column - tap.column;
      if (row % w->stride_y || column % w->stride_x) continue;
      tap = (Tap){point, row / w->stride_y, column / w->stride_x};
    }
    if (found >= skipped && found < skipped + TAPS_MAX) taps[found - skipped] = tap;
    found++;
  }
  return found;
}

// Whether taps have parts of their own, that leave out pixels for which they read outside of the image:
// in images of a few pixels those are many.
static int has_single_taps(const trompe_window *w, int to_image, const Ends *ends) {
  const int has_one_phase = !to_image || (w->stride_y == 1 && w->stride_x == 1);
  return has_one_phase && point_count(w) > 1 && ends->from->c >= SINGLE_STEPS_MIN &&
         8 * (w->r / 2) >= ends->to->h && 8 * (w->s / 2) >= ends->to->w;
}

int trompe_next_part(const trompe_window *w, int to_image, Part *part) {
  const Ends ends = trompe_ends(w, to_image);
  const trompe_image *from = ends.from, *to = ends.to;
  int64_t filter = part->filter, index = part->phase, taken = part->taken;
  if (part->pixel) {  // not the first: past the one before
    if (part->tap_count) filter += to->c * (part_steps(part, &ends) + 2);
    taken += part->tap_count;
    if (part->is_last) {
      index++;
      taken = 0;
    }
  }
  Phase phase;
  if (!phase_at(w, to_image, index, &phase)) return 0;
  memset(part, 0, sizeof *part);
  part->filter = filter;
  part->phase = index;
  part->taken = taken;
  const int is_single = has_single_taps(w, to_image, &ends);
  const int64_t all = find_taps(w, to_image, &phase, is_single, taken, part->taps);
  // Parts of about the same size.
  const int64_t most = is_single ? 1 : larger(1, smaller(TAPS_MAX, STEPS_MAX / from->c));
  const int64_t left = all - taken, parts = (left + most - 1) / most;
  part->tap_count = parts ? (left + parts - 1) / parts : 0;
  part->is_first = taken == 0;
  part->is_last = taken + part->tap_count == all;
  part->step_y = to_image ? 1 : w->stride_y;
  part->step_x = to_image ? 1 : w->stride_x;
  part->h = larger(0, (to->h - phase.row + phase.stride_y - 1) / phase.stride_y);
  part->w = larger(0, (to->w - phase.column + phase.stride_x - 1) / phase.stride_x);
  int64_t top = 0, first_column = 0;
  // The first part writes all pixels, and the last one what comes after the sums.
  if (is_single && !part->is_first && !part->is_last) {
    Tap *tap = &part->taps[0];
    int64_t bottom, end_column;
    inside(tap->row, part->step_y, from->h, part->h, &top, &bottom);
    inside(tap->column, part->step_x, from->w, part->w, &first_column, &end_column);
    part->h = bottom - top;
    part->w = end_column - first_column;
    tap->row += top * part->step_y;
    tap->column += first_column * part->step_x;
  }
  part->image = to->h * to->w * to->c;
  part->row = phase.stride_y * to->w * to->pixel;
  part->pixel = phase.stride_x * to->pixel;
  part->first = (phase.row * to->w + phase.column) * to->pixel + top * part->row +
                first_column * part->pixel;
  return 1;
}

void trompe_tile_at(const Part *part, const Ends *ends, int64_t index, Tile *tile) {
  const trompe_image *image = ends->from;
  const int64_t first = index * TILE, pixels = ends->to->n * part->h * part->w;
  const Position begin = position_at(first, part->h, part->w);
  Position at = begin;
  tile->count = smaller(TILE, pixels - first);
  for (int64_t i = 0; i < TILE; i++, advance(&at, part->h, part->w)) {
    if (i >= tile->count) at = begin;
    const int64_t row = at.row * part->step_y, column = at.column * part->step_x;
    tile->row[i] = row;
    tile->column[i] = column;
    tile->from[i] = at.n * image->h * image->w * image->c + (row * image->w + column) * image->pixel;
    tile->offsets[i] =
        at.n * part->image + at.row * part->row + at.column * part->pixel + part->first;
  }
}

static const float zeros[16];

void trompe_tap_pixels(
    const Part *part, const Ends *ends, const Tile *tile, int64_t tap, const float *from,
    trompe_pixel *pixels) {
  const trompe_image *image = ends->from;
  const Tap *at = &part->taps[tap];
  const int64_t shift = (at->row * image->w + at->column) * image->pixel;
  const uint64_t h = (uint64_t)image->h, w = (uint64_t)image->w;
  for (int64_t i = 0; i < TILE; i++) {
    const int is_inside =
        (uint64_t)(tile->row[i] + at->row) < h && (uint64_t)(tile->column[i] + at->column) < w;
    pixels[i] = is_inside ? (trompe_pixel){from + (tile->from[i] + shift), image->block}
                          : (trompe_pixel){zeros, 0};
  }
}
