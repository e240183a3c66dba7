// SPDX-License-Identifier: MIT
//
// Validation during training. See validation.h.

#include "train/validation.h"

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "data/dataset.h"
#include "evaluate/translation_error.h"
#include "graph/exec.h"
#include "program/footprint.h"
#include "settings/settings.h"

#include <string.h>

struct validation {
    struct graph *graph;
    struct plan *plan;
    struct exec *exec;
    struct dataset *data;
    uint8_t *pixels;    // of one sample
    const float *loss;
};

static bool open_data(struct validation *v, const struct pix_train_options *o)
{
    char *folder = file_join(o->data, "val");
    if (!folder)
        return false;
    char *side = file_join(o->data, "A/val");
    struct dataset_options options = options_dataset(o);
    options.folder = folder;
    options.load_size = o->crop_size;
    options.flip = options.shuffle = false;
    options.max_size = 0;
    bool ok = file_is_folder(folder) || (side && file_is_folder(side));
    mem_free(side);
    if (!ok)
        log_error("train: %s asks for validation, but there is no folder %s: make it, "
                  "or take another --lr-policy and --val-freq 0",
                  o->val_freq ? "--val-freq" : "--lr-policy plateau", folder);
    v->data = ok ? dataset_create(&options) : NULL;
    mem_free(folder);
    return v->data != NULL;
}

static bool build(struct validation *v, struct gpu_device *device,
                  const struct pix_train_options *o, const struct tuning *tuning,
                  struct weights *generator, struct translation_error *tensors)
{
    const struct plan_limits plan_limits = plan_device_limits(device);
    struct op_limits limits = plan_op_limits(device);
    const struct generator_options options = options_generator(o);
    limits.tuning = tuning;
    v->graph = graph_create(&limits);
    if (!v->graph ||
        !translation_error_build(v->graph, generator, &options, options_staging(o),
                                 o->crop_size, o->crop_size, tensors))
        return false;
    v->plan = plan_build(v->graph, &plan_limits);
    return v->plan != NULL;
}

bool validation_add_footprint(struct gpu_device *device,
                              const struct pix_train_options *o,
                              const struct tuning *tuning, struct weights *generator,
                              struct pix_plan *plan)
{
    struct validation v = { 0 };
    struct translation_error tensors;
    const bool ok = build(&v, device, o, tuning, generator, &tensors);
    if (ok) {
        const uint64_t staging = tensor_bytes(tensors.pixels) +
                                 tensor_bytes(tensors.jitter) +
                                 tensor_bytes(tensors.l1);
        plan->arena_bytes += v.plan->arena_bytes;
        plan->arena_bytes_without_reuse += v.plan->arena_bytes_without_reuse;
        plan->step_block_bytes += footprint_step_block();
        plan->staging_bytes += staging;
        plan->device_bytes += v.plan->arena_bytes + footprint_step_block() + staging;
    }
    plan_destroy(v.plan);
    graph_destroy(v.graph);
    return ok;
}

struct validation *validation_create(struct gpu_device *device,
                                     double submission_seconds,
                                     const struct pix_train_options *o,
                                     const struct tuning *tuning,
                                     struct weights *generator)
{
    struct translation_error tensors;
    struct validation *v = mem_zalloc(sizeof(*v));
    if (!v || !open_data(v, o) || !build(v, device, o, tuning, generator, &tensors) ||
        !plan_allocate(v->plan, device))
        goto fail;
    v->exec = exec_create(device, v->graph, submission_seconds);
    if (!v->exec)
        goto fail;
    v->pixels = exec_upload(v->exec, tensors.pixels);
    void *jitter = exec_upload(v->exec, tensors.jitter);
    v->loss = exec_download(v->exec, tensors.l1);
    if (!v->pixels || !jitter || !v->loss)
        goto fail;
    memset(jitter, 0, (size_t)tensor_bytes(tensors.jitter));
    return v;

fail:
    validation_destroy(v);
    return NULL;
}

void validation_destroy(struct validation *v)
{
    if (!v)
        return;
    dataset_destroy(v->data);
    exec_destroy(v->exec);
    plan_destroy(v->plan);
    graph_destroy(v->graph);
    mem_free(v);
}

bool validation_run(struct validation *v, double *l1)
{
    const uint32_t count = dataset_count(v->data);
    const struct step_block block = { .step = 1 };
    double sum = 0;
    for (uint32_t i = 0; i < count; i++) {
        struct dataset_sample sample;
        if (!dataset_next(v->data, &sample, v->pixels) || !exec_run(v->exec, &block))
            return false;
        sum += (double)*v->loss;
    }
    *l1 = sum / count;
    return true;
}
