// Packs images and filters as A and B panels, with their scales and correction terms. Included by
// ukernels/ukernels.h.
#if !defined(NAME) || !defined(INLINE) || !defined(V16) || !defined(INNER_PRODUCT) || \
    !defined(PAIR_SIGN)
#error "a template of ukernels/ukernels.h: include that"
#endif

// 16 pixels as an A panel, one tap after the other: each channel is a step.
static void NAME(f32_pack_a)(
    const trompe_pixel *pixels, int64_t taps, int64_t blocks, float *to, float *corrections,
    float *inverse_scales) {
  if (!INNER_PRODUCT) {
    for (int64_t t = 0; t < taps; t++)
      for (int64_t b = 0; b < blocks; b++, to += 256)
        UNROLL_FOR(int i = 0; i < 16; i++) {
          const trompe_pixel pixel = pixels[t * 16 + i];
          AT(to + i * 16) = FROM(pixel.values + b * pixel.block);
        }
    NAME(no_corrections)(corrections, inverse_scales);
    return;
  }
  V16 sums[16];
  UNROLL_FOR(int i = 0; i < 16; i++) sums[i] = (V16){0};
  for (int64_t t = 0; t < taps; t++)
    for (int64_t b = 0; b < blocks; b++)
      UNROLL_FOR(int i = 0; i < 16; i++) {
        const trompe_pixel pixel = pixels[t * 16 + i];
        sums[i] += __builtin_elementwise_abs(FROM(pixel.values + b * pixel.block));
      }
  float scales[16];
  AT(scales) = NAME(power_of_two_scale)(
      NAME(lane_sums)(sums) * (1.0f / (float)(taps * blocks * 16)), inverse_scales);
  UNROLL_FOR(int i = 0; i < 16; i++) sums[i] = (V16){0};
  V16 signs = {0};
  UNROLL_FOR(int lane = 0; lane < 16; lane++) signs[lane] = PAIR_SIGN(lane, 0);
  for (int64_t t = 0; t < taps; t++)
    for (int64_t b = 0; b < blocks; b++, signs = -signs, to += 256)
      UNROLL_FOR(int i = 0; i < 16; i++) {
        const trompe_pixel pixel = pixels[t * 16 + i];
        const V16 x = scales[i] * FROM(pixel.values + b * pixel.block);
        sums[i] += signs * x * NAME(swap_pairs)(x);
        AT(to + i * 16) = x;
      }
  AT(corrections) = NAME(lane_sums)(sums);
}
// Scales a B panel of `steps` steps, a multiple of 16, by the sums of its absolute values.
INLINE void NAME(scale_b_panel)(
    V16 sum, int64_t count, int64_t steps, float *packed, float *corrections,
    float *inverse_scales) {
  if (!INNER_PRODUCT) {
    NAME(no_corrections)(corrections, inverse_scales);
    return;
  }
  const V16 scales = NAME(power_of_two_scale)(sum * (1.0f / (float)count), inverse_scales);
  V16 pair_sums[5];
  UNROLL_FOR(int j = 0; j < 5; j++) pair_sums[j] = (V16){0};
  float turn = 1;
  for (int64_t i = 0; i < steps; i += 16, turn = -turn) {
    V16 *x = (V16 *)(packed + i * 16);
    UNROLL_FOR(int j = 0; j < 10; j += 2) {
      const V16 even = x[j] * scales, odd = x[j + 1] * scales;
      pair_sums[j / 2] += turn * even * odd;
      x[j] = even;
      x[j + 1] = odd;
    }
    UNROLL_FOR(int j = 10; j < 16; j++) x[j] *= scales;
  }
  AT(corrections) = NAME(sum_of_pairs)(pair_sums);
}
// 16 channels of `count` of 16 pixels with given scales, the others as 0.
INLINE void NAME(read_sixteen)(
    const float *image, const int64_t *offsets, const int64_t count, V16 scales, float turn,
    float *to, V16 *sums, V16 *pair_sums) {
  UNROLL_FOR(int j = 0; j < 16; j += 2) {
    const V16 even = j < count ? FROM(image + offsets[j]) : (V16){0};
    const V16 odd = j + 1 < count ? FROM(image + offsets[j + 1]) : (V16){0};
    sums[0] += __builtin_elementwise_abs(even);
    sums[1] += __builtin_elementwise_abs(odd);
    const V16 x = even * scales, y = odd * scales;
    if (j < 10) pair_sums[j / 2] += turn * x * y;
    AT(to + j * 16) = x;
    AT(to + (j + 1) * 16) = y;
  }
}
// 16 channels of `count` pixels with given scales; returns the sums of their absolute values.
INLINE V16 NAME(read_scaled_columns)(
    const float *image, const int64_t *offsets, int64_t count, V16 scales, float *to,
    float *corrections) {
  V16 sums[2] = {{0}, {0}}, pair_sums[5];
  UNROLL_FOR(int j = 0; j < 5; j++) pair_sums[j] = (V16){0};
  float turn = 1;
  int64_t i = 0;
  for (; i + 16 <= count; i += 16, turn = -turn)
    NAME(read_sixteen)(image, offsets + i, 16, scales, turn, to + i * 16, sums, pair_sums);
  if (i < count)
    NAME(read_sixteen)(image, offsets + i, count - i, scales, turn, to + i * 16, sums, pair_sums);
  AT(corrections) = NAME(sum_of_pairs)(pair_sums);
  return sums[0] + sums[1];
}
// 16 channels of `count` pixels as a panel of which each pixel is a step; 0 up to a multiple of 16.
// With `has_guess`, `inverse_scales` are those of other pixels. These are tried: a second pass is
// needed only where the means are over eight times as large, or far smaller.
static void NAME(f32_pack_pixels)(
    const float *image, const int64_t *offsets, int64_t count, int has_guess, float *to,
    float *corrections, float *inverse_scales) {
  if (!INNER_PRODUCT) {
    for (int64_t i = 0; i < count; i++) AT(to + i * 16) = FROM(image + offsets[i]);
    for (int64_t i = count; i % 16; i++) AT(to + i * 16) = (V16){0};
    NAME(no_corrections)(corrections, inverse_scales);
    return;
  }
  const float share = 1.0f / (float)count;
  V16 sum = {0};
  if (has_guess) {
    const MASK guess = (MASK)FROM(inverse_scales) >> 23;
    const V16 scales = NAME(scales_of)(FROM(inverse_scales));
    sum = NAME(read_scaled_columns)(image, offsets, count, scales, to, corrections);
    const MASK found = (MASK)(sum * share) >> 23 & 0xff;
    const MASK is_off = (found > guess + 3) | ((found < guess - 8) & (found > 0));
    if (!__builtin_reduce_or(is_off)) return;
  } else {
    for (int64_t i = 0; i < count; i++) sum += __builtin_elementwise_abs(FROM(image + offsets[i]));
  }
  const V16 scales = NAME(power_of_two_scale)(sum * share, inverse_scales);
  NAME(read_scaled_columns)(image, offsets, count, scales, to, corrections);
}
// Filters as B panels, at most PACK_BLOCKS at once.
static void NAME(f32_pack_b)(
    const trompe_b_source *source, float *to, float *corrections, float *inverse_scales) {
  const float *filter = source->filter, *scale = source->scale;
  const int64_t *taps = source->taps;
  const int64_t tap_count = source->tap_count, steps = source->steps, count = source->count;
  const int64_t step = source->step, column = source->column;
  const int64_t all = tap_count * steps;
  V16 sums[PACK_BLOCKS];
  for (int64_t b = 0; b < count; b++) sums[b] = (V16){0};
  for (int64_t t = 0; t < tap_count; t++)
    for (int64_t i = 0; i < steps; i += 16)
      for (int64_t b = 0; b < count; b++) {
        const float *from = filter + taps[t] + i * step + b * 16 * column;
        V16 values[16], *next = (V16 *)(to + (b * all + t * steps + i) * 16);
        const int is_bwd_data = column == 1;
        const float *scales = !scale ? NULL : scale + (is_bwd_data ? i : b * 16);
        UNROLL_FOR(int v = 0; v < 16; v++)
          __builtin_prefetch(from + 16 * step + v * (is_bwd_data ? step : column));
        NAME(read_filters)(from, is_bwd_data ? step : column, is_bwd_data, scales, values);
        UNROLL_FOR(int v = 0; v < 16; v++) {
          if (INNER_PRODUCT) sums[b] += __builtin_elementwise_abs(values[v]);
          next[v] = values[v];
        }
      }
  for (int64_t b = 0; b < count; b++) NAME(scale_b_panel)
  (sums[b], all, all, to + b * 16 * all, corrections + b * 16, inverse_scales + b * 16);
}
