// SPDX-License-Identifier: MIT
//
// Every kernel of the table of variants that the device offers, in all directions and
// precisions: on shapes whose results the host defines (product_case.h), and on a
// larger one that the simple kernel computes, once that is known to be right.

#include "selftest/inside.h"

#include "base/mem.h"
#include "gpu/device.h"
#include "ops/conv_variant.h"
#include "program/program.h"
#include "selftest/product_run.h"

#include <stdio.h>
#include <string.h>

// The networks' own kernels and strides, with sizes that cross the edges of most tiles,
// and numbers of channels and columns that are multiples of 4, which many kernels make
// use of, and not.
static const struct conv_shape shapes[] = {
    { CONV_FORWARD, { 1, 70, 5, 6 }, 66, 4, 2, 1 },
    { CONV_FORWARD, { 1, 72, 5, 6 }, 68, 4, 2, 1 },
    { CONV_FORWARD, { 2, 5, 11, 13 }, 3, 4, 2, 1 },
    { CONV_FORWARD, { 2, 8, 11, 13 }, 4, 4, 2, 1 },
    { CONV_FORWARD, { 1, 34, 2, 2 }, 133, 4, 2, 1 },
    { CONV_FORWARD, { 1, 36, 2, 2 }, 132, 4, 2, 1 },
    { CONV_FORWARD, { 3, 9, 4, 6 }, 10, 4, 2, 1 },
    { CONV_FORWARD, { 1, 16, 16, 16 }, 20, 4, 2, 1 },
    // Each of the rest has kernels of its own.
    { CONV_FORWARD, { 2, 3, 5, 7 }, 1, 4, 1, 1 },
    { CONV_FORWARD, { 1, 33, 9, 12 }, 17, 3, 1, 1 },
    { CONV_FORWARD, { 1, 6, 8, 8 }, 7, 3, 2, 1 },
    { CONV_FORWARD, { 1, 3, 9, 8 }, 4, 7, 1, 3 },
    { CONV_FORWARD, { 1, 7, 3, 3 }, 65, 1, 1, 0 },
};
#define SHAPES ARRAY_LEN(shapes)
#define SHAPES_FAST 8    // those of the first kernel
#define CASES (SHAPES + 1)
#define LARGE SHAPES    // the last case

// The one that the simple kernel computes: many workgroups of every kernel.
static const struct conv_shape large = {
    CONV_FORWARD, { 1, 64, 64, 64 }, 128, 4, 2, 1
};
static const struct conv_shape large_cpu = {
    CONV_FORWARD, { 1, 12, 34, 36 }, 20, 4, 2, 1
};

struct products {
    struct selftest *test;
    struct op_limits limits;
    // The larger one has no numbers until the simple kernel has been tested.
    struct product_case cases[SELFTEST_FORMATS][CASES];
    size_t compiled;    // variants whose kernels were created
};

// ---------------------------------------------------------------------------
// One kernel, direction and precision

struct cell {
    const struct conv_variant *variant;
    enum conv_direction direction;
    uint32_t cases;
    double error;
    bool failed;
    char text[PRODUCT_TEXT_SIZE];
};

// The caller wants a kernel's results corrupted, to see the alarm.
static bool is_corrupted(const struct products *p, const struct conv_variant *v)
{
    const char *name = p->test->options->corrupt;
    return name && strcmp(name, v->name) == 0;
}

// Runs a set of operands twice, and compares. `kept` has room for a result. False after
// an error.
static bool check_data(const struct products *p, const struct product_run *r,
                       enum product_data data, void *kept, struct cell *cell)
{
    const void *result = product_run_once(r, data);
    if (!result)
        return false;
    memcpy(kept, result, (size_t)r->bytes);
    result = product_run_once(r, data);
    if (!result)
        return false;
    if (memcmp(kept, result, (size_t)r->bytes) != 0) {
        char name[CONV_SHAPE_TEXT_SIZE];
        struct conv_shape shape = r->of->shape;
        shape.direction = cell->direction;
        snprintf(cell->text, sizeof(cell->text), "%s: two runs give different numbers",
                 conv_shape_text(&shape, name));
        cell->failed = true;
        return true;
    }
    if (is_corrupted(p, cell->variant)) {
        *(unsigned char *)kept ^= 1;
        p->test->has_corrupted = true;
    }
    cell->failed = !product_case_check(r->of, cell->direction, data, kept, &cell->error,
                                       cell->text);
    return true;
}

static bool check_case(const struct products *p, const struct product_case *c,
                       struct cell *cell)
{
    struct product_run r;
    bool offered;
    bool ok = product_run_init(&r, p->test, p->test->submission_seconds, cell->variant,
                               c, cell->direction, &offered);
    if (ok && offered) {
        void *kept = mem_alloc((size_t)r.bytes);
        ok = kept != NULL;
        for (int d = 0; ok && !cell->failed && d < PRODUCT_DATA_COUNT; d++)
            if (c->sides[0].result[d])
                ok = check_data(p, &r, (enum product_data)d, kept, cell);
        mem_free(kept);
        cell->cases++;
    }
    product_run_finish(&r);
    return ok;
}

// The cases of a kernel: all that it fits. Software drivers take up to a second to
// compile one, so there it gets one of those that need no kernel of their own.
static void choose_cases(const struct products *p, const struct conv_variant *v,
                         size_t place, size_t f, enum conv_direction direction,
                         bool chosen[CASES])
{
    size_t fitting[CASES], count = 0;
    for (size_t i = 0; i < CASES; i++) {
        const struct product_case *c = &p->cases[f][i];
        struct conv_shape shape = c->shape;
        shape.direction = direction;
        shape.format = c->format;
        chosen[i] = c->sides[0].operand[0] && conv_variant_fits(v, &p->limits, &shape);
        if (chosen[i] && (i < SHAPES_FAST || i == LARGE))
            fitting[count++] = i;
    }
    if (!p->limits.is_cpu || v->kind == CONV_SIMPLE || count == 0)
        return;
    // Tiles of matrix units that are larger than this take half a minute.
    const bool is_slow = v->kind == CONV_MATRIX && v->reg_m > 16;
    for (size_t i = 0; i < CASES; i++)
        chosen[i] = i == fitting[(place + f) % count] && !is_slow;
}

// ---------------------------------------------------------------------------
// Kernels

// Cells whose kernels are created together: enough for all cores, and few enough that
// an interrupt is heeded soon.
#define COMPILED_AT_ONCE 128

struct pending {
    struct product_run *runs;
    size_t count, capacity;
};

// False if memory was missing; what cannot be planned is left to the test.
static bool add_cell(const struct products *p, size_t place, size_t f,
                     enum conv_direction direction, struct pending *pending)
{
    size_t count;
    const struct conv_variant *v = &conv_variant_table(&count)[place];
    bool chosen[CASES];
    choose_cases(p, v, place, f, direction, chosen);
    for (size_t i = 0; i < CASES; i++) {
        struct selftest_attempt attempt;
        struct product_run r;
        char text[64];
        bool offered;
        if (!chosen[i])
            continue;
        selftest_try(&attempt);
        const bool ok = product_run_plan(&r, p->test, p->test->submission_seconds, v,
                                         &p->cases[f][i], direction, &offered);
        const bool goes_on =
            selftest_catch(p->test, &attempt, ok, v->name, text, sizeof(text)) &&
            mem_grow(&pending->runs, &pending->capacity, pending->count + 1,
                     sizeof(pending->runs[0]));
        if (goes_on && ok && offered)
            pending->runs[pending->count++] = r;
        else
            product_run_finish(&r);
        if (!goes_on)
            return false;
    }
    return true;
}

// Creates the kernels of a variant, and of those after it that are tested, unless they
// were.
static bool compile(struct products *p, size_t place)
{
    size_t count;
    const struct conv_variant *table = conv_variant_table(&count);
    struct pending pending = { 0 };
    bool ok = true;
    if (place < p->compiled)
        return true;
    // Before the larger case is defined by the first kernel, that one is alone.
    const size_t end = place == 0 ? 1 : count;
    for (; ok && place < end && pending.count < COMPILED_AT_ONCE; place++) {
        if (!selftest_wants(p->test, PIX_SELFTEST_CONVOLUTION, table[place].name))
            continue;
        for (size_t f = 0; f < SELFTEST_FORMATS; f++)
            for (int d = 0; ok && d < SELFTEST_DIRECTIONS; d++)
                if (selftest_has_format(p->test, selftest_formats[f]))
                    ok = add_cell(p, place, f, (enum conv_direction)d, &pending);
    }
    p->compiled = place;
    struct program **programs =
        ok ? mem_array(MAX(pending.count, 1), sizeof(programs[0])) : NULL;
    for (size_t i = 0; programs && i < pending.count; i++)
        programs[i] = pending.runs[i].program;
    ok = programs && selftest_compile(p->test, programs, pending.count);
    for (size_t i = 0; i < pending.count; i++)
        product_run_finish(&pending.runs[i]);
    mem_free(programs);
    mem_free(pending.runs);
    return ok;
}

// ---------------------------------------------------------------------------
// A cell of the table

static bool test_cell(struct products *p, size_t place, const struct conv_variant *v,
                      size_t f, enum conv_direction direction)
{
    struct cell cell = { .variant = v, .direction = direction };
    bool chosen[CASES];
    struct selftest *t = p->test;
    char what[128];
    snprintf(what, sizeof(what), "%s, %s, %s", v->name,
             selftest_direction_name(direction),
             selftest_format_name(selftest_formats[f]));
    if (!selftest_begin(t, what))
        return false;
    choose_cases(p, v, place, f, direction, chosen);
    for (size_t i = 0; i < CASES && !cell.failed; i++) {
        struct selftest_attempt attempt;
        if (!chosen[i])
            continue;
        selftest_try(&attempt);
        const bool ok = check_case(p, &p->cases[f][i], &cell);
        if (!selftest_catch(t, &attempt, ok, what, cell.text, sizeof(cell.text)))
            return false;
        cell.failed |= !ok;
    }
    return selftest_report(t,
                           &(struct pix_selftest_row){
                               .part = PIX_SELFTEST_CONVOLUTION,
                               .name = v->name,
                               .direction = selftest_direction_name(direction),
                               .precision = selftest_format_name(selftest_formats[f]),
                               .outcome = cell.failed  ? PIX_SELFTEST_FAILED
                                          : cell.cases ? PIX_SELFTEST_PASSED
                                                       : PIX_SELFTEST_SKIPPED,
                               .cases = cell.cases,
                               .error = cell.error,
                               .text = cell.failed  ? cell.text
                                       : cell.cases ? ""
                                                    : "not for this device",
                               .unit = "",
                           });
}

// ---------------------------------------------------------------------------
// All

// What the simple kernel makes of the larger shape in floats is what all must make of
// it: its operands are exact in any format.
static bool define_large(struct products *p)
{
    const struct conv_variant *simple = conv_variant_find("simple");
    struct product_case c;
    bool ok = product_case_init(&c, p->limits.is_cpu ? &large_cpu : &large, TENSOR_F32,
                                false);
    for (int d = 0; ok && d < SELFTEST_DIRECTIONS; d++) {
        const enum conv_direction direction = (enum conv_direction)d;
        struct product_run r;
        bool offered;
        ok = product_run_init(&r, p->test, p->test->submission_seconds, simple, &c,
                              direction, &offered) &&
             offered;
        const void *result = ok ? product_run_once(&r, PRODUCT_EXACT) : NULL;
        ok = result != NULL;
        for (size_t f = 0; ok && f < SELFTEST_FORMATS; f++) {
            struct product_case *to = &p->cases[f][LARGE];
            if (!to->sides[0].operand[0])
                ok = product_case_init(to, &c.shape, selftest_formats[f], false);
            double *numbers =
                ok ? mem_array((size_t)r.count, sizeof(numbers[0])) : NULL;
            ok = numbers != NULL;
            for (uint64_t i = 0; ok && i < r.count; i++)
                numbers[i] = (double)product_case_decode(result, i, TENSOR_F32);
            to->sides[r.roles.out].result[PRODUCT_EXACT] = numbers;
        }
        product_run_finish(&r);
    }
    product_case_finish(&c);
    return ok;
}

static bool test_all(struct products *p)
{
    size_t count;
    const struct conv_variant *table = conv_variant_table(&count);
    for (size_t v = 0; v < count; v++) {
        // The first one is the simple one.
        if (v == 1 && !define_large(p))
            return false;
        if (!selftest_wants(p->test, PIX_SELFTEST_CONVOLUTION, table[v].name))
            continue;
        if (!compile(p, v))
            return false;
        for (size_t f = 0; f < SELFTEST_FORMATS; f++)
            for (int d = 0; d < SELFTEST_DIRECTIONS; d++)
                if (selftest_has_format(p->test, selftest_formats[f]) &&
                    !test_cell(p, v, &table[v], f, (enum conv_direction)d))
                    return false;
    }
    return true;
}

bool products_test(struct selftest *t)
{
    if (!selftest_wants(t, PIX_SELFTEST_CONVOLUTION, NULL))
        return true;
    struct products *p = mem_zalloc(sizeof(*p));
    bool ok = p && selftest_begin(t, "convolutions on the host");
    if (ok) {
        p->test = t;
        p->limits = plan_op_limits(t->device);
    }
    for (size_t f = 0; f < SELFTEST_FORMATS; f++)
        for (size_t i = 0; ok && i < SHAPES; i++)
            if (selftest_has_format(t, selftest_formats[f]))
                ok = product_case_init(&p->cases[f][i], &shapes[i], selftest_formats[f],
                                       true);
    ok = ok && test_all(p);
    for (size_t f = 0; p && f < SELFTEST_FORMATS; f++)
        for (size_t i = 0; i < CASES; i++)
            product_case_finish(&p->cases[f][i]);
    mem_free(p);
    return ok;
}
