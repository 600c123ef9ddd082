// Products of matrices by Winograd's inner product, where that is faster: included by isa/kernels.h, once for each
// instruction set that has them.
//
//     (x₀ + y₁)(x₁ + y₀) = x₀y₀ + x₁y₁ + x₀x₁ + y₀y₁
//     (y₁ - x₀)(x₁ - y₀) = x₀y₀ + x₁y₁ - x₀x₁ - y₀y₁
//
// One multiplication instead of two, and two additions, which other units do at the same time; what
// belongs to a row or a column alone is taken off once. Of 16 steps of a sum, ten go in pairs and six by
// plain products: 11 multiply-adds and 10 additions. Signs take turns, so that sums do not grow.
//
// An addition loses what of the smaller number is below the last bit of the larger: rows and columns are
// scaled by powers of two until their means of absolute values are between 1 and 2.
//
// Rows are packed [steps / 16][256], columns [steps][16].

// What comes from memory is what limits the sums: each value of a row, which fills a register, is used for
// two or three blocks of 16 columns, of eight rows at a time.
//
// Where registers are too few or too narrow for it, or no units only add, products are made one by one from the
// same packed rows and columns, without scales, and nothing is taken off.
#if defined(HAS_WIDE_VECTORS) && defined(HAS_ADDERS)
#define BY_PAIRS 1
#else
#define BY_PAIRS 0
#endif
// Blocks of columns at once, rows whose sums stay in registers, of so many blocks of columns, blocks of 16 steps
// of which columns stay in the first-level cache while rows pass by, and after how many of them the next lines
// are asked for.
#ifdef HAS_WIDE_VECTORS
#define COLUMN_BLOCKS (BY_PAIRS ? 2 : 3)
#define ROWS_OF(column_blocks) ((column_blocks) > 1 ? 8 : 16)
#define STEPS_BLOCKS 8
#define ASKING_BLOCKS 2
#else
#define COLUMN_BLOCKS 1
#define ROWS_OF(column_blocks) 4
#define STEPS_BLOCKS 16
#define ASKING_BLOCKS STEPS_BLOCKS
#endif
// Sums that stay in registers of 16 floats, at most.
#define SUMS_MAX (COLUMN_BLOCKS > 2 ? 24 : 16)
// Calls what has been made for each number of blocks of columns with its own.
#define BY_COUNT(count, name, ...)                                                                   \
  if (COLUMN_BLOCKS > 2 && (count) > 2) NAME(name)(3, __VA_ARGS__);                                  \
  else if (COLUMN_BLOCKS > 1 && (count) > 1) NAME(name)(2, __VA_ARGS__);                             \
  else NAME(name)(1, __VA_ARGS__);
// Residuals and masks are asked for into the first-level cache (3), or the second (2): Intel's first is small, and
// lines on their way to it take the places of those that sums need.
#if defined(HAS_WIDE_VECTORS) && !BY_PAIRS
#define READ_LEVEL 2
#else
#define READ_LEVEL 3
#endif

// Each of 16 steps' sign in what is taken off; 0 for plain products and the second of a pair.
#define PAIR_SIGN(step, turn)                                                                        \
  ((step) >= 10 || (step) % 2 ? 0 : (((step) / 2 + (turn)) % 2 ? -1.0f : 1.0f))

// What is asked for while sums are made: a few lines at a time. All at once, they would be waited for.
typedef struct {
  const float *next[COLUMN_BLOCKS_MAX];  // lines that follow each other, of some blocks: ...
  int64_t lines;                         // ... so many of each every time
  // 16 pixels of the images that are not NULL, of some blocks.
  const float *read[2], *written;
  const int64_t *pixels;
  int64_t blocks, block;
  trompe_next_pixels rows;
  trompe_next_columns columns;
} NAME(Wanted);

// How much of it is asked for each time, and how much has been.
typedef struct {
  int64_t pixels, rows, columns, pixel, row, column;
} NAME(Asked);

INLINE NAME(Asked) NAME(ask_in)(const NAME(Wanted) *wanted, int64_t times) {
  if (!times) return (NAME(Asked)){0};
  return (NAME(Asked)){
      .pixels = (16 * wanted->blocks + times - 1) / times,
      .rows = (wanted->rows.lines + times - 1) / times,
      .columns = (wanted->columns.lines + times - 1) / times};
}

INLINE void NAME(ask)(NAME(Wanted) *wanted, NAME(Asked) *asked) {
  UNROLL for (int b = 0; b < COLUMN_BLOCKS; b++)
    if (wanted->next[b])
      for (int64_t i = 0; i < wanted->lines; i++, wanted->next[b] += 16)
        __builtin_prefetch(wanted->next[b], 0, 2);
  if (wanted->pixels)
    for (const int64_t end = smaller(asked->pixel + asked->pixels, 16 * wanted->blocks);
         asked->pixel < end; asked->pixel++) {
      const int64_t offset = wanted->pixels[asked->pixel / wanted->blocks] +
                             asked->pixel % wanted->blocks * wanted->block;
      if (wanted->read[0]) __builtin_prefetch(wanted->read[0] + offset, 0, READ_LEVEL);
      if (wanted->read[1]) __builtin_prefetch(wanted->read[1] + offset, 0, READ_LEVEL);
      if (wanted->written) __builtin_prefetch(wanted->written + offset, 1);
    }
  for (const int64_t end = smaller(asked->row + asked->rows, wanted->rows.lines); asked->row < end;
       asked->row++) {
    const trompe_pixel from = wanted->rows.pixels[asked->row % 16];
    __builtin_prefetch(from.values + (wanted->rows.first + asked->row / 16) * from.block, 0, 2);
  }
  for (const int64_t end = smaller(asked->column + asked->columns, wanted->columns.lines);
       asked->column < end; asked->column++)
    __builtin_prefetch(wanted->columns.image + wanted->columns.offsets[asked->column], 0, 2);
}

// Sums of 16 rows by some blocks of columns over packed rows `a` and columns `b`, made by begin_sums and then,
// for each ROWS_OF those from the first on, sum_rows.
typedef struct {
  const float *a, *b;
  trompe_column_blocks columns;
  int64_t blocks;  // of 16 steps
  const float *row_products, *column_products;
  NAME(Wanted) wanted;
  NAME(Asked) asked;
  int has_earlier;
  int has_new_columns;  // although there are earlier sums, nothing has been taken off these columns yet
  V16 *earlier;         // sums of the steps that are done: of each row those of all blocks of columns
} NAME(Sums);

// Keeps the compiler from fetching what comes later into registers that it does not have.
#define FENCE __asm__ volatile("" ::: "memory");

#if BY_PAIRS

// sum[i][j] += Σ a[i, step] · b[step, j]: a pair of steps and a single one. The sums begin with what is taken
// off.
#define PAIR(first, single, turn)                                                                    \
  {                                                                                                  \
    V16 f[2], g[2], h[2];                                                                            \
    UNROLL for (int j = 0; j < columns; j++) {                                                       \
      f[j] = FROM(b + j * b_block + (first) * 16);                                                   \
      g[j] = FROM(b + j * b_block + ((first) + 1) * 16);                                             \
      h[j] = FROM(b + j * b_block + (single) * 16);                                                  \
    }                                                                                                \
    UNROLL for (int i = 0; i < rows; i++) {                                                          \
      const float *v = a + i * row + (first) * step, *w = v + step, *u = a + i * row + (single) * step; \
      V16 *s = sum + i * columns;                                                                    \
      const int is_difference = ((first) / 2 + (turn)) % 2;                                          \
      if (columns == 2 && is_difference) PAIR_OF_TWO("vsubps", "vfnmadd231ps")                       \
      else if (columns == 2) PAIR_OF_TWO("vaddps", "vfmadd231ps")                                    \
      else {                                                                                         \
        *s += *u * *h;                                                                               \
        if (is_difference) *s -= (*g - *v) * (*f - *w);                                              \
        else *s += (*v + *g) * (*w + *f);                                                            \
      }                                                                                              \
    }                                                                                                \
    FENCE                                                                                            \
  }
// Written as instructions, since all 32 registers are needed and compilers move sums to memory: with 26 of
// them the additions, the multiply-adds and the loads each take as long, and nothing else does.
#define PAIR_OF_TWO(add, multiply_add)                                                               \
  {                                                                                                  \
    V16 p, q, r, t;                                                                                  \
    __asm__("vbroadcastss %[u], %[p]\n\t"                                                            \
            "vbroadcastss %[v], %[q]\n\t"                                                            \
            "vbroadcastss %[w], %[r]\n\t"                                                            \
            "vfmadd231ps %[h0], %[p], %[s0]\n\t"                                                     \
            "vfmadd231ps %[h1], %[p], %[s1]\n\t"                                                     \
            add " %[q], %[g0], %[p]\n\t"                                                             \
            add " %[r], %[f0], %[t]\n\t"                                                             \
            multiply_add " %[p], %[t], %[s0]\n\t"                                                    \
            add " %[q], %[g1], %[q]\n\t"                                                             \
            add " %[r], %[f1], %[r]\n\t"                                                             \
            multiply_add " %[q], %[r], %[s1]"                                                        \
            : [s0] "+v"(s[0]), [s1] "+v"(s[1]), [p] "=&v"(p), [q] "=&v"(q), [r] "=&v"(r),            \
              [t] "=&v"(t)                                                                           \
            : [u] "m"(*u), [v] "m"(*v), [w] "m"(*w), [f0] "v"(f[0]), [f1] "v"(f[1]), [g0] "v"(g[0]), \
              [g1] "v"(g[1]), [h0] "v"(h[0]), [h1] "v"(h[1]));                                       \
  }
#define SINGLE(single)                                                                               \
  {                                                                                                  \
    V16 h[2];                                                                                        \
    UNROLL for (int j = 0; j < columns; j++) h[j] = FROM(b + j * b_block + (single) * 16);           \
    UNROLL for (int i = 0; i < rows; i++) {                                                          \
      const float *u = a + i * row + (single) * step;                                                \
      V16 *s = sum + i * columns, p;                                                                 \
      if (columns == 2)                                                                              \
        __asm__("vbroadcastss %[u], %[p]\n\t"                                                        \
                "vfmadd231ps %[h0], %[p], %[s0]\n\t"                                                 \
                "vfmadd231ps %[h1], %[p], %[s1]"                                                     \
                : [s0] "+v"(s[0]), [s1] "+v"(s[1]), [p] "=&v"(p)                                     \
                : [u] "m"(*u), [h0] "v"(h[0]), [h1] "v"(h[1]));                                      \
      else *s += *u * *h;                                                                            \
    }                                                                                                \
    FENCE                                                                                            \
  }
#define SIXTEEN(turn)                                                                                \
  PAIR(0, 10, turn) PAIR(2, 11, turn) PAIR(4, 12, turn) PAIR(6, 13, turn) PAIR(8, 14, turn)          \
  SINGLE(15)                                                                                         \
  a += 256;                                                                                          \
  b += 256;

// Asks for what is wanted every other block of steps.
INLINE int64_t NAME(asking_times)(int64_t blocks, const int rows) { return blocks / 2 * (16 / rows); }

INLINE void NAME(sum_steps)(
    NAME(Sums) *s, const int rows, const int columns, const int row, const int step, int first,
    int64_t blocks, V16 *to) {
  const float *a = s->a + first * row, *b = s->b;
  const int64_t b_block = s->columns.values;
  V16 sum[16];
  if (s->has_earlier) {
    UNROLL for (int i = 0; i < 16; i++) sum[i] = s->earlier[first * columns + i];
    if (s->has_new_columns)
      UNROLL for (int i = 0; i < rows; i++) UNROLL for (int j = 0; j < columns; j++)
        sum[i * columns + j] -= FROM(s->column_products + j * s->columns.products);
  } else {
    UNROLL for (int i = 0; i < rows; i++) UNROLL for (int j = 0; j < columns; j++)
      sum[i * columns + j] =
          -(FROM(s->column_products + j * s->columns.products) + s->row_products[first + i]);
  }
  for (; blocks >= 2; blocks -= 2) {
    NAME(ask)(&s->wanted, &s->asked);
    SIXTEEN(0)
    SIXTEEN(1)
  }
  if (blocks) {
    SIXTEEN(0)
  }
  UNROLL for (int i = 0; i < 16; i++) to[i] = sum[i];
}

#else

INLINE int64_t NAME(asking_times)(int64_t blocks, const int rows) {
  return larger(1, (blocks + ASKING_BLOCKS - 1) / ASKING_BLOCKS) * (16 / rows);
}

// Products one by one. A loop of a few steps, which begins with a line, is fetched faster than one of many: for no
// other reason than where it stood, all 16 written out took 1.07 times as long.
INLINE void NAME(sum_steps)(
    NAME(Sums) *s, const int rows, const int columns, const int row, const int step, int first,
    int64_t blocks, V16 *to) {
  enum { WRITTEN_OUT = 4 };
  const float *a = s->a + first * row, *b = s->b;
  const int64_t b_block = s->columns.values;
  const int registers = columns * (16 / LANE_COUNT);  // of a row
  VL sum[SUMS_MAX];
  UNROLL for (int i = 0; i < rows * registers; i++)
    sum[i] = s->has_earlier
                 ? LANES_FROM((const float *)(s->earlier + first * columns) + i * LANE_COUNT)
                 : (VL){0};
  // From the rows' last of 16 steps to their next, where steps are next to each other in rows.
  const int64_t skipped = 256 - 16 * step;
  do {
    NAME(ask)(&s->wanted, &s->asked);
    const int64_t now = smaller(blocks, ASKING_BLOCKS);
    blocks -= now;
    for (int64_t i = 0; i < now; i++, a += skipped)
      [[clang::code_align(64)]]
      for (int t = 0; t < 16; t += WRITTEN_OUT, a += WRITTEN_OUT * step, b += WRITTEN_OUT * 16)
        UNROLL for (int u = 0; u < WRITTEN_OUT; u++) {
          VL factors[COLUMN_BLOCKS_MAX];
          UNROLL for (int j = 0; j < registers; j++)
            factors[j] = LANES_FROM(b + u * 16 + j * (columns > 1 ? b_block : LANE_COUNT));
          UNROLL for (int r = 0; r < rows; r++)
            UNROLL for (int j = 0; j < registers; j++)
              sum[r * registers + j] += a[r * row + u * step] * factors[j];
          FENCE
        }
  } while (blocks > 0);
  UNROLL for (int i = 0; i < rows * registers; i++)
    LANES_AT((float *)to + i * LANE_COUNT) = sum[i];
}

#endif

INLINE void NAME(begin_sums)(NAME(Sums) *s, const int rows) {
  s->asked = NAME(ask_in)(&s->wanted, NAME(asking_times)(s->blocks, rows));
  s->has_earlier = 0;
}

// Where products are made one by one, all but the last blocks of steps are done for all rows before the first
// are finished.
INLINE void NAME(sum_rows)(
    NAME(Sums) *s, const int rows, const int columns, const int row, const int step, int first,
    V16 *to) {
  for (; !BY_PAIRS && s->blocks > STEPS_BLOCKS; s->blocks -= STEPS_BLOCKS, s->has_earlier = 1) {
    for (int i = 0; i < 16; i += rows)
      NAME(sum_steps)(s, rows, columns, row, step, i, STEPS_BLOCKS, s->earlier + i * columns);
    s->a += STEPS_BLOCKS * 256;
    s->b += STEPS_BLOCKS * 256;
  }
  NAME(sum_steps)(s, rows, columns, row, step, first, s->blocks, to);
}

// The sums of the lanes of 16 vectors: halves, quarters ... of two vectors at a time become one.
#define HALVES(a, b, ...) (__builtin_shufflevector(a, b, __VA_ARGS__))
INLINE V16 NAME(lane_sums)(const V16 *rows) {
  V16 c[8], d[4], e[2];
  UNROLL for (int i = 0; i < 8; i++)
    c[i] = HALVES(rows[i], rows[i + 8], 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23) +
           HALVES(rows[i], rows[i + 8], 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31);
  UNROLL for (int i = 0; i < 4; i++)
    d[i] = HALVES(c[i], c[i + 4], 0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27) +
           HALVES(c[i], c[i + 4], 4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30, 31);
  UNROLL for (int i = 0; i < 2; i++)
    e[i] = HALVES(d[i], d[i + 2], 0, 1, 4, 5, 8, 9, 12, 13, 16, 17, 20, 21, 24, 25, 28, 29) +
           HALVES(d[i], d[i + 2], 2, 3, 6, 7, 10, 11, 14, 15, 18, 19, 22, 23, 26, 27, 30, 31);
  const V16 f = HALVES(e[0], e[1], 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30) +
                HALVES(e[0], e[1], 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31);
  return HALVES(f, f, 0, 8, 4, 12, 2, 10, 6, 14, 1, 9, 5, 13, 3, 11, 7, 15);
}

// The powers of two that bring means of absolute values to between 1 and 2, and their reciprocals: 0 for
// what is below the normal range. What is not a number stays.
INLINE V16 NAME(pairs_scale)(V16 mean, float *inverses) {
  const MASK found = (MASK)mean >> 23 & 0xff, large = found > 253;
  const MASK exponent = (found & ~large) | (253 & large);
  AT(inverses) = (V16)(exponent << 23);
  return (V16)((254 - exponent) << 23);
}

// The scales that these undo.
INLINE V16 NAME(scales_of)(V16 inverses) {
  return (V16)((254 - ((MASK)inverses >> 23 & 0xff)) << 23);
}

// Products one by one need neither.
INLINE void NAME(take_nothing)(float *products, float *inverses) {
  AT(products) = (V16){0};
  AT(inverses) = (V16){0} + 1.0f;
}

INLINE V16 NAME(swap_pairs)(V16 x) {
  return HALVES(x, x, 1, 0, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10, 13, 12, 15, 14);
}

// The sum of five pairs' products, whose signs take turns.
INLINE V16 NAME(sum_of_pairs)(const V16 *taken) {
  return (taken[0] + taken[2] + taken[4]) - (taken[1] + taken[3]);
}

// Packs 16 pixels as rows, of each tap one after the other: each channel is a step.
static void NAME(packed_read_rows)(
    const trompe_pixel *pixels, int64_t taps, int64_t blocks, float *to, float *products,
    float *inverses) {
  if (!BY_PAIRS) {
    for (int64_t t = 0; t < taps; t++)
      for (int64_t b = 0; b < blocks; b++, to += 256)
        UNROLL for (int i = 0; i < 16; i++) {
          const trompe_pixel pixel = pixels[t * 16 + i];
          AT(to + i * 16) = FROM(pixel.values + b * pixel.block);
        }
    NAME(take_nothing)(products, inverses);
    return;
  }
  V16 sums[16];
  UNROLL for (int i = 0; i < 16; i++) sums[i] = (V16){0};
  for (int64_t t = 0; t < taps; t++)
    for (int64_t b = 0; b < blocks; b++)
      UNROLL for (int i = 0; i < 16; i++) {
        const trompe_pixel pixel = pixels[t * 16 + i];
        sums[i] += __builtin_elementwise_abs(FROM(pixel.values + b * pixel.block));
      }
  float scales[16];
  AT(scales) = NAME(pairs_scale)(
      NAME(lane_sums)(sums) * (1.0f / (float)(taps * blocks * 16)), inverses);
  UNROLL for (int i = 0; i < 16; i++) sums[i] = (V16){0};
  V16 signs = {0};
  UNROLL for (int lane = 0; lane < 16; lane++) signs[lane] = PAIR_SIGN(lane, 0);
  for (int64_t t = 0; t < taps; t++)
    for (int64_t b = 0; b < blocks; b++, signs = -signs, to += 256)
      UNROLL for (int i = 0; i < 16; i++) {
        const trompe_pixel pixel = pixels[t * 16 + i];
        const V16 x = scales[i] * FROM(pixel.values + b * pixel.block);
        sums[i] += signs * x * NAME(swap_pairs)(x);
        AT(to + i * 16) = x;
      }
  AT(products) = NAME(lane_sums)(sums);
}

// Scales `steps` packed columns, a multiple of 16, from the sums of their absolute values.
INLINE void NAME(pairs_scale_columns)(
    V16 sum, int64_t count, int64_t steps, float *packed, float *products, float *inverses) {
  if (!BY_PAIRS) {
    NAME(take_nothing)(products, inverses);
    return;
  }
  const V16 scales = NAME(pairs_scale)(sum * (1.0f / (float)count), inverses);
  V16 taken[5];
  UNROLL for (int j = 0; j < 5; j++) taken[j] = (V16){0};
  float turn = 1;
  for (int64_t i = 0; i < steps; i += 16, turn = -turn) {
    V16 *x = (V16 *)(packed + i * 16);
    UNROLL for (int j = 0; j < 10; j += 2) {
      const V16 even = x[j] * scales, odd = x[j + 1] * scales;
      taken[j / 2] += turn * even * odd;
      x[j] = even;
      x[j + 1] = odd;
    }
    UNROLL for (int j = 10; j < 16; j++) x[j] *= scales;
  }
  AT(products) = NAME(sum_of_pairs)(taken);
}

// Packs 16 channels of `count` of 16 pixels with given scales, the others as 0.
INLINE void NAME(read_sixteen)(
    const float *image, const int64_t *offsets, const int64_t count, V16 scales, float turn,
    float *to, V16 *sums, V16 *taken) {
  UNROLL for (int j = 0; j < 16; j += 2) {
    const V16 even = j < count ? FROM(image + offsets[j]) : (V16){0};
    const V16 odd = j + 1 < count ? FROM(image + offsets[j + 1]) : (V16){0};
    sums[0] += __builtin_elementwise_abs(even);
    sums[1] += __builtin_elementwise_abs(odd);
    const V16 x = even * scales, y = odd * scales;
    if (j < 10) taken[j / 2] += turn * x * y;
    AT(to + j * 16) = x;
    AT(to + (j + 1) * 16) = y;
  }
}

// Packs 16 channels of `count` pixels with given scales; returns the sums of their absolute values.
INLINE V16 NAME(read_scaled_columns)(
    const float *image, const int64_t *offsets, int64_t count, V16 scales, float *to,
    float *products) {
  V16 sums[2] = {{0}, {0}}, taken[5];
  UNROLL for (int j = 0; j < 5; j++) taken[j] = (V16){0};
  float turn = 1;
  int64_t i = 0;
  for (; i + 16 <= count; i += 16, turn = -turn)
    NAME(read_sixteen)(image, offsets + i, 16, scales, turn, to + i * 16, sums, taken);
  if (i < count)
    NAME(read_sixteen)(image, offsets + i, count - i, scales, turn, to + i * 16, sums, taken);
  AT(products) = NAME(sum_of_pairs)(taken);
  return sums[0] + sums[1];
}

// Packs 16 channels of `count` pixels as columns, or as rows, of which each pixel is a step; 0 up to a
// multiple of 16. With `has_guess`, other pixels had the scales that `inverses` undo. These are tried: a
// second pass is needed only where the means are over eight times as large, or far smaller.
static void NAME(packed_read_columns)(
    const float *image, const int64_t *offsets, int64_t count, int has_guess, float *to,
    float *products, float *inverses) {
  if (!BY_PAIRS) {
    for (int64_t i = 0; i < count; i++) AT(to + i * 16) = FROM(image + offsets[i]);
    for (int64_t i = count; i % 16; i++) AT(to + i * 16) = (V16){0};
    NAME(take_nothing)(products, inverses);
    return;
  }
  const float share = 1.0f / (float)count;
  V16 sum = {0};
  if (has_guess) {
    const MASK guess = (MASK)FROM(inverses) >> 23;
    const V16 scales = NAME(scales_of)(FROM(inverses));
    sum = NAME(read_scaled_columns)(image, offsets, count, scales, to, products);
    const MASK found = (MASK)(sum * share) >> 23 & 0xff;
    const MASK is_off = (found > guess + 3) | ((found < guess - 8) & (found > 0));
    if (!__builtin_reduce_or(is_off)) return;
  } else {
    for (int64_t i = 0; i < count; i++) sum += __builtin_elementwise_abs(FROM(image + offsets[i]));
  }
  const V16 scales = NAME(pairs_scale)(sum * share, inverses);
  NAME(read_scaled_columns)(image, offsets, count, scales, to, products);
}

// Packs `count` blocks of filters, at most PACKED_BLOCKS, as columns; the steps of each tap, at `taps`, are
// `step` floats apart, columns `column`: one of both is 1. Filters are the steps, if columns are next to
// each other, or the columns; each is multiplied with its scale.
static void NAME(packed_read_filter)(
    const float *filter, const int64_t *taps, int64_t tap_count, int64_t step, int64_t column,
    int64_t steps, const float *scale, int64_t count, float *to, float *products,
    float *inverses) {
  const int64_t all = tap_count * steps;
  V16 sums[PACKED_BLOCKS];
  for (int64_t b = 0; b < count; b++) sums[b] = (V16){0};
  for (int64_t t = 0; t < tap_count; t++)
    for (int64_t i = 0; i < steps; i += 16)
      for (int64_t b = 0; b < count; b++) {
        const float *from = filter + taps[t] + i * step + b * 16 * column;
        V16 values[16], *next = (V16 *)(to + (b * all + t * steps + i) * 16);
        const int turned = column == 1;
        const float *scales = !scale ? NULL : scale + (turned ? i : b * 16);
        UNROLL for (int v = 0; v < 16; v++)
          __builtin_prefetch(from + 16 * step + v * (turned ? step : column));
        NAME(read_filters)(from, turned ? step : column, turned, scales, values);
        UNROLL for (int v = 0; v < 16; v++) {
          if (BY_PAIRS) sums[b] += __builtin_elementwise_abs(values[v]);
          next[v] = values[v];
        }
      }
  for (int64_t b = 0; b < count; b++)
    NAME(pairs_scale_columns)(
        sums[b], all, all, to + b * 16 * all, products + b * 16, inverses + b * 16);
}

// What comes after the sums of `rows` pixels, of which `count` are written.
INLINE void NAME(finish_pixels)(
    const int rows, V16 *sums, const float *row_inverses, V16 inverses,
    const trompe_epilogue *after, float *to, const int64_t *offsets, int64_t count) {
  const V16 shift = after->bias ? FROM(after->bias) : (V16){0};
  UNROLL for (int i = 0; i < rows; i++)
    sums[i] = BY_PAIRS ? sums[i] * (inverses * row_inverses[i]) + shift : sums[i] + shift;
  if (after->residual)
    UNROLL for (int i = 0; i < rows; i++) sums[i] += FROM(after->residual + offsets[i]);
  if (after->has_relu)  // NaN stays
    UNROLL for (int i = 0; i < rows; i++) sums[i] = (V16)((MASK)sums[i] & ~(sums[i] < 0));
  if (after->mask)
    UNROLL for (int i = 0; i < rows; i++)
      sums[i] *= NAME(ones_where_positive)(FROM(after->mask + offsets[i]));
  // Eight at a time: the order does not depend on how many blocks of columns there were. A place in `sums` is
  // never found by `count`: otherwise all of them would be kept in memory beside the registers.
  const int part = rows < 8 ? rows : 8;
  if (after->sums)
    UNROLL for (int first = 0; first < rows; first += part) {
      V16 parts[4] = {FROM(after->sums)};
      if (count >= first + part)
        UNROLL for (int i = 0; i < part; i++) parts[i % 4] += sums[first + i];
      else UNROLL for (int i = first; i < first + part; i++)
        if (i < count) parts[0] += sums[i];
      AT(after->sums) = (parts[0] + parts[1]) + (parts[2] + parts[3]);
    }
  if (count >= rows) {
    if (after->is_far) UNROLL for (int i = 0; i < rows; i++) NAME(store)(to + offsets[i], sums[i], 1);
    else UNROLL for (int i = 0; i < rows; i++) AT(to + offsets[i]) = sums[i];
  } else {
    UNROLL for (int i = 0; i < rows; i++)
      if (i < count) NAME(store)(to + offsets[i], sums[i], after->is_far);
  }
}

// What belongs to the block of channels behind.
INLINE trompe_epilogue NAME(next_block)(trompe_epilogue after, int64_t image_block) {
  if (after.bias) after.bias += 16;
  if (after.residual) after.residual += image_block;
  if (after.mask) after.mask += image_block;
  if (after.sums) after.sums += 16;
  return after;
}

// Sums over some blocks of steps, an even number, which others follow: [16][column blocks][16]. They begin with
// those of the steps before, if it is not the first time.
INLINE void NAME(sum_pixels)(
    const int columns, const trompe_packed *a, const trompe_packed *b,
    const trompe_column_blocks *at, int64_t blocks, int is_first, float *to) {
  const int rows = ROWS_OF(columns);
  NAME(Sums) sums = {
      .a = a->values, .b = b->values, .columns = *at, .blocks = blocks, .row_products = a->products,
      .column_products = b->products, .earlier = (V16 *)to};
  NAME(begin_sums)(&sums, rows);
  sums.has_earlier = !is_first;
  for (int i = 0; i < 16; i += rows)
    NAME(sum_steps)(&sums, rows, columns, 16, 1, i, blocks, (V16 *)to + i * columns);
}

static void NAME(packed_sum_pixels)(
    const trompe_packed *rows, const trompe_packed *columns, const trompe_column_blocks *at,
    int64_t blocks, int is_first, float *to) {
  BY_COUNT(at->count, sum_pixels, rows, columns, at, blocks, is_first, to)
}

INLINE void NAME(write_pixels)(
    const int columns, const trompe_packed *a, const trompe_packed *b,
    const trompe_column_blocks *at, int64_t blocks, const float *before,
    const trompe_epilogue *after, float *to, const int64_t *offsets, int64_t count,
    const trompe_next_pixels *next) {
  const int rows = ROWS_OF(columns);
  V16 earlier[16 * COLUMN_BLOCKS];
  NAME(Sums) sums = {
      .a = a->values, .b = b->values, .columns = *at, .blocks = blocks, .row_products = a->products,
      .column_products = b->products, .earlier = before ? (V16 *)before : earlier,
      .wanted = {.pixels = next->results, .blocks = columns, .block = at->results, .rows = *next}};
  if (!after->is_far) sums.wanted.written = to + next->distance;
  if (after->residual) sums.wanted.read[0] = after->residual + next->distance;
  if (after->mask) sums.wanted.read[1] = after->mask + next->distance;
  NAME(begin_sums)(&sums, rows);
  sums.has_earlier = before != NULL;
  for (int i = 0; i < 16; i += rows) {
    V16 part[SUMS_MAX];
    NAME(sum_rows)(&sums, rows, columns, 16, 1, i, part);
    trompe_epilogue of_block = *after;
    UNROLL for (int j = 0; j < columns; j++) {
      V16 block[16];
      UNROLL for (int r = 0; r < rows; r++) block[r] = part[r * columns + j];
      NAME(finish_pixels)(
          rows, block, a->inverses + i, FROM(b->inverses + j * at->products), &of_block,
          to + j * at->results, offsets + i, count - i);
      of_block = NAME(next_block)(of_block, at->results);
    }
  }
}

// Blocks of 16 channels of 16 pixels, of which `count` are written, from their packed rows and columns, and
// from sums `before`, if that is not NULL.
static void NAME(packed_write_pixels)(
    const trompe_packed *rows, const trompe_packed *columns, const trompe_column_blocks *at,
    int64_t blocks, const float *before, const trompe_epilogue *after, float *to,
    const int64_t *offsets, int64_t count, const trompe_next_pixels *next) {
  BY_COUNT(
      at->count, write_pixels, rows, columns, at, blocks, before, after, to, offsets, count, next)
}

INLINE void NAME(write_filter)(
    const int columns, const trompe_packed *a, const trompe_packed *b,
    const trompe_column_blocks *at, int64_t blocks, const float *before, int64_t before_row,
    float *to, int64_t row, const trompe_next_columns *next) {
  const int rows = ROWS_OF(columns);
  UNROLL for (int j = 0; j < columns; j++) {
    if (before)
      UNROLL for (int i = 0; i < 16; i++)
        __builtin_prefetch(before + j * at->results + i * before_row);
    if (to != before)
      UNROLL for (int i = 0; i < 16; i++) __builtin_prefetch(to + j * at->results + i * row, 1);
  }
  V16 earlier[16 * COLUMN_BLOCKS];
  NAME(Sums) sums = {
      .a = a->values, .b = b->values, .columns = *at, .blocks = blocks, .row_products = a->products,
      .column_products = b->products, .earlier = earlier, .wanted = {.columns = *next}};
  NAME(begin_sums)(&sums, rows);
  for (int first = 0; first < 16; first += rows) {
    V16 part[SUMS_MAX];
    NAME(sum_rows)(&sums, rows, columns, 1, 16, first, part);
    UNROLL for (int j = 0; j < columns; j++) {
      const V16 inverses = FROM(b->inverses + j * at->products);
      UNROLL for (int i = 0; i < rows; i++) {
        V16 sum = part[i * columns + j];
        if (BY_PAIRS) sum *= inverses * a->inverses[first + i];
        if (before) sum += FROM(before + j * at->results + (first + i) * before_row);
        AT(to + j * at->results + (first + i) * row) = sum;
      }
    }
  }
}

// 16 filters' gradients in blocks of 16 channels, from packed rows and columns of which each pixel is a step,
// and from sums `before`, if that is not NULL.
static void NAME(packed_write_filter)(
    const trompe_packed *rows, const trompe_packed *columns, const trompe_column_blocks *at,
    int64_t blocks, const float *before, int64_t before_row, float *to, int64_t row,
    const trompe_next_columns *next) {
  BY_COUNT(at->count, write_filter, rows, columns, at, blocks, before, before_row, to, row, next)
}

#undef PAIR
#undef PAIR_OF_TWO
#undef SINGLE
#undef SIXTEEN
#undef FENCE
#undef READ_LEVEL
