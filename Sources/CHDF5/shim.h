// HDF5 as Swift can see it: macros become functions, and files are read where they can do no harm.
//
// HDF5 1.10 trusts what a file says: one damaged byte in a header, a heap or an attribute makes it
// read through a null pointer, past a buffer, or free what it never allocated. So the library reads in
// a child process, which bears that and sends what it found through a pipe. The child runs C alone:
// Swift's runtime may not be used after fork in a program of several threads.
#ifndef TROMPE_CHDF5_SHIM_H
#define TROMPE_CHDF5_SHIM_H

#include <errno.h>
#include <fcntl.h>
#include <hdf5.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

static inline hid_t hdf5_native_float(void) { return H5T_NATIVE_FLOAT; }
static inline hid_t hdf5_native_double(void) { return H5T_NATIVE_DOUBLE; }
static inline hid_t hdf5_native_int64(void) { return H5T_NATIVE_INT64; }
static inline hid_t hdf5_file_float32(void) { return H5T_IEEE_F32LE; }
static inline hid_t hdf5_file_float64(void) { return H5T_IEEE_F64LE; }
static inline hid_t hdf5_file_int64(void) { return H5T_STD_I64LE; }
static inline hid_t hdf5_file_uint32(void) { return H5T_STD_U32LE; }
static inline hid_t hdf5_native_uint32(void) { return H5T_NATIVE_UINT32; }
static inline hid_t hdf5_file_int32(void) { return H5T_STD_I32LE; }
static inline hid_t hdf5_c_string(void) { return H5T_C_S1; }

static inline hid_t hdf5_file_access_class(void) { return H5P_FILE_ACCESS; }
static inline hid_t hdf5_file_create_class(void) { return H5P_FILE_CREATE; }
static inline hid_t hdf5_group_create_class(void) { return H5P_GROUP_CREATE; }
static inline hid_t hdf5_dataset_create_class(void) { return H5P_DATASET_CREATE; }
static inline hid_t hdf5_link_create_class(void) { return H5P_LINK_CREATE; }
static inline hid_t hdf5_attribute_create_class(void) { return H5P_ATTRIBUTE_CREATE; }

/// An extent of a dataset that may grow.
static inline hsize_t hdf5_unlimited(void) { return H5S_UNLIMITED; }

static inline unsigned hdf5_open_read_only(void) { return H5F_ACC_RDONLY; }
static inline unsigned hdf5_create_exclusively(void) { return H5F_ACC_EXCL; }

/// No messages on the standard error stream; ours carry the innermost one.
static inline void hdf5_silence_errors(void) { H5Eset_auto2(H5E_DEFAULT, NULL, NULL); }

struct hdf5_message {
  char *text;
  size_t capacity;
};

static inline herr_t hdf5_take_first_message(
    unsigned position, const H5E_error2_t *error, void *context) {
  struct hdf5_message *message = (struct hdf5_message *)context;
  if (position == 0 && error->desc) {
    strncpy(message->text, error->desc, message->capacity - 1);
    message->text[message->capacity - 1] = 0;
  }
  return 0;
}

/// What the library said about the last call, as close to the cause as it goes; empty if nothing.
static inline void hdf5_innermost_message(char *text, size_t capacity) {
  struct hdf5_message message = {text, capacity};
  text[0] = 0;
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, hdf5_take_first_message, &message);
}

/// Whether a float type is stored as IEEE 754 (or bfloat16) says, little-endian: sign on top, then
/// the exponent with its usual bias, then the mantissa with its leading one left out.
static inline int hdf5_is_plain_float(hid_t type) {
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

/// Whether a dataset holds bfloat16 as h5py writes what HDF5 has no type for: opaque elements of two
/// bytes without a tag. Keras 3 adds the attribute dtype, which must then say so.
static inline int hdf5_is_opaque_bfloat16(hid_t dataset, hid_t type) {
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

/// Equal for two open objects exactly when they are the same object of the file.
static inline herr_t hdf5_object_identity(hid_t object, uint64_t *identity) {
#if H5_VERSION_GE(1, 12, 0)
  H5O_info2_t info;
  herr_t status = H5Oget_info3(object, &info, H5O_INFO_BASIC);
  if (status >= 0) memcpy(identity, &info.token, sizeof *identity);
#else
  H5O_info_t info;
  herr_t status = H5Oget_info2(object, &info, H5O_INFO_BASIC);
  if (status >= 0) *identity = info.addr;
#endif
  return status;
}

enum hdf5_link_kind { hdf5_hard_link, hdf5_soft_link, hdf5_external_link, hdf5_other_link };

#if H5_VERSION_GE(1, 12, 0)
typedef H5L_info2_t hdf5_link_info;
#else
typedef H5L_info_t hdf5_link_info;
#endif

/// Writes all bytes or gives up.
static inline int hdf5_send(int descriptor, const void *bytes, size_t count) {
  const char *next = (const char *)bytes;
  while (count > 0) {
    ssize_t sent = write(descriptor, next, count);
    if (sent < 0 && errno == EINTR) continue;
    if (sent <= 0) return -1;
    next += sent;
    count -= (size_t)sent;
  }
  return 0;
}

enum hdf5_attribute_kind {
  hdf5_other_attribute,
  hdf5_text_attribute,
  hdf5_integer_attribute,
  hdf5_float_attribute
};

struct hdf5_attribute_sink {
  int descriptor;
  size_t limit;
};

static inline void hdf5_send_number(int descriptor, uint64_t number) {
  if (hdf5_send(descriptor, &number, sizeof number)) _exit(1);
}

static inline void hdf5_send_bytes(int descriptor, const char *bytes, size_t count) {
  hdf5_send_number(descriptor, count);
  if (hdf5_send(descriptor, bytes, count)) _exit(1);
}

// MARK: The child process

/// Seconds of work in which a child must get on: what goes round in circles is ended. Waiting for a
/// slow disk does not count.
enum { hdf5_patience = 2 };

static inline void hdf5_got_on(void) {
  const struct itimerval time = {{0, 0}, {hdf5_patience, 0}};
  setitimer(ITIMER_PROF, &time, NULL);
}

/// What a child does: sends through the pipe, and returns if all went well.
typedef void (*hdf5_work)(int descriptor, void *context);

/// Leaves the child no more memory than it has now and `bytes`, so that what a file claims is not
/// believed. Without /proc there is no limit.
static inline void hdf5_limit_memory(size_t bytes) {
  char text[64];
  int statm = open("/proc/self/statm", O_RDONLY);
  ssize_t length = statm < 0 ? -1 : read(statm, text, sizeof text - 1);
  if (statm >= 0) close(statm);
  if (length <= 0) return;
  text[length] = 0;
  rlim_t total = (rlim_t)strtoull(text, NULL, 10) * (rlim_t)sysconf(_SC_PAGESIZE) + bytes;
  struct rlimit limit;
  if (getrlimit(RLIMIT_AS, &limit) || limit.rlim_max < total) return;
  limit.rlim_cur = total;
  setrlimit(RLIMIT_AS, &limit);
}

/// Starts a child that runs `work` and writes to `*descriptor`. Negative if there is none.
static inline pid_t hdf5_start_child(
    hdf5_work work, void *context, size_t memory, int *descriptor) {
  int ends[2];
  if (pipe(ends)) return -1;
  fcntl(ends[0], F_SETFD, FD_CLOEXEC);
  fcntl(ends[1], F_SETFD, FD_CLOEXEC);
  pid_t child = fork();
  if (child == 0) {
    close(ends[0]);
    // Whoever kills the parent means the child as well, which holds the parent's locks.
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    const int fatal[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGPROF, SIGPIPE, SIGTRAP};
    for (size_t i = 0; i < sizeof fatal / sizeof *fatal; i++) signal(fatal[i], SIG_DFL);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    struct rlimit no_core = {0, 0};
    setrlimit(RLIMIT_CORE, &no_core);
    hdf5_limit_memory(memory);
    int null = open("/dev/null", O_WRONLY);
    if (null >= 0) dup2(null, STDERR_FILENO);
    hdf5_got_on();
    hdf5_silence_errors();
    work(ends[1], context);
    _exit(0);
  }
  close(ends[1]);
  if (child < 0) close(ends[0]);
  *descriptor = ends[0];
  return child;
}

/// Waits for a child, which is stopped if its pipe was not read to the end. Nonzero if it failed.
static inline int hdf5_finish_child(pid_t child, int descriptor) {
  close(descriptor);
  int status = 0;
  pid_t waited;
  do waited = waitpid(child, &status, 0);
  while (waited < 0 && errno == EINTR);
  return waited != child || !WIFEXITED(status) || WEXITSTATUS(status) != 0;
}

/// Runs `work` in a child and collects what it sends, up to `limit` bytes. The caller frees `*bytes`.
/// Nonzero if the child failed; what it sent before is there then.
static inline int hdf5_run_child(
    hdf5_work work, void *context, size_t memory, size_t limit, uint8_t **bytes, size_t *length) {
  *bytes = NULL;
  *length = 0;
  int descriptor;
  pid_t child = hdf5_start_child(work, context, memory, &descriptor);
  if (child < 0) return -1;
  size_t capacity = 0;
  int failed = 0;
  for (;;) {
    if (*length == capacity) {
      capacity = capacity ? 2 * capacity : 65536;
      uint8_t *larger = (uint8_t *)realloc(*bytes, capacity);
      if (!larger) {
        failed = 1;
        break;
      }
      *bytes = larger;
    }
    ssize_t received = read(descriptor, *bytes + *length, capacity - *length);
    if (received < 0 && errno == EINTR) continue;
    if (received < 0) failed = 1;
    if (received <= 0) break;
    *length += (size_t)received;
    if (*length > limit) {
      failed = 1;
      break;
    }
  }
  return hdf5_finish_child(child, descriptor) || failed;
}

/// Opens the file that the parent has open as `descriptor`: no other can have taken its name. Only
/// by plain reads, whatever driver its header asks for, and without a lock: read-only folders and
/// network file systems may refuse locks. Without /proc no path leads to a descriptor, and the library
/// reads a copy in memory.
static inline hid_t hdf5_open_again(int descriptor) {
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

// MARK: Attributes

/// Sends one attribute: name, kind, whether it is an array, number of elements, elements. Runs in the
/// child, where any failure ends the process and so releases everything.
static inline herr_t hdf5_send_attribute(
    hid_t object, const char *name, const H5A_info_t *info, void *context) {
  (void)info;
  const struct hdf5_attribute_sink *sink = (const struct hdf5_attribute_sink *)context;
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
  char *elements = (char *)calloc(count, size < 16 ? 16 : size);
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

/// Ends the attributes of one object; no name is as long.
static const uint64_t hdf5_end_of_object = UINT64_MAX;

struct hdf5_attribute_request {
  int file;
  /// Paths of groups.
  const char *const *groups;
  size_t count;
  size_t limit;
};

static inline void hdf5_send_groups(
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

static inline void hdf5_send_attributes(int descriptor, void *context) {
  const struct hdf5_attribute_request *request = (const struct hdf5_attribute_request *)context;
  hid_t file = hdf5_open_again(request->file);
  if (file < 0) _exit(1);
  hdf5_send_groups(file, request->groups, request->count, request->limit, descriptor);
}

/// Reads all attributes of some groups: for each attribute the length and bytes of its name, its kind,
/// whether it is an array, its count and its elements; a text is its length and bytes, a number eight
/// bytes. After those of each group comes hdf5_end_of_object. See hdf5_run_child.
static inline int hdf5_fetch_attributes(
    int file, const char *const *groups, size_t count, size_t limit, uint8_t **bytes,
    size_t *length) {
  struct hdf5_attribute_request request = {file, groups, count, limit};
  return hdf5_run_child(hdf5_send_attributes, &request, 4 * limit, limit, bytes, length);
}

// MARK: Listing

/// What hdf5_fetch_listing sends, each as a number, the length and bytes of a path, and:
enum hdf5_record {
  /// Depth, and whether the file reaches this group for the second time.
  hdf5_group_record = 1,
  /// The kind of a link that is not a hard link.
  hdf5_link_record,
  /// What hdf5_send_dataset sends.
  hdf5_dataset_record,
  /// A text of what failed, and one of what the library said.
  hdf5_failure_record,
  /// No path: there are more links than allowed.
  hdf5_links_record,
  /// No path: this was all. The attributes of each group in the order of their records follow, as
  /// hdf5_fetch_attributes has them, if they can be read.
  hdf5_end_record
};

struct hdf5_listing_request {
  int file;
  size_t links;
  size_t depth;
  /// Of one attribute.
  size_t attribute_bytes;
};

struct hdf5_listing {
  int descriptor;
  size_t links;
  size_t depth;
  /// Paths of all groups.
  char **groups;
  size_t group_count;
  /// Open addressing; zero is free.
  uint64_t *visited;
  size_t visited_count;
  size_t visited_capacity;
};

static inline void hdf5_send_record(int descriptor, enum hdf5_record record, const char *path) {
  hdf5_send_number(descriptor, record);
  hdf5_send_bytes(descriptor, path, strlen(path));
}

static inline void hdf5_send_failure(int descriptor, const char *path, const char *what) {
  char reason[1024];
  hdf5_innermost_message(reason, sizeof reason);
  hdf5_send_record(descriptor, hdf5_failure_record, path);
  hdf5_send_bytes(descriptor, what, strlen(what));
  hdf5_send_bytes(descriptor, reason, strlen(reason));
  _exit(0);
}

/// Whether this is the first visit.
static inline int hdf5_visit(struct hdf5_listing *listing, uint64_t identity) {
  if (2 * listing->visited_count >= listing->visited_capacity) {
    size_t capacity = listing->visited_capacity ? 2 * listing->visited_capacity : 1024;
    uint64_t *larger = (uint64_t *)calloc(capacity, sizeof *larger);
    if (!larger) _exit(1);
    for (size_t i = 0; i < listing->visited_capacity; i++) {
      if (!listing->visited[i]) continue;
      size_t slot = listing->visited[i] * 0x9e3779b97f4a7c15u % capacity;
      while (larger[slot]) slot = (slot + 1) % capacity;
      larger[slot] = listing->visited[i];
    }
    free(listing->visited);
    listing->visited = larger;
    listing->visited_capacity = capacity;
  }
  identity += 1;
  size_t slot = identity * 0x9e3779b97f4a7c15u % listing->visited_capacity;
  while (listing->visited[slot]) {
    if (listing->visited[slot] == identity) return 0;
    slot = (slot + 1) % listing->visited_capacity;
  }
  listing->visited[slot] = identity;
  listing->visited_count++;
  return 1;
}

/// After its path: layout, number of external files, whether there is a data space at all, rank and extents; class,
/// size, precision, whether signed, whether plain and sizes of exponent and mantissa of the type;
/// bytes stored, number and identifiers of filters, rank and extents of a chunk, and the place in the
/// file.
static inline void hdf5_send_dataset(int descriptor, hid_t dataset, const char *path) {
  hid_t creation = H5Dget_create_plist(dataset);
  hid_t type = H5Dget_type(dataset);
  hid_t space = H5Dget_space(dataset);
  if (creation < 0 || type < 0 || space < 0) hdf5_send_failure(descriptor, path, "cannot be read");
  hsize_t extents[H5S_MAX_RANK] = {0};
  const int rank = H5Sget_simple_extent_ndims(space);
  if (rank < 0 || rank > H5S_MAX_RANK || H5Sget_simple_extent_dims(space, extents, NULL) != rank)
    hdf5_send_failure(descriptor, path, "has no readable shape");
  const H5D_layout_t layout = H5Pget_layout(creation);
  const int is_bfloat16 = hdf5_is_opaque_bfloat16(dataset, type);
  const H5T_class_t class_ = is_bfloat16 ? H5T_FLOAT : H5Tget_class(type);
  const size_t size = H5Tget_size(type);
  size_t sign = 0, exponent = 0, exponent_size = 0, mantissa = 0, mantissa_size = 0;
  if (is_bfloat16) {
    exponent_size = 8;
    mantissa_size = 7;
  } else if (class_ == H5T_FLOAT) {
    H5Tget_fields(type, &sign, &exponent, &exponent_size, &mantissa, &mantissa_size);
  }
  const int is_plain_integer = class_ == H5T_INTEGER && H5Tget_order(type) != H5T_ORDER_BE &&
                               H5Tget_precision(type) == 8 * size && H5Tget_offset(type) == 0;

  uint64_t facts[20 + 3 * H5S_MAX_RANK];
  size_t count = 0;
  facts[count++] = (uint64_t)layout;
  facts[count++] = (uint64_t)H5Pget_external_count(creation);
  facts[count++] = H5Sget_simple_extent_type(space) != H5S_NULL;
  facts[count++] = (uint64_t)rank;
  for (int i = 0; i < rank; i++) facts[count++] = extents[i];
  facts[count++] = (uint64_t)class_;
  facts[count++] = size;
  facts[count++] = class_ == H5T_INTEGER ? H5Tget_precision(type) : 0;
  facts[count++] = class_ == H5T_INTEGER && H5Tget_sign(type) == H5T_SGN_2;
  facts[count++] = (uint64_t)(is_plain_integer || is_bfloat16 || hdf5_is_plain_float(type));
  facts[count++] = exponent_size;
  facts[count++] = mantissa_size;
  facts[count++] = H5Dget_storage_size(dataset);
  int filters = H5Pget_nfilters(creation);
  if (filters < 0 || filters > H5S_MAX_RANK)
    hdf5_send_failure(descriptor, path, "has unreadable filters");
  facts[count++] = (uint64_t)filters;
  for (int i = 0; i < filters; i++) {
    unsigned flags = 0;
    size_t values = 0;
    facts[count++] =
        (uint64_t)H5Pget_filter2(creation, (unsigned)i, &flags, &values, NULL, 0, NULL, NULL);
  }
  hsize_t chunk[H5S_MAX_RANK] = {0};
  int chunk_rank = layout == H5D_CHUNKED ? H5Pget_chunk(creation, H5S_MAX_RANK, chunk) : 0;
  if (chunk_rank < 0 || chunk_rank > H5S_MAX_RANK) chunk_rank = 0;
  facts[count++] = (uint64_t)chunk_rank;
  for (int i = 0; i < chunk_rank; i++) facts[count++] = chunk[i];
  facts[count++] = layout == H5D_CONTIGUOUS ? H5Dget_offset(dataset) : 0;
  hdf5_send_record(descriptor, hdf5_dataset_record, path);
  if (hdf5_send(descriptor, facts, count * sizeof *facts)) _exit(1);
  H5Pclose(creation);
  H5Tclose(type);
  H5Sclose(space);
}

struct hdf5_link {
  char *name;
  int kind;
};

struct hdf5_links {
  struct hdf5_link *links;
  size_t count;
  size_t room;
};

static inline herr_t hdf5_collect_link(
    hid_t group, const char *name, const hdf5_link_info *info, void *context) {
  struct hdf5_links *links = (struct hdf5_links *)context;
  (void)group;
  if (links->count == links->room) return 1;
  // Doubled whenever the count is a power of two.
  if ((links->count & (links->count - 1)) == 0) {
    size_t capacity = links->count ? 2 * links->count : 1;
    struct hdf5_link *larger =
        (struct hdf5_link *)realloc(links->links, capacity * sizeof *larger);
    if (!larger) _exit(1);
    links->links = larger;
  }
  struct hdf5_link *link = &links->links[links->count++];
  link->name = strdup(name);
  if (!link->name) _exit(1);
  link->kind = info->type == H5L_TYPE_HARD       ? hdf5_hard_link
               : info->type == H5L_TYPE_SOFT     ? hdf5_soft_link
               : info->type == H5L_TYPE_EXTERNAL ? hdf5_external_link
                                                 : hdf5_other_link;
  return 0;
}

/// Sends a group and all below it in the order of names, depth first.
static inline void hdf5_list_group(
    struct hdf5_listing *listing, hid_t group, const char *path, size_t depth) {
  const int descriptor = listing->descriptor;
  uint64_t identity = 0;
  if (hdf5_object_identity(group, &identity) < 0)
    hdf5_send_failure(descriptor, path, "is a group that cannot be read");
  const int first = hdf5_visit(listing, identity);
  hdf5_send_record(descriptor, hdf5_group_record, path);
  hdf5_send_number(descriptor, depth);
  hdf5_send_number(descriptor, !first);
  if (!first || depth > listing->depth) _exit(0);
  // Doubled whenever the count is a power of two.
  if ((listing->group_count & (listing->group_count - 1)) == 0) {
    size_t capacity = listing->group_count ? 2 * listing->group_count : 1;
    char **larger = (char **)realloc(listing->groups, capacity * sizeof *larger);
    if (!larger) _exit(1);
    listing->groups = larger;
  }
  char *full = (char *)malloc(strlen(path) + 2);
  if (!full) _exit(1);
  sprintf(full, "/%s", path);
  listing->groups[listing->group_count++] = full;
  struct hdf5_links links = {NULL, 0, listing->links};
#if H5_VERSION_GE(1, 12, 0)
  herr_t status =
      H5Literate2(group, H5_INDEX_NAME, H5_ITER_INC, NULL, hdf5_collect_link, &links);
#else
  herr_t status = H5Literate(group, H5_INDEX_NAME, H5_ITER_INC, NULL, hdf5_collect_link, &links);
#endif
  if (status < 0) hdf5_send_failure(descriptor, path, "has members that cannot be listed");
  if (status > 0) {
    hdf5_send_record(descriptor, hdf5_links_record, "");
    _exit(0);
  }
  listing->links -= links.count;
  for (size_t i = 0; i < links.count; i++) {
    const char *name = links.links[i].name;
    size_t capacity = strlen(path) + strlen(name) + 2;
    char *member = (char *)malloc(capacity);
    if (!member) _exit(1);
    snprintf(member, capacity, "%s%s%s", path, *path ? "/" : "", name);
    if (links.links[i].kind != hdf5_hard_link) {
      hdf5_send_record(descriptor, hdf5_link_record, member);
      hdf5_send_number(descriptor, (uint64_t)links.links[i].kind);
      _exit(0);
    }
    hid_t object = H5Oopen(group, name, H5P_DEFAULT);
    if (object < 0) hdf5_send_failure(descriptor, member, "cannot be opened");
    const H5I_type_t type = H5Iget_type(object);
    if (type == H5I_GROUP) hdf5_list_group(listing, object, member, depth + 1);
    if (type == H5I_DATASET) hdf5_send_dataset(descriptor, object, member);
    // A named type holds no data.
    H5Oclose(object);
    free(links.links[i].name);
    free(member);
  }
  free(links.links);
  hdf5_got_on();
}

static inline void hdf5_send_listing(int descriptor, void *context) {
  const struct hdf5_listing_request *request = (const struct hdf5_listing_request *)context;
  hid_t file = hdf5_open_again(request->file);
  if (file < 0)
    hdf5_send_failure(descriptor, "", "cannot be opened, it is damaged or incomplete");
  hid_t root = H5Gopen2(file, "/", H5P_DEFAULT);
  if (root < 0) hdf5_send_failure(descriptor, "", "has no readable root group");
  struct hdf5_listing listing = {
      descriptor, request->links, request->depth, NULL, 0, NULL, 0, 0};
  hdf5_list_group(&listing, root, "", 0);
  hdf5_send_record(descriptor, hdf5_end_record, "");
  hdf5_send_groups(
      file, (const char *const *)listing.groups, listing.group_count, request->attribute_bytes,
      descriptor);
}

/// Lists all groups and datasets of a file as hdf5_record says. See hdf5_run_child.
static inline int hdf5_fetch_listing(
    int file, size_t links, size_t depth, size_t attribute_bytes, size_t memory, size_t limit,
    uint8_t **bytes, size_t *length) {
  struct hdf5_listing_request request = {file, links, depth, attribute_bytes};
  return hdf5_run_child(hdf5_send_listing, &request, memory, limit, bytes, length);
}

// MARK: Numbers

struct hdf5_numbers_request {
  int file;
  const char *path;
  /// In all, as the listing said.
  size_t count;
  /// Of the first axis, to read and send at once.
  size_t rows;
  /// 64-bit integers instead of 32-bit floats.
  int integers;
};

static inline void hdf5_send_numbers(int descriptor, void *context) {
  const struct hdf5_numbers_request *request = (const struct hdf5_numbers_request *)context;
  hid_t file = hdf5_open_again(request->file);
  hid_t dataset = file < 0 ? -1 : H5Dopen2(file, request->path, H5P_DEFAULT);
  hid_t space = dataset < 0 ? -1 : H5Dget_space(dataset);
  hsize_t extents[H5S_MAX_RANK] = {0}, starts[H5S_MAX_RANK] = {0};
  const int rank = space < 0 ? -1 : H5Sget_simple_extent_ndims(space);
  if (rank < 0 || rank > H5S_MAX_RANK ||
      H5Sget_simple_extent_dims(space, extents, NULL) != rank ||
      H5Sget_simple_extent_npoints(space) != (hssize_t)request->count || request->count == 0)
    _exit(1);
  hid_t stored = H5Dget_type(dataset);
  const int is_bfloat16 = stored >= 0 && hdf5_is_opaque_bfloat16(dataset, stored);
  if (is_bfloat16 && request->integers) _exit(1);
  const hid_t type = is_bfloat16           ? stored
                     : request->integers ? H5T_NATIVE_INT64
                                         : H5T_NATIVE_FLOAT;
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
        (rank > 0 &&
         H5Sselect_hyperslab(space, H5S_SELECT_SET, starts, NULL, extents, NULL) < 0) ||
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

#endif
