// The filter gradient by GEMMs whose steps are pixels, of each tap in turn.
#include <string.h>

#include "arch/kernel_table.h"
#include "conv/filter_taps.h"
#include "conv/pixel_block.h"
#include "kernels_gemm_conv.h"
#include "kernels_threads.h"

enum {
  BLOCK = 16,
  PANEL = 16,
  // Blocks of channels on either side of a group of filters: its sums stay in the second-level
  // cache beside two blocks of pixels. A few more than 16, so that a thread whose share is a little
  // more than 16 or 32 has as many groups as the others.
  GROUP_BLOCKS = 18,
  // Channels times channels of a filter that is small.
  SMALL_FILTER = 128 * 256,
};

typedef struct {
  const trompe_kernels *kernels;
  Grid x, y;
  const float *from, *cotangent;
  float *to, *scratch;
  int64_t filter_row;  // floats from a filter to the next
  int threads;         // requested
} Call;

// The gradient is a sum over blocks of pixels.
static int64_t pixel_block_count(const Call *call) {
  return (pixel_count(&call->x) + KC_PIXELS - 1) / KC_PIXELS;
}

static int64_t block_count(const Call *call) { return (call->x.c + call->y.c) / BLOCK; }

// A block of pixels, and where they are in both images.
typedef struct {
  int64_t count, x[KC_PIXELS], y[KC_PIXELS];
} PixelBlock;

static PixelBlock pixel_block_at(const Call *call, int64_t index) {
  PixelBlock pixels_of_block;
  const int64_t first = index * KC_PIXELS;
  pixels_of_block.count = smaller(KC_PIXELS, pixel_count(&call->x) - first);
  trompe_pixel_offsets(&call->x, first, pixels_of_block.count, pixels_of_block.x);
  trompe_pixel_offsets(&call->y, first, pixels_of_block.count, pixels_of_block.y);
  return pixels_of_block;
}

// 16 channels: blocks of x, then those of y.
static const float *block_at(
    const Call *call, const PixelBlock *pixels_of_block, int64_t block, const int64_t **offsets) {
  const int64_t y_block = block - call->x.c / BLOCK;
  *offsets = y_block < 0 ? pixels_of_block->x : pixels_of_block->y;
  return y_block < 0 ? call->from + block * call->x.block
                     : call->cotangent + y_block * call->y.block;
}

// Blocks after the first find the scales of the one before.
static void pack_block(
    const Call *call, const PixelBlock *pixels_of_block, int is_first, float *packed) {
  for (int64_t b = 0; b < block_count(call); b++) {
    const int64_t *offsets;
    const float *from = block_at(call, pixels_of_block, b, &offsets);
    float *to = packed + b * BLOCK_FLOATS;
    call->kernels->f32_pack_pixels(
        from, offsets, pixels_of_block->count, !is_first, to, to + CORRECTIONS,
        to + INVERSE_SCALES);
  }
}

// What is prefetched of a block of pixels that is packed next: 16 pixels at a time, of one block of
// channels after the other.
typedef struct {
  const PixelBlock *pixels_of_block;
  int64_t block, panel, at_once;
} PrefetchCursor;

// All of it in so many times, if possible.
static PrefetchCursor spread_prefetch(
    const Call *call, const PixelBlock *pixels_of_block, int64_t times) {
  const int64_t panels = pixels_of_block->count / PANEL, all = panels * block_count(call);
  return (PrefetchCursor){pixels_of_block, 0, 0, smaller((all + times - 1) / times, panels)};
}

static trompe_prefetch_steps next_columns(const Call *call, PrefetchCursor *cursor) {
  trompe_prefetch_steps next = {0};
  if (!cursor->at_once || cursor->block == block_count(call)) return next;
  const int64_t panels = cursor->pixels_of_block->count / PANEL;
  const int64_t count = smaller(cursor->at_once, panels - cursor->panel);
  next.image = block_at(call, cursor->pixels_of_block, cursor->block, &next.offsets);
  next.offsets += cursor->panel * PANEL;
  next.lines = count * PANEL;
  cursor->panel += count;
  if (cursor->panel == panels) cursor->panel = 0, cursor->block++;
  return next;
}

// Floats from one filter's sums to the next: not in the same lines of a cache.
static int64_t sums_row(const Call *call) { return call->x.c + BLOCK; }
static int64_t packed_floats(const Call *call) { return BLOCK_FLOATS * block_count(call); }
static int64_t sums_floats(const Call *call) { return sums_row(call) * call->y.c; }

// Sums over some blocks of pixels, of 16 filters in 16 channels after the other, while the next
// block is prefetched. The last one's sums go to the result, if it is not NULL.
static void sum_blocks(
    const Call *call, int64_t begin, int64_t end, float *packed, float *sums, float *result) {
  const int64_t x_blocks = call->x.c / BLOCK, y_blocks = call->y.c / BLOCK;
  const int64_t at_once = call->kernels->nr_blocks;
  const int64_t all = (x_blocks + at_once - 1) / at_once * y_blocks;
  PixelBlock pixels_of_block, next;
  if (begin < end) next = pixel_block_at(call, begin);
  for (int64_t p = begin; p < end; p++) {
    pixels_of_block = next;
    pack_block(call, &pixels_of_block, p == begin, packed);
    if (p + 1 < end) next = pixel_block_at(call, p + 1);
    const int is_last = result && p + 1 == end;
    float *to = is_last ? result : sums;
    const int64_t row = is_last ? call->filter_row : sums_row(call);
    PrefetchCursor cursor = {0};
    if (p + 1 < end) cursor = spread_prefetch(call, &next, all);
    // B panels, of which there are more, stay in the first-level cache while A panels pass by.
    for (int64_t i = 0; i < all; i++) {
      const trompe_prefetch_steps prefetch = next_columns(call, &cursor);
      const int64_t x = i / y_blocks * at_once, y = i % y_blocks;
      const trompe_nr_blocks at = {
          smaller(at_once, x_blocks - x), BLOCK_FLOATS, BLOCK_FLOATS, BLOCK};
      const trompe_panel rows = panel_at(packed, x_blocks + y), columns = panel_at(packed, x);
      call->kernels->f32_gemm_bwd_weights(
          &rows, &columns, &at, (pixels_of_block.count + PANEL - 1) / PANEL,
          p > begin ? sums + (y * sums_row(call) + x) * BLOCK : NULL, sums_row(call),
          to + (y * row + x) * BLOCK, row, &prefetch);
    }
  }
}

// Threads share the blocks of a small filter, each with sums of its own ...
static int shares_blocks(const Call *call) {
  return call->x.c * call->y.c <= SMALL_FILTER &&
         pixel_count(&call->x) >= 2 * KC_PIXELS * call->threads;
}

static float *sums_of(const Call *call, int thread) {
  return call->scratch + call->threads * packed_floats(call) + thread * sums_floats(call);
}

static void sum_shared_blocks(void *context, int thread, int threads) {
  const Call *call = context;
  // Threads that the pool did not give: their share is empty, their sums must be 0.
  for (int missing = thread + threads; missing < call->threads; missing += threads)
    memset(sums_of(call, missing), 0, (size_t)sums_floats(call) * sizeof(float));
  int64_t begin, end;
  trompe_share(pixel_block_count(call), thread, threads, &begin, &end);
  sum_blocks(
      call, begin, end, call->scratch + thread * packed_floats(call), sums_of(call, thread), NULL);
}

static void add_sums(void *context, int thread, int threads) {
  const Call *call = context;
  int64_t begin, end;
  trompe_share(call->y.c, thread, threads, &begin, &end);
  for (int64_t k = begin; k < end; k++) {
    float *to = call->to + k * call->filter_row;
    const float *sums = sums_of(call, 0) + k * sums_row(call);
    if (call->threads == 1) memcpy(to, sums, (size_t)call->x.c * sizeof(float));
    for (int other = 1; other < call->threads; other++, sums = to)
      call->kernels->binary[TROMPE_ADD - TROMPE_ADD](
          to, sums, sums_of(call, other) + k * sums_row(call), call->x.c);
  }
}

// ... or the channels, or the filters, of a large one, by groups of both.
static int64_t group_count(int64_t blocks) { return (blocks + GROUP_BLOCKS - 1) / GROUP_BLOCKS; }

// Blocks of channels and filters, as a convolution of its own.
static Call blocks_of(
    const Call *call, int64_t x_first, int64_t x_last, int64_t y_first, int64_t y_last) {
  Call pixels_of_block = *call;
  pixels_of_block.x.c = (x_last - x_first) * BLOCK;
  pixels_of_block.from += x_first * call->x.block;
  pixels_of_block.y.c = (y_last - y_first) * BLOCK;
  pixels_of_block.cotangent += y_first * call->y.block;
  pixels_of_block.to += x_first * BLOCK + y_first * BLOCK * call->filter_row;
  return pixels_of_block;
}

// What a thread does.
static Call share_of(const Call *call, int thread, int threads) {
  const int64_t x_blocks = call->x.c / BLOCK, y_blocks = call->y.c / BLOCK;
  int64_t begin, end;
  trompe_share_by_speed(larger(x_blocks, y_blocks), thread, threads, &begin, &end);
  return x_blocks > y_blocks ? blocks_of(call, begin, end, 0, y_blocks)
                             : blocks_of(call, 0, x_blocks, begin, end);
}

// Scratch of a thread: of the largest group.
static int64_t group_floats(const Call *call) {
  const Call largest = blocks_of(
      call, 0, smaller(GROUP_BLOCKS, call->x.c / BLOCK), 0,
      smaller(GROUP_BLOCKS, call->y.c / BLOCK));
  return packed_floats(&largest) + sums_floats(&largest);
}

static void sum_groups(void *context, int thread, int threads) {
  const Call *call = context;
  float *packed = call->scratch + thread * group_floats(call);
  const Call share = share_of(call, thread, threads);
  const int64_t x_blocks = share.x.c / BLOCK, y_blocks = share.y.c / BLOCK;
  const int64_t x_groups = group_count(x_blocks), y_groups = group_count(y_blocks);
  for (int64_t g = 0; g < x_groups * y_groups; g++) {
    int64_t x_first, x_last, y_first, y_last;
    trompe_share(x_blocks, (int)(g % x_groups), (int)x_groups, &x_first, &x_last);
    trompe_share(y_blocks, (int)(g / x_groups), (int)y_groups, &y_first, &y_last);
    const Call group = blocks_of(&share, x_first, x_last, y_first, y_last);
    sum_blocks(
        &group, 0, pixel_block_count(call), packed, packed + packed_floats(&group), group.to);
  }
}

static Call gradient_call(const trompe_window *window, const TapOperands *tap, trompe_cpu cpu) {
  return (Call){
      .kernels = cpu.kernels,
      .x = tap->x,
      .y = tap->y,
      .threads = cpu.threads,
      .filter_row = window_taps(window) * window->x.c};
}

size_t trompe_gemm_bwd_weights_scratch_bytes(const trompe_window *window, trompe_cpu cpu) {
  int64_t largest = 0;
  for (int64_t i = 0; i < window_taps(window); i++) {
    const TapOperands tap = trompe_tap_operands_at(window, i);
    const Call call = gradient_call(window, &tap, cpu);
    const int64_t floats =
        shares_blocks(&call) ? packed_floats(&call) + sums_floats(&call) : group_floats(&call);
    largest = larger(largest, cpu.threads * floats);
  }
  return (size_t)largest * sizeof(float);
}

void trompe_gemm_bwd_weights(
    const trompe_window *window, const trompe_bwd_weights_operands *operands, trompe_cpu cpu) {
  for (int64_t i = 0; i < window_taps(window); i++) {
    const TapOperands tap = trompe_tap_operands_at(window, i);
    Call call = gradient_call(window, &tap, cpu);
    call.from = operands->x + tap.x_first;
    call.cotangent = operands->cotangent + tap.y_first;
    call.to = operands->filter + i * call.x.c;
    call.scratch = operands->scratch;
    if (shares_blocks(&call)) {
      trompe_parallel(sum_shared_blocks, &call, cpu.threads);
      trompe_parallel(add_sums, &call, cpu.threads);
    } else {
      trompe_parallel(sum_groups, &call, cpu.threads);
    }
    // A tap that lies outside of the image for all pixels.
    for (int64_t k = 0; !pixel_block_count(&call) && k < call.y.c; k++)
      memset(call.to + k * call.filter_row, 0, (size_t)call.x.c * sizeof(float));
  }
}
