// The input gradient of an image of few channels as a convolution of the cotangent whose results
// are squares of 2x2 pixels (space to depth): their channels fill a vector of 16.
#pragma once

#include "kernels_convolution.h"

// Whether this is such a gradient.
int trompe_space_to_depth_fits(const trompe_convolution_shape *gradient);
// The convolution that is done instead, and its filter, OHWI, from that of the gradient, times a
// scale for each of its k if that is not NULL.
trompe_convolution_shape trompe_space_to_depth_shape(const trompe_convolution_shape *gradient);
void trompe_space_to_depth_filter(
    const trompe_convolution_shape *gradient, const float *filter, const float *scale, float *to);
// Depth to space: the image from its squares.
void trompe_depth_to_space(
    const trompe_convolution_shape *gradient, const float *squares, float *image, int threads);
