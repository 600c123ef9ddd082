// A plugin whose table ends after a few slots.
#include <stddef.h>

static struct {
  size_t size;
  void *extension;
  size_t version_size;
  void *version_extension;
  int major, minor;
  void *slots[3];
} api = {sizeof api, NULL, 24, NULL, 0, 1, {NULL}};

const void *GetPjrtApi(void) { return &api; }
