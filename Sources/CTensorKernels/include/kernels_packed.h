// Convolutions as products of packed matrices whose sums run over the points of their windows, and their
// gradients; where the processor gains by it, by Winograd's inner product: 11 multiplications for 16 steps of a
// sum, and additions that other units of the processor do at the same time. S. Winograd, "A new algorithm for
// inner product", IEEE Transactions on Computers C-17 (1968), 693; in hardware of its own: Pogue and Nicolici
// 2023, https://arxiv.org/abs/2311.12224
//
// Images stand in either order. Each pixel is scaled and computed by itself, so those of a result depend
// neither on the number of images nor on that of threads. Those of a filter's gradient are sums over
// parts of the pixels, in an order that depends on both.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "kernels_cpu.h"
#include "kernels_image.h"

// Pixels (y · stride_y - top + r, x · stride_x - left + s) of an image make up pixel (y, x) of the result.
typedef struct {
  trompe_image x, y;
  int64_t r, s, stride_y, stride_x, top, left;
} trompe_window;

// Bytes of packed filters.
size_t trompe_packed_filter_bytes(const trompe_window *window, int to_image);
// From filters [k, r, s, c], each multiplied with its scale, if that is not NULL. `to_image`: those of the
// gradient in the image, which has as many results (c) as the filter has channels, and reads its k results.
void trompe_packed_read_filter(
    const trompe_window *window, const float *filter, const float *scale, int to_image,
    float *packed, trompe_cpu cpu);
// Whether packed filters of one are those of the other.
int trompe_packed_same_filter(
    const trompe_window *a, const trompe_window *b, int to_image);

// The result of packed filters, and what comes after it: y = x * filter, or, with `to_image`, the gradient in
// x of the cotangent of y.
size_t trompe_packed_scratch_bytes(const trompe_window *window, int to_image, trompe_cpu cpu);
void trompe_packed_convolve(
    const trompe_window *window, int to_image, const float *from, const float *packed,
    const trompe_epilogue *after, float *to, void *scratch, trompe_cpu cpu);

// The same with filters as they are, each multiplied with its scale, if that is not NULL, which are packed
// and used at once: where there are so few pixels that threads share the channels.
int trompe_packed_takes_plain_filters(
    const trompe_window *window, int to_image, int threads);
void trompe_packed_convolve_plain(
    const trompe_window *window, int to_image, const float *from, const float *filter,
    const float *scale, const trompe_epilogue *after, float *to, void *scratch, trompe_cpu cpu);

// The gradient in the filter [k, r, s, c] from x and the cotangent of y.
size_t trompe_packed_gradient_scratch_bytes(const trompe_window *window, trompe_cpu cpu);
void trompe_packed_filter_gradient(
    const trompe_window *window, const float *x, const float *cotangent, float *filter,
    void *scratch, trompe_cpu cpu);
