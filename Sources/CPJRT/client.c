#include <stdlib.h>
#include <string.h>

#include "plugin.h"

// As much of a text that has no end of its own as there is room for, printable.
static void copy_text(char *to, size_t room, const char *from, size_t size) {
  if (size >= room) size = room - 1;
  for (size_t i = 0; i < size; i++) {
    const unsigned char c = (unsigned char)from[i];
    to[i] = c < 32 || c == 127 ? ' ' : (char)c;
  }
  to[size] = 0;
}

trompe_pjrt_client *trompe_pjrt_client_create(
    trompe_pjrt *plugin, int devices, trompe_pjrt_error *error) {
  const char name[] = "cpu_device_count";
  pjrt_named_value option = {
      .size = sizeof option,
      .name = name,
      .name_size = sizeof name - 1,
      .type = VALUE_INT64,
      .integer = devices,
      .count = 1,
  };
  pjrt_client_create create = {
      .size = sizeof create, .options = &option, .count = devices > 0 ? 1 : 0};
  if (trompe_pjrt_call(plugin, SLOT_CLIENT_CREATE, &create, error)) return NULL;
  trompe_pjrt_client *client = calloc(1, sizeof *client);
  if (!client) abort();
  client->plugin = plugin;
  client->client = create.client;
  pjrt_text platform = {.size = sizeof platform, .object = client->client};
  if (trompe_pjrt_call(plugin, SLOT_CLIENT_PLATFORM_NAME, &platform, error)) goto failed;
  copy_text(client->platform, sizeof client->platform, platform.text, platform.size_of_text);
  pjrt_devices list = {.size = sizeof list, .client = client->client};
  if (trompe_pjrt_call(plugin, SLOT_CLIENT_ADDRESSABLE_DEVICES, &list, error)) goto failed;
  client->devices = calloc(list.count ? list.count : 1, sizeof *client->devices);
  if (!client->devices) abort();
  client->device_count = list.count;
  for (size_t i = 0; i < list.count; i++) {
    client->devices[i].device = list.devices[i];
    pjrt_part description = {.size = sizeof description, .object = list.devices[i]};
    if (trompe_pjrt_call(plugin, SLOT_DEVICE_DESCRIPTION, &description, error)) goto failed;
    pjrt_device_id id = {.size = sizeof id, .description = description.part};
    if (trompe_pjrt_call(plugin, SLOT_DESCRIPTION_ID, &id, error)) goto failed;
    client->devices[i].id = id.id;
    pjrt_text kind = {.size = sizeof kind, .object = description.part};
    if (trompe_pjrt_call(plugin, SLOT_DESCRIPTION_KIND, &kind, error)) goto failed;
    copy_text(
        client->devices[i].kind, sizeof client->devices[i].kind, kind.text, kind.size_of_text);
  }
  return client;
failed:
  trompe_pjrt_client_destroy(client);
  return NULL;
}

void trompe_pjrt_client_destroy(trompe_pjrt_client *client) {
  if (!client) return;
  trompe_pjrt_free(client->plugin, SLOT_CLIENT_DESTROY, client->client);
  free(client->devices);
  free(client);
}

const char *trompe_pjrt_platform(const trompe_pjrt_client *client) { return client->platform; }

size_t trompe_pjrt_device_count(const trompe_pjrt_client *client) { return client->device_count; }

int trompe_pjrt_device_id(const trompe_pjrt_client *client, size_t device) {
  return client->devices[device].id;
}

const char *trompe_pjrt_device_kind(const trompe_pjrt_client *client, size_t device) {
  return client->devices[device].kind;
}

int64_t trompe_pjrt_device_bytes(const trompe_pjrt_client *client, size_t device) {
  pjrt_device_memory memory = {.size = sizeof memory, .device = client->devices[device].device};
  if (trompe_pjrt_call(client->plugin, SLOT_DEVICE_MEMORY, &memory, NULL)) return 0;
  return memory.has_limit ? memory.limit : 0;
}
