// SPDX-License-Identifier: MIT
//
// Discriminators as the PyTorch port builds them. The PatchGAN (Isola et al. 2017,
// section 3.2.2): `layers` convolutions of stride 2, one of stride 1, one to a single
// channel of logits. The PixelGAN: three convolutions 1x1. The input is the condition
// and the image, joined along channels, or the image alone.
//
//     3 layers: [n, 6, 256, 256] -> [n, 64, 128, 128] -> [n, 128, 64, 64]
//               -> [n, 256, 32, 32] -> [n, 512, 31, 31] -> [n, 1, 30, 30]

#include "models/parts.h"

#include <assert.h>

#define LEAK 0.2f
#define LAYERS_MAX 8    // convolutions

// All but the first convolution read their input through a leaky ReLU.
struct layer {
    uint32_t c_out, index;    // in the port's Sequential; a norm is the next
    struct conv_attributes attr;
    bool bias, norm;
};

static uint32_t list_layers(const struct discriminator_options *o,
                            struct layer list[LAYERS_MAX])
{
    const bool bias = network_bias(o->norm, o->bias);
    const uint32_t inner = o->pixel ? 1 : o->layers;
    const struct conv_attributes pixel = { .kernel = 1, .stride = 1 };
    const struct conv_attributes halving = { .kernel = 4, .stride = 2, .pad = 1 };
    const struct conv_attributes keeping = { .kernel = 4, .stride = 1, .pad = 1 };
    uint32_t count = 0;
    assert(inner + 2 <= LAYERS_MAX);
    list[count++] = (struct layer){ .c_out = o->ndf,
                                    .attr = o->pixel ? pixel : halving,
                                    .bias = true };
    for (uint32_t i = 1; i <= inner; i++)
        list[count++] = (struct layer){
            .c_out = o->ndf << MIN(i, 3),
            .index = 3 * i - 1,
            .attr = o->pixel    ? pixel
                    : i < inner ? halving
                                : keeping,
            .bias = bias,
            .norm = true,
        };
    list[count++] = (struct layer){
        .c_out = 1,
        .index = 3 * inner + 2,
        .attr = o->pixel ? pixel : keeping,
        .bias = !o->pixel || bias,
    };
    list[0].attr.full_weight = true;
    list[count - 1].attr.full_weight = list[count - 1].attr.full_output = true;
    for (uint32_t i = 1; i < count; i++) {
        list[i].attr.leaky = true;
        list[i].attr.slope = LEAK;
    }
    return count;
}

// `before` gets what each convolution is read from, before the activation; may be NULL.
static struct tensor *build(const struct network *n, struct tensor *x,
                            const struct discriminator_options *o,
                            struct tensor *before[LAYERS_MAX])
{
    struct layer list[LAYERS_MAX];
    const uint32_t count = list_layers(o, list);
    const char *prefix = o->pixel ? "net" : "model";
    for (uint32_t i = 0; i < count; i++) {
        const struct layer *l = &list[i];
        if (before)
            before[i] = x;
        x = network_conv(n, x, l->c_out, l->attr, l->bias, "%s.%u", prefix, l->index);
        if (l->norm)
            x = network_norm(n, x, false, false, "%s.%u", prefix, l->index + 1);
    }
    return x;
}

struct tensor *discriminator_build(struct graph *g, struct weights *weights,
                                   struct tensor *x,
                                   const struct discriminator_options *o,
                                   struct model_mode mode)
{
    const struct network n = { g,     weights, o->norm, network_bias(o->norm, o->bias),
                               false, mode };
    if (graph_failed(g))
        return NULL;
    graph_store(g, mode.full ? TENSOR_F32 : weights->precision);
    graph_mark(g, mode.passes_only ? NULL : weights);
    struct tensor *logits = build(&n, x, o, NULL);
    graph_store(g, TENSOR_F32);
    graph_mark(g, NULL);
    return logits;
}

struct tensor *discriminator_input_gradient(struct graph *g, struct weights *weights,
                                            struct tensor *x,
                                            const struct discriminator_options *o)
{
    const struct network n = { g,     weights, o->norm, network_bias(o->norm, o->bias),
                               false, { 0 } };
    struct layer list[LAYERS_MAX];
    struct tensor *before[LAYERS_MAX];
    assert(o->norm == MODEL_NORM_NONE);
    if (graph_failed(g))
        return NULL;
    graph_store(g, weights->precision);
    struct tensor *logits = build(&n, x, o, before);
    if (graph_failed(g))
        return NULL;
    // The chain rule by hand, from the gradient of a sum, which is 1 everywhere: each
    // step is a node, so the result can be differentiated once more.
    struct tensor *d = graph_fill(g, logits->shape, 1.0f);
    for (uint32_t i = list_layers(o, list); i-- > 0 && !graph_failed(g);) {
        const struct shape in = before[i]->shape;
        struct layer *l = &list[i];
        l->attr.full_output = i == 0;
        struct tensor *w = weights_add(
            weights, WEIGHT_CONV,
            (struct shape){ l->c_out, in.c, l->attr.kernel, l->attr.kernel },
            "%s.%u.weight", o->pixel ? "net" : "model", l->index);
        d = graph_conv_gradient(g, d, w, before[i], l->attr);
        if (i > 0 && d)
            d = graph_mask(g, d, before[i], LEAK);
    }
    graph_store(g, TENSOR_F32);
    return d;
}

uint32_t discriminator_receptive_field(const struct discriminator_options *o)
{
    struct layer list[LAYERS_MAX];
    // What one element of a layer's output sees, from the logits back.
    uint32_t side = 1;
    for (uint32_t i = list_layers(o, list); i-- > 0;)
        side = (side - 1) * list[i].attr.stride + list[i].attr.kernel;
    return side;
}

uint32_t discriminator_output_side(const struct discriminator_options *o, uint32_t side)
{
    struct layer list[LAYERS_MAX];
    const uint32_t count = list_layers(o, list);
    for (uint32_t i = 0; i < count; i++) {
        const struct conv_attributes *a = &list[i].attr;
        if (side + 2 * a->pad < a->kernel)
            return 0;
        side = (side + 2 * a->pad - a->kernel) / a->stride + 1;
    }
    return side;
}
