// What an AArch64 processor can do: all of them have NEON (Advanced SIMD).
#if defined(__aarch64__)
#include "arch/kernel_table.h"

uint32_t trompe_features_here(void) { return TROMPE_HAS_NEON; }
#endif
