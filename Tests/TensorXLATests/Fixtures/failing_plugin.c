// A plugin for a GPU that fails in one call of its table: the test defines FAILS_AT, and MESSAGE
// and CODE, which it reports, and VERSION.
#include "abi.h"

static int object;

static void tell(pjrt_error_message *answer) {
  answer->message = MESSAGE;
  answer->message_size = sizeof MESSAGE - 1;
}

static void *tell_code(pjrt_error_code *answer) {
  answer->code = CODE;
  return NULL;
}

static void *fail(void *arguments) {
  (void)arguments;
  return &object;
}

static void *nothing(void *arguments) {
  (void)arguments;
  return NULL;
}

static void *create(pjrt_client_create *answer) {
  answer->client = &object;
  return NULL;
}

static void *name(pjrt_text *answer) {
  answer->text = "cuda";
  answer->size_of_text = 4;
  return NULL;
}

static void *devices(pjrt_devices *answer) {
  static void *const all[] = {&object};
  answer->devices = all;
  answer->count = 1;
  return NULL;
}

static void *part(pjrt_part *answer) {
  answer->part = &object;
  return NULL;
}

static void *identify(pjrt_device_id *answer) {
  answer->id = 0;
  return NULL;
}

static struct {
  pjrt_api head;
  void *slots[128];
} api;

const pjrt_api *GetPjrtApi(void) {
  void **slots = api.head.slots;
  for (int i = 0; i < 128; i++) slots[i] = nothing;
  slots[SLOT_ERROR_MESSAGE] = tell;
  slots[SLOT_ERROR_CODE] = tell_code;
  slots[SLOT_CLIENT_CREATE] = create;
  slots[SLOT_CLIENT_PLATFORM_NAME] = name;
  slots[SLOT_CLIENT_ADDRESSABLE_DEVICES] = devices;
  slots[SLOT_DEVICE_DESCRIPTION] = part;
  slots[SLOT_DESCRIPTION_ID] = identify;
  slots[SLOT_DESCRIPTION_KIND] = name;
  slots[SLOT_PLUGIN_ATTRIBUTES] = fail;
  slots[FAILS_AT] = fail;
  api.head.size = sizeof api;
  api.head.version.minor = VERSION;
  return &api.head;
}
