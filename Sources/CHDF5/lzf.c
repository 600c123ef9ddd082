// LZF, the compression that h5py brings along: filter 32000 of HDF5.
#include <string.h>

#include "CHDF5.h"

/// Decompresses into `size` bytes. The count of them, or 0 if the input is damaged or needs more.
///
/// A byte below 32 is followed by one more literal bytes than it says. The others begin a
/// repetition: three bits of length, 7 of which mean that a byte is added to it, and 13 bits of
/// distance.
static size_t hdf5_lzf_decompress(
    const unsigned char *input, size_t count, unsigned char *output, size_t size) {
  const unsigned char *const end = input + count;
  size_t done = 0;
  while (input < end) {
    const unsigned control = *input++;
    if (control < 32) {
      const size_t length = control + 1;
      if (length > (size_t)(end - input) || length > size - done) return 0;
      memcpy(output + done, input, length);
      input += length;
      done += length;
      continue;
    }
    size_t length = control >> 5;
    if (length == 7) {
      if (input == end) return 0;
      length += *input++;
    }
    length += 2;
    if (input == end) return 0;
    const size_t distance = ((size_t)(control & 31) << 8) + *input++ + 1;
    if (distance > done || length > size - done) return 0;
    // One after the other: a repetition may repeat itself.
    for (size_t i = 0; i < length; i++, done++) output[done] = output[done - distance];
  }
  return done;
}

/// The third of the filter's values is the size of a chunk in bytes.
static size_t hdf5_lzf(
    unsigned flags, size_t value_count, const unsigned values[], size_t count, size_t *capacity,
    void **bytes) {
  if (!(flags & H5Z_FLAG_REVERSE) || value_count < 3) return 0;
  const size_t size = values[2];
  if (size == 0 || size / hdf5_lzf_expansion > count) return 0;
  void *output = H5allocate_memory(size, 0);
  if (!output) return 0;
  const size_t done = hdf5_lzf_decompress(*bytes, count, output, size);
  if (done == 0) {
    H5free_memory(output);
    return 0;
  }
  H5free_memory(*bytes);
  *bytes = output;
  *capacity = size;
  return done;
}

int hdf5_register_lzf(void) {
  static const H5Z_class2_t lzf = {H5Z_CLASS_T_VERS, hdf5_lzf_filter, 0, 1, "lzf", NULL, NULL,
                                   hdf5_lzf};
  return H5Zregister(&lzf);
}
