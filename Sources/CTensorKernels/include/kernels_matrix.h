// Products of matrices.
#pragma once

#include <stdint.h>

// C [M, N] = op(A) · op(B), row-major. `threads` divide the work; results do not depend on them.
int trompe_matrix_product(
    int transposes_a, int transposes_b, int64_t m, int64_t n, int64_t k, const float *a,
    const float *b, float *c, int threads);
