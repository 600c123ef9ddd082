// Kernels of AVX-512, products by Winograd's inner product (f32_wip_8x32.h).
#if defined(__x86_64__)
#include "arch/kernel_table.h"
#include "arch/x86/targets.h"
#include "conv/filter_taps.h"
#include "conv/nontemporal.h"
#include "ukernels/extremes.h"

#pragma clang attribute push(__attribute__((target(TROMPE_TARGET_AVX512))), apply_to = function)
#define SUFFIX avx512_wip
#define LEVEL TROMPE_AVX512
#define HAS_OWN_CONVOLUTIONS
#define HAS_WIDE_VECTORS
#define HAS_FADD_PIPES
#include "ukernels/ukernels.h"
#pragma clang attribute pop
#endif
