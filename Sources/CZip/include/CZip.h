// What zip archives need of zlib and of the system.
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/// The CRC-32 of bytes that follow those of which `crc` is the CRC-32; 0 is that of none.
uint32_t zip_crc32(uint32_t crc, const void *bytes, size_t count);

/// A file in memory without a name; negative if there is none.
int zip_memory_file(void);

enum zip_result {
  zip_done,
  /// The system refused; errno says why.
  zip_system_error,
  /// The compressed bytes are damaged, or end too early.
  zip_damaged,
  /// They become more or fewer bytes than was said.
  zip_other_size,
  /// They have another CRC-32 than was said.
  zip_other_checksum
};

/// Inflates `stored` bytes at `offset` of the file `from` and appends them to the file `to`. Never
/// more than `size` bytes are written.
enum zip_result zip_inflate(
    int from, off_t offset, size_t stored, int to, size_t size, uint32_t crc);
