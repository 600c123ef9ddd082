// Convolutions as GEMMs of packed panels whose sums run over the taps of their windows, and their
// gradients: by multiply-adds or, where the processor gains by it, by Winograd's inner product
// (arch/x86/f32_wip_8x32.h).
//
// Images are in either order. Each pixel is scaled and computed by itself, so those of a result
// depend neither on the number of images nor on that of threads. Those of a filter gradient are
// sums over blocks of pixels, in an order that depends on both.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "kernels_cpu.h"
#include "kernels_image.h"

// Pixels (y · stride_y - top + r, x · stride_x - left + s) of an image make up pixel (y, x) of the
// result.
typedef struct {
  trompe_image x, y;
  int64_t r, s, stride_y, stride_x, top, left;
} trompe_window;

// Bytes of packed filters.
size_t trompe_gemm_conv_filter_bytes(const trompe_window *window, int is_bwd_data);
// From filters [k, r, s, c], each multiplied with its scale, if that is not NULL. `is_bwd_data`:
// those of the input gradient, which has as many results (c) as the filter has channels, and reads
// its k results.
void trompe_gemm_conv_pack_filter(
    const trompe_window *window, const float *filter, const float *scale, int is_bwd_data,
    float *packed, trompe_cpu cpu);
// Whether packed filters of one are those of the other.
int trompe_gemm_conv_same_filter(const trompe_window *a, const trompe_window *b, int is_bwd_data);

// The result of packed filters, and its epilogue: y = x * filter, or, with `is_bwd_data`, the
// gradient in x of the cotangent of y.
size_t trompe_gemm_conv_scratch_bytes(const trompe_window *window, int is_bwd_data, trompe_cpu cpu);
void trompe_gemm_conv_run(
    const trompe_window *window, int is_bwd_data, const trompe_conv_operands *operands,
    trompe_cpu cpu);

// The same with filters as they are, each multiplied with its scale, if that is not NULL, which are
// packed and used at once: where there are so few pixels that threads share the channels.
int trompe_gemm_conv_takes_plain_filter(const trompe_window *window, int is_bwd_data, int threads);
void trompe_gemm_conv_run_plain(
    const trompe_window *window, int is_bwd_data, const trompe_conv_operands *operands,
    trompe_cpu cpu);

// The filter gradient [k, r, s, c] from x and the cotangent of y.
size_t trompe_gemm_bwd_weights_scratch_bytes(const trompe_window *window, trompe_cpu cpu);
void trompe_gemm_bwd_weights(
    const trompe_window *window, const trompe_bwd_weights_operands *operands, trompe_cpu cpu);
