// SPDX-License-Identifier: MIT
//
// Whole transfers between host and device memory, in chunks through a staging buffer.
// Each waits until it is done: for what happens once, not for what a step does.
//
// The first transfer makes the staging buffer, 4 MiB that the host sees, and a command
// buffer. The device keeps both, so that later ones allocate nothing: a run begins with
// an upload of its weights, and its checkpoints need no more memory than it has then.

#ifndef GPU_TRANSFER_H
#define GPU_TRANSFER_H

#include "gpu/memory.h"

// Offsets and sizes are bytes within a buffer of GPU_DEVICE. False after a message.
bool gpu_buffer_upload(struct gpu_buffer *to, uint64_t offset, const void *data,
                       uint64_t size);
bool gpu_buffer_download(struct gpu_buffer *from, uint64_t offset, void *data,
                         uint64_t size);
bool gpu_buffer_zero(struct gpu_buffer *buffer);

// Frees what the device keeps. The device must be idle.
void gpu_transfer_finish(struct gpu_device *device);

#endif
