// Sums of an A panel by some B panels: begun by begin_sums, and then made by sum_rows for each MR
// rows from the first on. Included by ukernels/ukernels.h.
#if !defined(NAME) || !defined(INLINE) || !defined(V16) || !defined(NR_BLOCKS) || \
    !defined(KC_BLOCKS)
#error "a template of ukernels/ukernels.h: include that"
#endif

typedef struct {
  const float *a, *b;
  trompe_nr_blocks columns;
  int64_t blocks;  // of 16 steps
  const float *row_corrections, *column_corrections;
  PREFETCH prefetch;
  PREFETCH_PROGRESS progress;
  int has_earlier;
  int has_new_columns;  // there are earlier sums, but from other B panels: these are not corrected
                        // yet
  const V16 *earlier;   // sums of the steps that are done: of each row those of all B panels
  V16 *own;             // room for such sums
} NAME(Sums);
#define SUMS NAME(Sums)

// Keeps the compiler from loading what comes later into registers that it does not have.
#define FENCE __asm__ volatile("" ::: "memory");

#if INNER_PRODUCT
#include "arch/x86/f32_wip_8x32.h"
#elif defined(HAS_NEON)
#include "arch/arm/f32_gemm_4x16_neon.h"
#else
#include "ukernels/f32_gemm_8x48.h"
#endif

INLINE void NAME(begin_sums)(SUMS *s, const int rows) {
  s->progress = NAME(spread_prefetch)(&s->prefetch, NAME(prefetch_times)(s->blocks, rows));
  s->has_earlier = 0;
}
// By multiply-adds, all but the last KC steps are done for all rows before the epilogue of the
// first.
INLINE void NAME(sum_rows)(
    SUMS *s, const int rows, const int columns, const int row, const int step, int first, V16 *to) {
  for (; !INNER_PRODUCT && s->blocks > KC_BLOCKS;
       s->blocks -= KC_BLOCKS, s->has_earlier = 1, s->earlier = s->own) {
    for (int i = 0; i < 16; i += rows)
      NAME(sum_steps)(s, rows, columns, row, step, i, KC_BLOCKS, s->own + i * columns);
    s->a += KC_BLOCKS * 256;
    s->b += KC_BLOCKS * 256;
  }
  NAME(sum_steps)(s, rows, columns, row, step, first, s->blocks, to);
}
