// Vectors of 16 floats, one register or several, and products of blocks of them: included by
// isa/kernels.h, once for each instruction set.

#define INLINE static inline __attribute__((always_inline))
#define OVERLOADED __attribute__((overloadable))
#define UNROLL _Pragma("clang loop unroll(full)")

typedef float NAME(Vector) __attribute__((vector_size(64), aligned(4)));
typedef int32_t NAME(Mask) __attribute__((vector_size(64)));
typedef float NAME(Line) __attribute__((vector_size(64)));
#define V16 NAME(Vector)
#define MASK NAME(Mask)
#define AT(p) (*(V16 *)(p))
#define FROM(p) (*(const V16 *)(p))

// What a register holds, where it matters that they are few.
#ifdef HAS_WIDE_VECTORS
#define LANE_COUNT 16
#define VL V16
#define LANES_MASK MASK
#else
typedef float NAME(Lanes) __attribute__((vector_size(32), aligned(4)));
typedef int32_t NAME(LanesMask) __attribute__((vector_size(32)));
#define LANE_COUNT 8
#define VL NAME(Lanes)
#define LANES_MASK NAME(LanesMask)
#endif
#define LANES_AT(p) (*(VL *)(p))
#define LANES_FROM(p) (*(const VL *)(p))

// Past the caches, where that is aligned and not read soon, or not.
INLINE void NAME(store)(float *to, V16 value, const int is_far) {
  if (is_far) __builtin_nontemporal_store(value, (NAME(Line) *)to);
  else AT(to) = value;
}

// 1 where x is positive, and 0.
INLINE V16 NAME(ones_where_positive)(V16 x) {
  return (V16)((x > 0) & (MASK)((V16){0} + 1.0f));
}

// 16 rows of 16 floats become columns: quarters change places, then the quarters of each.
#define QUARTERS(STEP, FIRST, SECOND)                                          \
  UNROLL for (int i = 0; i < 16; i++) {                                        \
    if (i & STEP) continue;                                                    \
    const V16 a = rows[i], b = rows[i + STEP];                                 \
    rows[i] = __builtin_shufflevector(a, b, FIRST);                            \
    rows[i + STEP] = __builtin_shufflevector(a, b, SECOND);                    \
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

// 16 channels of 16 filters, rows of which are `row` floats apart, as vectors of results: rows are filters,
// which become columns, or `turned` channels of all filters, which are results as they stand. Each filter
// is multiplied with its scale, if that is not NULL.
INLINE void NAME(read_filters)(
    const float *from, int64_t row, int turned, const float *scale, V16 *to) {
  UNROLL for (int i = 0; i < 16; i++) to[i] = FROM(from + i * row);
  if (!turned) NAME(transpose)(to);
  if (scale)
    UNROLL for (int i = 0; i < 16; i++) to[i] *= turned ? scale[i] + (V16){0} : FROM(scale);
}

// Floats from one row, step of the sum, or block of 16 columns to the next in C += A B.
typedef struct {
  int64_t a_row, a_step, b_step, b_block, c_row, c_block;
} NAME(Steps);

// Rows and blocks of columns at once, whose sums stay in registers. They begin with 0, or with what C holds.
// With `is_far`, C is aligned, not read soon, and written past the caches.
INLINE void NAME(product_at_once)(
    const int rows, const int blocks, NAME(Steps) s, const float *restrict a,
    const float *restrict b, float *restrict c, int64_t count, int begins_with_c, int is_far) {
  V16 sum[16][4];
  UNROLL for (int i = 0; i < rows; i++)
    UNROLL for (int j = 0; j < blocks; j++)
      sum[i][j] = begins_with_c ? FROM(c + i * s.c_row + j * s.c_block) : (V16){0};
  for (int64_t step = 0; step < count; step++) {
    V16 factor[4];
    UNROLL for (int j = 0; j < blocks; j++) factor[j] = FROM(b + step * s.b_step + j * s.b_block);
    UNROLL for (int i = 0; i < rows; i++) {
      const float value = a[i * s.a_row + step * s.a_step];
      UNROLL for (int j = 0; j < blocks; j++) sum[i][j] += value * factor[j];
    }
  }
  UNROLL for (int i = 0; i < rows; i++)
    UNROLL for (int j = 0; j < blocks; j++)
      NAME(store)(c + i * s.c_row + j * s.c_block, sum[i][j], is_far);
}

// The same for as many as 24 sums. Registers of eight floats hold four rows of one block, or a row of four.
INLINE void NAME(product)(
    const int rows, const int blocks, NAME(Steps) s, const float *a, const float *b, float *c,
    int64_t count, int begins_with_c, int is_far) {
#ifdef HAS_WIDE_VECTORS
  NAME(product_at_once)(rows, blocks, s, a, b, c, count, begins_with_c, is_far);
#else
  const int high = rows < 4 ? 1 : 4, wide = 4 / high;
  UNROLL for (int j = 0; j < blocks; j += wide)
    UNROLL for (int i = 0; i < rows; i += high)
      NAME(product_at_once)(
          high, blocks < wide ? blocks : wide, s, a + i * s.a_row, b + j * s.b_block,
          c + i * s.c_row + j * s.c_block, count, begins_with_c, is_far);
#endif
}
