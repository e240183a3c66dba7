// SPDX-License-Identifier: MIT
//
// The U-Net generator (Isola et al. 2017, appendix 6.1.1) as the PyTorch port builds
// it: pre-activation blocks nested into one another, skip first in each concatenation,
// convolutions without bias before a batch norm.
//
//     level 1:         conv -> [level 2] -> relu, deconv, tanh
//     level k:  leaky, conv, norm -> [level k + 1] -> relu, deconv, norm, (dropout)
//     innermost: leaky, conv -> relu, deconv, norm
//
// Level k maps its input, of size h / 2^(k-1), to ngf min(2^(k-1), 8) channels of size
// h / 2^k, and back. The level around it joins the result with its own encoder's
// output, so that decoders read twice the channels.
//
// The encoder-decoder is the same without the concatenations. Of classes there is no
// tanh.

#include "models/parts.h"

#include <assert.h>
#include <string.h>

// Each convolution halves or doubles the side. What it reads goes through a leaky ReLU
// on the way down, a ReLU on the way up; a skip is read by both.
static const struct conv_attributes first = {
    .kernel = 4, .stride = 2, .pad = 1, .full_weight = true
};
static const struct conv_attributes down = {
    .kernel = 4, .stride = 2, .pad = 1, .leaky = true, .slope = 0.2f
};
static const struct conv_attributes up = {
    .kernel = 4, .stride = 2, .pad = 1, .leaky = true, .slope = 0.0f
};
static const struct conv_attributes last = {
    .kernel = 4,
    .stride = 2,
    .pad = 1,
    .leaky = true,
    .slope = 0.0f,
    .tanh = true,
    .full_weight = true,
    .full_output = true,
};

// Deepest levels lie inside one another: 10 levels give names of about 100 bytes.
#define PREFIX_SIZE 160

struct unet {
    struct network n;
    const struct generator_options *options;
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

// The encoder's and the decoder's side of a level, in one tensor.
static struct tensor *join(const struct unet *u, struct tensor *encoder,
                           struct tensor *decoder)
{
    if (u->options->kind == GENERATOR_ENCODER_DECODER || graph_failed(u->n.g))
        return decoder;
    return u->options->decoder_first ? graph_concat(u->n.g, decoder, encoder)
                                     : graph_concat(u->n.g, encoder, decoder);
}

// Which decoders drop out: the port's blocks between the four outer levels and the
// innermost, or the paper's three innermost.
static bool drops_out(const struct generator_options *o, uint32_t level)
{
    if (o->no_dropout)
        return false;
    return o->dropout_inner ? level + 3 > o->levels : level >= 5 && level < o->levels;
}

// The output of a level for the output of the level around it, before concatenation.
static struct tensor *level_build(const struct unet *u, struct tensor *x,
                                  uint32_t level)
{
    const struct generator_options *o = u->options;
    const bool is_innermost = level == o->levels;
    char prefix[PREFIX_SIZE];
    write_prefix(level, prefix);

    const bool has_norm = !is_innermost || o->norm_innermost;
    struct tensor *h =
        network_conv(&u->n, x, channels_of(u, level), down, u->n.bias, "%s.1", prefix);
    if (has_norm)
        h = network_norm(&u->n, h, false, false, "%s.2", prefix);
    if (!is_innermost)
        h = join(u, h, level_build(u, h, level + 1));
    // A norm in the innermost level moves what comes after it.
    const uint32_t index = is_innermost && !o->norm_innermost ? 3
                           : is_innermost                     ? 4
                                                              : 5;
    h = network_double(&u->n, h, channels_of(u, level - 1), up, u->n.bias, "%s.%u",
                       prefix, index);
    return network_norm(&u->n, h, false, drops_out(o, level), "%s.%u", prefix,
                        index + 1);
}

struct tensor *unet_build(struct graph *g, struct weights *weights, struct tensor *x,
                          const struct generator_options *options,
                          struct model_mode mode)
{
    const struct unet u = {
        { g, weights, options->norm, network_bias(options->norm, options->bias),
          options->resize, mode },
        options,
    };
    assert(options->levels >= 2);
    // The port's outermost convolution has a bias where those before a norm have one.
    struct tensor *h =
        network_conv(&u.n, x, channels_of(&u, 1), first, u.n.bias, "model.model.0");
    h = join(&u, h, level_build(&u, h, 2));
    return network_double(&u.n, h, options->channels_out,
                          network_last(last, options->classes), true, "model.model.3");
}

// The way through all levels: one that turns round earlier sees less.
struct reach unet_reach(const struct generator_options *o, struct reach out)
{
    for (uint32_t level = 1; level <= o->levels; level++)
        out = reach_double(out, level == 1 ? last : up, o->resize);
    for (uint32_t level = o->levels; level >= 1; level--)
        out = reach_conv(out, level == 1 ? first : down);
    return out;
}
