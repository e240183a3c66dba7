// SPDX-License-Identifier: MIT
//
// Results of Vulkan calls: their names, and what happens to those that are errors.

#ifndef GPU_RESULT_H
#define GPU_RESULT_H

#include "base/base.h"

#include <volk.h>

struct gpu_device;

// "VK_ERROR_DEVICE_LOST". A constant text.
const char *gpu_result_name(VkResult result);

// Logs as an error which call failed and how. `call` is its source text, of which the
// name of the function is printed. VK_ERROR_DEVICE_LOST marks the device as lost; NULL:
// there is no device yet.
void gpu_result_report(struct gpu_device *device, const char *call, VkResult result);

// Every Vulkan call that can fail: a failure is logged and goes to `fail`.
#define VK_TRY(device, call)                                                           \
    do {                                                                               \
        VkResult try_result = (call);                                                  \
        if (try_result != VK_SUCCESS) {                                                \
            gpu_result_report(device, #call, try_result);                              \
            goto fail;                                                                 \
        }                                                                              \
    } while (0)

#endif
