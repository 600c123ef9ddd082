// The gradient in a filter of many channels by minimal filtering: a sum over tiles, which are the steps of
// products.
#include "extremes.h"
#include "kernels_packed.h"
#include "kernels_pointwise.h"
#include "kernels_threads.h"
#include "winograd_packed_gradient.h"
#include "winograd_tiles.h"

// Values of the tiles over which sums run before they are stored: in the third-level cache.
enum { CHUNK_BYTES = 4 << 20 };

typedef struct {
  const trompe_kernels *kernels;
  const trompe_image *x, *y;
  const float *from, *cotangent;
  float *filter;
  float *x_values, *y_values, *sums;
  int64_t at_once, first, count;  // tiles: of a chunk at most, and those of this one
} Call;

static int64_t steps_of(int64_t tiles) { return (tiles + BLOCK - 1) / BLOCK * BLOCK; }

// Of one point of 16 channels, and what is taken off; of all points, and what undoes the scale.
static int64_t point_floats(int64_t tiles) { return (steps_of(tiles) + 1) * BLOCK; }
static int64_t block_floats(int64_t tiles) { return POINTS * point_floats(tiles) + BLOCK; }

static int64_t tiles_at_once(const trompe_image *x, const trompe_image *y) {
  const int64_t tiles = steps_of(tile_count(x));
  const int64_t fitting = CHUNK_BYTES / (int64_t)sizeof(float) / POINTS / (x->c + y->c);
  const int64_t most = larger(4 * BLOCK, fitting / BLOCK * BLOCK);
  return larger(BLOCK, steps_of(even_chunk(tiles, most)));
}

// Gradients of 16 filters in 16 channels are made of all points at once then, and their sums never leave
// the second-level cache.
static int has_few_tiles(const trompe_image *x) {
  return tile_count(x) <= TROMPE_WINOGRAD_FEW_TILES;
}

// Sums of 16 filters at one point: not in the same lines of a cache as those of the next.
static int64_t sums_plane(int64_t channels) { return channels * BLOCK + BLOCK; }

static int64_t sums_floats(const trompe_image *x, const trompe_image *y, trompe_cpu cpu) {
  return has_few_tiles(x) ? cpu.threads * cpu.kernels->nr_blocks * POINTS * sums_plane(BLOCK)
                          : y->c / BLOCK * POINTS * sums_plane(x->c);
}

// Those of a small filter stay in the caches as they are, which registers of 16 floats multiply as fast.
static int64_t least_filter(const trompe_kernels *kernels) {
  return kernels->has_wide_vectors && !kernels->has_inner_product ? 64 * 64 + 1 : 64 * 64;
}

int trompe_winograd_gradient_is_packed(int64_t c, int64_t k, trompe_cpu cpu) {
  return smaller(c, k) >= BLOCK * cpu.threads && c * k >= least_filter(cpu.kernels);
}

size_t trompe_winograd_packed_gradient_scratch_bytes(
    const trompe_image *x, const trompe_image *y, trompe_cpu cpu) {
  const int64_t block = block_floats(tiles_at_once(x, y));
  return (size_t)((x->c + y->c) / BLOCK * block + sums_floats(x, y, cpu)) * sizeof(float);
}

static void read_blocks(
    const Call *call, const trompe_image *image, const float *from, int is_cotangent, float *values,
    int thread, int threads) {
  int64_t begin, end;
  trompe_share_by_speed(image->c / BLOCK, thread, threads, &begin, &end);
  for (int64_t b = begin; b < end; b++)
    call->kernels->winograd_packed_read_columns(
        image, from, call->first, call->count, b, is_cotangent,
        values + b * block_floats(call->count), point_floats(call->count));
}

static void read_tiles(void *context, int thread, int threads) {
  const Call *call = context;
  read_blocks(call, call->x, call->from, 0, call->x_values, thread, threads);
  read_blocks(call, call->y, call->cotangent, 1, call->y_values, thread, threads);
}

// Sums of blocks of 16 filters (columns) in 16 channels (rows) at one point, and of the chunks before.
static void multiply(
    const Call *call, int64_t point, int64_t c, int64_t k, int64_t blocks, float *sums,
    int64_t sums_block) {
  const int64_t block = block_floats(call->count), plane = point_floats(call->count);
  const int64_t steps = steps_of(call->count);
  const float *x = call->x_values + c * block, *y = call->y_values + k * block;
  const float *rows = x + point * plane, *columns = y + point * plane;
  const trompe_packed of_rows = {rows, rows + steps * BLOCK, x + POINTS * plane};
  const trompe_packed of_columns = {columns, columns + steps * BLOCK, y + POINTS * plane};
  const trompe_column_blocks at = {blocks, block, block, sums_block};
  call->kernels->packed_write_filter(
      &of_rows, &of_columns, &at, steps / BLOCK, call->first ? sums : NULL, BLOCK, sums, BLOCK,
      &(trompe_next_columns){0});
}

// Threads share the filters ...
static void write_blocks(void *context, int thread, int threads) {
  const Call *call = context;
  const int64_t channels = call->x->c, plane = sums_plane(BLOCK);
  const int64_t at_once = call->kernels->nr_blocks;
  float *sums = call->sums + thread * at_once * POINTS * plane;
  int64_t begin, end;
  trompe_share_by_speed(call->y->c / BLOCK, thread, threads, &begin, &end);
  for (int64_t k = begin, blocks; k < end; k += blocks) {
    blocks = smaller(at_once, end - k);
    for (int64_t c = 0; c < channels / BLOCK; c++) {
      for (int64_t point = 0; point < POINTS; point++)
        multiply(call, point, c, k, blocks, sums + point * plane, POINTS * plane);
      for (int64_t i = 0; i < blocks; i++)
        call->kernels->winograd_write_filter(
            sums + i * POINTS * plane, plane, channels, BLOCK,
            call->filter + ((k + i) * 9 * channels + c) * BLOCK);
    }
  }
}

// ... or the points, and then the filters.
static void add_points(void *context, int thread, int threads) {
  const Call *call = context;
  const int64_t channels = call->x->c, plane = sums_plane(channels);
  int64_t begin, end;
  trompe_share_by_speed(POINTS, thread, threads, &begin, &end);
  for (int64_t point = begin; point < end; point++)
    for (int64_t k = 0, blocks; k < call->y->c / BLOCK; k += blocks) {
      blocks = smaller(call->kernels->nr_blocks, call->y->c / BLOCK - k);
      for (int64_t c = 0; c < channels / BLOCK; c++)
        multiply(
            call, point, c, k, blocks,
            call->sums + (k * POINTS + point) * plane + c * BLOCK * BLOCK, POINTS * plane);
    }
}

static void write_filters(void *context, int thread, int threads) {
  const Call *call = context;
  const int64_t channels = call->x->c, plane = sums_plane(channels);
  int64_t begin, end;
  trompe_share_by_speed(call->y->c / BLOCK, thread, threads, &begin, &end);
  for (int64_t k = begin; k < end; k++)
    call->kernels->winograd_write_filter(
        call->sums + k * POINTS * plane, plane, channels, channels,
        call->filter + k * BLOCK * 9 * channels);
}

void trompe_winograd_packed_filter_gradient(
    const trompe_image *x, const float *from, const trompe_image *y, const float *cotangent,
    float *filter, void *scratch, trompe_cpu cpu) {
  Call call = {.kernels = cpu.kernels, .x = x, .y = y, .from = from, .cotangent = cotangent,
               .filter = filter, .at_once = tiles_at_once(x, y)};
  const int64_t tiles = tile_count(x), block = block_floats(call.at_once);
  call.x_values = scratch;
  call.y_values = call.x_values + x->c / BLOCK * block;
  call.sums = call.y_values + y->c / BLOCK * block;
  for (; call.first < tiles; call.first += call.at_once) {
    call.count = smaller(call.at_once, tiles - call.first);
    trompe_parallel(read_tiles, &call, cpu.threads);
    trompe_parallel(has_few_tiles(x) ? write_blocks : add_points, &call, cpu.threads);
  }
  if (!has_few_tiles(x)) trompe_parallel(write_filters, &call, cpu.threads);
}
