#pragma once

#include <stdint.h>

static inline int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }
static inline int64_t larger(int64_t a, int64_t b) { return a > b ? a : b; }

// How many of `count` to do at once, at most `most`, so that it is about as many each time.
static inline int64_t even_chunk(int64_t count, int64_t most) {
  const int64_t chunks = (count + most - 1) / most;
  return chunks ? (count + chunks - 1) / chunks : 0;
}
