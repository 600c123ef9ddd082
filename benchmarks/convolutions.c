// 3x3 and 1x1 convolutions and their gradients alone: GFLOP/s, counted as plain sums, by plain sums
// (p), by oneDNN's Winograd primitive (o) and by our own kernels (w), with images in blocks of
// channels (with AVX2, the primitives' channel by channel), and the largest difference of (w) from
// (p). Filters are in their order already, but of (w) the time that this takes is shown, in
// milliseconds, behind that of the convolution. 1x1: the last column adds a residual that is apart.
//
//     make convolutions
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "kernels_convolution.h"
#include "kernels_gemm_conv.h"
#include "kernels_pointwise.h"
#include "kernels_threads.h"
#include "kernels_winograd.h"

static double milliseconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return 1e3 * (double)now.tv_sec + 1e-6 * (double)now.tv_nsec;
}

static int by_size(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

// Runs `work` for half a second, and leaves the median in `result`.
#define MEDIAN(result, work)                                     \
  do {                                                           \
    double times[100];                                           \
    int count = 0;                                               \
    const double end = milliseconds() + 500;                     \
    while (count < 100 && (count < 3 || milliseconds() < end)) { \
      const double begin = milliseconds();                       \
      work;                                                      \
      times[count++] = milliseconds() - begin;                   \
    }                                                            \
    qsort(times, (size_t)count, sizeof *times, by_size);         \
    result = times[count / 2];                                   \
  } while (0)

static float *numbers(size_t count, int random) {
  float *values = aligned_alloc(64, (count * sizeof(float) + 127) / 64 * 64);
  for (size_t i = 0; i < count; i++)
    values[i] = random ? (float)(i * 2654435761u % 2001) / 1000 - 1 : 0;
  return values;
}

static double difference(const float *a, const float *b, size_t count) {
  double largest = 0, scale = 0;
  for (size_t i = 0; i < count; i++) {
    largest = fmax(largest, fabs((double)a[i] - b[i]));
    scale = fmax(scale, fabs(b[i]));
  }
  return largest / scale;
}

// Our own kernels, of an image and its result as both see them.
typedef struct {
  trompe_window window;
  int kind;
  trompe_cpu cpu;
  float *filter, *scratch;
} Own;

static size_t filter_bytes(const Own *own) {
  return own->window.r == 3
             ? trompe_winograd_filter_bytes(own->window.x.c, own->window.y.c, own->kind)
             : trompe_gemm_conv_filter_bytes(&own->window, own->kind == 1);
}

static size_t scratch_bytes(const Own *own) {
  const trompe_window *w = &own->window;
  if (own->kind == TROMPE_CONVOLUTION_FILTER_GRADIENT)
    return w->r == 3 ? trompe_winograd_bwd_weights_scratch_bytes(&w->x, &w->y, own->cpu)
                     : trompe_gemm_bwd_weights_scratch_bytes(w, own->cpu);
  if (own->kind == TROMPE_CONVOLUTION_INPUT_GRADIENT)
    return w->r == 3 ? trompe_winograd_scratch_bytes(&w->y, &w->x, own->cpu)
                     : trompe_gemm_conv_scratch_bytes(w, 1, own->cpu);
  return w->r == 3 ? trompe_winograd_scratch_bytes(&w->x, &w->y, own->cpu)
                   : trompe_gemm_conv_scratch_bytes(w, 0, own->cpu);
}

static void pack_filter(const Own *own, const float *filter) {
  const trompe_window *w = &own->window;
  if (w->r == 3)
    trompe_winograd_pack_filter(
        &(trompe_winograd_filter){filter, NULL, w->x.c, w->y.c, own->kind}, own->filter, own->cpu);
  else trompe_gemm_conv_pack_filter(w, filter, NULL, own->kind, own->filter, own->cpu);
}

static void run(const Own *own, const float *x, const float *y, const float *residual, float *to) {
  const trompe_window *w = &own->window;
  const trompe_epilogue after = {.residual = residual};
  const int is_winograd = w->r == 3, is_bwd_data = own->kind == TROMPE_CONVOLUTION_INPUT_GRADIENT;
  if (own->kind == TROMPE_CONVOLUTION_FILTER_GRADIENT) {
    const trompe_bwd_weights_operands operands = {x, y, to, own->scratch};
    if (is_winograd) trompe_winograd_bwd_weights(&w->x, &w->y, &operands, own->cpu);
    else trompe_gemm_bwd_weights(w, &operands, own->cpu);
    return;
  }
  const trompe_conv_operands operands = {is_bwd_data ? y : x, own->filter, NULL, &after, to,
                                         own->scratch};
  if (!is_winograd) trompe_gemm_conv_run(w, is_bwd_data, &operands, own->cpu);
  else if (is_bwd_data) trompe_winograd_run(&w->y, &w->x, &operands, own->cpu);
  else trompe_winograd_run(&w->x, &w->y, &operands, own->cpu);
}

enum { WITH_RESIDUAL = 3 };

static void measure(int64_t window, int64_t n, int64_t side, int64_t c, int64_t k, trompe_cpu cpu) {
  const size_t x_count = (size_t)(n * side * side * c), y_count = (size_t)(n * side * side * k);
  const size_t filter_count = (size_t)(window * window * c * k);
  float *x = numbers(x_count, 1), *y = numbers(y_count, 1), *filter = numbers(filter_count, 1);
  float *results[2] = {
      numbers(x_count + y_count + filter_count, 0), numbers(x_count + y_count + filter_count, 0)};
  const double gflop = 2e-6 * (double)(window * window * n * side * side * c * k);
  printf(
      "%lldx%lld %4lld x %3lld x %3lld, %4lld to %4lld", (long long)window, (long long)window,
      (long long)n, (long long)side, (long long)side, (long long)c, (long long)k);
  for (int column = 0; column < (window == 3 ? 3 : 4); column++) {
    const int kind = column == WITH_RESIDUAL ? TROMPE_CONVOLUTION_FORWARD : column;
    float *residual = column == WITH_RESIDUAL ? y : NULL;
    const size_t count = kind == 0 ? y_count : kind == 1 ? x_count : filter_count;
    double time[3] = {NAN, NAN, NAN}, pack = 0;
    for (int winograd = 0; winograd < 2; winograd++) {
      // Primitives want blocks as wide as a register; ours have 16 channels anywhere.
      const trompe_image_order blocks = {trompe_has_wide_vectors(cpu.kernels), 0};
      trompe_convolution_shape shape = {
          .kind = kind,
          .n = n,
          .h = side,
          .w = side,
          .c = c,
          .k = k,
          .r = window,
          .s = window,
          .p = side,
          .q = side,
          .stride_y = 1,
          .stride_x = 1,
          .dilation_y = 1,
          .dilation_x = 1,
          .top = window / 2,
          .left = window / 2,
          .bottom = window / 2,
          .right = window / 2,
          .groups = 1,
          .order_x = blocks,
          .order_y = blocks,
          .adds_residual = residual != NULL,
          .residual_is_apart = 1,
          .may_use_own_kernels = winograd,
          .only_primitives = 1,
          .kernels = cpu.kernels};
      char message[256];
      trompe_convolution *convolution = trompe_convolution_create(&shape, message, sizeof message);
      if (!convolution || trompe_convolution_is_winograd(convolution) != winograd) {
        trompe_convolution_destroy(convolution);
        continue;
      }
      float *packed = numbers(trompe_convolution_filter_bytes(convolution) / sizeof(float), 0);
      float *scratch = numbers(trompe_convolution_scratch_bytes(convolution) / sizeof(float), 0);
      if (kind != TROMPE_CONVOLUTION_FILTER_GRADIENT)
        trompe_convolution_reorder_filter(convolution, filter, NULL, packed, NULL);
      float *to = results[0];
      MEDIAN(
          time[winograd], trompe_convolution_run(
                              convolution,
                              &(trompe_convolution_buffers){
                                  kind == 1 ? to : x, packed, NULL, kind == 0 ? to : y, scratch},
                              &(trompe_epilogue){.residual = residual}));
      if (kind == TROMPE_CONVOLUTION_FILTER_GRADIENT)
        trompe_convolution_reorder_filter(convolution, packed, NULL, to, NULL);
      if (!winograd) memcpy(results[1], to, count * sizeof(float));
      free(packed);
      free(scratch);
      trompe_convolution_destroy(convolution);
    }
    Own own = {
        {{n, side, side, c, 16, side * side * 16},
         {n, side, side, k, 16, side * side * 16},
         window,
         window,
         1,
         1,
         window / 2,
         window / 2},
        kind,
        cpu};
    if (trompe_has_own_convolutions(cpu.kernels)) {
      own.filter = numbers(filter_bytes(&own) / sizeof(float), 0);
      own.scratch = numbers(scratch_bytes(&own) / sizeof(float), 0);
      if (kind != TROMPE_CONVOLUTION_FILTER_GRADIENT) MEDIAN(pack, pack_filter(&own, filter));
      MEDIAN(time[2], run(&own, x, y, residual, results[0]));
      free(own.filter);
      free(own.scratch);
    }
    static const char *const names[] = {"  forward", " | image", " | filter", " | residual"};
    printf("%s p %3.0f", names[column], gflop / time[0]);
    if (window == 3) printf(" o %3.0f", gflop / time[1]);
    printf(" w %3.0f", gflop / time[2]);
    if (kind < 2) printf(" (%.2f + %.2f)", time[2], pack);
    // Filters, and where primitives have blocks as well images, are in the same order.
    if (kind == TROMPE_CONVOLUTION_FILTER_GRADIENT || trompe_has_wide_vectors(cpu.kernels))
      printf(" %.0e", difference(results[0], results[1], count));
  }
  putchar('\n');
  fflush(stdout);
  free(x);
  free(y);
  free(filter);
  free(results[0]);
  free(results[1]);
}

int main(void) {
  const int threads = trompe_processor_count();
  trompe_set_thread_count(threads);
  const trompe_cpu cpu = {trompe_best_kernels(), threads};
  static const int64_t sizes[][5] = {
      {3, 8, 224, 64, 64},   {3, 8, 112, 128, 128}, {3, 8, 56, 64, 64},   {3, 8, 56, 256, 256},
      {3, 8, 40, 64, 64},    {3, 8, 28, 128, 128},  {3, 8, 28, 512, 512}, {3, 8, 28, 128, 32},
      {3, 8, 20, 128, 128},  {3, 8, 14, 256, 256},  {3, 8, 14, 512, 512}, {3, 8, 10, 256, 256},
      {3, 8, 7, 512, 512},   {3, 8, 5, 512, 512},   {3, 128, 32, 16, 16}, {3, 128, 16, 32, 32},
      {3, 128, 8, 64, 64},   {1, 8, 56, 64, 64},    {1, 8, 56, 64, 256},  {1, 8, 56, 256, 64},
      {1, 8, 56, 128, 128},  {1, 8, 28, 128, 512},  {1, 8, 28, 512, 128}, {1, 8, 14, 256, 1024},
      {1, 8, 14, 1024, 256}, {1, 8, 14, 512, 128},  {1, 8, 7, 512, 2048}, {1, 8, 7, 2048, 512},
      {1, 8, 7, 1024, 128}};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
    measure(sizes[i][0], sizes[i][1], sizes[i][2], sizes[i][3], sizes[i][4], cpu);
}
