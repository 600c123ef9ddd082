// The gradient in a filter by products of packed matrices, whose steps are pixels.
#include <string.h>

#include "isa/table.h"
#include "kernels_packed.h"
#include "kernels_threads.h"
#include "pixel_part.h"
#include "points.h"

enum {
  BLOCK = 16,
  TILE = 16,
  // Blocks of channels on either side of a group of filters: its sums stay in the second-level cache
  // beside two parts. A few more than 16, so that a thread whose share is a little more than 16 or 32 has
  // as many groups as the others.
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
  int threads;         // that were asked for
} Call;

// The gradient in the filter is a sum over parts of the pixels.
static int64_t part_count(const Call *call) {
  return (pixel_count(&call->x) + PART_PIXELS - 1) / PART_PIXELS;
}

static int64_t block_count(const Call *call) { return (call->x.c + call->y.c) / BLOCK; }

// The pixels of a part, and where they stand in both images.
typedef struct {
  int64_t count, x[PART_PIXELS], y[PART_PIXELS];
} Part;

static Part part_at(const Call *call, int64_t index) {
  Part part;
  const int64_t first = index * PART_PIXELS;
  part.count = smaller(PART_PIXELS, pixel_count(&call->x) - first);
  trompe_pixel_offsets(&call->x, first, part.count, part.x);
  trompe_pixel_offsets(&call->y, first, part.count, part.y);
  return part;
}

// 16 channels: blocks of x, then those of y.
static const float *block_at(
    const Call *call, const Part *part, int64_t block, const int64_t **offsets) {
  const int64_t y_block = block - call->x.c / BLOCK;
  *offsets = y_block < 0 ? part->x : part->y;
  return y_block < 0 ? call->from + block * call->x.block
                     : call->cotangent + y_block * call->y.block;
}

// Parts after the first find the scales of the one before.
static void read_part(const Call *call, const Part *part, int is_first, float *packed) {
  for (int64_t b = 0; b < block_count(call); b++) {
    const int64_t *offsets;
    const float *from = block_at(call, part, b, &offsets);
    float *to = packed + b * BLOCK_FLOATS;
    call->kernels->packed_read_columns(
        from, offsets, part->count, !is_first, to, to + PRODUCTS, to + INVERSES);
  }
}

// What of a part, which is packed soon, is asked for: tiles of one block after the other.
typedef struct {
  const Part *part;
  int64_t block, tile, at_once;
} Asking;

// All of it in so many times, if possible.
static Asking ask_in(const Call *call, const Part *part, int64_t times) {
  const int64_t tiles = part->count / TILE, all = tiles * block_count(call);
  return (Asking){part, 0, 0, smaller((all + times - 1) / times, tiles)};
}

static trompe_next_columns next_columns(const Call *call, Asking *asking) {
  trompe_next_columns next = {0};
  if (!asking->at_once || asking->block == block_count(call)) return next;
  const int64_t tiles = asking->part->count / TILE;
  const int64_t count = smaller(asking->at_once, tiles - asking->tile);
  next.image = block_at(call, asking->part, asking->block, &next.offsets);
  next.offsets += asking->tile * TILE;
  next.lines = count * TILE;
  asking->tile += count;
  if (asking->tile == tiles) asking->tile = 0, asking->block++;
  return next;
}

// Floats from one filter's sums to the next: not in the same lines of a cache.
static int64_t sums_row(const Call *call) { return call->x.c + BLOCK; }
static int64_t packed_floats(const Call *call) { return BLOCK_FLOATS * block_count(call); }
static int64_t sums_floats(const Call *call) { return sums_row(call) * call->y.c; }

// Sums over some of the parts, the gradients of 16 filters in 16 channels after the other, while the next
// part is asked for. The last one's sums go to the result, if it is not NULL.
static void sum_parts(
    const Call *call, int64_t begin, int64_t end, float *packed, float *sums, float *result) {
  const int64_t x_blocks = call->x.c / BLOCK, y_blocks = call->y.c / BLOCK;
  const int64_t at_once = call->kernels->nr_blocks;
  const int64_t all = (x_blocks + at_once - 1) / at_once * y_blocks;
  Part part, next;
  if (begin < end) next = part_at(call, begin);
  for (int64_t p = begin; p < end; p++) {
    part = next;
    read_part(call, &part, p == begin, packed);
    if (p + 1 < end) next = part_at(call, p + 1);
    const int is_last = result && p + 1 == end;
    float *to = is_last ? result : sums;
    const int64_t row = is_last ? call->filter_row : sums_row(call);
    Asking asking = {0};
    if (p + 1 < end) asking = ask_in(call, &next, all);
    // Columns, of which there are more, stay in the first-level cache while rows pass by.
    for (int64_t i = 0; i < all; i++) {
      const trompe_next_columns wanted = next_columns(call, &asking);
      const int64_t x = i / y_blocks * at_once, y = i % y_blocks;
      const trompe_column_blocks at = {
          smaller(at_once, x_blocks - x), BLOCK_FLOATS, BLOCK_FLOATS, BLOCK};
      const trompe_packed rows = packed_at(packed, x_blocks + y), columns = packed_at(packed, x);
      call->kernels->packed_write_filter(
          &rows, &columns, &at,
          (part.count + TILE - 1) / TILE,
          p > begin ? sums + (y * sums_row(call) + x) * BLOCK : NULL, sums_row(call),
          to + (y * row + x) * BLOCK, row, &wanted);
    }
  }
}

// Threads share the parts of a small filter, each with sums of its own ...
static int shares_parts(const Call *call) {
  return call->x.c * call->y.c <= SMALL_FILTER &&
         pixel_count(&call->x) >= 2 * PART_PIXELS * call->threads;
}

static float *sums_of(const Call *call, int thread) {
  return call->scratch + call->threads * packed_floats(call) + thread * sums_floats(call);
}

static void sum_shared_parts(void *context, int thread, int threads) {
  const Call *call = context;
  // Threads that the pool did not give: their share is empty, their sums must be 0.
  for (int missing = thread + threads; missing < call->threads; missing += threads)
    memset(sums_of(call, missing), 0, (size_t)sums_floats(call) * sizeof(float));
  int64_t begin, end;
  trompe_share(part_count(call), thread, threads, &begin, &end);
  sum_parts(
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
  Call part = *call;
  part.x.c = (x_last - x_first) * BLOCK;
  part.from += x_first * call->x.block;
  part.y.c = (y_last - y_first) * BLOCK;
  part.cotangent += y_first * call->y.block;
  part.to += x_first * BLOCK + y_first * BLOCK * call->filter_row;
  return part;
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
    sum_parts(&group, 0, part_count(call), packed, packed + packed_floats(&group), group.to);
  }
}

static Call gradient_call(const trompe_window *window, const Point *point, trompe_cpu cpu) {
  return (Call){.kernels = cpu.kernels, .x = point->x, .y = point->y, .threads = cpu.threads,
                .filter_row = point_count(window) * window->x.c};
}

size_t trompe_packed_gradient_scratch_bytes(const trompe_window *window, trompe_cpu cpu) {
  int64_t largest = 0;
  for (int64_t i = 0; i < point_count(window); i++) {
    const Point point = trompe_point_at(window, i);
    const Call call = gradient_call(window, &point, cpu);
    const int64_t floats = shares_parts(&call) ? packed_floats(&call) + sums_floats(&call)
                                               : group_floats(&call);
    largest = larger(largest, cpu.threads * floats);
  }
  return (size_t)largest * sizeof(float);
}

void trompe_packed_filter_gradient(
    const trompe_window *window, const float *x, const float *cotangent, float *filter,
    void *scratch, trompe_cpu cpu) {
  for (int64_t i = 0; i < point_count(window); i++) {
    const Point point = trompe_point_at(window, i);
    Call call = gradient_call(window, &point, cpu);
    call.from = x + point.x_first;
    call.cotangent = cotangent + point.y_first;
    call.to = filter + i * call.x.c;
    call.scratch = scratch;
    if (shares_parts(&call)) {
      trompe_parallel(sum_shared_parts, &call, cpu.threads);
      trompe_parallel(add_sums, &call, cpu.threads);
    } else {
      trompe_parallel(sum_groups, &call, cpu.threads);
    }
    // A point that lies outside of the image for all pixels.
    for (int64_t k = 0; !part_count(&call) && k < call.y.c; k++)
      memset(call.to + k * call.filter_row, 0, (size_t)call.x.c * sizeof(float));
  }
}
