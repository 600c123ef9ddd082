// Convolutions and matrix products by oneDNN, or by our own kernels where these are faster. The
// differences between oneDNN 2.x and 3.x end here.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "kernels_cpu.h"
#include "kernels_image.h"
#include "kernels_reorder.h"

typedef enum {
  TROMPE_CONVOLUTION_FORWARD = 0,
  TROMPE_CONVOLUTION_INPUT_GRADIENT = 1,
  TROMPE_CONVOLUTION_FILTER_GRADIENT = 2,
} trompe_convolution_kind;

// Activations stand as `order_x` and `order_y` say, filters OHWI (K, R, S, C / groups), in fp32.
typedef struct {
  int kind;
  int64_t n, h, w, c;                                  // the image side
  int64_t k, r, s;                                     // the filters
  int64_t p, q;                                        // the result side
  int64_t stride_y, stride_x, dilation_y, dilation_x;  // a dense window has dilation 1
  int64_t top, left, bottom, right;
  int64_t groups;
  int has_bias;           // forward: y += bias[k]
  int adds_residual;      // forward: y += an image like it
  int residual_is_apart;  // it is not what the result buffer holds
  int has_relu;           // forward: y = max(y, 0), last
  float relu_limit;       // and y = min(y, relu_limit), unless that is 0
  trompe_image_order order_x, order_y;
  // Both images and the filter are rounded to bfloat16 before they are multiplied; sums are fp32.
  int uses_bf16;
  // Our own kernels, and oneDNN's Winograd primitive: faster, at a few more bits of rounding.
  int may_use_own_kernels;
  // The way to compute is chosen without regard to n, and the same for every image of a batch.
  int is_batch_invariant;
  int only_primitives;            // of oneDNN, for comparison
  const trompe_kernels *kernels;  // of our own
} trompe_convolution_shape;

// Whether bfloat16 is the faster way: whole blocks of channels, and no window for which Winograd's
// algorithm in fp32 is faster still. Images are taken to stand as either wants them.
int trompe_convolution_gains_by_bf16(const trompe_convolution_shape *shape);

typedef struct trompe_convolution trompe_convolution;

// NULL on failure, with the reason in `message`.
trompe_convolution *trompe_convolution_create(
    const trompe_convolution_shape *shape, char *message, size_t message_size);
void trompe_convolution_destroy(trompe_convolution *convolution);

// "wino_f4x3", "gemm", "first_layer", or oneDNN's name of a primitive.
const char *trompe_convolution_implementation(const trompe_convolution *convolution);
int trompe_convolution_is_winograd(const trompe_convolution *convolution);
size_t trompe_convolution_scratch_bytes(const trompe_convolution *convolution);

// Filters in the order that the primitive wants. `is_plain`: that order is OHWI itself.
int trompe_convolution_filter_is_plain(const trompe_convolution *convolution);
size_t trompe_convolution_filter_bytes(const trompe_convolution *convolution);
// Whether plain filters are multiplied with a scale each as they are read.
int trompe_convolution_scales_filters(const trompe_convolution *convolution);
int trompe_convolution_same_filter_layout(const trompe_convolution *a, const trompe_convolution *b);
// Forward and input gradient: OHWI to packed; filter k is multiplied with scale[k] if that is not
// NULL, for which `scratch` has trompe_convolution_scaling_bytes. Filter gradient: packed to OHWI.
int trompe_convolution_reorder_filter(
    const trompe_convolution *convolution, const void *from, const float *scale, void *to,
    void *scratch);
size_t trompe_convolution_scaling_bytes(const trompe_convolution *convolution);

// Whether an input gradient has backward post-ops: adds a residual, applies a mask and sums over
// pixels before it is stored.
int trompe_convolution_fuses_backward_post_ops(const trompe_convolution *convolution);

// Forward: y is the result. Input gradient: x is the result, y the cotangent. Filter gradient:
// filter is the result.
typedef struct {
  void *x, *filter;
  const float *scale;  // of plain filters that are scaled as they are read, or NULL
  void *y;
  void *scratch;  // of at least scratch_bytes, 64-byte aligned
} trompe_convolution_buffers;

// `after` may be NULL; a residual is y itself or an image in its order.
int trompe_convolution_run(
    const trompe_convolution *convolution, const trompe_convolution_buffers *buffers,
    const trompe_epilogue *after);

// "2.6.3"
const char *trompe_onednn_version(void);
