// Copies between layouts, and the few operations on rows.
#pragma once

#include <stdint.h>

// Indices of a copy between two layouts: of `rank` axes, and the elements from one to the next.
typedef struct {
  int rank;
  const int64_t *extent, *from_stride, *to_stride;
} trompe_strides;

// to[Σ index·to_stride] = from[Σ index·from_stride] for all indices; elements of 4 bytes.
void trompe_copy_strided(const trompe_strides *at, const float *from, float *to, int threads);

// Index of the largest of each row, the first of equals.
void trompe_argmax(int64_t rows, int64_t columns, const float *x, int32_t *index);
// 1 at the `count` largest of each row (of equals the first), else 0.
void trompe_top_k_mask(int64_t rows, int64_t columns, int64_t count, const float *x, float *mask);
// Row i is 1 at index[i]; an index outside 0 ..< depth gives a row of zeros.
void trompe_one_hot(int64_t rows, int64_t depth, const int32_t *index, float *y);
