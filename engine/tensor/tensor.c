// SPDX-License-Identifier: MIT
//
// Shapes and places of tensors. See tensor.h.

#include "tensor/tensor.h"

#include "gpu/memory.h"

#include <assert.h>
#include <stdio.h>

uint64_t shape_count(struct shape s)
{
    return (uint64_t)s.n * s.c * s.h * s.w;
}

bool shape_equal(struct shape a, struct shape b)
{
    return a.n == b.n && a.c == b.c && a.h == b.h && a.w == b.w;
}

uint64_t tensor_bytes(const struct tensor *t)
{
    uint64_t size = t->format == TENSOR_U8 ? 1 : 4;
    return ALIGN_UP(shape_count(t->shape) * size, (uint64_t)4);
}

const char *shape_text(struct shape s, char text[SHAPE_TEXT_SIZE])
{
    snprintf(text, SHAPE_TEXT_SIZE, "%ux%ux%ux%u", s.n, s.c, s.h, s.w);
    return text;
}

bool tensor_upload(struct gpu_device *device, struct tensor *t, const void *data)
{
    (void)device;
    assert(t->block && t->block->buffer);
    return gpu_upload(t->block->buffer, t->offset, data, tensor_bytes(t));
}

bool tensor_download(struct gpu_device *device, const struct tensor *t, void *data)
{
    (void)device;
    assert(t->block && t->block->buffer);
    return gpu_download(t->block->buffer, t->offset, data, tensor_bytes(t));
}
