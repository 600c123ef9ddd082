// Pooling over NHWC images.
#pragma once

#include <stdint.h>

#include "kernels_cpu.h"

typedef struct {
  int64_t n, h, w, c, p, q;
  int64_t height, width, stride_y, stride_x, dilation_y, dilation_x, top, left;
} trompe_pool;

// The maximum of every window and which tap holds it (the first of equals). Either result may be
// NULL.
void trompe_max_pool(
    const trompe_pool *pool, const float *x, float *y, uint8_t *index, trompe_cpu cpu);
// y = x at the tap that index names.
void trompe_max_pool_select(
    const trompe_pool *pool, const float *x, const uint8_t *index, float *y, trompe_cpu cpu);
// dx = Σ dy over the windows whose index names the element.
void trompe_max_pool_scatter(
    const trompe_pool *pool, const float *dy, const uint8_t *index, float *dx, trompe_cpu cpu);
// Mean of every window; taps on padding count with `counts_padding`.
void trompe_average_pool(
    const trompe_pool *pool, int counts_padding, const float *x, float *y, trompe_cpu cpu);
void trompe_average_pool_gradient(
    const trompe_pool *pool, int counts_padding, const float *dy, float *dx, trompe_cpu cpu);
