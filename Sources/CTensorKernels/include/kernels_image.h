// An image as our own convolutions see it, and what they do to their results.
#pragma once

#include <stdint.h>

// Channels are whole blocks of 16.
typedef struct {
  int64_t n, h, w, c;
  int64_t pixel, block;  // floats from a pixel to the next, and from 16 channels to the next
} trompe_image;

// Where channels of a pixel stand: 16 of them, and so many floats on the next 16.
typedef struct {
  const float *values;
  int64_t block;
} trompe_pixel;

// What is written: min(max(sums + bias + residual, 0), relu_limit) · [mask > 0]. NaN stays NaN.
typedef struct {
  const float *bias;      // or NULL
  const float *residual;  // an image like the result, perhaps the result itself, or NULL
  int has_relu;
  float relu_limit;    // of has_relu; 0: none
  const float *mask;   // an image like the result, or NULL
  float *sums;         // over all pixels, of each channel of what is written, or NULL
  int is_nontemporal;  // stored non-temporally: set by the convolution itself
} trompe_epilogue;

// What a convolution of our own, or the gradient in its image, reads and writes.
typedef struct {
  const float *from;    // the image, or the cotangent
  const float *filter;  // packed, or plain
  const float *scale;   // of plain filters, one each, or NULL
  const trompe_epilogue *after;
  float *to;
  void *scratch;
} trompe_conv_operands;

// And the gradient in its filter, [k, r, s, c].
typedef struct {
  const float *x, *cotangent;
  float *filter;
  void *scratch;
} trompe_bwd_weights_operands;
