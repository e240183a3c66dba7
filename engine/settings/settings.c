// SPDX-License-Identifier: MIT
//
// The networks, the data and the counts that training options describe. See settings.h.

#include "settings/settings.h"

#include "base/log.h"
#include "settings/options.h"

#include <stdio.h>
#include <string.h>

// Depths of the U-Net. The PyTorch port's generator is built around five fixed levels.
#define LEVELS_MIN 2
#define LEVELS_AUTO_MIN 5
#define LEVELS_AUTO_MAX 8

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

static enum model_norm norm_of(const char *name)
{
    return is(name, "instance") ? MODEL_NORM_INSTANCE
           : is(name, "none")   ? MODEL_NORM_NONE
                                : MODEL_NORM_BATCH;
}

// What "auto" stands for. A gradient penalty is one of each sample by itself, and its
// gradient network is built of convolutions and masks: D has no norm then.
const char *options_norm_d(const struct pix_train_options *o)
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
        .norm = norm_of(options_norm_d(o)),
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
