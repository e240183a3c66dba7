// SPDX-License-Identifier: MIT
//
// LPIPS. The images go through the features of a backbone; where a map is compared,
// the channels of each pixel are divided by their length, and a head weighs the squares
// of the differences. The distance is the sum of these over the maps. See lpips.h.
//
// They go side by side, layer by layer: without a gradient no map outlives the next
// layer.

#include "models/lpips.h"

#include "models/parts.h"

#include <assert.h>

// Of torchvision's `features`, by their index there. Every convolution has a bias and a
// ReLU behind it.
struct layer {
    enum layer_kind { LAYER_CONV, LAYER_POOL, LAYER_FIRE } kind;
    uint32_t index;
    struct conv_attributes conv;
    uint32_t c_out;      // fire: of each of its two halves
    uint32_t squeeze;    // fire: channels between
    bool is_compared;
    struct pool_attributes pool;
};

#define CONV(i, channels, k, s, p, compared)                                           \
    {                                                                                  \
        .kind = LAYER_CONV, .index = i, .c_out = channels,                             \
        .conv = { .kernel = k, .stride = s, .pad = p }, .is_compared = compared        \
    }
#define POOL(k, s, rounds_up)                                                          \
    {                                                                                  \
        .kind = LAYER_POOL, .pool = {.kernel = k, .stride = s, .ceil = rounds_up }     \
    }
#define FIRE(i, between, half, compared)                                               \
    {                                                                                  \
        .kind = LAYER_FIRE, .index = i, .squeeze = between, .c_out = half,             \
        .is_compared = compared                                                        \
    }

static const struct layer alex[] = {
    CONV(0, 64, 11, 4, 2, true),  POOL(3, 2, false),
    CONV(3, 192, 5, 1, 2, true),  POOL(3, 2, false),
    CONV(6, 384, 3, 1, 1, true),  CONV(8, 256, 3, 1, 1, true),
    CONV(10, 256, 3, 1, 1, true),
};

static const struct layer squeeze[] = {
    CONV(0, 64, 3, 2, 0, true), POOL(3, 2, true),        FIRE(3, 16, 64, false),
    FIRE(4, 16, 64, true),      POOL(3, 2, true),        FIRE(6, 32, 128, false),
    FIRE(7, 32, 128, true),     POOL(3, 2, true),        FIRE(9, 48, 192, true),
    FIRE(10, 48, 192, true),    FIRE(11, 64, 256, true), FIRE(12, 64, 256, true),
};

static const struct layer vgg[] = {
    CONV(0, 64, 3, 1, 1, false),
    CONV(2, 64, 3, 1, 1, true),
    POOL(2, 2, false),
    CONV(5, 128, 3, 1, 1, false),
    CONV(7, 128, 3, 1, 1, true),
    POOL(2, 2, false),
    CONV(10, 256, 3, 1, 1, false),
    CONV(12, 256, 3, 1, 1, false),
    CONV(14, 256, 3, 1, 1, true),
    POOL(2, 2, false),
    CONV(17, 512, 3, 1, 1, false),
    CONV(19, 512, 3, 1, 1, false),
    CONV(21, 512, 3, 1, 1, true),
    POOL(2, 2, false),
    CONV(24, 512, 3, 1, 1, false),
    CONV(26, 512, 3, 1, 1, false),
    CONV(28, 512, 3, 1, 1, true),
};

static const struct backbone {
    const char *name, *title;
    const struct layer *layers;
    size_t count;
} backbones[LPIPS_BACKBONES] = {
    [LPIPS_ALEX] = { "alex", "AlexNet", alex, ARRAY_LEN(alex) },
    [LPIPS_SQUEEZE] = { "squeeze", "SqueezeNet 1.1", squeeze, ARRAY_LEN(squeeze) },
    [LPIPS_VGG] = { "vgg", "VGG-16", vgg, ARRAY_LEN(vgg) },
};

const char *lpips_backbone_name(enum lpips_backbone b)
{
    assert(b < LPIPS_BACKBONES);
    return backbones[b].name;
}

const char *lpips_backbone_title(enum lpips_backbone b)
{
    assert(b < LPIPS_BACKBONES);
    return backbones[b].title;
}

// From [-1, 1] to what the backbones were trained on, by the package's constants:
// (x - shift) / scale. They are the mean and the deviation of ImageNet for images in
// [0, 1], (0.485, 0.456, 0.406) and (0.229, 0.224, 0.225).
static struct tensor *standardise(struct graph *g, struct tensor *x)
{
    static const double shift[LPIPS_CHANNELS] = { -0.030, -0.088, -0.188 };
    static const double scale[LPIPS_CHANNELS] = { 0.458, 0.448, 0.450 };
    struct affine_attributes attr;
    for (uint32_t c = 0; c < LPIPS_CHANNELS; c++) {
        attr.scale[c] = (float)(1 / scale[c]);
        attr.shift[c] = (float)(-shift[c] / scale[c]);
    }
    return graph_affine(g, x, &attr);
}

// Iandola et al. 2016, section 3.1: few channels, then 1x1 and 3x3 kernels side by
// side. [n, c, h, w] -> [n, 2 c_out, h, w].
static struct tensor *build_fire(const struct network *n, struct tensor *x,
                                 const struct layer *l)
{
    const struct conv_attributes one = { .kernel = 1, .stride = 1 };
    const struct conv_attributes three = { .kernel = 3, .stride = 1, .pad = 1 };
    struct tensor *between =
        graph_relu(n->g, network_conv(n, x, l->squeeze, one, true,
                                      "features.%u.squeeze", (unsigned)l->index));
    struct tensor *halves[2];
    halves[0] =
        graph_relu(n->g, network_conv(n, between, l->c_out, one, true,
                                      "features.%u.expand1x1", (unsigned)l->index));
    halves[1] =
        graph_relu(n->g, network_conv(n, between, l->c_out, three, true,
                                      "features.%u.expand3x3", (unsigned)l->index));
    return graph_concat(n->g, halves[0], halves[1]);
}

static struct tensor *build_layer(const struct network *n, struct tensor *x,
                                  const struct layer *l)
{
    switch (l->kind) {
    case LAYER_CONV:
        return graph_relu(n->g, network_conv(n, x, l->c_out, l->conv, true,
                                             "features.%u", (unsigned)l->index));
    case LAYER_POOL:
        return graph_pool(n->g, x, l->pool);
    case LAYER_FIRE:
        return build_fire(n, x, l);
    }
    return NULL;
}

// Adds a term to each distance, [n, 1, 1, 1].
static void compare(const struct network *n, struct tensor *const *x, size_t count,
                    struct tensor *y, uint32_t head, struct tensor **distances)
{
    if (graph_failed(n->g))
        return;
    struct tensor *w =
        weights_add(n->weights, WEIGHT_BIAS, (struct shape){ 1, y->shape.c, 1, 1 },
                    "lin%u.weight", (unsigned)head);
    struct tensor *unit = graph_unit(n->g, y);
    for (size_t k = 0; k < count; k++) {
        struct tensor *term = graph_distance(n->g, graph_unit(n->g, x[k]), unit, w);
        distances[k] = head > 0 ? graph_add(n->g, distances[k], term) : term;
    }
}

bool lpips_build_all(struct graph *g, struct weights *weights, struct tensor *const *x,
                     size_t count, struct tensor *y, enum lpips_backbone b,
                     struct tensor **distances)
{
    const struct network n = { .g = g, .weights = weights };
    struct tensor *maps[LPIPS_MOST];
    uint32_t heads = 0;
    assert(b < LPIPS_BACKBONES && count <= LPIPS_MOST);
    for (size_t k = 0; k < count; k++)
        maps[k] = standardise(g, x[k]);
    y = standardise(g, y);
    for (size_t i = 0; i < backbones[b].count && !graph_failed(g); i++) {
        const struct layer *l = &backbones[b].layers[i];
        for (size_t k = 0; k < count; k++)
            maps[k] = build_layer(&n, maps[k], l);
        y = build_layer(&n, y, l);
        if (l->is_compared)
            compare(&n, maps, count, y, heads++, distances);
    }
    return !graph_failed(g);
}

struct tensor *lpips_build(struct graph *g, struct weights *weights, struct tensor *x,
                           struct tensor *y, enum lpips_backbone b)
{
    struct tensor *distance;
    return lpips_build_all(g, weights, &x, 1, y, b, &distance) ? distance : NULL;
}

bool lpips_add_shapes(struct conv_shapes *list, const struct op_limits *limits,
                      enum lpips_backbone b, uint32_t height, uint32_t width)
{
    const struct shape s = { 1, LPIPS_CHANNELS, height, width };
    struct graph *g = graph_create(limits);
    struct weights *weights = weights_create(true);
    const bool ok = g && weights &&
                    lpips_build(g, weights, graph_input(g, "x", s, TENSOR_F32),
                                graph_input(g, "y", s, TENSOR_F32), b) &&
                    conv_shapes_add_all(list, graph_products(g));
    graph_destroy(g);
    weights_destroy(weights);
    return ok;
}
