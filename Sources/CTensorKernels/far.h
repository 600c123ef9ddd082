// Results that do not stay in the third-level cache until they are read: written past the caches, they need not
// be read from memory before.
#pragma once

#include <stdint.h>

#include "kernels_image.h"
#include "kernels_pointwise.h"

enum { TROMPE_FAR_BYTES = 8 << 20 };

// Whether an image is such a result, and made of whole lines.
static inline int trompe_is_far(const trompe_image *s, const float *to) {
  return trompe_has_wide_vectors() && trompe_far_pays() && (uintptr_t)to % 64 == 0 &&
         s->n * s->h * s->w * s->c * (int64_t)sizeof(float) >= TROMPE_FAR_BYTES;
}

// What this thread has written so is there for the others afterwards.
static inline void trompe_finish_far(void) {
#if defined(__x86_64__)
  __builtin_ia32_sfence();
#endif
}
