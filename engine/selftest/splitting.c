// SPDX-License-Identifier: MIT
//
// Calls that take long are cut into pieces so that no submission runs into a driver's
// watchdog (graph/cut.h). A piece begins at a workgroup that is not the first, which
// drivers seldom see: the bits must be those of the whole.

#include "selftest/inside.h"

#include "base/mem.h"
#include "graph/exec.h"
#include "ops/conv_choice.h"
#include "program/program.h"
#include "selftest/product_case.h"

#include <stdio.h>
#include <string.h>

#define WHOLE_SECONDS 1e4
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

static struct program *begin(const struct splitting *s, double seconds)
{
    const struct product_roles roles =
        product_case_roles(&s->numbers, s->shape.direction);
    const enum product_side sides[] = { roles.a, roles.b };
    struct op_limits limits = plan_op_limits(s->test->device);
    limits.force = s->variant;
    const struct program_options options = {
        .device = s->test->device,
        .submission_seconds = seconds,
        .limits = &limits,
    };
    struct program *p = program_create(&options);
    if (!p)
        return NULL;
    struct graph *g = program_graph(p);
    struct tensor *in[2];
    for (int i = 0; i < 2; i++) {
        in[i] = graph_input(g, "operand", s->numbers.sides[sides[i]].shape, TENSOR_F32);
        program_upload(p, in[i]);
    }
    struct tensor *out =
        graph_input(g, "product", s->numbers.sides[roles.out].shape, TENSOR_F32);
    if (!graph_failed(g)) {
        graph_product(g, &s->shape, in[0], in[1], out);
        graph_keep(g, out);
    }
    program_upload(p, out);
    program_download(p, out);
    if (graph_failed(g) || !program_plan(p, NULL, 0, NULL) || !program_start(p)) {
        program_destroy(p);
        return NULL;
    }
    for (int i = 0; i < 2; i++)
        product_case_encode(s->numbers.sides[sides[i]].operand[PRODUCT_ROUNDED],
                            shape_count(in[i]->shape), TENSOR_F32,
                            program_input(p, 0, in[i]));
    product_case_erase(shape_count(out->shape), TENSOR_F32, program_input(p, 0, out));
    return p;
}

// The result of a run; NULL after an error.
static const void *run(const struct splitting *s, struct program *p)
{
    const struct graph *g = program_graph(p);
    (void)s;
    for (size_t i = 0; i < graph_tensor_count(g); i++)
        if (graph_tensor(g, i)->kept)
            return program_run(p, NULL) ? program_output(p, 0, graph_tensor(g, i))
                                        : NULL;
    return NULL;
}

double splitting_seconds(const struct selftest *t, const struct graph *g,
                         uint32_t pieces)
{
    const bool is_cpu = plan_op_limits(t->device).is_cpu;
    double seconds = 1;
    while (seconds > 1e-9 && exec_estimate_submissions(g, is_cpu, seconds) < pieces)
        seconds /= 2;
    return seconds;
}

// *differs: a run in pieces has other bits. False after an error.
static bool compare(const struct splitting *s, uint32_t *pieces, bool *differs)
{
    const bool is_cpu = plan_op_limits(s->test->device).is_cpu;
    const size_t bytes = (size_t)shape_count(conv_shape_out(&s->shape)) * sizeof(float);
    struct program *whole = begin(s, WHOLE_SECONDS), *cut = NULL;
    const void *expected = whole ? run(s, whole) : NULL;
    bool ok = expected != NULL;
    *differs = false;
    if (ok) {
        const struct graph *g = program_graph(whole);
        const double seconds = splitting_seconds(s->test, g, PIECES_LEAST);
        *pieces = exec_estimate_submissions(g, is_cpu, seconds);
        cut = begin(s, seconds);
        ok = cut != NULL;
    }
    for (int i = 0; ok && i < RUNS; i++) {
        const void *result = run(s, cut);
        ok = result != NULL;
        *differs |= ok && memcmp(result, expected, bytes) != 0;
    }
    program_destroy(cut);
    program_destroy(whole);
    return ok;
}

static bool test_direction(struct splitting *s, const char *direction)
{
    struct selftest_attempt attempt;
    const char *error;
    char text[PRODUCT_TEXT_SIZE] = "";
    uint32_t pieces = 0;
    bool differs;
    if (!selftest_begin(s->test, "calls in pieces"))
        return false;
    selftest_try(&attempt);
    const bool ok = compare(s, &pieces, &differs);
    if (!selftest_catch(s->test, &attempt, ok, s->variant->name, &error))
        return false;
    if (!ok)
        snprintf(text, sizeof(text), "cannot be run: %s", error);
    else if (differs)
        snprintf(text, sizeof(text), "in pieces it has other bits than as a whole");
    return selftest_report(
        s->test, &(struct pix_selftest_row){
                     .part = PIX_SELFTEST_SPLIT,
                     .name = s->variant->name,
                     .direction = direction,
                     .precision = "f32",
                     .outcome = *text ? PIX_SELFTEST_FAILED : PIX_SELFTEST_PASSED,
                     .cases = pieces,
                     .text = text,
                     .unit = "",
                 });
}

bool splitting_test(struct selftest *t)
{
    static const char *const directions[] = { "forward", "input gradient",
                                              "weight gradient" };
    if (!selftest_wants(t, PIX_SELFTEST_SPLIT, NULL))
        return true;
    const struct op_limits limits = plan_op_limits(t->device);
    struct splitting s = { .test = t, .shape = shape_of_all };
    bool ok = product_case_init(&s.numbers, &shape_of_all, TENSOR_F32, false);
    for (int d = 0; ok && d < 3; d++) {
        s.shape.direction = (enum conv_direction)d;
        const struct conv_variant *chosen = conv_choice_built_in(&limits, &s.shape);
        s.variant = conv_variant_find("simple");
        ok = test_direction(&s, directions[d]);
        if (ok && chosen != s.variant) {
            s.variant = chosen;
            ok = test_direction(&s, directions[d]);
        }
    }
    product_case_finish(&s.numbers);
    return ok;
}
