// SPDX-License-Identifier: MIT
//
// Names and messages of Vulkan's results. See result.h.

#include "gpu/result.h"

#include "base/mem.h"
#include "gpu/inside.h"

#include <string.h>

// Those that the calls of this folder can return.
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

void gpu_result_report(struct gpu_device *device, const char *call, VkResult result)
{
    const char *end = strchr(call, '(');
    // `call` is source text such as "device->vk.vkCreateFence(device->handle, ...": the
    // name starts at the last "vk" before the parenthesis.
    const char *start = strstr(call, "vk");
    while (start && strstr(start + 2, "vk") && strstr(start + 2, "vk") < end)
        start = strstr(start + 2, "vk");
    if (!start || !end || start > end) {
        start = call;
        end = call + strlen(call);
    }
    log_error("device: %.*s returned %s (%d)", (int)(end - start), start,
              gpu_result_name(result), (int)result);
    // Those who ask whether memory was missing mean the driver's as well.
    if (result == VK_ERROR_OUT_OF_HOST_MEMORY)
        mem_note_failure();
    // A lost device stays lost (specification, "Lost Device"). Streams look at this, so
    // that the calls after it do not bury the first report.
    if (device && result == VK_ERROR_DEVICE_LOST)
        device->lost = true;
}
