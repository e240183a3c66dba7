// SPDX-License-Identifier: MIT
//
// Kernels: one compute pipeline each, made from an embedded shader and its
// specialisation constants, kept by the device until it is destroyed. What the driver
// compiled stays in a file (cache.c) for the next run.

#ifndef GPU_KERNEL_H
#define GPU_KERNEL_H

#include "gpu/shaders.h"

struct gpu_device;
struct gpu_kernel;

// The kernel for a key, made on first use. NULL after a message.
struct gpu_kernel *gpu_kernel_get(struct gpu_device *device,
                                  const struct gpu_kernel_key *key);

// The kernels for many keys, equal ones too; those that are missing are made by several
// threads at once. After false, and one message, some may have been made.
bool gpu_kernel_get_all(struct gpu_device *device, const struct gpu_kernel_key *keys,
                        size_t count, struct gpu_kernel **kernels);

// Destroys all kernels of a device, which is about to be destroyed itself.
void gpu_kernel_destroy_all(struct gpu_device *device);

#endif
