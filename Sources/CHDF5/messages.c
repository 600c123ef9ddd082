// What the library says of itself.
#include <string.h>

#include "CHDF5.h"

/// No messages on the standard error stream; ours carry the innermost one.
void hdf5_silence_errors(void) { H5Eset_auto2(H5E_DEFAULT, NULL, NULL); }

struct hdf5_message {
  char *text;
  size_t capacity;
};

static herr_t hdf5_take_first_message(unsigned position, const H5E_error2_t *error, void *context) {
  struct hdf5_message *message = context;
  if (position == 0 && error->desc) {
    strncpy(message->text, error->desc, message->capacity - 1);
    message->text[message->capacity - 1] = 0;
  }
  return 0;
}

/// What the library said about the last call, as close to the cause as it goes; empty if nothing.
void hdf5_innermost_message(char *text, size_t capacity) {
  struct hdf5_message message = {text, capacity};
  text[0] = 0;
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, hdf5_take_first_message, &message);
}
