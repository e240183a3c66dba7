// SPDX-License-Identifier: MIT
//
// The shape of a convolution in one of its directions, and the matrix product that it
// is. Tuning tables, kernels and the graph's list of convolutions go by it.

#ifndef OPS_CONV_SHAPE_H
#define OPS_CONV_SHAPE_H

#include "tensor/tensor.h"

enum conv_direction { CONV_FORWARD, CONV_BACKWARD_INPUT, CONV_BACKWARD_WEIGHT };

// One direction of the convolution from x [n, c, h, w] to y [n, c_out, h', w'] with the
// weights w [c_out, c, kernel, kernel]. A transposed convolution is one read backwards,
// see conv.c. The shape of y follows from the rest.
struct conv_shape {
    enum conv_direction direction;
    struct shape x;
    uint32_t c_out;
    uint32_t kernel, stride, pad;    // of both axes, and on all four sides
    // How both operands are stored; TENSOR_F32 where they are stored differently.
    enum tensor_format format;
};

// "forward 1x64x128x128 -> 128 k4 s2 p1": what tuning tables call a shape, with " f16"
// or " bf16" behind it where operands are stored so. What a call does besides the
// product (bias, activation, accumulation) is not part of it.
#define CONV_SHAPE_TEXT_SIZE 128
const char *conv_shape_text(const struct conv_shape *s,
                            char text[CONV_SHAPE_TEXT_SIZE]);
bool conv_shape_equal(const struct conv_shape *a, const struct conv_shape *b);

// A list in which each shape is once; zeroed it is empty.
struct conv_shapes {
    struct conv_shape *items;
    size_t count, capacity;
};

// Appends those that are not in the list. False if out of memory, after a message.
bool conv_shapes_add(struct conv_shapes *list, const struct conv_shape *shape);
bool conv_shapes_add_all(struct conv_shapes *list, const struct conv_shapes *more);
void conv_shapes_free(struct conv_shapes *list);

// The shapes of y, of w, and of what the direction computes: y, x or w.
struct shape conv_shape_y(const struct conv_shape *s);
struct shape conv_shape_w(const struct conv_shape *s);
struct shape conv_shape_out(const struct conv_shape *s);

// The direction as a matrix product: m x n numbers, each a sum of terms * inner; calls
// may split it between terms. Of `phases` products of one call this is the largest.
struct conv_product {
    uint64_t m, n, inner;
    uint32_t terms, phases;
};

struct conv_product conv_shape_product(const struct conv_shape *s);

#endif
