// Parameter updates, in place.
#pragma once

#include <stdint.h>

#include "kernels_cpu.h"

// Kingma & Ba 2015 as PyTorch's Adam: L2 decay is added to the gradient.
// `step` counts from 1.
typedef struct {
  float rate, beta1, beta2, epsilon, decay;
  int64_t step;
} trompe_adam;
// Means of gradients and of their squares.
typedef struct {
  float *first, *second;
} trompe_adam_moments;
void trompe_adam_update(
    const trompe_adam *adam, int64_t count, float *w, const float *gradient,
    trompe_adam_moments moments, trompe_cpu cpu);

// v = momentum·v + (g + decay·w); w -= rate·v. The first step sets v to its gradient.
typedef struct {
  float rate, momentum, decay;
  int nesterov;
} trompe_sgd;
void trompe_sgd_update(
    const trompe_sgd *sgd, int64_t count, float *w, const float *gradient, float *velocity,
    trompe_cpu cpu);
