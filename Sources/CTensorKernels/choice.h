// Which way to compute a convolution is the fastest.
#pragma once

#include "kernels_convolution.h"
#include "kernels_packed.h"

// Its images and window as our own kernels see them.
trompe_window trompe_window_of(const trompe_convolution_shape *shape);

// Winograd's minimal filtering by our own kernels; by oneDNN's primitive, if that is faster than plain
// sums. Products of packed matrices, by our own kernels; of images of a few channels.
int trompe_tiles_pay(const trompe_convolution_shape *shape);
int trompe_winograd_pays(const trompe_convolution_shape *shape);
int trompe_packed_pay(const trompe_convolution_shape *shape);
int trompe_narrow_pays(const trompe_convolution_shape *shape);
