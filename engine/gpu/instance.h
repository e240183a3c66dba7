// SPDX-License-Identifier: MIT
//
// The loader of Vulkan, opened at run time, and an instance with or without the
// validation layer.

#ifndef GPU_INSTANCE_H
#define GPU_INSTANCE_H

#include "base/log.h"

#include <volk.h>

struct gpu_validation;

// An instance for Vulkan 1.2, with the Khronos validation layer if it is installed and
// `validation` is not NULL. Its sink and mutex are set by the caller; it is what the
// layer reports to until the instance is destroyed. VK_NULL_HANDLE: after a message, or
// with *missing set where this machine has no loader or no driver.
VkInstance gpu_instance_create(struct gpu_validation *validation, bool *missing);

// NULL handles are fine. `validation` may be NULL.
void gpu_instance_destroy(VkInstance instance, struct gpu_validation *validation);

// Reports what to install on a machine without Vulkan: an error to those who open a
// device, only information to those who list devices.
void gpu_instance_report_missing(enum log_level level);

#endif
