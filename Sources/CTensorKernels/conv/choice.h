// Which way to compute a convolution is the fastest.
#pragma once

#include "kernels_convolution.h"
#include "kernels_gemm_conv.h"

// Which image is the result; neither of a filter gradient.
static inline int trompe_result_is_x(const trompe_convolution_shape *s) {
  return s->kind == TROMPE_CONVOLUTION_INPUT_GRADIENT;
}
static inline int trompe_result_is_y(const trompe_convolution_shape *s) {
  return s->kind == TROMPE_CONVOLUTION_FORWARD;
}

// Its images and window as our own kernels see them.
trompe_window trompe_window_of(const trompe_convolution_shape *shape);

// Our own kernels.
typedef enum {
  TROMPE_NO_OWN_KERNELS,
  TROMPE_WINOGRAD,     // Winograd F(4x4, 3x3)
  TROMPE_GEMM,         // GEMM over the taps of a window
  TROMPE_FIRST_LAYER,  // GEMM over the rows of windows of an image of few channels
  TROMPE_DEPTHWISE,    // one filter for each channel
} trompe_own_kernels;

// The fastest of them, if one is faster than oneDNN.
trompe_own_kernels trompe_own_kernels_for(const trompe_convolution_shape *shape);
// Whether oneDNN's Winograd primitive is faster than its direct one.
int trompe_onednn_winograd_pays(const trompe_convolution_shape *shape);
