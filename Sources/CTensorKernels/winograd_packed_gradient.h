// The gradient in a filter of many channels by minimal filtering.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "kernels_cpu.h"
#include "kernels_image.h"

size_t trompe_winograd_packed_gradient_scratch_bytes(
    const trompe_image *x, const trompe_image *y, trompe_cpu cpu);
void trompe_winograd_packed_filter_gradient(
    const trompe_image *x, const float *from, const trompe_image *y, const float *cotangent,
    float *filter, void *scratch, trompe_cpu cpu);
