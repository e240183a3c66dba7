// SPDX-License-Identifier: MIT
//
// The structs that the files of gpu/ see into. Only they and the tests that stand in
// for a driver include this. It includes no header of a .c file here, so that each of
// those may include it.

#ifndef GPU_INSIDE_H
#define GPU_INSIDE_H

#include "base/log.h"
#include "gpu/limits.h"
#include "gpu/shaders.h"
#include "pix2pix.h"

#include <volk.h>

struct gpu_buffer;
struct gpu_stream;
struct os_mutex;

// Where messages of the validation layer go, see instance.c.
struct gpu_validation {
    VkDebugUtilsMessengerEXT messenger;    // VK_NULL_HANDLE: the layer is not in use
    struct log_sink sink;                  // of the thread that opened the device
    struct os_mutex *mutex;    // of the rest: drivers compile in several threads
    uint32_t count;            // messages so far
};

// The pipeline cache of a device, see cache.c.
struct gpu_cache {
    bool is_open;
    VkPipelineCache handle;    // may be VK_NULL_HANDLE
    char *path;                // of its file; NULL: it has none
    size_t loaded;             // bytes of data that the driver took from the file
    size_t stored;             // bytes of data that the driver has of the file
    uint8_t seen[32];          // header of the file when it was read or written last
    bool has_grown;            // perhaps: kernels were made since the file was written
    double saved;              // time of the last writing; 0: none
    double seconds;            // that making kernels took so far
};

// What transfers keep, see transfer.c; NULL until the first one.
struct gpu_transfer {
    struct gpu_buffer *staging;
    struct gpu_stream *stream;
};

struct gpu_device {
    VkInstance instance;
    struct gpu_validation validation;
    VkPhysicalDevice physical;
    VkDevice handle;
    VkQueue queue;
    uint32_t family;
    struct VolkDeviceTable vk;    // every call on `handle` goes through it
    VkPhysicalDeviceMemoryProperties memory;
    struct gpu_cache cache;
    struct gpu_transfer transfer;
    bool no_cache;
    double timestamp_seconds;    // of one tick; 0: the device has no timestamps
    uint64_t timestamp_mask;     // the bits of a timestamp that count
    struct pix_device_info info;
    struct gpu_limits limits;
    bool lost;          // a call returned VK_ERROR_DEVICE_LOST
    bool statistics;    // pipelines keep what the driver's compiler reports
    struct gpu_kernel **kernels;
    size_t kernel_count, kernel_capacity;
};

struct gpu_buffer {
    struct gpu_device *device;
    VkBuffer handle;
    VkDeviceMemory memory;
    uint64_t size;    // bytes
    void *map;        // NULL: device memory
};

struct gpu_kernel {
    struct gpu_kernel_key key;
    const char *name;
    VkShaderModule module;
    VkDescriptorSetLayout set_layout;
    VkPipelineLayout layout;
    VkPipeline pipeline;
};

#endif
