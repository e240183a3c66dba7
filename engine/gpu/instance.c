// SPDX-License-Identifier: MIT
//
// Loader, instance and validation messages. See instance.h.

#include "gpu/instance.h"

#include "base/os.h"
#include "gpu/inside.h"
#include "gpu/properties.h"
#include "gpu/result.h"

#include <string.h>

static const char validation_layer[] = "VK_LAYER_KHRONOS_validation";

static VkBool32 VKAPI_CALL on_message(VkDebugUtilsMessageSeverityFlagBitsEXT severity,
                                      VkDebugUtilsMessageTypeFlagsEXT types,
                                      const VkDebugUtilsMessengerCallbackDataEXT *data,
                                      void *user)
{
    (void)types;
    struct gpu_validation *validation = user;
    // The loader reports through the same channel: only the layer's messages count.
    const char *id = data->pMessageIdName ? data->pMessageIdName : "";
    if (strstr(id, "Loader Message"))
        return VK_FALSE;
    // The layer calls back in the thread that made the Vulkan call. Kernels are created
    // by several threads, which have no sink of their own.
    os_mutex_lock(validation->mutex);
    const struct log_sink *before = log_use(&validation->sink);
    // Both kinds count as messages: tests demand that there are none.
    if (severity & VK_DEBUG_UTILS_MESSAGE_SEVERITY_ERROR_BIT_EXT)
        log_error("validation: %s", data->pMessage);
    else
        log_warn("validation: %s", data->pMessage);
    log_use(before);
    validation->count++;
    os_mutex_unlock(validation->mutex);
    return VK_FALSE;
}

// volk keeps what it loads in globals: filled once, read by all threads after that.
static bool open_loader(void)
{
    os_global_lock();
    bool loaded = volkGetInstanceVersion() != 0 || volkInitialize() == VK_SUCCESS;
    os_global_unlock();
    return loaded;
}

// Core functions are the loader's and serve every instance, so the first instance's
// are kept; those of an extension are looked up by instance.
static void load_functions(VkInstance instance)
{
    static bool has_functions;
    os_global_lock();
    if (!has_functions)
        volkLoadInstanceOnly(instance);
    has_functions = true;
    os_global_unlock();
}

// With `messenger` the instance has the layer. The messenger is in the pNext chain too,
// because one that is created later does not see errors in vkCreateInstance.
static VkResult create_instance(const VkDebugUtilsMessengerCreateInfoEXT *messenger,
                                bool has_portability, VkInstance *instance)
{
    const char *layers[] = { validation_layer };
    const char *extensions[2];
    uint32_t extension_count = 0;
    VkInstanceCreateFlags flags = 0;
    // Without this the loader hides drivers that do not conform fully, as MoltenVK.
    if (has_portability) {
        extensions[extension_count++] = VK_KHR_PORTABILITY_ENUMERATION_EXTENSION_NAME;
        flags |= VK_INSTANCE_CREATE_ENUMERATE_PORTABILITY_BIT_KHR;
    }
    if (messenger)
        extensions[extension_count++] = VK_EXT_DEBUG_UTILS_EXTENSION_NAME;

    // Races are what only the layer can find: results would be wrong now and then.
    const VkValidationFeatureEnableEXT enables[] = {
        VK_VALIDATION_FEATURE_ENABLE_SYNCHRONIZATION_VALIDATION_EXT,
    };
    const VkValidationFeaturesEXT features = {
        .sType = VK_STRUCTURE_TYPE_VALIDATION_FEATURES_EXT,
        .pNext = messenger,
        .enabledValidationFeatureCount = ARRAY_LEN(enables),
        .pEnabledValidationFeatures = enables,
    };
    // 1.2 for SPIR-V 1.5, which glslc compiles to, and the names of drivers.
    const VkApplicationInfo application = {
        .sType = VK_STRUCTURE_TYPE_APPLICATION_INFO,
        .pEngineName = "pix2pix.c",
        .apiVersion = VK_API_VERSION_1_2,
    };
    const VkInstanceCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO,
        .pNext = messenger ? &features : NULL,
        .flags = flags,
        .pApplicationInfo = &application,
        .enabledLayerCount = messenger ? ARRAY_LEN(layers) : 0,
        .ppEnabledLayerNames = layers,
        .enabledExtensionCount = extension_count,
        .ppEnabledExtensionNames = extensions,
    };
    return vkCreateInstance(&info, NULL, instance);
}

VkInstance gpu_instance_create(struct gpu_validation *validation, bool *missing)
{
    *missing = !open_loader();
    if (*missing)
        return VK_NULL_HANDLE;
    // It would refuse an instance of any other version, as if there were no driver.
    if (volkGetInstanceVersion() < VK_API_VERSION_1_1) {
        log_error(
            "device: the Vulkan loader of this machine is one of Vulkan 1.0: update "
            "it (Debian and Ubuntu: libvulkan1)");
        return VK_NULL_HANDLE;
    }
    // vkCreateInstance fails as a whole where a layer is missing. That is no reason to
    // stop: --validation asks for more checks, not for other results.
    bool has_layer = false, has_portability;
    if (!gpu_properties_find_extension(VK_NULL_HANDLE,
                                       VK_KHR_PORTABILITY_ENUMERATION_EXTENSION_NAME,
                                       &has_portability) ||
        (validation && !gpu_properties_find_layer(validation_layer, &has_layer)))
        return VK_NULL_HANDLE;
    if (validation && !has_layer) {
        log_warn("device: the Khronos validation layer is not installed; continuing "
                 "without it (Debian: vulkan-validationlayers)");
        validation = NULL;
    }
    const VkDebugUtilsMessengerCreateInfoEXT messenger = {
        .sType = VK_STRUCTURE_TYPE_DEBUG_UTILS_MESSENGER_CREATE_INFO_EXT,
        .messageSeverity = VK_DEBUG_UTILS_MESSAGE_SEVERITY_WARNING_BIT_EXT |
                           VK_DEBUG_UTILS_MESSAGE_SEVERITY_ERROR_BIT_EXT,
        .messageType = VK_DEBUG_UTILS_MESSAGE_TYPE_VALIDATION_BIT_EXT,
        .pfnUserCallback = on_message,
        .pUserData = validation,
    };
    VkInstance instance = VK_NULL_HANDLE;
    VkResult result =
        create_instance(validation ? &messenger : NULL, has_portability, &instance);
    // That is what a loader without any driver returns.
    *missing = result == VK_ERROR_INCOMPATIBLE_DRIVER;
    if (*missing)
        return VK_NULL_HANDLE;
    if (result != VK_SUCCESS) {
        gpu_result_report(NULL, "vkCreateInstance(", result);
        return VK_NULL_HANDLE;
    }
    load_functions(instance);
    if (validation) {
        PFN_vkCreateDebugUtilsMessengerEXT create =
            (PFN_vkCreateDebugUtilsMessengerEXT)vkGetInstanceProcAddr(
                instance, "vkCreateDebugUtilsMessengerEXT");
        if (create)
            create(instance, &messenger, NULL, &validation->messenger);
    }
    return instance;
}

void gpu_instance_destroy(VkInstance instance, struct gpu_validation *validation)
{
    // Before the instance, and after everything else, so that the layer still reports
    // objects that were left behind.
    if (validation && validation->messenger) {
        PFN_vkDestroyDebugUtilsMessengerEXT destroy =
            (PFN_vkDestroyDebugUtilsMessengerEXT)vkGetInstanceProcAddr(
                instance, "vkDestroyDebugUtilsMessengerEXT");
        destroy(instance, validation->messenger, NULL);
    }
    if (instance)
        vkDestroyInstance(instance, NULL);
}

void gpu_instance_report_missing(enum log_level level)
{
    log_message(level,
                "device: this machine has no Vulkan driver (or no Vulkan loader); "
                "install the GPU maker's driver, or a software one (Debian and "
                "Ubuntu: libvulkan1 mesa-vulkan-drivers)");
}
