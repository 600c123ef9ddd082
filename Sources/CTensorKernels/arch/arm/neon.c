// Kernels of NEON: 32 registers of 4 floats, products by multiply-adds.
#if defined(__aarch64__)
#include <arm_neon.h>

#define SUFFIX neon
#define LEVEL TROMPE_NEON
#define LANE_COUNT 4
#define HAS_NEON
#define HAS_OWN_CONVOLUTIONS
#include "ukernels/ukernels.h"
#endif
