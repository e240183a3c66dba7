// SPDX-License-Identifier: MIT
//
// Measuring calls. See calls.h. Two calls of a step are of one kind if they run the
// same kernel with the same constants and grid on shapes of the same text; the first of
// each kind is measured.

#include "bench/calls.h"

#include "base/mem.h"
#include "graph/exec.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

// A short call is repeated until a sample is this many times as long as the submission
// that is subtracted from it (host's clock), or this many seconds long (device's
// clock): then the clock's own error is a few per cent.
#define LEAST_SUBMISSIONS 20
#define LEAST_STAMPED 100e-6
#define MOST_REPEATS 100

// The kinds of a step.
struct list {
    struct call_kind *kinds;
    bool *done;
    size_t count;
};

// A call that is measured by itself.
struct call_run {
    const struct book *book;
    struct subject *subject;
    const struct measure_clock *clock;
    size_t call;
    uint32_t repeats;
};

// Seconds of one repeat.
static bool run_call(void *user, double *seconds)
{
    struct call_run *r = user;
    struct exec_time time;
    if (book_is_stopped(r->book) ||
        !exec_time_call(program_exec(r->subject->program), r->call, r->repeats, &time))
        return false;
    *seconds =
        measure_net(r->clock, time.wall, time.stamped, time.submissions) / time.repeats;
    return true;
}

// Repeats a call so often that the clock's own share is small.
static bool choose_repeats(struct call_run *r)
{
    double seconds, least = r->clock->stamps ? LEAST_STAMPED
                                             : LEAST_SUBMISSIONS * r->clock->submission;
    r->repeats = 1;
    if (!run_call(r, &seconds))
        return false;
    // measure_net is never 0, so this does not divide by it.
    double wanted = ceil(least / seconds);
    r->repeats = wanted < MOST_REPEATS ? MAX((uint32_t)wanted, 1u) : MOST_REPEATS;
    return true;
}

static void add_work(struct bench_work *sum, const struct call *call)
{
    sum->flops[kinds_arithmetic(call)] += call->flops;
    sum->bytes += call_bytes(call);
    sum->launches++;
}

struct bench_work calls_sum(const struct graph *g, uint32_t barriers)
{
    struct bench_work sum = { .barriers = barriers };
    for (size_t i = 0; i < graph_call_count(g); i++)
        add_work(&sum, graph_call(g, i));
    return sum;
}

// A kind that is measured now, of one of the steps.
struct now {
    const struct calls_of *step;
    const struct call_kind *kind;
    const struct call *call;
    struct call_run run;
};

static bool add_rows(struct book *b, const struct now *now,
                     const struct measure_turn *turns, size_t count)
{
    bool ok = true;
    for (size_t i = 0; ok && i < count; i++) {
        const struct now *n = &now[i];
        char kernel[CALL_NAME_SIZE];
        struct bench_work work = { .barriers = 1 };
        struct pix_bench_row row = n->step->row;
        kinds_kernel_name(program_limits(n->step->subject->program), n->call,
                          n->kind->group, kernel);
        add_work(&work, n->call);
        row.kind = PIX_BENCH_CALL;
        row.group = n->kind->group;
        row.name = n->kind->name;
        row.kernel = kernel;
        row.count = n->kind->count;
        row.flops = n->call->flops;
        row.bytes = n->kind->bytes;
        if (n->step->runs)
            row.clock =
                n->run.clock->stamps ? PIX_BENCH_DEVICE_CLOCK : PIX_BENCH_HOST_CLOCK;
        ok = book_add(b, &row, &work, n->step->runs ? &turns[i] : NULL);
    }
    return ok;
}

// Measures the calls of a group and a name, one of each step at most; those that are
// only counted stand behind the others.
static bool measure(struct book *b, struct now *now, size_t count)
{
    struct measure_turn turns[CALLS_MOST_STEPS] = { 0 };
    size_t timed = 0;
    for (size_t i = 0; i < count; i++)
        timed += now[i].step->runs;
    if (timed > 0 && !book_begin(b, timed))
        return false;
    for (size_t i = 0; i < timed; i++) {
        struct now *n = &now[i];
        n->run = (struct call_run){ b, n->step->subject, ceilings_clock(b->ceilings),
                                    n->kind->first, 1 };
        if (!choose_repeats(&n->run))
            return false;
        turns[i] = (struct measure_turn){ .once = run_call, .user = &n->run };
    }
    return (timed == 0 || measure_turns(turns, timed, b->options->seconds)) &&
           add_rows(b, now, turns, count);
}

// Takes the kind `k` of step `s` and those that are to be compared with it.
static size_t gather(const struct calls_of *steps, struct list *lists, size_t count,
                     size_t s, size_t k, struct now now[CALLS_MOST_STEPS])
{
    const struct call_kind *kind = &lists[s].kinds[k];
    size_t found = 0;
    for (int runs = 1; runs >= 0; runs--)
        for (size_t i = s; i < count; i++)
            for (size_t n = 0; steps[i].runs == runs && n < lists[i].count; n++) {
                const struct call_kind *other = &lists[i].kinds[n];
                if (lists[i].done[n] || strcmp(other->group, kind->group) != 0 ||
                    strcmp(other->name, kind->name) != 0)
                    continue;
                lists[i].done[n] = true;
                now[found++] = (struct now){
                    .step = &steps[i],
                    .kind = other,
                    .call = graph_call(program_graph(steps[i].subject->program),
                                       other->first),
                };
                break;
            }
    return found;
}

static bool measure_group(struct book *b, const struct calls_of *steps,
                          struct list *lists, size_t count, const char *group)
{
    for (size_t s = 0; s < count; s++)
        for (size_t k = 0; k < lists[s].count; k++) {
            const struct call_kind *kind = &lists[s].kinds[k];
            struct now now[CALLS_MOST_STEPS];
            char text[2 * CALL_NAME_SIZE];
            if (lists[s].done[k] || strcmp(kind->group, group) != 0)
                continue;
            snprintf(text, sizeof(text), "call %zu of %zu: %s, %s", k + 1,
                     lists[s].count, kind->group, kind->name);
            book_say(b, text);
            const size_t found = gather(steps, lists, count, s, k, now);
            if (!measure(b, now, found))
                return false;
        }
    // What follows is of another kind.
    return book_end(b);
}

bool calls_measure(struct book *b, const struct calls_of *steps, size_t count)
{
    struct list lists[CALLS_MOST_STEPS] = { 0 };
    bool ok = true;
    assert(count <= CALLS_MOST_STEPS);
    for (size_t i = 0; ok && i < count; i++) {
        struct list *l = &lists[i];
        l->kinds = kinds_find(program_graph(steps[i].subject->program), &l->count);
        l->done = mem_array(MAX(l->count, 1), sizeof(l->done[0]));
        ok = l->kinds && l->done;
        for (size_t k = 0; ok && k < l->count; k++)
            l->done[k] = steps[i].row.is_simple && !kinds_is_product(l->kinds[k].group);
    }
    for (size_t i = 0; ok && kinds_group(i); i++)
        ok = measure_group(b, steps, lists, count, kinds_group(i));
    for (size_t i = 0; i < count; i++) {
        mem_free(lists[i].kinds);
        mem_free(lists[i].done);
    }
    return ok;
}
