// Multiply-adds, 8x48, 8x32 or 16x16 with AVX-512, 4x16 with narrower registers:
// sum[i][j] += Σ a[i, step] · b[step, j]. Included by ukernels/f32_gemm_sums.h.
#if !defined(NAME) || !defined(INLINE) || !defined(V16) || !defined(VL) || !defined(LANE_COUNT) || \
    !defined(FENCE) || !defined(PREFETCH_BLOCKS)
#error "a template of ukernels/ukernels.h: include that"
#endif

INLINE int64_t NAME(prefetch_times)(int64_t blocks, const int rows) {
  return larger(1, (blocks + PREFETCH_BLOCKS - 1) / PREFETCH_BLOCKS) * (16 / rows);
}

// A loop of a few steps, aligned to a cache line, is fetched faster than one of many: for no other
// reason than its alignment, all 16 unrolled took 1.07 times as long.
INLINE void NAME(sum_steps)(
    SUMS *s, const int rows, const int columns, const int row, const int step, int first,
    int64_t blocks, V16 *to) {
  enum { UNROLLED = 4 };
  const float *a = s->a + first * row, *b = s->b;
  const int64_t b_block = s->columns.values;
  const int registers = columns * (16 / LANE_COUNT);  // of a row
  VL sum[SUMS_MAX];
  UNROLL_FOR(int i = 0; i < rows * registers; i++)
    sum[i] = s->has_earlier
                 ? LANES_FROM((const float *)(s->earlier + first * columns) + i * LANE_COUNT)
                 : (VL){0};
  // From the last of 16 steps of an A panel to the next 16.
  const int64_t skipped = 256 - 16 * step;
  do {
    NAME(prefetch)(&s->prefetch, &s->progress);
    const int64_t now = smaller(blocks, PREFETCH_BLOCKS);
    blocks -= now;
    for (int64_t i = 0; i < now; i++, a += skipped)
      // clang-format off
      [[clang::code_align(64)]]
      for (int t = 0; t < 16; t += UNROLLED, a += UNROLLED * step, b += UNROLLED * 16)
        UNROLL_FOR(int u = 0; u < UNROLLED; u++) {
          VL factors[4];
          UNROLL_FOR(int j = 0; j < registers; j++)
            factors[j] = LANES_FROM(b + u * 16 + j * (columns > 1 ? b_block : LANE_COUNT));
          UNROLL_FOR(int r = 0; r < rows; r++)
            UNROLL_FOR(int j = 0; j < registers; j++)
              sum[r * registers + j] += a[r * row + u * step] * factors[j];
          FENCE
        }
    // clang-format on
  } while (blocks > 0);
  UNROLL_FOR(int i = 0; i < rows * registers; i++) LANES_AT((float *)to + i * LANE_COUNT) = sum[i];
}
