#include "kernels_blocking.h"

#include <string.h>

#include "kernels_threads.h"

enum { BLOCK = TROMPE_CHANNEL_BLOCK };

typedef struct {
  int to_blocks;
  int64_t images, pixels, channels;
  const float *from;
  float *to;
  int adds, has_relu;
} Reorder;

// Pixels that are moved together: their channels stay in the first-level cache.
static int64_t run_length(int64_t channels) {
  const int64_t length = 4096 / channels;
  return length < 4 ? 4 : length;
}

// What follows a convolution, on the way. NaN stays NaN.
static void move_and_finish(const float *from, float *to, int adds, int has_relu) {
  float lane[BLOCK];
  memcpy(lane, from, sizeof lane);
  if (adds)
    for (int i = 0; i < BLOCK; i++) lane[i] += to[i];
  if (has_relu)
    for (int i = 0; i < BLOCK; i++) lane[i] = lane[i] < 0 ? 0 : lane[i];
  memcpy(to, lane, sizeof lane);
}

static void move_run(const Reorder *r, int64_t image, int64_t begin, int64_t end) {
  const int64_t blocks = r->channels / BLOCK, size = r->pixels * r->channels;
  const float *from = r->from + image * size;
  float *to = r->to + image * size;
  const int finishes = r->adds || r->has_relu;
  for (int64_t block = 0; block < blocks; block++)
    for (int64_t pixel = begin; pixel < end; pixel++) {
      const int64_t blocked = (block * r->pixels + pixel) * BLOCK;
      const int64_t plain = pixel * r->channels + block * BLOCK;
      const float *source = from + (r->to_blocks ? plain : blocked);
      float *target = to + (r->to_blocks ? blocked : plain);
      if (finishes)
        move_and_finish(source, target, r->adds, r->has_relu);
      else
        memcpy(target, source, BLOCK * sizeof(float));
    }
}

static void move_part(void *context, int thread, int threads) {
  const Reorder *r = context;
  const int64_t length = run_length(r->channels);
  const int64_t runs = (r->pixels + length - 1) / length;
  int64_t begin, end;
  trompe_share(r->images * runs, thread, threads, &begin, &end);
  for (int64_t i = begin; i < end; i++) {
    const int64_t first = i % runs * length;
    const int64_t last = first + length < r->pixels ? first + length : r->pixels;
    move_run(r, i / runs, first, last);
  }
}

void trompe_reorder_channels(
    int to_blocks, int64_t images, int64_t pixels, int64_t channels, const float *from, float *to,
    int adds, int has_relu, int threads) {
  Reorder r = {to_blocks, images, pixels, channels, from, to, adds, has_relu};
  trompe_parallel(move_part, &r, images * pixels * channels < 16384 ? 1 : threads);
}
