// SPDX-License-Identifier: MIT
//
// Which generator it is. See model.h.

#include "models/parts.h"

struct tensor *generator_build(struct graph *g, struct weights *weights,
                               struct tensor *x,
                               const struct generator_options *options,
                               struct model_mode mode)
{
    if (graph_failed(g))
        return NULL;
    return options->kind == GENERATOR_RESNET
               ? resnet_build(g, weights, x, options, mode)
               : unet_build(g, weights, x, options, mode);
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
