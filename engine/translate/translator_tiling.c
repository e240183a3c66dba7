// SPDX-License-Identifier: MIT
//
// What a translator's options say of tiles. See translator.h.

#include "translate/translator_inside.h"

#include "base/log.h"
#include "settings/choice.h"

#include <inttypes.h>

// Norms that would use the statistics of an image.
bool translator_has_own_statistics(const struct translator *t)
{
    return t->settings.generator.norm != MODEL_NORM_NONE &&
           (t->settings.generator.norm == MODEL_NORM_INSTANCE ||
            t->mode != TRANSLATION_RUNNING);
}

static bool refuse_tiling(const struct translator *t, const char *what,
                          const char *instead)
{
    log_error("%s: %s: %s", t->command, what, instead);
    return false;
}

bool translator_check_tiling(const struct translator *t,
                             const struct pix_translate_options *o)
{
    if (!o->tile)
        return (!o->overlap && !o->tile_statistics) ||
               refuse_tiling(t,
                             o->overlap ? "--overlap has no effect without --tile"
                                        : "--tile-statistics has no effect without "
                                          "--tile",
                             "pass the size of a tile, or leave it out");
    if (o->preprocess && t->rule.scaling.mode != FIT_NOTHING)
        return refuse_tiling(t, "--tile translates images at their own size",
                             "leave out --preprocess, or pass none");
    if (t->rule.output == FRAME_FIXED)
        return refuse_tiling(t, "--tile writes images at their own size",
                             "leave out --output-size, or pass input");
    if (o->batch_size > 1)
        return refuse_tiling(t, "--tile translates one tile at a time",
                             "leave out --batch-size");
    if (t->mode == TRANSLATION_PAPER)
        return refuse_tiling(t,
                             "the dropout of --mode paper draws one mask for the "
                             "whole image, which --tile cannot do",
                             "use --mode stable");
    if (o->tile > TRANSLATOR_MAX_TILE || o->overlap > TRANSLATOR_MAX_TILE) {
        log_error("%s: --tile and --overlap take at most %d pixels", t->command,
                  TRANSLATOR_MAX_TILE);
        return false;
    }
    return true;
}

bool translator_set_tiling(struct translator *t, const struct pix_translate_options *o)
{
    const uint32_t multiple = translator_multiple(t);
    const uint32_t radius = generator_radius(&t->settings.generator);
    int samples = false;
    if (!o->tile)
        return true;
    if (t->carries_alpha)
        return refuse_tiling(t, "--tile cannot carry the alpha of an image over",
                             "leave out --alpha keep");
    if (t->settings.task.makes_input)
        return refuse_tiling(t,
                             "--tile takes inputs as they are, and --make-input "
                             "makes them of whole images",
                             "leave out one of them");
    if (!translator_choose(t, choice_tile_statistics, "tile-statistics",
                           o->tile_statistics, &samples))
        return false;
    t->tiling = (struct translator_tiling){
        .cut = { .unit = multiple,
                 .least = generator_least_side(&t->settings.generator),
                 .tile = ALIGN_UP(o->tile, multiple),
                 .margin = ALIGN_UP(o->overlap ? o->overlap : radius, multiple) },
        .measures = translator_has_own_statistics(t),
        .samples = samples,
        .wraps_across = t->rule.wraps_across,
        .wraps_down = t->rule.wraps_down,
    };
    // What a tile sees around it is the image's other end: the network does not wrap.
    t->rule.wraps_across = t->rule.wraps_down = false;
    t->tiling.cut.blends = t->tiling.cut.margin < radius;
    if (t->tiling.cut.blends && t->tiling.wraps_down)
        return refuse_tiling(t,
                             "--wrap y with --tile cannot blend the last rows with the "
                             "first ones, which are written by then",
                             "leave out --overlap, or pass --wrap x");
    if (o->tile_statistics && !t->tiling.measures)
        return refuse_tiling(t,
                             "--tile-statistics has no effect: the norms of this "
                             "model do not use those of the image",
                             "leave it out");
    const struct fit trained =
        settings_fit_to_translate(&t->settings, t->settings.preprocess);
    if (trained.mode == FIT_WIDTH)
        log_warn("%s: --tile translates images at their own size, and the model was "
                 "trained on images that were scaled to a width of %" PRIu32
                 " (--preprocess %s): scale them first, or leave out --tile",
                 t->command, trained.load.width, t->settings.options.preprocess);
    if (t->tiling.cut.blends)
        log_info("%s: an overlap of %" PRIu32 " pixels is less than the %" PRIu32
                 " that this model sees: tiles are blended, and the result is close to "
                 "that of the whole image, not equal",
                 t->command, t->tiling.cut.margin, radius);
    return !t->tiling.measures || (t->given.weights = weights_create(true)) != NULL;
}

struct translator_tiling translator_tiling(const struct translator *t)
{
    return t->tiling;
}
