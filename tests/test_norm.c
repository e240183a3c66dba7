// SPDX-License-Identifier: MIT
//
// Batch and instance norm against the reference: output, gradients through the
// statistics, running statistics, and data that punishes careless sums.

#include "support/gradient.h"
#include "support/reference.h"

#include <math.h>

#include "base/log.h"
#include "support/log.h"

#define EPSILON 1e-5
#define MOMENTUM 0.1

static const struct shape shapes[] = {
    { 1, 1, 1, 1 }, { 1, 3, 5, 7 },   { 3, 4, 2, 3 },  { 2, 130, 1, 1 },
    { 1, 5, 1, 1 }, { 2, 3, 33, 65 }, { 3, 2, 16, 8 },
};

struct norm_case {
    enum norm_kind kind;
    struct shape s;
    bool affine, running, accumulate;
    float mean;    // of x
};

static float *random_vector(struct random *r, struct shape s, float mean)
{
    float *x = check_random_floats(r, s);
    for (size_t i = 0; i < shape_count(s); i++)
        x[i] += mean;
    return x;
}

static void run_case(const struct norm_case *t, const struct tolerance *tolerance)
{
    const struct shape s = t->s, channels = { 1, s.c, 1, 1 };
    char text[SHAPE_TEXT_SIZE];
    check_case("%s norm %s%s%s%s, mean %g",
               t->kind == NORM_BATCH ? "batch" : "instance", shape_text(s, text),
               t->affine ? " affine" : "", t->running ? " running" : "",
               t->accumulate ? " accumulate" : "", (double)t->mean);
    struct harness h;
    harness_begin(&h);
    struct random r;
    random_init(&r, 2, shape_count(s));
    float *x = random_vector(&r, s, t->mean);
    float *scale = random_vector(&r, channels, 1.0f);
    float *shift = random_vector(&r, channels, 0.0f);
    float *mean = random_vector(&r, channels, 0.0f);
    float *variance = random_vector(&r, channels, 3.0f);
    float *y = check_floats(s), *dy = check_floats(s), *dx = check_floats(s);
    float *dscale = check_floats(channels), *dshift = check_floats(channels);

    struct tensor *x_tensor = harness_weight(&h, "x", s, x);
    struct tensor *scale_tensor =
        t->affine ? harness_norm(&h, s.c, scale, shift, mean, variance) : NULL;
    struct norm_weights *weights = t->affine ? scale_tensor->weight->norm : NULL;
    const struct norm_attributes attr = {
        .kind = t->kind,
        .epsilon = (float)EPSILON,
        .momentum = (float)MOMENTUM,
        .update_running = t->running,
    };
    struct tensor *y_tensor = graph_norm(h.graph, x_tensor, scale_tensor, attr);
    harness_run_backward(&h, y_tensor, t->accumulate, y, dy);
    harness_read_gradient(&h, x_tensor, dx);

    double *x_wide = check_widen(x, s), *dy_wide = check_widen(dy, s);
    double *scale_wide = check_widen(scale, channels);
    double *shift_wide = check_widen(shift, channels);
    double *y_expected = check_doubles(s), *dx_expected = check_doubles(s);
    double *dscale_expected = check_doubles(channels);
    double *dshift_expected = check_doubles(channels);
    const struct shape groups = { 1, reference_norm_groups(t->kind, s), 1, 1 };
    double *batch_mean = check_doubles(groups), *batch_variance = check_doubles(groups);
    reference_norm_forward(t->kind, EPSILON, s, x_wide, t->affine ? scale_wide : NULL,
                           shift_wide, y_expected, batch_mean, batch_variance);
    reference_norm_backward(t->kind, EPSILON, s, x_wide, t->affine ? scale_wide : NULL,
                            dy_wide, dx_expected, dscale_expected, dshift_expected);
    check_array("y", y, y_expected, s, tolerance);

    // dx is a difference of three terms that may cancel entirely (a group of two has no
    // gradient but epsilon's), so it is measured by the terms.
    double largest_factor = 0, largest_dy = 0;
    for (uint32_t g = 0; g < groups.c; g++)
        largest_factor =
            fmax(largest_factor, fabs(t->affine ? scale_wide[g % s.c] : 1.0) /
                                     sqrt(batch_variance[g] + EPSILON));
    for (size_t i = 0; i < shape_count(s); i++)
        largest_dy = fmax(largest_dy, fabs(dy_wide[i]));
    struct tolerance terms = *tolerance;
    terms.absolute = 2e-6 * largest_factor * largest_dy;
    if (t->accumulate)
        harness_add_accumulated(s, x, dx_expected);
    check_array("dx", dx, dx_expected, s, &terms);

    if (t->affine) {
        harness_read_gradient(&h, scale_tensor, dscale);
        harness_read_gradient(&h, &weights->shift->value, dshift);
        if (t->accumulate) {
            harness_add_accumulated(channels, scale, dscale_expected);
            harness_add_accumulated(channels, shift, dshift_expected);
        }
        terms.absolute = 2e-6 * largest_dy;
        check_array("dscale", dscale, dscale_expected, channels, &terms);
        check_array("dshift", dshift, dshift_expected, channels, &terms);
    }
    if (t->running) {
        double *mean_wide = check_widen(mean, channels);
        double *variance_wide = check_widen(variance, channels);
        reference_norm_running(t->kind, MOMENTUM, s, batch_mean, batch_variance,
                               mean_wide, variance_wide);
        harness_read(&h, &weights->mean->value, mean);
        harness_read(&h, &weights->variance->value, variance);
        check_array("running mean", mean, mean_wide, channels, &TOLERANCE_SUM);
        check_array("running variance", variance, variance_wide, channels,
                    &TOLERANCE_SUM);
    }
    harness_end(&h);
}

static void run_shapes(enum norm_kind kind)
{
    for (size_t i = 0; i < ARRAY_LEN(shapes); i++) {
        run_case(&(struct norm_case){ kind, shapes[i], true, kind == NORM_BATCH, false,
                                      0.5f },
                 &TOLERANCE_SUM);
        run_case(&(struct norm_case){ kind, shapes[i], false, false, false, 0.0f },
                 &TOLERANCE_SUM);
        run_case(&(struct norm_case){ kind, shapes[i], true, false, true, -2.0f },
                 &TOLERANCE_SUM);
    }
}

static void test_batch(void **state)
{
    (void)state;
    run_shapes(NORM_BATCH);
}

static void test_instance(void **state)
{
    (void)state;
    run_shapes(NORM_INSTANCE);
}

// E[x^2] - E[x]^2 would lose everything here. A float near 3000 has steps of 2.4e-4,
// which is what is left of the mean's exactness.
static void test_large_mean(void **state)
{
    (void)state;
    const struct tolerance mean_step = { "step of the mean", 1e-4, 2e-4, 0 };
    run_case(
        &(struct norm_case){
            NORM_BATCH, { 2, 3, 33, 31 }, true, false, false, 3000.0f },
        &mean_step);
    run_case(
        &(struct norm_case){
            NORM_INSTANCE, { 2, 3, 33, 31 }, false, false, false, 3000.0f },
        &mean_step);
}

// A channel without variance gives the shift, and its gradient stays finite.
static void test_constant(void **state)
{
    (void)state;
    const struct shape s = { 1, 2, 4, 4 };
    const float scale[] = { 2.0f, 3.0f }, shift[] = { -1.0f, 0.25f };
    float x[32], y[32], dy[32], dx[32];
    for (size_t i = 0; i < 32; i++)
        x[i] = i < 16 ? 7.7f : 0.0f;
    struct harness h;
    harness_begin(&h);
    struct tensor *x_tensor = harness_weight(&h, "x", s, x);
    struct tensor *y_tensor =
        graph_norm(h.graph, x_tensor, harness_norm(&h, s.c, scale, shift, NULL, NULL),
                   (struct norm_attributes){ .kind = NORM_INSTANCE, .epsilon = 1e-5f });
    harness_run_backward(&h, y_tensor, false, y, dy);
    harness_read_gradient(&h, x_tensor, dx);
    harness_end(&h);
    for (size_t i = 0; i < 32; i++) {
        assert_float_equal(y[i], shift[i / 16], 1e-3);
        assert_true(isfinite(dx[i]));
    }
}

// More groups than one row of workgroups holds.
static void test_many_groups(void **state)
{
    (void)state;
    const struct shape s = { 2, 33000, 1, 2 };
    struct harness h;
    harness_begin(&h);
    check_case("instance norm of 66000 groups");
    struct random r;
    random_init(&r, 5, 5);
    float *x = check_random_floats(&r, s), *y = check_floats(s);
    struct tensor *y_tensor =
        graph_norm(h.graph, harness_input(&h, "x", s, x), NULL,
                   (struct norm_attributes){ .kind = NORM_INSTANCE, .epsilon = 1e-5f });
    harness_keep(&h, y_tensor);
    harness_run(&h);
    harness_read(&h, y_tensor, y);
    harness_end(&h);
    double *x_wide = check_widen(x, s), *expected = check_doubles(s);
    reference_norm_forward(NORM_INSTANCE, EPSILON, s, x_wide, NULL, NULL, expected,
                           NULL, NULL);
    // Groups of two come out as +-1; close pairs turn a rounding of their difference
    // into one of the result.
    const struct tolerance pairs = { "pairs", 1e-3, 0, 1e-3 };
    check_array("y", y, expected, s, &pairs);
}

// Two batches in one tensor are what they are in two.
static void test_sections(void **state)
{
    (void)state;
    const struct shape s = { 2, 3, 5, 7 }, both = { 4, 3, 5, 7 };
    const size_t count = (size_t)shape_count(s);
    const float scale[] = { 0.7f, -1.3f, 2.0f }, shift[] = { 0.1f, 0.2f, -0.3f };
    const float mean[] = { 0.5f, 0.0f, 1.0f }, variance[] = { 1.0f, 2.0f, 0.5f };
    const struct norm_attributes attr = { .epsilon = 1e-5f,
                                          .momentum = 0.1f,
                                          .update_running = true };
    struct norm_attributes sections = attr;
    sections.sections = 2;
    struct random r;
    random_init(&r, 9, 9);
    float *x = check_random_floats(&r, both), *goal = check_random_floats(&r, both);
    float results[2][3][3], *y[2], *dx[2];
    for (int joint = 0; joint < 2; joint++) {
        y[joint] = check_floats(both);
        dx[joint] = check_floats(both);
        struct harness h;
        harness_begin(&h);
        struct tensor *weights = harness_norm(&h, s.c, scale, shift, mean, variance);
        struct tensor *xs[2], *ys[2];
        for (int i = 0; i < 2 - joint; i++) {
            struct shape part = joint ? both : s;
            xs[i] = harness_weight(&h, i ? "x1" : "x0", part, x + i * count);
            ys[i] = graph_norm(h.graph, xs[i], weights, joint ? sections : attr);
            harness_keep(&h, ys[i]);
        }
        const struct tensor *t0 = harness_input(&h, "t0", joint ? both : s, goal);
        struct tensor *loss = graph_mse(h.graph, ys[0], (struct tensor *)t0);
        if (joint)
            loss = graph_scale(h.graph, loss, 2.0f);
        else
            loss = graph_add(
                h.graph, loss,
                graph_mse(h.graph, ys[1], harness_input(&h, "t1", s, goal + count)));
        graph_backward(h.graph, loss, h.weights);
        harness_run(&h);
        for (int i = 0; i < 2 - joint; i++) {
            harness_read(&h, ys[i], y[joint] + i * count);
            harness_read_gradient(&h, xs[i], dx[joint] + i * count);
        }
        harness_read_gradient(&h, weights, results[joint][0]);
        harness_read_gradient(&h, &weights->weight->norm->shift->value,
                              results[joint][1]);
        harness_read(&h, &weights->weight->norm->variance->value, results[joint][2]);
        harness_end(&h);
    }
    for (size_t i = 0; i < 2 * count; i++) {
        assert_float_equal(y[0][i], y[1][i], 1e-5);
        assert_float_equal(dx[0][i], dx[1][i], 1e-6);
    }
    for (int i = 0; i < 9; i++)
        assert_float_equal(results[0][i / 3][i % 3], results[1][i / 3][i % 3], 1e-5);
}

// In one pass the same as by the ops one after the other, and the same mask.
static void test_fused(void **state)
{
    (void)state;
    static const struct shape all[] = { { 2, 3, 5, 7 },
                                        { 1, 5, 1, 3 },
                                        { 3, 2, 16, 8 } };
    for (size_t i = 0; i < ARRAY_LEN(all) * 2; i++) {
        const struct shape s = all[i / 2];
        float *y[2], *dx[2], *dy = check_floats(s);
        for (int fused = 0; fused < 2; fused++) {
            struct random r;
            random_init(&r, 10, i);
            float *x = check_random_floats(&r, s);
            y[fused] = check_floats(s);
            dx[fused] = check_floats(s);
            struct harness h;
            harness_begin(&h);
            struct tensor *x_tensor = harness_weight(&h, "x", s, x);
            const struct norm_attributes attr = {
                .kind = i % 2 ? NORM_BATCH : NORM_INSTANCE,
                .epsilon = 1e-5f,
                .leaky = fused,
                .slope = 0.2f,
                .dropout = fused ? 0.4f : 0.0f,
            };
            struct tensor *out = graph_norm(h.graph, x_tensor, NULL, attr);
            if (!fused)
                out =
                    graph_dropout(h.graph, graph_leaky_relu(h.graph, out, 0.2f), 0.4f);
            harness_run_backward(&h, out, false, y[fused], dy);
            harness_read_gradient(&h, x_tensor, dx[fused]);
            harness_end(&h);
        }
        for (size_t k = 0; k < shape_count(s); k++) {
            assert_true((y[0][k] == 0) == (y[1][k] == 0));
            assert_float_equal(y[0][k], y[1][k], 1e-6);
            assert_float_equal(dx[0][k], dx[1][k], 2e-5);
        }
    }
}

static void run_fixed(struct shape s, bool leaky, bool drops)
{
    const struct shape channels = { 1, s.c, 1, 1 };
    char text[SHAPE_TEXT_SIZE];
    check_case("fixed norm %s%s%s", shape_text(s, text), leaky ? " leaky" : "",
               drops ? " dropout" : "");
    struct harness h;
    harness_begin(&h);
    struct random r;
    random_init(&r, 14, shape_count(s));
    float *x = random_vector(&r, s, 0.5f), *y = check_floats(s);
    float *scale = random_vector(&r, channels, 1.0f);
    float *shift = random_vector(&r, channels, 0.0f);
    float *mean = random_vector(&r, channels, 0.0f);
    float *variance = check_floats(channels);
    for (size_t i = 0; i < s.c; i++)
        variance[i] = (float)(0.01 + random_uniform(&r));
    struct tensor *weights = harness_norm(&h, s.c, scale, shift, mean, variance);
    // From a slice to a slice.
    struct tensor *in = harness_input(&h, "x", s, x);
    struct tensor *part = graph_scale(h.graph, in, 1.0f);
    struct tensor *out = graph_norm(h.graph, part, weights,
                                    (struct norm_attributes){
                                        .epsilon = (float)EPSILON,
                                        .fixed = true,
                                        .leaky = leaky,
                                        .slope = 0.2f,
                                        .dropout = drops ? 0.25f : 0.0f,
                                    });
    harness_keep(&h, graph_concat(h.graph, part, out));
    harness_keep(&h, out);
    harness_run(&h);
    harness_read(&h, out, y);
    const struct step_block step = h.step;

    double *wide[] = { check_widen(x, s), check_widen(scale, channels),
                       check_widen(shift, channels), check_widen(mean, channels),
                       check_widen(variance, channels) };
    double *expected = check_doubles(s);
    const size_t count = (size_t)shape_count(s);
    reference_norm_fixed(EPSILON, s, wide[0], wide[1], wide[2], wide[3], wide[4],
                         expected);
    if (leaky)
        reference_activation_forward(ACTIVATION_KIND_LEAKY, 0.2, count, expected,
                                     expected);
    if (drops)
        reference_dropout(0.25, &step, 0, count, expected, expected);
    check_array("y", y, expected, s, &TOLERANCE_SUM);
    // They stay what they were.
    harness_read(&h, &weights->weight->norm->variance->value, y);
    check_same("running variance", y, variance, channels);
    harness_end(&h);
}

// By the running statistics.
static void test_fixed(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(shapes); i++)
        for (int k = 0; k < 4; k++)
            run_fixed(shapes[i], k & 1, k & 2);
}

// The statistics of before and those of the image become those of both, by weights; in
// step 1 there are none of before.
static void run_follow(struct shape s, uint32_t step, double keep)
{
    const struct shape channels = { 1, s.c, 1, 1 };
    const float region[] = { 0, 0, (float)s.h, (float)s.w };
    const size_t run = (size_t)s.h * s.w;
    char text[SHAPE_TEXT_SIZE];
    check_case("norm %s that follows, step %u", shape_text(s, text), (unsigned)step);
    struct harness h;
    harness_begin(&h);
    h.step.step = step;
    struct random r;
    random_init(&r, 15, shape_count(s));
    float *x = random_vector(&r, s, 0.5f), *y = check_floats(s);
    float *scale = random_vector(&r, channels, 1.0f);
    float *shift = random_vector(&r, channels, 0.0f);
    float *mean = random_vector(&r, channels, 0.0f);
    float *variance = check_floats(channels);
    double *expected_mean = check_doubles(channels), *expected = check_doubles(s);
    double *expected_variance = check_doubles(channels);
    for (size_t c = 0; c < s.c; c++) {
        double m = 0, v = 0;
        variance[c] = (float)(0.01 + random_uniform(&r));
        for (size_t i = 0; i < run; i++)
            m += (double)x[c * run + i] / (double)run;
        for (size_t i = 0; i < run; i++)
            v += pow((double)x[c * run + i] - m, 2) / (double)run;
        const double old = step > 1 ? keep : 0, before = (double)mean[c];
        expected_mean[c] = old * before + (1 - old) * m;
        // Of squares around the new mean.
        expected_variance[c] =
            old * ((double)variance[c] + pow(before - expected_mean[c], 2)) +
            (1 - old) * (v + pow(m - expected_mean[c], 2));
    }
    struct tensor *weights = harness_norm(&h, s.c, scale, shift, mean, variance);
    struct tensor *in = harness_input(&h, "x", s, x);
    struct tensor *where =
        harness_input(&h, "region", (struct shape){ 1, 1, 1, 4 }, region);
    struct tensor *out = graph_norm_following(
        h.graph, in, weights, graph_moments(h.graph, in, where, 1),
        (struct norm_attributes){
            .epsilon = (float)EPSILON, .fixed = true, .keep = (float)keep });
    harness_keep(&h, out);
    harness_run(&h);
    harness_read(&h, out, y);
    reference_norm_fixed(EPSILON, s, check_widen(x, s), check_widen(scale, channels),
                         check_widen(shift, channels), expected_mean, expected_variance,
                         expected);
    check_array("y", y, expected, s, &TOLERANCE_SUM);
    harness_read(&h, &weights->weight->norm->mean->value, y);
    check_array("mean", y, expected_mean, channels, &TOLERANCE_SUM);
    harness_read(&h, &weights->weight->norm->variance->value, y);
    check_array("variance", y, expected_variance, channels, &TOLERANCE_SUM);
    harness_end(&h);
}

static void test_follow(void **state)
{
    static const struct shape images[] = { { 1, 1, 3, 3 },
                                           { 1, 3, 5, 7 },
                                           { 1, 300, 2, 2 } };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(images); i++)
        for (uint32_t step = 1; step < 4; step++)
            run_follow(images[i], step, 0.9);
}

// Statistics that follow are fixed ones, and of one image.
static void test_follow_refused(void **state)
{
    (void)state;
    for (uint32_t k = 0; k < 2; k++) {
        const struct shape s = { 1 + k, 3, 4, 5 };
        struct harness h;
        harness_begin_without_device(&h);
        const struct log_sink *sink = log_use(NULL);
        struct tensor *x = harness_weight(&h, "x", s, NULL);
        struct tensor *where =
            harness_weight(&h, "region", (struct shape){ 1, 1, 1, 4 }, NULL);
        graph_norm_following(h.graph, x, harness_norm(&h, s.c, NULL, NULL, NULL, NULL),
                             graph_moments(h.graph, x, where, 1),
                             (struct norm_attributes){ .epsilon = 1e-5f, .fixed = k });
        log_use(sink);
        assert_true(graph_failed(h.graph));
        harness_end(&h);
    }
}

// Neither trained nor updated, and not of what has no running statistics.
static void test_fixed_refused(void **state)
{
    (void)state;
    const struct shape s = { 2, 3, 4, 5 };
    for (int i = 0; i < 4; i++) {
        struct harness h;
        harness_begin_without_device(&h);
        const struct log_sink *sink = log_use(NULL);
        test_forget_error();
        struct norm_attributes attr = { .epsilon = 1e-5f, .fixed = true };
        attr.kind = i == 1 ? NORM_INSTANCE : NORM_BATCH;
        attr.update_running = i == 2;
        struct tensor *y = graph_norm(
            h.graph, harness_weight(&h, "x", s, NULL),
            i == 3 ? NULL : harness_norm(&h, s.c, NULL, NULL, NULL, NULL), attr);
        assert_true(graph_failed(h.graph) == (i > 0));
        if (i == 0)
            graph_backward(h.graph, graph_mse(h.graph, y, NULL), h.weights);
        log_use(sink);
        assert_true(graph_failed(h.graph));
        assert_true(log_last_error()[0] != '\0');
        harness_end(&h);
    }
}

struct gradient_case {
    const char *name;
    struct norm_attributes attr;
};

static struct tensor *build_gradient(struct harness *h, void *user)
{
    const struct gradient_case *c = user;
    const struct shape s = { 2, 3, 4, 5 };
    const float scale[] = { 0.7f, -1.3f, 2.0f }, shift[] = { 0.1f, 0.2f, -0.3f };
    struct random r;
    random_init(&r, 8, 8);
    float *x = check_random_floats(&r, s);
    struct tensor *y =
        graph_norm(h->graph, harness_weight(h, "x", s, x),
                   harness_norm(h, s.c, scale, shift, NULL, NULL), c->attr);
    return y;
}

static void test_gradient(void **state)
{
    (void)state;
    static const struct gradient_case all[] = {
        { "batch norm", { .kind = NORM_BATCH, .epsilon = 1e-5f } },
        { "instance norm", { .kind = NORM_INSTANCE, .epsilon = 1e-5f } },
        { "batch norm in sections", { .epsilon = 1e-5f, .sections = 2 } },
        { "batch norm, dropout", { .epsilon = 1e-5f, .dropout = 0.3f } },
    };
    for (size_t i = 0; i < ARRAY_LEN(all); i++)
        gradient_check(&(struct gradient_options){
            .name = all[i].name, .build = build_gradient, .user = (void *)&all[i] });
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        check_test(test_batch),          check_test(test_instance),
        check_test(test_large_mean),     check_test(test_constant),
        check_test(test_many_groups),    check_test(test_sections),
        check_test(test_fused),          check_test(test_fixed),
        check_test(test_fixed_refused),  check_test(test_follow),
        check_test(test_follow_refused), check_test(test_gradient),
    };
    return cmocka_run_group_tests(tests, test_gpu_open, test_gpu_close);
}
