#include "kernels_optimizer.h"

#include <math.h>

#include "arch/kernel_table.h"
#include "kernels_threads.h"

typedef struct {
  const trompe_kernels *kernels;
  const trompe_adam *adam;
  const trompe_sgd *sgd;
  float rate, root_correction;
  int64_t count;
  float *w, *first, *second;
  const float *gradient;
} Update;

// Below this many elements waking the pool costs more than it brings.
enum { PARALLEL_FROM = 16384 };

static void part(void *context, int thread, int threads) {
  const Update *u = context;
  int64_t begin, end;
  trompe_share(u->count, thread, threads, &begin, &end);
  if (u->adam)
    u->kernels->adam(
        u->adam, u->rate, u->root_correction, end - begin, u->w + begin, u->gradient + begin,
        u->first + begin, u->second + begin);
  else u->kernels->sgd(u->sgd, end - begin, u->w + begin, u->gradient + begin, u->first + begin);
}

void trompe_adam_update(
    const trompe_adam *adam, int64_t count, float *w, const float *gradient,
    trompe_adam_moments moments, trompe_cpu cpu) {
  // Bias corrections in double: 1 - beta^step loses all digits in float for the first steps.
  const double step = (double)adam->step;
  Update update = {
      .kernels = cpu.kernels,
      .adam = adam,
      .rate = (float)(adam->rate / (1 - pow(adam->beta1, step))),
      .root_correction = (float)(1 / sqrt(1 - pow(adam->beta2, step))),
      .count = count,
      .w = w,
      .first = moments.first,
      .second = moments.second,
      .gradient = gradient,
  };
  trompe_parallel(part, &update, count < PARALLEL_FROM ? 1 : cpu.threads);
}

void trompe_sgd_update(
    const trompe_sgd *sgd, int64_t count, float *w, const float *gradient, float *velocity,
    trompe_cpu cpu) {
  Update update = {
      .kernels = cpu.kernels,
      .sgd = sgd,
      .count = count,
      .w = w,
      .first = velocity,
      .gradient = gradient};
  trompe_parallel(part, &update, count < PARALLEL_FROM ? 1 : cpu.threads);
}
