// The filter gradient of many channels by Winograd F(4x4, 3x3): GEMMs whose steps are tiles.
#include "conv/winograd_gemm_bwd_weights.h"
#include "conv/winograd_tiles.h"
#include "kernels_gemm_conv.h"
#include "kernels_pointwise.h"
#include "kernels_threads.h"
#include "ukernels/extremes.h"

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

// 16 channels: one element and its correction terms; all elements, and the inverse scales.
static int64_t element_floats(int64_t tiles) { return (steps_of(tiles) + 1) * BLOCK; }
static int64_t block_floats(int64_t tiles) { return ELEMENTS * element_floats(tiles) + BLOCK; }

static int64_t tiles_at_once(const trompe_image *x, const trompe_image *y) {
  const int64_t tiles = steps_of(tile_count(x));
  const int64_t fitting = CHUNK_BYTES / (int64_t)sizeof(float) / ELEMENTS / (x->c + y->c);
  const int64_t most = larger(4 * BLOCK, fitting / BLOCK * BLOCK);
  return larger(BLOCK, steps_of(even_chunk(tiles, most)));
}

// Gradients of 16 filters in 16 channels are made of all elements at once then, and their sums
// never leave the second-level cache.
static int has_few_tiles(const trompe_image *x) {
  return tile_count(x) <= TROMPE_WINOGRAD_FEW_TILES;
}

// Sums of 16 filters at one element: padded, so that the elements do not share cache sets.
static int64_t sums_plane(int64_t channels) { return channels * BLOCK + BLOCK; }

static int64_t sums_floats(const trompe_image *x, const trompe_image *y, trompe_cpu cpu) {
  return has_few_tiles(x) ? cpu.threads * cpu.kernels->nr_blocks * ELEMENTS * sums_plane(BLOCK)
                          : y->c / BLOCK * ELEMENTS * sums_plane(x->c);
}

// Those of a small filter stay in the caches as they are, which registers of 16 floats multiply as
// fast.
static int64_t least_filter(const trompe_kernels *kernels) {
  return kernels->has_wide_vectors && !kernels->has_inner_product ? 64 * 64 + 1 : 64 * 64;
}

int trompe_winograd_bwd_weights_uses_gemm(int64_t c, int64_t k, trompe_cpu cpu) {
  return smaller(c, k) >= BLOCK * cpu.threads && c * k >= least_filter(cpu.kernels);
}

size_t trompe_winograd_gemm_bwd_weights_scratch_bytes(
    const trompe_image *x, const trompe_image *y, trompe_cpu cpu) {
  const int64_t block = block_floats(tiles_at_once(x, y));
  return (size_t)((x->c + y->c) / BLOCK * block + sums_floats(x, y, cpu)) * sizeof(float);
}

// What is packed, and where to.
typedef struct {
  const trompe_image *image;
  const float *from;
  int is_cotangent;
  float *values;
} Operand;

static void pack_operand(const Call *call, const Operand *operand, int thread, int threads) {
  int64_t begin, end;
  trompe_share_by_speed(operand->image->c / BLOCK, thread, threads, &begin, &end);
  for (int64_t b = begin; b < end; b++)
    call->kernels->f32_wino_f4x3_pack_tiles(
        operand->image, operand->from, call->first, call->count, b, operand->is_cotangent,
        operand->values + b * block_floats(call->count), element_floats(call->count));
}

static void pack_tiles(void *context, int thread, int threads) {
  const Call *call = context;
  const Operand x = {call->x, call->from, 0, call->x_values};
  const Operand y = {call->y, call->cotangent, 1, call->y_values};
  pack_operand(call, &x, thread, threads);
  pack_operand(call, &y, thread, threads);
}

// Where the sums of a block of 16 filters go, and floats from one block to the next.
typedef struct {
  float *values;
  int64_t block;
} Sums;

// Sums of blocks of 16 filters (B) in 16 channels (A) at one element, and of the chunks before.
static void multiply(
    const Call *call, int64_t element, int64_t c, int64_t k, int64_t blocks, Sums sums) {
  const int64_t block = block_floats(call->count), plane = element_floats(call->count);
  const int64_t steps = steps_of(call->count);
  const float *x = call->x_values + c * block, *y = call->y_values + k * block;
  const float *rows = x + element * plane, *columns = y + element * plane;
  const trompe_panel of_rows = {rows, rows + steps * BLOCK, x + ELEMENTS * plane};
  const trompe_panel of_columns = {columns, columns + steps * BLOCK, y + ELEMENTS * plane};
  const trompe_nr_blocks at = {blocks, block, block, sums.block};
  call->kernels->f32_gemm_bwd_weights(
      &of_rows, &of_columns, &at, steps / BLOCK, call->first ? sums.values : NULL, BLOCK,
      sums.values, BLOCK, &(trompe_prefetch_steps){0});
}

// Threads share the filters ...
static void write_blocks(void *context, int thread, int threads) {
  const Call *call = context;
  const int64_t channels = call->x->c, plane = sums_plane(BLOCK);
  const int64_t at_once = call->kernels->nr_blocks;
  float *sums = call->sums + thread * at_once * ELEMENTS * plane;
  int64_t begin, end;
  trompe_share_by_speed(call->y->c / BLOCK, thread, threads, &begin, &end);
  for (int64_t k = begin, blocks; k < end; k += blocks) {
    blocks = smaller(at_once, end - k);
    for (int64_t c = 0; c < channels / BLOCK; c++) {
      for (int64_t element = 0; element < ELEMENTS; element++)
        multiply(call, element, c, k, blocks, (Sums){sums + element * plane, ELEMENTS * plane});
      for (int64_t i = 0; i < blocks; i++)
        call->kernels->f32_wino_f4x3_filter_gradient(
            sums + i * ELEMENTS * plane, plane, channels, BLOCK,
            call->filter + ((k + i) * 9 * channels + c) * BLOCK);
    }
  }
}

// ... or the elements, and then the filters.
static void add_elements(void *context, int thread, int threads) {
  const Call *call = context;
  const int64_t channels = call->x->c, plane = sums_plane(channels);
  int64_t begin, end;
  trompe_share_by_speed(ELEMENTS, thread, threads, &begin, &end);
  for (int64_t element = begin; element < end; element++)
    for (int64_t k = 0, blocks; k < call->y->c / BLOCK; k += blocks) {
      blocks = smaller(call->kernels->nr_blocks, call->y->c / BLOCK - k);
      for (int64_t c = 0; c < channels / BLOCK; c++) {
        float *values = call->sums + (k * ELEMENTS + element) * plane + c * BLOCK * BLOCK;
        multiply(call, element, c, k, blocks, (Sums){values, ELEMENTS * plane});
      }
    }
}

static void write_filters(void *context, int thread, int threads) {
  const Call *call = context;
  const int64_t channels = call->x->c, plane = sums_plane(channels);
  int64_t begin, end;
  trompe_share_by_speed(call->y->c / BLOCK, thread, threads, &begin, &end);
  for (int64_t k = begin; k < end; k++)
    call->kernels->f32_wino_f4x3_filter_gradient(
        call->sums + k * ELEMENTS * plane, plane, channels, channels,
        call->filter + k * BLOCK * 9 * channels);
}

void trompe_winograd_gemm_bwd_weights(
    const trompe_image *x, const trompe_image *y, const trompe_bwd_weights_operands *operands,
    trompe_cpu cpu) {
  Call call = {
      .kernels = cpu.kernels,
      .x = x,
      .y = y,
      .from = operands->x,
      .cotangent = operands->cotangent,
      .filter = operands->filter,
      .at_once = tiles_at_once(x, y)};
  const int64_t tiles = tile_count(x), block = block_floats(call.at_once);
  call.x_values = operands->scratch;
  call.y_values = call.x_values + x->c / BLOCK * block;
  call.sums = call.y_values + y->c / BLOCK * block;
  for (; call.first < tiles; call.first += call.at_once) {
    call.count = smaller(call.at_once, tiles - call.first);
    trompe_parallel(pack_tiles, &call, cpu.threads);
    trompe_parallel(has_few_tiles(x) ? write_blocks : add_elements, &call, cpu.threads);
  }
  if (!has_few_tiles(x)) trompe_parallel(write_filters, &call, cpu.threads);
}
