// SPDX-License-Identifier: MIT
//
// Each architecture goes from one kind of file to the next and comes back the same to
// the bit; nothing overwrites what a run needs.

#include "store/convert.h"

#include "base/file.h"
#include "base/mem.h"
#include "models/model.h"
#include "settings/settings.h"
#include "store/checkpoint.h"
#include "store/network_file.h"
#include "support/network_files.h"
#include "support/tree.h"

#define FOLDER "test_convert.scratch"
#define FIRST FOLDER "/first.pth"
#define SECOND FOLDER "/second.safetensors"
#define THIRD FOLDER "/third.pth"

static int setup(void **state)
{
    (void)state;
    network_collect_messages();
    return file_make_folder(FOLDER) ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    test_remove_tree(FIRST);
    test_remove_tree(SECOND);
    test_remove_tree(THIRD);
    network_release_messages();
    return 0;
}

// Converts first.pth, which has these weights, to second.safetensors and that to
// third.pth, which has the counters of a file of PyTorch too.
static struct network_file *go_round(enum network network,
                                     const struct weights *weights)
{
    struct network_file *f = NULL;
    const char *const paths[] = { FIRST, SECOND, THIRD };
    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        if (i > 0) {
            const struct pix_convert_options options = {
                .input = paths[i - 1],
                .output = paths[i],
                .discriminator = network == NETWORK_D,
            };
            if (!convert_run(&options))
                fail_msg("%s", network_last_error());
            network_file_close(f);
        }
        f = network_file_open(paths[i], network, "test");
        if (!f)
            fail_msg("%s", network_last_error());
        assert_true(network_file_check(f, weights));
        network_check_values(f, weights);
    }
    return f;
}

static void test_generators(void **state)
{
    (void)state;
    static const struct generator_options cases[] = {
        { .levels = 8, .ngf = 1, .channels_in = 3, .channels_out = 3 },
        { .levels = 7, .ngf = 2, .channels_in = 1, .channels_out = 2 },
        { .levels = 2, .ngf = 3, .channels_in = 5, .channels_out = 16 },
        { .levels = 5, .ngf = 2, .norm = MODEL_NORM_INSTANCE },
        { .levels = 5, .ngf = 2, .norm = MODEL_NORM_NONE },
        { .levels = 5, .ngf = 2, .bias = true, .norm_innermost = true },
        { .levels = 5, .ngf = 2, .resize = true },
        { .levels = 6, .ngf = 2, .kind = GENERATOR_ENCODER_DECODER },
        { .levels = 6, .ngf = 2, .kind = GENERATOR_ENCODER_DECODER, .resize = true },
        { .ngf = 2, .kind = GENERATOR_RESNET, .blocks = 6 },
        { .ngf = 2, .kind = GENERATOR_RESNET, .blocks = 9, .no_dropout = true },
        { .ngf = 2,
          .kind = GENERATOR_RESNET,
          .blocks = 6,
          .norm = MODEL_NORM_INSTANCE,
          .resize = true },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct generator_options o = cases[i];
        o.channels_in = o.channels_in ? o.channels_in : 3;
        o.channels_out = o.channels_out ? o.channels_out : 3;
        struct weights *weights = network_generator_weights(&o);
        const struct network_dump d = { weights, network_own_name };
        network_write_pth(FIRST, &d);
        struct network_file *f = go_round(NETWORK_G, weights);
        const struct generator_options found = network_file_settings(f)->generator;
        assert_int_equal(found.kind, o.kind);
        assert_int_equal(found.ngf, o.ngf);
        assert_int_equal(found.channels_in, o.channels_in);
        assert_int_equal(found.channels_out, o.channels_out);
        assert_int_equal(found.norm, o.norm);
        assert_int_equal(found.bias, o.bias);
        assert_int_equal(found.norm_innermost, o.norm_innermost);
        assert_int_equal(found.resize, o.resize);
        assert_false(found.decoder_first);
        if (o.kind == GENERATOR_RESNET) {
            assert_int_equal(found.blocks, o.blocks);
            assert_int_equal(found.no_dropout, o.no_dropout);
        } else {
            assert_int_equal(found.levels, o.levels);
        }
        network_file_close(f);
        weights_destroy(weights);
    }
}

static void test_discriminators(void **state)
{
    (void)state;
    static const struct discriminator_options cases[] = {
        { .layers = 1, .ndf = 2 },
        { .layers = 3, .ndf = 2 },
        { .layers = 6, .ndf = 1, .norm = MODEL_NORM_INSTANCE },
        { .layers = 3, .ndf = 2, .norm = MODEL_NORM_NONE },
        { .layers = 3, .ndf = 2, .bias = true },
        { .layers = 3, .ndf = 4, .pixel = true },
        { .layers = 3, .ndf = 4, .pixel = true, .norm = MODEL_NORM_INSTANCE },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct discriminator_options o = cases[i];
        struct weights *weights = network_discriminator_weights(&o, 6);
        const struct network_dump d = { weights, network_own_name };
        network_write_pth(FIRST, &d);
        struct network_file *f = go_round(NETWORK_D, weights);
        const struct discriminator_options found =
            network_file_settings(f)->discriminator;
        assert_int_equal(found.layers, o.layers);
        assert_int_equal(found.ndf, o.ndf);
        assert_int_equal(found.pixel, o.pixel);
        assert_int_equal(found.norm, o.norm);
        assert_int_equal(found.bias, o.bias);
        assert_int_equal(network_file_channels_d(f), 6);
        network_file_close(f);
        weights_destroy(weights);
    }
}

static void test_wrong_options(void **state)
{
    (void)state;
    const struct generator_options o = {
        .levels = 5, .ngf = 2, .channels_in = 3, .channels_out = 3
    };
    struct weights *weights = network_generator_weights(&o);
    const struct network_dump d = { weights, network_own_name };
    network_write_pth(FIRST, &d);
    weights_destroy(weights);

    const struct pix_convert_options wrong[] = {
        { .input = FIRST, .output = FOLDER "/out.txt" },
        { .input = FIRST },
        { .output = FIRST },
        { .input = FIRST, .output = THIRD, .mode = "paper" },
        { .input = FIRST, .output = FOLDER "/none/out.pth" },
        { .input = FIRST, .output = FOLDER "/none/out.safetensors" },
        { .input = FIRST, .output = FOLDER "/none/out.onnx" },
    };
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        network_forget_messages();
        assert_false(convert_run(&wrong[i]));
        assert_true(network_last_error()[0]);
    }
    assert_false(file_exists(THIRD));
}

// A file with this metadata is one that a run resumes from.
static void test_checkpoint_stays(void **state)
{
    (void)state;
    const struct generator_options o = {
        .levels = 2, .ngf = 2, .channels_in = 3, .channels_out = 3
    };
    struct weights *weights = network_generator_weights(&o);
    const struct network_dump d = { weights, network_own_name };
    const struct pix_convert_options options = { .input = FIRST, .output = SECOND };
    struct safetensors_writer w;
    void *before = NULL, *after = NULL;
    size_t size_before = 0, size_after = 0;
    network_write_pth(FIRST, &d);
    safetensors_begin(&w);
    safetensors_put_metadata(&w, CHECKPOINT_STEP, "4");
    safetensors_describe(&w, "G.x", "F32", (const uint64_t[]){ 1 }, 1, 4);
    assert_true(safetensors_begin_data(&w, SECOND) &&
                safetensors_put_data(&w, "1234", 4) && safetensors_commit(&w));
    safetensors_abort(&w);
    assert_true(file_read(SECOND, &before, &size_before));
    assert_false(convert_run(&options));
    network_check_says("is a checkpoint");
    assert_true(file_read(SECOND, &after, &size_after));
    assert_int_equal(size_before, size_after);
    assert_memory_equal(before, after, size_before);
    mem_free(before);
    mem_free(after);
    // Other files are replaced.
    test_remove_tree(SECOND);
    assert_true(convert_run(&options));
    assert_true(convert_run(&options));
    weights_destroy(weights);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_generators, setup, teardown),
        cmocka_unit_test_setup_teardown(test_discriminators, setup, teardown),
        cmocka_unit_test_setup_teardown(test_wrong_options, setup, teardown),
        cmocka_unit_test_setup_teardown(test_checkpoint_stays, setup, teardown),
    };
    return cmocka_run_group_tests_name("convert", tests, NULL, NULL);
}
