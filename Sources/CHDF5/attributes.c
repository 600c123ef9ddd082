#include "attributes.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "child.h"

struct hdf5_attribute_sink {
  int descriptor;
  size_t limit;
};

/// Sends one attribute: name, kind, whether it is an array, number of elements, elements. Runs in
/// the child, where any failure ends the process and so releases everything.
static herr_t hdf5_send_attribute(
    hid_t object, const char *name, const H5A_info_t *info, void *context) {
  (void)info;
  const struct hdf5_attribute_sink *sink = context;
  const int descriptor = sink->descriptor;
  hid_t attribute = H5Aopen(object, name, H5P_DEFAULT);
  hid_t type = H5Aget_type(attribute);
  hid_t space = H5Aget_space(attribute);
  if (attribute < 0 || type < 0 || space < 0) _exit(1);
  const size_t size = H5Tget_size(type);
  const hssize_t points = H5Sget_simple_extent_npoints(space);
  const H5T_class_t class_ = H5Tget_class(type);
  const int variable = class_ == H5T_STRING && H5Tis_variable_str(type) > 0;
  int kind = hdf5_other_attribute;
  if (class_ == H5T_STRING) kind = hdf5_text_attribute;
  if (size <= 8 && H5Tget_precision(type) == 8 * size) {
    if (class_ == H5T_INTEGER) kind = hdf5_integer_attribute;
    if (class_ == H5T_FLOAT && size >= 2) kind = hdf5_float_attribute;
  }
  if (points < 0 || H5Sget_simple_extent_type(space) == H5S_NULL) kind = hdf5_other_attribute;

  hdf5_send_bytes(descriptor, name, strlen(name));
  hdf5_send_number(descriptor, (uint64_t)kind);
  hdf5_send_number(descriptor, H5Sget_simple_extent_type(space) != H5S_SCALAR);
  if (kind == hdf5_other_attribute) {
    hdf5_send_number(descriptor, 0);
    return 0;
  }
  const size_t count = (size_t)points;
  // A variable-length string takes at least its 16-byte reference in the file.
  if (count > sink->limit / (size < 8 ? 8 : size)) _exit(1);
  hdf5_send_number(descriptor, count);
  if (count == 0) return 0;
  char *elements = calloc(count, size < 16 ? 16 : size);
  if (!elements) _exit(1);
  if (variable) {
    hid_t memory = H5Tcopy(H5T_C_S1);
    if (H5Tset_size(memory, H5T_VARIABLE) < 0 || H5Tset_cset(memory, H5Tget_cset(type)) < 0)
      _exit(1);
    if (H5Aread(attribute, memory, elements) < 0) _exit(1);
    char *const *texts = (char *const *)elements;
    for (size_t i = 0; i < count; i++)
      hdf5_send_bytes(descriptor, texts[i], texts[i] ? strlen(texts[i]) : 0);
  } else if (kind == hdf5_text_attribute) {
    if (H5Aread(attribute, type, elements) < 0) _exit(1);
    const int padded_with_spaces = H5Tget_strpad(type) == H5T_STR_SPACEPAD;
    for (size_t i = 0; i < count; i++) {
      const char *text = elements + i * size;
      size_t length = strnlen(text, size);
      while (padded_with_spaces && length > 0 && text[length - 1] == ' ') length--;
      hdf5_send_bytes(descriptor, text, length);
    }
  } else {
    hid_t memory = kind == hdf5_integer_attribute ? H5T_NATIVE_INT64 : H5T_NATIVE_DOUBLE;
    if (H5Aread(attribute, memory, elements) < 0) _exit(1);
    if (hdf5_send(descriptor, elements, 8 * count)) _exit(1);
  }
  free(elements);
  return 0;
}

struct hdf5_attribute_request {
  const struct hdf5_source *file;
  /// Paths of groups.
  const char *const *groups;
  size_t count;
  size_t limit;
};

void hdf5_send_groups(
    hid_t file, const char *const *groups, size_t count, size_t limit, int descriptor) {
  struct hdf5_attribute_sink sink = {descriptor, limit};
  for (size_t i = 0; i < count; i++) {
    hid_t group = H5Gopen2(file, groups[i], H5P_DEFAULT);
    if (group < 0 ||
        H5Aiterate2(group, H5_INDEX_NAME, H5_ITER_INC, NULL, hdf5_send_attribute, &sink) < 0)
      _exit(1);
    hdf5_send_number(descriptor, hdf5_end_of_object);
    H5Gclose(group);
    hdf5_got_on();
  }
}

static void hdf5_send_attributes(int descriptor, void *context) {
  const struct hdf5_attribute_request *request = context;
  hid_t file = hdf5_open_again(request->file);
  if (file < 0) _exit(1);
  hdf5_send_groups(file, request->groups, request->count, request->limit, descriptor);
}

int hdf5_fetch_attributes(
    const struct hdf5_source *file, const char *const *groups, size_t count, size_t limit,
    uint8_t **bytes, size_t *length) {
  struct hdf5_attribute_request request = {file, groups, count, limit};
  return hdf5_run_child(
      hdf5_send_attributes, &request, 4 * limit + hdf5_source_memory(file), limit, bytes, length);
}
