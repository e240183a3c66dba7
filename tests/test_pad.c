// SPDX-License-Identifier: MIT
//
// Padding: zeros, reflection and repetition, exactly; the gradient of an element is the
// sum over its copies.

#include "support/reference.h"
#include "support/unary.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"

static struct tensor *build(struct graph *g, struct tensor *x, const void *a)
{
    const struct pad_attributes *p = a;
    return graph_pad_sides(g, x, p->size, p->down, p->across);
}

static void forward(const void *a, struct shape s, const double *x, double *y)
{
    const struct pad_attributes *p = a;
    reference_pad_forward(*p, s, x, y);
}

static void backward(const void *a, struct shape s, const double *x, const double *dy,
                     double *dx)
{
    const struct pad_attributes *p = a;
    (void)x;
    reference_pad_backward(*p, s, dy, dx);
}

static void run_case(struct pad_attributes p, struct shape s)
{
    static const char *const kinds[] = { "zero", "reflect", "wrap" };
    const uint32_t size = p.size;
    char name[64];
    const struct unary u = {
        s,
        { s.n, s.c, s.h + 2 * size, s.w + 2 * size },
        NULL,
        &p,
        build,
        forward,
        backward,
        &TOLERANCE_EXACT,
        &TOLERANCE_ELEMENTWISE,
    };
    snprintf(name, sizeof(name), "%s, %s pad by %u", kinds[p.down], kinds[p.across],
             (unsigned)size);
    unary_check(&u, name);
}

static void test_reference(void **state)
{
    (void)state;
    static const struct {
        struct pad_attributes p;
        struct shape s;
    } cases[] = {
        { { PAD_KIND_ZERO, PAD_KIND_ZERO, 2 }, { 1, 1, 1, 1 } },
        { { PAD_KIND_ZERO, PAD_KIND_ZERO, 1 }, { 3, 2, 5, 7 } },
        { { PAD_KIND_ZERO, PAD_KIND_ZERO, 0 }, { 1, 3, 4, 3 } },
        { { PAD_KIND_REFLECT, PAD_KIND_REFLECT, 1 },
          { 1, 1, 2, 2 } },    // every row is mirrored both ways
        { { PAD_KIND_REFLECT, PAD_KIND_REFLECT, 3 }, { 3, 2, 5, 7 } },
        { { PAD_KIND_REFLECT, PAD_KIND_REFLECT, 3 },
          { 1, 2, 4, 9 } },    // the most that fits
        { { PAD_KIND_REFLECT, PAD_KIND_REFLECT, 1 }, { 2, 3, 31, 17 } },
        { { PAD_KIND_WRAP, PAD_KIND_WRAP, 1 },
          { 1, 2, 1, 1 } },    // one pixel nine times
        { { PAD_KIND_WRAP, PAD_KIND_WRAP, 3 }, { 3, 2, 5, 7 } },
        { { PAD_KIND_WRAP, PAD_KIND_WRAP, 5 },
          { 1, 2, 2, 3 } },    // repeated more than once
        { { PAD_KIND_WRAP, PAD_KIND_ZERO, 1 }, { 2, 3, 5, 9 } },
        { { PAD_KIND_ZERO, PAD_KIND_WRAP, 2 }, { 1, 2, 1, 4 } },
        { { PAD_KIND_REFLECT, PAD_KIND_WRAP, 3 }, { 2, 2, 4, 2 } },
        { { PAD_KIND_WRAP, PAD_KIND_REFLECT, 3 }, { 1, 2, 1, 6 } },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        run_case(cases[i].p, cases[i].s);
}

static void test_too_large(void **state)
{
    (void)state;
    struct harness h;
    harness_begin_without_device(&h);
    struct tensor *x = harness_input(&h, "x", (struct shape){ 1, 1, 3, 8 }, NULL);
    const struct log_sink *sink = log_use(NULL);
    assert_non_null(graph_pad(h.graph, x, 2, PAD_KIND_REFLECT));
    assert_false(graph_failed(h.graph));
    graph_pad(h.graph, x, 3, PAD_KIND_REFLECT);
    log_use(sink);
    assert_true(graph_failed(h.graph));
    assert_non_null(strstr(log_last_error(), "1x1x3x8"));
    harness_end(&h);
}

static struct tensor *build_gradient(struct harness *h, void *user)
{
    const struct shape s = { 2, 1, 4, 3 };
    struct random r;
    random_init(&r, 8, 8);
    float *x = check_random_floats(&r, s);
    const struct pad_attributes *p = user;
    return graph_pad_sides(h->graph, harness_weight(h, "x", s, x), p->size, p->down,
                           p->across);
}

static void test_gradient(void **state)
{
    (void)state;
    struct pad_attributes kinds[] = {
        { PAD_KIND_ZERO, PAD_KIND_ZERO, 2 },
        { PAD_KIND_REFLECT, PAD_KIND_REFLECT, 2 },
        { PAD_KIND_WRAP, PAD_KIND_ZERO, 2 },
    };
    gradient_check(&(struct gradient_options){
        .name = "zero pad", .build = build_gradient, .user = &kinds[0] });
    gradient_check(&(struct gradient_options){
        .name = "reflect pad", .build = build_gradient, .user = &kinds[1] });
    gradient_check(&(struct gradient_options){
        .name = "wrap and zero pad", .build = build_gradient, .user = &kinds[2] });
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        check_test(test_reference),
        check_test(test_too_large),
        check_test(test_gradient),
    };
    return cmocka_run_group_tests(tests, test_gpu_open, test_gpu_close);
}
