// All kernels of one instruction set, and their table: included once by a file of arch/, which
// defines SUFFIX, LEVEL and, under #pragma clang attribute push(target), what the instruction set
// has:
//
// HAS_OWN_CONVOLUTIONS  registers enough for convolutions of our own
// HAS_WIDE_VECTORS      32 registers of 16 floats
// HAS_FADD_PIPES        additions in pipes of their own: Winograd's inner product
// LANE_COUNT            floats of a register: 16 or 8 if omitted
#include "arch/kernel_table.h"
#include "conv/filter_taps.h"
#include "conv/nontemporal.h"
#include "ukernels/extremes.h"

#if !defined(SUFFIX) || !defined(LEVEL)
#error "define SUFFIX and LEVEL"
#endif

// Vectors of several registers are passed between functions that are all inlined.
#pragma clang diagnostic ignored "-Wpsabi"

#define JOIN_(a, b) a##_##b
#define JOIN(a, b) JOIN_(a, b)
#define NAME(x) JOIN(x, SUFFIX)
#define LOOP_FOR(...) _Pragma("clang loop vectorize(enable) interleave(enable)") for (__VA_ARGS__)

// In the order in which they need each other.
// clang-format off
#include "ukernels/f32_math.h"
#include "ukernels/f32_elementwise.h"
#include "ukernels/f32_pool.h"
#include "ukernels/f32_optimizer.h"

#include "ukernels/vector.h"
#include "ukernels/f32_small_m_gemm.h"
#ifdef HAS_OWN_CONVOLUTIONS
#include "ukernels/f32_pool_16c.h"
#include "ukernels/f32_depthwise_16c.h"
#include "ukernels/f32_wino_f4x3.h"
#include "ukernels/f32_gemm_config.h"
#include "ukernels/f32_gemm_prefetch.h"
#include "ukernels/f32_gemm_sums.h"
#include "ukernels/f32_wip_scales.h"
#include "ukernels/f32_pack_panels.h"
#include "ukernels/f32_gemm_epilogue_8x32.h"
#include "ukernels/f32_gemm.h"
#include "ukernels/f32_gemm_bwd_weights.h"
#include "ukernels/f32_wino_f4x3_gemm.h"
#endif
// clang-format on

const trompe_kernels NAME(trompe_kernels) = {
    .level = LEVEL,
#ifdef HAS_WIDE_VECTORS
    .has_wide_vectors = 1,
#endif
    .unary =
        {NAME(copy), NAME(negate), NAME(absolute), NAME(exponential), NAME(logarithm),
         NAME(square_root), NAME(reciprocal), NAME(square), NAME(relu), NAME(is_positive),
         NAME(sign), NAME(softplus), NAME(sigmoid), NAME(hyperbolic_tangent), NAME(error_function)},
    .binary =
        {NAME(add), NAME(subtract), NAME(multiply), NAME(divide), NAME(maximum), NAME(minimum),
         NAME(is_greater), NAME(is_greater_or_equal), NAME(is_equal)},
    .select = NAME(select),
    .splat = NAME(splat),
    .to_bf16 = NAME(to_bf16),
    .from_bf16 = NAME(from_bf16),
    .sum = NAME(sum),
    .add_rows = NAME(add_rows),
    .add_columns = NAME(add_columns),
    .repeat_row = NAME(repeat_row),
    .largest = NAME(largest),
    .smallest = NAME(smallest),
#ifdef HAS_OWN_CONVOLUTIONS
    .f32_max_pool_row = NAME(f32_max_pool_row_16c),
    .f32_max_pool_scatter_image = NAME(f32_max_pool_scatter_image_16c),
#else
    .f32_max_pool_row = NAME(f32_max_pool_row),
    .f32_max_pool_scatter_image = NAME(f32_max_pool_scatter_image),
#endif
    .f32_max_pool_select_row = NAME(f32_max_pool_select_row),
    .f32_average_pool_row = NAME(f32_average_pool_row),
    .f32_average_pool_gradient_image = NAME(f32_average_pool_gradient_image),
    .adam = NAME(adam),
    .sgd = NAME(sgd),
    .f32_small_m_gemm_nt = NAME(f32_small_m_gemm_nt),
    .f32_small_m_gemm_nn = NAME(f32_small_m_gemm_nn),
    .f32_small_m_gemm_tn = NAME(f32_small_m_gemm_tn),
#ifdef HAS_OWN_CONVOLUTIONS
    .f32_depthwise = NAME(f32_depthwise),
    .f32_depthwise_bwd_weights = NAME(f32_depthwise_bwd_weights),
    .f32_wino_f4x3_input = NAME(f32_wino_f4x3_input),
    .f32_wino_f4x3_cotangent = NAME(f32_wino_f4x3_cotangent),
    .f32_wino_f4x3_output = NAME(f32_wino_f4x3_output),
    .f32_wino_f4x3_bwd_weights_accumulate = NAME(f32_wino_f4x3_bwd_weights_accumulate),
    .f32_wino_f4x3_filter_gradient = NAME(f32_wino_f4x3_filter_gradient),
    .f32_wino_f4x3_bwd_weights = NAME(f32_wino_f4x3_bwd_weights),
    .f32_wino_f4x3_pack_input = NAME(f32_wino_f4x3_pack_input),
    .f32_wino_f4x3_filter_scales = NAME(f32_wino_f4x3_filter_scales),
    .f32_wino_f4x3_pack_filter = NAME(f32_wino_f4x3_pack_filter),
    .f32_wino_f4x3_pack_tiles = NAME(f32_wino_f4x3_pack_tiles),
    .f32_wino_f4x3_gemm = NAME(f32_wino_f4x3_gemm),
    .f32_pack_a = NAME(f32_pack_a),
    .f32_pack_pixels = NAME(f32_pack_pixels),
    .f32_pack_b = NAME(f32_pack_b),
    .has_inner_product = INNER_PRODUCT,
    .nr_blocks_max = NR_BLOCKS,
    .kc_blocks = KC_BLOCKS,
    .f32_gemm_accumulate = NAME(f32_gemm_accumulate),
    .f32_gemm = NAME(f32_gemm),
    .f32_gemm_bwd_weights = NAME(f32_gemm_bwd_weights),
#else
    .nr_blocks_max = 1,
#endif
};
