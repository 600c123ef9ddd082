// A convolution as GEMMs: for each stride phase of the result, sums over groups of the window's
// taps.
#pragma once

#include <stdint.h>

#include "conv/filter_taps.h"
#include "kernels_gemm_conv.h"
#include "ukernels/extremes.h"

enum { TAPS_MAX = 16 };

// One tap of the window.
typedef struct {
  int64_t index;
  int64_t row,
      column;  // the pixel that it reads for the group's first pixel; perhaps outside the image
} Tap;

typedef struct {
  int64_t h, w;                      // how many pixels of each image of the result
  int64_t first, image, row, pixel;  // where they stand: floats
  int64_t step_y, step_x;  // pixels of the image that is read from one of them to the next
  int64_t tap_count;       // perhaps 0: nothing reaches these pixels
  Tap taps[TAPS_MAX];
  int is_first, is_last;  // of the groups of one phase
  int64_t filter;         // where its B panels begin, in floats
  int64_t phase, taken;   // how far the walk has come
} TapGroup;

// The images that are read and written.
typedef struct {
  const trompe_image *from, *to;
} Ends;

Ends trompe_ends(const trompe_window *window, int is_bwd_data);

// The next tap group of a convolution or, with `is_bwd_data`, of its input gradient; 0 after the
// last. The walk begins with (TapGroup){0}.
int trompe_next_tap_group(const trompe_window *window, int is_bwd_data, TapGroup *group);

// Steps of the group's sums: K.
static inline int64_t group_steps(const TapGroup *group, const Ends *ends) {
  return group->tap_count * ends->from->c;
}

// The 16 pixels of an A panel, and where they are in the result. A last panel that has fewer
// repeats its first.
enum { PANEL = 16 };
typedef struct {
  int64_t count;
  int64_t row[PANEL], column[PANEL];  // the pixels that they read, less a tap's shift
  int64_t from[PANEL];                // and where those stand
  int64_t offsets[PANEL];
} PanelPixels;

static inline int64_t group_panels(const TapGroup *group, const Ends *ends) {
  return (ends->to->n * group->h * group->w + PANEL - 1) / PANEL;
}

void trompe_panel_at(const TapGroup *group, const Ends *ends, int64_t index, PanelPixels *panel);
// The pixels that a tap reads for those of a panel.
void trompe_tap_pixels(
    const TapGroup *group, const Ends *ends, const PanelPixels *panel, int64_t tap,
    const float *from, trompe_pixel *pixels);
