#include "kernels_blocking.h"

#include <string.h>

#include "kernels_threads.h"

enum { BLOCK = TROMPE_CHANNEL_BLOCK };

typedef struct {
  int64_t images, pixels, channels;
  const float *from;
  float *to;
  int adds, has_relu;
} Blocking;

// Pixels that are moved together: their channels stay in the first-level cache.
static int64_t run_length(int64_t channels) {
  const int64_t length = 4096 / channels;
  return length < 4 ? 4 : length;
}

static void block_run(const Blocking *b, int64_t image, int64_t begin, int64_t end) {
  const int64_t blocks = b->channels / BLOCK;
  const float *from = b->from + image * b->pixels * b->channels;
  float *to = b->to + image * b->pixels * b->channels;
  for (int64_t block = 0; block < blocks; block++)
    for (int64_t pixel = begin; pixel < end; pixel++)
      memcpy(to + (block * b->pixels + pixel) * BLOCK, from + pixel * b->channels + block * BLOCK,
             BLOCK * sizeof(float));
}

static void unblock_run(const Blocking *b, int64_t image, int64_t begin, int64_t end) {
  const int64_t blocks = b->channels / BLOCK;
  const float *from = b->from + image * b->pixels * b->channels;
  float *to = b->to + image * b->pixels * b->channels;
  for (int64_t block = 0; block < blocks; block++)
    for (int64_t pixel = begin; pixel < end; pixel++) {
      const float *source = from + (block * b->pixels + pixel) * BLOCK;
      float *target = to + pixel * b->channels + block * BLOCK;
      float lane[BLOCK];
      memcpy(lane, source, sizeof lane);
      if (b->adds)
        for (int i = 0; i < BLOCK; i++) lane[i] += target[i];
      // NaN stays NaN.
      if (b->has_relu)
        for (int i = 0; i < BLOCK; i++) lane[i] = lane[i] < 0 ? 0 : lane[i];
      memcpy(target, lane, sizeof lane);
    }
}

static void each_run(
    const Blocking *b, int thread, int threads,
    void (*body)(const Blocking *, int64_t, int64_t, int64_t)) {
  const int64_t length = run_length(b->channels);
  const int64_t runs = (b->pixels + length - 1) / length;
  int64_t begin, end;
  trompe_share(b->images * runs, thread, threads, &begin, &end);
  for (int64_t i = begin; i < end; i++) {
    const int64_t first = i % runs * length;
    const int64_t last = first + length < b->pixels ? first + length : b->pixels;
    body(b, i / runs, first, last);
  }
}

static void block_part(void *context, int thread, int threads) {
  each_run(context, thread, threads, block_run);
}

static void unblock_part(void *context, int thread, int threads) {
  each_run(context, thread, threads, unblock_run);
}

void trompe_block_channels(
    int64_t images, int64_t pixels, int64_t channels, const float *from, float *to, int threads) {
  Blocking b = {images, pixels, channels, from, to, 0, 0};
  trompe_parallel(block_part, &b, images * pixels * channels < 16384 ? 1 : threads);
}

void trompe_unblock_channels(
    int64_t images, int64_t pixels, int64_t channels, const float *from, float *to, int adds,
    int has_relu, int threads) {
  Blocking b = {images, pixels, channels, from, to, adds, has_relu};
  trompe_parallel(unblock_part, &b, images * pixels * channels < 16384 ? 1 : threads);
}
