#include "conv/onednn_desc.h"

#include <stdlib.h>

trompe_onednn_layout trompe_onednn_layout_create(
    int rank, const dnnl_dims_t extents, dnnl_data_type_t type, dnnl_format_tag_t tag) {
#if ONEDNN_3
  dnnl_memory_desc_t layout = NULL;
  if (dnnl_memory_desc_create_with_tag(&layout, rank, extents, type, tag) != dnnl_success)
    return NULL;
  return layout;
#else
  dnnl_memory_desc_t *layout = malloc(sizeof *layout);
  if (layout && dnnl_memory_desc_init_by_tag(layout, rank, extents, type, tag) != dnnl_success) {
    free(layout);
    return NULL;
  }
  return layout;
#endif
}

void trompe_onednn_layout_destroy(trompe_onednn_layout layout) {
  if (!layout) return;
#if ONEDNN_3
  dnnl_memory_desc_destroy(layout);
#else
  free(layout);
#endif
}

trompe_onednn_layout trompe_onednn_layout_of(
    const_dnnl_primitive_desc_t description, dnnl_query_t what, int index) {
#if ONEDNN_3
  dnnl_memory_desc_t layout = NULL;
  dnnl_memory_desc_clone(&layout, dnnl_primitive_desc_query_md(description, what, index));
  return layout;
#else
  dnnl_memory_desc_t *layout = malloc(sizeof *layout);
  if (layout) *layout = *dnnl_primitive_desc_query_md(description, what, index);
  return layout;
#endif
}

dnnl_primitive_desc_t trompe_onednn_describe(
    const trompe_convolution_shape *s, dnnl_engine_t engine, const trompe_onednn_problem *problem) {
  const dnnl_alg_kind_t algorithm = problem->algorithm;
  const trompe_onednn_operands factors = problem->factors;
  const trompe_onednn_layout x = problem->operands.x, filter = problem->operands.filter;
  const trompe_onednn_layout y = problem->operands.y, bias = problem->bias;
  const_dnnl_primitive_attr_t attributes = problem->attributes;
  const dnnl_dims_t strides = {s->stride_y, s->stride_x};
  const dnnl_dims_t dilations = {s->dilation_y - 1, s->dilation_x - 1};
  const dnnl_dims_t low = {s->top, s->left}, high = {s->bottom, s->right};
  // For inference, Winograd's primitives want filters in an order into which not all can be
  // brought.
  const dnnl_prop_kind_t propagation =
      algorithm == dnnl_convolution_winograd ? dnnl_forward_training : dnnl_forward_inference;
  dnnl_primitive_desc_t description = NULL;
  dnnl_status_t status = dnnl_invalid_arguments;
#if ONEDNN_3
  dnnl_primitive_desc_t hint = NULL;
  if (s->kind != TROMPE_CONVOLUTION_FORWARD &&
      dnnl_convolution_forward_primitive_desc_create(
          &hint, engine, dnnl_forward_training, algorithm, factors.x, factors.filter, NULL,
          factors.y, strides, dilations, low, high, NULL) != dnnl_success)
    return NULL;
  switch (s->kind) {
    case TROMPE_CONVOLUTION_FORWARD:
      status = dnnl_convolution_forward_primitive_desc_create(
          &description, engine, propagation, algorithm, x, filter, bias, y, strides, dilations, low,
          high, attributes);
      break;
    case TROMPE_CONVOLUTION_INPUT_GRADIENT:
      status = dnnl_convolution_backward_data_primitive_desc_create(
          &description, engine, algorithm, x, filter, y, strides, dilations, low, high, hint,
          attributes);
      break;
    case TROMPE_CONVOLUTION_FILTER_GRADIENT:
      status = dnnl_convolution_backward_weights_primitive_desc_create(
          &description, engine, algorithm, x, filter, NULL, y, strides, dilations, low, high, hint,
          attributes);
      break;
  }
  if (hint) dnnl_primitive_desc_destroy(hint);
#else
  dnnl_convolution_desc_t forward, operation;
  dnnl_primitive_desc_t hint = NULL;
  if (s->kind != TROMPE_CONVOLUTION_FORWARD) {
    if (dnnl_dilated_convolution_forward_desc_init(
            &forward, dnnl_forward_training, algorithm, factors.x, factors.filter, NULL, factors.y,
            strides, dilations, low, high) != dnnl_success ||
        dnnl_primitive_desc_create(&hint, &forward, NULL, engine, NULL) != dnnl_success)
      return NULL;
  }
  switch (s->kind) {
    case TROMPE_CONVOLUTION_FORWARD:
      status = dnnl_dilated_convolution_forward_desc_init(
          &operation, propagation, algorithm, x, filter, bias, y, strides, dilations, low, high);
      break;
    case TROMPE_CONVOLUTION_INPUT_GRADIENT:
      status = dnnl_dilated_convolution_backward_data_desc_init(
          &operation, algorithm, x, filter, y, strides, dilations, low, high);
      break;
    case TROMPE_CONVOLUTION_FILTER_GRADIENT:
      status = dnnl_dilated_convolution_backward_weights_desc_init(
          &operation, algorithm, x, filter, NULL, y, strides, dilations, low, high);
      break;
  }
  if (status == dnnl_success)
    status = dnnl_primitive_desc_create(&description, &operation, attributes, engine, hint);
  if (hint) dnnl_primitive_desc_destroy(hint);
#endif
  return status == dnnl_success ? description : NULL;
}

dnnl_primitive_attr_t trompe_onednn_attributes(
    const trompe_convolution_shape *s, int has_post_ops, trompe_onednn_layout residual) {
  dnnl_primitive_attr_t attributes = NULL;
  if (dnnl_primitive_attr_create(&attributes) != dnnl_success) return NULL;
  dnnl_primitive_attr_set_scratchpad_mode(attributes, dnnl_scratchpad_mode_user);
  if (has_post_ops && (s->adds_residual || s->has_relu)) {
    const dnnl_alg_kind_t rectifier = s->relu_limit > 0 ? dnnl_eltwise_clip : dnnl_eltwise_relu;
    dnnl_post_ops_t after = NULL;
    dnnl_post_ops_create(&after);
    if (residual) dnnl_post_ops_append_binary(after, dnnl_binary_add, residual);
#if ONEDNN_3
    if (s->adds_residual && !residual) dnnl_post_ops_append_sum(after, 1, 0, dnnl_data_type_undef);
    if (s->has_relu) dnnl_post_ops_append_eltwise(after, rectifier, 0, s->relu_limit);
#else
    if (s->adds_residual && !residual) dnnl_post_ops_append_sum(after, 1);
    if (s->has_relu) dnnl_post_ops_append_eltwise(after, 1, rectifier, 0, s->relu_limit);
#endif
    dnnl_primitive_attr_set_post_ops(attributes, after);
    dnnl_post_ops_destroy(after);
  }
  return attributes;
}
