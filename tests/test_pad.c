// SPDX-License-Identifier: MIT
//
// Padding: zeros and reflection, exactly; the gradient of a mirrored element is the sum
// over its copies.

#include "support/reference.h"
#include "support/unary.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"

struct padding {
    enum pad_kind kind;
    uint32_t size;
};

static struct tensor *build(struct graph *g, struct tensor *x, const void *a)
{
    const struct padding *p = a;
    return graph_pad(g, x, p->size, p->kind);
}

static void forward(const void *a, struct shape s, const double *x, double *y)
{
    const struct padding *p = a;
    reference_pad_forward(p->kind, p->size, s, x, y);
}

static void backward(const void *a, struct shape s, const double *x, const double *dy,
                     double *dx)
{
    const struct padding *p = a;
    (void)x;
    reference_pad_backward(p->kind, p->size, s, dy, dx);
}

static void run_case(enum pad_kind kind, struct shape s, uint32_t size)
{
    char name[64];
    const struct padding p = { kind, size };
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
    snprintf(name, sizeof(name), "%s pad by %u",
             kind == PAD_KIND_ZERO ? "zero" : "reflect", (unsigned)size);
    unary_check(&u, name);
}

static void test_reference(void **state)
{
    (void)state;
    static const struct {
        enum pad_kind kind;
        struct shape s;
        uint32_t size;
    } cases[] = {
        { PAD_KIND_ZERO, { 1, 1, 1, 1 }, 2 },
        { PAD_KIND_ZERO, { 3, 2, 5, 7 }, 1 },
        { PAD_KIND_ZERO, { 1, 3, 4, 3 }, 0 },
        { PAD_KIND_REFLECT, { 1, 1, 2, 2 }, 1 },    // every row is mirrored both ways
        { PAD_KIND_REFLECT, { 3, 2, 5, 7 }, 3 },
        { PAD_KIND_REFLECT, { 1, 2, 4, 9 }, 3 },    // the most that fits
        { PAD_KIND_REFLECT, { 2, 3, 31, 17 }, 1 },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        run_case(cases[i].kind, cases[i].s, cases[i].size);
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
    struct tensor *y =
        graph_pad(h->graph, harness_weight(h, "x", s, x), 2, *(enum pad_kind *)user);
    return y;
}

static void test_gradient(void **state)
{
    (void)state;
    enum pad_kind kinds[] = { PAD_KIND_ZERO, PAD_KIND_REFLECT };
    gradient_check(&(struct gradient_options){
        .name = "zero pad", .build = build_gradient, .user = &kinds[0] });
    gradient_check(&(struct gradient_options){
        .name = "reflect pad", .build = build_gradient, .user = &kinds[1] });
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
