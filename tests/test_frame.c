// SPDX-License-Identifier: MIT
//
// The sizes of images on their way through a translation, without a device: the sides
// that the network gets, what an image is filled up with, that it comes back unchanged
// where the network changes nothing, and what is said of all images.

#include "translate/frame.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/log.h"
#include "data/window.h"

static char messages[1024];
static enum log_level expected_level = LOG_INFO;

static void keep_message(void *user, enum log_level level, const char *text)
{
    const size_t used = strlen(messages);
    (void)user;
    assert_int_equal(level, expected_level);
    snprintf(messages + used, sizeof(messages) - used, "%s\n", text);
}

static const struct log_sink sink = { keep_message, NULL, LOG_INFO };

static const struct frame_rule keeps = { .multiple = 32,
                                         .least = 32,
                                         .output_filter = RESIZE_BICUBIC };
static const struct frame_rule resizes = {
    .scaling = { .mode = FIT_RESIZE, .load = { 64, 32 } }, .multiple = 32, .least = 32
};
static const struct frame_rule scales_width = {
    .scaling = { .mode = FIT_WIDTH, .load = { 48, 48 } }, .multiple = 32, .least = 32
};

static void test_read_output(void **state)
{
    static const char *const wrong[] = { "",          "inputs",       "0",
                                         "640x",      "x480",         "640x0",
                                         "640x48a",   "-1x5",         "640 480",
                                         "1048577x1", "99999999999x1" };
    struct frame_rule rule = keeps;
    (void)state;
    assert_true(frame_read_output(NULL, &rule));
    assert_int_equal(rule.output, FRAME_INPUT);
    assert_true(frame_read_output("model", &rule));
    assert_int_equal(rule.output, FRAME_MODEL);
    assert_true(frame_read_output("input", &rule));
    assert_int_equal(rule.output, FRAME_INPUT);
    assert_true(frame_read_output("640x480", &rule));
    assert_int_equal(rule.output, FRAME_FIXED);
    assert_int_equal(rule.fixed.width, 640);
    assert_int_equal(rule.fixed.height, 480);
    assert_true(frame_read_output("1048576", &rule));
    assert_int_equal(rule.fixed.width, 1048576);
    assert_int_equal(rule.fixed.height, 1048576);
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
        if (frame_read_output(wrong[i], &rule))
            fail_msg("\"%s\" is taken", wrong[i]);
}

static void check_sizes(const struct frame_rule *rule, uint32_t w, uint32_t h,
                        const uint32_t expected[6])
{
    const struct frame f = frame_of(rule, (struct pix_size){ w, h });
    const uint32_t found[6] = { f.inner.width, f.inner.height, f.run.width,
                                f.run.height,  f.output.width, f.output.height };
    for (int i = 0; i < 6; i++)
        if (found[i] != expected[i])
            fail_msg("%ux%u: size %d is %u, not %u", w, h, i, found[i], expected[i]);
}

static void test_sizes(void **state)
{
    struct frame_rule rule = keeps;
    (void)state;
    check_sizes(&rule, 64, 32, (uint32_t[]){ 64, 32, 64, 32, 64, 32 });
    check_sizes(&rule, 1, 33, (uint32_t[]){ 1, 33, 32, 64, 1, 33 });
    rule.output = FRAME_MODEL;
    check_sizes(&rule, 1, 33, (uint32_t[]){ 1, 33, 32, 64, 1, 33 });
    frame_read_output("5x7", &rule);
    check_sizes(&rule, 1, 33, (uint32_t[]){ 1, 33, 32, 64, 5, 7 });
    check_sizes(&resizes, 5, 1000, (uint32_t[]){ 64, 32, 64, 32, 5, 1000 });
    // A ResNet takes multiples of 4 from 8 on.
    rule = (struct frame_rule){ .multiple = 4, .least = 8 };
    check_sizes(&rule, 3, 9, (uint32_t[]){ 3, 9, 8, 12, 3, 9 });
}

// The height is in proportion, rounded down as in training, and never 0. What would be
// too high for any image is refused.
static void test_width(void **state)
{
    static const struct pix_size tall = { 1, 1048576 }, narrow = { 12, 1048576 };
    struct frame_rule rule = scales_width;
    (void)state;
    check_sizes(&rule, 96, 64, (uint32_t[]){ 48, 32, 64, 32, 96, 64 });
    check_sizes(&rule, 100, 70, (uint32_t[]){ 48, 33, 64, 64, 100, 70 });
    check_sizes(&rule, 1000, 1, (uint32_t[]){ 48, 1, 64, 32, 1000, 1 });
    rule.output = FRAME_MODEL;
    check_sizes(&rule, 12, 7, (uint32_t[]){ 48, 28, 64, 32, 48, 28 });

    const struct log_sink *before = log_use(&sink);
    struct frame f = frame_of(&rule, (struct pix_size){ 1000, 1 });
    messages[0] = '\0';
    assert_true(frame_check(&rule, &f, 12, "translate"));
    assert_true(frame_check(&keeps, &f, 12, "translate"));
    assert_string_equal(messages, "");
    expected_level = LOG_ERROR;
    f = frame_of(&rule, narrow);
    assert_false(frame_check(&rule, &f, 12, "translate"));
    assert_non_null(strstr(messages, "an image of 12x1048576 would be scaled to "
                                     "48x4194304, too large an image: pass"));
    rule.scaling.load = (struct pix_size){ 65536, 65536 };
    rule.wraps_down = true;
    f = frame_of(&rule, tall);
    assert_false(frame_check(&rule, &f, 12, "translate"));
    expected_level = LOG_INFO;
    log_use(before);
}

// What wraps is resized to a size of the network, and is never filled up.
static void test_wrap(void **state)
{
    static const char *const wrong[] = { "", "yx", "z", "xyz" };
    struct frame_rule rule = keeps;
    (void)state;
    assert_true(frame_read_wrap(NULL, &rule));
    assert_false(rule.wraps_across || rule.wraps_down);
    assert_true(frame_read_wrap("x", &rule));
    assert_true(rule.wraps_across && !rule.wraps_down);
    check_sizes(&rule, 40, 33, (uint32_t[]){ 64, 33, 64, 64, 40, 33 });
    assert_true(frame_read_wrap("y", &rule));
    assert_true(!rule.wraps_across && rule.wraps_down);
    check_sizes(&rule, 40, 33, (uint32_t[]){ 40, 64, 64, 64, 40, 33 });
    assert_true(frame_read_wrap("xy", &rule));
    check_sizes(&rule, 40, 33, (uint32_t[]){ 64, 64, 64, 64, 40, 33 });
    check_sizes(&rule, 32, 96, (uint32_t[]){ 32, 96, 32, 96, 32, 96 });
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
        assert_false(frame_read_wrap(wrong[i], &rule));
}

static struct picture make(enum pixel_kind kind, uint32_t width, uint32_t height)
{
    struct picture p;
    assert_true(picture_create(&p, kind, 1, width, height));
    for (uint32_t i = 0; i < width * height; i++) {
        const uint32_t v = (i % width * 37 + i / width * 91) % 256;
        if (kind == PIXEL_U8)
            ((uint8_t *)p.samples)[i] = (uint8_t)v;
        else
            ((float *)p.samples)[i] = (float)v / 127.5f - 1;
    }
    return p;
}

// Every odd size is filled up with its mirror image and comes back as it was.
static void test_fill(void **state)
{
    (void)state;
    for (uint32_t h = 1; h <= 65; h += 2)
        for (uint32_t w = 1; w <= 65; w += 2) {
            struct picture in = make(PIXEL_U8, w, h), p = make(PIXEL_U8, w, h);
            const struct frame f = frame_of(&keeps, (struct pix_size){ w, h });
            assert_true(frame_place(&keeps, &f, &p));
            assert_int_equal(p.width, (w + 31) / 32 * 32);
            assert_int_equal(p.height, (h + 31) / 32 * 32);
            for (uint32_t y = 0; y < p.height; y++)
                for (uint32_t x = 0; x < p.width; x++)
                    assert_int_equal(
                        ((uint8_t *)p.samples)[y * p.width + x],
                        ((uint8_t *)in.samples)[window_source(WINDOW_MIRROR, y, h) * w +
                                                window_source(WINDOW_MIRROR, x, w)]);
            assert_true(frame_cut(&keeps, &f, &p));
            assert_int_equal(p.width, w);
            assert_int_equal(p.height, h);
            assert_memory_equal(p.samples, in.samples, (size_t)w * h);
            picture_free(&in);
            picture_free(&p);
        }
}

// What is cut is cut before it is resized: the rest of the network's output, which is
// white here, is not in it.
static void test_cut_and_resize(void **state)
{
    struct frame_rule rule = keeps;
    struct picture p;
    (void)state;
    frame_read_output("90x60", &rule);
    const struct frame f = frame_of(&rule, (struct pix_size){ 33, 20 });
    assert_true(picture_create(&p, PIXEL_U8, 1, 64, 32));
    memset(p.samples, 255, 64 * 32);
    for (uint32_t y = 0; y < 20; y++)
        memset((uint8_t *)p.samples + y * 64, 7, 33);
    assert_true(frame_cut(&rule, &f, &p));
    assert_int_equal(p.width, 90);
    assert_int_equal(p.height, 60);
    for (uint32_t i = 0; i < 90 * 60; i++)
        assert_int_equal(((uint8_t *)p.samples)[i], 7);
    picture_free(&p);
}

// Bicubic weights overshoot at the edge of black and white; what the network makes is
// within [-1, 1].
static void test_range(void **state)
{
    struct frame_rule rule = keeps;
    struct picture p;
    float least = 0, most = 0;
    (void)state;
    frame_read_output("256x1", &rule);
    const struct frame f = frame_of(&rule, (struct pix_size){ 32, 32 });
    assert_true(picture_create(&p, PIXEL_F32, 1, 32, 32));
    for (uint32_t i = 0; i < 32 * 32; i++)
        ((float *)p.samples)[i] = i % 32 < 16 ? -1.0f : 1.0f;
    assert_true(frame_cut(&rule, &f, &p));
    for (uint32_t i = 0; i < 256; i++) {
        least = fminf(least, ((float *)p.samples)[i]);
        most = fmaxf(most, ((float *)p.samples)[i]);
    }
    assert_true(least == -1.0f && most == 1.0f);
    picture_free(&p);
}

// Labels keep their values, other pictures get new ones between them.
static void test_filter(void **state)
{
    struct frame_rule rule = resizes;
    (void)state;
    for (int nearest = 0; nearest < 2; nearest++) {
        bool has_others = false;
        rule.output_filter = nearest ? RESIZE_NEAREST : RESIZE_BICUBIC;
        const struct frame f = frame_of(&rule, (struct pix_size){ 100, 70 });
        struct picture p = make(PIXEL_U8, 64, 32);
        for (uint32_t i = 0; i < 64 * 32; i++)
            ((uint8_t *)p.samples)[i] = i % 64 < 20 ? 10 : 200;
        assert_true(frame_cut(&rule, &f, &p));
        for (uint32_t i = 0; i < 100 * 70; i++) {
            const uint8_t v = ((uint8_t *)p.samples)[i];
            has_others |= v != 10 && v != 200;
        }
        assert_int_equal(has_others, !nearest);
        picture_free(&p);
    }
}

static void check_message(const struct frame_rule *rule, const struct pix_size *sizes,
                          const char *what, int count, const char *expected)
{
    struct frame_tally tally = { 0 };
    messages[0] = '\0';
    for (int i = 0; i < count; i++) {
        const struct frame f = frame_of(rule, sizes[i]);
        frame_tally_add(&tally, &f);
    }
    const struct log_sink *before = log_use(&sink);
    frame_tally_report(&tally, rule, what, "translate");
    log_use(before);
    assert_string_equal(messages, expected);
}

static void test_messages(void **state)
{
    static const struct pix_size sizes[] = {
        { 4032, 3024 },
        { 4032, 3024 },
        { 64, 32 },
        { 100, 9 },
    };
    struct frame_rule rule = resizes;
    (void)state;
    check_message(&rule, sizes, "images", 1,
                  "translate: translated at 64x32, resized to 4032x3024; --preprocess "
                  "none translates at full size\n");
    check_message(&rule, sizes, "images", 3,
                  "translate: 2 images were translated at 64x32 and resized to "
                  "4032x3024; --preprocess none translates at full size\n");
    check_message(
        &rule, sizes, "images", 4,
        "translate: 3 images were translated at 64x32 and resized to their own "
        "sizes (4032x3024 and others); --preprocess none translates at full "
        "size\n");
    check_message(&rule, sizes, "frames", 2,
                  "translate: 2 frames were translated at 64x32 and resized to "
                  "4032x3024; --preprocess none translates at full size\n");
    check_message(&rule, &sizes[2], "images", 1, "");
    // Nothing was lost.
    static const struct pix_size small[] = { { 8, 32 } };
    check_message(&rule, small, "images", 1,
                  "translate: translated at 64x32, resized to 8x32\n");
    check_message(&scales_width, sizes, "images", 1,
                  "translate: translated at 48x36, resized to 4032x3024\n");
    frame_read_output("model", &rule);
    check_message(&rule, sizes, "images", 4, "");
    rule = keeps;
    check_message(&rule, sizes, "images", 4, "");
    frame_read_output("64x32", &rule);
    check_message(
        &rule, sizes, "images", 4,
        "translate: 3 images were translated at their own sizes (4032x3024 and "
        "others) and resized to 64x32\n");
}

// What training decides on is said, but for the usual.
static void test_rule(void **state)
{
    (void)state;
    const struct log_sink *before = log_use(&sink);
    messages[0] = '\0';
    frame_tell_rule(&resizes, "preprocess", "resize_and_crop", "translate");
    assert_string_equal(messages, "");
    frame_tell_rule(&keeps, "preprocess", "crop", "translate");
    assert_string_equal(messages,
                        "translate: images are translated at their own size, since the "
                        "model was trained with --preprocess crop; --preprocess resize "
                        "does otherwise\n");
    messages[0] = '\0';
    frame_tell_rule(&scales_width, "preprocess", "scale_width", "translate");
    assert_string_equal(
        messages, "translate: images are scaled to a width of 48, since the model "
                  "was trained with --preprocess scale_width; --preprocess none "
                  "or resize does otherwise\n");
    log_use(before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_read_output),    cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_width),          cmocka_unit_test(test_wrap),
        cmocka_unit_test(test_rule),           cmocka_unit_test(test_fill),
        cmocka_unit_test(test_cut_and_resize), cmocka_unit_test(test_range),
        cmocka_unit_test(test_filter),         cmocka_unit_test(test_messages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
