// The filter gradient by Winograd F(4x4, 3x3): of few channels here, of more by GEMMs of packed
// panels (winograd_gemm_bwd_weights.c).
#include <string.h>

#include "arch/kernel_table.h"
#include "conv/winograd_gemm_bwd_weights.h"
#include "conv/winograd_tiles.h"
#include "kernels_threads.h"
#include "kernels_winograd.h"
#include "ukernels/extremes.h"

enum {
  // Elements of a chunk of tiles, of both images: they stay in the second-level cache where a
  // filter's do too.
  CHUNK_BYTES = 384 * 1024,
  // As many tiles as make up for reading a large filter once more.
  CHUNK_MIN = 24,
  // Filters that are large then: channels read times channels written.
  LARGE_FILTER = 64 * 64,
  // Floats between planes beyond their length, so that 36 of them are not in the same lines.
  SKEW = 16,
};

// Tiles that a thread does at once.
static int64_t chunk(const trompe_image *x, const trompe_image *y, int threads) {
  const int64_t fitting = CHUNK_BYTES / (int64_t)sizeof(float) / ELEMENTS / (x->c + y->c);
  const int64_t share = (tile_count(x) + threads - 1) / threads;
  return larger(1, smaller(larger(fitting, CHUNK_MIN), share));
}

static int64_t plane(int64_t tiles, int64_t channels) { return tiles * channels + SKEW; }

// Where the values of so many tiles stand.
static trompe_wino_layout values_at(int64_t tiles, int64_t channels) {
  return (trompe_wino_layout){plane(tiles, channels), channels, BLOCK};
}

// Bytes of the values of filters.
static size_t filter_bytes(int64_t c, int64_t k) {
  return ELEMENTS * (size_t)plane(c, k) * sizeof(float);
}

typedef struct {
  const trompe_kernels *kernels;
  const trompe_image *x, *y;
  const float *from, *cotangent;
  float *to, *scratch;
  int64_t chunk;
  int threads;  // requested
} Call;

// Floats of the values of so many tiles of both images.
static int64_t values(const trompe_image *x, const trompe_image *y, int64_t tiles) {
  return ELEMENTS * (plane(tiles, x->c) + plane(tiles, y->c));
}

// Bytes of the scratch of a chunk for each thread.
static size_t chunk_bytes(const trompe_image *x, const trompe_image *y, int threads) {
  return (size_t)(values(x, y, chunk(x, y, threads)) * threads) * sizeof(float);
}

// Whether a filter gradient keeps the values of all tiles.
static int keeps_tiles(const trompe_image *x, const trompe_image *y) {
  return tile_count(x) <= TROMPE_WINOGRAD_FEW_TILES && x->c * y->c > LARGE_FILTER;
}

size_t trompe_winograd_bwd_weights_scratch_bytes(
    const trompe_image *x, const trompe_image *y, trompe_cpu cpu) {
  if (trompe_winograd_bwd_weights_uses_gemm(x->c, y->c, cpu))
    return trompe_winograd_gemm_bwd_weights_scratch_bytes(x, y, cpu);
  if (keeps_tiles(x, y)) return (size_t)values(x, y, tile_count(x)) * sizeof(float);
  return chunk_bytes(x, y, cpu.threads) + filter_bytes(x->c, y->c) * (size_t)cpu.threads;
}

static void pack_tiles(void *context, int thread, int threads) {
  const Call *call = context;
  const int64_t c = call->x->c, k = call->y->c, tiles = tile_count(call->x);
  float *v = call->scratch, *w = v + ELEMENTS * plane(tiles, c);
  int64_t begin, end;
  trompe_share(tiles, thread, threads, &begin, &end);
  const trompe_wino_layout v_at = values_at(tiles, c), w_at = values_at(tiles, k);
  const trompe_tiles of_x = {.first = begin, .count = end - begin, .channels = c};
  const trompe_tiles of_y = {.first = begin, .count = end - begin, .channels = k};
  call->kernels->f32_wino_f4x3_input(call->x, call->from, &of_x, v + begin * c, &v_at);
  call->kernels->f32_wino_f4x3_cotangent(call->y, call->cotangent, &of_y, w + begin * k, &w_at);
}

static void sum_filters(void *context, int thread, int threads) {
  const Call *call = context;
  const int64_t c = call->x->c, k = call->y->c, tiles = tile_count(call->x);
  const float *v = call->scratch, *w = v + ELEMENTS * plane(tiles, c);
  int64_t begin, end;
  trompe_share(k / BLOCK, thread, threads, &begin, &end);
  for (int64_t b = begin; b < end;) {
    const int64_t blocks = smaller(2, end - b);
    call->kernels->f32_wino_f4x3_bwd_weights(
        v, plane(tiles, c), w + b * BLOCK, plane(tiles, k), tiles, c, k, blocks,
        call->to + b * BLOCK * 9 * c);
    b += blocks;
  }
}

// Each thread sums over its tiles; its sums stand after everybody's values.
static float *sums(const Call *call, int thread) {
  return call->scratch + call->threads * values(call->x, call->y, call->chunk) +
         thread * ELEMENTS * plane(call->x->c, call->y->c);
}

static void accumulate(void *context, int thread, int threads) {
  Call *call = context;
  const trompe_kernels *kernels = call->kernels;
  const int64_t c = call->x->c, k = call->y->c;
  const trompe_wino_layout v_at = values_at(call->chunk, c), w_at = values_at(call->chunk, k);
  float *v = call->scratch + thread * values(call->x, call->y, call->chunk);
  float *w = v + ELEMENTS * v_at.plane;
  float *u = sums(call, thread);
  memset(u, 0, filter_bytes(c, k));
  int64_t begin, end;
  // Threads that the pool did not give: their share is empty, their sums must be 0.
  for (int missing = thread + threads; missing < call->threads; missing += threads)
    memset(sums(call, missing), 0, filter_bytes(c, k));
  trompe_share(tile_count(call->x), thread, threads, &begin, &end);
  for (int64_t first = begin; first < end; first += call->chunk) {
    const int64_t tiles = smaller(call->chunk, end - first);
    const trompe_tiles of_x = {.first = first, .count = tiles, .channels = c};
    const trompe_tiles of_y = {.first = first, .count = tiles, .channels = k};
    kernels->f32_wino_f4x3_input(call->x, call->from, &of_x, v, &v_at);
    kernels->f32_wino_f4x3_cotangent(call->y, call->cotangent, &of_y, w, &w_at);
    for (int64_t element = 0; element < ELEMENTS; element++)
      kernels->f32_wino_f4x3_bwd_weights_accumulate(
          v + element * v_at.plane, w + element * w_at.plane, u + element * plane(c, k), tiles, c,
          k);
  }
}

static void write_filter(void *context, int thread, int threads) {
  const Call *call = context;
  const int64_t c = call->x->c, k = call->y->c;
  int64_t begin, end;
  trompe_share(k / BLOCK, thread, threads, &begin, &end);
  for (int64_t b = begin; b < end; b++) {
    float *u = sums(call, 0) + b * BLOCK * c;
    for (int other = 1; other < call->threads; other++)
      for (int64_t element = 0; element < ELEMENTS; element++) {
        float *to = u + element * plane(c, k);
        call->kernels->binary[TROMPE_ADD - TROMPE_ADD](
            to, to, sums(call, other) + b * BLOCK * c + element * plane(c, k), BLOCK * c);
      }
    call->kernels->f32_wino_f4x3_filter_gradient(
        u, plane(c, k), c, c, call->to + b * BLOCK * 9 * c);
  }
}

void trompe_winograd_bwd_weights(
    const trompe_image *x, const trompe_image *y, const trompe_bwd_weights_operands *operands,
    trompe_cpu cpu) {
  if (trompe_winograd_bwd_weights_uses_gemm(x->c, y->c, cpu)) {
    trompe_winograd_gemm_bwd_weights(x, y, operands, cpu);
    return;
  }
  Call call = {
      .kernels = cpu.kernels,
      .x = x,
      .y = y,
      .from = operands->x,
      .cotangent = operands->cotangent,
      .to = operands->filter,
      .scratch = operands->scratch,
      .chunk = chunk(x, y, cpu.threads),
      .threads = cpu.threads};
  if (keeps_tiles(x, y)) {
    trompe_parallel(pack_tiles, &call, cpu.threads);
    trompe_parallel(sum_filters, &call, cpu.threads);
    return;
  }
  trompe_parallel(accumulate, &call, cpu.threads);
  trompe_parallel(write_filter, &call, cpu.threads);
}
