// Kernels of AVX2: 16 registers of 8 floats, products by multiply-adds.
#if defined(__x86_64__)
#include "arch/kernel_table.h"
#include "arch/x86/targets.h"
#include "conv/filter_taps.h"
#include "conv/nontemporal.h"
#include "ukernels/extremes.h"

#pragma clang attribute push(__attribute__((target(TROMPE_TARGET_AVX2))), apply_to = function)
#define SUFFIX avx2
#define LEVEL TROMPE_AVX2
#define HAS_OWN_CONVOLUTIONS
#include "ukernels/ukernels.h"
#pragma clang attribute pop
#endif
