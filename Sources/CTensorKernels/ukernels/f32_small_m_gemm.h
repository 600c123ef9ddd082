// GEMM of small M: a few rows and a large matrix, at the speed at which memory brings or takes the
// matrix. Included by ukernels/ukernels.h.
//
// W [N, K] is the matrix, X [few, K] and Y [few, N] the rows. K is a multiple of 16. Every row's
// sums are made in an order that does not depend on how many rows there are, or on the threads.

// So many columns at a time: of eight rows they stay in the caches while the matrix passes by, and
// what is next of the matrix is prefetched early, since it comes from another page.
#define BLOCK 1024

// Rows of X and of W whose products' sums stay in registers.
#ifdef HAS_WIDE_VECTORS
#define ROWS_AT_ONCE 8
#define WIDE 3
#else
#define ROWS_AT_ONCE 4
#define WIDE 1
#endif

INLINE float NAME(lanes)(V16 v) {
  float sum = 0;
  UNROLL_FOR(int i = 0; i < 16; i++) sum += v[i];
  return sum;
}

// Y = X · Wᵀ for `rows` rows of X and `wide` of W, over `count` columns of all.
INLINE void NAME(dot_block)(
    const int rows, const int wide, int64_t count, int64_t n, int64_t k, const float *x,
    const float *w, float *y, int is_first) {
  V16 sums[8][3];
  UNROLL_FOR(int r = 0; r < rows; r++)
    UNROLL_FOR(int j = 0; j < wide; j++) sums[r][j] = (V16){0};
  for (int64_t i = 0; i < count; i += 16) {
    V16 weights[3];
    UNROLL_FOR(int j = 0; j < wide; j++) {
      weights[j] = FROM(w + j * k + i);
      __builtin_prefetch(w + (j + wide) * k + i);
    }
    UNROLL_FOR(int r = 0; r < rows; r++) {
      const V16 value = FROM(x + r * k + i);
      UNROLL_FOR(int j = 0; j < wide; j++) sums[r][j] += value * weights[j];
    }
  }
  UNROLL_FOR(int r = 0; r < rows; r++)
    UNROLL_FOR(int j = 0; j < wide; j++) {
      const float sum = NAME(lanes)(sums[r][j]);
      y[r * n + j] = is_first ? sum : y[r * n + j] + sum;
    }
}

// Calls `block(rows, ...)` for 8, 4, 2 and 1 rows at a time.
#define EACH_ROWS(few, block)                                                       \
  for (int64_t f = 0, rows; f < (few); f += rows) {                                 \
    const int64_t rest = (few)-f;                                                   \
    rows = rest >= ROWS_AT_ONCE ? ROWS_AT_ONCE : rest >= 4 ? 4 : rest >= 2 ? 2 : 1; \
    switch (rows) {                                                                 \
      case 8: block(8); break;                                                      \
      case 4: block(4); break;                                                      \
      case 2: block(2); break;                                                      \
      default: block(1);                                                            \
    }                                                                               \
  }

static void NAME(f32_small_m_gemm_nt)(const trompe_small_m *product, int64_t begin, int64_t end) {
  const int64_t few = product->few, n = product->n, k = product->k;
  const float *x = product->a, *w = product->b;
  float *y = product->c;
  for (int64_t first = 0; first < k; first += BLOCK) {
    const int64_t count = k - first < BLOCK ? k - first : BLOCK;
    int64_t j = begin;
#define DOT(rows, wide) \
  NAME(dot_block)       \
  (rows, wide, count, n, k, x + f * k + first, w + j * k + first, y + f * n + j, !first)
#define SEVERAL(rows) DOT(rows, WIDE)
#define SINGLE(rows) DOT(rows, 1)
    for (; j + WIDE <= end; j += WIDE) EACH_ROWS(few, SEVERAL)
    for (; j < end; j++) EACH_ROWS(few, SINGLE)
#undef DOT
#undef SEVERAL
#undef SINGLE
  }
}

// X = Y · W, or with it, for `rows` rows of X and `high` rows of W, over `count` columns.
INLINE void NAME(combine_block)(
    const int rows, const int high, int64_t count, int64_t n, int64_t k, const float *y,
    const float *w, float *x, int is_first) {
  float shares[8][4];
  UNROLL_FOR(int r = 0; r < rows; r++)
    UNROLL_FOR(int j = 0; j < high; j++) { shares[r][j] = y[r * n + j]; }
  for (int64_t i = 0; i < count; i += 16) {
    V16 weights[4];
    UNROLL_FOR(int j = 0; j < high; j++) {
      weights[j] = FROM(w + j * k + i);
      __builtin_prefetch(w + (j + high) * k + i);
    }
    UNROLL_FOR(int r = 0; r < rows; r++) {
      V16 sum = is_first ? (V16){0} : FROM(x + r * k + i);
      UNROLL_FOR(int j = 0; j < high; j++) sum += shares[r][j] * weights[j];
      AT(x + r * k + i) = sum;
    }
  }
}

static void NAME(f32_small_m_gemm_nn)(const trompe_small_m *product, int64_t begin, int64_t end) {
  const int64_t few = product->few, n = product->n, k = product->k;
  const float *y = product->a, *w = product->b;
  float *x = product->c;
  for (int64_t first = begin; first < end; first += BLOCK) {
    const int64_t count = end - first < BLOCK ? end - first : BLOCK;
    int64_t j = 0;
#define FOUR(rows) \
  NAME(combine_block)(rows, 4, count, n, k, y + f * n + j, w + j * k + first, x + f * k + first, !j)
#define SINGLE(rows) \
  NAME(combine_block)(rows, 1, count, n, k, y + f * n + j, w + j * k + first, x + f * k + first, !j)
    for (; j + 4 <= n; j += 4) EACH_ROWS(few, FOUR)
    for (; j < n; j++) EACH_ROWS(few, SINGLE)
#undef FOUR
#undef SINGLE
  }
}

// W = Yᵀ · X. What is written is not read soon.
static void NAME(f32_small_m_gemm_tn)(const trompe_small_m *product, int64_t begin, int64_t end) {
  const int64_t few = product->few, n = product->n, k = product->k;
  const float *y = product->a, *x = product->b;
  float *w = product->c;
  const STEPS s = {1, n, k, 16, k, 16};
  for (int64_t first = 0; first < k; first += BLOCK) {
    const int64_t last = k - first < BLOCK ? k : first + BLOCK;
    int64_t j = begin;
#define ROWS(COUNT)                                                                               \
  for (; j + COUNT <= end; j += COUNT) {                                                          \
    int64_t i = first;                                                                            \
    for (; i + 64 <= last; i += 64)                                                               \
      NAME(product)(COUNT, 4, s, y + j, x + i, w + j * k + i, few, 0, 1);                         \
    for (; i < last; i += 16) NAME(product)(COUNT, 1, s, y + j, x + i, w + j * k + i, few, 0, 1); \
  }
    if (ROWS_AT_ONCE > 4) ROWS(4)
    ROWS(1)
#undef ROWS
  }
  trompe_fence_nontemporal();
}

#undef BLOCK
#undef ROWS_AT_ONCE
#undef WIDE
#undef EACH_ROWS
