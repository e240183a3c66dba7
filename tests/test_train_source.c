// SPDX-License-Identifier: MIT
//
// Where the images of a run come from: lists, folders that a ratio divides, and pairs
// whose inputs are smaller than their targets. Each is the same run as one whose images
// lie as they usually do.

#define _XOPEN_SOURCE 700

#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "data/picture_file.h"
#include "data/split_ratio.h"

#define SCRATCH "test_train_source.scratch"
#include "support/tiny.h"

#define PLAIN SCRATCH "/plain"      // train/A and train/B, val/A and val/B
#define MIXED SCRATCH "/mixed"      // A and B with all of these, and some more
#define SMALL SCRATCH "/small"      // the same as PLAIN, with inputs of half the size
#define LARGE SCRATCH "/large"      // with these inputs enlarged
#define LIST SCRATCH "/list.csv"    // PLAIN, for a run that is compared
#define RATIO "0.6:0.2:0.2"

enum { IMAGES = 20, SIDE = 40 };

static struct picture make_image(uint32_t number, uint32_t side)
{
    struct picture p;
    assert_true(picture_create(&p, PIXEL_U8, 3, side, side));
    for (size_t i = 0; i < (size_t)3 * side * side; i++)
        ((uint8_t *)p.samples)[i] =
            (uint8_t)(number * 37 + i * (i % side / 4 + number) / 3);
    return p;
}

static void write_image(const char *folder, uint32_t number, struct picture *p)
{
    char *path = mem_printf("%s/%u.png", folder, (unsigned)number);
    assert_true(file_make_folder(folder) && picture_write(path, p));
    mem_free(path);
}

// Writes an image to DATA/A or B, and to that of its split.
static void write_side(const char *side, uint32_t number, struct picture *p)
{
    struct split_ratio ratio;
    enum split split = SPLIT_COUNT;
    char name[16], folder[64];
    snprintf(name, sizeof(name), "%u", (unsigned)number);
    assert_true(split_ratio_parse(RATIO, &ratio) &&
                split_ratio_find(&ratio, name, &split));
    snprintf(folder, sizeof(folder), MIXED "/%s", side);
    write_image(folder, number, p);
    snprintf(folder, sizeof(folder), PLAIN "/%s/%s", split_name(split), side);
    write_image(folder, number, p);
}

static void write_data(void)
{
    for (uint32_t i = 0; i < IMAGES; i++) {
        struct picture a = make_image(i, SIDE), b = make_image(i + 100, SIDE), large;
        write_side("A", i, &a);
        write_side("B", i, &b);
        write_image(SMALL "/train/B", i, &b);
        write_image(LARGE "/train/B", i, &b);
        picture_free(&a);
        a = make_image(i, SIDE / 2);
        assert_true(picture_resize(&a, RESIZE_BICUBIC, SIDE, SIDE, &large));
        write_image(SMALL "/train/A", i, &a);
        write_image(LARGE "/train/A", i, &large);
        picture_free(&a);
        picture_free(&b);
        picture_free(&large);
    }
}

static struct pix_train_options options_of(const char *data, const char *out)
{
    struct pix_train_options o = tiny_options(data, out);
    o.steps = 4;
    o.val_freq = 0;
    return o;
}

static void check_same_run(const char *a, const char *b, uint64_t step)
{
    tiny_check_same_checkpoint(a, b, step);
    assert_string_equal(public_messages, "");
}

// The steps of an epoch.
static uint64_t count_training(void)
{
    struct file_list list;
    assert_true(file_list_read(PLAIN "/train/A", &list));
    const uint64_t count = list.count;
    file_list_free(&list);
    assert_in_range(count, 9, IMAGES - 2);
    return count;
}

// The pairs of an evaluation, as names.
static char *evaluate(const char *model, const struct pix_evaluate_options *o)
{
    struct pix_translate_options options;
    struct pix_evaluation e;
    pix_translate_options_init(&options);
    options.model = model;
    options.tuning = "off";
    pix_translator *t = pix_translator_create(public_device, &options);
    if (!t || !pix_evaluate(t, o, &e))
        fail_msg("%s", pix_last_error());
    pix_translator_destroy(t);
    char *names = mem_strdup("");
    for (uint32_t i = 0; i < e.pairs; i++) {
        char *more = mem_printf("%s%s ", names, file_name(e.images[i].name));
        mem_free(names);
        names = more;
    }
    pix_evaluation_free(&e);
    return names;
}

// A folder that a ratio divides is trained on as one that is laid out like that; its
// checkpoint knows the ratio, so that evaluate finds the same files.
static void test_ratio(void **state)
{
    struct pix_train_options o = options_of(PLAIN, SCRATCH "/plain_run");
    struct pix_evaluate_options e;
    (void)state;
    public_need_device();
    o.val_freq = 1;
    o.steps = count_training();
    const struct pix_step_metrics plain = tiny_train(public_device, &o, UINT64_MAX);
    o.data = MIXED;
    o.out = SCRATCH "/mixed_run";
    o.split_ratio = RATIO;
    const struct pix_step_metrics mixed = tiny_train(public_device, &o, UINT64_MAX);
    assert_true(plain.has_val && mixed.has_val);
    assert_true(plain.val[PIX_METRIC_L1] == mixed.val[PIX_METRIC_L1]);
    check_same_run(SCRATCH "/plain_run", SCRATCH "/mixed_run", o.steps);

    pix_evaluate_options_init(&e);
    e.data = PLAIN;
    char *expected = evaluate(SCRATCH "/plain_run", &e);
    e.data = MIXED;
    char *found = evaluate(SCRATCH "/mixed_run", &e);
    assert_true(strlen(expected) > 0);
    assert_string_equal(expected, found);
    mem_free(found);
    // Folders of splits are used as they are.
    e.data = PLAIN;
    found = evaluate(SCRATCH "/mixed_run", &e);
    assert_string_equal(expected, found);
    mem_free(found);
    mem_free(expected);
    // Another ratio, of a model without one.
    e.data = MIXED;
    e.split_ratio = "1:0:1";
    expected = evaluate(SCRATCH "/plain_run", &e);
    e.split = "train";
    found = evaluate(SCRATCH "/plain_run", &e);
    // "0.png " to "9.png ", and ten of a letter more.
    assert_int_equal(strlen(expected) + strlen(found), 10 * 6 + 10 * 7);
    mem_free(found);
    mem_free(expected);
    assert_string_equal(public_messages, "");

    o.continue_run = true;
    o.split_ratio = "0.8:0.1:0.1";
    tiny_check_refused(
        &o, "train: --split-ratio 0.8:0.1:0.1 differs from the run's " RATIO);
}

static void test_ratio_refused(void **state)
{
    struct pix_train_options o = options_of(PLAIN, SCRATCH "/refused");
    struct pix_translate_options options;
    struct pix_evaluate_options e;
    struct pix_evaluation evaluation;
    (void)state;
    public_need_device();
    o.split_ratio = RATIO;
    tiny_check_refused(&o, "has folders of splits");
    o = options_of(MIXED, SCRATCH "/refused");
    o.split_ratio = "1:0:0";
    o.val_freq = 1;
    tiny_check_refused(&o, "asks for validation, but no images of ");
    o.split_ratio = "0:0:0";
    tiny_check_refused(&o, "--split-ratio takes three shares");
    o = options_of(MIXED, SCRATCH "/refused");
    o.pairs = LIST;
    tiny_check_refused(&o,
                       "options: --data " MIXED " and --pairs " LIST " are both given");
    pix_translate_options_init(&options);
    options.model = SCRATCH "/plain_run";
    options.tuning = "off";
    pix_translator *t = pix_translator_create(public_device, &options);
    assert_non_null(t);
    pix_evaluate_options_init(&e);
    e.data = MIXED;
    e.split_ratio = "1:1";
    assert_false(pix_evaluate(t, &e, &evaluation));
    public_check_message(
        "three shares that are not all 0, as 0.8:0.1:0.1, not \"1:1\"");
    e.split_ratio = "1:0:0";
    assert_false(pix_evaluate(t, &e, &evaluation));
    public_check_message("no images of " MIXED " are for test; choose with --split "
                         "which are compared, here there are: train");
    pix_translator_destroy(t);
}

static void write_list(void)
{
    static const char *const splits[] = { "train", "val", "test" };
    char *text = mem_strdup("split,target,input\n");
    for (size_t s = 0; s < ARRAY_LEN(splits); s++) {
        struct file_list list;
        char *folder = mem_printf(PLAIN "/%s/A", splits[s]);
        assert_true(file_list_read(folder, &list));
        for (size_t i = 0; i < list.count; i++) {
            char *more =
                mem_printf("%s%s,plain/%s/B/%s,plain/%s/A/%s\n", text, splits[s],
                           splits[s], list.names[i], splits[s], list.names[i]);
            mem_free(text);
            text = more;
        }
        file_list_free(&list);
        mem_free(folder);
    }
    assert_true(file_write(LIST, text, strlen(text)));
    mem_free(text);
}

static void test_list(void **state)
{
    struct pix_train_options o = options_of(NULL, SCRATCH "/list_run");
    struct pix_evaluate_options e;
    (void)state;
    public_need_device();
    write_list();
    o.pairs = LIST;
    o.val_freq = 1;
    o.steps = count_training();
    tiny_train(public_device, &o, 8);
    o.continue_run = true;
    const struct pix_step_metrics last = tiny_train(public_device, &o, UINT64_MAX);
    assert_true(last.has_val);
    check_same_run(SCRATCH "/plain_run", SCRATCH "/list_run", o.steps);
    pix_evaluate_options_init(&e);
    e.data = PLAIN;
    char *expected = evaluate(SCRATCH "/list_run", &e);
    e.data = NULL;
    e.pairs = LIST;
    char *found = evaluate(SCRATCH "/list_run", &e);
    assert_string_equal(expected, found);
    mem_free(found);
    mem_free(expected);
    // Nothing that is written replaces what is read.
    const char *const outputs[] = { LIST };
    e.outputs = outputs;
    e.output_count = 1;
    struct pix_translate_options options;
    struct pix_evaluation evaluation;
    pix_translate_options_init(&options);
    options.model = SCRATCH "/list_run";
    options.tuning = "off";
    pix_translator *t = pix_translator_create(public_device, &options);
    assert_false(pix_evaluate(t, &e, &evaluation));
    public_check_message("the output " LIST " is the input " LIST);
    pix_translator_destroy(t);
}

// ---------------------------------------------------------------------------
// Smaller inputs

static struct picture translate(const char *model, uint32_t side)
{
    struct picture in = make_image(3, SIDE / 2), large;
    if (side == SIDE) {
        assert_true(picture_resize(&in, RESIZE_BICUBIC, SIDE, SIDE, &large));
        picture_free(&in);
        in = large;
    }
    tiny_write_picture(SCRATCH, "in.png", in);
    return tiny_translate(tiny_open_model(model), SCRATCH "/in.png",
                          SCRATCH "/out.png");
}

// With --factor inputs are enlarged first, in training as in translation: all is as if
// they had been enlarged before.
static void test_factor(void **state)
{
    static const char *const modes[] = { "crop", "resize_and_crop" };
    (void)state;
    public_need_device();
    for (size_t i = 0; i < ARRAY_LEN(modes); i++) {
        char small[64], large[64];
        struct pix_train_options o = options_of(SMALL, small);
        snprintf(small, sizeof(small), SCRATCH "/small_%s", modes[i]);
        snprintf(large, sizeof(large), SCRATCH "/large_%s", modes[i]);
        o.preprocess = modes[i];
        o.load_size = (struct pix_size){ 0, 0 };
        o.factor = 2;
        tiny_train(public_device, &o, UINT64_MAX);
        o.data = LARGE;
        o.out = large;
        o.factor = 0;
        tiny_train(public_device, &o, UINT64_MAX);
        check_same_run(small, large, 4);
        struct picture a = translate(small, SIDE / 2), b = translate(large, SIDE);
        assert_true(a.width == SIDE && a.height == SIDE);
        assert_memory_equal(a.samples, b.samples, picture_bytes(&a));
        picture_free(&a);
        picture_free(&b);
    }
}

// A run that finds no pair, and why.
static void check_no_pair(const struct pix_train_options *o, const char *why)
{
    public_messages[0] = '\0';
    assert_null(pix_trainer_create(public_device, o));
    public_check_message(why);
}

// Without --factor such pairs are skipped, with a word about it; a target that is
// smaller is enlarged.
static void test_factor_unsaid(void **state)
{
    struct pix_train_options o = options_of(SMALL, SCRATCH "/refused");
    (void)state;
    public_need_device();
    o.preprocess = "crop";
    check_no_pair(&o, "is 20x20 and its target 40x40, 2 times as large: --factor 2 "
                      "enlarges inputs, also when they are translated");
    o.factor = 4;
    check_no_pair(&o, "is 20x20 and its target 40x40: --factor 4 is for targets of "
                      "80x80");
    o = options_of(DATA, SCRATCH "/refused");
    o.factor = 2;
    check_no_pair(&o, "has both sides, of one size: --factor 2 is for two files");

    public_messages[0] = '\0';
    o = options_of(SMALL, SCRATCH "/swapped");
    o.preprocess = "crop";
    o.direction = "BtoA";
    tiny_train(public_device, &o, UINT64_MAX);
    public_check_message("in 20 of 20 pairs the target is smaller than the input by a "
                         "whole factor and enlarged to its size");
    o = options_of(LARGE, SCRATCH "/swapped_large");
    o.preprocess = "crop";
    o.direction = "BtoA";
    tiny_train(public_device, &o, UINT64_MAX);
    tiny_check_same_checkpoint(SCRATCH "/swapped", SCRATCH "/swapped_large", 4);
}

static int begin(void **state)
{
    (void)state;
    tiny_open(SCRATCH);
    write_data();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ratio),         cmocka_unit_test(test_ratio_refused),
        cmocka_unit_test(test_list),          cmocka_unit_test(test_factor),
        cmocka_unit_test(test_factor_unsaid),
    };
    return cmocka_run_group_tests(tests, begin, public_close);
}
