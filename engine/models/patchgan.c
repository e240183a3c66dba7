// SPDX-License-Identifier: MIT
//
// The PatchGAN discriminator (Isola et al. 2017, section 3.2.2) as the PyTorch port
// builds it: `layers` convolutions of stride 2, one of stride 1, one to a single
// channel of logits. Three layers see 70x70 pixels. The input is the condition and the
// image, joined along channels.

#include "models/model.h"

#define LEAK 0.2f

// All but the first read their input through the leaky ReLU before them.
static const struct conv_attributes first = { .kernel = 4, .stride = 2, .pad = 1 };
static const struct conv_attributes halving = {
    .kernel = 4, .stride = 2, .pad = 1, .leaky = true, .slope = LEAK
};
static const struct conv_attributes keeping = {
    .kernel = 4, .stride = 1, .pad = 1, .leaky = true, .slope = LEAK
};

struct tensor *patchgan_build(struct graph *g, struct weights *weights,
                              struct tensor *x, const struct patchgan_options *options,
                              struct model_mode mode)
{
    if (graph_failed(g))
        return NULL;
    uint32_t c = options->ndf;
    struct tensor *w = weights_add(
        weights, WEIGHT_CONV, (struct shape){ c, x->shape.c, 4, 4 }, "model.0.weight");
    struct tensor *b =
        weights_add(weights, WEIGHT_BIAS, (struct shape){ 1, c, 1, 1 }, "model.0.bias");
    struct tensor *h = graph_conv(g, x, w, b, first);

    // The port's Sequential counts convolution, norm and activation each.
    uint32_t index = 2;
    for (uint32_t i = 1; i <= options->layers; i++, index += 3) {
        uint32_t c_out = options->ndf << MIN(i, 3);
        w = weights_add(weights, WEIGHT_CONV, (struct shape){ c_out, c, 4, 4 },
                        "model.%u.weight", index);
        h = graph_conv(g, h, w, NULL, i < options->layers ? halving : keeping);
        h = model_norm(g, weights, h, mode, 0.0f, "model.%u", index + 1);
        c = c_out;
    }
    w = weights_add(weights, WEIGHT_CONV, (struct shape){ 1, c, 4, 4 },
                    "model.%u.weight", index);
    b = weights_add(weights, WEIGHT_BIAS, (struct shape){ 1, 1, 1, 1 }, "model.%u.bias",
                    index);
    return graph_conv(g, h, w, b, keeping);
}
