// SPDX-License-Identifier: MIT
//
// One command buffer with what it needs: descriptor sets, dispatches, barriers, copies,
// timestamps, submission, fence.

#ifndef GPU_STREAM_H
#define GPU_STREAM_H

#include "gpu/kernel.h"
#include "gpu/memory.h"

struct gpu_stream;

// Bytes of a buffer. A kernel that fetches them gets them as texels of 4 bytes (a
// float) or 16 (four floats); 0: as a storage buffer.
struct gpu_binding {
    struct gpu_buffer *buffer;
    uint64_t offset, size;
    uint32_t texel;
};

// A stream that is recorded once and submitted as often as wanted. `dispatches` is the
// most it will hold, `timestamps` the number of marks (0: none, or not supported).
struct gpu_stream *gpu_stream_create(struct gpu_device *device, uint32_t dispatches,
                                     uint32_t timestamps);
void gpu_stream_destroy(struct gpu_stream *stream);    // NULL is fine

bool gpu_stream_begin(struct gpu_stream *stream);
// `bindings` has the kernel's number of buffers; `step` is NULL unless it uses the step
// block. Workgroups base .. base + count - 1 of the whole grid.
bool gpu_stream_dispatch(struct gpu_stream *stream, struct gpu_kernel *kernel,
                         const struct gpu_binding *bindings,
                         const struct gpu_binding *step, const void *params,
                         const uint32_t base[3], const uint32_t count[3]);
void gpu_stream_barrier(struct gpu_stream *stream);    // all earlier work to all later
void gpu_stream_copy(struct gpu_stream *stream, struct gpu_buffer *from,
                     uint64_t from_offset, struct gpu_buffer *to, uint64_t to_offset,
                     uint64_t size);
void gpu_stream_fill(struct gpu_stream *stream, struct gpu_buffer *buffer,
                     uint64_t offset, uint64_t size, uint32_t word);
void gpu_stream_timestamp(struct gpu_stream *stream, uint32_t index);
bool gpu_stream_end(struct gpu_stream *stream);

// Submits without waiting; gpu_stream_wait waits for the last submission. A stream is
// not submitted again before it was waited for. Streams run in the order of submission;
// barriers in one reach back into earlier ones.
bool gpu_stream_submit(struct gpu_stream *stream);
bool gpu_stream_wait(struct gpu_stream *stream);

// Seconds between two timestamps of the last finished submission; false where the
// device has none.
bool gpu_stream_seconds(struct gpu_stream *stream, uint32_t from, uint32_t to,
                        double *seconds);

#endif
