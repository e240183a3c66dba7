// SPDX-License-Identifier: MIT
//
// Which generator it is. See model.h.

#include "models/parts.h"

#include <assert.h>

static struct tensor *build(struct graph *g, struct weights *weights, struct tensor *x,
                            const struct generator_options *options,
                            struct model_mode mode)
{
    if (graph_failed(g))
        return NULL;
    graph_store(g, mode.full ? TENSOR_F32 : weights->precision);
    graph_mark(g, weights);
    struct tensor *y = options->kind == GENERATOR_RESNET
                           ? resnet_build(g, weights, x, options, mode)
                           : unet_build(g, weights, x, options, mode);
    graph_store(g, TENSOR_F32);
    graph_mark(g, NULL);
    return y;
}

struct tensor *generator_build_logits(struct graph *g, struct weights *weights,
                                      struct tensor *x,
                                      const struct generator_options *options,
                                      struct model_mode mode)
{
    assert(options->classes);
    return build(g, weights, x, options, mode);
}

struct tensor *generator_build(struct graph *g, struct weights *weights,
                               struct tensor *x,
                               const struct generator_options *options,
                               struct model_mode mode)
{
    struct tensor *y = build(g, weights, x, options, mode);
    return options->classes ? graph_softmax(g, y) : y;
}

uint32_t generator_multiple(const struct generator_options *options)
{
    return options->kind == GENERATOR_RESNET ? 4 : 1u << options->levels;
}

// A residual block mirrors a pixel around the edge: its maps, of a quarter of the side,
// have two.
uint32_t generator_least_side(const struct generator_options *options)
{
    return options->kind == GENERATOR_RESNET ? 8 : generator_multiple(options);
}

// Strides make the reach of an output element depend on its place, again and again
// after `multiple` of them.
uint32_t generator_radius(const struct generator_options *options)
{
    const int64_t multiple = generator_multiple(options);
    int64_t radius = 0;
    for (int64_t i = 0; i < multiple; i++) {
        const struct reach one = { i, i };
        const struct reach in = options->kind == GENERATOR_RESNET
                                    ? resnet_reach(options, one)
                                    : unet_reach(options, one);
        radius = MAX(radius, MAX(i - in.first, in.last - i));
    }
    return (uint32_t)radius;
}
