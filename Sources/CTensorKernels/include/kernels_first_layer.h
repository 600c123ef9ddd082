// Convolutions of images of few channels, and their filter gradients, by GEMMs of packed panels
// (kernels_gemm_conv.h). A row of a window is so many contiguous floats: the first 16 are read
// where they are, if there are as many, and the rest of all rows is gathered.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "kernels_cpu.h"
#include "kernels_gemm_conv.h"
#include "kernels_image.h"

// Whether a window's rows are of at most 31 floats, and there are few enough of them.
int trompe_first_layer_fits(const trompe_window *window);

// From filters [k, r, s, c], each multiplied with its scale, if that is not NULL.
size_t trompe_first_layer_filter_bytes(const trompe_window *window);
void trompe_first_layer_pack_filter(
    const trompe_window *window, const float *filter, const float *scale, float *packed,
    trompe_cpu cpu);

// y = x * filter, and bias, residual and ReLU after it: masks and sums are of gradients in images.
size_t trompe_first_layer_scratch_bytes(const trompe_window *window, int threads);
void trompe_first_layer_run(
    const trompe_window *window, const trompe_conv_operands *operands, trompe_cpu cpu);

// The filter gradient [k, r, s, c] from x and the cotangent of y.
size_t trompe_first_layer_bwd_weights_scratch_bytes(const trompe_window *window, int threads);
void trompe_first_layer_bwd_weights(
    const trompe_window *window, const trompe_bwd_weights_operands *operands, trompe_cpu cpu);
