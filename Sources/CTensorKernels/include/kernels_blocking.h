// Images between NHWC and the order NChw16c, in which 16 channels of all pixels follow each other:
// what oneDNN's Winograd convolutions read and write, and direct ones do fastest.
#pragma once

#include <stdint.h>

enum { TROMPE_CHANNEL_BLOCK = 16 };

// NHWC to NChw16c if `to_blocks`, else back. `channels` is a multiple of the block. Adds what stood in
// `to` if `adds`, and cuts at 0 below if `has_relu`.
void trompe_reorder_channels(
    int to_blocks, int64_t images, int64_t pixels, int64_t channels, const float *from, float *to,
    int adds, int has_relu, int threads);
