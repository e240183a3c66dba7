// SPDX-License-Identifier: MIT
//
// A program of its own over the weights that are trained, so that they are not copied.
// Their averages are, since they do not lie as kernels want weights. See validation.h.

#include "train/validation.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/parallel.h"
#include "data/data_folder.h"
#include "data/dataset.h"
#include "evaluate/gallery.h"
#include "evaluate/lpips_set.h"
#include "evaluate/metrics.h"
#include "program/program.h"
#include "settings/choice.h"
#include "settings/settings.h"
#include "store/lpips_file.h"
#include "train/sight.h"
#include "translate/translation.h"

#include <stdio.h>
#include <string.h>

// Pairs whose outputs are compared at the same time, by all threads.
#define CHUNK 16u

// A pair on the host.
struct compared {
    struct picture input, target, output;
    // What is compared: the same, or with a task the images that it makes of them and
    // of the mean colour, which are the pair's own.
    struct picture whole_input, whole_target, whole_output, whole_flat;
    const char *name;
    struct scores scores;
    struct scores flat;    // of the mean colour; in the first run only
    bool ok;
};

struct validation {
    struct gpu_device *device;
    struct program_options options;
    struct program *program;
    struct translation tensors;
    struct weights *generator;    // of the trainer
    struct weights *averages;     // NULL: the run keeps none
    struct dataset *data;
    uint32_t metrics;    // bits
    struct lpips_set lpips;
    uint64_t lpips_bytes;    // of its networks on the device
    size_t input_bytes;
    uint8_t *sample;    // a staged pair: input, then target
    struct task task;
    double colour[PIXEL_MAX_CHANNELS];    // the mean of training targets
    double flat[PIX_METRIC_COUNT];        // its scores, which stay the same
    bool has_flat;
    struct sight sight;
    enum pix_metric judge;
    struct gallery gallery;               // of the last run
    char gallery_error[LOG_LINE_SIZE];    // why it is not complete, "" if it is
    struct compared pairs[CHUNK];
};

// The pairs of val/, whole and in order: the error must not depend on crops or a seed.
static bool open_data(struct validation *v, const struct settings *s)
{
    const struct data_source source = settings_source(s);
    struct pair_list pairs;
    struct dataset_options options = settings_dataset(s);
    options.fit = settings_fit_to_compare(s);
    options.flip = options.shuffle = options.renews = false;
    options.max_size = 0;
    bool has;
    if (!data_source_has(&source, "val", &has))
        return false;
    if (!has && (source.list || split_ratio_is_set(&source.ratio))) {
        log_error("train: %s asks for validation, but no images of %s are for val: "
                  "give it a share of --split-ratio%s, or leave that option out",
                  settings_validation_reason(s), data_source_path(&source),
                  source.list ? " or some lines" : "");
        return false;
    }
    if (!has) {
        log_error("train: %s asks for validation, but there is no folder %s/val: make "
                  "it, or leave that option out",
                  settings_validation_reason(s), source.data);
        return false;
    }
    if (!data_source_list(&source, "val", &pairs))
        return false;
    v->data = dataset_create(&options, &pairs);
    pair_list_free(&pairs);
    return v->data != NULL;
}

// The trainer's weights have their place, and its own sums have them.
static bool plan_program(struct validation *v, struct pix_plan *out)
{
    return program_plan(v->program, &v->averages, v->averages ? 1 : 0, out);
}

// The networks of LPIPS that are wanted, as bits. False after a message where the
// images cannot have any.
static bool find_lpips(const struct settings *s, uint32_t *wanted)
{
    const struct pix_train_options *o = &s->options;
    struct picture target = {
        .channels = o->output_nc,
        .width = o->crop_size.width,
        .height = o->crop_size.height,
    };
    task_describe_output(&s->task, PIXEL_U8, &target.kind, &target.channels);
    *wanted = s->val_metrics & ~METRICS_ON_HOST;
    if (*wanted == 0 || lpips_set_may_compare(&target))
        return true;
    log_error("train: --val-metrics and --best cannot have LPIPS here: it is for 1 or "
              "3 channels and sides of %u pixels or more",
              LPIPS_SIDE_MIN);
    return false;
}

static bool plan_lpips(struct validation *v, const struct settings *s)
{
    const struct pix_size size = s->options.crop_size;
    uint32_t wanted;
    return find_lpips(s, &wanted) && lpips_set_plan(&v->options, wanted, size.height,
                                                    size.width, &v->lpips_bytes);
}

static bool create_pictures(struct validation *v, const struct settings *s)
{
    const struct staging staging = settings_staging(s);
    const struct pix_train_options *o = &s->options;
    const uint32_t w = o->crop_size.width, h = o->crop_size.height;
    v->input_bytes = (size_t)pixel_staged_bytes(staging.input, o->input_nc, w, h);
    v->sample = mem_alloc(dataset_sample_bytes(v->data));
    if (!v->sample)
        return false;
    for (uint32_t i = 0; i < MIN(CHUNK, dataset_count(v->data)); i++)
        if (!picture_create(&v->pairs[i].input, staging.input, o->input_nc, w, h) ||
            !picture_create(&v->pairs[i].target, staging.output, o->output_nc, w, h) ||
            !picture_create(&v->pairs[i].output, staging.output, o->output_nc, w, h))
            return false;
    for (uint32_t i = 0; i < CHUNK; i++) {
        picture_set_range(&v->pairs[i].input, staging.input_range);
        picture_set_range(&v->pairs[i].target, staging.output_range);
        picture_set_range(&v->pairs[i].output, staging.output_range);
    }
    return true;
}

struct validation *validation_create(struct gpu_device *device,
                                     double submission_seconds,
                                     const struct settings *s,
                                     const struct tuning *tuning,
                                     struct weights *generator)
{
    const struct pix_size size = s->options.crop_size;
    struct validation *v = mem_zalloc(sizeof(*v));
    if (!v)
        return NULL;
    v->device = device;
    v->generator = generator;
    v->metrics = s->val_metrics;
    v->judge = s->judge;
    v->task = s->task;
    v->options = (struct program_options){
        .device = device,
        .submission_seconds = submission_seconds,
        .tuning = tuning,
        .hint = "lower --crop-size or --ngf",
    };
    // What is kept is judged in floats.
    struct model_mode mode = translation_model_mode(TRANSLATION_STABLE);
    mode.full = true;
    if (generator->keeps_average && !(v->averages = weights_create(true)))
        goto fail;
    v->program = program_create(&v->options);
    if (!v->program || !translation_build_mode(program_graph(v->program),
                                               v->averages ? v->averages : generator,
                                               &s->generator, settings_staging(s), mode,
                                               1, size.height, size.width, &v->tensors))
        goto fail;
    program_upload(v->program, v->tensors.pixels);
    program_upload(v->program, v->tensors.jitter);
    program_download(v->program, v->tensors.output);
    if (!plan_program(v, NULL) || !plan_lpips(v, s))
        goto fail;
    return v;

fail:
    validation_destroy(v);
    return NULL;
}

bool validation_add_shapes(struct conv_shapes *list, const struct op_limits *limits,
                           const struct settings *s)
{
    const struct pix_size size = s->options.crop_size;
    uint32_t wanted;
    return translation_add_shapes(list, limits, s) && find_lpips(s, &wanted) &&
           lpips_set_add_shapes(list, limits, wanted, size.height, size.width);
}

// Everything it has beside the weights that it shares with the trainer.
bool validation_add_footprint(struct validation *v, struct pix_plan *plan)
{
    struct pix_plan own;
    if (!plan_program(v, &own))
        return false;
    plan->lpips_bytes = v->lpips_bytes;
    plan->validation_bytes = own.device_bytes + v->lpips_bytes;
    plan->device_bytes += plan->validation_bytes;
    return true;
}

// What is wanted is there, with the memory that it takes, or the run does not begin: a
// best checkpoint cannot be judged by a metric that is missing.
static bool open_lpips(struct validation *v, const struct settings *s)
{
    const uint32_t wanted = v->metrics & ~METRICS_ON_HOST;
    if (wanted == 0)
        return true;
    if (!lpips_set_open(&v->lpips, &v->options, s->options.lpips, wanted, "train"))
        return false;
    for (int m = 0; m < PIX_METRIC_COUNT; m++) {
        if (!(wanted & ~v->lpips.found & METRIC_BIT(m)))
            continue;
        log_error("train: there are no weights for %s of validations: %s",
                  choice_name(choice_metrics, m), lpips_file_hint());
        return false;
    }
    return lpips_set_prepare(&v->lpips, s->options.crop_size.height,
                             s->options.crop_size.width);
}

bool validation_start(struct validation *v, const struct settings *s,
                      const double *mean_colour)
{
    memcpy(v->colour, mean_colour, s->options.output_nc * sizeof(v->colour[0]));
    return open_data(v, s) && create_pictures(v, s) && open_lpips(v, s) &&
           (!v->averages || weights_allocate(v->averages, v->device)) &&
           program_start(v->program);
}

// Without a task they are the pictures of the pair.
static void free_whole(const struct validation *v, struct compared *pair)
{
    if (!task_is_set(&v->task))
        return;
    picture_free(&pair->whole_input);
    picture_free(&pair->whole_target);
    picture_free(&pair->whole_output);
    picture_free(&pair->whole_flat);
}

// Makes what is compared. False only without memory, after a message.
static bool make_whole(const struct validation *v, struct compared *pair)
{
    free_whole(v, pair);
    pair->whole_input = pair->input;
    pair->whole_target = pair->target;
    pair->whole_output = pair->output;
    if (!task_is_set(&v->task))
        return true;
    pair->whole_input = pair->whole_target = pair->whole_output = (struct picture){ 0 };
    return picture_copy(&pair->input, &pair->whole_input) &&
           task_show_input(&v->task, &pair->whole_input) &&
           picture_copy(&pair->target, &pair->whole_target) &&
           picture_copy(&pair->output, &pair->whole_output) &&
           task_complete(&v->task, &pair->input, &pair->whole_target) &&
           task_complete(&v->task, &pair->input, &pair->whole_output) &&
           (v->has_flat || task_make_flat(&v->task, &pair->input, &pair->target,
                                          v->colour, &pair->whole_flat));
}

void validation_destroy(struct validation *v)
{
    if (!v)
        return;
    for (uint32_t i = 0; i < CHUNK; i++) {
        free_whole(v, &v->pairs[i]);
        picture_free(&v->pairs[i].input);
        picture_free(&v->pairs[i].target);
        picture_free(&v->pairs[i].output);
    }
    gallery_free(&v->gallery);
    lpips_set_close(&v->lpips);
    mem_free(v->sample);
    dataset_destroy(v->data);
    program_destroy(v->program);
    weights_destroy(v->averages);
    mem_free(v);
}

// Translates the next pair of the stream.
static bool translate(struct validation *v, struct compared *pair)
{
    const struct step_block block = { .step = 1 };
    struct dataset_sample sample;
    if (!dataset_next(v->data, &sample, v->sample))
        return false;
    memcpy(program_input(v->program, 0, v->tensors.pixels), v->sample, v->input_bytes);
    if (!program_run(v->program, &block))
        return false;
    pair->name = dataset_name(v->data, sample.image);
    memcpy(pair->input.samples, v->sample, picture_bytes(&pair->input));
    memcpy(pair->target.samples, v->sample + v->input_bytes,
           picture_bytes(&pair->target));
    memcpy(pair->output.samples, program_output(v->program, 0, v->tensors.output),
           picture_bytes(&pair->output));
    return true;
}

// What is compared with the target: the output, and until its scores are known the mean
// colour.
static size_t list_subjects(struct validation *v, struct compared *pair,
                            struct subject subjects[2])
{
    subjects[0] = (struct subject){ &pair->whole_output, NULL, &pair->scores };
    subjects[1] = task_is_set(&v->task)
                      ? (struct subject){ &pair->whole_flat, NULL, &pair->flat }
                      : (struct subject){ NULL, v->colour, &pair->flat };
    return v->has_flat ? 1 : 2;
}

// Any thread.
static void compare(void *user, size_t i)
{
    struct validation *v = user;
    struct compared *pair = &v->pairs[i];
    struct subject subjects[2];
    const size_t count = list_subjects(v, pair, subjects);
    pair->ok = make_whole(v, pair) &&
               metrics_compare_all(subjects, count, &pair->whole_target, v->metrics);
}

// Keeps a pair to look at. Without, a validation is as good: the first failure ends the
// gallery, not the validation.
static void keep(struct validation *v, const struct compared *pair)
{
    struct log_capture capture;
    if (v->gallery_error[0])
        return;
    log_capture_begin(&capture);
    const bool ok =
        gallery_add(&v->gallery, pair->name, &pair->scores, &pair->whole_input,
                    &pair->whole_output, &pair->whole_target);
    const char *error = log_capture_end(&capture);
    if (!ok)
        snprintf(v->gallery_error, sizeof(v->gallery_error), "%s", error);
}

// `first`: of its pairs, among all. `sums` are of outputs and of the mean colour.
static bool run_chunk(struct validation *v, uint32_t first, uint32_t count,
                      struct score_sums sums[2])
{
    for (uint32_t i = 0; i < count; i++) {
        if (!translate(v, &v->pairs[i]))
            return false;
        if (first + i >= SIGHT_IMAGES)
            continue;
        sight_see(&v->sight, first + i, SHEET_INPUT, &v->pairs[i].input);
        sight_see(&v->sight, first + i, SHEET_OUTPUT, &v->pairs[i].output);
        sight_see(&v->sight, first + i, SHEET_TARGET, &v->pairs[i].target);
    }
    parallel_run(count, UINT32_MAX, compare, v);
    for (uint32_t i = 0; i < count; i++) {
        if (!v->pairs[i].ok) {
            log_error("train: out of memory for the metrics of a validation");
            return false;
        }
        struct subject subjects[2];
        const size_t subject_count = list_subjects(v, &v->pairs[i], subjects);
        if (!lpips_set_compare(&v->lpips, subjects, subject_count,
                               &v->pairs[i].whole_target))
            return false;
        for (size_t k = 0; k < subject_count; k++)
            scores_add(&sums[k], subjects[k].scores);
        keep(v, &v->pairs[i]);
    }
    return true;
}

bool validation_run(struct validation *v, struct validation_result *result)
{
    const uint32_t count = dataset_count(v->data);
    struct score_sums sums[2] = { { .count = 0 }, { .count = 0 } };
    if (v->averages && !weights_copy_averages(v->generator, v->averages, v->device))
        return false;
    sight_begin(&v->sight, false);
    gallery_begin(&v->gallery, count, v->judge, v->metrics);
    v->gallery_error[0] = '\0';
    for (uint32_t i = 0; i < count; i += CHUNK)
        if (!run_chunk(v, i, MIN(CHUNK, count - i), sums))
            return false;
    for (int m = 0; m < PIX_METRIC_COUNT && !v->has_flat; m++)
        v->flat[m] = scores_mean(&sums[1], (enum pix_metric)m);
    v->has_flat = true;
    result->look = sight_look(&v->sight);
    result->not_finite = sums[0].not_finite;
    for (int m = 0; m < PIX_METRIC_COUNT; m++)
        result->values[m] = scores_mean(&sums[0], (enum pix_metric)m);
    memcpy(result->mean_colour, v->flat, sizeof(v->flat));
    return true;
}

char *validation_text(struct validation *v, uint64_t step)
{
    if (v->gallery_error[0])
        log_error("%s", v->gallery_error);
    char *text = v->gallery_error[0] ? NULL : gallery_text(&v->gallery, step);
    gallery_free(&v->gallery);
    return text;
}

uint32_t validation_count(const struct validation *v)
{
    return dataset_count(v->data);
}
