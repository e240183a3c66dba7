// SPDX-License-Identifier: MIT
//
// From the texts of options to numbers. See settings.h.

#include "settings/settings.h"

#include "base/log.h"
#include "data/class_planes.h"
#include "data/colour.h"
#include "settings/choice.h"
#include "settings/options.h"
#include "settings/range.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

// Levels that are chosen for a crop: the PyTorch port's U-Net has five fixed levels and
// num_downs - 5 inner ones. More than 8 need crops over 256.
#define LEVELS_AUTO_MIN 5
#define LEVELS_AUTO_MAX 8

#define LAYERS_BASIC 3    // the 70x70 PatchGAN

#define SUPERRES_FACTOR 4    // the usual one of benchmarks

// The choices of net_g. unet_256, unet_128 and the ResNets are the port's --netG, the
// encoder-decoder is the Lua original's which_model_netG. Any depth of a U-Net can be
// built by the port's class, but not chosen by its options. A ResNet has the levels of
// its two strided convolutions: 4 divides its sides.
static const struct generator_row {
    const char *name;
    enum generator_kind kind;
    uint32_t levels;    // 0: as the option depth says
    uint32_t blocks;
} generators[] = {
    { "unet", GENERATOR_UNET, 0, 0 },
    { "unet_256", GENERATOR_UNET, 8, 0 },
    { "unet_128", GENERATOR_UNET, 7, 0 },
    { "resnet_6blocks", GENERATOR_RESNET, 2, 6 },
    { "resnet_9blocks", GENERATOR_RESNET, 2, 9 },
    { "encoder_decoder", GENERATOR_ENCODER_DECODER, 0, 0 },
};

static const struct generator_row *find_generator(const char *name)
{
    size_t i = 0;
    while (i < ARRAY_LEN(generators) && strcmp(generators[i].name, name) != 0)
        i++;
    assert(i < ARRAY_LEN(generators));
    return &generators[i];
}

const char *settings_name_generator(const struct generator_options *g, bool with_levels)
{
    const bool has_levels = g->kind != GENERATOR_RESNET;
    for (size_t i = 0; i < ARRAY_LEN(generators); i++) {
        const struct generator_row *row = &generators[i];
        if (row->kind == g->kind &&
            (has_levels ? row->levels == (with_levels ? g->levels : 0)
                        : row->blocks == g->blocks))
            return row->name;
    }
    return NULL;
}

// As many levels as halve both sides without remainder, within the bounds. A crop that
// not even the fewest fit is refused later, by settings_check_levels.
static uint32_t levels_that_fit(struct pix_size crop)
{
    uint32_t levels = LEVELS_AUTO_MIN;
    while (levels < LEVELS_AUTO_MAX && (crop.width | crop.height) % (2u << levels) == 0)
        levels++;
    return levels;
}

static struct task parse_task(const struct pix_train_options *o,
                              const struct palette *palette)
{
    const enum task_kind kind = (enum task_kind)choice_value(choice_tasks, o->task);
    const enum label_sides labels =
        (enum label_sides)choice_value(choice_labels, o->labels);
    struct task t = {
        .kind = kind,
        .factor = o->factor || kind != TASK_SUPERRES ? o->factor : SUPERRES_FACTOR,
        .sigma = o->sigma,
        .hole = (enum hole_kind)choice_value(choice_holes, o->hole),
    };
    if (t.kind == TASK_SEGMENT) {
        t.palette = palette;
        t.labels_in = labels != LABELS_OUTPUT;
        t.labels_out = labels != LABELS_INPUT;
    }
    return t;
}

// Of the networks. Where a task does not say they are the user's.
struct task_channels settings_channels(const struct settings *s)
{
    const struct pix_train_options *o = &s->options;
    // Until a palette is found it has as few classes as any.
    const uint32_t classes = MAX(s->palette.count, (uint32_t)CLASSES_MIN);
    if (task_makes_sides(&s->task))
        return task_channels(&s->task, o->output_nc);
    return (struct task_channels){ 0, s->task.labels_in ? classes : o->input_nc,
                                   s->task.labels_out ? classes : o->output_nc };
}

static struct augment parse_augment(const struct pix_train_options *o)
{
    return (struct augment){
        .turns = o->rotate,
        .flips = o->flip_vertical,
        .scale = o->scale_jitter,
        .aspect = o->aspect_jitter,
        .brightness = o->brightness,
        .contrast = o->contrast,
        .noise = o->noise,
    };
}

static struct generator_options parse_generator(const struct settings *s)
{
    const struct pix_train_options *o = &s->options;
    const struct task_channels channels = settings_channels(s);
    const struct generator_row *row = find_generator(o->net_g);
    return (struct generator_options){
        .kind = row->kind,
        .levels = row->levels ? row->levels
                  : o->depth  ? o->depth
                              : levels_that_fit(o->crop_size),
        .blocks = row->blocks,
        .ngf = o->ngf,
        .channels_in = channels.input,
        .channels_out = channels.target,
        .norm = (enum model_norm)choice_value(choice_norms, o->norm),
        .bias = choice_value(choice_biases, o->bias),
        .norm_innermost = o->norm_innermost,
        .decoder_first = choice_value(choice_concats, o->concat),
        .resize = choice_value(choice_upsamplings, o->upsample),
        .no_dropout = o->no_dropout,
        .dropout_inner = choice_value(choice_dropouts, o->dropout_at),
        .classes = s->task.labels_out,
    };
}

// "auto" is G's norm, but none with a gradient penalty: the penalty is taken for each
// sample alone, and discriminator_input_gradient has no rule for norms.
static enum model_norm parse_norm_d(const struct settings *s)
{
    int norm;
    if (choice_find(choice_norms, s->options.norm_d, &norm))
        return (enum model_norm)norm;
    return s->gan == GAN_WGANGP ? MODEL_NORM_NONE : s->generator.norm;
}

static struct discriminator_options parse_discriminator(const struct settings *s)
{
    const struct pix_train_options *o = &s->options;
    const int net = choice_value(choice_nets_d, o->net_d);
    return (struct discriminator_options){
        .layers = net == NET_D_N_LAYERS ? o->n_layers_d : LAYERS_BASIC,
        .ndf = o->ndf,
        .pixel = net == NET_D_PIXEL,
        .norm = parse_norm_d(s),
        .bias = choice_value(choice_biases, o->bias),
    };
}

// Of the choices only "auto" is not the name of a kind.
static enum pixel_kind parse_kind(const char *name)
{
    enum pixel_kind kind;
    return pixel_kind_find(name, &kind) ? kind : PIXEL_KINDS;
}

// Of one side; without one of its own the range is that of both.
static struct pixel_range parse_range(const char *own, const char *both, bool *finds)
{
    struct pixel_range range = PIXEL_WHOLE;
    const char *text = own ? own : both;
    *finds = text && strcmp(text, "auto") == 0;
    if (text)
        range_parse(text, &range);    // "full" leaves it as it is
    return range;
}

enum tuning_mode settings_parse_tuning(const char *text)
{
    // What does not name a mode is a path; a file called "off" is "./off".
    int mode = TUNING_FILE;
    if (!text)
        return TUNING_AUTO;
    choice_find(choice_tunings, text, &mode);
    return (enum tuning_mode)mode;
}

static bool is_metric(const char *name)
{
    int metric;
    return choice_find(choice_metrics, name, &metric);
}

// "none" is L1.
static enum pix_metric parse_judge(const char *name)
{
    int metric = PIX_METRIC_L1;
    choice_find(choice_metrics, name, &metric);
    return (enum pix_metric)metric;
}

bool settings_find_metrics(const char *list, uint32_t *metrics, const char **unknown)
{
    *metrics = 0;
    for (const char *name = list; name;
         name = strchr(name, ',') ? strchr(name, ',') + 1 : NULL) {
        char text[32];
        int metric;
        snprintf(text, sizeof(text), "%.*s", (int)strcspn(name, ","), name);
        if (!choice_find(choice_metrics, text, &metric)) {
            *unknown = name;
            return false;
        }
        *metrics |= 1u << metric;
    }
    return true;
}

static bool refuse_value(const char *subject, const char *option, const char *given)
{
    log_error("%s: --%s does not take \"%s\"", subject, option, given);
    return false;
}

bool settings_find_npy_order(const char *text, const char *subject,
                             enum array_order *order)
{
    int value = ARRAY_CHW;
    if (text && !choice_find(choice_npy_orders, text, &value))
        return refuse_value(subject, "npy-order", text);
    *order = (enum array_order)value;
    return true;
}

bool settings_check_reading(const struct pix_read_options *o, const char *subject)
{
    enum array_order order;
    int value;
    if (!settings_find_npy_order(o->npy_order, subject, &order))
        return false;
    if (o->truncated && !choice_find(choice_truncated, o->truncated, &value))
        return refuse_value(subject, "truncated", o->truncated);
    if (o->alpha && !choice_find(choice_alphas, o->alpha, &value))
        return refuse_value(subject, "alpha", o->alpha);
    return true;
}

struct picture_reading settings_parse_reading(const struct pix_read_options *o)
{
    return (struct picture_reading){
        .order = o->npy_order
                     ? (enum array_order)choice_value(choice_npy_orders, o->npy_order)
                     : ARRAY_CHW,
        .max_pixels = o->max_pixels,
        .as_stored = o->no_orient,
        .keep_truncated = o->truncated && choice_value(choice_truncated, o->truncated),
        .page = o->page,
        .alpha = o->alpha ? (enum alpha_rule)choice_value(choice_alphas, o->alpha)
                          : ALPHA_DROP,
    };
}

// Both sides of an image have its samples, or what the task makes of them.
static void parse_sides(struct settings *s)
{
    if (s->task.labels_in)
        s->input_kind = PIXEL_U8;
    if (s->task.labels_out)
        s->output_kind = PIXEL_U8;
    if (!task_makes_sides(&s->task))
        return;
    const struct task_kinds kinds = task_kinds(&s->task, s->output_kind);
    s->input_kind = kinds.input;
    s->output_kind = kinds.target;
    s->input_range = s->output_range;
    s->finds_input_range = false;
    if (s->task.kind != TASK_COLORIZE)
        return;
    s->input_range = COLOUR_LIGHTNESS;
    s->output_range = COLOUR_CHROMA;
    s->finds_output_range = false;
}

static struct split_ratio parse_split_ratio(const char *text)
{
    struct split_ratio ratio = { 0 };
    if (text)
        split_ratio_parse(text, &ratio);
    return ratio;
}

void settings_parse(struct settings *s)
{
    // A copy, since the assignment begins by overwriting what it reads.
    const struct pix_train_options o = s->options;
    *s = (struct settings){
        .options = o,
        .swap = choice_value(choice_directions, o.direction),
        .input_kind = parse_kind(o.input_kind),
        .output_kind = parse_kind(o.output_kind),
        .reading = settings_parse_reading(&o.read),
        .split_ratio = parse_split_ratio(o.split_ratio),
        .task = parse_task(&o, &s->palette),
        .preprocess = (enum fit_mode)choice_value(choice_preprocess, o.preprocess),
        .filter = (enum resize_filter)choice_value(choice_filters, o.resize_filter),
        .augment = parse_augment(&o),
        .law = (enum weights_law)choice_value(choice_laws, o.init_type),
        .gan = (enum gan_mode)choice_value(choice_gan_modes, o.gan_mode),
        .reuse = choice_value(choice_update_orders, o.update_order),
        .optimizer = (enum optimizer_kind)choice_value(choice_optimizers, o.optimizer),
        .lr_policy = (enum lr_policy)choice_value(choice_lr_policies, o.lr_policy),
        .judge = parse_judge(o.best),
        .keeps_best = is_metric(o.best),
        .precision = (enum precision)choice_value(choice_precisions, o.precision),
        .ignores_nan = choice_value(choice_on_nan, o.on_nan),
        .tuning = settings_parse_tuning(o.tuning),
    };
    if (s->task.kind == TASK_SEGMENT && o.palette &&
        !palette_parse(o.palette, &s->palette))
        s->palette.count = 0;
    s->generator = parse_generator(s);
    s->input_range = parse_range(o.input_range, o.range, &s->finds_input_range);
    s->output_range = parse_range(o.output_range, o.range, &s->finds_output_range);
    parse_sides(s);
    settings_find_metrics(o.val_metrics, &s->val_metrics, &(const char *){ NULL });
    s->val_metrics |= 1u << s->judge | 1u << PIX_METRIC_L1;
    // Last: its norm may follow from the loss and the generator's norm.
    s->discriminator = parse_discriminator(s);
}

void settings_finish(struct settings *s)
{
    options_finish(&s->options);
    *s = (struct settings){ 0 };
}

struct staging settings_staging(const struct settings *s)
{
    struct staging staging = {
        .input = s->input_kind == PIXEL_KINDS ? PIXEL_U8 : s->input_kind,
        .output = s->output_kind == PIXEL_KINDS ? PIXEL_U8 : s->output_kind,
    };
    staging.input_range = pixel_range_for(staging.input, s->input_range);
    staging.output_range = pixel_range_for(staging.output, s->output_range);
    return staging;
}

struct staged_augment settings_staged_augment(const struct settings *s)
{
    const uint32_t channels = s->generator.channels_in;
    const bool has_alpha =
        s->reading.alpha == ALPHA_KEEP && (channels == 2 || channels == 4);
    return (struct staged_augment){
        .is_set = augment_is_set(&s->augment),
        .nearest_in = s->filter == RESIZE_NEAREST || s->task.labels_in,
        .nearest_out = s->filter == RESIZE_NEAREST || s->task.labels_out,
        .touched = augment_touches(&s->augment) ? channels - has_alpha : 0,
    };
}

void settings_set_staging(struct settings *s, struct staging staging)
{
    s->input_kind = staging.input;
    s->output_kind = staging.output;
    // Names are literals: the options need not own them.
    s->options.input_kind = pixel_kind_name(staging.input);
    s->options.output_kind = pixel_kind_name(staging.output);
}

void settings_set_precision(struct settings *s, enum precision precision)
{
    s->precision = precision;
    s->options.precision = choice_name(choice_precisions, (int)precision);
}

// Whether both sides have the range of the image that they are made of.
static bool has_one_range(const struct settings *s)
{
    return task_makes_sides(&s->task) && s->task.kind != TASK_COLORIZE;
}

bool settings_set_side_range(struct settings *s, bool is_output,
                             struct pixel_range range)
{
    char text[RANGE_TEXT_SIZE];
    const char *own = pixel_range_is_set(range)
                          ? options_own_text(&s->options, range_text(range, text))
                          : "full";
    if (!own)
        return false;
    *(is_output ? &s->options.output_range : &s->options.input_range) = own;
    *(is_output ? &s->output_range : &s->input_range) = range;
    *(is_output ? &s->finds_output_range : &s->finds_input_range) = false;
    return true;
}

bool settings_set_range(struct settings *s, bool is_output, struct pixel_range range)
{
    return settings_set_side_range(s, is_output, range) &&
           (!is_output || !has_one_range(s) ||
            settings_set_side_range(s, false, range));
}

bool settings_finds_palette(const struct settings *s)
{
    return s->task.kind == TASK_SEGMENT && s->palette.count == 0;
}

bool settings_set_palette(struct settings *s, const struct palette *palette)
{
    char text[PALETTE_TEXT_SIZE];
    const char *own = options_own_text(&s->options, palette_text(palette, text));
    if (!own)
        return false;
    s->options.palette = own;
    settings_parse(s);
    const struct task_channels channels = settings_channels(s);
    s->options.input_nc = channels.input;
    s->options.output_nc = channels.target;
    return true;
}

struct fit settings_fit(const struct settings *s)
{
    return (struct fit){ s->preprocess, s->options.load_size, s->options.crop_size,
                         s->filter, false };
}

struct fit settings_fit_to_compare(const struct settings *s)
{
    struct fit fit = settings_fit(s);
    if (fit.mode == FIT_RESIZE)
        fit.load = fit.crop;
    fit.centred = true;
    return fit;
}

struct fit settings_fit_to_translate(const struct settings *s, enum fit_mode mode)
{
    static const enum fit_mode modes[] = {
        [FIT_NOTHING] = FIT_NOTHING,  [FIT_RESIZE] = FIT_RESIZE,
        [FIT_CROP] = FIT_NOTHING,     [FIT_WIDTH] = FIT_WIDTH,
        [FIT_WIDTH_CROP] = FIT_WIDTH, [FIT_WHOLE] = FIT_NOTHING,
    };
    struct fit fit = settings_fit(s);
    const bool was_width = modes[fit.mode] == FIT_WIDTH;
    fit.mode = modes[mode];
    if (fit.mode != FIT_WIDTH || !was_width)
        fit.load = fit.crop;
    if (s->task.labels_in)
        fit.filter = RESIZE_NEAREST;
    return fit;
}

enum data_files settings_files(const struct settings *s)
{
    return task_makes_sides(&s->task) ? DATA_IMAGES : DATA_PAIRS;
}

struct data_source settings_source(const struct settings *s)
{
    return (struct data_source){
        .data = s->options.data,
        .list = s->options.pairs,
        .ratio = s->split_ratio,
        .files = settings_files(s),
    };
}

struct dataset_options settings_dataset(const struct settings *s)
{
    const struct pix_train_options *o = &s->options;
    return (struct dataset_options){
        .swap = s->swap,
        .input_nc = o->input_nc,
        .output_nc = o->output_nc,
        .input_kind = s->input_kind,
        .output_kind = s->output_kind,
        .input_range = s->input_range,
        .output_range = s->output_range,
        .reading = s->reading,
        .task = s->task,
        .renews = task_is_random(&s->task),
        .fit = settings_fit(s),
        .flip = !o->no_flip,
        .augment = s->augment,
        .shuffle = !o->serial_batches,
        .max_size = o->max_dataset_size,
        .threads = o->threads,
        .seed = o->seed,
        .view = { o->progress, o->progress_user },
    };
}

bool settings_has_discriminator(const struct settings *s)
{
    return s->gan != GAN_NONE;
}

uint32_t settings_images_per_step(const struct settings *s)
{
    // Each is at most 4096 by the table, their product at most 65536 by the rules.
    return s->options.batch_size * s->options.accumulate;
}

const char *settings_validation_reason(const struct settings *s)
{
    // Resolved options have a --val-freq in any case.
    return s->lr_policy == LR_PLATEAU ? "--lr-policy plateau"
           : s->keeps_best            ? "--best"
           : s->options.patience > 0  ? "--patience"
           : s->options.val_freq > 0  ? "--val-freq"
                                      : NULL;
}

uint32_t settings_validation_epochs(const struct settings *s)
{
    const uint32_t every = s->options.val_freq;
    return every == 0 && settings_validation_reason(s) ? 1 : every;
}
