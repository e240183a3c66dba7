// SPDX-License-Identifier: MIT
//
// The U-Net generator (Isola et al. 2017, appendix 6.1.1) as the PyTorch port builds
// it: pre-activation blocks nested into one another, skip first in each concatenation,
// convolutions without bias before a norm.
//
//     level 1:         conv -> [level 2] -> relu, deconv, tanh
//     level k:  leaky, conv, norm -> [level k + 1] -> relu, deconv, norm, (dropout)
//     innermost: leaky, conv -> relu, deconv, norm

#include "models/model.h"

#include <assert.h>
#include <string.h>

#define DROPOUT 0.5f

// Each convolution halves or doubles the side. What it reads goes through a leaky ReLU
// on the way down, a ReLU on the way up; a skip is read by both.
static const struct conv_attributes first = { .kernel = 4, .stride = 2, .pad = 1 };
static const struct conv_attributes down = {
    .kernel = 4, .stride = 2, .pad = 1, .leaky = true, .slope = 0.2f
};
static const struct conv_attributes up = {
    .kernel = 4, .stride = 2, .pad = 1, .leaky = true, .slope = 0.0f
};
static const struct conv_attributes last = {
    .kernel = 4, .stride = 2, .pad = 1, .leaky = true, .slope = 0.0f, .tanh = true
};

// Deepest levels lie inside one another: 10 levels give names of about 100 bytes.
#define PREFIX_SIZE 160

struct unet {
    struct graph *g;
    struct weights *weights;
    const struct unet_options *options;
    struct model_mode mode;
};

static uint32_t channels_of(const struct unet *u, uint32_t level)
{
    return u->options->ngf << MIN(level - 1, 3);
}

// The port's name of a level's Sequential: each lies in the one around it.
static void write_prefix(uint32_t level, char text[PREFIX_SIZE])
{
    static const char second[] = "model.model.1.model", deeper[] = ".3.model";
    assert(level >= 2);
    assert(sizeof(second) + (level - 2) * (sizeof(deeper) - 1) <= PREFIX_SIZE);
    memcpy(text, second, sizeof(second));
    char *end = text + sizeof(second) - 1;
    for (uint32_t i = 2; i < level; i++, end += sizeof(deeper) - 1)
        memcpy(end, deeper, sizeof(deeper));
}

// The output of a level for the output of the level around it, before concatenation.
static struct tensor *level_build(const struct unet *u, struct tensor *x,
                                  uint32_t level)
{
    const uint32_t c = channels_of(u, level);
    const uint32_t c_around = channels_of(u, level - 1);
    const bool is_innermost = level == u->options->levels;
    char prefix[PREFIX_SIZE];
    write_prefix(level, prefix);

    struct tensor *w =
        weights_add(u->weights, WEIGHT_CONV, (struct shape){ c, c_around, 4, 4 },
                    "%s.1.weight", prefix);
    struct tensor *h = graph_conv(u->g, x, w, NULL, down);
    uint32_t c_joint = c;
    if (!is_innermost) {
        h = model_norm(u->g, u->weights, h, u->mode, 0.0f, "%s.2", prefix);
        h = graph_concat(u->g, h, level_build(u, h, level + 1));
        c_joint = 2 * c;
    }
    w = weights_add(u->weights, WEIGHT_CONV_TRANSPOSE,
                    (struct shape){ c_joint, c_around, 4, 4 }, "%s.%u.weight", prefix,
                    is_innermost ? 3 : 5);
    h = graph_conv_transpose(u->g, h, w, NULL, up);
    // The port drops out in the blocks between the four outer levels and the innermost.
    const bool drops = level >= 5 && !is_innermost && !u->mode.no_dropout;
    return model_norm(u->g, u->weights, h, u->mode, drops ? DROPOUT : 0.0f, "%s.%d",
                      prefix, is_innermost ? 4 : 6);
}

struct tensor *unet_build(struct graph *g, struct weights *weights, struct tensor *x,
                          const struct unet_options *options, struct model_mode mode)
{
    const struct unet u = { g, weights, options, mode };
    const uint32_t c = channels_of(&u, 1);
    struct tensor *w = weights_add(weights, WEIGHT_CONV,
                                   (struct shape){ c, options->channels_in, 4, 4 },
                                   "model.model.0.weight");
    struct tensor *h = graph_conv(g, x, w, NULL, first);
    h = graph_concat(g, h, level_build(&u, h, 2));
    w = weights_add(weights, WEIGHT_CONV_TRANSPOSE,
                    (struct shape){ 2 * c, options->channels_out, 4, 4 },
                    "model.model.3.weight");
    struct tensor *b = weights_add(weights, WEIGHT_BIAS,
                                   (struct shape){ 1, options->channels_out, 1, 1 },
                                   "model.model.3.bias");
    return graph_conv_transpose(g, h, w, b, last);
}
