// SPDX-License-Identifier: MIT
//
// The ResNet generator of the PyTorch port (Johnson et al. 2016): a 7x7 convolution,
// two that halve, residual blocks, two that double, a 7x7 convolution; reflection
// padding around all that keep the size.
//
//     block: x + norm(conv(pad(dropout(relu(norm(conv(pad(x))))))))
//
//     [n, 3, h, w] -> [n, ngf, h, w] -> [n, 2 ngf, h/2, w/2] -> [n, 4 ngf, h/4, w/4]
//     and back; the blocks keep [n, 4 ngf, h/4, w/4]

#include "models/parts.h"

#define HALVINGS 2

static const struct conv_attributes wide = { .kernel = 7,
                                             .stride = 1,
                                             .full_weight = true };
static const struct conv_attributes wide_last = {
    .kernel = 7, .stride = 1, .tanh = true, .full_weight = true, .full_output = true
};
static const struct conv_attributes halving = { .kernel = 3, .stride = 2, .pad = 1 };
static const struct conv_attributes same = { .kernel = 3, .stride = 1 };
static const struct conv_attributes doubling = {
    .kernel = 3, .stride = 2, .pad = 1, .output_pad = 1
};

static struct tensor *padded(const struct network *n, struct tensor *x, uint32_t size)
{
    return network_pad(n, x, size, PAD_KIND_REFLECT);
}

// The port's Sequential counts padding, convolution, norm and activation each; a
// dropout moves what comes after it.
static struct tensor *block_build(const struct network *n, struct tensor *x,
                                  uint32_t index, bool has_dropout)
{
    const uint32_t c = x->shape.c, second = has_dropout ? 6 : 5;
    struct tensor *h = padded(n, x, 1);
    h = network_conv(n, h, c, same, n->bias, "model.%u.conv_block.1", index);
    h = network_norm(n, h, true, has_dropout, "model.%u.conv_block.2", index);
    h = padded(n, h, 1);
    h = network_conv(n, h, c, same, n->bias, "model.%u.conv_block.%u", index, second);
    h = network_norm(n, h, false, false, "model.%u.conv_block.%u", index, second + 1);
    return graph_failed(n->g) ? NULL : graph_add(n->g, x, h);
}

struct tensor *resnet_build(struct graph *g, struct weights *weights, struct tensor *x,
                            const struct generator_options *o, struct model_mode mode)
{
    const struct network n = { g,         weights,
                               o->norm,   network_bias(o->norm, o->bias),
                               o->resize, mode };
    uint32_t c = o->ngf, index = 4;
    struct tensor *h = padded(&n, x, 3);
    h = network_conv(&n, h, c, wide, n.bias, "model.1");
    h = network_norm(&n, h, true, false, "model.2");
    for (uint32_t i = 0; i < HALVINGS; i++, index += 3) {
        c *= 2;
        h = network_conv(&n, h, c, halving, n.bias, "model.%u", index);
        h = network_norm(&n, h, true, false, "model.%u", index + 1);
    }
    for (uint32_t i = 0; i < o->blocks && h; i++)
        h = block_build(&n, h, index++, !o->no_dropout);
    for (uint32_t i = 0; i < HALVINGS; i++, index += 3) {
        c /= 2;
        h = network_double(&n, h, c, doubling, n.bias, "model.%u", index);
        h = network_norm(&n, h, true, false, "model.%u", index + 1);
    }
    h = padded(&n, h, 3);
    return network_conv(&n, h, o->channels_out, network_last(wide_last, o->classes),
                        true, "model.%u", index + 1);
}

// A convolution with the padding in front of it.
static struct reach padded_reach(struct reach out, struct conv_attributes attr)
{
    attr.pad = attr.kernel / 2;
    return reach_conv(out, attr);
}

// The way through the convolutions of the blocks, past which their sums only lead.
struct reach resnet_reach(const struct generator_options *o, struct reach out)
{
    out = padded_reach(out, wide_last);
    for (uint32_t i = 0; i < HALVINGS; i++)
        out = reach_double(out, doubling, o->resize);
    for (uint32_t i = 0; i < 2 * o->blocks; i++)
        out = padded_reach(out, same);
    for (uint32_t i = 0; i < HALVINGS; i++)
        out = reach_conv(out, halving);
    return padded_reach(out, wide);
}
