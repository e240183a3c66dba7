// SPDX-License-Identifier: MIT
//
// Checkpoint files without a device: what is written can be read back and is
// safetensors, and damaged or hostile files are refused.

#define _XOPEN_SOURCE 700

#include "store/checkpoint.h"

#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/os.h"
#include "formats/safetensors.h"
#include "formats/sums.h"
#include "settings/rules.h"
#include "store/checkpoint_folder.h"
#include "support/log.h"
#include "support/size.h"
#include "support/tree.h"

#define RUN "test_checkpoint.scratch"
#define STEP 20
#define IMAGES 12

static void remove_files(const char *folder)
{
    struct file_list list;
    if (!file_is_folder(folder) || !file_list_read(folder, &list))
        return;
    for (size_t i = 0; i < list.count; i++) {
        char *path = file_join(folder, list.names[i]);
        test_remove_tree(path);
        mem_free(path);
    }
    file_list_free(&list);
}

static int setup(void **state)
{
    (void)state;
    test_keep_messages(LOG_INFO);
    remove_files(RUN "/checkpoints");
    return file_make_folder(RUN "/checkpoints") ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    remove_files(RUN "/checkpoints");
    log_use(NULL);
    return 0;
}

// ---------------------------------------------------------------------------
// Two small networks whose values follow from their names and indices

static struct weights *make_network(uint32_t channels, bool inference)
{
    const struct shape vector = { 1, channels, 1, 1 };
    struct weights *w = weights_create(inference);
    assert_non_null(w);
    weights_add(w, WEIGHT_CONV, (struct shape){ channels, 3, 4, 4 }, "model.0.weight");
    weights_add(w, WEIGHT_NORM_SCALE, vector, "model.1.weight");
    weights_add(w, WEIGHT_NORM_SHIFT, vector, "model.1.bias");
    weights_add(w, WEIGHT_RUNNING_MEAN, vector, "model.1.running_mean");
    weights_add(w, WEIGHT_RUNNING_VARIANCE, vector, "model.1.running_var");
    weights_add(w, WEIGHT_BIAS, (struct shape){ 1, 1, 1, 1 }, "model.2.bias");
    return w;
}

// Which tensor of which weight of which network this is.
static float first_value(const struct tensor *t)
{
    const struct weight *w = t->weight;
    float value = (float)w->value.shape.c + 1000 * (float)w->kind;
    return value + (t == &w->m ? 0.25f : t == &w->v ? 0.5f : 0);
}

static bool download(struct gpu_device *device, const struct tensor *t, void *data)
{
    float *values = data;
    assert_null(device);
    for (uint64_t i = 0; i < shape_count(t->shape); i++)
        values[i] = first_value(t) + (float)i / 1024;
    return true;
}

static bool broken_download(struct gpu_device *device, const struct tensor *t,
                            void *data)
{
    return t->weight->kind != WEIGHT_RUNNING_MEAN && download(device, t, data);
}

static size_t uploads;

static bool upload(struct gpu_device *device, struct tensor *t, const void *data)
{
    const float *values = data;
    assert_null(device);
    for (uint64_t i = 0; i < shape_count(t->shape); i++)
        assert_true(values[i] == first_value(t) + (float)i / 1024);
    uploads++;
    return true;
}

static const char *tuning = "0123456789abcdef";    // what is written
static const char *image_names = "fedcba9876543210", *jpeg_decoder = "libjpeg-turbo";

static bool write_file(const char *path, uint64_t step)
{
    struct settings settings = { 0 };
    struct weights *g = make_network(5, false), *d = make_network(7, false);
    pix_train_options_init(&settings.options);
    settings.options.data = "somewhere";
    settings.options.crop_size = SQUARE(64);
    settings.options.lambda_l1 = 12.5;
    assert_true(settings_resolve(&settings));
    struct checkpoint_state state = {
        .step = step, .epoch = 2, .images = IMAGES, .settings = &settings
    };
    snprintf(state.tuning, sizeof(state.tuning), "%s", tuning);
    snprintf(state.image_names, sizeof(state.image_names), "%s", image_names);
    snprintf(state.jpeg_decoder, sizeof(state.jpeg_decoder), "%s", jpeg_decoder);
    struct checkpoint_scan scan = { 0 };
    bool ok = checkpoint_write(path, &state, g, d, NULL, download, &scan);
    assert_string_equal(scan.tensor, "");
    weights_destroy(g);
    weights_destroy(d);
    return ok;
}

static char *default_path(void)
{
    char *path = checkpoint_path(RUN, STEP);
    assert_non_null(path);
    return path;
}

// ---------------------------------------------------------------------------

static void test_round_trip(void **state)
{
    char *path = default_path();
    (void)state;
    assert_string_equal(path, RUN "/checkpoints/step-00000020.safetensors");
    assert_true(write_file(path, STEP));

    struct checkpoint *c = checkpoint_open(path);
    assert_non_null(c);
    const struct checkpoint_state *s = checkpoint_get_state(c);
    assert_int_equal(s->step, STEP);
    assert_int_equal(s->images, IMAGES);
    assert_size(s->settings->options.crop_size, 64, 64);
    assert_int_equal(s->settings->options.depth, 6);
    assert_true(s->settings->options.lambda_l1 == 12.5);
    assert_string_equal(s->tuning, tuning);
    assert_string_equal(s->image_names, image_names);
    assert_string_equal(s->jpeg_decoder, jpeg_decoder);

    struct weights *g = make_network(5, false), *d = make_network(7, false);
    uploads = 0;
    assert_true(checkpoint_check(c, "G", g));
    assert_true(checkpoint_check(c, "D", d));
    assert_true(checkpoint_load(c, "G", g, NULL, upload));
    assert_int_equal(uploads, 6 + 2 * 4);
    assert_true(checkpoint_load(c, "D", d, NULL, upload));
    weights_destroy(g);
    weights_destroy(d);

    // Values only.
    g = make_network(5, true);
    uploads = 0;
    assert_true(checkpoint_check(c, "G", g));
    assert_true(checkpoint_load(c, "G", g, NULL, upload));
    assert_int_equal(uploads, 6);
    weights_destroy(g);
    checkpoint_close(c);
    mem_free(path);
}

// ---------------------------------------------------------------------------
// The format, read independently of checkpoint_open

struct file_parts {
    void *data;
    size_t size;
    char *header;    // inside `data`, not terminated
    size_t header_size;
};

static struct file_parts read_parts(const char *path)
{
    struct file_parts p;
    assert_true(file_read(path, &p.data, &p.size));
    const uint8_t *bytes = p.data;
    p.header_size = 0;
    for (int i = 7; i >= 0; i--)
        p.header_size = p.header_size << 8 | bytes[i];
    p.header = (char *)p.data + 8;
    assert_true(8 + p.header_size < p.size);
    return p;
}

static uint64_t counter(const struct file_parts *p, const json_t *root,
                        const char *name)
{
    uint64_t begin, value;
    const json_t *tensor = json_object_get(root, name);
    assert_true(json_is_object(tensor));
    assert_int_equal(json_array_size(json_object_get(tensor, "shape")), 0);
    assert_true(json_to_u64(json_array_get(json_object_get(tensor, "data_offsets"), 0),
                            &begin));
    memcpy(&value, (char *)p->data + 8 + p->header_size + begin, sizeof(value));
    return value;
}

static void test_format(void **state)
{
    char *path = default_path();
    (void)state;
    assert_true(write_file(path, STEP));
    struct file_parts p = read_parts(path);
    assert_int_equal(p.header_size % 8, 0);

    json_t *document = json_parse(p.header, p.header_size, "header");
    assert_non_null(document);
    json_t *metadata = json_object_get(document, "__metadata__"), *value;
    const char *key;
    json_object_foreach(metadata, key, value)
        assert_true(json_is_string(value));
    assert_int_equal(json_object_size(metadata), 8);
    assert_string_equal(json_string_value(json_object_get(metadata, "pix2pix.step")),
                        "20");

    // There are no gaps, nothing follows the tensors, and none is missing.
    uint64_t last = 0, bytes = 0;
    json_object_foreach(document, key, value) {
        uint64_t begin, end;
        if (value == metadata)
            continue;
        const json_t *offsets = json_object_get(value, "data_offsets");
        const char *dtype = json_string_value(json_object_get(value, "dtype"));
        assert_true(json_to_u64(json_array_get(offsets, 0), &begin));
        assert_true(json_to_u64(json_array_get(offsets, 1), &end));
        assert_int_equal(begin % (strcmp(dtype, "I64") == 0 ? 8 : 4), 0);
        last = MAX(last, end);
        bytes += end - begin;
    }
    assert_int_equal(json_object_size(document), 1 + 2 * (6 + 1 + 2 * 4));
    assert_int_equal(last, bytes);
    assert_int_equal(8 + p.header_size + last, p.size);

    assert_int_equal(counter(&p, document, "G.model.1.num_batches_tracked"), STEP);
    assert_int_equal(counter(&p, document, "D.model.1.num_batches_tracked"), 3 * STEP);
    const json_t *conv =
        json_object_get(json_object_get(document, "G.model.0.weight"), "shape");
    uint64_t side;
    assert_int_equal(json_array_size(conv), 4);
    assert_true(json_to_u64(json_array_get(conv, 0), &side));
    assert_int_equal(side, 5);
    const json_t *vector =
        json_object_get(json_object_get(document, "adam.D.model.1.bias.v"), "shape");
    assert_int_equal(json_array_size(vector), 1);
    assert_true(json_to_u64(json_array_get(vector, 0), &side));
    assert_int_equal(side, 7);
    json_decref(document);
    mem_free(p.data);
    mem_free(path);
}

// ---------------------------------------------------------------------------
// Bad files

static void assert_refused(const char *path, const char *part)
{
    bool is_damaged = false;
    test_forget_messages();
    assert_null(checkpoint_examine(path, &is_damaged));
    assert_int_equal(is_damaged, file_exists(path));
    if (!strstr(test_messages.last, path) || !strstr(test_messages.last, part))
        fail_msg("expected a message with \"%s\", got \"%s\"", part,
                 test_messages.last);
}

// Writes a copy with `from` in the header replaced by `to` of the same length.
static char *write_changed(const struct file_parts *p, const char *from, const char *to)
{
    char *path = mem_printf(RUN "/checkpoints/changed");
    char *copy = malloc(p->size);
    assert_non_null(copy);
    assert_int_equal(strlen(from), strlen(to));
    memcpy(copy, p->data, p->size);
    for (size_t i = 8; i + strlen(from) <= 8 + p->header_size; i++) {
        if (memcmp(copy + i, from, strlen(from)) != 0)
            continue;
        memcpy(copy + i, to, strlen(to));
        assert_true(file_write(path, copy, p->size));
        free(copy);
        return path;
    }
    free(copy);
    fail_msg("the header has no %s", from);
    return NULL;
}

static void test_damaged_headers(void **state)
{
    static const struct {
        const char *from, *to, *message;
    } cases[] = {
        { "\"F32\"", "\"F31\"", "dtype" },
        { "\"F32\"", "\"F16\"", "does not match its shape" },
        { "[5, 3, 4, 4]", "[5, 3, 4, 3]", "does not match its shape" },
        { "[5, 3, 4, 4]", "[5, 3, 4, {]", "changed" },
        { "[5, 3, 4, 4]", "[5, 3, 4,-4]", "shape" },
        { "[5, 3, 4, 4]", "\"5, 3, 4, 4\"", "shape" },
        { "\"data_offsets\": [0,", "\"data_offsets\": [7,",
          "does not match its shape" },
        { "[0, 8]", "[8, 0]", "data_offsets" },
        { "[0, 8]", "[1, 9]", "shares bytes" },
        { "\"G.model.1.bias\": {", "\"G.model.2.bias\": {", "duplicate" },
        { "pix2pix.step", "pix2pix.stop", "pix2pix.step" },
        { "\"20\"", "\"2x\"", "number" },
        { "crop-size\\\": 64", "crop-size\\\": 63", "options" },
        { "net-g\\\":", "net-g\\\";", "changed" },
    };
    char *path = default_path();
    (void)state;
    assert_true(write_file(path, STEP));
    struct file_parts p = read_parts(path);
    // As older versions wrote it: what is wrong has to show without sums.
    char *without = write_changed(&p, SUMS_KEY, "pix2pix.none");
    mem_free(p.data);
    p = read_parts(without);
    struct checkpoint *c = checkpoint_open(without);
    assert_non_null(c);
    checkpoint_close(c);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char *changed = write_changed(&p, cases[i].from, cases[i].to);
        assert_refused(changed, cases[i].message);
        mem_free(changed);
    }
    mem_free(without);
    mem_free(p.data);
    mem_free(path);
}

// What would be read otherwise.
static void test_damaged_texts(void **state)
{
    static const char metadata[] = "its metadata, or the names";
    static const struct {
        const char *from, *to, *message;
    } cases[] = {
        { "\"20\"", "\"21\"", metadata },
        { "crop-size\\\": 64", "crop-size\\\": 32", metadata },
        { "lambda-l1\\\": 12.5", "lambda-l1\\\": 13.5", metadata },
        { "images\\\": 12", "images\\\": 13", metadata },
        { "pix2pix.sampler", "pix2pix.sampleR", metadata },
        { "header\\", "heaper\\", "the sums in its metadata cannot be read" },
        { "{\\\"G.", "{\\\"G,", "has no sum that can be read" },
        { "[5, 3, 4, 4]", "[3, 5, 4, 4]", metadata },
    };
    char *path = default_path();
    (void)state;
    assert_true(write_file(path, STEP));
    struct file_parts p = read_parts(path);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char *changed = write_changed(&p, cases[i].from, cases[i].to);
        assert_refused(changed, cases[i].message);
        mem_free(changed);
    }
    mem_free(p.data);
    mem_free(path);
}

static void test_truncated(void **state)
{
    static const char cut[] = RUN "/checkpoints/cut";
    char *path = default_path();
    (void)state;
    assert_true(write_file(path, STEP));
    struct file_parts p = read_parts(path);
    for (size_t size = 0; size < p.size;
         size += size < 24 || p.size - size < 8 ? 1 : 173) {
        assert_true(file_write(cut, p.data, size));
        assert_refused(cut, size == 0 ? "empty" : "");
    }
    assert_true(file_write(cut, p.data, 8 + p.header_size));
    assert_refused(cut, "cut short");

    // One byte too many. file_read leaves a 0 behind the last one.
    assert_true(file_write(cut, p.data, p.size + 1));
    assert_refused(cut, "bytes follow");
    mem_free(p.data);
    mem_free(path);
}

// Each byte of the header is changed in two ways: the file is refused or read, never a
// crash.
static void test_any_byte(void **state)
{
    static const char changed[] = RUN "/checkpoints/changed";
    static const char values[] = { '9', '"' };
    char *path = default_path();
    size_t refused = 0;
    (void)state;
    assert_true(write_file(path, STEP));
    struct file_parts p = read_parts(path);
    uint8_t *bytes = p.data;
    FILE *stream = os_file_open(changed, "wb");
    assert_non_null(stream);
    assert_int_equal(fwrite(bytes, 1, p.size, stream), p.size);
    for (size_t i = 0; i < 8 + p.header_size; i += i < 16 ? 1 : 5) {
        for (size_t v = 0; v < ARRAY_LEN(values); v++) {
            assert_int_equal(fseek(stream, (int)i, SEEK_SET), 0);
            fputc(values[v], stream);
            fflush(stream);
            struct checkpoint *c = checkpoint_open(changed);
            refused += !c;
            checkpoint_close(c);
        }
        assert_int_equal(fseek(stream, (int)i, SEEK_SET), 0);
        fputc(bytes[i], stream);
    }
    fclose(stream);
    assert_true(refused > 100);
    mem_free(p.data);
    mem_free(path);
}

// Sizes near the limits of integers are refused by comparison, without overflow.
static void test_huge_sizes(void **state)
{
    static const char path[] = RUN "/checkpoints/huge";
    static const char *const headers[] = {
        "{\"a\":{\"dtype\":\"U8\",\"shape\":[9223372036854775807],"
        "\"data_offsets\":[0,9223372036854775807]}}",
        "{\"a\":{\"dtype\":\"U8\",\"shape\":[1],"
        "\"data_offsets\":[9223372036854775806,9223372036854775807]}}",
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(headers); i++) {
        char file[256] = { (char)strlen(headers[i]) };
        memcpy(file + 8, headers[i], strlen(headers[i]));
        assert_true(file_write(path, file, 8 + strlen(headers[i])));
        assert_refused(path, "cut short");
    }
}

static void test_foreign(void **state)
{
    static const char path[] = RUN "/checkpoints/foreign";
    static const char empty_header[] = "\x02\0\0\0\0\0\0\0{}";
    static const char array[] = "\x08\0\0\0\0\0\0\0{\"a\":[1]";
    static const char no_metadata[] =
        "\x3a\0\0\0\0\0\0\0{\"x\":{\"dtype\":\"U8\",\"shape\":[2],"
        "\"data_offsets\":[0,2]}}     ab";
    char huge[64] = "";
    (void)state;
    assert_refused(RUN "/checkpoints/none", "does not exist");
    assert_refused(RUN "/checkpoints", "not a file");
    memset(huge, 0xff, sizeof(huge));
    assert_true(file_write(path, huge, sizeof(huge)));
    assert_refused(path, "safetensors");
    assert_true(file_write(path, "\x89PNG\r\n\x1a\n and more", 17));
    assert_refused(path, "safetensors");
    assert_true(file_write(path, empty_header, sizeof(empty_header) - 1));
    assert_refused(path, "no tensors");
    assert_true(file_write(path, array, sizeof(array) - 1));
    assert_refused(path, "");
    assert_true(file_write(path, no_metadata, sizeof(no_metadata) - 1));
    assert_refused(path, "pix2pix.step");
}

static void test_wrong_network(void **state)
{
    char *path = default_path();
    (void)state;
    assert_true(write_file(path, STEP));
    struct checkpoint *c = checkpoint_open(path);
    assert_non_null(c);

    struct weights *w = make_network(6, false);
    assert_false(checkpoint_check(c, "G", w));
    assert_non_null(strstr(test_messages.last, "G.model.0.weight"));
    assert_non_null(strstr(test_messages.last, "[5, 3, 4, 4]"));
    assert_non_null(strstr(test_messages.last, "[6, 3, 4, 4]"));
    assert_non_null(strstr(test_messages.last, path));
    weights_destroy(w);

    w = make_network(5, false);
    assert_true(checkpoint_check(c, "G", w));
    assert_false(checkpoint_is_damaged(c));
    weights_add(w, WEIGHT_BIAS, (struct shape){ 1, 2, 1, 1 }, "model.9.bias");
    assert_false(checkpoint_check(c, "G", w));
    assert_true(checkpoint_is_damaged(c));
    assert_non_null(strstr(test_messages.last, "G.model.9.bias"));
    weights_destroy(w);

    // A counter in place of a weight.
    w = make_network(5, true);
    weights_add(w, WEIGHT_BIAS, (struct shape){ 1, 1, 1, 1 },
                "model.1.num_batches_tracked");
    assert_false(checkpoint_check(c, "G", w));
    assert_non_null(strstr(test_messages.last, "I64"));
    weights_destroy(w);
    checkpoint_close(c);
    mem_free(path);
}

// ---------------------------------------------------------------------------
// What other programs make of a checkpoint

// A copy whose weights and moments are halves, as a program that keeps the metadata
// leaves it, and which has a moving average of so many values beside; 0: none.
static void write_halved(const char *from, const char *to, uint64_t average)
{
    struct file_parts p = read_parts(from);
    json_t *document = json_parse(p.header, p.header_size, "header"), *value;
    const char *key, *data = p.header + p.header_size;
    struct safetensors *s = safetensors_open(from);
    struct safetensors_writer w;
    assert_non_null(document);
    assert_non_null(s);
    safetensors_begin(&w);
    json_object_foreach(json_object_get(document, SUMS_METADATA), key, value)
        if (strcmp(key, SUMS_KEY) != 0)
            safetensors_put_metadata(&w, key, json_string_value(value));
    for (size_t i = 0; i < safetensors_count(s); i++) {
        const struct safetensors_entry *e = safetensors_at(s, i);
        const bool is_float = strcmp(e->kind, "F32") == 0;
        safetensors_describe(&w, e->name, is_float ? "F16" : e->kind, e->sides, e->rank,
                             (e->end - e->begin) / (is_float ? 2 : 1));
    }
    if (average)
        safetensors_describe(&w, "ema.G.model.1.weight", "F16", &average, 1,
                             2 * average);
    assert_true(safetensors_begin_data(&w, to));
    for (size_t i = 0; i < safetensors_count(s); i++) {
        const struct safetensors_entry *e = safetensors_at(s, i);
        for (uint64_t at = e->begin; at < e->end; at += 4) {
            uint8_t bytes[2];
            float number;
            memcpy(&number, data + at, sizeof(number));
            bytes_put_little(bytes, 2, bytes_half_bits(number));
            assert_true(strcmp(e->kind, "F32") == 0
                            ? safetensors_put_data(&w, bytes, 2)
                            : safetensors_put_data(&w, data + at, 4));
        }
    }
    for (uint64_t i = 0; i < average; i++)
        assert_true(safetensors_put_data(&w, "\0\x3c", 2));    // 1
    assert_true(safetensors_commit(&w));
    safetensors_abort(&w);
    safetensors_close(s);
    json_decref(document);
    mem_free(p.data);
}

// Weights can be read, and no run goes on from it.
static void test_halved(void **state)
{
    static const char halved[] = RUN "/checkpoints/halved";
    char *path = default_path();
    (void)state;
    assert_true(write_file(path, STEP));
    for (uint64_t average = 0; average <= 5; average += 5) {
        write_halved(path, halved, average);
        struct checkpoint *c = checkpoint_open(halved);
        struct weights *g = make_network(5, true);
        float values[5 * 3 * 4 * 4];
        assert_non_null(c);
        test_forget_messages();
        assert_true(checkpoint_check_values(c, "G", g));
        assert_non_null(strstr(test_messages.last, "has F16 tensors"));
        for (size_t i = 0; i < g->count; i++) {
            const struct weight *w = g->items[i];
            const bool is_average = average && i == 1;
            assert_true(checkpoint_read(c, "G", w, true, values));
            for (uint64_t k = 0; k < shape_count(w->value.shape); k++)
                assert_true(values[k] ==
                            (is_average
                                 ? 1
                                 : bytes_half_value(bytes_half_bits(
                                       first_value(&w->value) + (float)k / 1024))));
        }
        weights_destroy(g);
        g = make_network(5, false);
        assert_false(checkpoint_check(c, "G", g));
        assert_non_null(strstr(test_messages.last, "is F16, and a run continues from"));
        assert_non_null(strstr(test_messages.last, "--init-g"));
        weights_destroy(g);
        checkpoint_close(c);
    }
    // An average that is no average of its weight.
    write_halved(path, halved, 9);
    struct checkpoint *c = checkpoint_open(halved);
    struct weights *g = make_network(5, true);
    assert_non_null(c);
    assert_false(checkpoint_check_values(c, "G", g));
    assert_true(checkpoint_is_damaged(c));
    assert_non_null(strstr(test_messages.last,
                           "ema.G.model.1.weight is [9], but the network needs [5]"));
    weights_destroy(g);
    checkpoint_close(c);
    mem_free(path);
}

// ---------------------------------------------------------------------------
// Failures that say nothing about the file

static bool broken_upload(struct gpu_device *device, struct tensor *t, const void *data)
{
    (void)device;
    (void)t;
    (void)data;
    return false;
}

static void test_passing_failures(void **state)
{
    static const char link[] = RUN "/checkpoints/link";
    bool is_damaged = true;
    char *path = default_path();
    struct weights *g = make_network(5, false);
    struct rlimit all, none;
    (void)state;
    assert_true(write_file(path, STEP));

    // No file can be opened: EMFILE.
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &all), 0);
    none = (struct rlimit){ 0, all.rlim_max };
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    assert_null(checkpoint_examine(path, &is_damaged));
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &all), 0);
    assert_false(is_damaged);
    assert_non_null(strstr(test_messages.last, "open files"));

    // Another disk, which is not there at the moment.
    is_damaged = true;
    assert_int_equal(symlink("nowhere/file", link), 0);
    assert_null(checkpoint_examine(link, &is_damaged));
    assert_false(is_damaged);

    // The device has no memory.
    struct checkpoint *c = checkpoint_examine(path, &is_damaged);
    assert_non_null(c);
    assert_true(checkpoint_check(c, "G", g));
    assert_false(checkpoint_load(c, "G", g, NULL, broken_upload));
    assert_false(checkpoint_is_damaged(c));

    // Shorter than when it was opened.
    struct weights *d = make_network(7, false);
    assert_true(test_resize_file(path, 5000));
    assert_false(checkpoint_load(c, "D", d, NULL, upload));
    assert_true(checkpoint_is_damaged(c));
    checkpoint_close(c);
    weights_destroy(d);
    weights_destroy(g);
    mem_free(path);
}

// ---------------------------------------------------------------------------
// A write that fails

static bool is_not_temporary(void *user, const char *name)
{
    bool *clean = user;
    *clean = !file_is_temporary(name);
    return *clean;
}

static void test_failed_write(void **state)
{
    bool clean = true;
    char *path = default_path();
    struct settings settings = { 0 };
    struct weights *g = make_network(5, false);
    (void)state;
    assert_true(write_file(path, STEP));
    struct file_parts before = read_parts(path);
    pix_train_options_init(&settings.options);
    settings_parse(&settings);
    const struct checkpoint_state s = { .step = 21, .epoch = 1, .settings = &settings };
    struct checkpoint_scan scan = { 0 };
    assert_false(checkpoint_write(path, &s, g, g, NULL, broken_download, &scan));
    assert_non_null(strstr(test_messages.last, "could not be written"));

    struct file_parts after = read_parts(path);
    assert_int_equal(after.size, before.size);
    assert_memory_equal(after.data, before.data, before.size);
    assert_true(os_folder_list(RUN "/checkpoints", is_not_temporary, &clean));
    assert_true(clean);
    assert_false(checkpoint_write(RUN "/none/file", &s, g, g, NULL, download, &scan));
    assert_non_null(strstr(test_messages.last, RUN "/none/file"));
    mem_free(before.data);
    mem_free(after.data);
    weights_destroy(g);
    mem_free(path);
}

// ---------------------------------------------------------------------------
// Numbers that are not finite

static float bad_number;

// In one moment of one weight, at its end.
static bool bad_download(struct gpu_device *device, const struct tensor *t, void *data)
{
    float *values = data;
    download(device, t, data);
    if (t == &t->weight->v && t->weight->kind == WEIGHT_CONV)
        values[shape_count(t->shape) - 1] = bad_number;
    return true;
}

static bool any_upload(struct gpu_device *device, struct tensor *t, const void *data)
{
    (void)device;
    (void)t;
    (void)data;
    return true;
}

static void test_not_finite(void **state)
{
    static const float numbers[] = { INFINITY, -INFINITY, NAN };
    struct settings settings = { 0 };
    char *path = default_path();
    struct weights *g = make_network(5, false);
    bool clean = true, is_finite;
    (void)state;
    pix_train_options_init(&settings.options);
    settings.options.data = "somewhere";
    assert_true(settings_resolve(&settings));
    const struct checkpoint_state s = { .step = 21, .epoch = 1, .settings = &settings };
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
        struct checkpoint_scan scan = { 0 };
        bad_number = numbers[i];
        assert_false(checkpoint_write(path, &s, g, g, NULL, bad_download, &scan));
        assert_string_equal(scan.tensor, "adam.G.model.0.weight.v");
        assert_non_null(strstr(test_messages.last, "not finite"));
        assert_false(file_exists(path));
        assert_true(os_folder_list(RUN "/checkpoints", is_not_temporary, &clean));
        assert_true(clean);

        scan = (struct checkpoint_scan){ .writes_all = true };
        assert_true(checkpoint_write(path, &s, g, g, NULL, bad_download, &scan));
        assert_string_equal(scan.tensor, "adam.G.model.0.weight.v");
        struct checkpoint *c = checkpoint_open(path);
        assert_non_null(c);
        assert_true(checkpoint_find_finite(c, &is_finite));
        assert_false(is_finite);
        assert_string_equal(checkpoint_not_finite(c), "");
        assert_true(checkpoint_load(c, "G", g, NULL, any_upload));
        assert_string_equal(checkpoint_not_finite(c), "adam.G.model.0.weight.v");
        assert_false(checkpoint_is_damaged(c));
        checkpoint_close(c);
        assert_true(os_file_remove(path));
    }

    // The largest number is one like others.
    struct checkpoint_scan scan = { 0 };
    bad_number = FLT_MAX;
    assert_true(checkpoint_write(path, &s, g, g, NULL, bad_download, &scan));
    struct checkpoint *c = checkpoint_open(path);
    assert_true(checkpoint_find_finite(c, &is_finite));
    assert_true(is_finite);
    assert_true(checkpoint_load(c, "G", g, NULL, any_upload));
    assert_string_equal(checkpoint_not_finite(c), "");
    checkpoint_close(c);
    weights_destroy(g);
    settings_finish(&settings);
    mem_free(path);
}

// As files of older versions are.
static void test_without_hashes(void **state)
{
    char *path = default_path();
    (void)state;
    tuning = image_names = jpeg_decoder = "";
    assert_true(write_file(path, STEP));
    tuning = "0123456789abcdef";
    image_names = "fedcba9876543210";
    jpeg_decoder = "libjpeg-turbo";
    struct checkpoint *c = checkpoint_open(path);
    assert_non_null(c);
    assert_string_equal(checkpoint_get_state(c)->tuning, "");
    assert_string_equal(checkpoint_get_state(c)->image_names, "");
    assert_string_equal(checkpoint_get_state(c)->jpeg_decoder, "stb");
    checkpoint_close(c);
    mem_free(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_round_trip, setup, teardown),
        cmocka_unit_test_setup_teardown(test_without_hashes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_format, setup, teardown),
        cmocka_unit_test_setup_teardown(test_damaged_headers, setup, teardown),
        cmocka_unit_test_setup_teardown(test_damaged_texts, setup, teardown),
        cmocka_unit_test_setup_teardown(test_truncated, setup, teardown),
        cmocka_unit_test_setup_teardown(test_any_byte, setup, teardown),
        cmocka_unit_test_setup_teardown(test_huge_sizes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_foreign, setup, teardown),
        cmocka_unit_test_setup_teardown(test_wrong_network, setup, teardown),
        cmocka_unit_test_setup_teardown(test_halved, setup, teardown),
        cmocka_unit_test_setup_teardown(test_passing_failures, setup, teardown),
        cmocka_unit_test_setup_teardown(test_failed_write, setup, teardown),
        cmocka_unit_test_setup_teardown(test_not_finite, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
