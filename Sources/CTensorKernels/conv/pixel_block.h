// Blocks of KC pixels in the filter gradient, over which sums do not leave the registers.
#pragma once

#include <stdint.h>

#include "arch/kernel_table.h"

// 16 channels of a block: a panel whose steps are pixels, its correction terms and inverse scales.
enum {
  KC_PIXELS = 128,
  CORRECTIONS = 16 * KC_PIXELS,
  INVERSE_SCALES = CORRECTIONS + 16,
  BLOCK_FLOATS = INVERSE_SCALES + 16,
};

// The panel of a block of channels.
static inline trompe_panel panel_at(const float *packed, int64_t block) {
  const float *values = packed + block * BLOCK_FLOATS;
  return (trompe_panel){values, values + CORRECTIONS, values + INVERSE_SCALES};
}
