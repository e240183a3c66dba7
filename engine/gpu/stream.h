// SPDX-License-Identifier: MIT
//
// One command buffer with all that it needs: descriptor sets, a fence, timestamps.
// Recorded once, submitted any number of times.

#ifndef GPU_STREAM_H
#define GPU_STREAM_H

#include "gpu/kernel.h"
#include "gpu/memory.h"

struct gpu_stream;

// A range of a buffer that a kernel sees.
struct gpu_binding {
    struct gpu_buffer *buffer;
    uint64_t offset, size;    // bytes; the offset is a multiple of TENSOR_ALIGNMENT
    uint32_t texel;           // bytes of a texel, 2 to 16; 0: a storage buffer
    bool is_uint;    // texels are unsigned numbers of 16 or 32 bits, not floats
};

// `dispatches` is the most that the stream will hold, `timestamps` the number of marks.
// A device without timestamps ignores them. NULL after a message.
struct gpu_stream *gpu_stream_create(struct gpu_device *device, uint32_t dispatches,
                                     uint32_t timestamps);
void gpu_stream_destroy(struct gpu_stream *stream);    // NULL is fine

// Recording: gpu_stream_begin, any of the others, gpu_stream_end. A stream without
// dispatches may be recorded again when it has been waited for.
bool gpu_stream_begin(struct gpu_stream *stream);

// `bindings` has the kernel's number of buffers; `step` is NULL unless it uses the step
// block; `params` has the kernel's params_size bytes. Runs workgroups base .. base +
// count - 1 of the whole grid.
bool gpu_stream_dispatch(struct gpu_stream *stream, struct gpu_kernel *kernel,
                         const struct gpu_binding *bindings,
                         const struct gpu_binding *step, const void *params,
                         const uint32_t base[3], const uint32_t count[3]);

// What all earlier work wrote is visible to all later work.
void gpu_stream_barrier(struct gpu_stream *stream);

// Offsets and sizes in bytes; of a fill they are multiples of 4.
void gpu_stream_copy(struct gpu_stream *stream, struct gpu_buffer *from,
                     uint64_t from_offset, struct gpu_buffer *to, uint64_t to_offset,
                     uint64_t size);
void gpu_stream_fill(struct gpu_stream *stream, struct gpu_buffer *buffer,
                     uint64_t offset, uint64_t size, uint32_t word);
void gpu_stream_timestamp(struct gpu_stream *stream, uint32_t index);
bool gpu_stream_end(struct gpu_stream *stream);

// Submits without waiting; gpu_stream_wait waits for the last submission, which must
// happen before the next one. Streams run in the order of submission, and a barrier in
// one also orders the work of earlier ones (specification, "Pipeline Barriers").
bool gpu_stream_submit(struct gpu_stream *stream);
bool gpu_stream_wait(struct gpu_stream *stream);

// Seconds between two timestamps of the last finished submission; false where the
// device has none.
bool gpu_stream_seconds(struct gpu_stream *stream, uint32_t from, uint32_t to,
                        double *seconds);

#endif
