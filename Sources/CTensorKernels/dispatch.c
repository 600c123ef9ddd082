// Compiles the inner loops for several x86 levels and picks one at run time.

// Vectors of two registers are passed between functions that are all inlined.
#pragma clang diagnostic ignored "-Wpsabi"

#include <dnnl.h>
#include <stdlib.h>
#include <string.h>

#include "far.h"
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

typedef enum { BASELINE, AVX2, AVX512 } Level;

static int has_avx512(void) {
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
         __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw");
}
static int has_avx2(void) {
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}

// What the environment allows.
static Level limit(void) {
  const char *most = getenv("TROMPE_MAX_ISA");
  if (most && strcmp(most, "baseline") == 0) return BASELINE;
  return most && strcmp(most, "avx2") == 0 ? AVX2 : AVX512;
}

static Level level(void) {
  static _Atomic int known = -1;
  if (known < 0) {
    const Level here = has_avx512() ? AVX512 : has_avx2() ? AVX2 : BASELINE, most = limit();
    known = here < most ? here : most;
  }
  return (Level)known;
}

const KernelTable *trompe_kernels(void) {
  static const KernelTable *const tables[] = {&table_baseline, &table_avx2, &table_avx512};
  return tables[level()];
}

const char *trompe_instruction_set(void) {
  static const char *const names[] = {"baseline", "avx2", "avx512"};
  return names[level()];
}

int trompe_has_wide_vectors(void) { return level() == AVX512; }

// oneDNN's own levels, so that it keeps to the same limit.
int trompe_onednn_isa(void) {
  return limit() == AVX512 ? 0 : limit() == AVX2 ? dnnl_cpu_isa_avx2 : dnnl_cpu_isa_sse41;
}
#else
const KernelTable *trompe_kernels(void) { return &table_baseline; }

const char *trompe_instruction_set(void) { return "baseline"; }

int trompe_has_wide_vectors(void) { return 0; }

int trompe_onednn_isa(void) { return 0; }
#endif
