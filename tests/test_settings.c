// SPDX-License-Identifier: MIT
//
// Training options as numbers: networks, the tables of choices, names of generators.

#include "support/given.h"

#include <stdio.h>
#include <string.h>

#include "settings/choice.h"
#include "settings/rules.h"
#include "settings/settings.h"
#include "settings/table.h"

static void test_networks(void **state)
{
    (void)state;
    struct pix_train_options o;
    struct settings s;
    pix_train_options_init(&o);
    o.net_g = "resnet_6blocks";
    o.norm = "instance";
    o.upsample = "resize";
    o.net_d = "n_layers";
    o.n_layers_d = 5;
    o.gan_mode = "wgangp";
    assert_true(settings_init(&s, &o));
    const struct generator_options g = s.generator;
    const struct discriminator_options d = s.discriminator;
    assert_true(g.kind == GENERATOR_RESNET && g.blocks == 6 && g.resize);
    assert_true(g.norm == MODEL_NORM_INSTANCE && !g.no_dropout);
    assert_true(d.layers == 5 && d.norm == MODEL_NORM_NONE && !d.pixel);
    assert_string_equal(s.options.norm_d, "none");
    settings_finish(&s);

    pix_train_options_init(&o);
    o.n_layers_d = 5;    // of n_layers only
    o.norm = "none";
    assert_true(settings_init(&s, &o));
    assert_int_equal(s.discriminator.layers, 3);
    assert_string_equal(s.options.norm_d, "none");
    assert_non_null(strstr(given_warnings, "--n-layers-d 5"));
    assert_int_equal(settings_validation_epochs(&s), 0);
    s.lr_policy = LR_PLATEAU;
    assert_int_equal(settings_validation_epochs(&s), 1);
    s.options.val_freq = 7;
    assert_int_equal(settings_validation_epochs(&s), 7);
    s.options.batch_size = 3;
    s.options.accumulate = 4;
    assert_int_equal(settings_images_per_step(&s), 12);
    settings_finish(&s);
}

// Settings of `option` set to `value`.
static struct settings settings_with(const char *option, const char *value)
{
    struct settings s = { 0 };
    pix_train_options_init(&s.options);
    assert_true(pix_train_options_set(&s.options, option, value));
    settings_parse(&s);
    return s;
}

// Parts that were cut at the scale of their images are as good as whole ones; a width
// counts where images were scaled to it.
static void test_fit_to_translate(void **state)
{
    static const struct {
        const char *preprocess;
        enum fit_mode mode, expected;
        uint32_t load;
    } cases[] = {
        { "resize_and_crop", FIT_RESIZE, FIT_RESIZE, 256 },
        { "resize_and_crop", FIT_WIDTH, FIT_WIDTH, 256 },
        { "resize_and_crop", FIT_NOTHING, FIT_NOTHING, 256 },
        { "crop", FIT_CROP, FIT_NOTHING, 256 },
        { "none", FIT_WHOLE, FIT_NOTHING, 256 },
        { "crop", FIT_WIDTH, FIT_WIDTH, 256 },
        { "scale_width", FIT_WIDTH, FIT_WIDTH, 300 },
        { "scale_width_and_crop", FIT_WIDTH_CROP, FIT_WIDTH, 300 },
        { "scale_width_and_crop", FIT_RESIZE, FIT_RESIZE, 256 },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct settings s = settings_with("preprocess", cases[i].preprocess);
        s.options.load_size = (struct pix_size){ 300, 300 };
        s.options.crop_size = (struct pix_size){ 256, 256 };
        const struct fit fit = settings_fit_to_translate(&s, cases[i].mode);
        assert_int_equal(fit.mode, cases[i].expected);
        assert_int_equal(fit.load.width, cases[i].load);
        assert_int_equal(fit.load.height, cases[i].load);
    }
}

// The table of options and the tables of choices have the same names, and each name is
// read as what it means.
static void test_choices(void **state)
{
    (void)state;
    static const struct {
        const char *option, *before;
        const struct choice *choices;
    } tables[] = {
        { "direction", "", choice_directions },
        { "net-d", "", choice_nets_d },
        { "norm", "", choice_norms },
        { "norm-d", "auto|", choice_norms },
        { "upsample", "", choice_upsamplings },
        { "dropout-at", "", choice_dropouts },
        { "bias", "", choice_biases },
        { "concat", "", choice_concats },
        { "init-type", "", choice_laws },
        { "preprocess", "", choice_preprocess },
        { "resize-filter", "", choice_filters },
        { "npy-order", "", choice_npy_orders },
        { "truncated", "", choice_truncated },
        { "alpha", "", choice_alphas },
        { "gan-mode", "", choice_gan_modes },
        { "update-order", "", choice_update_orders },
        { "lr-policy", "", choice_lr_policies },
        { "optimizer", "", choice_optimizers },
        { "precision", "", choice_precisions },
        { "on-nan", "", choice_on_nan },
    };
    for (size_t i = 0; i < ARRAY_LEN(tables); i++) {
        char names[128];
        size_t used = (size_t)snprintf(names, sizeof(names), "%s", tables[i].before);
        for (const struct choice *c = tables[i].choices; c->name; c++) {
            int value = -1;
            used += (size_t)snprintf(names + used, sizeof(names) - used, "%s%s",
                                     c == tables[i].choices ? "" : "|", c->name);
            assert_true(choice_find(tables[i].choices, c->name, &value));
            assert_int_equal(value, c->value);
            assert_string_equal(choice_name(tables[i].choices, value), c->name);
        }
        assert_string_equal(table_find(tables[i].option)->choices, names);
    }

    assert_true(settings_with("direction", "BtoA").swap);
    assert_int_equal(settings_with("input-kind", "auto").input_kind, PIXEL_KINDS);
    assert_int_equal(settings_with("output-kind", "f32").output_kind, PIXEL_F32);
    assert_int_equal(settings_with("preprocess", "none").preprocess, FIT_WHOLE);
    assert_true(settings_with("truncated", "keep").reading.keep_truncated);
    assert_int_equal(settings_with("resize-filter", "area").filter, RESIZE_AREA);
    assert_true(settings_with("net-d", "pixel").discriminator.pixel);
    assert_int_equal(settings_with("norm", "instance").discriminator.norm,
                     MODEL_NORM_INSTANCE);
    assert_true(settings_with("bias", "all").generator.bias);
    assert_true(settings_with("dropout-at", "d1-d3").generator.dropout_inner);
    assert_true(settings_with("concat", "decoder_first").generator.decoder_first);
    assert_int_equal(settings_with("init-type", "kaiming").law, WEIGHTS_KAIMING);
    assert_int_equal(settings_with("gan-mode", "hinge").gan, GAN_HINGE);
    assert_true(settings_with("update-order", "reuse").reuse);
    assert_int_equal(settings_with("lr-policy", "cosine").lr_policy, LR_COSINE);
    assert_int_equal(settings_with("optimizer", "sgd").optimizer, OPTIMIZER_SGD);
    assert_false(settings_with("on-nan", "stop").ignores_nan);
    assert_true(settings_with("on-nan", "continue").ignores_nan);
}

// Every choice of net_g is found again by what it describes.
static void test_generator_names(void **state)
{
    (void)state;
    char names[256], *name = names;
    snprintf(names, sizeof(names), "%s|", table_find("net-g")->choices);
    while (*name) {
        char *end = strchr(name, '|');
        *end = 0;
        const struct generator_options g = settings_with("net-g", name).generator;
        const char *fixed = settings_name_generator(&g, true);
        if (strcmp(name, "unet") == 0)    // of 8 levels, for a crop of 256
            assert_string_equal(fixed, "unet_256");
        else if (g.kind == GENERATOR_ENCODER_DECODER)
            assert_null(fixed);
        else
            assert_string_equal(fixed, name);
        if (g.kind == GENERATOR_UNET)
            assert_string_equal(settings_name_generator(&g, false), "unet");
        else
            assert_string_equal(settings_name_generator(&g, false), name);
        name = end + 1;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_networks, given_setup),
        cmocka_unit_test_setup(test_choices, given_setup),
        cmocka_unit_test_setup(test_fit_to_translate, given_setup),
        cmocka_unit_test_setup(test_generator_names, given_setup),
    };
    return cmocka_run_group_tests(tests, given_open, NULL);
}
