// What minimal filtering has in common forward and in gradients: the points of a tile.
#pragma once

#include <stdint.h>

#include "isa/table.h"
#include "kernels_winograd.h"

enum { POINTS = 36, BLOCK = 16 };

static inline int64_t tile_count(const trompe_image *s) {
  return trompe_winograd_tile_count(s->n, s->h, s->w);
}
