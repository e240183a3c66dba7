// SPDX-License-Identifier: MIT
//
// Statistics of samples, against sums over all of them; pairs that become one image or
// two, and images that are copied into splits: the same samples or bytes, in a new
// folder, and nothing else is touched.

#define _XOPEN_SOURCE 700

#include "dataset/arrange.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/random.h"
#include "data/picture_file.h"
#include "data/split_ratio.h"
#include "dataset/pixel_statistics.h"
#include "support/log.h"
#include "support/tree.h"

#define SCRATCH "test_dataset_arrange.scratch"
#define DATA SCRATCH "/data"
#define OUT SCRATCH "/out"

enum { WIDTH = 13, HEIGHT = 7, IMAGES = 9 };

static int setup(void **state)
{
    (void)state;
    test_keep_messages(LOG_WARN);
    test_remove_tree(SCRATCH);
    return file_make_folder(DATA) ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    test_remove_tree(SCRATCH);
    log_use(NULL);
    return 0;
}

static struct picture make_noise(enum pixel_kind kind, uint32_t channels, uint32_t seed)
{
    struct picture p;
    struct random r;
    random_init(&r, 5, seed);
    assert_true(picture_create(&p, kind, channels, WIDTH, HEIGHT));
    for (size_t i = 0; i < (size_t)channels * WIDTH * HEIGHT; i++) {
        const uint32_t x = 30 + random_below(&r, 3000) % (60 + 40 * (uint32_t)i);
        if (kind == PIXEL_U8)
            ((uint8_t *)p.samples)[i] = (uint8_t)x;
        else if (kind == PIXEL_U16)
            ((uint16_t *)p.samples)[i] = (uint16_t)x;
        else
            ((float *)p.samples)[i] = (float)x / 64 - 20;
    }
    return p;
}

static void write_noise(const char *folder, uint32_t number, const char *extension,
                        enum pixel_kind kind, uint32_t channels)
{
    char *path = mem_printf("%s/%u%s", folder, (unsigned)number, extension);
    struct picture p = make_noise(kind, channels, number);
    assert_true(file_make_folder(folder) && picture_write(path, &p));
    picture_free(&p);
    mem_free(path);
}

static void check_near(double a, double b, double tolerance)
{
    if (!(fabs(a - b) <= tolerance))
        fail_msg("%.17g is not %.17g", a, b);
}

// ---------------------------------------------------------------------------
// Statistics

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

// Of all samples of a channel, as they are.
static void check_channel(const struct pix_side_statistics *side, uint32_t channel,
                          enum pixel_kind kind, double step)
{
    static const double shares[PIX_QUANTILE_COUNT] = PIX_QUANTILES;
    static double all[IMAGES * WIDTH * HEIGHT];
    const struct pix_channel_statistics *s = &side->channel[channel];
    size_t count = 0;
    double mean = 0, squares = 0;
    uint64_t histogram[PIX_HISTOGRAM_BINS] = { 0 }, total = 0;
    for (uint32_t i = 0; i < IMAGES; i++) {
        struct picture p = make_noise(kind, side->channels, i);
        for (size_t k = 0; k < WIDTH * HEIGHT; k++)
            all[count++] = picture_sample(&p, (size_t)channel * WIDTH * HEIGHT + k);
        picture_free(&p);
    }
    qsort(all, count, sizeof(*all), by_value);
    for (size_t i = 0; i < count; i++)
        mean += all[i] / (double)count;
    for (size_t i = 0; i < count; i++)
        squares += (all[i] - mean) * (all[i] - mean) / (double)count;
    assert_true(s->min == all[0] && s->max == all[count - 1]);
    check_near(s->mean, mean, 1e-9 * fabs(mean));
    check_near(s->deviation, sqrt(squares), 1e-9 * sqrt(squares));
    for (size_t q = 0; q < PIX_QUANTILE_COUNT; q++) {
        const double at = ceil(shares[q] * (double)count);
        check_near(s->quantiles[q], all[(size_t)MAX(at - 1, 0)], step);
    }
    for (size_t i = 0; i < count; i++) {
        const double parts =
            kind == PIXEL_F32 ? side->high - side->low : side->high - side->low + 1;
        const size_t bin = (size_t)((all[i] - side->low) / parts * PIX_HISTOGRAM_BINS);
        histogram[MIN(bin, (size_t)PIX_HISTOGRAM_BINS - 1)]++;
    }
    for (size_t i = 0; i < PIX_HISTOGRAM_BINS; i++) {
        total += s->histogram[i];
        if (kind != PIXEL_F32)    // whose bins are rounded
            assert_int_equal(s->histogram[i], histogram[i]);
    }
    assert_int_equal(total, count);
}

static void test_statistics(void **state)
{
    static const struct {
        enum pixel_kind kind;
        uint32_t channels;
        const char *extension, *name;
    } cases[] = {
        { PIXEL_U8, 1, ".png", "u8" },   { PIXEL_U8, 3, ".png", "u8" },
        { PIXEL_U16, 3, ".png", "u16" }, { PIXEL_U16, 5, ".npy", "u16" },
        { PIXEL_F32, 2, ".npy", "f32" },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct pix_dataset_statistics one, three;
        struct pix_dataset_options o = { .data = DATA, .singles = true, .threads = 1 };
        test_remove_tree(DATA);
        for (uint32_t k = 0; k < IMAGES; k++)
            write_noise(DATA, k, cases[i].extension, cases[i].kind, cases[i].channels);
        assert_true(pixel_statistics_find(&o, &one));
        o.threads = 3;
        assert_true(pixel_statistics_find(&o, &three));
        assert_int_equal(one.pairs, IMAGES);
        assert_int_equal(one.count, 1);
        const struct pix_side_statistics *side = one.sides;
        assert_string_equal(side->kind, cases[i].name);
        assert_int_equal(side->channels, cases[i].channels);
        assert_int_equal(side->images, IMAGES);
        assert_int_equal(side->samples, IMAGES * WIDTH * HEIGHT);
        assert_true(side->smallest.width == WIDTH && side->largest.height == HEIGHT);
        for (uint32_t c = 0; c < side->channels; c++)
            check_channel(side, c, cases[i].kind,
                          cases[i].kind == PIXEL_F32 ? (side->high - side->low) / 65536
                                                     : 0);
        assert_memory_equal(side->channel, three.sides->channel,
                            side->channels * sizeof(*side->channel));
        pixel_statistics_free(&one);
        pixel_statistics_free(&three);
        assert_string_equal(test_messages.text, "");
    }
}

// Images of one side that differ in form are groups of their own; what cannot be read
// is left out with a word.
static void test_groups(void **state)
{
    const struct pix_dataset_options o = { .data = DATA };
    struct pix_dataset_statistics s;
    (void)state;
    write_noise(DATA "/train/A", 0, ".png", PIXEL_U8, 3);
    write_noise(DATA "/train/A", 1, ".png", PIXEL_U16, 1);
    write_noise(DATA "/train/B", 0, ".png", PIXEL_U8, 1);
    write_noise(DATA "/train/B", 1, ".png", PIXEL_U8, 1);
    write_noise(DATA "/train/A", 2, ".png", PIXEL_U8, 3);
    assert_true(file_write(DATA "/train/B/2.png", "x", 1));
    assert_true(pixel_statistics_find(&o, &s));
    assert_int_equal(s.pairs, 2);
    assert_int_equal(s.broken, 1);
    assert_int_equal(test_messages.warnings, 1);
    test_check_message("leaving out " DATA "/train/B/2.png");
    assert_int_equal(s.count, 3);
    assert_true(!s.sides[0].is_target && strcmp(s.sides[0].kind, "u16") == 0);
    assert_true(!s.sides[1].is_target && s.sides[1].channels == 3);
    assert_true(s.sides[2].is_target && s.sides[2].images == 2);
    pixel_statistics_free(&s);
    test_remove_tree(DATA "/train");
    assert_true(file_make_folder(DATA "/train") &&
                file_write(DATA "/train/a.png", "x", 1));
    assert_false(pixel_statistics_find(&o, &s));
    test_check_message("no image of " DATA " can be read");
}

// ---------------------------------------------------------------------------
// Combining

static struct picture read_made(const char *path)
{
    struct picture p;
    struct reason reason;
    if (!picture_read(path, &p, &reason))
        fail_msg("%s: %s", path, reason.text);
    return p;
}

static void check_half(const char *path, uint32_t left, enum pixel_kind kind,
                       uint32_t channels, uint32_t number, uint32_t as)
{
    struct picture p = read_made(path), half,
                   noise = make_noise(kind, channels, number);
    struct reason reason;
    assert_true(p.width == 2 * WIDTH && p.height == HEIGHT && p.channels == as);
    assert_true(picture_crop(&p, left, 0, WIDTH, HEIGHT, &half));
    assert_true(channels == as || picture_set_channels(&noise, as, &reason));
    assert_memory_equal(half.samples, noise.samples, picture_bytes(&half));
    picture_free(&p);
    picture_free(&half);
    picture_free(&noise);
}

static void test_combine(void **state)
{
    struct pix_dataset_options o = { .data = DATA };
    uint64_t written, failed;
    (void)state;
    write_noise(DATA "/train/A", 0, ".png", PIXEL_U8, 3);
    write_noise(DATA "/train/B", 0, ".bmp", PIXEL_U8, 3);
    write_noise(DATA "/train/A", 1, ".png", PIXEL_U8, 1);    // becomes RGB
    write_noise(DATA "/train/B", 1, ".png", PIXEL_U8, 3);
    write_noise(DATA "/train/A", 2, ".png", PIXEL_U16, 1);
    write_noise(DATA "/train/B", 2, ".png", PIXEL_U16, 1);
    write_noise(DATA "/val/A", 3, ".npy", PIXEL_F32, 5);
    write_noise(DATA "/val/B", 3, ".npy", PIXEL_F32, 5);
    write_noise(DATA "/val/A", 4, ".png", PIXEL_U8, 3);    // kinds differ
    write_noise(DATA "/val/B", 4, ".png", PIXEL_U16, 3);
    write_noise(DATA "/val/A", 5, ".png", PIXEL_U8, 3);
    assert_true(file_write(DATA "/val/B/5.png", "x", 1));
    assert_true(arrange_combined(&o, OUT, &written, &failed));
    assert_true(written == 4 && failed == 2);
    check_half(OUT "/train/0.png", 0, PIXEL_U8, 3, 0, 3);
    check_half(OUT "/train/1.png", 0, PIXEL_U8, 1, 1, 3);
    check_half(OUT "/train/1.png", WIDTH, PIXEL_U8, 3, 1, 3);
    check_half(OUT "/train/2.png", WIDTH, PIXEL_U16, 1, 2, 1);
    check_half(OUT "/val/3.npy", WIDTH, PIXEL_F32, 5, 3, 5);
    test_check_message("val/A/4.png is u8 and its partner u16");
    test_check_message("val/B/5.png ");
    assert_int_equal(test_messages.warnings, 2);
    assert_false(file_exists(OUT "/val/4.png"));
    // What is there already stays, and so does the data set.
    assert_false(arrange_combined(&o, OUT, &written, &failed));
    test_check_message("is not a new or empty folder");
    assert_false(arrange_combined(&o, DATA "/new/one", &written, &failed));
    test_check_message("lies in the data set");
    assert_false(file_exists(DATA "/new"));
    assert_false(arrange_combined(&o, SCRATCH "/none/../data/new", &written, &failed));
    test_check_message("cannot find out where " SCRATCH);
    assert_false(file_exists(SCRATCH "/none"));
    // Such pairs cannot be combined again.
    o.data = OUT;
    assert_true(arrange_combined(&o, SCRATCH "/again", &written, &failed));
    assert_true(written == 0 && failed == 4);
}

// ---------------------------------------------------------------------------
// Separating

static void check_noise(const char *path, enum pixel_kind kind, uint32_t channels,
                        uint32_t number)
{
    struct picture p = read_made(path), noise = make_noise(kind, channels, number);
    assert_true(p.kind == kind && p.width == WIDTH && p.height == HEIGHT &&
                p.channels == channels);
    assert_memory_equal(p.samples, noise.samples, picture_bytes(&p));
    picture_free(&p);
    picture_free(&noise);
}

// What was combined becomes what it was, with the same names.
static void test_separate(void **state)
{
    struct pix_dataset_options o = { .data = DATA };
    uint64_t written, failed;
    (void)state;
    write_noise(DATA "/train/A", 0, ".png", PIXEL_U8, 3);
    write_noise(DATA "/train/B", 0, ".png", PIXEL_U8, 3);
    write_noise(DATA "/train/A", 1, ".png", PIXEL_U16, 1);
    write_noise(DATA "/train/B", 1, ".png", PIXEL_U16, 1);
    write_noise(DATA "/val/A", 2, ".npy", PIXEL_F32, 5);
    write_noise(DATA "/val/B", 2, ".npy", PIXEL_F32, 5);
    assert_true(arrange_combined(&o, OUT, &written, &failed));
    assert_true(file_write(OUT "/val/3.png", "x", 1));
    o.data = OUT;
    assert_true(arrange_separated(&o, SCRATCH "/sides", &written, &failed));
    assert_true(written == 3 && failed == 1);
    assert_int_equal(test_messages.warnings, 1);
    test_check_message("val/3.png ");
    for (uint32_t i = 0; i < 2; i++) {
        const char *const side = i ? "B" : "A";
        char path[80];
        snprintf(path, sizeof(path), SCRATCH "/sides/%s/train/0.png", side);
        check_noise(path, PIXEL_U8, 3, 0);
        snprintf(path, sizeof(path), SCRATCH "/sides/%s/train/1.png", side);
        check_noise(path, PIXEL_U16, 1, 1);
        snprintf(path, sizeof(path), SCRATCH "/sides/%s/val/2.npy", side);
        check_noise(path, PIXEL_F32, 5, 2);
    }
    assert_false(file_exists(SCRATCH "/sides/A/val/3.png"));
    // Such pairs cannot be separated again, and single images not at all.
    o.data = SCRATCH "/sides";
    assert_true(arrange_separated(&o, SCRATCH "/again", &written, &failed));
    assert_true(written == 0 && failed == 3);
    test_check_message("sides/A/train/0.png has its partner in another file already");
    o.singles = true;
    assert_false(arrange_separated(&o, SCRATCH "/singles", &written, &failed));
    test_check_message("single images have no sides");
    assert_false(file_exists(SCRATCH "/singles"));
}

static void write_profiled(const char *path, uint32_t seed)
{
    struct picture p = make_noise(PIXEL_U8, 3, seed);
    void *profile;
    size_t size;
    assert_true(file_read(TEST_FIXTURES "/profiles/rgb.icc", &profile, &size));
    // The bytes are taken over.
    assert_true(picture_tags_create(p.width, p.height, 3, profile, size, &p.tags));
    assert_non_null(p.tags);
    assert_true(picture_write(path, &p));
    picture_free(&p);
}

// What is made of two files, or of a half, has no profile, and a message says so.
static void test_profiles(void **state)
{
    struct pix_dataset_options o = { .data = DATA };
    uint64_t written, failed;
    (void)state;
    write_noise(DATA "/train/A", 0, ".png", PIXEL_U8, 3);
    write_noise(DATA "/train/B", 1, ".png", PIXEL_U8, 3);
    write_profiled(DATA "/train/A/1.png", 1);
    write_profiled(DATA "/train/B/0.png", 0);
    assert_true(arrange_combined(&o, OUT, &written, &failed));
    assert_true(written == 2 && failed == 0);
    assert_int_equal(test_messages.warnings, 1);
    test_check_message("2 of 2 pairs have an ICC profile");
    // One that holds both sides.
    write_profiled(OUT "/train/1.png", 2);
    o.data = OUT;
    assert_true(arrange_separated(&o, SCRATCH "/sides", &written, &failed));
    assert_true(written == 2 && failed == 0);
    assert_int_equal(test_messages.warnings, 2);
    test_check_message("1 of 2 pairs have an ICC profile");
    test_check_message("as " OUT "/train/1.png");
}

// Without splits the sides lie in A and B themselves; of an odd width, B has the column
// in the middle, as in training.
static void test_separate_whole(void **state)
{
    const struct pix_dataset_options o = { .data = DATA };
    uint64_t written, failed;
    (void)state;
    write_noise(DATA, 7, ".png", PIXEL_U8, 3);
    assert_true(arrange_separated(&o, OUT, &written, &failed));
    assert_true(written == 1 && failed == 0);
    struct picture a = read_made(OUT "/A/7.png"), b = read_made(OUT "/B/7.png");
    assert_true(a.width == WIDTH / 2 && b.width == WIDTH - WIDTH / 2);
    picture_free(&a);
    picture_free(&b);
}

// ---------------------------------------------------------------------------
// Splitting

static bool same_bytes(const char *a, const char *b)
{
    void *x, *y;
    size_t m, n;
    assert_true(file_read(a, &x, &m));
    assert_true(file_read(b, &y, &n));
    const bool same = m == n && memcmp(x, y, m) == 0;
    mem_free(x);
    mem_free(y);
    return same;
}

static void test_split(void **state)
{
    static const char *const sides[] = { "A", "B" };
    struct pix_dataset_options o = { .data = DATA, .split_ratio = "2:1:1" };
    struct split_ratio ratio;
    uint64_t copied[3], expected[3] = { 0 };
    (void)state;
    assert_true(split_ratio_parse(o.split_ratio, &ratio));
    for (uint32_t i = 0; i < 20; i++) {
        write_noise(DATA "/A", i, ".png", PIXEL_U8, 3);
        write_noise(DATA "/B", i, i % 2 ? ".tga" : ".png", PIXEL_U8, 1);
    }
    assert_true(arrange_split(&o, OUT, copied));
    for (uint32_t i = 0; i < 20; i++) {
        enum split split = SPLIT_COUNT;
        char name[16];
        snprintf(name, sizeof(name), "%u", (unsigned)i);
        assert_true(split_ratio_find(&ratio, name, &split));
        expected[split]++;
        for (int k = 0; k < 2; k++) {
            const char *extension = k && i % 2 ? ".tga" : ".png";
            char *from = mem_printf(DATA "/%s/%s%s", sides[k], name, extension);
            char *to = mem_printf(OUT "/%s/%s/%s%s", split_name(split), sides[k], name,
                                  extension);
            assert_true(same_bytes(from, to));
            mem_free(from);
            mem_free(to);
        }
    }
    assert_memory_equal(copied, expected, sizeof(copied));
    assert_false(arrange_split(&o, OUT, copied));
    // What is laid out by splits is not divided again.
    o.data = OUT;
    assert_false(arrange_split(&o, SCRATCH "/again", copied));
    assert_false(file_exists(SCRATCH "/again"));
    o = (struct pix_dataset_options){ .data = DATA };
    assert_false(arrange_split(&o, SCRATCH "/again", copied));
    test_check_message("name the shares of the splits");
}

// A list may name files anywhere: none is written outside of the new folder, and two
// that would have one name are refused.
static void test_split_list(void **state)
{
    const struct pix_dataset_options o = { .pairs = DATA "/sub/list.csv" };
    const char *text = "input,target,split\n../in/1.png,../in/2.png,train\n"
                       "more/1.png,../in/2.png,val\n";
    uint64_t copied[3];
    (void)state;
    write_noise(DATA "/in", 1, ".png", PIXEL_U8, 3);
    write_noise(DATA "/in", 2, ".png", PIXEL_U8, 3);
    write_noise(DATA "/sub/more", 1, ".png", PIXEL_U8, 3);
    assert_true(file_write(o.pairs, text, strlen(text)));
    assert_true(arrange_split(&o, OUT, copied));
    assert_true(copied[0] == 1 && copied[1] == 1 && copied[2] == 0);
    assert_true(same_bytes(DATA "/in/1.png", OUT "/train/A/in_1.png"));
    assert_true(same_bytes(DATA "/in/2.png", OUT "/train/B/in_1.png"));
    assert_true(same_bytes(DATA "/in/2.png", OUT "/val/B/more_1.png"));
    text = "more/1.png,../in/2.png\nmore_1.png,../in/2.png\n";
    write_noise(DATA "/sub", 1, ".png", PIXEL_U8, 3);
    assert_true(rename(DATA "/sub/1.png", DATA "/sub/more_1.png") == 0);
    assert_true(file_write(o.pairs, text, strlen(text)));
    assert_false(arrange_split(&o, SCRATCH "/again", copied));
    test_check_message("two images would become");
    assert_false(file_exists(SCRATCH "/again"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_statistics, setup, teardown),
        cmocka_unit_test_setup_teardown(test_groups, setup, teardown),
        cmocka_unit_test_setup_teardown(test_combine, setup, teardown),
        cmocka_unit_test_setup_teardown(test_profiles, setup, teardown),
        cmocka_unit_test_setup_teardown(test_separate, setup, teardown),
        cmocka_unit_test_setup_teardown(test_separate_whole, setup, teardown),
        cmocka_unit_test_setup_teardown(test_split, setup, teardown),
        cmocka_unit_test_setup_teardown(test_split_list, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
