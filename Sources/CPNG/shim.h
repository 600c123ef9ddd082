#ifndef TROMPE_CPNG_SHIM_H
#define TROMPE_CPNG_SHIM_H

#include <png.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

// libpng reports errors by longjmp, which Swift cannot catch, so the whole conversation with it
// stays in C. Its simplified API would need no jump, but it applies the file's gamma and takes
// 16-bit samples for linear light; stored sample values are what training sets mean.

typedef struct {
  const uint8_t *bytes;
  size_t size;
  size_t offset;
} trompe_png_input;

static inline void trompe_png_read(png_structp png, png_bytep destination, size_t length) {
  trompe_png_input *input = (trompe_png_input *)png_get_io_ptr(png);
  if (length > input->size - input->offset) png_error(png, "the file is truncated");
  memcpy(destination, input->bytes + input->offset, length);
  input->offset += length;
}

#define TROMPE_PNG_MESSAGE_SIZE 200

static inline void trompe_png_fail(png_structp png, png_const_charp message) {
  snprintf((char *)png_get_error_ptr(png), TROMPE_PNG_MESSAGE_SIZE, "%s", message);
  png_longjmp(png, 1);
}

static inline void trompe_png_ignore(png_structp png, png_const_charp message) {
  (void)png;
  (void)message;
}

/// Decodes a PNG to 8-bit RGB. `pixels` holds width * height * 3 bytes, the size that the caller
/// read in the header; alpha is dropped, 16-bit samples keep their high byte, gamma is ignored.
/// Returns 0, or 1 with a message of at most TROMPE_PNG_MESSAGE_SIZE bytes.
static inline int trompe_png_decode(
    const uint8_t *bytes, size_t size, uint32_t width, uint32_t height, uint8_t *pixels,
    char *message) {
  trompe_png_input input = {bytes, size, 0};
  png_structp png =
      png_create_read_struct(PNG_LIBPNG_VER_STRING, message, trompe_png_fail, trompe_png_ignore);
  png_infop info = png ? png_create_info_struct(png) : NULL;
  if (!info) {
    snprintf(message, TROMPE_PNG_MESSAGE_SIZE, "libpng could not be started");
    png_destroy_read_struct(&png, NULL, NULL);
    return 1;
  }
  if (setjmp(png_jmpbuf(png))) {
    png_destroy_read_struct(&png, &info, NULL);
    return 1;
  }
  png_set_read_fn(png, &input, trompe_png_read);
  png_set_user_limits(png, width, height);
  png_read_info(png, info);
  png_set_expand(png);
  png_set_strip_16(png);
  png_set_strip_alpha(png);
  png_set_gray_to_rgb(png);
  int passes = png_set_interlace_handling(png);
  png_read_update_info(png, info);
  if (png_get_image_width(png, info) != width || png_get_image_height(png, info) != height ||
      png_get_rowbytes(png, info) != (size_t)width * 3)
    png_error(png, "its header contradicts itself");
  for (int pass = 0; pass < passes; ++pass)
    for (uint32_t row = 0; row < height; ++row)
      png_read_row(png, pixels + (size_t)row * width * 3, NULL);
  png_read_end(png, NULL);
  png_destroy_read_struct(&png, &info, NULL);
  return 0;
}

/// Writes 8-bit RGB as PNG into memory; `*size` is the room available, then the size used.
/// With `png` NULL only an upper bound of the size is computed. Returns 0, or 1 with a message.
static inline int trompe_png_encode(
    const uint8_t *pixels, uint32_t width, uint32_t height, uint8_t *png, size_t *size,
    char *message) {
  png_image image;
  memset(&image, 0, sizeof image);
  image.version = PNG_IMAGE_VERSION;
  image.width = width;
  image.height = height;
  image.format = PNG_FORMAT_RGB;
  if (!png) {
    *size = PNG_IMAGE_PNG_SIZE_MAX(image);
    return 0;
  }
  png_alloc_size_t room = *size;
  if (!png_image_write_to_memory(&image, png, &room, 0, pixels, 0, NULL)) {
    snprintf(message, TROMPE_PNG_MESSAGE_SIZE, "%s", image.message);
    return 1;
  }
  *size = room;
  return 0;
}

#endif
