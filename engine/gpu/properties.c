// SPDX-License-Identifier: MIT
//
// See properties.h.

#include "gpu/properties.h"

#include "base/mem.h"
#include "gpu/result.h"

#include <string.h>

// VK_INCOMPLETE: there are more than a moment ago. A loader that fails for another
// reason than memory has none.
bool gpu_properties_is_list(const char *call, VkResult result, bool *ok)
{
    *ok = result != VK_ERROR_OUT_OF_HOST_MEMORY;
    if (!*ok)
        gpu_result_report(NULL, call, result);
    return result >= VK_SUCCESS;
}

bool gpu_properties_find_layer(const char *name, bool *has)
{
    static const char call[] = "vkEnumerateInstanceLayerProperties(";
    uint32_t count = 0;
    bool ok;
    *has = false;
    VkResult result = vkEnumerateInstanceLayerProperties(&count, NULL);
    if (!gpu_properties_is_list(call, result, &ok) || count == 0)
        return ok;
    VkLayerProperties *all = mem_array(count, sizeof(*all));
    if (!all)
        return false;
    result = vkEnumerateInstanceLayerProperties(&count, all);
    if (gpu_properties_is_list(call, result, &ok))
        for (uint32_t i = 0; i < count && !*has; i++)
            *has = strcmp(all[i].layerName, name) == 0;
    mem_free(all);
    return ok;
}

static VkResult list_extensions(VkPhysicalDevice physical, uint32_t *count,
                                VkExtensionProperties *all)
{
    return physical ? vkEnumerateDeviceExtensionProperties(physical, NULL, count, all)
                    : vkEnumerateInstanceExtensionProperties(NULL, count, all);
}

bool gpu_properties_find_extension(VkPhysicalDevice physical, const char *name,
                                   bool *has)
{
    const char *call = physical ? "vkEnumerateDeviceExtensionProperties("
                                : "vkEnumerateInstanceExtensionProperties(";
    uint32_t count = 0;
    bool ok;
    *has = false;
    VkResult result = list_extensions(physical, &count, NULL);
    if (!gpu_properties_is_list(call, result, &ok) || count == 0)
        return ok;
    VkExtensionProperties *all = mem_array(count, sizeof(*all));
    if (!all)
        return false;
    result = list_extensions(physical, &count, all);
    if (gpu_properties_is_list(call, result, &ok))
        for (uint32_t i = 0; i < count && !*has; i++)
            *has = strcmp(all[i].extensionName, name) == 0;
    mem_free(all);
    return ok;
}
