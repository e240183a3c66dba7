// SPDX-License-Identifier: MIT
//
// The step of a run as a program: its kernels, its graph, its plan. See
// trainer_inside.h.

#include "train/trainer_inside.h"

#include "base/log.h"
#include "base/mem.h"
#include "program/matrix_check.h"
#include "program/tuned.h"
#include "settings/settings.h"
#include "train/objective_options.h"
#include "train/validation.h"

// ---------------------------------------------------------------------------
// The step as a graph, and its plan

// Names the option that lowers the larger part of what is needed.
const char *trainer_memory_hint(const struct pix_train_options *o,
                                const struct pix_plan *plan)
{
    if (plan->lpips_bytes > MAX(plan->state_bytes, plan->arena_bytes))
        return "leave LPIPS out of --val-metrics and --best";
    if (plan->state_bytes > plan->arena_bytes)
        return "lower --ngf and --ndf";
    return o->batch_size > 1 ? "lower --batch-size" : "lower --crop-size";
}

// The step's program, with the kernels of the run's table. Losses and the flags of
// the weights are read back after every step; sample images are fetched only when a
// grid is due.
static bool build_program(struct trainer *t, bool is_plan)
{
    const struct program_options options = {
        .device = t->device,
        .submission_seconds = t->submission_seconds,
        .slots = t->ring_count,
        .tuning = &t->tuning,
        .check = is_plan ? NULL : matrix_check,
        .hint = TRAINER_TENSOR_HINT,
    };
    const struct objective *o = &t->objective;
    program_destroy(t->program);
    t->program = program_create(&options);
    if (!t->program || !objective_options_build(program_graph(t->program), t->generator,
                                                t->discriminator, &t->settings, "train",
                                                &t->objective))
        return false;
    program_upload(t->program, o->pixels);
    program_upload(t->program, o->jitter);
    program_download(t->program, o->loss_d);
    program_download(t->program, o->loss_d_gp);
    program_download(t->program, o->loss_g_gan);
    program_download(t->program, o->loss_g_l1);
    program_download(t->program, o->loss_g_ce);
    if (weights_has_scaler(t->discriminator))
        program_download(t->program, &t->discriminator->scaler);
    if (weights_has_scaler(t->generator))
        program_download(t->program, &t->generator->scaler);
    program_watch(t->program, t->discriminator);
    program_watch(t->program, t->generator);
    return !program_has_failed(t->program);
}

// The convolutions of a step, as a first graph with the built-in choice of kernels
// says, and of validations.
static bool list_shapes(struct trainer *t, struct conv_shapes *shapes)
{
    return build_program(t, true) &&
           conv_shapes_add_all(shapes, graph_products(program_graph(t->program))) &&
           (settings_validation_epochs(&t->settings) == 0 ||
            validation_add_shapes(shapes, program_limits(t->program), &t->settings));
}

// Finds the run's table of kernels. A resumed run has one; for a new one it is what the
// cache has of its shapes, after the others were measured. Nothing is measured for a
// plan.
static bool find_tuning(struct trainer *t, bool measure)
{
    const struct pix_train_options *o = &t->settings.options;
    const bool is_auto = tuned_uses_cache(t->settings.tuning);
    struct tuning all = { 0 };
    if (is_auto && measure && !t->run.is_new) {
        if (t->settings.tuning == TUNING_ON)
            log_info("train: the run goes on with its own table of kernels, "
                     "%s/tuning.json: --tuning on measures nothing here",
                     o->out);
        return run_read_tuning(o, &t->tuning);
    }
    if (!is_auto)
        return tuned_open(t->device, t->settings.tuning, o->tuning, &t->tuning);
    struct conv_shapes shapes = { 0 };
    const bool ok = tuned_open(t->device, t->settings.tuning, NULL, &all) &&
                    list_shapes(t, &shapes) &&
                    (!measure || tuned_complete(t->device, t->settings.tuning,
                                                t->submission_seconds,
                                                TUNED_SECONDS_RUN, &shapes, &all)) &&
                    tuned_select(&all, &shapes, &t->tuning);
    conv_shapes_free(&shapes);
    tuning_finish(&all);
    return ok;
}

// Empty: building the graph adds the weights, by the names of the port's state_dict.
static bool create_networks(struct trainer *t)
{
    t->generator = weights_create(false);
    t->discriminator = weights_create(false);
    if (!t->generator || !t->discriminator)
        return false;
    t->generator->keeps_average = t->settings.options.ema > 0;
    t->generator->precision = precision_format(t->settings.precision);
    t->discriminator->precision = t->generator->precision;
    return true;
}

// A run that is resumed on another device than before keeps its precision.
static bool resolve(struct trainer *t, enum precision *precision)
{
    struct log_capture capture;
    const char *out = t->settings.options.out;
    log_capture_begin(&capture);
    const bool ok = precision_resolve(t->device, "train", precision);
    const char *error = log_capture_end(&capture);
    if (!ok && t->settings.options.continue_run)
        log_error("%s; a run keeps its precision: train on from its weights in another "
                  "folder (--out OTHER --init-g %s --init-d %s --precision f32)",
                  error, out, out);
    else if (!ok)
        log_error("%s", error);
    return ok;
}

static bool find_precision(struct trainer *t)
{
    enum precision precision = t->settings.precision;
    if (precision == PRECISION_AUTO && t->settings.gan == GAN_WGANGP) {
        // See settings/rules.c.
        log_info("train: --precision auto is f32: --gan-mode wgangp takes no f16");
        precision = PRECISION_F32;
    }
    if (!resolve(t, &precision))
        return false;
    settings_set_precision(&t->settings, precision);
    return true;
}

bool trainer_build(struct trainer *t, bool measure, struct pix_plan *out)
{
    if (!find_precision(t) || !create_networks(t) || !find_tuning(t, measure) ||
        !build_program(t, !measure))
        return false;
    struct weights *const networks[] = { t->generator, t->discriminator };
    if (!program_plan(t->program, networks, ARRAY_LEN(networks), out))
        return false;
    out->validation_epochs = settings_validation_epochs(&t->settings);
    if (out->validation_epochs == 0)
        return true;
    t->validation = validation_create(t->device, t->submission_seconds, &t->settings,
                                      &t->tuning, t->generator);
    return t->validation && validation_add_footprint(t->validation, out);
}
