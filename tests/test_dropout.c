// SPDX-License-Identifier: MIT
//
// Dropout: the generator's published answers, masks against the reference, the same
// mask both ways, different masks by node, step and seed.

#include "support/gradient.h"
#include "support/reference.h"

#include <math.h>
#include <string.h>

#include "shared/dropout.h"

// Random123's table of known answers for philox4x32 with ten rounds.
static void test_philox(void **state)
{
    (void)state;
    static const struct {
        uint32_t counter[4], key[2], answer[4];
    } known[] = {
        { { 0 }, { 0 }, { 0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8 } },
        { { 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff },
          { 0xffffffff, 0xffffffff },
          { 0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd } },
        { { 0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344 },
          { 0xa4093822, 0x299f31d0 },
          { 0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1 } },
    };
    for (size_t i = 0; i < ARRAY_LEN(known); i++) {
        uint32_t out[4];
        reference_philox(known[i].counter, known[i].key, out);
        assert_memory_equal(out, known[i].answer, sizeof(out));
    }
}

// The streams of the dropout nodes of a graph, in the order of their calls.
static uint32_t stream_of(const struct graph *g, size_t which)
{
    for (size_t i = 0; i < graph_call_count(g); i++) {
        const struct call *call = graph_call(g, i);
        if (call->shader == SHADER_DROPOUT && which-- == 0)
            return ((const struct dropout_params *)call->params)->stream;
    }
    fail();
    return 0;
}

static void run_case(struct shape s, float probability, bool accumulate)
{
    char text[SHAPE_TEXT_SIZE];
    check_case("dropout %g %s%s", (double)probability, shape_text(s, text),
               accumulate ? " accumulate" : "");
    struct harness h;
    harness_begin(&h);
    struct random r;
    random_init(&r, 3, shape_count(s));
    float *x = check_random_floats(&r, s), *y = check_floats(s);
    float *dy = check_floats(s), *dx = check_floats(s);
    struct tensor *x_tensor = harness_weight(&h, "x", s, x);
    struct tensor *y_tensor = graph_dropout(h.graph, x_tensor, probability);
    h.step.step = 77;
    h.step.seed_low = 0xdeadbeef;
    harness_run_backward(&h, y_tensor, accumulate, y, dy);
    harness_read_gradient(&h, x_tensor, dx);
    const struct step_block step = h.step;
    const uint32_t stream = stream_of(h.graph, 0);
    harness_end(&h);

    size_t count = (size_t)shape_count(s);
    double *x_wide = check_widen(x, s), *dy_wide = check_widen(dy, s);
    double *expected = check_doubles(s);
    reference_dropout((double)probability, &step, stream, count, x_wide, expected);
    check_array("y", y, expected, s, &TOLERANCE_ELEMENTWISE);
    reference_dropout((double)probability, &step, stream, count, dy_wide, expected);
    if (accumulate)
        harness_add_accumulated(s, x, expected);
    check_array("dx", dx, expected, s, &TOLERANCE_ELEMENTWISE);
}

static void test_reference(void **state)
{
    (void)state;
    const struct shape shapes[] = {
        { 1, 1, 1, 1 }, { 1, 3, 5, 7 }, { 3, 2, 4, 9 }, { 2, 5, 17, 31 }
    };
    for (size_t i = 0; i < ARRAY_LEN(shapes); i++) {
        run_case(shapes[i], 0.5f, false);
        run_case(shapes[i], 0.2f, true);
        run_case(shapes[i], 0.0f, false);
    }
}

// The share of zeros, and of elements where two masks agree, is what it should be
// within five standard deviations.
static void check_share(size_t hits, size_t count, double expected, const char *what)
{
    double sigma = sqrt((double)count * expected * (1 - expected));
    if (fabs((double)hits - expected * (double)count) > 5 * sigma)
        fail_msg("%s: %zu of %zu, where %.1f are expected", what, hits, count,
                 expected * (double)count);
}

static size_t equal_elements(const float *a, const float *b, size_t count)
{
    size_t equal = 0;
    for (size_t i = 0; i < count; i++)
        equal += (a[i] == 0.0f) == (b[i] == 0.0f);
    return equal;
}

static void test_masks(void **state)
{
    (void)state;
    enum { COUNT = 40000 };
    const struct shape s = { 1, 4, 100, 100 };
    struct harness h;
    harness_begin(&h);
    float *ones = check_floats(s), *first = check_floats(s), *other = check_floats(s);
    for (size_t i = 0; i < COUNT; i++)
        ones[i] = 1.0f;
    struct tensor *x = harness_input(&h, "x", s, ones);
    struct tensor *a = graph_dropout(h.graph, x, 0.3f);
    struct tensor *b = graph_dropout(h.graph, x, 0.3f);
    harness_keep(&h, a);
    harness_keep(&h, b);

    harness_run(&h);
    harness_read(&h, a, first);
    harness_read(&h, b, other);
    size_t zeros = 0;
    for (size_t i = 0; i < COUNT; i++) {
        zeros += first[i] == 0.0f;
        assert_true(first[i] == 0.0f || fabsf(first[i] - 1.0f / 0.7f) < 1e-6f);
    }
    const double agree = 0.3 * 0.3 + 0.7 * 0.7;
    check_share(zeros, COUNT, 0.3, "zeros");
    check_share(equal_elements(first, other, COUNT), COUNT, agree, "two nodes");
    check_share(equal_elements(first, first + 1, COUNT - 1), COUNT - 1, agree,
                "neighbours");

    harness_run(&h);
    harness_read(&h, a, other);
    check_same("the same step", other, first, s);

    struct step_block *step = &h.step;
    uint32_t *fields[] = { &step->step, &step->seed_low, &step->seed_high };
    for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
        ++*fields[i];
        harness_run(&h);
        harness_read(&h, a, other);
        check_share(equal_elements(first, other, COUNT), COUNT, agree,
                    "another step or seed");
        --*fields[i];
    }
    harness_end(&h);
}

static struct tensor *build_gradient(struct harness *h, void *user)
{
    (void)user;
    const struct shape s = { 2, 3, 3, 5 };
    struct random r;
    random_init(&r, 8, 8);
    float *x = check_random_floats(&r, s);
    struct tensor *y = graph_dropout(h->graph, harness_weight(h, "x", s, x), 0.4f);
    return y;
}

static void test_gradient(void **state)
{
    (void)state;
    gradient_check(
        &(struct gradient_options){ .name = "dropout", .build = build_gradient });
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        check_test(test_philox),
        check_test(test_reference),
        check_test(test_masks),
        check_test(test_gradient),
    };
    return cmocka_run_group_tests(tests, test_gpu_open, test_gpu_close);
}
