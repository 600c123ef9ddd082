#include "kernels_pairs.h"

#include "isa/table.h"
#include "kernels_threads.h"
#include "points.h"

enum {
  BLOCK = 16,
  TILE = 16,
  // Packed tiles that a thread multiplies by all filters: they stay in the second-level cache beside
  // the pixels that it asks for meanwhile.
  CHUNK_BYTES = 192 * 1024,
  CHUNK_MAX = 32,
};

int trompe_pairs_are_here(void) {
#if defined(__x86_64__)
  // Zen has units for additions beside those that multiply; others do both in the same.
  return trompe_kernels()->pairs_write_pixels != NULL && __builtin_cpu_is("amd");
#else
  return 0;
#endif
}

// Of each point of the window: columns, what is taken off each, and what undoes its scale.
static int64_t point_floats(const trompe_pairs_window *window) {
  const int64_t c = window->x.c, k = window->y.c;
  return c * k + 2 * larger(c, k);
}

size_t trompe_pairs_filter_bytes(const trompe_pairs_window *window) {
  return (size_t)(point_floats(window) * point_count(window)) * sizeof(float);
}

typedef struct {
  const KernelTable *kernels;
  const trompe_pairs_window *window;
  const float *filter;
  int turned;
  float *packed;
} FilterCall;

static void read_filter(void *context, int thread, int threads) {
  const FilterCall *call = context;
  const int64_t c = call->window->x.c, k = call->window->y.c, points = point_count(call->window);
  const int64_t columns = call->turned ? c : k, steps = call->turned ? k : c;
  const int64_t step = call->turned ? points * c : 1, column = call->turned ? 1 : points * c;
  int64_t begin, end;
  trompe_share(columns / BLOCK * points, thread, threads, &begin, &end);
  for (int64_t i = begin; i < end; i++) {
    const int64_t b = i / points * BLOCK, point = i % points;
    float *packed = call->packed + point * point_floats(call->window);
    float *products = packed + steps * columns, *inverses = products + columns;
    call->kernels->pairs_read_filter(
        call->filter + point * c + b * column, step, column, steps, packed + b * steps,
        products + b, inverses + b);
  }
}

void trompe_pairs_read_filter(
    const trompe_pairs_window *window, const float *filter, int turned, float *packed, int threads) {
  FilterCall call = {trompe_kernels(), window, filter, turned, packed};
  trompe_parallel(read_filter, &call, threads);
}

// Tiles are 16 pixels, packed as rows, what is taken off each, and what undoes its scale.
static int64_t tile_count(const Grid *grid) { return (pixel_count(grid) + TILE - 1) / TILE; }
static int64_t tile_floats(int64_t steps) { return TILE * (steps + 2); }

// A last tile that has fewer pixels repeats its first one.
static void tile_offsets(const Grid *grid, int64_t first, int64_t tiles, int64_t *offsets) {
  for (int64_t t = 0; t < tiles; t++, offsets += TILE) {
    const int64_t pixel = (first + t) * TILE;
    const int64_t count = smaller(TILE, pixel_count(grid) - pixel);
    trompe_pixel_offsets(grid, pixel, count, offsets);
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
    const Grid *grid, const float *from, const int64_t *offsets, int64_t share, int64_t shares) {
  int64_t begin, end;
  trompe_share(grid->c / BLOCK, (int)share, (int)shares, &begin, &end);
  for (int64_t b = begin; b < end; b++)
    for (int64_t i = 0; i < TILE; i++)
      __builtin_prefetch(from + offsets[i] + b * grid->block, 0, 2);
}

typedef struct {
  const KernelTable *kernels;
  Grid x, y;
  const float *from, *packed;
  const trompe_epilogue *after;
  float *to, *scratch;
} Call;

static void multiply(void *context, int thread, int threads) {
  const Call *call = context;
  const Grid *x = &call->x, *y = &call->y;
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

static size_t rows_bytes(int64_t steps, int threads) {
  return (size_t)(chunk(steps) * tile_floats(steps) * threads) * sizeof(float);
}

size_t trompe_pairs_scratch_bytes(const trompe_pairs_window *window, int threads) {
  return rows_bytes(window->x.c, threads);
}

size_t trompe_pairs_input_scratch_bytes(const trompe_pairs_window *window, int threads) {
  return rows_bytes(window->y.c, threads);
}

typedef struct {
  const KernelTable *kernels;
  float *values;
  int64_t count;
} Values;

static void cut_at_zero(void *context, int thread, int threads) {
  const Values *call = context;
  int64_t begin, end;
  trompe_share(call->count, thread, threads, &begin, &end);
  call->kernels->unary[TROMPE_RELU - TROMPE_COPY](
      call->values + begin, call->values + begin, end - begin);
}

static void set_to_zero(void *context, int thread, int threads) {
  const Values *call = context;
  int64_t begin, end;
  trompe_share(call->count, thread, threads, &begin, &end);
  call->kernels->splat(call->values + begin, 0, end - begin);
}

static int64_t value_count(const trompe_image *image) {
  return image->n * image->h * image->w * image->c;
}

void trompe_pairs_convolve(
    const trompe_pairs_window *window, const float *x, const float *packed,
    const trompe_epilogue *after, float *y, void *scratch, int threads) {
  // The first point writes all pixels, the others add to them.
  const int64_t first = trompe_inner_point(window), points = point_count(window);
  for (int64_t i = 0; i < points; i++) {
    const int64_t index = i == 0 ? first : i <= first ? i - 1 : i;
    const Point point = trompe_point_at(window, index);
    const trompe_epilogue first_after = {after->bias, after->residual, after->has_relu && points == 1};
    const trompe_epilogue adds = {.residual = y + point.y_first};
    Call call = {.kernels = trompe_kernels(), .x = point.x, .y = point.y,
                 .from = x + point.x_first, .packed = packed + index * point_floats(window),
                 .after = i ? &adds : &first_after, .to = y + point.y_first, .scratch = scratch};
    trompe_parallel(multiply, &call, threads);
  }
  Values values = {trompe_kernels(), y, value_count(&window->y)};
  if (after->has_relu && points > 1) trompe_parallel(cut_at_zero, &values, threads);
}

void trompe_pairs_input_gradient(
    const trompe_pairs_window *window, const float *y, const float *packed, float *x, void *scratch,
    int threads) {
  const int is_all = point_count(window) == 1 && window->stride_y == 1 && window->stride_x == 1;
  Values values = {trompe_kernels(), x, value_count(&window->x)};
  if (!is_all) trompe_parallel(set_to_zero, &values, threads);
  for (int64_t i = 0; i < point_count(window); i++) {
    const Point point = trompe_point_at(window, i);
    const trompe_epilogue after = {.residual = is_all ? NULL : x + point.x_first};
    Call call = {.kernels = trompe_kernels(), .x = point.y, .y = point.x,
                 .from = y + point.y_first, .packed = packed + i * point_floats(window),
                 .after = &after, .to = x + point.x_first, .scratch = scratch};
    trompe_parallel(multiply, &call, threads);
  }
}
