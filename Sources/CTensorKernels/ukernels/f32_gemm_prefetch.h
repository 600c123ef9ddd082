// Software prefetch while sums are made, a few lines at a time: all at once, they would be waited
// for. Included by ukernels/ukernels.h.
#if !defined(NAME) || !defined(NR_BLOCKS) || !defined(READ_LEVEL)
#error "a template of ukernels/ukernels.h: include that"
#endif

typedef struct {
  const float *next[NR_BLOCKS_MAX];  // lines that follow each other, of some blocks: ...
  int64_t lines;                     // ... so many of each every time
  // 16 pixels of the images that are not NULL, of some blocks of channels.
  const float *read[2], *written;
  const int64_t *pixels;
  int64_t blocks, block;
  trompe_prefetch_pixels rows;
  trompe_prefetch_steps columns;
} NAME(Prefetch);
#define PREFETCH NAME(Prefetch)

// How much of it each time, and how much has been.
typedef struct {
  int64_t pixels, rows, columns, pixel, row, column;
} NAME(PrefetchProgress);
#define PREFETCH_PROGRESS NAME(PrefetchProgress)

INLINE PREFETCH_PROGRESS NAME(spread_prefetch)(const PREFETCH *prefetch, int64_t times) {
  if (!times) return (PREFETCH_PROGRESS){0};
  return (PREFETCH_PROGRESS){
      .pixels = (16 * prefetch->blocks + times - 1) / times,
      .rows = (prefetch->rows.lines + times - 1) / times,
      .columns = (prefetch->columns.lines + times - 1) / times};
}

INLINE void NAME(prefetch)(PREFETCH *prefetch, PREFETCH_PROGRESS *progress) {
  UNROLL_FOR(int b = 0; b < NR_BLOCKS; b++)
    if (prefetch->next[b])
      for (int64_t i = 0; i < prefetch->lines; i++, prefetch->next[b] += 16)
        __builtin_prefetch(prefetch->next[b], 0, 2);
  if (prefetch->pixels)
    for (const int64_t end = smaller(progress->pixel + progress->pixels, 16 * prefetch->blocks);
         progress->pixel < end; progress->pixel++) {
      const int64_t offset = prefetch->pixels[progress->pixel / prefetch->blocks] +
                             progress->pixel % prefetch->blocks * prefetch->block;
      if (prefetch->read[0]) __builtin_prefetch(prefetch->read[0] + offset, 0, READ_LEVEL);
      if (prefetch->read[1]) __builtin_prefetch(prefetch->read[1] + offset, 0, READ_LEVEL);
      if (prefetch->written) __builtin_prefetch(prefetch->written + offset, 1);
    }
  for (const int64_t end = smaller(progress->row + progress->rows, prefetch->rows.lines);
       progress->row < end; progress->row++) {
    const trompe_pixel from = prefetch->rows.pixels[progress->row % 16];
    __builtin_prefetch(
        from.values + (prefetch->rows.first + progress->row / 16) * from.block, 0, 2);
  }
  for (const int64_t end = smaller(progress->column + progress->columns, prefetch->columns.lines);
       progress->column < end; progress->column++)
    __builtin_prefetch(prefetch->columns.image + prefetch->columns.offsets[progress->column], 0, 2);
}
