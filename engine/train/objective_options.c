// SPDX-License-Identifier: MIT
//
// From the options of a run to those of its step. See objective_options.h.

#include "train/objective_options.h"

#include "settings/schedule.h"
#include "settings/settings.h"

#include <string.h>

static bool is_text(const char *text, const char *other)
{
    return strcmp(text, other) == 0;
}

static enum gan_mode gan_of(const char *name)
{
    return is_text(name, "lsgan")    ? GAN_LSGAN
           : is_text(name, "hinge")  ? GAN_HINGE
           : is_text(name, "wgangp") ? GAN_WGANGP
           : is_text(name, "none")   ? GAN_NONE
                                     : GAN_VANILLA;
}

struct objective_options options_objective(const struct pix_train_options *o)
{
    return (struct objective_options){
        .generator = options_generator(o),
        .discriminator = options_discriminator(o),
        .gan = gan_of(o->gan_mode),
        .no_condition = o->no_condition,
        .batch = o->batch_size,
        .accumulate = o->accumulate,
        .load_h = o->load_size,
        .load_w = o->load_size,
        .crop_h = o->crop_size,
        .crop_w = o->crop_size,
        .staging = options_staging(o),
        .lambda_l1 = (float)o->lambda_l1,
        .lambda_gp = (float)o->lambda_gp,
        .gp_alpha = (float)o->gp_alpha,
        .d_loss_weight = (float)o->d_loss_weight,
        .reuse = is_text(o->update_order, "reuse"),
        .ema = (float)o->ema,
        .optimizer = {
            .kind = is_text(o->optimizer, "sgd") ? OPTIMIZER_SGD : OPTIMIZER_ADAM,
            .beta1 = o->beta1,
            .beta2 = SCHEDULE_BETA2,
            .epsilon = SCHEDULE_EPSILON,
            .momentum = o->momentum,
        },
    };
}
