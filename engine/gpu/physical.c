// SPDX-License-Identifier: MIT
//
// Description and choice of a physical device. See physical.h.

#include "gpu/physical.h"

#include "base/log.h"
#include "base/mem.h"
#include "gpu/limits.h"
#include "gpu/properties.h"
#include "gpu/result.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// ---------------------------------------------------------------------------
// Questions to one device

// One queue is enough: the calls of a step depend on each other, and copies to and from
// the host are small next to them.
uint32_t gpu_physical_find_family(VkPhysicalDevice physical, uint32_t *timestamp_bits)
{
    // No device has more than a few. Without memory for them none would be found.
    VkQueueFamilyProperties families[64];
    uint32_t count = ARRAY_LEN(families), best = UINT32_MAX;
    *timestamp_bits = 0;
    vkGetPhysicalDeviceQueueFamilyProperties(physical, &count, families);
    for (uint32_t i = 0; i < count; i++) {
        if (!(families[i].queueFlags & VK_QUEUE_COMPUTE_BIT) ||
            families[i].queueCount == 0)
            continue;
        // The first family that can compute, or the first such one with timestamps.
        if (best == UINT32_MAX ||
            (*timestamp_bits == 0 && families[i].timestampValidBits)) {
            best = i;
            *timestamp_bits = families[i].timestampValidBits;
        }
    }
    return best;
}

// Arithmetic only: see below.
bool gpu_physical_has_float16(VkPhysicalDevice physical)
{
    VkPhysicalDeviceShaderFloat16Int8Features small = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_FLOAT16_INT8_FEATURES,
    };
    VkPhysicalDeviceFeatures2 features = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2,
        .pNext = &small,
    };
    vkGetPhysicalDeviceFeatures2(physical, &features);
    return small.shaderFloat16;
}

// Numbers that kernels load from and store to buffers, and compute with in 32 bits.
// They also bind the loss scale, one buffer more than Vulkan guarantees.
#define STORAGE_16_BUFFERS 5

bool gpu_physical_has_storage16(VkPhysicalDevice physical)
{
    VkPhysicalDevice16BitStorageFeatures storage = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_16BIT_STORAGE_FEATURES,
    };
    VkPhysicalDeviceFeatures2 features = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2,
        .pNext = &storage,
    };
    vkGetPhysicalDeviceFeatures2(physical, &features);
    VkPhysicalDeviceProperties properties;
    vkGetPhysicalDeviceProperties(physical, &properties);
    return storage.storageBuffer16BitAccess &&
           properties.limits.maxPerStageDescriptorStorageBuffers >= STORAGE_16_BUFFERS;
}

// Without the extension a driver may run a kernel in subgroups of any size, and in
// partly filled ones (specification, "Subgroups"). Vulkan 1.3 has it in the core, but
// the instance asks for 1.2.
bool gpu_physical_find_subgroup(VkPhysicalDevice physical, uint32_t *size)
{
    bool has;
    VkPhysicalDeviceSubgroupSizeControlPropertiesEXT sizes = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_SIZE_CONTROL_PROPERTIES_EXT,
    };
    VkPhysicalDeviceSubgroupProperties subgroup = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_PROPERTIES,
        .pNext = &sizes,
    };
    VkPhysicalDeviceProperties2 properties = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2,
        .pNext = &subgroup,
    };
    VkPhysicalDeviceSubgroupSizeControlFeaturesEXT control = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_SIZE_CONTROL_FEATURES_EXT,
    };
    VkPhysicalDeviceFeatures2 features = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2,
        .pNext = &control,
    };
    *size = 0;
    if (!gpu_properties_find_extension(
            physical, VK_EXT_SUBGROUP_SIZE_CONTROL_EXTENSION_NAME, &has))
        return false;
    if (!has)
        return true;
    vkGetPhysicalDeviceProperties2(physical, &properties);
    vkGetPhysicalDeviceFeatures2(physical, &features);
    const uint32_t all = subgroup.subgroupSize;
    bool usable = control.subgroupSizeControl && control.computeFullSubgroups &&
                  (sizes.requiredSubgroupSizeStages & VK_SHADER_STAGE_COMPUTE_BIT) &&
                  (subgroup.supportedStages & VK_SHADER_STAGE_COMPUTE_BIT) &&
                  (subgroup.supportedOperations & VK_SUBGROUP_FEATURE_SHUFFLE_BIT) &&
                  all >= sizes.minSubgroupSize && all <= sizes.maxSubgroupSize;
    *size = usable ? all : 0;
    return true;
}

// ---------------------------------------------------------------------------
// Descriptions

static enum pix_device_type type_of(VkPhysicalDeviceType type)
{
    switch (type) {
    case VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU:
        return PIX_DEVICE_DISCRETE;
    case VK_PHYSICAL_DEVICE_TYPE_INTEGRATED_GPU:
        return PIX_DEVICE_INTEGRATED;
    case VK_PHYSICAL_DEVICE_TYPE_VIRTUAL_GPU:
        return PIX_DEVICE_VIRTUAL;
    case VK_PHYSICAL_DEVICE_TYPE_CPU:
        return PIX_DEVICE_CPU;
    default:
        return PIX_DEVICE_OTHER;
    }
}

// Smaller is better. Software drivers come last: they are often installed beside a real
// one and are slower by orders of magnitude.
static uint32_t rank_of(enum pix_device_type type)
{
    static const uint32_t rank[] = {
        [PIX_DEVICE_DISCRETE] = 0, [PIX_DEVICE_INTEGRATED] = 1,
        [PIX_DEVICE_VIRTUAL] = 2,  [PIX_DEVICE_OTHER] = 3,
        [PIX_DEVICE_CPU] = 4,
    };
    return rank[type];
}

// Bytes of the largest device-local heap, or of the largest one at all.
static uint64_t largest_heap(const VkPhysicalDeviceMemoryProperties *memory)
{
    uint64_t local = 0, any = 0;
    for (uint32_t i = 0; i < memory->memoryHeapCount; i++) {
        uint64_t size = memory->memoryHeaps[i].size;
        any = MAX(any, size);
        if (memory->memoryHeaps[i].flags & VK_MEMORY_HEAP_DEVICE_LOCAL_BIT)
            local = MAX(local, size);
    }
    return local ? local : any;
}

// A device of Vulkan 1.0 or 1.1 cannot be used, but is described as far as it can be
// asked: the structs in the chain need 1.1 and 1.2.
static void describe(VkPhysicalDevice physical, uint32_t index,
                     struct pix_device_info *out)
{
    VkPhysicalDeviceSubgroupProperties subgroup = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_PROPERTIES,
    };
    VkPhysicalDeviceMaintenance3Properties maintenance = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MAINTENANCE_3_PROPERTIES,
        .pNext = &subgroup,
    };
    VkPhysicalDeviceDriverProperties driver = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_DRIVER_PROPERTIES,
        .pNext = &maintenance,
    };
    VkPhysicalDeviceProperties2 properties = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2,
    };
    VkPhysicalDeviceProperties basic;
    vkGetPhysicalDeviceProperties(physical, &basic);
    bool is_12 = basic.apiVersion >= VK_API_VERSION_1_2;
    if (basic.apiVersion >= VK_API_VERSION_1_1) {
        properties.pNext = is_12 ? (void *)&driver : (void *)&maintenance;
        vkGetPhysicalDeviceProperties2(physical, &properties);
    }
    VkPhysicalDeviceMemoryProperties memory;
    vkGetPhysicalDeviceMemoryProperties(physical, &memory);

    *out = (struct pix_device_info){
        .index = index,
        .type = type_of(basic.deviceType),
        .vendor_id = basic.vendorID,
        .device_id = basic.deviceID,
        .api_version = { VK_API_VERSION_MAJOR(basic.apiVersion),
                         VK_API_VERSION_MINOR(basic.apiVersion),
                         VK_API_VERSION_PATCH(basic.apiVersion) },
        .memory_bytes = largest_heap(&memory),
        .max_binding_bytes = basic.limits.maxStorageBufferRange,
        .max_allocation_bytes = maintenance.maxMemoryAllocationSize
                                    ? maintenance.maxMemoryAllocationSize
                                    : GPU_MAX_BLOCK,
        // All workgroups lie along x.
        .max_workgroup_invocations = MIN(basic.limits.maxComputeWorkGroupInvocations,
                                         basic.limits.maxComputeWorkGroupSize[0]),
        .shared_memory_bytes = basic.limits.maxComputeSharedMemorySize,
        .subgroup_size = subgroup.subgroupSize,
        .usable = true,
    };
    // driverInfo is the maker's own text ("Mesa 22.3.6"); the number of driverVersion
    // is packed differently by each of them.
    snprintf(out->name, sizeof(out->name), "%s", basic.deviceName);
    snprintf(out->driver, sizeof(out->driver), "%s", driver.driverName);
    if (driver.driverInfo[0])
        snprintf(out->driver_version, sizeof(out->driver_version), "%s",
                 driver.driverInfo);
    else
        snprintf(out->driver_version, sizeof(out->driver_version), "%u",
                 basic.driverVersion);
    // What follows decides whether the engine can use it.
    uint32_t bits;
    uint32_t family = gpu_physical_find_family(physical, &bits);
    out->has_timestamps = bits > 0;
    if (family == UINT32_MAX)
        snprintf(out->reason, sizeof(out->reason), "has no compute queue");
    else if (!is_12)
        snprintf(out->reason, sizeof(out->reason), "offers Vulkan %u.%u, needs 1.2",
                 out->api_version[0], out->api_version[1]);
    else if (subgroup.subgroupSize == 0)
        // The loader has answered for a driver that it takes for one of Vulkan 1.0,
        // which has none of the structs and lacks functions that the engine calls. A
        // driver of 1.1 has at least 1 here (specification, "Required Limits").
        snprintf(out->reason, sizeof(out->reason),
                 "offers Vulkan %u.%u, but its manifest (icd.d/*.json) announces 1.0: "
                 "reinstall the driver",
                 out->api_version[0], out->api_version[1]);
    else if (memory.memoryHeapCount == 0)
        snprintf(out->reason, sizeof(out->reason), "shows no memory");
    out->usable = out->reason[0] == '\0';
}

bool gpu_physical_list(VkInstance instance, VkPhysicalDevice **handles,
                       struct pix_device_info **infos, uint32_t *count)
{
    *handles = NULL;
    *infos = NULL;
    *count = 0;
    uint32_t n = 0;
    VkResult result = vkEnumeratePhysicalDevices(instance, &n, NULL);
    if (result == VK_ERROR_INITIALIZATION_FAILED || (result == VK_SUCCESS && n == 0))
        return true;    // some loaders without drivers return that error
    if (result != VK_SUCCESS)
        goto failed_call;
    *handles = mem_array(n, sizeof(**handles));
    *infos = mem_array(n, sizeof(**infos));
    if (!*handles || !*infos)
        goto fail;
    // VK_INCOMPLETE: there are more devices than a moment ago.
    result = vkEnumeratePhysicalDevices(instance, &n, *handles);
    if (result != VK_SUCCESS && result != VK_INCOMPLETE)
        goto failed_call;
    // The first one of the best type, so that the choice is the same in every run.
    struct pix_device_info *best = NULL;
    for (uint32_t i = 0; i < n; i++) {
        struct pix_device_info *info = &(*infos)[i];
        describe((*handles)[i], i, info);
        if (info->usable && (!best || rank_of(info->type) < rank_of(best->type)))
            best = info;
    }
    if (best)
        best->is_default = true;
    *count = n;
    return true;

failed_call:
    gpu_result_report(NULL, "vkEnumeratePhysicalDevices(", result);
fail:
    mem_free(*handles);
    mem_free(*infos);
    *handles = NULL;
    *infos = NULL;
    return false;
}

// ---------------------------------------------------------------------------
// Choice

// strcasestr is not standard C.
static bool contains_ignoring_case(const char *text, const char *part)
{
    size_t n = strlen(part);
    for (; *text; text++) {
        size_t i = 0;
        while (i < n && text[i] &&
               tolower((unsigned char)text[i]) == tolower((unsigned char)part[i]))
            i++;
        if (i == n)
            return true;
    }
    return n == 0;
}

int64_t gpu_physical_choose(const char *select, const struct pix_device_info *infos,
                            uint32_t count)
{
    if (!select || !*select) {
        for (uint32_t i = 0; i < count; i++)
            if (infos[i].is_default)
                return i;
        log_error("device: none of the %u Vulkan devices is usable: %s %s", count,
                  infos[0].name, infos[0].reason);
        return -1;
    }
    int64_t found = -1;
    char *end;
    unsigned long long number = strtoull(select, &end, 10);
    // strtoull alone would take spaces and signs as well.
    if (isdigit((unsigned char)select[0]) && *end == '\0') {
        if (number < count)
            found = (int64_t)number;
    }
    // A number that is no index may be part of a name: "780".
    if (found < 0) {
        for (uint32_t i = 0; i < count && found < 0; i++)
            if (contains_ignoring_case(infos[i].name, select))
                found = i;
    }
    if (found < 0) {
        char names[512] = "";
        for (uint32_t i = 0; i < count; i++) {
            size_t used = strlen(names);
            snprintf(names + used, sizeof(names) - used, "%s%u: %s", i ? ", " : "", i,
                     infos[i].name);
        }
        log_error(
            "device: no device has the number or name '%s'; those of this machine: %s",
            select, names);
        return -1;
    }
    if (!infos[found].usable) {
        log_error("device: %s is not usable: it %s", infos[found].name,
                  infos[found].reason);
        return -1;
    }
    return found;
}
