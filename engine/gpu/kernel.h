// SPDX-License-Identifier: MIT
//
// Kernels: one compute pipeline each, of an embedded shader and its specialisation
// constants. The device owns them until it is destroyed. The driver's compiled code is
// kept in a file for the next run (cache.h).

#ifndef GPU_KERNEL_H
#define GPU_KERNEL_H

#include "gpu/shaders.h"

struct gpu_device;
struct gpu_kernel;

// The kernel for a key, created on first use. NULL after a message.
struct gpu_kernel *gpu_kernel_get(struct gpu_device *device,
                                  const struct gpu_kernel_key *key);

// The kernels for `count` keys, which may repeat; those that are missing are created by
// several threads at once. False after one message; some may exist then.
bool gpu_kernel_get_all(struct gpu_device *device, const struct gpu_kernel_key *keys,
                        size_t count, struct gpu_kernel **kernels);

// Destroys all kernels of a device, which is about to be destroyed itself.
void gpu_kernel_destroy_all(struct gpu_device *device);

#endif
