// Results that do not stay in the third-level cache until they are read: written past the caches, they need not
// be read from memory before.
#pragma once

#include <stdint.h>

#include "isa/table.h"

enum { TROMPE_FAR_BYTES = 8 << 20 };

// Whether an image is such a result, and made of whole lines.
static inline int trompe_is_far(
    const trompe_kernels *kernels, const trompe_image *s, const float *to) {
  return kernels->has_wide_vectors && kernels->has_fast_nontemporal && (uintptr_t)to % 64 == 0 &&
         s->n * s->h * s->w * s->c * (int64_t)sizeof(float) >= TROMPE_FAR_BYTES;
}

// What this thread has written so is there for the others afterwards.
static inline void trompe_finish_far(void) {
#if defined(__x86_64__)
  __builtin_ia32_sfence();
#endif
}
