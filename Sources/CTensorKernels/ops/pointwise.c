#include "kernels_pointwise.h"

#include <math.h>
#include <string.h>

#include "arch/kernel_table.h"
#include "kernels_threads.h"
#include "ukernels/extremes.h"

// How the iteration space is cut: a tile is `rows` rows of `columns` contiguous elements.
typedef struct {
  int64_t outer[TROMPE_MAX_RANK];  // extents of the axes outside the tile
  int outer_rank;
  int64_t row_extent, rows, row_blocks;
  int64_t column_extent, columns, column_blocks;
  int64_t tiles;
  int64_t tile_elements;  // capacity of a register
} Tiling;

enum {
  REGISTER_BUDGET = 24 * 1024,  // bytes of first-level cache for registers
  TILE_MAX = 2048,
  TILE_MIN = 128,
};

static Tiling tile(const trompe_pointwise *group) {
  Tiling t = {0};
  int64_t capacity = REGISTER_BUDGET / 4 / (group->register_count + 1);
  capacity = capacity > TILE_MAX ? TILE_MAX : capacity < TILE_MIN ? TILE_MIN : capacity;
  capacity = capacity / 16 * 16;
  int rank = group->rank;
  t.column_extent = rank > 0 ? group->extent[rank - 1] : 1;
  t.row_extent = rank > 1 ? group->extent[rank - 2] : 1;
  t.outer_rank = rank > 2 ? rank - 2 : 0;
  t.tiles = 1;
  for (int i = 0; i < t.outer_rank; i++) t.tiles *= t.outer[i] = group->extent[i];
  t.columns = smaller(t.column_extent, capacity);
  t.rows = t.columns < t.column_extent
               ? 1
               : smaller(t.row_extent, capacity / (t.columns ? t.columns : 1));
  if (t.rows < 1) t.rows = 1;
  t.row_blocks = t.rows ? (t.row_extent + t.rows - 1) / t.rows : 0;
  t.column_blocks = t.columns ? (t.column_extent + t.columns - 1) / t.columns : 0;
  t.tiles *= t.row_blocks * t.column_blocks;
  t.tile_elements = (t.rows * t.columns + 15) / 16 * 16;
  return t;
}

// Whether tiles of different threads never meet in this reduction's result.
static int is_disjoint(
    const trompe_pointwise *group, const Tiling *t, const trompe_pointwise_reduction *r) {
  int rank = group->rank;
  for (int i = 0; i < t->outer_rank; i++)
    if (t->outer[i] > 1 && r->stride[i] == 0) return 0;
  if (t->row_blocks > 1 && r->stride[rank - 2] == 0) return 0;
  if (t->column_blocks > 1 && r->stride[rank - 1] == 0) return 0;
  return 1;
}

static int64_t padded(int64_t count) { return (count + 15) / 16 * 16; }

size_t trompe_pointwise_scratch_bytes(const trompe_pointwise *group, int threads) {
  Tiling t = tile(group);
  int64_t floats = (int64_t)group->register_count * t.tile_elements;
  for (int i = 0; i < group->reduction_count; i++)
    if (!is_disjoint(group, &t, &group->reductions[i]))
      floats += padded(group->reductions[i].count);
  return (size_t)(floats * threads) * sizeof(float);
}

typedef struct {
  const trompe_pointwise *group;
  const trompe_kernels *kernels;
  Tiling tiling;
  float *scratch;
  int64_t floats_per_thread;
  int threads;  // that took part: the pool may give fewer than requested
} Run;

static float neutral(int code) {
  return code == TROMPE_REDUCE_SUM ? 0 : code == TROMPE_REDUCE_MAXIMUM ? -INFINITY : INFINITY;
}

static inline float joined(int code, float a, float b) {
  if (code == TROMPE_REDUCE_SUM) return a + b;
  if (a != a || b != b) return NAN;
  if (code == TROMPE_REDUCE_MAXIMUM) return a >= b ? a : b;
  return a <= b ? a : b;
}

static float reduced(const trompe_kernels *k, int code, const float *x, int64_t count) {
  if (code == TROMPE_REDUCE_SUM) return k->sum(x, count);
  return code == TROMPE_REDUCE_MAXIMUM ? k->largest(x, count) : k->smallest(x, count);
}

// Where a register of this thread stands.
static float *register_of(const Run *run, float *mine, int index) {
  return mine + (int64_t)index * run->tiling.tile_elements;
}

// The register of an input, and what stands in it: `count` elements from `from` on.
typedef struct {
  float *buffer;
  const void *from;
  int64_t count;
} Cached;

// Elements of a tile.
typedef struct {
  int64_t rows, columns;
} Extent;

// The same of bfloat16: it is always brought.
static const float *load_bf16(
    const Run *run, const trompe_pointwise_input *input, const uint16_t *from, Cached *cached,
    Extent extent) {
  const int64_t rows = extent.rows, columns = extent.columns;
  float *const buffer = cached->buffer;
  int rank = run->group->rank;
  int64_t inner = rank > 0 ? input->stride[rank - 1] : 1,
          row = rank > 1 ? input->stride[rank - 2] : 0;
  if (columns == 1) inner = 1;
  if (cached->from == from && cached->count == rows * columns) return buffer;
  cached->from = from;
  cached->count = rows * columns;
  if (inner == 1 && (rows == 1 || row == columns)) {
    run->kernels->from_bf16(buffer, from, rows * columns);
    return buffer;
  }
  for (int64_t i = 0; i < rows; i++) {
    float *target = buffer + i * columns;
    if (row == 0 && i > 0) {
      memcpy(target, buffer, (size_t)columns * sizeof(float));
    } else if (inner == 1) {
      run->kernels->from_bf16(target, from + i * row, columns);
    } else {
      for (int64_t j = 0; j < columns; j++)
        run->kernels->from_bf16(target + j, from + i * row + j * inner, 1);
    }
  }
  return buffer;
}

// Brings a tile of an input into its register, unless it can be read in place or stands there.
static const float *load(
    const Run *run, const trompe_pointwise_input *input, const float *from, Cached *cached,
    Extent extent) {
  const int64_t rows = extent.rows, columns = extent.columns;
  float *const buffer = cached->buffer;
  int rank = run->group->rank;
  int64_t inner = rank > 0 ? input->stride[rank - 1] : 1,
          row = rank > 1 ? input->stride[rank - 2] : 0;
  if (columns == 1) inner = 1;
  if (inner == 1 && (rows == 1 || row == columns)) return from;
  if (cached->from == from && cached->count == rows * columns) return buffer;
  cached->from = from;
  cached->count = rows * columns;
  if (row == 0 && inner == 1) {
    run->kernels->repeat_row(buffer, from, rows, columns);
    return buffer;
  }
  for (int64_t i = 0; i < rows; i++) {
    const float *source = from + i * row;
    float *target = buffer + i * columns;
    if (row == 0 && i > 0) {
      memcpy(target, buffer, (size_t)columns * sizeof(float));
    } else if (inner == 1) {
      memcpy(target, source, (size_t)columns * sizeof(float));
    } else if (inner == 0) {
      run->kernels->splat(target, *source, columns);
    } else {
      for (int64_t j = 0; j < columns; j++) target[j] = source[j * inner];
    }
  }
  return buffer;
}

static void accumulate(
    const Run *run, const trompe_pointwise_reduction *r, const float *x, float *to, int64_t rows,
    int64_t columns) {
  int rank = run->group->rank;
  int64_t inner = rank > 0 ? r->stride[rank - 1] : 0, row = rank > 1 ? r->stride[rank - 2] : 0;
  if (inner == 0) {
    if (row == 0) {
      *to = joined(r->code, *to, reduced(run->kernels, r->code, x, rows * columns));
    } else if (r->code == TROMPE_REDUCE_SUM) {
      run->kernels->add_columns(to, row, x, rows, columns);
    } else {
      for (int64_t i = 0; i < rows; i++)
        to[i * row] =
            joined(r->code, to[i * row], reduced(run->kernels, r->code, x + i * columns, columns));
    }
    return;
  }
  if (r->code == TROMPE_REDUCE_SUM && inner == 1 && row == 0) {
    run->kernels->add_rows(to, x, rows, columns);
    return;
  }
  for (int64_t i = 0; i < rows; i++) {
    float *target = to + i * row;
    const float *source = x + i * columns;
    if (r->code == TROMPE_REDUCE_SUM && inner == 1) {
      run->kernels->binary[TROMPE_ADD - TROMPE_ADD](target, target, source, columns);
    } else {
      for (int64_t j = 0; j < columns; j++)
        target[j * inner] = joined(r->code, target[j * inner], source[j]);
    }
  }
}

enum { REGISTER_LIMIT = 256 };

static void run_part(void *context, int thread, int threads) {
  Run *run = context;
  if (thread == 0) run->threads = threads;
  const trompe_pointwise *group = run->group;
  const Tiling *t = &run->tiling;
  const trompe_kernels *k = run->kernels;
  const int rank = group->rank;
  float *mine = run->scratch + run->floats_per_thread * thread;
  // Where each is written, and where it is read: inputs are read where they are.
  float *registers[REGISTER_LIMIT];
  const float *values[REGISTER_LIMIT];
  Cached cached[REGISTER_LIMIT];
  float *partial[REGISTER_LIMIT];
  for (int i = 0; i < group->register_count; i++) {
    values[i] = registers[i] = register_of(run, mine, i);
    cached[i] = (Cached){.buffer = registers[i]};
  }
  for (int i = 0; i < group->scalar_count; i++)
    k->splat(registers[group->scalars[i].reg], group->scalars[i].value, t->tile_elements);
  float *next = mine + (int64_t)group->register_count * t->tile_elements;
  for (int i = 0; i < group->reduction_count; i++) {
    const trompe_pointwise_reduction *r = &group->reductions[i];
    if (is_disjoint(group, t, r)) {
      partial[i] = r->base;
    } else {
      partial[i] = next;
      next += padded(r->count);
      k->splat(partial[i], neutral(r->code), r->count);
    }
  }
  int64_t begin, end;
  trompe_share(t->tiles, thread, threads, &begin, &end);
  for (int64_t id = begin; id < end; id++) {
    int64_t rest = id;
    const int64_t column_block = rest % t->column_blocks;
    rest /= t->column_blocks;
    const int64_t row_block = rest % t->row_blocks;
    rest /= t->row_blocks;
    int64_t position[TROMPE_MAX_RANK] = {0};
    for (int i = t->outer_rank - 1; i >= 0; i--) {
      position[i] = rest % t->outer[i];
      rest /= t->outer[i];
    }
    if (rank > 1) position[rank - 2] = row_block * t->rows;
    if (rank > 0) position[rank - 1] = column_block * t->columns;
    const int64_t rows = smaller(t->rows, t->row_extent - row_block * t->rows);
    const int64_t columns = smaller(t->columns, t->column_extent - column_block * t->columns);
    const Extent extent = {rows, columns};
    const int64_t count = rows * columns;
    int64_t dense = 0;
    for (int i = 0; i < rank; i++) dense = dense * group->extent[i] + position[i];

    for (int i = 0; i < group->input_count; i++) {
      const trompe_pointwise_input *input = &group->inputs[i];
      int64_t offset = 0;
      for (int j = 0; j < rank; j++) offset += position[j] * input->stride[j];
      values[i] =
          input->is_bf16
              ? load_bf16(run, input, (const uint16_t *)input->base + offset, &cached[i], extent)
              : load(run, input, (const float *)input->base + offset, &cached[i], extent);
    }
    for (int i = 0; i < group->output_count; i++) {
      const trompe_pointwise_output *output = &group->outputs[i];
      if (!output->is_bf16)
        values[output->reg] = registers[output->reg] = (float *)output->base + dense;
    }
    for (int i = 0; i < group->instruction_count; i++) {
      const trompe_instruction *op = &group->instructions[i];
      if (op->code < TROMPE_ADD)
        k->unary[op->code - TROMPE_COPY](registers[op->d], values[op->a], count);
      else if (op->code < TROMPE_SELECT)
        k->binary[op->code - TROMPE_ADD](registers[op->d], values[op->a], values[op->b], count);
      else k->select(registers[op->d], values[op->a], values[op->b], values[op->c], count);
    }
    for (int i = 0; i < group->output_count; i++) {
      const trompe_pointwise_output *output = &group->outputs[i];
      if (output->is_bf16) k->to_bf16((uint16_t *)output->base + dense, values[output->reg], count);
    }
    for (int i = 0; i < group->reduction_count; i++) {
      const trompe_pointwise_reduction *r = &group->reductions[i];
      float *to = partial[i];
      for (int j = 0; j < rank; j++) to += position[j] * r->stride[j];
      accumulate(run, r, values[r->reg], to, rows, columns);
    }
  }
}

void trompe_pointwise_run(const trompe_pointwise *group, void *scratch, trompe_cpu cpu) {
  Run run = {.group = group, .kernels = cpu.kernels, .scratch = scratch};
  run.tiling = tile(group);
  int64_t elements = 1;
  for (int i = 0; i < group->rank; i++) elements *= group->extent[i];
  run.floats_per_thread = (int64_t)trompe_pointwise_scratch_bytes(group, 1) / 4;
  // Waking the pool costs more than a few thousand elements. The choice depends on the shape
  // alone, so results do not.
  int threads = elements < 8192 ? 1 : cpu.threads;
  if (threads > run.tiling.tiles) threads = run.tiling.tiles > 0 ? (int)run.tiling.tiles : 1;
  for (int i = 0; i < group->reduction_count; i++) {
    const trompe_pointwise_reduction *r = &group->reductions[i];
    run.kernels->splat(r->base, neutral(r->code), r->count);
  }
  trompe_parallel(run_part, &run, threads);
  // Partial results are joined in the order of the threads.
  int64_t offset = (int64_t)group->register_count * run.tiling.tile_elements;
  for (int i = 0; i < group->reduction_count; i++) {
    const trompe_pointwise_reduction *r = &group->reductions[i];
    if (is_disjoint(group, &run.tiling, r)) continue;
    for (int t = 0; t < run.threads; t++) {
      const float *from = run.scratch + run.floats_per_thread * t + offset;
      for (int64_t j = 0; j < r->count; j++) r->base[j] = joined(r->code, r->base[j], from[j]);
    }
    offset += padded(r->count);
  }
}
