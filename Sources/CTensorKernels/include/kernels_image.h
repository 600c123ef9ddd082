// An image as our own convolutions see it, and what they do to their results.
#pragma once

#include <stdint.h>

// Channels are whole blocks of 16.
typedef struct {
  int64_t n, h, w, c;
  int64_t pixel, block;  // floats from a pixel to the next, and from 16 channels to the next
} trompe_image;

typedef struct {
  const float *bias;      // or NULL
  const float *residual;  // an image like the result, perhaps the result itself, or NULL
  int has_relu;
} trompe_epilogue;
