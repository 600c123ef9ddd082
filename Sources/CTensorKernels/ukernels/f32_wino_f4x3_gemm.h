// Winograd F(4x4, 3x3) by GEMMs of packed panels, one for each of 36 elements. Included by
// ukernels/ukernels.h.
//
// Groups of 16 tiles are A panels: V [36][c / 16][16 tiles][16], each element followed by its
// correction terms. Filters are B panels: U [36][k / 16][c][16], each element and block of 16
// followed by its correction terms. All elements of a tile have one scale, and all of a filter.
#if !defined(NAME) || !defined(INLINE) || !defined(V16) || !defined(PAIR_SIGN) || !defined(MR_OF)
#error "a template of ukernels/ukernels.h: include that"
#endif

// How much larger the elements of a tile are than its pixels, those of a filter than its taps, and
// those of a cotangent than its pixels, in the mean: between pixels that are alike and pixels that
// have nothing to do with each other.
#define TILE_GAIN 3.0f
#define FILTER_GAIN 0.76f
#define COTANGENT_GAIN 1.25f

// The correction terms of an A panel of one element.
INLINE void NAME(a_corrections)(const float *rows, int64_t blocks, float *corrections) {
  if (!INNER_PRODUCT) {
    AT(corrections) = (V16){0};
    return;
  }
  V16 sums[16], signs = {0};
  UNROLL_FOR(int i = 0; i < 16; i++) sums[i] = (V16){0};
  UNROLL_FOR(int lane = 0; lane < 16; lane++) signs[lane] = PAIR_SIGN(lane, 0);
  for (int64_t b = 0; b < blocks; b++, signs = -signs, rows += 256)
    UNROLL_FOR(int i = 0; i < 16; i++) {
      const V16 x = FROM(rows + i * 16);
      sums[i] += signs * x * NAME(swap_pairs)(x);
    }
  AT(corrections) = NAME(lane_sums)(sums);
}

// The sums of absolute values of a block of channels over what of a window lies inside the image.
INLINE V16 NAME(window_size)(const trompe_image *s, WINDOW w, const float *image, int64_t block) {
  const float *from = image + w.image * s->h * s->w * s->c + block * s->block;
  V16 sum = {0};
  for (int64_t i = w.row_begin; i < w.row_end; i++)
    for (int64_t j = w.column_begin; j < w.column_end; j++)
      sum += __builtin_elementwise_abs(FROM(from + ((w.top + i) * s->w + w.left + j) * s->pixel));
  return sum;
}

// `count` tiles from `first` on, at most 16. Their inverse scales follow all elements.
static void NAME(f32_wino_f4x3_pack_input)(
    const trompe_image *s, const float *image, int64_t first, int64_t count, float *v,
    int64_t plane) {
  float scales[16];
  if (INNER_PRODUCT) {
    V16 sums[16];
    UNROLL_FOR(int i = 0; i < 16; i++) sums[i] = (V16){0};
    for (int64_t t = 0; t < count; t++) {
      const WINDOW w = NAME(window)(s, first + t, 6, 1);
      for (int64_t b = 0; b < s->c / 16; b++) sums[t] += NAME(window_size)(s, w, image, b);
    }
    AT(scales) = NAME(power_of_two_scale)(
        NAME(lane_sums)(sums) * (TILE_GAIN / (float)(36 * s->c)), v + 36 * plane);
  } else {
    AT(v + 36 * plane) = (V16){0} + 1.0f;
  }
  const trompe_wino_layout at = {plane, 16, 256};
  const trompe_tiles tiles = {first, count, 0, s->c, INNER_PRODUCT ? scales : NULL, NULL};
  NAME(f32_wino_f4x3_input)(s, image, &tiles, v, &at);
  for (int64_t element = 0; element < 36; element++, v += plane)
    NAME(a_corrections)(v, s->c / 16, v + 16 * s->c);
}

// The sums of the absolute values of 16 filters, which are read in the order in which they stand.
INLINE V16 NAME(filter_sizes)(const trompe_filter_block *f) {
  const float *filter = f->filter, *scale = f->scale;
  const int64_t channel_step = f->channel_step, tap_step = f->tap_step, c = f->channels;
  if (!f->is_bwd_data) {
    V16 sums[16];
    for (int i = 0; i < 16; i++) {
      V16 parts[4] = {{0}, {0}, {0}, {0}};
      for (int tap = 0; tap < 9; tap++) {
        const float *from = filter + i * f->result_step + tap * tap_step;
        for (int64_t j = 0; j < c; j += 16)
          parts[j / 16 % 4] += __builtin_elementwise_abs(FROM(from + j));
      }
      sums[i] = (parts[0] + parts[1]) + (parts[2] + parts[3]);
    }
    const V16 sum = NAME(lane_sums)(sums);
    return scale ? sum * __builtin_elementwise_abs(FROM(scale)) : sum;
  }
  V16 sum = {0};
  for (int64_t i = 0; i < c; i++) {
    V16 size = {0};
    UNROLL_FOR(int tap = 0; tap < 9; tap++) {
      const float *from = filter + i * channel_step + tap * tap_step;
      __builtin_prefetch(from + 16 * channel_step);
      size += __builtin_elementwise_abs(FROM(from));
    }
    sum += scale ? size * __builtin_fabsf(scale[i]) : size;
  }
  return sum;
}

// The inverse scales of one block of 16 results.
static void NAME(f32_wino_f4x3_filter_scales)(const trompe_filter_block *f, float *inverse_scales) {
  if (INNER_PRODUCT) NAME(power_of_two_scale)
  (NAME(filter_sizes)(f) * (FILTER_GAIN / (float)(9 * f->channels)), inverse_scales);
  else AT(inverse_scales) = (V16){0} + 1.0f; }

INLINE void NAME(read_block)(
    const trompe_filter_block *f, float *u, int64_t plane, const float *inverse_scales,
    const int is_nontemporal) {
  const float *filter = f->filter, *scale = f->scale;
  const int64_t channel_step = f->channel_step, tap_step = f->tap_step, c = f->channels;
  const int is_bwd_data = f->is_bwd_data;
  const int64_t row = is_bwd_data ? channel_step : f->result_step;
  const V16 scales = INNER_PRODUCT ? NAME(scales_of)(FROM(inverse_scales)) : (V16){0};
  V16 corrections[36];
  UNROLL_FOR(int i = 0; i < 36; i++) corrections[i] = (V16){0};
  float turn = 1;
  for (int64_t first = 0; first < c; first += 16, turn = -turn) {
    V16 taps[9][16];  // of 16 channels
    for (int tap = 0; tap < 9; tap++) {
      const float *from = filter + first * channel_step + (is_bwd_data ? 8 - tap : tap) * tap_step;
      const float *given = scale && is_bwd_data ? scale + first : scale;
      // By the inner product, what finds the scales has prefetched them.
      if (!INNER_PRODUCT)
        UNROLL_FOR(int i = 0; i < 16; i++)
          __builtin_prefetch(from + 16 * channel_step + i * row, 0, 2);
      NAME(read_filters)(from, row, is_bwd_data, given, taps[tap]);
      if (INNER_PRODUCT)
        UNROLL_FOR(int i = 0; i < 16; i++) taps[tap][i] *= scales;
    }
    V16 even[36];
    for (int64_t i = 0; i < 16; i++) {
      const float sign = i % 4 < 2 ? turn : -turn;
      V16 half[18], values[6];
      UNROLL_FOR(int j = 0; j < 3; j++) NAME(filter_axis)(&taps[j][i], 3 * 16, half + j, 3);
      UNROLL_FOR(int r = 0; r < 6; r++) {
        NAME(filter_axis)(half + 3 * r, 1, values, 1);
        UNROLL_FOR(int j = 0; j < 6; j++)
          NAME(store)(u + (first + i) * 16 + (6 * r + j) * plane, values[j], is_nontemporal);
        if (!INNER_PRODUCT || i >= 10) continue;
        UNROLL_FOR(int j = 0; j < 6; j++) {
          if (i % 2) corrections[6 * r + j] += sign * even[6 * r + j] * values[j];
          else even[6 * r + j] = values[j];
        }
      }
    }
  }
  for (int64_t element = 0; element < 36; element++)
    AT(u + element * plane + 16 * c) = corrections[element];
}

// The elements of filters whose scales are known: of an even number of blocks of channels, unless
// no others follow. With `is_nontemporal`, by non-temporal stores.
static void NAME(f32_wino_f4x3_pack_filter)(
    const trompe_filter_block *filter, float *u, int64_t plane, const float *inverse_scales,
    int is_nontemporal) {
  if (is_nontemporal) NAME(read_block)(filter, u, plane, inverse_scales, 1);
  else NAME(read_block)(filter, u, plane, inverse_scales, 0);
}

// Over some blocks of steps, added to the sums of others if those are in M.
INLINE void NAME(multiply_groups)(
    const int columns, const float *v, const float *corrections, int64_t v_group, int64_t groups,
    const float *u, const float *column_corrections, const trompe_nr_blocks *at, const float *next,
    int has_earlier, int has_new_columns, int64_t blocks, float *m, int64_t m_group) {
  const int rows = MR_OF(columns);
  // Rows' shares of 32 lines for 32 steps.
  const int times = PREFETCH_BLOCKS < KC_BLOCKS ? 16 / rows : 1;
  const int64_t lines = (32 / times + groups - 1) / groups;
  for (int64_t g = 0; g < groups; g++, v += v_group, corrections += v_group, m += m_group,
               next += lines * (blocks / 2) * times * 16) {
    V16 earlier[16 * NR_BLOCKS];
    SUMS sums = {
        .a = v,
        .b = u,
        .columns = *at,
        .blocks = blocks,
        .row_corrections = corrections,
        .column_corrections = column_corrections,
        .has_new_columns = has_new_columns,
        .earlier = earlier,
        .own = earlier,
        .prefetch = {.lines = lines}};
    UNROLL_FOR(int j = 0; j < columns; j++) sums.prefetch.next[j] = next + j * at->values;
    NAME(begin_sums)(&sums, rows);
    sums.has_earlier = has_earlier;
    if (has_earlier)
      UNROLL_FOR(int i = 0; i < 16; i++)
        UNROLL_FOR(int j = 0; j < columns; j++)
          earlier[i * columns + j] = FROM(m + j * at->results + i * 16);
    for (int first = 0; first < 16; first += rows) {
      V16 part[SUMS_MAX];
      NAME(sum_rows)(&sums, rows, columns, 16, 1, first, part);
      UNROLL_FOR(int i = 0; i < rows; i++)
        UNROLL_FOR(int j = 0; j < columns; j++)
          AT(m + j * at->results + (first + i) * 16) = part[i * columns + j];
    }
  }
}

// Products of one element: groups of 16 tiles of c channels, and blocks of 16 results of `count` of
// them from `first` on. The sums over those before are in M. What is multiplied next is prefetched.
static void NAME(f32_wino_f4x3_gemm)(
    const float *v, int64_t v_group, int64_t groups, const float *u, const trompe_nr_blocks *at,
    const float *next, int64_t c, int64_t first, int64_t count, float *m, int64_t m_group) {
  const int64_t all = count / 16, at_once = at->count > 1 ? KC_BLOCKS : all;
  for (int64_t done = 0; done < all; done += at_once, next += at_once * 256) {
    const int64_t earlier = first / 16 + done, blocks = smaller(at_once, all - done);
    WITH_NR_BLOCKS(
        at->count, multiply_groups, v + earlier * 256, v + 16 * c, v_group, groups, u + done * 256,
        u + 16 * count, at, next, earlier > 0, !done, blocks, m, m_group);
  }
}

// In the filter gradient tiles are the steps: a block of 16 channels of `count` tiles from `first`
// on is [36][tiles][16], 0 up to a multiple of 16, each element followed by its correction terms.
// All elements of a channel have one scale, whose inverse follows all elements.
static void NAME(f32_wino_f4x3_pack_tiles)(
    const trompe_image *s, const float *image, int64_t first, int64_t count, int64_t block,
    int is_cotangent, float *v, int64_t plane) {
  float own_scales[16], *scales = INNER_PRODUCT ? own_scales : NULL;
  if (INNER_PRODUCT) {
    V16 sum = {0};
    const int64_t size = is_cotangent ? 4 : 6, margin = is_cotangent ? 0 : 1;
    for (int64_t t = first; t < first + count; t++)
      sum += NAME(window_size)(s, NAME(window)(s, t, size, margin), image, block);
    const float gain = is_cotangent ? COTANGENT_GAIN : TILE_GAIN;
    AT(scales) =
        NAME(power_of_two_scale)(sum * (gain / (float)(size * size * count)), v + 36 * plane);
  } else {
    AT(v + 36 * plane) = (V16){0} + 1.0f;
  }
  const trompe_wino_layout at = {plane, 16, 0};
  const trompe_tiles tiles = {first, count, block * 16, 16, NULL, scales};
  if (is_cotangent) NAME(f32_wino_f4x3_cotangent)(s, image, &tiles, v, &at);
  else NAME(f32_wino_f4x3_input)(s, image, &tiles, v, &at);
  const int64_t steps = (count + 15) / 16 * 16;
  for (int64_t element = 0; element < 36; element++, v += plane) {
    for (int64_t i = count; i < steps; i++) AT(v + i * 16) = (V16){0};
    if (!INNER_PRODUCT) {
      AT(v + steps * 16) = (V16){0};
      continue;
    }
    V16 corrections[5];
    UNROLL_FOR(int j = 0; j < 5; j++) corrections[j] = (V16){0};
    float turn = 1;
    for (int64_t i = 0; i < steps; i += 16, turn = -turn)
      UNROLL_FOR(int j = 0; j < 5; j++)
        corrections[j] += turn * FROM(v + (i + 2 * j) * 16) * FROM(v + (i + 2 * j + 1) * 16);
    AT(v + steps * 16) = NAME(sum_of_pairs)(corrections);
  }
}

#undef TILE_GAIN
#undef COTANGENT_GAIN
#undef FILTER_GAIN
