#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "child.h"

/// Opens the file that the parent has open as `descriptor`: no other can have taken its name. Only
/// by plain reads, whatever driver its header asks for, and without a lock: read-only folders and
/// network file systems may refuse locks. Without /proc no path leads to a descriptor, and the
/// library reads a copy in memory.
hid_t hdf5_open_again(int descriptor) {
  char path[64];
  snprintf(path, sizeof path, "/proc/self/fd/%d", descriptor);
  hid_t properties = H5Pcreate(H5P_FILE_ACCESS);
  if (access(path, F_OK)) {
    struct stat status;
    if (fstat(descriptor, &status) || status.st_size <= 0) return -1;
    size_t size = (size_t)status.st_size;
    void *bytes = mmap(NULL, size, PROT_READ, MAP_PRIVATE, descriptor, 0);
    if (bytes == MAP_FAILED) return -1;
    H5Pset_fapl_core(properties, 1 << 20, 0);
    hid_t file = H5Pset_file_image(properties, bytes, size) < 0
                     ? -1
                     : H5Fopen("memory", H5F_ACC_RDONLY, properties);
    munmap(bytes, size);
    return file;
  }
  H5Pset_fapl_sec2(properties);
  H5Pset_file_locking(properties, 0, 1);
  return H5Fopen(path, H5F_ACC_RDONLY, properties);
}
