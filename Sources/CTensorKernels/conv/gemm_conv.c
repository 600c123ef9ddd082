#include "kernels_gemm_conv.h"

#include "arch/kernel_table.h"
#include "conv/channel_sums.h"
#include "conv/gemm_conv_filter.h"
#include "conv/nontemporal.h"
#include "conv/tap_groups.h"
#include "kernels_pointwise.h"
#include "kernels_threads.h"

enum {
  BLOCK = 16,
  // A panels that a thread multiplies by all filters stay in the second-level cache, beside the
  // pixels that it prefetches meanwhile: in so many 16ths of it ...
  CHUNK_SHARE = 3,
  CHUNK_MIN = 4,
  CHUNK_MAX = 32,
  // ... and more of them if the filters do not, which every chunk reads again.
  FILTER_SHARE = 4,
  LARGE_CHUNK_SHARE = 7,
  // So few A panels are packed for all threads, ...
  FEW_PANELS = 32,
  // ... and B panels of at most so many steps together are packed at once then.
  BATCH_STEPS = 2048,
};

// An A panel, its correction terms and inverse scales.
static int64_t panel_floats(int64_t steps) { return PANEL * (steps + 2); }

typedef struct {
  const trompe_kernels *kernels;
  Ends ends;
  const TapGroup *group;
  const float *from;
  const float *packed;               // filters
  const trompe_plain_filter *plain;  // or filters that are not packed
  trompe_epilogue after;
  float *to, *scratch;
  float *sums;  // of the channels, of runs of A panels, or NULL
} Call;

// A B panel of a tap group.
static trompe_panel b_panel_at(const Call *call, int64_t block) {
  static const float nothing[2 * BLOCK];
  const int64_t steps = group_steps(call->group, &call->ends), columns = call->ends.to->c;
  if (!steps) return (trompe_panel){nothing, nothing, nothing};
  const float *packed = call->packed + call->group->filter;
  const float *corrections = packed + steps * columns;
  return (trompe_panel){
      packed + block * BLOCK * steps, corrections + block * BLOCK,
      corrections + columns + block * BLOCK};
}

// How many A panels a thread packs at once at most.
static int64_t largest_chunk(const TapGroup *group, const Ends *ends) {
  const int64_t steps = group_steps(group, ends), floats = (int64_t)sizeof(float);
  const int64_t cache = trompe_second_level_bytes();
  const int is_large = steps * ends->to->c * floats > cache / 16 * FILTER_SHARE;
  const int64_t bytes = cache / 16 * (is_large ? LARGE_CHUNK_SHARE : CHUNK_SHARE);
  const int64_t fitting = bytes / floats / panel_floats(steps);
  const int64_t most = larger(CHUNK_MIN, smaller(CHUNK_MAX, fitting));
  return larger(1, smaller(group_panels(group, ends), most));  // a part may have no pixels
}

static void pack_panel(const Call *call, const PanelPixels *panel, float *rows) {
  const int64_t taps = call->group->tap_count, steps = group_steps(call->group, &call->ends);
  trompe_pixel pixels[TAPS_MAX * PANEL];
  for (int64_t i = 0; i < taps; i++)
    trompe_tap_pixels(call->group, &call->ends, panel, i, call->from, pixels + i * PANEL);
  call->kernels->f32_pack_a(
      pixels, taps, call->ends.from->c / BLOCK, rows, rows + PANEL * steps,
      rows + PANEL * (steps + 1));
}

// Blocks of channels, counted through all taps.
typedef struct {
  int64_t begin, end;
} ChannelBlocks;

// Prefetches channels of an A panel that is packed soon: those of another tap than the first at
// once. `known` are the first tap's pixels, if that is not NULL.
static void prefetch_rows(
    const Call *call, const PanelPixels *panel, ChannelBlocks range, const trompe_pixel *known,
    trompe_pixel *pixels, trompe_prefetch_pixels *next) {
  const int64_t blocks = call->ends.from->c / BLOCK, begin = range.begin, end = range.end;
  if (known && end <= blocks) {
    *next =
        (trompe_prefetch_pixels){.pixels = known, .first = begin, .lines = (end - begin) * PANEL};
    return;
  }
  const int64_t first = begin % blocks, count = smaller(end - begin, blocks - first);
  trompe_pixel others[PANEL];
  for (int64_t i = begin + count; i < end; i++) {
    if (i % blocks == 0)
      trompe_tap_pixels(call->group, &call->ends, panel, i / blocks, call->from, others);
    for (int64_t j = 0; j < PANEL; j++)
      __builtin_prefetch(others[j].values + i % blocks * others[j].block, 0, 2);
  }
  trompe_tap_pixels(call->group, &call->ends, panel, begin / blocks, call->from, pixels);
  next->pixels = pixels;
  next->first = first;
  next->lines = count * PANEL;
}

// From a block of steps on.
static trompe_panel panel_from(trompe_panel packed, int64_t block) {
  packed.values += block * BLOCK * BLOCK;
  return packed;
}
static trompe_panel a_panel_at(const float *panel, int64_t steps, int64_t block) {
  return panel_from(
      (trompe_panel){panel, panel + PANEL * steps, panel + PANEL * (steps + 1)}, block);
}

// What is prefetched during a product: A panels that are packed next, ...
typedef struct {
  const PanelPixels *packed;
  const trompe_pixel *pixels;  // of each panel those of the only tap, or NULL
  int64_t count;
  // ... and the pixels that are written next, or NULL, so many blocks of channels further.
  const PanelPixels *written;
  int64_t blocks;
} Prefetched;

// A panels that are packed, where their results go, and the sums of each, or NULL.
typedef struct {
  const float *rows;
  const PanelPixels *pixels;
  int64_t count;
  float *const *sums;
} Panels;

// B panels, of `count` blocks of columns from the `first` on.
typedef struct {
  int64_t first, count;
  trompe_panel columns;
} Columns;

// A panels by some B panels.
static void multiply_panels(
    const Call *call, const Panels *a, const Columns *b, const Prefetched *prefetched) {
  const float *const rows = a->rows;
  const PanelPixels *const panels = a->pixels;
  const int64_t panel_count = a->count, block = b->first, block_count = b->count;
  const trompe_panel columns = b->columns;
  const int64_t steps = group_steps(call->group, &call->ends), at_once = call->kernels->nr_blocks;
  const trompe_nr_blocks at = {block_count, steps * BLOCK, BLOCK, call->ends.to->block};
  ChannelBlocks soon = {0, 0};
  if (prefetched->count)
    trompe_share(
        call->group->tap_count * call->ends.from->c / BLOCK, (int)(block / at_once),
        (int)((call->ends.to->c / BLOCK + at_once - 1) / at_once), &soon.begin, &soon.end);
  const int64_t first = block * call->ends.to->block;
  trompe_epilogue after = call->after;
  if (after.bias) after.bias += block * BLOCK;
  if (after.residual) after.residual += first;
  if (after.mask) after.mask += first;
  // All but the last KC steps.
  const int64_t floats = panel_floats(steps), step_blocks = steps / BLOCK;
  const int64_t steps_at_once = block_count > 1 ? call->kernels->kc_blocks : step_blocks;
  _Static_assert(FEW_PANELS <= CHUNK_MAX, "sums of all panels have a place");
  float before[CHUNK_MAX][NR_BLOCKS_MAX * BLOCK * PANEL] __attribute__((aligned(64)));
  int64_t done = 0;
  for (; step_blocks - done > steps_at_once; done += steps_at_once) {
    const trompe_panel of_columns = panel_from(columns, done);
    for (int64_t t = 0; t < panel_count; t++) {
      const trompe_panel of_rows = a_panel_at(rows + t * floats, steps, done);
      call->kernels->f32_gemm_accumulate(
          &of_rows, &of_columns, &at, steps_at_once, !done, before[t]);
    }
  }
  const trompe_panel of_columns = panel_from(columns, done);
  for (int64_t t = 0; t < panel_count; t++) {
    after.sums = a->sums[t] ? a->sums[t] + block * BLOCK : NULL;
    trompe_pixel pixels[PANEL];
    trompe_prefetch_pixels next = {0};
    if (t < prefetched->count && soon.begin < soon.end)
      prefetch_rows(
          call, &prefetched->packed[t], soon,
          prefetched->pixels ? prefetched->pixels + t * PANEL : NULL, pixels, &next);
    if (t + 1 < panel_count) {
      next.results = panels[t + 1].offsets;
    } else if (prefetched->written) {
      next.results = prefetched->written->offsets;
      next.distance = prefetched->blocks * call->ends.to->block;
    }
    const trompe_panel of_rows = a_panel_at(rows + t * floats, steps, done);
    call->kernels->f32_gemm(
        &of_rows, &of_columns, &at, step_blocks - done, done ? before[t] : NULL, &after,
        call->to + first, panels[t].offsets, panels[t].count, &next);
  }
}

// Threads share the A panels ...
static void multiply(void *context, int thread, int threads) {
  const Call *call = context;
  const int64_t steps = group_steps(call->group, &call->ends), columns = call->ends.to->c;
  const int64_t most = largest_chunk(call->group, &call->ends), floats = panel_floats(steps);
  const int64_t all = group_panels(call->group, &call->ends);
  float *rows = call->scratch + thread * most * floats;
  float *sums[CHUNK_MAX];
  PanelPixels both[2][CHUNK_MAX], *panels = both[0], *next = both[1];
  trompe_pixel pixels[CHUNK_MAX * PANEL];
  const int has_one_tap = call->group->tap_count == 1;
  int64_t begin, end;
  if (call->sums) trompe_share_runs(all, thread, threads, &begin, &end);
  else trompe_share_by_speed(all, thread, threads, &begin, &end);
  const int64_t at_once = even_chunk(end - begin, most);
  for (int64_t t = begin; t < smaller(begin + at_once, end); t++)
    trompe_panel_at(call->group, &call->ends, t, &next[t - begin]);
  for (int64_t first = begin; first < end; first += at_once) {
    PanelPixels *const read = next;
    next = panels;
    panels = read;
    const int64_t count = smaller(at_once, end - first);
    const int64_t next_count = smaller(at_once, end - first - count);
    for (int64_t t = 0; t < next_count; t++) {
      trompe_panel_at(call->group, &call->ends, first + count + t, &next[t]);
      if (has_one_tap)
        trompe_tap_pixels(call->group, &call->ends, &next[t], 0, call->from, pixels + t * PANEL);
    }
    for (int64_t t = 0; t < count; t++) {
      pack_panel(call, &panels[t], rows + t * floats);
      sums[t] = call->sums ? call->sums + (first + t) / trompe_run_length(all) * columns : NULL;
    }
    const Panels a = {rows, panels, count, sums};
    for (int64_t b = 0, blocks; b < columns / BLOCK; b += blocks) {
      blocks = smaller(call->kernels->nr_blocks, columns / BLOCK - b);
      Prefetched prefetched = {
          .packed = next, .pixels = has_one_tap ? pixels : NULL, .count = next_count};
      if (b + blocks < columns / BLOCK) {
        prefetched.written = panels;
        prefetched.blocks = blocks;
      }
      const Columns some = {b, blocks, b_panel_at(call, b)};
      multiply_panels(call, &a, &some, &prefetched);
    }
  }
  if (call->after.is_nontemporal) trompe_fence_nontemporal();
}

// ... or, of few A panels, first those and then the B panels. A filter is read once then, and need
// not be packed before.
static int shares_filters(const TapGroup *group, const Ends *ends, int threads) {
  return threads > 1 && group_panels(group, ends) <= FEW_PANELS &&
         ends->to->c >= 2 * BLOCK * threads;
}

static void pack_shared(void *context, int thread, int threads) {
  const Call *call = context;
  const int64_t floats = panel_floats(group_steps(call->group, &call->ends));
  int64_t begin, end;
  trompe_share_by_speed(group_panels(call->group, &call->ends), thread, threads, &begin, &end);
  for (int64_t t = begin; t < end; t++) {
    PanelPixels panel;
    trompe_panel_at(call->group, &call->ends, t, &panel);
    pack_panel(call, &panel, call->scratch + t * floats);
  }
}

// B panels that a thread packs for itself: they never leave the caches. As many as are multiplied
// at once, or a multiple of it.
static int64_t batch(const trompe_kernels *kernels, int64_t steps) {
  const int64_t at_once = kernels->nr_blocks;
  const int64_t fitting = smaller(PACK_BLOCKS, BATCH_STEPS / larger(1, steps));
  return at_once * larger(1, fitting / at_once);
}
static int64_t batch_floats(const trompe_kernels *kernels, int64_t steps) {
  return batch(kernels, steps) * BLOCK * (steps + 2);
}

static void multiply_shared(void *context, int thread, int threads) {
  const Call *call = context;
  const TapGroup *group = call->group;
  const int64_t steps = group_steps(group, &call->ends),
                panel_count = group_panels(group, &call->ends);
  const int64_t floats = panel_floats(steps), at_once = batch(call->kernels, steps);
  const int is_own = call->plain && steps;
  trompe_b_panels packed = {
      .values = call->scratch + panel_count * floats + thread * batch_floats(call->kernels, steps)};
  packed.corrections = packed.values + at_once * BLOCK * steps;
  packed.inverse_scales = packed.corrections + at_once * BLOCK;
  PanelPixels panels[FEW_PANELS];
  float *sums[FEW_PANELS];
  for (int64_t t = 0; t < panel_count; t++) {
    trompe_panel_at(group, &call->ends, t, &panels[t]);
    sums[t] = call->sums;
  }
  const Panels a = {call->scratch, panels, panel_count, sums};
  int64_t begin, end;
  trompe_share_by_speed(call->ends.to->c / BLOCK, thread, threads, &begin, &end);
  for (int64_t b = begin; b < end; b += at_once) {
    const int64_t count = smaller(at_once, end - b);
    if (is_own) trompe_gemm_conv_pack_panels(call->plain, group, b, count, &packed);
    for (int64_t i = 0, blocks; i < count; i += blocks) {
      blocks = smaller(call->kernels->nr_blocks, count - i);
      const trompe_panel own = {
          packed.values + i * BLOCK * steps, packed.corrections + i * BLOCK,
          packed.inverse_scales + i * BLOCK};
      Prefetched prefetched = {0};
      if (i + blocks < count) prefetched = (Prefetched){.written = panels, .blocks = blocks};
      const Columns some = {b + i, blocks, is_own ? own : b_panel_at(call, b + i)};
      multiply_panels(call, &a, &some, &prefetched);
    }
  }
  if (call->after.is_nontemporal) trompe_fence_nontemporal();
}

size_t trompe_gemm_conv_scratch_bytes(
    const trompe_window *window, int is_bwd_data, trompe_cpu cpu) {
  const Ends ends = trompe_ends(window, is_bwd_data);
  int64_t floats = 0;
  for (TapGroup group = {0}; trompe_next_tap_group(window, is_bwd_data, &group);) {
    const int64_t steps = group_steps(&group, &ends);
    floats = larger(
        floats, shares_filters(&group, &ends, cpu.threads)
                    ? group_panels(&group, &ends) * panel_floats(steps) +
                          cpu.threads * batch_floats(cpu.kernels, steps)
                    : cpu.threads * largest_chunk(&group, &ends) * panel_floats(steps));
  }
  return (size_t)(floats + ends.to->c * RUNS_MAX) * sizeof(float);
}

int trompe_gemm_conv_takes_plain_filter(const trompe_window *window, int is_bwd_data, int threads) {
  const Ends ends = trompe_ends(window, is_bwd_data);
  for (TapGroup group = {0}; trompe_next_tap_group(window, is_bwd_data, &group);)
    if (group.tap_count && !shares_filters(&group, &ends, threads)) return 0;
  return 1;
}

// Whether the window's taps reach only some of the image's pixels.
static int has_unreached(const trompe_window *window) {
  for (TapGroup group = {0}; trompe_next_tap_group(window, 1, &group);)
    if (!group.tap_count) return 1;
  return 0;
}

typedef struct {
  const trompe_kernels *kernels;
  float *values;
  int64_t count;
} Zeros;

static void write_zeros(void *context, int thread, int threads) {
  const Zeros *call = context;
  int64_t begin, end;
  trompe_share(call->count, thread, threads, &begin, &end);
  call->kernels->splat(call->values + begin, 0, end - begin);
}

static void set_to_zero(float *values, const trompe_image *image, trompe_cpu cpu) {
  Zeros call = {cpu.kernels, values, image->n * image->h * image->w * image->c};
  trompe_parallel(write_zeros, &call, cpu.threads);
}

// Runs of A panels of which channel sums are made: where threads share the channels, one.
static int64_t run_count(const trompe_window *window, int is_bwd_data, int threads) {
  const Ends ends = trompe_ends(window, is_bwd_data);
  int64_t runs = 1;
  for (TapGroup group = {0}; trompe_next_tap_group(window, is_bwd_data, &group);)
    if (!shares_filters(&group, &ends, threads))
      runs = larger(runs, trompe_run_count(group_panels(&group, &ends)));
  return runs;
}

// Every tap group's sums are added to those of the groups before for the same pixels.
static void run(
    const trompe_window *window, int is_bwd_data, const trompe_conv_operands *operands,
    const trompe_plain_filter *plain, trompe_cpu cpu) {
  const trompe_epilogue *after = operands->after;
  float *to = operands->to;
  void *scratch = operands->scratch;
  Call call = {
      .kernels = cpu.kernels,
      .ends = trompe_ends(window, is_bwd_data),
      .from = operands->from,
      .packed = operands->filter,
      .plain = plain,
      .to = to};
  const int64_t columns = call.ends.to->c;
  float *sums = after->sums ? scratch : NULL;
  call.scratch = (float *)scratch + RUNS_MAX * columns;
  const int64_t runs = run_count(window, is_bwd_data, cpu.threads);
  if (sums) trompe_begin_sums(sums, columns, runs);
  // What nothing reaches is 0.
  const int has_rest = is_bwd_data && !after->residual && has_unreached(window);
  if (has_rest) set_to_zero(to, call.ends.to, cpu);
  for (TapGroup group = {0}; trompe_next_tap_group(window, is_bwd_data, &group);) {
    if (has_rest && !group.tap_count) continue;
    call.group = &group;
    call.after = (trompe_epilogue){
        .bias = group.is_first ? after->bias : NULL,
        .residual = group.is_first ? after->residual : to,
        .has_relu = group.is_last && after->has_relu,
        .relu_limit = after->relu_limit,
        .mask = group.is_last ? after->mask : NULL,
        .is_nontemporal = group.is_last && trompe_is_nontemporal(cpu.kernels, call.ends.to, to)};
    call.sums = group.is_last ? sums : NULL;
    if (shares_filters(&group, &call.ends, cpu.threads)) {
      trompe_parallel(pack_shared, &call, cpu.threads);
      trompe_parallel(multiply_shared, &call, cpu.threads);
    } else {
      trompe_parallel(multiply, &call, cpu.threads);
    }
  }
  if (sums) trompe_join_sums(sums, columns, runs, after->sums);
}

void trompe_gemm_conv_run(
    const trompe_window *window, int is_bwd_data, const trompe_conv_operands *operands,
    trompe_cpu cpu) {
  run(window, is_bwd_data, operands, NULL, cpu);
}

void trompe_gemm_conv_run_plain(
    const trompe_window *window, int is_bwd_data, const trompe_conv_operands *operands,
    trompe_cpu cpu) {
  const trompe_plain_filter plain = {
      .kernels = cpu.kernels,
      .window = window,
      .filter = operands->filter,
      .scale = operands->scale,
      .is_bwd_data = is_bwd_data};
  run(window, is_bwd_data, operands, &plain, cpu);
}
