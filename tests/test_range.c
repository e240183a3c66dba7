// SPDX-License-Identifier: MIT
//
// Ranges of samples: their texts, what NumPy computes of them (tests/golden/range.py),
// and a run on 12 bits in 16, which finds its range, keeps it and writes 12 bits in 16.

#define _XOPEN_SOURCE 700

#include "settings/range.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "data/image.h"
#include "data/picture_file.h"
#include "data/side_range.h"
#include "settings/options.h"
#include "support/golden.h"
#include "support/size.h"
#include "support/tree.h"

#define SCRATCH "test_range.scratch"
#include "support/tiny.h"

enum { WIDTH = 24, HEIGHT = 20, COUNT = WIDTH * HEIGHT };

static void test_texts(void **state)
{
    static const struct {
        const char *text, *again;
        float low, high;
    } cases[] = {
        { "0:4095", "0:4095", 0, 4095 },
        { "-1000:3000.5", "-1000:3000.5", -1000, 3000.5f },
        { "+1e-3:.5", "0.00100000005:0.5", 1e-3f, 0.5f },
        { "16777216:16777218", "16777216:16777218", 16777216, 16777218 },
    };
    static const char *const bad[] = {
        "16777216:16777217", "5", "5:", ":5", "5:4", "1:1", "x", "", "0:1 "
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char text[RANGE_TEXT_SIZE];
        struct pixel_range r;
        assert_true(range_parse(cases[i].text, &r));
        assert_true(r.low == cases[i].low && r.high == cases[i].high);
        assert_string_equal(range_text(r, text), cases[i].again);
        assert_true(range_parse(text, &r));
        assert_true(r.low == cases[i].low && r.high == cases[i].high);
    }
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_false(range_parse(bad[i], &(struct pixel_range){ 0 }));
}

// ---------------------------------------------------------------------------
// Pictures

static void set_sample(struct picture *p, size_t i, double v)
{
    if (p->kind == PIXEL_U16)
        ((uint16_t *)p->samples)[i] = (uint16_t)v;
    else
        ((float *)p->samples)[i] = (float)v;
}

static void check_mapping(const json_t *c)
{
    const uint32_t count = (uint32_t)json_array_size(json_object_get(c, "samples"));
    const struct pixel_range range = { (float)golden_number(c, "low"),
                                       (float)golden_number(c, "high") };
    struct picture p, seen;
    uint8_t rgb[3 * 16];
    uint64_t outside = 0;
    enum pixel_kind kind;
    assert_true(pixel_kind_find(golden_text(c, "kind"), &kind));
    assert_true(picture_create(&p, kind, 1, count, 1) && count <= 16);
    for (uint32_t i = 0; i < count; i++) {
        set_sample(&p, i, golden_element(c, "samples", i));
        outside += fabs(golden_element(c, "seen", i)) > 1;
    }
    picture_set_range(&p, range);
    assert_true(picture_copy(&p, &seen));
    assert_int_equal(picture_count_outside(&p), outside);
    picture_get_rgb(&p, rgb);
    assert_true(picture_set_kind(&seen, PIXEL_F32, PIXEL_WHOLE));
    for (uint32_t i = 0; i < count; i++) {
        const double expected = golden_element(c, "seen", i);
        assert_int_equal(rgb[3 * i + 1], (int)golden_element(c, "bytes", i));
        assert_true(fabs(picture_sample(&seen, i) - expected) <=
                    1e-6 * MAX(1, fabs(expected)));
    }
    // And back, as far as the kind goes.
    assert_true(picture_set_kind(&seen, kind, range));
    for (uint32_t i = 0; i < count; i++) {
        const double v = picture_sample(&p, i);
        assert_true(fabs(picture_sample(&seen, i) - v) <=
                    (kind == PIXEL_U16 ? 0 : 1e-3 + 1e-6 * fabs(v)));
    }
    picture_free(&p);
    picture_free(&seen);
}

static void test_pictures(void **state)
{
    json_t *golden = golden_read("range.json"), *c;
    size_t i;
    (void)state;
    json_array_foreach(json_object_get(golden, "mappings"), i, c) check_mapping(c);
    assert_int_equal(i, 3);
    json_decref(golden);
}

// What files of other kinds become: 0 and 255 the ends, and numbers stay numbers.
static void test_kinds(void **state)
{
    const struct pixel_range range = { 100, 1120 };
    struct picture p;
    (void)state;
    assert_true(picture_create(&p, PIXEL_U8, 1, 256, 1));
    for (int i = 0; i < 256; i++)
        ((uint8_t *)p.samples)[i] = (uint8_t)i;
    picture_set_range(&p, range);
    assert_false(pixel_range_is_set(p.range));
    assert_true(picture_set_kind(&p, PIXEL_U16, range));
    for (size_t i = 0; i < 256; i++)
        assert_true(picture_sample(&p, i) == 100 + (double)i * 4);
    ((uint16_t *)p.samples)[7] = 60000;
    assert_true(picture_set_kind(&p, PIXEL_F32, range));
    assert_true(picture_sample(&p, 3) == 112 && picture_sample(&p, 7) == 60000);
    ((float *)p.samples)[8] = -4;
    ((float *)p.samples)[9] = 100.6f;
    assert_true(picture_set_kind(&p, PIXEL_U16, range));
    assert_true(picture_sample(&p, 7) == 60000 && picture_sample(&p, 8) == 0 &&
                picture_sample(&p, 9) == 101);
    // Another range: the ends become its ends.
    assert_true(picture_set_kind(&p, PIXEL_U16, (struct pixel_range){ 0, 255 }));
    assert_true(picture_sample(&p, 3) == 3 && picture_sample(&p, 255) == 255);
    picture_free(&p);
}

// ---------------------------------------------------------------------------
// Finding one

static double made_sample(uint32_t number, uint32_t i)
{
    return (double)(golden_splitmix(number, i) % 4096 *
                    (golden_splitmix(number, i + 1000) % 64) / 64);
}

static void write_made(const char *folder, uint32_t number, enum pixel_kind kind)
{
    char *path = mem_printf("%s/%u.npy", folder, (unsigned)number);
    struct picture p;
    assert_true(file_make_folder(folder) && picture_create(&p, kind, 1, WIDTH, HEIGHT));
    for (uint32_t i = 0; i < COUNT; i++)
        set_sample(&p, i,
                   kind == PIXEL_U16 ? made_sample(number, i)
                                     : made_sample(number, i) / 8 - 100);
    assert_true(picture_write(path, &p));
    picture_free(&p);
    mem_free(path);
}

static struct pair_list list_found(void)
{
    struct pair_list list = { .folder = mem_strdup(SCRATCH "/found"),
                              .files = mem_array(4, sizeof(list.files[0])),
                              .count = 4 };
    for (unsigned i = 0; i < 4; i++)
        list.files[i] = (struct pair_file){ mem_printf("%u", i),
                                            mem_printf(SCRATCH "/found/A/%u.npy", i),
                                            mem_printf(SCRATCH "/found/B/%u.npy", i) };
    return list;
}

static void find(const struct pair_options *o, struct side_range sides[2])
{
    struct pair_list list = list_found();
    const char *culprit;
    struct reason reason;
    assert_true(side_range_find(&list, list.count, o, sides, &culprit, &reason));
    pair_list_free(&list);
}

// The fourth pair is broken. All samples of the others are looked at, so that the
// percentiles are NumPy's.
static void test_find(void **state)
{
    struct pair_options o = {
        .input_nc = 1, .output_nc = 1, .input_kind = PIXEL_U16, .output_kind = PIXEL_F32
    };
    json_t *golden = golden_read("range.json");
    (void)state;
    for (uint32_t i = 0; i < 3; i++) {
        write_made(SCRATCH "/found/A", i, PIXEL_U16);
        write_made(SCRATCH "/found/B", i, PIXEL_F32);
    }
    write_made(SCRATCH "/found/A", 3, PIXEL_U16);
    tiny_write_text(SCRATCH "/found/B/3.npy", "none");
    for (int swap = 0; swap < 2; swap++) {
        struct side_range sides[2] = { { .wanted = true }, { .wanted = true } };
        o.swap = swap;
        o.input_kind = swap ? PIXEL_F32 : PIXEL_U16;
        o.output_kind = swap ? PIXEL_U16 : PIXEL_F32;
        find(&o, sides);
        const struct side_range *u16 = &sides[swap], *f32 = &sides[!swap];
        assert_int_equal(u16->images, 3);
        assert_int_equal(u16->samples, 3 * COUNT);
        assert_true((double)u16->range.low == golden_element(golden, "u16", 0) &&
                    (double)u16->range.high == golden_element(golden, "u16", 1));
        assert_true(
            fabs((double)f32->range.low - golden_element(golden, "f32", 0)) < 1e-3 &&
            fabs((double)f32->range.high - golden_element(golden, "f32", 1)) < 1e-3);
    }
    struct side_range one[2] = { { .wanted = false }, { .wanted = true } };
    find(&o, one);
    assert_int_equal(one[0].images, 0);
    json_decref(golden);
}

// A few spots on nothing have a range, nothing has none.
static void test_find_flat(void **state)
{
    const struct pair_options o = {
        .input_nc = 1, .output_nc = 1, .input_kind = PIXEL_U16, .output_kind = PIXEL_U16
    };
    struct side_range sides[2] = { { .wanted = true }, { .wanted = true } };
    (void)state;
    for (int k = 0; k < 2; k++)
        for (unsigned i = 0; i < 4; i++) {
            struct picture p;
            char *path = mem_printf(SCRATCH "/found/%c/%u.npy", k ? 'B' : 'A', i);
            assert_true(picture_create(&p, PIXEL_U16, 1, 64, 64));
            for (size_t j = 0; j < 64 * 64; j++)
                set_sample(&p, j, 7);
            set_sample(&p, 1000 + i, k ? 7 : 300 + i);
            assert_true(picture_write(path, &p));
            picture_free(&p);
            mem_free(path);
        }
    find(&o, sides);
    assert_true(sides[0].range.low == 7 && sides[0].range.high == 303);
    assert_false(sides[0].is_flat);
    assert_true(sides[1].is_flat && sides[1].range.low == 7);
}

// ---------------------------------------------------------------------------
// Runs

#define NARROW SCRATCH "/narrow"    // 12 bits in 16
#define LEAST 200u
#define MOST 3900u

// Soft pictures whose samples are LEAST to MOST; the target is the input, mirrored.
static void write_narrow(const char *split, uint32_t number, uint32_t most)
{
    for (int k = 0; k < 2; k++) {
        char *folder = mem_printf(NARROW "/%s/%c", split, k ? 'B' : 'A');
        char *path = mem_printf("%s/%u.png", folder, (unsigned)number);
        struct picture p;
        assert_true(file_make_folder(folder) &&
                    picture_create(&p, PIXEL_U16, 1, CROP, CROP));
        for (uint32_t i = 0; i < CROP * CROP; i++) {
            const uint32_t x = k ? CROP - 1 - i % CROP : i % CROP, y = i / CROP;
            const uint32_t wave = (x * (5 + number) + y * 3) % 62;
            set_sample(&p, i,
                       LEAST + (wave < 31 ? wave : 61 - wave) * (most - LEAST) / 30);
        }
        assert_true(picture_write(path, &p));
        picture_free(&p);
        mem_free(path);
        mem_free(folder);
    }
}

static struct pix_train_options narrow_options(const char *out)
{
    struct pix_train_options o = tiny_options(NARROW, out);
    o.input_nc = o.output_nc = 1;
    o.range = "auto";
    o.load_size = SQUARE(CROP);
    o.steps = 6;
    o.save_freq = 3;
    o.val_freq = 1;
    return o;
}

static char *stored_range(const char *run, const char *option)
{
    struct pix_train_options o;
    assert_true(pix_train_options_read(run, &o));
    char text[64], *copy = mem_strdup(pix_train_options_get(&o, option, text, 64));
    pix_train_options_finish(&o);
    return copy;
}

static void check_stored(const char *run, const char *input, const char *output)
{
    char *in = stored_range(run, "input-range"),
         *out = stored_range(run, "output-range");
    assert_string_equal(in, input);
    assert_string_equal(out, output);
    mem_free(in);
    mem_free(out);
}

// `range` is that of both sides, without one of their own.
static pix_translator *open_ranged(const char *run, const char *range,
                                   const char *input_range, const char *output_range)
{
    struct pix_translate_options o;
    pix_translate_options_init(&o);
    o.model = run;
    o.tuning = "off";
    o.range = range;
    o.input_range = input_range;
    o.output_range = output_range;
    return pix_translator_create(public_device, &o);
}

static pix_translator *open_model(const char *run, const char *input_range,
                                  const char *output_range)
{
    return open_ranged(run, NULL, input_range, output_range);
}

// Caller frees.
static struct picture translate_file(const char *run, const char *input_range,
                                     const char *output_range, const char *path)
{
    struct picture p = tiny_translate(open_model(run, input_range, output_range), path,
                                      SCRATCH "/translated.png");
    assert_int_equal(p.kind, PIXEL_U16);
    return p;
}

static struct picture translate(const char *run, const char *input_range,
                                const char *output_range)
{
    return translate_file(run, input_range, output_range, NARROW "/val/A/0.png");
}

static void find_extent(const struct picture *p, double *low, double *high)
{
    *low = *high = picture_sample(p, 0);
    for (size_t i = 0; i < CROP * CROP; i++) {
        *low = MIN(*low, picture_sample(p, i));
        *high = MAX(*high, picture_sample(p, i));
    }
}

// Samples grids show the range from black to white: the target of each pair has both.
static void check_grid(const char *path)
{
    struct picture p;
    struct reason reason;
    uint32_t low = 255, high = 0;
    assert_true(picture_read(path, &p, &reason));
    assert_int_equal(p.kind, PIXEL_U8);
    for (uint32_t y = 0; y < p.height; y++)
        for (uint32_t x = p.width / 3 * 2; x < p.width; x++) {
            const uint32_t v = (uint32_t)picture_sample(&p, (size_t)y * p.width + x);
            low = MIN(low, v);
            high = MAX(high, v);
        }
    assert_true(low <= 1 && high >= 254);
    picture_free(&p);
}

static void check_options(pix_translator *t, const char *input, const char *output)
{
    assert_non_null(t);
    const struct pix_train_options *o = pix_translator_get_options(t);
    assert_string_equal(o->input_range, input);
    assert_string_equal(o->output_range, output);
    pix_translator_destroy(t);
}

// One range for both sides, of which a side's own takes the place.
static void check_both(const char *run)
{
    check_options(open_ranged(run, "0:9", NULL, NULL), "0:9", "0:9");
    check_options(open_ranged(run, "0:9", "1:8", NULL), "1:8", "0:9");
    check_options(open_ranged(run, "0:9", NULL, "full"), "0:9", "full");
    assert_null(open_ranged(run, "9", NULL, NULL));
    public_check_message("translate: --range takes two numbers, LO:HI with LO below "
                         "HI, or full, not \"9\"");
    assert_null(open_ranged(run, "0:65536", NULL, NULL));
    public_check_message("translate: --range 0:65536 does not fit u16 samples");
}

static void test_run(void **state)
{
    char straight[32];
    double low, high, wide_low, wide_high;
    (void)state;
    public_need_device();
    for (uint32_t i = 0; i < 3; i++)
        write_narrow(i < 2 ? "train" : "val", i < 2 ? i : 0, MOST);
    struct pix_train_options o = narrow_options(SCRATCH "/straight");
    snprintf(straight, sizeof(straight), "%s", o.out);
    tiny_train(public_device, &o, UINT64_MAX);
    check_stored(o.out, "200:3900", "200:3900");
    check_grid(SCRATCH "/straight/samples/step-00000006.png");
    // With a range nothing is dark.
    assert_string_equal(public_messages, "");

    // The same bits from the middle on, though another image has come meanwhile that
    // would change what "auto" finds.
    o.out = SCRATCH "/continued";
    tiny_train(public_device, &o, 3);
    o.continue_run = true;
    tiny_train(public_device, &o, UINT64_MAX);
    tiny_check_same_checkpoint(straight, o.out, 6);
    write_narrow("train", 2, 60000);
    o.data_changed = true;
    o.steps = 7;
    tiny_train(public_device, &o, UINT64_MAX);
    check_stored(o.out, "200:3900", "200:3900");
    public_check_message("3 inputs of " NARROW "/train/A and " NARROW
                         "/train/B are outside 200:3900 and count as its ends: a wider "
                         "--input-range keeps them apart");
    assert_true(test_remove_tree(NARROW "/train/A/2.png") &&
                test_remove_tree(NARROW "/train/B/2.png"));

    // Outputs have the numbers of the targets.
    struct picture p = translate(straight, NULL, NULL);
    find_extent(&p, &low, &high);
    assert_true(low >= LEAST && high <= MOST && high > low);
    // Or others, in proportion.
    struct picture wide = translate(straight, NULL, "0:65535");
    find_extent(&wide, &wide_low, &wide_high);
    assert_true(fabs((low - LEAST) / (MOST - LEAST) - wide_low / 65535) < 3e-4 &&
                fabs((high - LEAST) / (MOST - LEAST) - wide_high / 65535) < 3e-4);
    // So they have where they are resized, though bicubic weights overshoot.
    struct picture input, large;
    struct reason reason;
    assert_true(picture_read(NARROW "/val/A/0.png", &input, &reason) &&
                picture_resize(&input, RESIZE_NEAREST, 3 * CROP, 5 * CROP, &large) &&
                picture_write(SCRATCH "/large.png", &large));
    picture_free(&large);
    picture_free(&input);
    large = translate_file(straight, "200:3900", "1000:1010", SCRATCH "/large.png");
    assert_true(large.width == 3 * CROP && large.height == 5 * CROP);
    for (size_t i = 0; i < picture_bytes(&large) / 2; i++)
        assert_true(picture_sample(&large, i) >= 1000 &&
                    picture_sample(&large, i) <= 1010);
    picture_free(&large);
    // As another network would see the input.
    struct picture other = translate(straight, "0:65535", NULL);
    assert_true(memcmp(other.samples, p.samples, picture_bytes(&p)) != 0);
    picture_free(&other);
    picture_free(&wide);
    picture_free(&p);
    assert_null(open_model(straight, NULL, "5:5"));
    public_check_message("--output-range takes two numbers, LO:HI with LO below HI, or "
                         "full, not \"5:5\"");
    assert_null(open_model(straight, "-1:5", NULL));
    public_check_message("--input-range -1:5 does not fit u16 samples, which are 0 to "
                         "65535");
    check_both(straight);
}

// Scores are those of the range, as evaluate and compare find them.
static void test_scores(void **state)
{
    struct pix_evaluate_options o;
    struct pix_evaluation e, by_file;
    struct reason reason;
    struct picture target;
    (void)state;
    public_need_device();
    struct picture p = translate(SCRATCH "/straight", NULL, NULL);
    assert_true(picture_read(NARROW "/val/B/0.png", &target, &reason));
    double sum = 0, squares = 0;
    for (size_t i = 0; i < CROP * CROP; i++) {
        const double d =
            (picture_sample(&p, i) - picture_sample(&target, i)) * 2 / (MOST - LEAST);
        sum += fabs(d);
        squares += d * d;
    }
    picture_free(&p);
    picture_free(&target);
    pix_evaluate_options_init(&o);
    o.data = NARROW;
    o.split = "val";
    o.grid = SCRATCH "/grid.png";
    o.wants_gallery = true;
    pix_translator *t = open_model(SCRATCH "/straight", NULL, NULL);
    assert_non_null(t);
    assert_true(pix_evaluate(t, &o, &e));
    pix_translator_destroy(t);
    const double l1 = e.totals[PIX_SUBJECT_OUTPUT][PIX_METRIC_L1].mean;
    assert_true(fabs(l1 - sum / (CROP * CROP)) < 1e-9);
    assert_true(fabs(e.totals[PIX_SUBJECT_OUTPUT][PIX_METRIC_PSNR].mean -
                     10 * log10(4 / (squares / (CROP * CROP)))) < 1e-9);
    check_grid(SCRATCH "/grid.png");
    pix_evaluation_free(&e);

    struct pix_compare_options c;
    pix_compare_options_init(&c);
    c.a = SCRATCH "/translated.png";
    c.b = NARROW "/val/B/0.png";
    c.range = "200:3900";
    assert_true(pix_compare(&c, &by_file));
    assert_true(fabs(by_file.totals[PIX_SUBJECT_OUTPUT][PIX_METRIC_L1].mean - l1) <
                1e-9);
    pix_evaluation_free(&by_file);
    c.range = "200-3900";
    assert_false(pix_compare(&c, &by_file));
}

static void check_unused(const char *option, bool is_said)
{
    char *text = mem_printf("--%s 0:4095 has no effect", option);
    const char *said = strstr(public_messages, text);
    if (!said == is_said || (said && strstr(said + 1, text)))
        fail_msg("\"%s\" is %s in: %s", text, is_said ? "not once" : "",
                 public_messages);
    mem_free(text);
}

// A range of u8 is said to have no effect, where all images are; others have one.
static void test_unused(void **state)
{
    struct pix_evaluate_options o = { .data = DATA, .split = "train" };
    struct pix_image image, out;
    struct pix_evaluation e;
    (void)state;
    public_need_device();
    assert_true(pix_image_read(DATA "/train/1.png", &image) &&
                pix_image_write(SCRATCH "/bytes.png", &image));
    struct pix_translate_item items[2] = {
        { .input = SCRATCH "/bytes.png", .output = SCRATCH "/0.png" },
        { .input = NARROW "/val/A/0.png", .output = SCRATCH "/1.png" },
    };
    for (int tiles = 0; tiles < 2; tiles++) {
        struct pix_translate_options t = { .model = SCRATCH "/straight",
                                           .tuning = "off",
                                           .tile = tiles ? 64 : 0,
                                           .input_range = "0:4095",
                                           .output_range = "0:4095" };
        // The last way: all of many, one of which can have a range.
        for (int way = 0; way < 3; way++) {
            public_messages[0] = '\0';
            pix_translator *translator = pix_translator_create(public_device, &t);
            assert_non_null(translator);
            for (int again = 0; way == 0 && again < 2; again++) {
                assert_true(pix_translator_run(translator, &image, &out));
                pix_image_free(&out);
            }
            if (way > 0)
                assert_true(
                    pix_translator_run_many(translator, items, way, NULL, NULL));
            check_unused("input-range", way < 2);
            check_unused("output-range", false);
            pix_translator_destroy(translator);
        }
    }
    // Of bare weights outputs are as their inputs.
    assert_true(pix_convert(&(struct pix_convert_options){
        .input = SCRATCH "/straight", .output = SCRATCH "/bare.pth" }));
    pix_translator *bare = open_model(SCRATCH "/bare.pth", NULL, "0:4095");
    public_messages[0] = '\0';
    assert_true(pix_translator_run_many(bare, items, 1, NULL, NULL));
    check_unused("output-range", true);
    pix_translator_destroy(bare);

    for (int narrow = 0; narrow < 2; narrow++) {
        o.data = narrow ? NARROW : DATA;
        pix_translator *t = open_model(SCRATCH "/straight", "0:4095", "0:4095");
        public_messages[0] = '\0';
        assert_true(pix_evaluate(t, &o, &e));
        check_unused("input-range", !narrow);
        check_unused("output-range", !narrow);
        pix_evaluation_free(&e);
        pix_translator_destroy(t);
    }
    pix_image_free(&image);
}

static void test_refused(void **state)
{
    struct pix_train_options o = narrow_options(SCRATCH "/refused");
    (void)state;
    public_need_device();
    o.input_range = "0:65536";
    tiny_check_refused(&o, "--input-range 0:65536 does not fit u16 samples");
    o.input_range = "4095:0";
    tiny_check_refused(&o,
                       "--input-range takes two numbers, LO:HI with LO below HI, or "
                       "one of full|auto, not \"4095:0\"");
    o = tiny_options(DATA, SCRATCH "/bytes");
    o.output_range = "0:100";
    o.steps = 1;
    tiny_train(public_device, &o, UINT64_MAX);
    public_check_message("train: --output-range 0:100 has no effect: it is for u16 and "
                         "f32, and the targets are u8, 0 to 255");
    // Of both sides it may be meant for the other one.
    check_options(open_ranged(SCRATCH "/bytes", "0:50", NULL, NULL), "0:50", "0:100");
    assert_null(open_model(SCRATCH "/bytes", NULL, "0:100"));
    public_check_message("translate: --output-range is for outputs of u16 and f32");
    // Another range is another run.
    o = narrow_options(SCRATCH "/straight");
    o.continue_run = true;
    o.input_range = "0:4095";
    tiny_check_refused(&o, "--input-range 0:4095 differs from the run's 200:3900");
    // Nor may a run begin without what it looks for.
    for (uint32_t i = 0; i < 2; i++)
        write_narrow("train", i, LEAST);
    o = narrow_options(SCRATCH "/flat");
    tiny_check_refused(&o, "--input-range auto finds no range: all samples of 2 inputs "
                           "are 200");
}

static int begin(void **state)
{
    (void)state;
    tiny_open(SCRATCH);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_texts),     cmocka_unit_test(test_pictures),
        cmocka_unit_test(test_kinds),     cmocka_unit_test(test_find),
        cmocka_unit_test(test_find_flat), cmocka_unit_test(test_run),
        cmocka_unit_test(test_scores),    cmocka_unit_test(test_unused),
        cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, begin, public_close);
}
