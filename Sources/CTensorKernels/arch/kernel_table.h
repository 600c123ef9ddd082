// The microkernels of one instruction set (NAMING.md).
#pragma once

#include <stdint.h>

#include "kernels_cpu.h"
#include "kernels_depthwise.h"
#include "kernels_image.h"
#include "kernels_optimizer.h"
#include "kernels_pointwise.h"
#include "kernels_pooling.h"
#include "kernels_winograd.h"

// Blocks of filters that are packed together.
enum { PACK_BLOCKS = 4 };

// B panels, of 16 columns each, that any microkernel multiplies at once, at most: its NR / 16.
enum { NR_BLOCKS_MAX = 3 };

// Floats between consecutive Winograd-domain elements, tiles, and blocks of 16 channels.
typedef struct {
  int64_t plane, tile, block;
} trompe_wino_layout;

// What is prefetched while sums are made, for those that follow.
typedef struct {
  // Packed next: `lines` of the cache, of 16 pixels each, from the `first` block of their channels
  // on.
  const trompe_pixel *pixels;
  int64_t first, lines;
  // Written next, and read with that: 16 pixels of the result, so many floats behind those of this
  // call, or NULL.
  const int64_t *results;
  int64_t distance;
} trompe_prefetch_pixels;
// Packed next: lines of pixels of one block.
typedef struct {
  const float *image;
  const int64_t *offsets;
  int64_t lines;
} trompe_prefetch_steps;

// An A or a B panel, its correction terms (ukernels/f32_wip_scales.h), and the inverses of its
// scales. Kernels take addresses of these: a copy of what was just written would wait until it is
// in the cache.
typedef struct {
  const float *values, *corrections, *inverse_scales;
} trompe_panel;

// B panels that are multiplied at once, and floats from one to the next: of values, of correction
// terms and inverse scales, and of results.
typedef struct {
  int64_t count, values, corrections, results;
} trompe_nr_blocks;

// Tiles of an image, channels of them, and the factors of each tile or of each of these channels,
// or NULL.
typedef struct {
  int64_t first, count, first_channel, channels;
  const float *tile_scales, *channel_scales;
} trompe_tiles;

// 3x3 filters of one block of 16 results of `channels` channels, each multiplied by its scale, if
// those are not NULL. Steps are in floats. `is_bwd_data`: filters are the channels.
typedef struct {
  const float *filter, *scale;
  int64_t result_step, channel_step, tap_step, channels;
  int is_bwd_data;
} trompe_filter_block;

// `count` blocks of 16 columns of filters; the `steps` steps of each tap, at `taps`, are `step`
// floats apart, columns `column`: one of both is 1. Filters are the steps, if columns are
// contiguous, or the columns; each is multiplied by its scale, if those are not NULL.
typedef struct {
  const float *filter, *scale;
  const int64_t *taps;
  int64_t tap_count, steps, step, column, count;
} trompe_b_source;

// GEMM of few rows X [few, K], Y [few, N] and a matrix W [N, K]: operands in the order of the
// product.
typedef struct {
  int64_t few, n, k;
  const float *a, *b;
  float *c;
} trompe_small_m;

struct trompe_kernels {
  const char *name;
  trompe_level level;
  int has_wide_vectors;
  int has_inner_product;  // Winograd's inner product instead of multiply-adds
  // Non-temporal stores are as fast as others: a property of the processor, not of these kernels.
  int has_fast_nontemporal;
  // NR / 16 in use and at most, and KC / 16: several B panels of so many steps stay in the
  // first-level cache while A panels pass by. Results depend on none of them.
  int64_t nr_blocks, nr_blocks_max, kc_blocks;
  void (*unary[TROMPE_ERROR_FUNCTION - TROMPE_COPY + 1])(float *, const float *, int64_t);
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
  void (*f32_max_pool_row)(
      const trompe_pool *, const float *, float *, uint8_t *, int64_t, int64_t);
  void (*f32_max_pool_select_row)(
      const trompe_pool *, const float *, const uint8_t *, float *, int64_t, int64_t);
  void (*f32_max_pool_scatter_image)(
      const trompe_pool *, const float *, const uint8_t *, float *, int64_t);
  void (*f32_average_pool_row)(const trompe_pool *, int, const float *, float *, int64_t, int64_t);
  void (*f32_average_pool_gradient_image)(
      const trompe_pool *, int, const float *, float *, int64_t);
  void (*adam)(
      const trompe_adam *, float, float, int64_t, float *, const float *, float *, float *);
  void (*sgd)(const trompe_sgd *, int64_t, float *, const float *, float *);
  // From here on NULL where there are no convolutions of our own.
  void (*f32_wino_f4x3_input)(
      const trompe_image *, const float *, const trompe_tiles *, float *,
      const trompe_wino_layout *);
  void (*f32_wino_f4x3_cotangent)(
      const trompe_image *, const float *, const trompe_tiles *, float *,
      const trompe_wino_layout *);
  void (*f32_wino_f4x3_output)(
      const trompe_image *, const trompe_epilogue *, float *, const trompe_tiles *, const float *,
      const trompe_wino_layout *);
  void (*f32_wino_f4x3_bwd_weights_accumulate)(
      const float *, const float *, float *, int64_t, int64_t, int64_t);
  void (*f32_wino_f4x3_filter_gradient)(const float *, int64_t, int64_t, int64_t, float *);
  void (*f32_wino_f4x3_bwd_weights)(
      const float *, int64_t, const float *, int64_t, int64_t, int64_t, int64_t, int64_t, float *);
  void (*f32_depthwise)(
      const trompe_depthwise_taps *, const float *, const float *, const trompe_depthwise_ends *,
      float *, int64_t, int64_t);
  void (*f32_depthwise_bwd_weights)(
      const trompe_depthwise_taps *, const float *, const float *, float *, int64_t);
  void (*f32_small_m_gemm_nt)(const trompe_small_m *, int64_t, int64_t);
  void (*f32_small_m_gemm_nn)(const trompe_small_m *, int64_t, int64_t);
  void (*f32_small_m_gemm_tn)(const trompe_small_m *, int64_t, int64_t);
  void (*f32_pack_a)(const trompe_pixel *, int64_t, int64_t, float *, float *, float *);
  void (*f32_pack_pixels)(const float *, const int64_t *, int64_t, int, float *, float *, float *);
  void (*f32_pack_b)(const trompe_b_source *, float *, float *, float *);
  void (*f32_gemm_accumulate)(
      const trompe_panel *, const trompe_panel *, const trompe_nr_blocks *, int64_t, int, float *);
  void (*f32_gemm)(
      const trompe_panel *, const trompe_panel *, const trompe_nr_blocks *, int64_t, const float *,
      const trompe_epilogue *, float *, const int64_t *, int64_t, const trompe_prefetch_pixels *);
  void (*f32_gemm_bwd_weights)(
      const trompe_panel *, const trompe_panel *, const trompe_nr_blocks *, int64_t, const float *,
      int64_t, float *, int64_t, const trompe_prefetch_steps *);
  void (*f32_wino_f4x3_pack_input)(
      const trompe_image *, const float *, int64_t, int64_t, float *, int64_t);
  void (*f32_wino_f4x3_filter_scales)(const trompe_filter_block *, float *);
  void (*f32_wino_f4x3_pack_filter)(
      const trompe_filter_block *, float *, int64_t, const float *, int);
  void (*f32_wino_f4x3_pack_tiles)(
      const trompe_image *, const float *, int64_t, int64_t, int64_t, int, float *, int64_t);
  void (*f32_wino_f4x3_gemm)(
      const float *, int64_t, int64_t, const float *, const trompe_nr_blocks *, const float *,
      int64_t, int64_t, int64_t, float *, int64_t);
};

// What is compiled in.
extern const trompe_kernels trompe_kernels_baseline;
#if defined(__x86_64__)
extern const trompe_kernels trompe_kernels_avx2, trompe_kernels_avx512, trompe_kernels_avx512_wip;
#elif defined(__aarch64__)
extern const trompe_kernels trompe_kernels_neon;
#endif

// What this processor can do: arch/x86/features.c, arch/arm/features.c.
uint32_t trompe_features_here(void);
// The level that a name stands for; the highest for NULL and unknown names. And the one that
// TROMPE_MAX_ISA names.
trompe_level trompe_level_named(const char *name);
trompe_level trompe_level_limit(void);
