// Plugins of PJRT: libraries that compile StableHLO for a device and run it there.
//
// Every call that can fail takes an error, which is left as it is where nothing fails. What is made
// is the caller's to destroy. A plugin is never unloaded.
#ifndef CPJRT_H
#define CPJRT_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct trompe_pjrt trompe_pjrt;
typedef struct trompe_pjrt_client trompe_pjrt_client;
typedef struct trompe_pjrt_topology trompe_pjrt_topology;
typedef struct trompe_pjrt_executable trompe_pjrt_executable;
typedef struct trompe_pjrt_buffer trompe_pjrt_buffer;

// What failed: 0 is nothing.
enum {
  TROMPE_PJRT_CANNOT_LOAD = -1,
  TROMPE_PJRT_NO_ENTRY = -2,
  TROMPE_PJRT_TOO_OLD = -3,
  // The plugin's own codes are positive; this one is looked at.
  TROMPE_PJRT_RESOURCE_EXHAUSTED = 8,
};

typedef struct {
  int code;
  // Of the plugin or the loader, printable.
  char text[2048];
} trompe_pjrt_error;

typedef enum {
  TROMPE_PJRT_FLOAT32,
  TROMPE_PJRT_INT32,
  TROMPE_PJRT_UINT8,
} trompe_pjrt_type;

// Loads a plugin; the same one again if it is loaded already.
trompe_pjrt *trompe_pjrt_open(const char *path, trompe_pjrt_error *error);
// Of the interface.
void trompe_pjrt_version(const trompe_pjrt *plugin, int *major, int *minor);
// The version of StableHLO that it reads, three numbers; 0 if it does not tell.
int trompe_pjrt_stablehlo(const trompe_pjrt *plugin, int64_t version[3]);

// - devices: how many the plugin for CPUs pretends to have; 0 is as many as it likes.
trompe_pjrt_client *trompe_pjrt_client_create(
    trompe_pjrt *plugin, int devices, trompe_pjrt_error *error);
void trompe_pjrt_client_destroy(trompe_pjrt_client *client);
// `cpu`, `cuda`, …
const char *trompe_pjrt_platform(const trompe_pjrt_client *client);
size_t trompe_pjrt_device_count(const trompe_pjrt_client *client);
// By which a compilation names a device.
int trompe_pjrt_device_id(const trompe_pjrt_client *client, size_t device);
// What a device is called, e.g. `NVIDIA H100`.
const char *trompe_pjrt_device_kind(const trompe_pjrt_client *client, size_t device);
// Bytes that a device has in all; 0 if the plugin does not tell.
int64_t trompe_pjrt_device_bytes(const trompe_pjrt_client *client, size_t device);

// - code: a module of StableHLO, as text.
// - options: a CompileOptionsProto.
trompe_pjrt_executable *trompe_pjrt_compile(
    trompe_pjrt_client *client, const char *code, size_t code_size, const void *options,
    size_t options_size, trompe_pjrt_error *error);
void trompe_pjrt_executable_destroy(trompe_pjrt_executable *executable);
size_t trompe_pjrt_result_count(const trompe_pjrt_executable *executable);

// Bytes that a run needs.
typedef struct {
  int64_t code;
  int64_t arguments;
  int64_t results;
  // Of results that take the place of arguments.
  int64_t aliased;
  int64_t temporary;
} trompe_pjrt_memory;

// Returns 0 if the plugin does not tell.
int trompe_pjrt_memory_of(const trompe_pjrt_executable *executable, trompe_pjrt_memory *memory);

// One device that need not be here, to compile for.
// - target: XLA's description of it, a GpuTargetConfigProto as text.
trompe_pjrt_topology *trompe_pjrt_topology_create(
    trompe_pjrt *plugin, const char *target, size_t target_size, trompe_pjrt_error *error);
void trompe_pjrt_topology_destroy(trompe_pjrt_topology *topology);
// As `trompe_pjrt_compile`; what is made cannot be run.
trompe_pjrt_executable *trompe_pjrt_compile_for(
    trompe_pjrt_topology *topology, const char *code, size_t code_size, const void *options,
    size_t options_size, trompe_pjrt_error *error);

// What the compiler has made of the code, a serialised HloModuleProto or HloModuleProtoWithConfig;
// the caller's to free. NULL if the plugin does not tell.
void *trompe_pjrt_optimized(const trompe_pjrt_executable *executable, size_t *size);

// An array of the host, row-major.
typedef struct {
  const void *data;
  trompe_pjrt_type type;
  const int64_t *dimensions;
  size_t rank;
} trompe_pjrt_array;

// Copies an array to a device. Returns when it has been read.
trompe_pjrt_buffer *trompe_pjrt_upload(
    trompe_pjrt_client *client, size_t device, const trompe_pjrt_array *array,
    trompe_pjrt_error *error);
// Waits for the values, and copies them to `data`, which has `size` bytes: those of the buffer.
int trompe_pjrt_download(
    const trompe_pjrt_buffer *buffer, void *data, size_t size, trompe_pjrt_error *error);
// Whether an execution has taken its memory.
int trompe_pjrt_is_deleted(const trompe_pjrt_buffer *buffer);
void trompe_pjrt_buffer_destroy(trompe_pjrt_buffer *buffer);

// Runs on the devices for which it was compiled. Returns when it has begun: results can be used at
// once, and reading one waits for it.
// - arguments: those of the first device, then those of the next.
// - argument_count: of one device.
// - results: room for `trompe_pjrt_result_count` of each device, in the same order.
// - returns: 0, or nothing has been made.
int trompe_pjrt_execute(
    trompe_pjrt_executable *executable, size_t devices, trompe_pjrt_buffer *const *arguments,
    size_t argument_count, trompe_pjrt_buffer **results, trompe_pjrt_error *error);

#ifdef __cplusplus
}
#endif

#endif
