// SPDX-License-Identifier: MIT
//
// Comparisons and test data. See check.h.

#include "support/check.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// One unit in the last place of a float is 6e-8 to 1.2e-7 of its value.
const struct tolerance TOLERANCE_EXACT = { "exact", 0, 0, 0 };
// Vulkan allows division 2.5 units and exp 3 + 2 |x| units.
const struct tolerance TOLERANCE_ELEMENTWISE = { "elementwise", 2e-6, 1e-6, 0 };
// Rounding of sums grows with the root of their length; thousands of terms here.
const struct tolerance TOLERANCE_SUM = { "sum", 2e-5, 5e-6, 1e-9 };
const struct tolerance TOLERANCE_NETWORK = { "network", 1e-3, 1e-4, 1e-8 };
// Differences carry the curvature of the loss, and its kinks, beside the rounding.
const struct tolerance TOLERANCE_GRADIENT = { "gradient", 2e-2, 1e-2, 1e-7 };

static char case_name[256];

void check_case(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(case_name, sizeof(case_name), format, arguments);
    va_end(arguments);
}

const char *check_case_name(void)
{
    return case_name;
}

// How far outside of what is allowed: more than 1 fails.
static double badness(double actual, double expected, double largest,
                      const struct tolerance *t)
{
    if (isnan(expected))
        return isnan(actual) ? 0 : INFINITY;
    if (isinf(expected) || !isfinite(actual))
        return actual == expected ? 0 : INFINITY;
    double allowed =
        t->relative * fabs(expected) + t->of_largest * largest + t->absolute;
    double difference = fabs(actual - expected);
    if (difference <= allowed)
        return allowed > 0 ? difference / allowed : 0;
    return allowed > 0 ? difference / allowed : INFINITY;
}

static void index_text(size_t i, struct shape s, char text[64])
{
    snprintf(text, 64, "[%zu, %zu, %zu, %zu]", i / s.w / s.h / s.c, i / s.w / s.h % s.c,
             i / s.w % s.h, i % s.w);
}

void check_array(const char *what, const float *actual, const double *expected,
                 struct shape shape, const struct tolerance *tolerance)
{
    size_t count = (size_t)shape_count(shape), worst = 0, bad = 0;
    double largest = 0, worst_badness = -1;
    for (size_t i = 0; i < count; i++)
        if (isfinite(expected[i]))
            largest = fmax(largest, fabs(expected[i]));
    for (size_t i = 0; i < count; i++) {
        double b = badness((double)actual[i], expected[i], largest, tolerance);
        bad += b > 1;
        if (b > worst_badness) {
            worst = i;
            worst_badness = b;
        }
    }
    if (bad == 0)
        return;
    char shape_name[SHAPE_TEXT_SIZE], index[64];
    index_text(worst, shape, index);
    fail_msg("%s: %zu of %zu elements of %s (%s) are wrong; the worst, %s, is %.9g "
             "instead of %.9g: %.3g times what tolerance '%s' allows",
             case_name, bad, count, what, shape_text(shape, shape_name), index,
             (double)actual[worst], expected[worst], worst_badness, tolerance->name);
}

void check_number(const char *what, double actual, double expected,
                  const struct tolerance *tolerance)
{
    double b = badness(actual, expected, fabs(expected), tolerance);
    if (b > 1)
        fail_msg(
            "%s: %s is %.9g instead of %.9g: %.3g times what tolerance '%s' allows",
            case_name, what, actual, expected, b, tolerance->name);
}

void check_same(const char *what, const float *actual, const float *expected,
                struct shape shape)
{
    size_t count = (size_t)shape_count(shape);
    for (size_t i = 0; i < count; i++) {
        if (memcmp(&actual[i], &expected[i], sizeof(float)) != 0) {
            char index[64];
            index_text(i, shape, index);
            fail_msg("%s: the bits of %s differ, first at %s: %.9g and %.9g", case_name,
                     what, index, (double)actual[i], (double)expected[i]);
        }
    }
}

// A list of blocks, each allocated by itself, so that a sanitizer sees what is read
// beyond its end.
struct kept {
    struct kept *next;
    max_align_t data[];
};

static struct kept *all_kept;

void *check_memory(size_t size)
{
    struct kept *b = calloc(1, sizeof(*b) + MAX(size, 1));
    assert_non_null(b);
    b->next = all_kept;
    all_kept = b;
    return b->data;
}

int check_release(void **state)
{
    (void)state;
    while (all_kept) {
        struct kept *next = all_kept->next;
        free(all_kept);
        all_kept = next;
    }
    return 0;
}

float *check_floats(struct shape shape)
{
    return check_memory((size_t)shape_count(shape) * sizeof(float));
}

float *check_random_floats(struct random *r, struct shape shape)
{
    float *x = check_floats(shape);
    for (size_t i = 0; i < shape_count(shape); i++)
        x[i] = (float)random_normal(r);
    return x;
}

double *check_doubles(struct shape shape)
{
    return check_memory((size_t)shape_count(shape) * sizeof(double));
}

double *check_widen(const float *x, struct shape shape)
{
    double *wide = check_doubles(shape);
    for (size_t i = 0; i < shape_count(shape); i++)
        wide[i] = (double)x[i];
    return wide;
}
