// What the CPU executor runs: oneDNN behind a shim that hides its version, and our own kernels.
#pragma once

#include "kernels_convolution.h"
#include "kernels_cpu.h"
#include "kernels_depthwise.h"
#include "kernels_finite.h"
#include "kernels_first_layer.h"
#include "kernels_gemm_conv.h"
#include "kernels_image.h"
#include "kernels_layout.h"
#include "kernels_matrix.h"
#include "kernels_optimizer.h"
#include "kernels_pointwise.h"
#include "kernels_pooling.h"
#include "kernels_reorder.h"
#include "kernels_threads.h"
#include "kernels_winograd.h"
