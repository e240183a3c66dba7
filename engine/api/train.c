// SPDX-License-Identifier: MIT
//
// Training in the public API. See relay.h.

#include "api/relay.h"

#include "base/mem.h"
#include "settings/rules.h"
#include "train/metrics_file.h"
#include "train/run.h"
#include "train/trainer.h"

bool pix_run_read_metrics(const char *run,
                          bool (*line)(void *user,
                                       const struct pix_step_metrics *metrics),
                          void *user, uint64_t *damaged)
{
    return api_check_given(run, "pix_run_read_metrics", "run") &&
           api_check_given(damaged, "pix_run_read_metrics", "damaged") &&
           metrics_file_read(run, line, user, damaged);
}

// The device is kept for its log: messages of a trainer go where its device's go.
struct pix_trainer {
    const pix_device *device;
    struct trainer *trainer;
};

bool pix_train_check(const struct pix_train_options *options)
{
    struct settings s;
    bool is_new;
    if (!api_check_given(options, "pix_train_check", "options") ||
        !options_check(options, true))
        return false;
    // The options of an existing run are compared in resolved form.
    if (!settings_init(&s, options))
        return false;
    const bool ok = run_check(&s.options, &is_new);
    settings_finish(&s);
    return ok;
}

pix_trainer *pix_trainer_create(pix_device *device,
                                const struct pix_train_options *options)
{
    if (!api_check_given(device, "pix_trainer_create", "device") ||
        !api_check_given(options, "pix_trainer_create", "options"))
        return NULL;
    const struct log_sink *before = log_use(&device->relay.sink);
    pix_trainer *trainer = mem_zalloc(sizeof(*trainer));
    if (trainer) {
        trainer->device = device;
        trainer->trainer = trainer_create(device->gpu, device->submission_seconds,
                                          device->no_overlap, options);
        if (!trainer->trainer) {
            mem_free(trainer);
            trainer = NULL;
        }
    }
    log_use(before);
    return trainer;
}

void pix_trainer_destroy(pix_trainer *trainer)
{
    if (!trainer)
        return;
    const struct log_sink *before = log_use(&trainer->device->relay.sink);
    // It waits for a step under way, which may log.
    trainer_destroy(trainer->trainer);
    log_use(before);
    mem_free(trainer);
}

const struct pix_train_options *pix_trainer_get_options(const pix_trainer *trainer)
{
    return trainer_get_options(trainer->trainer);
}

bool pix_trainer_get_best(const pix_trainer *trainer, struct pix_best_validation *best)
{
    const struct log_sink *before = log_use(&trainer->device->relay.sink);
    const bool has = trainer_get_best(trainer->trainer, best);
    log_use(before);
    return has;
}

enum pix_step_result pix_trainer_step(pix_trainer *trainer,
                                      struct pix_step_metrics *metrics)
{
    struct pix_step_metrics ignored;    // the trainer always writes them
    const struct log_sink *before = log_use(&trainer->device->relay.sink);
    enum pix_step_result result =
        trainer_step(trainer->trainer, metrics ? metrics : &ignored);
    log_use(before);
    return result;
}

enum pix_step_result pix_trainer_drain(pix_trainer *trainer,
                                       struct pix_step_metrics *metrics)
{
    struct pix_step_metrics ignored;
    const struct log_sink *before = log_use(&trainer->device->relay.sink);
    enum pix_step_result result =
        trainer_drain(trainer->trainer, metrics ? metrics : &ignored);
    log_use(before);
    return result;
}

bool pix_trainer_save(pix_trainer *trainer)
{
    const struct log_sink *before = log_use(&trainer->device->relay.sink);
    bool ok = trainer_save(trainer->trainer);
    log_use(before);
    return ok;
}

bool pix_train_plan(pix_device *device, const struct pix_train_options *options,
                    struct pix_plan *plan)
{
    if (!api_check_given(device, "pix_train_plan", "device") ||
        !api_check_given(options, "pix_train_plan", "options") ||
        !api_check_given(plan, "pix_train_plan", "plan"))
        return false;
    const struct log_sink *before = log_use(&device->relay.sink);
    bool ok = trainer_plan(device->gpu, device->submission_seconds, options, plan);
    log_use(before);
    return ok;
}
