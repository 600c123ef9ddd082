// Depthwise convolutions by our own kernels (include/kernels_depthwise.h).
#pragma once

#include "kernels_gemm_conv.h"

enum { TROMPE_DEPTHWISE_RUNS = 128 };

// Whether the window is small enough.
int trompe_depthwise_fits(const trompe_window *window);
