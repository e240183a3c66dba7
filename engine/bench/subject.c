// SPDX-License-Identifier: MIT
//
// Building and running network steps for the benchmark. See subject.h.

#include "bench/subject.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/os.h"
#include "base/random.h"
#include "gpu/device.h"
#include "ops/conv_variant.h"
#include "program/matrix_check.h"
#include "settings/schedule.h"
#include "shared/scaler.h"
#include "train/objective_options.h"
#include "translate/translation.h"

#include <stdio.h>

#define INITIAL_GAIN 0.02    // deviation of the weights, as in training

// The loss scale begins too high for some networks: until no update is left out, but no
// longer than this, since every run halves it.
#define MOST_SKIPPED 20

void subject_title(bool is_training, uint32_t size, uint32_t batch,
                   char text[SUBJECT_TITLE_SIZE])
{
    snprintf(text, SUBJECT_TITLE_SIZE, "%s, %u px, %u image%s",
             is_training ? "training step" : "translation", (unsigned)size,
             (unsigned)batch, batch == 1 ? "" : "s");
}

void subject_finish(struct subject *s)
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
    if (!s->discriminator)
        return false;
    s->discriminator->precision = s->generator->precision;
    if (!objective_build(program_graph(s->program), s->generator, s->discriminator,
                         &objective, &t))
        return false;
    program_upload(s->program, t.pixels);
    program_upload(s->program, t.jitter);
    program_download(s->program, t.loss_d);
    program_download(s->program, t.loss_g_gan);
    program_download(s->program, t.loss_g_l1);
    program_download(s->program, t.loss_g_ce);
    if (weights_has_scaler(s->discriminator))
        program_download(s->program, &s->discriminator->scaler);
    if (weights_has_scaler(s->generator))
        program_download(s->program, &s->generator->scaler);
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

bool subject_build(struct subject *s, const struct subject_options *options,
                   const struct settings *settings, struct pix_plan *plan)
{
    // Without a table of measured kernels, which may differ from day to day: the rows
    // of two versions are to be compared.
    struct op_limits limits = plan_op_limits(options->device);
    if (options->is_simple)
        limits.force = conv_variant_find("simple");
    const struct program_options program = {
        .device = options->device,
        .submission_seconds = options->submission_seconds,
        .limits = &limits,
        .check = options->is_plan ? NULL : matrix_check,
    };
    *s = (struct subject){ .device = options->device,
                           .step = schedule_block(settings, 1, 1, NULL),
                           .stop = options->stop,
                           .user = options->user };
    s->program = program_create(&program);
    s->generator = weights_create(!options->is_training);
    if (!s->program || !s->generator)
        return false;
    s->generator->precision = precision_format(settings->precision);
    if (!(options->is_training ? build_training(settings, s)
                               : build_translation(settings, s)))
        return false;
    struct weights *const networks[] = { s->generator, s->discriminator };
    return program_plan(s->program, networks, ARRAY_LEN(networks), plan);
}

static const struct scaler_block *scaler_of(const struct subject *s,
                                            const struct weights *weights)
{
    return weights && weights_has_scaler(weights)
               ? program_output(s->program, 0, &weights->scaler)
               : NULL;
}

uint32_t subject_skipped(const struct subject *s)
{
    const struct scaler_block *g = scaler_of(s, s->generator);
    const struct scaler_block *d = scaler_of(s, s->discriminator);
    return (g ? g->skipped : 0) + (d ? d->skipped : 0);
}

static bool start(struct subject *s)
{
    struct random r;
    // Always the same seed: every benchmark of a device computes the same numbers.
    random_init(&r, 1, 1);
    struct weights *const networks[] = { s->generator, s->discriminator };
    for (size_t i = 0; i < ARRAY_LEN(networks); i++)
        if (networks[i] && (!weights_allocate(networks[i], s->device) ||
                            !weights_initialise(networks[i], s->device, &r,
                                                WEIGHTS_NORMAL, INITIAL_GAIN)))
            return false;
    if (!program_start(s->program))
        return false;
    uint8_t *pixels = program_input(s->program, 0, s->pixels);
    for (uint64_t i = 0, n = tensor_bytes(s->pixels); i < n; i++)
        pixels[i] = (uint8_t)(random_u32(&r) >> 24);
    // A step that leaves its updates out does less.
    uint32_t before, after = 0;
    for (int i = 0; i < MOST_SKIPPED; i++) {
        before = after;
        if (!program_run(s->program, &s->step))
            return false;
        after = subject_skipped(s);
        if (after == before)
            break;
    }
    return true;
}

// That the host is out of memory says nothing about the device.
bool subject_start(struct subject *s, const char *name, bool *runs)
{
    const uint64_t failures = mem_failures();
    struct log_capture capture;
    log_capture_begin(&capture);
    *runs = start(s);
    const char *error = log_capture_end(&capture);
    const bool ok =
        *runs || (!gpu_device_is_lost(s->device) && mem_failures() == failures);
    if (!ok)
        log_error("%s", error);
    else if (!*runs)
        log_warn("bench: %s cannot be run: only counted: %s", name, error);
    return ok;
}

bool subject_run(void *user, double *seconds)
{
    struct subject *s = user;
    if (s->stop && s->stop(s->user))
        return false;
    double begun = os_seconds();
    if (!program_run(s->program, &s->step))
        return false;
    *seconds = os_seconds() - begun;
    return true;
}
