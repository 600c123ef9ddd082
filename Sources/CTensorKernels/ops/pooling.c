#include "kernels_pooling.h"

#include "arch/kernel_table.h"
#include "kernels_threads.h"

typedef struct {
  const trompe_pool *pool;
  const trompe_kernels *kernels;
  int counts_padding;
  const float *from;
  const uint8_t *index;
  float *to;
  uint8_t *index_to;
  void (*row)(const void *call, int64_t n, int64_t p);
} Call;

static void rows(void *context, int thread, int threads) {
  const Call *call = context;
  int64_t begin, end;
  trompe_share(call->pool->n * call->pool->p, thread, threads, &begin, &end);
  for (int64_t i = begin; i < end; i++) call->row(call, i / call->pool->p, i % call->pool->p);
}

static void images(void *context, int thread, int threads) {
  const Call *call = context;
  int64_t begin, end;
  trompe_share(call->pool->n, thread, threads, &begin, &end);
  for (int64_t n = begin; n < end; n++) call->row(call, n, 0);
}

static void max_row(const void *context, int64_t n, int64_t p) {
  const Call *c = context;
  c->kernels->f32_max_pool_row(c->pool, c->from, c->to, c->index_to, n, p);
}
static void select_row(const void *context, int64_t n, int64_t p) {
  const Call *c = context;
  c->kernels->f32_max_pool_select_row(c->pool, c->from, c->index, c->to, n, p);
}
static void scatter_image(const void *context, int64_t n, int64_t p) {
  const Call *c = context;
  c->kernels->f32_max_pool_scatter_image(c->pool, c->from, c->index, c->to, n);
}
static void average_row(const void *context, int64_t n, int64_t p) {
  const Call *c = context;
  c->kernels->f32_average_pool_row(c->pool, c->counts_padding, c->from, c->to, n, p);
}
static void average_gradient_image(const void *context, int64_t n, int64_t p) {
  const Call *c = context;
  c->kernels->f32_average_pool_gradient_image(c->pool, c->counts_padding, c->from, c->to, n);
}

void trompe_max_pool(
    const trompe_pool *pool, const float *x, float *y, uint8_t *index, trompe_cpu cpu) {
  Call call = {
      .pool = pool, .kernels = cpu.kernels, .from = x, .to = y, .index_to = index, .row = max_row};
  trompe_parallel(rows, &call, cpu.threads);
}

void trompe_max_pool_select(
    const trompe_pool *pool, const float *x, const uint8_t *index, float *y, trompe_cpu cpu) {
  Call call = {
      .pool = pool, .kernels = cpu.kernels, .from = x, .to = y, .index = index, .row = select_row};
  trompe_parallel(rows, &call, cpu.threads);
}

void trompe_max_pool_scatter(
    const trompe_pool *pool, const float *dy, const uint8_t *index, float *dx, trompe_cpu cpu) {
  Call call = {
      .pool = pool,
      .kernels = cpu.kernels,
      .from = dy,
      .to = dx,
      .index = index,
      .row = scatter_image};
  trompe_parallel(images, &call, cpu.threads);
}

void trompe_average_pool(
    const trompe_pool *pool, int counts_padding, const float *x, float *y, trompe_cpu cpu) {
  Call call = {
      .pool = pool,
      .kernels = cpu.kernels,
      .from = x,
      .to = y,
      .counts_padding = counts_padding,
      .row = average_row};
  trompe_parallel(rows, &call, cpu.threads);
}

void trompe_average_pool_gradient(
    const trompe_pool *pool, int counts_padding, const float *dy, float *dx, trompe_cpu cpu) {
  Call call = {
      .pool = pool,
      .kernels = cpu.kernels,
      .from = dy,
      .to = dx,
      .counts_padding = counts_padding,
      .row = average_gradient_image};
  trompe_parallel(images, &call, cpu.threads);
}
