// Reading in a child process, and what it sends.
#pragma once

#include "CHDF5.h"

/// The child has got on with its work: what goes round in circles is ended.
void hdf5_got_on(void);

/// Writes all bytes; nonzero if it gave up.
int hdf5_send(int descriptor, const void *bytes, size_t count);
/// These end the child if they fail.
void hdf5_send_number(int descriptor, uint64_t number);
void hdf5_send_bytes(int descriptor, const char *bytes, size_t count);

/// Runs `work` in a child and collects what it sends, up to `limit` bytes. The caller frees
/// `*bytes`. Nonzero if the child failed; what it sent before is there then.
int hdf5_run_child(
    hdf5_work work, void *context, size_t memory, size_t limit, uint8_t **bytes, size_t *length);

/// Opens the file that the parent has open: no other can have taken its name.
hid_t hdf5_open_again(const struct hdf5_source *source);
