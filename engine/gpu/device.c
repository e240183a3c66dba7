// SPDX-License-Identifier: MIT
//
// Devices and their limits. See device.h.

#include "gpu/device.h"

#include "base/mem.h"
#include "base/os.h"
#include "gpu/cache.h"
#include "gpu/inside.h"
#include "gpu/instance.h"
#include "gpu/matrix.h"
#include "gpu/physical.h"
#include "gpu/properties.h"
#include "gpu/result.h"
#include "gpu/stream.h"
#include "gpu/transfer.h"

#include <assert.h>
#include <string.h>

// The least that every implementation has (specification, "Required Limits"). A device
// opened with minimum_limits shows no more, so that tests run within them anywhere.
#define MINIMUM_INVOCATIONS 128
#define MINIMUM_SHARED 16384
#define MINIMUM_TEXELS 65536
#define MINIMUM_BINDING ((uint64_t)128 << 20)

static const char subset_extension[] = "VK_KHR_portability_subset";    // a beta one
static const char statistics_extension[] =
    VK_KHR_PIPELINE_EXECUTABLE_PROPERTIES_EXTENSION_NAME;
static const char subgroup_extension[] = VK_EXT_SUBGROUP_SIZE_CONTROL_EXTENSION_NAME;

bool gpu_device_list(struct pix_device_info **list, uint32_t *count)
{
    *list = NULL;
    *count = 0;
    bool missing;
    VkInstance instance = gpu_instance_create(NULL, &missing);
    if (!instance) {
        if (missing)
            gpu_instance_report_missing(LOG_INFO);
        return missing;
    }
    VkPhysicalDevice *handles;
    bool ok = gpu_physical_list(instance, &handles, list, count);
    mem_free(handles);
    gpu_instance_destroy(instance, NULL);
    if (ok && *count == 0)
        gpu_instance_report_missing(LOG_INFO);
    return ok;
}

// Timestamps are not needed: without them graph/first_run.c shares the time of a
// submission out by estimates, and no result changes.
static void read_timestamps(struct gpu_device *device, uint32_t valid_bits)
{
    VkPhysicalDeviceProperties properties;
    vkGetPhysicalDeviceProperties(device->physical, &properties);
    float period = properties.limits.timestampPeriod;    // nanoseconds
    // RADV without a card reports an infinite period, PanVK over a no-op shim 0.
    if (!valid_bits || !(period > 0) || period >= 1e6f)
        return;
    device->timestamp_seconds = 1e-9 * (double)period;
    device->timestamp_mask =
        valid_bits >= 64 ? UINT64_MAX : ((uint64_t)1 << valid_bits) - 1;
}

// Finds what the device offers beyond what every one has. Sets the limits that depend
// on it: subgroup, float16, storage16 and matrix.
static bool find_options(struct gpu_device *device,
                         const struct gpu_device_options *options, bool *has_subset)
{
    struct gpu_limits *limits = &device->limits;
    bool has_statistics;
    if (!gpu_properties_find_extension(device->physical, subset_extension,
                                       has_subset) ||
        !gpu_properties_find_extension(device->physical, statistics_extension,
                                       &has_statistics) ||
        !gpu_physical_find_subgroup(device->physical, &limits->subgroup))
        return false;
    if (options->no_matrix_units)
        limits->matrix = gpu_matrix_none("they were turned off");
    else if (!gpu_matrix_find(device->instance, device->physical, &limits->matrix))
        return false;
    limits->float16 = gpu_physical_has_float16(device->physical);
    limits->storage16 = gpu_physical_has_storage16(device->physical);
    device->statistics = options->statistics && has_statistics;
    return true;
}

struct features_of_16_bits {
    VkPhysicalDeviceShaderFloat16Int8Features compute;
    VkPhysicalDevice16BitStorageFeatures storage;
};

// A chain of those that the device has, or NULL. The benchmark's ceilings and kernels
// for matrix units compute in f16.
static void *add_16_bits(const struct gpu_device *device, struct features_of_16_bits *f)
{
    void *chain = NULL;
    *f = (struct features_of_16_bits){
        .compute = {
            .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_FLOAT16_INT8_FEATURES,
            .shaderFloat16 = VK_TRUE,
        },
        .storage = {
            .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_16BIT_STORAGE_FEATURES,
            .storageBuffer16BitAccess = VK_TRUE,
        },
    };
    if (device->limits.float16)
        chain = &f->compute;
    if (!device->limits.storage16)
        return chain;
    f->storage.pNext = chain;
    return &f->storage;
}

// Creates the logical device with one queue and the optional extensions that it offers.
static bool open_device(struct gpu_device *device,
                        const struct gpu_device_options *options)
{
    // gpu_physical_choose has made sure of a compute queue and of Vulkan 1.2.
    uint32_t timestamp_bits;
    device->family = gpu_physical_find_family(device->physical, &timestamp_bits);
    const float priority = 1.0f;
    const VkDeviceQueueCreateInfo queue = {
        .sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO,
        .queueFamilyIndex = device->family,
        .queueCount = 1,
        .pQueuePriorities = &priority,
    };
    const char *extensions[5];
    uint32_t extension_count = 0;
    bool has_subset;
    if (!find_options(device, options, &has_subset))
        return false;
    // VUID-VkDeviceCreateInfo-pProperties-04451: it must be enabled where it is
    // offered.
    if (has_subset)
        extensions[extension_count++] = subset_extension;
    struct features_of_16_bits small;
    void *features = add_16_bits(device, &small);    // the chain of those to enable
    VkPhysicalDevicePipelineExecutablePropertiesFeaturesKHR executable = {
        .sType =
            VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PIPELINE_EXECUTABLE_PROPERTIES_FEATURES_KHR,
        .pNext = features,
        .pipelineExecutableInfo = VK_TRUE,
    };
    if (device->statistics) {
        extensions[extension_count++] = statistics_extension;
        features = &executable;
    }
    VkPhysicalDeviceSubgroupSizeControlFeaturesEXT control = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_SIZE_CONTROL_FEATURES_EXT,
        .pNext = features,
        .subgroupSizeControl = VK_TRUE,
        .computeFullSubgroups = VK_TRUE,
    };
    if (device->limits.subgroup || device->limits.matrix.subgroup) {
        extensions[extension_count++] = subgroup_extension;
        features = &control;
    }
    struct gpu_matrix_features matrix;
    if (device->limits.matrix.subgroup) {
        const bool has_bf16 = device->limits.matrix.bf16.m != 0;
        extensions[extension_count++] = gpu_matrix_extension;
        if (has_bf16)
            extensions[extension_count++] = gpu_matrix_bf16_extension;
        features = gpu_matrix_enable(&matrix, has_bf16, features);
    }
    const VkDeviceCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO,
        .pNext = features,
        .queueCreateInfoCount = 1,
        .pQueueCreateInfos = &queue,
        .enabledExtensionCount = extension_count,
        .ppEnabledExtensionNames = extensions,
    };
    VK_TRY(device, vkCreateDevice(device->physical, &info, NULL, &device->handle));
    volkLoadDeviceTable(&device->vk, device->handle);
    // The one function that is not of Vulkan 1.0, see describe in physical.c.
    if (!device->vk.vkCmdDispatchBase) {
        log_error(
            "device: the driver of %s has no vkCmdDispatchBase, although it reports "
            "Vulkan %u.%u: update or reinstall it",
            device->info.name, device->info.api_version[0],
            device->info.api_version[1]);
        return false;
    }
    // The table calls the driver directly, without the loader's dispatch by handle.
    device->vk.vkGetDeviceQueue(device->handle, device->family, 0, &device->queue);
    vkGetPhysicalDeviceMemoryProperties(device->physical, &device->memory);
    read_timestamps(device, timestamp_bits);
    return true;

fail:
    return false;
}

// Bytes that buffers may take together. A device that shares the host's memory may show
// only a part of it as device-local; allocations fall back to the rest (memory.c).
static uint64_t usable_memory(const struct gpu_device *device)
{
    uint64_t size = device->info.memory_bytes;
    if (device->info.type != PIX_DEVICE_INTEGRATED)
        return size;
    for (uint32_t i = 0; i < device->memory.memoryHeapCount; i++)
        size = MAX(size, device->memory.memoryHeaps[i].size);
    return size;
}

// All limits but those that open_device has set.
static void read_limits(struct gpu_device *device, bool minimum)
{
    const struct pix_device_info *info = &device->info;
    VkPhysicalDeviceProperties properties;
    vkGetPhysicalDeviceProperties(device->physical, &properties);
    device->limits = (struct gpu_limits){
        .max_binding = info->max_binding_bytes,
        .max_block = MIN(info->max_allocation_bytes, GPU_MAX_BLOCK),
        .memory = usable_memory(device),
        .max_invocations = info->max_workgroup_invocations,
        .shared_bytes = info->shared_memory_bytes,
        .max_texels = properties.limits.maxTexelBufferElements,
        .subgroup = device->limits.subgroup,
        .is_cpu = info->type == PIX_DEVICE_CPU,
        .float16 = device->limits.float16 && !minimum,
        .storage16 = device->limits.storage16 && !minimum,
        .matrix = device->limits.matrix,
        .executes = true,    // until check_execution
    };
    if (minimum) {
        // Shuffles are optional in Vulkan 1.2, so the least is none: subgroup 0.
        device->limits.max_binding = MINIMUM_BINDING;
        device->limits.max_invocations = MINIMUM_INVOCATIONS;
        device->limits.shared_bytes = MINIMUM_SHARED;
        device->limits.max_texels = MINIMUM_TEXELS;
        device->limits.subgroup = 0;
        device->limits.matrix = gpu_matrix_none("only guaranteed limits are used");
    }
}

// Fills a buffer and reads it back, because drivers over a no-op shim report success
// for all work and execute none of it.
static bool check_execution(struct gpu_device *device)
{
    const uint32_t word = 0x5a17c0de;
    bool ok = false;
    struct gpu_stream *stream = NULL;
    struct gpu_buffer *buffer = gpu_buffer_create(device, 256, GPU_READBACK);
    if (!buffer)
        goto fail;
    memset(gpu_buffer_map(buffer), 0, 256);
    stream = gpu_stream_create(device, 0, 0);
    if (!stream || !gpu_stream_begin(stream))
        goto fail;
    gpu_stream_fill(stream, buffer, 0, 256, word);
    if (!gpu_stream_end(stream) || !gpu_stream_submit(stream) ||
        !gpu_stream_wait(stream))
        goto fail;
    device->limits.executes = memcmp(gpu_buffer_map(buffer), &word, sizeof(word)) == 0;
    if (!device->limits.executes)
        log_warn("device: %s accepts work but executes nothing (no-op driver)",
                 device->info.name);
    ok = true;

fail:
    gpu_stream_destroy(stream);
    gpu_buffer_destroy(buffer);
    return ok;
}

// Opens the physical device that `select` names, see struct gpu_device_options.
static bool open_physical(struct gpu_device *device, const char *select)
{
    VkPhysicalDevice *handles = NULL;
    struct pix_device_info *infos = NULL;
    uint32_t count = 0;
    bool ok = gpu_physical_list(device->instance, &handles, &infos, &count);
    if (ok && count == 0) {
        gpu_instance_report_missing(LOG_ERROR);
        ok = false;
    }
    int64_t index = ok ? gpu_physical_choose(select, infos, count) : -1;
    if (index >= 0) {
        device->physical = handles[index];
        device->info = infos[index];
    }
    mem_free(handles);
    mem_free(infos);
    return index >= 0;
}

struct gpu_device *gpu_device_create(const struct gpu_device_options *options)
{
    struct gpu_device *device = mem_zalloc(sizeof(*device));
    if (!device)
        return NULL;
    // The layer may call back in a thread without a sink, see instance.c.
    if (log_current())
        device->validation.sink = *log_current();
    device->no_cache = options->no_cache;
    device->validation.mutex = os_mutex_create();
    if (!device->validation.mutex) {
        log_error("device: cannot create a mutex: %s", os_error_text());
        goto fail;
    }

    bool missing;
    device->instance =
        gpu_instance_create(options->validation ? &device->validation : NULL, &missing);
    if (!device->instance) {
        if (missing)
            gpu_instance_report_missing(LOG_ERROR);
        goto fail;
    }
    // Streams and buffers of the check need the limits.
    if (!open_physical(device, options->select) || !open_device(device, options))
        goto fail;
    read_limits(device, options->minimum_limits);
    if (!check_execution(device))
        goto fail;
    log_debug("device: %s, driver %s %s, binding %llu MiB, block %llu MiB, %u "
              "invocations, %u KiB shared",
              device->info.name, device->info.driver, device->info.driver_version,
              (unsigned long long)(device->limits.max_binding >> 20),
              (unsigned long long)(device->limits.max_block >> 20),
              device->limits.max_invocations, device->limits.shared_bytes >> 10);
    return device;

fail:
    gpu_device_destroy(device);
    return NULL;
}

void gpu_device_destroy(struct gpu_device *device)
{
    if (!device)
        return;
    if (device->handle) {
        // Work may still be running where a step failed half-way.
        device->vk.vkDeviceWaitIdle(device->handle);
        gpu_transfer_finish(device);
        gpu_kernel_destroy_all(device);
        gpu_cache_close(device);
        device->vk.vkDestroyDevice(device->handle, NULL);
    }
    gpu_instance_destroy(device->instance, &device->validation);
    os_mutex_destroy(device->validation.mutex);
    mem_free(device);
}

const struct pix_device_info *gpu_device_info(const struct gpu_device *device)
{
    return &device->info;
}

const struct gpu_limits *gpu_device_limits(const struct gpu_device *device)
{
    return &device->limits;
}

static struct gpu_matrix_product *matrix_product(struct gpu_device *device, bool bf16)
{
    return bf16 ? &device->limits.matrix.bf16 : &device->limits.matrix.f16;
}

void gpu_device_mark_matrix(struct gpu_device *device, bool bf16, uint32_t direction,
                            uint32_t kernel)
{
    struct gpu_matrix_product *p = matrix_product(device, bf16);
    assert(direction < ARRAY_LEN(p->checked) && kernel < 64);
    p->checked[direction] |= UINT64_C(1) << kernel;
}

// What kernels that are in a graph already are made by stays.
void gpu_device_leave_matrix(struct gpu_device *device, bool bf16, const char *reason)
{
    *matrix_product(device, bf16) = (struct gpu_matrix_product){ .why_not = reason };
}

uint32_t gpu_device_message_count(const struct gpu_device *device)
{
    return device->validation.count;
}

bool gpu_device_is_lost(const struct gpu_device *device)
{
    return device->lost;
}
