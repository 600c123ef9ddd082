// Compiles the inner loops for several x86 levels, and knows which of them to use.

// Vectors of two registers are passed between functions that are all inlined.
#pragma clang diagnostic ignored "-Wpsabi"

#include <dnnl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "extremes.h"
#include "far.h"
#include "isa/table.h"
#include "points.h"

#define SUFFIX baseline
#define LEVEL TROMPE_BASELINE
#include "isa/kernels.h"
#undef LEVEL
#undef SUFFIX

#if defined(__x86_64__)
#pragma clang attribute push(__attribute__((target("avx2,fma,f16c,bmi,bmi2"))), apply_to = function)
#define SUFFIX avx2
#define LEVEL TROMPE_AVX2
#define HAS_TILES
#include "isa/kernels.h"
#undef LEVEL
#undef SUFFIX
#pragma clang attribute pop

#pragma clang attribute push( \
    __attribute__((target("avx512f,avx512vl,avx512dq,avx512bw,avx2,fma,f16c,bmi,bmi2"))), \
    apply_to = function)
#define HAS_WIDE_VECTORS
#define LEVEL TROMPE_AVX512
#define SUFFIX avx512
#include "isa/kernels.h"
#undef SUFFIX
#define SUFFIX avx512_adders
#define HAS_ADDERS
#include "isa/kernels.h"
#undef HAS_ADDERS
#undef HAS_WIDE_VECTORS
#undef HAS_TILES
#undef LEVEL
#undef SUFFIX
#pragma clang attribute pop
#endif

// Every set of kernels that is compiled in, from the least to the most that is asked of a processor.
static const trompe_kernels *const tables[] = {
    &table_baseline,
#if defined(__x86_64__)
    &table_avx2, &table_avx512, &table_avx512_adders,
#endif
};

enum { TABLES = sizeof tables / sizeof *tables, VARIANTS_MAX = TABLES * COLUMN_BLOCKS_MAX };

// Each of them for each number of columns at once: made once, and never changed.
typedef struct {
  trompe_kernels kernels[VARIANTS_MAX];
  char names[VARIANTS_MAX][32];
  int count;
} Variants;

static Variants variants;

static void make_variants(void) {
  static const char *const levels[] = {"baseline", "avx2", "avx512"};
  const trompe_cpuid registers = trompe_read_cpuid();
  const uint32_t features = trompe_cpu_features(&registers);
  for (int t = 0; t < TABLES; t++)
    for (int64_t blocks = 1; blocks <= tables[t]->nr_blocks_max; blocks++) {
      trompe_kernels *kernels = &variants.kernels[variants.count];
      char *name = variants.names[variants.count++];
      *kernels = *tables[t];
      kernels->nr_blocks = blocks;
      kernels->has_fast_nontemporal = (features & TROMPE_HAS_FAST_NONTEMPORAL) != 0;
      if (kernels->nr_blocks_max == 1)
        snprintf(name, sizeof *variants.names, "%s", levels[kernels->level]);
      else
        snprintf(name, sizeof *variants.names, "%s-%s-nr%d", levels[kernels->level],
                 kernels->has_inner_product ? "wip" : "fma", (int)blocks * 16);
      kernels->name = name;
    }
}

static const Variants *all_variants(void) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, make_variants);
  return &variants;
}

const trompe_kernels *trompe_kernels_at(int index) {
  const trompe_cpuid registers = trompe_read_cpuid();
  const trompe_level level = trompe_level_of(trompe_cpu_features(&registers));
  const Variants *all = all_variants();
  for (int i = 0; i < all->count; i++)
    if (all->kernels[i].level <= level && index-- == 0) return &all->kernels[i];
  return NULL;
}

static trompe_level lesser(trompe_level a, trompe_level b) { return a < b ? a : b; }

// The level that the value of TROMPE_MAX_ISA names.
static trompe_level limit(const char *max_isa) {
  if (max_isa && strcmp(max_isa, "baseline") == 0) return TROMPE_BASELINE;
  return max_isa && strcmp(max_isa, "avx2") == 0 ? TROMPE_AVX2 : TROMPE_AVX512;
}

const trompe_kernels *trompe_kernels_for(
    uint32_t features, const char *max_isa, const char *products, const char *column_blocks) {
  const trompe_level level = lesser(trompe_level_of(features), limit(max_isa));
  const int has_pipes = products && strcmp(products, "pairs") == 0    ? 1
                        : products && strcmp(products, "single") == 0 ? 0
                                                                      : (features & TROMPE_HAS_FADD_PIPES) != 0;
  const int has_inner_product = level == TROMPE_AVX512 && has_pipes;
  int64_t blocks = features & TROMPE_HAS_NATIVE_512 ? COLUMN_BLOCKS_MAX : 1;
  if (column_blocks && *column_blocks > '0' && *column_blocks <= '0' + COLUMN_BLOCKS_MAX &&
      !column_blocks[1])
    blocks = *column_blocks - '0';
  const Variants *all = all_variants();
  for (int i = 0; i < all->count; i++) {
    const trompe_kernels *kernels = &all->kernels[i];
    if (kernels->level == level && kernels->has_inner_product == has_inner_product &&
        kernels->nr_blocks == smaller(blocks, kernels->nr_blocks_max))
      return kernels;
  }
  return NULL;
}

const trompe_kernels *trompe_best_kernels(void) {
  const trompe_cpuid registers = trompe_read_cpuid();
  return trompe_kernels_for(
      trompe_cpu_features(&registers), getenv("TROMPE_MAX_ISA"), getenv("TROMPE_PRODUCTS"),
      getenv("TROMPE_COLUMN_BLOCKS"));
}

const char *trompe_kernels_name(const trompe_kernels *kernels) { return kernels->name; }
trompe_level trompe_kernels_level(const trompe_kernels *kernels) { return kernels->level; }
int trompe_has_wide_vectors(const trompe_kernels *kernels) { return kernels->has_wide_vectors; }
int trompe_has_own_convolutions(const trompe_kernels *kernels) {
  return kernels->packed_write_pixels != NULL;
}
int trompe_has_inner_product(const trompe_kernels *kernels) { return kernels->has_inner_product; }

// oneDNN's own levels, so that it keeps to the same limit.
int trompe_onednn_isa(void) {
#if defined(__x86_64__)
  static const int isas[] = {dnnl_cpu_isa_sse41, dnnl_cpu_isa_avx2, 0};
  return isas[limit(getenv("TROMPE_MAX_ISA"))];
#else
  return 0;
#endif
}
