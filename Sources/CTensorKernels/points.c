#include "points.h"

static Grid grid_of(
    const trompe_image *image, int64_t h, int64_t w, int64_t stride_y, int64_t stride_x) {
  return (Grid){
      image->n, h, w, image->c, image->h * image->w * image->c,
      stride_y * image->w * image->pixel, stride_x * image->pixel, image->block};
}

// Along one axis: the first pixel of the result for which a point of the window lies inside the image,
// and the one after the last.
static void inside(
    int64_t at, int64_t before, int64_t stride, int64_t pixels, int64_t results, int64_t *begin,
    int64_t *end) {
  const int64_t offset = at - before;  // of the pixel of the image that belongs to the first result
  *begin = offset < 0 ? (-offset + stride - 1) / stride : 0;
  *end = offset >= pixels ? 0 : smaller(results, (pixels - 1 - offset) / stride + 1);
  if (*end < *begin) *end = *begin;
}

Point trompe_point_at(const trompe_pairs_window *window, int64_t index) {
  const trompe_image *x = &window->x, *y = &window->y;
  const int64_t r = index / window->s, s = index % window->s;
  int64_t top, bottom, left, right;
  inside(r, window->top, window->stride_y, x->h, y->h, &top, &bottom);
  inside(s, window->left, window->stride_x, x->w, y->w, &left, &right);
  const int64_t h = bottom - top, w = right - left;
  return (Point){
      grid_of(x, h, w, window->stride_y, window->stride_x), grid_of(y, h, w, 1, 1),
      ((top * window->stride_y - window->top + r) * x->w + left * window->stride_x - window->left +
       s) * x->pixel,
      (top * y->w + left) * y->pixel};
}

void trompe_pixel_offsets(const Grid *grid, int64_t first, int64_t count, int64_t *offsets) {
  int64_t column = first % grid->w, row = first / grid->w % grid->h, n = first / grid->w / grid->h;
  for (int64_t i = 0; i < count; i++) {
    offsets[i] = n * grid->image + row * grid->row + column * grid->pixel;
    if (++column < grid->w) continue;
    column = 0;
    if (++row < grid->h) continue;
    row = 0;
    n++;
  }
}
