// SPDX-License-Identifier: MIT
//
// Images of every size through a tiny generator: outputs have the size that was asked
// for, and the samples that follow from the translation of a size that the network
// takes.

#include "support/tiny.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "data/image.h"
#include "data/window.h"

#define SCRATCH "test_translate_sizes.scratch"
#define LARGEST 65u
#define SIDES ((LARGEST + 1) / 2)    // 1, 3, ... 65

static char infos[4096];    // of one call, a line each

static void keep_info(void *user, enum pix_log_level level, const char *text)
{
    const size_t used = strlen(infos);
    public_keep_message(user, level, text);
    if (level == PIX_LOG_INFO && (strstr(text, "resized") || strstr(text, "since")))
        snprintf(infos + used, sizeof(infos) - used, "%s\n", text);
}

// Other samples for each number.
static struct pix_image make_image(uint32_t width, uint32_t height, uint32_t number)
{
    struct pix_image image = { width, height, malloc((size_t)width * height * 3) };
    assert_non_null(image.pixels);
    for (uint32_t y = 0; y < height; y++)
        for (uint32_t x = 0; x < width; x++)
            for (uint32_t c = 0; c < 3; c++)
                image.pixels[((size_t)y * width + x) * 3 + c] =
                    (uint8_t)(x * (7 + c) + y * (11 - c) + x * y / 8 + number * 31);
    return image;
}

static pix_translator *open_with(struct pix_translate_options o)
{
    o.tuning = "off";
    o.model = SCRATCH "/run";
    o.batch_size = o.tile ? 0 : 64;
    pix_translator *translator = pix_translator_create(public_device, &o);
    if (!translator)
        fail_msg("%s", public_messages);
    infos[0] = '\0';
    return translator;
}

static pix_translator *open_translator(const char *preprocess, const char *output_size)
{
    return open_with((struct pix_translate_options){ .preprocess = preprocess,
                                                     .output_size = output_size });
}

static void assert_size(const struct pix_image *image, uint32_t width, uint32_t height)
{
    if (!image->pixels || image->width != width || image->height != height)
        fail_msg("an output has %ux%u pixels, not %ux%u", image->width, image->height,
                 width, height);
}

static void assert_same(const struct pix_image *a, const struct pix_image *b)
{
    assert_size(a, b->width, b->height);
    assert_memory_equal(a->pixels, b->pixels, (size_t)a->width * a->height * 3);
}

static uint32_t filled_side(uint32_t side)
{
    return (side + 31) / 32 * 32;
}

// By the definition: at i of a row that goes on, mirrored, behind its n pixels.
static uint32_t mirrored(uint32_t i, uint32_t n)
{
    return i / n % 2 ? n - 1 - i % n : i % n;
}

// What the network takes in place of an image.
static struct pix_image fill(const struct pix_image *in)
{
    struct pix_image out =
        make_image(filled_side(in->width), filled_side(in->height), 0);
    for (uint32_t y = 0; y < out.height; y++)
        for (uint32_t x = 0; x < out.width; x++)
            memcpy(out.pixels + ((size_t)y * out.width + x) * 3,
                   in->pixels + ((size_t)mirrored(y, in->height) * in->width +
                                 mirrored(x, in->width)) *
                                    3,
                   3);
    return out;
}

static struct pix_image cut(const struct pix_image *in, uint32_t width, uint32_t height)
{
    struct pix_image out = make_image(width, height, 0);
    for (uint32_t y = 0; y < height; y++)
        memcpy(out.pixels + (size_t)y * width * 3,
               in->pixels + (size_t)y * in->width * 3, (size_t)width * 3);
    return out;
}

// An image of a size that the networks take gives, cut, the output of one of any size.
static void check_filled(pix_translator *translator,
                         const struct pix_translate_item *item)
{
    struct pix_image filled = fill(&item->in), out, expected;
    assert_true(pix_translator_run(translator, &filled, &out));
    expected = cut(&out, item->in.width, item->in.height);
    assert_same(&item->out, &expected);
    pix_image_free(&filled);
    pix_image_free(&out);
    pix_image_free(&expected);
}

static struct pix_translate_item items[SIDES * SIDES];

// Of every odd size, those that run at one size one after the other.
static void make_items(void)
{
    uint32_t count = 0;
    for (uint32_t down = 32; down <= filled_side(LARGEST); down += 32)
        for (uint32_t across = 32; across <= filled_side(LARGEST); across += 32)
            for (uint32_t h = 1; h <= LARGEST; h += 2)
                for (uint32_t w = 1; w <= LARGEST; w += 2)
                    if (filled_side(w) == across && filled_side(h) == down) {
                        items[count] = (struct pix_translate_item){ 0 };
                        items[count].in = make_image(w, h, count);
                        count++;
                    }
    assert_int_equal(count, SIDES * SIDES);
}

static void free_items(void)
{
    for (size_t i = 0; i < SIDES * SIDES; i++) {
        pix_image_free(&items[i].in);
        pix_image_free(&items[i].out);
    }
}

static void test_own_sizes(void **state)
{
    (void)state;
    public_need_device();
    pix_translator *translator = open_translator("none", NULL);
    make_items();
    assert_true(pix_translator_run_many(translator, items, SIDES * SIDES, NULL, NULL));
    assert_string_equal(infos, "");
    for (uint32_t i = 0; i < SIDES * SIDES; i++) {
        assert_size(&items[i].out, items[i].in.width, items[i].in.height);
        // In the order of the sizes that run, so that programs are kept.
        if (i % 13 == 0)
            check_filled(translator, &items[i]);
    }
    free_items();
    pix_translator_destroy(translator);
}

// The output of a translation at the model's size, resized.
static void check_resized(pix_translator *at_model_size,
                          const struct pix_translate_item *item)
{
    struct pix_image at_model, expected;
    struct picture p, resized;
    assert_true(pix_translator_run(at_model_size, &item->in, &at_model));
    assert_size(&at_model, CROP, CROP);
    assert_true(image_to_picture(&at_model, &p));
    assert_true(
        picture_resize(&p, RESIZE_BICUBIC, item->in.width, item->in.height, &resized));
    assert_true(image_from_picture(&resized, &expected));
    assert_same(&item->out, &expected);
    pix_image_free(&at_model);
    pix_image_free(&expected);
    picture_free(&p);
    picture_free(&resized);
}

static void test_model_size(void **state)
{
    (void)state;
    public_need_device();
    pix_translator *translator = open_translator(NULL, "input");
    pix_translator *at_model_size = open_translator("resize", "model");
    make_items();
    assert_true(pix_translator_run_many(translator, items, SIDES * SIDES, NULL, NULL));
    // One message for all of them.
    assert_string_equal(
        infos, "translate: 1089 images were translated at 32x32 and resized to "
               "their own sizes (1x1 and others); --preprocess none translates "
               "at full size\n");
    for (uint32_t i = 0; i < SIDES * SIDES; i++) {
        assert_size(&items[i].out, items[i].in.width, items[i].in.height);
        if (i % 13 == 0)
            check_resized(at_model_size, &items[i]);
    }
    free_items();
    pix_translator_destroy(translator);
    pix_translator_destroy(at_model_size);
}

// One pixel wide, and one high.
static void test_long(void **state)
{
    static const uint32_t sizes[][2] = { { 1, 4000 }, { 4000, 1 } };
    (void)state;
    public_need_device();
    for (int resize = 0; resize < 2; resize++) {
        pix_translator *translator = open_translator(resize ? "resize" : "none", NULL);
        for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
            struct pix_translate_item item = {
                .in = make_image(sizes[i][0], sizes[i][1], 5),
            };
            assert_true(pix_translator_run(translator, &item.in, &item.out));
            assert_size(&item.out, sizes[i][0], sizes[i][1]);
            if (!resize)
                check_filled(translator, &item);
            pix_image_free(&item.in);
            pix_image_free(&item.out);
        }
        // It is said of the first one.
        assert_string_equal(infos, resize
                                       ? "translate: translated at 32x32, resized to "
                                         "1x4000; --preprocess none translates at "
                                         "full size\n"
                                       : "");
        pix_translator_destroy(translator);
    }
}

// Two images in an item each, whatever their sizes; an array; a file; a plan.
static void test_fixed_size(void **state)
{
    struct pix_image in, out;
    struct pix_array array, made;
    struct pix_plan plan, of_item, filled;
    (void)state;
    public_need_device();
    pix_translator *translator = open_translator("none", "50x20");
    struct pix_translate_item two[2] = { { .in = make_image(40, 33, 1) },
                                         { .in = make_image(9, 64, 2) } };
    assert_true(pix_translator_run_many(translator, two, 2, NULL, NULL));
    assert_string_equal(infos, "translate: 2 images were translated at their own sizes "
                               "(40x33 and others) and resized to 50x20\n");
    assert_size(&two[0].out, 50, 20);
    assert_size(&two[1].out, 50, 20);

    assert_true(pix_image_write(SCRATCH "/in.png", &two[0].in));
    assert_true(pix_array_read(SCRATCH "/in.png", &array));
    assert_true(pix_translator_run_array(translator, &array, &made));
    assert_int_equal(made.width, 50);
    assert_int_equal(made.height, 20);
    struct pix_translate_item file = { .input = SCRATCH "/in.png",
                                       .output = SCRATCH "/out.png" };
    assert_true(pix_translator_run_many(translator, &file, 1, NULL, NULL));
    assert_true(pix_image_read(SCRATCH "/out.png", &out));
    assert_same(&out, &two[0].out);

    // What is planned is what runs: 64 x 64 pixels.
    assert_true(pix_translator_plan_item(translator, &file, &of_item));
    assert_true(pix_translator_plan(translator, 40, 33, &plan));
    assert_true(pix_translator_plan(translator, 64, 64, &filled));
    assert_memory_equal(&plan, &filled, sizeof(plan));
    assert_memory_equal(&of_item, &filled, sizeof(plan));
    in = make_image(64, 64, 3);
    pix_image_free(&in);
    pix_image_free(&out);
    pix_array_free(&array);
    pix_array_free(&made);
    for (int i = 0; i < 2; i++) {
        pix_image_free(&two[i].in);
        pix_image_free(&two[i].out);
    }
    pix_translator_destroy(translator);
}

#ifdef PIX_HAVE_TIFF

static void load(const char *path, void **bytes, size_t *size)
{
    if (!file_read(path, bytes, size))
        fail_msg("%s", pix_last_error());
}

// From array to array what a file had is as it is from file to file: georeference,
// resolution, profile and layout, of the same size and of another, whole and in tiles.
static void test_tags(void **state)
{
    static const struct pix_translate_options cases[] = {
        { .preprocess = "none" },
        { .preprocess = "none", .output_size = "50x20" },
        { .output_size = "model" },
        { .tile = 32, .overlap = 32, .mode = "running" },
    };
    static const char *const inputs[] = { "place-scale", "place-matrix",
                                          "place-turned" };
    (void)state;
    public_need_device();
    for (size_t i = 0; i < ARRAY_LEN(cases) * ARRAY_LEN(inputs); i++) {
        char input[512];
        struct pix_array in, out;
        void *expected, *made;
        size_t expected_size, made_size;
        pix_translator *translator = open_with(cases[i / ARRAY_LEN(inputs)]);
        snprintf(input, sizeof(input), TEST_FIXTURES "/tiff/%s.tif",
                 inputs[i % ARRAY_LEN(inputs)]);
        struct pix_translate_item item = { .input = input,
                                           .output = SCRATCH "/expected.tif" };
        assert_true(pix_translator_run_many(translator, &item, 1, NULL, NULL));
        assert_true(pix_array_read(input, &in));
        assert_true(pix_translator_run_array(translator, &in, &out));
        assert_true(pix_array_write(SCRATCH "/made.tif", &out));
        load(SCRATCH "/expected.tif", &expected, &expected_size);
        load(SCRATCH "/made.tif", &made, &made_size);
        assert_int_equal(made_size, expected_size);
        assert_memory_equal(made, expected, expected_size);
        mem_free(expected);
        mem_free(made);
        pix_array_free(&in);
        pix_array_free(&out);
        pix_translator_destroy(translator);
    }
}

#endif

static bool has_colour(const struct pix_image *image, const uint8_t *colour)
{
    for (size_t i = 0; i < (size_t)image->width * image->height; i++)
        if (memcmp(image->pixels + i * 3, colour, 3) == 0)
            return true;
    return false;
}

// A model that was trained on label maps makes no colours between those of its output.
static void test_labels(void **state)
{
    struct pix_train_options o = tiny_options(ONE, SCRATCH "/labels");
    struct pix_translate_options t = { .model = SCRATCH "/labels", .tuning = "off" };
    struct pix_image in = make_image(70, 45, 1), at_model, out;
    (void)state;
    public_need_device();
    o.ngf = 1;
    o.gan_mode = "none";
    o.resize_filter = "nearest";
    o.steps = 1;
    tiny_train(public_device, &o, UINT64_MAX);
    pix_translator *translator = pix_translator_create(public_device, &t);
    assert_non_null(translator);
    assert_true(pix_translator_run(translator, &in, &out));
    assert_size(&out, 70, 45);
    pix_translator_destroy(translator);
    t.output_size = "model";
    assert_non_null(translator = pix_translator_create(public_device, &t));
    assert_true(pix_translator_run(translator, &in, &at_model));
    for (size_t i = 0; i < 70 * 45; i += 7)
        assert_true(has_colour(&at_model, out.pixels + i * 3));
    pix_translator_destroy(translator);
    pix_image_free(&in);
    pix_image_free(&out);
    pix_image_free(&at_model);
}

// Images are scaled as those that a model was trained on, unless the caller says
// otherwise, and it is said once. What is planned is the same.
static void check_scaling(const char *mode, uint32_t crop, const char *same,
                          const char *info)
{
    char run[64];
    snprintf(run, sizeof(run), SCRATCH "/of_%s", mode);
    struct pix_train_options o = tiny_options(ONE, run);
    struct pix_translate_options t = { .model = run, .tuning = "off" };
    const struct pix_evaluate_options all = { .data = ONE };
    struct pix_image in = make_image(70, 45, 1), out[3], again;
    struct pix_evaluation results[2];
    struct pix_plan plans[2];
    const char *const preprocess[] = { NULL, same, "resize" };
    public_need_device();
    o.ngf = 1;
    o.gan_mode = "none";
    o.preprocess = mode;
    o.crop_size = (struct pix_size){ crop, crop };
    o.steps = 1;
    if (strncmp(mode, "scale_width", 11) != 0)
        o.load_size = (struct pix_size){ 0, 0 };
    else if (strcmp(mode, "scale_width") == 0)
        o.load_size = o.crop_size;
    tiny_train(public_device, &o, UINT64_MAX);
    for (size_t i = 0; i < ARRAY_LEN(preprocess); i++) {
        t.preprocess = preprocess[i];
        pix_translator *translator = pix_translator_create(public_device, &t);
        assert_non_null(translator);
        infos[0] = '\0';
        if (i < ARRAY_LEN(results))
            assert_true(pix_evaluate(translator, &all, &results[i]));
        assert_string_equal(infos, "");
        assert_true(pix_translator_run(translator, &in, &out[i]));
        assert_true(pix_translator_run(translator, &in, &again));
        assert_size(&out[i], 70, 45);
        assert_same(&again, &out[i]);
        const char *said = strstr(infos, info);
        if (i == 0 && (!said || strstr(said + strlen(info), "since")))
            fail_msg("%s: not said once, but: %s", mode, infos);
        if (i > 0 && strstr(infos, "since"))
            fail_msg("%s: said of what the caller named: %s", mode, infos);
        if (i < ARRAY_LEN(plans))
            assert_true(pix_translator_plan(translator, 70, 45, &plans[i]));
        pix_image_free(&again);
        pix_translator_destroy(translator);
    }
    assert_same(&out[0], &out[1]);
    assert_memory_equal(&plans[0], &plans[1], sizeof(plans[0]));
    if (memcmp(out[0].pixels, out[2].pixels, 70 * 45 * 3) == 0)
        fail_msg("%s: images are resized", mode);
    // Pairs come at the model's size, and are not scaled again.
    assert_memory_equal(results[0].totals, results[1].totals,
                        sizeof(results[0].totals[0][0]) * PIX_METRIC_LPIPS_ALEX);
    for (size_t i = 0; i < ARRAY_LEN(results); i++)
        pix_evaluation_free(&results[i]);
    for (size_t i = 0; i < ARRAY_LEN(out); i++)
        pix_image_free(&out[i]);
    pix_image_free(&in);
}

static void test_trained_scaling(void **state)
{
    (void)state;
    check_scaling("crop", CROP, "none", "at their own size, since");
    check_scaling("none", 2 * CROP, "none", "at their own size, since");
    check_scaling("scale_width", CROP, "scale_width", "scaled to a width of 32, since");
    check_scaling("scale_width_and_crop", CROP, "scale_width",
                  "scaled to a width of 36, since");
}

// To the width of the model, with the height in proportion.
static void test_width(void **state)
{
    struct pix_image in = make_image(70, 45, 1), at_model, scaled, out;
    struct picture p, resized;
    (void)state;
    public_need_device();
    pix_translator *by_width = open_translator("scale_width", "model");
    pix_translator *keeping = open_translator("none", NULL);
    assert_true(pix_translator_run(by_width, &in, &at_model));
    assert_size(&at_model, CROP, CROP * 45 / 70);
    assert_true(image_to_picture(&in, &p));
    assert_true(picture_resize(&p, RESIZE_BICUBIC, CROP, CROP * 45 / 70, &resized));
    assert_true(image_from_picture(&resized, &scaled));
    assert_true(pix_translator_run(keeping, &scaled, &out));
    assert_same(&out, &at_model);
    picture_free(&p);
    picture_free(&resized);
    pix_image_free(&in);
    pix_image_free(&at_model);
    pix_image_free(&scaled);
    pix_image_free(&out);

    in = make_image(1, 1 << 16, 2);
    assert_false(pix_translator_run(by_width, &in, &out));
    public_check_message("would be scaled to 32x2097152, too large an image");
    pix_image_free(&in);
    pix_translator_destroy(by_width);
    pix_translator_destroy(keeping);
}

// Whatever size outputs have, an evaluation compares at the model's.
static void test_evaluate(void **state)
{
    static const char *const sizes[] = { NULL, "50x20" };
    const struct pix_evaluate_options o = { .data = ONE };
    struct pix_evaluation results[ARRAY_LEN(sizes)];
    (void)state;
    public_need_device();
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        pix_translator *translator = open_translator(NULL, sizes[i]);
        assert_true(pix_evaluate(translator, &o, &results[i]));
        assert_string_equal(infos, "");
        pix_translator_destroy(translator);
    }
    assert_memory_equal(results[0].totals, results[1].totals,
                        sizeof(results[0].totals[0][0]) * PIX_METRIC_LPIPS_ALEX);
    assert_int_equal(results[0].totals[0][PIX_METRIC_L1].count, 1);
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++)
        pix_evaluation_free(&results[i]);
}

// ---------------------------------------------------------------------------
// Textures

// Waves that go on at the other end, other ones in each channel.
static struct pix_image make_texture(uint32_t width, uint32_t height)
{
    const double turn = 2 * acos(-1.0);
    struct pix_image image = make_image(width, height, 0);
    for (uint32_t y = 0; y < height; y++)
        for (uint32_t x = 0; x < width; x++)
            for (uint32_t c = 0; c < 3; c++)
                image.pixels[((size_t)y * width + x) * 3 + c] =
                    (uint8_t)(128 + 60 * sin(turn * (c + 1) * x / width) +
                              60 * cos(turn * (2 - c % 2) * y / height));
    return image;
}

static struct pix_image move(const struct pix_image *in, uint32_t right, uint32_t down)
{
    struct pix_image out = make_image(in->width, in->height, 0);
    for (uint32_t y = 0; y < in->height; y++)
        for (uint32_t x = 0; x < in->width; x++)
            memcpy(out.pixels + ((size_t)((y + down) % in->height) * in->width +
                                 (x + right) % in->width) *
                                    3,
                   in->pixels + ((size_t)y * in->width + x) * 3, 3);
    return out;
}

static struct pix_image transpose(const struct pix_image *in)
{
    struct pix_image out = make_image(in->height, in->width, 0);
    for (uint32_t y = 0; y < in->height; y++)
        for (uint32_t x = 0; x < in->width; x++)
            memcpy(out.pixels + ((size_t)x * in->height + y) * 3,
                   in->pixels + ((size_t)y * in->width + x) * 3, 3);
    return out;
}

// The mean step from a column to the next one, or to the first.
static double step_across(const struct pix_image *image, uint32_t column)
{
    double sum = 0;
    for (uint32_t y = 0; y < image->height; y++)
        for (uint32_t c = 0; c < 3; c++) {
            const uint8_t *row = image->pixels + (size_t)y * image->width * 3 + c;
            sum += abs(row[column * 3] - row[(column + 1) % image->width * 3]);
        }
    return sum / (3.0 * image->height);
}

// The step over the edge, less the largest of those inside.
static double seam(const struct pix_image *image)
{
    double most = 0;
    for (uint32_t x = 0; x + 1 < image->width; x++)
        most = fmax(most, step_across(image, x));
    return step_across(image, image->width - 1) - most;
}

// Whatever the size, and however it is translated, the output has no seam where its
// input has none; without the option it has one.
static void test_seams(void **state)
{
    static const uint32_t sizes[][2] = { { 64, 96 }, { 75, 50 }, { 200, 31 } };
    static const char *const preprocess[] = { "none", "resize" };
    (void)state;
    public_need_device();
    for (size_t k = 0; k < ARRAY_LEN(preprocess); k++) {
        pix_translator *wrapped = open_with((struct pix_translate_options){
            .preprocess = preprocess[k], .wrap = "xy" });
        pix_translator *plain = open_translator(preprocess[k], NULL);
        double worst = 0;
        for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
            struct pix_image in = make_texture(sizes[i][0], sizes[i][1]), out, usual;
            assert_true(pix_translator_run(wrapped, &in, &out));
            assert_size(&out, in.width, in.height);
            struct pix_image turned = transpose(&out);
            if (seam(&out) > 0 || seam(&turned) > 0)
                fail_msg(
                    "%s, %ux%u: the step over an edge is larger than those inside, "
                    "by %g and %g",
                    preprocess[k], in.width, in.height, seam(&out), seam(&turned));
            assert_true(pix_translator_run(plain, &in, &usual));
            worst = fmax(worst, seam(&usual));
            pix_image_free(&turned);
            pix_image_free(&in);
            pix_image_free(&out);
            pix_image_free(&usual);
        }
        assert_true(worst > 10);
        pix_translator_destroy(wrapped);
        pix_translator_destroy(plain);
    }
}

// Left and right alone: the output moves with its input to the right, not down.
static void test_wrap_across(void **state)
{
    (void)state;
    public_need_device();
    pix_translator *t = open_with((struct pix_translate_options){
        .preprocess = "none", .mode = "running", .wrap = "x" });
    struct pix_image in = make_image(96, 64, 1), out, of_moved;
    assert_true(pix_translator_run(t, &in, &out));
    for (int down = 0; down < 2; down++) {
        struct pix_image moved = move(&in, down ? 0 : 32, down ? 32 : 0);
        struct pix_image expected = move(&out, down ? 0 : 32, down ? 32 : 0);
        assert_true(pix_translator_run(t, &moved, &of_moved));
        if (down)
            assert_memory_not_equal(of_moved.pixels, expected.pixels, 96 * 64 * 3);
        else
            assert_same(&of_moved, &expected);
        pix_image_free(&moved);
        pix_image_free(&expected);
        pix_image_free(&of_moved);
    }
    pix_image_free(&in);
    pix_image_free(&out);
    pix_translator_destroy(t);

    const struct pix_translate_options wrong = { .model = SCRATCH "/run", .wrap = "z" };
    assert_null(pix_translator_create(public_device, &wrong));
    public_check_message("--wrap takes x, y or xy, not \"z\"");
}

static int open_group(void **state)
{
    (void)state;
    tiny_open(SCRATCH);
    if (!public_has_device())
        return 0;
    public_open_again(keep_info, PIX_LOG_INFO);
    struct pix_train_options o = tiny_options(ONE, SCRATCH "/run");
    // Smooth outputs that are not all of one colour.
    o.ngf = 1;
    o.gan_mode = "none";
    o.upsample = "resize";
    o.lr = 0.02;
    o.steps = 10;
    tiny_train(public_device, &o, UINT64_MAX);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_own_sizes), cmocka_unit_test(test_model_size),
        cmocka_unit_test(test_long),      cmocka_unit_test(test_fixed_size),
#ifdef PIX_HAVE_TIFF
        cmocka_unit_test(test_tags),
#endif
        cmocka_unit_test(test_labels),    cmocka_unit_test(test_evaluate),
        cmocka_unit_test(test_seams),     cmocka_unit_test(test_wrap_across),
        cmocka_unit_test(test_width),     cmocka_unit_test(test_trained_scaling),
    };
    return cmocka_run_group_tests(tests, open_group, public_close);
}
