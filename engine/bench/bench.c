// SPDX-License-Identifier: MIT
//
// The benchmark. A case (size, batch) is built as the trainer and the translator build
// it, on noise instead of images. Two calls of a step are of one kind if they run the
// same kernel with the same constants and grid on shapes of the same text; the first of
// each kind is measured, by itself, on the memory of the step.

#include "bench/bench.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/os.h"
#include "base/random.h"
#include "bench/ceiling.h"
#include "bench/kinds.h"
#include "gpu/device.h"
#include "graph/exec.h"
#include "ops/conv_variant.h"
#include "program/program.h"
#include "settings/options.h"
#include "settings/rules.h"
#include "settings/schedule.h"
#include "settings/settings.h"
#include "train/objective_options.h"
#include "translate/translation.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define DEFAULT_SIZE 256
#define DEFAULT_SECONDS 0.25

// Multiples of the seconds per measurement. Whole steps are few and long, and
// everything else is compared with the ceilings.
#define STEP_FACTOR 8
#define CEILING_FACTOR 4

// If the rates at the beginning and at the end differ by more than this part, the
// machine was not left alone.
#define DRIFT 0.15

// A short call is repeated until a sample is this many times as long as the submission
// that is subtracted from it (host's clock), or this many seconds long (device's
// clock): then the clock's own error is a few per cent.
#define LEAST_SUBMISSIONS 20
#define LEAST_STAMPED 100e-6
#define MOST_REPEATS 100

#define INITIAL_GAIN 0.02    // deviation of the weights, as in training

struct bench {
    struct gpu_device *device;
    double submission_seconds;
    const struct pix_bench_options *options;
    bool is_timed;
    struct ceilings ceilings;
    bool stopped;    // by the caller
};

void bench_options_init(struct pix_bench_options *options)
{
    *options = (struct pix_bench_options){
        .ngf = 64,
        .ndf = 64,
        .seconds = DEFAULT_SECONDS,
    };
}

// Tells the caller what is being measured.
static void say(const struct bench *b, const char *text)
{
    if (b->options->progress)
        b->options->progress(b->options->user, text);
}

static bool is_stopped(const struct bench *b)
{
    return b->options->stop && b->options->stop(b->options->user);
}

// Completes a row with a measurement, or with none (only counted), and passes it to the
// caller. False if the caller wants to stop.
static bool give(struct bench *b, struct pix_bench_row *row,
                 const struct measurement *time, enum pix_bench_clock clock)
{
    if (time) {
        row->clock = clock;
        row->samples = time->samples;
        row->median = time->median;
        row->low = time->low;
        row->high = time->high;
        if (row->kind != PIX_BENCH_CEILING)
            row->ceiling_share = ceilings_share(&b->ceilings, row->flops, row->bytes,
                                                time->median, &row->bound_by_bytes);
    }
    b->stopped = !b->options->row(b->options->user, row);
    return !b->stopped;
}

// The clock of calls and ceilings; whole steps always have the host's.
static enum pix_bench_clock clock_of(const struct bench *b)
{
    return b->ceilings.clock.stamps ? PIX_BENCH_DEVICE_CLOCK : PIX_BENCH_HOST_CLOCK;
}

static bool give_ceilings(struct bench *b)
{
    for (int i = 0; i < CEILING_COUNT; i++) {
        const struct ceiling_entry *entry = &b->ceilings.entries[i];
        struct pix_bench_row row = {
            .kind = PIX_BENCH_CEILING,
            .group = "ceiling",
            .name = entry->name,
            .kernel = entry->kernel,
            .count = 1,
            .flops = entry->flops,
            .bytes = entry->bytes,
        };
        if (entry->time.samples &&
            !give(b, &row, &entry->time,
                  i == CEILING_SUBMISSION ? PIX_BENCH_HOST_CLOCK : clock_of(b)))
            return false;
    }
    return true;
}

// Other programs, heat and batteries change a device while it is measured.
static bool check_drift(struct bench *b)
{
    struct ceilings now;
    say(b, "ceilings once more");
    if (!ceilings_measure(b->device, b->options->seconds, &now))
        return false;
    double before = 1e-9 * b->ceilings.flops_per_second;
    double after = 1e-9 * now.flops_per_second;
    if (fabs(after - before) > DRIFT * MAX(before, after))
        log_warn("bench: the device did %.3g GFLOP/s of multiply-adds at the beginning "
                 "and %.3g at the end: another program was running or the device "
                 "throttled; treat the times with caution",
                 before, after);
    return true;
}

// ---------------------------------------------------------------------------
// A case

// One network step that can be run: training, or translation if `generator` is alone.
struct subject {
    const struct bench *bench;
    struct program *program;
    struct weights *generator, *discriminator;
    struct step_block step;
    struct tensor *pixels;
};

static void subject_finish(struct subject *s)
{
    program_destroy(s->program);
    weights_destroy(s->generator);
    weights_destroy(s->discriminator);
    *s = (struct subject){ 0 };
}

// Losses are read back, as the trainer reads them; sample grids are not, which are
// rare.
static bool build_training(const struct settings *settings, struct subject *s)
{
    const struct objective_options objective = objective_options_make(settings);
    struct objective t = { 0 };
    s->discriminator = weights_create(false);
    if (!s->discriminator || !objective_build(program_graph(s->program), s->generator,
                                              s->discriminator, &objective, &t))
        return false;
    program_upload(s->program, t.pixels);
    program_upload(s->program, t.jitter);
    program_download(s->program, t.loss_d);
    program_download(s->program, t.loss_g_gan);
    program_download(s->program, t.loss_g_l1);
    program_download(s->program, t.loss_g_ce);
    program_watch(s->program, s->discriminator);
    program_watch(s->program, s->generator);
    s->pixels = t.pixels;
    return true;
}

static bool build_translation(const struct settings *settings, struct subject *s)
{
    const struct pix_train_options *o = &settings->options;
    struct translation t = { 0 };
    if (!translation_build(program_graph(s->program), s->generator,
                           &settings->generator, settings_staging(settings),
                           TRANSLATION_STABLE, o->batch_size, o->crop_size.height,
                           o->crop_size.width, &t))
        return false;
    program_upload(s->program, t.pixels);
    program_upload(s->program, t.jitter);
    program_download(s->program, t.output);
    s->pixels = t.pixels;
    return true;
}

// Planned as `train --plan` and `translate --plan` have it.
static bool subject_build(struct bench *b, const struct settings *settings,
                          bool is_training, bool is_simple, struct subject *s,
                          struct pix_plan *plan)
{
    // Without a table of measured kernels, which may differ from day to day: the rows
    // of two versions are to be compared.
    struct op_limits limits = plan_op_limits(b->device);
    if (is_simple)
        limits.force = conv_variant_find("simple");
    const struct program_options options = {
        .device = b->device,
        .submission_seconds = b->submission_seconds,
        .limits = &limits,
    };
    *s = (struct subject){ .bench = b, .step = schedule_block(settings, 1, 1, NULL) };
    s->program = program_create(&options);
    s->generator = weights_create(!is_training);
    if (!s->program || !s->generator ||
        !(is_training ? build_training(settings, s) : build_translation(settings, s)))
        return false;
    struct weights *const networks[] = { s->generator, s->discriminator };
    return program_plan(s->program, networks, ARRAY_LEN(networks), plan);
}

// Memory, kernels, noise for images and weights, and one run, which measures how the
// step has to be cut.
static bool subject_start(struct bench *b, struct subject *s)
{
    struct random r;
    // Always the same seed: every benchmark of a device computes the same numbers.
    random_init(&r, 1, 1);
    struct weights *const networks[] = { s->generator, s->discriminator };
    for (size_t i = 0; i < ARRAY_LEN(networks); i++)
        if (networks[i] && (!weights_allocate(networks[i], b->device) ||
                            !weights_initialise(networks[i], b->device, &r,
                                                WEIGHTS_NORMAL, INITIAL_GAIN)))
            return false;
    if (!program_start(s->program))
        return false;
    uint8_t *pixels = program_input(s->program, 0, s->pixels);
    for (uint64_t i = 0, n = tensor_bytes(s->pixels); i < n; i++)
        pixels[i] = (uint8_t)(random_u32(&r) >> 24);
    return program_run(s->program, &s->step);
}

// As subject_start. What the device has no room for, though it promised more, can still
// be counted: true, with *runs false, after a warning. That the host is out of memory
// says nothing about the device.
static bool subject_try(struct bench *b, struct subject *s, const char *name,
                        bool *runs)
{
    const uint64_t failures = mem_failures();
    struct log_capture capture;
    log_capture_begin(&capture);
    *runs = subject_start(b, s);
    const char *error = log_capture_end(&capture);
    const bool ok =
        *runs || (!gpu_device_is_lost(b->device) && mem_failures() == failures);
    if (!ok)
        log_error("%s", error);
    else if (!*runs)
        log_warn("bench: %s cannot be run: only counted: %s", name, error);
    return ok;
}

// One whole step by the host's clock, copies included: what a user waits for.
static bool run_subject(void *user, double *seconds)
{
    struct subject *s = user;
    if (is_stopped(s->bench))
        return false;
    double start = os_seconds();
    if (!program_run(s->program, &s->step))
        return false;
    *seconds = os_seconds() - start;
    return true;
}

// ---------------------------------------------------------------------------
// Calls

// A call that is measured by itself.
struct call_run {
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
    if (is_stopped(r->subject->bench) ||
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

// A row for each kind of call. With the simple kernels only convolutions are of
// interest: everything else is the same kernel as before.
static bool give_calls(struct bench *b, const struct pix_bench_case *at, bool is_simple,
                       struct subject *s, bool runs)
{
    size_t count = 0;
    const struct graph *g = program_graph(s->program);
    struct call_kind *kinds = kinds_find(g, &count);
    bool ok = kinds != NULL;
    for (size_t i = 0; ok && i < count; i++) {
        const struct call *call = graph_call(g, kinds[i].first);
        char kernel[CALL_NAME_SIZE];
        if (is_simple && !kinds_is_product(kinds[i].group))
            continue;
        struct call_run run = { s, &b->ceilings.clock, kinds[i].first, 1 };
        struct measurement time;
        kinds_kernel_name(program_limits(s->program), call, kinds[i].group, kernel);
        struct pix_bench_row row = {
            .kind = PIX_BENCH_CALL,
            .group = kinds[i].group,
            .name = kinds[i].name,
            .kernel = kernel,
            .is_simple = is_simple,
            .size = at->size,
            .batch = at->batch,
            .count = kinds[i].count,
            .flops = call->flops,
            .bytes = kinds[i].bytes,
        };
        if (runs) {
            char text[2 * CALL_NAME_SIZE];
            snprintf(text, sizeof(text), "call %zu of %zu: %s, %s", i + 1, count,
                     row.group, row.name);
            say(b, text);
            ok = choose_repeats(&run) &&
                 measure_run(run_call, &run, b->options->seconds, &time);
        }
        ok = ok && give(b, &row, runs ? &time : NULL, clock_of(b));
    }
    mem_free(kinds);
    return ok;
}

// ---------------------------------------------------------------------------
// Cases

// What is measured of a case.
struct part {
    bool is_training, is_simple;
    bool with_whole, with_calls;
};

// One case of the benchmark: what fits is run, what does not fit is counted.
static bool run_case(struct bench *b, const struct pix_bench_case *at,
                     const struct part *part)
{
    const char *what = part->is_training ? "training step" : "translation";
    char text[128], name[64];
    struct settings settings = { 0 };
    struct subject s = { 0 };
    bool runs = false;
    struct measurement time;
    struct pix_bench_row row = {
        .kind = part->is_training ? PIX_BENCH_TRAIN : PIX_BENCH_TRANSLATE,
        .group = part->is_training ? "training" : "translation",
        .name = name,
        .kernel = "",
        .is_simple = part->is_simple,
        .size = at->size,
        .batch = at->batch,
        .count = 1,
    };
    snprintf(name, sizeof(name), "%s, %u px, %u image%s", what, at->size, at->batch,
             at->batch == 1 ? "" : "s");
    options_init(&settings.options);
    settings.options.crop_size = (struct pix_size){ at->size, at->size };
    settings.options.batch_size = at->batch;
    settings.options.ngf = b->options->ngf;
    settings.options.ndf = b->options->ndf;
    bool ok = settings_resolve(&settings);
    if (!ok)
        goto done;

    // A case that the device cannot bind is left out; the others are still measured.
    const uint64_t failures = mem_failures();
    struct log_capture capture;
    log_capture_begin(&capture);
    ok = subject_build(b, &settings, part->is_training, part->is_simple, &s, &row.plan);
    const char *error = log_capture_end(&capture);
    if (!ok) {
        ok = mem_failures() == failures;
        log_message(ok ? LOG_WARN : LOG_ERROR, "bench: %s is left out: %s", name,
                    error);
        goto done;
    }
    row.flops = row.plan.flops_per_step;
    row.bytes = row.plan.bytes_per_step;
    uint64_t memory = gpu_device_limits(b->device)->memory;
    bool fits = row.plan.device_bytes <= memory;
    if (!fits && b->is_timed)
        log_warn("bench: %s needs %.0f MiB, the device has %.0f: only counted", name,
                 (double)row.plan.device_bytes / (1 << 20), (double)memory / (1 << 20));
    if (fits && b->is_timed) {
        snprintf(text, sizeof(text), "first run of %s", name);
        say(b, text);
        ok = subject_try(b, &s, name, &runs);
    }
    if (ok && part->with_calls)
        ok = give_calls(b, at, part->is_simple, &s, runs);
    if (ok && part->with_whole && runs) {
        say(b, name);
        ok = measure_run(run_subject, &s, STEP_FACTOR * b->options->seconds, &time);
    }
    if (ok && part->with_whole)
        ok = give(b, &row, runs ? &time : NULL, PIX_BENCH_HOST_CLOCK);

done:
    subject_finish(&s);
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

bool bench_run(struct gpu_device *device, double submission_seconds,
               const struct pix_bench_options *options)
{
    static const struct pix_bench_case usual = { DEFAULT_SIZE, 1 };
    const struct pix_bench_case *cases = options->cases ? options->cases : &usual;
    uint32_t count_of_cases = options->cases ? options->case_count : 1;
    struct bench b = {
        .device = device,
        .submission_seconds = submission_seconds,
        .options = options,
        .is_timed = !options->no_clock && gpu_device_limits(device)->executes,
    };
    if (!check(options))
        return false;
    ceilings_init(&b.ceilings);
    bool ok = true;
    if (b.is_timed) {
        say(&b, "ceilings of the device");
        ok = ceilings_measure(device, CEILING_FACTOR * options->seconds, &b.ceilings) &&
             give_ceilings(&b);
    }
    for (uint32_t i = 0; ok && i < count_of_cases; i++) {
        // Each kind of call takes options->seconds: calls of one case have to do.
        const bool with_calls = i == 0 && !options->no_calls;
        const struct part parts[] = {
            { true, false, !options->no_train, with_calls },
            { true, true, !options->no_train && options->with_simple,
              with_calls && options->with_simple },
            { false, false, !options->no_translate, false },
        };
        for (size_t k = 0; ok && k < ARRAY_LEN(parts); k++)
            if (parts[k].with_whole || parts[k].with_calls)
                ok = run_case(&b, &cases[i], &parts[k]);
    }
    if (ok && b.is_timed)
        ok = check_drift(&b);
    if (!ok && gpu_device_is_lost(device))
        log_error("bench: %s was lost", gpu_device_info(device)->name);
    return ok;
}
