// Which kernels there are, and which of them to use: the one table to which an instruction set is
// added.
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arch/kernel_table.h"
#include "arch/x86/targets.h"
#include "ukernels/extremes.h"

// Every set of kernels that is compiled in, each after those of lower levels.
static const trompe_kernels *const tables[] = {
    &trompe_kernels_baseline,
#if defined(__x86_64__)
    &trompe_kernels_avx2,
    &trompe_kernels_avx512,
    &trompe_kernels_avx512_wip,
#elif defined(__aarch64__)
    &trompe_kernels_neon,
#endif
};
static const char *const level_names[] = {"baseline", "avx2", "avx512", "neon"};

enum { TABLES = sizeof tables / sizeof *tables, VARIANTS_MAX = TABLES * NR_BLOCKS_MAX };

// Each of them with each NR: made once, and never changed.
typedef struct {
  trompe_kernels kernels[VARIANTS_MAX];
  char names[VARIANTS_MAX][32];
  int count;
} Variants;

static Variants variants;

static void make_variants(void) {
  const uint32_t features = trompe_features_here();
  for (int t = 0; t < TABLES; t++)
    for (int64_t blocks = 1; blocks <= tables[t]->nr_blocks_max; blocks++) {
      trompe_kernels *kernels = &variants.kernels[variants.count];
      char *name = variants.names[variants.count++];
      *kernels = *tables[t];
      kernels->nr_blocks = blocks;
      kernels->has_fast_nontemporal = (features & TROMPE_HAS_FAST_NONTEMPORAL) != 0;
      if (kernels->nr_blocks_max == 1)
        snprintf(name, sizeof *variants.names, "%s", level_names[kernels->level]);
      else
        snprintf(
            name, sizeof *variants.names, "%s-%s-nr%d", level_names[kernels->level],
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
  const trompe_level level = trompe_level_of(trompe_features_here());
  const Variants *all = all_variants();
  for (int i = 0; i < all->count; i++)
    if (all->kernels[i].level <= level && index-- == 0) return &all->kernels[i];
  return NULL;
}

#if !defined(__x86_64__) && !defined(__aarch64__)
uint32_t trompe_features_here(void) { return 0; }
#endif

trompe_level trompe_level_of(uint32_t features) {
  static const struct {
    trompe_level level;
    uint32_t needed;
  } levels[] = {
      {TROMPE_NEON, TROMPE_HAS_NEON},
      {TROMPE_AVX512, TROMPE_NEEDED_BY_AVX512},
      {TROMPE_AVX2, TROMPE_NEEDED_BY_AVX2}};
  for (size_t i = 0; i < sizeof levels / sizeof *levels; i++)
    if ((features & levels[i].needed) == levels[i].needed) return levels[i].level;
  return TROMPE_BASELINE;
}

static trompe_level lesser(trompe_level a, trompe_level b) { return a < b ? a : b; }

trompe_level trompe_level_limit(void) { return trompe_level_named(getenv("TROMPE_MAX_ISA")); }

trompe_level trompe_level_named(const char *name) {
  const int count = sizeof level_names / sizeof *level_names;
  for (int i = 0; name && i < count; i++)
    if (strcmp(name, level_names[i]) == 0) return (trompe_level)i;
  return (trompe_level)(count - 1);
}

const trompe_kernels *trompe_kernels_for(
    uint32_t features, const char *max_isa, const char *products, const char *column_blocks) {
  const trompe_level level = lesser(trompe_level_of(features), trompe_level_named(max_isa));
  const int has_pipes = products && strcmp(products, "pairs") == 0 ? 1
                        : products && strcmp(products, "single") == 0
                            ? 0
                            : (features & TROMPE_HAS_FADD_PIPES) != 0;
  const int has_inner_product = level == TROMPE_AVX512 && has_pipes;
  int64_t blocks = features & TROMPE_HAS_NATIVE_512 ? NR_BLOCKS_MAX : 1;
  if (column_blocks && *column_blocks > '0' && *column_blocks <= '0' + NR_BLOCKS_MAX &&
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
  return trompe_kernels_for(
      trompe_features_here(), getenv("TROMPE_MAX_ISA"), getenv("TROMPE_PRODUCTS"),
      getenv("TROMPE_COLUMN_BLOCKS"));
}

const char *trompe_kernels_name(const trompe_kernels *kernels) { return kernels->name; }
trompe_level trompe_kernels_level(const trompe_kernels *kernels) { return kernels->level; }
int trompe_has_wide_vectors(const trompe_kernels *kernels) { return kernels->has_wide_vectors; }
int trompe_has_own_convolutions(const trompe_kernels *kernels) { return kernels->f32_gemm != NULL; }
int trompe_has_inner_product(const trompe_kernels *kernels) { return kernels->has_inner_product; }
