// SPDX-License-Identifier: MIT
//
// From the settings of a run to the options of its step. See objective_options.h.

#include "train/objective_options.h"

#include "base/log.h"
#include "settings/schedule.h"
#include "settings/settings.h"

struct objective_options objective_options_make(const struct settings *s)
{
    const struct pix_train_options *o = &s->options;
    const struct fit fit = settings_fit(s);
    const struct pix_size load = fit_sample_size(&fit);
    return (struct objective_options){
        .generator = s->generator,
        .discriminator = s->discriminator,
        .gan = s->gan,
        .no_condition = o->no_condition,
        .batch = o->batch_size,
        .accumulate = o->accumulate,
        .load_h = load.height,
        .load_w = load.width,
        .crop_h = o->crop_size.height,
        .crop_w = o->crop_size.width,
        .staging = settings_staging(s),
        .augment = settings_staged_augment(s),
        .lambda_l1 = (float)o->lambda_l1,
        .lambda_ce = (float)o->lambda_ce,
        .lambda_gp = (float)o->lambda_gp,
        .gp_alpha = (float)o->gp_alpha,
        .d_loss_weight = (float)o->d_loss_weight,
        .reuse = s->reuse,
        .ema = (float)o->ema,
        .optimizer = {
            .kind = s->optimizer,
            .beta1 = o->beta1,
            .beta2 = SCHEDULE_BETA2,
            .epsilon = SCHEDULE_EPSILON,
            .momentum = o->momentum,
        },
    };
}

// The graph refuses only what is too large, and knows nothing of options: the hint is
// added here.
bool objective_options_build(struct graph *g, struct weights *generator,
                             struct weights *discriminator, const struct settings *s,
                             const char *command, struct objective *out)
{
    const struct objective_options options = objective_options_make(s);
    struct log_capture capture;
    log_capture_begin(&capture);
    bool ok = objective_build(g, generator, discriminator, &options, out);
    const char *error = log_capture_end(&capture);
    if (!ok)
        log_error("%s: %s: lower %s", command, error,
                  s->options.batch_size > 1 ? "--batch-size or --crop-size"
                                            : "--crop-size");
    return ok;
}
