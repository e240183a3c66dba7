// SPDX-License-Identifier: MIT
//
// Images that are made ready for a translator's networks, and what is made of their
// outputs. See translator.h.

#include "translate/translator_inside.h"

#include "base/file.h"
#include "base/hash.h"
#include "base/log.h"
#include "data/alpha.h"
#include "data/no_data.h"
#include "data/picture_file.h"

#include <string.h>

// Says what the samples mean, and looks at them.
static void note_values(const struct translator *t, struct picture *p,
                        struct translator_notes *notes)
{
    picture_set_range(p, t->settings.input_range);
    if (pixel_range_is_set(p->range)) {
        notes->samples = (uint64_t)p->channels * p->width * p->height;
        notes->outside = picture_count_outside(p);
        if (p->has_no_data &&
            (p->no_data < (double)p->range.low || p->no_data > (double)p->range.high))
            notes->outside -= no_data_count(p, p->no_data);
    } else {
        notes->exceeds = picture_exceeds_range(p);
    }
}

bool translator_convert(const struct translator *t, struct picture *picture,
                        struct translator_notes *notes)
{
    const enum pixel_kind wanted = t->settings.input_kind;
    struct reason reason;
    const uint32_t channels = t->settings.options.input_nc;
    notes->is_narrow = picture->is_narrow;
    notes->is_transparent = picture->is_transparent && !t->carries_alpha &&
                            (task_is_set(&t->settings.task) || !alpha_is_in(picture) ||
                             picture->channels != channels);
    const struct picture was = *picture;
    if (!picture_set_channels(picture, t->settings.options.input_nc, &reason)) {
        log_error("%s: the image %s", t->command, reason.text);
        return false;
    }
    picture->has_no_data = was.has_no_data;    // equal channels stay equal
    picture->no_data = was.no_data;
    notes->kind = picture->kind;
    note_values(t, picture, notes);
    return wanted == PIXEL_KINDS ||
           picture_set_kind(picture, wanted, t->settings.input_range);
}

struct translator_form translator_form_of(const struct translator *t,
                                          enum pixel_kind kind, uint32_t width,
                                          uint32_t height, enum pixel_kind output)
{
    const enum pixel_kind known = t->settings.output_kind;
    const enum pixel_kind wanted = t->settings.input_kind;
    const enum pixel_kind in = wanted != PIXEL_KINDS ? wanted : kind;
    const enum pixel_kind out = known != PIXEL_KINDS    ? known
                                : output != PIXEL_KINDS ? output
                                                        : kind;
    return (struct translator_form){
        .width = width,
        .height = height,
        .staging = { .input = in,
                     .output = out,
                     .input_range = pixel_range_for(in, t->settings.input_range),
                     .output_range = pixel_range_for(out, t->settings.output_range) },
    };
}

// Whether it may be a pair A|B, of which only the input half is to be translated.
static bool looks_like_pair(const struct translator *t, const struct frame *f)
{
    const struct pix_size model = t->settings.options.crop_size;
    const bool was_meant = t->chose_scaling && size_equals(f->inner, f->image);
    // A panorama that wraps is no pair.
    return !was_meant && !t->rule.wraps_across &&
           f->image.width == 2 * f->image.height && model.width < 2 * model.height;
}

uint64_t translator_pixel_bytes(const struct translator *t)
{
    const struct pix_train_options *o = &t->settings.options;
    return (uint64_t)MAX(o->input_nc, o->output_nc) * sizeof(float);
}

bool translator_prepare(const struct translator *t, const struct frame_rule *rule,
                        struct picture *picture, enum pixel_kind output,
                        struct translator_form *form, struct frame *frame,
                        struct translator_notes *notes)
{
    *notes = (struct translator_notes){ 0 };
    if (!picture->samples || !picture->width || !picture->height) {
        log_error("%s: the image is empty", t->command);
        return false;
    }
    *frame = frame_of(rule, picture_size(picture));
    notes->is_pair = looks_like_pair(t, frame);
    if (!frame_check(rule, frame, translator_pixel_bytes(t), t->command) ||
        !translator_convert(t, picture, notes) || !frame_place(rule, frame, picture))
        return false;
    *form = translator_form_of(t, notes->kind, picture->width, picture->height, output);
    return true;
}

void translator_rest_free(struct translator_rest *rest)
{
    picture_free(&rest->no_data);
    picture_free(&rest->alpha);
    task_rest_free(&rest->task);
}

// Whether the model's task makes something else of images, or needs them later.
static bool has_task(const struct translator *t)
{
    return task_is_set(&t->settings.task) || task_enlarges(&t->settings.task);
}

// Of memory there was a message.
static bool check_task(const struct translator *t, bool ok, const struct reason *reason)
{
    if (!ok && reason->kind != REASON_PASSING)
        log_error("%s: the image %s", t->command, reason->text);
    return ok;
}

// What was noted of its file stays with an image.
bool translator_take_image(const struct translator *t, struct picture *image)
{
    const struct task *task = &t->settings.task;
    const struct picture was = *image;
    struct reason reason;
    if (!task_makes_sides(task))
        return true;
    image->tags = NULL;    // those of `was`, whatever becomes of the samples
    const bool ok =
        picture_set_channels(image, settings_channels(&t->settings).image, &reason) &&
        task_takes(task, image->kind, &reason);
    picture_set_range(image, task_image_range(task, t->settings.input_range));
    picture_take_notes(image, &was);
    return check_task(t, ok, &reason);
}

// Of random holes and noise: by the name of the image's file.
static uint64_t seed_of(const struct translator *t, const char *name)
{
    const uint32_t seeds[] = { t->step.seed_low, t->step.seed_high };
    return hash_bytes(hash_text(HASH_START, name ? name : ""), seeds, sizeof(seeds));
}

bool translator_take_rows(const struct translator *t, const char *name,
                          struct pix_size size, uint32_t y, struct picture *rows,
                          struct task_rest *rest)
{
    const struct picture was = *rows;
    struct reason reason;
    *rest = (struct task_rest){ 0 };
    if (!has_task(t))
        return true;
    rows->tags = NULL;
    const bool ok = task_take_rows(&t->settings.task, seed_of(t, name), size, y, rows,
                                   rest, &reason);
    picture_take_notes(rows, &was);
    if (t->written != PIXEL_KINDS)
        rest->kind = t->written;
    return check_task(t, ok, &reason);
}

// What was noted of its file stays with an image.
static bool make_input(const struct translator *t, const char *name,
                       struct picture *image)
{
    const struct task *task = &t->settings.task;
    const struct picture was = *image;
    image->tags = NULL;
    const bool ok = task->makes_input ? task_make_input(task, seed_of(t, name), image)
                                      : task_enlarge(task, image);
    picture_take_notes(image, &was);
    return ok;
}

static bool take_task(const struct translator *t, const char *name,
                      struct picture *image, struct task_rest *rest)
{
    return translator_take_image(t, image) && make_input(t, name, image) &&
           translator_take_rows(t, name, picture_size(image), 0, image, rest);
}

bool translator_take_no_data(const struct picture *image, struct picture *mask)
{
    double number;
    return !picture_tags_no_data(image->tags, image->kind, &number) ||
           no_data_find(image, number, mask);
}

bool translator_put_no_data(const struct picture *no_data, struct picture *out,
                            uint64_t *moved)
{
    double number;
    *moved = 0;
    // The colours of classes stay as they are.
    return out->palette || !picture_tags_no_data(out->tags, out->kind, &number) ||
           no_data_put(no_data, number, out, moved);
}

bool translator_take_rest(const struct translator *t, const char *name,
                          struct picture *image, struct translator_rest *rest)
{
    *rest = (struct translator_rest){ 0 };
    if (translator_take_no_data(image, &rest->no_data) &&
        (!t->carries_alpha || alpha_take(image, &rest->alpha)) &&
        take_task(t, name, image, &rest->task))
        return true;
    translator_rest_free(rest);
    return false;
}

bool translator_put_task(const struct translator *t, const struct task_rest *rest,
                         struct picture *out)
{
    const struct picture was = *out;
    out->tags = NULL;
    const bool ok = task_finish(&t->settings.task, rest, out);
    picture_take_notes(out, &was);
    return ok;
}

bool translator_put_alpha(const struct translator *t, const struct picture *alpha,
                          struct picture *out)
{
    if (!alpha->samples)
        return true;
    // Where nobody says what outputs are, each is as its input.
    if (out->kind == PIXEL_F32) {
        log_error("%s: --alpha keep is for outputs of u8 and u16, not f32", t->command);
        return false;
    }
    return alpha_put(out, alpha, t->rule.output_filter);
}

void translator_describe_written(const struct translator *t, enum pixel_kind input,
                                 enum pixel_kind *kind, uint32_t *channels)
{
    *kind = settings_staging(&t->settings).output;
    *channels = t->settings.options.output_nc;
    task_describe_output(&t->settings.task,
                         t->written != PIXEL_KINDS ? t->written
                         : input == PIXEL_KINDS    ? PIXEL_U8
                                                   : input,
                         kind, channels);
}

bool translator_create_output(const struct translator *t,
                              const struct translator_form *form, struct picture *out)
{
    if (!picture_create(out, form->staging.output, t->settings.options.output_nc,
                        form->width, form->height))
        return false;
    picture_set_range(out, form->staging.output_range);
    return true;
}

bool translator_create_input(const struct translator *t,
                             const struct translator_form *form, struct picture *in)
{
    return picture_create(in, form->staging.input, t->settings.options.input_nc,
                          form->width, form->height);
}

void translator_describe_output(const struct translator *t,
                                const struct translator_form *form, struct picture *out)
{
    out->kind = form->staging.output;
    out->channels = t->settings.options.output_nc;
    picture_set_range(out, form->staging.output_range);
}

void translator_describe_image(const struct translator *t, enum pixel_kind input,
                               enum pixel_kind output, struct picture *out)
{
    const struct task *task = &t->settings.task;
    const enum pixel_kind written = output != PIXEL_KINDS       ? output
                                    : t->written != PIXEL_KINDS ? t->written
                                                                : input;
    task_describe_output(task, written, &out->kind, &out->channels);
    picture_set_range(out, task_image_range(task, out->range));
    out->palette = task->labels_out ? task->palette : NULL;
}

// The input's format is kept where it can hold the kind and channels of the targets
// that the model was trained on. Where the kind is not known it follows from the
// format, and every format that holds another one holds u8.
const char *translator_extension(const struct translator *t, const char *path)
{
    const char *extension = file_extension(path);
    enum pixel_kind kind;
    uint32_t channels;
    // A JPEG has colours that no class has.
    if (t->settings.task.labels_out && picture_has_jpeg_extension(path))
        return ".png";
    translator_describe_written(t, PIXEL_KINDS, &kind, &channels);
    if (picture_can_be_written(path, kind, channels))
        return extension;
    // A stem, since ".png" alone would be a hidden file without an extension.
    return picture_can_be_written(".x.png", kind, channels) ? ".png" : ".npy";
}

void translator_warn_of_pair(struct translator *t)
{
    if (!t->has_warned)
        log_warn("%s: an image is twice as wide as it is high: if it is a pair A|B, "
                 "pass only the input half (evaluate takes pairs)",
                 t->command);
    t->has_warned = true;
}

void translator_tell_scaling(struct translator *t)
{
    if (!t->chose_scaling && !t->has_told_scaling) {
        const struct pix_train_options *o = &t->settings.options;
        const bool by_task = task_is_of_pixels(&t->settings.task);
        frame_tell_rule(&t->rule, by_task ? "task" : "preprocess",
                        by_task ? o->task : o->preprocess, t->command);
    }
    t->has_told_scaling = true;
}

// Says once for each kind that single images are converted, and once that some are
// clipped, and that samples are outside the range.
void translator_tell_of_conversion(struct translator *t,
                                   const struct translator_notes *notes,
                                   enum pixel_kind used)
{
    struct conversions one = { 0 };
    conversion_count(&one, notes->kind, used, notes->exceeds);
    conversion_leave_out(&one, &t->told);
    conversion_report(&one, t->command, "input", used,
                      translator_kind_reason(t, false));
    one.samples = notes->samples;
    one.outside = t->told.outside ? 0 : notes->outside;
    conversion_report_outside(&one, t->command, "input", t->settings.input_range,
                              CONVERSION_CLAMPED);
    t->told.from[notes->kind] |= one.from[notes->kind];
    t->told.clipped |= one.clipped;
    t->told.outside |= one.outside;
}

void translator_note_ranges(struct translator *t, bool input, bool output)
{
    const bool has_range[2] = { input, output };
    for (int side = 0; side < 2; side++) {
        t->ranges[side].is_seen = true;
        t->ranges[side].is_used |= has_range[side];
    }
}

void translator_warn_of_ranges(struct translator *t)
{
    const struct pix_train_options *o = &t->settings.options;
    for (int side = 0; side < 2; side++) {
        const char *option = t->ranges[side].option;
        if (!option || !t->ranges[side].is_seen || t->ranges[side].is_used ||
            t->ranges[side].was_told)
            continue;
        // --range may be meant for the other side.
        const bool is_meant = strcmp(option, "range") != 0 || !t->ranges[!side].is_used;
        log_message(is_meant ? LOG_WARN : LOG_INFO,
                    "%s: --%s %s has no effect on %s: it is for u16 and f32, and they "
                    "are u8, 0 to 255",
                    t->command, option, side ? o->output_range : o->input_range,
                    side ? "outputs" : "inputs");
        t->ranges[side].was_told = true;
    }
}

void translator_report_strange(const struct translator *t, uint64_t pixels,
                               uint64_t strange, const char *first)
{
    if (strange > 0)
        log_warn("%s: %.3g %% of the pixels of the inputs have a colour that the "
                 "palette of the model does not have (first: %s), and count as the "
                 "nearest that it has: label maps are PNG, not JPEG",
                 t->command, 100.0 * (double)strange / (double)pixels, first);
}

void translator_tell_of_strange(struct translator *t, uint64_t pixels, uint64_t strange)
{
    if (!t->has_told_strange)
        translator_report_strange(t, pixels, strange, "in memory");
    t->has_told_strange |= strange > 0;
}

// Says once what became of the alpha of a single image.
static void tell_of_alpha(struct translator *t, const struct translator_notes *notes)
{
    if (notes->is_transparent && !t->has_told_alpha)
        alpha_report(t->settings.reading.alpha, t->command, 1, 1, "input", "in memory");
    t->has_told_alpha |= notes->is_transparent;
}

// Says once that single images are resized.
static void tell_of_size(struct translator *t, const struct frame *frame)
{
    struct frame_tally one = { 0 };
    frame_tally_add(&one, frame);
    if (one.images && !t->has_told_size) {
        frame_tally_report(&one, &t->rule, "images", t->command);
        t->has_told_size = true;
    }
}

bool translator_run(struct translator *t, struct picture *in, struct picture *out)
{
    struct translator_form form;
    struct translator_notes notes;
    struct frame frame;
    const struct picture *const prepared = in;
    struct translator_rest rest = { 0 };
    struct picture_tags *tags = NULL;    // from the input to the output
    uint64_t moved;
    *out = (struct picture){ 0 };
    translator_tell_scaling(t);
    bool ok = alpha_apply(in, t->settings.reading.alpha) &&
              translator_take_rest(t, NULL, in, &rest);
    tags = in->tags;
    in->tags = NULL;
    ok = ok && translator_prepare(t, &t->rule, in, PIXEL_KINDS, &form, &frame, &notes);
    if (ok && notes.is_pair)
        translator_warn_of_pair(t);
    if (ok)
        translator_tell_of_conversion(t, &notes, form.staging.input);
    ok = ok && translator_create_output(t, &form, out) &&
         translator_submit(t, &prepared, 1, &form) && translator_wait(t, out) &&
         frame_cut(&t->rule, &frame, out) && translator_put_task(t, &rest.task, out) &&
         translator_put_alpha(t, &rest.alpha, out);
    if (ok) {
        out->tags = tags;
        tags = NULL;
        ok = translator_put_no_data(&rest.no_data, out, &moved);
    }
    if (ok) {
        tell_of_size(t, &frame);
        tell_of_alpha(t, &notes);
        translator_tell_of_strange(t, rest.task.pixels, rest.task.strange);
        translator_note_ranges(t, notes.samples > 0,
                               pixel_range_is_set(form.staging.output_range));
        translator_warn_of_ranges(t);
    }
    translator_rest_free(&rest);
    if (!ok)
        picture_free(out);
    picture_tags_free(tags);
    picture_free(in);
    return ok;
}

bool translator_plan(struct translator *t, uint32_t width, uint32_t height,
                     struct pix_plan *out)
{
    struct pix_size size =
        task_input_size(&t->settings.task, (struct pix_size){ width, height });
    if (size_is_zero(size))
        size = t->settings.options.crop_size;
    const struct frame frame = frame_of(&t->rule, size);
    translator_tell_scaling(t);
    if (!frame_check(&t->rule, &frame, translator_pixel_bytes(t), t->command))
        return false;
    const struct translator_form form = { frame.run.width, frame.run.height,
                                          settings_staging(&t->settings) };
    return translator_plan_form(t, &form, out);
}
