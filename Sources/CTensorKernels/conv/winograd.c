// Winograd F(4x4, 3x3), forward and input gradient: tiles are A panels, filters B panels.
#include "kernels_winograd.h"

#include "conv/channel_sums.h"
#include "conv/nontemporal.h"
#include "conv/winograd_tiles.h"
#include "kernels_threads.h"
#include "ukernels/extremes.h"

enum {
  GROUP = 16,  // tiles
  // Groups of tiles that a thread does at once, of few channels and of many: so many that filters,
  // which are read again for the next, are worth it.
  FEW_GROUPS = 2,
  MANY_GROUPS = 4,
  MANY_CHANNELS = 384,
  // Packed filters that would not stay in the third-level cache until they are read.
  NONTEMPORAL_BYTES = 16 << 20,
  // Channels are split by so many, an even number of blocks.
  CHANNELS_PART = 64,
  // Floats from the products of one element to the next: padded, so that 36 do not share cache
  // sets.
  PRODUCT_PLANE = GROUP * BLOCK + 16,
  BLOCK_PRODUCTS = ELEMENTS * PRODUCT_PLANE,
};

// A block of results or a group of tiles: one Winograd-domain element, and its correction terms.
static int64_t packed_floats(int64_t channels) { return 16 * channels + 16; }
// A group of tiles, and the inverses of their scales.
static int64_t group_floats(int64_t channels) { return ELEMENTS * packed_floats(channels) + GROUP; }

// A block of filters.
static int64_t block_floats(int64_t c) { return ELEMENTS * packed_floats(c); }

// Of `c` channels and `k` results.
static size_t packed_bytes(int64_t c, int64_t k) {
  return (size_t)(k / BLOCK * block_floats(c) + k) * sizeof(float);
}

size_t trompe_winograd_filter_bytes(int64_t c, int64_t k, int is_bwd_data) {
  return is_bwd_data ? packed_bytes(k, c) : packed_bytes(c, k);
}

// Filters whose values are read block by block of 16 results.
typedef struct {
  const trompe_kernels *kernels;
  const float *filter, *scale;
  int64_t c, k;
  int is_bwd_data;
  float *u;
} FilterCall;

// Of the convolution that is done: turned, results and channels change places.
static int64_t result_count(const FilterCall *call) {
  return call->is_bwd_data ? call->c : call->k;
}
static int64_t channel_count(const FilterCall *call) {
  return call->is_bwd_data ? call->k : call->c;
}
static int64_t result_step(const FilterCall *call) { return call->is_bwd_data ? 1 : 9 * call->c; }
static int64_t channel_step(const FilterCall *call) { return call->is_bwd_data ? 9 * call->c : 1; }

static const float *filter_block(const FilterCall *call, int64_t b) {
  return call->filter + b * BLOCK * result_step(call);
}
// Filters are the results, or the channels.
static const float *scale_block(const FilterCall *call, int64_t b) {
  return call->scale && !call->is_bwd_data ? call->scale + b * BLOCK : call->scale;
}

// One block of results of `count` channels from `first` on.
static trompe_filter_block channels_of(
    const FilterCall *call, int64_t b, int64_t first, int64_t count) {
  const float *scale = scale_block(call, b);
  return (trompe_filter_block){
      .filter = filter_block(call, b) + first * channel_step(call),
      .scale = scale && call->is_bwd_data ? scale + first : scale,
      .result_step = result_step(call),
      .channel_step = channel_step(call),
      .tap_step = call->c,
      .channels = count,
      .is_bwd_data = call->is_bwd_data};
}

// The inverse scales of a block, ...
static void scale_filters(const FilterCall *call, int64_t b, float *inverse_scales) {
  const trompe_filter_block all = channels_of(call, b, 0, channel_count(call));
  call->kernels->f32_wino_f4x3_filter_scales(&all, inverse_scales);
}

// ... and then its elements of some channels.
static void pack_channels(
    const trompe_kernels *kernels, const trompe_filter_block *channels, float *u,
    const float *inverse_scales, int is_nontemporal) {
  kernels->f32_wino_f4x3_pack_filter(
      channels, u, packed_floats(channels->channels), inverse_scales, is_nontemporal);
}

static void pack_filter(void *context, int thread, int threads) {
  const FilterCall *call = context;
  const int64_t channels = channel_count(call), results = result_count(call);
  const int64_t block = block_floats(channels);
  const size_t bytes = packed_bytes(channels, results);
  const int is_nontemporal = call->kernels->has_fast_nontemporal && bytes > NONTEMPORAL_BYTES;
  float *inverse_scales = call->u + results / BLOCK * block;
  int64_t begin, end;
  trompe_share_by_speed(results / BLOCK, thread, threads, &begin, &end);
  for (int64_t b = begin; b < end; b++) {
    scale_filters(call, b, inverse_scales + b * BLOCK);
    const trompe_filter_block all = channels_of(call, b, 0, channels);
    pack_channels(
        call->kernels, &all, call->u + b * block, inverse_scales + b * BLOCK, is_nontemporal);
  }
}

void trompe_winograd_pack_filter(const trompe_winograd_filter *filter, float *u, trompe_cpu cpu) {
  FilterCall call = {
      cpu.kernels, filter->values, filter->scale, filter->c, filter->k, filter->is_bwd_data, u};
  trompe_parallel(pack_filter, &call, cpu.threads);
}

typedef struct {
  const trompe_kernels *kernels;
  const trompe_image *x, *y;
  const float *from;
  const float *u;               // packed filters
  const FilterCall *plain;      // or filters that are not packed
  const float *inverse_scales;  // of the filters
  float *own_inverse_scales;    // of filters that are not packed
  const trompe_epilogue *after;
  float *to;
  float *tiles, *products, *filters;  // of all threads
  float *sums;                        // of the channels, of runs of groups
  int is_shared;                      // threads share the results
  int64_t groups;                     // that a thread at most, or all together, do at once
} Call;

static int64_t group_count(const trompe_image *s) { return (tile_count(s) + GROUP - 1) / GROUP; }

// Whether there are so few tiles that all threads read them for all, and share the results. A
// filter is read once then, and need not be packed before.
static int shares_results(const trompe_image *x, const trompe_image *y, int threads) {
  return threads > 1 && group_count(x) <= 4 * threads && y->c >= 2 * BLOCK * threads;
}

static int64_t groups_at_once(const trompe_image *x, const trompe_image *y, int threads) {
  if (shares_results(x, y, threads)) return group_count(x);
  return smaller(larger(1, group_count(x)), x->c + y->c < MANY_CHANNELS ? FEW_GROUPS : MANY_GROUPS);
}

// Floats of each thread's products with a block of filters.
static int64_t product_floats(int64_t groups) { return groups * BLOCK_PRODUCTS; }

// Channels of filters that a thread packs for itself at once: so many that their values fill the
// second-level cache. Products are read and written again for each part of the channels: not where
// there are so many that only they fill it.
static int64_t own_channels(const trompe_kernels *kernels, int64_t c, int64_t groups) {
  const int64_t at_once = kernels->nr_blocks;
  const int64_t floats = trompe_second_level_bytes() / (int64_t)sizeof(float);
  if (at_once * product_floats(groups) > floats) return c;
  const int64_t parts = (c + CHANNELS_PART - 1) / CHANNELS_PART;
  const int64_t most = floats / at_once / block_floats(CHANNELS_PART);
  return CHANNELS_PART * even_chunk(parts, larger(1, most));
}

// Groups of tiles that are kept.
static int64_t kept_groups(const trompe_image *x, const trompe_image *y, int threads) {
  const int is_shared = shares_results(x, y, threads);
  return groups_at_once(x, y, threads) * (is_shared ? 1 : threads);
}

static size_t scratch_bytes(
    const trompe_image *x, const trompe_image *y, int is_plain, trompe_cpu cpu) {
  const int64_t groups = groups_at_once(x, y, cpu.threads), blocks = cpu.kernels->nr_blocks;
  const int64_t filters = is_plain ? block_floats(own_channels(cpu.kernels, x->c, groups)) : 0;
  return (size_t)(kept_groups(x, y, cpu.threads) * group_floats(x->c) + cpu.threads * blocks * (product_floats(groups) + filters) + (RUNS_MAX + 1) * y->c) *
         sizeof(float);
}

size_t trompe_winograd_scratch_bytes(const trompe_image *x, const trompe_image *y, trompe_cpu cpu) {
  return scratch_bytes(x, y, 0, cpu);
}

int trompe_winograd_takes_plain_filter(const trompe_image *x, const trompe_image *y, int threads) {
  return shares_results(x, y, threads);
}

size_t trompe_winograd_plain_scratch_bytes(
    const trompe_image *x, const trompe_image *y, trompe_cpu cpu) {
  return scratch_bytes(x, y, 1, cpu);
}

static void pack_groups(const Call *call, int64_t first, int64_t count, float *tiles) {
  const int64_t c = call->x->c, all = tile_count(call->x);
  for (int64_t g = 0; g < count; g++)
    call->kernels->f32_wino_f4x3_pack_input(
        call->x, call->from, (first + g) * GROUP, smaller(GROUP, all - (first + g) * GROUP),
        tiles + g * group_floats(c), packed_floats(c));
}

// `count` groups of packed tiles from the `first` of the image on.
typedef struct {
  int64_t first, count;
  const float *tiles;
} TileGroups;

// Packed filters of some blocks of results: of `channels` channels from the `first` on.
typedef struct {
  const float *values;
  int64_t blocks, first, channels;
} PackedFilters;

// Products of filters with groups of tiles.
static void multiply(
    const Call *call, const TileGroups *groups, const PackedFilters *filters, float *products) {
  const int64_t c = call->x->c, channels = filters->channels;
  const int64_t packed = packed_floats(channels), block = block_floats(channels);
  const trompe_nr_blocks columns = {filters->blocks, block, block, product_floats(call->groups)};
  const float *u = filters->values;
  for (int64_t element = 0; element < ELEMENTS; element++, u += packed)
    call->kernels->f32_wino_f4x3_gemm(
        groups->tiles + element * packed_floats(c), group_floats(c), groups->count, u, &columns,
        u + packed, c, filters->first, channels, products + element * PRODUCT_PLANE,
        BLOCK_PRODUCTS);
}

// Those of filters that a thread packs for itself: they never leave the caches.
static void multiply_plain(
    const Call *call, int thread, const TileGroups *groups, int64_t b, int64_t blocks,
    float *products) {
  const int64_t c = call->x->c, at_once = own_channels(call->kernels, c, call->groups);
  float *own = call->filters + thread * call->kernels->nr_blocks * block_floats(at_once);
  float *inverse_scales = call->own_inverse_scales + b * BLOCK;
  for (int64_t i = 0; i < blocks; i++)
    scale_filters(call->plain, b + i, inverse_scales + i * BLOCK);
  for (int64_t first = 0; first < c; first += at_once) {
    const int64_t channels = smaller(at_once, c - first);
    for (int64_t i = 0; i < blocks; i++) {
      const trompe_filter_block block = channels_of(call->plain, b + i, first, channels);
      pack_channels(
          call->kernels, &block, own + i * block_floats(channels), inverse_scales + i * BLOCK, 0);
    }
    const PackedFilters filters = {own, blocks, first, channels};
    multiply(call, groups, &filters, products);
  }
}

// Where threads share the results, all groups are one run.
static int64_t run_of(const Call *call, int64_t group) {
  return call->is_shared ? 0 : group / trompe_run_length(group_count(call->x));
}

// Blocks of results, from `begin` up to `end`, of groups of tiles.
static void write_groups(
    const Call *call, int thread, const TileGroups *groups, int64_t begin, int64_t end) {
  static const trompe_wino_layout at = {PRODUCT_PLANE, BLOCK, BLOCK_PRODUCTS};
  const int64_t c = call->x->c, k = call->y->c, all = tile_count(call->x);
  const int64_t first = groups->first, group = group_floats(c);
  const int64_t at_once = call->kernels->nr_blocks, own = product_floats(call->groups);
  float *products = call->products + thread * at_once * own;
  trompe_epilogue after = *call->after;
  after.is_nontemporal = trompe_is_nontemporal(call->kernels, call->y, call->to);
  for (int64_t b = begin, blocks; b < end; b += blocks) {
    blocks = smaller(at_once, end - b);
    if (call->plain) {
      multiply_plain(call, thread, groups, b, blocks, products);
    } else {
      const PackedFilters filters = {call->u + b * block_floats(c), blocks, 0, c};
      multiply(call, groups, &filters, products);
    }
    for (int64_t i = 0; i < blocks; i++)
      for (int64_t g = 0; g < groups->count; g++) {
        if (after.sums) after.sums = call->sums + run_of(call, first + g) * k;
        const trompe_tiles of_group = {
            (first + g) * GROUP,
            smaller(GROUP, all - (first + g) * GROUP),
            (b + i) * BLOCK,
            BLOCK,
            groups->tiles + g * group + ELEMENTS * packed_floats(c),
            call->inverse_scales};
        call->kernels->f32_wino_f4x3_output(
            call->y, &after, call->to, &of_group, products + i * own + g * BLOCK_PRODUCTS, &at);
      }
  }
  if (after.is_nontemporal) trompe_fence_nontemporal();
}

// Threads share the tiles ...
static void convolve(void *context, int thread, int threads) {
  const Call *call = context;
  float *tiles = call->tiles + thread * call->groups * group_floats(call->x->c);
  int64_t begin, end;
  const int64_t all = group_count(call->x);
  if (call->after->sums) trompe_share_runs(all, thread, threads, &begin, &end);
  else trompe_share_by_speed(all, thread, threads, &begin, &end);
  const int64_t at_once = even_chunk(end - begin, call->groups);
  for (int64_t first = begin; first < end; first += at_once) {
    const int64_t count = smaller(at_once, end - first);
    pack_groups(call, first, count, tiles);
    const TileGroups groups = {first, count, tiles};
    write_groups(call, thread, &groups, 0, call->y->c / BLOCK);
  }
}

// ... or, of few tiles, first those and then the results.
static void pack_shared(void *context, int thread, int threads) {
  const Call *call = context;
  int64_t begin, end;
  trompe_share_by_speed(call->groups, thread, threads, &begin, &end);
  pack_groups(call, begin, end - begin, call->tiles + begin * group_floats(call->x->c));
}

static void multiply_shared(void *context, int thread, int threads) {
  const Call *call = context;
  int64_t begin, end;
  trompe_share_by_speed(call->y->c / BLOCK, thread, threads, &begin, &end);
  const TileGroups groups = {0, call->groups, call->tiles};
  write_groups(call, thread, &groups, begin, end);
}

static void run(
    const trompe_image *x, const trompe_image *y, const trompe_conv_operands *operands,
    const FilterCall *plain, trompe_cpu cpu) {
  const int64_t k = y->c;
  const trompe_epilogue *after = operands->after;
  Call call = {
      .kernels = cpu.kernels,
      .x = x,
      .y = y,
      .from = operands->from,
      .u = operands->filter,
      .plain = plain,
      .after = after,
      .to = operands->to,
      .groups = groups_at_once(x, y, cpu.threads)};
  call.tiles = operands->scratch;
  call.products = call.tiles + kept_groups(x, y, cpu.threads) * group_floats(x->c);
  call.sums = call.products + cpu.threads * cpu.kernels->nr_blocks * product_floats(call.groups);
  call.own_inverse_scales = call.sums + RUNS_MAX * k;
  call.filters = call.own_inverse_scales + k;
  call.inverse_scales = plain ? call.own_inverse_scales : call.u + k / BLOCK * block_floats(x->c);
  call.is_shared = shares_results(x, y, cpu.threads);
  const int64_t runs = call.is_shared ? 1 : trompe_run_count(group_count(x));
  if (after->sums) trompe_begin_sums(call.sums, k, runs);
  if (call.is_shared) {
    trompe_parallel(pack_shared, &call, cpu.threads);
    trompe_parallel(multiply_shared, &call, cpu.threads);
  } else {
    trompe_parallel(convolve, &call, cpu.threads);
  }
  if (after->sums) trompe_join_sums(call.sums, k, runs, after->sums);
}

void trompe_winograd_run(
    const trompe_image *x, const trompe_image *y, const trompe_conv_operands *operands,
    trompe_cpu cpu) {
  run(x, y, operands, NULL, cpu);
}

void trompe_winograd_run_plain(
    const trompe_image *x, const trompe_image *y, int is_bwd_data,
    const trompe_conv_operands *operands, trompe_cpu cpu) {
  const FilterCall plain = {
      .kernels = cpu.kernels,
      .filter = operands->filter,
      .scale = operands->scale,
      .c = is_bwd_data ? y->c : x->c,
      .k = is_bwd_data ? x->c : y->c,
      .is_bwd_data = is_bwd_data};
  run(x, y, operands, &plain, cpu);
}
