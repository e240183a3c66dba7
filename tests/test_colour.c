// SPDX-License-Identifier: MIT
//
// CIE L*a*b*, against scikit-image (tests/golden/colour.py).

#include "data/colour.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "support/golden.h"

// Of the task: as skimage within 1e-4.
static const double allowed = 1e-4;

static struct picture create(enum pixel_kind kind, uint32_t channels, size_t width)
{
    struct picture p;
    assert_true(picture_create(&p, kind, channels, (uint32_t)width, 1));
    return p;
}

static void test_split(void **state)
{
    json_t *golden = golden_read("colour.json");
    const size_t count = json_array_size(json_object_get(golden, "rgb")) / 3;
    (void)state;
    for (int kind = PIXEL_U8; kind <= PIXEL_F32; kind++) {
        struct picture rgb = create((enum pixel_kind)kind, 3, count), light, chroma;
        for (size_t i = 0; i < 3 * count; i++) {
            const double v = golden_element(golden, "rgb", i);
            if (kind == PIXEL_U8)
                ((uint8_t *)rgb.samples)[i] = (uint8_t)v;
            else if (kind == PIXEL_U16)
                ((uint16_t *)rgb.samples)[i] = (uint16_t)(v * 257);
            else
                ((float *)rgb.samples)[i] = (float)(v / 127.5 - 1);
        }
        assert_true(colour_split(&rgb, &light, &chroma));
        assert_int_equal(light.channels, 1);
        assert_int_equal(chroma.channels, 2);
        for (size_t i = 0; i < 3 * count; i++) {
            const double got = i < count ? picture_sample(&light, i)
                                         : picture_sample(&chroma, i - count);
            if (fabs(got - golden_element(golden, "lab", i)) > allowed)
                fail_msg("%s %zu: %g, not %g", pixel_kind_name((enum pixel_kind)kind),
                         i, got, golden_element(golden, "lab", i));
        }
        picture_free(&rgb);
        picture_free(&light);
        picture_free(&chroma);
    }
    json_decref(golden);
}

// Also of colours that sRGB does not have: within 1e-4 of the range and the rounding of
// 16 bits.
static void test_join(void **state)
{
    json_t *golden = golden_read("colour.json");
    const size_t count = json_array_size(json_object_get(golden, "wide")) / 3;
    struct picture light = create(PIXEL_F32, 1, count),
                   chroma = create(PIXEL_F32, 2, count), rgb;
    (void)state;
    for (size_t i = 0; i < 3 * count; i++) {
        float *to = i < count ? (float *)light.samples + i
                              : (float *)chroma.samples + (i - count);
        *to = (float)golden_element(golden, "wide", i);
    }
    assert_true(colour_join(&light, &chroma, PIXEL_U16, &rgb));
    for (size_t i = 0; i < 3 * count; i++)
        if (fabs(picture_sample(&rgb, i) - golden_element(golden, "back", i)) >
            allowed * UINT16_MAX + 1)
            fail_msg("%zu: %g, not %g", i, picture_sample(&rgb, i),
                     golden_element(golden, "back", i));
    picture_free(&rgb);
    picture_free(&light);
    picture_free(&chroma);
    json_decref(golden);
}

// There and back every colour of 8 bits is the same; a step of 5 visits all values.
static void test_round_trip(void **state)
{
    enum { STEP = 5, SIDE = 255 / STEP + 1 };
    struct picture rgb = create(PIXEL_U8, 3, (size_t)SIDE * SIDE * SIDE), again, light,
                   chroma;
    uint8_t *samples = rgb.samples;
    (void)state;
    for (size_t i = 0; i < rgb.width; i++) {
        samples[i] = (uint8_t)(i % SIDE * STEP);
        samples[rgb.width + i] = (uint8_t)(i / SIDE % SIDE * STEP);
        samples[2 * (size_t)rgb.width + i] = (uint8_t)(i / SIDE / SIDE * STEP);
    }
    assert_true(colour_split(&rgb, &light, &chroma));
    assert_true(colour_join(&light, &chroma, PIXEL_U8, &again));
    assert_memory_equal(rgb.samples, again.samples, picture_bytes(&rgb));
    picture_free(&rgb);
    picture_free(&again);
    picture_free(&light);
    picture_free(&chroma);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_split),
        cmocka_unit_test(test_join),
        cmocka_unit_test(test_round_trip),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
