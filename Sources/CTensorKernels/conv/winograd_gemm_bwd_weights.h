// The filter gradient of many channels by Winograd F(4x4, 3x3).
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "kernels_cpu.h"
#include "kernels_image.h"

size_t trompe_winograd_gemm_bwd_weights_scratch_bytes(
    const trompe_image *x, const trompe_image *y, trompe_cpu cpu);
void trompe_winograd_gemm_bwd_weights(
    const trompe_image *x, const trompe_image *y, const trompe_bwd_weights_operands *operands,
    trompe_cpu cpu);
