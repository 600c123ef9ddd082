// Depthwise convolutions: one filter for each channel. Channels are whole blocks of 16.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "kernels_cpu.h"
#include "kernels_gemm_conv.h"
#include "kernels_image.h"

// Taps that pixels in a row share, and floats from one to the next: of what is read, of the packed
// filter, and of pixels that follow each other, read and written.
typedef struct {
  int64_t rows, columns;
  int64_t from_row, from_column, filter_row, filter_column;
  int64_t from_step, to_step;
} trompe_depthwise_taps;

// What is done to 16 sums of a pixel: pointers to the block's own, images at their first pixel.
typedef struct {
  const float *bias, *residual, *mask;
  float *sums;
  int has_relu;
  float relu_limit;
} trompe_depthwise_ends;

size_t trompe_depthwise_filter_bytes(const trompe_window *window);
// Filters [channels, rows, columns], each times its scale if that is not NULL, become
// [channels / 16, rows, columns, 16].
void trompe_depthwise_pack_filter(
    const trompe_window *window, const float *from, const float *scale, float *to);

size_t trompe_depthwise_scratch_bytes(const trompe_window *window, int is_bwd_data);
void trompe_depthwise_run(
    const trompe_window *window, int is_bwd_data, const trompe_conv_operands *operands,
    trompe_cpu cpu);

size_t trompe_depthwise_bwd_weights_scratch_bytes(const trompe_window *window);
void trompe_depthwise_bwd_weights(
    const trompe_window *window, const trompe_bwd_weights_operands *operands, trompe_cpu cpu);
