// Images between NHWC and the order NChw16c, in which 16 channels of all pixels follow each other:
// what oneDNN's Winograd convolutions read and write.
#pragma once

#include <stdint.h>

enum { TROMPE_CHANNEL_BLOCK = 16 };

// NHWC to NChw16c. `channels` is a multiple of the block.
void trompe_block_channels(
    int64_t images, int64_t pixels, int64_t channels, const float *from, float *to, int threads);

// NChw16c to NHWC; adds what stood in `to` if `adds`, and cuts at 0 below if `has_relu`.
void trompe_unblock_channels(
    int64_t images, int64_t pixels, int64_t channels, const float *from, float *to, int adds,
    int has_relu, int threads);
