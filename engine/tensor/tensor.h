// SPDX-License-Identifier: MIT
//
// Tensors: a shape, a name and a place in device memory. A tensor owns nothing: the
// graph or the weights that created it free it, and its block owns the memory.

#ifndef TENSOR_TENSOR_H
#define TENSOR_TENSOR_H

#include "base/base.h"

struct gpu_buffer;
struct gpu_device;
struct gpu_matrix;
struct gpu_matrix_product;
struct weight;

#define TENSOR_ALIGNMENT 256    // bytes; the largest offset alignment Vulkan allows

// Samples, channels, rows, columns: elements lie in this order, the columns side by
// side.
struct shape {
    uint32_t n, c, h, w;
};

// How elements are stored. Kernels compute in floats, whatever they read and write.
enum tensor_format {
    TENSOR_F32,     // one float an element
    TENSOR_U8,      // bytes, four to a 32-bit word; rows are not padded
    TENSOR_F16,     // IEEE 754 binary16
    TENSOR_BF16,    // the upper half of a float, rounded to nearest even
};

static inline bool tensor_format_is_16(enum tensor_format format)
{
    return format == TENSOR_F16 || format == TENSOR_BF16;
}

uint32_t tensor_element_bytes(enum tensor_format format);

// A number as a format of 16 bits stores it, rounded to nearest even, and what is
// stored as a number.
uint16_t tensor_bits_16(float value, enum tensor_format format);
float tensor_value_16(uint16_t bits, enum tensor_format format);

// What matrix units multiply of operands in a format; NULL: nothing.
const struct gpu_matrix_product *tensor_matrix_product(const struct gpu_matrix *units,
                                                       enum tensor_format format);

// A piece of device memory that tensors are placed in. `buffer` is NULL until the
// memory is allocated: planning needs sizes only.
struct block {
    uint64_t size;
    struct gpu_buffer *buffer;
};

struct tensor {
    const char *name;    // in messages; not owned
    struct shape shape;
    enum tensor_format format;
    struct block *block;      // NULL: not placed yet
    uint64_t offset;          // in the block, bytes
    bool is_input;            // written by the host before the step
    bool kept;                // read after the step: its memory is not reused
    struct weight *weight;    // the weight this is the value of, or NULL
    // A slice of some samples and channels of another tensor, or NULL: then it has
    // memory of its own.
    struct tensor *parent;
    uint32_t first_n, first_c;    // in the parent
};

// Where the elements of a tensor lie: in the memory of `root`, which has no parent,
// sample n from element first + n * stride on.
struct place {
    struct tensor *root;
    uint64_t first, stride;
};
struct place tensor_place(const struct tensor *t);

// What a kernel sees of a tensor through its binding: bytes begin to end of the root's
// memory, `begin` a multiple of TENSOR_ALIGNMENT. The tensor starts `first` elements
// into it. A slice of several samples lies in pieces, and the gaps are part of the
// range.
struct bound {
    struct tensor *root;
    uint64_t begin, end;
    uint32_t first, stride;    // elements
};
struct bound tensor_bound(const struct tensor *t);

uint64_t shape_count(struct shape s);    // elements
uint32_t shape_run(struct shape s);      // elements of a sample
bool shape_equal(struct shape a, struct shape b);
uint64_t tensor_bytes(const struct tensor *t);    // rounded up to whole words

// "1x64x128x128", written to `text` and returned.
#define SHAPE_TEXT_SIZE 48
const char *shape_text(struct shape s, char text[SHAPE_TEXT_SIZE]);

// Copies a whole tensor between host and device memory, a slice too, and waits until
// that is done. `data` has tensor_bytes(t) bytes, as [n, c, h, w] without gaps. False
// after a message.
bool tensor_upload(struct gpu_device *device, struct tensor *t, const void *data);
bool tensor_download(struct gpu_device *device, const struct tensor *t, void *data);

#endif
