// Convolutions with 3x3 windows, stride 1 and a border of 1 by Winograd F(4x4, 3x3), and their
// gradients: 36 multiplications for 16 pixels instead of 144. Lavin and Gray 2016,
// https://arxiv.org/abs/1509.09308
//
// Images stand in either order; channels are whole blocks of 16. Each tile is computed by itself,
// so the pixels of a result depend neither on the number of images nor on that of threads. Those of
// a filter's gradient are sums over tiles, in an order that depends on both.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "kernels_cpu.h"
#include "kernels_image.h"

// With as many, the gradient in a large filter is computed at once from the values of all tiles.
enum { TROMPE_WINOGRAD_FEW_TILES = 48 };

static inline int64_t trompe_winograd_tile_count(int64_t n, int64_t h, int64_t w) {
  return n * ((h + 3) / 4) * ((w + 3) / 4);
}

// Bytes of the packed elements of k filters of c channels, for the convolution or, `is_bwd_data`,
// its input gradient.
size_t trompe_winograd_filter_bytes(int64_t c, int64_t k, int is_bwd_data);
// From filters OHWI, each multiplied with its scale, if that is not NULL. `is_bwd_data`: those of
// the input gradient, which has as many results (c) as the filter has channels, and reads its k
// results.
typedef struct {
  const float *values, *scale;
  int64_t c, k;
  int is_bwd_data;
} trompe_winograd_filter;
void trompe_winograd_pack_filter(const trompe_winograd_filter *filter, float *u, trompe_cpu cpu);

// y = x * filter, the values of the filter for x's channels and y's.
size_t trompe_winograd_scratch_bytes(const trompe_image *x, const trompe_image *y, trompe_cpu cpu);
void trompe_winograd_run(
    const trompe_image *x, const trompe_image *y, const trompe_conv_operands *operands,
    trompe_cpu cpu);

// The same with filters OHWI as they are, each multiplied with its scale, if that is not NULL,
// which are packed and used at once: where there are few tiles, and filters change so often that
// packing them before would not be worth it.
int trompe_winograd_takes_plain_filter(const trompe_image *x, const trompe_image *y, int threads);
size_t trompe_winograd_plain_scratch_bytes(
    const trompe_image *x, const trompe_image *y, trompe_cpu cpu);
void trompe_winograd_run_plain(
    const trompe_image *x, const trompe_image *y, int is_bwd_data,
    const trompe_conv_operands *operands, trompe_cpu cpu);

// Whether a filter gradient is of so many channels that its tiles are packed.
int trompe_winograd_bwd_weights_uses_gemm(int64_t c, int64_t k, trompe_cpu cpu);
// The filter gradient, OHWI, from x and the cotangent of y.
size_t trompe_winograd_bwd_weights_scratch_bytes(
    const trompe_image *x, const trompe_image *y, trompe_cpu cpu);
void trompe_winograd_bwd_weights(
    const trompe_image *x, const trompe_image *y, const trompe_bwd_weights_operands *operands,
    trompe_cpu cpu);
