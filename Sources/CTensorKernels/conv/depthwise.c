#include "conv/depthwise.h"

#include <string.h>

#include "arch/kernel_table.h"
#include "kernels_depthwise.h"
#include "kernels_threads.h"
#include "ukernels/extremes.h"

enum { BLOCK = 16 };

// Along one axis, results `first`, `first` + `step`, ... of which all read the same `taps`: tap
// `tap`, `tap` + `tap_step`, ... The first tap of the first result reads `from`.
typedef struct {
  int64_t first, count, step;
  int64_t tap, taps;
  int64_t from;
} Run;

// A window's axis: extents of what is read and of what is written.
typedef struct {
  int64_t read, written, taps, stride, padding;
  int is_bwd_data;
} Axis;

static int64_t tap_step(const Axis *a) { return a->is_bwd_data ? a->stride : 1; }

// The taps of one result. Of an input gradient, result i is read at (i + padding - tap) /
// stride, where that is whole.
static Run taps_of(const Axis *a, int64_t i) {
  Run run = {i, 1, a->is_bwd_data ? a->stride : 1, 0, 0, 0};
  if (!a->is_bwd_data) {
    const int64_t start = i * a->stride - a->padding;
    run.tap = larger(0, -start);
    run.taps = larger(0, smaller(a->taps, a->read - start) - run.tap);
    run.from = start + run.tap;
    return run;
  }
  const int64_t place = i + a->padding, phase = place % a->stride, last = place / a->stride;
  const int64_t skipped = larger(0, last - (a->read - 1));
  const int64_t available = phase < a->taps ? (a->taps - 1 - phase) / a->stride + 1 : 0;
  run.tap = phase + skipped * a->stride;
  run.taps = larger(0, smaller(available, last + 1) - skipped);
  run.from = last - skipped;
  return run;
}

// All results of an axis; those of a phase follow each other.
static int runs_of(const Axis *a, Run *runs) {
  int count = 0;
  const int64_t phases = a->is_bwd_data ? smaller(a->stride, a->written) : 1;
  for (int64_t phase = 0; phase < phases; phase++) {
    int is_first = 1;
    for (int64_t i = phase; i < a->written; i += a->is_bwd_data ? a->stride : 1) {
      const Run next = taps_of(a, i);
      Run *last = count ? &runs[count - 1] : NULL;
      if (!is_first && last->tap == next.tap && last->taps == next.taps) last->count++;
      else runs[count++] = next;
      is_first = 0;
    }
  }
  return count;
}

int trompe_depthwise_fits(const trompe_window *w) {
  // Results whose windows reach over an edge are runs of their own: at most `taps` on each side of
  // each phase.
  const int64_t phases = larger(w->stride_x, 1);
  return w->r > 0 && w->s > 0 && phases * (2 * w->s + 2) <= TROMPE_DEPTHWISE_RUNS;
}

typedef struct {
  const trompe_window *window;
  const trompe_image *from, *to;
  Axis rows, columns;
  Run runs[TROMPE_DEPTHWISE_RUNS];
  int run_count;
  const trompe_conv_operands *operands;
  const trompe_bwd_weights_operands *gradient;
  const trompe_kernels *kernels;
} Call;

static void begin(Call *call, const trompe_window *w, int is_bwd_data) {
  call->window = w;
  call->from = is_bwd_data ? &w->y : &w->x;
  call->to = is_bwd_data ? &w->x : &w->y;
  call->rows = (Axis){call->from->h, call->to->h, w->r, w->stride_y, w->top, is_bwd_data};
  call->columns = (Axis){call->from->w, call->to->w, w->s, w->stride_x, w->left, is_bwd_data};
  call->run_count = runs_of(&call->columns, call->runs);
}

// Floats to the first of 16 channels of an image.
static int64_t plane(const trompe_image *image, int64_t n, int64_t block) {
  return n * image->h * image->w * image->c + block * image->block;
}

static trompe_depthwise_taps taps_in(const Call *call, const Run *row, const Run *run) {
  const trompe_image *from = call->from;
  const int64_t sign = call->rows.is_bwd_data ? -1 : 1;
  const int64_t filter_row = call->window->s * BLOCK;
  return (trompe_depthwise_taps){
      .rows = row->taps,
      .columns = run->taps,
      .from_row = sign * from->w * from->pixel,
      .from_column = sign * from->pixel,
      .filter_row = tap_step(&call->rows) * filter_row,
      .filter_column = tap_step(&call->columns) * BLOCK,
      .from_step = (call->columns.is_bwd_data ? 1 : call->columns.stride) * from->pixel,
      .to_step = run->step * call->to->pixel};
}

// One row of 16 channels of the result.
static void run_row(const Call *call, int64_t n, int64_t block, int64_t i, float *sums) {
  const trompe_conv_operands *o = call->operands;
  const trompe_epilogue *after = o->after;
  const trompe_image *from = call->from, *to = call->to;
  const Run row = taps_of(&call->rows, i);
  const int64_t start = plane(to, n, block);
  const trompe_depthwise_ends ends = {
      .bias = after->bias ? after->bias + block * BLOCK : NULL,
      .residual = after->residual ? after->residual + start : NULL,
      .mask = after->mask ? after->mask + start : NULL,
      .sums = sums,
      .has_relu = after->has_relu,
      .relu_limit = after->relu_limit};
  const int64_t row_floats = call->window->s * BLOCK;
  const float *filter = o->filter + block * call->window->r * row_floats;
  for (int j = 0; j < call->run_count; j++) {
    const Run *run = &call->runs[j];
    const trompe_depthwise_taps taps = taps_in(call, &row, run);
    // Without taps, nothing is read.
    const int is_empty = !row.taps || !run->taps;
    const float *first =
        is_empty ? o->from
                 : o->from + plane(from, n, block) + (row.from * from->w + run->from) * from->pixel;
    trompe_depthwise_taps used = taps;
    if (is_empty) used.rows = used.columns = used.from_step = 0;
    call->kernels->f32_depthwise(
        &used, first, filter + row.tap * row_floats + run->tap * BLOCK, &ends, o->to + start,
        (i * to->w + run->first) * to->pixel, run->count);
  }
}

static void run_part(void *context, int thread, int threads) {
  const Call *call = context;
  const trompe_image *to = call->to;
  const int64_t blocks = to->c / BLOCK;
  float *const sums = call->operands->after->sums ? call->operands->scratch : NULL;
  int64_t begin, end;
  if (sums) {
    // Sums of one image and block are made by one thread, and joined in the order of the images.
    trompe_share(to->n * blocks, thread, threads, &begin, &end);
    for (int64_t unit = begin; unit < end; unit++) {
      memset(sums + unit * BLOCK, 0, BLOCK * sizeof(float));
      for (int64_t i = 0; i < to->h; i++)
        run_row(call, unit / blocks, unit % blocks, i, sums + unit * BLOCK);
    }
    return;
  }
  trompe_share_by_speed(to->n * blocks * to->h, thread, threads, &begin, &end);
  for (int64_t unit = begin; unit < end; unit++)
    run_row(call, unit / to->h / blocks, unit / to->h % blocks, unit % to->h, NULL);
}

size_t trompe_depthwise_filter_bytes(const trompe_window *w) {
  return (size_t)(w->x.c * w->r * w->s) * sizeof(float);
}

void trompe_depthwise_pack_filter(
    const trompe_window *w, const float *from, const float *scale, float *to) {
  const int64_t taps = w->r * w->s;
  for (int64_t c = 0; c < w->x.c; c++) {
    const float factor = scale ? scale[c] : 1;
    float *block = to + c / BLOCK * taps * BLOCK + c % BLOCK;
    for (int64_t t = 0; t < taps; t++) block[t * BLOCK] = from[c * taps + t] * factor;
  }
}

size_t trompe_depthwise_scratch_bytes(const trompe_window *w, int is_bwd_data) {
  return is_bwd_data ? (size_t)(w->x.n * w->x.c) * sizeof(float) : 0;
}

void trompe_depthwise_run(
    const trompe_window *w, int is_bwd_data, const trompe_conv_operands *operands, trompe_cpu cpu) {
  Call call = {.operands = operands, .kernels = cpu.kernels};
  begin(&call, w, is_bwd_data);
  trompe_parallel(run_part, &call, cpu.threads);
  float *sums = operands->after->sums;
  if (!sums) return;
  const float *from = operands->scratch;
  memcpy(sums, from, (size_t)call.to->c * sizeof(float));
  for (int64_t n = 1; n < call.to->n; n++)
    for (int64_t c = 0; c < call.to->c; c++) sums[c] += from[n * call.to->c + c];
}

static void run_bwd_weights_part(void *context, int thread, int threads) {
  const Call *call = context;
  const trompe_window *w = call->window;
  const trompe_image *x = &w->x, *y = &w->y;
  const int64_t taps = w->r * w->s;
  int64_t begin, end;
  trompe_share_by_speed(x->c / BLOCK, thread, threads, &begin, &end);
  for (int64_t block = begin; block < end; block++) {
    float *sums = (float *)call->gradient->scratch + block * taps * BLOCK;
    memset(sums, 0, (size_t)(taps * BLOCK) * sizeof(float));
    for (int64_t n = 0; n < x->n; n++) {
      const float *from = call->gradient->x + plane(x, n, block);
      const float *cotangent = call->gradient->cotangent + plane(y, n, block);
      for (int64_t i = 0; i < y->h; i++) {
        const Run row = taps_of(&call->rows, i);
        for (int j = 0; j < call->run_count; j++) {
          const Run *run = &call->runs[j];
          if (!row.taps || !run->taps) continue;
          const trompe_depthwise_taps used = taps_in(call, &row, run);
          call->kernels->f32_depthwise_bwd_weights(
              &used, from + (row.from * x->w + run->from) * x->pixel,
              cotangent + (i * y->w + run->first) * y->pixel,
              sums + (row.tap * w->s + run->tap) * BLOCK, run->count);
        }
      }
    }
    for (int64_t c = 0; c < BLOCK; c++)
      for (int64_t t = 0; t < taps; t++)
        call->gradient->filter[(block * BLOCK + c) * taps + t] = sums[t * BLOCK + c];
  }
}

size_t trompe_depthwise_bwd_weights_scratch_bytes(const trompe_window *w) {
  return trompe_depthwise_filter_bytes(w);
}

void trompe_depthwise_bwd_weights(
    const trompe_window *w, const trompe_bwd_weights_operands *operands, trompe_cpu cpu) {
  Call call = {.gradient = operands, .kernels = cpu.kernels};
  begin(&call, w, 0);
  trompe_parallel(run_bwd_weights_part, &call, cpu.threads);
}
