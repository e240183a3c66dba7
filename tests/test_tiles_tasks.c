// SPDX-License-Identifier: MIT
//
// Models of tasks over images in tiles, against the same images as a whole: what is
// made of rows of an image, and of rows of outputs, is what is made of all of it.

#define _XOPEN_SOURCE 700

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/random.h"
#include "data/no_data.h"
#include "data/palette.h"
#include "data/picture_file.h"

#define SCRATCH "test_tiles_tasks.scratch"
#include "support/tiny.h"

// Sides that are no multiple of what the networks take.
enum { WIDTH = 150, HEIGHT = 131 };

#define PHOTO SCRATCH "/photo.png"
#define LABELS SCRATCH "/labels.png"
#define COLOURS "#1e3cc8,#c8b45a,#78a078"

static const struct palette classes = {
    3, { { 0x1e, 0x3c, 0xc8 }, { 0xc8, 0xb4, 0x5a }, { 0x78, 0xa0, 0x78 } }
};

// Waves and noise, brighter to the right: no part is like the whole.
static struct picture make_photo(enum pixel_kind kind, uint32_t width, uint32_t height)
{
    struct picture p;
    struct random r;
    const size_t count = (size_t)width * height;
    random_init(&r, 5, 5);
    assert_true(picture_create(&p, kind, 3, width, height));
    for (size_t i = 0; i < 3 * count; i++) {
        const double x = (double)(i % width) / width, c = (double)(i / count),
                     y = (double)(i / width % height) / height;
        const double v = 100 * x + 50 + 40 * sin(20 * y * (c + 1)) * cos(30 * x) +
                         50 * random_uniform(&r);
        picture_set_sample(&p, i, kind == PIXEL_U8 ? v : 257 * v);
    }
    return p;
}

static struct picture make_labels(uint32_t width, uint32_t height)
{
    struct picture p;
    const size_t count = (size_t)width * height;
    assert_true(picture_create(&p, PIXEL_U8, 3, width, height));
    for (size_t i = 0; i < count; i++) {
        const size_t x = i % width, y = i / width;
        for (size_t c = 0; c < 3; c++)
            ((uint8_t *)p.samples)[c * count + i] =
                classes.colours[(x * x / 90 + y / 7) % 3][c];
    }
    return p;
}

// Models see 21 pixels far; their weights keep the size of what goes through them.
struct model {
    const char *name, *data, *task, *labels, *direction;
    uint32_t factor;
};

static const struct model segment = { "segment", "maps", "segment", "output", NULL, 0 };
static const struct model shown = { "shown", "maps", "segment", "input", "BtoA", 0 };
static const struct model colorize = { "colorize", "singles", "colorize" };
static const struct model superres = {
    .name = "superres", .data = "singles", .task = "superres", .factor = 3
};
static const struct model pairs = {
    .name = "pairs", .data = "sizes", .task = "pairs", .factor = 2
};
static const struct model inpaint = { "inpaint", "singles", "inpaint" };

static const char *run_of(const struct model *m, char run[128])
{
    char data[64];
    snprintf(run, 128, SCRATCH "/%s", m->name);
    if (tiny_has_checkpoint(run, 1))
        return run;
    snprintf(data, sizeof(data), SCRATCH "/%s", m->data);
    struct pix_train_options o = tiny_options(data, run);
    o.task = m->task;
    if (m->labels)
        o.labels = m->labels;
    if (strcmp(m->task, "segment") == 0)
        o.palette = COLOURS;
    if (m->direction)
        o.direction = m->direction;
    o.factor = m->factor;
    o.depth = 3;
    o.ngf = 6;
    o.ndf = 2;
    o.init_type = "kaiming";
    o.steps = 1;
    tiny_train(public_device, &o, UINT64_MAX);
    return run;
}

static struct pix_translate_options options_of(const char *run)
{
    struct pix_translate_options o;
    pix_translate_options_init(&o);
    o.model = run;
    o.tuning = "off";
    o.preprocess = "none";
    return o;
}

static struct picture translate(const struct pix_translate_options *o, const char *in,
                                const char *out)
{
    return tiny_translate(pix_translator_create(public_device, o), in, out);
}

// The share of samples that differ by more than `most` of their kind's white.
static double difference(const struct picture *a, const struct picture *b, double most)
{
    const size_t count = (size_t)a->channels * a->width * a->height;
    const double white = a->kind == PIXEL_U8 ? UINT8_MAX : UINT16_MAX;
    size_t far = 0;
    assert_true(a->kind == b->kind && a->channels == b->channels);
    assert_true(a->width == b->width && a->height == b->height);
    for (size_t i = 0; i < count; i++)
        far += fabs(picture_sample(a, i) - picture_sample(b, i)) > most * white;
    return (double)far / (double)count;
}

// An image as a whole and in tiles, with what `o` says besides, to a file of this kind.
static void compare(const struct model *m, const struct pix_translate_options *given,
                    const char *input, const char *extension, double factor)
{
    char run[128], whole_path[128], tiled_path[128];
    struct pix_translate_options o = *given;
    o.model = run_of(m, run);
    snprintf(whole_path, sizeof(whole_path), SCRATCH "/whole.%s", extension);
    snprintf(tiled_path, sizeof(tiled_path), SCRATCH "/tiled.%s", extension);
    struct picture in = tiny_read_picture(input);
    struct picture whole = translate(&o, input, whole_path);
    o.tile = 32;
    struct picture tiled = translate(&o, input, tiled_path);
    assert_true(whole.width == factor * in.width && whole.height == factor * in.height);
    const double share = difference(&whole, &tiled, 1.001 / UINT8_MAX);
    print_message("%s, %s, %s, hole %s, wrap %s: %.3g %% differ\n", m->name, extension,
                  o.mode ? o.mode : "-", o.hole ? o.hole : "-", o.wrap ? o.wrap : "-",
                  100 * share);
    assert_true(share < 0.0005);
    picture_free(&in);
    picture_free(&whole);
    picture_free(&tiled);
}

// Without statistics of the image, and with those that tiles find.
static void compare_modes(const struct model *m, const char *input,
                          const char *extension, double factor)
{
    struct pix_translate_options o = options_of(NULL);
    o.mode = "running";
    compare(m, &o, input, extension, factor);
    o.mode = NULL;
    compare(m, &o, input, extension, factor);
}

// What is written has no colour but those of the classes, blended or not, and is a PNG
// with the palette.
static void test_segment(void **state)
{
    char run[128];
    void *file;
    size_t size;
    const struct pix_translate_options stable = options_of(NULL);
    (void)state;
    public_need_device();
    compare_modes(&segment, PHOTO, "png", 1);
#ifdef PIX_HAVE_TIFF
    compare(&segment, &stable, PHOTO, "tif", 1);
#endif
    assert_true(file_read(SCRATCH "/tiled.png", &file, &size));
    assert_int_equal(((uint8_t *)file)[25], 3);    // the colour type: a palette
    mem_free(file);
    struct pix_translate_options o = options_of(run_of(&segment, run));
    o.mode = "running";
    struct picture whole = translate(&o, PHOTO, SCRATCH "/whole.png");
    o.tile = 32;
    o.overlap = 8;
    struct picture blended = translate(&o, PHOTO, SCRATCH "/blended.png");
    assert_true(difference(&whole, &blended, 0) < 0.2);
    const size_t count = (size_t)WIDTH * HEIGHT;
    size_t counts[3] = { 0 };
    for (size_t i = 0; i < count; i++) {
        const uint8_t *s = (const uint8_t *)blended.samples + i;
        const uint32_t k = palette_find(&classes, s[0], s[count], s[2 * count]);
        const uint8_t colour[3] = { s[0], s[count], s[2 * count] };
        assert_memory_equal(colour, classes.colours[k], 3);
        counts[k]++;
    }
    assert_true(counts[0] < count && counts[1] < count && counts[2] < count);
    picture_free(&whole);
    picture_free(&blended);
}

// Label maps as inputs, with a warning of colours that they should not have, counted
// once.
static void test_label_inputs(void **state)
{
    char run[128];
    (void)state;
    public_need_device();
    compare_modes(&shown, LABELS, "png", 1);
    struct picture odd = make_labels(WIDTH, HEIGHT), out;
    ((uint8_t *)odd.samples)[7] ^= 1;
    tiny_write_picture(SCRATCH, "odd.png", odd);
    struct pix_translate_options o = options_of(run_of(&shown, run));
    o.tile = 32;
    out = translate(&o, SCRATCH "/odd.png", SCRATCH "/tiled.png");
    picture_free(&out);
    public_check_message(
        "translate: 0.00509 % of the pixels of the inputs have a "
        "colour that the palette of the model does not have (first: " SCRATCH
        "/odd.png)");
}

// The lightness is the input's, also where the last rows are read first; 16 bits stay.
static void test_colorize(void **state)
{
    struct pix_translate_options o = options_of(NULL);
    (void)state;
    public_need_device();
    compare_modes(&colorize, PHOTO, "png", 1);
    compare_modes(&colorize, SCRATCH "/deep.png", "png", 1);
    o.mode = "running";
    o.output_kind = "u16";
    compare(&colorize, &o, PHOTO, "png", 1);
    o.output_kind = NULL;
    o.wrap = "xy";
    compare(&colorize, &o, SCRATCH "/whole-sided.png", "png", 1);
}

// Rows are enlarged as the whole image is.
static void test_larger(void **state)
{
    struct pix_translate_options o = options_of(NULL);
    (void)state;
    public_need_device();
    compare_modes(&superres, PHOTO, "png", 3);
    compare_modes(&superres, SCRATCH "/deep.png", "npy", 3);
    compare_modes(&pairs, PHOTO, "png", 2);
    o.mode = "running";
    o.wrap = "y";
    compare(&superres, &o, SCRATCH "/whole-sided.png", "png", 3);
    char run[128];
    struct pix_translate_item item = { .input = PHOTO, .output = SCRATCH "/no.png" };
    o.model = run_of(&superres, run);
    o.tile = 32;
    pix_translator *t = pix_translator_create(public_device, &o);
    assert_false(pix_translator_run_many(t, &item, 1, NULL, NULL));
    pix_translator_destroy(t);
    public_check_message("with a height of 131 pixels, which are enlarged: the network "
                         "needs a multiple of 8; resize it to 136, or leave out");
}

static void test_inpaint(void **state)
{
    static const char *const holes[] = { "center", "random", SCRATCH "/mask.png" };
    (void)state;
    public_need_device();
    for (size_t i = 0; i < ARRAY_LEN(holes); i++) {
        struct pix_translate_options o = options_of(NULL);
        o.mode = "running";
        o.hole = holes[i];
        compare(&inpaint, &o, PHOTO, "png", 1);
    }
}

// Where the image has no data, rows of the output have none.
static void test_no_data(void **state)
{
    (void)state;
#ifndef PIX_HAVE_TIFF
    print_message("skipped: this build is without libtiff\n");
    skip();
#else
    static const char lacking[] = TEST_FIXTURES "/tiff/lacking/u8.tif";
    struct pix_translate_options o = options_of(NULL);
    public_need_device();
    o.mode = "running";
    compare(&superres, &o, lacking, "tif", 3);
    const struct picture_reading reading = { .with_tags = true };
    struct picture in, out = tiny_read_picture(SCRATCH "/tiled.tif");
    struct reason reason;
    double number;
    assert_true(picture_read_with(lacking, &reading, &in, &reason));
    assert_true(picture_tags_no_data(in.tags, in.kind, &number));
    enum { LACKING = 35 };    // pixels of it
    assert_int_equal(no_data_count(&out, number), 9 * 3 * LACKING);
    picture_free(&in);
    picture_free(&out);
    compare(&colorize, &o, lacking, "tif", 1);
#endif
}

// A plan is of tiles over what the network gets.
static void test_plan(void **state)
{
    char run[128];
    struct pix_plan large, small, any;
    (void)state;
    public_need_device();
    struct pix_translate_options o = options_of(run_of(&superres, run));
    o.tile = 64;
    pix_translator *t = pix_translator_create(public_device, &o);
    assert_non_null(t);
    assert_true(pix_translator_plan(t, 10, 10, &small));
    assert_true(pix_translator_plan(t, 1000, 1000, &large));
    assert_true(pix_translator_plan(t, 0, 0, &any));
    assert_true(small.device_bytes < large.device_bytes);
    assert_int_equal(large.device_bytes, any.device_bytes);
    pix_translator_destroy(t);
}

static int begin(void **state)
{
    (void)state;
    tiny_open(SCRATCH);
    tiny_write_picture(SCRATCH, "photo.png", make_photo(PIXEL_U8, WIDTH, HEIGHT));
    tiny_write_picture(SCRATCH, "deep.png", make_photo(PIXEL_U16, WIDTH, HEIGHT));
    tiny_write_picture(SCRATCH, "whole-sided.png", make_photo(PIXEL_U8, 144, 128));
    tiny_write_picture(SCRATCH, "labels.png", make_labels(WIDTH, HEIGHT));
    tiny_write_picture(SCRATCH, "mask.png", make_labels(WIDTH, 40));
    tiny_write_picture(SCRATCH "/singles/train", "a.png",
                       make_photo(PIXEL_U8, CROP, CROP));
    tiny_write_picture(SCRATCH "/maps/train/A", "a.png",
                       make_photo(PIXEL_U8, CROP, CROP));
    tiny_write_picture(SCRATCH "/maps/train/B", "a.png", make_labels(CROP, CROP));
    tiny_write_picture(SCRATCH "/sizes/train/A", "a.png",
                       make_photo(PIXEL_U8, CROP / 2, CROP / 2));
    tiny_write_picture(SCRATCH "/sizes/train/B", "a.png",
                       make_photo(PIXEL_U8, CROP, CROP));
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_segment),  cmocka_unit_test(test_label_inputs),
        cmocka_unit_test(test_colorize), cmocka_unit_test(test_larger),
        cmocka_unit_test(test_inpaint),  cmocka_unit_test(test_no_data),
        cmocka_unit_test(test_plan),
    };
    return cmocka_run_group_tests(tests, begin, public_close);
}
