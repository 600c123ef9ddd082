// Sums over pixels, each thread's after the other's.
#pragma once

#include <stdint.h>
#include <string.h>

static inline void trompe_begin_sums(float *sums, int64_t channels, int threads) {
  memset(sums, 0, (size_t)(channels * threads) * sizeof(float));
}

static inline void trompe_join_sums(
    const float *sums, int64_t channels, int threads, float *joined) {
  memcpy(joined, sums, (size_t)channels * sizeof(float));
  for (int64_t i = channels; i < channels * threads; i++) joined[i % channels] += sums[i];
}
