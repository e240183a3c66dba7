// SPDX-License-Identifier: MIT
//
// Convolutions and norms with their weights. See parts.h.

#include "models/parts.h"

#include <stdarg.h>
#include <stdio.h>

#define NAME_SIZE 192
#define NORM_EPSILON 1e-5f

// Weights [first, second, kernel, kernel] of a convolution: its channels in the order
// of PyTorch's files, which differs for a transposed one.
static void add_weights(const struct network *n, enum weight_kind kind, uint32_t first,
                        uint32_t second, uint32_t kernel, uint32_t c_out, bool bias,
                        const char *name, struct tensor **w, struct tensor **b)
{
    *w = weights_add(n->weights, kind, (struct shape){ first, second, kernel, kernel },
                     "%s.weight", name);
    *b = bias ? weights_add(n->weights, WEIGHT_BIAS, (struct shape){ 1, c_out, 1, 1 },
                            "%s.bias", name)
              : NULL;
}

static bool wraps(const struct network *n)
{
    return n->mode.wraps_across || n->mode.wraps_down;
}

struct tensor *network_pad(const struct network *n, struct tensor *x, uint32_t size,
                           enum pad_kind kind)
{
    return graph_failed(n->g)
               ? NULL
               : graph_pad_sides(n->g, x, size,
                                 n->mode.wraps_down ? PAD_KIND_WRAP : kind,
                                 n->mode.wraps_across ? PAD_KIND_WRAP : kind);
}

// Where the mode wraps, the zeros that a convolution adds around its input are added
// before it, those of a wrapped axis with what lies at the other end.
static struct tensor *add_conv(const struct network *n, struct tensor *x,
                               uint32_t c_out, struct conv_attributes attr, bool bias,
                               const char *name)
{
    struct tensor *w, *b;
    if (wraps(n) && attr.pad > 0) {
        x = network_pad(n, x, attr.pad, PAD_KIND_ZERO);
        attr.pad = 0;
        if (!x)
            return NULL;
    }
    add_weights(n, WEIGHT_CONV, c_out, x->shape.c, attr.kernel, c_out, bias, name, &w,
                &b);
    return graph_conv(n->g, x, w, b, attr);
}

struct tensor *network_conv(const struct network *n, struct tensor *x, uint32_t c_out,
                            struct conv_attributes attr, bool bias, const char *format,
                            ...)
{
    char name[NAME_SIZE];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(name, sizeof(name), format, arguments);
    va_end(arguments);
    return graph_failed(n->g) ? NULL : add_conv(n, x, c_out, attr, bias, name);
}

struct tensor *network_double(const struct network *n, struct tensor *x, uint32_t c_out,
                              struct conv_attributes attr, bool bias,
                              const char *format, ...)
{
    struct tensor *w, *b;
    char name[NAME_SIZE];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(name, sizeof(name), format, arguments);
    va_end(arguments);
    if (graph_failed(n->g))
        return NULL;
    if (n->resize) {
        // [n, c, h, w] -> [n, c, 2 h, 2 w], then a convolution that keeps the size. Its
        // activation on load may come after the repetition: both are elementwise.
        attr.kernel = 3;
        attr.stride = attr.pad = 1;
        attr.output_pad = 0;
        x = graph_upsample(n->g, x);
        return x ? add_conv(n, x, c_out, attr, bias, name) : NULL;
    }
    if (wraps(n)) {
        // A pixel at each end, whose own outputs are cut off again.
        x = network_pad(n, x, 1, PAD_KIND_ZERO);
        attr.pad += attr.stride;
        if (!x)
            return NULL;
    }
    add_weights(n, WEIGHT_CONV_TRANSPOSE, x->shape.c, c_out, attr.kernel, c_out, bias,
                name, &w, &b);
    return graph_conv_transpose(n->g, x, w, b, attr);
}

// A norm by statistics that the caller gives, whatever its kind, or what measures it.
// What comes after that is built only to be dropped, since nobody reads it.
static struct tensor *given_norm(const struct network *n, struct tensor *x, bool relu,
                                 float dropout, const char *prefix)
{
    struct given_norms *given = n->mode.given;
    const uint32_t index = given->count++;
    if (n->norm == MODEL_NORM_BATCH)    // the network's own, for its scale and shift
        weights_add_norm(n->weights, x->shape.c, prefix);
    struct tensor *scale = weights_add_norm(given->weights, x->shape.c, prefix);
    if (given->measures && index == given->measured)
        given->moments =
            graph_moments(n->g, x, given->region, given->height / x->shape.h);
    if (given->measures && index >= given->measured)
        return x;
    struct tensor *follows = NULL;
    if (given->keep > 0)
        follows = graph_moments(n->g, x, given->region, given->height / x->shape.h);
    return graph_norm_following(n->g, x, scale, follows,
                                (struct norm_attributes){ .kind = NORM_BATCH,
                                                          .epsilon = NORM_EPSILON,
                                                          .fixed = true,
                                                          .keep = given->keep,
                                                          .leaky = relu,
                                                          .dropout = dropout });
}

struct tensor *network_norm(const struct network *n, struct tensor *x, bool relu,
                            bool dropout, const char *format, ...)
{
    char prefix[NAME_SIZE];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(prefix, sizeof(prefix), format, arguments);
    va_end(arguments);
    if (graph_failed(n->g))
        return NULL;

    dropout = dropout && !n->mode.no_dropout;
    if (n->norm == MODEL_NORM_NONE) {
        if (relu)
            x = graph_relu(n->g, x);
        return dropout ? graph_dropout(n->g, x, MODEL_DROPOUT) : x;
    }
    const enum model_statistics statistics = n->mode.statistics;
    if (statistics == STATISTICS_GIVEN)
        return given_norm(n, x, relu, dropout ? MODEL_DROPOUT : 0.0f, prefix);
    // PyTorch's InstanceNorm2d has neither scale nor shift by default, BatchNorm2d has
    // both. A batch norm over each image alone is an instance norm with them.
    const bool has_weights = n->norm == MODEL_NORM_BATCH;
    const bool is_batch = has_weights && statistics != STATISTICS_PER_IMAGE;
    const struct norm_attributes attr = {
        .kind = is_batch ? NORM_BATCH : NORM_INSTANCE,
        .epsilon = NORM_EPSILON,
        .momentum = 0.1f,
        .fixed = is_batch && statistics == STATISTICS_RUNNING,
        .update_running =
            is_batch && statistics == STATISTICS_BATCH && !n->mode.keep_running,
        .sections = is_batch ? n->mode.sections : 1,
        .leaky = relu,
        .dropout = dropout ? MODEL_DROPOUT : 0.0f,
    };
    struct tensor *scale =
        has_weights ? weights_add_norm(n->weights, x->shape.c, prefix) : NULL;
    return graph_norm(n->g, x, scale, attr);
}
