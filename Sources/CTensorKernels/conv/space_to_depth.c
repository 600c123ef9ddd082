#include "conv/space_to_depth.h"

#include <string.h>

#include "kernels_threads.h"

enum { SQUARE = 2, SQUARE_CHANNELS = 16 };

// Along one axis: pixel 2u + a is the sum over r of cotangent * filter at r, the cotangent's index
// being (2u + a + before - r) / stride where that is a whole number, tap (a + before - r) / stride
// + low of the convolution.
typedef struct {
  int64_t stride, before;
  int64_t taps, low, high, squares, step;
} Axis;

static int axis_tap(const Axis *axis, int64_t a, int64_t r, int64_t *tap) {
  const int64_t distance = a + axis->before - r;
  if (distance % axis->stride) return 0;
  *tap = distance / axis->stride + axis->low;
  return 1;
}

static Axis axis_of(
    int64_t pixels, int64_t cotangents, int64_t window, int64_t stride, int64_t before) {
  Axis axis = {.stride = stride, .before = before};
  int64_t first = 0, last = 0, tap;
  for (int64_t a = 0; a < SQUARE; a++)
    for (int64_t r = 0; r < window; r++)
      if (axis_tap(&axis, a, r, &tap)) {
        first = tap < first ? tap : first;
        last = tap > last ? tap : last;
      }
  axis.low = -first;
  axis.taps = last - first + 1;
  axis.squares = (pixels + SQUARE - 1) / SQUARE;
  axis.step = SQUARE / stride;
  axis.high = axis.step * (axis.squares - 1) + axis.taps - cotangents - axis.low;
  return axis;
}

static Axis axis_y(const trompe_convolution_shape *s) {
  return axis_of(s->h, s->p, s->r, s->stride_y, s->top);
}
static Axis axis_x(const trompe_convolution_shape *s) {
  return axis_of(s->w, s->q, s->s, s->stride_x, s->left);
}

int trompe_space_to_depth_fits(const trompe_convolution_shape *s) {
  return s->kind == TROMPE_CONVOLUTION_INPUT_GRADIENT && !s->uses_bf16 && s->groups == 1 &&
         s->c * SQUARE * SQUARE <= SQUARE_CHANNELS && s->k >= TROMPE_CHANNEL_BLOCK &&
         s->r * s->s > 1 && s->dilation_y == 1 && s->dilation_x == 1 && s->stride_y <= SQUARE &&
         s->stride_x <= SQUARE && !s->order_x.blocks && !s->order_x.is_bf16 &&
         axis_y(s).high >= 0 && axis_x(s).high >= 0;
}

trompe_convolution_shape trompe_space_to_depth_shape(const trompe_convolution_shape *s) {
  const Axis y = axis_y(s), x = axis_x(s);
  return (trompe_convolution_shape){
      .kind = TROMPE_CONVOLUTION_FORWARD,
      .n = s->n,
      .h = s->p,
      .w = s->q,
      .c = s->k,
      .k = SQUARE_CHANNELS,
      .r = y.taps,
      .s = x.taps,
      .p = y.squares,
      .q = x.squares,
      .stride_y = y.step,
      .stride_x = x.step,
      .dilation_y = 1,
      .dilation_x = 1,
      .top = y.low,
      .left = x.low,
      .bottom = y.high,
      .right = x.high,
      .groups = 1,
      .order_x = s->order_y,
      // One block of channels: both orders are the same.
      .order_y = {s->order_y.blocks, 0},
      .is_batch_invariant = s->is_batch_invariant,
      .kernels = s->kernels};
}

// From OHWI [k, r, s, c] to that of the convolution, OHWI [16, taps, taps, k].
void trompe_space_to_depth_filter(
    const trompe_convolution_shape *s, const float *from, const float *scale, float *to) {
  const Axis y = axis_y(s), x = axis_x(s);
  memset(to, 0, (size_t)(SQUARE_CHANNELS * y.taps * x.taps * s->k) * sizeof(float));
  int64_t tap_y, tap_x;
  for (int64_t a = 0; a < SQUARE; a++)
    for (int64_t r = 0; r < s->r; r++) {
      if (!axis_tap(&y, a, r, &tap_y)) continue;
      for (int64_t b = 0; b < SQUARE; b++)
        for (int64_t t = 0; t < s->s; t++) {
          if (!axis_tap(&x, b, t, &tap_x)) continue;
          for (int64_t c = 0; c < s->c; c++) {
            const int64_t result = (a * SQUARE + b) * s->c + c;
            float *row = to + ((result * y.taps + tap_y) * x.taps + tap_x) * s->k;
            for (int64_t k = 0; k < s->k; k++)
              row[k] = from[((k * s->r + r) * s->s + t) * s->c + c] * (scale ? scale[k] : 1);
          }
        }
    }
}

typedef struct {
  const trompe_convolution_shape *shape;
  const float *from;
  float *to;
} DepthToSpace;

static void depth_to_space(void *context, int thread, int threads) {
  const DepthToSpace *call = context;
  const trompe_convolution_shape *s = call->shape;
  const int64_t rows = (s->h + SQUARE - 1) / SQUARE, columns = (s->w + SQUARE - 1) / SQUARE;
  int64_t begin, end;
  trompe_share(s->n * s->h, thread, threads, &begin, &end);
  for (int64_t row = begin; row < end; row++) {
    const int64_t image = row / s->h, i = row % s->h;
    const float *from = call->from + (image * rows + i / SQUARE) * columns * SQUARE_CHANNELS +
                        i % SQUARE * SQUARE * s->c;
    float *to = call->to + row * s->w * s->c;
    for (int64_t j = 0; j < s->w; j++)
      for (int64_t c = 0; c < s->c; c++)
        to[j * s->c + c] = from[j / SQUARE * SQUARE_CHANNELS + j % SQUARE * s->c + c];
  }
}

void trompe_depth_to_space(
    const trompe_convolution_shape *s, const float *squares, float *image, int threads) {
  DepthToSpace call = {s, squares, image};
  trompe_parallel(depth_to_space, &call, threads);
}
