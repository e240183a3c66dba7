// SPDX-License-Identifier: MIT
//
// Runs on pictures of other kinds and channels, from files to files: the same pictures
// held as bytes, 16-bit numbers or floats train the same, and a model makes files of
// the kind that it was trained on.

#define _XOPEN_SOURCE 700

#include "pix2pix.h"
#include "support/evaluated.h"
#include "support/public.h"
#include "support/size.h"
#include "support/tree.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/os.h"
#include "data/image.h"
#include "data/picture_file.h"

#define SCRATCH "test_kinds.scratch"
#define SIDE 32u    // the smallest the networks take
#define PAIRS 3u

static const char *const scratch = SCRATCH;

static int begin(void **state)
{
    (void)state;
    test_remove_tree(SCRATCH);
    public_messages[0] = '\0';
    return file_make_folder(SCRATCH) ? 0 : -1;
}

// ---------------------------------------------------------------------------
// Data

// A soft picture, another for each number, in bytes and then in this kind.
static struct picture make_picture(enum pixel_kind kind, uint32_t channels,
                                   uint32_t side, uint32_t number)
{
    struct picture p;
    size_t i = 0;
    assert_true(picture_create(&p, PIXEL_U8, channels, side, side));
    for (uint32_t c = 0; c < channels; c++)
        for (uint32_t y = 0; y < side; y++)
            for (uint32_t x = 0; x < side; x++, i++)
                ((uint8_t *)p.samples)[i] =
                    (uint8_t)(x * (number + c + 1) + y * (c + 3) + 40 * number);
    assert_true(picture_set_kind(&p, kind, PIXEL_WHOLE));
    return p;
}

static void write_picture(const char *folder, uint32_t number, const char *extension,
                          struct picture p)
{
    char *path = mem_printf("%s/%s/%" PRIu32 "%s", scratch, folder, number, extension);
    if (!picture_write(path, &p))
        fail_msg("%s", pix_last_error());
    mem_free(path);
    picture_free(&p);
}

struct side {
    enum pixel_kind kind;
    uint32_t channels;
    const char *extension;
};

// DATA/A/<split> and DATA/B/<split>, or DATA/<split>/A and DATA/<split>/B.
static void write_sides(const char *data, const char *split, bool is_side_first,
                        struct side a, struct side b, uint32_t side)
{
    const struct side *const sides[] = { &a, &b };
    for (int k = 0; k < 2; k++) {
        const char *name = k ? "B" : "A";
        char *folder = mem_printf("%s/%s/%s", data, is_side_first ? name : split,
                                  is_side_first ? split : name);
        char *path = file_join(scratch, folder);
        assert_true(file_make_folder(path));
        for (uint32_t i = 0; i < PAIRS; i++)
            write_picture(folder, i, sides[k]->extension,
                          make_picture(sides[k]->kind, sides[k]->channels, side,
                                       i + 5 * (uint32_t)k));
        mem_free(path);
        mem_free(folder);
    }
}

// The same pictures as one.
static void write_together(const char *data, const char *split, enum pixel_kind kind)
{
    char *folder = mem_printf("%s/%s", data, split);
    char *path = file_join(scratch, folder);
    assert_true(file_make_folder(path));
    size_t bytes = pixel_bytes(kind) * SIDE;
    for (uint32_t i = 0; i < PAIRS; i++) {
        struct picture both;
        assert_true(picture_create(&both, kind, 3, 2 * SIDE, SIDE));
        for (uint32_t k = 0; k < 2; k++) {
            struct picture one = make_picture(kind, 3, SIDE, i + 5 * k);
            for (size_t row = 0; row < 3 * SIDE; row++)
                memcpy((char *)both.samples + (2 * row + k) * bytes,
                       (char *)one.samples + row * bytes, bytes);
            picture_free(&one);
        }
        write_picture(folder, i, ".png", both);
    }
    mem_free(path);
    mem_free(folder);
}

// ---------------------------------------------------------------------------
// Runs

static char data_path[64], run_path[64];

static struct pix_train_options options_for(const char *name, uint32_t input_nc,
                                            uint32_t output_nc)
{
    struct pix_train_options o;
    pix_train_options_init(&o);
    snprintf(data_path, sizeof(data_path), "%s/%s", scratch, name);
    snprintf(run_path, sizeof(run_path), "%s/%s.run", scratch, name);
    o.data = data_path;
    o.out = run_path;
    o.tuning = "off";
    o.input_nc = input_nc;
    o.output_nc = output_nc;
    o.ngf = o.ndf = 4;
    o.crop_size = SQUARE(SIDE);
    o.preprocess = "none";
    o.no_flip = o.serial_batches = true;
    o.steps = 2;
    return o;
}

// The metrics of all steps; says what "auto" turned out to be.
static void train(const struct pix_train_options *o, struct pix_step_metrics *metrics,
                  const char *input_kind, const char *output_kind)
{
    pix_trainer *t = pix_trainer_create(public_device, o);
    if (!t)
        fail_msg("%s: %s", o->data, pix_last_error());
    assert_string_equal(pix_trainer_get_options(t)->input_kind, input_kind);
    assert_string_equal(pix_trainer_get_options(t)->output_kind, output_kind);
    struct pix_step_metrics unwanted;
    for (uint64_t i = 0; i < o->steps; i++)
        assert_int_equal(pix_trainer_step(t, metrics ? &metrics[i] : &unwanted),
                         PIX_STEP_DONE);
    assert_int_equal(pix_trainer_step(t, &unwanted), PIX_STEP_FINISHED);
    pix_trainer_destroy(t);
}

static pix_translator *open_translator(const struct pix_train_options *o)
{
    struct pix_translate_options t;
    pix_translate_options_init(&t);
    t.model = o->out;
    t.tuning = "off";
    pix_translator *translator = pix_translator_create(public_device, &t);
    if (!translator)
        fail_msg("%s", pix_last_error());
    return translator;
}

static double sample(const struct pix_array *a, size_t i)
{
    switch (a->kind) {
    case PIX_KIND_U8:
        return ((uint8_t *)a->data)[i] / 127.5 - 1;
    case PIX_KIND_U16:
        return ((uint16_t *)a->data)[i] / 32767.5 - 1;
    default:
        return (double)((float *)a->data)[i];
    }
}

static void assert_near(double a, double b, double tolerance)
{
    if (!(fabs(a - b) <= tolerance * MAX(fabs(a), 1.0)))
        fail_msg("%.9g and %.9g", a, b);
}

// Bytes, 16-bit numbers and floats, side by side or in folders of either layout.
static void test_same_training(void **state)
{
    static const struct {
        const char *name, *kind, *extension;
        enum pixel_kind pixels;
        int layout;    // 0: side by side, 1: train/A, 2: A/train
    } cases[] = {
        { "u8", "u8", ".png", PIXEL_U8, 0 },
        { "u8_a", "u8", ".npy", PIXEL_U8, 1 },
        { "u16", "u16", ".png", PIXEL_U16, 0 },
        { "u16_a", "u16", ".png", PIXEL_U16, 2 },
        { "f32_a", "f32", ".npy", PIXEL_F32, 1 },
    };
    struct pix_step_metrics first[2], metrics[2];
    struct pix_array expected = { 0 };
    (void)state;
    public_need_device();
    struct picture in = make_picture(PIXEL_U8, 3, SIDE, 9);
    const struct pix_array in_array = picture_to_array(&in);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct side side = { cases[i].pixels, 3, cases[i].extension };
        if (cases[i].layout)
            write_sides(cases[i].name, "train", cases[i].layout == 2, side, side, SIDE);
        else
            write_together(cases[i].name, "train", cases[i].pixels);
        const struct pix_train_options o = options_for(cases[i].name, 3, 3);
        train(&o, i ? metrics : first, cases[i].kind, cases[i].kind);
        for (int s = 0; i && s < 2; s++) {
            assert_near(first[s].loss_g_l1, metrics[s].loss_g_l1, 1e-3);
            assert_near(first[s].loss_g_gan, metrics[s].loss_g_gan, 1e-3);
            assert_near(first[s].loss_d_real, metrics[s].loss_d_real, 1e-3);
        }
        if (i)    // before anything was learned there are only roundings
            assert_near(first[0].loss_g_l1, metrics[0].loss_g_l1, 1e-6);

        struct pix_array out;
        pix_translator *t = open_translator(&o);
        assert_true(pix_translator_run_array(t, &in_array, &out));
        assert_int_equal((int)out.kind, (int)cases[i].pixels);
        assert_int_equal(out.channels, 3);
        for (size_t k = 0; i && k < 3 * SIDE * SIDE; k++)
            assert_true(fabs(sample(&out, k) - sample(&expected, k)) < 4 / 127.5);
        if (i)
            pix_array_free(&out);
        else
            expected = out;
        pix_translator_destroy(t);
    }
    pix_array_free(&expected);
    free(in_array.data);
}

// Every pair of kinds and several numbers of channels, through a whole run.
static void test_channels(void **state)
{
    static const struct {
        const char *name;
        struct side in, out;
        const char *for_png, *for_npy, *for_jpg;    // extension of a translation
    } cases[] = {
        { "a",
          { PIXEL_F32, 5, ".npy" },
          { PIXEL_U16, 1, ".png" },
          ".png",
          ".npy",
          ".png" },
        { "b",
          { PIXEL_U8, 1, ".png" },
          { PIXEL_F32, 2, ".npy" },
          ".npy",
          ".npy",
          ".npy" },
        { "c",
          { PIXEL_U16, 4, ".png" },
          { PIXEL_U8, 4, ".png" },
          ".png",
          ".npy",
          ".png" },
        { "d",
          { PIXEL_U8, 2, ".png" },
          { PIXEL_U8, 1, ".png" },
          ".png",
          ".npy",
          ".jpg" },
        { "e",
          { PIXEL_U8, 16, ".npy" },
          { PIXEL_U16, 16, ".npy" },
          ".npy",
          ".npy",
          ".npy" },
        { "f",
          { PIXEL_U8, 1, ".png" },
          { PIXEL_U8, 3, ".png" },
          ".png",
          ".npy",
          ".jpg" },
    };
    (void)state;
    public_need_device();
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct side in = cases[i].in, out = cases[i].out;
        write_sides(cases[i].name, "train", false, in, out, SIDE);
        write_sides(cases[i].name, "test", false, in, out, SIDE);
        struct pix_train_options o =
            options_for(cases[i].name, in.channels, out.channels);
        train(&o, NULL, pixel_kind_name(in.kind), pixel_kind_name(out.kind));

        // A grid of three tiles in a row.
        struct pix_image grid;
        char *path = mem_printf("%s/samples/step-00000002.png", o.out);
        assert_true(pix_image_read(path, &grid));
        mem_free(path);
        assert_int_equal(grid.width, 3 * grid.height);
        size_t lit = 0;
        for (size_t k = 0; k < (size_t)grid.width * grid.height; k++) {
            const uint8_t *p = grid.pixels + k * 3;
            lit += p[0] > 0;
            if (k % grid.width < grid.height && in.channels < 3)
                assert_true(p[0] == p[1] && p[0] == p[2]);
        }
        assert_true(lit > (size_t)grid.width * grid.height / 2);
        pix_image_free(&grid);

        // It goes on as what it is, and as nothing else.
        struct pix_step_metrics m;
        o.continue_run = true;
        o.steps = 3;
        pix_trainer *trainer = pix_trainer_create(public_device, &o);
        assert_non_null(trainer);
        assert_int_equal(pix_trainer_step(trainer, &m), PIX_STEP_DONE);
        pix_trainer_destroy(trainer);
        o.input_kind = in.kind == PIXEL_U8 ? "u16" : "u8";
        assert_null(pix_trainer_create(public_device, &o));
        assert_non_null(strstr(pix_last_error(), "input-kind"));

        pix_translator *t = open_translator(&o);
        assert_string_equal(pix_translator_extension(t, "x/a.png"), cases[i].for_png);
        assert_string_equal(pix_translator_extension(t, "x/a.npy"), cases[i].for_npy);
        assert_string_equal(pix_translator_extension(t, "x/a.jpg"), cases[i].for_jpg);

        // Files of the training's kind, and what is made of them.
        struct evaluated e;
        path = mem_printf("%s/grid.png", o.out);
        assert_true(evaluated_find(t, o.data, "test", path, 2, &e));
        assert_true(file_exists(path));
        mem_free(path);
        assert_int_equal(e.pairs, PAIRS);
        assert_true(e.l1 > 0 && e.l1 < 2 && e.l1_mean_colour > 0 &&
                    e.l1_mean_colour < 2);
        const bool is_repeated =
            in.channels == 1 && out.channels == 3 && strcmp(in.extension, ".npy") != 0;
        assert_true(in.channels == out.channels || is_repeated
                        ? e.l1_copy > 0 && e.l1_copy < 2
                        : isnan(e.l1_copy));
        double sum = 0;
        for (uint32_t k = 0; k < PAIRS; k++) {
            struct pix_translate_item item = { 0 };
            struct pix_array made, target;
            char *input =
                mem_printf("%s/test/A/%" PRIu32 "%s", o.data, k, in.extension);
            char *output = mem_printf("%s/%" PRIu32 "%s", o.out, k, cases[i].for_png);
            char *wanted =
                mem_printf("%s/test/B/%" PRIu32 "%s", o.data, k, out.extension);
            item.input = input;
            item.output = output;
            assert_true(pix_translator_run_many(t, &item, 1, NULL, NULL));
            assert_true(pix_array_read(output, &made));
            assert_true(pix_array_read(wanted, &target));
            assert_int_equal((int)made.kind, (int)out.kind);
            assert_int_equal(made.channels, out.channels);
            size_t count = (size_t)out.channels * SIDE * SIDE;
            for (size_t v = 0; v < count; v++)
                sum += fabs(sample(&made, v) - sample(&target, v)) / (double)count;
            pix_array_free(&made);
            pix_array_free(&target);
            mem_free(input);
            mem_free(output);
            mem_free(wanted);
        }
        assert_near(sum / PAIRS, e.l1, 1e-9);
        pix_translator_destroy(t);
    }
}

// What does not go together, each with a message.
static void test_refused(void **state)
{
    const struct side f32 = { PIXEL_F32, 5, ".npy" }, u8 = { PIXEL_U8, 3, ".png" };
    (void)state;
    public_need_device();
    write_sides("data", "train", true, f32, f32, SIDE);
    write_sides("data", "val", true, u8, u8, SIDE);
    struct pix_train_options o = options_for("data", 4, 5);
    assert_null(pix_trainer_create(public_device, &o));
    assert_non_null(strstr(public_messages, "not have 4 channels (first: "));
    o = options_for("data", 5, 5);
    o.output_kind = "u16";
    assert_null(pix_trainer_create(public_device, &o));
    assert_non_null(strstr(public_messages, "their target is not u16 (first: "));
    assert_non_null(strstr(public_messages, "which is f32)"));
    o = options_for("data", 5, 5);
    train(&o, NULL, "f32", "f32");

    pix_translator *t = open_translator(&o);
    struct evaluated e;
    assert_false(evaluated_find(t, o.data, "val", NULL, 0, &e));
    assert_non_null(strstr(public_messages, "; image files cannot have 5: use .npy"));
    struct pix_translate_item item = { .input = SCRATCH "/data/A/train/0.npy",
                                       .output = SCRATCH "/data.run/0.png" };
    assert_false(pix_translator_run_many(t, &item, 1, NULL, NULL));
    assert_int_equal(item.result, PIX_TRANSLATE_NOT_WRITTEN);
    assert_non_null(strstr(public_messages, "5 channels of f32"));
    item.input = SCRATCH "/data/A/val/0.png";
    assert_false(pix_translator_run_many(t, &item, 1, NULL, NULL));
    assert_int_equal(item.result, PIX_TRANSLATE_NOT_TRANSLATED);

    struct picture p = make_picture(PIXEL_F32, 4, SIDE, 1);
    struct pix_array in = picture_to_array(&p), out, none = { 0 };
    assert_false(pix_translator_run_array(t, &in, &out));
    assert_non_null(strstr(pix_last_error(), "has 4 channels, the model 5"));
    assert_null(out.data);
    assert_false(pix_translator_run_array(t, &none, &out));
    pix_array_free(&in);

    // An array as memory, and a picture of it.
    p = make_picture(PIXEL_F32, 5, SIDE, 1);
    in = picture_to_array(&p);
    assert_true(pix_translator_run_array(t, &in, &out));
    struct pix_image image, shown;
    assert_true(pix_array_write(SCRATCH "/out.npy", &out));
    assert_true(picture_read(SCRATCH "/out.npy", &p, &(struct reason){ "" }));
    assert_true(image_from_picture(&p, &shown));
    assert_memory_equal(p.samples, out.data, picture_bytes(&p));
    picture_free(&p);
    pix_array_free(&out);
    pix_array_free(&in);
    item = (struct pix_translate_item){ .input = SCRATCH "/data/A/train/1.npy" };
    assert_true(pix_translator_run_many(t, &item, 1, NULL, NULL));
    image = item.out;
    assert_int_equal(image.width, SIDE);
    assert_memory_equal(image.pixels, shown.pixels, 3 * SIDE * SIDE);
    pix_image_free(&image);
    pix_image_free(&shown);
    pix_translator_destroy(t);
}

// ---------------------------------------------------------------------------
// Weights without options

static pix_translator *open_weights(const char *path, const char *input_kind,
                                    const char *output_kind)
{
    struct pix_translate_options t;
    pix_translate_options_init(&t);
    t.model = path;
    t.tuning = "off";
    t.preprocess = "none";
    t.batch_size = 2;
    t.input_kind = input_kind;
    t.output_kind = output_kind;
    pix_translator *translator = pix_translator_create(public_device, &t);
    if (!translator)
        fail_msg("%s", pix_last_error());
    return translator;
}

// A run of this kind, and the same generator as bare weights.
static struct pix_train_options make_weights(const char *name, struct side side,
                                             char path[64])
{
    write_sides(name, "train", false, side, side, SIDE);
    const struct pix_train_options o = options_for(name, side.channels, side.channels);
    train(&o, NULL, pixel_kind_name(side.kind), pixel_kind_name(side.kind));
    snprintf(path, 64, "%s/%s.pth", scratch, name);
    const struct pix_convert_options convert = { .input = o.out, .output = path };
    if (!pix_convert(&convert))
        fail_msg("%s", pix_last_error());
    return o;
}

static struct pix_array translate_array(pix_translator *t, const struct pix_array *in)
{
    struct pix_array out;
    if (!pix_translator_run_array(t, in, &out))
        fail_msg("%s", pix_last_error());
    return out;
}

// The same samples reach the network as with the run, and the output has as many bits:
// 12 bits of a 16-bit picture are not cut to bytes. Nothing is said, as nothing is
// converted.
static void test_bare_weights(void **state)
{
    static const struct side sides[] = { { PIXEL_U8, 3, ".png" },
                                         { PIXEL_U16, 3, ".png" },
                                         { PIXEL_F32, 3, ".npy" } };
    (void)state;
    public_need_device();
    for (size_t i = 0; i < ARRAY_LEN(sides); i++) {
        char path[64];
        const struct pix_train_options o =
            make_weights(pixel_kind_name(sides[i].kind), sides[i], path);
        struct picture p = make_picture(sides[i].kind, 3, SIDE, 9);
        for (size_t k = 0; p.kind == PIXEL_U16 && k < 3 * SIDE * SIDE; k++)
            ((uint16_t *)p.samples)[k] = (uint16_t)(k * 7 % 4096);
        struct pix_array in = picture_to_array(&p);
        public_messages[0] = '\0';
        pix_translator *run = open_translator(&o);
        pix_translator *bare = open_weights(path, NULL, NULL);
        struct pix_array expected = translate_array(run, &in);
        struct pix_array out = translate_array(bare, &in);
        assert_int_equal((int)out.kind, (int)sides[i].kind);
        assert_int_equal((int)expected.kind, (int)out.kind);
        assert_memory_equal(out.data, expected.data,
                            (size_t)3 * SIDE * SIDE * pixel_bytes(sides[i].kind));
        assert_string_equal(public_messages, "");
        pix_array_free(&expected);
        pix_array_free(&out);
        pix_array_free(&in);
        pix_translator_destroy(bare);
        pix_translator_destroy(run);
    }
}

static void check_file(const char *path, enum pix_kind kind)
{
    struct pix_array made;
    if (!pix_array_read(path, &made))
        fail_msg("%s", pix_last_error());
    if (made.kind != kind)
        fail_msg("%s: kind %d, not %d", path, (int)made.kind, (int)kind);
    pix_array_free(&made);
}

// The same is said of floats that are translated in tiles.
static void check_tiled(const char *model, const char *input)
{
    struct pix_translate_options o;
    struct pix_translate_item item = { .input = input };
    pix_translate_options_init(&o);
    o.model = model;
    o.tuning = "off";
    o.tile = SIDE;
    public_messages[0] = '\0';
    pix_translator *t = pix_translator_create(public_device, &o);
    if (!t || !pix_translator_run_many(t, &item, 1, NULL, NULL))
        fail_msg("%s", pix_last_error());
    assert_non_null(strstr(public_messages,
                           "the input has values outside [-1, 1], which reach "
                           "the network unchanged"));
    pix_image_free(&item.out);
    pix_translator_destroy(t);
}

// A folder of all kinds, in batches: each file keeps its own, and has the pixels that
// it has alone. Floats that are too large are used as they are, with a warning.
static void test_bare_mixed(void **state)
{
    enum { FILES = 6 };
    static const enum pixel_kind kinds[FILES] = { PIXEL_U8,  PIXEL_U16, PIXEL_U16,
                                                  PIXEL_F32, PIXEL_U8,  PIXEL_F32 };
    struct pix_translate_item items[FILES] = { 0 };
    char path[64], names[FILES][2][64];
    (void)state;
    public_need_device();
    make_weights("one", (struct side){ PIXEL_U8, 3, ".png" }, path);
    assert_true(file_make_folder(SCRATCH "/in") && file_make_folder(SCRATCH "/out"));
    for (uint32_t i = 0; i < FILES; i++) {
        const char *extension = kinds[i] == PIXEL_F32 ? ".npy" : ".png";
        struct picture p = make_picture(kinds[i], 3, SIDE, i);
        if (i == FILES - 1)
            ((float *)p.samples)[5] = 3;
        write_picture("in", i, extension, p);
        for (int k = 0; k < 2; k++)
            snprintf(names[i][k], sizeof(names[i][k]), "%s/%s/%u%s", scratch,
                     k ? "out" : "in", (unsigned)i, extension);
        items[i].input = names[i][0];
        items[i].output = names[i][1];
    }
    public_messages[0] = '\0';
    pix_translator *t = open_weights(path, NULL, NULL);
    if (!pix_translator_run_many(t, items, FILES, NULL, NULL))
        fail_msg("%s", pix_last_error());
    assert_non_null(strstr(public_messages,
                           "1 of 6 inputs have values outside [-1, 1], which "
                           "reach the network unchanged"));
    check_tiled(path, names[FILES - 1][0]);
    for (uint32_t i = 0; i < FILES; i++) {
        struct pix_array in, alone, made;
        check_file(names[i][1], (enum pix_kind)kinds[i]);
        assert_true(pix_array_read(names[i][0], &in));
        assert_true(pix_array_read(names[i][1], &made));
        alone = translate_array(t, &in);
        for (size_t k = 0; k < 3 * SIDE * SIDE; k++)
            assert_near(sample(&alone, k), sample(&made, k), 1.01 / 127.5);
        pix_array_free(&in);
        pix_array_free(&made);
        pix_array_free(&alone);
    }
    pix_translator_destroy(t);
}

// A mask of 0 and 1 as NumPy has integers.
static void write_mask(const char *path)
{
    static uint8_t file[256 + 3 * SIDE * SIDE * 4] = "\x93NUMPY\1\0";
    const int length = snprintf((char *)file + 10, 200,
                                "{'descr': '<i4', 'fortran_order': False, "
                                "'shape': (3, %u, %u), }",
                                SIDE, SIDE);
    file[8] = (uint8_t)length;
    file[10 + length] = 1;
    assert_true(file_write(path, file, 10 + (size_t)length + 3 * SIDE * SIDE * 4));
}

// What is converted is said: by whom, and how many.
static void test_conversions(void **state)
{
    char path[64];
    (void)state;
    public_need_device();
    const struct pix_train_options o =
        make_weights("one", (struct side){ PIXEL_U8, 3, ".png" }, path);
    assert_true(file_make_folder(SCRATCH "/in"));
    write_picture("in", 0, ".png", make_picture(PIXEL_U16, 3, SIDE, 0));
    write_picture("in", 1, ".png", make_picture(PIXEL_U8, 3, SIDE, 1));
    struct picture p = make_picture(PIXEL_F32, 3, SIDE, 2);
    ((float *)p.samples)[5] = -3;
    write_picture("in", 2, ".npy", p);
    struct pix_translate_item items[] = {
        { .input = SCRATCH "/in/0.png", .output = SCRATCH "/0.png" },
        { .input = SCRATCH "/in/1.png", .output = SCRATCH "/1.png" },
        { .input = SCRATCH "/in/2.npy", .output = SCRATCH "/2.png" },
    };

    public_messages[0] = '\0';
    pix_translator *t = open_weights(o.out, NULL, NULL);
    assert_true(pix_translator_run_many(t, items, 3, NULL, NULL));
    assert_string_equal(
        public_messages,
        "translate: 1 of 3 inputs are u16, converted to u8, which the model "
        "was trained on\n"
        "translate: 1 of 3 inputs are f32, converted to u8, which the model "
        "was trained on\n"
        "translate: 1 of 3 inputs have values outside [-1, 1], which were "
        "clipped: rescale them, or name the range of inputs with "
        "--input-range\n");
    // One after the other: once for each kind.
    struct pix_array in, out;
    public_messages[0] = '\0';
    assert_true(pix_array_read(items[2].input, &in));
    for (int i = 0; i < 2; i++) {
        out = translate_array(t, &in);
        pix_array_free(&out);
    }
    pix_array_free(&in);
    assert_string_equal(public_messages,
                        "translate: the input is f32, converted to u8, which the model "
                        "was trained on\n"
                        "translate: the input has values outside [-1, 1], which were "
                        "clipped: rescale them, or name the range of inputs with "
                        "--input-range\n");
    pix_translator_destroy(t);

    // As the caller says; a float output in a PNG is not possible and nobody's wish.
    public_messages[0] = '\0';
    t = open_weights(path, "u8", NULL);
    assert_true(pix_translator_run_many(t, items, 1, NULL, NULL));
    assert_string_equal(public_messages,
                        "translate: the input is u16, converted to u8, as "
                        "--input-kind says\n");
    pix_translator_destroy(t);
    t = open_weights(path, NULL, NULL);
    assert_true(pix_translator_run_many(t, items, 3, NULL, NULL));
    check_file(SCRATCH "/0.png", PIX_KIND_U16);
    check_file(SCRATCH "/1.png", PIX_KIND_U8);
    check_file(SCRATCH "/2.png", PIX_KIND_U16);    // the most that a PNG holds
    public_messages[0] = '\0';
    write_mask(SCRATCH "/in/2.npy");
    assert_true(pix_translator_run_many(t, items, 3, NULL, NULL));
    assert_string_equal(public_messages,
                        "translate: 1 of 3 inputs have integers that are not u1, "
                        "though none is above 255. They are read as 0 to 65535, where "
                        "255 is nearly black: save arrays of 0 to 255 as u1\n");
    pix_translator_destroy(t);
    t = open_weights(path, NULL, "f32");
    assert_false(pix_translator_run_many(t, items, 1, NULL, NULL));
    assert_int_equal(items[0].result, PIX_TRANSLATE_NOT_WRITTEN);
    pix_translator_destroy(t);

    struct pix_translate_options bad;
    pix_translate_options_init(&bad);
    bad.model = path;
    bad.tuning = "off";
    bad.input_kind = "u32";
    assert_null(pix_translator_create(public_device, &bad));
    assert_non_null(strstr(pix_last_error(), "--input-kind does not take \"u32\""));
    bad.input_kind = NULL;
    bad.read.npy_order = "whc";
    assert_null(pix_translator_create(public_device, &bad));
    assert_non_null(strstr(pix_last_error(), "--npy-order does not take \"whc\""));
}

static struct evaluated evaluate(pix_translator *t, const char *data)
{
    struct evaluated e;
    if (!evaluated_find(t, data, "train", NULL, 0, &e))
        fail_msg("%s", pix_last_error());
    assert_int_equal(e.pairs, PAIRS);
    return e;
}

// What is read in parallel gives the same bits with any number of threads, and how far
// it is is shown.
static void note_progress(void *user, const char *text)
{
    char *all = user;
    const size_t used = strlen(all);
    if (strstr(text, ": 0 of "))    // others depend on the time
        snprintf(all + used, 256 - used, "%s\n", text);
}

static void test_threads(void **state)
{
    struct evaluated first = { 0 };
    char path[64];
    (void)state;
    public_need_device();
    const struct pix_train_options o =
        make_weights("threads", (struct side){ PIXEL_F32, 3, ".npy" }, path);
    for (uint32_t i = PAIRS; i < 20; i++)
        for (int k = 0; k < 2; k++)
            write_picture(k ? "threads/train/B" : "threads/train/A", i, ".npy",
                          make_picture(PIXEL_F32, 3, SIDE, i + 5 * (uint32_t)k));
    for (uint32_t threads = 1; threads < 6; threads += 2) {
        char shown[256] = "";
        struct evaluated e;
        struct pix_translate_options t;
        pix_translate_options_init(&t);
        t.model = path;
        t.tuning = "off";
        t.threads = threads;
        t.progress = note_progress;
        t.progress_user = shown;
        pix_translator *translator = pix_translator_create(public_device, &t);
        assert_true(evaluated_find(translator, o.data, "train", NULL, 0, &e));
        pix_translator_destroy(translator);
        assert_int_equal(e.pairs, 20);
        if (threads == 1)
            first = e;
        assert_true(e.l1 == first.l1 && e.l1_mean_colour == first.l1_mean_colour);
        assert_string_equal(
            shown, "reading training targets: 0 of 20\ncomparing pairs: 0 of 20\n");
    }
}

// The error of bare weights is that of the samples of the files, and the same as with
// the kinds that a run would have; what cannot be read is no smaller average.
static void test_bare_evaluation(void **state)
{
    char path[64];
    (void)state;
    public_need_device();
    const struct pix_train_options o =
        make_weights("wide", (struct side){ PIXEL_U16, 3, ".png" }, path);
    pix_translator *t = open_weights(path, NULL, NULL);
    public_messages[0] = '\0';
    const struct evaluated e = evaluate(t, o.data);
    assert_string_equal(public_messages, "");
    pix_translator_destroy(t);
    t = open_weights(path, "u16", "u16");
    const struct evaluated same = evaluate(t, o.data);
    assert_true(e.l1 == same.l1 && e.l1_copy == same.l1_copy &&
                e.l1_mean_colour == same.l1_mean_colour);
    pix_translator_destroy(t);
    t = open_weights(path, "u8", "u8");
    const struct evaluated cut = evaluate(t, o.data);
    assert_true(e.l1 != cut.l1 && e.l1_mean_colour != cut.l1_mean_colour);
    assert_near(e.l1, cut.l1, 0.05);
    // Once, also where the training targets were read for the mean colour.
    assert_string_equal(public_messages,
                        "evaluate: 3 of 3 inputs are u16, converted to u8, as "
                        "--input-kind says\n"
                        "evaluate: 3 of 3 targets are u16, converted to u8, as "
                        "--output-kind says\n");
    // Of training targets what was not said of others.
    assert_true(file_make_folder(SCRATCH "/wide/test/A"));
    assert_true(file_make_folder(SCRATCH "/wide/test/B"));
    for (enum pixel_kind kind = PIXEL_U8; kind <= PIXEL_U16; kind++) {
        struct evaluated other;
        write_picture("wide/test/A", 0, ".png", make_picture(PIXEL_U8, 3, SIDE, 0));
        write_picture("wide/test/B", 0, ".png", make_picture(kind, 3, SIDE, 5));
        public_messages[0] = '\0';
        assert_true(evaluated_find(t, o.data, "test", NULL, 0, &other));
        assert_string_equal(
            public_messages,
            kind == PIXEL_U8 ? "evaluate: 3 of 3 training targets are u16, converted "
                               "to u8, as --output-kind says\n"
                             : "evaluate: the target is u16, converted to u8, as "
                               "--output-kind says\n");
    }
    pix_translator_destroy(t);

    // Both kinds on both sides. The mean colour is that of all.
    t = open_weights(path, NULL, NULL);
    for (int k = 0; k < 2; k++)
        write_picture(k ? "wide/train/B" : "wide/train/A", 0, ".png",
                      make_picture(PIXEL_U8, 3, SIDE, k ? 5 : 0));
    public_messages[0] = '\0';
    const struct evaluated mixed = evaluate(t, o.data);
    assert_string_equal(public_messages, "");
    assert_near(mixed.l1, e.l1, 0.01);
    assert_near(mixed.l1_mean_colour, e.l1_mean_colour, 0.001);

    // Floats that no output can reach, and inputs of which nobody knows.
    for (int k = 0; k < 2; k++) {
        struct picture p = make_picture(PIXEL_F32, 3, SIDE, k ? 6 : 1);
        ((float *)p.samples)[5] = 3;
        assert_true(test_remove_tree(k ? SCRATCH "/wide/train/B/1.png"
                                       : SCRATCH "/wide/train/A/1.png"));
        write_picture(k ? "wide/train/B" : "wide/train/A", 1, ".npy", p);
    }
    // Resizing takes others out of the range, of which nothing is said.
    for (int k = 0; k < 2; k++) {
        struct picture p = make_picture(PIXEL_F32, 3, SIDE, 0);
        for (uint32_t i = 0; i < 3 * SIDE * SIDE; i++)
            ((float *)p.samples)[i] = i / 8 % 2 ? 1 : -1;
        assert_true(test_remove_tree(k ? SCRATCH "/wide/train/B/2.png"
                                       : SCRATCH "/wide/train/A/2.png"));
        write_picture(k ? "wide/train/B" : "wide/train/A", 2, ".npy", p);
    }
    public_messages[0] = '\0';
    evaluate(t, o.data);
    assert_string_equal(public_messages,
                        "evaluate: 1 of 3 inputs have values outside [-1, 1], which "
                        "reach the network unchanged: if it was trained on images, "
                        "where -1 is black and 1 white, name the range that they have "
                        "with --input-range LO:HI\n"
                        "evaluate: 1 of 3 targets have values outside [-1, 1], which "
                        "are compared unchanged, and which no output of the network "
                        "can reach: rescale them, or train with --output-range\n");

    if (os_path_kind("/proc/self/mem") == OS_KIND_FILE) {
        struct evaluated none;
        assert_true(test_remove_tree(SCRATCH "/wide/train/B/0.png"));
        assert_int_equal(symlink("/proc/self/mem", SCRATCH "/wide/train/B/0.png"), 0);
        assert_false(evaluated_find(t, o.data, "train", NULL, 0, &none));
        assert_non_null(strstr(pix_last_error(), "wide/train/B/0.png: "));
        assert_non_null(strstr(pix_last_error(), "the mean colour of the training"));
    }
    pix_translator_destroy(t);
}

// Arrays of pixels, in and out, with the order stored in the run.
static void test_pixel_arrays(void **state)
{
    (void)state;
    public_need_device();
    const struct side side = { PIXEL_F32, 2, ".npy" };
    write_sides("pixels", "train", false, side, side, SIDE);
    for (uint32_t i = 0; i < PAIRS; i++)
        for (int k = 0; k < 2; k++) {
            struct picture p = make_picture(PIXEL_F32, 2, SIDE, i + 5 * (uint32_t)k);
            char *path = mem_printf("%s/pixels/train/%s/%" PRIu32 ".npy", scratch,
                                    k ? "B" : "A", i);
            assert_true(picture_write_ordered(path, &p, ARRAY_HWC));
            picture_free(&p);
            mem_free(path);
        }
    struct pix_train_options o = options_for("pixels", 2, 2);
    public_messages[0] = '\0';
    o.preprocess = "resize_and_crop";
    assert_null(pix_trainer_create(public_device, &o));
    assert_non_null(strstr(public_messages, "may be of the other --npy-order"));
    o.preprocess = "none";
    o.read.npy_order = "hwc";
    train(&o, NULL, "f32", "f32");

    pix_translator *t = open_translator(&o);
    struct pix_translate_item item = { .input = SCRATCH "/pixels/train/A/1.npy",
                                       .output = SCRATCH "/out.npy" };
    struct pix_array in, out, made;
    assert_true(pix_translator_run_many(t, &item, 1, NULL, NULL));
    assert_true(pix_array_read_with(
        item.input, &(struct pix_read_options){ .npy_order = "hwc" }, &in));
    assert_true(pix_array_read_with(
        item.output, &(struct pix_read_options){ .npy_order = "hwc" }, &made));
    assert_int_equal(in.channels, 2);
    out = translate_array(t, &in);
    assert_int_equal(made.channels, 2);
    assert_memory_equal(made.data, out.data, sizeof(float) * 2 * SIDE * SIDE);
    evaluate(t, o.data);
    pix_array_free(&in);
    pix_array_free(&out);
    pix_array_free(&made);
    assert_false(pix_array_read_with(
        item.input, &(struct pix_read_options){ .npy_order = "cwh" }, &in));
    assert_null(in.data);
    pix_translator_destroy(t);
    o.continue_run = true;
    o.steps = 3;
    o.read.npy_order = "chw";
    assert_null(pix_trainer_create(public_device, &o));
    assert_non_null(strstr(pix_last_error(), "npy-order"));
}

// ---------------------------------------------------------------------------

static int open_group(void **state)
{
    (void)state;
    public_open(SCRATCH);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_same_training, begin),
        cmocka_unit_test_setup(test_channels, begin),
        cmocka_unit_test_setup(test_refused, begin),
        cmocka_unit_test_setup(test_bare_weights, begin),
        cmocka_unit_test_setup(test_bare_mixed, begin),
        cmocka_unit_test_setup(test_conversions, begin),
        cmocka_unit_test_setup(test_threads, begin),
        cmocka_unit_test_setup(test_bare_evaluation, begin),
        cmocka_unit_test_setup(test_pixel_arrays, begin),
    };
    return cmocka_run_group_tests(tests, open_group, public_close);
}
