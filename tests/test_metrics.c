// SPDX-License-Identifier: MIT
//
// Scores against scikit-image's, whose numbers tests/golden/metrics.py made from images
// of the same formula, and what follows from the definitions.

#include "evaluate/metrics.h"

#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/mem.h"
#include "data/picture_file.h"
#include "evaluate/statistics.h"
#include "support/golden.h"

// ---------------------------------------------------------------------------
// scikit-image

static void set_sample(struct picture *p, size_t i, uint32_t step)
{
    if (p->kind == PIXEL_U8)
        ((uint8_t *)p->samples)[i] = (uint8_t)step;
    else if (p->kind == PIXEL_U16)
        ((uint16_t *)p->samples)[i] = (uint16_t)step;
    else
        ((float *)p->samples)[i] = (float)step / 65535.0f * 2.0f - 1.0f;
}

// The images of a case, see make() in metrics.py.
static void make_images(const json_t *c, struct picture *a, struct picture *b)
{
    const uint32_t seed = golden_count(c, "seed"), width = golden_count(c, "width"),
                   height = golden_count(c, "height"),
                   channels = golden_count(c, "channels");
    enum pixel_kind kind;
    assert_true(pixel_kind_find(golden_text(c, "kind"), &kind));
    assert_true(picture_create(a, kind, channels, width, height));
    assert_true(picture_create(b, kind, channels, width, height));
    const int64_t top = kind == PIXEL_U8 ? 255 : 65535;
    const int64_t noise = top * golden_count(c, "noise") / 100;
    size_t i = 0;
    for (uint32_t k = 0; k < channels; k++) {
        for (uint32_t y = 0; y < height; y++) {
            for (uint32_t x = 0; x < width; x++, i++) {
                uint32_t wave = (x * (3 + seed % 5) + y * (2 + k) + k * 40) % 128;
                wave = wave < 64 ? wave : 127 - wave;
                const int64_t step = top * (16 + wave) / 96;
                const uint64_t range = (uint64_t)(2 * noise + 1);
                const int64_t other =
                    step + (int64_t)(golden_splitmix(seed, i) % range) - noise;
                set_sample(a, i, (uint32_t)step);
                set_sample(b, i, (uint32_t)MAX(MIN(other, top), 0));
            }
        }
    }
}

static void check_scores(const json_t *c)
{
    struct picture a, b;
    struct scores s;
    make_images(c, &a, &b);
    if (json_object_get(c, "low")) {
        const struct pixel_range range = { (float)golden_number(c, "low"),
                                           (float)golden_number(c, "high") };
        picture_set_range(&a, range);
        picture_set_range(&b, range);
        assert_true(picture_count_outside(&a) + picture_count_outside(&b) > 0);
    }
    assert_true(metrics_compare(&a, &b, METRICS_ON_HOST, &s));
    assert_int_equal(ssim_scales(a.width, a.height), golden_count(c, "scales"));
    const struct {
        const char *name;
        enum pix_metric metric;
        double within;
    } columns[] = {
        { "l1", PIX_METRIC_L1, 1e-12 },          { "mse", PIX_METRIC_MSE, 1e-12 },
        { "psnr", PIX_METRIC_PSNR, 1e-4 },       { "ssim", PIX_METRIC_SSIM, 1e-5 },
        { "ms_ssim", PIX_METRIC_MS_SSIM, 1e-5 },
    };
    for (size_t i = 0; i < ARRAY_LEN(columns); i++) {
        const double expected = golden_number(c, columns[i].name);
        const double found = s.values[columns[i].metric];
        if (!(fabs(found - expected) <= columns[i].within))
            fail_msg("%s of %ux%u %s is %.9g, not %.9g", columns[i].name,
                     (unsigned)a.width, (unsigned)a.height, golden_text(c, "kind"),
                     found, expected);
    }
    picture_free(&a);
    picture_free(&b);
}

static void test_golden(void **state)
{
    (void)state;
    json_t *golden = golden_read("metrics.json"), *c;
    const json_t *cases = json_object_get(golden, "cases");
    size_t i;
    assert_true(json_array_size(cases) >= 50);
    json_array_foreach(cases, i, c) check_scores(c);
    json_decref(golden);
}

// The golden numbers are those of the scikit-image that is installed.
static void test_scikit_image(void **state)
{
    (void)state;
    void *data;
    size_t size;
    golden_python("metrics.py", "> metrics_of_scikit_image.json", "metrics.py failed");
    assert_true(file_read("metrics_of_scikit_image.json", &data, &size));
    json_t *made = json_parse(data, size, "metrics.py"), *c;
    json_t *golden = golden_read("metrics.json");
    const json_t *cases = json_object_get(golden, "cases");
    size_t i;
    assert_non_null(made);
    json_array_foreach(json_object_get(made, "cases"), i, c)
    {
        const json_t *g = json_array_get(cases, i);
        assert_true(fabs(golden_number(c, "ssim") - golden_number(g, "ssim")) < 1e-6);
        assert_true(fabs(golden_number(c, "psnr") - golden_number(g, "psnr")) < 1e-6);
        check_scores(c);
    }
    assert_int_equal(i, json_array_size(cases));
    json_decref(golden);
    json_decref(made);
    mem_free(data);
    remove("metrics_of_scikit_image.json");
}

// Photographs and drawings with what reference implementations found, which are not
// ours to give away.
static void test_references(void **state)
{
    (void)state;
    const char *folder = getenv("PIX_TEST_DATA");
    char *path = mem_printf("%s/metric_refs/expected.json", folder ? folder : "");
    void *data;
    size_t size;
    if (!folder || !file_exists(path)) {
        print_message("skipped: PIX_TEST_DATA names no folder with metric_refs/\n");
        mem_free(path);
        skip();
    }
    assert_true(file_read(path, &data, &size));
    json_t *expected = json_parse(data, size, path), *c;
    const char *name;
    mem_free(data);
    mem_free(path);
    json_object_foreach(expected, name, c) {
        struct picture pictures[2];
        struct reason reason;
        struct scores s;
        for (int i = 0; i < 2; i++) {
            path = mem_printf("%s/metric_refs/%s_%c.png", folder, name, "ab"[i]);
            if (!picture_read(path, &pictures[i], &reason) ||
                !picture_set_channels(&pictures[i], 3, &reason))
                fail_msg("%s: %s", path, reason.text);
            mem_free(path);
        }
        assert_true(metrics_compare(&pictures[0], &pictures[1], METRICS_ON_HOST, &s));
        const double *v = s.values;
        if (fabs(v[PIX_METRIC_PSNR] - golden_number(c, "psnr_rgb")) > 1e-4 ||
            fabs(v[PIX_METRIC_SSIM] - golden_number(c, "ssim_rgb")) > 1e-5 ||
            fabs(v[PIX_METRIC_L1] * 127.5 - golden_number(c, "l1")) > 1e-6)
            fail_msg("%s: psnr %.6f, ssim %.6f, l1 %.6f", name, v[PIX_METRIC_PSNR],
                     v[PIX_METRIC_SSIM], v[PIX_METRIC_L1] * 127.5);
        picture_free(&pictures[0]);
        picture_free(&pictures[1]);
    }
    assert_true(json_object_size(expected) > 0);
    json_decref(expected);
}

// ---------------------------------------------------------------------------
// By definition

static void fill(struct picture *p, enum pixel_kind kind, uint32_t channels,
                 uint32_t width, uint32_t height, uint64_t seed)
{
    assert_true(picture_create(p, kind, channels, width, height));
    const uint64_t range = kind == PIXEL_U8 ? 256 : 65536;
    for (size_t i = 0; i < (size_t)channels * width * height; i++)
        set_sample(p, i, (uint32_t)(golden_splitmix(seed, i) % range));
}

static void test_equal(void **state)
{
    (void)state;
    for (int kind = 0; kind < PIXEL_KINDS; kind++) {
        struct picture a;
        struct scores s;
        fill(&a, (enum pixel_kind)kind, 2, 45, 31, 7);
        assert_true(metrics_compare(&a, &a, METRICS_ON_HOST, &s));
        assert_true(s.values[PIX_METRIC_L1] == 0 && s.values[PIX_METRIC_MSE] == 0);
        assert_true(isinf(s.values[PIX_METRIC_PSNR]));
        assert_true(s.values[PIX_METRIC_SSIM] == 1 &&
                    s.values[PIX_METRIC_MS_SSIM] == 1);
        picture_free(&a);
    }
}

// Black against white: everything is known.
static void test_opposite(void **state)
{
    (void)state;
    struct picture black, white;
    struct scores s;
    assert_true(picture_create(&black, PIXEL_U8, 3, 16, 16));
    assert_true(picture_create(&white, PIXEL_U8, 3, 16, 16));
    memset(white.samples, 255, picture_bytes(&white));
    assert_true(metrics_compare(&black, &white, METRICS_ON_HOST, &s));
    assert_true(s.values[PIX_METRIC_L1] == 2 && s.values[PIX_METRIC_MSE] == 4);
    assert_true(fabs(s.values[PIX_METRIC_PSNR]) < 1e-12);
    assert_true(fabs(s.values[PIX_METRIC_SSIM] - 1e-4 / (1 + 1e-4)) < 1e-9);
    picture_free(&black);
    picture_free(&white);
}

// A negative correlation has no power: 0, and no NaN.
static void test_negative(void **state)
{
    (void)state;
    struct picture a, b;
    struct scores s;
    fill(&a, PIXEL_U8, 1, 48, 48, 3);
    assert_true(picture_copy(&a, &b));
    for (size_t i = 0; i < picture_bytes(&b); i++)
        ((uint8_t *)b.samples)[i] = (uint8_t)(255 - ((uint8_t *)b.samples)[i]);
    assert_true(metrics_compare(&a, &b, METRICS_ON_HOST, &s));
    assert_true(s.values[PIX_METRIC_SSIM] < 0);
    assert_true(s.values[PIX_METRIC_MS_SSIM] == 0);
    picture_free(&a);
    picture_free(&b);
}

// A colour scores as the flat picture of it.
static void test_colour(void **state)
{
    (void)state;
    for (int kind = 0; kind < PIXEL_KINDS; kind++) {
        struct picture flat, target;
        struct scores s, expected;
        double colour[3];
        fill(&target, (enum pixel_kind)kind, 3, 51, 27, 5);
        assert_true(picture_create(&flat, (enum pixel_kind)kind, 3, 51, 27));
        for (size_t i = 0; i < 3 * 51 * 27; i++)
            set_sample(&flat, i, (uint32_t)(i / (51 * 27)) * 60 + 20);
        for (uint32_t c = 0; c < 3; c++)
            colour[c] = kind == PIXEL_F32 ? (double)((float *)flat.samples)[c * 51 * 27]
                                          : c * 60.0 + 20;
        assert_true(metrics_compare_all(&(struct subject){ NULL, colour, &s }, 1,
                                        &target, METRICS_ON_HOST));
        assert_true(metrics_compare(&flat, &target, METRICS_ON_HOST, &expected));
        for (int m = 0; m < PIX_METRIC_COUNT; m++)
            if (METRICS_ON_HOST & METRIC_BIT(m))
                assert_true(fabs(s.values[m] - expected.values[m]) < 1e-9);
        picture_free(&flat);
        picture_free(&target);
    }
}

// Several at once, flat ones among them: the bits are those of each alone.
static void test_several(void **state)
{
    (void)state;
    static const double colour[3] = { 0.5, 0.25, 0.125 };
    for (int kind = 0; kind < PIXEL_KINDS; kind++) {
        struct picture a, b, target;
        struct scores alone[3], together[3];
        fill(&a, (enum pixel_kind)kind, 3, 190, 177, 1);
        fill(&b, (enum pixel_kind)kind, 3, 190, 177, 2);
        fill(&target, (enum pixel_kind)kind, 3, 190, 177, 3);
        struct subject subjects[] = { { &a, NULL, &alone[0] },
                                      { NULL, colour, &alone[1] },
                                      { &b, NULL, &alone[2] } };
        for (size_t i = 0; i < ARRAY_LEN(subjects); i++)
            assert_true(metrics_compare_all(&subjects[i], 1, &target, METRICS_ON_HOST));
        for (size_t i = 0; i < ARRAY_LEN(subjects); i++)
            subjects[i].scores = &together[i];
        assert_true(metrics_compare_all(subjects, ARRAY_LEN(subjects), &target,
                                        METRICS_ON_HOST));
        assert_true(metrics_compare(&b, &target, METRICS_ON_HOST, &alone[2]));
        for (size_t i = 0; i < ARRAY_LEN(subjects); i++) {
            for (int m = 0; m < PIX_METRIC_COUNT; m++)
                if (METRICS_ON_HOST & METRIC_BIT(m))
                    assert_true(alone[i].values[m] == together[i].values[m]);
            assert_memory_equal(alone[i].ms_ssim, together[i].ms_ssim,
                                sizeof(alone[i].ms_ssim));
        }
        assert_true(alone[0].values[PIX_METRIC_MS_SSIM] !=
                    alone[2].values[PIX_METRIC_MS_SSIM]);
        picture_free(&a);
        picture_free(&b);
        picture_free(&target);
    }
}

// What is infinite or NaN has no scores, and those of the others do not depend on it.
static void test_not_finite(void **state)
{
    static const float bad[] = { NAN, INFINITY, -INFINITY };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct picture broken, good, target;
        struct scores s[2], alone;
        fill(&broken, PIXEL_F32, 3, 190, 177, 1);
        fill(&good, PIXEL_F32, 3, 190, 177, 2);
        fill(&target, PIXEL_F32, 3, 190, 177, 3);
        ((float *)broken.samples)[60000] = bad[i];
        assert_true(metrics_compare(&good, &target, METRICS_ON_HOST, &alone));
        const struct subject subjects[] = { { &broken, NULL, &s[0] },
                                            { &good, NULL, &s[1] } };
        assert_true(metrics_compare_all(subjects, 2, &target, METRICS_ON_HOST));
        assert_true(s[0].not_finite && !s[1].not_finite && !alone.not_finite);
        for (int m = 0; m < PIX_METRIC_COUNT; m++) {
            assert_true(isnan(s[0].values[m]));
            if (METRICS_ON_HOST & METRIC_BIT(m))
                assert_true(s[1].values[m] == alone.values[m]);
        }
        for (uint32_t n = 0; n < SSIM_MAX_SCALES; n++)
            assert_true(isnan(s[0].ms_ssim[n]));
        picture_free(&broken);
        picture_free(&good);
        picture_free(&target);
    }
    // The largest floats are finite.
    struct picture large, target;
    struct scores s;
    fill(&large, PIXEL_F32, 1, 45, 31, 1);
    fill(&target, PIXEL_F32, 1, 45, 31, 2);
    for (size_t i = 0; i < 45 * 31; i++)
        ((float *)large.samples)[i] = i % 2 ? FLT_MAX : -FLT_MAX;
    assert_true(metrics_compare(&large, &target, METRICS_ON_HOST, &s));
    for (int m = 0; m < PIX_METRIC_COUNT; m++)
        assert_true(isfinite(s.values[m]) == ((METRICS_ON_HOST & METRIC_BIT(m)) != 0));
    assert_false(s.not_finite);
    picture_free(&large);
    picture_free(&target);
}

static struct scores psnr_of(double value)
{
    struct scores s;
    scores_clear(&s);
    s.values[PIX_METRIC_PSNR] = value;
    return s;
}

static double mean_psnr(double a, double b)
{
    struct score_sums sums = { .count = 0 };
    const struct scores scores[] = { psnr_of(a), psnr_of(b) };
    scores_add(&sums, &scores[0]);
    scores_add(&sums, &scores[1]);
    assert_int_equal(sums.count, 2);
    assert_true(isnan(scores_mean(&sums, PIX_METRIC_L1)));
    return scores_mean(&sums, PIX_METRIC_PSNR);
}

// The mean by which a run is judged never falls where an image gets better, up to equal
// to its target, and is NaN with one that is.
static void test_judged_mean(void **state)
{
    static const double better[] = { -20, 0, 8, 83, 99, 101, 130, INFINITY };
    (void)state;
    assert_true(mean_psnr(83, 8) == 45.5);
    assert_true(mean_psnr(INFINITY, 8) == 54);
    assert_true(mean_psnr(INFINITY, INFINITY) == 100);
    for (size_t i = 1; i < ARRAY_LEN(better); i++)
        assert_true(mean_psnr(better[i], 8) >= mean_psnr(better[i - 1], 8));
    assert_true(isnan(mean_psnr(NAN, 8)) && isnan(mean_psnr(INFINITY, NAN)));
    const struct score_sums none = { .count = 0 };
    assert_true(isnan(scores_mean(&none, PIX_METRIC_PSNR)));
}

// The smallest images, the set of metrics that is wanted, and numbers of scales.
static void test_wanted(void **state)
{
    (void)state;
    struct picture a, b;
    struct scores s;
    fill(&a, PIXEL_U8, 1, 10, 400, 1);
    fill(&b, PIXEL_U8, 1, 10, 400, 2);
    assert_true(metrics_compare(&a, &b, METRICS_ON_HOST, &s));
    assert_true(s.values[PIX_METRIC_PSNR] > 0);
    assert_true(isnan(s.values[PIX_METRIC_SSIM]) &&
                isnan(s.values[PIX_METRIC_MS_SSIM]));
    assert_true(metrics_compare(&a, &b, METRIC_BIT(PIX_METRIC_MSE), &s));
    assert_true(s.values[PIX_METRIC_MSE] > 0 && isnan(s.values[PIX_METRIC_L1]));
    picture_free(&a);
    picture_free(&b);
    fill(&a, PIXEL_U8, 1, 300, 11, 1);
    fill(&b, PIXEL_U8, 1, 300, 11, 2);
    assert_true(metrics_compare(&a, &b, METRICS_ON_HOST, &s));
    assert_true(s.values[PIX_METRIC_MS_SSIM] == s.values[PIX_METRIC_SSIM]);
    picture_free(&a);
    picture_free(&b);
    const struct {
        uint32_t side, scales;
    } sides[] = { { 1, 0 },  { 10, 0 }, { 11, 1 },  { 21, 1 },  { 22, 2 },
                  { 87, 3 }, { 88, 4 }, { 175, 4 }, { 176, 5 }, { 4000, 5 } };
    for (size_t i = 0; i < ARRAY_LEN(sides); i++)
        assert_int_equal(ssim_scales(sides[i].side, 5000), sides[i].scales);
}

// ---------------------------------------------------------------------------
// Statistics

static void test_statistics(void **state)
{
    (void)state;
    const double values[] = { 4, NAN, 1, INFINITY, 2, 9 };
    struct pix_statistics t, again;
    assert_true(statistics_find(values, ARRAY_LEN(values), &t));
    assert_int_equal(t.count, 4);
    assert_int_equal(t.infinite, 1);
    assert_true(t.mean == 4 && t.median == 3);
    assert_true(fabs(t.deviation - sqrt(38.0 / 3)) < 1e-12);
    assert_true(t.low >= 1 && t.low < 4 && t.high > 4 && t.high <= 9);
    assert_true(statistics_find(values, ARRAY_LEN(values), &again));
    assert_memory_equal(&t, &again, sizeof(t));

    assert_true(statistics_find(values, 1, &t));
    assert_true(t.count == 1 && t.mean == 4 && t.median == 4 && isnan(t.deviation) &&
                isnan(t.low) && isnan(t.high));
    assert_true(statistics_find(values + 1, 1, &t));
    assert_true(t.count == 0 && isnan(t.mean) && isnan(t.median));
    assert_true(statistics_find(values, 0, &t));
    assert_true(t.count == 0 && isnan(t.mean));
}

// For many values the interval is that of the normal distribution.
static void test_interval(void **state)
{
    (void)state;
    enum { COUNT = 3000 };
    double values[COUNT];
    struct pix_statistics t;
    for (size_t i = 0; i < COUNT; i++)
        values[i] = (double)(golden_splitmix(9, i) % 1000);
    assert_true(statistics_find(values, COUNT, &t));
    const double reach = 1.96 * t.deviation / sqrt(COUNT);
    assert_true(fabs(t.mean - t.low - reach) < 0.15 * reach);
    assert_true(fabs(t.high - t.mean - reach) < 0.15 * reach);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden),     cmocka_unit_test(test_scikit_image),
        cmocka_unit_test(test_references), cmocka_unit_test(test_equal),
        cmocka_unit_test(test_opposite),   cmocka_unit_test(test_negative),
        cmocka_unit_test(test_colour),     cmocka_unit_test(test_wanted),
        cmocka_unit_test(test_not_finite), cmocka_unit_test(test_judged_mean),
        cmocka_unit_test(test_several),    cmocka_unit_test(test_statistics),
        cmocka_unit_test(test_interval),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
