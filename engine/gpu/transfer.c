// SPDX-License-Identifier: MIT
//
// Copies between host and device memory. See transfer.h.

#include "gpu/transfer.h"

#include "gpu/inside.h"
#include "gpu/stream.h"

#include <string.h>

// Bytes of the staging buffer: large enough to hide the cost of a submission, small
// enough for any heap that the host can map.
#define STAGING_BYTES ((uint64_t)16 << 20)

// Copies one chunk between staging and device memory. The barrier waits for submissions
// before this one, which may still write what is read here.
static bool transfer(struct gpu_buffer *from, uint64_t from_offset,
                     struct gpu_buffer *to, uint64_t to_offset, uint64_t size)
{
    struct gpu_stream *stream = gpu_stream_create(from->device, 0, 0);
    bool ok = stream && gpu_stream_begin(stream);
    if (ok) {
        gpu_stream_barrier(stream);
        gpu_stream_copy(stream, from, from_offset, to, to_offset, size);
        ok = gpu_stream_end(stream) && gpu_stream_submit(stream) &&
             gpu_stream_wait(stream);
    }
    gpu_stream_destroy(stream);
    return ok;
}

bool gpu_buffer_upload(struct gpu_buffer *to, uint64_t offset, const void *data,
                       uint64_t size)
{
    struct gpu_buffer *staging =
        gpu_buffer_create(to->device, MIN(size, STAGING_BYTES), GPU_UPLOAD);
    bool ok = staging != NULL;
    for (uint64_t done = 0; ok && done < size;) {
        uint64_t part = MIN(size - done, STAGING_BYTES);
        memcpy(gpu_buffer_map(staging), (const uint8_t *)data + done, (size_t)part);
        ok = transfer(staging, 0, to, offset + done, part);
        done += part;
    }
    gpu_buffer_destroy(staging);
    return ok;
}

// Every chunk is waited for, so one staging buffer does for all.
bool gpu_buffer_download(struct gpu_buffer *from, uint64_t offset, void *data,
                         uint64_t size)
{
    struct gpu_buffer *staging =
        gpu_buffer_create(from->device, MIN(size, STAGING_BYTES), GPU_READBACK);
    bool ok = staging != NULL;
    for (uint64_t done = 0; ok && done < size;) {
        uint64_t part = MIN(size - done, STAGING_BYTES);
        ok = transfer(from, offset + done, staging, 0, part);
        if (ok)
            memcpy((uint8_t *)data + done, gpu_buffer_map(staging), (size_t)part);
        done += part;
    }
    gpu_buffer_destroy(staging);
    return ok;
}

bool gpu_buffer_zero(struct gpu_buffer *buffer)
{
    struct gpu_stream *stream = gpu_stream_create(buffer->device, 0, 0);
    bool ok = stream && gpu_stream_begin(stream);
    if (ok) {
        // vkCmdFillBuffer writes whole words; blocks of tensors consist of such.
        gpu_stream_fill(stream, buffer, 0, buffer->size & ~(uint64_t)3, 0);
        ok = gpu_stream_end(stream) && gpu_stream_submit(stream) &&
             gpu_stream_wait(stream);
    }
    gpu_stream_destroy(stream);
    return ok;
}
