// SPDX-License-Identifier: MIT
//
// Central differences. The loss of the difference is computed on the host in doubles
// from the downloaded output, so that its own rounding does not count.

#include "support/gradient.h"

#include <math.h>
#include <stdio.h>

#define DEFAULT_STEP 1e-2
#define DEFAULT_DIRECTIONS 2
#define DEFAULT_ELEMENTS 4

// Rounding of the loss, of its size: what a difference cannot resolve.
#define LOSS_NOISE 2e-7

// A single element moves the loss less than all of them do.
#define ELEMENT_STEP 4.0

struct checked {
    struct harness h;
    struct tensor *y;
    float *output, *target;
};

static double run_loss(struct checked *c)
{
    harness_run(&c->h);
    harness_read(&c->h, c->y, c->output);
    size_t count = (size_t)shape_count(c->y->shape);
    double sum = 0;
    for (size_t i = 0; i < count; i++) {
        double d = (double)c->output[i] - (double)c->target[i];
        sum += d * d;
    }
    return sum / (double)count;
}

// The slope of the loss along `direction` by differences, against the one by gradient.
static void check_direction(struct checked *c, const struct gradient_options *options,
                            struct tensor *w, const float *value, const float *gradient,
                            const double *direction, double step, double size,
                            const char *what)
{
    size_t count = (size_t)shape_count(w->shape);
    float *moved = check_floats(w->shape);
    double loss[2], expected = 0;
    for (int side = 0; side < 2; side++) {
        for (size_t i = 0; i < count; i++)
            moved[i] = (float)((double)value[i] + (side ? step : -step) * direction[i]);
        harness_write(&c->h, w, moved);
        loss[side] = run_loss(c);
    }
    for (size_t i = 0; i < count; i++) {
        // What was really added, after rounding.
        double difference = (double)(float)((double)value[i] + step * direction[i]) -
                            (double)(float)((double)value[i] - step * direction[i]);
        expected += (double)gradient[i] * difference / (2 * step);
    }
    const struct tolerance *t = options->tolerance;
    double slope = (loss[1] - loss[0]) / (2 * step);
    double allowed = t->relative * fabs(expected) + t->of_largest * size + t->absolute +
                     LOSS_NOISE * (loss[0] + loss[1]) / step;
    if (!(fabs(slope - expected) <= allowed))
        fail_msg("gradient of %s, %s of '%s': the loss has slope %.7g, the gradient "
                 "says %.7g, %.2g may lie between",
                 options->name, what, w->name, slope, expected, allowed);
}

static void check_weight(struct checked *c, const struct gradient_options *options,
                         struct random *r, struct tensor *w)
{
    size_t count = (size_t)shape_count(w->shape);
    float *value = check_floats(w->shape), *gradient = check_floats(w->shape);
    double *direction = check_doubles(w->shape);
    harness_read(&c->h, w, value);
    harness_read_gradient(&c->h, w, gradient);
    double squares = 0, length = 0, largest = 0;
    for (size_t i = 0; i < count; i++) {
        squares += (double)value[i] * (double)value[i];
        length += (double)gradient[i] * (double)gradient[i];
        largest = fmax(largest, fabs((double)gradient[i]));
    }
    // Steps are measured by the weight's own size, and by 1 where it is zero.
    double unit = squares > 0 ? sqrt(squares / (double)count) : 1.0;
    double step = options->step * unit;

    for (uint32_t k = 0; k < options->directions; k++) {
        for (size_t i = 0; i < count; i++)
            direction[i] = random_normal(r);
        check_direction(c, options, w, value, gradient, direction, step, sqrt(length),
                        "a direction");
    }
    for (uint32_t k = 0; k < options->elements; k++) {
        size_t element = random_below(r, (uint32_t)count);
        char what[64];
        snprintf(what, sizeof(what), "element %zu", element);
        for (size_t i = 0; i < count; i++)
            direction[i] = i == element;
        check_direction(c, options, w, value, gradient, direction, step * ELEMENT_STEP,
                        largest, what);
    }
    harness_write(&c->h, w, value);
}

void gradient_check(const struct gradient_options *user_options)
{
    struct gradient_options options = *user_options;
    if (options.step == 0)
        options.step = DEFAULT_STEP;
    if (!options.directions)
        options.directions = DEFAULT_DIRECTIONS;
    if (!options.elements)
        options.elements = DEFAULT_ELEMENTS;
    if (!options.tolerance)
        options.tolerance = &TOLERANCE_GRADIENT;

    struct random r;
    random_init(&r, 1234, 5);
    struct checked c = { 0 };
    struct op_limits limits = test_gpu_limits();
    limits.force = options.variant;
    harness_begin(&c.h);
    harness_set_limits(&c.h, limits);
    c.y = options.build(&c.h, options.user);
    assert_non_null(c.y);
    c.output = check_floats(c.y->shape);
    c.target = check_random_floats(&r, c.y->shape);
    struct tensor *target = harness_input(&c.h, "target", c.y->shape, c.target);
    graph_backward(c.h.graph, graph_mse(c.h.graph, c.y, target), c.h.weights);
    harness_keep(&c.h, c.y);
    harness_prepare(&c.h);
    if (options.initialise)
        options.initialise(&c.h, options.user);
    double loss = run_loss(&c);
    assert_true(isfinite(loss));

    size_t trained = 0;
    for (size_t i = 0; i < c.h.weights->count; i++) {
        struct weight *w = c.h.weights->items[i];
        if (!weight_is_trained(w))
            continue;
        trained++;
        run_loss(&c);    // the gradient at the unmoved weights
        check_weight(&c, &options, &r, &w->value);
    }
    assert_true(trained > 0);
    harness_end(&c.h);
}
