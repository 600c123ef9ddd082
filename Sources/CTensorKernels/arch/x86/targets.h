// What kernels are compiled for, and beside it what of that must be found before they are used.
#pragma once

#include "kernels_cpu.h"

#define TROMPE_TARGET_AVX2 "avx2,fma,f16c,bmi,bmi2"
#define TROMPE_TARGET_AVX512 "avx512f,avx512vl,avx512dq,avx512bw," TROMPE_TARGET_AVX2

enum {
  TROMPE_NEEDED_BY_AVX2 = TROMPE_HAS_AVX | TROMPE_HAS_AVX2 | TROMPE_HAS_FMA | TROMPE_HAS_F16C |
                          TROMPE_HAS_BMI | TROMPE_HAS_BMI2 | TROMPE_KEEPS_YMM,
  TROMPE_NEEDED_BY_AVX512 = TROMPE_NEEDED_BY_AVX2 | TROMPE_HAS_AVX512F | TROMPE_HAS_AVX512VL |
                            TROMPE_HAS_AVX512DQ | TROMPE_HAS_AVX512BW | TROMPE_KEEPS_ZMM,
};
