// What the files of this module share.
#ifndef CPJRT_PLUGIN_H
#define CPJRT_PLUGIN_H

#include "CPJRT.h"
#include "abi.h"

struct trompe_pjrt {
  void *library;
  const pjrt_api *api;
  struct trompe_pjrt *next;
};

struct trompe_pjrt_client {
  const trompe_pjrt *plugin;
  void *client;
  char platform[64];
  size_t device_count;
  struct {
    void *device;
    int id;
    char kind[128];
  } * devices;
};

// Calls a slot of the table. Returns 0, or -1 and tells what the plugin reports.
int trompe_pjrt_call(
    const trompe_pjrt *plugin, int slot, void *arguments, trompe_pjrt_error *error);
// Calls a slot that destroys.
void trompe_pjrt_free(const trompe_pjrt *plugin, int slot, void *object);
// Waits for an event and destroys it; nothing if there is none.
int trompe_pjrt_await(const trompe_pjrt *plugin, void *event, trompe_pjrt_error *error);

#endif
