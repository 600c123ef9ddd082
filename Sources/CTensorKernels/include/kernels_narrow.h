// Convolutions of images of a few channels (a photograph), and their gradients in the filter, by products of
// packed matrices (kernels_packed.h). A row of a window is so many floats that stand next to each other: the
// first 16 are read where they are, if there are as many, and the others of all rows are brought together.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "kernels_cpu.h"
#include "kernels_image.h"
#include "kernels_packed.h"

// Whether a window's rows are of at most 31 floats, and there are few enough of them.
int trompe_narrow_fits(const trompe_window *window);

// From filters [k, r, s, c], each multiplied with its scale, if that is not NULL.
size_t trompe_narrow_filter_bytes(const trompe_window *window);
void trompe_narrow_read_filter(
    const trompe_window *window, const float *filter, const float *scale, float *packed, trompe_cpu cpu);

// y = x * filter, and bias, residual and ReLU after it: masks and sums are of gradients in images.
size_t trompe_narrow_scratch_bytes(const trompe_window *window, int threads);
void trompe_narrow_convolve(
    const trompe_window *window, const float *x, const float *packed,
    const trompe_epilogue *after, float *y, void *scratch, trompe_cpu cpu);

// The gradient in the filter [k, r, s, c] from x and the cotangent of y.
size_t trompe_narrow_gradient_scratch_bytes(const trompe_window *window, int threads);
void trompe_narrow_filter_gradient(
    const trompe_window *window, const float *x, const float *cotangent, float *filter,
    void *scratch, trompe_cpu cpu);
