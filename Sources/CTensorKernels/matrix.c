#include "kernels_matrix.h"

#include <dnnl.h>
#include <string.h>

#include "isa/table.h"
#include "kernels_pointwise.h"
#include "kernels_threads.h"

// A product of a few rows and a large matrix W [n, k], which is read or written once.
typedef void (*RowsKernel)(
    int64_t few, int64_t n, int64_t k, const float *, const float *, float *, int64_t, int64_t);

typedef struct {
  RowsKernel kernel;
  int64_t few, n, k;
  const float *a, *b;
  float *c;
  // What the threads divide, and in whole parts of how many.
  int64_t count, part;
} Rows;

// So many rows at most, and such a matrix at least: smaller ones stay in the caches, and with more
// rows it is the arithmetic that takes the time: narrow vectors are slower than oneDNN there, but where a
// row's result must not depend on how many there are, they are taken all the same.
static const int64_t most_rows = 32, most_narrow_outer_rows = 8, smallest_matrix = 1 << 20;

// The product as one of a few rows, if it is one and there is a kernel for it.
static int as_rows(
    int transposes_a, int transposes_b, int64_t m, int64_t n, int64_t k, const float *a,
    const float *b, float *c, Rows *rows) {
  const KernelTable *table = trompe_kernels();
  if (transposes_a && transposes_b) return 0;
  if (transposes_a) {
    // [few, M]ᵀ · [few, N] → W [M, N]
    *rows = (Rows){table->rows_outer, k, m, n, a, b, c, m, 4};
    if ((uintptr_t)c % 64 || (!trompe_has_wide_vectors() && k > most_narrow_outer_rows)) return 0;
  } else if (transposes_b) {
    // [few, K] · W [N, K]ᵀ → [few, N]
    *rows = (Rows){table->rows_dot, m, n, k, a, b, c, n, 3};
  } else {
    // [few, K] · W [K, N] → [few, N]
    *rows = (Rows){table->rows_combine, m, k, n, a, b, c, n, 64};
  }
  return rows->kernel && rows->few <= most_rows && rows->n * rows->k >= smallest_matrix &&
         rows->k % 16 == 0;
}

static void run_rows(void *context, int thread, int threads) {
  const Rows *rows = context;
  int64_t begin, end;
  trompe_share((rows->count + rows->part - 1) / rows->part, thread, threads, &begin, &end);
  begin *= rows->part;
  end = end * rows->part < rows->count ? end * rows->part : rows->count;
  if (begin < end)
    rows->kernel(rows->few, rows->n, rows->k, rows->a, rows->b, rows->c, begin, end);
}

int trompe_matrix_product(
    int transposes_a, int transposes_b, int64_t m, int64_t n, int64_t k, const float *a,
    const float *b, float *c, int threads) {
  if (m == 0 || n == 0) return 0;
  if (k == 0) {
    memset(c, 0, (size_t)(m * n) * sizeof(float));
    return 0;
  }
  Rows rows;
  if (as_rows(transposes_a, transposes_b, m, n, k, a, b, c, &rows)) {
    trompe_parallel(run_rows, &rows, threads);
    return 0;
  }
  return dnnl_sgemm(transposes_a ? 'T' : 'N', transposes_b ? 'T' : 'N', m, n, k, 1, a,
                    transposes_a ? m : k, b, transposes_b ? k : n, 0, c, n) != dnnl_success;
}
