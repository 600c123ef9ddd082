// Max pooling of whole blocks of 16 channels, which stay in registers. Included by
// ukernels/ukernels.h.
#if !defined(NAME) || !defined(INLINE) || !defined(V16) || !defined(MASK)
#error "a template of ukernels/ukernels.h: include that"
#endif

INLINE MASK NAME(chosen)(MASK is_first, MASK first, MASK second) {
  return (is_first & first) | (~is_first & second);
}

typedef uint8_t NAME(Taps) __attribute__((vector_size(16), aligned(1), may_alias));

static void NAME(f32_max_pool_row_16c)(
    const trompe_pool *s, const float *x, float *y, uint8_t *index, int64_t n, int64_t p) {
  if (s->c % 16) {
    NAME(f32_max_pool_row)(s, x, y, index, n, p);
    return;
  }
  // Taps that lie inside the image.
  const int64_t first_row = p * s->stride_y - s->top;
  int64_t top, bottom;
  inside(first_row, s->dilation_y, s->h, s->height, &top, &bottom);
  for (int64_t q = 0; q < s->q; q++) {
    const int64_t first_column = q * s->stride_x - s->left;
    int64_t left, right;
    inside(first_column, s->dilation_x, s->w, s->width, &left, &right);
    const float *corner = x + ((n * s->h + first_row + top * s->dilation_y) * s->w + first_column +
                               left * s->dilation_x) *
                                  s->c;
    for (int64_t c = 0; c < s->c; c += 16) {
      const float *row = corner + c;
      V16 best = FROM(row);
      MASK taps = {0};
      taps += (int32_t)(top * s->width + left);
      for (int64_t r = top; r < bottom; r++, row += s->dilation_y * s->w * s->c) {
        const float *from = row;
        for (int64_t t = left; t < right; t++, from += s->dilation_x * s->c) {
          const V16 value = FROM(from);
          const MASK wins = (value > best) | (value != value);
          best = (V16)NAME(chosen)(wins, (MASK)value, (MASK)best);
          taps = NAME(chosen)(wins, (MASK){0} + (int32_t)(r * s->width + t), taps);
        }
      }
      const int64_t at = ((n * s->p + p) * s->q + q) * s->c + c;
      if (y) AT(y + at) = best;
      if (index) *(NAME(Taps) *)(index + at) = __builtin_convertvector(taps, NAME(Taps));
    }
  }
}

// Every pixel is written once, as the sum over the windows that it may have won.
static void NAME(f32_max_pool_scatter_image_16c)(
    const trompe_pool *s, const float *dy, const uint8_t *index, float *dx, int64_t n) {
  if (s->c % 16 || s->dilation_y > 1 || s->dilation_x > 1) {
    NAME(f32_max_pool_scatter_image)(s, dy, index, dx, n);
    return;
  }
  for (int64_t i = 0; i < s->h; i++) {
    // Window p begins at row p · stride - top, and ends `height` rows later.
    const int64_t row = i + s->top, column = s->left;
    const int64_t p_begin = row < s->height ? 0 : (row - s->height) / s->stride_y + 1;
    const int64_t p_end = row / s->stride_y < s->p ? row / s->stride_y + 1 : s->p;
    for (int64_t j = 0; j < s->w; j++) {
      const int64_t from = j + column;
      const int64_t q_begin = from < s->width ? 0 : (from - s->width) / s->stride_x + 1;
      const int64_t q_end = from / s->stride_x < s->q ? from / s->stride_x + 1 : s->q;
      for (int64_t c = 0; c < s->c; c += 16) {
        V16 sum = {0};
        for (int64_t p = p_begin; p < p_end; p++)
          for (int64_t q = q_begin; q < q_end; q++) {
            const int64_t at = ((n * s->p + p) * s->q + q) * s->c + c;
            const int64_t tap = (row - p * s->stride_y) * s->width + from - q * s->stride_x;
            const MASK taps = __builtin_convertvector(*(const NAME(Taps) *)(index + at), MASK);
            sum += (V16)((taps == (int32_t)tap) & (MASK)FROM(dy + at));
          }
        AT(dx + ((n * s->h + i) * s->w + j) * s->c + c) = sum;
      }
    }
  }
}
