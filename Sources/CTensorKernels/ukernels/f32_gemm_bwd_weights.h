// The gradient of 16 filters in 16 channels of each B panel: products whose steps are pixels.
// Included by ukernels/ukernels.h.
#if !defined(NAME) || !defined(INLINE) || !defined(V16) || !defined(MR_OF) || \
    !defined(WITH_NR_BLOCKS)
#error "a template of ukernels/ukernels.h: include that"
#endif

INLINE void NAME(gemm_bwd_weights)(
    const int columns, const trompe_panel *a, const trompe_panel *b, const trompe_nr_blocks *at,
    int64_t blocks, const float *before, int64_t before_row, float *to, int64_t row,
    const trompe_prefetch_steps *next) {
  const int rows = MR_OF(columns);
  UNROLL_FOR(int j = 0; j < columns; j++) {
    if (before)
      UNROLL_FOR(int i = 0; i < 16; i++)
        __builtin_prefetch(before + j * at->results + i * before_row);
    if (to != before)
      UNROLL_FOR(int i = 0; i < 16; i++) __builtin_prefetch(to + j * at->results + i * row, 1);
  }
  V16 earlier[16 * NR_BLOCKS];
  SUMS sums = {
      .a = a->values,
      .b = b->values,
      .columns = *at,
      .blocks = blocks,
      .row_corrections = a->corrections,
      .column_corrections = b->corrections,
      .earlier = earlier,
      .own = earlier,
      .prefetch = {.columns = *next}};
  NAME(begin_sums)(&sums, rows);
  for (int first = 0; first < 16; first += rows) {
    V16 part[SUMS_MAX];
    NAME(sum_rows)(&sums, rows, columns, 1, 16, first, part);
    UNROLL_FOR(int j = 0; j < columns; j++) {
      const V16 inverse_scales = FROM(b->inverse_scales + j * at->corrections);
      UNROLL_FOR(int i = 0; i < rows; i++) {
        V16 sum = part[i * columns + j];
        if (INNER_PRODUCT) sum *= inverse_scales * a->inverse_scales[first + i];
        if (before) sum += FROM(before + j * at->results + (first + i) * before_row);
        AT(to + j * at->results + (first + i) * row) = sum;
      }
    }
  }
}
// From sums `before`, if that is not NULL.
static void NAME(f32_gemm_bwd_weights)(
    const trompe_panel *rows, const trompe_panel *columns, const trompe_nr_blocks *at,
    int64_t blocks, const float *before, int64_t before_row, float *to, int64_t row,
    const trompe_prefetch_steps *next) {
  WITH_NR_BLOCKS(
      at->count, gemm_bwd_weights, rows, columns, at, blocks, before, before_row, to, row, next);
}
