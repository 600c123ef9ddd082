// Inner loops, compiled once per instruction set: included by dispatch.c with SUFFIX defined.
// Plain loops that the compiler turns into vectors.

#define JOIN_(a, b) a##_##b
#define JOIN(a, b) JOIN_(a, b)
#define NAME(x) JOIN(x, SUFFIX)
#define LOOP _Pragma("clang loop vectorize(enable) interleave(enable)")

// eˣ: x = k·ln 2 + r, a polynomial in r (Cephes), times 2ᵏ. Relative error below 2e-7.
static inline float NAME(exp1)(float x) {
  float v = x < 88.72283f ? x : 88.72283f;  // NaN as well: no integer is made of it
  v = v < -103.97208f ? -103.97208f : v;
  float k = __builtin_floorf(v * 1.44269504088896341f + 0.5f);
  float r = v - k * 0.693359375f;
  r = r - k * -2.12194440e-4f;
  float p = 1.9875691500e-4f;
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * r * r + r + 1.0f;
  // 2ᵏ in two steps, so that results below the normal range come out right.
  int32_t half = (int32_t)k / 2, rest = (int32_t)k - half;
  union { int32_t i; float f; } a = {(half + 127) << 23}, b = {(rest + 127) << 23};
  float y = p * a.f * b.f;
  y = x > 88.72283f ? __builtin_inff() : y;
  return x != x ? x : y;
}

// ln x (Cephes); -inf at 0, NaN below.
static inline float NAME(log1)(float x) {
  // What lies below the normal range is moved into it: 2²³ is as far as it reaches.
  int below = x < 1.17549435e-38f;
  union { float f; int32_t i; } u = {below ? x * 8388608.0f : x};
  int32_t e = ((u.i >> 23) & 0xff) - (below ? 149 : 126);
  u.i = (u.i & 0x007fffff) | 0x3f000000;
  float m = u.f;
  int small = m < 0.707106781186547524f;
  float k = (float)(small ? e - 1 : e);
  m = small ? m + m - 1.0f : m - 1.0f;
  float z = m * m;
  float p = 7.0376836292e-2f;
  p = p * m - 1.1514610310e-1f;
  p = p * m + 1.1676998740e-1f;
  p = p * m - 1.2420140846e-1f;
  p = p * m + 1.4249322787e-1f;
  p = p * m - 1.6668057665e-1f;
  p = p * m + 2.0000714765e-1f;
  p = p * m - 2.4999993993e-1f;
  p = p * m + 3.3333331174e-1f;
  float y = m * z * p + k * -2.12194440e-4f - 0.5f * z + m + k * 0.693359375f;
  y = x == __builtin_inff() ? x : y;
  y = x == 0 ? -__builtin_inff() : y;
  return x < 0 || x != x ? __builtin_nanf("") : y;
}

// ln(1 + u) for 0 <= u: the logarithm of the rounded sum, times what rounding did to u (Kahan).
static inline float NAME(log1p1)(float u) {
  float w = 1.0f + u;
  float part = w - 1.0f;
  float y = NAME(log1)(w) * (u / (part == 0 ? 1.0f : part));
  return part == 0 ? u : y;
}

#define UNARY(name, expression)                                             \
  static void NAME(name)(float *d, const float *a, int64_t count) {         \
    LOOP for (int64_t i = 0; i < count; i++) { float x = a[i]; d[i] = expression; } \
  }
UNARY(copy, x)
UNARY(negate, -x)
UNARY(absolute, __builtin_fabsf(x))
UNARY(exponential, NAME(exp1)(x))
UNARY(logarithm, NAME(log1)(x))
UNARY(square_root, __builtin_elementwise_sqrt(x))
UNARY(reciprocal, 1.0f / x)
UNARY(square, x * x)
UNARY(relu, x < 0 ? 0.0f : x)
UNARY(is_positive, x > 0 ? 1.0f : 0.0f)
UNARY(sign, (x > 0 ? 1.0f : 0.0f) - (x < 0 ? 1.0f : 0.0f))
UNARY(softplus, (x > 0 ? x : 0.0f) + NAME(log1p1)(NAME(exp1)(-__builtin_fabsf(x))))
UNARY(sigmoid, 1.0f / (1.0f + NAME(exp1)(-x)))

#define BINARY(name, expression)                                                        \
  static void NAME(name)(float *d, const float *a, const float *b, int64_t count) {     \
    LOOP for (int64_t i = 0; i < count; i++) { float x = a[i], y = b[i]; d[i] = expression; } \
  }
BINARY(add, x + y)
BINARY(subtract, x - y)
BINARY(multiply, x *y)
BINARY(divide, x / y)
BINARY(maximum, x >= y ? x : y)
BINARY(minimum, x <= y ? x : y)
BINARY(is_greater, x > y ? 1.0f : 0.0f)
BINARY(is_greater_or_equal, x >= y ? 1.0f : 0.0f)
BINARY(is_equal, x == y ? 1.0f : 0.0f)

static void NAME(select)(
    float *d, const float *a, const float *b, const float *c, int64_t count) {
  LOOP for (int64_t i = 0; i < count; i++) { d[i] = a[i] != 0 ? b[i] : c[i]; }
}

static void NAME(splat)(float *d, float value, int64_t count) {
  LOOP for (int64_t i = 0; i < count; i++) { d[i] = value; }
}

// bfloat16 is the upper half of a float. Rounded to nearest, ties to even; what is not a number stays.
static void NAME(to_bf16)(uint16_t *restrict d, const float *restrict a, int64_t count) {
  LOOP for (int64_t i = 0; i < count; i++) {
    union { float f; uint32_t u; } x = {a[i]};
    uint32_t nearest = (x.u + 0x7fffu + (x.u >> 16 & 1u)) >> 16, quiet = x.u >> 16 | 0x40u;
    d[i] = (uint16_t)((x.u & 0x7fffffffu) > 0x7f800000u ? quiet : nearest);
  }
}

static void NAME(from_bf16)(float *restrict d, const uint16_t *restrict a, int64_t count) {
  LOOP for (int64_t i = 0; i < count; i++) {
    union { uint32_t u; float f; } x = {(uint32_t)a[i] << 16};
    d[i] = x.f;
  }
}

// Sums run over eight independent lanes, whatever the instruction set.
static float NAME(sum)(const float *a, int64_t count) {
  float lane[8] = {0};
  int64_t i = 0;
  for (; i + 8 <= count; i += 8) {
    for (int j = 0; j < 8; j++) lane[j] += a[i + j];
  }
  float rest = 0;
  for (; i < count; i++) rest += a[i];
  return ((lane[0] + lane[4]) + (lane[2] + lane[6])) + ((lane[1] + lane[5]) + (lane[3] + lane[7])) +
         rest;
}

// to[j] += the sum of column j, row after row.
static void NAME(add_rows)(float *restrict to, const float *restrict x, int64_t rows, int64_t columns) {
  if (columns == 16) {  // a block of channels: the sums stay in registers
    float lane[16];
    for (int j = 0; j < 16; j++) lane[j] = to[j];
    for (int64_t i = 0; i < rows; i++)
      for (int j = 0; j < 16; j++) lane[j] += x[16 * i + j];
    for (int j = 0; j < 16; j++) to[j] = lane[j];
    return;
  }
  for (int64_t i = 0; i < rows; i++)
    LOOP for (int64_t j = 0; j < columns; j++) { to[j] += x[i * columns + j]; }
}

// to[i * stride] += the sum of row i.
static void NAME(add_columns)(
    float *to, int64_t stride, const float *x, int64_t rows, int64_t columns) {
  for (int64_t i = 0; i < rows; i++) to[i * stride] += NAME(sum)(x + i * columns, columns);
}

// The same row again and again.
static void NAME(repeat_row)(float *restrict d, const float *restrict row, int64_t rows, int64_t columns) {
  if (columns == 16) {
    float lane[16];
    for (int j = 0; j < 16; j++) lane[j] = row[j];
    for (int64_t i = 0; i < rows; i++)
      for (int j = 0; j < 16; j++) d[16 * i + j] = lane[j];
    return;
  }
  for (int64_t i = 0; i < rows; i++)
    LOOP for (int64_t j = 0; j < columns; j++) { d[i * columns + j] = row[j]; }
}

static float NAME(largest)(const float *a, int64_t count) {
  float m = a[0];
  for (int64_t i = 1; i < count; i++) m = a[i] > m || a[i] != a[i] ? a[i] : m;
  return m;
}

static float NAME(smallest)(const float *a, int64_t count) {
  float m = a[0];
  for (int64_t i = 1; i < count; i++) m = a[i] < m || a[i] != a[i] ? a[i] : m;
  return m;
}

static void NAME(pool_max_row)(
    const trompe_pool *s, const float *x, float *y, uint8_t *index, int64_t n, int64_t p) {
  enum { BLOCK = 64 };
  for (int64_t q = 0; q < s->q; q++)
    for (int64_t c0 = 0; c0 < s->c; c0 += BLOCK) {
      int64_t count = s->c - c0 < BLOCK ? s->c - c0 : BLOCK;
      float best[BLOCK];
      int32_t tap[BLOCK];
      int first = 1;
      for (int64_t r = 0; r < s->height; r++) {
        int64_t i = p * s->stride_y + r * s->dilation_y - s->top;
        if (i < 0 || i >= s->h) continue;
        for (int64_t t = 0; t < s->width; t++) {
          int64_t j = q * s->stride_x + t * s->dilation_x - s->left;
          if (j < 0 || j >= s->w) continue;
          const float *from = x + ((n * s->h + i) * s->w + j) * s->c + c0;
          int32_t id = (int32_t)(r * s->width + t);
          if (first) {
            LOOP for (int64_t c = 0; c < count; c++) { best[c] = from[c]; tap[c] = id; }
            first = 0;
          } else {
            LOOP for (int64_t c = 0; c < count; c++) {
              int wins = from[c] > best[c] || from[c] != from[c];
              best[c] = wins ? from[c] : best[c];
              tap[c] = wins ? id : tap[c];
            }
          }
        }
      }
      int64_t at = ((n * s->p + p) * s->q + q) * s->c + c0;
      if (y) { LOOP for (int64_t c = 0; c < count; c++) { y[at + c] = best[c]; } }
      if (index) { LOOP for (int64_t c = 0; c < count; c++) { index[at + c] = (uint8_t)tap[c]; } }
    }
}

static void NAME(pool_select_row)(
    const trompe_pool *s, const float *x, const uint8_t *index, float *y, int64_t n, int64_t p) {
  for (int64_t q = 0; q < s->q; q++) {
    int64_t at = ((n * s->p + p) * s->q + q) * s->c;
    NAME(splat)(y + at, 0, s->c);
    for (int64_t r = 0; r < s->height; r++) {
      int64_t i = p * s->stride_y + r * s->dilation_y - s->top;
      if (i < 0 || i >= s->h) continue;
      for (int64_t t = 0; t < s->width; t++) {
        int64_t j = q * s->stride_x + t * s->dilation_x - s->left;
        if (j < 0 || j >= s->w) continue;
        const float *restrict from = x + ((n * s->h + i) * s->w + j) * s->c;
        float *restrict to = y + at;
        const uint8_t *restrict tap = index + at;
        int32_t id = (int32_t)(r * s->width + t);
        int64_t count = s->c;
        LOOP for (int64_t c = 0; c < count; c++) {
          float value = from[c], old = to[c];
          to[c] = tap[c] == id ? value : old;
        }
      }
    }
  }
}

static void NAME(pool_scatter_image)(
    const trompe_pool *s, const float *dy, const uint8_t *index, float *dx, int64_t n) {
  NAME(splat)(dx + n * s->h * s->w * s->c, 0, s->h * s->w * s->c);
  for (int64_t p = 0; p < s->p; p++)
    for (int64_t q = 0; q < s->q; q++) {
      int64_t at = ((n * s->p + p) * s->q + q) * s->c;
      for (int64_t r = 0; r < s->height; r++) {
        int64_t i = p * s->stride_y + r * s->dilation_y - s->top;
        if (i < 0 || i >= s->h) continue;
        for (int64_t t = 0; t < s->width; t++) {
          int64_t j = q * s->stride_x + t * s->dilation_x - s->left;
          if (j < 0 || j >= s->w) continue;
          float *restrict to = dx + ((n * s->h + i) * s->w + j) * s->c;
          const float *restrict from = dy + at;
          const uint8_t *restrict tap = index + at;
          int32_t id = (int32_t)(r * s->width + t);
          LOOP for (int64_t c = 0; c < s->c; c++) { to[c] += tap[c] == id ? from[c] : 0.0f; }
        }
      }
    }
}

// Taps inside the image, or all of them.
static inline float NAME(pool_share)(const trompe_pool *s, int counts_padding, int64_t p, int64_t q) {
  int64_t rows = 0, columns = 0;
  for (int64_t r = 0; r < s->height; r++) {
    int64_t i = p * s->stride_y + r * s->dilation_y - s->top;
    rows += i >= 0 && i < s->h;
  }
  for (int64_t t = 0; t < s->width; t++) {
    int64_t j = q * s->stride_x + t * s->dilation_x - s->left;
    columns += j >= 0 && j < s->w;
  }
  int64_t taps = counts_padding ? s->height * s->width : rows * columns;
  return taps > 0 ? 1.0f / (float)taps : 0.0f;
}

static void NAME(pool_average_row)(
    const trompe_pool *s, int counts_padding, const float *x, float *y, int64_t n, int64_t p) {
  for (int64_t q = 0; q < s->q; q++) {
    float *to = y + ((n * s->p + p) * s->q + q) * s->c;
    NAME(splat)(to, 0, s->c);
    for (int64_t r = 0; r < s->height; r++) {
      int64_t i = p * s->stride_y + r * s->dilation_y - s->top;
      if (i < 0 || i >= s->h) continue;
      for (int64_t t = 0; t < s->width; t++) {
        int64_t j = q * s->stride_x + t * s->dilation_x - s->left;
        if (j < 0 || j >= s->w) continue;
        const float *from = x + ((n * s->h + i) * s->w + j) * s->c;
        LOOP for (int64_t c = 0; c < s->c; c++) { to[c] += from[c]; }
      }
    }
    float share = NAME(pool_share)(s, counts_padding, p, q);
    LOOP for (int64_t c = 0; c < s->c; c++) { to[c] *= share; }
  }
}

static void NAME(pool_average_gradient_image)(
    const trompe_pool *s, int counts_padding, const float *dy, float *dx, int64_t n) {
  NAME(splat)(dx + n * s->h * s->w * s->c, 0, s->h * s->w * s->c);
  for (int64_t p = 0; p < s->p; p++)
    for (int64_t q = 0; q < s->q; q++) {
      const float *from = dy + ((n * s->p + p) * s->q + q) * s->c;
      float share = NAME(pool_share)(s, counts_padding, p, q);
      for (int64_t r = 0; r < s->height; r++) {
        int64_t i = p * s->stride_y + r * s->dilation_y - s->top;
        if (i < 0 || i >= s->h) continue;
        for (int64_t t = 0; t < s->width; t++) {
          int64_t j = q * s->stride_x + t * s->dilation_x - s->left;
          if (j < 0 || j >= s->w) continue;
          float *to = dx + ((n * s->h + i) * s->w + j) * s->c;
          LOOP for (int64_t c = 0; c < s->c; c++) { to[c] += share * from[c]; }
        }
      }
    }
}

static void NAME(adam)(
    const trompe_adam *s, float rate, float root_correction, int64_t count, float *w,
    const float *gradient, float *first, float *second) {
  const float beta1 = s->beta1, beta2 = s->beta2, epsilon = s->epsilon, decay = s->decay;
  LOOP for (int64_t i = 0; i < count; i++) {
    float g = gradient[i] + decay * w[i];
    float m = first[i] + (1 - beta1) * (g - first[i]);
    float v = beta2 * second[i] + (1 - beta2) * g * g;
    first[i] = m;
    second[i] = v;
    w[i] -= rate * m / (__builtin_elementwise_sqrt(v) * root_correction + epsilon);
  }
}

static void NAME(sgd)(
    const trompe_sgd *s, int64_t count, float *w, const float *gradient, float *velocity) {
  const float rate = s->rate, momentum = s->momentum, decay = s->decay;
  const float look_ahead = s->nesterov ? momentum : 0, own = s->nesterov ? 1 : 0;
  LOOP for (int64_t i = 0; i < count; i++) {
    float g = gradient[i] + decay * w[i];
    float v = momentum * velocity[i] + g;
    velocity[i] = v;
    w[i] -= rate * (own != 0 ? g + look_ahead * v : v);
  }
}

#include "isa/vector.h"
#include "isa/rows.h"
#ifdef HAS_TILES
#include "isa/pooling.h"
#include "isa/winograd.h"
#include "isa/packed.h"
#include "isa/winograd_packed.h"
#endif

static const trompe_kernels NAME(table) = {
    .level = LEVEL,
#ifdef HAS_WIDE_VECTORS
    .has_wide_vectors = 1,
#endif
    .unary = {NAME(copy), NAME(negate), NAME(absolute), NAME(exponential), NAME(logarithm),
              NAME(square_root), NAME(reciprocal), NAME(square), NAME(relu), NAME(is_positive),
              NAME(sign), NAME(softplus), NAME(sigmoid)},
    .binary = {NAME(add), NAME(subtract), NAME(multiply), NAME(divide), NAME(maximum),
               NAME(minimum), NAME(is_greater), NAME(is_greater_or_equal), NAME(is_equal)},
    .select = NAME(select),
    .splat = NAME(splat),
    .to_bf16 = NAME(to_bf16),
    .from_bf16 = NAME(from_bf16),
    .sum = NAME(sum),
    .add_rows = NAME(add_rows),
    .add_columns = NAME(add_columns),
    .repeat_row = NAME(repeat_row),
    .largest = NAME(largest),
    .smallest = NAME(smallest),
#ifdef HAS_TILES
    .pool_max_row = NAME(pool_max_row_of_blocks),
    .pool_scatter_image = NAME(pool_scatter_image_of_blocks),
#else
    .pool_max_row = NAME(pool_max_row),
    .pool_scatter_image = NAME(pool_scatter_image),
#endif
    .pool_select_row = NAME(pool_select_row),
    .pool_average_row = NAME(pool_average_row),
    .pool_average_gradient_image = NAME(pool_average_gradient_image),
    .adam = NAME(adam),
    .sgd = NAME(sgd),
    .rows_dot = NAME(rows_dot),
    .rows_combine = NAME(rows_combine),
    .rows_outer = NAME(rows_outer),
#ifdef HAS_TILES
    .winograd_read_image = NAME(winograd_read_image),
    .winograd_read_cotangent = NAME(winograd_read_cotangent),
    .winograd_write_image = NAME(winograd_write_image),
    .winograd_accumulate = NAME(winograd_accumulate),
    .winograd_write_filter = NAME(winograd_write_filter),
    .winograd_sum_filter = NAME(winograd_sum_filter),
    .winograd_packed_read_image = NAME(winograd_packed_read_image),
    .winograd_packed_scale_filter = NAME(winograd_packed_scale_filter),
    .winograd_packed_read_filter = NAME(winograd_packed_read_filter),
    .winograd_packed_read_columns = NAME(winograd_packed_read_columns),
    .winograd_packed_multiply = NAME(winograd_packed_multiply),
    .packed_read_rows = NAME(packed_read_rows),
    .packed_read_columns = NAME(packed_read_columns),
    .packed_read_filter = NAME(packed_read_filter),
    .has_inner_product = BY_PAIRS,
    .nr_blocks_max = COLUMN_BLOCKS,
    .kc_blocks = STEPS_BLOCKS,
    .packed_sum_pixels = NAME(packed_sum_pixels),
    .packed_write_pixels = NAME(packed_write_pixels),
    .packed_write_filter = NAME(packed_write_filter),
#else
    .nr_blocks_max = 1,
#endif
};

#undef COLUMN_BLOCKS
#undef STEPS_BLOCKS
#undef BY_PAIRS
#undef INLINE
#undef UNROLL
#undef V16
#undef MASK
#undef AT
#undef FROM
#undef OVERLOADED
#undef LANE_COUNT
#undef VL
#undef LANES_MASK
#undef LANES_AT
#undef LANES_FROM
#undef UNARY
#undef BINARY
#undef LOOP
#undef NAME
#undef JOIN
#undef JOIN_
