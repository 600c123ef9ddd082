// Scales and correction terms of panels for Winograd's inner product (arch/x86/f32_wip_8x32.h). By
// multiply-adds, scales are 1 and correction terms 0. Included by ukernels/ukernels.h.
#if !defined(NAME) || !defined(INLINE) || !defined(V16) || !defined(MASK) || !defined(INNER_PRODUCT)
#error "a template of ukernels/ukernels.h: include that"
#endif

// The sign of each of 16 steps in the correction terms; 0 for single steps and the second of a
// pair.
#define PAIR_SIGN(step, turn) \
  ((step) >= 10 || (step) % 2 ? 0 : (((step) / 2 + (turn)) % 2 ? -1.0f : 1.0f))
// The powers of two that bring means of absolute values to between 1 and 2, and their reciprocals:
// 0 for what is below the normal range. What is not a number stays.
INLINE V16 NAME(power_of_two_scale)(V16 mean, float *inverse_scales) {
  const MASK found = (MASK)mean >> 23 & 0xff, large = found > 253;
  const MASK exponent = (found & ~large) | (253 & large);
  AT(inverse_scales) = (V16)(exponent << 23);
  return (V16)((254 - exponent) << 23);
}

// The scales whose inverses these are.
INLINE V16 NAME(scales_of)(V16 inverse_scales) {
  return (V16)((254 - ((MASK)inverse_scales >> 23 & 0xff)) << 23);
}

// Multiply-adds need neither.
INLINE void NAME(no_corrections)(float *corrections, float *inverse_scales) {
  AT(corrections) = (V16){0};
  AT(inverse_scales) = (V16){0} + 1.0f;
}

INLINE V16 NAME(swap_pairs)(V16 x) {
  return HALVES(x, x, 1, 0, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10, 13, 12, 15, 14);
}

// The sum of five pairs' products, whose signs take turns.
INLINE V16 NAME(sum_of_pairs)(const V16 *pair_sums) {
  return (pair_sums[0] + pair_sums[2] + pair_sums[4]) - (pair_sums[1] + pair_sums[3]);
}
