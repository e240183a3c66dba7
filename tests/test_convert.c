// SPDX-License-Identifier: MIT
//
// Files of one network: each architecture is recognised by its tensors alone, goes from
// one kind of file to another and back unchanged, and what does not fit is refused.

#include "settings/options_file.h"
#include "settings/rules.h"
#include "settings/settings.h"
#include "store/convert.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "formats/pth.h"
#include "formats/safetensors.h"
#include "models/model.h"
#include "store/affinelayer.h"
#include "store/checkpoint.h"
#include "store/network_file.h"
#include "store/weight_names.h"
#include "support/gpu.h"

#define FOLDER "test_convert.scratch"
#define FIRST FOLDER "/first.pth"
#define SECOND FOLDER "/second.safetensors"
#define THIRD FOLDER "/third.pth"

static char last_text[4096], last_warning[4096];
static int error_count;

static void keep_message(void *user, enum log_level level, const char *text)
{
    (void)user;
    if (level == LOG_ERROR) {
        snprintf(last_text, sizeof(last_text), "%s", text);
        error_count++;
    }
    if (level == LOG_WARN)
        snprintf(last_warning, sizeof(last_warning), "%s", text);
}

static const struct log_sink sink = { keep_message, NULL, LOG_INFO };

static int setup(void **state)
{
    (void)state;
    log_use(&sink);
    last_text[0] = '\0';
    return file_make_folder(FOLDER) ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    file_remove(FIRST);
    file_remove(SECOND);
    file_remove(THIRD);
    log_use(NULL);
    return 0;
}

static void assert_says(const char *part)
{
    if (!strstr(last_text, part))
        fail_msg("the message \"%s\" does not say \"%s\"", last_text, part);
}

// ---------------------------------------------------------------------------
// Networks and files of them

static struct weights *generator_weights(const struct generator_options *o)
{
    const struct op_limits limits = test_guaranteed_limits();
    struct graph *g = graph_create(&limits);
    struct weights *weights = weights_create(true);
    const uint32_t side = 4 * generator_multiple(o);
    assert_non_null(generator_build(
        g, weights,
        graph_input(g, "x", (struct shape){ 1, o->channels_in, side, side },
                    TENSOR_F32),
        o, (struct model_mode){ .no_dropout = true }));
    graph_destroy(g);
    return weights;
}

static struct weights *discriminator_weights(const struct discriminator_options *o,
                                             uint32_t channels)
{
    const struct op_limits limits = test_guaranteed_limits();
    struct graph *g = graph_create(&limits);
    struct weights *weights = weights_create(true);
    assert_non_null(discriminator_build(
        g, weights,
        graph_input(g, "x", (struct shape){ 1, channels, 256, 256 }, TENSOR_F32), o,
        (struct model_mode){ 0 }));
    graph_destroy(g);
    return weights;
}

// The value of an element of a weight: of any scale, and unlike any other.
static float value_of(const char *name, size_t i)
{
    const uint64_t hash = hash_bytes(HASH_START, name, strlen(name));
    return (float)((hash ^ (i * 2654435761u)) % 100003) / 50000.0f - 1.0f;
}

struct dump {
    const struct weights *weights;
    const char *(*name)(const struct weight *w, char text[256]);
};

static bool dump_values(void *user, size_t i, void *data)
{
    const struct dump *d = user;
    const struct weight *w = d->weights->items[i];
    for (size_t k = 0; k < shape_count(w->value.shape); k++)
        ((float *)data)[k] = value_of(w->name, k);
    return true;
}

static bool leave_values(void *user, size_t i, void *data)
{
    (void)user;
    (void)i;
    (void)data;
    return true;
}

static const char *own_name(const struct weight *w, char text[256])
{
    (void)text;
    return w->name;
}

// As torch.save would.
static void write_file(const char *path, const struct dump *d)
{
    struct pth_tensor *tensors = mem_array(d->weights->count, sizeof(tensors[0]));
    char(*names)[256] = mem_array(d->weights->count, sizeof(names[0]));
    for (size_t i = 0; i < d->weights->count; i++) {
        const struct weight *w = d->weights->items[i];
        tensors[i].name = d->name(w, names[i]);
        tensors[i].kind = "F32";
        tensors[i].rank = weight_names_sides(w, tensors[i].sides);
    }
    assert_true(pth_write(path, tensors, d->weights->count, dump_values, (void *)d));
    mem_free(names);
    mem_free(tensors);
}

static void check_values(struct network_file *f, const struct weights *weights)
{
    for (size_t i = 0; i < weights->count; i++) {
        const struct weight *w = weights->items[i];
        const size_t count = (size_t)shape_count(w->value.shape);
        float *values = mem_array(count, sizeof(values[0]));
        assert_true(network_file_read(f, w, true, values));
        for (size_t k = 0; k < count; k++)
            if (values[k] != value_of(w->name, k))
                fail_msg("%s[%zu] is %g, not %g", w->name, k, (double)values[k],
                         (double)value_of(w->name, k));
        mem_free(values);
    }
}

// first.pth, made of these weights, to second.safetensors, to third.pth, which is as
// PyTorch would have written it: with counters.
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
                fail_msg("%s", last_text);
            network_file_close(f);
        }
        f = network_file_open(paths[i], network, "test");
        if (!f)
            fail_msg("%s", last_text);
        assert_true(network_file_check(f, weights));
        check_values(f, weights);
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
        struct weights *weights = generator_weights(&o);
        const struct dump d = { weights, own_name };
        write_file(FIRST, &d);
        struct network_file *f = go_round(NETWORK_G, weights);
        const struct generator_options found =
            options_generator(network_file_options(f));
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
        struct weights *weights = discriminator_weights(&o, 6);
        const struct dump d = { weights, own_name };
        write_file(FIRST, &d);
        struct network_file *f = go_round(NETWORK_D, weights);
        const struct discriminator_options found =
            options_discriminator(network_file_options(f));
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

// ---------------------------------------------------------------------------
// affinelayer's names and order

static const struct generator_options affinelayer = {
    .levels = 8,
    .ngf = 2,
    .channels_in = 3,
    .channels_out = 3,
    .bias = true,
    .norm_innermost = true,
    .decoder_first = true,
};

static const char *name_of_affinelayer(const struct weight *w, char text[256])
{
    assert_true(affinelayer_name(&affinelayer, w->name, text, 256));
    return text;
}

static void test_affinelayer(void **state)
{
    (void)state;
    static const char *const names[][2] = {
        { "model.model.0.weight", "enc1.conv.weight" },
        { "model.model.1.model.1.bias", "enc2.conv.bias" },
        { "model.model.1.model.2.running_mean", "enc2.bn.running_mean" },
        { "model.model.1.model.3.model.3.model.1.weight", "enc4.conv.weight" },
        { "model.model.1.model.3.model.3.model.3.model.3.model.3.model.3.model.1.bias",
          "enc8.conv.bias" },
        { "model.model.1.model.3.model.3.model.3.model.3.model.3.model.3.model.2.bias",
          "enc8.bn.bias" },
        { "model.model.1.model.3.model.3.model.3.model.3.model.3.model.3.model.4.weight",
          "dec1.deconv.weight" },
        { "model.model.1.model.3.model.3.model.3.model.3.model.3.model.3.model.5.bias",
          "dec1.bn.bias" },
        { "model.model.1.model.5.weight", "dec7.deconv.weight" },
        { "model.model.1.model.6.running_var", "dec7.bn.running_var" },
        { "model.model.3.bias", "dec8.deconv.bias" },
    };
    char text[256];
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        assert_true(affinelayer_name(&affinelayer, names[i][0], text, 256));
        assert_string_equal(text, names[i][1]);
    }
    assert_false(affinelayer_name(&affinelayer, "model.1.weight", text, 256));

    struct weights *weights = generator_weights(&affinelayer);
    const struct dump d = { weights, name_of_affinelayer };
    write_file(FIRST, &d);
    struct network_file *f = network_file_open(FIRST, NETWORK_G, "test");
    if (!f)
        fail_msg("%s", last_text);
    const struct generator_options found = options_generator(network_file_options(f));
    assert_true(found.decoder_first && found.norm_innermost && found.bias &&
                found.dropout_inner && found.levels == 8);
    assert_true(network_file_check(f, weights));
    check_values(f, weights);
    network_file_close(f);

    // Written, it is a network of the port's order: the input channels of the decoders
    // that join have changed places, and the network says so.
    const struct pix_convert_options options = { .input = FIRST, .output = THIRD };
    assert_true(convert_run(&options));
    f = network_file_open(THIRD, NETWORK_G, "test");
    assert_non_null(f);
    assert_false(options_generator(network_file_options(f)).decoder_first);
    assert_true(network_file_check(f, weights));
    const struct weight *joint = weights_find(weights, "model.model.1.model.5.weight");
    const struct weight *innermost = weights_find(
        weights,
        "model.model.1.model.3.model.3.model.3.model.3.model.3.model.3.model.4.weight");
    const size_t count = (size_t)shape_count(joint->value.shape);
    float *values =
        mem_array(shape_count(innermost->value.shape) + count, sizeof(values[0]));
    assert_true(network_file_read(f, joint, true, values));
    assert_true(values[0] == value_of(joint->name, count / 2));
    assert_true(values[count / 2] == value_of(joint->name, 0));
    assert_true(network_file_read(f, innermost, true, values));
    assert_true(values[0] == value_of(innermost->name, 0));
    // Wanted in the other order it is as it was.
    network_file_set_order(f, true);
    check_values(f, weights);
    mem_free(values);
    network_file_close(f);
    weights_destroy(weights);
}

// ---------------------------------------------------------------------------
// What is refused

static void test_mismatches(void **state)
{
    (void)state;
    struct generator_options o = {
        .levels = 5, .ngf = 2, .channels_in = 3, .channels_out = 3
    };
    struct weights *weights = generator_weights(&o);
    const struct dump d = { weights, own_name };
    write_file(FIRST, &d);
    struct network_file *f = network_file_open(FIRST, NETWORK_G, "train");
    assert_non_null(f);
    // The first tensor and both shapes.
    o.ngf = 4;
    struct weights *others = generator_weights(&o);
    assert_false(network_file_check(f, others));
    assert_says("model.model.0.weight is [2, 3, 4, 4]");
    assert_says("needs [4, 3, 4, 4]");
    weights_destroy(others);
    o.ngf = 2;
    o.bias = true;
    others = generator_weights(&o);
    assert_false(network_file_check(f, others));
    assert_says("has no tensor model.model.0.bias");
    weights_destroy(others);
    o.bias = false;
    o.norm = MODEL_NORM_NONE;
    others = generator_weights(&o);
    assert_false(network_file_check(f, others));
    assert_says("which");
    weights_destroy(others);
    network_file_close(f);

    // Files of the other network, of no network, and no files.
    assert_null(network_file_open("CMakeCache.onnx", NETWORK_G, "train"));
    assert_says("does not exist");
    assert_true(file_write(FOLDER "/model.onnx", "onnx", 4));
    assert_null(network_file_open(FOLDER "/model.onnx", NETWORK_G, "train"));
    assert_says("cannot be read");
    assert_true(file_remove(FOLDER "/model.onnx"));
    assert_null(network_file_open(FIRST, NETWORK_D, "train"));
    assert_says("holds a generator, not a discriminator");
    assert_null(network_file_open(FOLDER "/nothing", NETWORK_G, "train"));
    assert_says("does not exist");
    assert_null(network_file_open(FOLDER, NETWORK_G, "train"));
    assert_says("holds no checkpoint");
    assert_true(file_write(SECOND, "not a network", 13));
    assert_null(network_file_open(SECOND, NETWORK_G, "train"));
    assert_says(SECOND);
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
        last_text[0] = '\0';
        assert_false(convert_run(&wrong[i]));
        assert_true(last_text[0]);
    }
    assert_false(file_exists(THIRD));
}

// A tensor too many, or a network that nobody builds.
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
    struct weights *weights = generator_weights(&o);
    const struct dump d = { weights, own_name };
    assert_int_equal(weights->count, 5);
    assert_true(pth_write(FIRST, tensors, 5, dump_values, (void *)&d));
    struct network_file *f = network_file_open(FIRST, NETWORK_G, "test");
    assert_non_null(f);
    assert_true(network_file_check(f, weights));
    network_file_close(f);

    struct weights *more = weights_create(true);
    weights_add(more, WEIGHT_BIAS, (struct shape){ 1, 1, 1, 1 }, "extra");
    for (size_t i = 0; i < 5; i++)
        weights_add(more, weights->items[i]->kind, weights->items[i]->value.shape, "%s",
                    weights->items[i]->name);
    const struct dump all = { more, own_name };
    write_file(FIRST, &all);
    f = network_file_open(FIRST, NETWORK_G, "test");
    assert_non_null(f);
    assert_false(network_file_check(f, weights));
    assert_says("has a tensor extra");
    network_file_close(f);
    weights_destroy(more);
    weights_destroy(weights);

    const struct generator_options four = { .kind = GENERATOR_RESNET,
                                            .blocks = 4,
                                            .ngf = 2,
                                            .channels_in = 3,
                                            .channels_out = 3 };
    weights = generator_weights(&four);
    const struct dump blocks = { weights, own_name };
    write_file(FIRST, &blocks);
    assert_null(network_file_open(FIRST, NETWORK_G, "test"));
    assert_says("4 blocks");
    weights_destroy(weights);
}

// Tensors behind the metadata that the writer has been given.
static void write_safetensors(struct safetensors_writer *w, const struct dump *d)
{
    for (size_t i = 0; i < d->weights->count; i++) {
        uint64_t shape[SAFETENSORS_RANK_MAX];
        const struct weight *each = d->weights->items[i];
        const uint32_t rank = weight_names_sides(each, shape);
        safetensors_describe(w, each->name, "F32", shape, rank,
                             tensor_bytes(&each->value));
    }
    assert_true(safetensors_begin_data(w, SECOND));
    for (size_t i = 0; i < d->weights->count; i++) {
        const size_t bytes = (size_t)tensor_bytes(&d->weights->items[i]->value);
        void *values = mem_alloc(bytes);
        assert_true(dump_values((void *)d, i, values));
        assert_true(safetensors_put_data(w, values, bytes));
        mem_free(values);
    }
    assert_true(safetensors_commit(w));
    safetensors_abort(w);
}

// Biases without a norm look like those of an instance norm: our files say which.
static void test_stored_norm(void **state)
{
    (void)state;
    const struct discriminator_options d = {
        .layers = 2, .ndf = 2, .bias = true, .norm = MODEL_NORM_NONE
    };
    struct weights *weights = discriminator_weights(&d, 4);
    const struct dump all = { weights, own_name };
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
    write_safetensors(&w, &all);
    mem_free(text);

    struct network_file *f = network_file_open(SECOND, NETWORK_D, "test");
    assert_non_null(f);
    assert_true(network_file_check(f, weights));
    assert_int_equal(options_discriminator(network_file_options(f)).norm,
                     MODEL_NORM_NONE);
    assert_int_equal(network_file_channels_d(f), 4);
    network_file_close(f);
    // And again after a conversion, but not through a .pth, of which a word is said.
    const struct pix_convert_options options = { .input = SECOND,
                                                 .output = THIRD,
                                                 .discriminator = true };
    last_warning[0] = '\0';
    assert_true(convert_run(&options));
    assert_non_null(strstr(last_warning, "instance norm"));
    weights_destroy(weights);
}

// A file with this metadata is what a run goes on from.
static void test_checkpoint_stays(void **state)
{
    (void)state;
    const struct generator_options o = {
        .levels = 2, .ngf = 2, .channels_in = 3, .channels_out = 3
    };
    struct weights *weights = generator_weights(&o);
    const struct dump d = { weights, own_name };
    const struct pix_convert_options options = { .input = FIRST, .output = SECOND };
    struct safetensors_writer w;
    void *before = NULL, *after = NULL;
    size_t size_before = 0, size_after = 0;
    write_file(FIRST, &d);
    safetensors_begin(&w);
    safetensors_put_metadata(&w, CHECKPOINT_STEP, "4");
    safetensors_describe(&w, "G.x", "F32", (const uint64_t[]){ 1 }, 1, 4);
    assert_true(safetensors_begin_data(&w, SECOND) &&
                safetensors_put_data(&w, "1234", 4) && safetensors_commit(&w));
    safetensors_abort(&w);
    assert_true(file_read(SECOND, &before, &size_before));
    assert_false(convert_run(&options));
    assert_says("is a checkpoint");
    assert_true(file_read(SECOND, &after, &size_after));
    assert_int_equal(size_before, size_after);
    assert_memory_equal(before, after, size_before);
    mem_free(before);
    mem_free(after);
    // Other files are replaced.
    file_remove(SECOND);
    assert_true(convert_run(&options));
    assert_true(convert_run(&options));
    weights_destroy(weights);
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
        last_text[0] = '\0';
        assert_null(network_file_open(FIRST, i < 2 ? NETWORK_D : NETWORK_G, "test"));
        assert_says(FIRST);
        assert_says(i < 2 ? "no input channel" : "--input-nc");
    }
}

// One message for each, though a part of the file has a reader of its own.
static void test_bad_options(void **state)
{
    (void)state;
    static const char *const texts[] = { "[", "{\"ngf\": 0}", "[]",
                                         "{\"lambda-l1\": 0, \"gan-mode\": \"none\"}" };
    const struct generator_options o = {
        .levels = 2, .ngf = 2, .channels_in = 3, .channels_out = 3
    };
    struct weights *weights = generator_weights(&o);
    const struct dump d = { weights, own_name };
    for (size_t i = 0; i < 2 * ARRAY_LEN(texts); i++) {
        struct safetensors_writer w;
        safetensors_begin(&w);
        safetensors_put_metadata(&w, "pix2pix.options", texts[i / 2]);
        if (i % 2)
            safetensors_put_metadata(&w, CHECKPOINT_STEP, "4");
        write_safetensors(&w, &d);
        error_count = 0;
        assert_null(network_file_open(SECOND, NETWORK_G, "test"));
        assert_int_equal(error_count, 1);
        assert_says(SECOND);
        assert_says("options");
        file_remove(SECOND);
    }
    weights_destroy(weights);
}

static bool infinite_values(void *user, size_t i, void *data)
{
    const struct dump *d = user;
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
    struct weights *weights = generator_weights(&o);
    const struct dump d = { weights, own_name };
    struct pth_tensor tensors[8];
    assert_true(weights->count > 3 && weights->count <= ARRAY_LEN(tensors));
    for (size_t i = 0; i < weights->count; i++) {
        tensors[i].name = weights->items[i]->name;
        tensors[i].kind = "F32";
        tensors[i].rank = weight_names_sides(weights->items[i], tensors[i].sides);
    }
    assert_true(pth_write(FIRST, tensors, weights->count, infinite_values, (void *)&d));
    const struct pix_convert_options options = { .input = FIRST, .output = SECOND };
    last_warning[0] = '\0';
    assert_true(convert_run(&options));
    assert_non_null(strstr(last_warning, weights->items[3]->name));
    assert_non_null(strstr(last_warning, "not finite"));
    weights_destroy(weights);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_generators, setup, teardown),
        cmocka_unit_test_setup_teardown(test_discriminators, setup, teardown),
        cmocka_unit_test_setup_teardown(test_affinelayer, setup, teardown),
        cmocka_unit_test_setup_teardown(test_mismatches, setup, teardown),
        cmocka_unit_test_setup_teardown(test_strangers, setup, teardown),
        cmocka_unit_test_setup_teardown(test_stored_norm, setup, teardown),
        cmocka_unit_test_setup_teardown(test_checkpoint_stays, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_channels, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bad_options, setup, teardown),
        cmocka_unit_test_setup_teardown(test_not_finite, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
