// Convolutions with 1x1 windows and their gradients by Winograd's inner product: 11 multiplications for
// 16 steps of a sum, and additions that other units of the processor do at the same time. S. Winograd,
// "A new algorithm for inner product", IEEE Transactions on Computers C-17 (1968), 693; in hardware of
// its own: Pogue and Nicolici 2023, https://arxiv.org/abs/2311.12224
//
// Images stand in either order. Each pixel is scaled and computed by itself, so those of a result depend
// neither on the number of images nor on that of threads. Those of a filter's gradient are sums over
// parts of the pixels, in an order that depends on both.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "kernels_image.h"

// Whether this processor adds and multiplies in different units, by vectors that are wide enough.
int trompe_pairs_are_here(void);

// Bytes of k filters of c channels, packed.
size_t trompe_pairs_filter_bytes(int64_t c, int64_t k);
// From filters [k, c]. `turned`: those of the input gradient, which has as many results (c) as the
// filter has channels, and reads its k results.
void trompe_pairs_read_filter(
    const float *filter, int64_t c, int64_t k, int turned, float *packed, int threads);

// y = x * filter, or the gradient in the image, for which filters are turned.
size_t trompe_pairs_scratch_bytes(const trompe_image *x, int threads);
void trompe_pairs_convolve(
    const trompe_image *x, const float *from, const float *packed, const trompe_image *y,
    const trompe_epilogue *after, float *to, void *scratch, int threads);

// The gradient in the filter [k, c] from x and the cotangent of y.
size_t trompe_pairs_gradient_scratch_bytes(
    const trompe_image *x, const trompe_image *y, int threads);
void trompe_pairs_filter_gradient(
    const trompe_image *x, const float *from, const trompe_image *y, const float *cotangent,
    float *filter, void *scratch, int threads);
