// HDF5 as Swift can see it: macros become functions, callbacks whose types differ between HDF5 1.10
// and later get one signature, and attributes are read where they can do no harm.
#ifndef TROMPE_CHDF5_SHIM_H
#define TROMPE_CHDF5_SHIM_H

#include <errno.h>
#include <fcntl.h>
#include <hdf5.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static inline hid_t hdf5_native_float(void) { return H5T_NATIVE_FLOAT; }
static inline hid_t hdf5_native_double(void) { return H5T_NATIVE_DOUBLE; }
static inline hid_t hdf5_native_int64(void) { return H5T_NATIVE_INT64; }
static inline hid_t hdf5_file_float32(void) { return H5T_IEEE_F32LE; }
static inline hid_t hdf5_file_float64(void) { return H5T_IEEE_F64LE; }
static inline hid_t hdf5_file_int64(void) { return H5T_STD_I64LE; }
static inline hid_t hdf5_c_string(void) { return H5T_C_S1; }

static inline hid_t hdf5_file_access_class(void) { return H5P_FILE_ACCESS; }
static inline hid_t hdf5_file_create_class(void) { return H5P_FILE_CREATE; }
static inline hid_t hdf5_group_create_class(void) { return H5P_GROUP_CREATE; }
static inline hid_t hdf5_dataset_create_class(void) { return H5P_DATASET_CREATE; }
static inline hid_t hdf5_link_create_class(void) { return H5P_LINK_CREATE; }
static inline hid_t hdf5_attribute_create_class(void) { return H5P_ATTRIBUTE_CREATE; }

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

/// Return nonzero to stop.
typedef int (*hdf5_link_visitor)(const char *name, int kind, void *context);

struct hdf5_link_visit {
  hdf5_link_visitor visitor;
  void *context;
};

#if H5_VERSION_GE(1, 12, 0)
typedef H5L_info2_t hdf5_link_info;
#else
typedef H5L_info_t hdf5_link_info;
#endif

static inline herr_t hdf5_visit_one_link(
    hid_t group, const char *name, const hdf5_link_info *info, void *context) {
  struct hdf5_link_visit *visit = (struct hdf5_link_visit *)context;
  int kind = info->type == H5L_TYPE_HARD       ? hdf5_hard_link
             : info->type == H5L_TYPE_SOFT     ? hdf5_soft_link
             : info->type == H5L_TYPE_EXTERNAL ? hdf5_external_link
                                               : hdf5_other_link;
  (void)group;
  return visit->visitor(name, kind, visit->context);
}

/// Calls the visitor with every link of a group in the order of their names.
static inline herr_t hdf5_visit_links(hid_t group, hdf5_link_visitor visitor, void *context) {
  struct hdf5_link_visit visit = {visitor, context};
#if H5_VERSION_GE(1, 12, 0)
  return H5Literate2(group, H5_INDEX_NAME, H5_ITER_INC, NULL, hdf5_visit_one_link, &visit);
#else
  return H5Literate(group, H5_INDEX_NAME, H5_ITER_INC, NULL, hdf5_visit_one_link, &visit);
#endif
}

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

/// The child's part of hdf5_fetch_attributes; never returns.
static inline void hdf5_send_attributes(hid_t object, size_t limit, int descriptor) {
  const int fatal[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGALRM, SIGPIPE, SIGTRAP};
  for (size_t i = 0; i < sizeof fatal / sizeof *fatal; i++) signal(fatal[i], SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  struct rlimit no_core = {0, 0};
  setrlimit(RLIMIT_CORE, &no_core);
  int null = open("/dev/null", O_WRONLY);
  if (null >= 0) dup2(null, STDERR_FILENO);
  alarm(5);
  struct hdf5_attribute_sink sink = {descriptor, limit};
  herr_t status =
      H5Aiterate2(object, H5_INDEX_NAME, H5_ITER_INC, NULL, hdf5_send_attribute, &sink);
  _exit(status < 0);
}

/// Reads all attributes of an object in a child process.
///
/// HDF5 1.10 trusts what a file says about attributes: one damaged byte makes it read through a null
/// pointer or past a buffer (H5HG_read, H5O__msg_iterate_real). The child bears that, and only what
/// was read comes back: for each attribute the length and bytes of its name, its kind, whether it is
/// an array, its count and its elements; a text is its length and bytes, a number eight bytes. The
/// caller frees `*bytes`. Nonzero if the attributes cannot be read.
static inline int hdf5_fetch_attributes(
    hid_t object, size_t limit, uint8_t **bytes, size_t *length) {
  int ends[2];
  *bytes = NULL;
  *length = 0;
  if (pipe(ends)) return -1;
  fcntl(ends[0], F_SETFD, FD_CLOEXEC);
  fcntl(ends[1], F_SETFD, FD_CLOEXEC);
  pid_t child = fork();
  if (child == 0) {
    close(ends[0]);
    hdf5_send_attributes(object, limit, ends[1]);
  }
  close(ends[1]);
  size_t capacity = 0;
  int failed = child < 0;
  // The child's alarm ends a read that hangs.
  while (!failed) {
    if (*length == capacity) {
      capacity = capacity ? 2 * capacity : 65536;
      uint8_t *larger = (uint8_t *)realloc(*bytes, capacity);
      if (!larger) {
        failed = 1;
        kill(child, SIGKILL);
        break;
      }
      *bytes = larger;
    }
    ssize_t received = read(ends[0], *bytes + *length, capacity - *length);
    if (received < 0 && errno == EINTR) continue;
    if (received < 0) failed = 1;
    if (received <= 0) break;
    *length += (size_t)received;
    if (*length > limit) {
      failed = 1;
      kill(child, SIGKILL);
    }
  }
  close(ends[0]);
  if (child > 0) {
    int status = 0;
    pid_t waited;
    do waited = waitpid(child, &status, 0);
    while (waited < 0 && errno == EINTR);
    if (waited != child || !WIFEXITED(status) || WEXITSTATUS(status) != 0) failed = 1;
  }
  if (failed) {
    free(*bytes);
    *bytes = NULL;
    *length = 0;
  }
  return failed ? -1 : 0;
}

#endif
