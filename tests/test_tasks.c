// SPDX-License-Identifier: MIT
//
// Tasks from single images to evaluated outputs: what training, evaluation and
// translation make of them.

#define _XOPEN_SOURCE 700

#include "data/task.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/os.h"
#include "data/colour.h"
#include "data/edges.h"
#include "data/picture_file.h"
#include "data/picture_tags.h"

#define SCRATCH "test_tasks.scratch"
#include "support/tiny.h"

#define SINGLES SCRATCH "/singles"

enum { IMAGES = 4, WIDTH = 70, HEIGHT = 50 };    // of what is translated

// Soft colours of middle lightness, all of which stay in sRGB when they change a
// little.
static struct picture make_image(enum pixel_kind kind, uint32_t number, uint32_t width,
                                 uint32_t height)
{
    struct picture p;
    const size_t count = (size_t)width * height;
    assert_true(picture_create(&p, kind, 3, width, height));
    for (size_t i = 0; i < 3 * count; i++) {
        const double x = (double)(i % width) / width, c = (double)(i / count),
                     y = (double)(i / width % height) / height;
        const double v = 128 + 30 * sin(9 * x + number + c) + 20 * cos(7 * y - c);
        if (kind == PIXEL_U8)
            ((uint8_t *)p.samples)[i] = (uint8_t)v;
        else
            ((uint16_t *)p.samples)[i] = (uint16_t)(v * 257);
    }
    return p;
}

static void write_data(void)
{
    static const char *const splits[] = { "train", "val", "test" };
    for (size_t s = 0; s < ARRAY_LEN(splits); s++)
        for (uint32_t i = 0; i < IMAGES; i++) {
            char name[16];
            char *folder = file_join(SINGLES, splits[s]);
            snprintf(name, sizeof(name), "%u.png", (unsigned)i);
            tiny_write_picture(folder, name,
                               make_image(PIXEL_U8, i + 10 * (uint32_t)s, 40, 40));
            mem_free(folder);
        }
    tiny_write_picture(SCRATCH, "wide.png", make_image(PIXEL_U8, 3, WIDTH, HEIGHT));
    tiny_write_picture(SCRATCH, "deep.png", make_image(PIXEL_U16, 3, WIDTH, HEIGHT));
}

static struct pix_train_options task_options(const char *task, const char *out)
{
    struct pix_train_options o = tiny_options(SINGLES, out);
    o.task = task;
    if (strcmp(task, "superres") == 0)
        o.factor = 2;
    if (strcmp(task, "inpaint") == 0)
        o.hole = "random";
    o.steps = IMAGES;    // an epoch
    return o;
}

static const char *run_of(const char *task, char path[128])
{
    snprintf(path, 128, SCRATCH "/%s", task);
    return path;
}

static pix_translator *open_model(const char *run, const char *size, const char *hole)
{
    struct pix_translate_options o;
    pix_translate_options_init(&o);
    o.model = run;
    o.tuning = "off";
    o.output_size = size;
    o.hole = hole;
    pix_translator *t = pix_translator_create(public_device, &o);
    if (!t)
        fail_msg("%s", pix_last_error());
    return t;
}

static struct picture translate_as(const char *run, const char *size, const char *hole,
                                   const char *input, const char *output)
{
    return tiny_translate(open_model(run, size, hole), input, output);
}

static struct picture translate(const char *run, const char *input)
{
    return translate_as(run, NULL, NULL, input, SCRATCH "/translated.png");
}

// ---------------------------------------------------------------------------

static const char *const tasks[] = { "colorize", "superres", "denoise", "inpaint",
                                     "edges" };
static double validated[ARRAY_LEN(tasks)];    // L1 at the end of the run

// Every task trains, validates and is evaluated, both by the same scores; the steps of
// a run that was stopped are those of one that was not, whatever the threads.
static void test_runs(void **state)
{
    (void)state;
    public_need_device();
    for (size_t i = 0; i < ARRAY_LEN(tasks); i++) {
        char run[128], parts[140];
        struct pix_train_options o = task_options(tasks[i], run_of(tasks[i], run));
        o.val_freq = 1;
        o.save_freq = 2;
        const struct pix_step_metrics last = tiny_train(public_device, &o, UINT64_MAX);
        assert_true(last.has_val);
        validated[i] = last.val[PIX_METRIC_L1];
        snprintf(parts, sizeof(parts), "%s_parts", run);
        o.out = parts;
        o.threads = 3;
        tiny_train(public_device, &o, 2);
        o.continue_run = true;
        tiny_train(public_device, &o, UINT64_MAX);
        tiny_check_same_checkpoint(run, parts, IMAGES);
        assert_string_equal(public_messages, "");
    }
}

static void test_evaluated(void **state)
{
    (void)state;
    public_need_device();
    for (size_t i = 0; i < ARRAY_LEN(tasks); i++) {
        char run[128];
        struct pix_evaluate_options o;
        struct pix_evaluation e = { 0 }, again = { 0 };
        pix_evaluate_options_init(&o);
        o.data = SINGLES;
        o.split = "val";
        pix_translator *t = open_model(run_of(tasks[i], run), NULL, NULL);
        if (!pix_evaluate(t, &o, &e) || !pix_evaluate(t, &o, &again))
            fail_msg("%s: %s", tasks[i], pix_last_error());
        pix_translator_destroy(t);
        const double l1 = e.totals[PIX_SUBJECT_OUTPUT][PIX_METRIC_L1].mean;
        assert_int_equal(e.pairs, IMAGES);
        // Noise and holes are the same each time, and in a validation.
        assert_true(l1 == again.totals[PIX_SUBJECT_OUTPUT][PIX_METRIC_L1].mean);
        if (fabs(l1 - validated[i]) > 1e-9)
            fail_msg("%s: the validation has %g, evaluate %g", tasks[i], validated[i],
                     l1);
        assert_true(e.totals[PIX_SUBJECT_COPY][PIX_METRIC_L1].mean > 0);
        assert_true(e.totals[PIX_SUBJECT_MEAN_COLOUR][PIX_METRIC_L1].mean > 0);
        pix_evaluation_free(&e);
        pix_evaluation_free(&again);
        assert_string_equal(public_messages, "");
    }
}

// The output has the input's size and its lightness; 16 bits stay.
static void test_colorize(void **state)
{
    static const char *const inputs[] = { SCRATCH "/wide.png", SCRATCH "/deep.png" };
    (void)state;
    public_need_device();
    for (size_t k = 0; k < ARRAY_LEN(inputs); k++) {
        struct picture in = tiny_read_picture(inputs[k]), light, made_light,
                       out = translate(SCRATCH "/colorize", inputs[k]);
        assert_true(out.channels == 3 && out.width == WIDTH && out.height == HEIGHT);
        assert_int_equal(out.kind, in.kind);
        assert_true(colour_split(&in, &light, NULL));
        assert_true(colour_split(&out, &made_light, NULL));
        size_t far = 0;
        for (size_t i = 0; i < (size_t)WIDTH * HEIGHT; i++)
            far += fabs(picture_sample(&light, i) - picture_sample(&made_light, i)) > 1;
        assert_true(far < WIDTH * HEIGHT / 20);    // colours that sRGB lacks
        picture_free(&in);
        picture_free(&out);
        picture_free(&light);
        picture_free(&made_light);
    }
    // Of grey images, in a format that has no 16 bits, and at the model's size.
    struct picture grey = translate_as(SCRATCH "/colorize", "model", NULL,
                                       SCRATCH "/deep.png", SCRATCH "/deep.jpg");
    assert_true(grey.kind == PIXEL_U8 && grey.width == CROP && grey.channels == 3);
    picture_free(&grey);
    assert_string_equal(public_messages, "");
}

static void test_superres(void **state)
{
    (void)state;
    public_need_device();
    struct picture out = translate(SCRATCH "/superres", SCRATCH "/wide.png");
    assert_true(out.width == 2 * WIDTH && out.height == 2 * HEIGHT);
    picture_free(&out);
    // A plan is of what the network gets, as of an image of twice the size.
    const struct pix_translate_item item = { .input = SCRATCH "/wide.png" };
    struct pix_plan plan, of_item, of_large;
    pix_translator *t = open_model(SCRATCH "/superres", NULL, NULL);
    assert_true(pix_translator_plan(t, WIDTH, HEIGHT, &plan));
    assert_true(pix_translator_plan_item(t, &item, &of_item));
    pix_translator_destroy(t);
    t = open_model(SCRATCH "/denoise", NULL, NULL);
    assert_true(pix_translator_plan(t, 2 * WIDTH, 2 * HEIGHT, &of_large));
    pix_translator_destroy(t);
    assert_int_equal(plan.device_bytes, of_large.device_bytes);
    assert_int_equal(of_item.device_bytes, of_large.device_bytes);
}

// The ICC profile of a file, whose channels are not those of the images of the task,
// goes to the translation where that has its colours.
static void test_profiles(void **state)
{
    static const struct {
        const char *task, *input;
        bool is_kept;
    } cases[] = {
        { "denoise", "rgb-alpha.png", true },  { "superres", "rgb-alpha.tif", true },
        { "inpaint", "rgb-alpha.webp", true }, { "colorize", "rgb-alpha.tif", true },
        { "superres", "grey.jpg", false },     { "edges", "grey.png", false },
        { "colorize", "grey.tif", false },
    };
    static const struct picture_reading reading = { .with_tags = true };
    (void)state;
    public_need_device();
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char run[128];
        char *path = file_join(TEST_FIXTURES "/profiles", cases[i].input);
        struct picture shown = translate(run_of(cases[i].task, run), path), out;
        struct reason reason;
        size_t size;
        assert_int_equal(shown.channels, 3);
        picture_free(&shown);
        assert_true(
            picture_read_with(SCRATCH "/translated.png", &reading, &out, &reason));
        if (!picture_tags_profile(out.tags, 3, &size) == cases[i].is_kept)
            fail_msg("%s of %s", cases[i].task, cases[i].input);
        picture_free(&out);
        mem_free(path);
    }
}

static struct picture translate_made(const char *run, const char *input)
{
    struct pix_translate_options o;
    pix_translate_options_init(&o);
    o.model = run;
    o.tuning = "off";
    o.make_input = true;
    return tiny_translate(pix_translator_create(public_device, &o), input,
                          SCRATCH "/made.png");
}

static void check_equal(struct picture a, struct picture b, bool is_equal)
{
    assert_true(a.width == WIDTH && a.height == HEIGHT && b.width == WIDTH &&
                b.height == HEIGHT && a.channels == b.channels);
    assert_int_equal(memcmp(a.samples, b.samples, picture_bytes(&a)) == 0, is_equal);
    picture_free(&a);
    picture_free(&b);
}

static void refuse_made(const char *run, uint32_t tile, const char *message)
{
    struct pix_translate_options o;
    pix_translate_options_init(&o);
    o.model = run;
    o.make_input = true;
    o.tile = tile;
    assert_null(pix_translator_create(public_device, &o));
    public_check_message(message);
}

// Inputs that are made of an image are those that a user would make of it.
static void test_made(void **state)
{
    struct picture wide = tiny_read_picture(SCRATCH "/wide.png"), input;
    (void)state;
    public_need_device();
    assert_true(edges_find(&wide, &input));
    tiny_write_picture(SCRATCH, "drawn.png", input);
    assert_true(picture_resize(&wide, RESIZE_BICUBIC, WIDTH / 2, HEIGHT / 2, &input));
    tiny_write_picture(SCRATCH, "small.png", input);
    picture_free(&wide);
    check_equal(translate_made(SCRATCH "/edges", SCRATCH "/wide.png"),
                translate(SCRATCH "/edges", SCRATCH "/drawn.png"), true);
    check_equal(translate_made(SCRATCH "/superres", SCRATCH "/wide.png"),
                translate(SCRATCH "/superres", SCRATCH "/small.png"), true);
    check_equal(translate_made(SCRATCH "/denoise", SCRATCH "/wide.png"),
                translate_made(SCRATCH "/denoise", SCRATCH "/wide.png"), true);
    check_equal(translate_made(SCRATCH "/denoise", SCRATCH "/wide.png"),
                translate(SCRATCH "/denoise", SCRATCH "/wide.png"), false);
    refuse_made(
        SCRATCH "/colorize", 0,
        "translate: --make-input has no effect with a model of --task colorize");
    refuse_made(tiny_straight(), 0, "this one was trained on pairs");
    refuse_made(SCRATCH "/edges", 64, "--make-input makes them of whole images");
}

// Of wide.png with the mask of the left 20 columns; frees it.
static void check_filled(struct picture out)
{
    struct picture in = tiny_read_picture(SCRATCH "/wide.png");
    size_t changed = 0;
    for (size_t i = 0; i < (size_t)3 * WIDTH * HEIGHT; i++) {
        const bool differs = ((uint8_t *)in.samples)[i] != ((uint8_t *)out.samples)[i];
        assert_false(differs && i % WIDTH >= 20);
        changed += differs;
    }
    assert_true(changed > 20 * HEIGHT);
    picture_free(&in);
    picture_free(&out);
}

// What is around the hole stays to the last bit, also where the network runs at another
// size; the hole is where it is asked for.
static void test_inpaint(void **state)
{
    struct picture mask;
    (void)state;
    public_need_device();
    assert_true(picture_create(&mask, PIXEL_U8, 1, WIDTH, HEIGHT));
    for (size_t i = 0; i < (size_t)WIDTH * HEIGHT; i++)
        ((uint8_t *)mask.samples)[i] = i % WIDTH < 20 ? 255 : 0;
    tiny_write_picture(SCRATCH, "mask.png", mask);
    check_filled(translate_as(SCRATCH "/inpaint", NULL, SCRATCH "/mask.png",
                              SCRATCH "/wide.png", SCRATCH "/filled.png"));

    struct pix_translate_options o;
    pix_translate_options_init(&o);
    o.model = SCRATCH "/inpaint";
    o.hole = SCRATCH "/nowhere.png";
    assert_null(pix_translator_create(public_device, &o));
    public_check_message("translate: --hole takes center, random, or an image that "
                         "shows it: " SCRATCH "/nowhere.png: ");
    o.model = SCRATCH "/edges";
    o.hole = "center";
    assert_null(pix_translator_create(public_device, &o));
    public_check_message("translate: --hole is for models of --task inpaint, and this "
                         "is one of --task edges");
}

// A mask of training is that of translations, too, wherever they are made; what it does
// not show is an error with its name.
static void test_mask(void **state)
{
    struct pix_train_options o = task_options("inpaint", SCRATCH "/masked");
    (void)state;
    public_need_device();
    o.hole = "mask";
    tiny_check_refused(&o, "--hole mask needs --hole-mask");
    o.hole_mask = SCRATCH "/nowhere.png";
    tiny_check_refused(&o, "train: --hole-mask " SCRATCH "/nowhere.png: ");
    o.hole_mask = SCRATCH "/mask.png";    // of test_inpaint: the left 20 columns
    public_messages[0] = '\0';
    tiny_train(public_device, &o, UINT64_MAX);
    check_filled(translate(SCRATCH "/masked", SCRATCH "/wide.png"));
    assert_string_equal(public_messages, "");
}

// A run that is resumed has the mask of its beginning, by its pixels: the file may have
// moved.
static void test_mask_stays(void **state)
{
    struct pix_train_options o = task_options("inpaint", SCRATCH "/mask_stays");
    struct picture mask;
    (void)state;
    public_need_device();
    o.hole = "mask";
    o.hole_mask = SCRATCH "/mask.png";
    o.steps = 1;
    tiny_train(public_device, &o, UINT64_MAX);
    o.continue_run = true;
    o.steps = 2;
    assert_true(picture_create(&mask, PIXEL_U8, 1, 4, 4));
    memset(mask.samples, UINT8_MAX, 5);
    tiny_write_picture(SCRATCH, "other_mask.png", mask);
    o.hole_mask = SCRATCH "/other_mask.png";
    tiny_check_refused(&o, "other_mask.png does not show the hole that the run in ");
    mask = tiny_read_picture(SCRATCH "/mask.png");
    tiny_write_picture(SCRATCH, "other_mask.png", mask);
    tiny_train(public_device, &o, UINT64_MAX);
}

// Masks that show no hole, and files that are none.
static void test_no_mask(void **state)
{
    static const struct {
        enum pixel_kind kind;
        uint32_t channels;
        const char *name, *message;
    } rows[] = {
        { PIXEL_U8, 1, "black.png", "has no hole: nothing in it is white" },
        { PIXEL_F32, 1, "float.npy", "has samples of f32: a mask has u8 or u16" },
        { PIXEL_U8, 2, "two.npy", "has 2 channels: a mask has one" },
    };
    (void)state;
    public_need_device();
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct pix_train_options o = task_options("inpaint", SCRATCH "/no_mask");
        struct picture mask;
        assert_true(picture_create(&mask, rows[i].kind, rows[i].channels, 3, 3));
        tiny_write_picture(SCRATCH, rows[i].name, mask);
        char *path = file_join(SCRATCH, rows[i].name);
        o.hole = "mask";
        o.hole_mask = path;
        tiny_check_refused(&o, rows[i].message);
        mem_free(path);
    }
    // That of a run may have gone.
    struct pix_translate_options o;
    pix_translate_options_init(&o);
    o.model = SCRATCH "/masked";
    assert_true(os_file_remove(SCRATCH "/mask.png"));
    assert_null(pix_translator_create(public_device, &o));
    public_check_message("the model was trained with --hole-mask ");
    public_check_message("/mask.png, which cannot be used: No such file");
}

static struct pix_evaluation evaluate_with(const struct pix_translate_options *with)
{
    struct pix_evaluate_options o;
    struct pix_evaluation e = { 0 };
    pix_evaluate_options_init(&o);
    o.data = SINGLES;
    o.split = "val";
    pix_translator *t = pix_translator_create(public_device, with);
    if (!t || !pix_evaluate(t, &o, &e))
        fail_msg("%s", pix_last_error());
    pix_translator_destroy(t);
    return e;
}

// Scores do not depend on the type in which samples are held, up to rounding.
static void test_other_kinds(void **state)
{
    static const struct {
        const char *input, *output;
    } kinds[] = { { NULL, NULL },
                  { NULL, "u16" },
                  { "u16", NULL },
                  { "u16", "f32" },
                  { "f32", "u8" } };
    struct pix_evaluation first = { 0 };
    struct pix_translate_options o;
    (void)state;
    public_need_device();
    pix_translate_options_init(&o);
    o.model = SCRATCH "/inpaint";
    o.tuning = "off";
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        o.input_kind = kinds[i].input;
        o.output_kind = kinds[i].output;
        struct pix_evaluation e = evaluate_with(&o);
        for (int s = 0; s < PIX_SUBJECT_COUNT && i > 0; s++) {
            const double a = first.totals[s][PIX_METRIC_L1].mean,
                         b = e.totals[s][PIX_METRIC_L1].mean;
            if (fabs(a - b) > 0.002)
                fail_msg("subject %d, kinds %zu: L1 %g and %g", s, i, a, b);
        }
        if (i == 0)
            first = e;
        else
            pix_evaluation_free(&e);
    }
    pix_evaluation_free(&first);
}

// What has no meaning for pairs that a task makes is no option of theirs.
static void test_unfit_options(void **state)
{
    struct pix_evaluate_options evaluate;
    struct pix_evaluation e;
    struct pix_translate_options o;
    (void)state;
    public_need_device();
    pix_evaluate_options_init(&evaluate);
    evaluate.data = SINGLES;
    pix_translate_options_init(&o);
    o.model = SCRATCH "/denoise";
    o.tuning = "off";
    o.direction = "BtoA";
    assert_null(pix_translator_create(public_device, &o));
    public_check_message(
        "--direction BtoA has no meaning for a model of --task denoise");
    o.direction = "AtoB";
    o.input_kind = "u16";
    o.input_range = "0:1000";
    pix_translator *t = pix_translator_create(public_device, &o);
    assert_non_null(t);
    assert_false(pix_evaluate(t, &evaluate, &e));
    public_check_message("of one image, which has one range: pass --range in place of");
    pix_translator_destroy(t);
}

// Another range of outputs is that of what is written: the network sees the same.
static void test_output_range(void **state)
{
    static const char data[] = SCRATCH "/deep_data", run[] = SCRATCH "/deep_run";
    struct pix_train_options o = task_options("inpaint", run);
    struct pix_translate_options with;
    (void)state;
    public_need_device();
    for (uint32_t i = 0; i < 2; i++)
        tiny_write_picture(SCRATCH "/deep_data/train", i ? "1.png" : "0.png",
                           make_image(PIXEL_U16, i, 40, 40));
    o.data = data;
    o.range = "0:50000";
    o.hole = "center";
    o.steps = 1;
    tiny_train(public_device, &o, UINT64_MAX);
    pix_translate_options_init(&with);
    with.model = run;
    with.tuning = "off";
    struct picture made[2];
    for (int i = 0; i < 2; i++) {
        with.output_range = i ? "0:25000" : NULL;
        made[i] = tiny_translate(pix_translator_create(public_device, &with),
                                 SCRATCH "/deep.png", SCRATCH "/deep_made.png");
    }
    for (size_t i = 0; i < (size_t)3 * WIDTH * HEIGHT; i++)
        assert_true(
            fabs(picture_sample(&made[0], i) - 2 * picture_sample(&made[1], i)) < 16);
    picture_free(&made[0]);
    picture_free(&made[1]);
}

// An alpha goes over to colours, which are RGB whatever the network makes.
static void test_alpha(void **state)
{
    struct pix_translate_options o;
    (void)state;
    public_need_device();
    pix_translate_options_init(&o);
    o.model = SCRATCH "/colorize";
    o.tuning = "off";
    o.read.alpha = "keep";
    struct picture in;
    assert_true(picture_create(&in, PIXEL_U8, 4, WIDTH, HEIGHT));
    for (size_t i = 0; i < (size_t)4 * WIDTH * HEIGHT; i++)
        ((uint8_t *)in.samples)[i] = (uint8_t)(i % 251);
    tiny_write_picture(SCRATCH, "alpha.png", in);
    struct picture out =
        tiny_translate(pix_translator_create(public_device, &o), SCRATCH "/alpha.png",
                       SCRATCH "/alpha_made.png");
    in = tiny_read_picture(SCRATCH "/alpha.png");
    assert_int_equal(out.channels, 4);
    assert_memory_equal((uint8_t *)out.samples + (size_t)3 * WIDTH * HEIGHT,
                        (uint8_t *)in.samples + (size_t)3 * WIDTH * HEIGHT,
                        (size_t)WIDTH * HEIGHT);
    picture_free(&in);
    picture_free(&out);
}

static void test_refused(void **state)
{
    struct pix_train_options o = task_options("colorize", SCRATCH "/refused");
    (void)state;
    public_need_device();
    o.output_nc = 4;
    tiny_check_refused(&o, "options: --task colorize has inputs of 1 and outputs of 2 "
                           "channels, not 3 and 4");
    o = task_options("colorize", SCRATCH "/refused");
    o.range = "0:4095";
    tiny_check_refused(&o, "options: --task colorize takes no --range");
    o = task_options("denoise", SCRATCH "/refused");
    o.input_range = "0:4095";
    tiny_check_refused(&o, "options: --task denoise takes no --input-range");
    // Inputs are of the kind of their image, or of one that the task makes.
    o = task_options("denoise", SCRATCH "/refused");
    o.input_kind = "u16";
    tiny_check_refused(&o, "options: --task denoise takes no --input-kind u16");
    o = task_options("edges", SCRATCH "/refused");
    o.input_kind = "f32";
    tiny_check_refused(&o, "options: --task edges takes no --input-kind f32");
    o = task_options("colorize", SCRATCH "/refused");
    o.output_kind = "u16";
    tiny_check_refused(&o, "options: --task colorize takes no --output-kind u16");
    o = task_options("edges", SCRATCH "/refused");
    o.direction = "BtoA";
    tiny_check_refused(&o, "--direction BtoA has no meaning");
    o = task_options("inpaint", SCRATCH "/refused");
    o.output_nc = 64;
    tiny_check_refused(&o, "needs one channel more than --output-nc 64");
    o = task_options("edges", SCRATCH "/refused");
    o.data = SCRATCH "/nothing";
    assert_true(file_make_folder(SCRATCH "/nothing"));
    tiny_check_refused(&o, "has no folder train: it should hold images");
    // Of alpha it is the image's channels that count.
    o = task_options("colorize", SCRATCH "/refused");
    o.read.alpha = "keep";
    tiny_check_refused(&o, "--task colorize takes no --alpha keep");
    o = task_options("inpaint", SCRATCH "/refused");
    o.read.alpha = "keep";
    o.output_nc = 1;
    o.input_nc = 2;
    tiny_check_refused(&o, "needs a channel for the alpha, and --output-nc 1 has none");
    o = task_options("denoise", SCRATCH "/refused");
    o.sigma = 0;
    tiny_check_refused(&o, "--sigma 0 leaves --task denoise nothing to do");
    o = task_options("sharpen", SCRATCH "/refused");
    tiny_check_refused(&o, "--task");
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
        cmocka_unit_test(test_runs),          cmocka_unit_test(test_evaluated),
        cmocka_unit_test(test_colorize),      cmocka_unit_test(test_superres),
        cmocka_unit_test(test_made),          cmocka_unit_test(test_inpaint),
        cmocka_unit_test(test_mask),          cmocka_unit_test(test_mask_stays),
        cmocka_unit_test(test_no_mask),       cmocka_unit_test(test_other_kinds),
        cmocka_unit_test(test_unfit_options), cmocka_unit_test(test_output_range),
        cmocka_unit_test(test_alpha),         cmocka_unit_test(test_profiles),
        cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, begin, public_close);
}
