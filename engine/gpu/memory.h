// SPDX-License-Identifier: MIT
//
// Buffers by use, each with memory of its own: the engine has few and large ones.
// All but device buffers are mapped as long as they exist, and coherent, so nothing has
// to be flushed or invalidated.

#ifndef GPU_MEMORY_H
#define GPU_MEMORY_H

#include "base/base.h"

struct gpu_device;
struct gpu_buffer;

enum gpu_use {
    GPU_DEVICE,      // of tensors: for kernels and copies, in the fastest memory
    GPU_UPLOAD,      // written by the host, source of copies
    GPU_READBACK,    // destination of copies, read by the host
    GPU_STAGING,     // both, in turns
};

// A buffer of `size` bytes, whose content is undefined. NULL after a message that names
// this size and that of the heap.
struct gpu_buffer *gpu_buffer_create(struct gpu_device *device, uint64_t size,
                                     enum gpu_use use);
void gpu_buffer_destroy(struct gpu_buffer *buffer);           // NULL is fine
void *gpu_buffer_map(struct gpu_buffer *buffer);              // NULL for device buffers
uint64_t gpu_buffer_size(const struct gpu_buffer *buffer);    // bytes

#endif
