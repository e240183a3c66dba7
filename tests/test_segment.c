// SPDX-License-Identifier: MIT
//
// Label maps from raw files to evaluated outputs (--task segment): colours, palettes
// and indices as targets and as inputs, and what becomes of the palette.

#define _XOPEN_SOURCE 700

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/reason.h"
#include "data/class_planes.h"
#include "data/picture_file.h"

#define SCRATCH "test_segment.scratch"
#include "support/tiny.h"

#define MAPS SCRATCH "/maps"
#define PALETTE SCRATCH "/palette.txt"
#define LIST "#c81e1e,#1ec81e,#0a0a0a"
#define RUN SCRATCH "/run"

enum { IMAGES = 4, SIDE_MAP = 40, WIDTH = 70, HEIGHT = 50 };

static const struct palette classes = {
    3, { { 200, 30, 30 }, { 30, 200, 30 }, { 10, 10, 10 } }
};

// A disc and a stripe.
static uint32_t class_at(uint32_t number, uint32_t x, uint32_t y)
{
    const int dx = (int)x - 12 - 2 * (int)(number % 5), dy = (int)y - 14;
    return dx * dx + dy * dy < 90 ? 1 : y > 26 + number % 3 ? 2 : 0;
}

static struct picture make_photo(uint32_t number, uint32_t width, uint32_t height)
{
    static const uint8_t of[3][3] = { { 90, 120, 200 },
                                      { 210, 200, 120 },
                                      { 60, 90, 50 } };
    struct picture p;
    const size_t count = (size_t)width * height;
    assert_true(picture_create(&p, PIXEL_U8, 3, width, height));
    for (size_t i = 0; i < count; i++)
        for (size_t c = 0; c < 3; c++) {
            const uint32_t x = (uint32_t)(i % width), y = (uint32_t)(i / width);
            ((uint8_t *)p.samples)[c * count + i] =
                (uint8_t)(of[class_at(number, x, y)][c] +
                          (x * 7 + y * 3 + number) % 23);
        }
    return p;
}

enum form { COLOURS, WITH_PALETTE, INDICES };

static struct picture make_labels(uint32_t number, enum form form)
{
    struct picture p;
    const size_t count = (size_t)SIDE_MAP * SIDE_MAP;
    assert_true(
        picture_create(&p, PIXEL_U8, form == INDICES ? 1 : 3, SIDE_MAP, SIDE_MAP));
    for (size_t i = 0; i < count; i++) {
        const uint32_t class =
            class_at(number, (uint32_t)(i % SIDE_MAP), (uint32_t)(i / SIDE_MAP));
        for (size_t c = 0; c < p.channels; c++)
            ((uint8_t *)p.samples)[c * count + i] =
                form == INDICES ? (uint8_t) class : classes.colours[class][c];
    }
    p.palette = form == WITH_PALETTE ? &classes : NULL;
    return p;
}

static void write_data(void)
{
    static const char *const splits[] = { "train", "val", "test" };
    for (size_t s = 0; s < ARRAY_LEN(splits); s++)
        for (uint32_t i = 0; i < IMAGES; i++) {
            const uint32_t number = i + 5 * (uint32_t)s;
            char name[16], folder[64];
            snprintf(name, sizeof(name), "%u.png", (unsigned)i);
            snprintf(folder, sizeof(folder), MAPS "/%s/A", splits[s]);
            tiny_write_picture(folder, name, make_photo(number, SIDE_MAP, SIDE_MAP));
            snprintf(folder, sizeof(folder), MAPS "/%s/B", splits[s]);
            tiny_write_picture(folder, name, make_labels(number, (enum form)(i % 3)));
        }
    tiny_write_picture(SCRATCH, "wide.png", make_photo(3, WIDTH, HEIGHT));
    tiny_write_text(PALETTE, "#c81e1e sky\n#1ec81e sun\n#0a0a0a ground\n");
}

static struct pix_train_options segment_options(const char *out)
{
    struct pix_train_options o = tiny_options(MAPS, out);
    o.task = "segment";
    o.palette = PALETTE;
    o.steps = IMAGES;
    return o;
}

static struct picture translate(const char *run, const char *input, const char *output)
{
    return tiny_translate(tiny_open_model(run), input, output);
}

static struct pix_evaluation evaluate(const char *run, const char *palette)
{
    struct pix_evaluate_options o;
    struct pix_evaluation e;
    pix_evaluate_options_init(&o);
    o.data = MAPS;
    o.palette = palette;
    pix_translator *t = tiny_open_model(run);
    if (!pix_evaluate(t, &o, &e))
        fail_msg("%s", pix_last_error());
    pix_translator_destroy(t);
    return e;
}

// ---------------------------------------------------------------------------

// A run learns its classes, and is compared by them without an option, even when the
// file of the palette is gone.
static void test_learns(void **state)
{
    (void)state;
    public_need_device();
    struct pix_train_options o = segment_options(RUN);
    o.steps = 160;
    o.lr = 0.002;
    o.no_dropout = true;
    o.gan_mode = "none";
    o.n_epochs = 100;
    o.val_freq = 40;
    const struct pix_step_metrics first = tiny_train(public_device, &o, 1);
    assert_true(first.has_ce && first.loss_g_ce > 60);    // 100 log 3 where all is even
    o.continue_run = true;
    const struct pix_step_metrics last = tiny_train(public_device, &o, UINT64_MAX);
    assert_true(last.has_ce && last.loss_g_ce < 20);
    assert_string_equal(public_messages, "");
    assert_int_equal(remove(PALETTE), 0);

    struct pix_evaluation e = evaluate(RUN, NULL);
    const struct pix_label_scores *s = e.labels;
    assert_int_equal(e.classes, 3);
    assert_true(s[PIX_SUBJECT_OUTPUT].mean_iou > 0.8);
    // One class everywhere is right in its pixels alone; photos have other colours.
    assert_true(s[PIX_SUBJECT_MEAN_COLOUR].mean_iou < 0.3);
    assert_true(fabs(s[PIX_SUBJECT_MEAN_COLOUR].class_accuracy - 1.0 / 3) < 1e-9);
    assert_true(s[PIX_SUBJECT_COPY].mean_iou < s[PIX_SUBJECT_OUTPUT].mean_iou);
    pix_evaluation_free(&e);
    tiny_write_text(PALETTE, "#c81e1e sky\n#1ec81e sun\n#0a0a0a ground\n");
    e = evaluate(RUN, PALETTE);
    assert_true(e.labels[PIX_SUBJECT_OUTPUT].mean_iou > 0.8);
    pix_evaluation_free(&e);
    assert_string_equal(public_messages, "");
}

static void check_is_of_classes(const struct picture *p)
{
    const size_t count = (size_t)p->width * p->height;
    const uint8_t *s = p->samples;
    assert_int_equal(p->channels, 3);
    for (size_t i = 0; i < count; i++) {
        const uint8_t colour[3] = { s[i], s[count + i], s[2 * count + i] };
        const uint32_t k = palette_find(&classes, colour[0], colour[1], colour[2]);
        assert_memory_equal(colour, classes.colours[k], 3);
    }
}

// Label maps of the input's size, without other colours, as PNG with the palette; as
// RGB where a file has none, with a word.
static void test_translates(void **state)
{
    void *file;
    size_t size;
    (void)state;
    public_need_device();
    struct picture p = translate(RUN, SCRATCH "/wide.png", SCRATCH "/wide_labels.png");
    assert_true(p.width == WIDTH && p.height == HEIGHT);
    check_is_of_classes(&p);
    picture_free(&p);
    assert_true(file_read(SCRATCH "/wide_labels.png", &file, &size));
    assert_int_equal(((uint8_t *)file)[25], 3);    // the colour type: a palette
    mem_free(file);
    assert_string_equal(public_messages, "");
    p = translate(RUN, SCRATCH "/wide.png", SCRATCH "/wide_labels.bmp");
    public_check_message("as RGB, not with the palette of the classes");
    check_is_of_classes(&p);
    picture_free(&p);
    pix_translator *t = tiny_open_model(RUN);
    assert_string_equal(pix_translator_extension(t, "photo.jpg"), ".png");
    assert_string_equal(pix_translator_extension(t, "photo.bmp"), ".bmp");
    pix_translator_destroy(t);
}

// Colours, a palette and indices are the same input.
static void test_inputs(void **state)
{
    struct picture first = { 0 };
    (void)state;
    public_need_device();
    struct pix_train_options o = segment_options(SCRATCH "/inputs");
    o.labels = "input";
    o.direction = "BtoA";
    const struct pix_step_metrics m = tiny_train(public_device, &o, UINT64_MAX);
    assert_false(m.has_ce);
    for (int form = COLOURS; form <= INDICES; form++) {
        tiny_write_picture(SCRATCH, "labels.png", make_labels(2, (enum form)form));
        struct picture p =
            translate(SCRATCH "/inputs", SCRATCH "/labels.png", SCRATCH "/made.png");
        if (form == COLOURS)
            first = p;
        else
            assert_memory_equal(p.samples, first.samples, picture_bytes(&p));
        if (form != COLOURS)
            picture_free(&p);
    }
    picture_free(&first);
    assert_string_equal(public_messages, "");
    struct picture odd = make_labels(2, COLOURS);
    ((uint8_t *)odd.samples)[7] ^= 1;
    tiny_write_picture(SCRATCH, "odd.png", odd);
    odd = translate(SCRATCH "/inputs", SCRATCH "/odd.png", SCRATCH "/made.png");
    picture_free(&odd);
    public_check_message(
        "translate: 0.0625 % of the pixels of the inputs have a colour "
        "that the palette of the model does not have");
    tiny_write_picture(SCRATCH, "index.png", make_photo(1, 40, 40));
    struct picture index = tiny_read_picture(SCRATCH "/index.png");
    index.channels = 1;    // its red as indices
    tiny_write_picture(SCRATCH, "index.png", index);
    struct pix_translate_item item = { .input = SCRATCH "/index.png",
                                       .output = SCRATCH "/made.png" };
    pix_translator *t = tiny_open_model(SCRATCH "/inputs");
    assert_false(pix_translator_run_many(t, &item, 1, NULL, NULL));
    pix_translator_destroy(t);
    public_check_message("translate: the image has the index");
    struct pix_evaluation e = evaluate(SCRATCH "/inputs", NULL);
    assert_int_equal(e.classes, 0);
    assert_true(isfinite(e.totals[PIX_SUBJECT_COPY][PIX_METRIC_L1].mean));
    pix_evaluation_free(&e);
}

// Both sides, whose classes the run finds: those of the label maps of tiny.c, of one
// side of which there is only one file that has them all.
static void test_both(void **state)
{
    struct pix_train_options stored;
    (void)state;
    public_need_device();
    struct pix_train_options o = segment_options(SCRATCH "/auto");
    o.data = DATA;
    o.palette = "auto";
    o.steps = 2;
    tiny_train(public_device, &o, 1);
    o.continue_run = true;    // with those of the beginning
    tiny_train(public_device, &o, UINT64_MAX);
    assert_string_equal(public_messages, "");
    assert_true(pix_train_options_read(SCRATCH "/auto", &stored));
    assert_string_equal(stored.palette, "#1e3cc8,#c8b45a");
    assert_int_equal(stored.output_nc, 2);
    pix_train_options_finish(&stored);

    // Of the images that are used; the third one has indices, whose colours are not
    // known.
    o = segment_options(SCRATCH "/some");
    o.palette = "auto";
    tiny_check_refused(&o, "cannot say which colours the indices of label maps of one "
                           "channel stand for (first: " MAPS "/train/B/2.png)");
    o = segment_options(SCRATCH "/some");
    o.palette = "auto";
    o.max_dataset_size = 2;
    o.steps = 1;
    tiny_train(public_device, &o, UINT64_MAX);
    assert_true(pix_train_options_read(SCRATCH "/some", &stored));
    assert_string_equal(stored.palette, "#0a0a0a,#1ec81e,#c81e1e");
    pix_train_options_finish(&stored);
    public_messages[0] = '\0';

    o = segment_options(SCRATCH "/both");
    o.data = DATA;
    o.palette = "#1e3cc8,#c8b45a";
    o.labels = "both";
    tiny_train(public_device, &o, 2);
    public_check_message("of the pixels of the inputs have a colour that the palette "
                         "does not have, in 5 of 5 pairs");
}

// Replaces a text by one of the same length.
static void put(char *bytes, size_t size, const char *text, const char *by)
{
    const size_t length = strlen(text);
    size_t i = 0;
    assert_int_equal(strlen(by), length);
    while (i + length <= size && memcmp(bytes + i, text, length) != 0)
        i++;
    assert_true(i + length <= size);
    memcpy(bytes + i, by, length);
}

// A run keeps colours. A checkpoint that names a file in their place opens none.
static void test_named_palette(void **state)
{
    static const char path[] = SCRATCH "/named.safetensors";
    struct pix_translate_options o;
    struct reason reason;
    void *bytes;
    size_t size;
    (void)state;
    public_need_device();
    assert_true(file_load(RUN "/checkpoints/step-00000160.safetensors", UINT64_MAX,
                          &bytes, &size, &reason));
    put(bytes, size, LIST, "./a/path/of/another.txt");
    put(bytes, size, "pix2pix.sums", "pix2pix.none");
    assert_true(file_write(path, bytes, size));
    mem_free(bytes);
    pix_translate_options_init(&o);
    o.model = path;
    assert_null(pix_translator_create(public_device, &o));
    public_check_message("translate: " SCRATCH
                         "/named.safetensors does not have the palette of its classes");
}

static void test_refused(void **state)
{
    struct pix_train_options o = segment_options(SCRATCH "/refused");
    (void)state;
    public_need_device();
    o.palette = NULL;
    tiny_check_refused(&o, "options: --task segment needs the colours of the classes");
    o.palette = SCRATCH "/nowhere.txt";
    tiny_check_refused(&o, "options: --palette " SCRATCH "/nowhere.txt cannot be used");
    tiny_write_text(SCRATCH "/one.txt", "#c81e1e\n");
    o.palette = SCRATCH "/one.txt";
    tiny_check_refused(&o, "has 1 colour: a network has 2 to 64 classes");
    o = segment_options(SCRATCH "/refused");
    o.output_kind = "u16";
    tiny_check_refused(&o, "options: --output-kind u16: label maps are u8");
    o = segment_options(SCRATCH "/refused");
    o.output_nc = 5;
    tiny_check_refused(&o, "a channel for each of the 3 classes");
    o = segment_options(SCRATCH "/refused");
    o.gan_mode = "none";
    o.lambda_l1 = o.lambda_ce = 0;
    tiny_check_refused(&o, "leave nothing to learn from");
    o = segment_options(SCRATCH "/refused");    // photographs have more colours
    o.palette = "auto";
    o.direction = "BtoA";
    tiny_check_refused(&o, "--palette auto has 69 colours");
    struct pix_translate_options t;
    pix_translate_options_init(&t);
    t.model = RUN;
    t.read.alpha = "keep";    // which RGB of three classes would have room for
    assert_null(pix_translator_create(public_device, &t));
    public_check_message("--alpha keep has no meaning for a model of --task segment");
    o = segment_options(RUN);
    o.continue_run = true;
    o.palette = "#c81e1e,#1ec81e,#0b0b0b";
    o.lr = 0.002;
    o.no_dropout = true;
    o.gan_mode = "none";
    o.val_freq = 40;
    tiny_check_refused(&o, "train: --palette #c81e1e,#1ec81e,#0b0b0b differs");
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
        cmocka_unit_test(test_learns),        cmocka_unit_test(test_translates),
        cmocka_unit_test(test_inputs),        cmocka_unit_test(test_both),
        cmocka_unit_test(test_named_palette), cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, begin, public_close);
}
