// A convolution: by our own kernels, by a primitive of oneDNN, or as another convolution of a
// cotangent whose results are squares of pixels.
#include "kernels_convolution.h"

#include <stdlib.h>

#include "conv/onednn_conv.h"
#include "conv/own_conv.h"
#include "conv/space_to_depth.h"
#include "kernels_threads.h"

// One of these.
struct trompe_convolution {
  trompe_own_conv *own;
  trompe_onednn_conv *onednn;
  // The input gradient of an image of few channels: its shape, what is done instead, and the filter
  // of that.
  trompe_convolution_shape shape;
  trompe_convolution *squares;
  float *squares_filter;
};

static size_t aligned(size_t bytes) { return (bytes + 63) / 64 * 64; }

static int make_squares(trompe_convolution *self, char *message, size_t message_size) {
  const trompe_convolution_shape shape = trompe_space_to_depth_shape(&self->shape);
  self->squares = trompe_convolution_create(&shape, message, message_size);
  self->squares_filter = malloc((size_t)(shape.k * shape.r * shape.s * shape.c) * sizeof(float));
  return self->squares && self->squares_filter;
}

trompe_convolution *trompe_convolution_create(
    const trompe_convolution_shape *shape, char *message, size_t message_size) {
  trompe_convolution *self = calloc(1, sizeof *self);
  if (!self) return NULL;
  self->shape = *shape;
  self->own = trompe_own_conv_create(shape);
  if (self->own) return self;
  int is_made;
  if (trompe_space_to_depth_fits(shape)) {
    is_made = make_squares(self, message, message_size);
  } else {
    self->onednn = trompe_onednn_conv_create(shape, message, message_size);
    is_made = self->onednn != NULL;
  }
  if (is_made) return self;
  trompe_convolution_destroy(self);
  return NULL;
}

void trompe_convolution_destroy(trompe_convolution *self) {
  if (!self) return;
  trompe_own_conv_destroy(self->own);
  trompe_onednn_conv_destroy(self->onednn);
  trompe_convolution_destroy(self->squares);
  free(self->squares_filter);
  free(self);
}

const char *trompe_convolution_implementation(const trompe_convolution *self) {
  if (self->own) return trompe_own_conv_name(self->own);
  if (self->squares) return trompe_convolution_implementation(self->squares);
  return trompe_onednn_conv_name(self->onednn);
}

int trompe_convolution_is_winograd(const trompe_convolution *self) {
  if (self->own) return trompe_own_conv_is_winograd(self->own);
  return self->onednn && trompe_onednn_conv_is_winograd(self->onednn);
}

// Where the result of the convolution of squares stands: before the scratch of that.
static size_t squares_bytes(const trompe_convolution *self) {
  const trompe_convolution_shape s = trompe_space_to_depth_shape(&self->shape);
  return aligned((size_t)(s.n * s.p * s.q * s.k) * sizeof(float));
}

size_t trompe_convolution_scratch_bytes(const trompe_convolution *self) {
  if (self->own) return trompe_own_conv_scratch_bytes(self->own);
  if (self->squares) return squares_bytes(self) + trompe_convolution_scratch_bytes(self->squares);
  return trompe_onednn_conv_scratch_bytes(self->onednn);
}

size_t trompe_convolution_filter_bytes(const trompe_convolution *self) {
  if (self->own) return trompe_own_conv_filter_bytes(self->own);
  if (self->squares) return trompe_convolution_filter_bytes(self->squares);
  return trompe_onednn_conv_filter_bytes(self->onednn);
}

int trompe_convolution_filter_is_plain(const trompe_convolution *self) {
  if (self->own) return trompe_own_conv_takes_plain_filter(self->own);
  return self->onednn && trompe_onednn_conv_filter_is_plain(self->onednn);
}

int trompe_convolution_scales_filters(const trompe_convolution *self) {
  return self->own && trompe_own_conv_takes_plain_filter(self->own);
}

int trompe_convolution_same_filter_layout(
    const trompe_convolution *a, const trompe_convolution *b) {
  if (a->own && b->own)
    return (trompe_own_conv_takes_plain_filter(a->own) &&
            trompe_own_conv_takes_plain_filter(b->own)) ||
           trompe_own_conv_same_filter(a->own, b->own);
  if (a->squares && b->squares)
    return a->shape.stride_y == b->shape.stride_y && a->shape.stride_x == b->shape.stride_x &&
           a->shape.top == b->shape.top && a->shape.left == b->shape.left &&
           trompe_convolution_same_filter_layout(a->squares, b->squares);
  return a->onednn && b->onednn && trompe_onednn_conv_same_filter(a->onednn, b->onednn);
}

size_t trompe_convolution_scaling_bytes(const trompe_convolution *self) {
  return self->onednn ? trompe_onednn_conv_scaling_bytes(self->onednn) : 0;
}

int trompe_convolution_reorder_filter(
    const trompe_convolution *self, const void *from, const float *scale, void *to, void *scratch) {
  if (self->squares) {
    trompe_space_to_depth_filter(&self->shape, from, scale, self->squares_filter);
    return trompe_convolution_reorder_filter(self->squares, self->squares_filter, NULL, to, NULL);
  }
  if (self->onednn)
    return trompe_onednn_conv_reorder_filter(self->onednn, from, scale, to, scratch);
  if (trompe_own_conv_takes_plain_filter(self->own))
    trompe_scale_filter(&self->shape, from, scale, to);
  else trompe_own_conv_pack_filter(self->own, from, scale, to);
  return 0;
}

int trompe_convolution_fuses_backward_post_ops(const trompe_convolution *self) {
  return self->own != NULL;
}

static int run_squares(const trompe_convolution *self, const trompe_convolution_buffers *buffers) {
  char *squares = buffers->scratch;
  const trompe_convolution_buffers inner = {
      .x = buffers->y,
      .filter = buffers->filter,
      .y = squares,
      .scratch = squares + squares_bytes(self)};
  if (trompe_convolution_run(self->squares, &inner, NULL)) return 1;
  trompe_depth_to_space(
      &self->shape, (const float *)squares, buffers->x, trompe_pool_thread_count());
  return 0;
}

int trompe_convolution_run(
    const trompe_convolution *self, const trompe_convolution_buffers *buffers,
    const trompe_epilogue *after) {
  static const trompe_epilogue nothing;
  if (!after) after = &nothing;
  if (self->squares) return run_squares(self, buffers);
  if (self->onednn)
    return trompe_onednn_conv_run(
        self->onednn, buffers->x, buffers->filter, after, buffers->y, buffers->scratch);
  trompe_own_conv_run(self->own, buffers, after);
  return 0;
}
