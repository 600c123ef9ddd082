// The part of the PJRT C interface that is used, as facts of its binary form: the slots of its
// table and the arguments of its calls. Slots do not move, and structs grow at their end; this is
// version 0.81 of the interface. A plugin is told how much of a struct is known here by its `size`.
#ifndef CPJRT_ABI_H
#define CPJRT_ABI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// What every struct begins with.
#define HEAD   \
  size_t size; \
  void *extension

// Where the table's slots are, counted from the first.
enum {
  SLOT_ERROR_DESTROY = 0,
  SLOT_ERROR_MESSAGE = 1,
  SLOT_ERROR_CODE = 2,
  SLOT_PLUGIN_INITIALIZE = 3,
  SLOT_PLUGIN_ATTRIBUTES = 4,
  SLOT_EVENT_DESTROY = 5,
  SLOT_EVENT_AWAIT = 8,
  SLOT_CLIENT_CREATE = 10,
  SLOT_CLIENT_DESTROY = 11,
  SLOT_CLIENT_PLATFORM_NAME = 12,
  SLOT_CLIENT_PLATFORM_VERSION = 14,
  SLOT_CLIENT_ADDRESSABLE_DEVICES = 16,
  SLOT_CLIENT_COMPILE = 20,
  SLOT_BUFFER_FROM_HOST = 22,
  SLOT_DESCRIPTION_ID = 23,
  SLOT_DESCRIPTION_KIND = 26,
  SLOT_DEVICE_DESCRIPTION = 29,
  SLOT_DEVICE_MEMORY = 34,
  SLOT_EXECUTABLE_DESTROY = 40,
  SLOT_EXECUTABLE_OUTPUTS = 44,
  SLOT_EXECUTABLE_OPTIMIZED = 48,
  SLOT_LOADED_DESTROY = 50,
  SLOT_LOADED_EXECUTABLE = 51,
  SLOT_LOADED_EXECUTE = 55,
  SLOT_BUFFER_DESTROY = 58,
  SLOT_BUFFER_IS_DELETED = 68,
  SLOT_BUFFER_TO_HOST = 70,
  SLOT_TOPOLOGY_CREATE = 82,
  SLOT_TOPOLOGY_DESTROY = 83,
  SLOT_COMPILE_FOR = 89,
  SLOT_EXECUTABLE_MEMORY = 96,
};

typedef struct {
  HEAD;
  struct {
    HEAD;
    int major, minor;
  } version;
  void *slots[];
} pjrt_api;

// Every call takes one struct and returns NULL or an error, which is the caller's to destroy.
typedef void *(*pjrt_call)(void *arguments);

typedef struct {
  HEAD;
  const void *error;
  const char *message;
  size_t message_size;
} pjrt_error_message;

typedef struct {
  HEAD;
  const void *error;
  int code;
} pjrt_error_code;

// Destroys an error, an event, a client, an executable or a buffer; awaits an event.
typedef struct {
  HEAD;
  void *object;
} pjrt_object;

typedef struct {
  HEAD;
} pjrt_nothing;

enum { VALUE_STRING = 0, VALUE_INT64 = 1, VALUE_INT64_LIST = 2, VALUE_FLOAT = 3, VALUE_BOOL = 4 };

typedef struct {
  HEAD;
  const char *name;
  size_t name_size;
  int type;
  union {
    const char *string;
    int64_t integer;
    const int64_t *integers;
    float number;
    bool flag;
  };
  size_t count;
} pjrt_named_value;

typedef struct {
  HEAD;
  const pjrt_named_value *attributes;
  size_t count;
} pjrt_attributes;

typedef struct {
  HEAD;
  const pjrt_named_value *options;
  size_t count;
  void *get, *get_argument, *put, *put_argument;
  void *client;
  void *try_get, *try_get_argument;
} pjrt_client_create;

// The name of a client's platform, its version, the kind of a device.
typedef struct {
  HEAD;
  void *object;
  const char *text;
  size_t size_of_text;
} pjrt_text;

typedef struct {
  HEAD;
  void *client;
  void *const *devices;
  size_t count;
} pjrt_devices;

// A device's description, an executable of one that is loaded.
typedef struct {
  HEAD;
  void *object;
  void *part;
} pjrt_part;

typedef struct {
  HEAD;
  void *description;
  int id;
} pjrt_device_id;

typedef struct {
  HEAD;
  void *device;
  int64_t in_use, peak;
  bool has_peak;
  int64_t allocations;
  bool has_allocations;
  int64_t largest;
  bool has_largest;
  int64_t limit;
  bool has_limit;
  int64_t reserved;
  bool has_reserved;
  int64_t peak_reserved;
  bool has_peak_reserved;
  int64_t reservable;
  bool has_reservable;
  int64_t largest_free;
  bool has_largest_free;
  int64_t pool;
  bool has_pool;
  int64_t peak_pool;
  bool has_peak_pool;
} pjrt_device_memory;

typedef struct {
  HEAD;
  const char *code;
  size_t code_size;
  const char *format;
  size_t format_size;
} pjrt_program;

// Called twice: without a place for the code it tells the size.
typedef struct {
  HEAD;
  void *executable;
  pjrt_program *program;
} pjrt_optimized;

typedef struct {
  HEAD;
  void *client;
  const pjrt_program *program;
  const char *options;
  size_t options_size;
  void *executable;
} pjrt_compile;

typedef struct {
  HEAD;
  const char *name;
  size_t name_size;
  const pjrt_named_value *options;
  size_t count;
  void *topology;
} pjrt_topology_create;

// Compiles for a topology; the client, if there is one, helps.
typedef struct {
  HEAD;
  const void *topology;
  const pjrt_program *program;
  const char *options;
  size_t options_size;
  void *client;
  void *executable;
} pjrt_compile_for;

enum { TYPE_PRED = 1, TYPE_S32 = 4, TYPE_U8 = 6, TYPE_F32 = 11 };
enum { HOST_UNCHANGED_DURING_CALL = 0 };

typedef struct {
  HEAD;
  void *client;
  const void *data;
  int type;
  const int64_t *dimensions;
  size_t rank;
  const int64_t *strides;
  size_t stride_count;
  int semantics;
  void *device;
  void *memory;
  void *layout;
  void *done;
  void *buffer;
} pjrt_from_host;

typedef struct {
  HEAD;
  void *executable;
  size_t count;
} pjrt_outputs;

typedef struct {
  HEAD;
  void **send, **receive;
  size_t sends, receives;
  int launch;
  const int64_t *kept;
  size_t kept_count;
  void *context;
  const char *call_location;
  size_t task_count;
  int *tasks;
  int64_t *incarnations;
} pjrt_execute_options;

typedef struct {
  HEAD;
  void *executable;
  pjrt_execute_options *options;
  void *const *const *arguments;
  size_t devices;
  size_t argument_count;
  void **const *results;
  void **events;
  void *device;
} pjrt_execute;

typedef struct {
  HEAD;
  void *buffer;
  bool is_deleted;
} pjrt_is_deleted;

typedef struct {
  HEAD;
  void *buffer;
  void *layout;
  void *to;
  size_t to_size;
  void *event;
} pjrt_to_host;

typedef struct {
  HEAD;
  void *executable;
  int64_t code, arguments, outputs, aliased, temporary;
  int64_t host_code, host_arguments, host_outputs, host_aliased, host_temporary;
  int64_t peak;
} pjrt_executable_memory;

#endif
