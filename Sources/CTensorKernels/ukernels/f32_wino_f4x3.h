// Winograd F(4x4, 3x3): transforms of input, output, filter gradient and cotangent, for images of
// whole blocks of 16 channels. Included by ukernels/ukernels.h.
//
// Along one axis, four outputs of three taps are products of polynomials, evaluated at 0, a, -a, b,
// -b and infinity and interpolated: 6 multiplications instead of 12, and 36 instead of 144 for a
// tile. a = 5/8 and b = 3/2 lose fewer bits than 1 and 2, and their squares are exact.
//
// Here are its transformations, and the filter gradient of few channels: V [36][tiles][c] are
// transformed images, U [36][k / 16][c][16] sums of their products with transformed cotangents, all
// of whole lines of the cache. All else multiplies packed tiles (ukernels/f32_wino_f4x3_gemm.h).
#if !defined(NAME) || !defined(INLINE) || !defined(V16) || !defined(VL)
#error "a template of ukernels/ukernels.h: include that"
#endif

#define POINT_A 0.625f
#define POINT_B 1.5f
#define A2 (POINT_A * POINT_A)
#define B2 (POINT_B * POINT_B)

// What is stored of the values at ±b, powers of two, so that what is multiplied is of one size
// there too: of images, of cotangents, and of filters what makes up for that of images.
#define IMAGE_SHARE 0.5f
#define COTANGENT_SHARE 0.25f
#define FILTER_SHARE (1 / IMAGE_SHARE)

// 1 / Π (p - q) over the other finite points q, for 0, ±a and ±b.
#define SCALE_0 (1 / (A2 * B2))
#define SCALE_A (1 / (2 * A2 * (A2 - B2)))
#define SCALE_B (1 / (2 * B2 * (B2 - A2)))
#define SUM_SCALE_B (SCALE_B / (IMAGE_SHARE * COTANGENT_SHARE))

#define V V16
#include "ukernels/f32_wino_f4x3_axes.h"
#undef V
#ifndef HAS_WIDE_VECTORS
#define V VL
#include "ukernels/f32_wino_f4x3_axes.h"
#undef V
#endif

// The first pixel of a window of `size` pixels, and what of it lies inside the image.
typedef struct {
  int64_t image, top, left, row_begin, row_end, column_begin, column_end;
} NAME(Window);
#define WINDOW NAME(Window)

INLINE WINDOW NAME(window)(const trompe_image *s, int64_t tile, int64_t size, int64_t margin) {
  WINDOW w;
  const int64_t per_row = (s->w + 3) / 4, per_image = (s->h + 3) / 4 * per_row;
  w.image = tile / per_image;
  w.top = tile % per_image / per_row * 4 - margin;
  w.left = tile % per_row * 4 - margin;
  w.row_begin = w.top < 0 ? -w.top : 0;
  w.row_end = s->h - w.top < size ? s->h - w.top : size;
  w.column_begin = w.left < 0 ? -w.left : 0;
  w.column_end = s->w - w.left < size ? s->w - w.left : size;
  return w;
}

// 16 channels of a window's pixels, `row` and `column` floats apart.
typedef struct {
  const float *from;
  int64_t row, column;
} NAME(Pixels);
#define PIXELS NAME(Pixels)

// Where they stand in the image, or a copy that is 0 outside the image.
INLINE PIXELS
NAME(pixels)(const trompe_image *s, WINDOW w, const float *image, int64_t size, V16 *copy) {
  const float *from = image + (w.top * s->w + w.left) * s->pixel;
  if (w.row_end - w.row_begin == size && w.column_end - w.column_begin == size)
    return (PIXELS){from, s->w * s->pixel, s->pixel};
  for (int64_t i = 0; i < size * size; i++) copy[i] = (V16){0};
  for (int64_t i = w.row_begin; i < w.row_end; i++)
    for (int64_t j = w.column_begin; j < w.column_end; j++)
      copy[i * size + j] = FROM(from + (i * s->w + j) * s->pixel);
  return (PIXELS){(const float *)copy, size * 16, 16};
}

// The elements of windows of SIZE pixels that begin MARGIN before their tile, one axis after the
// other. Where they go is `at`.
#define READER(name, SIZE, MARGIN, axis)                                                          \
  static void NAME(name)(                                                                         \
      const trompe_image *s, const float *image, const trompe_tiles *tiles, float *v,             \
      const trompe_wino_layout *at) {                                                             \
    const int64_t first = tiles->first, count = tiles->count;                                     \
    const int64_t begin = tiles->first_channel, channels = tiles->channels;                       \
    const float *tile_scales = tiles->tile_scales, *channel_scales = tiles->channel_scales;       \
    for (int64_t t = 0; t < count; t++) {                                                         \
      const WINDOW w = NAME(window)(s, first + t, SIZE, MARGIN);                                  \
      const float *from = image + w.image * s->h * s->w * s->c + begin / 16 * s->block;           \
      float *to = v + t * at->tile;                                                               \
      for (int64_t c = begin; c < begin + channels; c += 16, from += s->block, to += at->block) { \
        const int is_scaled = tile_scales || channel_scales;                                      \
        V16 copy[SIZE * SIZE];                                                                    \
        const PIXELS p = NAME(pixels)(s, w, from, SIZE, copy);                                    \
        for (int l = 0; l < 16; l += LANE_COUNT) {                                                \
          const VL scale = tile_scales      ? tile_scales[t] + (VL){0}                            \
                           : channel_scales ? LANES_FROM(channel_scales + c - begin + l)          \
                                            : (VL){0};                                            \
          VL half[6 * SIZE], values[6];                                                           \
          UNROLL_FOR(int j = 0; j < SIZE; j++) {                                                  \
            UNROLL_FOR(int i = 0; i < SIZE; i++)                                                  \
              values[i] = LANES_FROM(p.from + i * p.row + j * p.column + l);                      \
            if (is_scaled)                                                                        \
              UNROLL_FOR(int i = 0; i < SIZE; i++) values[i] *= scale;                            \
            NAME(axis)(values, 1, half + j, SIZE);                                                \
          }                                                                                       \
          UNROLL_FOR(int i = 0; i < 6; i++) {                                                     \
            NAME(axis)(half + SIZE * i, 1, values, 1);                                            \
            UNROLL_FOR(int j = 0; j < 6; j++)                                                     \
              LANES_AT(to + (6 * i + j) * at->plane + l) = values[j];                             \
          }                                                                                       \
        }                                                                                         \
      }                                                                                           \
    }                                                                                             \
  }
READER(f32_wino_f4x3_input, 6, 1, image_axis)
READER(f32_wino_f4x3_cotangent, 4, 0, cotangent_axis)

// Some channels, from `c` on, of the pixels of a tile.
INLINE void NAME(write_tile)(
    const trompe_image *s, WINDOW w, const trompe_epilogue *after, float *image, float *to,
    int64_t c, const float *from, int64_t plane, const float *tile_scale,
    const float *channel_scales) {
  VL values[6], half[24], pixels[16];
  UNROLL_FOR(int j = 0; j < 6; j++) {
    UNROLL_FOR(int i = 0; i < 6; i++) values[i] = LANES_FROM(from + (6 * i + j) * plane);
    NAME(result_axis)(values, 1, half + j, 6);
  }
  UNROLL_FOR(int i = 0; i < 4; i++) NAME(result_axis)(half + 6 * i, 1, pixels + 4 * i, 1);
  if (tile_scale) {
    const VL scale = *tile_scale * LANES_FROM(channel_scales + c);
    UNROLL_FOR(int i = 0; i < 16; i++) pixels[i] *= scale;
  }
  const VL bias = after->bias ? LANES_FROM(after->bias + c) : (VL){0};
  VL sum = {0};
  for (int64_t i = 0; i < w.row_end; i++)
    for (int64_t j = 0; j < w.column_end; j++) {
      float *pixel = to + (i * s->w + j) * s->pixel;
      VL value = pixels[4 * i + j] + bias;
      if (after->residual) value += LANES_FROM(after->residual + (pixel - image));
      if (after->has_relu) {  // NaN stays
        value = (VL)((LANES_MASK)value & ~(value < 0));
        if (after->relu_limit > 0) {
          const VL limit = (VL){0} + after->relu_limit;
          const LANES_MASK above = value > limit;
          value = (VL)(((LANES_MASK)value & ~above) | ((LANES_MASK)limit & above));
        }
      }
      if (after->mask) {
        const VL mask = LANES_FROM(after->mask + (pixel - image));
        value *= (VL)((mask > 0) & (LANES_MASK)((VL){0} + 1.0f));
      }
#ifdef HAS_WIDE_VECTORS
      if (after->is_nontemporal) NAME(store)(pixel, value, 1);
      else
#endif
        LANES_AT(pixel) = value;
      sum += value;
    }
  if (after->sums) LANES_AT(after->sums + c) += sum;
}

// The pixels of tiles whose elements are at `at`, with both the tile's and the channel's factor, if
// those are not NULL.
static void NAME(f32_wino_f4x3_output)(
    const trompe_image *s, const trompe_epilogue *after, float *image, const trompe_tiles *tiles,
    const float *m, const trompe_wino_layout *at) {
  const int64_t first = tiles->first, count = tiles->count;
  const int64_t begin = tiles->first_channel, channels = tiles->channels;
  const float *tile_scales = tiles->tile_scales, *channel_scales = tiles->channel_scales;
  for (int64_t t = 0; t < count; t++) {
    const WINDOW w = NAME(window)(s, first + t, 4, 0);
    float *to = image + w.image * s->h * s->w * s->c + (w.top * s->w + w.left) * s->pixel +
                begin / 16 * s->block;
    const float *from = m + t * at->tile;
    for (int64_t i = 0; i < channels; i += 16, from += at->block, to += s->block)
      for (int l = 0; l < 16; l += LANE_COUNT) NAME(write_tile)
    (s, w, after, image, to + l, begin + i + l, from + l, at->plane,
     tile_scales ? tile_scales + t : NULL, channel_scales);
  }
}

// U += Vᵀ W for 16 channels of the image and 1 or 2 blocks of the cotangent: the sum runs over
// tiles. `block` floats are between the sums of one block and those of the next.
INLINE void NAME(outer)(
    const float *v, const float *w, float *u, int64_t block, int64_t blocks, int64_t tiles,
    int64_t c, int64_t k) {
  const STEPS s = {1, c, k, 16, 16, block};
  if (blocks == 2) {
    NAME(product)(8, 2, s, v, w, u, tiles, 1, 0);
    NAME(product)(8, 2, s, v + 8, w, u + 8 * 16, tiles, 1, 0);
  } else {
    NAME(product)(16, 1, s, v, w, u, tiles, 1, 0);
  }
}

static void NAME(f32_wino_f4x3_bwd_weights_accumulate)(
    const float *v, const float *w, float *u, int64_t tiles, int64_t c, int64_t k) {
  for (int64_t b = 0; b < k; b += 32)
    for (int64_t i = 0; i < c; i += 16)
      NAME(outer)(v + i, w + b, u + b * c + i * 16, 16 * c, b + 32 <= k ? 2 : 1, tiles, c, k);
}

// The derivative of filters OHWI [16, 3, 3, c] of one block of results from that of their values.
static void NAME(f32_wino_f4x3_filter_gradient)(
    const float *u, int64_t plane, int64_t c, int64_t count, float *filter) {
  for (int64_t first = 0; first < count; first += 16) {
    V16 taps[9][16];  // of 16 channels
    for (int64_t i = 0; i < 16; i++) {
      V16 values[6], half[18];
      UNROLL_FOR(int j = 0; j < 6; j++) {
        UNROLL_FOR(int r = 0; r < 6; r++)
          values[r] = FROM(u + (first + i) * 16 + (6 * r + j) * plane);
        NAME(tap_axis)(values, 1, half + j, 6);
      }
      UNROLL_FOR(int r = 0; r < 3; r++) NAME(tap_axis)(half + 6 * r, 1, &taps[3 * r][i], 16);
    }
    for (int tap = 0; tap < 9; tap++) {
      NAME(transpose)(taps[tap]);
      UNROLL_FOR(int lane = 0; lane < 16; lane++) {
        float *to = filter + (lane * 9 + tap) * c + first;
        AT(to) = taps[tap][lane];
        __builtin_prefetch(to + 16, 1);  // what is written next
      }
    }
  }
}

// The derivative of `blocks` (1 or 2) blocks of filters over all tiles at once: its values never
// leave the second-level cache.
static void NAME(f32_wino_f4x3_bwd_weights)(
    const float *v, int64_t v_plane, const float *w, int64_t w_plane, int64_t tiles, int64_t c,
    int64_t k, int64_t blocks, float *filter) {
  enum { BLOCK = 16 * 16 };
  V16 sums[36 * 2 * 16];
  float *u = (float *)sums;
  const int64_t plane = blocks * BLOCK;
  for (int64_t i = 0; i < c; i += 16) {
    for (int64_t j = 0; j < 36 * blocks * 16; j++) sums[j] = (V16){0};
    for (int64_t element = 0; element < 36; element++) NAME(outer)
    (v + element * v_plane + i, w + element * w_plane, u + element * plane, BLOCK, blocks, tiles, c,
     k);
    for (int64_t b = 0; b < blocks; b++)
      NAME(f32_wino_f4x3_filter_gradient)(u + b * BLOCK, plane, c, 16, filter + b * 16 * 9 * c + i);
  }
}

#undef POINT_A
#undef POINT_B
#undef A2
#undef B2
#undef IMAGE_SHARE
#undef COTANGENT_SHARE
#undef FILTER_SHARE
#undef SCALE_0
#undef SCALE_A
#undef SCALE_B
#undef SUM_SCALE_B
#undef READER
