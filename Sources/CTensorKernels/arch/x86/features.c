// What the processor can do. All that kernels are compiled for (targets.h) is probed, and whether
// the operating system saves the wider registers.
#include "kernels_cpu.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif
#include <string.h>

#if defined(__x86_64__)
static uint64_t read_xcr0(void) {
  uint32_t low, high;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return (uint64_t)high << 32 | low;
}

trompe_cpuid trompe_read_cpuid(void) {
  enum { OSXSAVE = 1 << 27, PERFORMANCE = 0x8000001a };
  trompe_cpuid found = {0};
  uint32_t a, b, c, d;
  if (!__get_cpuid(0, &a, &b, &c, &d)) return found;
  const uint32_t vendor[3] = {b, d, c};
  found.is_amd = memcmp(vendor, "AuthenticAMD", sizeof vendor) == 0;
  if (__get_cpuid(1, &a, &b, &c, &d)) {
    found.leaf1_eax = a;
    found.leaf1_ecx = c;
    if (c & OSXSAVE) found.xcr0 = read_xcr0();
  }
  if (__get_cpuid_count(7, 0, &a, &b, &c, &d)) found.leaf7_ebx = b;
  if (__get_cpuid(PERFORMANCE, &a, &b, &c, &d)) found.extended1a_eax = a;
  return found;
}
#else
trompe_cpuid trompe_read_cpuid(void) { return (trompe_cpuid){0}; }
#endif

// Whether 512-bit instructions are executed as a whole: Intel's, and AMD's from Zen 5 on, but for
// those that report that their units are of 256 bits.
static int has_native_512(const trompe_cpuid *r) {
  enum { UNITS_ARE_OF_256 = 1 << 2, UNITS_ARE_OF_512 = 1 << 3, ZEN_5 = 0x1a };
  if (!r->is_amd) return 1;
  const uint32_t family = (r->leaf1_eax >> 8 & 0xf) + (r->leaf1_eax >> 20 & 0xff);
  return family >= ZEN_5 &&
         !(r->extended1a_eax & UNITS_ARE_OF_256 && !(r->extended1a_eax & UNITS_ARE_OF_512));
}

uint32_t trompe_cpu_features(const trompe_cpuid *r) {
  // The states of registers that XCR0 has a bit for: SSE and AVX; beside them masks and both halves
  // of ZMM.
  enum { YMM_STATE = 0x6, ZMM_STATE = 0xe6 };
  static const struct {
    int bit;
    trompe_cpu_feature feature;
  } leaf1[] = {{12, TROMPE_HAS_FMA}, {28, TROMPE_HAS_AVX}, {29, TROMPE_HAS_F16C}},
    leaf7[] = {{3, TROMPE_HAS_BMI},      {5, TROMPE_HAS_AVX2},      {8, TROMPE_HAS_BMI2},
               {16, TROMPE_HAS_AVX512F}, {17, TROMPE_HAS_AVX512DQ}, {30, TROMPE_HAS_AVX512BW},
               {31, TROMPE_HAS_AVX512VL}};
  uint32_t features = 0;
  for (size_t i = 0; i < sizeof leaf1 / sizeof *leaf1; i++)
    if (r->leaf1_ecx >> leaf1[i].bit & 1) features |= leaf1[i].feature;
  for (size_t i = 0; i < sizeof leaf7 / sizeof *leaf7; i++)
    if (r->leaf7_ebx >> leaf7[i].bit & 1) features |= leaf7[i].feature;
  if ((r->xcr0 & YMM_STATE) == YMM_STATE) features |= TROMPE_KEEPS_YMM;
  if ((r->xcr0 & ZMM_STATE) == ZMM_STATE) features |= TROMPE_KEEPS_ZMM;
  if (r->is_amd) features |= TROMPE_HAS_FADD_PIPES | TROMPE_HAS_FAST_NONTEMPORAL;
  if (has_native_512(r)) features |= TROMPE_HAS_NATIVE_512;
  return features;
}

#if defined(__x86_64__)
uint32_t trompe_features_here(void) {
  const trompe_cpuid registers = trompe_read_cpuid();
  return trompe_cpu_features(&registers);
}
#endif
