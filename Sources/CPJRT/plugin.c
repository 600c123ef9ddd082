#include <dlfcn.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "plugin.h"

// MARK: Errors

static void set_error(trompe_pjrt_error *error, int code, const char *text, size_t size) {
  if (!error) return;
  error->code = code;
  if (size >= sizeof error->text) size = sizeof error->text - 1;
  for (size_t i = 0; i < size; i++) {
    // Nothing that a terminal would act upon; UTF-8 goes through.
    const unsigned char c = (unsigned char)text[i];
    error->text[i] = c < 32 || c == 127 ? ' ' : (char)c;
  }
  error->text[size] = 0;
}

int trompe_pjrt_call(
    const trompe_pjrt *plugin, int slot, void *arguments, trompe_pjrt_error *error) {
  void *failure = ((pjrt_call)plugin->api->slots[slot])(arguments);
  if (!failure) return 0;
  pjrt_error_code code = {.size = sizeof code, .error = failure};
  void *second = ((pjrt_call)plugin->api->slots[SLOT_ERROR_CODE])(&code);
  (void)second;
  // Returns nothing.
  pjrt_error_message message = {.size = sizeof message, .error = failure};
  ((void (*)(void *))plugin->api->slots[SLOT_ERROR_MESSAGE])(&message);
  set_error(
      error, code.code > 0 ? code.code : 2, message.message ? message.message : "",
      message.message ? message.message_size : 0);
  pjrt_object destroy = {.size = sizeof destroy, .object = failure};
  ((void (*)(void *))plugin->api->slots[SLOT_ERROR_DESTROY])(&destroy);
  return -1;
}

void trompe_pjrt_free(const trompe_pjrt *plugin, int slot, void *object) {
  if (!object) return;
  pjrt_object destroy = {.size = sizeof destroy, .object = object};
  trompe_pjrt_call(plugin, slot, &destroy, NULL);
}

int trompe_pjrt_await(const trompe_pjrt *plugin, void *event, trompe_pjrt_error *error) {
  if (!event) return 0;
  pjrt_object await = {.size = sizeof await, .object = event};
  const int status = trompe_pjrt_call(plugin, SLOT_EVENT_AWAIT, &await, error);
  trompe_pjrt_free(plugin, SLOT_EVENT_DESTROY, event);
  return status;
}

// MARK: Plugins

// Those that are loaded: a plugin is initialised once in a process.
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static trompe_pjrt *loaded;

static trompe_pjrt *open_locked(const char *path, trompe_pjrt_error *error) {
  // Its own messages go to the terminal, past ours.
  setenv("TF_CPP_MIN_LOG_LEVEL", "3", 0);
  void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (!library) {
    const char *text = dlerror();
    if (!text) text = "";
    set_error(error, TROMPE_PJRT_CANNOT_LOAD, text, strlen(text));
    return NULL;
  }
  for (trompe_pjrt *plugin = loaded; plugin; plugin = plugin->next)
    if (plugin->library == library) return plugin;
  const pjrt_api *(*get)(void) = (const pjrt_api *(*)(void))dlsym(library, "GetPjrtApi");
  const pjrt_api *api = get ? get() : NULL;
  if (!api) {
    set_error(error, TROMPE_PJRT_NO_ENTRY, "it has no GetPjrtApi", strlen("it has no GetPjrtApi"));
    return NULL;
  }
  const size_t needed = offsetof(pjrt_api, slots) + (SLOT_EXECUTABLE_MEMORY + 1) * sizeof(void *);
  if (api->size < needed) {
    set_error(
        error, TROMPE_PJRT_TOO_OLD, "its table is too short", strlen("its table is too short"));
    return NULL;
  }
  trompe_pjrt *plugin = calloc(1, sizeof *plugin);
  if (!plugin) {
    set_error(error, TROMPE_PJRT_RESOURCE_EXHAUSTED, "no memory", strlen("no memory"));
    return NULL;
  }
  plugin->library = library;
  plugin->api = api;
  pjrt_nothing nothing = {.size = sizeof nothing};
  if (trompe_pjrt_call(plugin, SLOT_PLUGIN_INITIALIZE, &nothing, error)) {
    free(plugin);
    return NULL;
  }
  plugin->next = loaded;
  loaded = plugin;
  return plugin;
}

trompe_pjrt *trompe_pjrt_open(const char *path, trompe_pjrt_error *error) {
  pthread_mutex_lock(&lock);
  trompe_pjrt *plugin = open_locked(path, error);
  pthread_mutex_unlock(&lock);
  return plugin;
}

void trompe_pjrt_version(const trompe_pjrt *plugin, int *major, int *minor) {
  *major = plugin->api->version.major;
  *minor = plugin->api->version.minor;
}

int trompe_pjrt_stablehlo(const trompe_pjrt *plugin, int64_t version[3]) {
  pjrt_attributes attributes = {.size = sizeof attributes};
  if (trompe_pjrt_call(plugin, SLOT_PLUGIN_ATTRIBUTES, &attributes, NULL)) return 0;
  for (size_t i = 0; i < attributes.count; i++) {
    const pjrt_named_value *value = &attributes.attributes[i];
    const char name[] = "stablehlo_current_version";
    if (value->name_size == sizeof name - 1 && !memcmp(value->name, name, sizeof name - 1) &&
        value->type == VALUE_INT64_LIST && value->count == 3) {
      memcpy(version, value->integers, 3 * sizeof *version);
      return 1;
    }
  }
  return 0;
}
