#include "kernels_reorder.h"

#include <string.h>

#include "arch/kernel_table.h"
#include "kernels_threads.h"

enum { BLOCK = TROMPE_CHANNEL_BLOCK };

typedef struct {
  const trompe_reorder *move;
  const trompe_kernels *kernels;
  const char *from;
  char *to;
} Move;

static int64_t element_size(trompe_image_order order) { return order.is_bf16 ? 2 : 4; }

// Pixels that are moved together: their channels stay in the first-level cache.
static int64_t run_length(int64_t channels) {
  const int64_t length = 4096 / channels;
  return length < 4 ? 4 : length;
}

static void read_lane(
    const trompe_kernels *k, trompe_image_order order, const char *from, float *lane) {
  if (order.is_bf16) k->from_bf16(lane, (const uint16_t *)from, BLOCK);
  else memcpy(lane, from, BLOCK * sizeof(float));
}

// What follows a convolution, on the way. NaN stays NaN.
static void move_and_finish(const Move *m, const char *from, char *to) {
  float lane[BLOCK], old[BLOCK];
  read_lane(m->kernels, m->move->from, from, lane);
  if (m->move->adds) {
    read_lane(m->kernels, m->move->to, to, old);
    for (int i = 0; i < BLOCK; i++) lane[i] += old[i];
  }
  if (m->move->has_relu)
    for (int i = 0; i < BLOCK; i++) lane[i] = lane[i] < 0 ? 0 : lane[i];
  if (m->move->has_relu && m->move->relu_limit > 0)
    for (int i = 0; i < BLOCK; i++)
      lane[i] = lane[i] > m->move->relu_limit ? m->move->relu_limit : lane[i];
  if (m->move->to.is_bf16) m->kernels->to_bf16((uint16_t *)to, lane, BLOCK);
  else memcpy(to, lane, sizeof lane);
}

static void move_run(const Move *m, int64_t image, int64_t begin, int64_t end) {
  const trompe_reorder *s = m->move;
  const int64_t blocks = s->channels / BLOCK, size = s->pixels * s->channels;
  const int64_t from_size = element_size(s->from), to_size = element_size(s->to);
  const char *from = m->from + image * size * from_size;
  char *to = m->to + image * size * to_size;
  const int finishes = s->adds || s->has_relu || s->from.is_bf16 != s->to.is_bf16;
  for (int64_t block = 0; block < blocks; block++)
    for (int64_t pixel = begin; pixel < end; pixel++) {
      const int64_t blocked = (block * s->pixels + pixel) * BLOCK;
      const int64_t plain = pixel * s->channels + block * BLOCK;
      const char *source = from + (s->from.blocks ? blocked : plain) * from_size;
      char *target = to + (s->to.blocks ? blocked : plain) * to_size;
      if (finishes) move_and_finish(m, source, target);
      else memcpy(target, source, (size_t)(BLOCK * from_size));
    }
}

static void move_part(void *context, int thread, int threads) {
  const Move *m = context;
  const int64_t length = run_length(m->move->channels);
  const int64_t runs = (m->move->pixels + length - 1) / length;
  int64_t begin, end;
  trompe_share(m->move->images * runs, thread, threads, &begin, &end);
  for (int64_t i = begin; i < end; i++) {
    const int64_t first = i % runs * length;
    const int64_t last = first + length < m->move->pixels ? first + length : m->move->pixels;
    move_run(m, i / runs, first, last);
  }
}

void trompe_reorder_image(const trompe_reorder *move, const void *from, void *to, trompe_cpu cpu) {
  Move m = {move, cpu.kernels, from, to};
  trompe_parallel(
      move_part, &m, move->images * move->pixels * move->channels < 16384 ? 1 : cpu.threads);
}
