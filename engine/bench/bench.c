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
#include "gpu/device.h"
#include "graph/exec.h"
#include "ops/conv_variant.h"
#include "program/footprint.h"
#include "settings/options.h"
#include "settings/rules.h"
#include "settings/schedule.h"
#include "settings/settings.h"
#include "shared/conv.h"
#include "train/objective_options.h"
#include "translate/translation.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define DEFAULT_SIZE 256
#define DEFAULT_SECONDS 0.25

// Whole steps are few and long, and on the ceilings everything else is measured.
#define STEP_FACTOR 8
#define CEILING_FACTOR 4

// Rates at the beginning and at the end further apart than this are not those of one
// machine left alone.
#define DRIFT 0.15

// A sample is at least this many times as long as what is taken off by the host's
// clock, or this long by the device's, by repeating the call.
#define LEAST_SUBMISSIONS 20
#define LEAST_STAMPED 100e-6
#define MOST_REPEATS 100

#define INITIAL_GAIN 0.02    // deviation of the weights, as in training

#define NAME_SIZE 192

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

static void say(const struct bench *b, const char *text)
{
    if (b->options->progress)
        b->options->progress(b->options->user, text);
}

static bool is_stopped(const struct bench *b)
{
    return b->options->stop && b->options->stop(b->options->user);
}

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

// Of calls and ceilings.
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
                 "and %.3g at the end: something else was at work, or it was "
                 "throttled; take the times with care",
                 before, after);
    return true;
}

// ---------------------------------------------------------------------------
// A case

// One network step that can be run: training, or translation if `generator` is alone.
struct program {
    const struct bench *bench;
    struct op_limits limits;
    struct graph *graph;
    struct weights *generator, *discriminator;
    struct plan *plan;
    struct exec *exec;
    struct step_block step;
    struct tensor *pixels, *jitter;
    struct tensor *outputs[3];
};

static void program_finish(struct program *p)
{
    exec_destroy(p->exec);
    plan_destroy(p->plan);
    graph_destroy(p->graph);
    weights_destroy(p->generator);
    weights_destroy(p->discriminator);
    *p = (struct program){ 0 };
}

static bool program_build(struct bench *b, const struct pix_train_options *o,
                          bool is_training, bool is_simple, struct program *p)
{
    const struct plan_limits plan_limits = plan_device_limits(b->device);
    *p = (struct program){ .bench = b,
                           .limits = plan_op_limits(b->device),
                           .step = schedule_block(o, 1, 1, NULL) };
    if (is_simple)
        p->limits.force = conv_variant_find("simple");
    p->graph = graph_create(&p->limits);
    p->generator = weights_create(!is_training);
    if (!p->graph || !p->generator)
        return false;
    if (is_training) {
        const struct objective_options objective = options_objective(o);
        struct objective t = { 0 };
        p->discriminator = weights_create(false);
        if (!p->discriminator ||
            !objective_build(p->graph, p->generator, p->discriminator, &objective, &t))
            return false;
        p->pixels = t.pixels;
        p->jitter = t.jitter;
        p->outputs[0] = t.loss_d;
        p->outputs[1] = t.loss_g_gan;
        p->outputs[2] = t.loss_g_l1;
    } else {
        const struct generator_options generator = options_generator(o);
        struct translation t = { 0 };
        if (!translation_build(p->graph, p->generator, &generator, options_staging(o),
                               TRANSLATION_STABLE, o->batch_size, o->crop_size,
                               o->crop_size, &t))
            return false;
        p->pixels = t.pixels;
        p->jitter = t.jitter;
        p->outputs[0] = t.output;
    }
    p->plan = plan_build(p->graph, &plan_limits);
    return p->plan && weights_place(p->generator, plan_limits.max_block) &&
           (!p->discriminator ||
            weights_place(p->discriminator, plan_limits.max_block));
}

// As `train --plan` and `translate --plan` have it.
static void count(struct bench *b, const struct program *p, struct pix_plan *plan)
{
    *plan = (struct pix_plan){
        .state_bytes = weights_bytes(p->generator),
        .staging_bytes = tensor_bytes(p->pixels) + tensor_bytes(p->jitter),
        .weights_g = weights_trained_count(p->generator),
    };
    for (size_t i = 0; i < ARRAY_LEN(p->outputs) && p->outputs[i]; i++)
        plan->staging_bytes += tensor_bytes(p->outputs[i]);
    if (p->discriminator) {
        plan->state_bytes += weights_bytes(p->discriminator);
        plan->step_block_bytes = footprint_step_block();
        plan->weights_d = weights_trained_count(p->discriminator);
    }
    footprint_sum_up(b->device, b->submission_seconds, p->graph, p->plan, plan);
}

// Memory, pipelines, noise for images and weights, and one run, which measures how the
// step has to be cut.
static bool program_start(struct bench *b, struct program *p)
{
    struct random r;
    random_init(&r, 1, 1);
    struct weights *const networks[] = { p->generator, p->discriminator };
    for (size_t i = 0; i < ARRAY_LEN(networks); i++)
        if (networks[i] && (!weights_allocate(networks[i], b->device) ||
                            !weights_initialise(networks[i], b->device, &r,
                                                WEIGHTS_NORMAL, INITIAL_GAIN)))
            return false;
    if (!plan_allocate(p->plan, b->device))
        return false;
    p->exec = exec_create(b->device, p->graph, b->submission_seconds);
    if (!p->exec)
        return false;
    uint8_t *pixels = exec_upload(p->exec, p->pixels);
    void *jitter = exec_upload(p->exec, p->jitter);
    if (!pixels || !jitter)
        return false;
    for (uint64_t i = 0, n = tensor_bytes(p->pixels); i < n; i++)
        pixels[i] = (uint8_t)(random_u32(&r) >> 24);
    memset(jitter, 0, (size_t)tensor_bytes(p->jitter));
    for (size_t i = 0; i < ARRAY_LEN(p->outputs) && p->outputs[i]; i++)
        if (!exec_download(p->exec, p->outputs[i]))
            return false;
    return exec_run(p->exec, &p->step);
}

// As program_start. What the device has no room for, though it promised more, can still
// be counted: true, without `exec`. An error of a case is a warning of the benchmark.
static bool program_try(struct bench *b, struct program *p, const char *name)
{
    struct log_capture capture;
    log_capture_demote(&capture);
    bool ok = program_start(b, p);
    log_capture_end(&capture);
    if (ok)
        return true;
    exec_destroy(p->exec);
    p->exec = NULL;
    if (gpu_device_is_lost(b->device))
        return false;
    log_warn("bench: %s can not be run: only counted", name);
    return true;
}

static bool run_program(void *user, double *seconds)
{
    struct program *p = user;
    if (is_stopped(p->bench))
        return false;
    double start = os_seconds();
    if (!exec_run(p->exec, &p->step))
        return false;
    *seconds = os_seconds() - start;
    return true;
}

// ---------------------------------------------------------------------------
// Calls

// What a kernel does, by the beginning of its name: the longest that fits.
static const struct {
    const char *prefix, *group;
} families[] = {
    { "conv_forward", "forward" },
    { "conv_backward_input", "input gradient" },
    { "conv_backward_weight", "weight gradient" },
    { "conv_backward_bias", "bias gradient" },
    { "norm", "norm" },
    { "adam", "Adam" },
    { "loss", "loss" },
    { "", "other" },
};

static bool begins_with(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

// A transposed convolution runs forward by the kernels of the input gradient, and the
// other way round: the group is what is done for the layer.
static const char *group_of(const struct call *call)
{
    const char *name = shader_table[call->shader].name;
    bool transposed = begins_with(call->label, "conv_transpose");
    size_t i = 0;
    while (!begins_with(name, families[i].prefix))
        i++;
    if (transposed && i < 2)
        i = 1 - i;
    return families[i].group;
}

static bool is_product(const char *group)
{
    return strcmp(group, "forward") == 0 || strcmp(group, "input gradient") == 0 ||
           strcmp(group, "weight gradient") == 0;
}

// Of a call that is a convolution in one of its directions; else NULL.
static const struct conv_params *product_of(const struct call *call, const char *group)
{
    if (!is_product(group))
        return NULL;
    if (call->params_size == sizeof(struct conv_weight_params))
        return &((const struct conv_weight_params *)call->params)->conv;
    return call->params_size == sizeof(struct conv_params) ? call->params : NULL;
}

// A name that does not depend on the device or the kernel chosen there.
static void name_call(const struct call *call, const char *group, char name[NAME_SIZE])
{
    const struct conv_params *p = product_of(call, group);
    if (p) {
        bool transposed = begins_with(call->label, "conv_transpose");
        char x[48], y[48];
        snprintf(x, sizeof(x), "%ux%ux%u", p->c_in, p->h_in, p->w_in);
        snprintf(y, sizeof(y), "%ux%ux%u", p->c_out, p->h_out, p->w_out);
        snprintf(name, NAME_SIZE, "%s %s to %s, k%u s%u, %u image%s",
                 transposed ? "transposed" : "conv", transposed ? y : x,
                 transposed ? x : y, call->spec[CONV_SPEC_KERNEL],
                 call->spec[CONV_SPEC_STRIDE], p->n, p->n == 1 ? "" : "s");
        return;
    }
    // The largest tensor says what size the work has.
    const struct tensor *largest = NULL;
    char shape[SHAPE_TEXT_SIZE];
    for (size_t i = 0; i < CALL_MAX_BUFFERS && call->use[i].tensor; i++)
        if (!largest || tensor_bytes(call->use[i].tensor) > tensor_bytes(largest))
            largest = call->use[i].tensor;
    snprintf(name, NAME_SIZE, "%s %s", shader_table[call->shader].name,
             largest ? shape_text(largest->shape, shape) : "");
}

// The kernel and, of a convolution, the variant that was chosen for its shape.
static void name_kernel(const struct op_limits *limits, const struct call *call,
                        const char *group, char name[NAME_SIZE])
{
    const char *shader = shader_table[call->shader].name;
    snprintf(name, NAME_SIZE, "%s", shader);
    const struct conv_params *p = product_of(call, group);
    if (!p)
        return;
    const struct conv_shape shape = {
        .direction = begins_with(shader, "conv_forward") ? CONV_FORWARD
                     : begins_with(shader, "conv_backward_input")
                         ? CONV_BACKWARD_INPUT
                         : CONV_BACKWARD_WEIGHT,
        .x = { p->n, p->c_in, p->h_in, p->w_in },
        .c_out = p->c_out,
        .kernel = call->spec[CONV_SPEC_KERNEL],
        .stride = call->spec[CONV_SPEC_STRIDE],
        .pad = call->spec[CONV_SPEC_PAD],
    };
    // What is done on the way: parts of other ops.
    static const char *const stores[] = { [CONV_STORE_PLAIN] = "",
                                          [CONV_STORE_TANH] = ", tanh",
                                          [CONV_STORE_DERIVATIVE] = ", derivative",
                                          [CONV_STORE_ADAM] = ", Adam" };
    const bool activates = call->spec[CONV_SPEC_LOAD] != CONV_LOAD_PLAIN;
    const uint32_t store = call->spec[CONV_SPEC_STORE];
    snprintf(name, NAME_SIZE, "%s %s%s%s%s", shader,
             conv_variant_choose(limits, &shape)->name, activates ? ", leaky" : "",
             store < ARRAY_LEN(stores) ? stores[store] : "",
             call->spec[CONV_SPEC_ACCUMULATE] ? ", adds" : "");
}

// Calls of one kind.
struct kind {
    size_t first;    // the call that is measured
    const char *group;
    char name[NAME_SIZE];
    uint64_t bytes;
    uint32_t count;
};

static bool same_kind(const struct graph *g, const struct kind *a, const struct kind *b)
{
    const struct call *x = graph_call(g, a->first), *y = graph_call(g, b->first);
    return x->shader == y->shader && x->spec_count == y->spec_count &&
           memcmp(x->spec, y->spec, x->spec_count * sizeof(x->spec[0])) == 0 &&
           x->grid.x == y->grid.x && x->grid.y == y->grid.y && x->grid.z == y->grid.z &&
           x->flops == y->flops && a->bytes == b->bytes && a->group == b->group &&
           strcmp(a->name, b->name) == 0;
}

// The kinds in the order of their first calls. NULL if there is no memory.
static struct kind *find_kinds(const struct graph *g, size_t *count)
{
    size_t calls = graph_call_count(g);
    struct kind *kinds = mem_array(MAX(calls, 1), sizeof(kinds[0]));
    *count = 0;
    for (size_t c = 0; kinds && c < calls; c++) {
        const struct call *call = graph_call(g, c);
        struct kind *new = &kinds[*count];
        *new = (struct kind){
            .first = c, .group = group_of(call), .bytes = call_bytes(call), .count = 1
        };
        name_call(call, new->group, new->name);
        size_t k = 0;
        while (k < *count && !same_kind(g, &kinds[k], new))
            k++;
        if (k < *count)
            kinds[k].count++;
        else
            (*count)++;
    }
    // The same work in different ways (one sets, another adds) needs names to tell it
    // apart.
    for (size_t i = 0; kinds && i < *count; i++) {
        size_t length = strlen(kinds[i].name);
        uint32_t same = 1;
        for (size_t k = 0; k < i; k++)
            same += kinds[k].group == kinds[i].group &&
                    strncmp(kinds[k].name, kinds[i].name, length) == 0 &&
                    (kinds[k].name[length] == '\0' ||
                     strncmp(kinds[k].name + length, " #", 2) == 0);
        if (same > 1)
            snprintf(kinds[i].name + length, NAME_SIZE - length, " #%u",
                     (unsigned)same);
    }
    return kinds;
}

struct call_run {
    struct program *program;
    const struct measure_clock *clock;
    size_t call;
    uint32_t repeats;
};

static bool run_call(void *user, double *seconds)
{
    struct call_run *r = user;
    struct exec_time time;
    if (is_stopped(r->program->bench) ||
        !exec_time_call(r->program->exec, r->call, r->repeats, &time))
        return false;
    *seconds =
        measure_net(r->clock, time.wall, time.stamped, time.submissions) / time.repeats;
    return true;
}

// So often that the clock's own share is small.
static bool choose_repeats(struct call_run *r)
{
    double seconds, least = r->clock->stamps ? LEAST_STAMPED
                                             : LEAST_SUBMISSIONS * r->clock->submission;
    r->repeats = 1;
    if (!run_call(r, &seconds))
        return false;
    double wanted = ceil(least / seconds);
    r->repeats = wanted < MOST_REPEATS ? MAX((uint32_t)wanted, 1u) : MOST_REPEATS;
    return true;
}

static bool give_calls(struct bench *b, const struct pix_bench_case *at, bool is_simple,
                       struct program *p)
{
    size_t count = 0;
    struct kind *kinds = find_kinds(p->graph, &count);
    bool ok = kinds != NULL;
    for (size_t i = 0; ok && i < count; i++) {
        const struct call *call = graph_call(p->graph, kinds[i].first);
        char kernel[NAME_SIZE];
        if (is_simple && !is_product(kinds[i].group))
            continue;
        struct call_run run = { p, &b->ceilings.clock, kinds[i].first, 1 };
        struct measurement time;
        name_kernel(&p->limits, call, kinds[i].group, kernel);
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
        if (p->exec) {
            char text[2 * NAME_SIZE];
            snprintf(text, sizeof(text), "call %zu of %zu: %s, %s", i + 1, count,
                     row.group, row.name);
            say(b, text);
            ok = choose_repeats(&run) &&
                 measure(run_call, &run, b->options->seconds, &time);
        }
        ok = ok && give(b, &row, p->exec ? &time : NULL, clock_of(b));
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

static bool run_case(struct bench *b, const struct pix_bench_case *at,
                     const struct part *part)
{
    const char *what = part->is_training ? "training step" : "translation";
    char text[128], name[64];
    struct pix_train_options o;
    struct program p = { 0 };
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
    options_init(&o);
    o.crop_size = at->size;
    o.batch_size = at->batch;
    o.ngf = b->options->ngf;
    o.ndf = b->options->ndf;
    bool ok = options_resolve(&o);
    if (!ok)
        goto done;

    // What the device can not bind is not an error of the benchmark.
    struct log_capture capture;
    log_capture_begin(&capture);
    ok = program_build(b, &o, part->is_training, part->is_simple, &p);
    const char *error = log_capture_end(&capture);
    if (!ok) {
        log_warn("bench: %s is left out: %s", name, error);
        ok = true;
        goto done;
    }
    count(b, &p, &row.plan);
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
        ok = program_try(b, &p, name);
    }
    if (ok && part->with_calls)
        ok = give_calls(b, at, part->is_simple, &p);
    if (ok && part->with_whole && p.exec) {
        say(b, name);
        ok = measure(run_program, &p, STEP_FACTOR * b->options->seconds, &time);
    }
    if (ok && part->with_whole)
        ok = give(b, &row, p.exec ? &time : NULL, PIX_BENCH_HOST_CLOCK);

done:
    program_finish(&p);
    return ok;
}

static bool check(const struct pix_bench_options *o)
{
    if (!o->row) {
        log_error("bench: there is nothing to call with a row");
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
