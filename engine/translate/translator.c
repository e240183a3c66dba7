// SPDX-License-Identifier: MIT
//
// The generator of a checkpoint, with the caller's wishes. The weights are uploaded
// once and have neither gradients nor moments. Images are made ready for it in
// translator_images.c; what runs is in translator_program.c.

#include "translate/translator_inside.h"

#include "base/log.h"
#include "base/mem.h"
#include "program/tuned.h"
#include "settings/choice.h"
#include "settings/rules.h"
#include "store/network_file.h"

#include <inttypes.h>
#include <stdio.h>

static void set_info(struct translator *t, const struct network_file *f)
{
    const struct checkpoint *c = network_file_checkpoint(f);
    t->info = (struct pix_translator_info){
        .path = t->model_path,
        .is_checkpoint = c != NULL,
        .step = c ? checkpoint_get_state(c)->step : 0,
        .is_average = c && t->averages && t->settings.options.ema > 0,
        .mode = choice_name(choice_translation_modes, t->mode),
    };
}

static void log_model(const struct translator *t, const struct network_file *f)
{
    char step[32] = "";
    if (t->info.is_checkpoint)
        snprintf(step, sizeof(step), ", step %" PRIu64, t->info.step);
    log_info("%s: %s%s%s, %s, %" PRIu32 "x%" PRIu32, t->command, t->info.path, step,
             t->info.is_average ? ", averaged weights" : "",
             network_file_description(f), t->settings.options.crop_size.width,
             t->settings.options.crop_size.height);
}

// A direction against the recorded one may be meant, but makes bad scores.
static void tell_direction(const struct translator *t, const struct network_file *f)
{
    const bool swap = network_file_settings(f)->swap;
    if (swap != t->settings.swap && network_file_records_training(f))
        log_warn("%s: --direction %s is against that of the model, which was trained "
                 "%s: its inputs are now images that it has learnt to make",
                 t->command, t->settings.options.direction,
                 choice_name(choice_directions, swap));
}

// What the model says of the sizes of images.
static void set_rule(struct translator *t)
{
    const struct settings *s = &t->settings;
    struct frame_rule *rule = &t->rule;
    rule->scaling =
        settings_fit_to_translate(s, t->chose_scaling              ? rule->scaling.mode
                                     : task_is_of_pixels(&s->task) ? FIT_NOTHING
                                                                   : s->preprocess);
    rule->multiple = generator_multiple(&s->generator);
    rule->least = generator_least_side(&s->generator);
    // Who trains on label maps keeps their colours apart. Of classes it is their
    // probabilities that are resized.
    rule->output_filter = s->filter == RESIZE_NEAREST ? RESIZE_NEAREST
                          : s->task.labels_out        ? RESIZE_BILINEAR
                                                      : RESIZE_BICUBIC;
}

static bool load(struct translator *t, const struct pix_translate_options *given)
{
    struct network_file *f = network_file_open_to_load(given->model, given->checkpoint,
                                                       NETWORK_G, t->command);
    bool ok = f && settings_init(&t->settings, &network_file_settings(f)->options) &&
              translator_override(t, given) && translator_set_tiling(t, given) &&
              translator_set_flicker(t, given);
    if (ok) {
        set_rule(t);
        // The graph names and shapes the weights, which have to exist before they are
        // read. It is for one image of the trained size and kind, in which the first
        // image often comes. Images that keep their own sizes are checked when they
        // come.
        const struct pix_size size = t->settings.options.crop_size;
        const struct translator_form form = { size.width, size.height,
                                              settings_staging(&t->settings) };
        ok =
            translator_make_program(t, 1, &form) &&
            network_file_check(f, t->generator) &&
            translator_check_program(t, t->rule.scaling.mode == FIT_RESIZE) &&
            weights_allocate(t->generator, t->device) &&
            network_file_load(f, t->generator, t->averages, t->device, tensor_upload) &&
            weights_refresh_copies(t->generator, t->device) &&
            translator_prepare_given(t);
    }
    ok = ok && (t->model_path = mem_strdup(network_file_path(f))) != NULL;
    if (ok) {
        set_info(t, f);
        log_model(t, f);
        tell_direction(t, f);
    }
    network_file_close(f);
    return ok;
}

bool translator_choose(const struct translator *t, const struct choice *table,
                       const char *option, const char *given, int *value)
{
    char all[128];
    if (!given || choice_find(table, given, value))
        return true;
    log_error("%s: --%s takes %s, not \"%s\"", t->command, option,
              choice_list(table, all, sizeof(all)), given);
    return false;
}

// Empty: the first program adds the weights.
static bool create_generator(struct translator *t,
                             const struct pix_translate_options *options)
{
    int value = PRECISION_F32;
    if (!translator_choose(t, choice_precisions, "precision", options->precision,
                           &value))
        return false;
    enum precision precision = (enum precision)value;
    if (!precision_resolve(t->device, t->command, &precision) ||
        !(t->generator = weights_create(true)))
        return false;
    t->generator->precision = precision_format(precision);
    return true;
}

struct translator *translator_create(struct gpu_device *device,
                                     double submission_seconds,
                                     const struct pix_translate_options *options)
{
    int mode = TRANSLATION_STABLE, scaling = FIT_NOTHING;
    struct translator *t = mem_zalloc(sizeof(*t));
    if (!t)
        return NULL;
    if (!(t->command = mem_strdup(options->command ? options->command : "translate")))
        goto fail;
    t->device = device;
    t->submission_seconds = submission_seconds;
    t->batch_size = t->most = MAX(options->batch_size, 1u);
    t->threads = options->threads;
    t->view = (struct progress_view){ options->progress, options->progress_user };
    t->stop = options->stop;
    t->stop_user = options->stop_user;
    t->averages = !options->no_ema;
    t->step = (struct step_block){
        .step = 1,    // for every image: one seed, one mask
        .seed_low = (uint32_t)options->seed,
        .seed_high = (uint32_t)(options->seed >> 32),
    };
    if (!translator_choose(t, choice_scalings, "preprocess", options->preprocess,
                           &scaling) ||
        !translator_choose(t, choice_translation_modes, "mode", options->mode, &mode))
        goto fail;
    t->rule.scaling.mode = (enum fit_mode)scaling;
    t->chose_scaling = options->preprocess || options->tile;
    t->mode = (enum translation_mode)mode;
    if (!frame_read_output(options->output_size, &t->rule)) {
        log_error(
            "%s: --output-size takes input, model, or width x height (640x480) of "
            "up to %u pixels, not \"%s\"",
            t->command, PICTURE_MAX_SIDE, options->output_size);
        goto fail;
    }
    if (!translator_check_tiling(t, options))
        goto fail;
    // A dropout mask depends on the place in the batch: alone, each image has that of
    // the first one, whatever it is translated with.
    if (t->mode == TRANSLATION_PAPER)
        t->batch_size = t->most = 1;
    if (options->batch_size > TRANSLATOR_MAX_BATCH) {
        log_error("%s: --batch-size takes 1 to %d, not %" PRIu32, t->command,
                  TRANSLATOR_MAX_BATCH, options->batch_size);
        goto fail;
    }
    if (!frame_read_wrap(options->wrap, &t->rule)) {
        log_error("%s: --wrap takes x, y or xy, not \"%s\"", t->command, options->wrap);
        goto fail;
    }
    if (!options->model || !*options->model) {
        log_error("%s: --model is missing: name a run folder or a checkpoint",
                  t->command);
        goto fail;
    }
    const enum tuning_mode tuning = settings_parse_tuning(options->tuning);
    t->tuning_mode = tuning;
    if (!tuned_open(device, tuning, options->tuning, &t->tuning) ||
        (tuning == TUNING_FILE && !(t->table_path = mem_strdup(options->tuning))))
        goto fail;
    t->written = PIXEL_KINDS;
    if (!create_generator(t, options) || !load(t, options))
        goto fail;
    return t;

fail:
    translator_destroy(t);
    return NULL;
}

void translator_destroy(struct translator *t)
{
    if (!t)
        return;
    translator_drop_program(t);
    weights_destroy(t->generator);
    weights_destroy(t->given.weights);
    tuning_finish(&t->tuning);
    settings_finish(&t->settings);
    picture_free(&t->mask);
    mem_free(t->mask_path);
    mem_free(t->command);
    mem_free(t->model_path);
    mem_free(t->table_path);
    mem_free(t);
}

struct pix_size translator_size(const struct translator *t)
{
    return t->settings.options.crop_size;
}

uint32_t translator_multiple(const struct translator *t)
{
    return generator_multiple(&t->settings.generator);
}

struct gpu_device *translator_device(const struct translator *t)
{
    return t->device;
}

double translator_submission_seconds(const struct translator *t)
{
    return t->submission_seconds;
}

const char *translator_command(const struct translator *t)
{
    return t->command;
}

const struct pix_translator_info *translator_info(const struct translator *t)
{
    return &t->info;
}

const char *translator_model_path(const struct translator *t)
{
    return t->model_path;
}

const char *translator_mask_path(const struct translator *t)
{
    return t->mask_path;
}

const char *translator_table_path(const struct translator *t)
{
    return t->table_path;
}

struct frame_rule translator_frame_rule(const struct translator *t, bool fitted)
{
    struct frame_rule rule = t->rule;
    if (fitted) {
        rule.scaling = settings_fit_to_translate(&t->settings, FIT_RESIZE);
        rule.output = FRAME_MODEL;
    }
    return rule;
}

const struct settings *translator_get_settings(const struct translator *t)
{
    return &t->settings;
}

uint32_t translator_batch_size(const struct translator *t)
{
    return t->batch_size;
}

struct staging translator_kinds(const struct translator *t)
{
    return (struct staging){ t->settings.input_kind, t->settings.output_kind };
}

bool translator_follows_kind(const struct translator *t)
{
    return t->settings.task.kind == TASK_COLORIZE
               ? t->written == PIXEL_KINDS
               : t->settings.output_kind == PIXEL_KINDS;
}

const char *translator_kind_reason(const struct translator *t, bool is_output)
{
    if (is_output)
        return t->chose_output ? "as --output-kind says"
                               : "which the model was trained to make";
    return t->chose_input ? "as --input-kind says" : "which the model was trained on";
}

uint32_t translator_threads(const struct translator *t)
{
    return t->threads;
}

struct progress_view translator_view(const struct translator *t)
{
    return t->view;
}

bool translator_is_stopped(const struct translator *t)
{
    return t->stop && t->stop(t->stop_user);
}
