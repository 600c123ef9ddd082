// Images between NHWC and the order NChw16c, in which 16 channels of all pixels follow each other:
// what oneDNN's Winograd convolutions read and write, and direct ones do fastest. And between
// floats and bfloat16.
#pragma once

#include <stdint.h>

#include "kernels_cpu.h"

enum { TROMPE_CHANNEL_BLOCK = 16 };

// How an image stands in memory.
typedef struct {
  int blocks;   // NChw16c; else NHWC
  int is_bf16;  // else floats
} trompe_image_order;

// Moves images from one order to another. `channels` is a multiple of the block. Adds what stood in
// `to` if `adds`, and cuts at 0 below if `has_relu`.
typedef struct {
  trompe_image_order from, to;
  int64_t images, pixels, channels;
  int adds, has_relu;
  float relu_limit;  // of has_relu; 0: none
} trompe_reorder;

void trompe_reorder_image(const trompe_reorder *move, const void *from, void *to, trompe_cpu cpu);
