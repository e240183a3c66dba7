// SPDX-License-Identifier: MIT
//
// The rules that training options keep among one another, and the networks and the step
// that they describe. See options.h.

#include "settings/options.h"

#include "base/log.h"
#include "settings/schedule.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

// Depths of the U-Net. The PyTorch port's generator is built around five fixed levels.
#define LEVELS_MIN 2
#define LEVELS_AUTO_MIN 5
#define LEVELS_AUTO_MAX 8

// The PyTorch port resizes to 286 and crops to 256; other crops keep the ratio.
#define LOAD_NUMERATOR 286
#define LOAD_DENOMINATOR 256

#define LAYERS_BASIC 3    // the 70x70 PatchGAN
#define RESNET_HALVINGS 2

static bool is(const char *a, const char *b)
{
    return strcmp(a, b) == 0;
}

static bool is_resnet(const struct pix_train_options *o)
{
    return strncmp(o->net_g, "resnet", 6) == 0;
}

// ---------------------------------------------------------------------------
// Networks

static enum model_norm norm_of(const char *name)
{
    return is(name, "instance") ? MODEL_NORM_INSTANCE
           : is(name, "none")   ? MODEL_NORM_NONE
                                : MODEL_NORM_BATCH;
}

// What "auto" stands for. A gradient penalty is one of each sample by itself, and its
// gradient network is built of convolutions and masks: D has no norm then.
static const char *norm_d_of(const struct pix_train_options *o)
{
    if (!is(o->norm_d, "auto"))
        return o->norm_d;
    return is(o->gan_mode, "wgangp") ? "none" : o->norm;
}

// Says which sizes near `size` are multiples of `multiple`.
static void sizes_that_fit(uint32_t size, uint32_t multiple, char *text,
                           size_t capacity)
{
    const uint32_t below = size / multiple * multiple;
    if (below == 0)
        snprintf(text, capacity, "%u", (unsigned)multiple);
    else if (below + multiple > OPTIONS_CROP_MAX)
        snprintf(text, capacity, "%u", (unsigned)below);
    else
        snprintf(text, capacity, "%u or %u", (unsigned)below,
                 (unsigned)(below + multiple));
}

// The levels that a name fixes; 0: it leaves them to --depth.
static uint32_t fixed_levels(const struct pix_train_options *o)
{
    return is(o->net_g, "unet_256")   ? 8
           : is(o->net_g, "unet_128") ? 7
           : is_resnet(o)             ? RESNET_HALVINGS
                                      : 0;
}

static uint32_t levels_that_fit(uint32_t crop_size)
{
    uint32_t levels = LEVELS_AUTO_MIN;
    while (levels < LEVELS_AUTO_MAX && crop_size % (2u << levels) == 0)
        levels++;
    return levels;
}

uint32_t options_levels(const struct pix_train_options *o)
{
    const uint32_t fixed = fixed_levels(o);
    uint32_t levels = fixed      ? fixed
                      : o->depth ? o->depth
                                 : levels_that_fit(o->crop_size);
    char fit[64];
    if (fixed && o->depth != 0 && o->depth != levels) {
        log_error("options: --depth %u does not go with --net-g %s, which has %u "
                  "levels: leave --depth out or take --net-g unet",
                  (unsigned)o->depth, o->net_g, (unsigned)levels);
        return 0;
    }
    if (levels < LEVELS_MIN || levels > OPTIONS_LEVELS_MAX) {
        log_error(
            "options: --depth %u is not possible: take %u to %u, or 0 for as many "
            "levels as fit",
            (unsigned)levels, LEVELS_MIN, OPTIONS_LEVELS_MAX);
        return 0;
    }
    if (o->crop_size == 0 || o->crop_size % (1u << levels) != 0) {
        sizes_that_fit(o->crop_size, 1u << levels, fit, sizeof(fit));
        log_error(
            "options: --crop-size %u does not fit --net-g %s with %u levels, which "
            "needs a multiple of %u: take %s",
            (unsigned)o->crop_size, o->net_g, (unsigned)levels, 1u << levels, fit);
        return 0;
    }
    return levels;
}

struct generator_options options_generator(const struct pix_train_options *o)
{
    return (struct generator_options){
        .kind = is_resnet(o)                      ? GENERATOR_RESNET
                : is(o->net_g, "encoder_decoder") ? GENERATOR_ENCODER_DECODER
                                                  : GENERATOR_UNET,
        .levels = options_levels(o),
        .blocks = is(o->net_g, "resnet_6blocks") ? 6 : 9,
        .ngf = o->ngf,
        .channels_in = o->input_nc,
        .channels_out = o->output_nc,
        .norm = norm_of(o->norm),
        .bias = is(o->bias, "all"),
        .norm_innermost = o->norm_innermost,
        .decoder_first = is(o->concat, "decoder_first"),
        .resize = is(o->upsample, "resize"),
        .no_dropout = o->no_dropout,
        .dropout_inner = is(o->dropout_at, "d1-d3"),
    };
}

struct discriminator_options options_discriminator(const struct pix_train_options *o)
{
    return (struct discriminator_options){
        .layers = is(o->net_d, "n_layers") ? o->n_layers_d : LAYERS_BASIC,
        .ndf = o->ndf,
        .pixel = is(o->net_d, "pixel"),
        .norm = norm_of(norm_d_of(o)),
        .bias = is(o->bias, "all"),
    };
}

static enum pixel_kind kind_of(const char *name)
{
    enum pixel_kind kind;
    return pixel_kind_find(name, &kind) ? kind : PIXEL_U8;
}

struct staging options_staging(const struct pix_train_options *o)
{
    return (struct staging){ kind_of(o->input_kind), kind_of(o->output_kind) };
}

struct dataset_options options_dataset(const struct pix_train_options *o)
{
    return (struct dataset_options){
        .swap = is(o->direction, "BtoA"),
        .input_nc = o->input_nc,
        .output_nc = o->output_nc,
        .input_kind = o->input_kind,
        .output_kind = o->output_kind,
        .resize = !is(o->preprocess, "none"),
        .load_size = o->load_size,
        .filter = is(o->resize_filter, "bilinear") ? RESIZE_BILINEAR
                  : is(o->resize_filter, "area")   ? RESIZE_AREA
                                                   : RESIZE_BICUBIC,
        .crop_size = o->crop_size,
        .flip = !o->no_flip,
        .shuffle = !o->serial_batches,
        .max_size = o->max_dataset_size,
        .threads = o->threads,
        .seed = o->seed,
    };
}

bool options_has_discriminator(const struct pix_train_options *o)
{
    return !is(o->gan_mode, "none");
}

uint32_t options_images_per_step(const struct pix_train_options *o)
{
    return o->batch_size * o->accumulate;
}

uint32_t options_validation_epochs(const struct pix_train_options *o)
{
    return is(o->lr_policy, "plateau") && o->val_freq == 0 ? 1 : o->val_freq;
}

// ---------------------------------------------------------------------------
// Rules

static uint32_t resolved_load_size(const struct pix_train_options *o)
{
    if (is(o->preprocess, "none"))
        return o->crop_size;
    if (o->load_size != 0)
        return o->load_size;
    return (o->crop_size * LOAD_NUMERATOR + LOAD_DENOMINATOR / 2) / LOAD_DENOMINATOR;
}

static bool check_discriminator(const struct pix_train_options *o)
{
    const struct discriminator_options d = options_discriminator(o);
    if (!options_has_discriminator(o))
        return true;
    if (is(o->gan_mode, "wgangp") && d.norm != MODEL_NORM_NONE) {
        log_error(
            "options: --norm-d %s does not go with --gan-mode wgangp: its gradient "
            "penalty is that of each sample by itself through a network without "
            "norms (Gulrajani et al. 2017, section 4): take --norm-d none or auto",
            norm_d_of(o));
        return false;
    }
    if (discriminator_output_side(&d, o->crop_size) > 0)
        return true;
    uint32_t side = o->crop_size, layers = d.layers;
    struct discriminator_options fewer = d;
    while (discriminator_output_side(&d, side) == 0)
        side++;
    while (fewer.layers > 1 && discriminator_output_side(&fewer, o->crop_size) == 0)
        fewer.layers--;
    log_error("options: a discriminator of %u layers does not fit --crop-size %u: take "
              "--net-d n_layers --n-layers-d %u, or crops of %u and more",
              (unsigned)layers, (unsigned)o->crop_size, (unsigned)fewer.layers,
              (unsigned)side);
    return false;
}

static bool check_losses(const struct pix_train_options *o)
{
    if (!options_has_discriminator(o) && o->lambda_l1 == 0) {
        log_error("options: --gan-mode none and --lambda-l1 0 leave nothing to learn "
                  "from: give one of the two losses");
        return false;
    }
    if (is(o->update_order, "reuse") && o->accumulate > 1) {
        log_error("options: --update-order reuse keeps what D computed until G has "
                  "learnt, and --accumulate %u is there to keep less: take "
                  "--update-order fresh or --batch-size %u",
                  (unsigned)o->accumulate, (unsigned)options_images_per_step(o));
        return false;
    }
    if ((uint64_t)o->batch_size * o->accumulate > 65536) {
        log_error("options: --batch-size %u times --accumulate %u is more than the "
                  "65536 images that a step can have",
                  (unsigned)o->batch_size, (unsigned)o->accumulate);
        return false;
    }
    return true;
}

bool options_check(const struct pix_train_options *o, bool need_paths)
{
    if (!options_check_values(o))
        return false;
    if (need_paths && (!o->out || !*o->out)) {
        log_error("options: --out is missing: name the folder that the run writes to");
        return false;
    }
    if (need_paths && (!o->data || !*o->data)) {
        log_error("options: --data is missing: name the folder that holds train/");
        return false;
    }
    if (options_levels(o) == 0 || !check_discriminator(o) || !check_losses(o))
        return false;
    const uint32_t load_size = resolved_load_size(o);
    if (load_size < o->crop_size) {
        log_error(
            "options: --load-size %u is smaller than --crop-size %u: a crop is cut "
            "from the resized image, so take %u or more",
            (unsigned)load_size, (unsigned)o->crop_size, (unsigned)o->crop_size);
        return false;
    }
    if (o->n_epochs == 0 && o->n_epochs_decay == 0) {
        log_error(
            "options: --n-epochs and --n-epochs-decay are both 0: nothing would be "
            "trained");
        return false;
    }
    return true;
}

bool options_resolve(struct pix_train_options *o)
{
    if (!options_check(o, false))
        return false;
    const uint32_t load_size = resolved_load_size(o);
    if (o->load_size != 0 && o->load_size != load_size)
        log_warn(
            "options: --preprocess none takes images as they are: --load-size %u is "
            "not used, their sides must be --crop-size %u",
            (unsigned)o->load_size, (unsigned)o->crop_size);
    o->load_size = load_size;
    if (!is_resnet(o))
        o->depth = options_levels(o);
    const uint32_t layers = options_discriminator(o).layers;
    if (o->n_layers_d != layers)
        log_warn("options: --net-d %s has its own depth: --n-layers-d %u is not used, "
                 "--net-d n_layers takes it",
                 o->net_d, (unsigned)o->n_layers_d);
    o->n_layers_d = layers;
    o->norm_d = norm_d_of(o);
    return true;
}

void options_warn_of_unused(const struct pix_train_options *o)
{
    const bool no_gan = !options_has_discriminator(o);
    const bool no_penalty = !is(o->gan_mode, "wgangp");
    const bool no_joints = is_resnet(o) || is(o->net_g, "encoder_decoder");
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
        { "beta1", is(o->optimizer, "sgd"), "--optimizer sgd" },
        { "momentum", !is(o->optimizer, "sgd"), "--optimizer adam" },
        { "lr-decay-iters", !is(o->lr_policy, "step"), "--lr-policy other than step" },
        { "dropout-at", o->no_dropout || is_resnet(o),
          o->no_dropout ? "--no-dropout" : "a ResNet" },
        { "concat", no_joints, "a generator without skips" },
        { "norm-innermost", is_resnet(o) || is(o->norm, "none"),
          is_resnet(o) ? "a ResNet" : "--norm none" },
        { "resize-filter", is(o->preprocess, "none"), "--preprocess none" },
    };
    // A recipe sets what it has, whether it is used or not.
    struct pix_train_options initial;
    pix_train_options_init(&initial);
    pix_train_options_set(&initial, "recipe", o->recipe);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char now[64], before[64];
        const char *value = pix_train_options_get(o, rows[i].option, now, sizeof(now));
        if (rows[i].is_unused &&
            strcmp(value, pix_train_options_get(&initial, rows[i].option, before,
                                                sizeof(before))) != 0)
            log_warn("options: --%s %s has no part in a run with %s", rows[i].option,
                     value, rows[i].why);
    }
}
