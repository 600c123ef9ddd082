// 3x3 convolutions and their gradients alone: GFLOP/s, counted as plain sums, by plain sums (p), by
// oneDNN's Winograd primitive (o) and by our own kernels (w), with images in blocks of channels, and the
// largest difference of (w) from (p). Filters are in their order already, but of (w) the time that this
// takes is shown, in milliseconds, behind that of the convolution.
//
//     make convolutions
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "kernels_convolution.h"
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
#define MEDIAN(result, work)                                              \
  do {                                                                    \
    double times[100];                                                    \
    int count = 0;                                                        \
    const double end = milliseconds() + 500;                              \
    while (count < 100 && (count < 3 || milliseconds() < end)) {          \
      const double begin = milliseconds();                                \
      work;                                                               \
      times[count++] = milliseconds() - begin;                            \
    }                                                                     \
    qsort(times, (size_t)count, sizeof *times, by_size);                  \
    result = times[count / 2];                                            \
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

static void measure(int64_t n, int64_t side, int64_t c, int64_t k, int threads) {
  const size_t x_count = (size_t)(n * side * side * c), y_count = (size_t)(n * side * side * k);
  const size_t filter_count = (size_t)(9 * c * k);
  float *x = numbers(x_count, 1), *y = numbers(y_count, 1), *filter = numbers(filter_count, 1);
  float *results[2] = {numbers(x_count + y_count + filter_count, 0),
                       numbers(x_count + y_count + filter_count, 0)};
  const double gflop = 2e-6 * 9 * (double)(n * side * side * c * k);
  printf("%4lld x %3lld x %3lld, %3lld to %3lld", (long long)n, (long long)side, (long long)side,
         (long long)c, (long long)k);
  for (int kind = 0; kind < 3; kind++) {
    const size_t count = kind == 0 ? y_count : kind == 1 ? x_count : filter_count;
    double time[3] = {NAN, NAN, NAN}, pack = 0;
    for (int winograd = 0; winograd < 2; winograd++) {
      const trompe_image_order blocks = {1, 0};
      trompe_convolution_shape shape = {
          .kind = kind, .n = n, .h = side, .w = side, .c = c, .k = k, .r = 3, .s = 3, .p = side,
          .q = side, .stride_y = 1, .stride_x = 1, .dilation_y = 1, .dilation_x = 1, .top = 1,
          .left = 1, .bottom = 1, .right = 1, .groups = 1, .order_x = blocks, .order_y = blocks,
          .may_use_winograd = winograd, .only_primitives = 1};
      char message[256];
      trompe_convolution *convolution = trompe_convolution_create(&shape, message, sizeof message);
      if (!convolution || trompe_convolution_is_winograd(convolution) != winograd) {
        trompe_convolution_destroy(convolution);
        continue;
      }
      float *packed = numbers(trompe_convolution_filter_bytes(convolution) / sizeof(float), 0);
      float *scratch = numbers(trompe_convolution_scratch_bytes(convolution) / sizeof(float), 0);
      if (kind != TROMPE_CONVOLUTION_FILTER_GRADIENT)
        trompe_convolution_reorder_filter(convolution, filter, packed);
      float *to = results[0];
      MEDIAN(time[winograd],
             trompe_convolution_run(
                 convolution, kind == 1 ? to : x, packed, NULL, NULL, kind == 0 ? to : y, scratch));
      if (kind == TROMPE_CONVOLUTION_FILTER_GRADIENT)
        trompe_convolution_reorder_filter(convolution, packed, to);
      if (!winograd) memcpy(results[1], to, count * sizeof(float));
      free(packed);
      free(scratch);
      trompe_convolution_destroy(convolution);
    }
    if (trompe_winograd_is_here()) {
      const trompe_winograd_image image = {n, side, side, c, 16, side * side * 16};
      const trompe_winograd_image result = {n, side, side, k, 16, side * side * 16};
      const trompe_winograd_image *from = kind == 1 ? &result : &image;
      const trompe_winograd_image *to = kind == 1 ? &image : &result;
      const trompe_winograd_epilogue none = {0};
      float *u = numbers(trompe_winograd_filter_bytes(c, k) / sizeof(float), 0);
      float *out = results[0];
      float *scratch = numbers(
          (kind == 2 ? trompe_winograd_gradient_scratch_bytes(&image, &result, threads)
                     : trompe_winograd_scratch_bytes(from, to, threads)) / sizeof(float), 0);
      if (kind == TROMPE_CONVOLUTION_FILTER_GRADIENT) {
        MEDIAN(time[2],
               trompe_winograd_filter_gradient(&image, x, &result, y, out, scratch, threads));
      } else {
        MEDIAN(pack, trompe_winograd_read_filter(filter, c, k, kind, u, threads));
        MEDIAN(time[2],
               trompe_winograd_convolve(
                   from, kind ? y : x, u, to, &none, out, scratch, threads));
      }
      free(u);
      free(scratch);
    }
    printf("  %s p %3.0f o %3.0f w %3.0f", kind == 0 ? "forward" : kind == 1 ? "| image" : "| filter",
           gflop / time[0], gflop / time[1], gflop / time[2]);
    if (kind < 2) printf(" (%.2f + %.2f)", time[2], pack);
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
  static const int64_t sizes[][4] = {
      {8, 224, 64, 64},  {8, 112, 128, 128}, {8, 56, 64, 64},    {8, 56, 256, 256},
      {8, 40, 64, 64},   {8, 28, 128, 128},  {8, 28, 512, 512},  {8, 28, 128, 32},
      {8, 20, 128, 128}, {8, 14, 256, 256},  {8, 14, 512, 512},  {8, 10, 256, 256},
      {8, 7, 512, 512},  {8, 5, 512, 512},   {128, 32, 16, 16},  {128, 16, 32, 32},
      {128, 8, 64, 64}};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
    measure(sizes[i][0], sizes[i][1], sizes[i][2], sizes[i][3], threads);
}
