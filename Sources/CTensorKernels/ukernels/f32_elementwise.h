// Loops over registers of the pointwise evaluator: unary, binary and ternary functions,
// conversions, and reductions. Plain loops that the compiler vectorizes. Included by
// ukernels/ukernels.h.
#if !defined(NAME) || !defined(LOOP_FOR)
#error "a template of ukernels/ukernels.h: include that"
#endif

#define UNARY(name, expression)                                     \
  static void NAME(name)(float *d, const float *a, int64_t count) { \
    LOOP_FOR(int64_t i = 0; i < count; i++) {                       \
      float x = a[i];                                               \
      d[i] = expression;                                            \
    }                                                               \
  }
UNARY(copy, x)
UNARY(negate, -x)
UNARY(absolute, __builtin_fabsf(x))
UNARY(exponential, NAME(exp1)(x))
UNARY(logarithm, NAME(log1)(x))
UNARY(square_root, __builtin_elementwise_sqrt(x))
UNARY(reciprocal, 1.0f / x)
UNARY(square, x *x)
UNARY(relu, x < 0 ? 0.0f : x)
UNARY(is_positive, x > 0 ? 1.0f : 0.0f)
UNARY(sign, (x > 0 ? 1.0f : 0.0f) - (x < 0 ? 1.0f : 0.0f))
UNARY(softplus, (x > 0 ? x : 0.0f) + NAME(log1p1)(NAME(exp1)(-__builtin_fabsf(x))))
UNARY(sigmoid, 1.0f / (1.0f + NAME(exp1)(-x)))
UNARY(hyperbolic_tangent, NAME(tanh1)(x))
UNARY(error_function, NAME(erf1)(x))

#define BINARY(name, expression)                                                    \
  static void NAME(name)(float *d, const float *a, const float *b, int64_t count) { \
    LOOP_FOR(int64_t i = 0; i < count; i++) {                                       \
      float x = a[i], y = b[i];                                                     \
      d[i] = expression;                                                            \
    }                                                                               \
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

static void NAME(select)(float *d, const float *a, const float *b, const float *c, int64_t count) {
  LOOP_FOR(int64_t i = 0; i < count; i++) { d[i] = a[i] != 0 ? b[i] : c[i]; }
}

static void NAME(splat)(float *d, float value, int64_t count) {
  LOOP_FOR(int64_t i = 0; i < count; i++) { d[i] = value; }
}

// bfloat16 is the upper half of a float. Rounded to nearest, ties to even; what is not a number
// stays.
static void NAME(to_bf16)(uint16_t *restrict d, const float *restrict a, int64_t count) {
  LOOP_FOR(int64_t i = 0; i < count; i++) {
    union {
      float f;
      uint32_t u;
    } x = {a[i]};
    uint32_t nearest = (x.u + 0x7fffu + (x.u >> 16 & 1u)) >> 16, quiet = x.u >> 16 | 0x40u;
    d[i] = (uint16_t)((x.u & 0x7fffffffu) > 0x7f800000u ? quiet : nearest);
  }
}

static void NAME(from_bf16)(float *restrict d, const uint16_t *restrict a, int64_t count) {
  LOOP_FOR(int64_t i = 0; i < count; i++) {
    union {
      uint32_t u;
      float f;
    } x = {(uint32_t)a[i] << 16};
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
static void NAME(add_rows)(
    float *restrict to, const float *restrict x, int64_t rows, int64_t columns) {
  if (columns == 16) {  // a block of channels: the sums stay in registers
    float lane[16];
    for (int j = 0; j < 16; j++) lane[j] = to[j];
    for (int64_t i = 0; i < rows; i++)
      for (int j = 0; j < 16; j++) lane[j] += x[16 * i + j];
    for (int j = 0; j < 16; j++) to[j] = lane[j];
    return;
  }
  for (int64_t i = 0; i < rows; i++)
    LOOP_FOR(int64_t j = 0; j < columns; j++) { to[j] += x[i * columns + j]; }
}

// to[i * stride] += the sum of row i.
static void NAME(add_columns)(
    float *to, int64_t stride, const float *x, int64_t rows, int64_t columns) {
  for (int64_t i = 0; i < rows; i++) to[i * stride] += NAME(sum)(x + i * columns, columns);
}

// The same row again and again.
static void NAME(repeat_row)(
    float *restrict d, const float *restrict row, int64_t rows, int64_t columns) {
  if (columns == 16) {
    float lane[16];
    for (int j = 0; j < 16; j++) lane[j] = row[j];
    for (int64_t i = 0; i < rows; i++)
      for (int j = 0; j < 16; j++) d[16 * i + j] = lane[j];
    return;
  }
  for (int64_t i = 0; i < rows; i++)
    LOOP_FOR(int64_t j = 0; j < columns; j++) { d[i * columns + j] = row[j]; }
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
