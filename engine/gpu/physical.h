// SPDX-License-Identifier: MIT
//
// Physical devices: what there are, what each can do, and which one to open.

#ifndef GPU_PHYSICAL_H
#define GPU_PHYSICAL_H

#include "pix2pix.h"

#include "base/base.h"

#include <volk.h>

// All physical devices and their descriptions, the default marked. The caller frees
// both arrays. A loader without drivers: true and *count 0.
bool gpu_physical_list(VkInstance instance, VkPhysicalDevice **handles,
                       struct pix_device_info **infos, uint32_t *count);

// The index of the device to open, or -1 after a message. `select` is an index or part
// of a name in any case; NULL or "": the default.
int64_t gpu_physical_choose(const char *select, const struct pix_device_info *infos,
                            uint32_t count);

// The queue family to use: compute, preferably with timestamps, of *timestamp_bits
// valid bits. UINT32_MAX: none.
uint32_t gpu_physical_find_family(VkPhysicalDevice physical, uint32_t *timestamp_bits);

bool gpu_physical_has_float16(VkPhysicalDevice physical);
bool gpu_physical_has_storage16(VkPhysicalDevice physical);

// The size of subgroups that kernels may count on, or 0, see struct gpu_limits. False
// after a message where there is no memory to find out.
bool gpu_physical_find_subgroup(VkPhysicalDevice physical, uint32_t *size);

#endif
