// What the CPU executor runs: oneDNN behind a shim that hides its version, and our own kernels.
#pragma once

#include "kernels_blocking.h"
#include "kernels_convolution.h"
#include "kernels_cpu.h"
#include "kernels_finite.h"
#include "kernels_image.h"
#include "kernels_layout.h"
#include "kernels_matrix.h"
#include "kernels_narrow.h"
#include "kernels_optimizer.h"
#include "kernels_packed.h"
#include "kernels_pointwise.h"
#include "kernels_pooling.h"
#include "kernels_threads.h"
#include "kernels_winograd.h"
