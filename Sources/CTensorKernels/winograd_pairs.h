// Minimal filtering whose products are by pairs, where those are here: what winograd.c has in another
// order. Images of `c` channels, results of `k`.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "kernels_image.h"
#include "kernels_pairs.h"

size_t trompe_winograd_pairs_filter_bytes(int64_t c, int64_t k);
void trompe_winograd_pairs_read_filter(
    const float *filter, const float *scale, int64_t c, int64_t k, int turned, float *u, int threads);

// Of filters that are packed, or, `is_plain`, are not: where threads share the results.
int trompe_winograd_pairs_shares_results(
    const trompe_image *x, const trompe_image *y, int threads);
size_t trompe_winograd_pairs_scratch_bytes(
    const trompe_image *x, const trompe_image *y, int is_plain, int threads);
void trompe_winograd_pairs_convolve(
    const trompe_image *x, const float *from, const float *u, const trompe_image *y,
    const trompe_epilogue *after, float *to, void *scratch, int threads);
void trompe_winograd_pairs_convolve_plain(
    const trompe_image *x, const float *from, const float *filter, const float *scale, int turned,
    const trompe_image *y, const trompe_epilogue *after, float *to, void *scratch, int threads);

size_t trompe_winograd_pairs_gradient_scratch_bytes(
    const trompe_image *x, const trompe_image *y, int threads);
void trompe_winograd_pairs_filter_gradient(
    const trompe_image *x, const float *from, const trompe_image *y, const float *cotangent,
    float *filter, void *scratch, int threads);
