// SPDX-License-Identifier: MIT
//
// Which layers and extensions there are.

#ifndef GPU_PROPERTIES_H
#define GPU_PROPERTIES_H

#include "base/base.h"

#include <volk.h>

// Whether the loader has a layer, and whether a device has an extension (physical is
// VK_NULL_HANDLE: whether the loader has one). False after a message where there is no
// memory to find out: that must not count as an answer, since what a device offers
// decides which kernels run.
bool gpu_properties_find_layer(const char *name, bool *has);
bool gpu_properties_find_extension(VkPhysicalDevice physical, const char *name,
                                   bool *has);

// Whether a list was filled, all of it or as much as there is room for. *ok is false,
// after a message, where there is no memory for it.
bool gpu_properties_is_list(const char *call, VkResult result, bool *ok);

#endif
