// What minimal filtering has in common forward and in gradients: the points of a tile, and filters whose values
// are read block by block of 16 results.
#pragma once

#include <stdint.h>

#include "isa/table.h"
#include "kernels_winograd.h"

enum { POINTS = 36, BLOCK = 16 };

static inline int64_t tile_count(const trompe_image *s) {
  return trompe_winograd_tile_count(s->n, s->h, s->w);
}

typedef struct {
  const KernelTable *kernels;
  const float *filter, *scale;
  int64_t c, k;
  int turned;
  float *u;
} FilterCall;

// Of the convolution that is done: turned, results and channels change places.
static inline int64_t result_count(const FilterCall *call) {
  return call->turned ? call->c : call->k;
}
static inline int64_t channel_count(const FilterCall *call) {
  return call->turned ? call->k : call->c;
}
static inline int64_t result_step(const FilterCall *call) { return call->turned ? 1 : 9 * call->c; }
static inline int64_t channel_step(const FilterCall *call) { return call->turned ? 9 * call->c : 1; }

static inline const float *filter_block(const FilterCall *call, int64_t b) {
  return call->filter + b * BLOCK * result_step(call);
}
// Filters are the results, or the channels.
static inline const float *scale_block(const FilterCall *call, int64_t b) {
  return call->scale && !call->turned ? call->scale + b * BLOCK : call->scale;
}
