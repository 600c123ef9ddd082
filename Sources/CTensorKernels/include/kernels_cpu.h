// The instruction sets that kernels are compiled for, which of them a processor has, and what
// computes one call: the kernels of one of them, and threads of the pool.
#pragma once

#include <stdint.h>

// What a processor and its operating system can do, as far as kernels need it.
typedef enum {
  TROMPE_HAS_AVX = 1 << 0,
  TROMPE_HAS_AVX2 = 1 << 1,
  TROMPE_HAS_FMA = 1 << 2,
  TROMPE_HAS_F16C = 1 << 3,
  TROMPE_HAS_BMI = 1 << 4,
  TROMPE_HAS_BMI2 = 1 << 5,
  TROMPE_HAS_AVX512F = 1 << 6,
  TROMPE_HAS_AVX512VL = 1 << 7,
  TROMPE_HAS_AVX512DQ = 1 << 8,
  TROMPE_HAS_AVX512BW = 1 << 9,
  // The system keeps registers of 256 and of 512 bits when it switches between threads.
  TROMPE_KEEPS_YMM = 1 << 10,
  TROMPE_KEEPS_ZMM = 1 << 11,
  TROMPE_HAS_NEON = 1 << 15,
  // Performance, not permission: additions have pipes of their own beside those of multiply-adds,
  // 512-bit instructions are executed as a whole, and non-temporal stores are as fast as others.
  TROMPE_HAS_FADD_PIPES = 1 << 12,
  TROMPE_HAS_NATIVE_512 = 1 << 13,
  TROMPE_HAS_FAST_NONTEMPORAL = 1 << 14,
} trompe_cpu_feature;

// Each is compiled for what is beside its name in arch/x86/targets.h.
typedef enum { TROMPE_BASELINE, TROMPE_AVX2, TROMPE_AVX512, TROMPE_NEON } trompe_level;

// The registers of CPUID and XCR0 that features follow from: eax, ebx, ecx, edx of a leaf, 0 where
// there is none.
typedef struct {
  int is_amd;
  uint32_t leaf1_eax, leaf1_ecx;
  uint32_t leaf7_ebx;
  uint32_t extended1a_eax;  // 0x8000001a
  uint64_t xcr0;            // 0 without OSXSAVE
} trompe_cpuid;

// Of this processor; all 0 on others than x86-64.
trompe_cpuid trompe_read_cpuid(void);
uint32_t trompe_cpu_features(const trompe_cpuid *registers);
// The highest level all of whose instructions, those of the levels below among them, may be used.
trompe_level trompe_level_of(uint32_t features);

// The kernels of one instruction set and how they are used: how they multiply, and how many columns
// (NR) at once.
typedef struct trompe_kernels trompe_kernels;

// Those that are fastest here; the environment may name lesser ones: TROMPE_MAX_ISA a level
// ("baseline", "avx2"), TROMPE_PRODUCTS how AVX-512 multiplies ("pairs": by Winograd's inner
// product, "single": by multiply-adds), TROMPE_COLUMN_BLOCKS NR / 16 (1, 2 or 3; no more than
// kernels can).
const trompe_kernels *trompe_best_kernels(void);
// All that run on this processor, whether or not they are fast here: the `index`-th, NULL after the
// last.
const trompe_kernels *trompe_kernels_at(int index);
// Those of some features that are fastest, by the values of the variables above or NULL. NULL if
// they are not compiled in.
const trompe_kernels *trompe_kernels_for(
    uint32_t features, const char *max_isa, const char *products, const char *column_blocks);

// "avx512-wip-nr32": level, Winograd's inner product (wip) or multiply-adds (fma), NR.
const char *trompe_kernels_name(const trompe_kernels *kernels);
trompe_level trompe_kernels_level(const trompe_kernels *kernels);
// Whether vectors are of 16 floats and there are 32 of them: AVX-512.
int trompe_has_wide_vectors(const trompe_kernels *kernels);
// Whether there are convolutions of our own, ...
int trompe_has_own_convolutions(const trompe_kernels *kernels);
// ... and whether they multiply by Winograd's inner product.
int trompe_has_inner_product(const trompe_kernels *kernels);

// What computes a call.
typedef struct {
  const trompe_kernels *kernels;
  int threads;
} trompe_cpu;
