#include "kernels_layout.h"

#include <math.h>
#include <string.h>

#include "kernels_pointwise.h"
#include "kernels_threads.h"

typedef struct {
  const trompe_strides *at;
  const float *from;
  float *to;
} Copy;

static void copy_axis(
    const Copy *c, int axis, const float *from, float *to, int64_t begin, int64_t end) {
  int64_t a = c->at->from_stride[axis], b = c->at->to_stride[axis];
  if (axis == c->at->rank - 1) {
    if (a == 1 && b == 1) {
      memcpy(to + begin, from + begin, (size_t)(end - begin) * sizeof(float));
    } else {
      for (int64_t i = begin; i < end; i++) to[i * b] = from[i * a];
    }
    return;
  }
  for (int64_t i = begin; i < end; i++)
    copy_axis(c, axis + 1, from + i * a, to + i * b, 0, c->at->extent[axis + 1]);
}

static void copy_part(void *context, int thread, int threads) {
  const Copy *c = context;
  int64_t begin, end;
  trompe_share(c->at->extent[0], thread, threads, &begin, &end);
  copy_axis(c, 0, c->from, c->to, begin, end);
}

void trompe_copy_strided(const trompe_strides *at, const float *from, float *to, int threads) {
  if (at->rank == 0) {
    *to = *from;
    return;
  }
  int64_t count = 1;
  for (int i = 0; i < at->rank; i++) count *= at->extent[i];
  if (count == 0) return;
  Copy copy = {at, from, to};
  trompe_parallel(copy_part, &copy, count < 16384 ? 1 : threads);
}

void trompe_argmax(int64_t rows, int64_t columns, const float *x, int32_t *index) {
  for (int64_t i = 0; i < rows; i++) {
    const float *row = x + i * columns;
    int64_t best = 0;
    for (int64_t j = 1; j < columns; j++)
      if (row[j] > row[best]) best = j;
    index[i] = (int32_t)best;
  }
}

// The count-th largest of a row by bisection over the ordered bits of floats: no sorting, no
// scratch, exact.
static uint32_t ordered(float x) {
  union {
    float f;
    uint32_t i;
  } u = {x == 0 ? 0.0f : x};
  return u.i & 0x80000000u ? ~u.i : u.i | 0x80000000u;
}

void trompe_top_k_mask(int64_t rows, int64_t columns, int64_t count, const float *x, float *mask) {
  for (int64_t i = 0; i < rows; i++) {
    const float *row = x + i * columns;
    uint32_t threshold = 0;
    for (int bit = 31; bit >= 0; bit--) {
      uint32_t candidate = threshold | 1u << bit;
      int64_t above = 0;
      for (int64_t j = 0; j < columns; j++) above += ordered(row[j]) >= candidate;
      if (above >= count) threshold = candidate;
    }
    int64_t above = 0;
    for (int64_t j = 0; j < columns; j++) above += ordered(row[j]) > threshold;
    int64_t equals = count - above;
    for (int64_t j = 0; j < columns; j++) {
      uint32_t value = ordered(row[j]);
      int chosen = value > threshold || (value == threshold && equals-- > 0);
      mask[i * columns + j] = chosen ? 1.0f : 0.0f;
    }
  }
}

void trompe_one_hot(int64_t rows, int64_t depth, const int32_t *index, float *y) {
  memset(y, 0, (size_t)(rows * depth) * sizeof(float));
  for (int64_t i = 0; i < rows; i++)
    if (index[i] >= 0 && index[i] < depth) y[i * depth + index[i]] = 1;
}
