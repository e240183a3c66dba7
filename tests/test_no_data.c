// SPDX-License-Identifier: MIT
//
// Pixels that stand for no data.

#include "support/check.h"

#include "data/no_data.h"

static void fill(struct picture *p, const double *samples)
{
    for (size_t i = 0; i < (size_t)p->channels * p->width * p->height; i++)
        if (p->kind == PIXEL_U8)
            ((uint8_t *)p->samples)[i] = (uint8_t)samples[i];
        else if (p->kind == PIXEL_U16)
            ((uint16_t *)p->samples)[i] = (uint16_t)samples[i];
        else
            ((float *)p->samples)[i] = (float)samples[i];
}

static void check(const struct picture *p, const double *samples)
{
    for (size_t i = 0; i < (size_t)p->channels * p->width * p->height; i++)
        assert_true(picture_sample(p, i) == samples[i]);
}

// A pixel has none where all of its colours say so.
static void test_find(void **state)
{
    const double samples[] = { 9, 9, 0, 1, 9, 5, 9, 9, 0, 9, 9, 9 };
    struct picture p, mask;
    (void)state;
    assert_true(picture_create(&p, PIXEL_U16, 3, 2, 2));
    fill(&p, samples);
    assert_true(no_data_find(&p, 9, &mask));
    check(&mask, (const double[]){ 0, 0, 0, 0 });
    picture_free(&mask);
    assert_int_equal(no_data_count(&p, 9), 8);
    assert_true(no_data_find(&p, 7, &mask));
    assert_null(mask.samples);
    picture_free(&p);

    // Of an alpha nothing is asked, and a float is one of 32 bits.
    assert_true(picture_create(&p, PIXEL_U8, 2, 2, 1));
    fill(&p, (const double[]){ 3, 4, 255, 3 });
    assert_true(no_data_find(&p, 3, &mask));
    check(&mask, (const double[]){ 1, 0 });
    picture_free(&mask);
    picture_free(&p);
    assert_true(picture_create(&p, PIXEL_F32, 1, 2, 1));
    fill(&p, (const double[]){ 0.1, 0.2 });
    assert_true(no_data_find(&p, 0.1, &mask));
    check(&mask, (const double[]){ 1, 0 });
    picture_free(&mask);
    picture_free(&p);
}

// What has data is never the number afterwards, at both ends of a range.
static void test_put(void **state)
{
    static const struct {
        enum pixel_kind kind;
        struct pixel_range range;
        double number, before, after;
    } cases[] = {
        { PIXEL_U8, { 0, 0 }, 0, 0, 1 },
        { PIXEL_U8, { 0, 0 }, 255, 255, 254 },
        { PIXEL_U16, { 0, 4095 }, 4095, 4095, 4094 },
        { PIXEL_U16, { 0, 0 }, 7, 8, 8 },
        { PIXEL_F32, { 0, 0 }, 1, 1, 1 - 0x1p-20 },
        { PIXEL_F32, { 0, 0 }, -1, -1, -1 + 0x1p-20 },
        { PIXEL_F32, { 0, 0 }, 0, 0, 0x1p-126 },
        { PIXEL_F32, { -9999, 5 }, -9999, 2, 2 },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct picture p, mask;
        uint64_t moved;
        assert_true(picture_create(&p, cases[i].kind, 1, 4, 1));
        picture_set_range(&p, cases[i].range);
        fill(&p, (const double[]){ cases[i].before, cases[i].before, 3, 3 });
        // Of half the size: each pixel of it is two.
        assert_true(picture_create(&mask, PIXEL_U8, 1, 2, 1));
        fill(&mask, (const double[]){ 0, 1 });
        assert_true(no_data_put(&mask, cases[i].number, &p, &moved));
        check(&p, (const double[]){ cases[i].after, cases[i].after, cases[i].number,
                                    cases[i].number });
        assert_int_equal(moved, cases[i].before == cases[i].after ? 0 : 2);
        picture_free(&mask);
        picture_free(&p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_find),
        cmocka_unit_test(test_put),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
