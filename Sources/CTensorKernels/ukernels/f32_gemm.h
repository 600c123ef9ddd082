// C = A·B with an epilogue: 16 pixels of an image by 16 channels of each B panel. Included by
// ukernels/ukernels.h.
#if !defined(NAME) || !defined(INLINE) || !defined(V16) || !defined(MR_OF) || \
    !defined(WITH_NR_BLOCKS)
#error "a template of ukernels/ukernels.h: include that"
#endif

// Over an even number of blocks of steps, which others follow: [16][B panels][16]. Added to the
// sums of the steps before, unless it is the first time.
INLINE void NAME(gemm_accumulate)(
    const int columns, const trompe_panel *a, const trompe_panel *b, const trompe_nr_blocks *at,
    int64_t blocks, int is_first, float *to) {
  const int rows = MR_OF(columns);
  SUMS sums = {
      .a = a->values,
      .b = b->values,
      .columns = *at,
      .blocks = blocks,
      .row_corrections = a->corrections,
      .column_corrections = b->corrections,
      .earlier = (const V16 *)to,
      .own = (V16 *)to};
  NAME(begin_sums)(&sums, rows);
  sums.has_earlier = !is_first;
  for (int i = 0; i < 16; i += rows)
    NAME(sum_steps)(&sums, rows, columns, 16, 1, i, blocks, (V16 *)to + i * columns);
}

static void NAME(f32_gemm_accumulate)(
    const trompe_panel *rows, const trompe_panel *columns, const trompe_nr_blocks *at,
    int64_t blocks, int is_first, float *to) {
  WITH_NR_BLOCKS(at->count, gemm_accumulate, rows, columns, at, blocks, is_first, to);
}
INLINE void NAME(gemm)(
    const int columns, const trompe_panel *a, const trompe_panel *b, const trompe_nr_blocks *at,
    int64_t blocks, const float *before, const trompe_epilogue *after, float *to,
    const int64_t *offsets, int64_t count, const trompe_prefetch_pixels *next) {
  const int rows = MR_OF(columns);
  V16 earlier[16 * NR_BLOCKS];
  SUMS sums = {
      .a = a->values,
      .b = b->values,
      .columns = *at,
      .blocks = blocks,
      .row_corrections = a->corrections,
      .column_corrections = b->corrections,
      .earlier = before ? (const V16 *)before : earlier,
      .own = earlier,
      .prefetch = {
          .pixels = next->results, .blocks = columns, .block = at->results, .rows = *next}};
  if (!after->is_nontemporal) sums.prefetch.written = to + next->distance;
  if (after->residual) sums.prefetch.read[0] = after->residual + next->distance;
  if (after->mask) sums.prefetch.read[1] = after->mask + next->distance;
  NAME(begin_sums)(&sums, rows);
  sums.has_earlier = before != NULL;
  for (int i = 0; i < 16; i += rows) {
    V16 part[SUMS_MAX];
    NAME(sum_rows)(&sums, rows, columns, 16, 1, i, part);
    trompe_epilogue of_block = *after;
    UNROLL_FOR(int j = 0; j < columns; j++) {
      V16 block[16];
      UNROLL_FOR(int r = 0; r < rows; r++) block[r] = part[r * columns + j];
      NAME(epilogue)
      (rows, block, a->inverse_scales + i, FROM(b->inverse_scales + j * at->corrections), &of_block,
       to + j * at->results, offsets + i, count - i);
      of_block = NAME(next_block)(of_block, at->results);
    }
  }
}
// Blocks of 16 channels of 16 pixels, of which `count` are written, from sums `before`, if that is
// not NULL.
static void NAME(f32_gemm)(
    const trompe_panel *rows, const trompe_panel *columns, const trompe_nr_blocks *at,
    int64_t blocks, const float *before, const trompe_epilogue *after, float *to,
    const int64_t *offsets, int64_t count, const trompe_prefetch_pixels *next) {
  WITH_NR_BLOCKS(
      at->count, gemm, rows, columns, at, blocks, before, after, to, offsets, count, next);
}
