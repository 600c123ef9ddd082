// A convolution by our own kernels.
#pragma once

#include "kernels_convolution.h"

typedef struct trompe_own_conv trompe_own_conv;

// NULL if another way is faster.
trompe_own_conv *trompe_own_conv_create(const trompe_convolution_shape *shape);
void trompe_own_conv_destroy(trompe_own_conv *conv);

const char *trompe_own_conv_name(const trompe_own_conv *conv);
int trompe_own_conv_is_winograd(const trompe_own_conv *conv);
size_t trompe_own_conv_scratch_bytes(const trompe_own_conv *conv);
size_t trompe_own_conv_filter_bytes(const trompe_own_conv *conv);
// Filters are read OHWI, packed and multiplied at once.
int trompe_own_conv_takes_plain_filter(const trompe_own_conv *conv);
int trompe_own_conv_same_filter(const trompe_own_conv *a, const trompe_own_conv *b);
void trompe_own_conv_pack_filter(
    const trompe_own_conv *conv, const float *from, const float *scale, float *to);
void trompe_own_conv_run(
    const trompe_own_conv *conv, const trompe_convolution_buffers *buffers,
    const trompe_epilogue *after);
