// SPDX-License-Identifier: MIT
//
// Shapes and places of tensors. See tensor.h.

#include "tensor/tensor.h"

#include "base/bytes.h"
#include "gpu/limits.h"
#include "gpu/transfer.h"

#include <assert.h>
#include <stdio.h>

uint64_t shape_count(struct shape s)
{
    return (uint64_t)s.n * s.c * s.h * s.w;
}

uint32_t shape_run(struct shape s)
{
    return s.c * s.h * s.w;
}

bool shape_equal(struct shape a, struct shape b)
{
    return a.n == b.n && a.c == b.c && a.h == b.h && a.w == b.w;
}

uint32_t tensor_element_bytes(enum tensor_format format)
{
    return format == TENSOR_U8 ? 1 : tensor_format_is_16(format) ? 2 : 4;
}

uint16_t tensor_bits_16(float value, enum tensor_format format)
{
    assert(tensor_format_is_16(format));
    return format == TENSOR_F16 ? bytes_half_bits(value) : bytes_bfloat16_bits(value);
}

float tensor_value_16(uint16_t bits, enum tensor_format format)
{
    assert(tensor_format_is_16(format));
    return format == TENSOR_F16 ? bytes_half_value(bits) : bytes_bfloat16_value(bits);
}

const struct gpu_matrix_product *tensor_matrix_product(const struct gpu_matrix *units,
                                                       enum tensor_format format)
{
    const struct gpu_matrix_product *product = format == TENSOR_F16    ? &units->f16
                                               : format == TENSOR_BF16 ? &units->bf16
                                                                       : NULL;
    return product && product->m ? product : NULL;
}

// Whole words, because the kernels that write bytes write four at a time.
uint64_t tensor_bytes(const struct tensor *t)
{
    return ALIGN_UP(shape_count(t->shape) * tensor_element_bytes(t->format),
                    (uint64_t)4);
}

// A slice of a slice adds up: samples and channels are counted in the parent, and only
// the root has a distance between samples.
struct place tensor_place(const struct tensor *t)
{
    const uint64_t plane = (uint64_t)t->shape.h * t->shape.w;
    struct place p = { .root = (struct tensor *)t };
    uint64_t n = 0, c = 0;
    for (; p.root->parent; p.root = p.root->parent) {
        n += p.root->first_n;
        c += p.root->first_c;
    }
    p.stride = plane * p.root->shape.c;
    p.first = n * p.stride + c * plane;
    return p;
}

struct bound tensor_bound(const struct tensor *t)
{
    const struct place p = tensor_place(t);
    // A tensor with memory of its own starts at an aligned offset: all of it is bound.
    struct bound b = { p.root, 0, tensor_bytes(p.root), 0, (uint32_t)p.stride };
    if (p.root == t)
        return b;
    // The offset of a binding has to be aligned, and the start of a slice is not.
    const uint32_t size = tensor_element_bytes(t->format);
    b.begin = p.first * size / TENSOR_ALIGNMENT * TENSOR_ALIGNMENT;
    // Not the whole stride of the last sample, which may reach beyond the root; whole
    // words, which the root has.
    b.end =
        ALIGN_UP((p.first + (t->shape.n - 1) * p.stride + shape_run(t->shape)) * size,
                 (uint64_t)4);
    b.first = (uint32_t)(p.first - b.begin / size);
    return b;
}

const char *shape_text(struct shape s, char text[SHAPE_TEXT_SIZE])
{
    snprintf(text, SHAPE_TEXT_SIZE, "%ux%ux%ux%u", s.n, s.c, s.h, s.w);
    return text;
}

// A transfer as `count` pieces of `bytes` bytes: one for a whole tensor, one for each
// sample of a slice, whose samples are `stride` bytes apart from byte `first` of a
// buffer.
struct piece {
    uint64_t count, bytes, first, stride;
    struct gpu_buffer *buffer;
};

static struct piece pieces_of(const struct tensor *t)
{
    const struct place p = tensor_place(t);
    assert(p.root->block && p.root->block->buffer);
    if (!t->parent)
        return (struct piece){ 1, tensor_bytes(t), t->offset, 0, t->block->buffer };
    // emitter_make_slice makes slices of numbers only.
    assert(t->format != TENSOR_U8);
    const uint32_t size = tensor_element_bytes(t->format);
    return (struct piece){
        .count = t->shape.n,
        .bytes = (uint64_t)shape_run(t->shape) * size,
        .first = p.root->offset + p.first * size,
        .stride = p.stride * size,
        .buffer = p.root->block->buffer,
    };
}

// Each piece is a submission that is waited for. What is copied in every step goes
// through exec_upload and exec_download instead.
bool tensor_upload(struct gpu_device *device, struct tensor *t, const void *data)
{
    (void)device;
    const struct piece p = pieces_of(t);
    bool ok = true;
    for (uint64_t i = 0; ok && i < p.count; i++)
        ok = gpu_buffer_upload(p.buffer, p.first + i * p.stride,
                               (const char *)data + i * p.bytes, p.bytes);
    return ok;
}

bool tensor_download(struct gpu_device *device, const struct tensor *t, void *data)
{
    (void)device;
    const struct piece p = pieces_of(t);
    bool ok = true;
    for (uint64_t i = 0; ok && i < p.count; i++)
        ok = gpu_buffer_download(p.buffer, p.first + i * p.stride,
                                 (char *)data + i * p.bytes, p.bytes);
    return ok;
}
