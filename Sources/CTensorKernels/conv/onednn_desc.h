// Layouts, descriptions and attributes of oneDNN's convolutions: the differences between its
// versions 2 and 3 end here.
#pragma once

#include <dnnl.h>

#include "kernels_convolution.h"

#if DNNL_VERSION_MAJOR >= 3
#define ONEDNN_3 1
typedef dnnl_memory_desc_t trompe_onednn_layout;  // a handle that is owned
#else
#define ONEDNN_3 0
typedef dnnl_memory_desc_t *trompe_onednn_layout;  // a copy of oneDNN's struct on the heap
#endif

trompe_onednn_layout trompe_onednn_layout_create(
    int rank, const dnnl_dims_t extents, dnnl_data_type_t type, dnnl_format_tag_t tag);
void trompe_onednn_layout_destroy(trompe_onednn_layout layout);
// That of an operand of a primitive.
trompe_onednn_layout trompe_onednn_layout_of(
    const_dnnl_primitive_desc_t description, dnnl_query_t what, int index);

// Image, filter and result of a convolution.
typedef struct {
  trompe_onednn_layout x, filter, y;
} trompe_onednn_operands;

// What a primitive is made of.
typedef struct {
  dnnl_alg_kind_t algorithm;
  trompe_onednn_operands operands;
  trompe_onednn_layout bias;  // or NULL
  trompe_onednn_operands
      factors;  // of the forward convolution that a gradient belongs to, all of one type
  dnnl_primitive_attr_t attributes;
} trompe_onednn_problem;

// NULL if there is no such primitive.
dnnl_primitive_desc_t trompe_onednn_describe(
    const trompe_convolution_shape *shape, dnnl_engine_t engine,
    const trompe_onednn_problem *problem);

// Post-ops: residual and ReLU, if there are any. `residual` is the layout of one that is apart, or
// NULL if the result holds it.
dnnl_primitive_attr_t trompe_onednn_attributes(
    const trompe_convolution_shape *shape, int has_post_ops, trompe_onednn_layout residual);
