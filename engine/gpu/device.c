// SPDX-License-Identifier: MIT
//
// Instance, choice of a physical device, logical device. See device.h.

#include "gpu/device.h"

#include "base/mem.h"
#include "base/os.h"
#include "gpu/stream.h"
#include "gpu/vulkan.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// The guaranteed minimum of every Vulkan implementation (specification, "Required
// Limits"); maxMemoryAllocationSize is at least 1 GiB.
#define MINIMUM_INVOCATIONS 128
#define MINIMUM_SHARED 16384
#define MINIMUM_TEXELS 65536
#define MINIMUM_BINDING ((uint64_t)128 << 20)
#define MAXIMUM_BLOCK ((uint64_t)1 << 30)

static const char validation_layer[] = "VK_LAYER_KHRONOS_validation";
static const char subset_extension[] = "VK_KHR_portability_subset";
static const char statistics_extension[] =
    VK_KHR_PIPELINE_EXECUTABLE_PROPERTIES_EXTENSION_NAME;
static const char subgroup_extension[] = VK_EXT_SUBGROUP_SIZE_CONTROL_EXTENSION_NAME;

const char *gpu_result_name(VkResult result)
{
    switch (result) {
    case VK_SUCCESS:
        return "VK_SUCCESS";
    case VK_NOT_READY:
        return "VK_NOT_READY";
    case VK_TIMEOUT:
        return "VK_TIMEOUT";
    case VK_ERROR_OUT_OF_HOST_MEMORY:
        return "VK_ERROR_OUT_OF_HOST_MEMORY";
    case VK_ERROR_OUT_OF_DEVICE_MEMORY:
        return "VK_ERROR_OUT_OF_DEVICE_MEMORY";
    case VK_ERROR_INITIALIZATION_FAILED:
        return "VK_ERROR_INITIALIZATION_FAILED";
    case VK_ERROR_DEVICE_LOST:
        return "VK_ERROR_DEVICE_LOST";
    case VK_ERROR_MEMORY_MAP_FAILED:
        return "VK_ERROR_MEMORY_MAP_FAILED";
    case VK_ERROR_LAYER_NOT_PRESENT:
        return "VK_ERROR_LAYER_NOT_PRESENT";
    case VK_ERROR_EXTENSION_NOT_PRESENT:
        return "VK_ERROR_EXTENSION_NOT_PRESENT";
    case VK_ERROR_FEATURE_NOT_PRESENT:
        return "VK_ERROR_FEATURE_NOT_PRESENT";
    case VK_ERROR_INCOMPATIBLE_DRIVER:
        return "VK_ERROR_INCOMPATIBLE_DRIVER";
    case VK_ERROR_TOO_MANY_OBJECTS:
        return "VK_ERROR_TOO_MANY_OBJECTS";
    case VK_ERROR_FRAGMENTED_POOL:
        return "VK_ERROR_FRAGMENTED_POOL";
    case VK_ERROR_OUT_OF_POOL_MEMORY:
        return "VK_ERROR_OUT_OF_POOL_MEMORY";
    default:
        return "an unknown VkResult";
    }
}

void gpu_report(struct gpu_device *device, const char *call, VkResult result)
{
    const char *end = strchr(call, '(');
    // The table's member access in front of the name says nothing to a reader.
    const char *start = strstr(call, "vk");
    while (start && strstr(start + 2, "vk") && strstr(start + 2, "vk") < end)
        start = strstr(start + 2, "vk");
    if (!start || !end || start > end) {
        start = call;
        end = call + strlen(call);
    }
    log_error("device: %.*s returned %s (%d)", (int)(end - start), start,
              gpu_result_name(result), (int)result);
    if (device && result == VK_ERROR_DEVICE_LOST)
        device->lost = true;
}

// ---------------------------------------------------------------------------
// Instance

static VkBool32 VKAPI_CALL on_message(VkDebugUtilsMessageSeverityFlagBitsEXT severity,
                                      VkDebugUtilsMessageTypeFlagsEXT types,
                                      const VkDebugUtilsMessengerCallbackDataEXT *data,
                                      void *user)
{
    (void)types;
    struct gpu_device *device = user;
    // Drivers speak through the same channel; only what the layer says counts.
    const char *id = data->pMessageIdName ? data->pMessageIdName : "";
    if (strstr(id, "Loader Message"))
        return VK_FALSE;
    // Kernels are made by several threads.
    os_mutex_lock(device->messages_mutex);
    const struct log_sink *before = log_use(&device->sink);
    if (severity & VK_DEBUG_UTILS_MESSAGE_SEVERITY_ERROR_BIT_EXT)
        log_error("validation: %s", data->pMessage);
    else
        log_warn("validation: %s", data->pMessage);
    log_use(before);
    device->messages++;
    os_mutex_unlock(device->messages_mutex);
    return VK_FALSE;
}

static bool has_layer(const char *name)
{
    uint32_t count = 0;
    if (vkEnumerateInstanceLayerProperties(&count, NULL) != VK_SUCCESS || count == 0)
        return false;
    VkLayerProperties *layers = mem_array(count, sizeof(*layers));
    bool found = false;
    if (layers && vkEnumerateInstanceLayerProperties(&count, layers) >= VK_SUCCESS)
        for (uint32_t i = 0; i < count && !found; i++)
            found = strcmp(layers[i].layerName, name) == 0;
    mem_free(layers);
    return found;
}

static bool has_instance_extension(const char *name)
{
    uint32_t count = 0;
    if (vkEnumerateInstanceExtensionProperties(NULL, &count, NULL) != VK_SUCCESS ||
        count == 0)
        return false;
    VkExtensionProperties *all = mem_array(count, sizeof(*all));
    bool found = false;
    if (all && vkEnumerateInstanceExtensionProperties(NULL, &count, all) >= VK_SUCCESS)
        for (uint32_t i = 0; i < count && !found; i++)
            found = strcmp(all[i].extensionName, name) == 0;
    mem_free(all);
    return found;
}

// Opens the loader and makes an instance. *missing is set where this machine has no
// Vulkan at all, which is not an error for a list.
static VkInstance create_instance(bool validation, struct gpu_device *device,
                                  bool *missing)
{
    *missing = false;
    // volk keeps what it loads in globals: filled once, read by all threads after.
    os_global_lock();
    bool loaded = volkGetInstanceVersion() != 0 || volkInitialize() == VK_SUCCESS;
    os_global_unlock();
    if (!loaded) {
        *missing = true;
        return VK_NULL_HANDLE;
    }

    const char *extensions[2];
    uint32_t extension_count = 0;
    VkInstanceCreateFlags flags = 0;
    // MoltenVK and other layered drivers show themselves only when asked for.
    if (has_instance_extension(VK_KHR_PORTABILITY_ENUMERATION_EXTENSION_NAME)) {
        extensions[extension_count++] = VK_KHR_PORTABILITY_ENUMERATION_EXTENSION_NAME;
        flags |= VK_INSTANCE_CREATE_ENUMERATE_PORTABILITY_BIT_KHR;
    }
    if (validation && !has_layer(validation_layer)) {
        log_warn("device: the Khronos validation layer is not installed; going on "
                 "without (Debian: vulkan-validationlayers)");
        validation = false;
    }
    if (validation)
        extensions[extension_count++] = VK_EXT_DEBUG_UTILS_EXTENSION_NAME;

    const VkValidationFeatureEnableEXT enables[] = {
        VK_VALIDATION_FEATURE_ENABLE_SYNCHRONIZATION_VALIDATION_EXT,
    };
    const VkDebugUtilsMessengerCreateInfoEXT messenger = {
        .sType = VK_STRUCTURE_TYPE_DEBUG_UTILS_MESSENGER_CREATE_INFO_EXT,
        .messageSeverity = VK_DEBUG_UTILS_MESSAGE_SEVERITY_WARNING_BIT_EXT |
                           VK_DEBUG_UTILS_MESSAGE_SEVERITY_ERROR_BIT_EXT,
        .messageType = VK_DEBUG_UTILS_MESSAGE_TYPE_VALIDATION_BIT_EXT,
        .pfnUserCallback = on_message,
        .pUserData = device,
    };
    const VkValidationFeaturesEXT features = {
        .sType = VK_STRUCTURE_TYPE_VALIDATION_FEATURES_EXT,
        .pNext = &messenger,
        .enabledValidationFeatureCount = ARRAY_LEN(enables),
        .pEnabledValidationFeatures = enables,
    };
    const VkApplicationInfo application = {
        .sType = VK_STRUCTURE_TYPE_APPLICATION_INFO,
        .pEngineName = "pix2pix.c",
        .apiVersion = VK_API_VERSION_1_2,
    };
    const char *layers[] = { validation_layer };
    const VkInstanceCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO,
        .pNext = validation ? &features : NULL,
        .flags = flags,
        .pApplicationInfo = &application,
        .enabledLayerCount = validation ? 1 : 0,
        .ppEnabledLayerNames = layers,
        .enabledExtensionCount = extension_count,
        .ppEnabledExtensionNames = extensions,
    };
    VkInstance instance = VK_NULL_HANDLE;
    VkResult result = vkCreateInstance(&info, NULL, &instance);
    if (result == VK_ERROR_INCOMPATIBLE_DRIVER) {
        *missing = true;
        return VK_NULL_HANDLE;
    }
    if (result != VK_SUCCESS) {
        gpu_report(NULL, "vkCreateInstance(", result);
        return VK_NULL_HANDLE;
    }
    // Core functions are the loader's and serve every instance; an extension's are
    // looked up by instance.
    static bool has_functions;
    os_global_lock();
    if (!has_functions)
        volkLoadInstanceOnly(instance);
    has_functions = true;
    os_global_unlock();
    if (validation && device) {
        PFN_vkCreateDebugUtilsMessengerEXT create =
            (PFN_vkCreateDebugUtilsMessengerEXT)vkGetInstanceProcAddr(
                instance, "vkCreateDebugUtilsMessengerEXT");
        if (create)
            create(instance, &messenger, NULL, &device->messenger);
    }
    return instance;
}

static void say_missing(void (*say)(const char *format, ...))
{
    say("device: this machine has no Vulkan driver (or no Vulkan loader); install the "
        "GPU maker's driver, or a software one (Debian and Ubuntu: libvulkan1 "
        "mesa-vulkan-drivers)");
}

// ---------------------------------------------------------------------------
// Description of devices

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

// Smaller is better.
static uint32_t rank_of(enum pix_device_type type)
{
    static const uint32_t rank[] = {
        [PIX_DEVICE_DISCRETE] = 0, [PIX_DEVICE_INTEGRATED] = 1,
        [PIX_DEVICE_VIRTUAL] = 2,  [PIX_DEVICE_OTHER] = 3,
        [PIX_DEVICE_CPU] = 4,
    };
    return rank[type];
}

// The queue family to use: compute, preferably with timestamps. UINT32_MAX: none.
static uint32_t find_family(VkPhysicalDevice physical, uint32_t *timestamp_bits)
{
    uint32_t count = 0, best = UINT32_MAX;
    *timestamp_bits = 0;
    vkGetPhysicalDeviceQueueFamilyProperties(physical, &count, NULL);
    VkQueueFamilyProperties *families = mem_array(count, sizeof(*families));
    if (!families)
        return UINT32_MAX;
    vkGetPhysicalDeviceQueueFamilyProperties(physical, &count, families);
    for (uint32_t i = 0; i < count; i++) {
        if (!(families[i].queueFlags & VK_QUEUE_COMPUTE_BIT) ||
            families[i].queueCount == 0)
            continue;
        if (best == UINT32_MAX ||
            (*timestamp_bits == 0 && families[i].timestampValidBits)) {
            best = i;
            *timestamp_bits = families[i].timestampValidBits;
        }
    }
    mem_free(families);
    return best;
}

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
                                    : MAXIMUM_BLOCK,
        // All workgroups lie along x.
        .max_workgroup_invocations = MIN(basic.limits.maxComputeWorkGroupInvocations,
                                         basic.limits.maxComputeWorkGroupSize[0]),
        .shared_memory_bytes = basic.limits.maxComputeSharedMemorySize,
        .subgroup_size = subgroup.subgroupSize,
        .usable = true,
    };
    snprintf(out->name, sizeof(out->name), "%s", basic.deviceName);
    snprintf(out->driver, sizeof(out->driver), "%s", driver.driverName);
    if (driver.driverInfo[0])
        snprintf(out->driver_version, sizeof(out->driver_version), "%s",
                 driver.driverInfo);
    else
        snprintf(out->driver_version, sizeof(out->driver_version), "%u",
                 basic.driverVersion);
    uint32_t bits;
    uint32_t family = find_family(physical, &bits);
    out->has_timestamps = bits > 0;
    if (family == UINT32_MAX)
        snprintf(out->reason, sizeof(out->reason), "has no compute queue");
    else if (!is_12)
        snprintf(out->reason, sizeof(out->reason), "offers Vulkan %u.%u, needs 1.2",
                 out->api_version[0], out->api_version[1]);
    else if (memory.memoryHeapCount == 0)
        snprintf(out->reason, sizeof(out->reason), "shows no memory");
    out->usable = out->reason[0] == '\0';
}

// All physical devices and their descriptions, the default marked.
static bool list_devices(VkInstance instance, VkPhysicalDevice **handles,
                         struct pix_device_info **infos, uint32_t *count)
{
    *handles = NULL;
    *infos = NULL;
    *count = 0;
    uint32_t n = 0;
    VkResult result = vkEnumeratePhysicalDevices(instance, &n, NULL);
    if (result == VK_ERROR_INITIALIZATION_FAILED || (result == VK_SUCCESS && n == 0))
        return true;    // a loader without drivers
    VK_TRY(NULL, result);
    *handles = mem_array(n, sizeof(**handles));
    *infos = mem_array(n, sizeof(**infos));
    if (!*handles || !*infos)
        goto fail;
    result = vkEnumeratePhysicalDevices(instance, &n, *handles);
    if (result != VK_INCOMPLETE)
        VK_TRY(NULL, result);
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

fail:
    mem_free(*handles);
    mem_free(*infos);
    *handles = NULL;
    *infos = NULL;
    return false;
}

bool gpu_device_list(struct pix_device_info **list, uint32_t *count)
{
    *list = NULL;
    *count = 0;
    bool missing;
    VkInstance instance = create_instance(false, NULL, &missing);
    if (!instance) {
        if (missing)
            say_missing(log_info);
        return missing;
    }
    VkPhysicalDevice *handles;
    bool ok = list_devices(instance, &handles, list, count);
    mem_free(handles);
    vkDestroyInstance(instance, NULL);
    if (ok && *count == 0)
        say_missing(log_info);
    return ok;
}

// ---------------------------------------------------------------------------
// Choice

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

// The index of the device to open, or -1 after a message.
static int64_t choose(const char *select, const struct pix_device_info *infos,
                      uint32_t count)
{
    if (!select || !*select) {
        for (uint32_t i = 0; i < count; i++)
            if (infos[i].is_default)
                return i;
        log_error("device: none of the %u Vulkan devices can be used: %s %s", count,
                  infos[0].name, infos[0].reason);
        return -1;
    }
    int64_t found = -1;
    char *end;
    unsigned long long number = strtoull(select, &end, 10);
    if (isdigit((unsigned char)select[0]) && *end == '\0') {
        if (number < count)
            found = (int64_t)number;
    }
    // A number may also be part of a name: "780".
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
        log_error("device: %s can not be used: it %s", infos[found].name,
                  infos[found].reason);
        return -1;
    }
    return found;
}

// ---------------------------------------------------------------------------
// Logical device

static bool has_device_extension(VkPhysicalDevice physical, const char *name)
{
    uint32_t count = 0;
    if (vkEnumerateDeviceExtensionProperties(physical, NULL, &count, NULL) !=
            VK_SUCCESS ||
        count == 0)
        return false;
    VkExtensionProperties *all = mem_array(count, sizeof(*all));
    bool found = false;
    if (all &&
        vkEnumerateDeviceExtensionProperties(physical, NULL, &count, all) >= VK_SUCCESS)
        for (uint32_t i = 0; i < count && !found; i++)
            found = strcmp(all[i].extensionName, name) == 0;
    mem_free(all);
    return found;
}

static bool has_float16(VkPhysicalDevice physical)
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

// The size of subgroups that kernels may rely on, see struct gpu_limits: without the
// extension a driver is free to run a kernel in any size, and in parts of subgroups.
static uint32_t find_subgroup(const struct gpu_device *device)
{
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
    if (!has_device_extension(device->physical, subgroup_extension))
        return 0;
    vkGetPhysicalDeviceProperties2(device->physical, &properties);
    vkGetPhysicalDeviceFeatures2(device->physical, &features);
    uint32_t size = subgroup.subgroupSize;
    bool usable = control.subgroupSizeControl && control.computeFullSubgroups &&
                  (sizes.requiredSubgroupSizeStages & VK_SHADER_STAGE_COMPUTE_BIT) &&
                  (subgroup.supportedStages & VK_SHADER_STAGE_COMPUTE_BIT) &&
                  (subgroup.supportedOperations & VK_SUBGROUP_FEATURE_SHUFFLE_BIT) &&
                  size >= sizes.minSubgroupSize && size <= sizes.maxSubgroupSize;
    return usable ? size : 0;
}

static bool open_device(struct gpu_device *device, bool statistics)
{
    uint32_t timestamp_bits;
    device->family = find_family(device->physical, &timestamp_bits);
    const float priority = 1.0f;
    const VkDeviceQueueCreateInfo queue = {
        .sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO,
        .queueFamilyIndex = device->family,
        .queueCount = 1,
        .pQueuePriorities = &priority,
    };
    const char *extensions[3];
    uint32_t extension_count = 0;
    device->limits.subgroup = find_subgroup(device);
    VkPhysicalDeviceSubgroupSizeControlFeaturesEXT control = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_SIZE_CONTROL_FEATURES_EXT,
        .subgroupSizeControl = VK_TRUE,
        .computeFullSubgroups = VK_TRUE,
    };
    if (device->limits.subgroup)
        extensions[extension_count++] = subgroup_extension;
    // The specification requires it to be enabled where it is offered.
    if (has_device_extension(device->physical, subset_extension))
        extensions[extension_count++] = subset_extension;
    // Enabled where it is there: only the benchmark's ceiling asks for it.
    VkPhysicalDeviceShaderFloat16Int8Features small = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_FLOAT16_INT8_FEATURES,
        .shaderFloat16 = has_float16(device->physical),
    };
    device->limits.float16 = small.shaderFloat16;
    device->statistics =
        statistics && has_device_extension(device->physical, statistics_extension);
    VkPhysicalDevicePipelineExecutablePropertiesFeaturesKHR executable = {
        .sType =
            VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PIPELINE_EXECUTABLE_PROPERTIES_FEATURES_KHR,
        .pipelineExecutableInfo = VK_TRUE,
    };
    void *features = NULL;
    if (small.shaderFloat16)
        features = &small;
    if (device->statistics) {
        extensions[extension_count++] = statistics_extension;
        executable.pNext = features;
        features = &executable;
    }
    if (device->limits.subgroup) {
        control.pNext = features;
        features = &control;
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
    device->vk.vkGetDeviceQueue(device->handle, device->family, 0, &device->queue);
    vkGetPhysicalDeviceMemoryProperties(device->physical, &device->memory);

    VkPhysicalDeviceProperties properties;
    vkGetPhysicalDeviceProperties(device->physical, &properties);
    float period = properties.limits.timestampPeriod;
    // Some drivers without hardware report an infinite period.
    if (timestamp_bits && period > 0 && period < 1e6f) {
        device->timestamp_seconds = 1e-9 * (double)period;
        device->timestamp_mask =
            timestamp_bits >= 64 ? UINT64_MAX : ((uint64_t)1 << timestamp_bits) - 1;
    }
    return true;

fail:
    return false;
}

// What the engine may take. A device that shares the host's memory may show only a part
// of it as its own, and allocations fall back to the rest (memory.c).
static uint64_t usable_memory(const struct gpu_device *device)
{
    uint64_t size = device->info.memory_bytes;
    if (device->info.type != PIX_DEVICE_INTEGRATED)
        return size;
    for (uint32_t i = 0; i < device->memory.memoryHeapCount; i++)
        size = MAX(size, device->memory.memoryHeaps[i].size);
    return size;
}

static void read_limits(struct gpu_device *device, bool minimum)
{
    const struct pix_device_info *info = &device->info;
    VkPhysicalDeviceProperties properties;
    vkGetPhysicalDeviceProperties(device->physical, &properties);
    device->limits = (struct gpu_limits){
        .max_binding = info->max_binding_bytes,
        .max_block = MIN(info->max_allocation_bytes, MAXIMUM_BLOCK),
        .memory = usable_memory(device),
        .max_invocations = info->max_workgroup_invocations,
        .shared_bytes = info->shared_memory_bytes,
        .max_texels = properties.limits.maxTexelBufferElements,
        .subgroup = device->limits.subgroup,
        .is_cpu = info->type == PIX_DEVICE_CPU,
        .float16 = device->limits.float16 && !minimum,
        .executes = true,
    };
    if (minimum) {
        device->limits.max_binding = MINIMUM_BINDING;
        device->limits.max_invocations = MINIMUM_INVOCATIONS;
        device->limits.shared_bytes = MINIMUM_SHARED;
        device->limits.max_texels = MINIMUM_TEXELS;
        device->limits.subgroup = 0;
    }
}

// A fill that is read back: drivers over a no-op shim accept everything and do nothing.
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
        log_warn("device: %s accepts work but runs nothing; results mean nothing",
                 device->info.name);
    ok = true;

fail:
    gpu_stream_destroy(stream);
    gpu_buffer_destroy(buffer);
    return ok;
}

struct gpu_device *gpu_device_create(const struct gpu_device_options *options)
{
    VkPhysicalDevice *handles = NULL;
    struct pix_device_info *infos = NULL;
    uint32_t count = 0;
    struct gpu_device *device = mem_zalloc(sizeof(*device));
    if (!device)
        return NULL;
    if (log_current())
        device->sink = *log_current();
    device->no_cache = options->no_cache;
    device->messages_mutex = os_mutex_create();
    if (!device->messages_mutex) {
        log_error("device: can not make a mutex: %s", os_error_text());
        goto fail;
    }

    bool missing;
    device->instance = create_instance(options->validation, device, &missing);
    if (!device->instance) {
        if (missing)
            say_missing(log_error);
        goto fail;
    }
    if (!list_devices(device->instance, &handles, &infos, &count))
        goto fail;
    if (count == 0) {
        say_missing(log_error);
        goto fail;
    }
    int64_t index = choose(options->select, infos, count);
    if (index < 0)
        goto fail;
    device->physical = handles[index];
    device->info = infos[index];
    if (!open_device(device, options->statistics))
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
    mem_free(handles);
    mem_free(infos);
    return device;

fail:
    mem_free(handles);
    mem_free(infos);
    gpu_device_destroy(device);
    return NULL;
}

void gpu_device_destroy(struct gpu_device *device)
{
    if (!device)
        return;
    if (device->handle) {
        device->vk.vkDeviceWaitIdle(device->handle);
        for (size_t i = 0; i < device->kernel_count; i++)
            gpu_kernel_destroy(device, device->kernels[i]);
        mem_free(device->kernels);
        gpu_cache_close(device);
        device->vk.vkDestroyDevice(device->handle, NULL);
    }
    if (device->messenger) {
        PFN_vkDestroyDebugUtilsMessengerEXT destroy =
            (PFN_vkDestroyDebugUtilsMessengerEXT)vkGetInstanceProcAddr(
                device->instance, "vkDestroyDebugUtilsMessengerEXT");
        destroy(device->instance, device->messenger, NULL);
    }
    if (device->instance)
        vkDestroyInstance(device->instance, NULL);
    os_mutex_destroy(device->messages_mutex);
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

bool gpu_device_validates(const struct gpu_device *device)
{
    return device->messenger != VK_NULL_HANDLE;
}

uint32_t gpu_device_messages(const struct gpu_device *device)
{
    return device->messages;
}

bool gpu_device_is_lost(const struct gpu_device *device)
{
    return device->lost;
}
