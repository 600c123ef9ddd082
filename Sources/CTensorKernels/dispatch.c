// Compiles the inner loops for several x86 levels and picks one at run time.

// Vectors of two registers are passed between functions that are all inlined.
#pragma clang diagnostic ignored "-Wpsabi"

#include <dnnl.h>
#if defined(__x86_64__)
#include <cpuid.h>
#endif
#include <stdlib.h>
#include <string.h>

#include "extremes.h"
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
#define HAS_WIDE_VECTORS
#define SUFFIX avx512
#include "isa/kernels.h"
#undef SUFFIX
#define SUFFIX avx512_adders
#define HAS_ADDERS
#include "isa/kernels.h"
#undef HAS_ADDERS
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

// Whether units that only add work beside those that multiply: Zen's do, Intel's are the same. TROMPE_PRODUCTS of
// the environment may ask for kernels that need them, or do not.
static int has_adders(void) {
  static _Atomic int known = -1;
  if (known < 0) {
    const char *wanted = getenv("TROMPE_PRODUCTS");
    known = wanted && strcmp(wanted, "pairs") == 0    ? 1
            : wanted && strcmp(wanted, "single") == 0 ? 0
                                                      : __builtin_cpu_is("amd") != 0;
  }
  return known;
}

const KernelTable *trompe_kernels(void) {
  static const KernelTable *const tables[] = {&table_baseline, &table_avx2, &table_avx512};
  return level() == AVX512 && has_adders() ? &table_avx512_adders : tables[level()];
}

const char *trompe_instruction_set(void) {
  static const char *const names[] = {"baseline", "avx2", "avx512"};
  return names[level()];
}

int trompe_has_wide_vectors(void) { return level() == AVX512; }

int trompe_far_pays(void) { return __builtin_cpu_is("amd") != 0; }

// Whether registers of 512 bits are taken at once: Intel's, and AMD's from Zen 5 on, but for those that say that
// their units are of 256 bits.
static int has_whole_registers(void) {
  enum { UNITS = 0x8000001a, ARE_OF_256 = 1 << 2, ARE_OF_512 = 1 << 3, ZEN_5 = 0x1a };
  unsigned a, b, c, d;
  if (!__builtin_cpu_is("amd")) return 1;
  if (!__get_cpuid(1, &a, &b, &c, &d)) return 0;
  const unsigned family = (a >> 8 & 0xf) + (a >> 20 & 0xff);
  const int knows = __get_cpuid(UNITS, &a, &b, &c, &d);
  return family >= ZEN_5 && !(knows && a & ARE_OF_256 && !(a & ARE_OF_512));
}

static int64_t columns_at_once(void) {
  const int64_t most = trompe_kernels()->column_blocks;
  const char *wanted = getenv("TROMPE_COLUMN_BLOCKS");
  if (wanted && *wanted > '0' && *wanted <= '0' + COLUMN_BLOCKS_MAX && !wanted[1])
    return smaller(*wanted - '0', most);
  return has_whole_registers() ? most : 1;
}

int64_t trompe_columns_at_once(void) {
  static _Atomic int64_t known = 0;
  if (!known) known = columns_at_once();
  return known;
}

// oneDNN's own levels, so that it keeps to the same limit.
int trompe_onednn_isa(void) {
  return limit() == AVX512 ? 0 : limit() == AVX2 ? dnnl_cpu_isa_avx2 : dnnl_cpu_isa_sse41;
}
#else
const KernelTable *trompe_kernels(void) { return &table_baseline; }

const char *trompe_instruction_set(void) { return "baseline"; }

int trompe_has_wide_vectors(void) { return 0; }

int trompe_far_pays(void) { return 0; }

int64_t trompe_columns_at_once(void) { return 1; }

int trompe_onednn_isa(void) { return 0; }
#endif
