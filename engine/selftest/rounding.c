// SPDX-License-Identifier: MIT
//
// How kernels read and write numbers of 16 bits (shaders/lib/tensor.glsl): every number
// there is, the middles between neighbours and what lies beside those, rounded to
// nearest, of two equally near ones to the even one.
//
// Vulkan lets drivers take numbers that are subnormal for zeros, and does not tell
// apart the two zeros: that passes. Infinities and NaN it may lose as well, but the
// loss scale of f16 goes by them, so here it may not.

#include "selftest/inside.h"

#include "base/mem.h"
#include "graph/graph.h"
#include "program/program.h"

#include <float.h>
#include <math.h>
#include <stdio.h>

#define PATTERNS 65536
#define SPECIAL ARRAY_LEN(special)

static const float special[] = {
    0.0f,    -0.0f,   1.0f,     65504.0f, 65519.0f,  65520.0f,     -65520.0f,
    FLT_MAX, FLT_MIN, -FLT_MAX, INFINITY, -INFINITY, FLT_TRUE_MIN, 0x1p-25f,
};

struct rounding {
    struct selftest *test;
    enum tensor_format from, to;
    uint32_t count;
    struct program *program;
    struct tensor *in, *out;
    uint32_t wrong, flushed;
    char text[160];
};

static enum tensor_format half_of(const struct rounding *r)
{
    return r->from == TENSOR_F32 ? r->to : r->from;
}

static uint16_t bits_of(const struct rounding *r, float value)
{
    return tensor_bits_16(value, half_of(r));
}

static float value_of(const struct rounding *r, uint16_t bits)
{
    return tensor_value_16(bits, half_of(r));
}

// Multiplies by one, which changes nothing but the format. False after an error.
static bool build(struct rounding *r)
{
    const struct program_options options = {
        .device = r->test->device,
        .submission_seconds = r->test->submission_seconds,
    };
    r->program = program_create(&options);
    if (!r->program)
        return false;
    struct graph *g = program_graph(r->program);
    r->in = graph_input(g, "numbers", (struct shape){ 1, 1, 1, r->count }, r->from);
    graph_store(g, r->to);
    r->out = graph_scale(g, r->in, 1.0f);
    if (graph_failed(g))
        return false;
    graph_keep(g, r->out);
    program_upload(r->program, r->in);
    program_download(r->program, r->out);
    return program_plan(r->program, NULL, 0, NULL) && program_start(r->program);
}

// ---------------------------------------------------------------------------
// Comparison

static void compare(struct rounding *r, float given, float actual, float expected)
{
    const double smallest = half_of(r) == TENSOR_F16 ? 0x1p-14 : 0x1p-126;
    if (isnan(expected) ? isnan(actual) : actual == expected)
        return;
    // The result, or what it was made of, is subnormal.
    if (actual == 0 &&
        (fabs((double)expected) <= smallest || fabs((double)given) < 0x1p-126)) {
        r->flushed++;
        return;
    }
    if (r->wrong++ == 0)
        snprintf(r->text, sizeof(r->text), "%a becomes %a, not %a", (double)given,
                 (double)actual, (double)expected);
}

// ---------------------------------------------------------------------------
// Both ways

static bool report(struct rounding *r, const char *name, bool ok)
{
    struct pix_selftest_row row = {
        .part = PIX_SELFTEST_ROUNDING,
        .name = name,
        .direction = "",
        .precision = selftest_format_name(half_of(r)),
        .outcome = ok && !r->wrong ? PIX_SELFTEST_PASSED : PIX_SELFTEST_FAILED,
        .cases = r->count,
        .text = r->text,
        .unit = "",
    };
    if (ok && !r->wrong && r->flushed)
        snprintf(r->text, sizeof(r->text), "subnormal numbers become 0");
    return selftest_report(r->test, &row);
}

// `fill` writes the numbers that are given, `check` looks at the result.
static bool test_way(struct rounding *r, const char *name,
                     void (*fill)(const struct rounding *r, void *numbers),
                     void (*check)(struct rounding *r, const void *numbers,
                                   const void *result))
{
    struct selftest_attempt attempt;
    if (!selftest_begin(r->test, name))
        return false;
    selftest_try(&attempt);
    bool ok = build(r);
    if (ok) {
        void *numbers = program_input(r->program, 0, r->in);
        fill(r, numbers);
        ok = program_run(r->program, NULL);
        if (ok)
            check(r, numbers, program_output(r->program, 0, r->out));
    }
    const bool can_continue =
        selftest_catch(r->test, &attempt, ok, name, r->text, sizeof(r->text));
    program_destroy(r->program);
    r->program = NULL;
    return can_continue && report(r, name, ok);
}

static void fill_floats(const struct rounding *r, void *numbers)
{
    float *to = numbers;
    uint32_t count = 0;
    for (size_t i = 0; i < SPECIAL; i++)
        to[count++] = special[i];
    for (uint32_t bits = 0; bits < PATTERNS; bits++) {
        const float value = value_of(r, (uint16_t)bits);
        const float next = value_of(r, (uint16_t)(bits + 1));
        const bool has_next =
            isfinite(value) && isfinite(next) && (bits & 0x7fff) != 0x7fff;
        const float middle =
            has_next ? (float)(((double)value + (double)next) / 2) : value;
        to[count++] = value;
        to[count++] = middle;
        to[count++] = nextafterf(middle, 0);
        to[count++] = nextafterf(middle, copysignf(INFINITY, value));
    }
}

static void check_floats(struct rounding *r, const void *numbers, const void *result)
{
    const float *given = numbers;
    const uint16_t *bits = result;
    for (uint32_t i = 0; i < r->count; i++)
        compare(r, given[i], value_of(r, bits[i]), value_of(r, bits_of(r, given[i])));
}

static void fill_halves(const struct rounding *r, void *numbers)
{
    uint16_t *to = numbers;
    for (uint32_t i = 0; i < r->count; i++)
        to[i] = (uint16_t)i;
}

static void check_halves(struct rounding *r, const void *numbers, const void *result)
{
    const uint16_t *given = numbers;
    const float *values = result;
    for (uint32_t i = 0; i < r->count; i++)
        compare(r, value_of(r, given[i]), values[i], value_of(r, given[i]));
}

bool rounding_test(struct selftest *t)
{
    if (!selftest_wants(t, PIX_SELFTEST_ROUNDING, NULL))
        return true;
    for (size_t f = 1; f < SELFTEST_FORMATS; f++) {
        const enum tensor_format format = selftest_formats[f];
        if (!selftest_has_format(t, format)) {
            if (!selftest_report(t, &(struct pix_selftest_row){
                                        .part = PIX_SELFTEST_ROUNDING,
                                        .name = "numbers of 16 bits",
                                        .direction = "",
                                        .precision = selftest_format_name(format),
                                        .outcome = PIX_SELFTEST_SKIPPED,
                                        .text = "the device does not store them",
                                        .unit = "",
                                    }))
                return false;
            continue;
        }
        struct rounding writing = {
            .test = t,
            .from = TENSOR_F32,
            .to = format,
            .count = 4 * PATTERNS + SPECIAL,
        };
        struct rounding reading = {
            .test = t,
            .from = format,
            .to = TENSOR_F32,
            .count = PATTERNS,
        };
        if (!test_way(&writing, "rounding to nearest even", fill_floats,
                      check_floats) ||
            !test_way(&reading, "reading 16 bits", fill_halves, check_halves))
            return false;
    }
    return true;
}
