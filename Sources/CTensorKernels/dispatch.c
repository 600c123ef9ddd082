// Compiles the inner loops for several x86 levels and picks one at run time.

// Vectors of two registers are passed between functions that are all inlined.
#pragma clang diagnostic ignored "-Wpsabi"

#include "isa/table.h"
#include "points.h"

#define SUFFIX baseline
#include "isa/kernels.h"
#undef SUFFIX

#if defined(__x86_64__)
#pragma clang attribute push(__attribute__((target("avx2,fma,f16c,bmi,bmi2"))), apply_to = function)
#define SUFFIX avx2
#define HAS_TILES
#include "isa/kernels.h"
#undef SUFFIX
#pragma clang attribute pop

#pragma clang attribute push( \
    __attribute__((target("avx512f,avx512vl,avx512dq,avx512bw,avx2,fma,f16c,bmi,bmi2"))), \
    apply_to = function)
#define SUFFIX avx512
#define HAS_WIDE_VECTORS
#include "isa/kernels.h"
#undef HAS_WIDE_VECTORS
#undef HAS_TILES
#undef SUFFIX
#pragma clang attribute pop

static int has_avx512(void) {
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
         __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw");
}
static int has_avx2(void) {
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}

const KernelTable *trompe_kernels(void) {
  if (has_avx512()) return &table_avx512;
  return has_avx2() ? &table_avx2 : &table_baseline;
}

const char *trompe_instruction_set(void) {
  if (has_avx512()) return "avx512";
  return has_avx2() ? "avx2" : "baseline";
}

int trompe_has_wide_vectors(void) { return has_avx512(); }
#else
const KernelTable *trompe_kernels(void) { return &table_baseline; }

const char *trompe_instruction_set(void) { return "baseline"; }

int trompe_has_wide_vectors(void) { return 0; }
#endif
