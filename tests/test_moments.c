// SPDX-License-Identifier: MIT
//
// Mean and variance of a rectangle of each channel: against their definition, of
// slices, of numbers far from zero; what has no rectangle.

#include "shared/moments.h"
#include "support/check.h"
#include "support/gpu.h"

#include "base/random.h"

#include <math.h>

struct rectangle {
    uint32_t top, left, bottom, right;    // in elements of x
};

static void reference(struct shape s, struct rectangle r, const float *x, double *y)
{
    const double count = (double)(r.bottom - r.top) * (r.right - r.left);
    for (uint32_t k = 0; k < s.n * s.c; k++, x += s.h * s.w) {
        double mean = 0, variance = 0;
        for (uint32_t i = r.top; i < r.bottom; i++)
            for (uint32_t j = r.left; j < r.right; j++)
                mean += (double)x[i * s.w + j] / count;
        for (uint32_t i = r.top; i < r.bottom; i++)
            for (uint32_t j = r.left; j < r.right; j++)
                variance += pow((double)x[i * s.w + j] - mean, 2) / count;
        y[k * MOMENTS + MOMENTS_MEAN] = mean;
        y[k * MOMENTS + MOMENTS_VARIANCE] = variance;
    }
}

// With `sliced` x is what a concatenation has of it.
static void run_case(struct shape s, struct rectangle r, uint32_t step, float offset,
                     bool sliced)
{
    const struct shape out = { s.n, s.c, 1, MOMENTS };
    const float region[MOMENTS_REGION] = {
        [MOMENTS_TOP] = (float)(r.top * step),
        [MOMENTS_LEFT] = (float)(r.left * step),
        [MOMENTS_BOTTOM] = (float)(r.bottom * step),
        [MOMENTS_RIGHT] = (float)(r.right * step),
    };
    char text[SHAPE_TEXT_SIZE];
    check_case("moments %s, %u %u to %u %u%s", shape_text(s, text), (unsigned)r.top,
               (unsigned)r.left, (unsigned)r.bottom, (unsigned)r.right,
               sliced ? ", sliced" : "");
    struct harness h;
    harness_begin(&h);
    struct random random;
    random_init(&random, 6, shape_count(s));
    float *x = check_random_floats(&random, s), *y = check_floats(out);
    for (uint64_t i = 0; i < shape_count(s); i++)
        x[i] += offset;
    struct tensor *in = harness_input(&h, "x", s, x);
    struct tensor *where =
        harness_input(&h, "region", (struct shape){ 1, 1, 1, MOMENTS_REGION }, region);
    if (sliced) {
        in = graph_scale(h.graph, in, 1.0f);
        harness_keep(&h, graph_concat(h.graph, graph_scale(h.graph, in, 2.0f), in));
    }
    struct tensor *moments = graph_moments(h.graph, in, where, step);
    harness_keep(&h, moments);
    harness_run(&h);
    harness_read(&h, moments, y);
    harness_end(&h);
    double *expected = check_doubles(out);
    reference(s, r, x, expected);
    check_array("moments", y, expected, out, &TOLERANCE_SUM);
}

static void test_reference(void **state)
{
    (void)state;
    static const struct {
        struct shape shape;
        struct rectangle rectangle;
        uint32_t step;
    } cases[] = {
        { { 1, 1, 1, 1 }, { 0, 0, 1, 1 }, 1 },
        { { 1, 3, 5, 7 }, { 0, 0, 5, 7 }, 8 },
        { { 1, 3, 5, 7 }, { 1, 2, 4, 6 }, 4 },
        { { 3, 2, 4, 9 }, { 3, 0, 4, 9 }, 2 },
        { { 2, 5, 33, 17 }, { 5, 16, 33, 17 }, 1 },
        { { 1, 512, 2, 2 }, { 0, 1, 2, 2 }, 256 },
        { { 1, 1, 65, 129 }, { 1, 1, 64, 128 }, 16 },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        run_case(cases[i].shape, cases[i].rectangle, cases[i].step, 0.0f, false);
        run_case(cases[i].shape, cases[i].rectangle, cases[i].step, 0.0f, true);
    }
}

// Squares of such numbers have no room for a variance of 1.
static void test_large_mean(void **state)
{
    (void)state;
    run_case((struct shape){ 1, 2, 40, 40 }, (struct rectangle){ 3, 5, 39, 40 }, 2,
             3000.0f, false);
}

static struct tensor *build(struct graph *g, struct tensor *a, struct tensor *b)
{
    return graph_moments(g, a, b, 1);
}

static void test_misfit(void **state)
{
    (void)state;
    harness_check_misfit(build, (struct shape){ 1, 2, 3, 4 },
                         (struct shape){ 1, 1, 1, 5 }, "1x1x1x5");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        check_test(test_reference),
        check_test(test_large_mean),
        check_test(test_misfit),
    };
    return cmocka_run_group_tests_name("moments", tests, test_gpu_open, test_gpu_close);
}
