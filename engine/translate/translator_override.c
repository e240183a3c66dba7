// SPDX-License-Identifier: MIT
//
// What a caller knows better than the file of a model: bare weights record neither the
// direction nor the kind of samples, and images may be read in another way than those
// of training. See translator_inside.h.

#include "translate/translator_inside.h"

#include "base/log.h"
#include "base/mem.h"
#include "settings/choice.h"
#include "settings/range.h"

#include <inttypes.h>
#include <string.h>

static bool refuse_option(const struct translator *t, const char *option,
                          const char *given)
{
    log_error("%s: --%s does not take \"%s\"", t->command, option, given);
    return false;
}

// A range that the caller names in place of the model's: that of one side, or, where
// there is none, that of both. False after a message.
static bool override_range(struct translator *t, bool is_output, const char *own,
                           const char *both)
{
    struct settings *s = &t->settings;
    const enum pixel_kind kind = is_output ? s->output_kind : s->input_kind;
    const struct pixel_range before = is_output ? s->output_range : s->input_range;
    const char *given = own ? own : both;
    const char *option = !own ? "range" : is_output ? "output-range" : "input-range";
    struct pixel_range range = PIXEL_WHOLE;
    char was[RANGE_TEXT_SIZE];
    if (!given)
        return true;
    if (strcmp(given, "full") != 0 && !range_parse(given, &range)) {
        log_error("%s: --%s takes two numbers, LO:HI with LO below HI, or full, not "
                  "\"%s\"",
                  t->command, option, given);
        return false;
    }
    if (is_output && kind == PIXEL_U8 && pixel_range_is_set(range)) {
        if (!own) {    // it may be meant for inputs
            log_info("%s: --range %s has no effect on outputs: it is for u16 and f32, "
                     "and those of this model are u8",
                     t->command, given);
            return true;
        }
        log_error("%s: --%s is for outputs of u16 and f32, and those of this model are "
                  "u8 (--output-kind u16 makes others)",
                  t->command, option);
        return false;
    }
    if (!range_check(kind, range, t->command, option))
        return false;
    if (pixel_range_is_set(before))
        log_info("%s: --%s %s is used for %s in place of %s, which the model was "
                 "trained with",
                 t->command, option, given, is_output ? "outputs" : "inputs",
                 range_text(before, was));
    t->ranges[is_output].option = pixel_range_is_set(range) ? option : NULL;
    return settings_set_side_range(s, is_output, range);
}

// "keep" of a training says that the alpha is a channel, which it is without a word; of
// a translation, that it is carried over.
static bool override_alpha(struct translator *t, const char *given)
{
    struct settings *s = &t->settings;
    const bool is_colorize = s->task.kind == TASK_COLORIZE;    // writes RGB
    const uint32_t channels = is_colorize ? 3 : s->options.output_nc;
    const enum pixel_kind kind = is_colorize ? PIXEL_U8 : s->output_kind;
    const int rule = given ? choice_value(choice_alphas, given)
                     : s->reading.alpha == ALPHA_KEEP ? ALPHA_DROP
                                                      : (int)s->reading.alpha;
    s->options.read.alpha = choice_name(choice_alphas, rule);
    t->carries_alpha = rule == ALPHA_KEEP;
    if (t->carries_alpha && s->task.labels_out) {
        log_error(
            "%s: --alpha keep has no meaning for a model of --task segment: label "
            "maps are opaque",
            t->command);
        return false;
    }
    if (!t->carries_alpha || ((channels == 1 || channels == 3) && kind != PIXEL_F32))
        return true;
    log_error(
        "%s: --alpha keep is for outputs of 1 or 3 channels of u8 or u16, and those "
        "of this model have %" PRIu32 " of %s",
        t->command, channels, kind == PIXEL_KINDS ? "any type" : pixel_kind_name(kind));
    return false;
}

// Label maps are of u8.
static bool override_labels(const struct translator *t,
                            const struct pix_translate_options *o)
{
    const struct task *task = &t->settings.task;
    const char *option = task->labels_in && o->input_kind     ? "input-kind"
                         : task->labels_out && o->output_kind ? "output-kind"
                                                              : NULL;
    if (!option)
        return true;
    log_error(
        "%s: --%s has no meaning for a model of --task segment: label maps are u8",
        t->command, option);
    return false;
}

// Networks that colour get floats, whatever images have: only what is written can be
// chosen.
static bool override_colorize(struct translator *t,
                              const struct pix_translate_options *o)
{
    const char *option = o->input_kind     ? "input-kind"
                         : o->input_range  ? "input-range"
                         : o->output_range ? "output-range"
                         : o->range        ? "range"
                                           : NULL;
    t->written = PIXEL_KINDS;
    if (t->settings.task.kind != TASK_COLORIZE)
        return true;
    if (option) {
        log_error("%s: --%s has no meaning for a model of --task colorize: images are "
                  "u8 or u16, of their whole range",
                  t->command, option);
        return false;
    }
    if (!o->output_kind)
        return true;
    if (pixel_kind_find(o->output_kind, &t->written) && t->written != PIXEL_F32)
        return true;
    log_error("%s: outputs of --task colorize are u8 or u16, not \"%s\"", t->command,
              o->output_kind);
    return false;
}

static bool take_mask(struct translator *t, const char *path, bool is_given)
{
    struct reason reason;
    t->settings.task.hole = HOLE_MASK;
    t->settings.task.mask = &t->mask;
    if (task_read_mask(path, &t->settings.reading, &t->mask, &reason))
        return (t->mask_path = mem_strdup(path)) != NULL;
    if (is_given)
        log_error("%s: --hole takes center, random, or an image that shows it: %s: %s",
                  t->command, path, reason.text);
    else
        log_error(
            "%s: the model was trained with --hole-mask %s, which cannot be used: "
            "%s: put the mask there again (translate --hole takes another one)",
            t->command, path, reason.text);
    return false;
}

// A hole by its name, or else as a file: that of the caller, or of training.
static bool override_hole(struct translator *t, const char *given)
{
    const struct pix_train_options *o = &t->settings.options;
    struct task *task = &t->settings.task;
    int hole;
    if (given && task->kind != TASK_INPAINT) {
        log_error("%s: --hole is for models of --task inpaint, and this is one of "
                  "--task %s",
                  t->command, o->task);
        return false;
    }
    if (task->kind != TASK_INPAINT ||
        (!given && (task->hole != HOLE_MASK || !o->hole_mask)))
        return true;
    if (!given || !choice_find(choice_holes, given, &hole) || hole == HOLE_MASK)
        return take_mask(t, given ? given : o->hole_mask, given);
    task->hole = (enum hole_kind)hole;
    return true;
}

// Whether images are what inputs are made of.
static bool override_make_input(struct translator *t, bool is_asked)
{
    struct task *task = &t->settings.task;
    const bool is_made = task->kind == TASK_EDGES || task->kind == TASK_SUPERRES ||
                         task->kind == TASK_DENOISE;
    task->makes_input = is_asked;
    if (!is_asked || is_made)
        return true;
    if (task_makes_sides(task))
        log_error("%s: --make-input has no effect with a model of --task %s, whose "
                  "inputs are made of images without it: leave it out",
                  t->command, t->settings.options.task);
    else
        log_error("%s: --make-input is for models of --task edges, superres and "
                  "denoise, which are trained on single images; this one was trained "
                  "on pairs, whose inputs are files",
                  t->command);
    return false;
}

// Which side of a pair is which. Images that a task makes pairs of have no sides.
static bool override_direction(struct translator *t, const char *given)
{
    struct settings *s = &t->settings;
    int swap;
    if (!given)
        return true;
    if (!choice_find(choice_directions, given, &swap))
        return refuse_option(t, "direction", given);
    if (swap && task_makes_sides(&s->task)) {
        log_error("%s: --direction %s has no meaning for a model of --task %s, whose "
                  "inputs are made of the images",
                  t->command, given, s->options.task);
        return false;
    }
    s->swap = swap;
    s->options.direction = choice_name(choice_directions, swap);
    return true;
}

bool translator_override(struct translator *t, const struct pix_translate_options *o)
{
    struct settings *s = &t->settings;
    if (!override_colorize(t, o) || !override_labels(t, o))
        return false;
    t->chose_input = o->input_kind != NULL;
    t->chose_output = o->output_kind != NULL;
    if (o->input_kind) {
        if (!pixel_kind_find(o->input_kind, &s->input_kind))
            return refuse_option(t, "input-kind", o->input_kind);
        s->options.input_kind = pixel_kind_name(s->input_kind);
    }
    if (o->output_kind && t->written == PIXEL_KINDS) {
        if (!pixel_kind_find(o->output_kind, &s->output_kind))
            return refuse_option(t, "output-kind", o->output_kind);
        s->options.output_kind = pixel_kind_name(s->output_kind);
    }
    if (!settings_check_reading(&o->read, t->command))
        return false;
    // Names of tables: those of the caller need not stay.
    if (o->read.npy_order)
        s->options.read.npy_order = choice_name(
            choice_npy_orders, choice_value(choice_npy_orders, o->read.npy_order));
    if (o->read.truncated)
        s->options.read.truncated = choice_name(
            choice_truncated, choice_value(choice_truncated, o->read.truncated));
    if (o->read.max_pixels)
        s->options.read.max_pixels = o->read.max_pixels;
    // The first page by the run's options is that of its images: nobody asked for the
    // first one of these.
    if (o->read.page || s->options.read.page == 1)
        s->options.read.page = o->read.page;
    s->options.read.no_orient |= o->read.no_orient;
    if (!override_alpha(t, o->read.alpha))
        return false;
    s->reading = settings_parse_reading(&s->options.read);
    return override_direction(t, o->direction) && override_hole(t, o->hole) &&
           override_make_input(t, o->make_input) &&
           override_range(t, false, o->input_range, o->range) &&
           override_range(t, true, o->output_range, o->range);
}
