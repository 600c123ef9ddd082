// Exponential, logarithm, hyperbolic tangent and error function of one number, as expressions that
// vectorize. Included by
// ukernels/ukernels.h.
#if !defined(NAME)
#error "a template of ukernels/ukernels.h: include that"
#endif

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
  union {
    int32_t i;
    float f;
  } a = {(half + 127) << 23}, b = {(rest + 127) << 23};
  float y = p * a.f * b.f;
  y = x > 88.72283f ? __builtin_inff() : y;
  return x != x ? x : y;
}

// ln x (Cephes); -inf at 0, NaN below.
static inline float NAME(log1)(float x) {
  // What lies below the normal range is moved into it: 2²³ is as far as it reaches.
  int below = x < 1.17549435e-38f;
  union {
    float f;
    int32_t i;
  } u = {below ? x * 8388608.0f : x};
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

// tanh x: a polynomial near 0 (Cephes), 1 - 2 / (e²ˣ + 1) elsewhere. Relative error below 2e-7.
static inline float NAME(tanh1)(float x) {
  float t = __builtin_fabsf(x), s = x * x;
  float p = -5.70498872745e-3f;
  p = p * s + 2.06390887954e-2f;
  p = p * s - 5.37397155531e-2f;
  p = p * s + 1.33314422036e-1f;
  p = p * s - 3.33332819422e-1f;
  float near = p * s * x + x;
  float far = 1.0f - 2.0f / (NAME(exp1)(2.0f * t) + 1.0f);
  far = x < 0 ? -far : far;
  return t < 0.625f ? near : far;
}

// erf x: a polynomial near 0, 1 - eʳ with a polynomial r elsewhere. Relative error below 2e-7.
static inline float NAME(erf1)(float x) {
  float t = __builtin_fabsf(x), s = x * x;
  float r = -1.72853470e-5f * t + 3.83197126e-4f;
  r = r * s + (-3.88396438e-3f * t + 2.42546219e-2f);
  r = r * t - 1.06777877e-1f;
  r = r * t - 6.34846687e-1f;
  r = r * t - 1.28717512e-1f;
  r = r * t - t;
  r = t > 4.0f ? -20.0f : r;  // 1 from here on; the polynomial would turn
  float far = 1.0f - NAME(exp1)(r);
  far = x < 0 ? -far : far;
  float p = -5.96761703e-4f;
  p = p * s + 4.99119423e-3f;
  p = p * s - 2.67681349e-2f;
  p = p * s + 1.12819925e-1f;
  p = p * s - 3.76125336e-1f;
  p = p * s + 1.28379166e-1f;
  float near = p * x + x;
  return t > 0.927734375f ? far : near;
}
