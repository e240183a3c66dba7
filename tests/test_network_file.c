// SPDX-License-Identifier: MIT
//
// A file of a network is taken for what it is, or refused with one message.

#define _XOPEN_SOURCE 700

#include "store/network_file.h"

#include <math.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "formats/pth.h"
#include "settings/options_file.h"
#include "settings/rules.h"
#include "settings/settings.h"
#include "store/checkpoint.h"
#include "store/convert.h"
#include "store/weight_names.h"
#include "support/network_files.h"
#include "support/tree.h"

#define FOLDER "test_network_file.scratch"
#define FIRST FOLDER "/first.pth"
#define SECOND FOLDER "/second.safetensors"
#define THIRD FOLDER "/third.pth"

static void test_mismatches(void **state)
{
    (void)state;
    struct generator_options o = {
        .levels = 5, .ngf = 2, .channels_in = 3, .channels_out = 3
    };
    struct weights *weights = network_generator_weights(&o);
    const struct network_dump d = { weights, network_own_name };
    network_write_pth(FIRST, &d);
    struct network_file *f = network_file_open(FIRST, NETWORK_G, "train");
    assert_non_null(f);
    // The message names the first tensor and both shapes.
    o.ngf = 4;
    struct weights *others = network_generator_weights(&o);
    assert_false(network_file_check(f, others));
    network_check_says("model.model.0.weight is [2, 3, 4, 4]");
    network_check_says("needs [4, 3, 4, 4]");
    weights_destroy(others);
    o.ngf = 2;
    o.bias = true;
    others = network_generator_weights(&o);
    assert_false(network_file_check(f, others));
    network_check_says("has no tensor model.model.0.bias");
    weights_destroy(others);
    o.bias = false;
    o.norm = MODEL_NORM_NONE;
    others = network_generator_weights(&o);
    assert_false(network_file_check(f, others));
    network_check_says("which");
    weights_destroy(others);
    network_file_close(f);

    // The other network, no network, and no file at all.
    assert_null(network_file_open("CMakeCache.onnx", NETWORK_G, "train"));
    network_check_says("does not exist");
    assert_true(file_write(FOLDER "/model.onnx", "onnx", 4));
    assert_null(network_file_open(FOLDER "/model.onnx", NETWORK_G, "train"));
    network_check_says("cannot be read");
    assert_true(test_remove_tree(FOLDER "/model.onnx"));
    assert_null(network_file_open(FIRST, NETWORK_D, "train"));
    network_check_says("holds a generator, not a discriminator");
    assert_null(network_file_open(FOLDER "/nothing", NETWORK_G, "train"));
    network_check_says("does not exist");
    assert_int_equal(symlink("loop", FOLDER "/loop"), 0);
    assert_null(network_file_open(FOLDER "/loop", NETWORK_G, "train"));
    network_check_says("cannot look at " FOLDER "/loop: ");
    assert_true(test_remove_tree(FOLDER "/loop"));
    assert_null(network_file_open(FOLDER, NETWORK_G, "train"));
    network_check_says("holds no checkpoint");
    assert_true(file_write(SECOND, "not a network", 13));
    assert_null(network_file_open(SECOND, NETWORK_G, "train"));
    network_check_says(SECOND);
    weights_destroy(weights);
}

// A tensor too many, and a network that the engine cannot build.
static void test_strangers(void **state)
{
    (void)state;
    struct pth_tensor tensors[] = {
        { "model.model.0.weight", "F32", 4, { 2, 3, 4, 4 } },
        { "model.model.1.model.1.weight", "F32", 4, { 4, 2, 4, 4 } },
        { "model.model.1.model.3.weight", "F32", 4, { 4, 2, 4, 4 } },
        { "model.model.3.weight", "F32", 4, { 4, 3, 4, 4 } },
        { "model.model.3.bias", "F32", 1, { 3 } },
        { "extra", "F32", 1, { 1 } },
    };
    const struct generator_options o = { .levels = 2,
                                         .ngf = 2,
                                         .channels_in = 3,
                                         .channels_out = 3,
                                         .norm = MODEL_NORM_NONE };
    struct weights *weights = network_generator_weights(&o);
    const struct network_dump d = { weights, network_own_name };
    assert_int_equal(weights->count, 5);
    assert_true(pth_write(FIRST, tensors, 5, network_dump_values, (void *)&d));
    struct network_file *f = network_file_open(FIRST, NETWORK_G, "test");
    assert_non_null(f);
    assert_true(network_file_check(f, weights));
    network_file_close(f);

    struct weights *more = weights_create(true);
    weights_add(more, WEIGHT_BIAS, (struct shape){ 1, 1, 1, 1 }, "extra");
    for (size_t i = 0; i < 5; i++)
        weights_add(more, weights->items[i]->kind, weights->items[i]->value.shape, "%s",
                    weights->items[i]->name);
    const struct network_dump all = { more, network_own_name };
    network_write_pth(FIRST, &all);
    f = network_file_open(FIRST, NETWORK_G, "test");
    assert_non_null(f);
    assert_false(network_file_check(f, weights));
    network_check_says("has a tensor extra");
    network_file_close(f);
    weights_destroy(more);
    weights_destroy(weights);

    const struct generator_options four = { .kind = GENERATOR_RESNET,
                                            .blocks = 4,
                                            .ngf = 2,
                                            .channels_in = 3,
                                            .channels_out = 3 };
    weights = network_generator_weights(&four);
    const struct network_dump blocks = { weights, network_own_name };
    network_write_pth(FIRST, &blocks);
    assert_null(network_file_open(FIRST, NETWORK_G, "test"));
    network_check_says("4 blocks");
    weights_destroy(weights);
}

// Biases without a norm look like those of an instance norm: our files record which.
static void test_stored_norm(void **state)
{
    (void)state;
    const struct discriminator_options d = {
        .layers = 2, .ndf = 2, .bias = true, .norm = MODEL_NORM_NONE
    };
    struct weights *weights = network_discriminator_weights(&d, 4);
    const struct network_dump all = { weights, network_own_name };
    struct safetensors_writer w;
    struct pix_train_options o;
    pix_train_options_init(&o);
    o.net_d = "n_layers";
    o.n_layers_d = 2;
    o.ndf = 2;
    o.bias = "all";
    o.norm_d = "none";
    o.input_nc = 3;
    o.output_nc = 1;
    assert_true(options_resolve(&o));
    char *text = json_text(options_to_json(&o));
    assert_non_null(text);
    safetensors_begin(&w);
    safetensors_put_metadata(&w, "pix2pix.options", text);
    network_write_safetensors(&w, SECOND, &all);
    mem_free(text);

    struct network_file *f = network_file_open(SECOND, NETWORK_D, "test");
    assert_non_null(f);
    assert_true(network_file_check(f, weights));
    assert_int_equal(network_file_settings(f)->discriminator.norm, MODEL_NORM_NONE);
    assert_int_equal(network_file_channels_d(f), 4);
    network_file_close(f);
    // A .pth file loses this, with a warning.
    const struct pix_convert_options options = { .input = SECOND,
                                                 .output = THIRD,
                                                 .discriminator = true };
    network_forget_messages();
    assert_true(convert_run(&options));
    assert_non_null(strstr(network_last_warning(), "instance norm"));
    weights_destroy(weights);
}

static bool leave_values(void *user, size_t i, void *data)
{
    (void)user;
    (void)i;
    (void)data;
    return true;
}

// Sides of zero, in both discriminators and a generator.
static void test_no_channels(void **state)
{
    (void)state;
    static const struct pth_tensor all[][4] = {
        { { "model.0.weight", "F32", 4, { 8, 0, 4, 4 } },
          { "model.2.weight", "F32", 4, { 16, 8, 4, 4 } },
          { "model.5.weight", "F32", 4, { 1, 16, 4, 4 } } },
        { { "net.0.weight", "F32", 4, { 8, 0, 1, 1 } },
          { "net.2.weight", "F32", 4, { 16, 8, 1, 1 } },
          { "net.5.weight", "F32", 4, { 1, 16, 1, 1 } } },
        { { "model.model.0.weight", "F32", 4, { 8, 0, 4, 4 } },
          { "model.model.1.model.1.weight", "F32", 4, { 16, 8, 4, 4 } },
          { "model.model.3.weight", "F32", 4, { 16, 3, 4, 4 } } },
    };
    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        assert_true(pth_write(FIRST, all[i], 3, leave_values, NULL));
        network_forget_messages();
        assert_null(network_file_open(FIRST, i < 2 ? NETWORK_D : NETWORK_G, "test"));
        network_check_says(FIRST);
        network_check_says(i < 2 ? "no input channel" : "--input-nc");
    }
}

// Each has one message, although a part of the file has a reader of its own.
static void test_bad_options(void **state)
{
    (void)state;
    static const char *const texts[] = { "[", "{\"ngf\": 0}", "[]",
                                         "{\"lambda-l1\": 0, \"gan-mode\": \"none\"}" };
    const struct generator_options o = {
        .levels = 2, .ngf = 2, .channels_in = 3, .channels_out = 3
    };
    struct weights *weights = network_generator_weights(&o);
    const struct network_dump d = { weights, network_own_name };
    for (size_t i = 0; i < 2 * ARRAY_LEN(texts); i++) {
        struct safetensors_writer w;
        safetensors_begin(&w);
        safetensors_put_metadata(&w, "pix2pix.options", texts[i / 2]);
        if (i % 2)
            safetensors_put_metadata(&w, CHECKPOINT_STEP, "4");
        network_write_safetensors(&w, SECOND, &d);
        network_forget_messages();
        assert_null(network_file_open(SECOND, NETWORK_G, "test"));
        assert_int_equal(network_errors(), 1);
        network_check_says(SECOND);
        network_check_says("options");
        test_remove_tree(SECOND);
    }
    weights_destroy(weights);
}

static bool infinite_values(void *user, size_t i, void *data)
{
    const struct network_dump *d = user;
    const struct weight *w = d->weights->items[i];
    for (size_t k = 0; k < shape_count(w->value.shape); k++)
        ((float *)data)[k] = i == 3 && k == 1 ? NAN : 0.5f;
    return true;
}

static void test_not_finite(void **state)
{
    (void)state;
    const struct generator_options o = { .levels = 2,
                                         .ngf = 2,
                                         .channels_in = 3,
                                         .channels_out = 3,
                                         .norm = MODEL_NORM_NONE };
    struct weights *weights = network_generator_weights(&o);
    const struct network_dump d = { weights, network_own_name };
    struct pth_tensor tensors[8];
    assert_true(weights->count > 3 && weights->count <= ARRAY_LEN(tensors));
    for (size_t i = 0; i < weights->count; i++) {
        tensors[i].name = weights->items[i]->name;
        tensors[i].kind = "F32";
        tensors[i].rank = weight_names_sides(weights->items[i], tensors[i].sides);
    }
    assert_true(pth_write(FIRST, tensors, weights->count, infinite_values, (void *)&d));
    const struct pix_convert_options options = { .input = FIRST, .output = SECOND };
    network_forget_messages();
    assert_true(convert_run(&options));
    assert_non_null(strstr(network_last_warning(), weights->items[3]->name));
    assert_non_null(strstr(network_last_warning(), "not finite"));
    weights_destroy(weights);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        network_test(test_mismatches),  network_test(test_strangers),
        network_test(test_stored_norm), network_test(test_no_channels),
        network_test(test_bad_options), network_test(test_not_finite),
    };
    return cmocka_run_group_tests_name("network_file", tests, NULL, NULL);
}
