// Vectors of 16 floats, in one register or several, and products of blocks of them. Included by
// ukernels/ukernels.h.
#if !defined(NAME)
#error "a template of ukernels/ukernels.h: include that"
#endif

#define INLINE static inline __attribute__((always_inline))
#define OVERLOADED __attribute__((overloadable))
#define UNROLL_FOR(...) _Pragma("clang loop unroll(full)") for (__VA_ARGS__)

typedef float NAME(Vector) __attribute__((vector_size(64), aligned(4), may_alias));
typedef int32_t NAME(Mask) __attribute__((vector_size(64), may_alias));
typedef float NAME(Line) __attribute__((vector_size(64), may_alias));
#define V16 NAME(Vector)
#define MASK NAME(Mask)
#define AT(p) (*(V16 *)(p))
#define FROM(p) (*(const V16 *)(p))

// What a register holds, where it matters that they are few.
#ifndef LANE_COUNT
#ifdef HAS_WIDE_VECTORS
#define LANE_COUNT 16
#else
#define LANE_COUNT 8
#endif
#endif
#if LANE_COUNT == 16
#define VL V16
#define LANES_MASK MASK
#else
typedef float NAME(Lanes) __attribute__((vector_size(4 * LANE_COUNT), aligned(4), may_alias));
typedef int32_t NAME(LanesMask) __attribute__((vector_size(4 * LANE_COUNT), may_alias));
#define VL NAME(Lanes)
#define LANES_MASK NAME(LanesMask)
#endif
#define LANES_AT(p) (*(VL *)(p))
#define LANES_FROM(p) (*(const VL *)(p))

// Non-temporal, where `to` is aligned and not read soon, or not.
INLINE void NAME(store)(float *to, V16 value, const int is_nontemporal) {
  if (is_nontemporal) __builtin_nontemporal_store(value, (NAME(Line) *)to);
  else AT(to) = value;
}

// 1 where x is positive, and 0.
INLINE V16 NAME(ones_where_positive)(V16 x) { return (V16)((x > 0) & (MASK)((V16){0} + 1.0f)); }

// min(max(x, 0), limit), a limit of 0 being none. NaN stays NaN.
INLINE V16 NAME(rectified)(V16 x, float limit) {
  x = (V16)((MASK)x & ~(x < 0));
  if (limit > 0) {
    const V16 most = (V16){0} + limit;
    const MASK above = x > most;
    x = (V16)(((MASK)x & ~above) | ((MASK)most & above));
  }
  return x;
}

// 16 rows of 16 floats become columns: quarters change places, then the quarters of each.
#define QUARTERS(STEP, FIRST, SECOND)                       \
  UNROLL_FOR(int i = 0; i < 16; i++) {                      \
    if (i & STEP) continue;                                 \
    const V16 a = rows[i], b = rows[i + STEP];              \
    rows[i] = __builtin_shufflevector(a, b, FIRST);         \
    rows[i + STEP] = __builtin_shufflevector(a, b, SECOND); \
  }
#define LANES(...) __VA_ARGS__
INLINE void NAME(transpose)(V16 *rows) {
  QUARTERS(
      8, LANES(0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23),
      LANES(8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31))
  QUARTERS(
      4, LANES(0, 1, 2, 3, 16, 17, 18, 19, 8, 9, 10, 11, 24, 25, 26, 27),
      LANES(4, 5, 6, 7, 20, 21, 22, 23, 12, 13, 14, 15, 28, 29, 30, 31))
  QUARTERS(
      2, LANES(0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29),
      LANES(2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31))
  QUARTERS(
      1, LANES(0, 16, 2, 18, 4, 20, 6, 22, 8, 24, 10, 26, 12, 28, 14, 30),
      LANES(1, 17, 3, 19, 5, 21, 7, 23, 9, 25, 11, 27, 13, 29, 15, 31))
}
#undef QUARTERS
#undef LANES

// 16 channels of 16 filters, rows of which are `row` floats apart, as vectors of results: rows are
// filters, which become columns, or `turned` channels of all filters, which are results as they
// stand. Each filter is multiplied with its scale, if that is not NULL.
INLINE void NAME(read_filters)(
    const float *from, int64_t row, int turned, const float *scale, V16 *to) {
  UNROLL_FOR(int i = 0; i < 16; i++) to[i] = FROM(from + i * row);
  if (!turned) NAME(transpose)(to);
  if (scale)
    UNROLL_FOR(int i = 0; i < 16; i++) to[i] *= turned ? scale[i] + (V16){0} : FROM(scale);
}

// Floats from one row, step of the sum, or block of 16 columns to the next in C += A B.
typedef struct {
  int64_t a_row, a_step, b_step, b_block, c_row, c_block;
} NAME(Steps);
#define STEPS NAME(Steps)

// `rows` by 16 `blocks` at once, whose sums stay in registers. They begin with 0, or with what C
// holds. With `is_nontemporal`, C is aligned, not read soon, and stored non-temporally.
INLINE void NAME(product_at_once)(
    const int rows, const int blocks, STEPS s, const float *restrict a, const float *restrict b,
    float *restrict c, int64_t count, int begins_with_c, int is_nontemporal) {
  V16 sum[16][4];
  UNROLL_FOR(int i = 0; i < rows; i++)
    UNROLL_FOR(int j = 0; j < blocks; j++)
      sum[i][j] = begins_with_c ? FROM(c + i * s.c_row + j * s.c_block) : (V16){0};
  for (int64_t step = 0; step < count; step++) {
    V16 factor[4];
    UNROLL_FOR(int j = 0; j < blocks; j++) factor[j] = FROM(b + step * s.b_step + j * s.b_block);
    UNROLL_FOR(int i = 0; i < rows; i++) {
      const float value = a[i * s.a_row + step * s.a_step];
      UNROLL_FOR(int j = 0; j < blocks; j++) sum[i][j] += value * factor[j];
    }
  }
  UNROLL_FOR(int i = 0; i < rows; i++)
    UNROLL_FOR(int j = 0; j < blocks; j++)
      NAME(store)(c + i * s.c_row + j * s.c_block, sum[i][j], is_nontemporal);
}

// The same for as many as 24 sums. Registers of eight floats hold four rows of one block, or a row
// of four.
INLINE void NAME(product)(
    const int rows, const int blocks, STEPS s, const float *a, const float *b, float *c,
    int64_t count, int begins_with_c, int is_nontemporal) {
#ifdef HAS_WIDE_VECTORS
  NAME(product_at_once)(rows, blocks, s, a, b, c, count, begins_with_c, is_nontemporal);
#else
  const int high = rows < 4 ? 1 : 4, wide = 4 / high;
  UNROLL_FOR(int j = 0; j < blocks; j += wide)
    UNROLL_FOR(int i = 0; i < rows; i += high) NAME(product_at_once)
  (high, blocks < wide ? blocks : wide, s, a + i * s.a_row, b + j * s.b_block,
   c + i * s.c_row + j * s.c_block, count, begins_with_c, is_nontemporal);
#endif
}

// The sums of the lanes of 16 vectors: halves, quarters ... of two vectors at a time become one.
#define HALVES(a, b, ...) (__builtin_shufflevector(a, b, __VA_ARGS__))
INLINE V16 NAME(lane_sums)(const V16 *rows) {
  V16 c[8], d[4], e[2];
  UNROLL_FOR(int i = 0; i < 8; i++)
    c[i] =
        HALVES(rows[i], rows[i + 8], 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23) +
        HALVES(rows[i], rows[i + 8], 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31);
  UNROLL_FOR(int i = 0; i < 4; i++)
    d[i] = HALVES(c[i], c[i + 4], 0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27) +
           HALVES(c[i], c[i + 4], 4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30, 31);
  UNROLL_FOR(int i = 0; i < 2; i++)
    e[i] = HALVES(d[i], d[i + 2], 0, 1, 4, 5, 8, 9, 12, 13, 16, 17, 20, 21, 24, 25, 28, 29) +
           HALVES(d[i], d[i + 2], 2, 3, 6, 7, 10, 11, 14, 15, 18, 19, 22, 23, 26, 27, 30, 31);
  const V16 f = HALVES(e[0], e[1], 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30) +
                HALVES(e[0], e[1], 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31);
  return HALVES(f, f, 0, 8, 4, 12, 2, 10, 6, 14, 1, 9, 5, 13, 3, 11, 7, 15);
}
