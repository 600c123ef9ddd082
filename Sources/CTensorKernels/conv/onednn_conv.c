#include "conv/onednn_conv.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arch/kernel_table.h"
#include "conv/choice.h"
#include "conv/onednn_desc.h"
#include "kernels_image.h"
#include "kernels_layout.h"
#include "kernels_reorder.h"
#include "kernels_threads.h"

struct trompe_onednn_conv {
  trompe_convolution_shape shape;
  dnnl_engine_t engine;
  dnnl_stream_t stream;
  dnnl_primitive_desc_t description;
  dnnl_primitive_t primitive;
  dnnl_primitive_t reorder;
  trompe_onednn_layout filter, plain_filter;
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
  // The orders in which the primitive takes its images, and the copies of those that come in
  // another: they stand before the primitive's own scratch.
  trompe_image_order order_x, order_y;
  size_t x_copy_bytes, y_copy_bytes;
};

// oneDNN 2.6's filter gradient of a strided 1x1 window writes behind the scratch that it asks for,
// and its result depends on what stood there, when there are fewer channels than a vector has
// lanes. A dense window over the pixels that the strided one reads is the same sum. Blocks are
// whole vectors.
static int subsamples(const trompe_convolution_shape *s) {
  return !s->order_x.blocks && !s->uses_bf16 && s->kind == TROMPE_CONVOLUTION_FILTER_GRADIENT &&
         s->r == 1 && s->s == 1 && (s->stride_y > 1 || s->stride_x > 1) && !s->top && !s->left &&
         !s->bottom && !s->right;
}

static size_t aligned(size_t bytes) { return (bytes + 63) / 64 * 64; }

// The order for plain sums: that of both images, or of the larger one if it can be that of both.
// Primitives want blocks as wide as a register.
static int wants_blocks(const trompe_convolution_shape *s) {
  if (s->uses_bf16) return 1;
  if (!trompe_has_wide_vectors(s->kernels)) return 0;
  if (s->order_x.blocks == s->order_y.blocks) return s->order_x.blocks;
  if (s->c % TROMPE_CHANNEL_BLOCK || s->k % TROMPE_CHANNEL_BLOCK || s->groups > 1) return 0;
  return (s->h * s->w * s->c >= s->p * s->q * s->k) == s->order_x.blocks;
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

static dnnl_memory_t memory_create(trompe_onednn_layout layout, dnnl_engine_t engine) {
  dnnl_memory_t memory = NULL;
  dnnl_memory_create(&memory, layout, engine, DNNL_MEMORY_NONE);
  return memory;
}

// An engine is a handle to the CPU; one per process, made by whoever comes first.
static dnnl_engine_t shared_engine;
static void make_engine(void) {
#if defined(__x86_64__)
  // oneDNN's own levels, so that it keeps to the same limit.
  if (trompe_level_limit() == TROMPE_BASELINE) dnnl_set_max_cpu_isa(dnnl_cpu_isa_sse41);
  if (trompe_level_limit() == TROMPE_AVX2) dnnl_set_max_cpu_isa(dnnl_cpu_isa_avx2);
#endif
  dnnl_engine_create(&shared_engine, dnnl_cpu, 0);
}

static dnnl_engine_t cpu_engine(void) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, make_engine);
  return shared_engine;
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

trompe_onednn_conv *trompe_onednn_conv_create(
    const trompe_convolution_shape *given, char *message, size_t message_size) {
  trompe_convolution_shape dense_shape = *given;
  if (subsamples(given)) {
    dense_shape.h = given->p;
    dense_shape.w = given->q;
    dense_shape.stride_y = dense_shape.stride_x = 1;
  }
  const trompe_convolution_shape *s = &dense_shape;
  dnnl_engine_t engine = cpu_engine();
  trompe_onednn_conv *self = calloc(1, sizeof *self);
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
  // A filter gradient is made in fp32 whatever it is made of.
  const int to_filter = s->kind == TROMPE_CONVOLUTION_FILTER_GRADIENT;
  const dnnl_data_type_t factor = s->uses_bf16 ? dnnl_bf16 : dnnl_f32;
  trompe_onednn_layout filter = trompe_onednn_layout_create(
      rank, grouped ? split : dense, to_filter ? dnnl_f32 : factor, dnnl_format_tag_any);
  trompe_onednn_operands factors = {0};
  factors.filter =
      trompe_onednn_layout_create(rank, grouped ? split : dense, factor, dnnl_format_tag_any);
  trompe_onednn_layout bias =
      s->has_bias ? trompe_onednn_layout_create(1, channels, dnnl_f32, dnnl_x) : NULL;
  self->plain_filter = trompe_onednn_layout_create(
      rank, grouped ? split : dense, dnnl_f32, grouped ? dnnl_gohwi : dnnl_ohwi);
  trompe_onednn_layout x = NULL, y = NULL;
  // Winograd's first where it may be used and pays; not every processor and version has it.
  for (int winograd = trompe_onednn_winograd_pays(s); !self->description; winograd = 0) {
    const int blocks = winograd || wants_blocks(s);
    const dnnl_format_tag_t order = blocks ? dnnl_nChw16c : dnnl_nhwc;
    self->order_x = wanted_order(s, blocks, s->order_x, trompe_result_is_x(s));
    self->order_y = wanted_order(s, blocks, s->order_y, trompe_result_is_y(s));
    trompe_onednn_layout_destroy(x);
    trompe_onednn_layout_destroy(y);
    trompe_onednn_layout_destroy(factors.x);
    trompe_onednn_layout_destroy(factors.y);
    factors.x = trompe_onednn_layout_create(4, image, factor, order);
    factors.y = trompe_onednn_layout_create(4, result, factor, order);
    x = trompe_onednn_layout_create(4, image, self->order_x.is_bf16 ? dnnl_bf16 : dnnl_f32, order);
    y = trompe_onednn_layout_create(4, result, self->order_y.is_bf16 ? dnnl_bf16 : dnnl_f32, order);
    // A result that is copied gets its sum and ReLU on the way.
    const int is_copied = !same_order(self->order_y, s->order_y);
    // Not every primitive can read a residual that is apart; it is copied to the result then.
    int reads_residual =
        s->adds_residual && s->residual_is_apart && !is_copied && !winograd && !s->order_y.is_bf16;
    for (; !self->description; reads_residual = 0) {
      dnnl_primitive_attr_t attributes =
          trompe_onednn_attributes(s, !is_copied, reads_residual ? y : NULL);
      if (x && y && filter && factors.x && factors.y && factors.filter && self->plain_filter &&
          attributes)
        self->description = trompe_onednn_describe(
            s, engine,
            &(trompe_onednn_problem){
                winograd ? dnnl_convolution_winograd : dnnl_convolution_direct,
                {x, filter, y},
                bias,
                factors,
                attributes});
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
  if (self->description &&
      dnnl_stream_create(&self->stream, engine, dnnl_stream_in_order) == dnnl_success &&
      dnnl_primitive_create(&self->primitive, self->description) == dnnl_success) {
    self->filter = trompe_onednn_layout_of(
        self->description, to_filter ? dnnl_query_diff_weights_md : dnnl_query_weights_md, 0);
    trompe_onednn_layout scratch =
        trompe_onednn_layout_of(self->description, dnnl_query_scratchpad_md, 0);
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
    trompe_onednn_layout_destroy(scratch);
    trompe_onednn_layout from = to_filter ? self->filter : self->plain_filter;
    trompe_onednn_layout to = to_filter ? self->plain_filter : self->filter;
    self->from_memory = memory_create(from, engine);
    self->to_memory = memory_create(to, engine);
    made = 1;
    if (!trompe_onednn_conv_filter_is_plain(self)) {
      dnnl_primitive_desc_t reorder = NULL;
      made = dnnl_reorder_primitive_desc_create(&reorder, from, engine, to, engine, NULL) ==
                 dnnl_success &&
             dnnl_primitive_create(&self->reorder, reorder) == dnnl_success;
      if (reorder) dnnl_primitive_desc_destroy(reorder);
    }
  }
  trompe_onednn_layout_destroy(x);
  trompe_onednn_layout_destroy(y);
  trompe_onednn_layout_destroy(filter);
  trompe_onednn_layout_destroy(factors.x);
  trompe_onednn_layout_destroy(factors.filter);
  trompe_onednn_layout_destroy(factors.y);
  trompe_onednn_layout_destroy(bias);
  if (!made) {
    snprintf(
        message, message_size,
        "oneDNN %s has no convolution (kind %d) for image [%lld, %lld, %lld, %lld], filter "
        "[%lld, %lld, %lld, %lld]",
        trompe_onednn_version(), s->kind, (long long)s->n, (long long)s->h, (long long)s->w,
        (long long)s->c, (long long)s->k, (long long)s->r, (long long)s->s,
        (long long)(s->c / s->groups));
    trompe_onednn_conv_destroy(self);
    return NULL;
  }
  return self;
}

void trompe_onednn_conv_destroy(trompe_onednn_conv *self) {
  if (!self) return;
  dnnl_memory_t memories[] = {self->x_memory,  self->filter_memory,  self->bias_memory,
                              self->y_memory,  self->scratch_memory, self->from_memory,
                              self->to_memory, self->residual_memory};
  for (size_t i = 0; i < sizeof memories / sizeof *memories; i++)
    if (memories[i]) dnnl_memory_destroy(memories[i]);
  if (self->primitive) dnnl_primitive_destroy(self->primitive);
  if (self->reorder) dnnl_primitive_destroy(self->reorder);
  if (self->description) dnnl_primitive_desc_destroy(self->description);
  if (self->stream) dnnl_stream_destroy(self->stream);
  trompe_onednn_layout_destroy(self->filter);
  trompe_onednn_layout_destroy(self->plain_filter);
  free(self);
}

const char *trompe_onednn_conv_name(const trompe_onednn_conv *self) {
  return name_of(self->description);
}

int trompe_onednn_conv_is_winograd(const trompe_onednn_conv *self) { return self->winograd; }

size_t trompe_onednn_conv_scratch_bytes(const trompe_onednn_conv *self) {
  return self->scratch_bytes;
}

size_t trompe_onednn_conv_filter_bytes(const trompe_onednn_conv *self) {
  return self->filter_bytes;
}

int trompe_onednn_conv_filter_is_plain(const trompe_onednn_conv *self) {
  return dnnl_memory_desc_equal(self->filter, self->plain_filter);
}

int trompe_onednn_conv_same_filter(const trompe_onednn_conv *a, const trompe_onednn_conv *b) {
  return dnnl_memory_desc_equal(a->filter, b->filter);
}

// Floats of a filter.
static int64_t filter_row(const trompe_convolution_shape *s) {
  return s->r * s->s * (s->c / s->groups);
}

size_t trompe_onednn_conv_scaling_bytes(const trompe_onednn_conv *self) {
  if (!self->reorder) return 0;
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

void trompe_scale_filter(
    const trompe_convolution_shape *s, const float *from, const float *scale, float *to) {
  if (!scale) {
    memcpy(to, from, (size_t)(s->k * filter_row(s)) * sizeof(float));
    return;
  }
  Scaling call = {s->k, filter_row(s), from, scale, to};
  trompe_parallel(scale_filters, &call, trompe_pool_thread_count());
}

int trompe_onednn_conv_reorder_filter(
    const trompe_onednn_conv *self, const void *from, const float *scale, void *to, void *scratch) {
  const trompe_convolution_shape *s = &self->shape;
  if (scale) {
    trompe_scale_filter(s, from, scale, self->reorder ? scratch : to);
    if (!self->reorder) return 0;
    from = scratch;
  }
  if (!self->reorder) {
    memcpy(to, from, self->filter_bytes);
    return 0;
  }
  dnnl_memory_set_data_handle(self->from_memory, (void *)from);
  dnnl_memory_set_data_handle(self->to_memory, to);
  dnnl_exec_arg_t arguments[] = {
      {DNNL_ARG_FROM, self->from_memory}, {DNNL_ARG_TO, self->to_memory}};
  if (dnnl_primitive_execute(self->reorder, self->stream, 2, arguments) != dnnl_success) return 1;
  return dnnl_stream_wait(self->stream) != dnnl_success;
}

int trompe_onednn_conv_run(
    const trompe_onednn_conv *self, void *x, void *filter, const trompe_epilogue *after, void *y,
    void *scratch) {
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
    const trompe_strides at = {4, extent, from, to};
    trompe_copy_strided(&at, x, scratch, cpu.threads);
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
    const trompe_reorder move = {s->order_x, self->order_x, s->n, x_pixels, s->c, 0, 0};
    if (!trompe_result_is_x(s)) trompe_reorder_image(&move, given_x, x, cpu);
  }
  if (self->y_copy_bytes) {
    y = scratch;
    scratch = (char *)scratch + self->y_copy_bytes;
    const trompe_reorder move = {s->order_y, self->order_y, s->n, y_pixels, s->k, 0, 0};
    if (!trompe_result_is_y(s)) trompe_reorder_image(&move, given_y, y, cpu);
  }
  dnnl_memory_set_data_handle(self->x_memory, x);
  dnnl_memory_set_data_handle(self->filter_memory, filter);
  dnnl_memory_set_data_handle(self->y_memory, y);
  dnnl_memory_set_data_handle(self->scratch_memory, scratch);
  dnnl_exec_arg_t arguments[6] = {
      {role[0], self->x_memory},
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
  if (self->y_copy_bytes && trompe_result_is_y(s)) {
    const trompe_reorder move = {self->order_y, s->order_y,       s->n,        y_pixels,
                                 s->k,          s->adds_residual, s->has_relu, s->relu_limit};
    trompe_reorder_image(&move, y, given_y, cpu);
  }
  if (self->x_copy_bytes && trompe_result_is_x(s)) {
    const trompe_reorder move = {self->order_x, s->order_x, s->n, x_pixels, s->c, 0, 0};
    trompe_reorder_image(&move, x, given_x, cpu);
  }
  return 0;
}

const char *trompe_onednn_version(void) {
  static char text[32];
  const dnnl_version_t *version = dnnl_version();
  snprintf(text, sizeof text, "%d.%d.%d", version->major, version->minor, version->patch);
  return text;
}
