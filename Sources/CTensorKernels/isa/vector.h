// Vectors of 16 floats, as wide as a register, and products of blocks of them: included by
// isa/kernels.h, once for each instruction set that has those.

#define INLINE static inline __attribute__((always_inline))
#define UNROLL _Pragma("clang loop unroll(full)")

typedef float NAME(Vector) __attribute__((vector_size(64), aligned(4)));
typedef int32_t NAME(Mask) __attribute__((vector_size(64)));
typedef float NAME(Line) __attribute__((vector_size(64)));
#define V16 NAME(Vector)
#define MASK NAME(Mask)
#define AT(p) (*(V16 *)(p))
#define FROM(p) (*(const V16 *)(p))

// Floats from one row, step of the sum, or block of 16 columns to the next in C += A B.
typedef struct {
  int64_t a_row, a_step, b_step, b_block, c_row, c_block;
} NAME(Steps);

// ROWS rows and BLOCKS blocks of columns at once, whose sums stay in registers. They begin with 0, or
// with what C holds. With `is_far`, C is aligned, not read soon, and written past the caches.
#define PRODUCT(ROWS, BLOCKS)                                                                      \
  INLINE void NAME(product_##ROWS##_##BLOCKS)(                                                     \
      NAME(Steps) s, const float *restrict a, const float *restrict b, float *restrict c,          \
      int64_t count, int begins_with_c, int is_far) {                                              \
    V16 sum[ROWS][BLOCKS];                                                                         \
    UNROLL for (int i = 0; i < ROWS; i++)                                                          \
      UNROLL for (int j = 0; j < BLOCKS; j++)                                                      \
        sum[i][j] = begins_with_c ? FROM(c + i * s.c_row + j * s.c_block) : (V16){0};              \
    for (int64_t step = 0; step < count; step++) {                                                 \
      V16 factor[BLOCKS];                                                                          \
      UNROLL for (int j = 0; j < BLOCKS; j++)                                                      \
        factor[j] = FROM(b + step * s.b_step + j * s.b_block);                                     \
      UNROLL for (int i = 0; i < ROWS; i++) {                                                      \
        const float value = a[i * s.a_row + step * s.a_step];                                      \
        UNROLL for (int j = 0; j < BLOCKS; j++) sum[i][j] += value * factor[j];                    \
      }                                                                                            \
    }                                                                                              \
    UNROLL for (int i = 0; i < ROWS; i++)                                                          \
      UNROLL for (int j = 0; j < BLOCKS; j++) {                                                    \
        float *to = c + i * s.c_row + j * s.c_block;                                               \
        if (is_far) __builtin_nontemporal_store(sum[i][j], (NAME(Line) *)to);                      \
        else AT(to) = sum[i][j];                                                                   \
      }                                                                                            \
  }

PRODUCT(12, 2)
PRODUCT(4, 2)
PRODUCT(1, 2)
PRODUCT(12, 1)
PRODUCT(4, 1)
PRODUCT(1, 1)
PRODUCT(8, 2)
PRODUCT(16, 1)
PRODUCT(4, 4)
PRODUCT(1, 4)

#undef PRODUCT
