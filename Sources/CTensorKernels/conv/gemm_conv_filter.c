#include "conv/gemm_conv_filter.h"

#include "kernels_threads.h"

enum { BLOCK = 16 };

// Of each tap group: B panels, their correction terms, and their inverse scales.
size_t trompe_gemm_conv_filter_bytes(const trompe_window *window, int is_bwd_data) {
  const Ends ends = trompe_ends(window, is_bwd_data);
  int64_t floats = 0;
  for (TapGroup group = {0}; trompe_next_tap_group(window, is_bwd_data, &group);)
    if (group.tap_count) floats += ends.to->c * (group_steps(&group, &ends) + 2);
  return (size_t)floats * sizeof(float);
}

int trompe_gemm_conv_same_filter(const trompe_window *a, const trompe_window *b, int is_bwd_data) {
  TapGroup p = {0}, q = {0};
  for (int more = 1; more;) {
    more = trompe_next_tap_group(a, is_bwd_data, &p);
    if (trompe_next_tap_group(b, is_bwd_data, &q) != more) return 0;
    if (!more) break;
    if (p.tap_count != q.tap_count) return 0;
    for (int64_t i = 0; i < p.tap_count; i++)
      if (p.taps[i].index != q.taps[i].index) return 0;
  }
  return 1;
}

void trompe_gemm_conv_pack_panels(
    const trompe_plain_filter *call, const TapGroup *group, int64_t first, int64_t count,
    const trompe_b_panels *panels) {
  const trompe_window *window = call->window;
  const Ends ends = trompe_ends(window, call->is_bwd_data);
  const int64_t c = window->x.c, filter = window->r * window->s * c;
  const int64_t step = call->is_bwd_data ? filter : 1, column = call->is_bwd_data ? 1 : filter;
  int64_t taps[TAPS_MAX];
  for (int64_t i = 0; i < group->tap_count; i++) taps[i] = group->taps[i].index * c;
  // Filters are the columns, or the steps.
  const float *scale =
      call->scale && !call->is_bwd_data ? call->scale + first * BLOCK : call->scale;
  const trompe_b_source source = {
      .filter = call->filter + first * BLOCK * column,
      .scale = scale,
      .taps = taps,
      .tap_count = group->tap_count,
      .steps = ends.from->c,
      .step = step,
      .column = column,
      .count = count};
  call->kernels->f32_pack_b(&source, panels->values, panels->corrections, panels->inverse_scales);
}

static void pack_filter(void *context, int thread, int threads) {
  const trompe_plain_filter *call = context;
  const Ends ends = trompe_ends(call->window, call->is_bwd_data);
  const int64_t columns = ends.to->c;
  // What is contiguous is read together: columns of several panels, or the steps of one.
  const int64_t at_once = call->is_bwd_data ? PACK_BLOCKS : 1;
  int64_t begin, end;
  trompe_share_by_speed(columns / BLOCK, thread, threads, &begin, &end);
  for (int64_t b = begin; b < end; b += at_once)
    for (TapGroup group = {0}; trompe_next_tap_group(call->window, call->is_bwd_data, &group);) {
      if (!group.tap_count) continue;
      const int64_t steps = group_steps(&group, &ends), first = b * BLOCK;
      float *packed = call->packed + group.filter;
      float *corrections = packed + steps * columns, *inverse_scales = corrections + columns;
      const trompe_b_panels panels = {
          packed + first * steps, corrections + first, inverse_scales + first};
      trompe_gemm_conv_pack_panels(call, &group, b, smaller(at_once, end - b), &panels);
    }
}

void trompe_gemm_conv_pack_filter(
    const trompe_window *window, const float *filter, const float *scale, int is_bwd_data,
    float *packed, trompe_cpu cpu) {
  trompe_plain_filter call = {cpu.kernels, window, filter, scale, is_bwd_data, packed};
  trompe_parallel(pack_filter, &call, cpu.threads);
}
