// Our own kernels, with every instruction set of the processor, against plain loops in double
// precision: what tools/test-arm.sh runs under qemu. Covers what Tests/TensorCPUTests covers in
// Swift where there is no cross compiler for Swift: convolutions and their gradients, and the
// pointwise evaluator.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernels_first_layer.h"
#include "kernels_gemm_conv.h"
#include "kernels_pointwise.h"
#include "kernels_threads.h"
#include "kernels_winograd.h"

static int failures;

static float *numbers(int64_t count, int seed) {
  float *values = aligned_alloc(64, ((size_t)count * sizeof(float) + 127) / 64 * 64);
  uint64_t state = (uint64_t)seed * 2654435761u + 1;
  for (int64_t i = 0; i < count; i++) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    values[i] = (float)(int64_t)(state >> 40) / (1 << 23) - 1;
  }
  return values;
}

static void expect(
    const char *kernels, const char *what, const float *found, const double *right, int64_t count) {
  double difference = 0, scale = 0;
  for (int64_t i = 0; i < count; i++) {
    difference += ((double)found[i] - right[i]) * ((double)found[i] - right[i]);
    scale += right[i] * right[i];
  }
  const double error = sqrt(difference / scale);
  // Rounding, by Winograd's algorithm a few times that of plain sums. NaN is no success.
  if (!(error < 1e-5)) {
    printf("%s, %s: relative error %g\n", kernels, what, error);
    failures++;
  }
}

// NHWC image, and a window over it that is padded by half of it.
typedef struct {
  int64_t n, h, w, c, k, side, stride;
} Size;

static int64_t results(int64_t extent, const Size *s) { return (extent - 1) / s->stride + 1; }

static trompe_window window_of(const Size *s) {
  const int64_t p = results(s->h, s), q = results(s->w, s);
  return (trompe_window){
      {s->n, s->h, s->w, s->c, s->c, 16},
      {s->n, p, q, s->k, s->k, 16},
      s->side,
      s->side,
      s->stride,
      s->stride,
      s->side / 2,
      s->side / 2};
}

// All three members of the family at once: y += x · w, dx += dy · w, dw += x · dy.
static void plain(
    const Size *s, const float *x, const float *w, const float *dy, double *const results_of[3]) {
  const int64_t p = results(s->h, s), q = results(s->w, s), margin = s->side / 2;
  for (int64_t at = 0; at < s->n * p * q; at++)
    for (int64_t r = 0; r < s->side; r++)
      for (int64_t t = 0; t < s->side; t++) {
        const int64_t i = at / q % p * s->stride + r - margin, j = at % q * s->stride + t - margin;
        if (i < 0 || i >= s->h || j < 0 || j >= s->w) continue;
        const int64_t pixel = ((at / q / p * s->h + i) * s->w + j) * s->c;
        for (int64_t k = 0; k < s->k; k++)
          for (int64_t c = 0; c < s->c; c++) {
            const int64_t tap = ((k * s->side + r) * s->side + t) * s->c + c;
            results_of[0][at * s->k + k] += (double)x[pixel + c] * w[tap];
            results_of[1][pixel + c] += (double)dy[at * s->k + k] * w[tap];
            results_of[2][tap] += (double)x[pixel + c] * dy[at * s->k + k];
          }
      }
}

static void test_convolution(const Size *s, trompe_cpu cpu) {
  const trompe_window window = window_of(s);
  const trompe_image *xs = &window.x, *ys = &window.y;
  const int64_t x_count = s->n * s->h * s->w * s->c, y_count = s->n * ys->h * ys->w * s->k;
  const int64_t w_count = s->k * s->side * s->side * s->c;
  float *x = numbers(x_count, 1), *w = numbers(w_count, 2), *dy = numbers(y_count, 3);
  float *bias = numbers(s->k, 4), *residual = numbers(y_count, 5);
  double *right[3] = {
      calloc((size_t)y_count, 8), calloc((size_t)x_count, 8), calloc((size_t)w_count, 8)};
  plain(s, x, w, dy, right);
  float *to = numbers(x_count + y_count + w_count, 6), *packed = numbers(1 << 21, 7),
        *scratch = numbers(1 << 22, 8);
  const char *name = trompe_kernels_name(cpu.kernels);
  char what[160];
#define EXPECT(kind, way, expected, count)                                                         \
  snprintf(                                                                                        \
      what, sizeof what, "%s by %s of %d, %d to %d, %dx%d by %d", kind, way, (int)s->h, (int)s->c, \
      (int)s->k, (int)s->side, (int)s->side, (int)s->stride);                                      \
  expect(name, what, to, expected, count)
  const trompe_epilogue after = {.bias = bias, .residual = residual, .has_relu = 1}, nothing = {0};
  double *followed = calloc((size_t)y_count, 8);
  for (int64_t i = 0; i < y_count; i++)
    followed[i] = fmax(right[0][i] + (double)bias[i % s->k] + residual[i], 0);
  const trompe_bwd_weights_operands gradient = {x, dy, to, scratch};
  const trompe_conv_operands forward = {x, packed, NULL, &after, to, scratch};
  const trompe_conv_operands backward = {dy, packed, NULL, &nothing, to, scratch};
  if (s->c % 16) {
    trompe_first_layer_pack_filter(&window, w, NULL, packed, cpu);
    trompe_first_layer_run(&window, &forward, cpu);
    EXPECT("forward", "first layer", followed, y_count);
    trompe_first_layer_bwd_weights(&window, &gradient, cpu);
    EXPECT("filter gradient", "first layer", right[2], w_count);
  } else {
    trompe_gemm_conv_pack_filter(&window, w, NULL, 0, packed, cpu);
    trompe_gemm_conv_run(&window, 0, &forward, cpu);
    EXPECT("forward", "gemm", followed, y_count);
    trompe_gemm_conv_pack_filter(&window, w, NULL, 1, packed, cpu);
    trompe_gemm_conv_run(&window, 1, &backward, cpu);
    EXPECT("input gradient", "gemm", right[1], x_count);
    trompe_gemm_bwd_weights(&window, &gradient, cpu);
    EXPECT("filter gradient", "gemm", right[2], w_count);
  }
  if (s->c % 16 == 0 && s->side == 3 && s->stride == 1) {
    trompe_winograd_filter filter = {w, NULL, s->c, s->k, 0};
    trompe_winograd_pack_filter(&filter, packed, cpu);
    trompe_winograd_run(xs, ys, &forward, cpu);
    EXPECT("forward", "winograd", followed, y_count);
    filter.is_bwd_data = 1;
    trompe_winograd_pack_filter(&filter, packed, cpu);
    trompe_winograd_run(ys, xs, &backward, cpu);
    EXPECT("input gradient", "winograd", right[1], x_count);
    trompe_winograd_bwd_weights(xs, ys, &gradient, cpu);
    EXPECT("filter gradient", "winograd", right[2], w_count);
  }
  float *const values[] = {x, w, dy, bias, residual, to, packed, scratch};
  for (size_t i = 0; i < sizeof values / sizeof *values; i++) free(values[i]);
  for (int i = 0; i < 3; i++) free(right[i]);
  free(followed);
}

// y = eˣ and its sum.
static void test_pointwise(trompe_cpu cpu) {
  enum { COUNT = 10007 };
  float *x = numbers(COUNT, 9), *y = numbers(COUNT, 10), sum = 0;
  trompe_pointwise_input input = {.base = x, .stride = {1}};
  trompe_instruction exponential = {TROMPE_EXPONENTIAL, 1, 0, 0, 0};
  trompe_pointwise_output output = {.reg = 1, .base = y};
  trompe_pointwise_reduction reduction = {
      .reg = 1, .code = TROMPE_REDUCE_SUM, .count = 1, .base = &sum};
  const trompe_pointwise group = {
      .rank = 1,
      .extent = {COUNT},
      .register_count = 2,
      .input_count = 1,
      .instruction_count = 1,
      .output_count = 1,
      .reduction_count = 1,
      .inputs = &input,
      .instructions = &exponential,
      .outputs = &output,
      .reductions = &reduction};
  void *scratch = malloc(trompe_pointwise_scratch_bytes(&group, cpu.threads));
  trompe_pointwise_run(&group, scratch, cpu);
  double *right = malloc(COUNT * sizeof *right), total = 0;
  for (int i = 0; i < COUNT; i++) total += right[i] = exp((double)x[i]);
  expect(trompe_kernels_name(cpu.kernels), "exponential", y, right, COUNT);
  expect(trompe_kernels_name(cpu.kernels), "sum", &sum, &total, 1);
  free(x);
  free(y);
  free(scratch);
  free(right);
}

int main(int count, char **arguments) {
  static const Size sizes[] = {{2, 9, 7, 48, 32, 3, 1},  {1, 13, 12, 64, 48, 1, 1},
                               {2, 11, 9, 32, 64, 3, 2}, {1, 8, 8, 80, 80, 3, 1},
                               {2, 14, 15, 3, 32, 7, 2}, {1, 10, 11, 6, 16, 3, 1}};
  const char *needed = count > 1 ? arguments[1] : "";
  int sets = 0, is_there = !*needed;
  for (const trompe_kernels *kernels; (kernels = trompe_kernels_at(sets)); sets++) {
    is_there |= strcmp(trompe_kernels_name(kernels), needed) == 0;
    for (int threads = 1; threads <= 2; threads++) {
      trompe_set_thread_count(threads);
      const trompe_cpu cpu = {kernels, threads};
      test_pointwise(cpu);
      for (size_t i = 0; trompe_has_own_convolutions(kernels) && i < sizeof sizes / sizeof *sizes;
           i++)
        test_convolution(&sizes[i], cpu);
    }
    printf("%s tested\n", trompe_kernels_name(kernels));
  }
  if (!is_there) printf("there are no kernels \"%s\"\n", needed);
  printf("%d failed\n", failures);
  return failures || !is_there;
}
