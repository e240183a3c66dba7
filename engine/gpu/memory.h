// SPDX-License-Identifier: MIT
//
// Buffers by use. Device buffers hold tensors; upload and readback buffers are mapped
// as long as they live, and coherent.

#ifndef GPU_MEMORY_H
#define GPU_MEMORY_H

#include "base/base.h"

struct gpu_device;
struct gpu_buffer;

enum gpu_use {
    GPU_DEVICE,      // storage, texels, uniform and copies, in the fastest memory
    GPU_UPLOAD,      // written by the host, source of copies
    GPU_READBACK,    // destination of copies, read by the host
};

// The content is undefined. Fails after a message that names the size wanted and the
// size of the heap.
struct gpu_buffer *gpu_buffer_create(struct gpu_device *device, uint64_t size,
                                     enum gpu_use use);
void gpu_buffer_destroy(struct gpu_buffer *buffer);    // NULL is fine
void *gpu_buffer_map(struct gpu_buffer *buffer);       // upload and readback only
uint64_t gpu_buffer_size(const struct gpu_buffer *buffer);

#endif
