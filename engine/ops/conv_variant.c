// SPDX-License-Identifier: MIT
//
// The table of variants, what they cost, and the choice. See conv_variant.h.

#include "ops/conv_variant.h"

#include "ops/tuning.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

// ---------------------------------------------------------------------------
// Shapes

const char *conv_shape_text(const struct conv_shape *s, char text[CONV_SHAPE_TEXT_SIZE])
{
    static const char *const directions[] = {
        [CONV_FORWARD] = "forward",
        [CONV_BACKWARD_INPUT] = "backward-input",
        [CONV_BACKWARD_WEIGHT] = "backward-weight",
    };
    char x[SHAPE_TEXT_SIZE];
    snprintf(text, CONV_SHAPE_TEXT_SIZE,
             "%s %s -> %" PRIu32 " k%" PRIu32 " s%" PRIu32 " p%" PRIu32,
             directions[s->direction], shape_text(s->x, x), s->c_out, s->kernel,
             s->stride, s->pad);
    return text;
}

bool conv_shape_equal(const struct conv_shape *a, const struct conv_shape *b)
{
    return a->direction == b->direction && shape_equal(a->x, b->x) &&
           a->c_out == b->c_out && a->kernel == b->kernel && a->stride == b->stride &&
           a->pad == b->pad;
}

static uint32_t side_of_y(const struct conv_shape *s, uint32_t side)
{
    return (uint32_t)(((uint64_t)side + 2 * (uint64_t)s->pad - s->kernel) / s->stride) +
           1;
}

struct shape conv_shape_y(const struct conv_shape *s)
{
    return (struct shape){ s->x.n, s->c_out, side_of_y(s, s->x.h),
                           side_of_y(s, s->x.w) };
}

struct shape conv_shape_w(const struct conv_shape *s)
{
    return (struct shape){ s->c_out, s->x.c, s->kernel, s->kernel };
}

struct conv_product conv_product_of(const struct conv_shape *s)
{
    const struct shape y = conv_shape_y(s);
    const uint64_t taps = (uint64_t)s->kernel * s->kernel;
    switch (s->direction) {
    case CONV_FORWARD:
        return (struct conv_product){
            .m = y.c,
            .n = (uint64_t)y.n * y.h * y.w,
            .inner = taps,
            .terms = s->x.c,
            .phases = 1,
        };
    case CONV_BACKWARD_INPUT: {
        // There is one product for each phase; this is as large as any of them.
        const uint64_t met = DIV_UP(s->kernel, s->stride);
        return (struct conv_product){
            .m = s->x.c,
            .n = (uint64_t)s->x.n * DIV_UP(s->x.h, s->stride) *
                 DIV_UP(s->x.w, s->stride),
            .inner = met * met,
            .terms = y.c,
            .phases = s->stride * s->stride,
        };
    }
    case CONV_BACKWARD_WEIGHT:
        break;
    }
    return (struct conv_product){
        .m = y.c,
        .n = s->x.c * taps,
        .inner = y.w,
        .terms = y.n * y.h,
        .phases = 1,
    };
}

// ---------------------------------------------------------------------------
// The table

#define SHARED(m, n, k, reg_m, reg_n)                                                  \
    {                                                                                  \
        "shared-" #m "x" #n "x" #k "-" #reg_m "x" #reg_n, CONV_SHARED, m, n, k, reg_m, \
            reg_n, 1                                                                   \
    }
#define DIRECT(m, n, reg_m, reg_n)                                                     \
    {                                                                                  \
        "direct-" #m "x" #n "-" #reg_m "x" #reg_n, CONV_DIRECT, m, n, 1, reg_m, reg_n, \
            1                                                                          \
    }

// A new variant is a new line: a name means the same kernel in every version.
static const struct conv_variant table[] = {
    { "simple", CONV_SIMPLE, 1, OP_WORKGROUP, 1, 1, 1, 1 },
    // For GPUs. All but the first two fit the guaranteed limits of 128 invocations and
    // 16 KiB.
    SHARED(128, 128, 16, 8, 8),    // 256 invocations
    SHARED(128, 128, 8, 8, 8),
    SHARED(128, 64, 16, 8, 8),    // the general ones
    SHARED(64, 128, 16, 8, 8),
    SHARED(64, 64, 16, 8, 4),    // not so many tiles
    SHARED(64, 64, 4, 8, 4),     // short sums
    SHARED(32, 32, 16, 4, 4),    // few tiles
    SHARED(16, 64, 16, 4, 2),    // few channels
    SHARED(4, 128, 16, 4, 1),    // an image
    SHARED(64, 16, 16, 8, 1),    // few pixels
    SHARED(64, 4, 32, 4, 1),     // hardly a pixel
    // For software drivers, whose shared memory is no faster than a load. Eight
    // invocations are one vector of a usual CPU. More than 16 x 16 registers take
    // seconds to compile.
    DIRECT(16, 128, 16, 16),
    DIRECT(16, 64, 16, 8),
    DIRECT(8, 64, 8, 8),
    DIRECT(8, 32, 8, 4),
    DIRECT(4, 128, 4, 16),    // an image
    DIRECT(32, 32, 16, 8),    // few pixels
    DIRECT(64, 16, 16, 8),
    DIRECT(32, 16, 8, 8),
    DIRECT(64, 4, 8, 4),
    DIRECT(32, 1, 4, 1),    // one
};

const struct conv_variant *conv_variant_table(size_t *count)
{
    *count = ARRAY_LEN(table);
    return table;
}

const struct conv_variant *conv_variant_find(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(table); i++)
        if (strcmp(table[i].name, name) == 0)
            return &table[i];
    return NULL;
}

uint32_t conv_variant_invocations(const struct conv_variant *v)
{
    return v->m / v->reg_m * (v->n / v->reg_n);
}

bool conv_variant_fits(const struct conv_variant *v, const struct op_limits *limits,
                       const struct conv_shape *s)
{
    (void)s;    // so far every kernel takes every shape
    // As declared in lib/tile.glsl.
    uint32_t shared = v->kind == CONV_SHARED ? v->k * (v->m + 4 + v->n + 4) * 4 : 0;
    return conv_variant_invocations(v) <= limits->max_invocations &&
           shared <= limits->shared_bytes;
}

// ---------------------------------------------------------------------------
// The choice

// In multiplications of an invocation. The constants are fitted to a software driver
// and are rough guesses for GPUs.
uint64_t conv_variant_cost(const struct conv_variant *v, const struct conv_shape *s)
{
    const struct conv_product p = conv_product_of(s);
    const uint64_t k = p.terms * p.inner;
    const uint64_t groups = DIV_UP(p.m, v->m) * DIV_UP(p.n, v->n) * p.phases;
    const uint64_t sums = (uint64_t)v->reg_m * v->reg_n;
    if (v->kind != CONV_SHARED) {
        // A load costs as much as a dozen multiplications, a store twice that. Four
        // workgroups are taken to run at a time.
        uint64_t group = k * (sums + 12 * (v->reg_m + v->reg_n + 2)) + 24 * sums + 3000;
        return DIV_UP(groups, 4) * group;
    }
    // In instructions of 64 invocations, of which a GPU of middle size has 64 units. As
    // compiled for AMD (tools/isa_report): a step multiplies, reads four operands of
    // shared memory at a time, loads its share of the tiles, and has 60 more. One that
    // is alone on its unit waits for memory and barriers besides.
    const uint64_t threads = conv_variant_invocations(v);
    const uint64_t step = v->k * (sums + (v->reg_m + v->reg_n + 3) / 4) +
                          6 * v->k * (v->m + v->n) / threads + 60;
    const uint64_t waves = DIV_UP(groups * DIV_UP(threads, 64), 64);
    return DIV_UP(k, v->k) * MAX(waves * step, step + 150);
}

enum conv_kind conv_kind_preferred(const struct op_limits *limits)
{
    return limits->is_cpu ? CONV_DIRECT : CONV_SHARED;
}

const struct conv_variant *conv_variant_built_in(const struct op_limits *limits,
                                                 const struct conv_shape *s)
{
    const struct conv_variant *best = NULL;
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        const struct conv_variant *v = &table[i];
        if (v->kind == conv_kind_preferred(limits) && conv_variant_fits(v, limits, s) &&
            (!best || conv_variant_cost(v, s) < conv_variant_cost(best, s)))
            best = v;
    }
    assert(best);
    return best;
}

const struct conv_variant *conv_variant_choose(const struct op_limits *limits,
                                               const struct conv_shape *s)
{
    if (limits->force && conv_variant_fits(limits->force, limits, s))
        return limits->force;
    const struct conv_variant *tuned = tuning_find(limits->tuning, s);
    if (tuned && conv_variant_fits(tuned, limits, s))
        return tuned;
    return conv_variant_built_in(limits, s);
}
