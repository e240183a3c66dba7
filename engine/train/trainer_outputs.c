// SPDX-License-Identifier: MIT
//
// What a run writes after its steps, and what becomes of it where that fails. The
// weights are worth more than any file: what cannot be written is a warning, the run
// goes on with its state in memory, and the next occasion tries again. Only the last
// state of a run, and numbers that are not finite, end it with an error. See
// trainer_inside.h.

#include "train/trainer_inside.h"

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "data/dataset.h"
#include "data/sheet.h"
#include "gpu/device.h"
#include "store/checkpoint.h"
#include "store/checkpoint_folder.h"
#include "train/objective_options.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#define SAMPLE_ROWS_MAX SIGHT_IMAGES    // in a sample grid, whatever the batch

// ---------------------------------------------------------------------------
// Sample grids

// A staged picture of a grid, without its samples.
static struct picture sample_form(const struct trainer *t, const struct sheet *sheet,
                                  enum sheet_column column)
{
    const struct objective_options objective = objective_options_make(&t->settings);
    const bool is_input = column == SHEET_INPUT;
    return (struct picture){
        .kind = is_input ? objective.staging.input : objective.staging.output,
        .range =
            is_input ? objective.staging.input_range : objective.staging.output_range,
        .channels = is_input ? objective.generator.channels_in
                             : objective.generator.channels_out,
        .width = sheet->tile.width,
        .height = sheet->tile.height,
    };
}

static size_t form_bytes(const struct picture *form)
{
    return (size_t)pixel_staged_bytes(form->kind, form->channels, form->width,
                                      form->height);
}

// As people see it: the image that the task of the model makes of it.
static bool paste(const struct trainer *t, struct sheet *sheet, uint32_t row,
                  enum sheet_column column, const struct picture *p,
                  const struct picture *input)
{
    struct picture whole;
    if (!task_is_set(&t->settings.task))
        return sheet_paste(sheet, row, column, p);
    if (!picture_copy(p, &whole))
        return false;
    const bool ok =
        (column == SHEET_INPUT ? task_show_input(&t->settings.task, &whole)
                               : task_complete(&t->settings.task, input, &whole)) &&
        sheet_paste(sheet, row, column, &whole);
    picture_free(&whole);
    return ok;
}

// Draws one column of the sheet from a tensor of staged samples, which is on the device
// until here, and looks at the samples. `pixels` has room for the whole tensor, and
// `inputs` is what was drawn of the inputs.
static bool draw_samples(struct trainer *t, struct sheet *sheet,
                         enum sheet_column column, const struct tensor *samples,
                         uint8_t *pixels, uint8_t *inputs)
{
    struct picture p = sample_form(t, sheet, column),
                   input = sample_form(t, sheet, SHEET_INPUT);
    if (!tensor_download(t->device, samples, pixels))
        return false;
    for (uint32_t row = 0; row < sheet->rows; row++) {
        p.samples = pixels + row * form_bytes(&p);
        input.samples = inputs + row * form_bytes(&input);
        if (!paste(t, sheet, row, column, &p, &input))
            return false;
        sight_see(&t->sight, row, column, &p);
    }
    return true;
}

static bool write_samples(struct trainer *t)
{
    const struct objective *o = &t->objective;
    const struct sheet_layout layout = {
        .tile = t->settings.options.crop_size,
        .rows = MIN(t->settings.options.batch_size, SAMPLE_ROWS_MAX),
        .columns = SHEET_COLUMNS,
        .stacks = 1,
    };
    struct sheet sheet = { 0 };
    char name[64];
    snprintf(name, sizeof(name), "samples/step-%08" PRIu64 ".png", t->step);
    char *path = file_join(t->settings.options.out, name);
    sight_begin(&t->sight, true);
    uint8_t *inputs = mem_alloc((size_t)tensor_bytes(o->sample_input));
    uint8_t *pixels = mem_alloc((size_t)tensor_bytes(o->sample_output));
    bool ok = path && inputs && pixels && sheet_create(&sheet, &layout) &&
              draw_samples(t, &sheet, SHEET_INPUT, o->sample_input, inputs, inputs) &&
              draw_samples(t, &sheet, SHEET_OUTPUT, o->sample_output, pixels, inputs) &&
              draw_samples(t, &sheet, SHEET_TARGET, o->sample_target, pixels, inputs) &&
              sheet_write(&sheet, path);
    sheet_free(&sheet);
    mem_free(inputs);
    mem_free(pixels);
    mem_free(path);
    return ok;
}

// A grid that cannot be written is no reason to stop.
static void try_samples(struct trainer *t)
{
    struct run_output *o = &t->run.samples;
    struct log_capture capture;
    log_capture_begin(&capture);
    bool ok = run_make_folder(&t->run, RUN_SAMPLES) && write_samples(t);
    const char *error = log_capture_end(&capture);
    if (ok) {
        const struct health_look look = sight_look(&t->sight);
        trainer_watch_look(t, &look);
    }
    if (!ok && run_output_failed(o, error))
        log_warn("train: there is no sample grid of step %" PRIu64
                 ", and the run goes on: %s",
                 t->step, error);
    else if (ok && run_output_done(o))
        log_info("train: sample grids are written again, from step %" PRIu64 " on",
                 t->step);
}

// ---------------------------------------------------------------------------
// Numbers that are not finite

char *trainer_newest_checkpoint(const struct trainer *t)
{
    char *path = t->saved ? checkpoint_path(t->settings.options.out, t->saved) : NULL;
    if (path && file_exists(path))
        return path;
    mem_free(path);
    return NULL;
}

// A run that is continued takes the same steps with the same numbers, so --continue
// alone leads to the same end.
const char *trainer_advice(const struct trainer *t, char text[TRAINER_ADVICE_SIZE])
{
    const char *out = t->settings.options.out;
    const char *or_bf16 = t->settings.precision == PRECISION_F16
                              ? " or --precision bf16, whose range is that of f32"
                              : "";
    char *path = trainer_newest_checkpoint(t);
    if (path)
        snprintf(
            text, TRAINER_ADVICE_SIZE,
            "the newest checkpoint, %s, has none of them. --continue takes the same "
            "steps from there: first mend the image at fault, if one has extreme "
            "values; or start another run with a lower --lr%s, from these weights with "
            "--init-g %s --init-d %s. --on-nan continue trains on all the same",
            path, or_bf16, out, out);
    else
        snprintf(
            text, TRAINER_ADVICE_SIZE,
            "there is no checkpoint yet: mend the image at fault, if one has extreme "
            "values, or start again in another folder with a lower --lr%s. --on-nan "
            "continue trains on all the same",
            or_bf16);
    mem_free(path);
    return text;
}

// The first images of a step, by their names.
static const char *images_text(const struct trainer *t, uint64_t step, char *text,
                               size_t size)
{
    const uint64_t count = settings_images_per_step(&t->settings);
    const uint64_t shown = MIN(count, (uint64_t)3);
    size_t used = 0;
    for (uint64_t i = 0; i < shown && used < size; i++) {
        struct dataset_sample sample;
        dataset_describe(t->data, (step - 1) * count + i, &sample);
        used += (size_t)snprintf(text + used, size - used, "%s%s", i > 0 ? ", " : "",
                                 dataset_name(t->data, sample.image));
    }
    if (count > shown && used < size)
        snprintf(text + used, size - used, " and %" PRIu64 " more", count - shown);
    return text;
}

// The losses that the run has. Some systems print the sign of a NaN.
static const char *losses_text(const struct ring_slot *slot, char *text, size_t size)
{
    static const char *const names[LOSS_COUNT] = {
        [LOSS_D_REAL] = "d_real", [LOSS_D_FAKE] = "d_fake", [LOSS_D_GP] = "d_gp",
        [LOSS_G_GAN] = "g_gan",   [LOSS_G_L1] = "g_l1",     [LOSS_G_CE] = "g_ce",
    };
    size_t used = 0;
    for (int i = 0; i < LOSS_COUNT && used < size; i++)
        if (slot->losses[i])
            used += (size_t)snprintf(
                text + used, size - used, "%s%s %g", used > 0 ? ", " : "", names[i],
                isnan(*slot->losses[i]) ? (double)NAN : (double)*slot->losses[i]);
    return text;
}

static bool losses_are_finite(const struct ring_slot *slot)
{
    for (int i = 0; i < LOSS_COUNT; i++)
        if (slot->losses[i] && !isfinite(*slot->losses[i]))
            return false;
    return true;
}

static const struct weight *find_flag(const struct weights *weights, const float *flags)
{
    for (size_t i = 0; flags && i < weights->count; i++)
        if (flags[i] != 0.0f)
            return weights->items[i];
    return NULL;
}

// The first weight that the device has flagged, "" if there is none. D comes first: a
// step updates it before G, whose gradient goes through it.
static const char *broken_text(const struct trainer *t, const struct ring_slot *slot,
                               char *text, size_t size)
{
    const struct weight *d = find_flag(t->discriminator, slot->flags_d);
    const struct weight *g = find_flag(t->generator, slot->flags_g);
    text[0] = '\0';
    if (d || g)
        snprintf(text, size, "%s.%s", d ? "D" : "G", d ? d->name : g->name);
    return text;
}

bool trainer_weights_are_finite(const struct trainer *t, const struct ring_slot *slot)
{
    return !find_flag(t->discriminator, slot->flags_d) &&
           !find_flag(t->generator, slot->flags_g);
}

bool trainer_check_numbers(struct trainer *t, const struct pix_step_metrics *m,
                           const struct ring_slot *slot)
{
    char images[512], losses[160], advice[TRAINER_ADVICE_SIZE];
    char tensor[CHECKPOINT_NAME_SIZE], what[2 * CHECKPOINT_NAME_SIZE];
    const bool is_finite = losses_are_finite(slot);
    broken_text(t, slot, tensor, sizeof(tensor));
    if ((is_finite && !tensor[0]) || (t->settings.ignores_nan && t->warned))
        return true;
    t->warned = true;
    t->is_corrupt = !t->settings.ignores_nan;
    if (!is_finite)
        snprintf(what, sizeof(what), "a loss is not finite in step %" PRIu64 "%s%s",
                 m->step, tensor[0] ? ", nor is after it tensor " : "", tensor);
    else
        snprintf(what, sizeof(what),
                 "after step %" PRIu64 " tensor %s or its moments are not finite",
                 m->step, tensor);
    log_message(t->is_corrupt ? LOG_ERROR : LOG_WARN,
                "train: %s (%s; images of the step: %s): %s", what,
                losses_text(slot, losses, sizeof(losses)),
                images_text(t, m->step, images, sizeof(images)),
                t->is_corrupt ? trainer_advice(t, advice)
                : t->settings.precision == PRECISION_F16 && !tensor[0]
                    ? "f16 may be unable to hold the activations, and such "
                      "updates are left out; by --on-nan continue the run "
                      "goes on; --precision bf16 or a lower --lr may help"
                    : "the weights are probably corrupted, and by --on-nan "
                      "continue the run goes on; a lower --lr may help");
    return !t->is_corrupt;
}

// ---------------------------------------------------------------------------
// Health

static double loss_or_nan(const float *loss)
{
    return loss ? (double)*loss : NAN;
}

// Says it, and keeps it for the report.
static void warn(struct trainer *t, const struct health_warning *w)
{
    log_warn("train: %s", w->text);
    t->warnings[t->warning_count++] = *w;
    trainer_describe(t);
}

void trainer_watch_losses(struct trainer *t, const struct ring_slot *slot)
{
    struct health_warning w;
    const struct health_losses losses = {
        .d_real = loss_or_nan(slot->losses[LOSS_D_REAL]),
        .d_fake = loss_or_nan(slot->losses[LOSS_D_FAKE]),
        .g_gan = loss_or_nan(slot->losses[LOSS_G_GAN]),
        .g_l1 = loss_or_nan(slot->losses[LOSS_G_L1]),
    };
    if (health_add_step(&t->health, t->step, &losses, &w))
        warn(t, &w);
}

void trainer_watch_scales(struct trainer *t, const struct pix_step_metrics *m)
{
    struct health_warning w;
    const struct health_scales scales = {
        .skipped = { m->skipped_d, m->skipped_g },
        .scale = { m->scale_d, m->scale_g },
    };
    if (m->has_scale && health_add_scales(&t->health, t->step, &scales, &w))
        warn(t, &w);
}

void trainer_watch_look(struct trainer *t, const struct health_look *look)
{
    struct health_warning w;
    if (health_add_look(&t->health, t->step, look, &w))
        warn(t, &w);
}

// Without an L1 in its loss a generator need not have a low one.
void trainer_watch_validation(struct trainer *t, double score,
                              const struct pix_step_metrics *metrics)
{
    struct health_warning w;
    if (t->settings.options.lambda_l1 > 0 &&
        health_add_baseline(&t->health, t->step, metrics->val[PIX_METRIC_L1],
                            metrics->val_mean_colour[PIX_METRIC_L1], &w))
        warn(t, &w);
    if (health_add_validation(&t->health, t->step, score, &w))
        warn(t, &w);
}

// ---------------------------------------------------------------------------
// When

bool trainer_wants_sample(const struct trainer *t, uint64_t step)
{
    uint64_t every = t->settings.options.sample_freq;
    return step == t->steps || (every && step % every == 0);
}

// After a failure also with the next grids, for which the device is read anyway.
bool trainer_wants_checkpoint(const struct trainer *t, uint64_t step)
{
    uint64_t every = t->settings.options.save_freq;
    return step == t->steps || (every && step % every == 0) ||
           (t->run.checkpoints.is_failing && trainer_wants_sample(t, step));
}

// The step after which a checkpoint that failed is tried again.
static uint64_t next_attempt(const struct trainer *t)
{
    const struct pix_train_options *o = &t->settings.options;
    const uint64_t frequencies[] = { o->save_freq, o->sample_freq };
    uint64_t next = t->steps;
    for (size_t i = 0; i < ARRAY_LEN(frequencies); i++) {
        const uint64_t every = frequencies[i];
        if (every > 0)
            next = MIN(next, (t->step / every + 1) * every);
    }
    return next;
}

// ---------------------------------------------------------------------------
// The whole

static bool save_due_state(struct trainer *t)
{
    struct run_output *o = &t->run.checkpoints;
    struct log_capture capture;
    log_capture_begin(&capture);
    bool ok = trainer_write_state(t);
    const char *error = log_capture_end(&capture);
    if (ok)
        return true;
    t->lost = gpu_device_is_lost(t->device);
    if (t->is_corrupt || t->lost) {
        log_error("%s", error);
        return false;
    }
    if (t->step == t->steps) {
        log_error(
            "train: all steps are done, but the last state of the run could not be "
            "saved: %s; when that is put right, --continue takes the steps since "
            "the newest checkpoint again",
            error);
        return false;
    }
    if (run_output_failed(o, error))
        log_warn("train: step %" PRIu64
                 " is not saved, and the run goes on; it is tried "
                 "again after step %" PRIu64 ": %s",
                 t->step, next_attempt(t), error);
    return true;
}

// The best state comes before the checkpoint, whose metadata says that this step was
// the best: a run that ends between the two takes the step again. Where both are due
// the state is written twice. As two names of one file they would be lost together,
// when another file is copied over best.safetensors or a sector of it fails, and some
// file systems have no second names.
bool trainer_write_outputs(struct trainer *t, const struct pix_step_metrics *metrics)
{
    if (t->step % t->settings.options.log_freq == 0 || metrics->has_val)
        run_write_metrics(&t->run, metrics);
    if (metrics->is_best && t->settings.keeps_best)
        trainer_write_best(t);
    const bool saves = trainer_wants_checkpoint(t, t->step);
    if (saves)
        trainer_describe(t);
    if (trainer_wants_sample(t, t->step))
        try_samples(t);
    return !saves || save_due_state(t);
}
