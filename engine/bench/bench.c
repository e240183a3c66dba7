// SPDX-License-Identifier: MIT
//
// The benchmark: which steps are measured, and in what order. Precisions are measured
// in turns. See bench.h.

#include "bench/bench.h"

#include "base/log.h"
#include "base/mem.h"
#include "bench/book.h"
#include "bench/calls.h"
#include "bench/subject.h"
#include "gpu/device.h"
#include "settings/choice.h"
#include "settings/options.h"
#include "settings/rules.h"
#include "settings/settings.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define DEFAULT_SIZE 256
#define DEFAULT_SECONDS 0.25

// Multiples of the seconds per measurement. Whole steps are few and long, and
// everything else is compared with the ceilings.
#define STEP_FACTOR 8
#define CEILING_FACTOR 4

#define MOST_PRECISIONS CALLS_MOST_STEPS

struct bench {
    struct gpu_device *device;
    double submission_seconds;
    const struct pix_bench_options *options;
    enum precision precisions[MOST_PRECISIONS];
    size_t precision_count;
    struct book book;
};

void bench_options_init(struct pix_bench_options *options)
{
    *options = (struct pix_bench_options){
        .ngf = 64,
        .ndf = 64,
        .precision = "f32",
        .seconds = DEFAULT_SECONDS,
    };
}

// ---------------------------------------------------------------------------
// Precisions

// Adds one, unless it is there already.
static void add_precision(struct bench *b, enum precision precision)
{
    for (size_t i = 0; i < b->precision_count; i++)
        if (b->precisions[i] == precision)
            return;
    b->precisions[b->precision_count++] = precision;
}

// Adds one that is asked for. Where the device does not have it, *missing says why;
// else that is "".
static bool try_precision(struct bench *b, enum precision precision,
                          char missing[LOG_LINE_SIZE])
{
    const uint64_t failures = mem_failures();
    struct log_capture capture;
    log_capture_begin(&capture);
    const bool ok = precision_resolve(b->device, "bench", &precision);
    snprintf(missing, LOG_LINE_SIZE, "%s", log_capture_end(&capture));
    if (ok)
        add_precision(b, precision);
    if (ok || mem_failures() == failures)
        return true;
    log_error("%s", missing);
    return false;
}

// Which precisions a list separated by commas has. False after a message if it is none.
static bool read_list(const char *list, bool wanted[PRECISION_AUTO + 1])
{
    char names[64];
    for (const char *at = list;; at += strcspn(at, ",") + 1) {
        const int length = (int)strcspn(at, ",");
        char name[8];
        int value;
        snprintf(name, sizeof(name), "%.*s", length, at);
        if (length >= (int)sizeof(name) ||
            !choice_find(choice_precisions, name, &value)) {
            log_error("bench: --precision takes %s, or several of these separated by "
                      "commas, not \"%s\"",
                      choice_list(choice_precisions, names, sizeof(names)), list);
            return false;
        }
        wanted[value] = true;
        if (!at[length])
            return true;
    }
}

// False after a message if there is no list, or if the device has nothing of it.
static bool find_precisions(struct bench *b)
{
    bool wanted[PRECISION_AUTO + 1] = { false };
    char missing[LOG_LINE_SIZE] = "";
    if (!read_list(b->options->precision ? b->options->precision : "f32", wanted))
        return false;
    for (const struct choice *c = choice_precisions; c->name; c++) {
        if (!wanted[c->value])
            continue;
        // Said at once if something is left to be measured, else as the error.
        if (*missing)
            log_warn("%s; it is left out", missing);
        if (!try_precision(b, (enum precision)c->value, missing))
            return false;
    }
    if (*missing && b->precision_count > 0)
        log_warn("%s; it is left out", missing);
    else if (*missing)
        log_error("%s", missing);
    return b->precision_count > 0;
}

// ---------------------------------------------------------------------------
// Cases

// What is measured of a case.
struct part {
    bool is_training, is_simple;
    bool with_whole, with_calls;
};

// One precision of a case.
struct entry {
    struct settings settings;
    struct subject subject;
    struct pix_bench_row row;
    char name[SUBJECT_TITLE_SIZE],
        full_name[96];    // the second with the precision, for messages
    bool is_built, runs;
    uint32_t skipped;
};

static bool stop(void *user)
{
    return book_is_stopped(user);
}

static void describe(struct entry *e, const struct pix_bench_case *at,
                     const struct part *part, enum precision precision)
{
    subject_title(part->is_training, at->size, at->batch, e->name);
    e->row = (struct pix_bench_row){
        .kind = part->is_training ? PIX_BENCH_TRAIN : PIX_BENCH_TRANSLATE,
        .group = part->is_training ? "training" : "translation",
        .name = e->name,
        .kernel = "",
        .precision = choice_name(choice_precisions, (int)precision),
        .is_simple = part->is_simple,
        .size = at->size,
        .batch = at->batch,
        .count = 1,
    };
    snprintf(e->full_name, sizeof(e->full_name), "%s, %s", e->name, e->row.precision);
}

// A case that the device cannot bind is left out; the others are still measured.
static bool build(struct bench *b, const struct part *part, struct entry *e)
{
    options_init(&e->settings.options);
    e->settings.options.crop_size = (struct pix_size){ e->row.size, e->row.size };
    e->settings.options.batch_size = e->row.batch;
    e->settings.options.ngf = b->options->ngf;
    e->settings.options.ndf = b->options->ndf;
    e->settings.options.precision = e->row.precision;
    if (!settings_resolve(&e->settings))
        return false;
    const struct subject_options options = {
        .device = b->device,
        .submission_seconds = b->submission_seconds,
        .is_training = part->is_training,
        .is_simple = part->is_simple,
        .is_plan = b->options->no_clock,
        .stop = stop,
        .user = &b->book,
    };
    const uint64_t failures = mem_failures();
    struct log_capture capture;
    log_capture_begin(&capture);
    e->is_built = subject_build(&e->subject, &options, &e->settings, &e->row.plan);
    const char *error = log_capture_end(&capture);
    if (!e->is_built) {
        const bool ok = mem_failures() == failures;
        log_message(ok ? LOG_WARN : LOG_ERROR, "bench: %s is left out: %s",
                    e->full_name, error);
        return ok;
    }
    e->row.flops = e->row.plan.flops_per_step;
    e->row.bytes = e->row.plan.bytes_per_step;
    return true;
}

// Makes the step ready to be run where it has room beside what others take, *used.
static bool start(struct bench *b, struct entry *e, uint64_t *used)
{
    const uint64_t memory = gpu_device_limits(b->device)->memory;
    const uint64_t needed = e->row.plan.device_bytes;
    char text[128];
    if (!b->book.ceilings)
        return true;
    if (needed > memory - MIN(*used, memory)) {
        char others[64] = "";
        if (*used > 0)
            snprintf(others, sizeof(others), " beside %.0f of other precisions",
                     (double)*used / (1 << 20));
        log_warn("bench: %s needs %.0f MiB%s, the device has %.0f: only counted%s",
                 e->full_name, (double)needed / (1 << 20), others,
                 (double)memory / (1 << 20),
                 needed > memory ? "" : "; ask for this precision alone");
        return true;
    }
    snprintf(text, sizeof(text), "first run of %s", e->full_name);
    book_say(&b->book, text);
    if (!subject_start(&e->subject, e->full_name, &e->runs))
        return false;
    if (e->runs)
        *used += needed;
    return true;
}

static bool measure_calls(struct bench *b, struct entry *entries)
{
    struct calls_of steps[MOST_PRECISIONS];
    size_t count = 0;
    for (size_t i = 0; i < b->precision_count; i++)
        if (entries[i].is_built) {
            steps[count] = (struct calls_of){ .subject = &entries[i].subject,
                                              .runs = entries[i].runs,
                                              .row = entries[i].row };
            steps[count++].row.plan = (struct pix_plan){ 0 };
        }
    return calls_measure(&b->book, steps, count);
}

static bool measure_whole(struct bench *b, struct entry *entries)
{
    struct measure_turn turns[MOST_PRECISIONS] = { 0 };
    struct entry *timed[MOST_PRECISIONS];
    size_t count = 0;
    bool ok = true;
    for (size_t i = 0; i < b->precision_count; i++) {
        struct entry *e = &entries[i];
        if (!e->runs)
            continue;
        e->row.clock = PIX_BENCH_HOST_CLOCK;
        e->skipped = subject_skipped(&e->subject);
        timed[count] = e;
        turns[count++] =
            (struct measure_turn){ .once = subject_run, .user = &e->subject };
    }
    if (count > 0) {
        book_say(&b->book, timed[0]->name);
        ok = book_begin(&b->book, count) &&
             measure_turns(turns, count, STEP_FACTOR * b->options->seconds);
    }
    for (size_t i = 0; ok && i < count; i++) {
        const struct bench_work work = calls_sum(
            program_graph(timed[i]->subject.program), timed[i]->row.plan.barriers);
        const uint32_t skipped =
            subject_skipped(&timed[i]->subject) - timed[i]->skipped;
        if (skipped > 0)
            log_warn("bench: %s: %u updates were left out, whose gradients f16 cannot "
                     "hold: these steps took less time than others",
                     timed[i]->full_name, skipped);
        ok = book_add(&b->book, &timed[i]->row, &work, &turns[i]);
    }
    ok = ok && book_end(&b->book);
    for (size_t i = 0; ok && i < b->precision_count; i++)
        if (entries[i].is_built && !entries[i].runs)
            ok = book_add(&b->book, &entries[i].row, &(struct bench_work){ 0 }, NULL);
    return ok;
}

static void finish(struct entry *e)
{
    subject_finish(&e->subject);
    settings_finish(&e->settings);
}

// One case of the benchmark: what fits is run, what does not fit is counted.
static bool run_case(struct bench *b, const struct pix_bench_case *at,
                     const struct part *part)
{
    struct entry *entries = mem_array(MOST_PRECISIONS, sizeof(entries[0]));
    uint64_t used = 0;
    bool ok = entries != NULL;
    if (!ok)
        return false;
    for (size_t i = 0; ok && i < b->precision_count; i++) {
        describe(&entries[i], at, part, b->precisions[i]);
        ok = build(b, part, &entries[i]) &&
             (!entries[i].is_built || start(b, &entries[i], &used));
    }
    b->book.is_fresh = false;
    // First, since a call that is repeated leaves weights behind that overflow in f16.
    if (ok && part->with_whole)
        ok = measure_whole(b, entries);
    if (ok && part->with_calls)
        ok = measure_calls(b, entries);
    for (size_t i = 0; i < b->precision_count; i++)
        finish(&entries[i]);
    mem_free(entries);
    return ok;
}

static bool check(const struct pix_bench_options *o)
{
    if (!o->row) {
        log_error("bench: options.row is NULL");
        return false;
    }
    if (!isfinite(o->seconds) || o->seconds < 0) {
        log_error("bench: the seconds for a measurement must be a number from 0, not "
                  "%g",
                  o->seconds);
        return false;
    }
    return true;
}

static bool measure_ceilings(struct bench *b)
{
    book_say(&b->book, "ceilings of the device");
    b->book.ceilings = ceilings_create(b->device, CEILING_FACTOR * b->options->seconds);
    return b->book.ceilings && book_add_ceilings(&b->book);
}

static bool run_cases(struct bench *b)
{
    static const struct pix_bench_case usual = { DEFAULT_SIZE, 1 };
    const struct pix_bench_options *o = b->options;
    const struct pix_bench_case *cases = o->cases ? o->cases : &usual;
    const uint32_t count = o->cases ? o->case_count : 1;
    bool ok = true;
    for (uint32_t i = 0; ok && i < count; i++) {
        // Each kind of call takes options->seconds: calls of one case have to do.
        const bool with_calls = i == 0 && !o->no_calls;
        const struct part parts[] = {
            { true, false, !o->no_train, with_calls },
            { true, true, !o->no_train && o->with_simple,
              with_calls && o->with_simple },
            { false, false, !o->no_translate, false },
        };
        for (size_t k = 0; ok && k < ARRAY_LEN(parts); k++)
            if (parts[k].with_whole || parts[k].with_calls)
                ok = run_case(b, &cases[i], &parts[k]);
    }
    return ok;
}

bool bench_run(struct gpu_device *device, double submission_seconds,
               const struct pix_bench_options *options)
{
    if (!check(options))
        return false;
    struct bench *b = mem_array(1, sizeof(*b));
    if (!b)
        return false;
    *b = (struct bench){
        .device = device,
        .submission_seconds = submission_seconds,
        .options = options,
        .book = { .device = device, .options = options },
    };
    const bool is_timed = !options->no_clock && gpu_device_limits(device)->executes;
    const bool ok =
        find_precisions(b) && (!is_timed || measure_ceilings(b)) && run_cases(b);
    if (ok && b->book.doubtful > 0)
        log_warn("bench: %u of %u rows are marked with ?: the ceilings beside them "
                 "moved: another program was running or the device throttled",
                 b->book.doubtful, b->book.timed);
    if (!ok && gpu_device_is_lost(device))
        log_error("bench: %s was lost", gpu_device_info(device)->name);
    ceilings_destroy(b->book.ceilings);
    mem_free(b);
    return ok;
}
