// SPDX-License-Identifier: MIT
//
// The rules that training options keep among one another. See rules.h.

#include "settings/rules.h"

#include "base/log.h"
#include "settings/options.h"
#include "settings/settings.h"

#include <string.h>

// The PyTorch port resizes to 286 and crops to 256; other crops keep the ratio.
#define LOAD_NUMERATOR 286
#define LOAD_DENOMINATOR 256

static bool is(const char *a, const char *b)
{
    return strcmp(a, b) == 0;
}

static bool is_resnet(const struct pix_train_options *o)
{
    return strncmp(o->net_g, "resnet", 6) == 0;
}

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
            options_norm_d(o));
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
    o->norm_d = options_norm_d(o);
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
    options_init(&initial);
    options_set(&initial, "recipe", o->recipe);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char now[64], before[64];
        const char *value = options_get(o, rows[i].option, now, sizeof(now));
        if (rows[i].is_unused &&
            strcmp(value,
                   options_get(&initial, rows[i].option, before, sizeof(before))) != 0)
            log_warn("options: --%s %s has no part in a run with %s", rows[i].option,
                     value, rows[i].why);
    }
}
