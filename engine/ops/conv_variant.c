// SPDX-License-Identifier: MIT
//
// The table of variants, and on what shapes and devices they are possible. See
// conv_variant.h.

#include "ops/conv_variant.h"

#include <string.h>

#define SHARED(m, n, k, reg_m, reg_n)                                                  \
    {                                                                                  \
        "shared-" #m "x" #n "x" #k "-" #reg_m "x" #reg_n, CONV_SHARED, m, n, k, reg_m, \
            reg_n, 1                                                                   \
    }
// Eight invocations; more have more rows.
#define ROWS(reg_m, reg_n)                                                             \
    { "fetch-" #reg_m "x" #reg_n, CONV_FETCH, reg_m, 8 * reg_n, 1, reg_m, reg_n, 1 },  \
    {                                                                                  \
        "share-" #reg_m "x" #reg_n, CONV_SHARE, reg_m, 8 * reg_n, 1, reg_m, reg_n, 1   \
    }
// Of n invocations; eight channels of an input gradient, reg_m of a forward pass.
#define VECTOR(n, reg_m, sums)                                                         \
    {                                                                                  \
        "vector-" #n "-" #reg_m, CONV_VECTOR, 8, n, 1, reg_m, sums, 1                  \
    }
// The sum in parts that are added by a second kernel.
#define SPLIT(m, n, k, reg_m, reg_n, parts)                                            \
    {                                                                                  \
        "shared-" #m "x" #n "x" #k "-" #reg_m "x" #reg_n "-" #parts "p", CONV_SHARED,  \
            m, n, k, reg_m, reg_n, parts                                               \
    }
// Tiles of workgroups and of subgroups. The name does not say what matrices the device
// multiplies: that is its own, like the number of invocations of a subgroup.
#define MATRIX(m, n, k, reg_m, reg_n)                                                  \
    {                                                                                  \
        "matrix-" #m "x" #n "x" #k "-" #reg_m "x" #reg_n, CONV_MATRIX, m, n, k, reg_m, \
            reg_n, 1                                                                   \
    }
#define MATRIX_SPLIT(m, n, k, reg_m, reg_n, parts)                                     \
    {                                                                                  \
        "matrix-" #m "x" #n "x" #k "-" #reg_m "x" #reg_n "-" #parts "p", CONV_MATRIX,  \
            m, n, k, reg_m, reg_n, parts                                               \
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
    // For software drivers, and for GPUs with better caches for textures than for
    // buffers.
    ROWS(32, 8),    // weight gradients
    ROWS(16, 8),
    ROWS(16, 4),
    ROWS(8, 8),
    ROWS(8, 4),    // few pixels
    ROWS(4, 4),
    ROWS(4, 8),    // an image
    ROWS(1, 8),    // a channel
    // For GPUs: long sums of few numbers.
    SPLIT(64, 64, 16, 8, 4, 4),
    SPLIT(64, 64, 16, 8, 4, 16),
    SPLIT(64, 64, 16, 8, 4, 64),
    SPLIT(64, 16, 16, 8, 1, 16),
    SPLIT(64, 4, 32, 4, 1, 16),
    // For a few pixels on any device.
    VECTOR(8, 8, 128),
    VECTOR(64, 4, 32),
    // For matrix units.
    MATRIX(128, 128, 16, 64, 32),    // eight subgroups
    MATRIX(128, 128, 16, 64, 64),    // four, with many registers
    MATRIX(128, 64, 16, 64, 32),     // four
    MATRIX(64, 128, 16, 64, 32),
    MATRIX(64, 128, 16, 64, 64),    // two
    MATRIX(128, 64, 16, 64, 64),
    MATRIX(64, 64, 16, 64, 64),    // one
    MATRIX(64, 64, 16, 32, 32),
    MATRIX(64, 64, 32, 32, 32),
    MATRIX(32, 64, 32, 32, 32),    // few channels, or few tiles
    MATRIX(64, 32, 32, 32, 32),    // few pixels
    MATRIX(32, 32, 32, 32, 32),
    MATRIX(32, 32, 16, 16, 16),    // matrices of 8 x 8
    // Subgroups of 16, which have half as many sums in as many registers.
    MATRIX(128, 128, 16, 16, 64),    // 16 subgroups
    MATRIX(64, 64, 16, 16, 32),      // eight
    MATRIX_SPLIT(64, 64, 32, 32, 32, 4),
    MATRIX_SPLIT(64, 64, 32, 32, 32, 16),
    MATRIX_SPLIT(64, 32, 32, 32, 32, 16),
    MATRIX_SPLIT(128, 128, 16, 64, 64, 4),
    MATRIX_SPLIT(128, 128, 16, 64, 64, 16),
    MATRIX_SPLIT(128, 128, 16, 16, 64, 4),
    MATRIX_SPLIT(128, 128, 16, 16, 64, 16),
    MATRIX_SPLIT(64, 64, 16, 16, 32, 16),
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

enum shader conv_variant_shader(const struct conv_variant *v,
                                enum conv_direction direction,
                                enum tensor_format format)
{
    static const enum shader bf16[3] = { SHADER_CONV_FORWARD_MATRIX_BF16,
                                         SHADER_CONV_BACKWARD_INPUT_MATRIX_BF16,
                                         SHADER_CONV_BACKWARD_WEIGHT_MATRIX_BF16 };
    static const enum shader shaders[CONV_KIND_COUNT][3] = {
        [CONV_SIMPLE] = { SHADER_CONV_FORWARD, SHADER_CONV_BACKWARD_INPUT,
                          SHADER_CONV_BACKWARD_WEIGHT },
        [CONV_SHARED] = { SHADER_CONV_FORWARD_TILED, SHADER_CONV_BACKWARD_INPUT_TILED,
                          SHADER_CONV_BACKWARD_WEIGHT_TILED },
        [CONV_DIRECT] = { SHADER_CONV_FORWARD_TILED, SHADER_CONV_BACKWARD_INPUT_TILED,
                          SHADER_CONV_BACKWARD_WEIGHT_TILED },
        [CONV_FETCH] = { SHADER_CONV_FORWARD_FETCH, SHADER_CONV_BACKWARD_INPUT_FETCH,
                         SHADER_CONV_BACKWARD_WEIGHT_FETCH },
        [CONV_SHARE] = { SHADER_CONV_FORWARD_SHARE, SHADER_CONV_BACKWARD_INPUT_SHARE,
                         SHADER_CONV_BACKWARD_WEIGHT_SHARE },
        // Weight gradients of a few pixels are all output.
        [CONV_VECTOR] = { SHADER_CONV_FORWARD_VECTOR, SHADER_CONV_BACKWARD_INPUT_VECTOR,
                          SHADER_COUNT },
        [CONV_MATRIX] = { SHADER_CONV_FORWARD_MATRIX, SHADER_CONV_BACKWARD_INPUT_MATRIX,
                          SHADER_CONV_BACKWARD_WEIGHT_MATRIX },
    };
    return v->kind == CONV_MATRIX && format == TENSOR_BF16
               ? bf16[direction]
               : shaders[v->kind][direction];
}

uint32_t conv_variant_invocations(const struct conv_variant *v,
                                  const struct op_limits *limits)
{
    if (v->kind == CONV_SHARE)
        return limits->subgroup;
    if (v->kind == CONV_VECTOR)
        return v->n;
    return v->m / v->reg_m * (v->n / v->reg_n) *
           (v->kind == CONV_MATRIX ? limits->matrix.subgroup : 1);
}

uint32_t conv_variant_subgroup(const struct conv_variant *v,
                               const struct op_limits *limits)
{
    return v->kind == CONV_SHARE    ? limits->subgroup
           : v->kind == CONV_MATRIX ? limits->matrix.subgroup
                                    : 0;
}

struct conv_rows conv_variant_rows(const struct conv_variant *v,
                                   const struct conv_shape *s, uint32_t invocations)
{
    const struct shape x = s->x, y = conv_shape_y(s);
    struct conv_rows r = { .phases = 1 };
    uint64_t runs = 0, tiles = DIV_UP(y.c, v->reg_m);
    switch (s->direction) {
    case CONV_FORWARD:
        runs = (uint64_t)y.n * y.h * DIV_UP(y.w, v->reg_n);
        r.steps = s->kernel;
        r.fours_a = s->kernel % 4 == 0;
        r.fours_line = x.w % 4 == 0 && v->reg_n * s->stride % 4 == 0;
        break;
    case CONV_BACKWARD_INPUT:
        runs = (uint64_t)x.n * DIV_UP(x.h, s->stride) * DIV_UP(x.w, v->reg_n);
        tiles = DIV_UP(x.c, v->reg_m);
        r.phases = s->stride;
        r.steps = DIV_UP(s->kernel, s->stride);
        r.fours_a = s->kernel % 4 == 0;
        r.fours_line = y.w % 4 == 0 && v->reg_n / s->stride % 4 == 0;
        break;
    case CONV_BACKWARD_WEIGHT:
        runs = (uint64_t)x.c * s->kernel;
        r.steps = DIV_UP(y.w, v->reg_n);
        r.fours_a = y.w % 4 == 0 && v->reg_n % 4 == 0;
        r.fours_line = x.w % 4 == 0 && v->reg_n * s->stride % 4 == 0;
        break;
    }
    r.groups = DIV_UP(runs, invocations) * tiles;
    return r;
}

// Bytes of all parts of a sum.
#define MOST_IN_PARTS ((uint64_t)16 << 20)

// More sums and terms of a step than this take long to compile.
#define MOST_UNROLLED 1024

// Elements of what is fetched may lie in a tensor that is larger: one of twice the
// channels and twice the batch.
#define ROWS_SLICES 4

static bool rows_fit(const struct conv_variant *v, const struct op_limits *limits,
                     const struct conv_shape *s)
{
    const uint64_t x = shape_count(s->x), y = shape_count(conv_shape_y(s)),
                   w = shape_count(conv_shape_w(s));
    const uint64_t a = s->direction == CONV_BACKWARD_WEIGHT ? ROWS_SLICES * y : w;
    const uint64_t line = ROWS_SLICES * (s->direction == CONV_BACKWARD_INPUT ? y : x);
    return MAX(a, line) <= limits->max_texels &&
           (v->kind != CONV_SHARE || limits->subgroup) &&
           (uint64_t)v->reg_m * v->reg_n * s->kernel <= MOST_UNROLLED &&
           (s->direction != CONV_BACKWARD_INPUT || v->reg_n % s->stride == 0);
}

struct conv_vector conv_variant_vector(const struct conv_variant *v,
                                       const struct conv_shape *s)
{
    const struct shape x = s->x, y = conv_shape_y(s);
    struct conv_vector r = { 0 };
    // reg_n is the most sums of an invocation.
    if (s->direction == CONV_FORWARD) {
        uint64_t rows = (uint64_t)y.n * y.h, each = (uint64_t)v->reg_m * y.w;
        r.rows = (uint32_t)MAX(MIN(v->reg_n / each, rows), 1);
        r.groups = DIV_UP(y.c, v->reg_m) * DIV_UP(rows, r.rows);
        r.sums = r.rows * each;
        r.unrolled = r.sums * s->kernel;
        r.fours = x.w % 4 == 0;
    } else {
        uint64_t plane = (uint64_t)x.h * x.w;
        r.rows = (uint32_t)MAX(MIN(v->reg_n / plane, x.n), 1);
        r.groups = (uint64_t)DIV_UP(x.c, v->m) * DIV_UP(x.n, r.rows);
        r.sums = r.rows * plane;
        r.unrolled = (uint64_t)r.rows * y.h * y.w * s->kernel * s->kernel;
        r.fours = (uint64_t)y.h * y.w % 4 == 0;
    }
    return r;
}

static bool vector_fits(const struct conv_variant *v, const struct op_limits *limits,
                        const struct conv_shape *s)
{
    const struct shape y = conv_shape_y(s);
    const struct conv_vector r = conv_variant_vector(v, s);
    const uint64_t image =
        shape_count(s->direction == CONV_FORWARD ? s->x : y) * ROWS_SLICES;
    return s->kernel == 4 && r.sums <= v->reg_n && s->x.w <= 16 &&
           r.unrolled <= MOST_UNROLLED && image <= limits->max_texels &&
           shape_count(conv_shape_w(s)) / 4 <= limits->max_texels;
}

// What lib/matrix.glsl declares: tiles whose rows are 16 bytes longer, and 16 bytes
// where it keeps registers free (PACKED); or as many rows of results as the device's
// matrices have, of each subgroup.
static uint32_t matrix_shared(const struct conv_variant *v,
                              const struct gpu_matrix_product *units, uint32_t lanes)
{
    const uint32_t subgroups = v->m / v->reg_m * (v->n / v->reg_n);
    const bool packed = lanes < 32 && v->reg_m * v->reg_n >= 64 * lanes;
    return MAX((v->m + v->n) * (v->k / 8 + 1) + packed,
               subgroups * units->m * (v->reg_n / 4 + 1)) *
           16;
}

// f32 never meets matrix units: they would round its operands.
static bool matrix_fits(const struct conv_variant *v, const struct op_limits *limits,
                        const struct conv_shape *s)
{
    const struct gpu_matrix_product *units =
        tensor_matrix_product(&limits->matrix, s->format);
    return units && v->reg_m % units->m == 0 && v->reg_n % units->n == 0 &&
           v->k % units->k == 0 &&
           matrix_shared(v, units, limits->matrix.subgroup) <= limits->shared_bytes &&
           conv_variant_invocations(v, limits) % (v->k / 8) == 0;
}

bool conv_variant_fits(const struct conv_variant *v, const struct op_limits *limits,
                       const struct conv_shape *s)
{
    const enum shader shader = conv_variant_shader(v, s->direction, s->format);
    if (shader == SHADER_COUNT)
        return false;
    if (v->parts > 1 &&
        v->parts * shape_count(conv_shape_out(s)) > MOST_IN_PARTS / sizeof(float))
        return false;
    // As declared in lib/tile.glsl and lib/vector.glsl.
    uint32_t shared = v->kind == CONV_VECTOR   ? 10240
                      : v->kind == CONV_SHARED ? v->k * (v->m + 4 + v->n + 4) * 4
                                               : 0;
    if (conv_variant_invocations(v, limits) > limits->max_invocations ||
        shared > limits->shared_bytes || shader_table[shader].size == 0)
        return false;
    return conv_variant_has_rows(v) ? rows_fit(v, limits, s)
           : v->kind == CONV_VECTOR ? vector_fits(v, limits, s)
           : v->kind == CONV_MATRIX ? matrix_fits(v, limits, s)
                                    : true;
}
