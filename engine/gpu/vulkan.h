// SPDX-License-Identifier: MIT
//
// What the files of gpu/ share. No other folder includes this.

#ifndef GPU_VULKAN_H
#define GPU_VULKAN_H

#include "base/log.h"
#include "gpu/device.h"
#include "gpu/kernel.h"
#include "gpu/memory.h"

#include <volk.h>

// See cache.c.
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

struct gpu_device {
    VkInstance instance;
    VkDebugUtilsMessengerEXT messenger;
    VkPhysicalDevice physical;
    VkDevice handle;
    VkQueue queue;
    uint32_t family;
    struct VolkDeviceTable vk;
    VkPhysicalDeviceMemoryProperties memory;
    struct gpu_cache cache;
    bool no_cache;
    double timestamp_seconds;    // of one tick; 0: none
    uint64_t timestamp_mask;
    struct pix_device_info info;
    struct gpu_limits limits;
    struct log_sink sink;    // of the validation messages
    struct os_mutex *messages_mutex;
    uint32_t messages;
    bool lost;
    bool statistics;    // pipelines keep their compiler's
    struct gpu_kernel **kernels;
    size_t kernel_count, kernel_capacity;
};

struct gpu_buffer {
    struct gpu_device *device;
    VkBuffer handle;
    VkDeviceMemory memory;
    uint64_t size;
    void *map;
};

struct gpu_kernel {
    struct gpu_kernel_key key;
    const char *name;
    VkShaderModule module;
    VkDescriptorSetLayout set_layout;
    VkPipelineLayout layout;
    VkPipeline pipeline;
};

// Logs the call and the name of its result; remembers a lost device.
void gpu_report(struct gpu_device *device, const char *call, VkResult result);
const char *gpu_result_name(VkResult result);
void gpu_kernel_destroy(struct gpu_device *device, struct gpu_kernel *kernel);

// The pipeline cache: opened when the first kernel is made, written after kernels were
// made, `now` or not too often.
void gpu_cache_open(struct gpu_device *device);
void gpu_cache_save(struct gpu_device *device, bool now);
void gpu_cache_close(struct gpu_device *device);

// Every Vulkan call that can fail: a failure is logged and goes to `fail`.
#define VK_TRY(device, call)                                                           \
    do {                                                                               \
        VkResult try_result = (call);                                                  \
        if (try_result != VK_SUCCESS) {                                                \
            gpu_report(device, #call, try_result);                                     \
            goto fail;                                                                 \
        }                                                                              \
    } while (0)

#endif
