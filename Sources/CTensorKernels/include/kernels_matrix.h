// Products of matrices.
#pragma once

#include <stdint.h>

#include "kernels_cpu.h"

// C [M, N] = op(A) · op(B), row-major. Products of a few rows and a matrix, and with
// `is_batch_invariant` of any rows, are made by kernels of our own: threads share their work, and a
// row of the result depends neither on them nor on how many rows there are. The others are oneDNN's
// and use its pool.
typedef struct {
  int transposes_a, transposes_b;
  int64_t m, n, k;
  int is_batch_invariant;
} trompe_matrix_shape;

int trompe_matrix_product(
    const trompe_matrix_shape *shape, const float *a, const float *b, float *c, trompe_cpu cpu);
