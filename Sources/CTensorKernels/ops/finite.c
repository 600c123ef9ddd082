#include "kernels_finite.h"

#include <string.h>

#include "kernels_threads.h"

// Below this many elements waking the pool costs more than it brings.
enum { PARALLEL_FROM = 65536, PIECE = 4096 };

typedef struct {
  int64_t count;
  const float *x;
  int found;  // set by any thread, to the same value
} Search;

static void part(void *context, int thread, int threads) {
  Search *search = context;
  int64_t begin, end;
  trompe_share(search->count, thread, threads, &begin, &end);
  while (begin < end) {
    const int64_t stop = begin + PIECE < end ? begin + PIECE : end;
    uint32_t found = 0;
    for (int64_t i = begin; i < stop; i++) {
      uint32_t bits;
      memcpy(&bits, search->x + i, sizeof bits);
      // The exponent of what is not finite is all ones: doubled, nothing finite reaches this.
      found |= (bits << 1) >= 0xff000000u;
    }
    if (found) {
      __atomic_store_n(&search->found, 1, __ATOMIC_RELAXED);
      return;
    }
    begin = stop;
  }
}

int trompe_all_finite(int64_t count, const float *x, int threads) {
  Search search = {.count = count, .x = x};
  trompe_parallel(part, &search, count < PARALLEL_FROM ? 1 : threads);
  return !search.found;
}
