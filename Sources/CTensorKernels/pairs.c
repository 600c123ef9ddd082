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
  // Pixels of a part of a filter's gradient, over which sums do not leave a register.
  PART_PIXELS = 128,
  // Blocks of channels on either side of a group of filters: its sums stay in the second-level cache
  // beside two parts.
  GROUP_BLOCKS = 16,
  GROUP_BLOCKS_MIN = 4,
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
  int threads;         // that were asked for
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

// The gradient in the filter is a sum over parts of the pixels.
static int64_t part_count(const Call *call) {
  return (pixel_count(&call->x) + PART_PIXELS - 1) / PART_PIXELS;
}

// A part of 16 channels is packed as steps, what is taken off, and what undoes the scale.
enum { PRODUCTS = BLOCK * PART_PIXELS, INVERSES = PRODUCTS + BLOCK, BLOCK_FLOATS = INVERSES + BLOCK };

static int64_t block_count(const Call *call) { return (call->x.c + call->y.c) / BLOCK; }

// The pixels of a part, and where they stand in both images.
typedef struct {
  int64_t count, x[PART_PIXELS], y[PART_PIXELS];
} Part;

static Part part_at(const Call *call, int64_t index) {
  Part part;
  const int64_t first = index * PART_PIXELS;
  part.count = smaller(PART_PIXELS, pixel_count(&call->x) - first);
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

static void read_part(const Call *call, const Part *part, float *packed) {
  const int64_t steps = (part->count + TILE - 1) / TILE * TILE;
  for (int64_t b = 0; b < block_count(call); b++) {
    const int64_t *offsets;
    const float *from = block_at(call, part, b, &offsets);
    float *to = packed + b * BLOCK_FLOATS;
    call->kernels->pairs_read_columns(
        from, offsets, part->count, steps, to, to + PRODUCTS, to + INVERSES);
  }
}

// Asks for a share of a part, which is packed soon.
static void prefetch_part(const Call *call, const Part *part, int64_t share, int64_t shares) {
  const int64_t tiles = part->count / TILE;
  int64_t begin, end;
  trompe_share(tiles * block_count(call), (int)share, (int)shares, &begin, &end);
  for (int64_t i = begin; i < end; i++) {
    const int64_t *offsets;
    const float *from = block_at(call, part, i / tiles, &offsets);
    for (int64_t j = i % tiles * TILE, last = j + TILE; j < last; j++)
      __builtin_prefetch(from + offsets[j], 0, 2);
  }
}

// Floats from one filter's sums to the next: not in the same lines of a cache.
static int64_t sums_row(const Call *call) { return call->x.c + BLOCK; }
static int64_t packed_floats(const Call *call) { return BLOCK_FLOATS * block_count(call); }
static int64_t sums_floats(const Call *call) { return sums_row(call) * call->y.c; }

// Sums over some of the parts, the gradients of 16 filters in 16 channels after the other, while the next
// part is asked for. The last one's sums go to the result, if it is not NULL.
static void sum_parts(
    const Call *call, int64_t begin, int64_t end, float *packed, float *sums, float *result) {
  const int64_t x_blocks = call->x.c / BLOCK, pairs = x_blocks * call->y.c / BLOCK;
  Part part, next;
  if (begin < end) next = part_at(call, begin);
  for (int64_t p = begin; p < end; p++) {
    part = next;
    read_part(call, &part, packed);
    if (p + 1 < end) next = part_at(call, p + 1);
    const int is_last = result && p + 1 == end;
    float *to = is_last ? result : sums;
    const int64_t row = is_last ? call->filter_row : sums_row(call);
    for (int64_t i = 0; i < pairs; i++) {
      if (p + 1 < end) prefetch_part(call, &next, i, pairs);
      const int64_t x = i % x_blocks, y = i / x_blocks;
      const float *columns = packed + x * BLOCK_FLOATS;
      const float *rows = packed + (x_blocks + y) * BLOCK_FLOATS;
      call->kernels->pairs_write_filter(
          rows, rows + PRODUCTS, rows + INVERSES, columns, columns + PRODUCTS, columns + INVERSES,
          (part.count + TILE - 1) / TILE,
          p > begin ? sums + (y * sums_row(call) + x) * BLOCK : NULL, sums_row(call),
          to + (y * row + x) * BLOCK, row);
    }
  }
}

// Threads share the parts of a small filter, each with sums of its own ...
static int shares_parts(const Call *call) {
  return call->x.c * call->y.c <= GROUP_BLOCKS * GROUP_BLOCKS * BLOCK * BLOCK &&
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
  const size_t bytes = (size_t)call->x.c * sizeof(float);
  int64_t begin, end;
  trompe_share(call->y.c, thread, threads, &begin, &end);
  for (int64_t k = begin; k < end; k++) {
    float *to = call->to + k * call->filter_row;
    const int64_t from = k * sums_row(call);
    memcpy(to, sums_of(call, 0) + from, bytes);
    for (int other = 1; other < call->threads; other++)
      call->kernels->binary[TROMPE_ADD - TROMPE_ADD](
          to, to, sums_of(call, other) + from, call->x.c);
  }
}

// ... or groups of a large one's channels and filters.
typedef struct {
  int64_t x, y;  // how many
} Groups;

static Groups groups_of(const Call *call) {
  const int64_t x_blocks = call->x.c / BLOCK, y_blocks = call->y.c / BLOCK;
  Groups groups = {
      (x_blocks + GROUP_BLOCKS - 1) / GROUP_BLOCKS, (y_blocks + GROUP_BLOCKS - 1) / GROUP_BLOCKS};
  while (groups.x * groups.y < call->threads) {
    const int64_t x_size = x_blocks / groups.x, y_size = y_blocks / groups.y;
    if (larger(x_size, y_size) < 2 * GROUP_BLOCKS_MIN) break;
    if (x_size > y_size) groups.x *= 2;
    else groups.y *= 2;
  }
  return groups;
}

// One group of both, as a convolution of its own.
static Call group_at(const Call *call, Groups groups, int64_t index) {
  Call group = *call;
  int64_t first, last;
  trompe_share(call->x.c / BLOCK, (int)(index % groups.x), (int)groups.x, &first, &last);
  group.x.c = (last - first) * BLOCK;
  group.from += first * call->x.block;
  group.to += first * BLOCK;
  trompe_share(call->y.c / BLOCK, (int)(index / groups.x), (int)groups.y, &first, &last);
  group.y.c = (last - first) * BLOCK;
  group.cotangent += first * call->y.block;
  group.to += first * BLOCK * call->filter_row;
  return group;
}

// Scratch of a thread: of the largest group.
static int64_t group_floats(const Call *call, Groups groups) {
  Call largest = *call;
  largest.x.c = (call->x.c / BLOCK + groups.x - 1) / groups.x * BLOCK;
  largest.y.c = (call->y.c / BLOCK + groups.y - 1) / groups.y * BLOCK;
  return packed_floats(&largest) + sums_floats(&largest);
}

static void sum_groups(void *context, int thread, int threads) {
  const Call *call = context;
  const Groups groups = groups_of(call);
  float *packed = call->scratch + thread * group_floats(call, groups);
  int64_t begin, end;
  trompe_share(groups.x * groups.y, thread, threads, &begin, &end);
  for (int64_t g = begin; g < end; g++) {
    const Call group = group_at(call, groups, g);
    sum_parts(&group, 0, part_count(call), packed, packed + packed_floats(&group), group.to);
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
    const int64_t floats = shares_parts(&call) ? packed_floats(&call) + sums_floats(&call)
                                               : group_floats(&call, groups_of(&call));
    largest = larger(largest, threads * floats);
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
      trompe_parallel(sum_shared_parts, &call, threads);
      trompe_parallel(add_sums, &call, threads);
    } else {
      trompe_parallel(sum_groups, &call, threads);
    }
    // A point that lies outside of the image for all pixels.
    for (int64_t k = 0; !part_count(&call) && k < call.y.c; k++)
      memset(call.to + k * call.filter_row, 0, (size_t)call.x.c * sizeof(float));
  }
}
