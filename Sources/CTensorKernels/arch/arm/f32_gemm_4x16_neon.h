// Multiply-adds, 4x16 with NEON: sum[i][j] += Σ a[i, step] · b[step, j]. Included by
// ukernels/f32_gemm_sums.h.
//
// 16 sums, a step of B and four values of each row of A take 24 of 32 registers. Values of A are no
// broadcasts of their own: fmla takes a lane of a register.
#if !defined(NAME) || !defined(INLINE) || !defined(V16) || !defined(PREFETCH_BLOCKS)
#error "a template of ukernels/ukernels.h: include that"
#endif

INLINE int64_t NAME(prefetch_times)(int64_t blocks, const int rows) {
  return larger(1, (blocks + PREFETCH_BLOCKS - 1) / PREFETCH_BLOCKS) * (16 / rows);
}

// clang-format off
#define MULTIPLY_ADD(i, factor, lane) \
  UNROLL_FOR(int j = 0; j < 4; j++) sum[i][j] = vfmaq_laneq_f32(sum[i][j], b_step[j], factor, lane);
#define B_STEP(t) UNROLL_FOR(int j = 0; j < 4; j++) b_step[j] = vld1q_f32(b + (t) * 16 + 4 * j);

// Four steps of an A panel whose rows hold 16 steps each: four values of a row are one register.
#define STEP_OF_ROWS(t, lane)                                          \
  B_STEP((t) + (lane))                                           \
  UNROLL_FOR(int i = 0; i < 4; i++) { MULTIPLY_ADD(i, rows_of_a[i], lane) }
// A step of an A panel whose rows are next to each other: the values of four rows are one register.
#define STEP_OF_COLUMNS(t)                                       \
  B_STEP(t)                                                      \
  {                                                              \
    const float32x4_t column = vld1q_f32(a + (t) * step);        \
    MULTIPLY_ADD(0, column, 0)                                   \
    MULTIPLY_ADD(1, column, 1)                                   \
    MULTIPLY_ADD(2, column, 2)                                   \
    MULTIPLY_ADD(3, column, 3)                                   \
  }

// clang-format on

INLINE void NAME(sum_steps)(
    SUMS *s, const int rows, const int columns, const int row, const int step, int first,
    int64_t blocks, V16 *to) {
  _Static_assert(NR_BLOCKS == 1 && LANE_COUNT == 4, "one B panel of four registers");
  const float *a = s->a + first * row, *b = s->b;
  float32x4_t sum[4][4], b_step[4];
  UNROLL_FOR(int i = 0; i < 4; i++)
    UNROLL_FOR(int j = 0; j < 4; j++)
      sum[i][j] = s->has_earlier
                      ? vld1q_f32((const float *)(s->earlier + (first + i) * columns) + 4 * j)
                      : vdupq_n_f32(0);
  do {
    NAME(prefetch)(&s->prefetch, &s->progress);
    const int64_t now = smaller(blocks, PREFETCH_BLOCKS);
    blocks -= now;
    for (int64_t block = 0; block < now; block++, a += 256, b += 256) {
      if (step == 1) {
        UNROLL_FOR(int t = 0; t < 16; t += 4) {
          float32x4_t rows_of_a[4];
          UNROLL_FOR(int i = 0; i < 4; i++) rows_of_a[i] = vld1q_f32(a + i * row + t);
          STEP_OF_ROWS(t, 0)
          STEP_OF_ROWS(t, 1)
          STEP_OF_ROWS(t, 2)
          STEP_OF_ROWS(t, 3)
        }
      } else {
        UNROLL_FOR(int t = 0; t < 16; t++) { STEP_OF_COLUMNS(t) }
      }
    }
  } while (blocks > 0);
  UNROLL_FOR(int i = 0; i < rows; i++)
    UNROLL_FOR(int j = 0; j < 4; j++) vst1q_f32((float *)(to + i) + 4 * j, sum[i][j]);
}

#undef MULTIPLY_ADD
#undef B_STEP
#undef STEP_OF_ROWS
#undef STEP_OF_COLUMNS
