// Winograd F(4x4, 3x3), forward and in gradients: the elements of a tile.
#pragma once

#include <stdint.h>

#include "arch/kernel_table.h"
#include "kernels_winograd.h"

enum { ELEMENTS = 36, BLOCK = 16 };

static inline int64_t tile_count(const trompe_image *s) {
  return trompe_winograd_tile_count(s->n, s->h, s->w);
}
