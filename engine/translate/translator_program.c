// SPDX-License-Identifier: MIT
//
// What a translator runs: a graph without losses for a number of images of one form.
// That of the last form is kept, since most folders hold images of one size. Its
// kernels are measured, and its batch is halved until it fits the device. See
// translator.h.

#include "translate/translator_inside.h"

#include "base/log.h"
#include "base/mem.h"
#include "gpu/device.h"
#include "program/footprint.h"
#include "program/matrix_check.h"
#include "program/tuned.h"
#include "shared/moments.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void sized_finish(struct sized *s)
{
    program_destroy(s->program);
    *s = (struct sized){ 0 };
}

static bool build_graph(struct translator *t, struct graph *g, struct sized *s)
{
    const struct translator_form *form = &s->form;
    struct model_mode mode = translation_model_mode(t->mode);
    mode.wraps_across = t->rule.wraps_across;
    mode.wraps_down = t->rule.wraps_down;
    if (t->given.weights) {
        assert(s->images == 1);
        mode.statistics = STATISTICS_GIVEN;
        mode.given = &t->given;
        t->given.measures = form->measured > 0;
        t->given.measured = form->measured - 1;
    }
    return translation_build_mode(g, t->generator, &t->settings.generator,
                                  form->staging, mode, s->images, form->height,
                                  form->width, &s->tensors);
}

// What a caller may do where a program is too large for the device.
static const char *hint(const struct translator *t)
{
    return t->tiling.cut.tile ? "lower --tile or, for a result that is only close to "
                                "that of the whole image, --overlap"
           : t->rule.scaling.mode == FIT_RESIZE
               ? "train a model with a lower --ngf or --crop-size"
           : t->rule.scaling.mode == FIT_WIDTH
               ? "cut the image into parts of its width, or use --preprocess resize"
               : "use --tile, make the image smaller, or use --preprocess resize";
}

// The graph only: it names and shapes the weights too.
static bool sized_build(struct translator *t, uint32_t images,
                        const struct translator_form *form, bool is_plan,
                        struct sized *s)
{
    const struct program_options options = {
        .device = t->device,
        .submission_seconds = t->submission_seconds,
        .slots = SLOTS,
        .tuning = &t->tuning,
        .check = is_plan ? NULL : matrix_check,
        .hint = hint(t),
    };
    *s = (struct sized){ .images = images, .form = *form };
    s->program = program_create(&options);
    if (!s->program || !build_graph(t, program_graph(s->program), s))
        return false;
    program_upload(s->program, s->tensors.pixels);
    program_upload(s->program, s->tensors.jitter);
    program_upload(s->program, s->tensors.region);
    program_download(s->program, s->tensors.output);
    program_download(s->program, s->tensors.moments);
    return true;
}

static bool sized_plan(struct translator *t, struct sized *s, struct pix_plan *out)
{
    struct weights *const networks[] = { t->generator, t->given.weights };
    if (!program_plan(s->program, networks, ARRAY_LEN(networks), out))
        return false;
    out->weights_d = 0;    // what norms are given is not trained
    return true;
}

static bool fits(struct translator *t, const struct pix_plan *plan)
{
    return footprint_fits(t->device, plan, "translation", hint(t));
}

static void tell_untuned(struct translator *t, const struct sized *s)
{
    if (t->has_told)
        return;
    t->has_told = true;
    log_info("%s: only the first new size of images is measured: %" PRIu32
             " of %" PRIu32 "x%" PRIu32 " at a time, and other sizes, get the built-in "
             "choice of kernels",
             t->command, s->images, s->form.width, s->form.height);
}

// Measures shapes that the table lacks; new entries change the graph, which is then
// built again. Only the first unknown size is measured: the images of a folder may have
// as many sizes as there are images.
static bool sized_tune(struct translator *t, struct sized *s)
{
    const struct sized before = *s;
    const size_t known = t->tuning.count;
    if (!tuned_uses_cache(t->tuning_mode) ||
        tuned_missing(graph_products(program_graph(s->program)), &t->tuning) == 0)
        return true;
    if (t->has_tuned) {
        tell_untuned(t, s);
        return true;
    }
    t->has_tuned = true;
    if (!tuned_complete(t->device, t->tuning_mode, t->submission_seconds,
                        TUNED_SECONDS_IMAGE, graph_products(program_graph(s->program)),
                        &t->tuning))
        return false;
    if (t->tuning.count == known) {    // nothing is measured on this device
        t->has_told = true;
        return true;
    }
    sized_finish(s);
    return sized_build(t, before.images, &before.form, false, s);
}

const struct tuning *translator_tuning(const struct translator *t)
{
    return &t->tuning;
}

bool translator_tune(struct translator *t, const struct conv_shapes *shapes)
{
    return !tuned_uses_cache(t->tuning_mode) ||
           tuned_complete(t->device, t->tuning_mode, t->submission_seconds,
                          TUNED_SECONDS_IMAGE, shapes, &t->tuning);
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

bool translator_same_form(const struct translator_form *a,
                          const struct translator_form *b)
{
    return a->width == b->width && a->height == b->height &&
           a->staging.input == b->staging.input &&
           a->staging.output == b->staging.output && a->measured == b->measured;
}

bool translator_make_program(struct translator *t, uint32_t images,
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
    if (sized_build(t, images, form, false, s))
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
        ok = translator_make_program(t, images, form) && sized_start(t, &t->now);
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
    // Set last, since making the program sets it for a new form.
    if (was_cut && ok) {
        t->most = images;
        log_warn("%s: a larger batch does not fit %s: translating %" PRIu32
                 " at a time (%s)",
                 t->command, gpu_device_info(t->device)->name, images, reason);
    }
    if (!ok)
        sized_finish(&t->now);
    return ok;
}

bool translator_check_program(struct translator *t, bool fully)
{
    struct pix_plan plan;
    return sized_plan(t, &t->now, &plan) && (!fully || fits(t, &plan));
}

void translator_drop_program(struct translator *t)
{
    sized_finish(&t->now);
}

// Builds a program of its own, so that the one that may be running stays.
bool translator_plan_form(struct translator *t, const struct translator_form *form,
                          struct pix_plan *out)
{
    struct sized s = { 0 };
    bool ok = sized_build(t, t->batch_size, form, true, &s) && sized_plan(t, &s, out);
    sized_finish(&s);
    return ok;
}

// Whether such a window fits; *reason, of LOG_LINE_SIZE, says why not.
static bool window_fits(struct translator *t, const struct translator_form *form,
                        bool fully, struct pix_plan *out, char *reason)
{
    struct log_capture capture;
    log_capture_begin(&capture);
    const bool ok = translator_plan_form(t, form, out) && (!fully || fits(t, out));
    log_capture_end(&capture);
    snprintf(reason, LOG_LINE_SIZE, "%s", capture.text);
    return ok;
}

// The largest --tile below that of a window which does not fit whose windows do, by
// planning about ten of them. 0: none does, or it cannot be found out: a window that is
// refused for want of the host's memory says nothing of others.
static uint32_t find_tile(struct translator *t, const struct translator_form *form,
                          bool fully)
{
    const struct tile_cut *cut = &t->tiling.cut;
    const uint64_t failures = mem_failures();
    uint32_t most = 0, over = cut->tile / cut->unit;
    while (over - most > 1) {
        const uint32_t units = most + (over - most) / 2;
        const uint32_t side = MAX(units * cut->unit + 2 * cut->margin, cut->least);
        struct translator_form window = *form;
        struct pix_plan plan;
        char reason[LOG_LINE_SIZE];
        window.width = MIN(window.width, side);
        window.height = MIN(window.height, side);
        if (window_fits(t, &window, fully, &plan, reason))
            most = units;
        else if (mem_failures() != failures)
            return 0;
        else
            over = units;
    }
    return most * cut->unit;
}

bool translator_plan_window(struct translator *t, const struct translator_form *form,
                            bool fully, struct pix_plan *out)
{
    char reason[LOG_LINE_SIZE], fitting[48] = "";
    const uint64_t failures = mem_failures();
    if (window_fits(t, form, fully, out, reason))
        return true;
    const uint32_t tile = mem_failures() != failures ? 0 : find_tile(t, form, fully);
    if (tile)
        snprintf(fitting, sizeof(fitting), "; --tile %" PRIu32 " fits", tile);
    log_error("%s: %s cannot run this network over %" PRIu32 "x%" PRIu32
              " pixels, which are a tile of --tile %" PRIu32 " with --overlap %" PRIu32
              " around it: %s%s",
              t->command, gpu_device_info(t->device)->name, form->width, form->height,
              t->tiling.cut.tile, t->tiling.cut.margin, reason, fitting);
    return false;
}

// ---------------------------------------------------------------------------
// Runs

uint32_t translator_most(const struct translator *t, const struct translator_form *form)
{
    return translator_same_form(&t->now.form, form) ? t->most : t->batch_size;
}

bool translator_is_lost(const struct translator *t)
{
    return gpu_device_is_lost(t->device);
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
    log_error("%s: %s %s in kernel %s", t->command, gpu_device_info(t->device)->name,
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

static uint32_t submit(struct translator *t, const struct picture *const *in,
                       uint32_t images, const struct translator_form *form,
                       const struct translator_region *region)
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
    const struct translator_region whole = { 0, 0, form->height, form->width };
    if (!region && s->tensors.region)
        region = &whole;
    if (region) {
        float *rectangle = program_input(s->program, slot, s->tensors.region);
        rectangle[MOMENTS_TOP] = (float)region->top;
        rectangle[MOMENTS_LEFT] = (float)region->left;
        rectangle[MOMENTS_BOTTOM] = (float)region->bottom;
        rectangle[MOMENTS_RIGHT] = (float)region->right;
    }
    if (!program_submit(s->program, slot, &t->step)) {
        report(t);
        return 0;
    }
    s->in_flight++;
    if (t->given.keep > 0)
        t->step.step = 2;    // there are statistics to follow from
    return s->images;
}

uint32_t translator_submit(struct translator *t, const struct picture *const *in,
                           uint32_t images, const struct translator_form *form)
{
    return submit(t, in, images, form, NULL);
}

bool translator_submit_measured(struct translator *t, const struct picture *in,
                                const struct translator_form *form,
                                const struct translator_region *region)
{
    return submit(t, &in, 1, form, region) == 1;
}

// The slot of the oldest run, which is free even if it failed: nobody waits for it
// again. False after a message.
static bool wait_oldest(struct translator *t, uint32_t *slot)
{
    struct sized *s = &t->now;
    assert(s->in_flight > 0);
    *slot = s->oldest;
    s->oldest = (s->oldest + 1) % SLOTS;
    s->in_flight--;
    return program_wait(s->program, *slot) || report(t);
}

bool translator_wait(struct translator *t, struct picture *out)
{
    struct sized *s = &t->now;
    const size_t bytes = staged_bytes(t, true);
    uint32_t slot;
    if (!wait_oldest(t, &slot))
        return false;
    if (!out)    // what was measured has no output
        return true;
    const uint8_t *output = program_output(s->program, slot, s->tensors.output);
    for (uint32_t i = 0; i < s->images; i++)
        memcpy(out[i].samples, output + i * bytes, picture_bytes(&out[i]));
    return true;
}

bool translator_wait_moments(struct translator *t, float *moments)
{
    struct sized *s = &t->now;
    uint32_t slot;
    if (!wait_oldest(t, &slot))
        return false;
    memcpy(moments, program_output(s->program, slot, s->tensors.moments),
           (size_t)tensor_bytes(s->tensors.moments));
    return true;
}
