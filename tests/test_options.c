// SPDX-License-Identifier: MIT
//
// Training options: defaults, single values and their ranges, recipes, and copies.

#include "support/given.h"
#include "support/size.h"

#include <stdio.h>
#include <string.h>

#include "settings/choice.h"
#include "settings/options.h"
#include "settings/rules.h"

static void test_defaults(void **state)
{
    (void)state;
    struct pix_train_options o;
    pix_train_options_init(&o);
    assert_string_equal(o.direction, "AtoB");
    assert_string_equal(o.net_g, "unet");
    assert_int_equal(o.ngf, 64);
    assert_int_equal(o.ndf, 64);
    assert_size(o.crop_size, 256, 256);
    assert_int_equal(o.batch_size, 1);
    assert_int_equal(o.n_epochs, 100);
    assert_int_equal(o.n_epochs_decay, 100);
    assert_true(o.lr == 0.0002 && o.beta1 == 0.5 && o.lambda_l1 == 100);
    assert_true(o.seed == 0 && o.steps == 0);
    assert_int_equal(o.keep, 3);
    assert_false(o.no_flip || o.no_dropout || o.serial_batches || o.continue_run);
    assert_true(options_resolve(&o));
    assert_size(o.load_size, 286, 286);
    assert_int_equal(o.depth, 8);
    assert_string_equal(given_warnings, "");
}

static const char *const bad_ranges[] = { "",          "0",      "0:",    ":1",
                                          "1:1",       "2:1",    "a:b",   "0:1:2",
                                          "0 :1",      "0:1e99", "nan:1", "full|auto",
                                          "-3e38:3e38" };

static const char *const bad_ratios[] = {
    "",      "1",    "1:1",      "1:1:1:1",      "0:0:0",  "-1:1:1",
    "a:1:1", "1::1", "1:1:1e99", "0.8 :0.1:0.1", "nan:1:1"
};

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
        char text[64], again[64];
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
        case PIX_OPTION_SIZE:
            snprintf(text, sizeof(text), "%.0fx%.0f", row->max, row->max - 1);
            assert_true(pix_train_options_set(&o, row->name, text));
            assert_size(*(struct pix_size *)((char *)&o + row->offset), row->max,
                        row->max - 1);
            assert_string_equal(pix_train_options_get(&o, row->name, again, 64), text);
            snprintf(text, sizeof(text), "%.0f", row->min);
            assert_true(pix_train_options_set(&o, row->name, text));
            assert_string_equal(pix_train_options_get(&o, row->name, again, 64), text);
            snprintf(text, sizeof(text), "64x%.0f", row->max + 1);
            assert_false(pix_train_options_set(&o, row->name, text));
            snprintf(text, sizeof(text), "64x%.0f", row->min > 0 ? row->min - 1 : 0);
            assert_false(pix_train_options_set(&o, row->name, text));
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
        case PIX_OPTION_RANGE:
            assert_true(pix_train_options_set(&o, row->name, "full"));
            assert_true(pix_train_options_set(&o, row->name, "auto"));
            assert_true(pix_train_options_set(&o, row->name, "-1.5e3:+3000"));
            for (size_t k = 0; k < ARRAY_LEN(bad_ranges); k++)
                assert_false(pix_train_options_set(&o, row->name, bad_ranges[k]));
            break;
        case PIX_OPTION_RATIO:
            assert_true(pix_train_options_set(&o, row->name, "0.8:0.1:0.1"));
            assert_true(pix_train_options_set(&o, row->name, "0:0:1"));
            for (size_t k = 0; k < ARRAY_LEN(bad_ratios); k++)
                assert_false(pix_train_options_set(&o, row->name, bad_ratios[k]));
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
    assert_size(o.crop_size, 64, 64);
    assert_true(pix_train_options_set(&o, "seed", "9223372036854775807"));
    assert_true(o.seed == INT64_MAX);
    assert_true(pix_train_options_set(&o, "lr", "1e-3"));
    assert_true(o.lr == 1e-3);
    assert_true(pix_train_options_set(&o, "net-g", "unet_128"));
    assert_string_equal(o.net_g, "unet_128");

    assert_true(pix_train_options_set(&o, "crop-size", "512x256"));
    assert_size(o.crop_size, 512, 256);
    assert_true(pix_train_options_set(&o, "crop-size", "64x64"));
    char text[64];
    assert_string_equal(pix_train_options_get(&o, "crop-size", text, sizeof(text)),
                        "64");
    assert_string_equal(pix_train_options_get(&o, "crop-size", text, 2), "6");

    static const char *const bad[][2] = {
        { "crop-size", "64x" },
        { "crop-size", "x64" },
        { "crop-size", "64x64x64" },
        { "crop-size", "64 x 64" },
        { "crop-size", "64X64" },
        { "crop-size", "64x-64" },
        { "crop-size", "4294967360x64" },
        { "load-size", "0x64" },
        { "load-size", "64x0" },
        { "ngf", "" },
        { "ngf", " 8" },
        { "ngf", "8 " },
        { "ngf", "+8" },
        { "ngf", "-8" },
        { "ngf", "8.0" },
        { "ngf", "0x8" },
        { "ngf", "eight" },
        { "ngf", "4294967304" },
        { "lr", "nan" },
        { "lr", "inf" },
        { "lr", "1e999" },
        { "lr", "0x1p-3" },
        { "lr", "" },
        { "lr", "1e-3x" },
        { "lr", "." },
        { "lr", "1,5" },
        { "seed", "9223372036854775808" },
        { "net-g", "unet_25" },
        { "direction", "atob" },
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        const struct pix_train_options before = o;
        if (pix_train_options_set(&o, bad[i][0], bad[i][1]))
            fail_msg("--%s took \"%s\"", bad[i][0], bad[i][1]);
        given_check_says(bad[i][0]);
        assert_memory_equal(&before, &o, sizeof(o));
    }
    assert_false(pix_train_options_set(&o, "crop-sizes", "64"));
    given_check_says("no option --crop-sizes");
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
    given_check_same(&o, &initial, true);

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
        given_check_same(&o, &by_words, true);
        assert_true(options_resolve(&o));
    }
    assert_false(pix_train_recipe("keras", text, sizeof(text)));
}

static void test_copy(void **state)
{
    (void)state;
    char data[] = "a \"quoted\"\\path/\xc3\xa4";
    struct pix_train_options o, copy;
    given_fill(&o, data);
    assert_true(options_copy(&copy, &o));
    data[0] = 'b';
    assert_int_equal(copy.data[0], 'a');
    data[0] = 'a';
    given_check_same(&o, &copy, true);
    pix_train_options_finish(&copy);
    pix_train_options_finish(&copy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_defaults, given_setup),
        cmocka_unit_test_setup(test_table, given_setup),
        cmocka_unit_test_setup(test_set, given_setup),
        cmocka_unit_test_setup(test_recipes, given_setup),
        cmocka_unit_test_setup(test_copy, given_setup),
    };
    return cmocka_run_group_tests(tests, given_open, NULL);
}
