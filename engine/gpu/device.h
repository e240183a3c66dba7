// SPDX-License-Identifier: MIT
//
// The Vulkan instance and one logical device with one queue: choice, limits, validation
// messages, names of results. The loader is opened at run time; a machine without
// Vulkan gets a message, not a crash.

#ifndef GPU_DEVICE_H
#define GPU_DEVICE_H

#include "base/base.h"
#include "gpu/limits.h"
#include "pix2pix.h"

struct gpu_device;

struct gpu_device_options {
    const char *select;     // index, or part of a name in any case; NULL: the best
    bool validation;        // layers with synchronization checks, if installed
    bool minimum_limits;    // pretend to have only the guaranteed limits
    bool no_cache;          // pipelines are not kept in the user's cache folder
    bool statistics;        // keep what the driver's compiler says, see statistics.h
};

// All devices; *list is freed with mem_free. No loader or driver: true and *count 0.
bool gpu_device_list(struct pix_device_info **list, uint32_t *count);

struct gpu_device *gpu_device_create(const struct gpu_device_options *options);
void gpu_device_destroy(struct gpu_device *device);    // NULL is fine

const struct pix_device_info *gpu_device_info(const struct gpu_device *device);
const struct gpu_limits *gpu_device_limits(const struct gpu_device *device);
bool gpu_device_validates(const struct gpu_device *device);       // the layer is there
uint32_t gpu_device_messages(const struct gpu_device *device);    // of the validation
bool gpu_device_is_lost(const struct gpu_device *device);

#endif
