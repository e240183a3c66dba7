// SPDX-License-Identifier: MIT
//
// Calls that take long are cut into pieces so that no submission runs into a driver's
// watchdog (graph/cut.h). A piece begins at a workgroup that is not the first, which
// drivers seldom see: the bits must be those of the whole.

#include "selftest/inside.h"

#include "graph/exec.h"
#include "ops/conv_choice.h"
#include "program/program.h"
#include "selftest/product_run.h"

#include <stdio.h>
#include <string.h>

#define WHOLE_SECONDS 1e4
#define PIECES_LEAST 16
#define RUNS 3    // two are measured, the third is recorded by what they took

static const struct conv_shape shape_of_all = {
    CONV_FORWARD, { 1, 24, 34, 36 }, 40, 4, 2, 1
};

struct splitting {
    struct selftest *test;
    struct product_case numbers;
    struct conv_shape shape;
    const struct conv_variant *variant;
};

double splitting_seconds(const struct selftest *t, const struct graph *g)
{
    const bool is_cpu = plan_op_limits(t->device).is_cpu;
    double seconds = 1;
    while (seconds > 1e-9 &&
           exec_estimate_submissions(g, is_cpu, seconds) < PIECES_LEAST)
        seconds /= 2;
    return seconds;
}

static bool begin(const struct splitting *s, double seconds, struct product_run *r)
{
    bool offered;
    return product_run_init(r, s->test, seconds, s->variant, &s->numbers,
                            s->shape.direction, &offered) &&
           offered;
}

// *differs: a run in pieces has other bits. False after an error.
static bool compare(const struct splitting *s, uint32_t *pieces, bool *differs)
{
    const bool is_cpu = plan_op_limits(s->test->device).is_cpu;
    struct product_run whole, cut = { 0 };
    const void *expected = begin(s, WHOLE_SECONDS, &whole)
                               ? product_run_once(&whole, PRODUCT_ROUNDED)
                               : NULL;
    bool ok = expected != NULL;
    *differs = false;
    if (ok) {
        const struct graph *g = program_graph(whole.program);
        const double seconds = splitting_seconds(s->test, g);
        *pieces = exec_estimate_submissions(g, is_cpu, seconds);
        ok = begin(s, seconds, &cut);
    }
    for (int i = 0; ok && i < RUNS; i++) {
        const void *result = product_run_once(&cut, PRODUCT_ROUNDED);
        ok = result != NULL;
        *differs |= ok && memcmp(result, expected, (size_t)whole.bytes) != 0;
    }
    product_run_finish(&cut);
    product_run_finish(&whole);
    return ok;
}

static bool test_direction(struct splitting *s)
{
    struct selftest_attempt attempt;
    char text[PRODUCT_TEXT_SIZE] = "";
    uint32_t pieces = 0;
    bool differs;
    if (!selftest_begin(s->test, "calls in pieces"))
        return false;
    selftest_try(&attempt);
    const bool ok = compare(s, &pieces, &differs);
    if (!selftest_catch(s->test, &attempt, ok, s->variant->name, text, sizeof(text)))
        return false;
    if (ok && differs)
        snprintf(text, sizeof(text), "in pieces it has other bits than as a whole");
    return selftest_report(
        s->test, &(struct pix_selftest_row){
                     .part = PIX_SELFTEST_SPLIT,
                     .name = s->variant->name,
                     .direction = selftest_direction_name(s->shape.direction),
                     .precision = "f32",
                     .outcome = *text ? PIX_SELFTEST_FAILED : PIX_SELFTEST_PASSED,
                     .cases = pieces,
                     .text = text,
                     .unit = "",
                 });
}

bool splitting_test(struct selftest *t)
{
    if (!selftest_wants(t, PIX_SELFTEST_SPLIT, NULL))
        return true;
    const struct op_limits limits = plan_op_limits(t->device);
    struct splitting s = { .test = t, .shape = shape_of_all };
    bool ok = product_case_init(&s.numbers, &shape_of_all, TENSOR_F32, false);
    for (int d = 0; ok && d < SELFTEST_DIRECTIONS; d++) {
        s.shape.direction = (enum conv_direction)d;
        const struct conv_variant *chosen = conv_choice_built_in(&limits, &s.shape);
        s.variant = conv_variant_find("simple");
        ok = test_direction(&s);
        if (ok && chosen != s.variant) {
            s.variant = chosen;
            ok = test_direction(&s);
        }
    }
    product_case_finish(&s.numbers);
    return ok;
}
