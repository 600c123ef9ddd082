// Fusion groups of pointwise operations: one read of every input, one write of every result.
//
// The iteration space is cut into pointwise tiles that stay in the first-level cache; a short
// program of instructions runs over each tile, register by register (a register is a tile of
// floats).
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "kernels_cpu.h"

enum { TROMPE_MAX_RANK = 6 };

typedef enum {
  // unary: d = f(a)
  TROMPE_COPY,
  TROMPE_NEGATE,
  TROMPE_ABSOLUTE,
  TROMPE_EXPONENTIAL,
  TROMPE_LOGARITHM,
  TROMPE_SQUARE_ROOT,
  TROMPE_RECIPROCAL,
  TROMPE_SQUARE,
  TROMPE_RELU,
  TROMPE_IS_POSITIVE,
  TROMPE_SIGN,
  TROMPE_SOFTPLUS,
  TROMPE_SIGMOID,
  TROMPE_HYPERBOLIC_TANGENT,
  TROMPE_ERROR_FUNCTION,
  // binary: d = f(a, b)
  TROMPE_ADD,
  TROMPE_SUBTRACT,
  TROMPE_MULTIPLY,
  TROMPE_DIVIDE,
  TROMPE_MAXIMUM,
  TROMPE_MINIMUM,
  TROMPE_IS_GREATER,
  TROMPE_IS_GREATER_OR_EQUAL,
  TROMPE_IS_EQUAL,
  // d = a ≠ 0 ? b : c
  TROMPE_SELECT,
} trompe_instruction_code;

typedef struct {
  int32_t code;
  int32_t d, a, b, c;  // registers
} trompe_instruction;

// Registers 0 ..< input_count hold the inputs.
typedef struct {
  const void *base;  // floats, or bfloat16
  int32_t is_bf16;
  int64_t stride[TROMPE_MAX_RANK];  // in elements; 0 repeats
} trompe_pointwise_input;

typedef struct {
  int32_t reg;
  float value;
} trompe_pointwise_scalar;

// A result has the iteration space's own dense layout.
typedef struct {
  int32_t reg;
  int32_t is_bf16;
  void *base;
} trompe_pointwise_output;

typedef enum {
  TROMPE_REDUCE_SUM,
  TROMPE_REDUCE_MAXIMUM,
  TROMPE_REDUCE_MINIMUM
} trompe_reduction_code;

// base[Σ index·stride] is the reduction of `reg` over the axes with stride 0.
typedef struct {
  int32_t reg;
  int32_t code;
  int64_t count;
  int64_t stride[TROMPE_MAX_RANK];
  float *base;
} trompe_pointwise_reduction;

typedef struct {
  int32_t rank;
  int64_t extent[TROMPE_MAX_RANK];
  int32_t register_count;
  int32_t input_count, scalar_count, instruction_count, output_count, reduction_count;
  trompe_pointwise_input *inputs;
  trompe_pointwise_scalar *scalars;
  trompe_instruction *instructions;
  trompe_pointwise_output *outputs;
  trompe_pointwise_reduction *reductions;
} trompe_pointwise;

// Bytes of scratch that a run on `threads` threads needs.
size_t trompe_pointwise_scratch_bytes(const trompe_pointwise *group, int threads);
void trompe_pointwise_run(const trompe_pointwise *group, void *scratch, trompe_cpu cpu);
