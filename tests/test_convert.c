// SPDX-License-Identifier: MIT
//
// Each architecture goes from one kind of file to the next and comes back the same to
// the bit; nothing overwrites what a run needs.

#define _XOPEN_SOURCE 700

#include "store/convert.h"

#include <string.h>
#include <sys/resource.h>

#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "models/model.h"
#include "settings/options_file.h"
#include "settings/rules.h"
#include "settings/settings.h"
#include "store/checkpoint.h"
#include "store/network_file.h"
#include "support/network_files.h"
#include "support/onnx.h"
#include "support/tree.h"

#define FOLDER "test_convert.scratch"
#define FIRST FOLDER "/first.pth"
#define SECOND FOLDER "/second.safetensors"
#define THIRD FOLDER "/third.pth"
#define MODEL FOLDER "/model.onnx"

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

static void write_generator(const struct generator_options *o)
{
    struct weights *weights = network_generator_weights(o);
    network_write_pth(FIRST, &(struct network_dump){ weights, network_own_name });
    weights_destroy(weights);
}

static void write_discriminator(const struct discriminator_options *o)
{
    struct weights *weights = network_discriminator_weights(o, 6);
    network_write_pth(FIRST, &(struct network_dump){ weights, network_own_name });
    weights_destroy(weights);
}

// The sides of a value: 0 where it has a name.
static void check_sides(const struct onnx_value *v, uint64_t n, uint64_t c, uint64_t h,
                        uint64_t w)
{
    const uint64_t sides[] = { n, c, h, w };
    assert_int_equal(v->rank, 4);
    for (uint32_t i = 0; i < 4; i++) {
        assert_int_equal(v->lengths[i], sides[i]);
        assert_int_equal(v->sides[i] != NULL, sides[i] == 0);
    }
}

// Sizes, batches and operator sets of ONNX models.
static void test_onnx_numbers(void **state)
{
    (void)state;
    static const struct {
        uint32_t width, height, batch, opset;
        uint64_t in[3];    // n, h, w of the model's input
        bool tells;        // that OpenCV needs a size
    } cases[] = {
        { 0, 0, 0, 0, { 0, 0, 0 }, true },       { 64, 32, 0, 0, { 1, 32, 64 }, false },
        { 32, 32, 3, 15, { 3, 32, 32 }, false }, { 0, 0, 2, 13, { 2, 0, 0 }, true },
        { 0, 0, 0, 15, { 0, 0, 0 }, true },
    };
    write_generator(&(struct generator_options){
        .levels = 5, .ngf = 2, .channels_in = 3, .channels_out = 2 });
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct pix_convert_options options = {
            .input = FIRST,
            .output = MODEL,
            .width = cases[i].width,
            .height = cases[i].height,
            .batch = cases[i].batch,
            .opset = cases[i].opset,
        };
        const uint64_t *in = cases[i].in;
        network_forget_messages();
        if (!convert_run(&options))
            fail_msg("%zu: %s", i, network_last_error());
        struct onnx_model *m = onnx_read(MODEL);
        check_sides(&m->inputs[0], in[0], 3, in[1], in[2]);
        check_sides(&m->outputs[0], in[0], 2, in[1], in[2]);
        assert_int_equal(m->opset, cases[i].opset ? cases[i].opset : 13);
        assert_int_equal(strstr(network_infos(), "OpenCV 4") != NULL, cases[i].tells);
        assert_int_equal(strstr(network_infos(), "--size 256x256") != NULL,
                         cases[i].tells);
        onnx_free(m);
    }

    // What a discriminator gives is smaller.
    write_discriminator(&(struct discriminator_options){ .layers = 3, .ndf = 2 });
    const struct pix_convert_options d = { .input = FIRST,
                                           .output = MODEL,
                                           .discriminator = true,
                                           .width = 48,
                                           .height = 40 };
    assert_true(convert_run(&d));
    struct onnx_model *m = onnx_read(MODEL);
    check_sides(&m->inputs[0], 1, 6, 40, 48);
    check_sides(&m->outputs[0], 1, 1, 3, 4);
    onnx_free(m);
}

static void check_refused(struct pix_convert_options options, const char *says)
{
    options.input = FIRST;
    options.output = options.output ? options.output : MODEL;
    network_forget_messages();
    assert_false(convert_run(&options));
    assert_int_equal(network_errors(), 1);
    network_check_says(says);
    assert_false(file_exists(options.output));
}

static void test_wrong_numbers(void **state)
{
    (void)state;
    write_generator(&(struct generator_options){
        .levels = 5, .ngf = 2, .channels_in = 3, .channels_out = 3 });
    check_refused((struct pix_convert_options){ .width = 100, .height = 64 },
                  "--size 100x64 does not fit unet of 5 levels");
    network_check_says("multiples of 32, for example 96x64 or 128x64");
    check_refused((struct pix_convert_options){ .width = 20, .height = 20 },
                  "for example 32x32");
    assert_null(strstr(network_last_error(), " or "));
    check_refused((struct pix_convert_options){ .width = 64 }, "not 64x0");
    check_refused((struct pix_convert_options){ .height = 64 }, "a width and a height");
    check_refused((struct pix_convert_options){ .width = 16416, .height = 32 },
                  "1 to 16384");
    check_refused((struct pix_convert_options){ .batch = 65537 }, "--batch takes 1 to");
    check_refused((struct pix_convert_options){ .opset = 14 }, "13 or 15, not 14");
    check_refused((struct pix_convert_options){ .opset = 13, .output = THIRD },
                  "apply to .onnx only");
    check_refused(
        (struct pix_convert_options){ .width = 32, .height = 32, .output = SECOND },
        "apply to .onnx only");
    check_refused((struct pix_convert_options){ .batch = 1, .output = SECOND },
                  "apply to .onnx only");
    // More numbers than an image of the network can have.
    check_refused(
        (struct pix_convert_options){ .width = 16384, .height = 16384, .batch = 65536 },
        "cannot be built for 16384x16384 pixels and a batch of 65536");
    // A multiple, but nothing is left to reflect.
    write_generator(&(struct generator_options){ .kind = GENERATOR_RESNET,
                                                 .blocks = 6,
                                                 .ngf = 2,
                                                 .channels_in = 3,
                                                 .channels_out = 3 });
    check_refused((struct pix_convert_options){ .width = 4, .height = 4 },
                  "cannot be built for 4x4 pixels");
    write_discriminator(&(struct discriminator_options){ .layers = 3, .ndf = 2 });
    check_refused(
        (struct pix_convert_options){ .width = 64, .height = 8, .discriminator = true },
        "a height of 24 or more");
}

// SECOND is a generator of a run with these options.
static void write_recorded(const char *direction, const char *input_kind,
                           const char *output_kind, const char *range,
                           const char *npy_order, const char *alpha,
                           const char *preprocess)
{
    const struct generator_options g = {
        .levels = 5, .ngf = 2, .channels_in = 3, .channels_out = 3
    };
    struct weights *weights = network_generator_weights(&g);
    struct safetensors_writer w;
    struct pix_train_options o;
    pix_train_options_init(&o);
    o.net_g = "unet";
    o.depth = 5;
    o.ngf = 2;
    o.input_nc = o.output_nc = 3;
    o.direction = direction;
    o.input_kind = input_kind;
    o.output_kind = output_kind;
    o.range = range;
    o.read.npy_order = npy_order;
    o.read.alpha = alpha;
    if (preprocess)
        o.preprocess = preprocess;
    assert_true(options_resolve(&o));
    char *text = json_text(options_to_json(&o));
    assert_non_null(text);
    safetensors_begin(&w);
    safetensors_put_metadata(&w, "pix2pix.options", text);
    network_write_safetensors(&w, SECOND,
                              &(struct network_dump){ weights, network_own_name });
    mem_free(text);
    weights_destroy(weights);
}

// What a file cannot say is said, without options of programs that do not read it.
static void test_loss(void **state)
{
    static const struct {
        const char *direction, *input_kind, *output_kind, *range, *npy_order, *alpha;
        const char *onnx, *pth;    // "" for no warning
        const char *preprocess;
    } cases[] = {
        { "AtoB", "u8", "u8", "full", "chw", "drop", "", "" },
        { "BtoA", "u8", "u8", "full", "chw", "drop", "turns B into A",
          "trained: pass evaluate --direction BtoA, or" },
        { "AtoB", "u16", "u8", "full", "chw", "drop",
          "its inputs stand for u16 and its outputs in [-1, 1] for u8 samples",
          "trained: pass translate and evaluate --input-kind u16 --output-kind u8, or" },
        { "AtoB", "u8", "u8", "full", "hwc", "drop", "",
          "trained: pass translate and evaluate --npy-order hwc, or" },
        { "AtoB", "u16", "f32", "10:4095.5", "chw", "drop",
          "stand for u16 of 10:4095.5 and its outputs in [-1, 1] for f32 of 10:4095.5 "
          "samples",
          "evaluate --input-kind u16 --output-kind f32 --input-range 10:4095.5 "
          "--output-range 10:4095.5, or" },
        { "BtoA", "f32", "f32", "full", "hwc", "drop", "its inputs stand for f32",
          "--direction BtoA, and translate and evaluate --input-kind f32 "
          "--output-kind f32 --npy-order hwc, or" },
        { "AtoB", "u8", "u8", "full", "chw", "black", "",
          "trained: pass translate and evaluate --alpha black, or" },
        { "AtoB", "u8", "u8", "full", "chw", "drop", "",
          "trained: pass translate --preprocess none, or", "crop" },
        { "BtoA", "u8", "u8", "full", "hwc", "drop", "turns B into A",
          "trained: pass evaluate --direction BtoA, and translate and evaluate "
          "--npy-order hwc, and translate --preprocess none, or",
          "none" },
        { "AtoB", "u8", "u8", "full", "chw", "drop", "",
          "trained: pass translate --preprocess none with images of 286 pixels' width, "
          "or",
          "scale_width_and_crop" },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        write_recorded(cases[i].direction, cases[i].input_kind, cases[i].output_kind,
                       cases[i].range, cases[i].npy_order, cases[i].alpha,
                       cases[i].preprocess);
        for (int k = 0; k < 2; k++) {
            const char *expected = k ? cases[i].pth : cases[i].onnx;
            network_forget_messages();
            assert_true(convert_run(&(struct pix_convert_options){
                .input = SECOND, .output = k ? THIRD : MODEL }));
            const char *said = network_last_warning();
            if (expected[0] ? !strstr(said, expected) : said[0])
                fail_msg("\"%s\" is not in: %s", expected, said);
            assert_int_equal(strstr(said, "--") != NULL, k == 1 && expected[0]);
        }
    }
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
    // For the moment it cannot be read, and may be one. Then one that is cut short.
    struct rlimit limit_before, limit;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit_before), 0);
    limit = limit_before;
    limit.rlim_cur = 0;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    const bool converted = convert_run(&options);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit_before), 0);
    assert_false(converted);
    network_check_says("is not replaced: it cannot be read");
    assert_true(test_resize_file(SECOND, size_before - 1));
    assert_false(convert_run(&options));
    network_check_says("is a checkpoint");
    // Other files are replaced, whole or not.
    assert_true(file_write(SECOND, "other", 5));
    assert_true(convert_run(&options));
    test_remove_tree(SECOND);
    assert_true(convert_run(&options));
    assert_true(convert_run(&options));
    weights_destroy(weights);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        network_test(test_generators),       network_test(test_discriminators),
        network_test(test_wrong_options),    network_test(test_onnx_numbers),
        network_test(test_wrong_numbers),    network_test(test_loss),
        network_test(test_checkpoint_stays),
    };
    return cmocka_run_group_tests_name("convert", tests, NULL, NULL);
}
