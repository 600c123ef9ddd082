// The inner loops of one instruction set.
#pragma once

#include <stdint.h>

#include "kernels_cpu.h"
#include "kernels_image.h"
#include "kernels_optimizer.h"
#include "kernels_pointwise.h"
#include "kernels_pooling.h"
#include "kernels_winograd.h"

// Blocks of filters that are packed together.
enum { PACKED_BLOCKS = 4 };

// Blocks of columns that any kernel multiplies at once, at most.
enum { COLUMN_BLOCKS_MAX = 3 };

// Floats between the values of one point of minimal filtering and those of the next, of tiles, and of
// blocks of 16 channels.
typedef struct {
  int64_t plane, tile, block;
} trompe_values;

// What is asked for while sums are made, for those that follow.
typedef struct {
  // Packed next: `lines` of the cache, of 16 pixels each, from the `first` block of their channels on.
  const trompe_pixel *pixels;
  int64_t first, lines;
  // Written next, and read with that: 16 pixels of the result, so many floats behind those of this call, or
  // NULL.
  const int64_t *results;
  int64_t distance;
} trompe_next_pixels;
// Packed next: lines of pixels of one block.
typedef struct {
  const float *image;
  const int64_t *offsets;
  int64_t lines;
} trompe_next_columns;

// Packed rows or columns, what is taken off each, and what undoes its scale. Kernels are given addresses of these
// and of the next: a copy of what was just written waits until it is in the cache.
typedef struct {
  const float *values, *products, *inverses;
} trompe_packed;

// Blocks of 16 columns that are multiplied at once, and floats from what belongs to one of them to what
// belongs to the next: of packed values, of what is taken off and of inverses, and of results.
typedef struct {
  int64_t count, values, products, results;
} trompe_column_blocks;

struct trompe_kernels {
  const char *name;
  trompe_level level;
  int has_wide_vectors;
  int has_inner_product;  // products are by Winograd's inner product
  // Non-temporal stores are as fast as others: a property of the processor, not of these kernels.
  int has_fast_nontemporal;
  // Blocks of 16 columns at once, and at most; several of them of so many blocks of steps before other rows: the
  // columns stay in the first-level cache then. Results do not depend on any of them.
  int64_t nr_blocks, nr_blocks_max, kc_blocks;
  void (*unary[TROMPE_SIGMOID - TROMPE_COPY + 1])(float *, const float *, int64_t);
  void (*binary[TROMPE_IS_EQUAL - TROMPE_ADD + 1])(float *, const float *, const float *, int64_t);
  void (*select)(float *, const float *, const float *, const float *, int64_t);
  void (*splat)(float *, float, int64_t);
  void (*to_bf16)(uint16_t *, const float *, int64_t);
  void (*from_bf16)(float *, const uint16_t *, int64_t);
  float (*sum)(const float *, int64_t);
  void (*add_rows)(float *, const float *, int64_t, int64_t);
  void (*add_columns)(float *, int64_t, const float *, int64_t, int64_t);
  void (*repeat_row)(float *, const float *, int64_t, int64_t);
  float (*largest)(const float *, int64_t);
  float (*smallest)(const float *, int64_t);
  void (*pool_max_row)(const trompe_pool *, const float *, float *, uint8_t *, int64_t, int64_t);
  void (*pool_select_row)(
      const trompe_pool *, const float *, const uint8_t *, float *, int64_t, int64_t);
  void (*pool_scatter_image)(const trompe_pool *, const float *, const uint8_t *, float *, int64_t);
  void (*pool_average_row)(const trompe_pool *, int, const float *, float *, int64_t, int64_t);
  void (*pool_average_gradient_image)(const trompe_pool *, int, const float *, float *, int64_t);
  void (*adam)(
      const trompe_adam *, float, float, int64_t, float *, const float *, float *, float *);
  void (*sgd)(const trompe_sgd *, int64_t, float *, const float *, float *);
  // NULL where vectors are not wide enough for it to pay.
  void (*winograd_read_image)(
      const trompe_image *, const float *, int64_t, int64_t, int64_t, int64_t, const float *,
      const float *, float *, const trompe_values *);
  void (*winograd_read_cotangent)(
      const trompe_image *, const float *, int64_t, int64_t, int64_t, int64_t, const float *,
      const float *, float *, const trompe_values *);
  void (*winograd_write_image)(
      const trompe_image *, const trompe_epilogue *, float *, int64_t, int64_t, int64_t, int64_t,
      const float *, const trompe_values *, const float *, const float *);
  void (*winograd_accumulate)(
      const float *, const float *, float *, int64_t, int64_t, int64_t);
  void (*winograd_write_filter)(const float *, int64_t, int64_t, int64_t, float *);
  void (*winograd_sum_filter)(
      const float *, int64_t, const float *, int64_t, int64_t, int64_t, int64_t, int64_t, float *);
  void (*rows_dot)(
      int64_t, int64_t, int64_t, const float *, const float *, float *, int64_t, int64_t);
  void (*rows_combine)(
      int64_t, int64_t, int64_t, const float *, const float *, float *, int64_t, int64_t);
  void (*rows_outer)(
      int64_t, int64_t, int64_t, const float *, const float *, float *, int64_t, int64_t);
  void (*packed_read_rows)(
      const trompe_pixel *, int64_t, int64_t, float *, float *, float *);
  void (*packed_read_columns)(
      const float *, const int64_t *, int64_t, int, float *, float *, float *);
  void (*packed_read_filter)(
      const float *, const int64_t *, int64_t, int64_t, int64_t, int64_t, const float *, int64_t,
      float *, float *, float *);
  void (*packed_sum_pixels)(
      const trompe_packed *, const trompe_packed *, const trompe_column_blocks *, int64_t, int,
      float *);
  void (*packed_write_pixels)(
      const trompe_packed *, const trompe_packed *, const trompe_column_blocks *, int64_t,
      const float *, const trompe_epilogue *, float *, const int64_t *, int64_t, const trompe_next_pixels *);
  void (*packed_write_filter)(
      const trompe_packed *, const trompe_packed *, const trompe_column_blocks *, int64_t,
      const float *, int64_t, float *, int64_t, const trompe_next_columns *);
  void (*winograd_packed_read_image)(
      const trompe_image *, const float *, int64_t, int64_t, float *, int64_t);
  void (*winograd_packed_scale_filter)(
      const float *, const float *, int64_t, int64_t, int64_t, int, int64_t, float *);
  void (*winograd_packed_read_filter)(
      const float *, const float *, int64_t, int64_t, int64_t, int, int64_t, float *, int64_t,
      const float *, int);
  void (*winograd_packed_read_columns)(
      const trompe_image *, const float *, int64_t, int64_t, int64_t, int, float *, int64_t);
  void (*winograd_packed_multiply)(
      const float *, int64_t, int64_t, const float *, const trompe_column_blocks *, const float *,
      int64_t, int64_t, int64_t, float *, int64_t);
};
