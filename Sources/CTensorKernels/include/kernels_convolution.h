// Convolutions and matrix products by oneDNN. The differences between oneDNN 2.x and 3.x end here.
#pragma once

#include <stddef.h>
#include <stdint.h>

typedef enum {
  TROMPE_CONVOLUTION_FORWARD = 0,
  TROMPE_CONVOLUTION_INPUT_GRADIENT = 1,
  TROMPE_CONVOLUTION_FILTER_GRADIENT = 2,
} trompe_convolution_kind;

// Activations are NHWC, or NChw16c where `blocks` are said (16 channels of all pixels follow each
// other); filters OHWI (K, R, S, C / groups); all fp32.
typedef struct {
  int kind;
  int64_t n, h, w, c;  // the image side
  int64_t k, r, s;     // the filters
  int64_t p, q;        // the result side
  int64_t stride_y, stride_x, dilation_y, dilation_x;  // a dense window has dilation 1
  int64_t top, left, bottom, right;
  int64_t groups;
  int has_bias;      // forward: y += bias[k]
  int adds_to_result;  // forward: y += what the result buffer holds
  int has_relu;      // forward: y = max(y, 0), last
  int blocks_x, blocks_y;  // the order of either image
  // Fewer multiplications for large 3x3 windows, at a few more bits of rounding.
  int may_use_winograd;
} trompe_convolution_shape;

typedef struct trompe_convolution trompe_convolution;

// NULL on failure, with the reason in `message`.
trompe_convolution *trompe_convolution_create(
    const trompe_convolution_shape *shape, char *message, size_t message_size);
void trompe_convolution_destroy(trompe_convolution *convolution);

// oneDNN's name of the chosen implementation.
const char *trompe_convolution_implementation(const trompe_convolution *convolution);
int trompe_convolution_is_winograd(const trompe_convolution *convolution);
size_t trompe_convolution_scratch_bytes(const trompe_convolution *convolution);

// Filters in the order that the primitive wants. `is_plain`: that order is OHWI itself.
int trompe_convolution_filter_is_plain(const trompe_convolution *convolution);
size_t trompe_convolution_filter_bytes(const trompe_convolution *convolution);
int trompe_convolution_same_filter_layout(
    const trompe_convolution *a, const trompe_convolution *b);
// Forward and input gradient: OHWI to packed. Filter gradient: packed to OHWI.
int trompe_convolution_reorder_filter(
    const trompe_convolution *convolution, const float *from, float *to);

// Forward: x, filter, bias, y. Input gradient: x is the result, y the cotangent.
// Filter gradient: filter is the result. `scratch` has at least scratch_bytes, 64-byte aligned.
int trompe_convolution_run(
    const trompe_convolution *convolution, float *x, float *filter, float *bias, float *y,
    void *scratch);

// C [M, N] = op(A) · op(B), row-major.
int trompe_matrix_product(
    int transposes_a, int transposes_b, int64_t m, int64_t n, int64_t k, const float *a,
    const float *b, float *c);

// "2.6.3"
const char *trompe_onednn_version(void);
