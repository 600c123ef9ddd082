// Non-temporal stores for results that do not stay in the third-level cache until they are read:
// their lines need not be read from memory before.
#pragma once

#include <stdint.h>

#include "arch/kernel_table.h"

enum { TROMPE_NONTEMPORAL_BYTES = 8 << 20 };

// Whether an image is such a result, and made of whole lines.
static inline int trompe_is_nontemporal(
    const trompe_kernels *kernels, const trompe_image *s, const float *to) {
  return kernels->has_wide_vectors && kernels->has_fast_nontemporal && (uintptr_t)to % 64 == 0 &&
         s->n * s->h * s->w * s->c * (int64_t)sizeof(float) >= TROMPE_NONTEMPORAL_BYTES;
}

// What this thread has stored so is visible to the others afterwards.
static inline void trompe_fence_nontemporal(void) {
#if defined(__x86_64__)
  __builtin_ia32_sfence();
#endif
}
