// What HDF5's types say.
#pragma once

#include "CHDF5.h"

/// Whether a float type is stored as IEEE 754 (or bfloat16) says, little-endian.
int hdf5_is_plain_float(hid_t type);
/// Whether a dataset holds bfloat16 as h5py writes what HDF5 has no type for.
int hdf5_is_opaque_bfloat16(hid_t dataset, hid_t type);
