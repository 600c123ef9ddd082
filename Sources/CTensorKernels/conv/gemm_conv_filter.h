// Filters of a convolution by GEMM as B panels: of each tap group in turn.
#pragma once

#include "arch/kernel_table.h"
#include "conv/tap_groups.h"

// Filters that are not packed.
typedef struct {
  const trompe_kernels *kernels;
  const trompe_window *window;
  const float *filter, *scale;
  int is_bwd_data;
  float *packed;  // where all of them go, if they are packed before they are used
} trompe_plain_filter;

// Where B panels go, their correction terms and inverse scales.
typedef struct {
  float *values, *corrections, *inverse_scales;
} trompe_b_panels;

// `count` B panels of a tap group from the `first` on.
void trompe_gemm_conv_pack_panels(
    const trompe_plain_filter *filter, const TapGroup *group, int64_t first, int64_t count,
    const trompe_b_panels *panels);
