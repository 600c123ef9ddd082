// Attributes of groups, read in the child.
#pragma once

#include "CHDF5.h"

/// Sends the attributes of the groups at some paths; ends the child if that fails.
void hdf5_send_groups(
    hid_t file, const char *const *groups, size_t count, size_t limit, int descriptor);
