#include "conv/filter_taps.h"

static Grid grid_of(
    const trompe_image *image, int64_t h, int64_t w, int64_t stride_y, int64_t stride_x) {
  return (Grid){
      image->n,
      h,
      w,
      image->c,
      image->h * image->w * image->c,
      stride_y * image->w * image->pixel,
      stride_x * image->pixel,
      image->block};
}

TapOperands trompe_tap_operands_at(const trompe_window *window, int64_t index) {
  const trompe_image *x = &window->x, *y = &window->y;
  const int64_t r = index / window->s, s = index % window->s;
  int64_t top, bottom, left, right;
  inside(r - window->top, window->stride_y, x->h, y->h, &top, &bottom);
  inside(s - window->left, window->stride_x, x->w, y->w, &left, &right);
  const int64_t h = bottom - top, w = right - left;
  return (TapOperands){
      grid_of(x, h, w, window->stride_y, window->stride_x), grid_of(y, h, w, 1, 1),
      ((top * window->stride_y - window->top + r) * x->w + left * window->stride_x - window->left +
       s) *
          x->pixel,
      (top * y->w + left) * y->pixel};
}

void trompe_pixel_offsets(const Grid *grid, int64_t first, int64_t count, int64_t *offsets) {
  Position at = position_at(first, grid->h, grid->w);
  for (int64_t i = 0; i < count; i++, advance(&at, grid->h, grid->w))
    offsets[i] = at.n * grid->image + at.row * grid->row + at.column * grid->pixel;
}
