// Pooling of NHWC images of any number of channels. Included by ukernels/ukernels.h.
#if !defined(NAME) || !defined(LOOP_FOR)
#error "a template of ukernels/ukernels.h: include that"
#endif

static void NAME(f32_max_pool_row)(
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
            LOOP_FOR(int64_t c = 0; c < count; c++) {
              best[c] = from[c];
              tap[c] = id;
            }
            first = 0;
          } else {
            LOOP_FOR(int64_t c = 0; c < count; c++) {
              int wins = from[c] > best[c] || from[c] != from[c];
              best[c] = wins ? from[c] : best[c];
              tap[c] = wins ? id : tap[c];
            }
          }
        }
      }
      int64_t at = ((n * s->p + p) * s->q + q) * s->c + c0;
      if (y) {
        LOOP_FOR(int64_t c = 0; c < count; c++) { y[at + c] = best[c]; }
      }
      if (index) {
        LOOP_FOR(int64_t c = 0; c < count; c++) { index[at + c] = (uint8_t)tap[c]; }
      }
    }
}

static void NAME(f32_max_pool_select_row)(
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
        LOOP_FOR(int64_t c = 0; c < count; c++) {
          float value = from[c], old = to[c];
          to[c] = tap[c] == id ? value : old;
        }
      }
    }
  }
}

static void NAME(f32_max_pool_scatter_image)(
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
          LOOP_FOR(int64_t c = 0; c < s->c; c++) { to[c] += tap[c] == id ? from[c] : 0.0f; }
        }
      }
    }
}

// Taps inside the image, or all of them.
static inline float NAME(pool_share)(
    const trompe_pool *s, int counts_padding, int64_t p, int64_t q) {
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

static void NAME(f32_average_pool_row)(
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
        LOOP_FOR(int64_t c = 0; c < s->c; c++) { to[c] += from[c]; }
      }
    }
    float share = NAME(pool_share)(s, counts_padding, p, q);
    LOOP_FOR(int64_t c = 0; c < s->c; c++) { to[c] *= share; }
  }
}

static void NAME(f32_average_pool_gradient_image)(
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
          LOOP_FOR(int64_t c = 0; c < s->c; c++) { to[c] += share * from[c]; }
        }
      }
    }
}
