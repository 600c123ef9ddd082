// Sums over pixels: of runs of them, which are added one after the other, so that a sum depends
// neither on which thread made which run nor on how many threads there are.
#pragma once

#include <stdint.h>
#include <string.h>

#include "kernels_threads.h"
#include "ukernels/extremes.h"

enum { RUNS_MAX = 64 };

// Tiles, or the like, of a run, and how many runs `count` of them are.
static inline int64_t trompe_run_length(int64_t count) { return (count + RUNS_MAX - 1) / RUNS_MAX; }
static inline int64_t trompe_run_count(int64_t count) {
  return count ? (count - 1) / trompe_run_length(count) + 1 : 0;
}

// A thread's share by its speed: whole runs.
static inline void trompe_share_runs(
    int64_t count, int thread, int threads, int64_t *begin, int64_t *end) {
  const int64_t length = larger(1, trompe_run_length(count));
  trompe_share_by_speed(count, thread, threads, begin, end);
  *begin = smaller(count, (*begin + length / 2) / length * length);
  if (*end < count) *end = smaller(count, (*end + length / 2) / length * length);
}

static inline void trompe_begin_sums(float *sums, int64_t channels, int64_t runs) {
  memset(sums, 0, (size_t)(channels * runs) * sizeof(float));
}

static inline void trompe_join_sums(
    const float *sums, int64_t channels, int64_t runs, float *joined) {
  memcpy(joined, sums, (size_t)channels * sizeof(float));
  for (int64_t r = 1; r < runs; r++)
    for (int64_t i = 0; i < channels; i++) joined[i] += sums[r * channels + i];
}
