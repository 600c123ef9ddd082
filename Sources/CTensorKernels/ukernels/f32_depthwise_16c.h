// Depthwise convolutions of 16 channels, one register or two for each pixel. Included by
// ukernels/ukernels.h.
#if !defined(NAME) || !defined(INLINE) || !defined(V16) || !defined(FROM)
#error "a template of ukernels/ukernels.h: include that"
#endif

// Pixels whose sums stay in registers together.
#if defined(HAS_WIDE_VECTORS)
#define PIXELS_AT_ONCE 8
#else
#define PIXELS_AT_ONCE 4
#endif

INLINE V16 NAME(depthwise_finished)(V16 sum, const trompe_depthwise_ends *ends, int64_t offset) {
  if (ends->residual) sum += FROM(ends->residual + offset);
  if (ends->has_relu) sum = NAME(rectified)(sum, ends->relu_limit);
  if (ends->mask) sum *= NAME(ones_where_positive)(FROM(ends->mask + offset));
  return sum;
}

INLINE void NAME(depthwise_at_once)(
    const int pixels, const trompe_depthwise_taps *t, const float *from, const float *filter,
    const trompe_depthwise_ends *ends, float *to, int64_t offset) {
  V16 sum[PIXELS_AT_ONCE];
  const V16 start = ends->bias ? FROM(ends->bias) : (V16){0};
  UNROLL_FOR(int i = 0; i < pixels; i++) sum[i] = start;
  for (int64_t r = 0; r < t->rows; r++) {
    const float *row = from + r * t->from_row, *tap = filter + r * t->filter_row;
    for (int64_t s = 0; s < t->columns; s++) {
      const V16 factor = FROM(tap);
      UNROLL_FOR(int i = 0; i < pixels; i++) sum[i] += FROM(row + i * t->from_step) * factor;
      row += t->from_column;
      tap += t->filter_column;
    }
  }
  UNROLL_FOR(int i = 0; i < pixels; i++) {
    const int64_t place = offset + i * t->to_step;
    const V16 value = NAME(depthwise_finished)(sum[i], ends, place);
    AT(to + place) = value;
    if (ends->sums) AT(ends->sums) += value;
  }
}

// `count` pixels that have the same taps, the first of which stands at to + offset.
static void NAME(f32_depthwise)(
    const trompe_depthwise_taps *t, const float *from, const float *filter,
    const trompe_depthwise_ends *ends, float *to, int64_t offset, int64_t count) {
  int64_t i = 0;
  for (; i + PIXELS_AT_ONCE <= count; i += PIXELS_AT_ONCE) NAME(depthwise_at_once)
  (PIXELS_AT_ONCE, t, from + i * t->from_step, filter, ends, to, offset + i * t->to_step);
  for (; i < count; i++) NAME(depthwise_at_once)
  (1, t, from + i * t->from_step, filter, ends, to, offset + i * t->to_step);
}

INLINE void NAME(depthwise_bwd_weights_at_once)(
    const int columns, const trompe_depthwise_taps *t, const float *from, const float *cotangent,
    float *filter, int64_t count) {
  V16 sum[4];
  UNROLL_FOR(int s = 0; s < columns; s++) sum[s] = (V16){0};
  for (int64_t i = 0; i < count; i++) {
    const V16 factor = FROM(cotangent + i * t->to_step);
    const float *pixel = from + i * t->from_step;
    UNROLL_FOR(int s = 0; s < columns; s++) sum[s] += FROM(pixel + s * t->from_column) * factor;
  }
  UNROLL_FOR(int s = 0; s < columns; s++) AT(filter + s * t->filter_column) += sum[s];
}

// filter += the products of `count` pixels of the cotangent with those that their taps read.
static void NAME(f32_depthwise_bwd_weights)(
    const trompe_depthwise_taps *t, const float *from, const float *cotangent, float *filter,
    int64_t count) {
  for (int64_t r = 0; r < t->rows; r++) {
    const float *row = from + r * t->from_row;
    float *tap = filter + r * t->filter_row;
    int64_t s = 0;
    for (; s + 4 <= t->columns; s += 4) NAME(depthwise_bwd_weights_at_once)
    (4, t, row + s * t->from_column, cotangent, tap + s * t->filter_column, count);
    for (; s + 2 <= t->columns; s += 2) NAME(depthwise_bwd_weights_at_once)
    (2, t, row + s * t->from_column, cotangent, tap + s * t->filter_column, count);
    for (; s < t->columns; s++) NAME(depthwise_bwd_weights_at_once)
    (1, t, row + s * t->from_column, cotangent, tap + s * t->filter_column, count);
  }
}
#undef PIXELS_AT_ONCE
