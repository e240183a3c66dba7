// SPDX-License-Identifier: MIT
//
// See translation_error.h.

#include "evaluate/translation_error.h"

#include "translate/translation.h"

bool translation_error_build(struct graph *g, struct weights *generator,
                             const struct generator_options *options,
                             struct staging staging, uint32_t h, uint32_t w,
                             struct translation_error *out)
{
    struct staged_pairs pairs = {
        .staging = staging,
        .channels_in = options->channels_in,
        .channels_out = options->channels_out,
        .load_h = h,
        .load_w = w,
        .crop_h = h,
        .crop_w = w,
    };
    staging_pairs(g, &pairs, 1);
    struct tensor *in = staging_take(g, &pairs, STAGED_INPUT, 0, 1);
    struct tensor *target = staging_take(g, &pairs, STAGED_TARGET, 0, 1);
    struct tensor *y = generator_build(g, generator, in, options,
                                       translation_model_mode(TRANSLATION_STABLE));
    *out = (struct translation_error){ pairs.pixels, pairs.jitter,
                                       graph_l1(g, y, target, 1.0f) };
    // Its last reader is the host: a plan may give its memory to another tensor before.
    graph_keep(g, out->l1);
    return !graph_failed(g);
}
