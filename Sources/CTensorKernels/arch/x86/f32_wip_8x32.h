// Winograd's inner product, 8x32 (and 16x16) with AVX-512: sum[i][j] += Σ a[i, step] · b[step, j]
// with 11 multiplications for 16 steps. Included by ukernels/f32_gemm_sums.h.
//
//     (x₀ + y₁)(x₁ + y₀) = x₀y₀ + x₁y₁ + x₀x₁ + y₀y₁
//     (y₁ - x₀)(x₁ - y₀) = x₀y₀ + x₁y₁ - x₀x₁ - y₀y₁
//
// One multiplication instead of two, and two additions, which separate FADD pipes execute at the
// same time. x₀x₁ and y₀y₁ belong to a row or a column alone: their sums are the correction terms
// of a panel, with which the sums begin. Of 16 steps, ten go in pairs and six by multiply-adds: 11
// multiply-adds and 10 additions. Signs alternate, so that sums do not grow.
//
// An addition loses the bits of the smaller number that are below the last bit of the larger:
// panels are scaled by powers of two until the means of their absolute values are between 1 and 2
// (ukernels/f32_wip_scales.h).
//
// S. Winograd, "A new algorithm for inner product", IEEE Transactions on Computers C-17 (1968),
// 693.
#if !defined(NAME) || !defined(INLINE) || !defined(V16) || !defined(FENCE)
#error "a template of ukernels/ukernels.h: include that"
#endif

// clang-format off

// A pair of steps and a single one.
#define PAIR(first, single, turn)                                                                    \
  {                                                                                                  \
    V16 f[2], g[2], h[2];                                                                            \
    UNROLL_FOR(int j = 0; j < columns; j++) {                                                       \
      f[j] = FROM(b + j * b_block + (first) * 16);                                                   \
      g[j] = FROM(b + j * b_block + ((first) + 1) * 16);                                             \
      h[j] = FROM(b + j * b_block + (single) * 16);                                                  \
    }                                                                                                \
    UNROLL_FOR(int i = 0; i < rows; i++) {                                                          \
      const float *v = a + i * row + (first) * step, *w = v + step, *u = a + i * row + (single) * step; \
      V16 *s = sum + i * columns;                                                                    \
      const int is_difference = ((first) / 2 + (turn)) % 2;                                          \
      if (columns == 2 && is_difference) PAIR_OF_TWO("vsubps", "vfnmadd231ps")                       \
      else if (columns == 2) PAIR_OF_TWO("vaddps", "vfmadd231ps")                                    \
      else {                                                                                         \
        *s += *u * *h;                                                                               \
        if (is_difference) *s -= (*g - *v) * (*f - *w);                                              \
        else *s += (*v + *g) * (*w + *f);                                                            \
      }                                                                                              \
    }                                                                                                \
    FENCE                                                                                            \
  }
// Written as instructions: all 32 registers are needed, and compilers spill sums. With 26 of them the additions,
// the multiply-adds and the loads each take as long, and nothing else does.
#define PAIR_OF_TWO(add, multiply_add)                                                               \
  {                                                                                                  \
    V16 p, q, r, t;                                                                                  \
    __asm__("vbroadcastss %[u], %[p]\n\t"                                                            \
            "vbroadcastss %[v], %[q]\n\t"                                                            \
            "vbroadcastss %[w], %[r]\n\t"                                                            \
            "vfmadd231ps %[h0], %[p], %[s0]\n\t"                                                     \
            "vfmadd231ps %[h1], %[p], %[s1]\n\t"                                                     \
            add " %[q], %[g0], %[p]\n\t"                                                             \
            add " %[r], %[f0], %[t]\n\t"                                                             \
            multiply_add " %[p], %[t], %[s0]\n\t"                                                    \
            add " %[q], %[g1], %[q]\n\t"                                                             \
            add " %[r], %[f1], %[r]\n\t"                                                             \
            multiply_add " %[q], %[r], %[s1]"                                                        \
            : [s0] "+v"(s[0]), [s1] "+v"(s[1]), [p] "=&v"(p), [q] "=&v"(q), [r] "=&v"(r),            \
              [t] "=&v"(t)                                                                           \
            : [u] "m"(*u), [v] "m"(*v), [w] "m"(*w), [f0] "v"(f[0]), [f1] "v"(f[1]), [g0] "v"(g[0]), \
              [g1] "v"(g[1]), [h0] "v"(h[0]), [h1] "v"(h[1]));                                       \
  }
#define SINGLE(single)                                                                               \
  {                                                                                                  \
    V16 h[2];                                                                                        \
    UNROLL_FOR(int j = 0; j < columns; j++) h[j] = FROM(b + j * b_block + (single) * 16);           \
    UNROLL_FOR(int i = 0; i < rows; i++) {                                                          \
      const float *u = a + i * row + (single) * step;                                                \
      V16 *s = sum + i * columns, p;                                                                 \
      if (columns == 2)                                                                              \
        __asm__("vbroadcastss %[u], %[p]\n\t"                                                        \
                "vfmadd231ps %[h0], %[p], %[s0]\n\t"                                                 \
                "vfmadd231ps %[h1], %[p], %[s1]"                                                     \
                : [s0] "+v"(s[0]), [s1] "+v"(s[1]), [p] "=&v"(p)                                     \
                : [u] "m"(*u), [h0] "v"(h[0]), [h1] "v"(h[1]));                                      \
      else *s += *u * *h;                                                                            \
    }                                                                                                \
    FENCE                                                                                            \
  }
#define SIXTEEN(turn)                                                                                \
  PAIR(0, 10, turn) PAIR(2, 11, turn) PAIR(4, 12, turn) PAIR(6, 13, turn) PAIR(8, 14, turn)          \
  SINGLE(15)                                                                                         \
  a += 256;                                                                                          \
  b += 256;

// clang-format on

// Prefetches every other block of steps.
INLINE int64_t NAME(prefetch_times)(int64_t blocks, const int rows) {
  return blocks / 2 * (16 / rows);
}

INLINE void NAME(sum_steps)(
    SUMS *s, const int rows, const int columns, const int row, const int step, int first,
    int64_t blocks, V16 *to) {
  const float *a = s->a + first * row, *b = s->b;
  const int64_t b_block = s->columns.values;
  V16 sum[16];
  if (s->has_earlier) {
    UNROLL_FOR(int i = 0; i < 16; i++) sum[i] = s->earlier[first * columns + i];
    if (s->has_new_columns)
      UNROLL_FOR(int i = 0; i < rows; i++)
        UNROLL_FOR(int j = 0; j < columns; j++)
          sum[i * columns + j] -= FROM(s->column_corrections + j * s->columns.corrections);
  } else {
    UNROLL_FOR(int i = 0; i < rows; i++)
      UNROLL_FOR(int j = 0; j < columns; j++)
        sum[i * columns + j] =
            -(FROM(s->column_corrections + j * s->columns.corrections) +
              s->row_corrections[first + i]);
  }
  for (; blocks >= 2; blocks -= 2) {
    NAME(prefetch)(&s->prefetch, &s->progress);
    SIXTEEN(0)
    SIXTEEN(1)
  }
  if (blocks) { SIXTEEN(0) }
  UNROLL_FOR(int i = 0; i < 16; i++) to[i] = sum[i];
}
