// SPDX-License-Identifier: MIT
//
// Networks without a device: numbers of weights and receptive fields that the field has
// agreed on, names, shapes, and what each option of a network changes.

#include "models/model.h"
#include "support/gpu.h"

struct built {
    struct graph *graph;
    struct weights *weights;
    struct tensor *y;
};

static struct built build_generator(const struct generator_options *o, uint32_t side,
                                    struct model_mode mode)
{
    const struct op_limits limits = test_guaranteed_limits();
    struct built b = { graph_create(&limits), weights_create(false), NULL };
    assert_non_null(b.graph);
    assert_non_null(b.weights);
    struct tensor *x = graph_input(
        b.graph, "x", (struct shape){ 1, o->channels_in, side, side }, TENSOR_F32);
    b.y = generator_build(b.graph, b.weights, x, o, mode);
    assert_false(graph_failed(b.graph));
    return b;
}

// 3 (2^n - 1) for a U-Net, with or without skips; blocks of a ResNet add 2 elements of
// 4 pixels each.
static void test_radius(void **state)
{
    static const struct {
        struct generator_options options;
        uint32_t radius;
    } cases[] = {
        { { .levels = 5 }, 93 },
        { { .levels = 6 }, 189 },
        { { .levels = 7 }, 381 },
        { { .levels = 8 }, 765 },
        { { .levels = 2 }, 9 },
        { { .levels = 5, .kind = GENERATOR_ENCODER_DECODER }, 93 },
        { { .kind = GENERATOR_RESNET, .blocks = 0 }, 12 },
        { { .kind = GENERATOR_RESNET, .blocks = 6 }, 12 + 6 * 8 },
        { { .kind = GENERATOR_RESNET, .blocks = 9 }, 12 + 9 * 8 },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_int_equal(generator_radius(&cases[i].options), cases[i].radius);
}

static struct built build_discriminator(const struct discriminator_options *o,
                                        uint32_t side)
{
    const struct op_limits limits = test_guaranteed_limits();
    struct built b = { graph_create(&limits), weights_create(false), NULL };
    assert_non_null(b.graph);
    assert_non_null(b.weights);
    struct tensor *x =
        graph_input(b.graph, "x", (struct shape){ 1, 6, side, side }, TENSOR_F32);
    b.y = discriminator_build(b.graph, b.weights, x, o, (struct model_mode){ 0 });
    assert_false(graph_failed(b.graph));
    return b;
}

static void finish(struct built *b)
{
    graph_destroy(b->graph);
    weights_destroy(b->weights);
}

static bool has(const struct built *b, const char *name)
{
    return weights_find(b->weights, name) != NULL;
}

static void test_generator_counts(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        struct generator_options options;
        uint32_t side;
        uint64_t count;
    } cases[] = {
        { "unet_256", { .levels = 8 }, 256, 54413955 },
        { "unet_128", { .levels = 7 }, 128, 41828995 },
        { "unet_512", { .levels = 9 }, 512, 66998915 },
        { "unet_256 of affinelayer",
          { .levels = 8, .bias = true, .norm_innermost = true, .decoder_first = true },
          256,
          54420483 },
        // 9,856 affine norm weights less, no bias comes for them.
        { "unet_256 without norms",
          { .levels = 8, .norm = MODEL_NORM_NONE },
          256,
          54413955 - 9856 },
        // ... and with 64 + 128 + 256 + 5 * 512 + 3 * 512 + 512 + 256 + 128 + 64
        // biases.
        { "unet_256, instance norm",
          { .levels = 8, .norm = MODEL_NORM_INSTANCE },
          256,
          54413955 - 9856 + 5504 },
        // Half of the inner decoders' weights.
        { "encoder_decoder of 8 levels",
          { .levels = 8, .kind = GENERATOR_ENCODER_DECODER },
          256,
          54413955 - 3 * 4194304 - 2097152 - 524288 - 131072 - 3072 },
        // 3x3 in the place of 4x4 in all decoders.
        { "unet_256, resized",
          { .levels = 8, .resize = true },
          256,
          54413955 -
              (4194304 + 3 * 8388608 + 4194304 + 1048576 + 262144 + 6144) / 16 * 7 },
        { "resnet_6blocks", { .kind = GENERATOR_RESNET, .blocks = 6 }, 64, 7841411 },
        { "resnet_9blocks", { .kind = GENERATOR_RESNET, .blocks = 9 }, 64, 11383427 },
        { "resnet_6blocks, instance norm",
          { .kind = GENERATOR_RESNET, .blocks = 6, .norm = MODEL_NORM_INSTANCE },
          64,
          7837699 },
        { "resnet_9blocks, instance norm",
          { .kind = GENERATOR_RESNET, .blocks = 9, .norm = MODEL_NORM_INSTANCE },
          64,
          11378179 },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct generator_options o = cases[i].options;
        o.ngf = 64;
        o.channels_in = o.channels_out = 3;
        struct built b = build_generator(&o, cases[i].side, (struct model_mode){ 0 });
        if (weights_trained_count(b.weights) != cases[i].count)
            fail_msg("%s has %llu weights, not %llu", cases[i].name,
                     (unsigned long long)weights_trained_count(b.weights),
                     (unsigned long long)cases[i].count);
        assert_true(shape_equal(b.y->shape,
                                (struct shape){ 1, 3, cases[i].side, cases[i].side }));
        finish(&b);
    }
}

static void test_discriminators(void **state)
{
    (void)state;
    static const struct {
        uint32_t layers, field, side;
        uint64_t count;
    } cases[] = {
        { 0, 1, 256, 9024 },     { 1, 16, 126, 139585 },  { 2, 34, 62, 666433 },
        { 3, 70, 30, 2768705 },  { 4, 142, 14, 6964033 }, { 5, 286, 6, 11159361 },
        { 6, 574, 2, 15354689 },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct discriminator_options o = { .layers = cases[i].layers,
                                                 .ndf = 64,
                                                 .pixel = cases[i].layers == 0 };
        struct built b = build_discriminator(&o, 256);
        assert_int_equal(weights_trained_count(b.weights), cases[i].count);
        assert_int_equal(discriminator_receptive_field(&o), cases[i].field);
        assert_int_equal(discriminator_output_side(&o, 256), cases[i].side);
        assert_int_equal(b.y->shape.h, cases[i].side);
        assert_int_equal(b.y->shape.c, 1);
        finish(&b);
    }
    const struct discriminator_options three = { .layers = 3, .ndf = 64 };
    assert_int_equal(discriminator_output_side(&three, 24), 1);
    assert_int_equal(discriminator_output_side(&three, 23), 0);
}

// Where biases are, by norm and by rule.
static void test_biases(void **state)
{
    (void)state;
    struct generator_options g = {
        .levels = 5, .ngf = 4, .channels_in = 3, .channels_out = 3
    };
    struct discriminator_options d = { .layers = 2, .ndf = 4 };
    struct discriminator_options pixel = { .ndf = 4, .pixel = true };
    static const enum model_norm norms[] = { MODEL_NORM_BATCH, MODEL_NORM_INSTANCE,
                                             MODEL_NORM_NONE };
    for (size_t i = 0; i < ARRAY_LEN(norms); i++)
        for (int everywhere = 0; everywhere < 2; everywhere++) {
            const bool inner = everywhere || norms[i] == MODEL_NORM_INSTANCE;
            g.norm = d.norm = pixel.norm = norms[i];
            g.bias = d.bias = pixel.bias = everywhere;
            struct built b = build_generator(&g, 32, (struct model_mode){ 0 });
            assert_int_equal(has(&b, "model.model.0.bias"), inner);
            assert_int_equal(has(&b, "model.model.1.model.1.bias"), inner);
            assert_int_equal(has(&b, "model.model.1.model.5.bias"), inner);
            assert_true(has(&b, "model.model.3.bias"));
            assert_int_equal(has(&b, "model.model.1.model.2.weight"),
                             norms[i] == MODEL_NORM_BATCH);
            finish(&b);
            b = build_discriminator(&d, 64);
            assert_true(has(&b, "model.0.bias") && has(&b, "model.8.bias"));
            assert_int_equal(has(&b, "model.2.bias"), inner);
            finish(&b);
            b = build_discriminator(&pixel, 64);
            assert_true(has(&b, "net.0.bias"));
            assert_int_equal(has(&b, "net.2.bias"), inner);
            assert_int_equal(has(&b, "net.5.bias"), inner);
            finish(&b);
        }
}

// The port's Sequential counts a dropout; one that is switched off still counts.
static void test_resnet_names(void **state)
{
    (void)state;
    struct generator_options o = { .kind = GENERATOR_RESNET,
                                   .blocks = 6,
                                   .ngf = 2,
                                   .channels_in = 4,
                                   .channels_out = 2 };
    struct built b = build_generator(&o, 16, (struct model_mode){ .no_dropout = true });
    assert_true(has(&b, "model.1.weight") && has(&b, "model.10.conv_block.6.weight"));
    assert_true(has(&b, "model.15.conv_block.7.running_var"));
    assert_true(has(&b, "model.16.weight") && has(&b, "model.23.bias"));
    assert_false(has(&b, "model.10.conv_block.5.weight"));
    assert_int_equal(b.y->shape.c, 2);
    finish(&b);
    o.no_dropout = true;
    b = build_generator(&o, 16, (struct model_mode){ 0 });
    assert_true(has(&b, "model.10.conv_block.5.weight"));
    finish(&b);
    assert_int_equal(generator_multiple(&o), 4);
}

// Dropouts of the U-Net: which norms have one, counted from the innermost decoder.
static void test_dropouts(void **state)
{
    (void)state;
    static const struct {
        uint32_t levels;
        bool inner;
        const char *drops;    // d1, d2, ...
    } cases[] = {
        { 8, false, "0111000" }, { 8, true, "1110000" }, { 7, false, "011000" },
        { 7, true, "111000" },   { 5, false, "0000" },   { 3, true, "11" },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct generator_options o = { .levels = cases[i].levels,
                                             .ngf = 1,
                                             .channels_in = 3,
                                             .channels_out = 3,
                                             .dropout_inner = cases[i].inner };
        struct built b = build_generator(&o, 1u << o.levels, (struct model_mode){ 0 });
        char found[16] = { 0 };
        size_t count = 0, norm = 0;
        for (size_t k = 0; k < graph_call_count(b.graph); k++) {
            const struct call *call = graph_call(b.graph, k);
            if (call->shader != SHADER_NORM_FORWARD)
                continue;
            // Encoders come first: one norm for each level but the first and the last.
            if (norm++ >= o.levels - 2)
                found[count++] = call->spec[4] ? '1' : '0';
        }
        assert_string_equal(found, cases[i].drops);
        finish(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_radius),         cmocka_unit_test(test_generator_counts),
        cmocka_unit_test(test_discriminators), cmocka_unit_test(test_biases),
        cmocka_unit_test(test_resnet_names),   cmocka_unit_test(test_dropouts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
