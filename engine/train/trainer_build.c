// SPDX-License-Identifier: MIT
//
// The step of a run as a graph, its kernels and its plan. See trainer_inside.h.

#include "settings/options.h"
#include "settings/rules.h"
#include "settings/settings.h"
#include "train/trainer_inside.h"

#include "base/log.h"
#include "base/mem.h"
#include "program/footprint.h"
#include "program/tuned.h"
#include "train/objective_options.h"
#include "train/validation.h"
#include "translate/translation.h"

// ---------------------------------------------------------------------------
// The step as a graph, and its plan

// The option that lowers what takes most.
const char *trainer_memory_hint(const struct pix_train_options *o,
                                const struct pix_plan *plan)
{
    if (plan->state_bytes > plan->arena_bytes)
        return "lower --ngf and --ndf";
    return o->batch_size > 1 ? "lower --batch-size" : "lower --crop-size";
}

static uint64_t staging_bytes(const struct objective *o)
{
    const struct tensor *const all[] = {
        o->pixels, o->jitter, o->loss_d, o->loss_d_gp, o->loss_g_gan, o->loss_g_l1,
    };
    uint64_t bytes = 0;
    for (size_t i = 0; i < ARRAY_LEN(all); i++)
        bytes += all[i] ? tensor_bytes(all[i]) : 0;
    return bytes;
}

// What the graph refuses is too large, and it does not know of options.
static bool build_step(struct trainer *t, const struct objective_options *objective)
{
    struct log_capture capture;
    log_capture_begin(&capture);
    bool ok = objective_build(t->graph, t->generator, t->discriminator, objective,
                              &t->objective);
    const char *error = log_capture_end(&capture);
    if (!ok)
        log_error("train: %s: lower %s", error,
                  t->options.batch_size > 1 ? "--batch-size or --crop-size"
                                            : "--crop-size");
    return ok;
}

// The step's graph, with the kernels of the run's table.
static bool build_graph(struct trainer *t)
{
    const struct pix_train_options *o = &t->options;
    struct op_limits limits = plan_op_limits(t->device);
    const struct objective_options objective = options_objective(o);

    limits.tuning = &t->tuning;
    graph_destroy(t->graph);
    t->graph = graph_create(&limits);
    return t->graph && build_step(t, &objective);
}

// The run's table. A run that goes on has one; for a new one a first graph says which
// shapes there are. Nothing is measured for a plan.
static bool find_tuning(struct trainer *t, double submission_seconds, bool measure)
{
    const struct pix_train_options *o = &t->options;
    struct tuning all = { 0 };
    if (tuned_is_auto(o->tuning) && measure && !t->run.is_new)
        return run_read_tuning(o, &t->tuning);
    bool ok = tuned_open(t->device, o->tuning, &all);
    if (ok && tuned_is_auto(o->tuning))
        ok = build_graph(t) &&
             (!measure || tuned_complete(t->device, submission_seconds,
                                         TUNED_SECONDS_RUN, t->graph, &all)) &&
             tuned_select(&all, t->graph, &t->tuning);
    else if (ok)
        t->tuning = all;
    if (!ok || tuned_is_auto(o->tuning))
        tuning_finish(&all);
    return ok;
}

static bool create_networks(struct trainer *t)
{
    t->generator = weights_create(false);
    t->discriminator = weights_create(false);
    if (!t->generator || !t->discriminator)
        return false;
    t->generator->keeps_average = t->options.ema > 0;
    return true;
}

// Everything that needs no memory of the device, but for measuring.
bool trainer_build(struct trainer *t, double submission_seconds, bool measure,
                   struct pix_plan *out)
{
    const struct plan_limits plan_limits = plan_device_limits(t->device);
    if (!create_networks(t) || !find_tuning(t, submission_seconds, measure) ||
        !build_graph(t) || !weights_place(t->generator, plan_limits.max_block) ||
        !weights_place(t->discriminator, plan_limits.max_block))
        return false;
    t->plan = plan_build(t->graph, &plan_limits);
    if (!t->plan)
        return false;

    *out = (struct pix_plan){
        .state_bytes = weights_bytes(t->generator) + weights_bytes(t->discriminator),
        .step_block_bytes = footprint_step_block(),
        .staging_bytes = staging_bytes(&t->objective),
        .weights_g = weights_trained_count(t->generator),
        .weights_d = weights_trained_count(t->discriminator),
    };
    footprint_sum_up(t->device, submission_seconds, t->graph, t->plan, out);
    return options_validation_epochs(&t->options) == 0 ||
           validation_add_footprint(t->device, &t->options, &t->tuning, t->generator,
                                    out);
}

bool trainer_plan(struct gpu_device *device, double submission_seconds,
                  const struct pix_train_options *options, struct pix_plan *out)
{
    struct trainer *t = mem_zalloc(sizeof(*t));
    bool ok = t && options_copy(&t->options, options) && options_resolve(&t->options);
    if (ok) {
        t->device = device;
        ok = trainer_build(t, submission_seconds, false, out);
    }
    trainer_destroy(t);
    return ok;
}

// ---------------------------------------------------------------------------
// Tuning

// Appends the shapes of a graph that are not in the list.
static bool add_products(struct conv_shape **list, size_t *count, size_t *capacity,
                         const struct graph *g)
{
    size_t all;
    const struct conv_shape *shapes = graph_products(g, &all);
    for (size_t i = 0; i < all; i++) {
        bool known = false;
        for (size_t k = 0; k < *count && !known; k++)
            known = conv_shape_equal(&(*list)[k], &shapes[i]);
        if (known)
            continue;
        if (!mem_grow(list, capacity, *count + 1, sizeof(**list)))
            return false;
        (*list)[(*count)++] = shapes[i];
    }
    return true;
}

// The step's graph and that of a translation say which shapes there are.
bool trainer_tune(struct gpu_device *device, double submission_seconds,
                  const struct pix_train_options *options,
                  bool (*report)(void *user, const struct tune_result *result,
                                 size_t done, size_t count),
                  void *user)
{
    struct conv_shape *shapes = NULL;
    size_t count = 0, capacity = 0;
    struct translation translation;
    struct graph *g = NULL;
    struct weights *generator = weights_create(true);
    struct trainer *t = mem_zalloc(sizeof(*t));
    bool ok = t && generator && options_copy(&t->options, options) &&
              options_resolve(&t->options);
    if (ok) {
        const struct op_limits limits = plan_op_limits(device);
        const struct generator_options unet = options_generator(&t->options);
        const uint32_t side = t->options.crop_size;
        t->device = device;
        g = graph_create(&limits);
        ok = create_networks(t) && g && build_graph(t) &&
             translation_build(g, generator, &unet, options_staging(&t->options),
                               TRANSLATION_STABLE, 1, side, side, &translation) &&
             add_products(&shapes, &count, &capacity, t->graph) &&
             add_products(&shapes, &count, &capacity, g) &&
             tuned_measure(device, submission_seconds, shapes, count, report, user);
    }
    mem_free(shapes);
    graph_destroy(g);
    weights_destroy(generator);
    trainer_destroy(t);
    return ok;
}
