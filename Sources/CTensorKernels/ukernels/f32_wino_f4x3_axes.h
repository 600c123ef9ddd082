// Winograd F(4, 3) along one axis, of vectors V. Included by ukernels/f32_wino_f4x3.h, once for
// each of their widths.
#if !defined(NAME) || !defined(V) || !defined(OVERLOADED) || !defined(IMAGE_SHARE)
#error "a template of ukernels/ukernels.h: include that"
#endif

// Input transform, six pixels: Bᵀd.
INLINE OVERLOADED void NAME(image_axis)(const V *d, int64_t step, V *to, int64_t to_step) {
  const V d0 = d[0], d1 = d[step], d2 = d[2 * step], d3 = d[3 * step], d4 = d[4 * step],
          d5 = d[5 * step];
  const V even_a = d4 - B2 * d2, odd_a = d3 - B2 * d1;
  const V even_b = IMAGE_SHARE * d4 - (IMAGE_SHARE * A2) * d2;
  const V odd_b = IMAGE_SHARE * d3 - (IMAGE_SHARE * A2) * d1;
  to[0] = d4 - (A2 + B2) * d2 + A2 * B2 * d0;
  to[to_step] = even_a + POINT_A * odd_a;
  to[2 * to_step] = even_a - POINT_A * odd_a;
  to[3 * to_step] = even_b + POINT_B * odd_b;
  to[4 * to_step] = even_b - POINT_B * odd_b;
  to[5 * to_step] = d5 - (A2 + B2) * d3 + A2 * B2 * d1;
}

// Output transform, six elements to four outputs: Aᵀm.
INLINE OVERLOADED void NAME(result_axis)(const V *m, int64_t step, V *to, int64_t to_step) {
  const V sum_a = m[step] + m[2 * step], sum_b = m[3 * step] + m[4 * step];
  const V odd_a = m[step] - m[2 * step], odd_b = m[3 * step] - m[4 * step];
  to[0] = m[0] + sum_a + sum_b;
  to[to_step] = POINT_A * odd_a + POINT_B * odd_b;
  to[2 * to_step] = A2 * sum_a + B2 * sum_b;
  to[3 * to_step] = (POINT_A * A2) * odd_a + (POINT_B * B2) * odd_b + m[5 * step];
}

// Values at 0, ±a, ±b and infinity from even and odd parts at a and b.
INLINE OVERLOADED void NAME(six_values)(
    V at_0, V even_a, V odd_a, V even_b, V odd_b, V at_infinity, V *to, int64_t to_step) {
  to[0] = at_0;
  to[to_step] = even_a + odd_a;
  to[2 * to_step] = even_a - odd_a;
  to[3 * to_step] = even_b + odd_b;
  to[4 * to_step] = even_b - odd_b;
  to[5 * to_step] = at_infinity;
}

// Its transpose: the cotangents of four outputs to those of six elements, A y.
INLINE OVERLOADED void NAME(cotangent_axis)(const V *y, int64_t step, V *to, int64_t to_step) {
  const V y0 = y[0], y1 = y[step], y2 = y[2 * step], y3 = y[3 * step];
  const V even_a = y0 + A2 * y2, odd_a = POINT_A * y1 + (POINT_A * A2) * y3;
  const V even_b = COTANGENT_SHARE * y0 + (COTANGENT_SHARE * B2) * y2;
  const V odd_b = (COTANGENT_SHARE * POINT_B) * y1 + (COTANGENT_SHARE * POINT_B * B2) * y3;
  NAME(six_values)(y0, even_a, odd_a, even_b, odd_b, y3, to, to_step);
}

// Filter transform, three taps to six elements: G g.
INLINE OVERLOADED void NAME(filter_axis)(const V *g, int64_t step, V *to, int64_t to_step) {
  const V g0 = g[0], g1 = g[step], g2 = g[2 * step];
  const V even_a = SCALE_A * g0 + (SCALE_A * A2) * g2, odd_a = (SCALE_A * POINT_A) * g1;
  const V even_b = (FILTER_SHARE * SCALE_B) * g0 + (FILTER_SHARE * SCALE_B * B2) * g2;
  const V odd_b = (FILTER_SHARE * SCALE_B * POINT_B) * g1;
  NAME(six_values)(SCALE_0 * g0, even_a, odd_a, even_b, odd_b, g2, to, to_step);
}

// Its transpose: the cotangents of six elements to those of three taps, Gᵀu.
INLINE OVERLOADED void NAME(tap_axis)(const V *u, int64_t step, V *to, int64_t to_step) {
  const V sum_a = SCALE_A * (u[step] + u[2 * step]), odd_a = SCALE_A * (u[step] - u[2 * step]);
  const V sum_b = SUM_SCALE_B * (u[3 * step] + u[4 * step]);
  const V odd_b = SUM_SCALE_B * (u[3 * step] - u[4 * step]);
  to[0] = SCALE_0 * u[0] + sum_a + sum_b;
  to[to_step] = POINT_A * odd_a + POINT_B * odd_b;
  to[2 * to_step] = A2 * sum_a + B2 * sum_b + u[5 * step];
}
