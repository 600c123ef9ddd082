#include "kernels_matrix.h"

#include <dnnl.h>
#include <string.h>

#include "arch/kernel_table.h"
#include "kernels_pointwise.h"
#include "kernels_threads.h"

// A product of rows and a matrix W [n, k], which is read or written once for a few of them.
typedef void (*RowsKernel)(const trompe_small_m *, int64_t, int64_t);

typedef struct {
  RowsKernel kernel;
  trompe_small_m product;
  // What the threads divide, and in whole parts of how many.
  int64_t count, part;
} Rows;

// Where K is not a multiple of 16.
static void plain_dot(const trompe_small_m *product, int64_t begin, int64_t end) {
  const int64_t few = product->few, n = product->n, k = product->k;
  const float *x = product->a, *w = product->b;
  float *y = product->c;
  for (int64_t f = 0; f < few; f++)
    for (int64_t j = begin; j < end; j++) {
      float sum = 0;
      for (int64_t i = 0; i < k; i++) sum += x[f * k + i] * w[j * k + i];
      y[f * n + j] = sum;
    }
}

static void plain_combine(const trompe_small_m *product, int64_t begin, int64_t end) {
  const int64_t few = product->few, n = product->n, k = product->k;
  const float *y = product->a, *w = product->b;
  float *x = product->c;
  for (int64_t f = 0; f < few; f++) {
    for (int64_t i = begin; i < end; i++) x[f * k + i] = 0;
    for (int64_t j = 0; j < n; j++)
      for (int64_t i = begin; i < end; i++) x[f * k + i] += y[f * n + j] * w[j * k + i];
  }
}

// With more rows than these it is the arithmetic that takes the time, where oneDNN is faster.
static const int64_t most_rows = 32, most_narrow_outer_rows = 8;
// A smaller gradient in W stays in the caches, past which it would be written.
static const int64_t smallest_outer = 1 << 20;

// The product as one of rows and a matrix, if there is a kernel for it that is fast, or that is
// needed, since a result of oneDNN's depends on how many rows there are.
static int as_rows(
    const trompe_matrix_shape *s, const float *a, const float *b, float *c,
    const trompe_kernels *table, Rows *rows) {
  const int64_t m = s->m, n = s->n, k = s->k;
  if (s->transposes_a && s->transposes_b) return 0;
  if (s->transposes_a) {
    // [few, M]ᵀ · [few, N] → W [M, N]
    *rows = (Rows){table->f32_small_m_gemm_tn, {k, m, n, a, b, c}, m, 4};
    return k <= (table->has_wide_vectors ? most_rows : most_narrow_outer_rows) &&
           m * n >= smallest_outer && n % 16 == 0 && (uintptr_t)c % 64 == 0;
  }
  if (s->transposes_b) {
    // [few, K] · W [N, K]ᵀ → [few, N]
    *rows = (Rows){table->f32_small_m_gemm_nt, {m, n, k, a, b, c}, n, 3};
  } else {
    // [few, K] · W [K, N] → [few, N]
    *rows = (Rows){table->f32_small_m_gemm_nn, {m, k, n, a, b, c}, n, 64};
  }
  const int is_even = rows->product.k % 16 == 0;
  if (!is_even) rows->kernel = s->transposes_b ? plain_dot : plain_combine;
  return s->is_batch_invariant || (m <= most_rows && is_even);
}

static void run_rows(void *context, int thread, int threads) {
  const Rows *rows = context;
  int64_t begin, end;
  trompe_share((rows->count + rows->part - 1) / rows->part, thread, threads, &begin, &end);
  begin *= rows->part;
  end = end * rows->part < rows->count ? end * rows->part : rows->count;
  if (begin < end) rows->kernel(&rows->product, begin, end);
}

int trompe_matrix_product(
    const trompe_matrix_shape *s, const float *a, const float *b, float *c, trompe_cpu cpu) {
  const int64_t m = s->m, n = s->n, k = s->k;
  if (m == 0 || n == 0) return 0;
  if (k == 0) {
    memset(c, 0, (size_t)(m * n) * sizeof(float));
    return 0;
  }
  Rows rows;
  if (as_rows(s, a, b, c, cpu.kernels, &rows)) {
    trompe_parallel(run_rows, &rows, cpu.threads);
    return 0;
  }
  return dnnl_sgemm(
             s->transposes_a ? 'T' : 'N', s->transposes_b ? 'T' : 'N', m, n, k, 1, a,
             s->transposes_a ? m : k, b, s->transposes_b ? k : n, 0, c, n) != dnnl_success;
}
