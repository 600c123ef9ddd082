// HDF5 as Swift can see it: macros become functions, and files are read where they can do no harm.
//
// HDF5 1.10 trusts what a file says: one damaged byte in a header, a heap or an attribute makes it
// read through a null pointer, past a buffer, or free what it never allocated. So the library reads
// in a child process, which bears that and sends what it found through a pipe. The child runs C
// alone: Swift's runtime may not be used after fork in a program of several threads.
#pragma once

#include <hdf5.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

// MARK: Constants that HDF5 has as macros

#define HDF5_TEXT_OF(number) #number
#define HDF5_TEXT(number) HDF5_TEXT_OF(number)
static inline const char *hdf5_version(void) {
  return HDF5_TEXT(H5_VERS_MAJOR) "." HDF5_TEXT(H5_VERS_MINOR) "." HDF5_TEXT(H5_VERS_RELEASE);
}

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

// MARK: Messages

/// No messages on the standard error stream; ours carry the innermost one.
void hdf5_silence_errors(void);
/// What the library said about the last call, as close to the cause as it goes; empty if nothing.
void hdf5_innermost_message(char *text, size_t capacity);

/// Lets the library read what h5py compressed with LZF, its own filter. Negative if it cannot.
int hdf5_register_lzf(void);
/// LZF's number among HDF5's filters, and how many bytes one may become.
enum { hdf5_lzf_filter = 32000, hdf5_lzf_expansion = 88 };

// MARK: The child process

/// What a child does: sends through the pipe, and returns if all went well.
typedef void (*hdf5_work)(int descriptor, void *context);

/// Where an HDF5 file lies: a file of its own, or a part of another.
struct hdf5_source {
  int descriptor;
  /// Whether it is bytes `offset` to `offset + size` of the file.
  int is_part;
  off_t offset;
  size_t size;
};

/// Bytes of memory that a child needs besides for the source itself.
size_t hdf5_source_memory(const struct hdf5_source *source);

/// Starts a child that runs `work` and writes to `*descriptor`. It has no more memory than the
/// parent and `memory` bytes. Negative if there is none.
pid_t hdf5_start_child(hdf5_work work, void *context, size_t memory, int *descriptor);
/// Waits for a child, which is stopped if its pipe was not read to the end. Nonzero if it failed.
int hdf5_finish_child(pid_t child, int descriptor);

// MARK: Attributes

enum hdf5_attribute_kind {
  hdf5_other_attribute,
  hdf5_text_attribute,
  hdf5_integer_attribute,
  hdf5_float_attribute
};

/// Ends the attributes of one object; no name is as long.
static const uint64_t hdf5_end_of_object = UINT64_MAX;

/// Reads all attributes of the groups at some paths, in a child: for each attribute the length and
/// bytes of its name, its kind, whether it is an array, its count and its elements; a text is its
/// length and bytes, a number eight bytes. After those of each group comes hdf5_end_of_object. The
/// caller frees `*bytes`. Nonzero if the child failed; what it sent before is there then.
int hdf5_fetch_attributes(
    const struct hdf5_source *file, const char *const *groups, size_t count, size_t limit,
    uint8_t **bytes, size_t *length);

// MARK: Listing

enum hdf5_link_kind { hdf5_hard_link, hdf5_soft_link, hdf5_external_link, hdf5_other_link };

/// What hdf5_fetch_listing sends, each as a number, the length and bytes of a path, and:
enum hdf5_record {
  /// Depth, and whether the file reaches this group for the second time.
  hdf5_group_record = 1,
  /// The kind of a link that is not a hard link.
  hdf5_link_record,
  /// Layout, number of external files, whether there is a data space at all, rank and extents;
  /// class, size,
  /// precision, whether signed, whether plain and sizes of exponent and mantissa of the type; bytes
  /// stored, number
  /// and identifiers of filters, rank and extents of a chunk, and the place in the file.
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
  struct hdf5_source file;
  /// Links that are followed at most, how deep groups may be, and bytes of one attribute.
  size_t links, depth, attribute_bytes;
  /// Bytes of memory that the child may have, and that it may send.
  size_t memory, limit;
};

/// Lists all groups and datasets of a file as hdf5_record says, in a child. The caller frees
/// `*bytes`. Nonzero if the child failed; what it sent before is there then.
int hdf5_fetch_listing(const struct hdf5_listing_request *request, uint8_t **bytes, size_t *length);

// MARK: Numbers

struct hdf5_numbers_request {
  struct hdf5_source file;
  const char *path;
  /// In all, as the listing said.
  size_t count;
  /// Of the first axis, to read and send at once.
  size_t rows;
  /// 64-bit integers instead of 32-bit floats.
  int integers;
};

/// The work of a child: sends the numbers of a dataset, some rows at a time. `context` is a
/// hdf5_numbers_request.
void hdf5_send_numbers(int descriptor, void *context);
