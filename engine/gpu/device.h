// SPDX-License-Identifier: MIT
//
// One logical device with one queue, on an instance of its own. The Vulkan loader is
// opened at run time, so a machine without Vulkan gets a message instead of a program
// that does not start. A device is used by one thread at a time.

#ifndef GPU_DEVICE_H
#define GPU_DEVICE_H

#include "base/base.h"
#include "gpu/limits.h"
#include "pix2pix.h"

struct gpu_device;

struct gpu_device_options {
    const char *select;      // index, or part of a name in any case; NULL: the best
    bool validation;         // the validation layer with synchronization checks
    bool minimum_limits;     // pretend to have only the guaranteed limits
    bool no_matrix_units;    // as if the device had none
    bool no_cache;           // keep no pipelines in the user's cache folder
    bool statistics;         // keep the compiler's statistics, for tests/isa.c
};

// All devices, usable or not; the caller frees *list with mem_free. Without a loader or
// driver: true, *count 0 and an info message.
bool gpu_device_list(struct pix_device_info **list, uint32_t *count);

// NULL after a message.
struct gpu_device *gpu_device_create(const struct gpu_device_options *options);
void gpu_device_destroy(struct gpu_device *device);    // NULL is fine

const struct pix_device_info *gpu_device_info(const struct gpu_device *device);
const struct gpu_limits *gpu_device_limits(const struct gpu_device *device);

// After its check: a kernel for the device's matrix units is right for f16, or for
// bf16, in a direction: one of 64. Or, with a reason that outlives the device, no
// further ones are used for it, as if there were no units.
void gpu_device_mark_matrix(struct gpu_device *device, bool bf16, uint32_t direction,
                            uint32_t kernel);
void gpu_device_leave_matrix(struct gpu_device *device, bool bf16, const char *reason);

// Messages of the validation layer so far.
uint32_t gpu_device_message_count(const struct gpu_device *device);

// Whether a call returned VK_ERROR_DEVICE_LOST, which was reported once. Nothing is
// submitted to a lost device any more.
bool gpu_device_is_lost(const struct gpu_device *device);

#endif
