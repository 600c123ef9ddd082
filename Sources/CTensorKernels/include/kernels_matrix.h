// Products of matrices.
#pragma once

#include <stdint.h>

#include "kernels_cpu.h"

// C [M, N] = op(A) · op(B), row-major. Products of a few rows and a matrix, and with `is_batch_invariant`
// of any rows, are made by kernels of our own: threads share their work, and a row of the result depends
// neither on them nor on how many rows there are. The others are oneDNN's and use its pool.
int trompe_matrix_product(
    int transposes_a, int transposes_b, int64_t m, int64_t n, int64_t k, const float *a,
    const float *b, float *c, int is_batch_invariant, trompe_cpu cpu);
