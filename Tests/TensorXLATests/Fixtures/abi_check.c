// Compiles where the declarations of CPJRT agree with the header of an installed plugin.
#include "pjrt_c_api.h"

#include "abi.h"

#define SLOT(slot, name) \
  _Static_assert( \
      offsetof(pjrt_api, slots) + slot * sizeof(void *) == offsetof(PJRT_Api, name), #name)
#define FIELD(own, field, theirs, name) \
  _Static_assert( \
      offsetof(own, field) == offsetof(theirs, name) \
          && sizeof(((own *)0)->field) == sizeof(((theirs *)0)->name), \
      #theirs "." #name)
#define SIZE(own, theirs) _Static_assert(sizeof(own) == sizeof(theirs), #theirs)

SLOT(SLOT_ERROR_DESTROY, PJRT_Error_Destroy);
SLOT(SLOT_ERROR_MESSAGE, PJRT_Error_Message);
SLOT(SLOT_ERROR_CODE, PJRT_Error_GetCode);
SLOT(SLOT_PLUGIN_INITIALIZE, PJRT_Plugin_Initialize);
SLOT(SLOT_PLUGIN_ATTRIBUTES, PJRT_Plugin_Attributes);
SLOT(SLOT_EVENT_DESTROY, PJRT_Event_Destroy);
SLOT(SLOT_EVENT_AWAIT, PJRT_Event_Await);
SLOT(SLOT_CLIENT_CREATE, PJRT_Client_Create);
SLOT(SLOT_CLIENT_DESTROY, PJRT_Client_Destroy);
SLOT(SLOT_CLIENT_PLATFORM_NAME, PJRT_Client_PlatformName);
SLOT(SLOT_CLIENT_PLATFORM_VERSION, PJRT_Client_PlatformVersion);
SLOT(SLOT_CLIENT_ADDRESSABLE_DEVICES, PJRT_Client_AddressableDevices);
SLOT(SLOT_CLIENT_COMPILE, PJRT_Client_Compile);
SLOT(SLOT_BUFFER_FROM_HOST, PJRT_Client_BufferFromHostBuffer);
SLOT(SLOT_DESCRIPTION_ID, PJRT_DeviceDescription_Id);
SLOT(SLOT_DESCRIPTION_KIND, PJRT_DeviceDescription_Kind);
SLOT(SLOT_DEVICE_DESCRIPTION, PJRT_Device_GetDescription);
SLOT(SLOT_DEVICE_MEMORY, PJRT_Device_MemoryStats);
SLOT(SLOT_EXECUTABLE_DESTROY, PJRT_Executable_Destroy);
SLOT(SLOT_EXECUTABLE_OUTPUTS, PJRT_Executable_NumOutputs);
SLOT(SLOT_EXECUTABLE_OPTIMIZED, PJRT_Executable_OptimizedProgram);
SLOT(SLOT_LOADED_DESTROY, PJRT_LoadedExecutable_Destroy);
SLOT(SLOT_LOADED_EXECUTABLE, PJRT_LoadedExecutable_GetExecutable);
SLOT(SLOT_LOADED_EXECUTE, PJRT_LoadedExecutable_Execute);
SLOT(SLOT_BUFFER_DESTROY, PJRT_Buffer_Destroy);
SLOT(SLOT_BUFFER_IS_DELETED, PJRT_Buffer_IsDeleted);
SLOT(SLOT_BUFFER_TO_HOST, PJRT_Buffer_ToHostBuffer);
SLOT(SLOT_EXECUTABLE_MEMORY, PJRT_Executable_GetCompiledMemoryStats);

FIELD(pjrt_api, version.major, PJRT_Api, pjrt_api_version.major_version);
FIELD(pjrt_api, version.minor, PJRT_Api, pjrt_api_version.minor_version);
FIELD(pjrt_error_message, message, PJRT_Error_Message_Args, message);
FIELD(pjrt_error_message, message_size, PJRT_Error_Message_Args, message_size);
FIELD(pjrt_error_code, code, PJRT_Error_GetCode_Args, code);
FIELD(pjrt_object, object, PJRT_Error_Destroy_Args, error);
FIELD(pjrt_object, object, PJRT_Event_Await_Args, event);
FIELD(pjrt_object, object, PJRT_Event_Destroy_Args, event);
FIELD(pjrt_object, object, PJRT_Client_Destroy_Args, client);
FIELD(pjrt_object, object, PJRT_Executable_Destroy_Args, executable);
FIELD(pjrt_object, object, PJRT_LoadedExecutable_Destroy_Args, executable);
FIELD(pjrt_object, object, PJRT_Buffer_Destroy_Args, buffer);
SIZE(pjrt_nothing, PJRT_Plugin_Initialize_Args);
SIZE(pjrt_named_value, PJRT_NamedValue);
FIELD(pjrt_named_value, name_size, PJRT_NamedValue, name_size);
FIELD(pjrt_named_value, type, PJRT_NamedValue, type);
FIELD(pjrt_named_value, integers, PJRT_NamedValue, int64_array_value);
FIELD(pjrt_named_value, count, PJRT_NamedValue, value_size);
_Static_assert((int)VALUE_INT64 == (int)PJRT_NamedValue_kInt64, "int64");
_Static_assert((int)VALUE_INT64_LIST == (int)PJRT_NamedValue_kInt64List, "list");
SIZE(pjrt_attributes, PJRT_Plugin_Attributes_Args);
FIELD(pjrt_attributes, count, PJRT_Plugin_Attributes_Args, num_attributes);
SIZE(pjrt_client_create, PJRT_Client_Create_Args);
FIELD(pjrt_client_create, options, PJRT_Client_Create_Args, create_options);
FIELD(pjrt_client_create, count, PJRT_Client_Create_Args, num_options);
FIELD(pjrt_client_create, client, PJRT_Client_Create_Args, client);
FIELD(pjrt_text, text, PJRT_Client_PlatformName_Args, platform_name);
FIELD(pjrt_text, size_of_text, PJRT_Client_PlatformName_Args, platform_name_size);
FIELD(pjrt_text, size_of_text, PJRT_DeviceDescription_Kind_Args, device_kind_size);
FIELD(pjrt_devices, devices, PJRT_Client_AddressableDevices_Args, addressable_devices);
FIELD(pjrt_devices, count, PJRT_Client_AddressableDevices_Args, num_addressable_devices);
FIELD(pjrt_part, part, PJRT_Device_GetDescription_Args, device_description);
FIELD(pjrt_part, part, PJRT_LoadedExecutable_GetExecutable_Args, executable);
FIELD(pjrt_device_id, id, PJRT_DeviceDescription_Id_Args, id);
SIZE(pjrt_device_memory, PJRT_Device_MemoryStats_Args);
FIELD(pjrt_device_memory, limit, PJRT_Device_MemoryStats_Args, bytes_limit);
FIELD(pjrt_device_memory, has_limit, PJRT_Device_MemoryStats_Args, bytes_limit_is_set);
SIZE(pjrt_program, PJRT_Program);
FIELD(pjrt_program, format, PJRT_Program, format);
SLOT(SLOT_TOPOLOGY_CREATE, PJRT_TopologyDescription_Create);
SLOT(SLOT_TOPOLOGY_DESTROY, PJRT_TopologyDescription_Destroy);
SLOT(SLOT_COMPILE_FOR, PJRT_Compile);
SIZE(pjrt_topology_create, PJRT_TopologyDescription_Create_Args);
FIELD(pjrt_topology_create, name, PJRT_TopologyDescription_Create_Args, topology_name);
FIELD(pjrt_topology_create, options, PJRT_TopologyDescription_Create_Args, create_options);
FIELD(pjrt_topology_create, count, PJRT_TopologyDescription_Create_Args, num_options);
FIELD(pjrt_topology_create, topology, PJRT_TopologyDescription_Create_Args, topology);
FIELD(pjrt_object, object, PJRT_TopologyDescription_Destroy_Args, topology);
SIZE(pjrt_compile_for, PJRT_Compile_Args);
FIELD(pjrt_compile_for, topology, PJRT_Compile_Args, topology);
FIELD(pjrt_compile_for, program, PJRT_Compile_Args, program);
FIELD(pjrt_compile_for, options, PJRT_Compile_Args, compile_options);
FIELD(pjrt_compile_for, executable, PJRT_Compile_Args, executable);
FIELD(pjrt_executable_memory, arguments, PJRT_Executable_GetCompiledMemoryStats_Args, argument_size_in_bytes);
FIELD(pjrt_executable_memory, outputs, PJRT_Executable_GetCompiledMemoryStats_Args, output_size_in_bytes);
FIELD(pjrt_executable_memory, aliased, PJRT_Executable_GetCompiledMemoryStats_Args, alias_size_in_bytes);
SIZE(pjrt_compile, PJRT_Client_Compile_Args);
FIELD(pjrt_compile, program, PJRT_Client_Compile_Args, program);
FIELD(pjrt_compile, options, PJRT_Client_Compile_Args, compile_options);
FIELD(pjrt_compile, executable, PJRT_Client_Compile_Args, executable);
SIZE(pjrt_from_host, PJRT_Client_BufferFromHostBuffer_Args);
FIELD(pjrt_from_host, data, PJRT_Client_BufferFromHostBuffer_Args, data);
FIELD(pjrt_from_host, type, PJRT_Client_BufferFromHostBuffer_Args, type);
FIELD(pjrt_from_host, dimensions, PJRT_Client_BufferFromHostBuffer_Args, dims);
FIELD(pjrt_from_host, rank, PJRT_Client_BufferFromHostBuffer_Args, num_dims);
FIELD(
    pjrt_from_host, semantics, PJRT_Client_BufferFromHostBuffer_Args, host_buffer_semantics);
FIELD(pjrt_from_host, device, PJRT_Client_BufferFromHostBuffer_Args, device);
FIELD(pjrt_from_host, done, PJRT_Client_BufferFromHostBuffer_Args, done_with_host_buffer);
FIELD(pjrt_from_host, buffer, PJRT_Client_BufferFromHostBuffer_Args, buffer);
_Static_assert((int)TYPE_F32 == (int)PJRT_Buffer_Type_F32, "f32");
_Static_assert((int)TYPE_S32 == (int)PJRT_Buffer_Type_S32, "s32");
_Static_assert((int)TYPE_U8 == (int)PJRT_Buffer_Type_U8, "u8");
_Static_assert(
    (int)HOST_UNCHANGED_DURING_CALL == (int)PJRT_HostBufferSemantics_kImmutableOnlyDuringCall,
    "semantics");
FIELD(pjrt_outputs, count, PJRT_Executable_NumOutputs_Args, num_outputs);
SIZE(pjrt_execute_options, PJRT_ExecuteOptions);
FIELD(pjrt_execute_options, launch, PJRT_ExecuteOptions, launch_id);
SIZE(pjrt_execute, PJRT_LoadedExecutable_Execute_Args);
FIELD(pjrt_execute, options, PJRT_LoadedExecutable_Execute_Args, options);
FIELD(pjrt_execute, arguments, PJRT_LoadedExecutable_Execute_Args, argument_lists);
FIELD(pjrt_execute, devices, PJRT_LoadedExecutable_Execute_Args, num_devices);
FIELD(pjrt_execute, argument_count, PJRT_LoadedExecutable_Execute_Args, num_args);
FIELD(pjrt_execute, results, PJRT_LoadedExecutable_Execute_Args, output_lists);
FIELD(pjrt_execute, events, PJRT_LoadedExecutable_Execute_Args, device_complete_events);
FIELD(pjrt_is_deleted, is_deleted, PJRT_Buffer_IsDeleted_Args, is_deleted);
SIZE(pjrt_to_host, PJRT_Buffer_ToHostBuffer_Args);
FIELD(pjrt_to_host, to, PJRT_Buffer_ToHostBuffer_Args, dst);
FIELD(pjrt_to_host, to_size, PJRT_Buffer_ToHostBuffer_Args, dst_size);
FIELD(pjrt_to_host, event, PJRT_Buffer_ToHostBuffer_Args, event);
SIZE(pjrt_optimized, PJRT_Executable_OptimizedProgram_Args);
FIELD(pjrt_optimized, program, PJRT_Executable_OptimizedProgram_Args, program);
SIZE(pjrt_executable_memory, PJRT_Executable_GetCompiledMemoryStats_Args);
FIELD(
    pjrt_executable_memory, arguments, PJRT_Executable_GetCompiledMemoryStats_Args,
    argument_size_in_bytes);
FIELD(
    pjrt_executable_memory, outputs, PJRT_Executable_GetCompiledMemoryStats_Args,
    output_size_in_bytes);
FIELD(
    pjrt_executable_memory, aliased, PJRT_Executable_GetCompiledMemoryStats_Args,
    alias_size_in_bytes);
FIELD(
    pjrt_executable_memory, temporary, PJRT_Executable_GetCompiledMemoryStats_Args,
    temp_size_in_bytes);
