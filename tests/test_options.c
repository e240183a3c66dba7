// SPDX-License-Identifier: MIT
//
// Training options: parsing of single values, the rules between them, the levels of the
// U-Net, the JSON form and configuration files.

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "settings/options.h"
#include "settings/options_file.h"
#include "settings/rules.h"
#include "settings/settings.h"
#include "settings/table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static char warnings[1024];

static void collect_warnings(void *user, enum log_level level, const char *text)
{
    (void)user;
    if (level != LOG_WARN)
        return;
    strncat(warnings, text, sizeof(warnings) - strlen(warnings) - 1);
    strncat(warnings, "\n", sizeof(warnings) - strlen(warnings) - 1);
}

static const struct log_sink sink = { collect_warnings, NULL, LOG_WARN };

static int group_setup(void **state)
{
    (void)state;
    log_use(&sink);
    return 0;
}

static int setup(void **state)
{
    (void)state;
    warnings[0] = 0;
    log_clear_error();
    return 0;
}

static void assert_says(const char *part)
{
    if (!strstr(log_last_error(), part))
        fail_msg("the message \"%s\" does not say \"%s\"", log_last_error(), part);
}

// ---------------------------------------------------------------------------
// Values

static void test_defaults(void **state)
{
    (void)state;
    struct pix_train_options o;
    pix_train_options_init(&o);
    assert_string_equal(o.direction, "AtoB");
    assert_string_equal(o.net_g, "unet");
    assert_int_equal(o.ngf, 64);
    assert_int_equal(o.ndf, 64);
    assert_int_equal(o.crop_size, 256);
    assert_int_equal(o.batch_size, 1);
    assert_int_equal(o.n_epochs, 100);
    assert_int_equal(o.n_epochs_decay, 100);
    assert_true(o.lr == 0.0002 && o.beta1 == 0.5 && o.lambda_l1 == 100);
    assert_true(o.seed == 0 && o.steps == 0);
    assert_int_equal(o.keep, 3);
    assert_false(o.no_flip || o.no_dropout || o.serial_batches || o.continue_run);
    assert_true(options_resolve(&o));
    assert_int_equal(o.load_size, 286);
    assert_int_equal(o.depth, 8);
    assert_string_equal(warnings, "");
}

// Every row can be set to the ends of its range and not past them.
static void test_table(void **state)
{
    (void)state;
    size_t count;
    const struct pix_option *table = pix_train_option_table(&count);
    assert_true(count > 20);
    for (size_t i = 0; i < count; i++) {
        const struct pix_option *row = &table[i];
        struct pix_train_options o;
        pix_train_options_init(&o);
        char text[64];
        assert_null(strchr(row->name, '_'));
        assert_true(row->offset < sizeof(o));
        switch (row->type) {
        case PIX_OPTION_FLAG:
            assert_true(pix_train_options_set(&o, row->name, "true"));
            assert_true(*(bool *)((char *)&o + row->offset));
            assert_true(pix_train_options_set(&o, row->name, "false"));
            assert_false(*(bool *)((char *)&o + row->offset));
            assert_false(pix_train_options_set(&o, row->name, "yes"));
            break;
        case PIX_OPTION_UINT32:
        case PIX_OPTION_UINT64:
            snprintf(text, sizeof(text), "%.0f", row->min);
            assert_true(pix_train_options_set(&o, row->name, text));
            if (row->min > 0) {
                snprintf(text, sizeof(text), "%.0f", row->min - 1);
                assert_false(pix_train_options_set(&o, row->name, text));
            }
            snprintf(text, sizeof(text), "%.0f", row->max + 1);
            assert_false(pix_train_options_set(&o, row->name, text));
            if (row->max < 1e15) {
                snprintf(text, sizeof(text), "%.0f", row->max);
                assert_true(pix_train_options_set(&o, row->name, text));
            }
            break;
        case PIX_OPTION_REAL:
            snprintf(text, sizeof(text), "%.17g", row->max);
            assert_true(pix_train_options_set(&o, row->name, text));
            assert_true(*(double *)((char *)&o + row->offset) == row->max);
            snprintf(text, sizeof(text), "%.17g", row->max * 1.001);
            assert_false(pix_train_options_set(&o, row->name, text));
            snprintf(text, sizeof(text), "%.17g", row->min - 0.001);
            assert_false(pix_train_options_set(&o, row->name, text));
            break;
        case PIX_OPTION_TEXT:
            assert_true(pix_train_options_set(&o, row->name, "some/where"));
            assert_false(pix_train_options_set(&o, row->name, ""));
            break;
        case PIX_OPTION_CHOICE:
            assert_false(pix_train_options_set(&o, row->name, "something else"));
            assert_false(pix_train_options_set(&o, row->name, ""));
            assert_false(pix_train_options_set(&o, row->name, row->choices));
            break;
        }
    }
}

static void test_set(void **state)
{
    (void)state;
    struct pix_train_options o;
    pix_train_options_init(&o);
    assert_true(pix_train_options_set(&o, "crop_size", "64"));
    assert_int_equal(o.crop_size, 64);
    assert_true(pix_train_options_set(&o, "seed", "9223372036854775807"));
    assert_true(o.seed == INT64_MAX);
    assert_true(pix_train_options_set(&o, "lr", "1e-3"));
    assert_true(o.lr == 1e-3);
    assert_true(pix_train_options_set(&o, "net-g", "unet_128"));
    assert_string_equal(o.net_g, "unet_128");

    static const char *const bad[][2] = {
        { "ngf", "" },           { "ngf", " 8" },
        { "ngf", "8 " },         { "ngf", "+8" },
        { "ngf", "-8" },         { "ngf", "8.0" },
        { "ngf", "0x8" },        { "ngf", "eight" },
        { "ngf", "4294967304" }, { "lr", "nan" },
        { "lr", "inf" },         { "lr", "1e999" },
        { "lr", "0x1p-3" },      { "lr", "" },
        { "lr", "1e-3x" },       { "lr", "." },
        { "lr", "1,5" },         { "seed", "9223372036854775808" },
        { "net-g", "unet_25" },  { "direction", "atob" },
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        const struct pix_train_options before = o;
        if (pix_train_options_set(&o, bad[i][0], bad[i][1]))
            fail_msg("--%s took \"%s\"", bad[i][0], bad[i][1]);
        assert_says(bad[i][0]);
        assert_memory_equal(&before, &o, sizeof(o));
    }
    assert_false(pix_train_options_set(&o, "crop-sizes", "64"));
    assert_says("no option --crop-sizes");
}

// ---------------------------------------------------------------------------
// Rules

static void test_levels(void **state)
{
    (void)state;
    static const struct {
        const char *net_g;
        uint32_t depth, crop, levels;
        const char *message;
    } cases[] = {
        { "unet", 0, 32, 5, NULL },
        { "unet", 0, 64, 6, NULL },
        { "unet", 0, 96, 5, NULL },
        { "unet", 0, 128, 7, NULL },
        { "unet", 0, 256, 8, NULL },
        { "unet", 0, 1024, 8, NULL },
        { "unet", 9, 512, 9, NULL },
        { "unet", 10, 1024, 10, NULL },
        { "unet", 5, 256, 5, NULL },
        { "unet_256", 0, 256, 8, NULL },
        { "unet_256", 8, 512, 8, NULL },
        { "unet_128", 0, 384, 7, NULL },
        { "unet", 0, 100, 0, "96 or 128" },
        { "unet", 0, 48, 0, "32 or 64" },
        { "unet", 9, 256, 0, "512" },
        { "unet", 2, 32, 2, NULL },
        { "unet", 1, 256, 0, "2 to 10" },
        { "unet", 11, 2048, 0, "2 to 10" },
        { "encoder_decoder", 0, 256, 8, NULL },
        { "encoder_decoder", 6, 64, 6, NULL },
        { "resnet_6blocks", 0, 100, 2, NULL },
        { "resnet_9blocks", 0, 102, 0, "100 or 104" },
        { "resnet_9blocks", 8, 256, 0, "--depth" },
        { "unet_256", 0, 128, 0, "take 256" },
        { "unet_256", 0, 300, 0, "256 or 512" },
        { "unet_128", 0, 64, 0, "take 128" },
        { "unet_128", 6, 128, 0, "--depth" },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct pix_train_options o;
        pix_train_options_init(&o);
        o.net_g = cases[i].net_g;
        o.depth = cases[i].depth;
        o.crop_size = cases[i].crop;
        struct settings s = { .options = o };
        settings_parse(&s);
        const uint32_t levels = settings_check_levels(&s) ? s.generator.levels : 0;
        if (levels != cases[i].levels)
            fail_msg("%s depth %u crop %u: %u levels, expected %u", cases[i].net_g,
                     (unsigned)cases[i].depth, (unsigned)cases[i].crop,
                     (unsigned)levels, (unsigned)cases[i].levels);
        if (cases[i].message)
            assert_says(cases[i].message);
    }
}

static void test_check(void **state)
{
    (void)state;
    struct pix_train_options o;

#define REFUSED(change, part)                                                          \
    do {                                                                               \
        pix_train_options_init(&o);                                                    \
        o.data = "data";                                                               \
        o.out = "run";                                                                 \
        assert_true(options_check(&o, true));                                          \
        change;                                                                        \
        assert_false(options_check(&o, true));                                         \
        assert_says(part);                                                             \
    } while (0)

    REFUSED(o.batch_size = 0, "--batch-size");
    REFUSED(o.crop_size = 16, "--crop-size");
    REFUSED(o.load_size = 128, "--load-size 128 is smaller");
    REFUSED(o.beta1 = 1, "--beta1");
    REFUSED(o.lr = -1, "--lr");
    REFUSED(o.lr = 0.0 / (o.lr - o.lr), "--lr");
    REFUSED(o.keep = 0, "--keep");
    REFUSED(o.log_freq = 0, "--log-freq");
    REFUSED(o.net_g = "resnet", "--net-g");
    REFUSED(o.net_g = NULL, "--net-g");
    REFUSED(o.direction = "CtoD", "--direction");
    REFUSED(o.n_epochs = o.n_epochs_decay = 0, "--n-epochs");
    REFUSED(o.ngf = 100000, "--ngf");
    REFUSED((o.gan_mode = "none", o.lambda_l1 = 0), "nothing to learn");
    REFUSED((o.gan_mode = "wgangp", o.norm_d = "batch"), "wgangp");
    REFUSED((o.gan_mode = "wgangp", o.norm_d = "instance"), "wgangp");
    REFUSED((o.update_order = "reuse", o.accumulate = 2), "--batch-size 2");
    REFUSED((o.batch_size = 4096, o.accumulate = 17), "65536");
    REFUSED((o.net_d = "n_layers", o.n_layers_d = 6, o.crop_size = 128),
            "--n-layers-d 5, or crops of 192");
    REFUSED(o.n_layers_d = 7, "--n-layers-d");
    REFUSED(o.input_nc = 0, "--input-nc");
    REFUSED(o.gp_alpha = 1.5, "--gp-alpha");
    REFUSED(o.init_type = "zeros", "--init-type");
    REFUSED(o.seed = (uint64_t)INT64_MAX + 1, "--seed");
    REFUSED(o.data = NULL, "--data");
    REFUSED(o.out = "", "--out");
#undef REFUSED

    o.data = o.out = NULL;
    assert_true(options_check(&o, false));
}

static void test_resolve(void **state)
{
    (void)state;
    struct pix_train_options o;
    pix_train_options_init(&o);
    o.crop_size = 64;
    assert_true(options_resolve(&o));
    assert_int_equal(o.load_size, 72);    // 71.5 rounded
    assert_int_equal(o.depth, 6);
    const struct pix_train_options once = o;
    assert_true(options_resolve(&o));
    assert_memory_equal(&once, &o, sizeof(o));

    pix_train_options_init(&o);
    o.load_size = 256;
    assert_true(options_resolve(&o));
    assert_int_equal(o.load_size, 256);

    pix_train_options_init(&o);
    o.preprocess = "none";
    assert_true(options_resolve(&o));
    assert_int_equal(o.load_size, 256);
    assert_string_equal(warnings, "");
    o.load_size = 286;
    assert_true(options_resolve(&o));
    assert_int_equal(o.load_size, 256);
    assert_non_null(strstr(warnings, "--load-size 286"));

    pix_train_options_init(&o);
    o.crop_size = 100;
    assert_false(options_resolve(&o));
    assert_int_equal(o.load_size, 0);
    assert_int_equal(o.depth, 0);
}

static bool same_text(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

static void assert_same(const struct pix_train_options *a,
                        const struct pix_train_options *b, bool run_state)
{
    size_t count;
    const struct pix_option *table = pix_train_option_table(&count);
    for (size_t i = 0; i < count; i++) {
        const void *x = (const char *)a + table[i].offset;
        const void *y = (const char *)b + table[i].offset;
        bool same = false;
        if (table[i].is_run_state && !run_state)
            continue;
        switch (table[i].type) {
        case PIX_OPTION_FLAG:
            same = *(const bool *)x == *(const bool *)y;
            break;
        case PIX_OPTION_UINT32:
            same = *(const uint32_t *)x == *(const uint32_t *)y;
            break;
        case PIX_OPTION_UINT64:
            same = *(const uint64_t *)x == *(const uint64_t *)y;
            break;
        case PIX_OPTION_REAL:
            same = *(const double *)x == *(const double *)y;
            break;
        case PIX_OPTION_TEXT:
        case PIX_OPTION_CHOICE:
            same = same_text(*(const char *const *)x, *(const char *const *)y);
            break;
        }
        if (!same)
            fail_msg("--%s differs", table[i].name);
    }
}

// ---------------------------------------------------------------------------
// Recipes

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
    assert_non_null(strstr(warnings, "--n-layers-d 5"));
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
        { "preprocess", "", choice_crops },
        { "resize-filter", "", choice_filters },
        { "gan-mode", "", choice_gan_modes },
        { "update-order", "", choice_update_orders },
        { "lr-policy", "", choice_lr_policies },
        { "optimizer", "", choice_optimizers },
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
    assert_false(settings_with("preprocess", "none").resize);
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
        const char *fixed = settings_generator_name(&g, true);
        if (strcmp(name, "unet") == 0)    // of 8 levels, for a crop of 256
            assert_string_equal(fixed, "unet_256");
        else if (g.kind == GENERATOR_ENCODER_DECODER)
            assert_null(fixed);
        else
            assert_string_equal(fixed, name);
        if (g.kind == GENERATOR_UNET)
            assert_string_equal(settings_generator_name(&g, false), "unet");
        else
            assert_string_equal(settings_generator_name(&g, false), name);
        name = end + 1;
    }
}

static void test_unused(void **state)
{
    (void)state;
    static const char *const cases[][3] = {
        { "gan-mode", "none", "net-d" },
        { "gan-mode", "none", "no-condition" },
        { "optimizer", "sgd", "beta1" },
        { "optimizer", "adam", "momentum" },
        { "no-dropout", "true", "dropout-at" },
        { "net-g", "resnet_6blocks", "concat" },
        { "net-g", "encoder_decoder", "concat" },
        { "norm", "none", "norm-innermost" },
        { "lr-policy", "cosine", "lr-decay-iters" },
        { "gan-mode", "hinge", "lambda-gp" },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct pix_train_options o;
        pix_train_options_init(&o);
        o.net_d = "pixel";
        o.no_condition = o.norm_innermost = true;
        o.beta1 = o.momentum = 0.25;
        o.dropout_at = "d1-d3";
        o.concat = "decoder_first";
        o.lr_decay_iters = 7;
        o.lambda_gp = 3;
        assert_true(pix_train_options_set(&o, cases[i][0], cases[i][1]));
        struct settings s;
        assert_true(settings_init(&s, &o));
        warnings[0] = 0;
        settings_warn_of_unused(&s);
        settings_finish(&s);
        char part[64];
        snprintf(part, sizeof(part), "--%s ", cases[i][2]);
        if (!strstr(warnings, part))
            fail_msg("no warning of %sin \"%s\"", part, warnings);
    }
    // What a recipe sets needs no warning, and the defaults need none.
    static const char *const recipes[] = { "pytorch", "lua", "affinelayer" };
    for (size_t i = 0; i < ARRAY_LEN(recipes); i++) {
        struct pix_train_options o;
        pix_train_options_init(&o);
        assert_true(pix_train_options_set(&o, "recipe", recipes[i]));
        o.net_g = "resnet_9blocks";
        struct settings s;
        assert_true(settings_init(&s, &o));
        warnings[0] = 0;
        settings_warn_of_unused(&s);
        settings_finish(&s);
        assert_string_equal(warnings, "");
    }
}

static void test_recipes(void **state)
{
    (void)state;
    struct pix_train_options o, initial;
    char text[512];
    pix_train_options_init(&initial);

    pix_train_options_init(&o);
    assert_true(pix_train_options_set(&o, "recipe", "lua"));
    assert_string_equal(o.recipe, "lua");
    assert_string_equal(o.dropout_at, "d1-d3");
    assert_string_equal(o.concat, "decoder_first");
    assert_string_equal(o.resize_filter, "bilinear");
    assert_string_equal(o.update_order, "reuse");
    assert_true(o.d_loss_weight == 1 && o.n_epochs == 200 && o.n_epochs_decay == 0);
    assert_string_equal(o.bias, "auto");
    assert_false(o.norm_innermost);
    assert_true(pix_train_options_set(&o, "recipe", "affinelayer"));
    assert_string_equal(o.bias, "all");
    assert_true(o.norm_innermost);
    assert_string_equal(o.concat, "decoder_first");
    // The default is the recipe of the PyTorch port.
    assert_true(pix_train_options_set(&o, "recipe", "pytorch"));
    assert_same(&o, &initial, true);

    // What a recipe says of itself is what it sets.
    static const char *const names[] = { "pytorch", "lua", "affinelayer" };
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct pix_train_options by_words;
        pix_train_options_init(&o);
        pix_train_options_init(&by_words);
        assert_true(pix_train_options_set(&o, "recipe", names[i]));
        by_words.recipe = names[i];
        assert_true(pix_train_recipe(names[i], text, sizeof(text)));
        char *rest = text;
        while (*rest) {
            char *name = rest + 2, *value = "true", *end = name + strcspn(name, " ");
            rest = *end ? end + 1 : end;
            *end = 0;
            if (*rest && strncmp(rest, "--", 2) != 0) {
                value = rest;
                end = rest + strcspn(rest, " ");
                rest = *end ? end + 1 : end;
                *end = 0;
            }
            assert_true(pix_train_options_set(&by_words, name, value));
        }
        assert_same(&o, &by_words, true);
        assert_true(options_resolve(&o));
    }
    assert_false(pix_train_recipe("keras", text, sizeof(text)));
}

// ---------------------------------------------------------------------------
// Copies and JSON

static void fill(struct pix_train_options *o, char *data)
{
    pix_train_options_init(o);
    o->data = data;
    o->out = "run";
    o->direction = "BtoA";
    o->recipe = "lua";
    o->input_nc = 4;
    o->output_nc = 1;
    o->input_kind = "u16";
    o->output_kind = "f32";
    o->net_d = "n_layers";
    o->n_layers_d = 2;
    o->no_condition = true;
    o->norm = "instance";
    o->norm_d = "none";
    o->upsample = "resize";
    o->dropout_at = "d1-d3";
    o->bias = "all";
    o->norm_innermost = true;
    o->concat = "decoder_first";
    o->init_type = "orthogonal";
    o->init_gain = 0.5;
    o->resize_filter = "bilinear";
    o->gan_mode = "wgangp";
    o->lambda_gp = 3;
    o->gp_alpha = 0.25;
    o->d_loss_weight = 2;
    o->accumulate = 5;
    o->lr_policy = "step";
    o->lr_decay_iters = 6;
    o->optimizer = "sgd";
    o->momentum = 0.75;
    o->ema = 0.875;
    o->val_freq = 3;
    o->net_g = "unet_128";
    o->depth = 7;
    o->ngf = 5;
    o->ndf = 6;
    o->no_dropout = true;
    o->preprocess = "none";
    o->load_size = 128;
    o->crop_size = 128;
    o->no_flip = true;
    o->serial_batches = true;
    o->max_dataset_size = 11;
    o->threads = 2;
    o->batch_size = 3;
    o->n_epochs = 7;
    o->n_epochs_decay = 9;
    o->lr = 0.1 + 0.2;    // needs all its digits
    o->beta1 = 0.25;
    o->lambda_l1 = 10;
    o->seed = INT64_MAX;
    o->steps = 123456789012;
    o->save_freq = 1;
    o->log_freq = 2;
    o->sample_freq = 4;
    o->keep = 8;
    o->continue_run = true;
}

static void test_copy(void **state)
{
    (void)state;
    char data[] = "a \"quoted\"\\path/\xc3\xa4";
    struct pix_train_options o, copy;
    fill(&o, data);
    assert_true(options_copy(&copy, &o));
    data[0] = 'b';
    assert_int_equal(copy.data[0], 'a');
    data[0] = 'a';
    assert_same(&o, &copy, true);
    pix_train_options_finish(&copy);
    pix_train_options_finish(&copy);
}

static char *to_json(const struct pix_train_options *o)
{
    char *text = json_text(options_to_json(o));
    assert_non_null(text);
    return text;
}

static bool from_json(const char *text, struct pix_train_options *o)
{
    json_t *document = json_parse(text, strlen(text), "test");
    const bool ok = document && options_read_json(document, o);
    json_decref(document);
    return ok;
}

static void test_json(void **state)
{
    (void)state;
    char data[] = "a \"quoted\"\\path/\xc3\xa4";
    struct pix_train_options o, back;
    fill(&o, data);
    char *text = to_json(&o);
    assert_non_null(strstr(text, "\"crop-size\""));
    assert_null(strstr(text, "\"out\""));
    assert_null(strstr(text, "continue"));
    pix_train_options_init(&back);
    assert_true(from_json(text, &back));
    assert_same(&o, &back, false);
    assert_null(back.out);
    assert_false(back.continue_run);
    pix_train_options_finish(&back);
    mem_free(text);

    // No data: the member is left out.
    pix_train_options_init(&o);
    text = to_json(&o);
    assert_null(strstr(text, "\"data\""));
    mem_free(text);
}

static void test_json_bad(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "{\"ngf\": \"64\"}",        "{\"ngf\": -1}",
        "{\"ngf\": 1.5}",           "{\"ngf\": 0}",
        "{\"ngf\": 4294967360}",    "{\"ngf\": null}",
        "{\"no-flip\": 1}",         "{\"net-g\": 256}",
        "{\"net-g\": \"x\"}",       "{\"lr\": \"fast\"}",
        "{\"lr\": 1e400}",          "{\"data\": {}}",
        "{\"seed\": -1}",           "{\"seed\": 9223372036854775808}",
        "{\"ngf\": 8, \"ngf\": 8}",
    };
    struct pix_train_options o;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        pix_train_options_init(&o);
        log_clear_error();
        if (from_json(bad[i], &o))
            fail_msg("%s was taken", bad[i]);
        assert_true(*log_last_error() != 0);
        pix_train_options_finish(&o);
    }
    pix_train_options_init(&o);
    assert_false(from_json("[1]", &o));
    assert_true(from_json("{\"ngf\": 8, \"flux\": 1, \"ndf\": 9}", &o));
    assert_int_equal(o.ngf, 8);
    assert_int_equal(o.ndf, 9);
    assert_non_null(strstr(warnings, "\"flux\""));
    pix_train_options_finish(&o);
}

// ---------------------------------------------------------------------------
// Files

static char *scratch(const char *name)
{
    const char *folder = getenv("TEST_SCRATCH");
    char *path = file_join(folder ? folder : ".", name);
    assert_non_null(path);
    return path;
}

static bool read_text(const char *text, size_t size, struct pix_train_options *o)
{
    char *path = scratch("test_options.config");
    assert_true(file_write(path, text, size));
    pix_train_options_init(o);
    const bool ok = pix_train_options_read_file(path, o);
    file_remove(path);
    mem_free(path);
    return ok;
}

static void test_config_lines(void **state)
{
    (void)state;
    static const char text[] = "\xef\xbb\xbf# a comment\n"
                               "\n"
                               "  crop_size=64   # another\r\n"
                               "data = some folder/a#b\n"
                               "lr = 1e-3\n"
                               "no-flip = true\n"
                               "out = \" # odd \"\n"
                               "ngf = 4";
    struct pix_train_options o;
    assert_true(read_text(text, sizeof(text) - 1, &o));
    assert_int_equal(o.crop_size, 64);
    assert_string_equal(o.data, "some folder/a#b");
    assert_string_equal(o.out, " # odd ");
    assert_true(o.lr == 1e-3 && o.no_flip);
    assert_int_equal(o.ngf, 4);
    assert_int_equal(o.ndf, 64);
    pix_train_options_finish(&o);
}

// What a recipe sets is changed by other lines, wherever they stand.
static void test_config_recipe(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "recipe = lua\nn_epochs = 7\nconcat = skip_first\n",
        "n_epochs = 7\nconcat = skip_first\nrecipe = lua\n",
        "{\"n_epochs\": 7, \"concat\": \"skip_first\", \"recipe\": \"lua\"}",
    };
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct pix_train_options o;
        assert_true(read_text(texts[i], strlen(texts[i]), &o));
        assert_string_equal(o.recipe, "lua");
        assert_string_equal(o.update_order, "reuse");
        assert_string_equal(o.concat, "skip_first");
        assert_int_equal(o.n_epochs, 7);
        pix_train_options_finish(&o);
    }
}

static void test_config_json(void **state)
{
    (void)state;
    static const char text[] =
        "\n {\"crop_size\": 64, \"data\": \"d\", \"out\": \"r\"}\n";
    struct pix_train_options o;
    assert_true(read_text(text, sizeof(text) - 1, &o));
    assert_int_equal(o.crop_size, 64);
    assert_string_equal(o.data, "d");
    assert_string_equal(o.out, "r");
    pix_train_options_finish(&o);
}

static void test_config_bad(void **state)
{
    (void)state;
    static const struct {
        const char *text, *message;
    } cases[] = {
        { "ngf 4", ":1:" },          { "ngf = 4\n\nngf = many", ":3: ngf" },
        { "flux = 4", "flux" },      { "ngf =", "ngf" },
        { "{\"flux\": 4}", "flux" }, { "{\"ngf\": 4", "test_options.config" },
    };
    struct pix_train_options o;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_false(read_text(cases[i].text, strlen(cases[i].text), &o));
        assert_says(cases[i].message);
        pix_train_options_finish(&o);
    }
    assert_false(read_text("ngf = 4\0ndf = 4", 15, &o));
    assert_says("not a text file");
    pix_train_options_finish(&o);
    pix_train_options_init(&o);
    assert_false(pix_train_options_read_file("no/such/file", &o));
    assert_says("no/such/file");
    pix_train_options_finish(&o);
}

static void test_run(void **state)
{
    (void)state;
    char *run = scratch("test_options_run");
    char *path = file_join(run, "config.json");
    struct pix_train_options o, back;
    assert_true(file_make_folder(run));
    assert_true(file_remove(path));
    assert_false(pix_train_options_read(run, &back));
    assert_says("no config.json");

    char data[] = "pairs";
    fill(&o, data);
    char *text = to_json(&o);
    assert_true(file_write(path, text, strlen(text)));
    assert_true(pix_train_options_read(run, &back));
    assert_same(&o, &back, false);
    assert_string_equal(back.out, run);
    assert_false(back.continue_run);
    pix_train_options_finish(&back);

    assert_true(file_write(path, text, strlen(text) / 2));
    assert_false(pix_train_options_read(run, &back));
    assert_says("config.json");
    assert_true(file_remove(path));
    mem_free(text);
    mem_free(path);
    mem_free(run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_defaults, setup),
        cmocka_unit_test_setup(test_table, setup),
        cmocka_unit_test_setup(test_set, setup),
        cmocka_unit_test_setup(test_levels, setup),
        cmocka_unit_test_setup(test_check, setup),
        cmocka_unit_test_setup(test_resolve, setup),
        cmocka_unit_test_setup(test_networks, setup),
        cmocka_unit_test_setup(test_choices, setup),
        cmocka_unit_test_setup(test_generator_names, setup),
        cmocka_unit_test_setup(test_unused, setup),
        cmocka_unit_test_setup(test_recipes, setup),
        cmocka_unit_test_setup(test_copy, setup),
        cmocka_unit_test_setup(test_json, setup),
        cmocka_unit_test_setup(test_json_bad, setup),
        cmocka_unit_test_setup(test_config_lines, setup),
        cmocka_unit_test_setup(test_config_recipe, setup),
        cmocka_unit_test_setup(test_config_json, setup),
        cmocka_unit_test_setup(test_config_bad, setup),
        cmocka_unit_test_setup(test_run, setup),
    };
    return cmocka_run_group_tests(tests, group_setup, NULL);
}
