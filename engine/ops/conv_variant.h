// SPDX-License-Identifier: MIT
//
// The kernels that can compute a convolution, and the choice among them. Each direction
// of a convolution is a matrix product; a variant is one way to compute it: a kind of
// kernel with its tile sizes. Every variant gives the same sums up to the order of
// their terms. The choice depends on the shape, the limits and a tuning table, and on
// nothing else, so that two runs add in the same order.

#ifndef OPS_CONV_VARIANT_H
#define OPS_CONV_VARIANT_H

#include "ops/op.h"

enum conv_direction { CONV_FORWARD, CONV_BACKWARD_INPUT, CONV_BACKWARD_WEIGHT };

// One direction of the convolution from x to y. A transposed convolution is one read
// backwards, see conv.c. The shape of y follows from the rest.
struct conv_shape {
    enum conv_direction direction;
    struct shape x;
    uint32_t c_out;
    uint32_t kernel, stride, pad;
};

// "forward 1x64x128x128 -> 128 k4 s2 p1": what tuning tables call a shape. What a call
// does besides the product (bias, activation, accumulation) is not part of it.
#define CONV_SHAPE_TEXT_SIZE 128
const char *conv_shape_text(const struct conv_shape *s,
                            char text[CONV_SHAPE_TEXT_SIZE]);
bool conv_shape_equal(const struct conv_shape *a, const struct conv_shape *b);

// The shapes of y and of w.
struct shape conv_shape_y(const struct conv_shape *s);
struct shape conv_shape_w(const struct conv_shape *s);
struct shape conv_shape_out(const struct conv_shape *s);    // that the direction gives

// Emits the calls of one direction alone (conv.c): a and b are x and w forward, dy and
// w for the input gradient, x and dy for the weight gradient.
void conv_emit(struct emitter *e, const struct conv_shape *s, struct tensor *a,
               struct tensor *b, struct tensor *out);

// m x n numbers, each a sum of terms * inner; calls may split it between terms. Of
// `phases` products of one call this is the largest.
struct conv_product {
    uint64_t m, n, inner;
    uint32_t terms, phases;
};

struct conv_product conv_product_of(const struct conv_shape *s);

enum conv_kind {
    CONV_SIMPLE,    // an invocation for each sum: the definition, always possible
    CONV_SHARED,    // tiles staged in shared memory, see lib/tile.glsl
    CONV_DIRECT,    // tiles in registers alone, operands loaded where they are needed
    CONV_FETCH,     // rows through texel buffers, see lib/rows.glsl
    CONV_SHARE,     // the same, shared among the invocations of a subgroup
    CONV_VECTOR,    // for a few pixels, see lib/vector.glsl
    CONV_KIND_COUNT,
};

struct conv_variant {
    const char *name;    // "shared-64x64x16-8x4"; stands in files, so it stays
    enum conv_kind kind;
    uint32_t m, n, k;         // tile of a workgroup; k is the depth that is staged
    uint32_t reg_m, reg_n;    // tile of an invocation
    uint32_t parts;           // of the sum, computed apart and then added
};

const struct conv_variant *conv_variant_table(size_t *count);
const struct conv_variant *conv_variant_find(const char *name);    // NULL: none

// Of a workgroup. CONV_SHARE has one subgroup, whatever its size is.
uint32_t conv_variant_invocations(const struct conv_variant *v,
                                  const struct op_limits *limits);

enum shader conv_variant_shader(const struct conv_variant *v,
                                enum conv_direction direction);

// How CONV_FETCH and CONV_SHARE fetch their operands, and their grid.
struct conv_rows {
    bool fours_a, fours_line;    // see lib/rows.glsl
    uint64_t groups;             // of a phase
    uint32_t phases;
    uint64_t steps;    // of the sum, for each of the product's terms
};

// How CONV_VECTOR computes a shape.
struct conv_vector {
    uint32_t rows;    // of y, or samples of dx, at a time
    uint64_t groups;
    uint64_t sums, unrolled;    // of an invocation, and terms of theirs in a step
    bool fours;                 // of the image
};

struct conv_vector conv_vector_of(const struct conv_variant *v,
                                  const struct conv_shape *s);

struct conv_rows conv_rows_of(const struct conv_variant *v, const struct conv_shape *s,
                              uint32_t invocations);

// Whether the variant is possible for a shape on a device.
bool conv_variant_fits(const struct conv_variant *v, const struct op_limits *limits,
                       const struct conv_shape *s);

// Time that the product is expected to take, to be compared among variants for the same
// class of devices.
uint64_t conv_variant_cost(const struct conv_variant *v, const struct conv_shape *s);

// Whether a variant is one for this class of devices, where nothing was measured.
bool conv_variant_suits(const struct conv_variant *v, const struct op_limits *limits);

// The built-in choice, and the choice: limits->force where it fits, else what
// limits->tuning says where that fits, else the built-in one.
const struct conv_variant *conv_variant_built_in(const struct op_limits *limits,
                                                 const struct conv_shape *s);
const struct conv_variant *conv_variant_choose(const struct op_limits *limits,
                                               const struct conv_shape *s);

#endif
