#include "kernels_pairs.h"

#include <string.h>

#include "isa/table.h"
#include "kernels_threads.h"

enum {
  BLOCK = 16,
  TILE = 16,
  // Packed tiles that a thread multiplies by all filters: they stay in the second-level cache beside
  // the pixels that it asks for meanwhile.
  CHUNK_BYTES = 192 * 1024,
  CHUNK_MAX = 32,
  // Filters whose sums stay there beside the parts that are multiplied.
  SMALL_FILTER = 256 * 256,
  // Pixels of a part of a filter's gradient, over which sums do not leave a register. With small
  // filters, two parts stay in the second-level cache.
  SMALL_PART = 128,
  LARGE_PART = 256,
  // Packed parts that stay in the third-level cache.
  STRIP_BYTES = 4 * 1024 * 1024,
};

static int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }
static int64_t larger(int64_t a, int64_t b) { return a > b ? a : b; }
static int64_t pixel_count(const trompe_image *s) { return s->n * s->h * s->w; }

int trompe_pairs_are_here(void) {
#if defined(__x86_64__)
  // Zen has units for additions beside those that multiply; others do both in the same.
  return trompe_kernels()->pairs_write_pixels != NULL && __builtin_cpu_is("amd");
#else
  return 0;
#endif
}

// Columns, what is taken off each, and what undoes its scale.
size_t trompe_pairs_filter_bytes(int64_t c, int64_t k) {
  return (size_t)(c * k + 2 * larger(c, k)) * sizeof(float);
}

typedef struct {
  const KernelTable *kernels;
  const float *filter;
  int64_t c, k;
  int turned;
  float *packed;
} FilterCall;

static void read_filter(void *context, int thread, int threads) {
  const FilterCall *call = context;
  const int64_t columns = call->turned ? call->c : call->k;
  const int64_t steps = call->turned ? call->k : call->c;
  const int64_t step = call->turned ? call->c : 1, column = call->turned ? 1 : call->c;
  float *products = call->packed + steps * columns, *inverses = products + columns;
  int64_t begin, end;
  trompe_share(columns / BLOCK, thread, threads, &begin, &end);
  for (int64_t b = begin * BLOCK; b < end * BLOCK; b += BLOCK)
    call->kernels->pairs_read_filter(
        call->filter + b * column, step, column, steps, call->packed + b * steps, products + b,
        inverses + b);
}

void trompe_pairs_read_filter(
    const float *filter, int64_t c, int64_t k, int turned, float *packed, int threads) {
  FilterCall call = {trompe_kernels(), filter, c, k, turned, packed};
  trompe_parallel(read_filter, &call, threads);
}

// Where pixels stand.
static void pixel_offsets(const trompe_image *image, int64_t first, int64_t count, int64_t *offsets) {
  const int64_t per_image = image->h * image->w;
  for (int64_t i = 0; i < count; i++)
    offsets[i] = (first + i) / per_image * per_image * image->c +
                 (first + i) % per_image * image->pixel;
}

// Tiles are 16 pixels, packed as rows, what is taken off each, and what undoes its scale.
static int64_t tile_count(const trompe_image *image) {
  return (pixel_count(image) + TILE - 1) / TILE;
}
static int64_t tile_floats(int64_t steps) { return TILE * (steps + 2); }

// A last tile that has fewer pixels repeats its first one.
static void tile_offsets(
    const trompe_image *image, int64_t first, int64_t tiles, int64_t *offsets) {
  for (int64_t t = 0; t < tiles; t++, offsets += TILE) {
    const int64_t pixel = (first + t) * TILE;
    const int64_t count = smaller(TILE, pixel_count(image) - pixel);
    pixel_offsets(image, pixel, count, offsets);
    for (int64_t i = count; i < TILE; i++) offsets[i] = offsets[0];
  }
}

// Tiles that a thread packs at once.
static int64_t chunk(int64_t steps) {
  const int64_t fitting = CHUNK_BYTES / (int64_t)sizeof(float) / tile_floats(steps);
  return larger(1, smaller(CHUNK_MAX, fitting));
}

// Asks for a share of the channels of a tile, which is packed soon.
static void prefetch_tile(
    const trompe_image *image, const float *from, const int64_t *offsets, int64_t share,
    int64_t shares) {
  int64_t begin, end;
  trompe_share(image->c / BLOCK, (int)share, (int)shares, &begin, &end);
  for (int64_t b = begin; b < end; b++)
    for (int64_t i = 0; i < TILE; i++)
      __builtin_prefetch(from + offsets[i] + b * image->block, 0, 2);
}

typedef struct {
  const KernelTable *kernels;
  const trompe_image *x, *y;
  const float *from, *packed, *cotangent;
  const trompe_epilogue *after;
  float *to, *scratch;
  int64_t first_part, part_count;  // of a strip
  int threads;                     // that were asked for
} Call;

static void convolve(void *context, int thread, int threads) {
  const Call *call = context;
  const trompe_image *x = call->x, *y = call->y;
  const trompe_epilogue *after = call->after;
  const int64_t steps = x->c, columns = y->c, at_once = chunk(steps), floats = tile_floats(steps);
  const float *products = call->packed + steps * columns, *inverses = products + columns;
  float *rows = call->scratch + thread * at_once * floats;
  int64_t from_offsets[CHUNK_MAX * TILE], to_offsets[CHUNK_MAX * TILE];
  int64_t begin, end;
  trompe_share(tile_count(x), thread, threads, &begin, &end);
  tile_offsets(x, begin, smaller(at_once, end - begin), from_offsets);
  for (int64_t first = begin; first < end; first += at_once) {
    const int64_t tiles = smaller(at_once, end - first);
    for (int64_t t = 0; t < tiles; t++) {
      float *tile = rows + t * floats;
      call->kernels->pairs_read_rows(
          call->from, from_offsets + t * TILE, steps / BLOCK, x->block, tile, tile + TILE * steps,
          tile + TILE * (steps + 1));
    }
    const int64_t next = smaller(at_once, end - first - tiles);
    tile_offsets(x, first + tiles, next, from_offsets);
    tile_offsets(y, first, tiles, to_offsets);
    for (int64_t b = 0; b < columns / BLOCK; b++) {
      const trompe_epilogue part = {
          after->bias ? after->bias + b * BLOCK : NULL,
          after->residual ? after->residual + b * y->block : NULL, after->has_relu};
      for (int64_t t = 0; t < tiles; t++) {
        if (t < next)
          prefetch_tile(x, call->from, from_offsets + t * TILE, b, columns / BLOCK);
        const float *tile = rows + t * floats;
        call->kernels->pairs_write_pixels(
            tile, tile + TILE * steps, tile + TILE * (steps + 1), call->packed + b * BLOCK * steps,
            products + b * BLOCK, inverses + b * BLOCK, steps / BLOCK, &part,
            call->to + b * y->block, to_offsets + t * TILE,
            smaller(TILE, pixel_count(y) - (first + t) * TILE));
      }
    }
  }
}

size_t trompe_pairs_scratch_bytes(const trompe_image *x, int threads) {
  return (size_t)(chunk(x->c) * tile_floats(x->c) * threads) * sizeof(float);
}

void trompe_pairs_convolve(
    const trompe_image *x, const float *from, const float *packed, const trompe_image *y,
    const trompe_epilogue *after, float *to, void *scratch, int threads) {
  Call call = {.kernels = trompe_kernels(), .x = x, .y = y, .from = from, .packed = packed,
               .after = after, .to = to, .scratch = scratch};
  trompe_parallel(convolve, &call, threads);
}

// The gradient in the filter is a sum over parts of the pixels. Whether threads share parts, each with
// sums of its own, instead of filters.
static int shares_parts(const trompe_image *x, const trompe_image *y, int threads) {
  return x->c * y->c <= SMALL_FILTER && pixel_count(x) >= 2 * SMALL_PART * threads;
}

static int64_t part_pixels(const Call *call) {
  return shares_parts(call->x, call->y, call->threads) ? SMALL_PART : LARGE_PART;
}

static int64_t part_count(const Call *call) {
  return (pixel_count(call->x) + part_pixels(call) - 1) / part_pixels(call);
}

// A part of 16 channels is packed as steps, what is taken off, and what undoes the scale.
static int64_t block_floats(const Call *call) { return BLOCK * (part_pixels(call) + 2); }
static int64_t part_floats(const Call *call) {
  return block_floats(call) * (call->x->c + call->y->c) / BLOCK;
}

// Parts that are packed at once by all threads.
static int64_t strip(const Call *call) {
  const int64_t fitting = STRIP_BYTES / (int64_t)sizeof(float) / part_floats(call);
  return smaller(part_count(call), larger(1, fitting));
}

size_t trompe_pairs_gradient_scratch_bytes(
    const trompe_image *x, const trompe_image *y, int threads) {
  const Call call = {.x = x, .y = y, .threads = threads};
  const int64_t floats = shares_parts(x, y, threads)
                             ? threads * part_floats(&call) + (threads - 1) * x->c * y->c
                             : strip(&call) * part_floats(&call);
  return (size_t)floats * sizeof(float);
}

// The pixels of a part, and where they stand in both images.
typedef struct {
  int64_t count, x[LARGE_PART], y[LARGE_PART];
} Part;

static Part part_at(const Call *call, int64_t index) {
  Part part;
  const int64_t first = index * part_pixels(call);
  part.count = smaller(part_pixels(call), pixel_count(call->x) - first);
  pixel_offsets(call->x, first, part.count, part.x);
  pixel_offsets(call->y, first, part.count, part.y);
  return part;
}

// 16 channels: blocks of x, then those of y.
static const float *block_at(
    const Call *call, const Part *part, int64_t block, const int64_t **offsets) {
  const int64_t y_block = block - call->x->c / BLOCK;
  *offsets = y_block < 0 ? part->x : part->y;
  return y_block < 0 ? call->from + block * call->x->block
                     : call->cotangent + y_block * call->y->block;
}

// Packs blocks of a part.
static void read_part(const Call *call, const Part *part, int64_t begin, int64_t end, float *packed) {
  const int64_t steps = (part->count + TILE - 1) / TILE * TILE, pixels = part_pixels(call);
  for (int64_t b = begin; b < end; b++) {
    const int64_t *offsets;
    const float *from = block_at(call, part, b, &offsets);
    float *to = packed + b * block_floats(call);
    call->kernels->pairs_read_columns(
        from, offsets, part->count, steps, to, to + BLOCK * pixels, to + BLOCK * (pixels + 1));
  }
}

// Asks for a share of a part, which is packed soon.
static void prefetch_part(const Call *call, const Part *part, int64_t share, int64_t shares) {
  const int64_t tiles = part->count / TILE;
  int64_t begin, end;
  trompe_share(
      tiles * (call->x->c + call->y->c) / BLOCK, (int)share, (int)shares, &begin, &end);
  for (int64_t i = begin; i < end; i++) {
    const int64_t *offsets;
    const float *from = block_at(call, part, i / tiles, &offsets);
    for (int64_t j = i % tiles * TILE, last = j + TILE; j < last; j++)
      __builtin_prefetch(from + offsets[j], 0, 2);
  }
}

// Adds a packed part to the gradients of 16 filters in 16 channels each, and asks for the next one.
static void sum_part(
    const Call *call, int64_t pixels, const float *packed, int64_t begin, int64_t end, int adds,
    float *to, const Part *next) {
  const int64_t x_blocks = call->x->c / BLOCK, floats = block_floats(call);
  const int64_t products = BLOCK * part_pixels(call), inverses = products + BLOCK;
  for (int64_t i = begin; i < end; i++) {
    if (next) prefetch_part(call, next, i - begin, end - begin);
    const float *columns = packed + i % x_blocks * floats;
    const float *rows = packed + (x_blocks + i / x_blocks) * floats;
    call->kernels->pairs_write_filter(
        rows, rows + products, rows + inverses, columns, columns + products, columns + inverses,
        (pixels + TILE - 1) / TILE, adds,
        to + i / x_blocks * BLOCK * call->x->c + i % x_blocks * BLOCK, call->x->c);
  }
}

// Where a thread's own sums stand: the first one's are the result.
static float *sums_of(const Call *call, int thread) {
  if (!thread) return call->to;
  return call->scratch + call->threads * part_floats(call) +
         (thread - 1) * call->x->c * call->y->c;
}

static void sum_parts(void *context, int thread, int threads) {
  const Call *call = context;
  const int64_t all = call->x->c * call->y->c;
  float *packed = call->scratch + thread * part_floats(call), *sums = sums_of(call, thread);
  // Threads that the pool did not give: their share is empty, their sums must be 0.
  for (int missing = thread + threads; missing < call->threads; missing += threads)
    memset(sums_of(call, missing), 0, (size_t)all * sizeof(float));
  int64_t begin, end;
  trompe_share(part_count(call), thread, threads, &begin, &end);
  if (begin == end) memset(sums, 0, (size_t)all * sizeof(float));
  for (int64_t i = begin; i < end; i++) {
    const Part part = part_at(call, i);
    read_part(call, &part, 0, (call->x->c + call->y->c) / BLOCK, packed);
    Part next;
    if (i + 1 < end) next = part_at(call, i + 1);
    sum_part(
        call, part.count, packed, 0, all / (BLOCK * BLOCK), i > begin, sums,
        i + 1 < end ? &next : NULL);
  }
}

static void add_sums(void *context, int thread, int threads) {
  const Call *call = context;
  int64_t begin, end;
  trompe_share(call->x->c * call->y->c, thread, threads, &begin, &end);
  for (int other = 1; other < call->threads; other++)
    call->kernels->binary[TROMPE_ADD - TROMPE_ADD](
        call->to + begin, call->to + begin, sums_of(call, other) + begin, end - begin);
}

static void read_strip(void *context, int thread, int threads) {
  const Call *call = context;
  const int64_t blocks = (call->x->c + call->y->c) / BLOCK;
  int64_t begin, end;
  trompe_share(call->part_count * blocks, thread, threads, &begin, &end);
  for (int64_t i = begin / blocks; i * blocks < end; i++) {
    const Part part = part_at(call, call->first_part + i);
    read_part(
        call, &part, larger(0, begin - i * blocks), smaller(blocks, end - i * blocks),
        call->scratch + i * part_floats(call));
  }
}

static void sum_strip(void *context, int thread, int threads) {
  const Call *call = context;
  int64_t begin, end;
  trompe_share(call->x->c * call->y->c / (BLOCK * BLOCK), thread, threads, &begin, &end);
  for (int64_t i = 0; i < call->part_count; i++) {
    const int64_t part = call->first_part + i;
    sum_part(
        call, smaller(part_pixels(call), pixel_count(call->x) - part * part_pixels(call)),
        call->scratch + i * part_floats(call), begin, end, part > 0, call->to, NULL);
  }
}

void trompe_pairs_filter_gradient(
    const trompe_image *x, const float *from, const trompe_image *y, const float *cotangent,
    float *filter, void *scratch, int threads) {
  Call call = {.kernels = trompe_kernels(), .x = x, .y = y, .from = from, .cotangent = cotangent,
               .to = filter, .scratch = scratch, .threads = threads};
  if (shares_parts(x, y, threads)) {
    trompe_parallel(sum_parts, &call, threads);
    if (threads > 1) trompe_parallel(add_sums, &call, threads);
    return;
  }
  const int64_t parts = part_count(&call), at_once = strip(&call);
  for (; call.first_part < parts; call.first_part += at_once) {
    call.part_count = smaller(at_once, parts - call.first_part);
    trompe_parallel(read_strip, &call, threads);
    trompe_parallel(sum_strip, &call, threads);
  }
}
