// SPDX-License-Identifier: MIT
//
// Translation: the generator of a checkpoint as a graph without losses, for a number of
// images of one size. The program of the last size is kept, since most folders hold one
// size. The weights are uploaded once and have neither gradients nor moments.

#include "translate/translator.h"

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "data/image.h"
#include "data/picture_file.h"
#include "gpu/device.h"
#include "program/footprint.h"
#include "program/program.h"
#include "program/tuned.h"
#include "settings/choice.h"
#include "settings/rules.h"
#include "settings/settings.h"
#include "store/network_file.h"
#include "translate/conversion.h"
#include "translate/translation.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

// Runs that may be under way at once: one that the device works on, one that waits.
enum { SLOTS = TRANSLATOR_SLOTS };

// The program for a number of images of one form, started when the first ones come.
struct sized {
    uint32_t images;
    struct translator_form form;
    struct program *program;
    struct translation tensors;
    uint32_t oldest, in_flight;    // slot of the oldest run under way, and their number
};

struct translator {
    struct gpu_device *device;
    double submission_seconds;
    struct settings settings;    // of the model, with what the caller knows better
    bool chose_input, chose_output;    // the kinds are the caller's
    struct conversions told;           // of single images, as flags
    bool resize;                       // images to the size that it was trained on
    uint32_t batch_size, threads;
    struct progress_view view;
    enum translation_mode mode;
    struct step_block step;    // with the seed of dropout
    bool averages;             // use the moving averages of the weights, if there are
    enum tuning_mode tuning_mode;
    bool has_tuned, has_told;    // measured a size; said that others are not
    struct tuning tuning;
    struct weights *generator;
    struct sized now;    // what the last images needed
    uint32_t most;       // images of that size that the device can take at once
    bool has_warned;     // that an image looks like a pair
};

// ---------------------------------------------------------------------------
// Programs

static void sized_finish(struct sized *s)
{
    program_destroy(s->program);
    *s = (struct sized){ 0 };
}

// The graph only: it names and shapes the weights too.
static bool sized_build(struct translator *t, uint32_t images,
                        const struct translator_form *form, struct sized *s)
{
    const struct program_options options = {
        .device = t->device,
        .submission_seconds = t->submission_seconds,
        .slots = SLOTS,
        .tuning = &t->tuning,
    };
    *s = (struct sized){ .images = images, .form = *form };
    s->program = program_create(&options);
    if (!s->program ||
        !translation_build(program_graph(s->program), t->generator,
                           &t->settings.generator, form->staging, t->mode, images,
                           form->height, form->width, &s->tensors))
        return false;
    program_upload(s->program, s->tensors.pixels);
    program_upload(s->program, s->tensors.jitter);
    program_download(s->program, s->tensors.output);
    return true;
}

static bool sized_plan(struct translator *t, struct sized *s, struct pix_plan *out)
{
    return program_plan(s->program, &t->generator, 1, out);
}

static bool fits(struct translator *t, const struct pix_plan *plan)
{
    return footprint_fits(t->device, plan, "translation",
                          t->resize ? "train a model with a lower --ngf or --crop-size"
                                    : "make the image smaller, or leave out "
                                      "--preprocess none");
}

static void tell_untuned(struct translator *t, const struct sized *s)
{
    if (t->has_told)
        return;
    t->has_told = true;
    log_info("translate: only the first new size of images is measured: %" PRIu32
             " of %" PRIu32 "x%" PRIu32 " at a time, and other sizes, get the built-in "
             "choice of kernels",
             s->images, s->form.width, s->form.height);
}

// Measures shapes that the table lacks; new entries change the graph, which is then
// built again. Only the first unknown size is measured: the images of a folder may have
// as many sizes as there are images.
static bool sized_tune(struct translator *t, struct sized *s)
{
    const struct sized before = *s;
    const size_t known = t->tuning.count;
    if (!tuned_uses_cache(t->tuning_mode) ||
        tuned_missing(program_graph(s->program), &t->tuning) == 0)
        return true;
    if (t->has_tuned) {
        tell_untuned(t, s);
        return true;
    }
    t->has_tuned = true;
    if (!tuned_complete(t->device, t->tuning_mode, t->submission_seconds,
                        TUNED_SECONDS_IMAGE, program_graph(s->program), &t->tuning))
        return false;
    if (t->tuning.count == known) {    // nothing is measured on this device
        t->has_told = true;
        return true;
    }
    sized_finish(s);
    return sized_build(t, before.images, &before.form, s);
}

// The plan is checked before measuring, which takes seconds, and again after it: other
// kernels may need other memory.
static bool sized_start(struct translator *t, struct sized *s)
{
    struct pix_plan plan;
    if (program_is_started(s->program))
        return true;
    return sized_plan(t, s, &plan) && fits(t, &plan) && sized_tune(t, s) &&
           sized_plan(t, s, &plan) && fits(t, &plan) && program_start(s->program);
}

static bool check_side(const struct translator *t, uint32_t width, uint32_t height)
{
    uint32_t multiple = translator_multiple(t);
    if (width && height && width % multiple == 0 && height % multiple == 0)
        return true;

    // Neither proposal is 0: a side is at least one multiple.
    uint32_t below_w = MAX(width / multiple, 1u) * multiple;
    uint32_t below_h = MAX(height / multiple, 1u) * multiple;
    uint32_t above_w = DIV_UP((uint64_t)MAX(width, 1u), multiple) * multiple;
    uint32_t above_h = DIV_UP((uint64_t)MAX(height, 1u), multiple) * multiple;
    log_error(
        "translate: the image has %" PRIu32 "x%" PRIu32
        " pixels, this model needs width and height that are multiples of %" PRIu32
        ": the nearest are %" PRIu32 "x%" PRIu32 " and %" PRIu32 "x%" PRIu32
        "; or leave out --preprocess none",
        width, height, multiple, below_w, below_h, above_w, above_h);
    return false;
}

bool translator_same_form(const struct translator_form *a,
                          const struct translator_form *b)
{
    return a->width == b->width && a->height == b->height &&
           a->staging.input == b->staging.input &&
           a->staging.output == b->staging.output;
}

// Makes the kept program one for this number of images of this form, not started yet.
static bool prepare(struct translator *t, uint32_t images,
                    const struct translator_form *form)
{
    struct sized *s = &t->now;
    bool same_form = s->program && translator_same_form(&s->form, form);
    if (same_form && s->images == images)
        return true;
    // What the device was found to have room for holds for one form only.
    if (!same_form)
        t->most = t->batch_size;
    sized_finish(s);
    if (sized_build(t, images, form, s))
        return true;
    sized_finish(s);
    return false;
}

// Makes the kept program one that runs as many of these images as possible, at most
// `images`. A batch that does not fit the device is tried again with half as many; its
// errors are captured, while warnings and infos (measuring kernels, a wrong kernel)
// pass.
static bool start(struct translator *t, uint32_t images,
                  const struct translator_form *form)
{
    struct log_capture capture = { 0 };
    char reason[sizeof(capture.text)] = "";    // of the first failure
    bool was_cut = false, ok;
    for (;;) {
        if (images > 1)
            log_capture_begin(&capture);
        ok = prepare(t, images, form) && sized_start(t, &t->now);
        if (images > 1)
            log_capture_end(&capture);
        if (!ok && !was_cut)
            snprintf(reason, sizeof(reason), "%s", capture.text);
        if (ok || images == 1)
            break;
        if (gpu_device_is_lost(t->device)) {
            log_error("%s", capture.text);
            break;
        }
        images /= 2;
        was_cut = true;
    }
    // Set last, since prepare sets it for a new form.
    if (was_cut && ok) {
        t->most = images;
        log_warn("translate: a larger batch does not fit %s: translating %" PRIu32
                 " at a time (%s)",
                 gpu_device_info(t->device)->name, images, reason);
    }
    if (!ok)
        sized_finish(&t->now);
    return ok;
}

// ---------------------------------------------------------------------------
// Set-up

static void log_model(const struct translator *t, const struct network_file *f)
{
    const struct checkpoint *c = network_file_checkpoint(f);
    char step[32] = "";
    if (c)
        snprintf(step, sizeof(step), ", step %" PRIu64, checkpoint_get_state(c)->step);
    const bool is_average = c && t->averages && t->settings.options.ema > 0;
    log_info("translate: %s%s%s, %s, %" PRIu32 "x%" PRIu32, network_file_path(f), step,
             is_average ? ", averaged weights" : "", network_file_description(f),
             t->settings.options.crop_size, t->settings.options.crop_size);
}

static bool refuse_option(const char *option, const char *given)
{
    log_error("translate: --%s does not take \"%s\"", option, given);
    return false;
}

// Replaces what the caller knows better than the file: bare weights record neither the
// direction nor the kind of samples.
static bool override(struct translator *t, const struct pix_translate_options *o)
{
    struct settings *s = &t->settings;
    int swap, order;
    t->chose_input = o->input_kind != NULL;
    t->chose_output = o->output_kind != NULL;
    if (o->input_kind) {
        if (!pixel_kind_find(o->input_kind, &s->input_kind))
            return refuse_option("input-kind", o->input_kind);
        s->options.input_kind = pixel_kind_name(s->input_kind);
    }
    if (o->output_kind) {
        if (!pixel_kind_find(o->output_kind, &s->output_kind))
            return refuse_option("output-kind", o->output_kind);
        s->options.output_kind = pixel_kind_name(s->output_kind);
    }
    if (o->npy_order) {
        if (!choice_find(choice_npy_orders, o->npy_order, &order))
            return refuse_option("npy-order", o->npy_order);
        s->order = (enum array_order)order;
        s->options.npy_order = choice_name(choice_npy_orders, order);
    }
    if (o->direction) {
        if (!choice_find(choice_directions, o->direction, &swap))
            return refuse_option("direction", o->direction);
        s->swap = swap;
        s->options.direction = choice_name(choice_directions, swap);
    }
    return true;
}

static bool load(struct translator *t, const struct pix_translate_options *given)
{
    struct pix_plan plan;
    struct network_file *f = network_file_open_checkpoint(
        given->model, given->checkpoint, NETWORK_G, "translate");
    bool ok = f && settings_init(&t->settings, &network_file_settings(f)->options) &&
              override(t, given);
    if (ok) {
        // The graph names and shapes the weights, which have to exist before they are
        // read. It is for one image of the trained size and kind, in which the first
        // image often comes. Images that keep their own sizes are checked when they
        // come.
        uint32_t side = t->settings.options.crop_size;
        const struct translator_form form = { side, side,
                                              settings_staging(&t->settings) };
        ok = prepare(t, 1, &form) && network_file_check(f, t->generator) &&
             sized_plan(t, &t->now, &plan) && (!t->resize || fits(t, &plan)) &&
             weights_allocate(t->generator, t->device) &&
             network_file_load(f, t->generator, t->averages, t->device, tensor_upload);
    }
    if (ok)
        log_model(t, f);
    network_file_close(f);
    return ok;
}

// Parses a choice of the caller; false after a message that names all of them.
static bool choose(const struct choice *table, const char *option, const char *given,
                   int *value)
{
    char all[128];
    if (!given || choice_find(table, given, value))
        return true;
    log_error("translate: --%s takes %s, not \"%s\"", option,
              choice_list(table, all, sizeof(all)), given);
    return false;
}

struct translator *translator_create(struct gpu_device *device,
                                     double submission_seconds,
                                     const struct pix_translate_options *options)
{
    int mode = TRANSLATION_STABLE, resize = true;
    struct translator *t = mem_zalloc(sizeof(*t));
    if (!t)
        return NULL;
    t->device = device;
    t->submission_seconds = submission_seconds;
    t->batch_size = t->most = MAX(options->batch_size, 1u);
    t->threads = options->threads;
    t->view = (struct progress_view){ options->progress, options->progress_user };
    t->averages = !options->no_ema;
    t->step = (struct step_block){
        .step = 1,    // for every image: one seed, one mask
        .seed_low = (uint32_t)options->seed,
        .seed_high = (uint32_t)(options->seed >> 32),
    };
    if (!choose(choice_resizings, "preprocess", options->preprocess, &resize) ||
        !choose(choice_translation_modes, "mode", options->mode, &mode))
        goto fail;
    t->resize = resize;
    t->mode = (enum translation_mode)mode;
    // A dropout mask depends on the place in the batch: alone, each image has that of
    // the first one, whatever it is translated with.
    if (t->mode == TRANSLATION_PAPER)
        t->batch_size = t->most = 1;
    if (options->batch_size > TRANSLATOR_MAX_BATCH) {
        log_error("translate: --batch-size takes 1 to %d, not %" PRIu32,
                  TRANSLATOR_MAX_BATCH, options->batch_size);
        goto fail;
    }
    if (!options->model || !*options->model) {
        log_error("translate: --model is missing: name a run folder or a checkpoint");
        goto fail;
    }
    const enum tuning_mode tuning = settings_parse_tuning(options->tuning);
    t->tuning_mode = tuning;
    if (!tuned_open(device, tuning, options->tuning, &t->tuning))
        goto fail;
    t->generator = weights_create(true);
    if (!t->generator || !load(t, options))
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
    sized_finish(&t->now);
    weights_destroy(t->generator);
    tuning_finish(&t->tuning);
    settings_finish(&t->settings);
    mem_free(t);
}

uint32_t translator_size(const struct translator *t)
{
    return t->settings.options.crop_size;
}

uint32_t translator_multiple(const struct translator *t)
{
    return generator_multiple(&t->settings.generator);
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

const char *translator_kind_reason(const struct translator *t, bool is_output)
{
    if (is_output)
        return t->chose_output ? "as --output-kind says"
                               : "which the model was trained to make";
    return t->chose_input ? "as --input-kind says" : "which the model was trained on";
}

uint32_t translator_most(const struct translator *t, const struct translator_form *form)
{
    return translator_same_form(&t->now.form, form) ? t->most : t->batch_size;
}

bool translator_is_lost(const struct translator *t)
{
    return gpu_device_is_lost(t->device);
}

uint32_t translator_threads(const struct translator *t)
{
    return t->threads;
}

struct progress_view translator_view(const struct translator *t)
{
    return t->view;
}

// ---------------------------------------------------------------------------
// Images

bool translator_fits(const struct translator *t, const struct translator_form *form)
{
    return check_side(t, form->width, form->height);
}

// Channels, kind and size of a picture.
static bool convert(const struct translator *t, struct picture *picture,
                    struct translator_notes *notes)
{
    uint32_t side = t->settings.options.crop_size;
    const enum pixel_kind wanted = t->settings.input_kind;
    struct reason reason;
    struct picture resized;
    notes->is_narrow = picture->is_narrow;
    if (!picture_set_channels(picture, t->settings.options.input_nc, &reason)) {
        log_error("translate: the image %s", reason.text);
        return false;
    }
    notes->kind = picture->kind;
    notes->exceeds = picture_exceeds_range(picture);
    if (wanted != PIXEL_KINDS && !picture_set_kind(picture, wanted))
        return false;
    if (!t->resize || (picture->width == side && picture->height == side))
        return true;
    notes->is_pair = picture->width == 2 * picture->height;
    if (!picture_resize(picture, t->settings.filter, side, side, &resized))
        return false;
    picture_free(picture);
    *picture = resized;
    return true;
}

bool translator_prepare(const struct translator *t, struct picture *picture,
                        enum pixel_kind output, struct translator_form *form,
                        struct translator_notes *notes)
{
    *notes = (struct translator_notes){ .orientation = picture->orientation };
    if (!picture->samples || !picture->width || !picture->height) {
        log_error("translate: the image is empty");
        return false;
    }
    if (!convert(t, picture, notes))
        return false;
    const enum pixel_kind known = t->settings.output_kind;
    *form = (struct translator_form){
        .width = picture->width,
        .height = picture->height,
        .staging = { .input = picture->kind,
                     .output = known != PIXEL_KINDS    ? known
                               : output != PIXEL_KINDS ? output
                                                       : notes->kind },
    };
    return true;
}

bool translator_create_output(const struct translator *t,
                              const struct translator_form *form, struct picture *out)
{
    return picture_create(out, form->staging.output, t->settings.options.output_nc,
                          form->width, form->height);
}

// The input's format is kept where it can hold the kind and channels of the targets
// that the model was trained on. Where the kind is not known it follows from the
// format, and every format that holds another one holds u8.
const char *translator_extension(const struct translator *t, const char *path)
{
    const char *extension = file_extension(path);
    if (picture_can_be_written(path, settings_staging(&t->settings).output,
                               t->settings.options.output_nc))
        return extension;
    // A stem, since ".png" alone would be a hidden file without an extension.
    return picture_can_be_written(".x.png", settings_staging(&t->settings).output,
                                  t->settings.options.output_nc)
               ? ".png"
               : ".npy";
}

void translator_warn_of_pair(struct translator *t)
{
    if (!t->has_warned)
        log_warn(
            "translate: an image is twice as wide as it is high: if it is a pair A|B, "
            "pass only the input half (evaluate takes pairs)");
    t->has_warned = true;
}

bool translator_is_ready(const struct translator *t, uint32_t images,
                         const struct translator_form *form)
{
    const struct sized *s = &t->now;
    return s->program && program_is_started(s->program) && s->images == images &&
           translator_same_form(&s->form, form) && s->in_flight < SLOTS;
}

// Reports a failed run, with the kernel that the device had reached.
static bool report(const struct translator *t)
{
    const char *kernel = program_last_kernel(t->now.program);
    log_error("translate: %s %s in kernel %s", gpu_device_info(t->device)->name,
              gpu_device_is_lost(t->device) ? "was lost" : "reported an error",
              kernel ? kernel : "(none)");
    return false;
}

// Bytes from one image of a run to the next, as staged.
static size_t staged_bytes(const struct translator *t, bool is_output)
{
    const struct sized *s = &t->now;
    const struct staging staging = s->form.staging;
    return (size_t)pixel_staged_bytes(is_output ? staging.output : staging.input,
                                      is_output ? t->settings.options.output_nc
                                                : t->settings.options.input_nc,
                                      s->form.width, s->form.height);
}

uint32_t translator_submit(struct translator *t, const struct picture *const *in,
                           uint32_t images, const struct translator_form *form)
{
    struct sized *s = &t->now;
    if (!translator_is_ready(t, images, form)) {
        assert(s->in_flight == 0);
        if (!start(t, images, form))
            return 0;
    }
    uint32_t slot = (s->oldest + s->in_flight) % SLOTS;
    size_t bytes = staged_bytes(t, false);
    uint8_t *pixels = program_input(s->program, slot, s->tensors.pixels);
    for (uint32_t i = 0; i < s->images; i++)
        memcpy(pixels + i * bytes, in[i]->samples, picture_bytes(in[i]));
    if (!program_submit(s->program, slot, &t->step)) {
        report(t);
        return 0;
    }
    s->in_flight++;
    return s->images;
}

bool translator_wait(struct translator *t, struct picture *out)
{
    struct sized *s = &t->now;
    assert(s->in_flight > 0);
    uint32_t slot = s->oldest;
    size_t bytes = staged_bytes(t, true);
    // The slot is free even if the run failed: nobody waits for it again.
    s->oldest = (s->oldest + 1) % SLOTS;
    s->in_flight--;
    if (!program_wait(s->program, slot))
        return report(t);
    const uint8_t *output = program_output(s->program, slot, s->tensors.output);
    for (uint32_t i = 0; out && i < s->images; i++)
        memcpy(out[i].samples, output + i * bytes, picture_bytes(&out[i]));
    return true;
}

// Says once for each kind that single images are converted, and once that some are
// clipped.
static void tell_of_conversion(struct translator *t,
                               const struct translator_notes *notes,
                               enum pixel_kind used)
{
    struct conversions one = { 0 };
    conversion_count(&one, notes->kind, used, notes->exceeds);
    conversion_leave_out(&one, &t->told);
    conversion_report(&one, "translate", "input", used,
                      translator_kind_reason(t, false));
    t->told.from[notes->kind] |= one.from[notes->kind];
    t->told.clipped |= one.clipped;
}

// One image from begin to end. Takes the samples of `in`, which is empty afterwards.
static bool run(struct translator *t, struct picture *in, struct picture *out)
{
    struct translator_form form;
    struct translator_notes notes;
    const struct picture *const prepared = in;
    *out = (struct picture){ 0 };
    bool ok = translator_prepare(t, in, PIXEL_KINDS, &form, &notes);
    if (ok && notes.is_pair)
        translator_warn_of_pair(t);
    if (ok)
        tell_of_conversion(t, &notes, form.staging.input);
    ok = ok && translator_fits(t, &form) && translator_create_output(t, &form, out) &&
         translator_submit(t, &prepared, 1, &form) && translator_wait(t, out);
    if (!ok)
        picture_free(out);
    picture_free(in);
    return ok;
}

bool translator_run(struct translator *t, const struct pix_image *in,
                    struct pix_image *out)
{
    struct picture picture = { 0 }, made = { 0 };
    *out = (struct pix_image){ 0 };
    if (in->pixels && in->width && in->height && !image_to_picture(in, &picture))
        return false;
    bool ok = run(t, &picture, &made) && image_from_picture(&made, out);
    picture_free(&made);
    return ok;
}

bool translator_run_array(struct translator *t, const struct pix_array *in,
                          struct pix_array *out)
{
    struct picture picture = { 0 }, made = { 0 };
    *out = (struct pix_array){ 0 };
    if (!picture_from_array(in, &picture))
        return false;
    bool ok = run(t, &picture, &made);
    if (ok)
        *out = picture_to_array(&made);
    return ok;
}

// Builds a program of its own, so that the one that may be running stays.
bool translator_plan_form(struct translator *t, const struct translator_form *form,
                          struct pix_plan *out)
{
    struct sized s = { 0 };
    bool ok = translator_fits(t, form) && sized_build(t, t->batch_size, form, &s) &&
              sized_plan(t, &s, out);
    sized_finish(&s);
    return ok;
}

bool translator_plan(struct translator *t, uint32_t width, uint32_t height,
                     struct pix_plan *out)
{
    if (t->resize || (width == 0 && height == 0))
        width = height = t->settings.options.crop_size;
    const struct translator_form form = { width, height,
                                          settings_staging(&t->settings) };
    return translator_plan_form(t, &form, out);
}
