#include "kernels_winograd.h"

#include <string.h>

#include "channel_sums.h"
#include "extremes.h"
#include "isa/table.h"
#include "kernels_threads.h"
#include "winograd_filters.h"
#include "winograd_pairs.h"

enum {
  // Values of a chunk of tiles, of what is read and what is written: they stay in the second-level
  // cache where a filter's do too.
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
  const int64_t fitting = CHUNK_BYTES / (int64_t)sizeof(float) / POINTS / (x->c + y->c) / 12 * 12;
  const int64_t share = (tile_count(x) + threads - 1) / threads;
  return larger(1, smaller(larger(fitting, CHUNK_MIN), share));
}

static int64_t plane(int64_t tiles, int64_t channels) { return tiles * channels + SKEW; }

// Where the values of so many tiles stand.
static trompe_values values_at(int64_t tiles, int64_t channels) {
  return (trompe_values){plane(tiles, channels), channels, BLOCK};
}

int trompe_winograd_is_here(void) { return trompe_kernels()->winograd_multiply != NULL; }

// Bytes of the values of filters whose products are not by pairs.
static size_t filter_bytes(int64_t c, int64_t k) {
  return POINTS * (size_t)plane(c, k) * sizeof(float);
}

size_t trompe_winograd_filter_bytes(int64_t c, int64_t k, int turned) {
  return trompe_pairs_are_here()
             ? trompe_winograd_pairs_filter_bytes(turned ? k : c, turned ? c : k)
             : filter_bytes(c, k);
}

static void read_filter(void *context, int thread, int threads) {
  const FilterCall *call = context;
  const int64_t channels = channel_count(call);
  int64_t begin, end;
  trompe_share(result_count(call) / BLOCK, thread, threads, &begin, &end);
  for (int64_t b = begin; b < end; b++)
    call->kernels->winograd_read_filter(
        filter_block(call, b), scale_block(call, b), result_step(call), channel_step(call), call->c,
        call->turned, channels, call->u + b * BLOCK * channels, plane(call->c, call->k));
}

void trompe_winograd_read_filter(
    const float *filter, const float *scale, int64_t c, int64_t k, int turned, float *u,
    int threads) {
  if (trompe_pairs_are_here()) {
    trompe_winograd_pairs_read_filter(filter, scale, c, k, turned, u, threads);
    return;
  }
  FilterCall call = {trompe_kernels(), filter, scale, c, k, turned, u};
  trompe_parallel(read_filter, &call, threads);
}

typedef struct {
  const KernelTable *kernels;
  const trompe_image *x, *y;
  const float *from, *u, *cotangent;
  const trompe_epilogue *after;
  float *to, *scratch;
  int64_t chunk;
  int threads;  // that were asked for
} Call;

// Floats of the values of so many tiles of both images.
static int64_t values(
    const trompe_image *x, const trompe_image *y, int64_t tiles) {
  return POINTS * (plane(tiles, x->c) + plane(tiles, y->c));
}

// Bytes of the scratch of a chunk for each thread.
static size_t chunk_bytes(const trompe_image *x, const trompe_image *y, int threads) {
  return (size_t)((values(x, y, chunk(x, y, threads)) + y->c) * threads) * sizeof(float);
}

size_t trompe_winograd_scratch_bytes(
    const trompe_image *x, const trompe_image *y, int threads) {
  return trompe_pairs_are_here() ? trompe_winograd_pairs_scratch_bytes(x, y, 0, threads)
                                 : chunk_bytes(x, y, threads);
}

int trompe_winograd_takes_plain_filters(
    const trompe_image *x, const trompe_image *y, int threads) {
  return trompe_pairs_are_here() && trompe_winograd_pairs_shares_results(x, y, threads);
}

size_t trompe_winograd_plain_scratch_bytes(
    const trompe_image *x, const trompe_image *y, int threads) {
  return trompe_winograd_pairs_scratch_bytes(x, y, 1, threads);
}

void trompe_winograd_convolve_plain(
    const trompe_image *x, const float *from, const float *filter, const float *scale, int turned,
    const trompe_image *y, const trompe_epilogue *after, float *to, void *scratch, int threads) {
  trompe_winograd_pairs_convolve_plain(
      x, from, filter, scale, turned, y, after, to, scratch, threads);
}

// Each thread's sums over its pixels stand after everybody's values.
static float *channel_sums(const Call *call, int thread) {
  return call->scratch + call->threads * values(call->x, call->y, call->chunk) +
         thread * call->y->c;
}

static void convolve(void *context, int thread, int threads) {
  const Call *call = context;
  const KernelTable *kernels = call->kernels;
  const int64_t c = call->x->c, k = call->y->c;
  const trompe_values v_at = values_at(call->chunk, c), m_at = values_at(call->chunk, k);
  float *v = call->scratch + thread * values(call->x, call->y, call->chunk);
  float *m = v + POINTS * v_at.plane;
  trompe_epilogue after = *call->after;
  if (after.sums) after.sums = channel_sums(call, thread);
  int64_t begin, end;
  trompe_share(tile_count(call->x), thread, threads, &begin, &end);
  for (int64_t first = begin; first < end; first += call->chunk) {
    const int64_t tiles = smaller(call->chunk, end - first);
    kernels->winograd_read_image(
        call->x, call->from, first, tiles, 0, c, NULL, NULL, v, &v_at);
    for (int64_t point = 0; point < POINTS; point++)
      kernels->winograd_multiply(
          v + point * v_at.plane, call->u + point * plane(c, k), m + point * m_at.plane, tiles, c,
          k);
    kernels->winograd_write_image(
        call->y, &after, call->to, first, tiles, 0, k, m, &m_at, NULL, NULL);
  }
}

void trompe_winograd_convolve(
    const trompe_image *x, const float *from, const float *u,
    const trompe_image *y, const trompe_epilogue *after, float *to,
    void *scratch, int threads) {
  if (trompe_pairs_are_here()) {
    trompe_winograd_pairs_convolve(x, from, u, y, after, to, scratch, threads);
    return;
  }
  Call call = {.kernels = trompe_kernels(), .x = x, .y = y, .from = from, .u = u, .after = after,
               .to = to, .scratch = scratch, .chunk = chunk(x, y, threads), .threads = threads};
  if (after->sums) trompe_begin_sums(channel_sums(&call, 0), y->c, threads);
  trompe_parallel(convolve, &call, threads);
  if (after->sums) trompe_join_sums(channel_sums(&call, 0), y->c, threads, after->sums);
}

// Whether a gradient in the filter keeps the values of all tiles.
static int keeps_tiles(const trompe_image *x, const trompe_image *y) {
  return tile_count(x) <= TROMPE_WINOGRAD_FEW_TILES && x->c * y->c > LARGE_FILTER;
}

size_t trompe_winograd_gradient_scratch_bytes(
    const trompe_image *x, const trompe_image *y, int threads) {
  if (trompe_winograd_gradient_is_by_pairs(x->c, y->c, threads))
    return trompe_winograd_pairs_gradient_scratch_bytes(x, y, threads);
  if (keeps_tiles(x, y))
    return (size_t)values(x, y, tile_count(x)) * sizeof(float);
  return chunk_bytes(x, y, threads) + filter_bytes(x->c, y->c) * (size_t)threads;
}

static void read_tiles(void *context, int thread, int threads) {
  const Call *call = context;
  const int64_t c = call->x->c, k = call->y->c, tiles = tile_count(call->x);
  float *v = call->scratch, *w = v + POINTS * plane(tiles, c);
  int64_t begin, end;
  trompe_share(tiles, thread, threads, &begin, &end);
  const trompe_values v_at = values_at(tiles, c), w_at = values_at(tiles, k);
  call->kernels->winograd_read_image(
      call->x, call->from, begin, end - begin, 0, c, NULL, NULL, v + begin * c, &v_at);
  call->kernels->winograd_read_cotangent(
      call->y, call->cotangent, begin, end - begin, 0, k, NULL, NULL, w + begin * k, &w_at);
}

static void sum_filters(void *context, int thread, int threads) {
  const Call *call = context;
  const int64_t c = call->x->c, k = call->y->c, tiles = tile_count(call->x);
  const float *v = call->scratch, *w = v + POINTS * plane(tiles, c);
  int64_t begin, end;
  trompe_share(k / BLOCK, thread, threads, &begin, &end);
  for (int64_t b = begin; b < end;) {
    const int64_t blocks = smaller(2, end - b);
    call->kernels->winograd_sum_filter(
        v, plane(tiles, c), w + b * BLOCK, plane(tiles, k), tiles, c, k, blocks,
        call->to + b * BLOCK * 9 * c);
    b += blocks;
  }
}

// Each thread sums over its tiles; its sums stand after everybody's values.
static float *sums(const Call *call, int thread) {
  return call->scratch + call->threads * values(call->x, call->y, call->chunk) +
         thread * POINTS * plane(call->x->c, call->y->c);
}

static void accumulate(void *context, int thread, int threads) {
  Call *call = context;
  const KernelTable *kernels = call->kernels;
  const int64_t c = call->x->c, k = call->y->c;
  const trompe_values v_at = values_at(call->chunk, c), w_at = values_at(call->chunk, k);
  float *v = call->scratch + thread * values(call->x, call->y, call->chunk);
  float *w = v + POINTS * v_at.plane;
  float *u = sums(call, thread);
  memset(u, 0, filter_bytes(c, k));
  int64_t begin, end;
  // Threads that the pool did not give: their share is empty, their sums must be 0.
  for (int missing = thread + threads; missing < call->threads; missing += threads)
    memset(sums(call, missing), 0, filter_bytes(c, k));
  trompe_share(tile_count(call->x), thread, threads, &begin, &end);
  for (int64_t first = begin; first < end; first += call->chunk) {
    const int64_t tiles = smaller(call->chunk, end - first);
    kernels->winograd_read_image(
        call->x, call->from, first, tiles, 0, c, NULL, NULL, v, &v_at);
    kernels->winograd_read_cotangent(
        call->y, call->cotangent, first, tiles, 0, k, NULL, NULL, w, &w_at);
    for (int64_t point = 0; point < POINTS; point++)
      kernels->winograd_accumulate(
          v + point * v_at.plane, w + point * w_at.plane, u + point * plane(c, k), tiles, c, k);
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
      for (int64_t point = 0; point < POINTS; point++) {
        float *to = u + point * plane(c, k);
        call->kernels->binary[TROMPE_ADD - TROMPE_ADD](
            to, to, sums(call, other) + b * BLOCK * c + point * plane(c, k), BLOCK * c);
      }
    call->kernels->winograd_write_filter(u, plane(c, k), c, c, call->to + b * BLOCK * 9 * c);
  }
}

void trompe_winograd_filter_gradient(
    const trompe_image *x, const float *from, const trompe_image *y,
    const float *cotangent, float *filter, void *scratch, int threads) {
  if (trompe_winograd_gradient_is_by_pairs(x->c, y->c, threads)) {
    trompe_winograd_pairs_filter_gradient(x, from, y, cotangent, filter, scratch, threads);
    return;
  }
  Call call = {.kernels = trompe_kernels(), .x = x, .y = y, .from = from, .cotangent = cotangent,
               .to = filter, .scratch = scratch, .chunk = chunk(x, y, threads),
               .threads = threads};
  if (keeps_tiles(x, y)) {
    trompe_parallel(read_tiles, &call, threads);
    trompe_parallel(sum_filters, &call, threads);
    return;
  }
  trompe_parallel(accumulate, &call, threads);
  trompe_parallel(write_filter, &call, threads);
}
