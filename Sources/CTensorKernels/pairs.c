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

// Pixels of images that stand at equal distances.
typedef struct {
  int64_t n, h, w, c;
  int64_t image, row, pixel, block;  // floats from one to the next
} Grid;

static int64_t pixel_count(const Grid *s) { return s->n * s->h * s->w; }

int trompe_pairs_are_here(void) {
#if defined(__x86_64__)
  // Zen has units for additions beside those that multiply; others do both in the same.
  return trompe_kernels()->pairs_write_pixels != NULL && __builtin_cpu_is("amd");
#else
  return 0;
#endif
}

// What one point of a window multiplies: pixels of both images, and where their first ones stand.
typedef struct {
  Grid x, y;
  int64_t x_first, y_first;
  int is_inner;  // for all pixels of the result, it lies inside the image
} Point;

static Grid grid_of(
    const trompe_image *image, int64_t h, int64_t w, int64_t stride_y, int64_t stride_x) {
  return (Grid){
      image->n, h, w, image->c, image->h * image->w * image->c,
      stride_y * image->w * image->pixel, stride_x * image->pixel, image->block};
}

// Along one axis: the first pixel of the result for which a point of the window lies inside the image,
// and the one after the last.
static void inside(
    int64_t at, int64_t before, int64_t stride, int64_t pixels, int64_t results, int64_t *begin,
    int64_t *end) {
  const int64_t offset = at - before;  // of the pixel of the image that belongs to the first result
  *begin = offset < 0 ? (-offset + stride - 1) / stride : 0;
  *end = offset >= pixels ? 0 : smaller(results, (pixels - 1 - offset) / stride + 1);
  if (*end < *begin) *end = *begin;
}

static int64_t point_count(const trompe_pairs_window *w) { return w->r * w->s; }

static Point point_at(const trompe_pairs_window *window, int64_t index) {
  const trompe_image *x = &window->x, *y = &window->y;
  const int64_t r = index / window->s, s = index % window->s;
  int64_t top, bottom, left, right;
  inside(r, window->top, window->stride_y, x->h, y->h, &top, &bottom);
  inside(s, window->left, window->stride_x, x->w, y->w, &left, &right);
  const int64_t h = bottom - top, w = right - left;
  return (Point){
      grid_of(x, h, w, window->stride_y, window->stride_x), grid_of(y, h, w, 1, 1),
      ((top * window->stride_y - window->top + r) * x->w + left * window->stride_x - window->left +
       s) * x->pixel,
      (top * y->w + left) * y->pixel, h == y->h && w == y->w};
}

static int64_t inner_point(const trompe_pairs_window *window) {
  for (int64_t i = 0; i < point_count(window); i++)
    if (point_at(window, i).is_inner) return i;
  return -1;
}

int trompe_pairs_has_inner_point(const trompe_pairs_window *window) {
  return inner_point(window) >= 0;
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

// Where pixels stand.
static void pixel_offsets(const Grid *grid, int64_t first, int64_t count, int64_t *offsets) {
  int64_t column = first % grid->w, row = first / grid->w % grid->h, n = first / grid->w / grid->h;
  for (int64_t i = 0; i < count; i++) {
    offsets[i] = n * grid->image + row * grid->row + column * grid->pixel;
    if (++column < grid->w) continue;
    column = 0;
    if (++row < grid->h) continue;
    row = 0;
    n++;
  }
}

// Tiles are 16 pixels, packed as rows, what is taken off each, and what undoes its scale.
static int64_t tile_count(const Grid *grid) { return (pixel_count(grid) + TILE - 1) / TILE; }
static int64_t tile_floats(int64_t steps) { return TILE * (steps + 2); }

// A last tile that has fewer pixels repeats its first one.
static void tile_offsets(const Grid *grid, int64_t first, int64_t tiles, int64_t *offsets) {
  for (int64_t t = 0; t < tiles; t++, offsets += TILE) {
    const int64_t pixel = (first + t) * TILE;
    const int64_t count = smaller(TILE, pixel_count(grid) - pixel);
    pixel_offsets(grid, pixel, count, offsets);
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
  const float *from, *packed, *cotangent;
  const trompe_epilogue *after;
  float *to, *scratch;
  int64_t filter_row;  // floats from a filter to the next
  int64_t first_part, part_count;  // of a strip
  int threads;                     // that were asked for
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
  const int64_t first = inner_point(window), points = point_count(window);
  for (int64_t i = 0; i < points; i++) {
    const int64_t index = i == 0 ? first : i <= first ? i - 1 : i;
    const Point point = point_at(window, index);
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
    const Point point = point_at(window, i);
    const trompe_epilogue after = {.residual = is_all ? NULL : x + point.x_first};
    Call call = {.kernels = trompe_kernels(), .x = point.y, .y = point.x,
                 .from = y + point.y_first, .packed = packed + i * point_floats(window),
                 .after = &after, .to = x + point.x_first, .scratch = scratch};
    trompe_parallel(multiply, &call, threads);
  }
}

// The gradient in the filter is a sum over parts of the pixels. Whether threads share parts, each with
// sums of its own, instead of filters.
static int shares_parts(const Call *call) {
  return call->x.c * call->y.c <= SMALL_FILTER &&
         pixel_count(&call->x) >= 2 * SMALL_PART * call->threads;
}

static int64_t part_pixels(const Call *call) {
  return shares_parts(call) ? SMALL_PART : LARGE_PART;
}

static int64_t part_count(const Call *call) {
  return (pixel_count(&call->x) + part_pixels(call) - 1) / part_pixels(call);
}

// A part of 16 channels is packed as steps, what is taken off, and what undoes the scale.
static int64_t block_floats(const Call *call) { return BLOCK * (part_pixels(call) + 2); }
static int64_t part_floats(const Call *call) {
  return block_floats(call) * (call->x.c + call->y.c) / BLOCK;
}

// Parts that are packed at once by all threads.
static int64_t strip(const Call *call) {
  const int64_t fitting = STRIP_BYTES / (int64_t)sizeof(float) / part_floats(call);
  return smaller(part_count(call), larger(1, fitting));
}

// The pixels of a part, and where they stand in both images.
typedef struct {
  int64_t count, x[LARGE_PART], y[LARGE_PART];
} Part;

static Part part_at(const Call *call, int64_t index) {
  Part part;
  const int64_t first = index * part_pixels(call);
  part.count = smaller(part_pixels(call), pixel_count(&call->x) - first);
  pixel_offsets(&call->x, first, part.count, part.x);
  pixel_offsets(&call->y, first, part.count, part.y);
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
      tiles * (call->x.c + call->y.c) / BLOCK, (int)share, (int)shares, &begin, &end);
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
    float *to, int64_t row, const Part *next) {
  const int64_t x_blocks = call->x.c / BLOCK, floats = block_floats(call);
  const int64_t products = BLOCK * part_pixels(call), inverses = products + BLOCK;
  for (int64_t i = begin; i < end; i++) {
    if (next) prefetch_part(call, next, i - begin, end - begin);
    const float *columns = packed + i % x_blocks * floats;
    const float *rows = packed + (x_blocks + i / x_blocks) * floats;
    call->kernels->pairs_write_filter(
        rows, rows + products, rows + inverses, columns, columns + products, columns + inverses,
        (pixels + TILE - 1) / TILE, adds,
        to + i / x_blocks * BLOCK * row + i % x_blocks * BLOCK, row);
  }
}

// Where a thread's own sums stand, and floats from a filter to the next: the first one's are the result.
static float *sums_of(const Call *call, int thread, int64_t *row) {
  const int64_t c = call->x.c;
  *row = thread ? c : call->filter_row;
  return thread ? call->scratch + call->threads * part_floats(call) + (thread - 1) * c * call->y.c
                : call->to;
}

static void sum_parts(void *context, int thread, int threads) {
  const Call *call = context;
  const int64_t all = call->x.c * call->y.c;
  int64_t row, begin, end;
  // Threads that the pool did not give: their share is empty, their sums must be 0.
  for (int missing = thread + threads; missing < call->threads; missing += threads)
    memset(sums_of(call, missing, &row), 0, (size_t)all * sizeof(float));
  float *packed = call->scratch + thread * part_floats(call), *sums = sums_of(call, thread, &row);
  trompe_share(part_count(call), thread, threads, &begin, &end);
  for (int64_t i = begin; i < end; i++) {
    const Part part = part_at(call, i);
    read_part(call, &part, 0, (call->x.c + call->y.c) / BLOCK, packed);
    Part next;
    if (i + 1 < end) next = part_at(call, i + 1);
    sum_part(
        call, part.count, packed, 0, all / (BLOCK * BLOCK), i > begin, sums, row,
        i + 1 < end ? &next : NULL);
  }
}

static void add_sums(void *context, int thread, int threads) {
  const Call *call = context;
  int64_t row, begin, end;
  trompe_share(call->y.c, thread, threads, &begin, &end);
  for (int other = 1; other < call->threads; other++) {
    const float *sums = sums_of(call, other, &row);
    for (int64_t k = begin; k < end; k++) {
      float *to = call->to + k * call->filter_row;
      call->kernels->binary[TROMPE_ADD - TROMPE_ADD](to, to, sums + k * row, call->x.c);
    }
  }
}

static void read_strip(void *context, int thread, int threads) {
  const Call *call = context;
  const int64_t blocks = (call->x.c + call->y.c) / BLOCK;
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
  trompe_share(call->x.c * call->y.c / (BLOCK * BLOCK), thread, threads, &begin, &end);
  for (int64_t i = 0; i < call->part_count; i++) {
    const int64_t part = call->first_part + i;
    sum_part(
        call, smaller(part_pixels(call), pixel_count(&call->x) - part * part_pixels(call)),
        call->scratch + i * part_floats(call), begin, end, part > 0, call->to, call->filter_row,
        NULL);
  }
}

static Call gradient_call(const trompe_pairs_window *window, const Point *point, int threads) {
  return (Call){.kernels = trompe_kernels(), .x = point->x, .y = point->y, .threads = threads,
                .filter_row = point_count(window) * window->x.c};
}

size_t trompe_pairs_gradient_scratch_bytes(const trompe_pairs_window *window, int threads) {
  int64_t largest = 0;
  for (int64_t i = 0; i < point_count(window); i++) {
    const Point point = point_at(window, i);
    const Call call = gradient_call(window, &point, threads);
    const int64_t own = (threads - 1) * call.x.c * call.y.c;
    largest = larger(
        largest, shares_parts(&call) ? threads * part_floats(&call) + own
                                     : strip(&call) * part_floats(&call));
  }
  return (size_t)largest * sizeof(float);
}

void trompe_pairs_filter_gradient(
    const trompe_pairs_window *window, const float *x, const float *cotangent, float *filter,
    void *scratch, int threads) {
  for (int64_t i = 0; i < point_count(window); i++) {
    const Point point = point_at(window, i);
    Call call = gradient_call(window, &point, threads);
    call.from = x + point.x_first;
    call.cotangent = cotangent + point.y_first;
    call.to = filter + i * call.x.c;
    call.scratch = scratch;
    if (shares_parts(&call)) {
      trompe_parallel(sum_parts, &call, threads);
      if (threads > 1) trompe_parallel(add_sums, &call, threads);
      continue;
    }
    const int64_t parts = part_count(&call), at_once = strip(&call);
    for (; call.first_part < parts; call.first_part += at_once) {
      call.part_count = smaller(at_once, parts - call.first_part);
      trompe_parallel(read_strip, &call, threads);
      trompe_parallel(sum_strip, &call, threads);
    }
    // A point that lies outside of the image for all pixels.
    for (int64_t k = 0; !parts && k < call.y.c; k++)
      memset(call.to + k * call.filter_row, 0, (size_t)call.x.c * sizeof(float));
  }
}
