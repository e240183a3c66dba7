// SPDX-License-Identifier: MIT
//
// The kernels that can compute a convolution. Each direction of a convolution is a
// matrix product; a variant is one way to compute it: a kind of kernel with its tile
// sizes. Every variant gives the same sums up to the order of their terms.

#ifndef OPS_CONV_VARIANT_H
#define OPS_CONV_VARIANT_H

#include "ops/conv_shape.h"
#include "ops/op.h"

enum conv_kind {
    CONV_SIMPLE,    // an invocation for each sum: the definition, always possible
    CONV_SHARED,    // tiles staged in shared memory, see lib/tile.glsl
    CONV_DIRECT,    // tiles in registers alone, operands loaded where they are needed
    CONV_FETCH,     // rows through texel buffers, see lib/rows.glsl
    CONV_SHARE,     // the same, shared among the invocations of a subgroup
    CONV_VECTOR,    // for a few pixels, see lib/vector.glsl
    CONV_MATRIX,    // on matrix units, of operands in 16 bits: see lib/matrix.glsl
    CONV_KIND_COUNT,
};

struct conv_variant {
    const char *name;    // "shared-64x64x16-8x4"; stands in files, so it stays
    enum conv_kind kind;
    uint32_t m, n, k;         // tile of a workgroup; k is the depth that is staged
    uint32_t reg_m, reg_n;    // tile of an invocation, or of a subgroup (CONV_MATRIX)
    uint32_t parts;           // of the sum, computed apart and then added
};

const struct conv_variant *conv_variant_table(size_t *count);
const struct conv_variant *conv_variant_find(const char *name);    // NULL: none

// Whether it fetches its operands in rows through texel buffers, see lib/rows.glsl.
static inline bool conv_variant_has_rows(const struct conv_variant *v)
{
    return v->kind == CONV_FETCH || v->kind == CONV_SHARE;
}

// Of a workgroup. CONV_SHARE has one subgroup, whatever its size is.
uint32_t conv_variant_invocations(const struct conv_variant *v,
                                  const struct op_limits *limits);

// `format` is that of both operands, or TENSOR_F32. SHADER_COUNT: there is none.
enum shader conv_variant_shader(const struct conv_variant *v,
                                enum conv_direction direction,
                                enum tensor_format format);

// Invocations of the subgroups that a call of it demands; 0: it does not care.
uint32_t conv_variant_subgroup(const struct conv_variant *v,
                               const struct op_limits *limits);

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

struct conv_vector conv_variant_vector(const struct conv_variant *v,
                                       const struct conv_shape *s);

struct conv_rows conv_variant_rows(const struct conv_variant *v,
                                   const struct conv_shape *s, uint32_t invocations);

// Whether the variant is possible for a shape on a device.
bool conv_variant_fits(const struct conv_variant *v, const struct op_limits *limits,
                       const struct conv_shape *s);

#endif
