#include "kernels_convolution.h"

#include <dnnl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "choice.h"
#include "folding.h"
#include "kernels_blocking.h"
#include "kernels_image.h"
#include "kernels_layout.h"
#include "kernels_narrow.h"
#include "kernels_packed.h"
#include "kernels_pointwise.h"
#include "kernels_threads.h"
#include "kernels_winograd.h"

#if DNNL_VERSION_MAJOR >= 3
#define ONEDNN_3 1
typedef dnnl_memory_desc_t Layout;  // a handle that is owned
#else
#define ONEDNN_3 0
typedef dnnl_memory_desc_t *Layout;  // a copy of oneDNN's struct on the heap
#endif

typedef enum { NONE = 0, TILES, PACKED, NARROW } Kernels;

struct trompe_convolution {
  trompe_convolution_shape shape;
  dnnl_engine_t engine;
  dnnl_stream_t stream;
  dnnl_primitive_desc_t description;
  dnnl_primitive_t primitive;
  dnnl_primitive_t reorder;
  Layout filter, plain_filter;
  // Bound to their buffers at every run.
  dnnl_memory_t x_memory, filter_memory, bias_memory, y_memory, scratch_memory;
  dnnl_memory_t residual_memory;  // if the primitive reads one that is apart
  dnnl_memory_t from_memory, to_memory;
  size_t scratch_bytes, filter_bytes;
  // The image is read through a copy of every stride-th pixel, which stands before the primitive's
  // own scratch.
  int subsamples;
  size_t subsampled_bytes;
  int winograd;
  // The orders in which the primitive wants its images, and the copies of those that come in
  // another: they stand before the primitive's own scratch.
  trompe_image_order order_x, order_y;
  size_t x_copy_bytes, y_copy_bytes;
  // Our own kernels instead of a primitive, what computes them, and what they see.
  Kernels kernels;
  int takes_plain_filter;  // though it is one of our own
  trompe_cpu cpu;
  trompe_window window;
  // The gradient in an image of few channels as a convolution of the cotangent, and its filter.
  trompe_convolution *folded;
  float *folded_filter;
};

// oneDNN 2.6's filter gradient of a strided 1x1 window writes behind the scratch that it asks for, and
// its result depends on what stood there, when there are fewer channels than a vector has lanes. A
// dense window over the pixels that the strided one reads is the same sum. Blocks are whole vectors.
static int subsamples(const trompe_convolution_shape *s) {
  return !s->order_x.blocks && !s->uses_bf16 && s->kind == TROMPE_CONVOLUTION_FILTER_GRADIENT && s->r == 1 && s->s == 1 &&
         (s->stride_y > 1 || s->stride_x > 1) && !s->top && !s->left && !s->bottom && !s->right;
}

static size_t aligned(size_t bytes) { return (bytes + 63) / 64 * 64; }

// The order for plain sums: that of both images, or of the larger one if it can be that of both. Primitives
// want blocks as wide as a register.
static int wants_blocks(const trompe_convolution_shape *s) {
  if (s->uses_bf16) return 1;
  if (!trompe_has_wide_vectors(s->kernels)) return 0;
  if (s->order_x.blocks == s->order_y.blocks) return s->order_x.blocks;
  if (s->c % TROMPE_CHANNEL_BLOCK || s->k % TROMPE_CHANNEL_BLOCK || s->groups > 1) return 0;
  return (s->h * s->w * s->c >= s->p * s->q * s->k) == s->order_x.blocks;
}

// Which image is the result: neither of a filter gradient.
static int result_is_x(const trompe_convolution_shape *s) {
  return s->kind == TROMPE_CONVOLUTION_INPUT_GRADIENT;
}
static int result_is_y(const trompe_convolution_shape *s) {
  return s->kind == TROMPE_CONVOLUTION_FORWARD;
}

// The order in which a primitive has an image. In bfloat16, a result may be written as floats.
static trompe_image_order wanted_order(
    const trompe_convolution_shape *s, int blocks, trompe_image_order given, int is_result) {
  return (trompe_image_order){
      blocks, s->uses_bf16 && (!is_result || (given.is_bf16 && given.blocks == blocks))};
}

static int same_order(trompe_image_order a, trompe_image_order b) {
  return a.blocks == b.blocks && a.is_bf16 == b.is_bf16;
}

static size_t image_bytes(trompe_image_order order, int64_t elements) {
  return (size_t)elements * (order.is_bf16 ? 2 : sizeof(float));
}

static Layout layout_create(
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

static void layout_destroy(Layout layout) {
  if (!layout) return;
#if ONEDNN_3
  dnnl_memory_desc_destroy(layout);
#else
  free(layout);
#endif
}

static Layout layout_of(const_dnnl_primitive_desc_t description, dnnl_query_t what, int index) {
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

static dnnl_memory_t memory_create(Layout layout, dnnl_engine_t engine) {
  dnnl_memory_t memory = NULL;
  dnnl_memory_create(&memory, layout, engine, DNNL_MEMORY_NONE);
  return memory;
}

// An engine is a handle to the CPU; one per process, made by whoever comes first.
static dnnl_engine_t shared_engine;
static void make_engine(void) {
  if (trompe_onednn_isa()) dnnl_set_max_cpu_isa((dnnl_cpu_isa_t)trompe_onednn_isa());
  dnnl_engine_create(&shared_engine, dnnl_cpu, 0);
}

#include <pthread.h>
static dnnl_engine_t cpu_engine(void) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, make_engine);
  return shared_engine;
}

// The operands of the forward convolution that a gradient belongs to, all of one kind.
typedef struct {
  Layout x, filter, y;
} Factors;

static dnnl_primitive_desc_t describe(
    const trompe_convolution_shape *s, dnnl_alg_kind_t algorithm, dnnl_engine_t engine, Layout x,
    Layout filter, Layout bias, Layout y, Factors factors,
    const_dnnl_primitive_attr_t attributes) {
  const dnnl_dims_t strides = {s->stride_y, s->stride_x};
  const dnnl_dims_t dilations = {s->dilation_y - 1, s->dilation_x - 1};
  const dnnl_dims_t low = {s->top, s->left}, high = {s->bottom, s->right};
  // For inference, Winograd's primitives want filters in an order into which not all can be brought.
  const dnnl_prop_kind_t propagation =
      algorithm == dnnl_convolution_winograd ? dnnl_forward_training : dnnl_forward_inference;
  dnnl_primitive_desc_t description = NULL;
  dnnl_status_t status = dnnl_invalid_arguments;
#if ONEDNN_3
  dnnl_primitive_desc_t hint = NULL;
  if (s->kind != TROMPE_CONVOLUTION_FORWARD &&
      dnnl_convolution_forward_primitive_desc_create(
          &hint, engine, dnnl_forward_training, algorithm, factors.x, factors.filter, NULL,
          factors.y, strides, dilations, low,
          high, NULL) != dnnl_success)
    return NULL;
  switch (s->kind) {
    case TROMPE_CONVOLUTION_FORWARD:
      status = dnnl_convolution_forward_primitive_desc_create(
          &description, engine, propagation, algorithm, x, filter, bias, y, strides,
          dilations, low, high, attributes);
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
            strides, dilations, low,
            high) != dnnl_success ||
        dnnl_primitive_desc_create(&hint, &forward, NULL, engine, NULL) != dnnl_success)
      return NULL;
  }
  switch (s->kind) {
    case TROMPE_CONVOLUTION_FORWARD:
      status = dnnl_dilated_convolution_forward_desc_init(
          &operation, propagation, algorithm, x, filter, bias, y, strides, dilations, low,
          high);
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

// `residual`: the layout of one that is apart, or NULL, if the result holds it.
static dnnl_primitive_attr_t attributes_for(
    const trompe_convolution_shape *s, int has_post_ops, Layout residual) {
  dnnl_primitive_attr_t attributes = NULL;
  if (dnnl_primitive_attr_create(&attributes) != dnnl_success) return NULL;
  dnnl_primitive_attr_set_scratchpad_mode(attributes, dnnl_scratchpad_mode_user);
  if (has_post_ops && (s->adds_residual || s->has_relu)) {
    dnnl_post_ops_t after = NULL;
    dnnl_post_ops_create(&after);
    if (residual) dnnl_post_ops_append_binary(after, dnnl_binary_add, residual);
#if ONEDNN_3
    if (s->adds_residual && !residual)
      dnnl_post_ops_append_sum(after, 1, 0, dnnl_data_type_undef);
    if (s->has_relu) dnnl_post_ops_append_eltwise(after, dnnl_eltwise_relu, 0, 0);
#else
    if (s->adds_residual && !residual) dnnl_post_ops_append_sum(after, 1);
    if (s->has_relu) dnnl_post_ops_append_eltwise(after, 1, dnnl_eltwise_relu, 0, 0);
#endif
    dnnl_primitive_attr_set_post_ops(attributes, after);
    dnnl_post_ops_destroy(after);
  }
  return attributes;
}

static trompe_convolution *create_own(const trompe_convolution_shape *s, Kernels kernels) {
  trompe_convolution *self = calloc(1, sizeof *self);
  if (!self) return NULL;
  self->shape = *s;
  self->winograd = 1;
  self->kernels = kernels;
  self->cpu = (trompe_cpu){s->kernels, trompe_pool_thread_count()};
  self->window = trompe_window_of(s);
  const trompe_image *x = &self->window.x, *y = &self->window.y;
  const trompe_cpu cpu = self->cpu;
  const int is_packed = kernels == PACKED;
  const int to_filter = s->kind == TROMPE_CONVOLUTION_FILTER_GRADIENT;
  const size_t plain_bytes = (size_t)(s->r * s->s * s->c * s->k) * sizeof(float);
  if (kernels == NARROW) {
    self->takes_plain_filter = to_filter;
    self->filter_bytes = to_filter ? plain_bytes : trompe_narrow_filter_bytes(&self->window);
    self->scratch_bytes = to_filter
                              ? trompe_narrow_gradient_scratch_bytes(&self->window, cpu.threads)
                              : trompe_narrow_scratch_bytes(&self->window, cpu.threads);
    return self;
  }
  const trompe_image *from = result_is_x(s) ? y : x, *to = result_is_x(s) ? x : y;
  // Where filters rest, they are packed once.
  self->takes_plain_filter =
      to_filter ||
      (!s->is_batch_invariant &&
       (is_packed ? trompe_packed_takes_plain_filters(&self->window, result_is_x(s), cpu.threads)
                  : trompe_winograd_takes_plain_filters(from, to, cpu.threads)));
  self->filter_bytes = self->takes_plain_filter ? plain_bytes
                       : is_packed
                           ? trompe_packed_filter_bytes(&self->window, result_is_x(s))
                           : trompe_winograd_filter_bytes(s->c, s->k, result_is_x(s));
  if (to_filter)
    self->scratch_bytes = is_packed ? trompe_packed_gradient_scratch_bytes(&self->window, cpu)
                                    : trompe_winograd_gradient_scratch_bytes(x, y, cpu);
  else if (is_packed)
    self->scratch_bytes = trompe_packed_scratch_bytes(&self->window, result_is_x(s), cpu);
  else
    self->scratch_bytes = self->takes_plain_filter
                              ? trompe_winograd_plain_scratch_bytes(from, to, cpu)
                              : trompe_winograd_scratch_bytes(from, to, cpu);
  return self;
}

static void run_tiles(
    const trompe_convolution *self, float *x, float *filter, const float *scale,
    const trompe_epilogue *after, float *y, void *scratch) {
  const trompe_image *x_image = &self->window.x, *y_image = &self->window.y;
  if (self->shape.kind == TROMPE_CONVOLUTION_FILTER_GRADIENT) {
    trompe_winograd_filter_gradient(x_image, x, y_image, y, filter, scratch, self->cpu);
    return;
  }
  const int turned = result_is_x(&self->shape);
  const trompe_image *from = turned ? y_image : x_image, *to = turned ? x_image : y_image;
  if (self->takes_plain_filter)
    trompe_winograd_convolve_plain(
        from, turned ? y : x, filter, scale, turned, to, after, turned ? x : y, scratch,
        self->cpu);
  else
    trompe_winograd_convolve(
        from, turned ? y : x, filter, to, after, turned ? x : y, scratch, self->cpu);
}

static void run_packed(
    const trompe_convolution *self, float *x, float *filter, const float *scale,
    const trompe_epilogue *after, float *y, void *scratch) {
  const trompe_window *window = &self->window;
  const int to_image = result_is_x(&self->shape);
  if (self->shape.kind == TROMPE_CONVOLUTION_FILTER_GRADIENT)
    trompe_packed_filter_gradient(window, x, y, filter, scratch, self->cpu);
  else if (self->takes_plain_filter)
    trompe_packed_convolve_plain(
        window, to_image, to_image ? y : x, filter, scale, after, to_image ? x : y, scratch,
        self->cpu);
  else
    trompe_packed_convolve(
        window, to_image, to_image ? y : x, filter, after, to_image ? x : y, scratch,
        self->cpu);
}

static void run_narrow(
    const trompe_convolution *self, float *x, float *filter, const trompe_epilogue *after, float *y,
    void *scratch) {
  if (self->shape.kind == TROMPE_CONVOLUTION_FILTER_GRADIENT)
    trompe_narrow_filter_gradient(&self->window, x, y, filter, scratch, self->cpu);
  else
    trompe_narrow_convolve(&self->window, x, filter, after, y, scratch, self->cpu);
}

static trompe_convolution *create_folded(
    const trompe_convolution_shape *s, char *message, size_t message_size) {
  const trompe_convolution_shape shape = trompe_folded_shape(s);
  trompe_convolution *self = calloc(1, sizeof *self);
  if (!self) return NULL;
  self->shape = *s;
  self->folded = trompe_convolution_create(&shape, message, message_size);
  self->folded_filter = malloc((size_t)(shape.k * shape.r * shape.s * shape.c) * sizeof(float));
  if (!self->folded || !self->folded_filter) {
    trompe_convolution_destroy(self);
    return NULL;
  }
  self->filter_bytes = self->folded->filter_bytes;
  self->scratch_bytes =
      aligned((size_t)(shape.n * shape.p * shape.q * shape.k) * sizeof(float)) +
      self->folded->scratch_bytes;
  return self;
}

static int run_folded(
    const trompe_convolution *self, float *x, void *filter, void *y, char *scratch) {
  const trompe_convolution *convolution = self->folded;
  const size_t squares = self->scratch_bytes - convolution->scratch_bytes;
  if (trompe_convolution_run(convolution, y, filter, NULL, NULL, scratch, scratch + squares))
    return 1;
  trompe_unfold_image(&self->shape, (const float *)scratch, x, trompe_pool_thread_count());
  return 0;
}

static const char *name_of(const_dnnl_primitive_desc_t description) {
  const char *name = "";
  dnnl_primitive_desc_query(description, dnnl_query_impl_info_str, 0, (void *)&name);
  return name;
}

// Whether a primitive is one of those that are made for this processor.
static int is_fast(const_dnnl_primitive_desc_t description) {
  const char *name = name_of(description);
  return strncmp(name, "jit", 3) == 0 || strncmp(name, "brg", 3) == 0;
}

trompe_convolution *trompe_convolution_create(
    const trompe_convolution_shape *given, char *message, size_t message_size) {
  const Kernels kernels = trompe_tiles_pay(given)     ? TILES
                          : trompe_packed_pay(given)  ? PACKED
                          : trompe_narrow_pays(given) ? NARROW
                                                      : NONE;
  trompe_convolution *own = kernels ? create_own(given, kernels) : NULL;
  if (own) return own;
  if (trompe_folds(given)) return create_folded(given, message, message_size);
  trompe_convolution_shape dense_shape = *given;
  if (subsamples(given)) {
    dense_shape.h = given->p;
    dense_shape.w = given->q;
    dense_shape.stride_y = dense_shape.stride_x = 1;
  }
  const trompe_convolution_shape *s = &dense_shape;
  dnnl_engine_t engine = cpu_engine();
  trompe_convolution *self = calloc(1, sizeof *self);
  if (!engine || !self) {
    snprintf(message, message_size, "oneDNN has no CPU engine");
    free(self);
    return NULL;
  }
  self->shape = *given;
  self->subsamples = subsamples(given);
  self->engine = engine;
  const int grouped = s->groups > 1, rank = grouped ? 5 : 4;
  const dnnl_dims_t image = {s->n, s->c, s->h, s->w}, result = {s->n, s->k, s->p, s->q};
  const dnnl_dims_t dense = {s->k, s->c, s->r, s->s};
  const dnnl_dims_t split = {s->groups, s->k / s->groups, s->c / s->groups, s->r, s->s};
  const dnnl_dims_t channels = {s->k};
  // A gradient in the filter is made in fp32 whatever it is made of.
  const int to_filter = s->kind == TROMPE_CONVOLUTION_FILTER_GRADIENT;
  const dnnl_data_type_t factor = s->uses_bf16 ? dnnl_bf16 : dnnl_f32;
  Layout filter = layout_create(
      rank, grouped ? split : dense, to_filter ? dnnl_f32 : factor, dnnl_format_tag_any);
  Factors factors = {0};
  factors.filter = layout_create(rank, grouped ? split : dense, factor, dnnl_format_tag_any);
  Layout bias = s->has_bias ? layout_create(1, channels, dnnl_f32, dnnl_x) : NULL;
  self->plain_filter =
      layout_create(rank, grouped ? split : dense, dnnl_f32, grouped ? dnnl_gohwi : dnnl_ohwi);
  Layout x = NULL, y = NULL;
  // Winograd's first where it may be used and pays; not every processor and version has it.
  for (int winograd = trompe_winograd_pays(s); !self->description; winograd = 0) {
    const int blocks = winograd || wants_blocks(s);
    const dnnl_format_tag_t order = blocks ? dnnl_nChw16c : dnnl_nhwc;
    self->order_x = wanted_order(s, blocks, s->order_x, result_is_x(s));
    self->order_y = wanted_order(s, blocks, s->order_y, result_is_y(s));
    layout_destroy(x);
    layout_destroy(y);
    layout_destroy(factors.x);
    layout_destroy(factors.y);
    factors.x = layout_create(4, image, factor, order);
    factors.y = layout_create(4, result, factor, order);
    x = layout_create(4, image, self->order_x.is_bf16 ? dnnl_bf16 : dnnl_f32, order);
    y = layout_create(4, result, self->order_y.is_bf16 ? dnnl_bf16 : dnnl_f32, order);
    // A result that is copied gets its sum and ReLU on the way.
    const int is_copied = !same_order(self->order_y, s->order_y);
    // Not every primitive can read a residual that is apart; it is copied to the result then.
    int reads_residual = s->adds_residual && s->residual_is_apart && !is_copied && !winograd &&
                         !s->order_y.is_bf16;
    for (; !self->description; reads_residual = 0) {
      dnnl_primitive_attr_t attributes = attributes_for(s, !is_copied, reads_residual ? y : NULL);
      if (x && y && filter && factors.x && factors.y && factors.filter && self->plain_filter &&
          attributes)
        self->description = describe(
            s, winograd ? dnnl_convolution_winograd : dnnl_convolution_direct, engine, x, filter,
            bias, y, factors, attributes);
      if (attributes) dnnl_primitive_attr_destroy(attributes);
      if (!reads_residual) break;
      if (self->description && is_fast(self->description)) {
        self->residual_memory = memory_create(y, engine);
        break;
      }
      if (self->description) dnnl_primitive_desc_destroy(self->description);
      self->description = NULL;
    }
    if (self->description) self->winograd = winograd;
    if (!winograd) break;
  }
  int made = 0;
  if (self->description && dnnl_stream_create(&self->stream, engine, dnnl_stream_in_order) == dnnl_success &&
      dnnl_primitive_create(&self->primitive, self->description) == dnnl_success) {
    self->filter = layout_of(
        self->description, to_filter ? dnnl_query_diff_weights_md : dnnl_query_weights_md, 0);
    Layout scratch = layout_of(self->description, dnnl_query_scratchpad_md, 0);
    self->filter_bytes = dnnl_memory_desc_get_size(self->filter);
    self->scratch_bytes = dnnl_memory_desc_get_size(scratch);
    const int64_t x_elements = s->n * s->h * s->w * s->c, y_elements = s->n * s->p * s->q * s->k;
    if (self->subsamples) {
      self->subsampled_bytes = aligned((size_t)x_elements * sizeof(float));
      self->scratch_bytes += self->subsampled_bytes;
    }
    if (!same_order(self->order_x, s->order_x))
      self->x_copy_bytes = aligned(image_bytes(self->order_x, x_elements));
    if (!same_order(self->order_y, s->order_y))
      self->y_copy_bytes = aligned(image_bytes(self->order_y, y_elements));
    self->scratch_bytes += self->x_copy_bytes + self->y_copy_bytes;
    self->x_memory = memory_create(x, engine);
    self->y_memory = memory_create(y, engine);
    self->filter_memory = memory_create(self->filter, engine);
    if (bias) self->bias_memory = memory_create(bias, engine);
    self->scratch_memory = memory_create(scratch, engine);
    layout_destroy(scratch);
    Layout from = to_filter ? self->filter : self->plain_filter;
    Layout to = to_filter ? self->plain_filter : self->filter;
    self->from_memory = memory_create(from, engine);
    self->to_memory = memory_create(to, engine);
    made = 1;
    if (!trompe_convolution_filter_is_plain(self)) {
      dnnl_primitive_desc_t reorder = NULL;
      made = dnnl_reorder_primitive_desc_create(&reorder, from, engine, to, engine, NULL) ==
                 dnnl_success &&
             dnnl_primitive_create(&self->reorder, reorder) == dnnl_success;
      if (reorder) dnnl_primitive_desc_destroy(reorder);
    }
  }
  layout_destroy(x);
  layout_destroy(y);
  layout_destroy(filter);
  layout_destroy(factors.x);
  layout_destroy(factors.filter);
  layout_destroy(factors.y);
  layout_destroy(bias);
  if (!made) {
    snprintf(message, message_size,
             "oneDNN %s has no convolution (kind %d) for image [%lld, %lld, %lld, %lld], filter "
             "[%lld, %lld, %lld, %lld]",
             trompe_onednn_version(), s->kind, (long long)s->n, (long long)s->h, (long long)s->w,
             (long long)s->c, (long long)s->k, (long long)s->r, (long long)s->s,
             (long long)(s->c / s->groups));
    trompe_convolution_destroy(self);
    return NULL;
  }
  return self;
}

void trompe_convolution_destroy(trompe_convolution *self) {
  if (!self) return;
  trompe_convolution_destroy(self->folded);
  free(self->folded_filter);
  dnnl_memory_t memories[] = {self->x_memory,       self->filter_memory, self->bias_memory,
                              self->y_memory,       self->scratch_memory, self->from_memory,
                              self->to_memory,      self->residual_memory};
  for (size_t i = 0; i < sizeof memories / sizeof *memories; i++)
    if (memories[i]) dnnl_memory_destroy(memories[i]);
  if (self->primitive) dnnl_primitive_destroy(self->primitive);
  if (self->reorder) dnnl_primitive_destroy(self->reorder);
  if (self->description) dnnl_primitive_desc_destroy(self->description);
  if (self->stream) dnnl_stream_destroy(self->stream);
  layout_destroy(self->filter);
  layout_destroy(self->plain_filter);
  free(self);
}

const char *trompe_convolution_implementation(const trompe_convolution *self) {
  static const char *const names[] = {[TILES] = "tiles_4x3", [PACKED] = "packed", [NARROW] = "narrow"};
  if (self->kernels) return names[self->kernels];
  if (self->folded) return trompe_convolution_implementation(self->folded);
  return name_of(self->description);
}

int trompe_convolution_is_winograd(const trompe_convolution *self) { return self->winograd; }

size_t trompe_convolution_scratch_bytes(const trompe_convolution *self) {
  return self->scratch_bytes;
}

size_t trompe_convolution_filter_bytes(const trompe_convolution *self) {
  return self->filter_bytes;
}

int trompe_convolution_filter_is_plain(const trompe_convolution *self) {
  if (self->kernels) return self->takes_plain_filter;
  if (self->folded) return 0;
  return dnnl_memory_desc_equal(self->filter, self->plain_filter);
}

int trompe_convolution_scales_filters(const trompe_convolution *self) {
  return self->kernels && self->takes_plain_filter;
}

int trompe_convolution_same_filter_layout(
    const trompe_convolution *a, const trompe_convolution *b) {
  if (a->takes_plain_filter && b->takes_plain_filter) return 1;
  if (a->kernels || b->kernels)
    return a->kernels == b->kernels && a->shape.kind == b->shape.kind &&
           a->takes_plain_filter == b->takes_plain_filter &&
           (a->kernels != PACKED ||
            trompe_packed_same_filter(&a->window, &b->window, result_is_x(&a->shape)));
  if (a->folded || b->folded)
    return a->folded && b->folded && a->shape.stride_y == b->shape.stride_y &&
           a->shape.stride_x == b->shape.stride_x && a->shape.top == b->shape.top &&
           a->shape.left == b->shape.left &&
           trompe_convolution_same_filter_layout(a->folded, b->folded);
  return dnnl_memory_desc_equal(a->filter, b->filter);
}

// Floats of a filter.
static int64_t filter_row(const trompe_convolution_shape *s) {
  return s->r * s->s * (s->c / s->groups);
}

size_t trompe_convolution_scaling_bytes(const trompe_convolution *self) {
  if (self->kernels || self->folded || !self->reorder) return 0;
  return (size_t)(self->shape.k * filter_row(&self->shape)) * sizeof(float);
}

typedef struct {
  int64_t count, row;
  const float *from, *scale;
  float *to;
} Scaling;

static void scale_filters(void *context, int thread, int threads) {
  const Scaling *call = context;
  int64_t begin, end;
  trompe_share(call->count, thread, threads, &begin, &end);
  for (int64_t k = begin; k < end; k++)
    for (int64_t i = k * call->row, last = i + call->row; i < last; i++)
      call->to[i] = call->from[i] * call->scale[k];
}

int trompe_convolution_reorder_filter(
    const trompe_convolution *self, const void *from, const float *scale, void *to, void *scratch) {
  const trompe_convolution_shape *s = &self->shape;
  if (self->kernels && !self->takes_plain_filter) {
    if (self->kernels == PACKED)
      trompe_packed_read_filter(&self->window, from, scale, result_is_x(s), to, self->cpu);
    else if (self->kernels == NARROW)
      trompe_narrow_read_filter(&self->window, from, scale, to, self->cpu);
    else
      trompe_winograd_read_filter(from, scale, s->c, s->k, result_is_x(s), to, self->cpu);
    return 0;
  }
  if (self->folded) {
    trompe_fold_filter(s, from, scale, self->folded_filter);
    return trompe_convolution_reorder_filter(self->folded, self->folded_filter, NULL, to, NULL);
  }
  if (scale) {
    Scaling call = {s->k, filter_row(s), from, scale, self->reorder ? scratch : to};
    trompe_parallel(scale_filters, &call, trompe_pool_thread_count());
    if (!self->reorder) return 0;
    from = scratch;
  }
  if (!self->reorder) {
    memcpy(to, from, self->filter_bytes);
    return 0;
  }
  dnnl_memory_set_data_handle(self->from_memory, (void *)from);
  dnnl_memory_set_data_handle(self->to_memory, to);
  dnnl_exec_arg_t arguments[] = {{DNNL_ARG_FROM, self->from_memory}, {DNNL_ARG_TO, self->to_memory}};
  if (dnnl_primitive_execute(self->reorder, self->stream, 2, arguments) != dnnl_success) return 1;
  return dnnl_stream_wait(self->stream) != dnnl_success;
}

int trompe_convolution_finishes_gradients(const trompe_convolution *self) {
  return self->kernels != NONE;
}

int trompe_convolution_run(
    const trompe_convolution *self, void *x, void *filter, const float *scale,
    const trompe_epilogue *after, void *y, void *scratch) {
  static const trompe_epilogue nothing;
  if (!after) after = &nothing;
  if (self->kernels) {
    if (self->kernels == NARROW) run_narrow(self, x, filter, after, y, scratch);
    else (self->kernels == PACKED ? run_packed : run_tiles)(self, x, filter, scale, after, y, scratch);
    return 0;
  }
  if (self->folded) return run_folded(self, x, filter, y, scratch);
  static const int roles[3][3] = {
      {DNNL_ARG_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_DST},
      {DNNL_ARG_DIFF_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_DIFF_DST},
      {DNNL_ARG_SRC, DNNL_ARG_DIFF_WEIGHTS, DNNL_ARG_DIFF_DST},
  };
  const trompe_convolution_shape *s = &self->shape;
  const trompe_cpu cpu = {s->kernels, trompe_pool_thread_count()};
  const int *role = roles[s->kind];
  if (self->subsamples) {
    const int64_t extent[4] = {s->n, s->p, s->q, s->c};
    const int64_t from[4] = {s->h * s->w * s->c, s->stride_y * s->w * s->c, s->stride_x * s->c, 1};
    const int64_t to[4] = {s->p * s->q * s->c, s->q * s->c, s->c, 1};
    trompe_copy_strided(4, extent, x, from, scratch, to, cpu.threads);
    x = scratch;
    scratch = (char *)scratch + self->subsampled_bytes;
  }
  void *const given_x = x, *const given_y = y;
  const void *residual = after->residual;
  const int64_t x_pixels = self->subsamples ? s->p * s->q : s->h * s->w, y_pixels = s->p * s->q;
  if (residual && residual != y && !self->residual_memory)
    memcpy(y, residual, image_bytes(s->order_y, s->n * y_pixels * s->k));
  if (self->x_copy_bytes) {
    x = scratch;
    scratch = (char *)scratch + self->x_copy_bytes;
    const trompe_image_move move = {s->order_x, self->order_x, s->n, x_pixels, s->c, 0, 0};
    if (!result_is_x(s)) trompe_move_image(&move, given_x, x, cpu);
  }
  if (self->y_copy_bytes) {
    y = scratch;
    scratch = (char *)scratch + self->y_copy_bytes;
    const trompe_image_move move = {s->order_y, self->order_y, s->n, y_pixels, s->k, 0, 0};
    if (!result_is_y(s)) trompe_move_image(&move, given_y, y, cpu);
  }
  dnnl_memory_set_data_handle(self->x_memory, x);
  dnnl_memory_set_data_handle(self->filter_memory, filter);
  dnnl_memory_set_data_handle(self->y_memory, y);
  dnnl_memory_set_data_handle(self->scratch_memory, scratch);
  dnnl_exec_arg_t arguments[6] = {{role[0], self->x_memory},
                                  {role[1], self->filter_memory},
                                  {role[2], self->y_memory},
                                  {DNNL_ARG_SCRATCHPAD, self->scratch_memory}};
  int count = 4;
  if (self->bias_memory) {
    dnnl_memory_set_data_handle(self->bias_memory, (void *)after->bias);
    arguments[count++] = (dnnl_exec_arg_t){DNNL_ARG_BIAS, self->bias_memory};
  }
  if (self->residual_memory) {
    dnnl_memory_set_data_handle(self->residual_memory, (void *)residual);
    arguments[count++] = (dnnl_exec_arg_t){
        DNNL_ARG_ATTR_MULTIPLE_POST_OP(0) | DNNL_ARG_SRC_1, self->residual_memory};
  }
  if (dnnl_primitive_execute(self->primitive, self->stream, count, arguments) != dnnl_success ||
      dnnl_stream_wait(self->stream) != dnnl_success)
    return 1;
  if (self->y_copy_bytes && result_is_y(s)) {
    const trompe_image_move move = {
        self->order_y, s->order_y, s->n, y_pixels, s->k, s->adds_residual, s->has_relu};
    trompe_move_image(&move, y, given_y, cpu);
  }
  if (self->x_copy_bytes && result_is_x(s)) {
    const trompe_image_move move = {self->order_x, s->order_x, s->n, x_pixels, s->c, 0, 0};
    trompe_move_image(&move, x, given_x, cpu);
  }
  return 0;
}

const char *trompe_onednn_version(void) {
  static char text[32];
  const dnnl_version_t *version = dnnl_version();
  snprintf(text, sizeof text, "%d.%d.%d", version->major, version->minor, version->patch);
  return text;
}
