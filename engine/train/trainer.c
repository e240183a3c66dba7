// SPDX-License-Identifier: MIT
//
// A training run. Everything random is a function of (seed, step), so the state of a
// run is its step, its weights and its moments: a resumed run takes exactly the steps
// that it would have taken without the stop.
//
// Steps go through a ring: while one is under way the next is prepared and submitted,
// so that the device does not wait for the host. Nothing is begun ahead of a sample
// grid, a checkpoint or a validation, which read the device's state after exactly that
// step.

#include "train/trainer.h"

#include "shared/pixels.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/os.h"
#include "data/data_folder.h"
#include "data/dataset.h"
#include "data/picture_file.h"
#include "gpu/device.h"
#include "program/footprint.h"
#include "settings/options.h"
#include "settings/options_file.h"
#include "settings/rules.h"
#include "settings/settings.h"
#include "store/checkpoint_folder.h"
#include "train/objective_options.h"
#include "train/trainer_inside.h"
#include "train/validation.h"

#include <inttypes.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// ---------------------------------------------------------------------------
// Set-up

// The run's configuration has the absolute path of the data, so that it can be resumed
// from any working directory. Messages about files before it have the path as given.
static bool make_data_absolute(struct pix_train_options *o)
{
    char *path = os_path_absolute(o->pairs ? o->pairs : o->data);
    bool ok = !path || options_set_source(o, path);
    mem_free(path);
    return ok;
}

// The mask of --hole mask, whose path becomes absolute as well.
static bool read_mask(struct trainer *t)
{
    struct settings *s = &t->settings;
    struct reason reason;
    if (s->task.kind != TASK_INPAINT || s->task.hole != HOLE_MASK)
        return true;
    if (!task_read_mask(s->options.hole_mask, &s->reading, &t->mask, &reason)) {
        log_error("train: --hole-mask %s: %s", s->options.hole_mask, reason.text);
        return false;
    }
    s->task.mask = &t->mask;
    char *path = os_path_absolute(s->options.hole_mask);
    const char *own = path ? options_own_text(&s->options, path) : NULL;
    mem_free(path);
    if (own)
        s->options.hole_mask = own;
    return own || !path;
}

// Finds the sample kinds of the data where the options say auto. They come before the
// graph, which is built for them.
static bool find_kinds(struct trainer *t, const struct pair_list *pairs)
{
    const struct dataset_options options = settings_dataset(&t->settings);
    struct staging staging;
    if (!dataset_find_kinds(&options, pairs, &staging.input, &staging.output))
        return false;
    settings_set_staging(&t->settings, staging);
    return true;
}

static const char *what_files(const struct trainer *t, uint32_t count)
{
    return pair_noun(settings_files(&t->settings) == DATA_IMAGES, count);
}

// Whether a resumed run has the images it was begun with, or the user says that others
// are meant. Their number decides the number of steps and, by the seed, their order;
// each name stands for what is drawn.
static bool keeps_images(const struct trainer *t, const char *folder)
{
    const uint32_t images = dataset_count(t->data);
    char names[HASH_TEXT_SIZE], what[96];
    dataset_hash(t->data, names);
    if (t->images && t->images != images)
        snprintf(what, sizeof(what),
                 "%" PRIu32 " %s can be used now, %" PRIu32
                 " when the checkpoint was written",
                 images, what_files(t, images), t->images);
    else if (t->image_names[0] && strcmp(t->image_names, names) != 0)
        snprintf(what, sizeof(what),
                 "%" PRIu32 " %s can be used as before, but not of the same names",
                 images, what_files(t, images));
    else
        return true;
    if (t->settings.options.data_changed)
        log_warn("train: %s: %s: the image order changes from here on", folder, what);
    else
        log_error("train: %s: %s: put the images back, or resume with --data-changed "
                  "to go on with these (the image order changes)",
                  folder, what);
    return t->settings.options.data_changed;
}

// Whether a resumed run has the mask it was begun with. Its path is none of the options
// that are compared, and the file at the path may be another one.
static bool keeps_mask(const struct trainer *t)
{
    char now[HASH_TEXT_SIZE];
    if (!t->mask_hash[0] ||
        strcmp(task_hash_mask(&t->settings.task, now), t->mask_hash) == 0)
        return true;
    log_error(
        "train: --hole-mask %s does not show the hole that the run in %s was begun "
        "with: put the mask back, or start another run",
        t->settings.options.hole_mask, t->settings.options.out);
    return false;
}

// The same images are not the same numbers where another library decodes them than
// when a resumed run was begun.
static void tell_of_decoder(const struct trainer *t)
{
    const char *now = picture_jpeg_decoder();
    if (t->jpeg_decoder[0] && strcmp(t->jpeg_decoder, now) != 0 &&
        dataset_has_jpeg(t->data))
        log_warn("train: the run was trained on JPEG files as %s decodes them; from "
                 "here on it is %s, whose samples differ by up to 3 of 255",
                 t->jpeg_decoder, now);
}

// Opens the pairs at the sample where the run is.
static bool open_data(struct trainer *t, struct pair_list *pairs)
{
    const struct settings *s = &t->settings;
    const struct pix_train_options *o = &s->options;
    struct dataset_options options = settings_dataset(s);
    options.first_sample = t->step * settings_images_per_step(s);
    options.sums_targets = t->validation != NULL;
    t->data = dataset_create(&options, pairs);
    if (!t->data)
        return false;

    uint32_t images = dataset_count(t->data);
    log_info("train: %" PRIu32 " %s of %s, input %" PRIu32 " x %s, target %" PRIu32
             " x %s",
             images, what_files(t, images), pairs->folder, o->input_nc, o->input_kind,
             o->output_nc, o->output_kind);
    if (!keeps_images(t, pairs->folder) || !keeps_mask(t))
        return false;
    tell_of_decoder(t);
    t->steps = schedule_steps(s, images);
    uint64_t all = schedule_all_steps(s, images);
    if (t->steps > all && schedule_ends(s))
        log_warn(
            "train: the schedule ends with step %" PRIu64
            ", after it the learning rate is 0: raise --n-epochs to use all %" PRIu64
            " steps",
            all, t->steps);
    if (t->step > 0) {
        struct dataset_sample sample;
        dataset_describe(t->data, (t->step - 1) * settings_images_per_step(s), &sample);
        t->epoch = sample.epoch + 1;
    }
    return true;
}

// Finds the mapped memory of each slot. D's loss is two numbers, that of fake images
// first.
static void connect(struct trainer *t)
{
    const struct objective *o = &t->objective;
    const struct tensor *const losses[LOSS_COUNT] = {
        [LOSS_D_FAKE] = o->loss_d,    [LOSS_D_GP] = o->loss_d_gp,
        [LOSS_G_GAN] = o->loss_g_gan, [LOSS_G_L1] = o->loss_g_l1,
        [LOSS_G_CE] = o->loss_g_ce,
    };
    for (uint32_t i = 0; i < t->ring_count; i++) {
        struct ring_slot *slot = &t->ring[i];
        slot->pixels = program_input(t->program, i, o->pixels);
        slot->jitter = program_input(t->program, i, o->jitter);
        for (uint32_t k = 0; k < LOSS_COUNT; k++)
            slot->losses[k] =
                losses[k] ? program_output(t->program, i, losses[k]) : NULL;
        if (slot->losses[LOSS_D_FAKE])
            slot->losses[LOSS_D_REAL] = slot->losses[LOSS_D_FAKE] + 1;
        if (weights_has_scaler(t->discriminator))
            slot->scaler_d = program_output(t->program, i, &t->discriminator->scaler);
        if (weights_has_scaler(t->generator))
            slot->scaler_g = program_output(t->program, i, &t->generator->scaler);
        slot->flags_d = program_flags(t->program, i, t->discriminator);
        slot->flags_g = program_flags(t->program, i, t->generator);
    }
}

// A run whose patience is at its end has no more steps.
static void end_early(struct trainer *t)
{
    const struct schedule_best *best = &t->best;
    const char *judge = choice_name(choice_metrics, (int)t->settings.judge);
    char why[160];
    if (best->step > 0)
        snprintf(why, sizeof(why),
                 "by %s its best validation was after step %" PRIu64 ", and %" PRIu32
                 " since then %s no better",
                 judge, best->step, best->bad, best->bad == 1 ? "was" : "were");
    else
        snprintf(why, sizeof(why), "none of %" PRIu32 " validation%s had a finite %s",
                 best->bad, PLURAL(best->bad), judge);
    t->steps = t->step;
    log_info("train: the run ends after step %" PRIu64 ": %s (--patience %" PRIu32
             "; --continue with a larger one trains on)",
             t->step, why, t->settings.options.patience);
}

static bool start_validation(struct trainer *t)
{
    double mean_colour[PIXEL_MAX_CHANNELS];
    dataset_target_mean(t->data, mean_colour);
    return validation_start(t->validation, &t->settings, mean_colour);
}

// A resumed run goes on in the precision that "auto" stood for at its beginning.
static bool take_precision(struct trainer *t)
{
    struct settings stored;
    if (t->run.is_new || t->settings.precision != PRECISION_AUTO)
        return true;
    if (!settings_read_run(t->settings.options.out, &stored))
        return false;
    // A run that ended before its device was asked still has "auto".
    if (stored.precision != PRECISION_AUTO) {
        log_info("train: --precision auto is %s, as at the beginning of the run",
                 stored.options.precision);
        settings_set_precision(&t->settings, stored.precision);
    }
    settings_finish(&stored);
    return true;
}

struct trainer *trainer_create(struct gpu_device *device, double submission_seconds,
                               bool no_overlap, const struct pix_train_options *options)
{
    struct pair_list pairs = { 0 };
    struct pix_plan plan;
    bool found = false;
    struct trainer *t = mem_zalloc(sizeof(*t));
    if (!t)
        return NULL;
    t->device = device;
    t->submission_seconds = submission_seconds;
    t->ring_count = no_overlap ? 1 : RING_SLOTS;
    t->pace = AHEAD_SECONDS;    // unknown: nothing is begun ahead of the first step
    t->plateau = (struct schedule_plateau)SCHEDULE_PLATEAU_START;
    t->best = (struct schedule_best)SCHEDULE_BEST_START;
    if (!options_check(options, true) || !settings_init(&t->settings, options))
        goto fail;
    health_init(&t->health, t->settings.gan, t->settings.judge);

    const struct pix_train_options *o = &t->settings.options;
    if (!run_begin(&t->run, o))
        goto fail;
    if (t->run.is_new)
        settings_warn_about_unused(&t->settings);
    const struct data_source source = settings_source(&t->settings);
    if (!read_mask(t) || !data_source_list(&source, "train", &pairs) ||
        !trainer_find_palette(t, &pairs) || !find_kinds(t, &pairs) ||
        !trainer_find_ranges(t, &pairs))
        goto fail;
    if (!take_precision(t) || !trainer_build(t, true, &plan) ||
        !footprint_fits(device, &plan, "training", trainer_memory_hint(o, &plan)))
        goto fail;
    if (!weights_allocate(t->generator, device) ||
        !weights_allocate(t->discriminator, device))
        goto fail;
    if (!trainer_begin_state(t, &found))
        goto fail;
    // The run's folder comes last, so that a run that cannot start leaves nothing
    // behind.
    if (!open_data(t, &pairs) || !program_start(t->program) ||
        (t->validation && !start_validation(t)) ||
        !make_data_absolute(&t->settings.options) ||
        !run_open(&t->run, o, &t->tuning, t->step))
        goto fail;
    t->weights_g = plan.weights_g;
    t->weights_d = plan.weights_d;
    t->begun = t->step;
    trainer_describe(t);
    connect(t);
    t->submitted = t->step;
    if (schedule_is_over(&t->best, o->patience))
        end_early(t);
    if (found)    // --keep may be smaller than before
        checkpoint_prune(o->out, t->saved, o->keep, t->finite);
    pair_list_free(&pairs);
    return t;

fail:
    pair_list_free(&pairs);
    trainer_destroy(t);
    return NULL;
}

static int by_value(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

// For developers: what a step costs beside the device.
static void log_host_time(struct trainer *t)
{
    size_t count = (size_t)MIN(t->host_count, (uint64_t)HOST_TIMES);
    if (count == 0)
        return;
    qsort(t->host_ms, count, sizeof(t->host_ms[0]), by_value);
    qsort(t->batch_ms, count, sizeof(t->batch_ms[0]), by_value);
    log_debug("train: the host took %.3f ms for a step and %.3f ms for its batch, "
              "medians of %zu",
              (double)t->host_ms[count / 2], (double)t->batch_ms[count / 2], count);
}

// Steps under way are waited for, and their results dropped.
void trainer_destroy(struct trainer *t)
{
    if (!t)
        return;
    log_host_time(t);
    run_close(&t->run);
    validation_destroy(t->validation);
    dataset_destroy(t->data);
    program_destroy(t->program);
    weights_destroy(t->discriminator);
    weights_destroy(t->generator);
    tuning_finish(&t->tuning);
    settings_finish(&t->settings);
    picture_free(&t->mask);
    mem_free(t);
}

bool trainer_plan(struct gpu_device *device, double submission_seconds,
                  const struct pix_train_options *options, struct pix_plan *out)
{
    struct trainer *t = mem_zalloc(sizeof(*t));
    bool ok = t && settings_init(&t->settings, options);
    if (ok) {
        t->device = device;
        t->submission_seconds = submission_seconds;
        ok = trainer_build(t, false, out);
    }
    trainer_destroy(t);
    return ok;
}

const struct pix_train_options *trainer_get_options(const struct trainer *t)
{
    return &t->settings.options;
}

// ---------------------------------------------------------------------------
// Steps

// What kernels take of a sample, see shared/pixels.h.
static void write_jitter(const struct trainer *t, const struct dataset_sample *sample,
                         struct ring_slot *slot, uint32_t index)
{
    _Static_assert(offsetof(struct augment_sample, matrix) == 4 * PIXELS_MATRIX &&
                       offsetof(struct augment_sample, place) == 4 * PIXELS_PLACE &&
                       offsetof(struct augment_sample, gain) == 4 * PIXELS_GAIN &&
                       offsetof(struct augment_sample, shift) == 4 * PIXELS_SHIFT &&
                       offsetof(struct augment_sample, noise) == 4 * PIXELS_NOISE &&
                       offsetof(struct augment_sample, key) == 4 * PIXELS_KEY &&
                       sizeof(struct augment_sample) <= 4 * PIXELS_AUGMENT,
                   "the jitter of shaders/shared/pixels.h");
    if (augment_is_set(&t->settings.augment)) {
        memcpy(slot->jitter + (size_t)index * PIXELS_AUGMENT, &sample->augment,
               sizeof(sample->augment));
        return;
    }
    uint32_t *jitter = slot->jitter + (size_t)index * PIXELS_JITTER;
    jitter[0] = sample->crop_x;
    jitter[1] = sample->crop_y;
    jitter[2] = sample->mirror;
    jitter[3] = 0;
}

// Fills a slot with the next batch; its epoch is that of its first sample.
static bool next_batch(struct trainer *t, struct ring_slot *slot)
{
    size_t bytes = dataset_sample_bytes(t->data);
    for (uint32_t i = 0; i < settings_images_per_step(&t->settings); i++) {
        struct dataset_sample sample;
        if (!dataset_next(t->data, &sample, slot->pixels + i * bytes))
            return false;
        write_jitter(t, &sample, slot, i);
        if (i == 0)
            slot->epoch = sample.epoch + 1;
    }
    return true;
}

// Saves what is on the device when the next batch cannot be read: the steps so far are
// good, only the data is not.
static void save_good_state(struct trainer *t)
{
    if (t->step > t->saved && trainer_write_state(t))
        log_info("train: step %" PRIu64 " is saved: resume with --continue once the "
                 "images can be read",
                 t->step);
}

static void report_failed_step(struct trainer *t)
{
    char *path = trainer_newest_checkpoint(t);
    const char *kernel = program_last_kernel(t->program);
    log_error("train: step %" PRIu64 " failed: %s %s in kernel %s; %s%s: resume with "
              "--continue",
              t->step + 1, gpu_device_info(t->device)->name,
              gpu_device_is_lost(t->device) ? "was lost" : "reported an error",
              kernel ? kernel : "(none)",
              path ? "the newest checkpoint is " : "there is no checkpoint yet",
              path ? path : "");
    mem_free(path);
}

// Whether validation comes after a step: it is the last of an epoch that is validated,
// the one in which its first sample lies.
static bool wants_validation(const struct trainer *t, uint64_t step)
{
    const uint64_t images = settings_images_per_step(&t->settings);
    const uint32_t every = settings_validation_epochs(&t->settings);
    struct dataset_sample sample, next;
    if (!t->validation || step == 0)
        return false;
    dataset_describe(t->data, (step - 1) * images, &sample);
    dataset_describe(t->data, step * images, &next);
    return next.epoch != sample.epoch && next.epoch / every != sample.epoch / every;
}

static struct ring_slot *slot_of(struct trainer *t, uint64_t step, uint32_t *index)
{
    *index = (uint32_t)(step % t->ring_count);
    return &t->ring[*index];
}

// Whether the next step may be submitted: there is room in the ring, and what is due
// after the steps under way does not need the device.
static bool may_begin(const struct trainer *t)
{
    if (t->submitted >= t->steps || t->is_stuck)
        return false;
    return t->submitted == t->step ||
           (t->submitted - t->step < t->ring_count && t->pace < AHEAD_SECONDS &&
            !trainer_wants_sample(t, t->submitted) &&
            !trainer_wants_checkpoint(t, t->submitted) &&
            !wants_validation(t, t->submitted));
}

// Prepares and submits the next step. A missing batch is not reported here but when its
// turn comes: the step before it is still under way and may end well.
static void begin_step(struct trainer *t)
{
    uint32_t index;
    struct ring_slot *slot = slot_of(t, t->submitted + 1, &index);
    slot->begun = os_seconds();
    struct log_capture capture;
    log_capture_begin(&capture);
    bool ok = next_batch(t, slot);
    const char *error = log_capture_end(&capture);
    if (!ok)
        snprintf(t->starved, sizeof(t->starved), "%s", error);
    t->batch_seconds += os_seconds() - slot->begun;
    if (ok) {
        const struct step_block block =
            schedule_block(&t->settings, t->submitted + 1, slot->epoch, &t->plateau);
        ok = program_submit(t->program, index, &block);
        t->lost = !ok;    // a part of the step may have run
    }
    if (ok)
        t->submitted++;
    t->is_stuck = !ok;
}

// Reports why the next step could not be begun. Nothing is under way.
static void report_stuck(struct trainer *t)
{
    if (t->starved[0]) {
        log_error("%s", t->starved);
        save_good_state(t);
    } else {
        t->lost = true;
        report_failed_step(t);
    }
}

// Remembers the host's time of a step. The first calls record commands, and calls that
// write files would hide the rest: neither counts.
static void note_host_time(struct trainer *t, double seconds)
{
    if (++t->call_count <= RING_SLOTS + 1 || trainer_wants_sample(t, t->step) ||
        trainer_wants_checkpoint(t, t->step) || wants_validation(t, t->step))
        return;
    size_t i = (size_t)(t->host_count++ % HOST_TIMES);
    t->host_ms[i] = (float)(1e3 * (seconds - t->wait_seconds - t->batch_seconds));
    t->batch_ms[i] = (float)(1e3 * t->batch_seconds);
}

static void note_scales(const struct ring_slot *slot, struct pix_step_metrics *m)
{
    if (!slot->scaler_g)
        return;
    m->has_scale = true;
    m->scale_g = (double)slot->scaler_g->scale;
    m->skipped_g = slot->scaler_g->skipped;
    if (!slot->scaler_d)
        return;
    m->scale_d = (double)slot->scaler_d->scale;
    m->skipped_d = slot->scaler_d->skipped;
}

// NaN if the run does not have it. The NaN of a device may have a sign, which would be
// printed.
static double loss_of(const struct ring_slot *slot, int i)
{
    return slot->losses[i] && !isnan(*slot->losses[i]) ? (double)*slot->losses[i] : NAN;
}

static void clear_validation(struct pix_step_metrics *metrics)
{
    for (int i = 0; i < PIX_METRIC_COUNT; i++)
        metrics->val[i] = metrics->val_mean_colour[i] = NAN;
}

// Of outputs that are not finite, all that was wanted was computed: it is NaN.
static void note_computed(struct trainer *t, struct pix_step_metrics *metrics,
                          const struct validation_result *result)
{
    const uint32_t not_finite = result->not_finite;
    memcpy(metrics->val, result->values, sizeof(metrics->val));
    memcpy(metrics->val_mean_colour, result->mean_colour, sizeof(metrics->val));
    metrics->has_val = true;
    for (int i = 0; i < PIX_METRIC_COUNT; i++)
        if (!isnan(metrics->val[i]))
            metrics->val_metrics |= 1u << i;
    if (not_finite == 0)
        return;
    metrics->val_metrics = t->settings.val_metrics;
    if (t->warned_outputs)
        return;
    t->warned_outputs = true;
    log_warn("train: after step %" PRIu64 " %" PRIu32 " of %" PRIu32 " outputs of the "
             "validation %s numbers that are not finite: its scores are NaN, which is "
             "worse than any other",
             t->step, not_finite, validation_count(t->validation),
             not_finite == 1 ? "has" : "have");
}

// NaN is worse than any score. It stands too for weights that are not finite, whose
// outputs of 8 and 16 bits show nothing of it.
static void judge(struct trainer *t, const struct ring_slot *slot,
                  struct pix_step_metrics *metrics)
{
    const bool rises = choice_metric_rises(t->settings.judge);
    const double score =
        trainer_weights_are_finite(t, slot) ? metrics->val[t->settings.judge] : NAN;
    metrics->is_best = schedule_best_update(&t->best, t->step, score, rises);
    schedule_plateau_update(&t->plateau, score, rises);
    trainer_watch_validation(t, score, metrics);
}

// Validates if that is due. The step that ended is the newest one: none is begun ahead
// of a validation. One that fails is left out, and the next one is tried: without it a
// plateau is found an epoch later, while a run that ends loses the steps since its last
// checkpoint.
static bool validate(struct trainer *t, const struct ring_slot *slot,
                     struct pix_step_metrics *metrics)
{
    if (!wants_validation(t, t->step))
        return true;
    struct validation_result result;
    struct log_capture capture;
    log_capture_begin(&capture);
    bool ok = validation_run(t->validation, &result);
    const char *error = log_capture_end(&capture);
    if (!ok) {
        t->lost = gpu_device_is_lost(t->device);
        if (t->lost) {
            log_error("%s", error);
            return false;
        }
        log_warn("train: step %" PRIu64 " is not validated, and the run goes on%s: %s",
                 t->step,
                 t->settings.lr_policy == LR_PLATEAU ? " at the same learning rate"
                                                     : "",
                 error);
        return true;
    }
    note_computed(t, metrics, &result);
    trainer_watch_look(t, &result.look);
    judge(t, slot, metrics);
    trainer_write_gallery(t);
    if (schedule_is_over(&t->best, t->settings.options.patience))
        end_early(t);
    metrics->steps = t->steps;
    t->done_at = os_seconds();
    return true;
}

// Waits for the oldest step under way, reports it, and writes what is due.
static enum pix_step_result end_step(struct trainer *t,
                                     struct pix_step_metrics *metrics)
{
    const struct pix_train_options *o = &t->settings.options;
    uint32_t index;
    const struct ring_slot *slot = slot_of(t, t->step + 1, &index);
    double start = os_seconds();
    bool ok = program_wait(t->program, index);
    double now = os_seconds();
    t->wait_seconds += now - start;
    if (!ok) {
        t->lost = true;
        report_failed_step(t);
        return PIX_STEP_FAILED;
    }
    // Two steps overlap while the second waits for the first: that time counts once.
    double seconds = now - MAX(slot->begun, t->done_at);
    t->done_at = now;
    t->pace = seconds;
    seconds = step_time_add(&t->step_time, seconds);
    t->step++;
    t->epoch = slot->epoch;
    *metrics = (struct pix_step_metrics){
        .step = t->step,
        .steps = t->steps,
        .epoch = slot->epoch,
        .loss_d_real = loss_of(slot, LOSS_D_REAL),
        .loss_d_fake = loss_of(slot, LOSS_D_FAKE),
        .loss_d_gp = loss_of(slot, LOSS_D_GP),
        .loss_g_gan = loss_of(slot, LOSS_G_GAN),
        .loss_g_l1 = slot->losses[LOSS_G_L1] ? loss_of(slot, LOSS_G_L1) : 0,
        .loss_g_ce = loss_of(slot, LOSS_G_CE),
        .has_gan = slot->losses[LOSS_G_GAN] != NULL,
        .has_gp = slot->losses[LOSS_D_GP] != NULL,
        .has_ce = slot->losses[LOSS_G_CE] != NULL,
        .lr = o->lr * schedule_factor(&t->settings, slot->epoch, &t->plateau),
        .ms = seconds * 1e3,
        .images_per_s =
            seconds > 0 ? settings_images_per_step(&t->settings) / seconds : 0,
    };
    note_scales(slot, metrics);
    clear_validation(metrics);
    trainer_watch_losses(t, slot);
    trainer_watch_scales(t, metrics);
    return trainer_check_numbers(t, metrics, slot) && validate(t, slot, metrics) &&
                   trainer_write_outputs(t, metrics)
               ? PIX_STEP_DONE
               : PIX_STEP_FAILED;
}

enum pix_step_result trainer_step(struct trainer *t, struct pix_step_metrics *metrics)
{
    if (t->failed) {
        log_error("train: a step of this run has failed: start again with --continue");
        return PIX_STEP_FAILED;
    }
    if (t->has_unseen)
        return trainer_drain(t, metrics);
    if (t->step >= t->steps)
        return PIX_STEP_FINISHED;

    // After a failure here the stream of samples or a file of the run is not where it
    // should be, and only a new trainer puts it right.
    t->failed = true;
    double start = os_seconds();
    t->wait_seconds = t->batch_seconds = 0;
    while (may_begin(t))
        begin_step(t);
    if (t->submitted == t->step) {
        report_stuck(t);
        return PIX_STEP_FAILED;
    }
    if (end_step(t, metrics) != PIX_STEP_DONE)
        return PIX_STEP_FAILED;
    note_host_time(t, os_seconds() - start);
    t->failed = false;
    return PIX_STEP_DONE;
}

enum pix_step_result trainer_drain(struct trainer *t, struct pix_step_metrics *metrics)
{
    if (t->failed) {
        log_error("train: a step of this run has failed: start again with --continue");
        return PIX_STEP_FAILED;
    }
    if (t->has_unseen) {
        *metrics = t->unseen;
        t->has_unseen = false;
        return PIX_STEP_DONE;
    }
    if (t->submitted == t->step)
        return PIX_STEP_FINISHED;
    enum pix_step_result result = end_step(t, metrics);
    t->failed = result == PIX_STEP_FAILED;
    return result;
}

bool trainer_save(struct trainer *t)
{
    // What is under way changes the weights: it is the step that is saved.
    if (!t->failed && t->submitted > t->step) {
        t->has_unseen = trainer_drain(t, &t->unseen) == PIX_STEP_DONE;
        if (t->lost || t->is_corrupt)    // reported by now
            return false;
    }
    if (t->lost) {
        log_error("train: the device has failed: there is no state to save");
        return false;
    }
    if (t->is_corrupt) {
        log_error("train: step %" PRIu64
                  " has numbers that are not finite: there is no "
                  "state to save",
                  t->step);
        return false;
    }
    char *newest = t->step == t->saved ? trainer_newest_checkpoint(t) : NULL;
    bool ok = t->step == 0 || newest || trainer_write_state(t);
    mem_free(newest);
    return ok;
}
