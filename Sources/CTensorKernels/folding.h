// The gradient in an image of few channels (a photograph's three) as a convolution of the cotangent whose
// results are squares of 2x2 pixels: their channels fill a vector of 16.
#pragma once

#include "kernels_convolution.h"

// Whether this is such a gradient.
int trompe_folds(const trompe_convolution_shape *gradient);
// The convolution that is done instead, and its filter, OHWI, from that of the gradient, times a scale for
// each of its k if that is not NULL.
trompe_convolution_shape trompe_folded_shape(const trompe_convolution_shape *gradient);
void trompe_fold_filter(
    const trompe_convolution_shape *gradient, const float *filter, const float *scale, float *folded);
// The image from its squares.
void trompe_unfold_image(
    const trompe_convolution_shape *gradient, const float *squares, float *image, int threads);
