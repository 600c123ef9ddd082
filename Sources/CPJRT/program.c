#include <stdlib.h>
#include <string.h>

#include "plugin.h"

struct trompe_pjrt_executable {
  const trompe_pjrt *plugin;
  // NULL if it was compiled for a device that is not here.
  void *loaded;
  // What is known of it, beside the code.
  void *executable;
  size_t results;
};

struct trompe_pjrt_topology {
  const trompe_pjrt *plugin;
  void *topology;
};

struct trompe_pjrt_buffer {
  const trompe_pjrt *plugin;
  void *buffer;
};

// MARK: Compiling

static pjrt_program text_of(const char *code, size_t code_size) {
  return (pjrt_program){
      .size = sizeof(pjrt_program),
      .code = code,
      .code_size = code_size,
      .format = "mlir",
      .format_size = strlen("mlir"),
  };
}

// Takes what is compiled, and the part of it that can be run if it is here.
static trompe_pjrt_executable *made_of(
    const trompe_pjrt *plugin, void *loaded, void *compiled, trompe_pjrt_error *error) {
  trompe_pjrt_executable *executable = calloc(1, sizeof *executable);
  if (!executable) abort();
  executable->plugin = plugin;
  executable->loaded = loaded;
  executable->executable = compiled;
  if (loaded) {
    pjrt_part part = {.size = sizeof part, .object = loaded};
    if (trompe_pjrt_call(plugin, SLOT_LOADED_EXECUTABLE, &part, error)) goto failed;
    executable->executable = part.part;
  }
  pjrt_outputs outputs = {.size = sizeof outputs, .executable = executable->executable};
  if (trompe_pjrt_call(plugin, SLOT_EXECUTABLE_OUTPUTS, &outputs, error)) goto failed;
  executable->results = outputs.count;
  return executable;
failed:
  trompe_pjrt_executable_destroy(executable);
  return NULL;
}

trompe_pjrt_executable *trompe_pjrt_compile(
    trompe_pjrt_client *client, const char *code, size_t code_size, const void *options,
    size_t options_size, trompe_pjrt_error *error) {
  const trompe_pjrt *plugin = client->plugin;
  const pjrt_program program = text_of(code, code_size);
  pjrt_compile compile = {
      .size = sizeof compile,
      .client = client->client,
      .program = &program,
      .options = options,
      .options_size = options_size,
  };
  if (trompe_pjrt_call(plugin, SLOT_CLIENT_COMPILE, &compile, error)) return NULL;
  return made_of(plugin, compile.executable, NULL, error);
}

trompe_pjrt_topology *trompe_pjrt_topology_create(
    trompe_pjrt *plugin, const char *target, size_t target_size, trompe_pjrt_error *error) {
  const char config[] = "target_config", shape[] = "topology", one[] = "1x1x1";
  const pjrt_named_value options[] = {
      {
          .size = sizeof *options,
          .name = config,
          .name_size = sizeof config - 1,
          .type = VALUE_STRING,
          .string = target,
          .count = target_size,
      },
      {
          .size = sizeof *options,
          .name = shape,
          .name_size = sizeof shape - 1,
          .type = VALUE_STRING,
          .string = one,
          .count = sizeof one - 1,
      },
  };
  pjrt_topology_create create = {.size = sizeof create, .name = "", .options = options, .count = 2};
  if (trompe_pjrt_call(plugin, SLOT_TOPOLOGY_CREATE, &create, error)) return NULL;
  trompe_pjrt_topology *topology = malloc(sizeof *topology);
  if (!topology) abort();
  topology->plugin = plugin;
  topology->topology = create.topology;
  return topology;
}

void trompe_pjrt_topology_destroy(trompe_pjrt_topology *topology) {
  if (!topology) return;
  trompe_pjrt_free(topology->plugin, SLOT_TOPOLOGY_DESTROY, topology->topology);
  free(topology);
}

trompe_pjrt_executable *trompe_pjrt_compile_for(
    trompe_pjrt_topology *topology, const char *code, size_t code_size, const void *options,
    size_t options_size, trompe_pjrt_error *error) {
  const pjrt_program program = text_of(code, code_size);
  pjrt_compile_for compile = {
      .size = sizeof compile,
      .topology = topology->topology,
      .program = &program,
      .options = options,
      .options_size = options_size,
  };
  if (trompe_pjrt_call(topology->plugin, SLOT_COMPILE_FOR, &compile, error)) return NULL;
  return made_of(topology->plugin, NULL, compile.executable, error);
}

void trompe_pjrt_executable_destroy(trompe_pjrt_executable *executable) {
  if (!executable) return;
  trompe_pjrt_free(executable->plugin, SLOT_EXECUTABLE_DESTROY, executable->executable);
  trompe_pjrt_free(executable->plugin, SLOT_LOADED_DESTROY, executable->loaded);
  free(executable);
}

size_t trompe_pjrt_result_count(const trompe_pjrt_executable *executable) {
  return executable->results;
}

int trompe_pjrt_memory_of(const trompe_pjrt_executable *executable, trompe_pjrt_memory *memory) {
  pjrt_executable_memory told = {.size = sizeof told, .executable = executable->executable};
  if (trompe_pjrt_call(executable->plugin, SLOT_EXECUTABLE_MEMORY, &told, NULL)) return 0;
  *memory = (trompe_pjrt_memory){
      .code = told.code,
      .arguments = told.arguments,
      .results = told.outputs,
      .aliased = told.aliased,
      .temporary = told.temporary,
  };
  return 1;
}

void *trompe_pjrt_optimized(const trompe_pjrt_executable *executable, size_t *size) {
  pjrt_program program = {.size = sizeof program};
  pjrt_optimized optimized = {
      .size = sizeof optimized, .executable = executable->executable, .program = &program};
  if (trompe_pjrt_call(executable->plugin, SLOT_EXECUTABLE_OPTIMIZED, &optimized, NULL))
    return NULL;
  char *code = malloc(program.code_size ? program.code_size : 1);
  if (!code) abort();
  program.code = code;
  if (trompe_pjrt_call(executable->plugin, SLOT_EXECUTABLE_OPTIMIZED, &optimized, NULL)) {
    free(code);
    return NULL;
  }
  *size = program.code_size;
  return code;
}

// MARK: Buffers

static trompe_pjrt_buffer *wrap(const trompe_pjrt *plugin, void *buffer) {
  trompe_pjrt_buffer *own = malloc(sizeof *own);
  if (!own) abort();
  own->plugin = plugin;
  own->buffer = buffer;
  return own;
}

trompe_pjrt_buffer *trompe_pjrt_upload(
    trompe_pjrt_client *client, size_t device, const trompe_pjrt_array *array,
    trompe_pjrt_error *error) {
  static const int types[] = {
      [TROMPE_PJRT_FLOAT32] = TYPE_F32,
      [TROMPE_PJRT_INT32] = TYPE_S32,
      [TROMPE_PJRT_UINT8] = TYPE_U8,
  };
  // An empty array may have no address, and a plugin wants one.
  static const char nothing[1];
  pjrt_from_host copy = {
      .size = sizeof copy,
      .client = client->client,
      .data = array->data ? array->data : nothing,
      .type = types[array->type],
      .dimensions = array->dimensions,
      .rank = array->rank,
      .semantics = HOST_UNCHANGED_DURING_CALL,
      .device = client->devices[device].device,
  };
  if (trompe_pjrt_call(client->plugin, SLOT_BUFFER_FROM_HOST, &copy, error)) return NULL;
  if (trompe_pjrt_await(client->plugin, copy.done, error)) {
    trompe_pjrt_free(client->plugin, SLOT_BUFFER_DESTROY, copy.buffer);
    return NULL;
  }
  return wrap(client->plugin, copy.buffer);
}

int trompe_pjrt_download(
    const trompe_pjrt_buffer *buffer, void *data, size_t size, trompe_pjrt_error *error) {
  pjrt_to_host copy = {.size = sizeof copy, .buffer = buffer->buffer, .to = data, .to_size = size};
  if (trompe_pjrt_call(buffer->plugin, SLOT_BUFFER_TO_HOST, &copy, error)) return -1;
  return trompe_pjrt_await(buffer->plugin, copy.event, error);
}

int trompe_pjrt_is_deleted(const trompe_pjrt_buffer *buffer) {
  pjrt_is_deleted state = {.size = sizeof state, .buffer = buffer->buffer};
  if (trompe_pjrt_call(buffer->plugin, SLOT_BUFFER_IS_DELETED, &state, NULL)) return 1;
  return state.is_deleted;
}

void trompe_pjrt_buffer_destroy(trompe_pjrt_buffer *buffer) {
  if (!buffer) return;
  trompe_pjrt_free(buffer->plugin, SLOT_BUFFER_DESTROY, buffer->buffer);
  free(buffer);
}

// MARK: Running

int trompe_pjrt_execute(
    trompe_pjrt_executable *executable, size_t devices, trompe_pjrt_buffer *const *arguments,
    size_t argument_count, trompe_pjrt_buffer **results, trompe_pjrt_error *error) {
  const size_t given_count = devices * argument_count, made_count = devices * executable->results;
  void **given = calloc(given_count ? given_count : 1, sizeof *given);
  void **made = calloc(made_count ? made_count : 1, sizeof *made);
  void **given_of_device = calloc(devices, sizeof *given_of_device);
  void ***made_of_device = calloc(devices, sizeof *made_of_device);
  if (!given || !made || !given_of_device || !made_of_device) abort();
  for (size_t i = 0; i < given_count; i++) given[i] = arguments[i]->buffer;
  for (size_t device = 0; device < devices; device++) {
    given_of_device[device] = given + device * argument_count;
    made_of_device[device] = made + device * executable->results;
  }
  pjrt_execute_options options = {.size = sizeof options};
  pjrt_execute execute = {
      .size = sizeof execute,
      .executable = executable->loaded,
      .options = &options,
      .arguments = (void *const *const *)given_of_device,
      .devices = devices,
      .argument_count = argument_count,
      .results = made_of_device,
  };
  const int status = trompe_pjrt_call(executable->plugin, SLOT_LOADED_EXECUTE, &execute, error);
  if (!status)
    for (size_t i = 0; i < made_count; i++) results[i] = wrap(executable->plugin, made[i]);
  free(given);
  free(made);
  free(given_of_device);
  free(made_of_device);
  return status;
}
