#include "CZip.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>
#include <zlib.h>

uint32_t zip_crc32(uint32_t crc, const void *bytes, size_t count) {
  return (uint32_t)crc32_z(crc, bytes, count);
}

int zip_memory_file(void) { return memfd_create("entry", MFD_CLOEXEC); }

enum { zip_block = 1 << 16 };

static enum zip_result zip_append(int file, const unsigned char *bytes, size_t count) {
  while (count > 0) {
    ssize_t written = write(file, bytes, count);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return zip_system_error;
    bytes += written;
    count -= (size_t)written;
  }
  return zip_done;
}

// What the compressed bytes become.
struct zip_inflated {
  int to;
  size_t size;
  uint32_t crc;
};

static enum zip_result zip_inflate_all(
    z_stream *stream, int from, off_t offset, size_t stored, const struct zip_inflated *whole) {
  size_t size = whole->size;
  unsigned char input[zip_block], output[zip_block];
  uint32_t found = 0;
  int status = Z_OK;
  while (status != Z_STREAM_END) {
    if (stream->avail_in == 0) {
      if (stored == 0) return zip_damaged;
      ssize_t received = pread(from, input, stored < sizeof input ? stored : sizeof input, offset);
      if (received < 0 && errno == EINTR) continue;
      if (received < 0) return zip_system_error;
      if (received == 0) return zip_damaged;
      stream->next_in = input;
      stream->avail_in = (unsigned)received;
      offset += received;
      stored -= (size_t)received;
    }
    stream->next_out = output;
    stream->avail_out = sizeof output;
    status = inflate(stream, Z_NO_FLUSH);
    // Z_BUF_ERROR: it needs more input, which comes.
    if (status != Z_OK && status != Z_STREAM_END && status != Z_BUF_ERROR) return zip_damaged;
    const size_t count = sizeof output - stream->avail_out;
    if (count > size) return zip_other_size;
    size -= count;
    found = zip_crc32(found, output, count);
    if (zip_append(whole->to, output, count) != zip_done) return zip_system_error;
  }
  if (size > 0) return zip_other_size;
  return found == whole->crc ? zip_done : zip_other_checksum;
}

enum zip_result zip_inflate(
    int from, off_t offset, size_t stored, int to, size_t size, uint32_t crc) {
  z_stream stream = {0};
  // Without the header and trailer that zlib's own format has.
  if (inflateInit2(&stream, -MAX_WBITS) != Z_OK) {
    errno = ENOMEM;
    return zip_system_error;
  }
  const struct zip_inflated whole = {to, size, crc};
  enum zip_result result = zip_inflate_all(&stream, from, offset, stored, &whole);
  inflateEnd(&stream);
  return result;
}
