// Products of a few rows and a large matrix alone: GB/s of the matrix, by oneDNN and by our own
// kernels, and the largest difference between the two.
//
//     make products
#include <dnnl.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "kernels_matrix.h"
#include "kernels_threads.h"

static double milliseconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return 1e3 * (double)now.tv_sec + 1e-6 * (double)now.tv_nsec;
}

static float *numbers(int64_t count) {
  float *values = aligned_alloc(64, ((size_t)count * sizeof(float) + 63) / 64 * 64);
  for (int64_t i = 0; i < count; i++)
    values[i] = (float)((uint64_t)i * 2654435761u % 2001) / 1000 - 1;
  return values;
}

static double median(double *times, int count) {
  for (int i = 1; i < count; i++)
    for (int j = i; j > 0 && times[j] < times[j - 1]; j--) {
      const double t = times[j];
      times[j] = times[j - 1];
      times[j - 1] = t;
    }
  return times[count / 2];
}

int main(void) {
  static const char *const kinds[] = {"rows · Wᵀ", "rows · W", "rowsᵀ · rows"};
  static const int64_t shapes[][3] = {
      {8, 4096, 25088}, {16, 4096, 25088}, {8, 4096, 4096}, {8, 1000, 4096}, {8, 1000, 2048}};
  const int threads = trompe_processor_count();
  trompe_set_thread_count(threads);
  const trompe_cpu cpu = {trompe_best_kernels(), threads};
  printf(
      "%-14s %6s %8s %8s %10s %10s %12s\n", "product", "rows", "N", "K", "oneDNN", "ours",
      "difference");
  for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
    const int64_t few = shapes[s][0], n = shapes[s][1], k = shapes[s][2];
    float *w = numbers(n * k), *x = numbers(few * k), *y = numbers(few * n);
    for (int kind = 0; kind < 3; kind++) {
      const int ta = kind == 2, tb = kind == 0;
      const int64_t rows = kind == 2 ? n : few, columns = kind == 0 ? n : k;
      const int64_t inner = kind == 0 ? k : kind == 1 ? n : few;
      const float *a = kind == 0 ? x : y, *b = kind == 2 ? x : w;
      float *c[2] = {numbers(rows * columns), numbers(rows * columns)};
      double times[2][15];
      for (int run = 0; run < 15; run++)
        for (int own = 0; own < 2; own++) {
          const double begin = milliseconds();
          if (own)
            trompe_matrix_product(
                &(trompe_matrix_shape){ta, tb, rows, columns, inner, 0}, a, b, c[1], cpu);
          else
            dnnl_sgemm(
                ta ? 'T' : 'N', tb ? 'T' : 'N', rows, columns, inner, 1, a, ta ? rows : inner, b,
                tb ? inner : columns, 0, c[0], columns);
          times[own][run] = milliseconds() - begin;
        }
      double largest = 0, difference = 0;
      for (int64_t i = 0; i < rows * columns; i++) {
        largest = fmax(largest, fabs(c[0][i]));
        difference = fmax(difference, fabs((double)c[0][i] - c[1][i]));
      }
      const double bytes = 4e-6 * (double)(n * k);
      printf(
          "%-14s %6ld %8ld %8ld %10.1f %10.1f %12.1e\n", kinds[kind], (long)few, (long)n, (long)k,
          bytes / median(times[0], 15), bytes / median(times[1], 15), difference / largest);
      free(c[0]);
      free(c[1]);
    }
    free(w);
    free(x);
    free(y);
  }
  return 0;
}
