// Products of matrices.
#pragma once

#include <stdint.h>

// C [M, N] = op(A) · op(B), row-major. Products of a few rows and a large matrix divide their work
// between `threads`, on which results do not depend; the others are oneDNN's and use its pool.
int trompe_matrix_product(
    int transposes_a, int transposes_b, int64_t m, int64_t n, int64_t k, const float *a,
    const float *b, float *c, int threads);
