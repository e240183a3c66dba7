// SPDX-License-Identifier: MIT
//
// The rules that training options must keep. See rules.h.

#include "settings/rules.h"

#include "base/log.h"
#include "data/class_planes.h"
#include "data/colour.h"
#include "data/size.h"
#include "settings/choice.h"
#include "settings/options.h"
#include "settings/settings.h"
#include "settings/table.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

// The U-Net and the encoder-decoder need an outermost and an innermost level.
#define LEVELS_MIN 2

// The PyTorch port resizes to 286 and crops to 256 (--load_size, --crop_size); other
// crops keep the ratio.
#define LOAD_NUMERATOR 286
#define LOAD_DENOMINATOR 256

// ---------------------------------------------------------------------------
// Networks

// Writes which sizes near `size` have sides that are multiples of `multiple`.
static void sizes_that_fit(struct pix_size size, uint32_t multiple, char *text,
                           size_t capacity)
{
    // Of the two neighbours either may be no size: 0, or more than the largest crop.
    const struct pix_size below = { MAX(size.width / multiple, 1u) * multiple,
                                    MAX(size.height / multiple, 1u) * multiple };
    const struct pix_size above = { ALIGN_UP(size.width, multiple),
                                    ALIGN_UP(size.height, multiple) };
    char first[SIZE_TEXT_SIZE], second[SIZE_TEXT_SIZE];
    size_text(below, first);
    if (size_equals(above, below) || MAX(above.width, above.height) > TABLE_CROP_MAX)
        snprintf(text, capacity, "%s", first);
    else
        snprintf(text, capacity, "%s or %s", first, size_text(above, second));
}

bool settings_check_levels(const struct settings *s)
{
    const struct pix_train_options *o = &s->options;
    const uint32_t levels = s->generator.levels;
    char fit[64], crop[SIZE_TEXT_SIZE];
    if (o->depth != 0 && o->depth != levels) {
        log_error(
            "options: --depth %u conflicts with --net-g %s, which has %u levels: leave "
            "--depth out or use --net-g unet",
            (unsigned)o->depth, o->net_g, (unsigned)levels);
        return false;
    }
    // Before the shift by `levels`: a caller need not have checked the table's range.
    if (levels < LEVELS_MIN || levels > TABLE_LEVELS_MAX) {
        log_error("options: --depth %u is out of range: use %u to %u, or 0 for as many "
                  "levels as fit",
                  (unsigned)levels, LEVELS_MIN, TABLE_LEVELS_MAX);
        return false;
    }
    if (size_is_zero(o->crop_size) ||
        (o->crop_size.width | o->crop_size.height) % (1u << levels) != 0) {
        sizes_that_fit(o->crop_size, 1u << levels, fit, sizeof(fit));
        log_error(
            "options: --crop-size %s does not fit --net-g %s with %u levels, which "
            "needs %s of %u: use %s",
            size_text(o->crop_size, crop), o->net_g, (unsigned)levels,
            o->crop_size.width == o->crop_size.height ? "a multiple" : "multiples",
            1u << levels, fit);
        return false;
    }
    return true;
}

static bool check_discriminator(const struct settings *s)
{
    const struct discriminator_options d = s->discriminator;
    const struct pix_size size = s->options.crop_size;
    const uint32_t crop = MIN(size.width, size.height);
    if (!settings_has_discriminator(s))
        return true;
    if (s->gan == GAN_WGANGP && d.norm != MODEL_NORM_NONE) {
        log_error(
            "options: --norm-d %s conflicts with --gan-mode wgangp: its gradient "
            "penalty is taken for each sample alone, through a network without norms "
            "(Gulrajani et al. 2017, section 4): use --norm-d none or auto",
            choice_name(choice_norms, d.norm));
        return false;
    }
    if (s->gan == GAN_WGANGP && s->precision == PRECISION_F16) {
        log_error("options: --precision f16 conflicts with --gan-mode wgangp: a scaled "
                  "gradient penalty does not fit into 16 bits: use bf16 or f32");
        return false;
    }
    if (discriminator_output_side(&d, crop) > 0)
        return true;
    // The message proposes the nearest crop and the nearest depth that fit. Both loops
    // end: a larger input leaves a larger map, and one layer fits the smallest crop of
    // the table.
    uint32_t side = crop;
    struct discriminator_options fewer = d;
    while (discriminator_output_side(&d, side) == 0)
        side++;
    while (fewer.layers > 1 && discriminator_output_side(&fewer, crop) == 0)
        fewer.layers--;
    const struct pix_size larger = { MAX(size.width, side), MAX(size.height, side) };
    char text[SIZE_TEXT_SIZE], larger_text[SIZE_TEXT_SIZE];
    log_error("options: a discriminator of %u layer%s does not fit --crop-size %s: use "
              "--net-d n_layers --n-layers-d %u, or --crop-size %s or more",
              (unsigned)d.layers, PLURAL(d.layers), size_text(size, text),
              (unsigned)fewer.layers, size_text(larger, larger_text));
    return false;
}

// ---------------------------------------------------------------------------
// The whole

static bool check_losses(const struct settings *s)
{
    const struct pix_train_options *o = &s->options;
    const bool has_ce = s->task.labels_out && o->lambda_ce > 0;
    if (!settings_has_discriminator(s) && o->lambda_l1 == 0 && !has_ce) {
        log_error(
            "options: --gan-mode none and --lambda-l1 0 leave nothing to learn from: "
            "use at least one of the two losses");
        return false;
    }
    if (s->reuse && o->accumulate > 1) {
        log_error(
            "options: --update-order reuse needs D's activations until G's update, "
            "which --accumulate %u discards: use --update-order fresh or --batch-size "
            "%u",
            (unsigned)o->accumulate, (unsigned)settings_images_per_step(s));
        return false;
    }
    if ((uint64_t)o->batch_size * o->accumulate > 65536) {
        log_error(
            "options: --batch-size %u times --accumulate %u is more than the 65536 "
            "images that a step may have",
            (unsigned)o->batch_size, (unsigned)o->accumulate);
        return false;
    }
    return true;
}

// To the nearest pixel. The product of the largest crop needs 23 bits.
static uint32_t load_side(uint32_t crop)
{
    return (crop * LOAD_NUMERATOR + LOAD_DENOMINATOR / 2) / LOAD_DENOMINATOR;
}

static bool has_load_size(const struct settings *s)
{
    return s->preprocess != FIT_CROP && s->preprocess != FIT_WHOLE;
}

static struct pix_size square(uint32_t side)
{
    return (struct pix_size){ side, side };
}

// Where only the width is scaled to, it is the side of a square.
static struct pix_size resolved_load_size(const struct settings *s)
{
    const struct pix_size load = s->options.load_size, crop = s->options.crop_size;
    if (!has_load_size(s))
        return crop;
    if (!size_is_zero(load))
        return load;
    if (s->preprocess == FIT_WIDTH)
        return square(crop.width);
    if (s->preprocess == FIT_WIDTH_CROP)
        return square(load_side(crop.width));
    return (struct pix_size){ load_side(crop.width), load_side(crop.height) };
}

static bool check_load_width(const struct settings *s)
{
    const struct pix_size load = resolved_load_size(s), crop = s->options.crop_size;
    char text[SIZE_TEXT_SIZE];
    if (load.width != load.height)
        log_error("options: --preprocess %s scales images to a width, and their height "
                  "follows: use --load-size %u, not %s",
                  s->options.preprocess, (unsigned)load.width, size_text(load, text));
    else if (s->preprocess == FIT_WIDTH && load.width != crop.width)
        log_error(
            "options: --preprocess scale_width does not crop: --load-size %u must "
            "be the width of --crop-size, which is %s, or use "
            "scale_width_and_crop",
            (unsigned)load.width, size_text(crop, text));
    else if (load.width < crop.width)
        log_error("options: --load-size %u is less than the width of --crop-size %s: a "
                  "crop is cut from the scaled image, so use %u or more",
                  (unsigned)load.width, size_text(crop, text), (unsigned)crop.width);
    else
        return true;
    return false;
}

static bool check_load_size(const struct settings *s)
{
    const struct pix_size load = resolved_load_size(s), crop = s->options.crop_size;
    const struct pix_size fit = { MAX(load.width, crop.width),
                                  MAX(load.height, crop.height) };
    char texts[3][SIZE_TEXT_SIZE];
    if (s->preprocess == FIT_WIDTH || s->preprocess == FIT_WIDTH_CROP)
        return check_load_width(s);
    if (size_equals(load, fit))
        return true;
    log_error("options: --load-size %s is smaller than --crop-size %s: a crop is cut "
              "from the resized image, so use %s or more",
              size_text(load, texts[0]), size_text(crop, texts[1]),
              size_text(fit, texts[2]));
    return false;
}

static bool has_alpha(uint32_t channels)
{
    return channels == 2 || channels == 4;
}

static bool check_alpha(const struct settings *s)
{
    const struct pix_train_options *o = &s->options;
    // A task takes images with the channels of its targets, but for colours.
    const bool is_image = task_makes_sides(&s->task);
    const uint32_t channels = is_image ? settings_channels(s).image : o->input_nc;
    const char *side = is_image ? "output" : "input";
    if (s->reading.alpha != ALPHA_KEEP || has_alpha(channels))
        return true;
    if (s->task.kind == TASK_COLORIZE) {
        log_error(
            "options: --task colorize takes no --alpha keep: colours are those of "
            "red, green and blue; use --alpha white, black or checker");
        return false;
    }
    log_error(
        "options: --alpha keep needs a channel for the alpha, and --%s-nc %u has none: "
        "use --%s-nc 2 (grey and alpha) or 4, or --alpha white, black or checker",
        side, (unsigned)channels, side);
    return false;
}

// As resolved they are those that follow.
static bool check_task_ranges(const struct settings *s)
{
    const struct pix_train_options *o = &s->options;
    const bool is_colorize = s->task.kind == TASK_COLORIZE;
    const char *output = is_colorize       ? COLOUR_CHROMA_TEXT
                         : o->output_range ? o->output_range
                                           : o->range;
    const char *input = is_colorize ? COLOUR_LIGHTNESS_TEXT : output;
    const char *option = NULL;
    if (o->input_range && strcmp(o->input_range, input) != 0)
        option = "input-range";
    else if (is_colorize && o->output_range && strcmp(o->output_range, output) != 0)
        option = "output-range";
    else if (is_colorize && strcmp(o->range, "full") != 0)
        option = "range";
    if (!option)
        return true;
    log_error("options: --task %s takes no --%s: %s", o->task, option,
              is_colorize ? "lightness and colours have ranges of their own"
                          : "both sides are of one image, whose range is --range");
    return false;
}

// Kinds that follow from the images; as resolved they are the same.
static bool check_task_kinds(const struct settings *s)
{
    const struct pix_train_options *o = &s->options;
    const bool is_colorize = s->task.kind == TASK_COLORIZE;
    const struct {
        const char *option, *given;
        enum pixel_kind kind;
    } sides[] = {
        { "input-kind", o->input_kind, s->input_kind },
        { "output-kind", is_colorize ? o->output_kind : "auto", s->output_kind },
    };
    for (size_t i = 0; i < ARRAY_LEN(sides); i++) {
        const enum pixel_kind kind = sides[i].kind;
        if (strcmp(sides[i].given, "auto") == 0 ||
            (kind != PIXEL_KINDS && strcmp(sides[i].given, pixel_kind_name(kind)) == 0))
            continue;
        log_error("options: --task %s takes no --%s %s: %s", o->task, sides[i].option,
                  sides[i].given,
                  is_colorize ? "lightness and colours are f32"
                              : "inputs are made of the images, and --output-kind "
                                "says which are used");
        return false;
    }
    return true;
}

// `classes`: 0 where they are not known yet.
static bool check_label_side(const struct settings *s, bool is_output, uint32_t classes)
{
    const struct pix_train_options *o = &s->options;
    const char *side = is_output ? "output" : "input";
    const char *kind = is_output ? o->output_kind : o->input_kind;
    const uint32_t given = is_output ? o->output_nc : o->input_nc;
    struct pix_train_options usual;
    options_init(&usual);
    if (strcmp(kind, "auto") != 0 && strcmp(kind, "u8") != 0) {
        log_error("options: --%s-kind %s: label maps are u8: leave it out", side, kind);
        return false;
    }
    if (classes > 0 && given != classes && given != usual.input_nc) {
        log_error("options: --%s-nc %u: label maps have a channel for each of the %u "
                  "classes of --palette: leave it out",
                  side, (unsigned)given, (unsigned)classes);
        return false;
    }
    return true;
}

bool settings_check_palette(const struct settings *s, const struct palette *palette,
                            const char *name)
{
    const uint32_t classes = palette->count;
    if (classes < CLASSES_MIN || classes > CLASSES_MAX) {
        log_error(
            "options: --palette %s has %u colour%s: a network has %d to %d classes",
            name, (unsigned)classes, PLURAL(classes), CLASSES_MIN, CLASSES_MAX);
        return false;
    }
    return (!s->task.labels_in || check_label_side(s, false, classes)) &&
           (!s->task.labels_out || check_label_side(s, true, classes));
}

static bool check_segment(const struct settings *s)
{
    const struct pix_train_options *o = &s->options;
    if (!o->palette || !*o->palette) {
        log_error("options: --task segment needs the colours of the classes: name a "
                  "file of them with --palette, or --palette auto");
        return false;
    }
    if (!settings_finds_palette(s))
        return settings_check_palette(s, &s->palette, "of the run");
    return (!s->task.labels_in || check_label_side(s, false, 0)) &&
           (!s->task.labels_out || check_label_side(s, true, 0));
}

static bool check_task(const struct settings *s)
{
    const struct pix_train_options *o = &s->options;
    const struct task_channels c = settings_channels(s);
    struct pix_train_options usual;
    if (s->task.kind == TASK_SEGMENT)
        return check_segment(s);
    if (!task_is_set(&s->task))
        return true;
    if (s->task.kind == TASK_SUPERRES && s->task.factor == 1) {
        log_error("options: --factor 1 leaves --task superres nothing to do: use 2 to "
                  "%u",
                  TASK_FACTOR_MAX);
        return false;
    }
    if (s->task.kind == TASK_DENOISE && s->task.sigma == 0) {
        log_error("options: --sigma 0 leaves --task denoise nothing to do: images have "
                  "no noise");
        return false;
    }
    options_init(&usual);
    if ((o->input_nc != c.input && o->input_nc != usual.input_nc) ||
        (o->output_nc != c.target && o->output_nc != usual.output_nc)) {
        log_error("options: --task %s has inputs of %u and outputs of %u channels, not "
                  "%u and %u: leave out --input-nc%s",
                  o->task, (unsigned)c.input, (unsigned)c.target, (unsigned)o->input_nc,
                  (unsigned)o->output_nc,
                  s->task.kind == TASK_COLORIZE ? " and --output-nc" : "");
        return false;
    }
    if (!check_task_ranges(s) || !check_task_kinds(s))
        return false;
    if (s->task.kind == TASK_INPAINT && s->task.hole == HOLE_MASK &&
        (!o->hole_mask || !*o->hole_mask)) {
        log_error("options: --hole mask needs --hole-mask: name an image that is white "
                  "in the hole");
        return false;
    }
    if (c.input > PIXEL_MAX_CHANNELS) {
        log_error("options: --task %s needs one channel more than --output-nc %u, and "
                  "%u are the most",
                  o->task, (unsigned)o->output_nc, PIXEL_MAX_CHANNELS);
        return false;
    }
    if (s->swap) {
        log_error("options: --task %s makes inputs of the images, so --direction BtoA "
                  "has no meaning: leave it out",
                  o->task);
        return false;
    }
    return true;
}

// What is made of an image holds for its pixels as they are: scaled noise is weaker
// than --sigma, and an image of other brightness is not what is restored. Lightness is
// part of the photograph.
static bool check_augment(const struct settings *s)
{
    const struct pix_train_options *o = &s->options;
    const char *option = o->scale_jitter > 0    ? "scale-jitter"
                         : o->aspect_jitter > 0 ? "aspect-jitter"
                         : o->brightness > 0    ? "brightness"
                         : o->contrast > 0      ? "contrast"
                         : o->noise > 0         ? "noise"
                                                : NULL;
    const bool touches = o->brightness > 0 || o->contrast > 0 || o->noise > 0;
    if (touches && s->task.labels_in) {
        log_error("options: --labels %s takes no --brightness, --contrast and --noise: "
                  "inputs are classes",
                  o->labels);
        return false;
    }
    if (!option || !task_makes_sides(&s->task) || s->task.kind == TASK_COLORIZE)
        return true;
    log_error("options: --task %s takes no --%s, which would change inputs after they "
              "were made of images: leave it out; --rotate and --flip-vertical can be "
              "used%s",
              o->task, option,
              s->task.kind == TASK_DENOISE && o->noise > 0 ? ", and --sigma for noise"
                                                           : "");
    return false;
}

static bool check_paths(const struct pix_train_options *o)
{
    if (!o->out || !*o->out) {
        log_error("options: --out is missing: name the folder that the run writes to");
        return false;
    }
    if (o->data && o->pairs) {
        log_error("options: --data %s and --pairs %s are both given: images come from "
                  "one of them, leave the other out",
                  o->data, o->pairs);
        return false;
    }
    if (!o->pairs && (!o->data || !*o->data)) {
        log_error("options: --data is missing: name the folder that holds train/, or "
                  "a list of images with --pairs");
        return false;
    }
    return true;
}

static bool check_metrics(const struct pix_train_options *o)
{
    uint32_t metrics;
    const char *unknown;
    char names[128];
    if (settings_find_metrics(o->val_metrics, &metrics, &unknown))
        return true;
    log_error(
        "options: --val-metrics has \"%.*s\": choose from %s, with commas between "
        "them",
        (int)strcspn(unknown, ","), unknown,
        choice_list(choice_metrics, names, sizeof(names)));
    return false;
}

// Reads the texts of s->options as soon as each is known to be one of its choices:
// settings_parse takes that for granted. Only the first broken rule is reported, so
// single values come before what depends on several.
static bool check(struct settings *s, bool need_paths)
{
    const struct pix_train_options *o = &s->options;
    if (!options_check_values(o) || (need_paths && !check_paths(o)))
        return false;
    settings_parse(s);
    if (!check_metrics(o) || !check_alpha(s) || !check_task(s) || !check_augment(s) ||
        !settings_check_levels(s) || !check_discriminator(s) || !check_losses(s) ||
        !check_load_size(s))
        return false;
    if (o->n_epochs == 0 && o->n_epochs_decay == 0) {
        log_error(
            "options: --n-epochs and --n-epochs-decay are both 0: nothing would be "
            "trained");
        return false;
    }
    return true;
}

bool options_check(const struct pix_train_options *o, bool need_paths)
{
    // With borrowed texts, so that there is nothing to finish.
    struct settings s = { .options = *o };
    return check(&s, need_paths);
}

bool settings_resolve(struct settings *s)
{
    // Numbers and literals are filled in, so no text needs an owner. The warnings
    // compare an option with what replaces it: resolving twice warns once.
    struct pix_train_options *o = &s->options;
    if (!check(s, false))
        return false;
    const struct pix_size load_size = resolved_load_size(s);
    char load[SIZE_TEXT_SIZE];
    if (!size_is_zero(o->load_size) && !size_equals(o->load_size, load_size))
        log_warn("options: --preprocess %s does not resize images: --load-size %s is "
                 "ignored",
                 o->preprocess, size_text(o->load_size, load));
    o->load_size = load_size;
    // The two halvings of a ResNet are no --depth that a user could change.
    if (s->generator.kind != GENERATOR_RESNET)
        o->depth = s->generator.levels;
    if (o->n_layers_d != s->discriminator.layers)
        log_warn(
            "options: --net-d %s has a fixed depth: --n-layers-d %u is ignored, use it "
            "with --net-d n_layers",
            o->net_d, (unsigned)o->n_layers_d);
    o->n_layers_d = s->discriminator.layers;
    if (s->task.kind == TASK_SUPERRES || s->task.factor == 1)
        o->factor = s->task.kind == TASK_SUPERRES ? s->task.factor : 0;
    if (!settings_finds_palette(s)) {
        const struct task_channels channels = settings_channels(s);
        o->input_nc = channels.input;
        o->output_nc = channels.target;
    }
    if (s->task.labels_in)
        o->input_kind = pixel_kind_name(PIXEL_U8);
    if (s->task.labels_out)
        o->output_kind = pixel_kind_name(PIXEL_U8);
    if (s->task.kind == TASK_COLORIZE) {
        o->input_kind = pixel_kind_name(s->input_kind);
        o->output_kind = pixel_kind_name(s->output_kind);
        o->input_range = COLOUR_LIGHTNESS_TEXT;
        o->output_range = COLOUR_CHROMA_TEXT;
    } else if (task_makes_sides(&s->task)) {
        o->input_range = o->output_range;
    }
    o->input_range = o->input_range ? o->input_range : o->range;
    o->output_range = o->output_range ? o->output_range : o->range;
    o->norm_d = choice_name(choice_norms, s->discriminator.norm);
    o->val_freq = settings_validation_epochs(s);
    return true;
}

bool options_resolve(struct pix_train_options *o)
{
    struct settings s = { .options = *o };
    if (!settings_resolve(&s))
        return false;
    *o = s.options;
    return true;
}

// Reads the palette of a file: a run keeps its colours, wherever the file goes.
static bool read_palette(struct settings *s)
{
    const char *name = s->options.palette;
    struct palette palette;
    struct reason reason;
    if (!settings_finds_palette(s) || strcmp(name, "auto") == 0)
        return true;
    if (!palette_read(name, &palette, &reason)) {
        log_error("options: --palette %s cannot be used: %s", name, reason.text);
        return false;
    }
    return settings_check_palette(s, &palette, name) &&
           settings_set_palette(s, &palette);
}

bool settings_init(struct settings *s, const struct pix_train_options *o)
{
    *s = (struct settings){ 0 };
    if (options_copy(&s->options, o) && check(s, false) && read_palette(s) &&
        settings_resolve(s))
        return true;
    settings_finish(s);
    return false;
}

// Where augmentation does less than its options say. No image shows what is beyond its
// edges, so scales have a lower bound.
static void warn_about_augment(const struct settings *s)
{
    const struct pix_train_options *o = &s->options;
    const struct fit fit = settings_fit(s);
    const double least = augment_least_scale(fit_sample_size(&fit), o->crop_size);
    char text[SIZE_TEXT_SIZE];
    if (o->rotate && o->crop_size.width != o->crop_size.height)
        log_warn(
            "options: --rotate makes half turns alone of crops of %s: quarter turns "
            "need a square --crop-size",
            size_text(o->crop_size, text));
    if (o->scale_jitter > 0 && 1 - o->scale_jitter < least)
        log_warn("options: --scale-jitter %g scales by %.3g to %g, not by %g and more, "
                 "which would show what is beyond the edges of images: %s",
                 o->scale_jitter, least, 1 + o->scale_jitter, 1 - o->scale_jitter,
                 fit.mode == FIT_RESIZE ? "a larger --load-size leaves more room"
                                        : "--preprocess resize_and_crop with a larger "
                                          "--load-size leaves room");
    if (o->aspect_jitter > 0 && o->scale_jitter == 0 &&
        least * sqrt(1 + o->aspect_jitter) > 1)
        log_warn(
            "options: --aspect-jitter %g also enlarges images, by up to %.3g, where "
            "they would else show what is beyond their edges: %s",
            o->aspect_jitter, least * sqrt(1 + o->aspect_jitter),
            fit.mode == FIT_RESIZE ? "a larger --load-size leaves more room"
                                   : "--preprocess resize_and_crop with a larger "
                                     "--load-size leaves room");
}

void settings_warn_about_unused(const struct settings *s)
{
    const struct pix_train_options *o = &s->options;
    const bool is_resnet = s->generator.kind == GENERATOR_RESNET;
    const bool no_gan = !settings_has_discriminator(s);
    const bool no_penalty = s->gan != GAN_WGANGP;
    const uint32_t lpips = 1u << PIX_METRIC_LPIPS_ALEX |
                           1u << PIX_METRIC_LPIPS_SQUEEZE | 1u << PIX_METRIC_LPIPS_VGG;
    const bool no_joints = s->generator.kind != GENERATOR_UNET;
    // Without norm-d: by now it has been resolved, and no longer says what was asked
    // for.
    const struct {
        const char *option;
        bool is_unused;
        const char *why;
    } rows[] = {
        { "net-d", no_gan, "--gan-mode none" },
        { "n-layers-d", no_gan, "--gan-mode none" },
        { "no-condition", no_gan, "--gan-mode none" },
        { "d-loss-weight", no_gan, "--gan-mode none" },
        { "update-order", no_gan, "--gan-mode none" },
        { "lambda-gp", no_penalty, "--gan-mode other than wgangp" },
        { "gp-alpha", no_penalty, "--gan-mode other than wgangp" },
        { "beta1", s->optimizer == OPTIMIZER_SGD, "--optimizer sgd" },
        { "momentum", s->optimizer != OPTIMIZER_SGD, "--optimizer adam" },
        { "lr-decay-iters", s->lr_policy != LR_STEP, "--lr-policy other than step" },
        { "dropout-at", o->no_dropout || is_resnet,
          o->no_dropout ? "--no-dropout" : "a ResNet" },
        { "concat", no_joints, "a generator without skips" },
        { "norm-innermost", is_resnet || s->generator.norm == MODEL_NORM_NONE,
          is_resnet ? "a ResNet" : "--norm none" },
        { "factor", s->task.kind != TASK_SUPERRES && task_is_set(&s->task),
          "--task other than superres and pairs" },
        { "sigma", s->task.kind != TASK_DENOISE, "--task other than denoise" },
        { "palette", s->task.kind != TASK_SEGMENT, "--task other than segment" },
        { "labels", s->task.kind != TASK_SEGMENT, "--task other than segment" },
        { "lambda-ce", !s->task.labels_out, "outputs that are no label maps" },
        { "hole", s->task.kind != TASK_INPAINT, "--task other than inpaint" },
        { "hole-mask", s->task.kind != TASK_INPAINT || s->task.hole != HOLE_MASK,
          "--hole other than mask" },
        // Who trains on label maps with "nearest" wants outputs resized like that.
        { "resize-filter", !has_load_size(s) && s->filter != RESIZE_NEAREST,
          "--preprocess crop or none, except where translate resizes inputs" },
        { "val-metrics", !settings_validation_reason(s), "--val-freq 0" },
        { "lpips", !settings_validation_reason(s) || !(s->val_metrics & lpips),
          "validations without lpips (--val-metrics, --best)" },
    };
    warn_about_augment(s);
    // What a recipe sets is not reported: the user did not ask for it by name.
    struct pix_train_options initial;
    options_init(&initial);
    options_set(&initial, "recipe", o->recipe);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char now[64], before[64];
        const char *value = options_get(o, rows[i].option, now, sizeof(now));
        if (rows[i].is_unused &&
            strcmp(value,
                   options_get(&initial, rows[i].option, before, sizeof(before))) != 0)
            log_warn("options: --%s %s has no effect with %s", rows[i].option, value,
                     rows[i].why);
    }
}
