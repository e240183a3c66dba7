// SPDX-License-Identifier: MIT
//
// See onnx_cases.h.

#include "support/onnx_cases.h"

#include <string.h>

#include "graph/graph.h"
#include "support/gpu.h"

static struct tensor *build_generator(const struct onnx_case *c, struct graph *g,
                                      struct weights *weights, struct tensor *x)
{
    return generator_build(g, weights, x, &c->generator,
                           (struct model_mode){ .no_dropout = true,
                                                .keep_running = true,
                                                .statistics = c->statistics });
}

static struct tensor *build_discriminator(const struct onnx_case *c, struct graph *g,
                                          struct weights *weights, struct tensor *x)
{
    return discriminator_build(
        g, weights, x, &c->discriminator,
        (struct model_mode){ .keep_running = true, .statistics = c->statistics });
}

// The ops and attributes that no network has.
static struct tensor *build_pieces(const struct onnx_case *c, struct graph *g,
                                   struct weights *weights, struct tensor *x)
{
    const struct norm_attributes batch = {
        .kind = NORM_BATCH,
        .fixed = c->statistics == STATISTICS_RUNNING,
        .epsilon = 1e-3f,
        .leaky = true,
        .slope = 0.1f,
    };
    const struct norm_attributes plain = { .kind = NORM_INSTANCE, .epsilon = 1e-5f };
    struct norm_attributes relu = plain;
    relu.leaky = true;
    struct tensor *w[6];
    static const struct shape shapes[] = {
        { 4, 3, 7, 7 }, { 6, 4, 3, 3 }, { 6, 6, 3, 3 },
        { 6, 5, 3, 3 }, { 2, 8, 1, 1 }, { 5, 6, 3, 3 },
    };
    for (uint32_t i = 0; i < ARRAY_LEN(w); i++)
        w[i] = weights_add(weights, i == 3 ? WEIGHT_CONV_TRANSPOSE : WEIGHT_CONV,
                           shapes[i], "model.%u.weight", i);
    struct tensor *b =
        weights_add(weights, WEIGHT_BIAS, (struct shape){ 1, 6, 1, 1 }, "model.2.bias");

    struct tensor *head = graph_pad(g, x, 3, PAD_KIND_REFLECT);
    head = graph_conv(g, head, w[0], NULL, (struct conv_attributes){ 7, 1, 0 });
    head = graph_norm(g, head, weights_add_norm(weights, 4, "model.norm"), batch);
    struct tensor *h =
        graph_conv(g, head, w[1], NULL, (struct conv_attributes){ 3, 2, 1 });
    h = graph_norm(g, h, NULL, relu);

    struct tensor *inner = graph_pad(g, h, 1, PAD_KIND_ZERO);
    inner = graph_conv(g, inner, w[2], b, (struct conv_attributes){ 3, 1, 0 });
    inner = graph_norm(g, graph_sigmoid(g, inner), NULL, plain);
    h = graph_add(g, graph_scale(g, h, 0.25f), inner);
    h = graph_leaky_relu(g, graph_detach(g, h), 0.3f);
    struct tensor *resized = graph_conv(g, graph_upsample(g, h), w[5], NULL,
                                        (struct conv_attributes){ 3, 1, 1 });
    h = graph_conv_transpose(g, h, w[3], NULL,
                             (struct conv_attributes){ 3, 2, 1, .output_pad = 1 });
    h = graph_add(g, h, resized);
    h = graph_concat(g, graph_relu(g, h), graph_tanh(g, x));
    return graph_conv(g, h, w[4], NULL,
                      (struct conv_attributes){ 1, 1, 0, .leaky = true, .slope = 0.5f,
                                                .tanh = true });
}

const struct onnx_case onnx_cases[] = {
    {
        .name = "unet",
        .build = build_generator,
        .generator = { .levels = 5, .ngf = 2, .channels_in = 3, .channels_out = 3 },
        .written = { 1, 3, 32, 32 },
        .run = { 1, 3, 64, 32 },
    },
    {
        .name = "unet_256",
        .build = build_generator,
        .generator = { .levels = 8, .ngf = 2, .channels_in = 3, .channels_out = 3 },
        .written = { 1, 3, 256, 256 },
        .run = { 1, 3, 256, 256 },
    },
    {
        .name = "unet, batch",
        .build = build_generator,
        .generator = { .levels = 3, .ngf = 2, .channels_in = 3, .channels_out = 3 },
        .written = { 1, 3, 8, 8 },
        .run = { 3, 3, 32, 24 },
    },
    {
        .name = "unet, each image",
        .build = build_generator,
        .generator = { .levels = 3, .ngf = 2, .channels_in = 3, .channels_out = 3 },
        .statistics = STATISTICS_PER_IMAGE,
        .own_statistics = true,
        .written = { 1, 3, 8, 8 },
        .run = { 3, 3, 32, 24 },
    },
    {
        .name = "unet, running",
        .build = build_generator,
        .generator = { .levels = 3, .ngf = 2, .channels_in = 3, .channels_out = 3 },
        .statistics = STATISTICS_RUNNING,
        .written = { 1, 3, 8, 8 },
        .run = { 2, 3, 32, 24 },
    },
    {
        .name = "unet, instance norm, resized",
        .build = build_generator,
        .generator = { .levels = 3,
                       .ngf = 2,
                       .channels_in = 3,
                       .channels_out = 3,
                       .norm = MODEL_NORM_INSTANCE,
                       .resize = true },
        .own_statistics = true,
        .written = { 1, 3, 32, 32 },
        .run = { 2, 3, 32, 24 },
    },
    {
        .name = "unet, instance norm, resized, one image",
        .build = build_generator,
        .generator = { .levels = 3,
                       .ngf = 2,
                       .channels_in = 3,
                       .channels_out = 3,
                       .norm = MODEL_NORM_INSTANCE,
                       .resize = true },
        .own_statistics = true,
        .written = { 1, 3, 32, 32 },
        .run = { 1, 3, 32, 24 },
    },
    {
        .name = "unet of affinelayer",
        .build = build_generator,
        .generator = { .levels = 3,
                       .ngf = 2,
                       .channels_in = 3,
                       .channels_out = 3,
                       .bias = true,
                       .norm_innermost = true,
                       .decoder_first = true },
        .written = { 1, 3, 32, 32 },
        .run = { 2, 3, 32, 24 },
    },
    {
        .name = "encoder_decoder, no norm",
        .build = build_generator,
        .generator = { .levels = 3,
                       .ngf = 2,
                       .channels_in = 3,
                       .channels_out = 3,
                       .kind = GENERATOR_ENCODER_DECODER,
                       .norm = MODEL_NORM_NONE },
        .written = { 1, 3, 32, 32 },
        .run = { 2, 3, 16, 24 },
    },
    {
        .name = "resnet",
        .build = build_generator,
        .generator = { .kind = GENERATOR_RESNET,
                       .blocks = 2,
                       .ngf = 2,
                       .channels_in = 3,
                       .channels_out = 3 },
        .written = { 1, 3, 16, 16 },
        .run = { 1, 3, 24, 20 },
    },
    {
        .name = "resnet, instance norm, 1 to 4 channels",
        .build = build_generator,
        .generator = { .kind = GENERATOR_RESNET,
                       .blocks = 2,
                       .ngf = 2,
                       .channels_in = 1,
                       .channels_out = 4,
                       .norm = MODEL_NORM_INSTANCE },
        .own_statistics = true,
        .written = { 1, 1, 16, 16 },
        .run = { 2, 1, 24, 20 },
    },
    {
        .name = "resnet, instance norm, resized, one image",
        .build = build_generator,
        .generator = { .kind = GENERATOR_RESNET,
                       .blocks = 2,
                       .ngf = 2,
                       .channels_in = 3,
                       .channels_out = 3,
                       .norm = MODEL_NORM_INSTANCE,
                       .resize = true },
        .own_statistics = true,
        .written = { 1, 3, 16, 16 },
        .run = { 1, 3, 24, 20 },
    },
    {
        .name = "unet of classes",
        .build = build_generator,
        .generator = { .levels = 3,
                       .ngf = 2,
                       .channels_in = 3,
                       .channels_out = 5,
                       .classes = true },
        .written = { 1, 3, 32, 32 },
        .run = { 2, 3, 32, 24 },
    },
    {
        .name = "resnet of classes",
        .build = build_generator,
        .generator = { .kind = GENERATOR_RESNET,
                       .blocks = 2,
                       .ngf = 2,
                       .channels_in = 3,
                       .channels_out = 4,
                       .classes = true },
        .written = { 1, 3, 16, 16 },
        .run = { 1, 3, 24, 20 },
    },
    {
        .name = "basic",
        .build = build_discriminator,
        .discriminator = { .layers = 3, .ndf = 2 },
        .written = { 1, 6, 32, 32 },
        .run = { 1, 6, 40, 48 },
    },
    {
        .name = "n_layers 1, instance norm",
        .build = build_discriminator,
        .discriminator = { .layers = 1, .ndf = 2, .norm = MODEL_NORM_INSTANCE },
        .own_statistics = true,
        .written = { 1, 6, 32, 32 },
        .run = { 2, 6, 40, 48 },
    },
    {
        .name = "pixel",
        .build = build_discriminator,
        .discriminator = { .pixel = true, .ndf = 2 },
        .written = { 1, 6, 32, 32 },
        .run = { 1, 6, 9, 11 },
    },
    {
        .name = "pieces",
        .build = build_pieces,
        .own_statistics = true,
        .written = { 1, 3, 8, 8 },
        .run = { 2, 3, 20, 28 },
    },
    {
        .name = "pieces, one image",
        .build = build_pieces,
        .own_statistics = true,
        .written = { 1, 3, 8, 8 },
        .run = { 1, 3, 20, 28 },
    },
    {
        .name = "pieces, running",
        .build = build_pieces,
        .statistics = STATISTICS_RUNNING,
        .own_statistics = true,
        .written = { 1, 3, 8, 8 },
        .run = { 2, 3, 20, 28 },
    },
};
const size_t onnx_case_count = ARRAY_LEN(onnx_cases);

const struct onnx_case *onnx_case(const char *name)
{
    for (size_t i = 0; i < onnx_case_count; i++)
        if (strcmp(onnx_cases[i].name, name) == 0)
            return &onnx_cases[i];
    fail_msg("there is no case '%s'", name);
    return NULL;
}

static struct onnx_network build_for(const struct onnx_case *c, struct shape shape,
                                     struct weights *weights)
{
    const struct op_limits limits = test_guaranteed_limits();
    struct onnx_network n = { .graph = graph_create(&limits) };
    assert_non_null(n.graph);
    n.input = graph_input(n.graph, "x", shape, TENSOR_F32);
    n.output = c->build(c, n.graph, weights, n.input);
    assert_false(graph_failed(n.graph));
    return n;
}

struct onnx_network onnx_build(const struct onnx_case *c, struct weights *weights)
{
    return build_for(c, c->written, weights);
}

const struct onnx_form onnx_forms[] = {
    { "opset 13", 13, false },
    { "opset 15", 15, false },
    { "opset 13, fixed", 13, true },
    { "opset 15, fixed", 15, true },
};
const size_t onnx_form_count = ARRAY_LEN(onnx_forms);

void onnx_write(const char *path, const struct onnx_case *c,
                const struct onnx_form *form, struct weights *weights,
                onnx_values *values, void *user)
{
    struct onnx_network n = build_for(c, form->fixed ? c->run : c->written, weights);
    const struct onnx_description d = {
        .network = "G",
        .architecture = c->name,
        .mode = "stable",
        .input = "values in [-1, 1]",
        .output = "an image in [-1, 1]",
        .opset = form->opset,
        .fixes_batch = form->fixed,
        .fixes_sides = form->fixed,
    };
    if (!onnx_export_write(path, n.graph, n.input, n.output, &d, values, user))
        fail_msg("'%s' in %s cannot be written", c->name, form->name);
    graph_destroy(n.graph);
}
