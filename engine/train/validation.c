// SPDX-License-Identifier: MIT
//
// Validation during training: a program of its own over the weights that are trained,
// so that nothing is copied. See validation.h.

#include "train/validation.h"

#include "base/log.h"
#include "base/mem.h"
#include "data/data_folder.h"
#include "data/dataset.h"
#include "evaluate/translation_error.h"
#include "program/program.h"
#include "settings/settings.h"

#include <string.h>

struct validation {
    struct program *program;
    struct translation_error tensors;
    struct dataset *data;
};

// The pairs of val/, whole and in order: the error must not depend on crops or a seed.
static bool open_data(struct validation *v, const struct settings *s)
{
    const struct pix_train_options *o = &s->options;
    struct pair_list pairs;
    struct dataset_options options = settings_dataset(s);
    options.load_size = o->crop_size;
    options.flip = options.shuffle = false;
    options.max_size = 0;
    bool has;
    if (!data_folder_has(o->data, "val", &has))
        return false;
    if (!has) {
        log_error("train: %s asks for validation, but there is no folder %s/val: make "
                  "it, or take another --lr-policy and --val-freq 0",
                  o->val_freq ? "--val-freq" : "--lr-policy plateau", o->data);
        return false;
    }
    if (!data_folder_list(o->data, "val", &pairs))
        return false;
    v->data = dataset_create(&options, &pairs);
    pair_list_free(&pairs);
    return v->data != NULL;
}

struct validation *validation_create(struct gpu_device *device,
                                     double submission_seconds,
                                     const struct settings *s,
                                     const struct tuning *tuning,
                                     struct weights *generator)
{
    const uint32_t side = s->options.crop_size;
    const struct program_options program = {
        .device = device,
        .submission_seconds = submission_seconds,
        .tuning = tuning,
    };
    struct validation *v = mem_zalloc(sizeof(*v));
    if (!v)
        return NULL;
    v->program = program_create(&program);
    if (!v->program ||
        !translation_error_build(program_graph(v->program), generator, &s->generator,
                                 settings_staging(s), side, side, &v->tensors))
        goto fail;
    program_upload(v->program, v->tensors.pixels);
    program_upload(v->program, v->tensors.jitter);
    program_download(v->program, v->tensors.l1);
    if (!program_plan(v->program, NULL, 0, NULL))
        goto fail;
    return v;

fail:
    validation_destroy(v);
    return NULL;
}

// Everything it has beside the weights, which it shares with the trainer.
bool validation_add_footprint(struct validation *v, struct pix_plan *plan)
{
    struct pix_plan own;
    if (!program_plan(v->program, NULL, 0, &own))
        return false;
    plan->arena_bytes += own.arena_bytes;
    plan->arena_bytes_without_reuse += own.arena_bytes_without_reuse;
    plan->step_block_bytes += own.step_block_bytes;
    plan->staging_bytes += own.staging_bytes;
    plan->device_bytes += own.device_bytes;
    return true;
}

bool validation_start(struct validation *v, const struct settings *s)
{
    return open_data(v, s) && program_start(v->program);
}

void validation_destroy(struct validation *v)
{
    if (!v)
        return;
    dataset_destroy(v->data);
    program_destroy(v->program);
    mem_free(v);
}

bool validation_run(struct validation *v, double *l1)
{
    const uint32_t count = dataset_count(v->data);
    const struct step_block block = { .step = 1 };
    uint8_t *pixels = program_input(v->program, 0, v->tensors.pixels);
    const float *loss = program_output(v->program, 0, v->tensors.l1);
    double sum = 0;
    for (uint32_t i = 0; i < count; i++) {
        struct dataset_sample sample;
        if (!dataset_next(v->data, &sample, pixels) || !program_run(v->program, &block))
            return false;
        sum += (double)*loss;
    }
    *l1 = sum / count;
    return true;
}
