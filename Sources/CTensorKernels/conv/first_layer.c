#include "kernels_first_layer.h"

#include <string.h>

#include "arch/kernel_table.h"
#include "conv/filter_taps.h"
#include "conv/nontemporal.h"
#include "conv/pixel_block.h"
#include "kernels_threads.h"
#include "ukernels/extremes.h"

enum {
  BLOCK = 16,
  PANEL = 16,
  BLOCKS_MAX = 16,  // of a window
  // A panels that a thread multiplies by all filters: they stay in the second-level cache.
  CHUNK = 16,
};

// A window as blocks of 16 steps: the first 16 floats of each of its rows, if those are as long,
// and the rest of all, row after row.
typedef struct {
  const trompe_window *window;
  int64_t row;          // floats of a window's row
  int64_t head;         // of them that are read where they stand: a block or nothing
  int64_t heads;        // of a window
  int64_t rest_of_row;  // floats of a row beyond its head
  int64_t left_blocks;  // that those of all rows fill, the last one with zeros
  int64_t h, w;         // of the image with a margin: what windows reach, and no more
} Rows;

static Rows rows_of(const trompe_window *window) {
  const int64_t row = window->s * window->x.c, head = row < BLOCK ? 0 : BLOCK,
                rest_of_row = row - head;
  return (Rows){
      window,
      row,
      head,
      head ? window->r : 0,
      rest_of_row,
      (window->r * rest_of_row + BLOCK - 1) / BLOCK,
      (window->y.h - 1) * window->stride_y + window->r,
      (window->y.w - 1) * window->stride_x + window->s};
}

static int64_t block_count(const Rows *rows) { return rows->heads + rows->left_blocks; }
static int64_t step_count(const Rows *rows) { return block_count(rows) * BLOCK; }
static int64_t pixels_of(const trompe_image *s) { return s->n * s->h * s->w; }

int trompe_first_layer_fits(const trompe_window *window) {
  const Rows rows = rows_of(window);
  return window->x.pixel == window->x.c && rows.row < 2 * BLOCK && block_count(&rows) <= BLOCKS_MAX;
}

// Where a tap of a window's row is among the steps.
static int64_t step_of(const Rows *rows, int64_t r, int64_t i) {
  return i < rows->head ? r * BLOCK + i
                        : rows->heads * BLOCK + r * rows->rest_of_row + i - rows->head;
}

// B panels, correction terms and inverse scales; then filters in the order of the steps.
static int64_t packed_floats(const Rows *rows) {
  return rows->window->y.c * (step_count(rows) + 2);
}

size_t trompe_first_layer_filter_bytes(const trompe_window *window) {
  const Rows rows = rows_of(window);
  return (size_t)(packed_floats(&rows) + window->y.c * step_count(&rows)) * sizeof(float);
}

void trompe_first_layer_pack_filter(
    const trompe_window *window, const float *filter, const float *scale, float *packed,
    trompe_cpu cpu) {
  const Rows rows = rows_of(window);
  const int64_t k = window->y.c, steps = step_count(&rows), tap = 0;
  float *corrections = packed + k * steps, *inverse_scales = corrections + k;
  float *in_order = packed + packed_floats(&rows);
  memset(in_order, 0, (size_t)(k * steps) * sizeof(float));
  for (int64_t f = 0; f < k; f++)
    for (int64_t r = 0; r < window->r; r++)
      for (int64_t i = 0; i < rows.row; i++) in_order[f * steps + step_of(&rows, r, i)] = *filter++;
  for (int64_t f = 0; f < k; f += BLOCK)
    cpu.kernels->f32_pack_b(
        &(trompe_b_source){
            .filter = in_order + f * steps,
            .scale = scale ? scale + f : NULL,
            .taps = &tap,
            .tap_count = 1,
            .steps = steps,
            .step = 1,
            .column = steps,
            .count = 1},
        packed + f * steps, corrections + f, inverse_scales + f);
}

typedef struct {
  const trompe_kernels *kernels;
  Rows rows;
  const float *from, *packed, *cotangent;
  const trompe_epilogue *after;
  float *to;
  float *image;    // with its margin
  float *scratch;  // of all threads
  float *sums;     // of each thread's gradient
  int threads;     // requested
} Call;

// A block more than there is: rows are read by whole blocks.
static int64_t image_floats(const Rows *rows) {
  return (rows->window->x.n * rows->h * rows->w * rows->window->x.c / BLOCK + 2) * BLOCK;
}

// Rows of all images with zeros around them.
static void pad_image(void *context, int thread, int threads) {
  const Call *call = context;
  const trompe_window *w = call->rows.window;
  const trompe_image *x = &w->x;
  const int64_t c = x->c, floats = call->rows.w * c;
  const int64_t first = smaller(w->left, call->rows.w);
  const int64_t count = larger(0, smaller(x->w, call->rows.w - first));
  int64_t begin, end;
  trompe_share(x->n * call->rows.h, thread, threads, &begin, &end);
  for (int64_t i = begin; i < end; i++) {
    const int64_t n = i / call->rows.h, row = i % call->rows.h - w->top;
    float *to = call->image + i * floats;
    if (row < 0 || row >= x->h) {
      memset(to, 0, (size_t)floats * sizeof(float));
      continue;
    }
    memset(to, 0, (size_t)(first * c) * sizeof(float));
    memcpy(
        to + first * c, call->from + (n * x->h + row) * x->w * c,
        (size_t)(count * c) * sizeof(float));
    memset(to + (first + count) * c, 0, (size_t)(floats - (first + count) * c) * sizeof(float));
  }
}

// Where the windows of some pixels of the result begin, and where those stand; beyond the last
// pixel, the first again.
static void find_pixels(
    const Call *call, int64_t first, int64_t count, int64_t *windows, int64_t *pixels) {
  const trompe_window *w = call->rows.window;
  const trompe_image *y = &w->y;
  const Position begin = position_at(first, y->h, y->w);
  const int64_t all = pixels_of(y);
  Position at = begin;
  for (int64_t i = 0; i < count; i++, advance(&at, y->h, y->w)) {
    if (first + i >= all) at = begin;
    const int64_t row = at.n * call->rows.h + at.row * w->stride_y;
    windows[i] = (row * call->rows.w + at.column * w->stride_x) * w->x.c;
    pixels[i] = at.n * y->h * y->w * y->c + (at.row * y->w + at.column) * y->pixel;
  }
}

// What is left of some windows' rows, one window after the other. A whole block is copied each
// time: what is too much is written over.
static void gather_rest(const Call *call, const int64_t *windows, int64_t count, float *to) {
  const Rows *rows = &call->rows;
  const int64_t floats = rows->left_blocks * BLOCK, row = rows->w * rows->window->x.c;
  const int64_t rest = floats - rows->window->r * rows->rest_of_row;
  for (int64_t i = 0; i < count; i++, to += rest) {
    const float *from = call->image + windows[i] + rows->head;
    for (int64_t r = 0; r < rows->window->r; r++, from += row, to += rows->rest_of_row)
      memcpy(to, from, BLOCK * sizeof(float));
    for (int64_t j = 0; j < rest; j++) to[j] = 0;
  }
}

// An A panel, its correction terms and inverse scales.
static int64_t panel_floats(const Rows *rows) { return PANEL * (step_count(rows) + 2); }
static int64_t left_floats(const Rows *rows, int64_t pixels) {
  return (pixels * rows->left_blocks + 1) * BLOCK;
}
static int64_t chunk_floats(const Rows *rows) {
  return CHUNK * panel_floats(rows) + left_floats(rows, PANEL);
}

static void pack_panel(const Call *call, const int64_t *windows, float *rest_of_row, float *to) {
  const Rows *rows = &call->rows;
  const int64_t row = rows->w * rows->window->x.c, steps = step_count(rows);
  trompe_pixel pixels[BLOCKS_MAX * PANEL];
  gather_rest(call, windows, PANEL, rest_of_row);
  for (int64_t b = 0; b < block_count(rows); b++)
    for (int64_t i = 0; i < PANEL; i++) {
      const int64_t rest = b - rows->heads;
      pixels[b * PANEL + i].values = rest < 0
                                         ? call->image + windows[i] + b * row
                                         : rest_of_row + (i * rows->left_blocks + rest) * BLOCK;
    }
  call->kernels->f32_pack_a(
      pixels, block_count(rows), 1, to, to + PANEL * steps, to + PANEL * (steps + 1));
}

static void multiply(void *context, int thread, int threads) {
  const Call *call = context;
  const Rows *rows = &call->rows;
  const trompe_image *y = &rows->window->y;
  const int64_t steps = step_count(rows), all = pixels_of(y);
  const int is_nontemporal = trompe_is_nontemporal(call->kernels, y, call->to);
  const float *corrections = call->packed + y->c * steps, *inverse_scales = corrections + y->c;
  float *panels = call->scratch + thread * chunk_floats(rows);
  float *rest_of_row = panels + CHUNK * panel_floats(rows);
  int64_t windows[PANEL], pixels[CHUNK][PANEL], begin, end;
  trompe_share_by_speed((all + PANEL - 1) / PANEL, thread, threads, &begin, &end);
  for (int64_t first = begin; first < end; first += CHUNK) {
    const int64_t count = smaller(CHUNK, end - first);
    for (int64_t t = 0; t < count; t++) {
      find_pixels(call, (first + t) * PANEL, PANEL, windows, pixels[t]);
      pack_panel(call, windows, rest_of_row, panels + t * panel_floats(rows));
    }
    for (int64_t b = 0, blocks; b < y->c; b += blocks * BLOCK) {
      blocks = smaller(call->kernels->nr_blocks, (y->c - b) / BLOCK);
      const trompe_nr_blocks at = {blocks, steps * BLOCK, BLOCK, y->block};
      const trompe_panel columns = {call->packed + b * steps, corrections + b, inverse_scales + b};
      trompe_epilogue after = *call->after;
      const int64_t block = b / BLOCK * y->block;
      after.is_nontemporal = is_nontemporal;
      if (after.bias) after.bias += b;
      if (after.residual) after.residual += block;
      for (int64_t t = 0; t < count; t++) {
        const float *panel = panels + t * panel_floats(rows);
        const trompe_panel packed = {panel, panel + PANEL * steps, panel + PANEL * (steps + 1)};
        trompe_prefetch_pixels next = {0};
        if (t + 1 < count) next.results = pixels[t + 1];
        call->kernels->f32_gemm(
            &packed, &columns, &at, block_count(rows), NULL, &after, call->to + block, pixels[t],
            smaller(PANEL, all - (first + t) * PANEL), &next);
      }
    }
  }
  if (is_nontemporal) trompe_fence_nontemporal();
}

size_t trompe_first_layer_scratch_bytes(const trompe_window *window, int threads) {
  const Rows rows = rows_of(window);
  return (size_t)(image_floats(&rows) + threads * chunk_floats(&rows)) * sizeof(float);
}

void trompe_first_layer_run(
    const trompe_window *window, const trompe_conv_operands *operands, trompe_cpu cpu) {
  Call call = {
      .kernels = cpu.kernels,
      .rows = rows_of(window),
      .from = operands->from,
      .packed = operands->filter,
      .after = operands->after,
      .to = operands->to,
      .image = operands->scratch};
  call.scratch = call.image + image_floats(&call.rows);
  trompe_parallel(pad_image, &call, cpu.threads);
  trompe_parallel(multiply, &call, cpu.threads);
}

static int64_t pixel_block_count(const Rows *rows) {
  return (pixels_of(&rows->window->y) + KC_PIXELS - 1) / KC_PIXELS;
}

static int64_t pixel_block_floats(const Rows *rows) {
  return (block_count(rows) + rows->window->y.c / BLOCK) * BLOCK_FLOATS +
         left_floats(rows, KC_PIXELS);
}

// Floats from one filter's sums to the next: not in the same lines of a cache.
static int64_t sums_row(const Rows *rows) { return step_count(rows) + BLOCK; }
static int64_t sums_floats(const Rows *rows) { return sums_row(rows) * rows->window->y.c; }

// A block of pixels: where their windows begin, and where they are.
typedef struct {
  int64_t count, windows[KC_PIXELS], pixels[KC_PIXELS];
} PixelBlock;

static void pixel_block_at(const Call *call, int64_t index, PixelBlock *pixels_of_block) {
  const int64_t first = index * KC_PIXELS;
  pixels_of_block->count = smaller(KC_PIXELS, pixels_of(&call->rows.window->y) - first);
  find_pixels(
      call, first, pixels_of_block->count, pixels_of_block->windows, pixels_of_block->pixels);
}

// Blocks after the first find the scales of the one before.
static void pack_block(
    const Call *call, const PixelBlock *pixels_of_block, int is_first, float *packed) {
  const Rows *rows = &call->rows;
  const trompe_image *y = &rows->window->y;
  const int64_t row = rows->w * rows->window->x.c, y_blocks = y->c / BLOCK;
  float *rest_of_row = packed + (block_count(rows) + y_blocks) * BLOCK_FLOATS;
  int64_t in_left[KC_PIXELS];
  gather_rest(call, pixels_of_block->windows, pixels_of_block->count, rest_of_row);
  for (int64_t i = 0; i < pixels_of_block->count; i++) in_left[i] = i * rows->left_blocks * BLOCK;
  for (int64_t b = 0; b < block_count(rows) + y_blocks; b++, packed += BLOCK_FLOATS) {
    const int64_t rest = b - rows->heads, y_block = rest - rows->left_blocks;
    const float *from = rest < 0      ? call->image + b * row
                        : y_block < 0 ? rest_of_row + rest * BLOCK
                                      : call->cotangent + y_block * y->block;
    call->kernels->f32_pack_pixels(
        from,
        rest < 0      ? pixels_of_block->windows
        : y_block < 0 ? in_left
                      : pixels_of_block->pixels,
        pixels_of_block->count, !is_first, packed, packed + CORRECTIONS, packed + INVERSE_SCALES);
  }
}

// Prefetches a share of a block's cotangents, which are packed next.
static void prefetch_block(
    const Call *call, const PixelBlock *pixels_of_block, int64_t share, int64_t shares) {
  const trompe_image *y = &call->rows.window->y;
  int64_t begin, end;
  trompe_share(pixels_of_block->count, (int)share, (int)shares, &begin, &end);
  for (int64_t i = begin; i < end; i++)
    for (int64_t b = 0; b < y->c / BLOCK; b++)
      __builtin_prefetch(call->cotangent + b * y->block + pixels_of_block->pixels[i], 0, 2);
}

static void sum_blocks(void *context, int thread, int threads) {
  const Call *call = context;
  const Rows *rows = &call->rows;
  const int64_t blocks = block_count(rows), y_blocks = rows->window->y.c / BLOCK;
  const int64_t at_once = call->kernels->nr_blocks;
  const int64_t x_count = (blocks + at_once - 1) / at_once;
  float *packed = call->scratch + thread * pixel_block_floats(rows);
  float *sums = call->sums + thread * sums_floats(rows);
  PixelBlock both[2], *pixels_of_block = &both[0], *next = &both[1];
  int64_t begin, end;
  // Threads that the pool did not give, or that have no part: their sums must be 0.
  for (int other = thread; other < call->threads; other += threads)
    memset(call->sums + other * sums_floats(rows), 0, (size_t)sums_floats(rows) * sizeof(float));
  trompe_share(pixel_block_count(rows), thread, threads, &begin, &end);
  if (begin < end) pixel_block_at(call, begin, next);
  for (int64_t p = begin; p < end; p++) {
    PixelBlock *const read = next;
    next = pixels_of_block;
    pixels_of_block = read;
    if (p + 1 < end) pixel_block_at(call, p + 1, next);
    pack_block(call, pixels_of_block, p == begin, packed);
    for (int64_t i = 0; i < x_count * y_blocks; i++) {
      const int64_t x = i % x_count * at_once, y = i / x_count;
      const trompe_nr_blocks at = {smaller(at_once, blocks - x), BLOCK_FLOATS, BLOCK_FLOATS, BLOCK};
      float *to = sums + (y * sums_row(rows) + x) * BLOCK;
      if (p + 1 < end) prefetch_block(call, next, i, x_count * y_blocks);
      const trompe_panel of_y = panel_at(packed, blocks + y), of_x = panel_at(packed, x);
      call->kernels->f32_gemm_bwd_weights(
          &of_y, &of_x, &at, (pixels_of_block->count + PANEL - 1) / PANEL, to, sums_row(rows), to,
          sums_row(rows), &(trompe_prefetch_steps){0});
    }
  }
}

size_t trompe_first_layer_bwd_weights_scratch_bytes(const trompe_window *window, int threads) {
  const Rows rows = rows_of(window);
  return (size_t)(image_floats(&rows) + threads * (pixel_block_floats(&rows) + sums_floats(&rows))) *
         sizeof(float);
}

void trompe_first_layer_bwd_weights(
    const trompe_window *window, const trompe_bwd_weights_operands *operands, trompe_cpu cpu) {
  float *filter = operands->filter;
  Call call = {
      .kernels = cpu.kernels,
      .rows = rows_of(window),
      .from = operands->x,
      .cotangent = operands->cotangent,
      .image = operands->scratch,
      .threads = cpu.threads};
  const Rows *rows = &call.rows;
  call.scratch = call.image + image_floats(rows);
  call.sums = call.scratch + cpu.threads * pixel_block_floats(rows);
  trompe_parallel(pad_image, &call, cpu.threads);
  trompe_parallel(sum_blocks, &call, cpu.threads);
  for (int64_t k = 0; k < window->y.c; k++)
    for (int64_t r = 0; r < window->r; r++)
      for (int64_t i = 0; i < rows->row; i++) {
        const float *sums = call.sums + k * sums_row(rows) + step_of(rows, r, i);
        float sum = 0;
        for (int t = 0; t < cpu.threads; t++) sum += sums[t * sums_floats(rows)];
        *filter++ = sum;
      }
}
