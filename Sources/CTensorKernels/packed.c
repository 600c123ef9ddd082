#include "kernels_packed.h"

#include "channel_sums.h"
#include "far.h"
#include "isa/table.h"
#include "kernels_pointwise.h"
#include "kernels_threads.h"
#include "parts.h"

enum {
  BLOCK = 16,
  // Packed tiles that a thread multiplies by all filters: they stay in the second-level cache beside
  // the pixels that it asks for meanwhile, 16ths of it ...
  CHUNK_SHARE = 3,
  CHUNK_MIN = 4,
  CHUNK_MAX = 32,
  // ... and more of them if the filters do not, which every chunk reads again.
  FILTER_SHARE = 4,
  LARGE_CHUNK_SHARE = 7,
  // So many tiles are read for all threads, ...
  FEW_TILES = 32,
  // ... and columns of at most so many steps, of one or several blocks, are packed at once then.
  BATCH_STEPS = 2048,
};

// Of each part: columns, what is taken off each, and what undoes its scale.
size_t trompe_packed_filter_bytes(const trompe_window *window, int to_image) {
  const Ends ends = trompe_ends(window, to_image);
  int64_t floats = 0;
  for (Part part = {0}; trompe_next_part(window, to_image, &part);)
    if (part.tap_count) floats += ends.to->c * (part_steps(&part, &ends) + 2);
  return (size_t)floats * sizeof(float);
}

int trompe_packed_same_filter(
    const trompe_window *a, const trompe_window *b, int to_image) {
  Part p = {0}, q = {0};
  for (int more = 1; more;) {
    more = trompe_next_part(a, to_image, &p);
    if (trompe_next_part(b, to_image, &q) != more) return 0;
    if (!more) break;
    if (p.tap_count != q.tap_count) return 0;
    for (int64_t i = 0; i < p.tap_count; i++)
      if (p.taps[i].point != q.taps[i].point) return 0;
  }
  return 1;
}

typedef struct {
  const trompe_kernels *kernels;
  const trompe_window *window;
  const float *filter, *scale;
  int to_image;
  float *packed;
} FilterCall;

// Some blocks of a part's columns.
static void read_blocks(
    const FilterCall *call, const Part *part, int64_t first, int64_t count, float *columns,
    float *products, float *inverses) {
  const trompe_window *window = call->window;
  const Ends ends = trompe_ends(window, call->to_image);
  const int64_t c = window->x.c, filter = window->r * window->s * c;
  const int64_t step = call->to_image ? filter : 1, column = call->to_image ? 1 : filter;
  int64_t taps[TAPS_MAX];
  for (int64_t i = 0; i < part->tap_count; i++) taps[i] = part->taps[i].point * c;
  // Filters are the columns, or the steps.
  const float *scale =
      call->scale && !call->to_image ? call->scale + first * BLOCK : call->scale;
  call->kernels->packed_read_filter(
      call->filter + first * BLOCK * column, taps, part->tap_count, step, column, ends.from->c,
      scale, count, columns, products, inverses);
}

static void read_filter(void *context, int thread, int threads) {
  const FilterCall *call = context;
  const Ends ends = trompe_ends(call->window, call->to_image);
  const int64_t columns = ends.to->c;
  // What is next to each other is read together: columns of several blocks, or the steps of one.
  const int64_t at_once = call->to_image ? PACKED_BLOCKS : 1;
  int64_t begin, end;
  trompe_share_by_speed(columns / BLOCK, thread, threads, &begin, &end);
  for (int64_t b = begin; b < end; b += at_once)
    for (Part part = {0}; trompe_next_part(call->window, call->to_image, &part);) {
      if (!part.tap_count) continue;
      const int64_t steps = part_steps(&part, &ends), first = b * BLOCK;
      float *packed = call->packed + part.filter;
      float *products = packed + steps * columns, *inverses = products + columns;
      read_blocks(
          call, &part, b, smaller(at_once, end - b), packed + first * steps, products + first,
          inverses + first);
    }
}

void trompe_packed_read_filter(
    const trompe_window *window, const float *filter, const float *scale, int to_image,
    float *packed, trompe_cpu cpu) {
  FilterCall call = {cpu.kernels, window, filter, scale, to_image, packed};
  trompe_parallel(read_filter, &call, cpu.threads);
}

// A tile is packed as rows, what is taken off each, and what undoes its scale.
static int64_t tile_floats(int64_t steps) { return TILE * (steps + 2); }

typedef struct {
  const trompe_kernels *kernels;
  Ends ends;
  const Part *part;
  const float *from;
  const float *packed;      // filters
  const FilterCall *plain;  // or filters that are not packed
  trompe_epilogue after;
  float *to, *scratch;
  float *sums;  // of the channels, of runs of tiles, or NULL
} Call;

// A block of a part's columns.
static trompe_packed packed_block(const Call *call, int64_t block) {
  static const float nothing[2 * BLOCK];
  const int64_t steps = part_steps(call->part, &call->ends), columns = call->ends.to->c;
  if (!steps) return (trompe_packed){nothing, nothing, nothing};
  const float *packed = call->packed + call->part->filter;
  const float *products = packed + steps * columns;
  return (trompe_packed){packed + block * BLOCK * steps, products + block * BLOCK,
                         products + columns + block * BLOCK};
}

// How many tiles a thread packs at once at most.
static int64_t largest_chunk(const Part *part, const Ends *ends) {
  const int64_t steps = part_steps(part, ends), floats = (int64_t)sizeof(float);
  const int64_t cache = trompe_second_level_bytes();
  const int is_large = steps * ends->to->c * floats > cache / 16 * FILTER_SHARE;
  const int64_t bytes = cache / 16 * (is_large ? LARGE_CHUNK_SHARE : CHUNK_SHARE);
  const int64_t fitting = bytes / floats / tile_floats(steps);
  const int64_t most = larger(CHUNK_MIN, smaller(CHUNK_MAX, fitting));
  return larger(1, smaller(part_tiles(part, ends), most));  // a part may have no pixels
}

static void read_tile(const Call *call, const Tile *tile, float *rows) {
  const int64_t taps = call->part->tap_count, steps = part_steps(call->part, &call->ends);
  trompe_pixel pixels[TAPS_MAX * TILE];
  for (int64_t i = 0; i < taps; i++)
    trompe_tap_pixels(call->part, &call->ends, tile, i, call->from, pixels + i * TILE);
  call->kernels->packed_read_rows(
      pixels, taps, call->ends.from->c / BLOCK, rows, rows + TILE * steps,
      rows + TILE * (steps + 1));
}

// Channels of a tile, which is packed soon, from block `begin` of those of all taps up to `end`: they are asked
// for, what is of another tap at once. `known` are the first tap's pixels, if that is not NULL.
static void ask_for_rows(
    const Call *call, const Tile *tile, int64_t begin, int64_t end, const trompe_pixel *known,
    trompe_pixel *pixels, trompe_next_pixels *next) {
  const int64_t blocks = call->ends.from->c / BLOCK;
  if (known && end <= blocks) {
    *next = (trompe_next_pixels){.pixels = known, .first = begin, .lines = (end - begin) * TILE};
    return;
  }
  const int64_t first = begin % blocks, count = smaller(end - begin, blocks - first);
  trompe_pixel others[TILE];
  for (int64_t i = begin + count; i < end; i++) {
    if (i % blocks == 0)
      trompe_tap_pixels(call->part, &call->ends, tile, i / blocks, call->from, others);
    for (int64_t j = 0; j < TILE; j++)
      __builtin_prefetch(others[j].values + i % blocks * others[j].block, 0, 2);
  }
  trompe_tap_pixels(call->part, &call->ends, tile, begin / blocks, call->from, pixels);
  next->pixels = pixels;
  next->first = first;
  next->lines = count * TILE;
}

// From a block of steps on.
static trompe_packed steps_from(trompe_packed packed, int64_t block) {
  packed.values += block * BLOCK * BLOCK;
  return packed;
}
static trompe_packed packed_tile(const float *tile, int64_t steps, int64_t block) {
  return steps_from(
      (trompe_packed){tile, tile + TILE * steps, tile + TILE * (steps + 1)}, block);
}

// What follows a product of tiles and blocks of columns: tiles that are packed then, ...
typedef struct {
  const Tile *packed;
  const trompe_pixel *pixels;  // of each tile those of the only tap, or NULL
  int64_t count;
  // ... and a tile that is written, or NULL, so many blocks behind.
  const Tile *written;
  int64_t blocks;
} Following;

// Tiles of some blocks of the result's channels. Meanwhile what follows is asked for.
static void multiply_tiles(
    const Call *call, const float *rows, const Tile *tiles, int64_t tile_count, int64_t block,
    int64_t block_count, trompe_packed columns, Following following, float *const *sums) {
  const int64_t steps = part_steps(call->part, &call->ends), at_once = call->kernels->nr_blocks;
  const trompe_column_blocks at = {block_count, steps * BLOCK, BLOCK, call->ends.to->block};
  int64_t begin = 0, end = 0;  // blocks of channels that are asked for
  if (following.count)
    trompe_share(
        call->part->tap_count * call->ends.from->c / BLOCK, (int)(block / at_once),
        (int)((call->ends.to->c / BLOCK + at_once - 1) / at_once), &begin, &end);
  const int64_t first = block * call->ends.to->block;
  trompe_epilogue after = call->after;
  if (after.bias) after.bias += block * BLOCK;
  if (after.residual) after.residual += first;
  if (after.mask) after.mask += first;
  // All blocks of steps but the last ones.
  const int64_t floats = tile_floats(steps), step_blocks = steps / BLOCK;
  const int64_t steps_at_once = block_count > 1 ? call->kernels->kc_blocks : step_blocks;
  _Static_assert(FEW_TILES <= CHUNK_MAX, "sums of all tiles have a place");
  float before[CHUNK_MAX][COLUMN_BLOCKS_MAX * BLOCK * TILE] __attribute__((aligned(64)));
  int64_t done = 0;
  for (; step_blocks - done > steps_at_once; done += steps_at_once) {
    const trompe_packed of_columns = steps_from(columns, done);
    for (int64_t t = 0; t < tile_count; t++) {
      const trompe_packed of_rows = packed_tile(rows + t * floats, steps, done);
      call->kernels->packed_sum_pixels(
          &of_rows, &of_columns, &at, steps_at_once, !done, before[t]);
    }
  }
  const trompe_packed of_columns = steps_from(columns, done);
  for (int64_t t = 0; t < tile_count; t++) {
    after.sums = sums[t] ? sums[t] + block * BLOCK : NULL;
    trompe_pixel pixels[TILE];
    trompe_next_pixels next = {0};
    if (t < following.count && begin < end)
      ask_for_rows(
          call, &following.packed[t], begin, end,
          following.pixels ? following.pixels + t * TILE : NULL, pixels, &next);
    if (t + 1 < tile_count) {
      next.results = tiles[t + 1].offsets;
    } else if (following.written) {
      next.results = following.written->offsets;
      next.distance = following.blocks * call->ends.to->block;
    }
    const trompe_packed of_rows = packed_tile(rows + t * floats, steps, done);
    call->kernels->packed_write_pixels(
        &of_rows, &of_columns, &at, step_blocks - done, done ? before[t] : NULL, &after,
        call->to + first, tiles[t].offsets, tiles[t].count, &next);
  }
}

// Threads share the tiles ...
static void multiply(void *context, int thread, int threads) {
  const Call *call = context;
  const int64_t steps = part_steps(call->part, &call->ends), columns = call->ends.to->c;
  const int64_t most = largest_chunk(call->part, &call->ends), floats = tile_floats(steps);
  const int64_t all = part_tiles(call->part, &call->ends);
  float *rows = call->scratch + thread * most * floats;
  float *sums[CHUNK_MAX];
  Tile both[2][CHUNK_MAX], *tiles = both[0], *next = both[1];
  trompe_pixel pixels[CHUNK_MAX * TILE];
  const int has_one_tap = call->part->tap_count == 1;
  int64_t begin, end;
  if (call->sums) trompe_share_runs(all, thread, threads, &begin, &end);
  else trompe_share_by_speed(all, thread, threads, &begin, &end);
  const int64_t at_once = even_chunk(end - begin, most);
  for (int64_t t = begin; t < smaller(begin + at_once, end); t++)
    trompe_tile_at(call->part, &call->ends, t, &next[t - begin]);
  for (int64_t first = begin; first < end; first += at_once) {
    Tile *const read = next;
    next = tiles;
    tiles = read;
    const int64_t count = smaller(at_once, end - first);
    const int64_t next_count = smaller(at_once, end - first - count);
    for (int64_t t = 0; t < next_count; t++) {
      trompe_tile_at(call->part, &call->ends, first + count + t, &next[t]);
      if (has_one_tap)
        trompe_tap_pixels(call->part, &call->ends, &next[t], 0, call->from, pixels + t * TILE);
    }
    for (int64_t t = 0; t < count; t++) {
      read_tile(call, &tiles[t], rows + t * floats);
      sums[t] = call->sums ? call->sums + (first + t) / trompe_run_length(all) * columns : NULL;
    }
    for (int64_t b = 0, blocks; b < columns / BLOCK; b += blocks) {
      blocks = smaller(call->kernels->nr_blocks, columns / BLOCK - b);
      Following following = {next, has_one_tap ? pixels : NULL, next_count};
      if (b + blocks < columns / BLOCK) {
        following.written = tiles;
        following.blocks = blocks;
      }
      multiply_tiles(
          call, rows, tiles, count, b, blocks, packed_block(call, b), following, sums);
    }
  }
  if (call->after.is_far) trompe_finish_far();
}

// ... or, of few tiles, first those and then the columns. A filter is read once then, and need not be packed
// before.
static int shares_columns(const Part *part, const Ends *ends, int threads) {
  return threads > 1 && part_tiles(part, ends) <= FEW_TILES &&
         ends->to->c >= 2 * BLOCK * threads;
}

static void read_shared(void *context, int thread, int threads) {
  const Call *call = context;
  const int64_t floats = tile_floats(part_steps(call->part, &call->ends));
  int64_t begin, end;
  trompe_share_by_speed(part_tiles(call->part, &call->ends), thread, threads, &begin, &end);
  for (int64_t t = begin; t < end; t++) {
    Tile tile;
    trompe_tile_at(call->part, &call->ends, t, &tile);
    read_tile(call, &tile, call->scratch + t * floats);
  }
}

// Blocks of columns that a thread packs for itself: they never leave the caches. As many as are multiplied at
// once, or a multiple of it.
static int64_t batch(const trompe_kernels *kernels, int64_t steps) {
  const int64_t at_once = kernels->nr_blocks;
  const int64_t fitting = smaller(PACKED_BLOCKS, BATCH_STEPS / larger(1, steps));
  return at_once * larger(1, fitting / at_once);
}
static int64_t batch_floats(const trompe_kernels *kernels, int64_t steps) {
  return batch(kernels, steps) * BLOCK * (steps + 2);
}

static void write_shared(void *context, int thread, int threads) {
  const Call *call = context;
  const Part *part = call->part;
  const int64_t steps = part_steps(part, &call->ends), tile_count = part_tiles(part, &call->ends);
  const int64_t floats = tile_floats(steps), at_once = batch(call->kernels, steps);
  const int is_own = call->plain && steps;
  float *columns = call->scratch + tile_count * floats + thread * batch_floats(call->kernels, steps);
  float *products = columns + at_once * BLOCK * steps, *inverses = products + at_once * BLOCK;
  Tile tiles[FEW_TILES];
  float *sums[FEW_TILES];
  for (int64_t t = 0; t < tile_count; t++) {
    trompe_tile_at(part, &call->ends, t, &tiles[t]);
    sums[t] = call->sums;
  }
  int64_t begin, end;
  trompe_share_by_speed(call->ends.to->c / BLOCK, thread, threads, &begin, &end);
  for (int64_t b = begin; b < end; b += at_once) {
    const int64_t count = smaller(at_once, end - b);
    if (is_own)
      read_blocks(call->plain, part, b, count, columns, products, inverses);
    for (int64_t i = 0, blocks; i < count; i += blocks) {
      blocks = smaller(call->kernels->nr_blocks, count - i);
      const trompe_packed own = {
          columns + i * BLOCK * steps, products + i * BLOCK, inverses + i * BLOCK};
      Following following = {0};
      if (i + blocks < count) following = (Following){.written = tiles, .blocks = blocks};
      multiply_tiles(
          call, call->scratch, tiles, tile_count, b + i, blocks,
          is_own ? own : packed_block(call, b + i), following, sums);
    }
  }
  if (call->after.is_far) trompe_finish_far();
}

size_t trompe_packed_scratch_bytes(const trompe_window *window, int to_image, trompe_cpu cpu) {
  const Ends ends = trompe_ends(window, to_image);
  int64_t floats = 0;
  for (Part part = {0}; trompe_next_part(window, to_image, &part);) {
    const int64_t steps = part_steps(&part, &ends);
    floats = larger(
        floats, shares_columns(&part, &ends, cpu.threads)
                    ? part_tiles(&part, &ends) * tile_floats(steps) +
                          cpu.threads * batch_floats(cpu.kernels, steps)
                    : cpu.threads * largest_chunk(&part, &ends) * tile_floats(steps));
  }
  return (size_t)(floats + ends.to->c * RUNS_MAX) * sizeof(float);
}

int trompe_packed_takes_plain_filters(
    const trompe_window *window, int to_image, int threads) {
  const Ends ends = trompe_ends(window, to_image);
  for (Part part = {0}; trompe_next_part(window, to_image, &part);)
    if (part.tap_count && !shares_columns(&part, &ends, threads)) return 0;
  return 1;
}

// Whether points of the window reach only some of the image's pixels.
static int has_unreached(const trompe_window *window) {
  for (Part part = {0}; trompe_next_part(window, 1, &part);)
    if (!part.tap_count) return 1;
  return 0;
}

typedef struct {
  const trompe_kernels *kernels;
  float *values;
  int64_t count;
} Zeros;

static void write_zeros(void *context, int thread, int threads) {
  const Zeros *call = context;
  int64_t begin, end;
  trompe_share(call->count, thread, threads, &begin, &end);
  call->kernels->splat(call->values + begin, 0, end - begin);
}

static void set_to_zero(float *values, const trompe_image *image, trompe_cpu cpu) {
  Zeros call = {cpu.kernels, values, image->n * image->h * image->w * image->c};
  trompe_parallel(write_zeros, &call, cpu.threads);
}

// Runs of tiles of which sums are made: where threads share the channels, one.
static int64_t run_count(const trompe_window *window, int to_image, int threads) {
  const Ends ends = trompe_ends(window, to_image);
  int64_t runs = 1;
  for (Part part = {0}; trompe_next_part(window, to_image, &part);)
    if (!shares_columns(&part, &ends, threads))
      runs = larger(runs, trompe_run_count(part_tiles(&part, &ends)));
  return runs;
}

// Every part's sums are added to those of the parts before for the same pixels.
static void run(
    const trompe_window *window, int to_image, const float *from, const float *packed,
    const FilterCall *plain, const trompe_epilogue *after, float *to, void *scratch, trompe_cpu cpu) {
  Call call = {.kernels = cpu.kernels, .ends = trompe_ends(window, to_image), .from = from,
               .packed = packed, .plain = plain, .to = to};
  const int64_t columns = call.ends.to->c;
  float *sums = after->sums ? scratch : NULL;
  call.scratch = (float *)scratch + RUNS_MAX * columns;
  const int64_t runs = run_count(window, to_image, cpu.threads);
  if (sums) trompe_begin_sums(sums, columns, runs);
  // What nothing reaches is 0.
  const int has_rest = to_image && !after->residual && has_unreached(window);
  if (has_rest) set_to_zero(to, call.ends.to, cpu);
  for (Part part = {0}; trompe_next_part(window, to_image, &part);) {
    if (has_rest && !part.tap_count) continue;
    call.part = &part;
    call.after = (trompe_epilogue){
        .bias = part.is_first ? after->bias : NULL,
        .residual = part.is_first ? after->residual : to,
        .has_relu = part.is_last && after->has_relu, .mask = part.is_last ? after->mask : NULL,
        .is_far = part.is_last && trompe_is_far(cpu.kernels, call.ends.to, to)};
    call.sums = part.is_last ? sums : NULL;
    if (shares_columns(&part, &call.ends, cpu.threads)) {
      trompe_parallel(read_shared, &call, cpu.threads);
      trompe_parallel(write_shared, &call, cpu.threads);
    } else {
      trompe_parallel(multiply, &call, cpu.threads);
    }
  }
  if (sums) trompe_join_sums(sums, columns, runs, after->sums);
}

void trompe_packed_convolve(
    const trompe_window *window, int to_image, const float *from, const float *packed,
    const trompe_epilogue *after, float *to, void *scratch, trompe_cpu cpu) {
  run(window, to_image, from, packed, NULL, after, to, scratch, cpu);
}

void trompe_packed_convolve_plain(
    const trompe_window *window, int to_image, const float *from, const float *filter,
    const float *scale, const trompe_epilogue *after, float *to, void *scratch, trompe_cpu cpu) {
  const FilterCall plain = {
      .kernels = cpu.kernels, .window = window, .filter = filter, .scale = scale,
      .to_image = to_image};
  run(window, to_image, from, NULL, &plain, after, to, scratch, cpu);
}
