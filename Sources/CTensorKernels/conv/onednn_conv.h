// A convolution by a primitive of oneDNN.
#pragma once

#include "kernels_convolution.h"

// Filters, each multiplied by its scale, if that is not NULL.
void trompe_scale_filter(
    const trompe_convolution_shape *shape, const float *from, const float *scale, float *to);

typedef struct trompe_onednn_conv trompe_onednn_conv;

// NULL on failure, with the reason in `message`.
trompe_onednn_conv *trompe_onednn_conv_create(
    const trompe_convolution_shape *shape, char *message, size_t message_size);
void trompe_onednn_conv_destroy(trompe_onednn_conv *conv);

const char *trompe_onednn_conv_name(const trompe_onednn_conv *conv);
int trompe_onednn_conv_is_winograd(const trompe_onednn_conv *conv);
size_t trompe_onednn_conv_scratch_bytes(const trompe_onednn_conv *conv);
size_t trompe_onednn_conv_filter_bytes(const trompe_onednn_conv *conv);
int trompe_onednn_conv_filter_is_plain(const trompe_onednn_conv *conv);
int trompe_onednn_conv_same_filter(const trompe_onednn_conv *a, const trompe_onednn_conv *b);
size_t trompe_onednn_conv_scaling_bytes(const trompe_onednn_conv *conv);
int trompe_onednn_conv_reorder_filter(
    const trompe_onednn_conv *conv, const void *from, const float *scale, void *to, void *scratch);
int trompe_onednn_conv_run(
    const trompe_onednn_conv *conv, void *x, void *filter, const trompe_epilogue *after, void *y,
    void *scratch);
