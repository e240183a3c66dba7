// SPDX-License-Identifier: MIT
//
// Pairs that are made of single images, and what outputs become.

#include "data/task.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "data/colour.h"
#include "data/edges.h"
#include "support/golden.h"

enum { WIDTH = 40, HEIGHT = 24 };

static double ends_high(enum pixel_kind kind)
{
    return pixel_ends(kind, PIXEL_WHOLE).high;
}

static void set(struct picture *p, size_t i, double share)
{
    const struct pixel_ends ends = pixel_ends(p->kind, p->range);
    const double v = ends.low + share * (ends.high - ends.low);
    if (p->kind == PIXEL_U8)
        ((uint8_t *)p->samples)[i] = (uint8_t)(v + 0.5);
    else if (p->kind == PIXEL_U16)
        ((uint16_t *)p->samples)[i] = (uint16_t)(v + 0.5);
    else
        ((float *)p->samples)[i] = (float)v;
}

// Smooth, and no two channels alike.
static struct picture make_image(enum pixel_kind kind, uint32_t channels)
{
    struct picture p;
    assert_true(picture_create(&p, kind, channels, WIDTH, HEIGHT));
    for (size_t i = 0; i < (size_t)channels * WIDTH * HEIGHT; i++) {
        const size_t x = i % WIDTH, y = i / WIDTH % HEIGHT, c = i / WIDTH / HEIGHT;
        set(&p, i, (double)(x * (c + 1) % WIDTH + y) / (WIDTH + HEIGHT));
    }
    return p;
}

struct sides {
    struct picture image, input, target;
};

static struct sides make_sides(const struct task *t, struct picture image)
{
    struct sides s;
    assert_true(picture_copy(&image, &s.image));
    assert_true(task_make_sides(t, &image, &s.input, &s.target));
    assert_null(image.samples);
    task_renew(t, 7, &s.target, &s.input);
    return s;
}

static void sides_free(struct sides *s)
{
    picture_free(&s->image);
    picture_free(&s->input);
    picture_free(&s->target);
}

static bool is_same(const struct picture *a, const struct picture *b)
{
    return a->kind == b->kind && a->channels == b->channels && a->width == b->width &&
           a->height == b->height &&
           memcmp(a->samples, b->samples, picture_bytes(a)) == 0;
}

// What the networks get has the channels and the kinds that are said.
static void check_form(const struct task *t, const struct sides *s)
{
    const struct task_channels c = task_channels(t, s->image.channels);
    const struct task_kinds k = task_kinds(t, s->image.kind);
    assert_int_equal(s->image.channels, c.image);
    assert_int_equal(s->input.channels, c.input);
    assert_int_equal(s->target.channels, c.target);
    assert_int_equal(s->input.kind, k.input);
    assert_int_equal(s->target.kind, k.target);
}

static void test_colorize(void **state)
{
    const struct task t = { .kind = TASK_COLORIZE };
    struct sides s = make_sides(&t, make_image(PIXEL_U8, 3));
    struct task_rest rest;
    struct reason reason;
    struct picture network, half;
    (void)state;
    check_form(&t, &s);
    // A network that makes the right colours gives the image back.
    assert_true(picture_copy(&s.image, &network));
    assert_true(task_take(&t, 0, &network, &rest, &reason));
    assert_true(is_same(&network, &s.input));
    picture_free(&network);
    assert_true(picture_copy(&s.target, &network));
    assert_true(task_finish(&t, &rest, &network));
    assert_true(is_same(&network, &s.image));
    picture_free(&network);
    assert_true(picture_copy(&s.target, &network));
    assert_true(task_complete(&t, &s.input, &network));
    assert_true(is_same(&network, &s.image));
    picture_free(&network);
    // At another size the lightness is resized.
    assert_true(
        picture_resize(&s.target, RESIZE_BICUBIC, WIDTH / 2, HEIGHT / 2, &half));
    assert_true(task_finish(&t, &rest, &half));
    assert_int_equal(half.channels, 3);
    assert_int_equal(half.width, WIDTH / 2);
    picture_free(&half);
    task_rest_free(&rest);
    sides_free(&s);
}

// Floats have no colours of their own.
static void test_kinds(void **state)
{
    const struct task colorize = { .kind = TASK_COLORIZE },
                      denoise = { .kind = TASK_DENOISE };
    struct reason reason;
    (void)state;
    assert_true(task_takes(&colorize, PIXEL_U16, &reason));
    assert_false(task_takes(&colorize, PIXEL_F32, &reason));
    assert_non_null(strstr(reason.text, "f32"));
    assert_true(task_takes(&denoise, PIXEL_F32, &reason));
}

static void test_superres(void **state)
{
    const struct task t = { .kind = TASK_SUPERRES, .factor = 3 };
    struct sides s = make_sides(&t, make_image(PIXEL_U16, 2));
    struct picture small, again;
    struct task_rest rest;
    struct reason reason;
    (void)state;
    check_form(&t, &s);
    assert_true(is_same(&s.image, &s.target));
    assert_false(is_same(&s.image, &s.input));
    // 40 x 24 become 14 x 8 and are resized; a translation gets 14 x 8 times 3.
    assert_true(picture_resize(&s.image, RESIZE_BICUBIC, 14, 8, &small));
    assert_true(picture_resize(&small, RESIZE_BICUBIC, WIDTH, HEIGHT, &again));
    assert_true(is_same(&again, &s.input));
    assert_true(task_take(&t, 0, &small, &rest, &reason));
    assert_int_equal(small.width, 42);
    assert_int_equal(small.height, 24);
    picture_free(&small);
    picture_free(&again);
    task_rest_free(&rest);
    sides_free(&s);
}

// The deviation is that of the option, in shares of the range, and another seed gives
// other noise, the same one the same.
static void test_denoise(void **state)
{
    const struct task t = { .kind = TASK_DENOISE, .sigma = 12.5 };
    (void)state;
    for (int kind = PIXEL_U8; kind <= PIXEL_F32; kind++) {
        struct picture image;
        assert_true(picture_create(&image, (enum pixel_kind)kind, 3, 100, 100));
        for (size_t i = 0; i < 30000; i++)
            set(&image, i, 0.5);
        struct sides s = make_sides(&t, image);
        const double scale = (ends_high((enum pixel_kind)kind) -
                              pixel_ends((enum pixel_kind)kind, PIXEL_WHOLE).low) /
                             255;
        double sum = 0, squares = 0;
        check_form(&t, &s);
        assert_true(is_same(&s.image, &s.target));
        for (size_t i = 0; i < 30000; i++) {
            const double d =
                (picture_sample(&s.input, i) - picture_sample(&s.target, i)) / scale;
            sum += d;
            squares += d * d;
        }
        // Five standard errors of the mean and of the deviation.
        assert_true(fabs(sum / 30000) < 5 * 12.5 / sqrt(30000));
        assert_true(fabs(sqrt(squares / 30000) - 12.5) < 5 * 12.5 / sqrt(60000));
        struct picture first;
        assert_true(picture_copy(&s.input, &first));
        task_renew(&t, 8, &s.target, &s.input);
        assert_false(is_same(&first, &s.input));
        task_renew(&t, 7, &s.target, &s.input);
        assert_true(is_same(&first, &s.input));
        picture_free(&first);
        sides_free(&s);
    }
}

// Noise does not wrap around at the ends of integers.
static void test_clamped(void **state)
{
    const struct task t = { .kind = TASK_DENOISE, .sigma = 50 };
    struct picture image;
    (void)state;
    assert_true(picture_create(&image, PIXEL_U8, 1, 64, 64));
    struct sides s = make_sides(&t, image);
    size_t dark = 0;
    for (size_t i = 0; i < (size_t)64 * 64; i++)
        dark += ((uint8_t *)s.input.samples)[i] < 200;
    assert_int_equal(dark, 64 * 64);
    sides_free(&s);
}

// Counts the pixels of the hole, and checks that all else is the image.
static size_t check_hole(const struct sides *s)
{
    const size_t count = (size_t)WIDTH * HEIGHT;
    const struct pixel_ends ends = pixel_ends(s->input.kind, s->input.range);
    size_t in_hole = 0;
    for (size_t i = 0; i < count; i++) {
        const double mark = picture_sample(&s->input, s->image.channels * count + i);
        assert_true(mark == ends.low || mark == ends.high);
        in_hole += mark == ends.high;
        for (size_t c = 0; c < s->image.channels; c++) {
            const double v = picture_sample(&s->input, c * count + i);
            if (mark == ends.high)
                assert_true(fabs(v - (ends.low + ends.high) / 2) <= 0.5);
            else
                assert_true(v == picture_sample(&s->image, c * count + i));
        }
    }
    return in_hole;
}

static void test_inpaint(void **state)
{
    (void)state;
    for (int kind = PIXEL_U8; kind <= PIXEL_F32; kind++) {
        struct task t = { .kind = TASK_INPAINT, .hole = HOLE_CENTER };
        struct sides s = make_sides(&t, make_image((enum pixel_kind)kind, 3));
        check_form(&t, &s);
        assert_int_equal(check_hole(&s), WIDTH / 2 * HEIGHT / 2);
        struct picture made;
        assert_true(picture_create(&made, (enum pixel_kind)kind, 3, WIDTH, HEIGHT));
        assert_true(task_complete(&t, &s.input, &made));
        size_t changed = 0;
        for (size_t i = 0; i < (size_t)3 * WIDTH * HEIGHT; i++)
            changed += picture_sample(&made, i) != picture_sample(&s.image, i);
        assert_true(changed > 0 && changed <= 3 * WIDTH / 2 * HEIGHT / 2);
        picture_free(&made);
        t.hole = HOLE_RANDOM;
        size_t least = WIDTH * HEIGHT, most = 0;
        for (uint64_t seed = 0; seed < 50; seed++) {
            task_renew(&t, seed, &s.target, &s.input);
            const size_t in_hole = check_hole(&s);
            least = MIN(least, in_hole);
            most = MAX(most, in_hole);
        }
        assert_true(least >= WIDTH / 4 * HEIGHT / 4 && most <= WIDTH / 2 * HEIGHT / 2);
        assert_true(least < most);
        sides_free(&s);
    }
}

// Holes lie in the part that the networks see: what is around it is the image's.
static void test_part(void **state)
{
    const struct task_part part = { 7, 3, { 20, 16 } };
    struct task t = { .kind = TASK_INPAINT, .hole = HOLE_CENTER };
    struct sides s = make_sides(&t, make_image(PIXEL_U8, 3));
    struct picture mask;
    (void)state;
    assert_true(picture_create(&mask, PIXEL_U8, 1, 5, 4));
    memset(mask.samples, UINT8_MAX, picture_bytes(&mask));
    t.mask = &mask;
    for (int hole = 0; hole < HOLE_COUNT; hole++) {
        t.hole = (enum hole_kind)hole;
        for (uint64_t seed = 0; seed < 50; seed++) {
            task_renew_part(&t, seed, &part, &s.target, &s.input);
            const size_t in_hole = check_hole(&s);
            size_t seen = 0;
            for (uint32_t y = 0; y < part.size.height; y++)
                for (uint32_t x = 0; x < part.size.width; x++)
                    seen += picture_sample(&s.input,
                                           ((size_t)3 * HEIGHT + part.y + y) * WIDTH +
                                               part.x + x) > 0;
            assert_int_equal(seen, in_hole);
            assert_true(hole == HOLE_CENTER ? in_hole == 10 * 8
                        : hole == HOLE_MASK ? in_hole == 20 * 16
                                            : in_hole >= 5 * 4 && in_hole <= 10 * 8);
        }
    }
    // The middle is the part's.
    t.hole = HOLE_CENTER;
    task_renew_part(&t, 0, &part, &s.target, &s.input);
    const uint8_t *marks = (uint8_t *)s.input.samples + (size_t)3 * WIDTH * HEIGHT;
    assert_int_equal(marks[(3 + 4) * WIDTH + 7 + 5], UINT8_MAX);
    assert_int_equal(marks[(3 + 3) * WIDTH + 7 + 5], 0);
    assert_int_equal(marks[(3 + 4) * WIDTH + 7 + 4], 0);
    picture_free(&mask);
    sides_free(&s);
}

// Samples that an image has outside of its hole: all but a quarter.
static void check_context(const struct picture *made, const struct picture *image)
{
    size_t equal = 0;
    assert_int_equal(made->kind, image->kind);
    for (size_t i = 0; i < (size_t)3 * WIDTH * HEIGHT; i++)
        equal += picture_sample(made, i) == picture_sample(image, i);
    assert_true(equal >= (size_t)3 * WIDTH * HEIGHT * 3 / 4);
    assert_true(equal < (size_t)3 * WIDTH * HEIGHT * 4 / 5);
}

// A range whose ends are no samples marks the hole all the same; what is compared may
// be of another kind and range than the input.
static void test_context_kinds(void **state)
{
    const struct task t = { .kind = TASK_INPAINT, .hole = HOLE_CENTER };
    const struct pixel_range odd = { 10.25f, 1000.5f };
    (void)state;
    for (int kind = PIXEL_U8; kind <= PIXEL_F32; kind++) {
        for (int other = PIXEL_U8; other <= PIXEL_F32; other++) {
            struct picture first, made, copy, image = make_image(PIXEL_U16, 3);
            picture_set_range(&image, odd);
            assert_true(picture_set_kind(&image, (enum pixel_kind)kind, odd));
            struct sides s = make_sides(&t, image);
            assert_true(picture_copy(&s.image, &first));
            assert_true(picture_set_kind(&first, (enum pixel_kind)other, odd));
            assert_true(picture_set_kind(&s.target, (enum pixel_kind)other, odd));
            assert_true(
                picture_create(&made, (enum pixel_kind)other, 3, WIDTH, HEIGHT));
            picture_set_range(&made, odd);
            assert_true(task_complete(&t, &s.input, &made));
            check_context(&made, &first);
            assert_true(task_make_copy(&t, &s.input, &s.target, &copy));
            check_context(&copy, &first);
            picture_free(&copy);
            picture_free(&made);
            picture_free(&first);
            sides_free(&s);
        }
    }
}

// Outside of the hole the output has the image's samples, inside the network's.
static void test_context(void **state)
{
    struct picture mask, image = make_image(PIXEL_U8, 3), network, made;
    struct task_rest rest;
    struct reason reason;
    (void)state;
    // A mask of half the size: each of its pixels stands for two by two.
    assert_true(picture_create(&mask, PIXEL_U8, 1, WIDTH / 2, HEIGHT / 2));
    ((uint8_t *)mask.samples)[3 * (WIDTH / 2) + 5] = 128;
    const struct task t = { .kind = TASK_INPAINT, .hole = HOLE_MASK, .mask = &mask };
    assert_true(picture_copy(&image, &network));
    assert_true(task_take(&t, 0, &network, &rest, &reason));
    assert_int_equal(network.channels, 4);
    assert_true(picture_create(&made, PIXEL_U8, 3, WIDTH, HEIGHT));
    memset(made.samples, 99, picture_bytes(&made));
    assert_true(task_finish(&t, &rest, &made));
    for (size_t i = 0; i < (size_t)3 * WIDTH * HEIGHT; i++) {
        const size_t x = i % WIDTH, y = i / WIDTH % HEIGHT;
        const bool is_in = x / 2 == 5 && y / 2 == 3;
        assert_int_equal(((uint8_t *)made.samples)[i],
                         is_in ? 99 : ((uint8_t *)image.samples)[i]);
    }
    task_rest_free(&rest);
    picture_free(&mask);
    picture_free(&image);
    picture_free(&network);
    picture_free(&made);
}

static void test_edges(void **state)
{
    const struct task t = { .kind = TASK_EDGES };
    struct sides s = make_sides(&t, make_image(PIXEL_U16, 3));
    struct picture edges;
    (void)state;
    check_form(&t, &s);
    assert_true(is_same(&s.image, &s.target));
    assert_true(edges_find(&s.image, &edges));
    assert_true(is_same(&edges, &s.input));
    picture_free(&edges);
    sides_free(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_colorize), cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_superres), cmocka_unit_test(test_denoise),
        cmocka_unit_test(test_clamped),  cmocka_unit_test(test_inpaint),
        cmocka_unit_test(test_part),     cmocka_unit_test(test_context_kinds),
        cmocka_unit_test(test_context),  cmocka_unit_test(test_edges),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
