#include "conv/own_conv.h"

#include <stdlib.h>

#include "conv/choice.h"
#include "kernels_depthwise.h"
#include "kernels_first_layer.h"
#include "kernels_gemm_conv.h"
#include "kernels_threads.h"
#include "kernels_winograd.h"

struct trompe_own_conv {
  trompe_convolution_shape shape;
  trompe_own_kernels kernels;
  trompe_cpu cpu;
  trompe_window window;
  int takes_plain_filter;
  size_t scratch_bytes, filter_bytes;
};

trompe_own_conv *trompe_own_conv_create(const trompe_convolution_shape *s) {
  const trompe_own_kernels kernels = trompe_own_kernels_for(s);
  if (!kernels) return NULL;
  trompe_own_conv *self = calloc(1, sizeof *self);
  if (!self) return NULL;
  self->shape = *s;
  self->kernels = kernels;
  self->cpu = (trompe_cpu){s->kernels, trompe_pool_thread_count()};
  self->window = trompe_window_of(s);
  const trompe_image *x = &self->window.x, *y = &self->window.y;
  const trompe_cpu cpu = self->cpu;
  const int is_packed = kernels == TROMPE_GEMM;
  const int to_filter = s->kind == TROMPE_CONVOLUTION_FILTER_GRADIENT;
  const size_t plain_bytes = (size_t)(s->r * s->s * s->c * s->k) * sizeof(float);
  if (kernels == TROMPE_FIRST_LAYER) {
    self->takes_plain_filter = to_filter;
    self->filter_bytes = to_filter ? plain_bytes : trompe_first_layer_filter_bytes(&self->window);
    self->scratch_bytes =
        to_filter ? trompe_first_layer_bwd_weights_scratch_bytes(&self->window, cpu.threads)
                  : trompe_first_layer_scratch_bytes(&self->window, cpu.threads);
    return self;
  }
  const trompe_image *from = trompe_result_is_x(s) ? y : x, *to = trompe_result_is_x(s) ? x : y;
  if (kernels == TROMPE_DEPTHWISE) {
    self->takes_plain_filter = to_filter;
    self->filter_bytes = trompe_depthwise_filter_bytes(&self->window);
    self->scratch_bytes =
        to_filter ? trompe_depthwise_bwd_weights_scratch_bytes(&self->window)
                  : trompe_depthwise_scratch_bytes(&self->window, trompe_result_is_x(s));
    return self;
  }
  // Where filters rest, they are packed once.
  self->takes_plain_filter =
      to_filter || (!s->is_batch_invariant &&
                    (is_packed ? trompe_gemm_conv_takes_plain_filter(
                                     &self->window, trompe_result_is_x(s), cpu.threads)
                               : trompe_winograd_takes_plain_filter(from, to, cpu.threads)));
  self->filter_bytes = self->takes_plain_filter ? plain_bytes
                       : is_packed
                           ? trompe_gemm_conv_filter_bytes(&self->window, trompe_result_is_x(s))
                           : trompe_winograd_filter_bytes(s->c, s->k, trompe_result_is_x(s));
  if (to_filter)
    self->scratch_bytes = is_packed ? trompe_gemm_bwd_weights_scratch_bytes(&self->window, cpu)
                                    : trompe_winograd_bwd_weights_scratch_bytes(x, y, cpu);
  else if (is_packed)
    self->scratch_bytes = trompe_gemm_conv_scratch_bytes(&self->window, trompe_result_is_x(s), cpu);
  else
    self->scratch_bytes = self->takes_plain_filter
                              ? trompe_winograd_plain_scratch_bytes(from, to, cpu)
                              : trompe_winograd_scratch_bytes(from, to, cpu);
  return self;
}

// Of the image that is read, of the filter and of the image that is written.
static trompe_conv_operands operands_of(
    const trompe_own_conv *self, const trompe_convolution_buffers *buffers,
    const trompe_epilogue *after) {
  const int is_bwd_data = trompe_result_is_x(&self->shape);
  return (trompe_conv_operands){
      .from = is_bwd_data ? buffers->y : buffers->x,
      .filter = buffers->filter,
      .scale = buffers->scale,
      .after = after,
      .to = is_bwd_data ? buffers->x : buffers->y,
      .scratch = buffers->scratch};
}

static void run_bwd_weights(
    const trompe_own_conv *self, const trompe_convolution_buffers *buffers) {
  const trompe_bwd_weights_operands operands = {
      buffers->x, buffers->y, buffers->filter, buffers->scratch};
  const trompe_window *window = &self->window;
  switch (self->kernels) {
    case TROMPE_WINOGRAD:
      trompe_winograd_bwd_weights(&window->x, &window->y, &operands, self->cpu);
      break;
    case TROMPE_GEMM: trompe_gemm_bwd_weights(window, &operands, self->cpu); break;
    case TROMPE_DEPTHWISE: trompe_depthwise_bwd_weights(window, &operands, self->cpu); break;
    default: trompe_first_layer_bwd_weights(window, &operands, self->cpu);
  }
}

static void run_winograd(const trompe_own_conv *self, const trompe_conv_operands *operands) {
  const int is_bwd_data = trompe_result_is_x(&self->shape);
  const trompe_image *x = &self->window.x, *y = &self->window.y;
  const trompe_image *from = is_bwd_data ? y : x, *to = is_bwd_data ? x : y;
  if (self->takes_plain_filter)
    trompe_winograd_run_plain(from, to, is_bwd_data, operands, self->cpu);
  else trompe_winograd_run(from, to, operands, self->cpu);
}

static void run_gemm(const trompe_own_conv *self, const trompe_conv_operands *operands) {
  const int is_bwd_data = trompe_result_is_x(&self->shape);
  if (self->takes_plain_filter)
    trompe_gemm_conv_run_plain(&self->window, is_bwd_data, operands, self->cpu);
  else trompe_gemm_conv_run(&self->window, is_bwd_data, operands, self->cpu);
}

void trompe_own_conv_destroy(trompe_own_conv *self) { free(self); }

const char *trompe_own_conv_name(const trompe_own_conv *self) {
  static const char *const names[] = {
      [TROMPE_WINOGRAD] = "wino_f4x3",
      [TROMPE_GEMM] = "gemm",
      [TROMPE_FIRST_LAYER] = "first_layer",
      [TROMPE_DEPTHWISE] = "depthwise"};
  return names[self->kernels];
}

int trompe_own_conv_is_winograd(const trompe_own_conv *self) {
  return self->kernels == TROMPE_WINOGRAD;
}

size_t trompe_own_conv_scratch_bytes(const trompe_own_conv *self) { return self->scratch_bytes; }

size_t trompe_own_conv_filter_bytes(const trompe_own_conv *self) { return self->filter_bytes; }

int trompe_own_conv_takes_plain_filter(const trompe_own_conv *self) {
  return self->takes_plain_filter;
}

int trompe_own_conv_same_filter(const trompe_own_conv *a, const trompe_own_conv *b) {
  // A depthwise filter is read in the same order by all.
  if (a->kernels == TROMPE_DEPTHWISE && b->kernels == TROMPE_DEPTHWISE)
    return a->takes_plain_filter == b->takes_plain_filter;
  return a->kernels == b->kernels && a->shape.kind == b->shape.kind &&
         a->takes_plain_filter == b->takes_plain_filter &&
         (a->kernels != TROMPE_GEMM ||
          trompe_gemm_conv_same_filter(&a->window, &b->window, trompe_result_is_x(&a->shape)));
}

void trompe_own_conv_pack_filter(
    const trompe_own_conv *self, const float *from, const float *scale, float *to) {
  const trompe_convolution_shape *s = &self->shape;
  if (self->kernels == TROMPE_GEMM)
    trompe_gemm_conv_pack_filter(&self->window, from, scale, trompe_result_is_x(s), to, self->cpu);
  else if (self->kernels == TROMPE_DEPTHWISE)
    trompe_depthwise_pack_filter(&self->window, from, scale, to);
  else if (self->kernels == TROMPE_FIRST_LAYER)
    trompe_first_layer_pack_filter(&self->window, from, scale, to, self->cpu);
  else
    trompe_winograd_pack_filter(
        &(trompe_winograd_filter){from, scale, s->c, s->k, trompe_result_is_x(s)}, to, self->cpu);
}

void trompe_own_conv_run(
    const trompe_own_conv *self, const trompe_convolution_buffers *buffers,
    const trompe_epilogue *after) {
  if (self->shape.kind == TROMPE_CONVOLUTION_FILTER_GRADIENT) {
    run_bwd_weights(self, buffers);
    return;
  }
  const trompe_conv_operands operands = operands_of(self, buffers, after);
  switch (self->kernels) {
    case TROMPE_WINOGRAD: run_winograd(self, &operands); break;
    case TROMPE_GEMM: run_gemm(self, &operands); break;
    case TROMPE_DEPTHWISE:
      trompe_depthwise_run(&self->window, trompe_result_is_x(&self->shape), &operands, self->cpu);
      break;
    default: trompe_first_layer_run(&self->window, &operands, self->cpu);
  }
}
