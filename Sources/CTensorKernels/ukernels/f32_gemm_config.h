// The shapes of the GEMM microkernels of one instruction set: MR rows of A by NR columns of B,
// whose sums stay in registers, over blocks of KC steps. Included by ukernels/ukernels.h.
//
// A panels are packed [K / 16][16 rows][16 steps], B panels [K][16 columns]; NR is 1, 2 or 3 B
// panels.
//
// Loads limit the sums: each value of A, which is broadcast to a register, is used for two or three
// B panels, of eight rows at a time.
#if !defined(NAME) || !defined(V16) || !defined(LANE_COUNT)
#error "a template of ukernels/ukernels.h: include that"
#endif

// Whether products are made by Winograd's inner product (arch/x86/f32_wip_8x32.h) or by
// multiply-adds (ukernels/f32_gemm_8x48.h).
#if defined(HAS_WIDE_VECTORS) && defined(HAS_FADD_PIPES)
#define INNER_PRODUCT 1
#else
#define INNER_PRODUCT 0
#endif

// B panels at once, at most; MR for so many of them; KC in blocks of 16 steps, so that the B panels
// stay in the first-level cache while A panels pass by; and after how many blocks of steps the next
// lines are prefetched.
#ifdef HAS_WIDE_VECTORS
#define NR_BLOCKS (INNER_PRODUCT ? 2 : 3)
#define MR_OF(nr_blocks) ((nr_blocks) > 1 ? 8 : 16)
#define KC_BLOCKS 8
#define PREFETCH_BLOCKS 2
#else
#define NR_BLOCKS 1
#define MR_OF(nr_blocks) 4
#define KC_BLOCKS 16
#define PREFETCH_BLOCKS KC_BLOCKS
#endif
// Sums in registers of 16 floats, at most.
#define SUMS_MAX (NR_BLOCKS > 2 ? 24 : 16)
// Calls the template `name` with a constant number of B panels.
#define WITH_NR_BLOCKS(count, name, ...)                             \
  if (NR_BLOCKS > 2 && (count) > 2) NAME(name)(3, __VA_ARGS__);      \
  else if (NR_BLOCKS > 1 && (count) > 1) NAME(name)(2, __VA_ARGS__); \
  else NAME(name)(1, __VA_ARGS__);
// Residuals and masks are prefetched into the first-level cache (3) or the second (2): Intel's
// first is small, and lines on their way to it evict those that the sums need.
#if defined(HAS_WIDE_VECTORS) && !INNER_PRODUCT
#define READ_LEVEL 2
#else
#define READ_LEVEL 3
#endif
