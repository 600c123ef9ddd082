#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "child.h"

// The library is given a file in memory as it is: its functions for that would copy it.

static void *hdf5_image_allocate(size_t size, H5FD_file_image_op_t operation, void *image) {
  (void)size;
  (void)operation;
  return image;
}

static void *hdf5_image_copy(
    void *to, const void *from, size_t size, H5FD_file_image_op_t operation, void *image) {
  (void)operation;
  (void)image;
  if (to != from) memcpy(to, from, size);
  return to;
}

/// It would grow, which a file that is read does not.
static void *hdf5_image_resize(
    void *bytes, size_t size, H5FD_file_image_op_t operation, void *image) {
  (void)bytes;
  (void)size;
  (void)operation;
  (void)image;
  return NULL;
}

static herr_t hdf5_image_free(void *bytes, H5FD_file_image_op_t operation, void *image) {
  (void)bytes;
  (void)operation;
  (void)image;
  return 0;
}

static void *hdf5_image_context_copy(void *image) { return image; }

static herr_t hdf5_image_context_free(void *image) {
  (void)image;
  return 0;
}

size_t hdf5_source_memory(const struct hdf5_source *source) {
  return source->is_part ? source->size : 0;
}

/// Reads bytes of the file in the place where they are mapped, for as long as the process lives.
static hid_t hdf5_open_mapped(
    hid_t properties, const struct hdf5_source *source, off_t offset, size_t size) {
  const off_t page = (off_t)sysconf(_SC_PAGESIZE);
  const size_t before = (size_t)(offset % page);
  char *mapped = mmap(
      NULL, size + before, PROT_READ | PROT_WRITE, MAP_PRIVATE, source->descriptor,
      offset - (off_t)before);
  if (mapped == MAP_FAILED) return -1;
  H5FD_file_image_callbacks_t callbacks = {
      hdf5_image_allocate,     hdf5_image_copy,         hdf5_image_resize, hdf5_image_free,
      hdf5_image_context_copy, hdf5_image_context_free, mapped + before};
  if (H5Pset_fapl_core(properties, 1 << 20, 0) < 0 ||
      H5Pset_file_image_callbacks(properties, &callbacks) < 0 ||
      H5Pset_file_image(properties, mapped + before, size) < 0)
    return -1;
  return H5Fopen("memory", H5F_ACC_RDONLY, properties);
}

/// Opens the file that the parent has open: no other can have taken its name. Only by plain reads,
/// whatever driver its header asks for, and without a lock: read-only folders and network file
/// systems may refuse locks. A part of a file is read in memory, and so is a whole one without
/// /proc, where no path leads to a descriptor.
hid_t hdf5_open_again(const struct hdf5_source *source) {
  char path[64];
  snprintf(path, sizeof path, "/proc/self/fd/%d", source->descriptor);
  hid_t properties = H5Pcreate(H5P_FILE_ACCESS);
  if (source->is_part)
    return source->size == 0 ? -1
                             : hdf5_open_mapped(properties, source, source->offset, source->size);
  if (access(path, F_OK)) {
    struct stat status;
    if (fstat(source->descriptor, &status) || status.st_size <= 0) return -1;
    return hdf5_open_mapped(properties, source, 0, (size_t)status.st_size);
  }
  H5Pset_fapl_sec2(properties);
  H5Pset_file_locking(properties, 0, 1);
  return H5Fopen(path, H5F_ACC_RDONLY, properties);
}
