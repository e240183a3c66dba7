// SPDX-License-Identifier: MIT
//
// Copies between host and device memory. See transfer.h.

#include "gpu/transfer.h"

#include "gpu/inside.h"
#include "gpu/stream.h"

#include <string.h>

// Bytes of the staging buffer: large enough to hide the cost of a submission, small
// enough for any heap that the host can map.
#define STAGING_BYTES ((uint64_t)4 << 20)

// The device keeps them: a run that saves while another program fills the memory must
// not need any.
static bool prepare(struct gpu_device *device)
{
    if (!device->transfer.staging)
        device->transfer.staging =
            gpu_buffer_create(device, STAGING_BYTES, GPU_STAGING);
    if (device->transfer.staging && !device->transfer.stream)
        device->transfer.stream = gpu_stream_create(device, 0, 0);
    return device->transfer.stream != NULL;
}

// Begins the commands of a transfer. The barrier waits for submissions before this one,
// which may still write what is read here.
static struct gpu_stream *begin(struct gpu_device *device)
{
    if (!prepare(device) || !gpu_stream_begin(device->transfer.stream))
        return NULL;
    gpu_stream_barrier(device->transfer.stream);
    return device->transfer.stream;
}

static bool run(struct gpu_device *device)
{
    struct gpu_stream *stream = device->transfer.stream;
    if (!gpu_stream_end(stream) || !gpu_stream_submit(stream))
        return false;
    if (gpu_stream_wait(stream))
        return true;
    // It may still be running, so its commands cannot be recorded again.
    device->transfer.stream = NULL;
    gpu_stream_destroy(stream);
    return false;
}

bool gpu_buffer_upload(struct gpu_buffer *to, uint64_t offset, const void *data,
                       uint64_t size)
{
    struct gpu_device *device = to->device;
    for (uint64_t done = 0; done < size;) {
        const uint64_t part = MIN(size - done, STAGING_BYTES);
        struct gpu_stream *stream = begin(device);
        if (!stream)
            return false;
        struct gpu_buffer *staging = device->transfer.staging;
        memcpy(gpu_buffer_map(staging), (const uint8_t *)data + done, (size_t)part);
        gpu_stream_copy(stream, staging, 0, to, offset + done, part);
        if (!run(device))
            return false;
        done += part;
    }
    return true;
}

// Every chunk is waited for, so one staging buffer does for all.
bool gpu_buffer_download(struct gpu_buffer *from, uint64_t offset, void *data,
                         uint64_t size)
{
    struct gpu_device *device = from->device;
    for (uint64_t done = 0; done < size;) {
        const uint64_t part = MIN(size - done, STAGING_BYTES);
        struct gpu_stream *stream = begin(device);
        if (!stream)
            return false;
        struct gpu_buffer *staging = device->transfer.staging;
        gpu_stream_copy(stream, from, offset + done, staging, 0, part);
        if (!run(device))
            return false;
        memcpy((uint8_t *)data + done, gpu_buffer_map(staging), (size_t)part);
        done += part;
    }
    return true;
}

bool gpu_buffer_zero(struct gpu_buffer *buffer)
{
    struct gpu_stream *stream = begin(buffer->device);
    if (!stream)
        return false;
    // vkCmdFillBuffer writes whole words; blocks of tensors consist of such.
    gpu_stream_fill(stream, buffer, 0, buffer->size & ~(uint64_t)3, 0);
    return run(buffer->device);
}

void gpu_transfer_finish(struct gpu_device *device)
{
    gpu_stream_destroy(device->transfer.stream);
    gpu_buffer_destroy(device->transfer.staging);
    device->transfer.stream = NULL;
    device->transfer.staging = NULL;
}
