// The numbers of a dataset.
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "child.h"
#include "types.h"

void hdf5_send_numbers(int descriptor, void *context) {
  const struct hdf5_numbers_request *request = context;
  hid_t file = hdf5_open_again(&request->file);
  hid_t dataset = file < 0 ? -1 : H5Dopen2(file, request->path, H5P_DEFAULT);
  hid_t space = dataset < 0 ? -1 : H5Dget_space(dataset);
  hsize_t extents[H5S_MAX_RANK] = {0}, starts[H5S_MAX_RANK] = {0};
  const int rank = space < 0 ? -1 : H5Sget_simple_extent_ndims(space);
  if (rank < 0 || rank > H5S_MAX_RANK || H5Sget_simple_extent_dims(space, extents, NULL) != rank ||
      H5Sget_simple_extent_npoints(space) != (hssize_t)request->count || request->count == 0)
    _exit(1);
  hid_t stored = H5Dget_type(dataset);
  const int is_bfloat16 = stored >= 0 && hdf5_is_opaque_bfloat16(dataset, stored);
  if (is_bfloat16 && request->integers) _exit(1);
  const hid_t type = is_bfloat16 ? stored : request->integers ? H5T_NATIVE_INT64 : H5T_NATIVE_FLOAT;
  const size_t size = request->integers ? 8 : 4;
  const hsize_t all = rank == 0 ? 1 : extents[0];
  const size_t row = request->count / (size_t)all;
  const hsize_t step = request->rows < all ? request->rows : all;
  void *numbers = malloc((size_t)step * row * size);
  if (!numbers) _exit(1);
  for (hsize_t start = 0; start < all; start += step) {
    const hsize_t rows = all - start < step ? all - start : step;
    hsize_t count = rows * row;
    starts[0] = start;
    extents[0] = rows;
    hid_t memory = H5Screate_simple(1, &count, NULL);
    if (memory < 0 ||
        (rank > 0 && H5Sselect_hyperslab(space, H5S_SELECT_SET, starts, NULL, extents, NULL) < 0) ||
        H5Dread(dataset, type, memory, space, H5P_DEFAULT, numbers) < 0)
      _exit(1);
    // The upper halves of floats, in place from the last to the first.
    if (is_bfloat16)
      for (size_t i = (size_t)count; i-- > 0;) {
        uint16_t half;
        memcpy(&half, (const char *)numbers + 2 * i, sizeof half);
        const uint32_t bits = (uint32_t)half << 16;
        memcpy((char *)numbers + 4 * i, &bits, sizeof bits);
      }
    H5Sclose(memory);
    hdf5_got_on();
    if (hdf5_send(descriptor, numbers, (size_t)count * size)) _exit(1);
  }
}
