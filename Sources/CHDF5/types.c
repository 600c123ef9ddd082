#include "types.h"

#include <stdlib.h>
#include <string.h>

/// Whether a float type is stored as IEEE 754 (or bfloat16) says, little-endian: sign on top, then
/// the exponent with its usual bias, then the mantissa with its leading one omitted.
int hdf5_is_plain_float(hid_t type) {
  size_t sign, exponent, exponent_size, mantissa, mantissa_size;
  size_t bits = 8 * H5Tget_size(type);
  return H5Tget_class(type) == H5T_FLOAT && H5Tget_order(type) == H5T_ORDER_LE &&
         H5Tget_precision(type) == bits && H5Tget_offset(type) == 0 &&
         H5Tget_fields(type, &sign, &exponent, &exponent_size, &mantissa, &mantissa_size) >= 0 &&
         sign == bits - 1 && exponent == mantissa_size && mantissa == 0 &&
         1 + exponent_size + mantissa_size == bits && exponent_size < 32 &&
         H5Tget_ebias(type) == ((size_t)1 << (exponent_size - 1)) - 1 &&
         H5Tget_norm(type) == H5T_NORM_IMPLIED;
}

/// Whether a dataset holds bfloat16 as h5py writes what HDF5 has no type for: opaque elements of
/// two bytes without a tag. Keras 3 adds the attribute dtype, which must then say so.
int hdf5_is_opaque_bfloat16(hid_t dataset, hid_t type) {
  if (H5Tget_class(type) != H5T_OPAQUE || H5Tget_size(type) != 2) return 0;
  char *tag = H5Tget_tag(type);
  const int has_tag = tag && *tag;
  H5free_memory(tag);
  if (has_tag) return 0;
  const htri_t named = H5Aexists(dataset, "dtype");
  if (named <= 0) return named == 0;
  hid_t attribute = H5Aopen(dataset, "dtype", H5P_DEFAULT);
  hid_t text = attribute < 0 ? -1 : H5Aget_type(attribute);
  hid_t space = attribute < 0 ? -1 : H5Aget_space(attribute);
  static const char expected[] = "bfloat16";
  int equal = 0;
  if (text >= 0 && space >= 0 && H5Tget_class(text) == H5T_STRING &&
      H5Sget_simple_extent_npoints(space) == 1) {
    if (H5Tis_variable_str(text) > 0) {
      char *value = NULL;
      hid_t memory = H5Tcopy(H5T_C_S1);
      H5Tset_size(memory, H5T_VARIABLE);
      H5Tset_cset(memory, H5Tget_cset(text));
      equal = H5Aread(attribute, memory, &value) >= 0 && value && !strcmp(value, expected);
      free(value);
      H5Tclose(memory);
    } else if (H5Tget_size(text) < 64) {
      char value[64] = {0};
      equal = H5Aread(attribute, text, value) >= 0 &&
              !strncmp(value, expected, sizeof expected - 1) &&
              (value[sizeof expected - 1] == 0 || value[sizeof expected - 1] == ' ');
    }
  }
  if (space >= 0) H5Sclose(space);
  if (text >= 0) H5Tclose(text);
  if (attribute >= 0) H5Aclose(attribute);
  return equal;
}
