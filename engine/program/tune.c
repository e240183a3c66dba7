// SPDX-License-Identifier: MIT
//
// The tuner. See tune.h.
//
// A candidate runs as a program of its own, of one call or, where that is short, of the
// same call many times in one submission, so that the cost of a submission does not
// count. The clock is the host's: every device has it, and it includes what happens
// between calls in a real step. Candidates take turns, so that whatever else the
// machine does slows all of them alike.

#include "program/tune.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/os.h"
#include "base/quantile.h"
#include "gpu/device.h"
#include "graph/exec.h"
#include "ops/conv_choice.h"
#include "program/matrix_check.h"
#include "program/program.h"
#include "program/tune_subject.h"

#include <assert.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>

// Candidates of a shape: the cheapest few of the kind that suits the device, and of
// each other kind. The estimated cost ranks variants of one kind well, and different
// kinds badly: that is why every kind gets a chance.
#define PREFERRED_COUNT 4
#define OTHER_COUNT 2
#define MAX_CANDIDATES 20

// A candidate whose run took TOO_SLOW times as long as the best one's is not run again,
// and a kind none of whose variants came within KIND_TOO_SLOW in PROBES shapes is left
// out: compiling it for each shape would cost more than it could win.
#define TOO_SLOW 1.6
#define HOPELESS 4.0    // and so for the very first, in which drivers may compile
#define COMPILE_SECONDS 0.3
#define KIND_TOO_SLOW 2.5
#define PROBES 2
#define PROBE_FLOPS 4e6    // at least: smaller calls end before they can be compared

// The built-in choice stays unless another takes less than this part of its time.
#define CLEARLY 0.95

// Timed runs of each candidate, and what one should take: shorter calls are repeated.
#define SAMPLES_SHORT 5
#define SAMPLES_LONG 3
#define LONG_SECONDS 0.03
#define RUN_SECONDS 0.004
#define MAX_REPEATS 32

// The simple kernel itself is a candidate only where there is hardly anything to do.
#define SIMPLE_FLOPS 4e6

// The numbers of a step, which no product reads.
static const struct step_block no_step = { 0 };

struct candidate {
    const struct conv_variant *variant;
    struct program *program;
    uint32_t repeats;
    double once;    // seconds of one run, after the first
    double samples[SAMPLES_SHORT];
    uint32_t sample_count;
    bool wrong;
    bool dropped;    // wrong, or far too slow
};

// What all shapes so far showed about the kinds of variants.
struct experience {
    uint32_t tried[CONV_KIND_COUNT];
    double closest[CONV_KIND_COUNT];    // least time relative to the best
};

// ---------------------------------------------------------------------------
// Candidates

static void candidate_end(struct candidate *c)
{
    program_destroy(c->program);
    c->program = NULL;
}

// Seconds of the last run.
static double candidate_last(const struct candidate *c)
{
    return exec_seconds(program_exec(c->program));
}

// Runs once, which is the slow first time.
static bool candidate_begin(const struct tune_subject *s, struct candidate *c,
                            uint32_t repeats)
{
    candidate_end(c);
    c->repeats = repeats;
    c->program = tune_subject_program(s, c->variant, repeats);
    if (!c->program || !program_run(c->program, &no_step))
        return false;
    c->once = candidate_last(c) / repeats;
    return true;
}

static bool candidate_sample(struct candidate *c)
{
    if (!program_run(c->program, &no_step))
        return false;
    c->samples[c->sample_count++] = candidate_last(c) / c->repeats;
    return true;
}

// The median of the samples.
static double candidate_seconds(struct candidate *c)
{
    assert(c->sample_count);
    quantile_sort(c->samples, c->sample_count);
    return quantile_find(c->samples, c->sample_count, 0.5);
}

// ---------------------------------------------------------------------------
// One shape

// A software driver has no shared memory that is faster than its loads nor units for
// matrices, and takes long to compile a kernel with barriers.
static bool is_left_out(const struct experience *x, const struct op_limits *limits,
                        const struct conv_variant *v,
                        const struct conv_variant *built_in, uint64_t flops)
{
    if (v == built_in)
        return false;
    if ((v->kind == CONV_SHARED || v->kind == CONV_MATRIX) && limits->is_cpu)
        return true;
    if (v->kind == CONV_SIMPLE && (double)flops > SIMPLE_FLOPS)
        return true;
    return v->kind != built_in->kind && x->tried[v->kind] >= PROBES &&
           x->closest[v->kind] > KIND_TOO_SLOW;
}

// The built-in choice first, then by kind the cheapest ones that are possible.
static size_t find_candidates(const struct tune_subject *s, const struct experience *x,
                              const struct tune_options *options,
                              const struct conv_variant *built_in,
                              struct candidate list[MAX_CANDIDATES])
{
    const struct op_limits limits = plan_op_limits(s->device);
    size_t count = 0, table_count;
    const struct conv_variant *table = conv_variant_table(&table_count);
    list[count++].variant = built_in;
    for (size_t i = 0; i < options->more_count && count < MAX_CANDIDATES; i++)
        if (conv_variant_fits(&options->more[i], &limits, s->shape))
            list[count++].variant = &options->more[i];
    for (int kind = 0; kind < CONV_KIND_COUNT; kind++) {
        const size_t most =
            kind == (int)built_in->kind ? PREFERRED_COUNT : (size_t)OTHER_COUNT;
        const struct conv_variant *last = NULL;
        for (size_t n = 0; n < most && count < MAX_CANDIDATES; n++) {
            // The cheapest after the last one; equal ones in the order of the table.
            const struct conv_variant *next = NULL;
            for (size_t i = 0; i < table_count; i++) {
                const struct conv_variant *v = &table[i];
                const uint64_t cost = conv_choice_cost(v, s->shape);
                const uint64_t before = last ? conv_choice_cost(last, s->shape) : 0;
                if ((int)v->kind == kind &&
                    (!last || cost > before || (cost == before && v > last)) &&
                    (!next || cost < conv_choice_cost(next, s->shape)) &&
                    conv_variant_fits(v, &limits, s->shape) &&
                    !is_left_out(x, &limits, v, built_in, s->flops))
                    next = v;
            }
            if (!next)
                break;
            last = next;
            if (next != built_in)
                list[count++].variant = next;
        }
    }
    return count;
}

// First runs: drops what is wrong or far too slow. What is left is built again with as
// many repeats as make a run long enough to be timed. False if the device failed.
static bool try_candidates(struct tune_subject *s, struct candidate *list, size_t count)
{
    double best = INFINITY;
    for (size_t i = 0; i < count; i++) {
        struct candidate *c = &list[i];
        char text[CONV_SHAPE_TEXT_SIZE];
        if (i > 0 && os_seconds() > s->end) {
            c->once = INFINITY;
            c->dropped = true;
            continue;
        }
        if (!tune_subject_erase(s) || !candidate_begin(s, c, 1) ||
            !tune_subject_check(s, &c->wrong))
            return false;
        if (c->wrong)
            log_warn("tune: kernel %s computes %s wrongly on %s and is not used",
                     c->variant->name, conv_shape_text(s->shape, text),
                     gpu_device_info(s->device)->name);
        if (!c->wrong)
            matrix_check_mark(s->device, c->variant, s->shape);
        c->dropped = c->wrong || c->once > HOPELESS * best + COMPILE_SECONDS;
        if (c->dropped) {
            candidate_end(c);
            continue;
        }
        if (!program_run(c->program, &no_step))
            return false;
        c->once = candidate_last(c);
        best = MIN(best, c->once);
    }
    for (size_t i = 0; i < count; i++) {
        struct candidate *c = &list[i];
        c->dropped |= c->once > TOO_SLOW * best + RUN_SECONDS;
        if (c->dropped) {
            candidate_end(c);
            continue;
        }
        const double repeats = MIN(RUN_SECONDS / MAX(c->once, 1e-7), MAX_REPEATS);
        if (repeats >= 2 && !candidate_begin(s, c, (uint32_t)repeats))
            return false;
    }
    return true;
}

// Rounds over all candidates, each sampled once per round, until there are enough
// samples or the time is over; one round at least.
static bool time_candidates(const struct tune_subject *s, struct candidate *list,
                            size_t count)
{
    double longest = 0;
    for (size_t i = 0; i < count; i++)
        if (!list[i].dropped)
            longest = MAX(longest, list[i].once * list[i].repeats);
    const bool is_long = longest > LONG_SECONDS;
    const uint32_t samples = is_long ? SAMPLES_LONG : SAMPLES_SHORT;
    // The second run records, which would count where runs are short.
    for (size_t i = 0; i < count; i++)
        if (!list[i].dropped && !is_long && !program_run(list[i].program, &no_step))
            return false;
    for (uint32_t k = 0; k < samples && (k == 0 || os_seconds() < s->end); k++)
        for (size_t i = 0; i < count; i++)
            if (!list[i].dropped && !candidate_sample(&list[i]))
                return false;
    return true;
}

// Updates what the kinds have shown, so that later shapes can leave hopeless ones out.
static void learn(struct experience *x, struct candidate *list, size_t count,
                  double best, uint64_t flops)
{
    double of_kind[CONV_KIND_COUNT];
    for (int kind = 0; kind < CONV_KIND_COUNT; kind++)
        of_kind[kind] = INFINITY;
    for (size_t i = 0; i < count; i++) {
        const int kind = (int)list[i].variant->kind;
        const double seconds =
            list[i].sample_count ? candidate_seconds(&list[i]) : list[i].once;
        of_kind[kind] = MIN(of_kind[kind], seconds);
    }
    for (int kind = 0; kind < CONV_KIND_COUNT; kind++) {
        if (isinf(of_kind[kind]) || (double)flops < PROBE_FLOPS)
            continue;
        const double ratio = of_kind[kind] / best;
        if (!x->tried[kind] || ratio < x->closest[kind])
            x->closest[kind] = ratio;
        x->tried[kind]++;
    }
}

// The fastest, unless the built-in choice is about as fast: noise must not change the
// order of sums of a run. Where all are wrong only the simple kernel is left.
static void choose(struct candidate *list, size_t count, struct tune_result *result)
{
    struct candidate *best = NULL;
    for (size_t i = 0; i < count; i++)
        if (!list[i].dropped &&
            (!best || candidate_seconds(&list[i]) < candidate_seconds(best)))
            best = &list[i];
    // The first one is the built-in choice.
    result->built_in_seconds =
        list[0].sample_count ? candidate_seconds(&list[0]) : list[0].once;
    if (!best) {
        result->chosen = conv_variant_find("simple");
        return;
    }
    result->timed = true;
    result->chosen = best->variant;
    result->chosen_seconds = candidate_seconds(best);
    if (!list[0].wrong && result->chosen_seconds > CLEARLY * result->built_in_seconds) {
        result->chosen = result->built_in;
        result->chosen_seconds = result->built_in_seconds;
    }
}

// False if the device failed. A shape that it has no memory for is left untimed.
static bool tune_shape(struct gpu_device *device, const struct tune_options *options,
                       double end, struct experience *x, struct tune_result *result)
{
    struct candidate list[MAX_CANDIDATES] = { 0 };
    struct tune_subject s = {
        .device = device,
        .submission_seconds = options->submission_seconds,
        .end = end,
        .shape = &result->shape,
    };
    size_t count = 0;
    // What does not fit is not an error of the user's.
    struct log_capture capture;
    log_capture_begin(&capture);
    bool ok = tune_subject_begin(&s);
    const char *error = log_capture_end(&capture);
    if (!ok && gpu_device_is_lost(device))
        log_error("%s", error);
    ok = ok && tune_subject_refer(&s);
    result->flops = s.flops;
    if (ok) {
        count = find_candidates(&s, x, options, result->built_in, list);
        ok = try_candidates(&s, list, count) && time_candidates(&s, list, count);
    }
    if (ok) {
        choose(list, count, result);
        if (result->timed)
            learn(x, list, count, result->chosen_seconds, result->flops);
    }
    for (size_t i = 0; i < count; i++)
        candidate_end(&list[i]);
    tune_subject_finish(&s);
    return ok || !gpu_device_is_lost(device);
}

// ---------------------------------------------------------------------------
// All

// When a shape has its turn.
struct turn {
    size_t index;    // in the caller's list
    double work;
};

static int most_work_first(const void *a, const void *b)
{
    const struct turn *x = a, *y = b;
    if (x->work != y->work)
        return x->work > y->work ? -1 : 1;
    return (x->index > y->index) - (x->index < y->index);
}

// Floating point operations of a product, the two of a multiply-add counted apart.
static double work_of(const struct conv_shape *s)
{
    const struct conv_product p = conv_shape_product(s);
    return 2.0 * (double)p.m * (double)p.n * (double)p.inner * p.terms * p.phases;
}

// The large shapes come first, since they have most to gain, and before them the
// smallest that can tell which kinds are hopeless on this device.
static void order_turns(struct turn *turns, size_t count)
{
    qsort(turns, count, sizeof(turns[0]), most_work_first);
    size_t probes = count;
    while (probes > 0 && turns[probes - 1].work < PROBE_FLOPS)
        probes--;
    for (size_t i = 0; i < PROBES && probes > i; i++) {
        const struct turn turn = turns[probes - 1];
        memmove(turns + 1, turns, (probes - 1) * sizeof(turns[0]));
        turns[0] = turn;
    }
}

bool tune_run(struct gpu_device *device, const struct conv_shape *shapes, size_t count,
              const struct tune_options *options, struct tune_result *results)
{
    const struct op_limits limits = plan_op_limits(device);
    const double end =
        options->seconds > 0 ? os_seconds() + options->seconds : INFINITY;
    struct experience x = { 0 };
    struct turn *turns = mem_array(MAX(count, 1), sizeof(turns[0]));
    if (!turns)
        return false;
    for (size_t i = 0; i < count; i++) {
        const struct conv_variant *v = conv_choice_built_in(&limits, &shapes[i]);
        results[i] =
            (struct tune_result){ .shape = shapes[i], .built_in = v, .chosen = v };
        turns[i] = (struct turn){ i, work_of(&shapes[i]) };
    }
    order_turns(turns, count);
    bool ok = true;
    for (size_t i = 0; ok && i < count && gpu_device_limits(device)->executes; i++) {
        struct tune_result *result = &results[turns[i].index];
        if (os_seconds() > end)
            break;
        ok = tune_shape(device, options, end, &x, result) &&
             (!options->report || options->report(options->user, result, i + 1, count));
    }
    mem_free(turns);
    return ok;
}
