#include "conv/tap_groups.h"

#include <string.h>

enum {
  // Steps of a sum that does not leave the registers: an A panel and a B panel stay in the
  // second-level cache.
  STEPS_MAX = 1536,
  // So many steps of one tap are worth a group of their own if that saves pixels outside the image.
  SINGLE_TAP_STEPS_MIN = 512,
};

Ends trompe_ends(const trompe_window *window, int is_bwd_data) {
  return is_bwd_data ? (Ends){&window->y, &window->x} : (Ends){&window->x, &window->y};
}

// A stride phase: pixels of the result whose row and column leave the same remainder by the
// strides, so that the same taps reach them. In a forward convolution, all.
typedef struct {
  int64_t row, column, stride_y, stride_x;
} Phase;

// The `index`-th phase; 0 after the last.
static int phase_at(const trompe_window *w, int is_bwd_data, int64_t index, Phase *phase) {
  if (!is_bwd_data) *phase = (Phase){0, 0, 1, 1};
  else *phase = (Phase){index / w->stride_x, index % w->stride_x, w->stride_y, w->stride_x};
  return index < phase->stride_y * phase->stride_x;
}

// The first and the last of single taps have groups of all pixels: those in the middle lose least.
static int64_t single_tap(int64_t taps_of_window, int64_t index) {
  const int64_t middle = taps_of_window / 2;
  if (index == 0) return middle;
  if (index == taps_of_window - 1) return middle - 1;
  return index < middle ? index - 1 : index + 1;
}

// Taps of the window that reach a phase; after `skipped` of them, as many as fit.
static int64_t find_taps(
    const trompe_window *w, int is_bwd_data, const Phase *phase, int is_single, int64_t skipped,
    Tap *taps) {
  const int64_t taps_of_window = window_taps(w);
  int64_t found = 0;
  for (int64_t i = 0; i < taps_of_window; i++) {
    const int64_t index = is_single ? single_tap(taps_of_window, i) : i;
    Tap tap = {index, index / w->s - w->top, index % w->s - w->left};
    if (is_bwd_data) {
      // Pixel p of the result reads pixel p · stride - top + r of the image: pixel row + i · stride
      // of the image is read by pixel i + (row + top - r) / stride of the result.
      const int64_t row = phase->row - tap.row, column = phase->column - tap.column;
      if (row % w->stride_y || column % w->stride_x) continue;
      tap = (Tap){index, row / w->stride_y, column / w->stride_x};
    }
    if (found >= skipped && found < skipped + TAPS_MAX) taps[found - skipped] = tap;
    found++;
  }
  return found;
}

// Whether taps have groups of their own, which omit pixels for which they read outside of the
// image: in images of a few pixels those are many.
static int has_single_taps(const trompe_window *w, int is_bwd_data, const Ends *ends) {
  const int has_one_phase = !is_bwd_data || (w->stride_y == 1 && w->stride_x == 1);
  return has_one_phase && window_taps(w) > 1 && ends->from->c >= SINGLE_TAP_STEPS_MIN &&
         8 * (w->r / 2) >= ends->to->h && 8 * (w->s / 2) >= ends->to->w;
}

int trompe_next_tap_group(const trompe_window *w, int is_bwd_data, TapGroup *group) {
  const Ends ends = trompe_ends(w, is_bwd_data);
  const trompe_image *from = ends.from, *to = ends.to;
  int64_t filter = group->filter, index = group->phase, taken = group->taken;
  if (group->pixel) {  // not the first: past the one before
    if (group->tap_count) filter += to->c * (group_steps(group, &ends) + 2);
    taken += group->tap_count;
    if (group->is_last) {
      index++;
      taken = 0;
    }
  }
  Phase phase;
  if (!phase_at(w, is_bwd_data, index, &phase)) return 0;
  memset(group, 0, sizeof *group);
  group->filter = filter;
  group->phase = index;
  group->taken = taken;
  const int is_single = has_single_taps(w, is_bwd_data, &ends);
  const int64_t all = find_taps(w, is_bwd_data, &phase, is_single, taken, group->taps);
  // Groups of about the same size.
  const int64_t most = is_single ? 1 : larger(1, smaller(TAPS_MAX, STEPS_MAX / from->c));
  const int64_t left = all - taken, groups = (left + most - 1) / most;
  group->tap_count = groups ? (left + groups - 1) / groups : 0;
  group->is_first = taken == 0;
  group->is_last = taken + group->tap_count == all;
  group->step_y = is_bwd_data ? 1 : w->stride_y;
  group->step_x = is_bwd_data ? 1 : w->stride_x;
  group->h = larger(0, (to->h - phase.row + phase.stride_y - 1) / phase.stride_y);
  group->w = larger(0, (to->w - phase.column + phase.stride_x - 1) / phase.stride_x);
  int64_t top = 0, first_column = 0;
  // The first group writes all pixels, and the last one does the epilogue.
  if (is_single && !group->is_first && !group->is_last) {
    Tap *tap = &group->taps[0];
    int64_t bottom, end_column;
    inside(tap->row, group->step_y, from->h, group->h, &top, &bottom);
    inside(tap->column, group->step_x, from->w, group->w, &first_column, &end_column);
    group->h = bottom - top;
    group->w = end_column - first_column;
    tap->row += top * group->step_y;
    tap->column += first_column * group->step_x;
  }
  group->image = to->h * to->w * to->c;
  group->row = phase.stride_y * to->w * to->pixel;
  group->pixel = phase.stride_x * to->pixel;
  group->first = (phase.row * to->w + phase.column) * to->pixel + top * group->row +
                 first_column * group->pixel;
  return 1;
}

void trompe_panel_at(const TapGroup *group, const Ends *ends, int64_t index, PanelPixels *panel) {
  const trompe_image *image = ends->from;
  const int64_t first = index * PANEL, pixels = ends->to->n * group->h * group->w;
  const Position begin = position_at(first, group->h, group->w);
  Position at = begin;
  panel->count = smaller(PANEL, pixels - first);
  for (int64_t i = 0; i < PANEL; i++, advance(&at, group->h, group->w)) {
    if (i >= panel->count) at = begin;
    const int64_t row = at.row * group->step_y, column = at.column * group->step_x;
    panel->row[i] = row;
    panel->column[i] = column;
    panel->from[i] =
        at.n * image->h * image->w * image->c + (row * image->w + column) * image->pixel;
    panel->offsets[i] =
        at.n * group->image + at.row * group->row + at.column * group->pixel + group->first;
  }
}

static const float zeros[16];

void trompe_tap_pixels(
    const TapGroup *group, const Ends *ends, const PanelPixels *panel, int64_t tap,
    const float *from, trompe_pixel *pixels) {
  const trompe_image *image = ends->from;
  const Tap *at = &group->taps[tap];
  const int64_t shift = (at->row * image->w + at->column) * image->pixel;
  const uint64_t h = (uint64_t)image->h, w = (uint64_t)image->w;
  for (int64_t i = 0; i < PANEL; i++) {
    const int is_inside =
        (uint64_t)(panel->row[i] + at->row) < h && (uint64_t)(panel->column[i] + at->column) < w;
    pixels[i] = is_inside ? (trompe_pixel){from + (panel->from[i] + shift), image->block}
                          : (trompe_pixel){zeros, 0};
  }
}
