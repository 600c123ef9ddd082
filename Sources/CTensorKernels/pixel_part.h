// A part of the pixels in the gradient in a filter, over which sums do not leave a register.
#pragma once

#include <stdint.h>

#include "isa/table.h"

// 16 channels of a part are packed as steps, what is taken off, and what undoes the scale.
enum {
  PART_PIXELS = 128,
  PRODUCTS = 16 * PART_PIXELS,
  INVERSES = PRODUCTS + 16,
  BLOCK_FLOATS = INVERSES + 16,
};

// One of the packed blocks of channels.
static inline trompe_packed packed_at(const float *packed, int64_t block) {
  const float *values = packed + block * BLOCK_FLOATS;
  return (trompe_packed){values, values + PRODUCTS, values + INVERSES};
}
