#include "conv/choice.h"

#include <math.h>

#include "arch/kernel_table.h"
#include "conv/depthwise.h"
#include "kernels_first_layer.h"
#include "kernels_gemm_conv.h"
#include "kernels_pointwise.h"
#include "kernels_threads.h"
#include "kernels_winograd.h"

static trompe_image image_in(int64_t n, int64_t h, int64_t w, int64_t c, trompe_image_order order) {
  const int64_t block = TROMPE_CHANNEL_BLOCK;
  return (trompe_image){n, h, w, c, order.blocks ? block : c, order.blocks ? h * w * block : block};
}

trompe_window trompe_window_of(const trompe_convolution_shape *s) {
  return (trompe_window){
      image_in(s->n, s->h, s->w, s->c, s->order_x),
      image_in(s->n, s->p, s->q, s->k, s->order_y),
      s->r,
      s->s,
      s->stride_y,
      s->stride_x,
      s->top,
      s->left};
}

// Winograd F(4x4, 3x3) is for these windows, and for whole blocks of channels.
static int has_winograd_window(const trompe_convolution_shape *s) {
  return s->r == 3 && s->s == 3 && s->stride_y == 1 && s->stride_x == 1 && s->dilation_y == 1 &&
         s->dilation_x == 1 && s->groups == 1 && s->top == 1 && s->left == 1 && s->bottom == 1 &&
         s->right == 1 && s->c % TROMPE_CHANNEL_BLOCK == 0 && s->k % TROMPE_CHANNEL_BLOCK == 0;
}

// What follows estimates, in nanoseconds, from arithmetic and traffic. Rates, in operations and
// bytes per nanosecond, were fitted on two cores each of Zen 4 (AVX-512) and Zen 3 (AVX2); only
// their ratios decide.
static double rate(const trompe_convolution_shape *s, double wide, double narrow) {
  return s->kernels->has_wide_vectors ? wide : narrow;
}
static double direct_rate(const trompe_convolution_shape *s) { return rate(s, 225, 115); }
enum { BF16_RATE = 455 };

typedef struct {
  double filters, pixels, tiles;
} Extent;

// Batches of as many images are assumed where the choice must not depend on their number.
enum { USUAL_BATCH = 8 };

static Extent extent_of(const trompe_convolution_shape *s) {
  const int64_t images = s->is_batch_invariant ? USUAL_BATCH : s->n;
  return (Extent){
      (double)s->c * (double)s->k, (double)images * (double)(s->p * s->q),
      (double)trompe_winograd_tile_count(images, s->p, s->q)};
}

static double direct_time(const trompe_convolution_shape *s, double rate) {
  const Extent e = extent_of(s);
  return 2 * 9 * e.pixels * e.filters / rate;
}

// By oneDNN's primitive, which is for wide vectors, `copied` bytes of images brought into blocks
// and back among it.
static double winograd_time(const trompe_convolution_shape *s, double copied) {
  const double product_rate = 170, filter_rate = 20, tile_rate = 40, copy_rate = 20;
  if (!has_winograd_window(s) || s->is_batch_invariant || !s->kernels->has_wide_vectors)
    return INFINITY;
  const Extent e = extent_of(s);
  const double channels = (double)(s->c + s->k);
  return 2 * 36 * e.tiles * e.filters / product_rate + 2 * 4 * 36 * e.filters / filter_rate +
         4 * 36 * e.tiles * channels / tile_rate + copied / copy_rate;
}

static double tile_reading_time(
    const trompe_convolution_shape *s, double tiles, double pixels, double channels) {
  const double read_rate = rate(s, 61, 45), image_rate = 20;
  return 4 * 36 * tiles * channels / read_rate + 4 * pixels * channels / image_rate;
}

// A filter gradient by our own kernels.
static double tile_gradient_time(const trompe_convolution_shape *s, const Extent *e) {
  const double values = 4 * 36 * e->filters, result = 4 * 9 * e->filters;
  const double reading = tile_reading_time(s, e->tiles, e->pixels, (double)(s->c + s->k));
  const int is_few = e->tiles <= TROMPE_WINOGRAD_FEW_TILES;
  if (trompe_winograd_bwd_weights_uses_gemm(
          s->c, s->k, (trompe_cpu){s->kernels, trompe_pool_thread_count()})) {
    const double product_rate = rate(s, 290, 180), sum_rate = rate(s, 50, 40), result_rate = 6;
    return 2 * 36 * e->tiles * e->filters / product_rate + 2 * values / sum_rate +
           result / result_rate + reading;
  }
  // The sums of a large filter's gradient do not stay in the second-level cache.
  if (s->c * s->k > 128 * 128 && !is_few) return INFINITY;
  const double product_rate = rate(s, 225, 180), filter_rate = 25, scatter_rate = 2.2;
  return 2 * 36 * e->tiles * e->filters / product_rate +
         (is_few ? result / scatter_rate : 2 * (2 * values + result) / filter_rate) + reading;
}

// By our own kernels.
static double tiles_time(const trompe_convolution_shape *s) {
  if (!has_winograd_window(s) || s->order_x.is_bf16 || s->order_y.is_bf16 ||
      !trompe_has_own_convolutions(s->kernels))
    return INFINITY;
  const Extent e = extent_of(s);
  if (s->kind == TROMPE_CONVOLUTION_FILTER_GRADIENT) return tile_gradient_time(s, &e);
  const double product_rate = rate(s, 310, 180), filter_rate = 25;
  const double write_rate = rate(s, 105, 80);
  const double image_rate = 20;
  const int reads_y = s->kind == TROMPE_CONVOLUTION_INPUT_GRADIENT;
  const double read = (double)(reads_y ? s->k : s->c), written = (double)(reads_y ? s->c : s->k);
  return 2 * 36 * e.tiles * e.filters / product_rate + 4 * (2 * 36 + 9) * e.filters / filter_rate +
         tile_reading_time(s, e.tiles, e.pixels, read) + 4 * 36 * e.tiles * written / write_rate +
         4 * e.pixels * written / image_rate;
}

static double copied_bytes(const trompe_convolution_shape *s) {
  return 2 * 4 * (double)(s->n * s->p * s->q) *
         (!s->order_x.blocks * s->c + !s->order_y.blocks * s->k);
}

int trompe_onednn_winograd_pays(const trompe_convolution_shape *s) {
  return s->may_use_own_kernels && !s->uses_bf16 &&
         winograd_time(s, copied_bytes(s)) < 0.9 * direct_time(s, direct_rate(s));
}

// Whether a convolution can be, and gains by being, a GEMM of packed panels. By measurement:
// packing and the epilogue take as long as it gains where there are few channels or pixels. Filter
// gradients of more than one tap gain most, since others are slow on small images.
static int packed_gain(const trompe_convolution_shape *s) {
  if (!s->may_use_own_kernels || s->uses_bf16 || s->only_primitives || s->groups > 1 ||
      s->c % TROMPE_CHANNEL_BLOCK || s->k % TROMPE_CHANNEL_BLOCK || s->order_x.is_bf16 ||
      s->order_y.is_bf16 || s->dilation_y > 1 || s->dilation_x > 1 ||
      !trompe_has_own_convolutions(s->kernels))
    return 0;
  const int to_filter = s->kind == TROMPE_CONVOLUTION_FILTER_GRADIENT;
  const int is_strided = s->stride_y > 1 || s->stride_x > 1;
  const Extent e = extent_of(s);
  // oneDNN's for AVX2 do little more than half of what the cores can.
  if (!s->kernels->has_wide_vectors) return e.pixels >= 64 && e.filters >= 32 * 32;
  if (s->r == 1 && s->s == 1)
    return !s->top && !s->left && e.pixels >= 128 &&
           e.filters >= (to_filter    ? 128 * 128
                         : is_strided ? 128 * 256
                                      : 64 * 128);
  if (to_filter) return e.pixels >= 128 && e.filters >= (is_strided ? 128 * 128 : 256 * 512);
  return e.pixels >= 256 && e.filters >= (is_strided ? 128 * 128 : 512 * 512);
}

static double packed_time(const trompe_convolution_shape *s) {
  const double product_rate = rate(s, 290, 180), filter_rate = 12;
  if (!packed_gain(s)) return INFINITY;
  const Extent e = extent_of(s);
  const double points = (double)(s->r * s->s) * e.filters;
  const int to_filter = s->kind == TROMPE_CONVOLUTION_FILTER_GRADIENT;
  return 2 * points * e.pixels / product_rate + (to_filter ? 0 : 2 * 4 * points / filter_rate);
}

static int winograd_pays(const trompe_convolution_shape *s) {
  const double plain = 0.9 * direct_time(s, direct_rate(s));
  return s->may_use_own_kernels && !s->uses_bf16 && !s->only_primitives &&
         tiles_time(s) < fmin(fmin(winograd_time(s, copied_bytes(s)), packed_time(s)), plain);
}

static int gemm_pays(const trompe_convolution_shape *s) {
  return packed_gain(s) && !trompe_onednn_winograd_pays(s);
}

static int first_layer_pays(const trompe_convolution_shape *s) {
  const trompe_window window = trompe_window_of(s);
  // With short rows all is brought together, which oneDNN's for AVX-512 need not.
  const int is_long = s->s * s->c >= TROMPE_CHANNEL_BLOCK || !s->kernels->has_wide_vectors;
  const int64_t fewest_filters = s->kernels->has_wide_vectors ? 32 : 16;
  return s->may_use_own_kernels && !s->uses_bf16 && !s->only_primitives && s->groups == 1 &&
         s->k % TROMPE_CHANNEL_BLOCK == 0 && !s->order_x.is_bf16 && !s->order_y.is_bf16 &&
         !s->order_x.blocks && s->dilation_y == 1 && s->dilation_x == 1 &&
         s->kind != TROMPE_CONVOLUTION_INPUT_GRADIENT && trompe_has_own_convolutions(s->kernels) &&
         is_long && trompe_first_layer_fits(&window) && s->k >= fewest_filters &&
         extent_of(s).pixels >= 1024;
}

// As many filters as channels and groups.
static int depthwise_pays(const trompe_convolution_shape *s) {
  const trompe_window window = trompe_window_of(s);
  return s->may_use_own_kernels && !s->uses_bf16 && !s->only_primitives && s->groups > 1 &&
         s->groups == s->c && s->c == s->k && s->c % TROMPE_CHANNEL_BLOCK == 0 &&
         !s->order_x.is_bf16 && !s->order_y.is_bf16 && s->dilation_y == 1 && s->dilation_x == 1 &&
         trompe_has_own_convolutions(s->kernels) && trompe_depthwise_fits(&window);
}

trompe_own_kernels trompe_own_kernels_for(const trompe_convolution_shape *s) {
  if (depthwise_pays(s)) return TROMPE_DEPTHWISE;
  if (winograd_pays(s)) return TROMPE_WINOGRAD;
  if (gemm_pays(s)) return TROMPE_GEMM;
  return first_layer_pays(s) ? TROMPE_FIRST_LAYER : TROMPE_NO_OWN_KERNELS;
}

int trompe_convolution_gains_by_bf16(const trompe_convolution_shape *s) {
  if (s->c % TROMPE_CHANNEL_BLOCK || s->k % TROMPE_CHANNEL_BLOCK || s->groups > 1) return 0;
  // Of images of a few pixels, primitives in bfloat16 do a third of their rate, and the post-ops of
  // a gradient are a kernel of their own: Winograd F(4x4, 3x3) is faster anywhere.
  const double share = s->kernels->has_inner_product ? 2 : 0.8;
  return !s->may_use_own_kernels ||
         fmin(winograd_time(s, 0), tiles_time(s)) > share * direct_time(s, BF16_RATE);
}
