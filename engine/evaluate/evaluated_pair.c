// SPDX-License-Identifier: MIT
//
// See evaluated_pair.h.

#include "evaluate/evaluated_pair.h"

void evaluated_pair_free(struct evaluated_pair *pair)
{
    picture_free(&pair->input);
    picture_free(&pair->target);
}

static bool set_kind(struct picture *p, enum pixel_kind known)
{
    return known == PIXEL_KINDS || picture_set_kind(p, known);
}

bool evaluated_pair_read(const struct pair_file *file, const struct settings *s,
                         struct evaluated_pair *pair, const char **culprit,
                         struct reason *reason)
{
    const struct pix_train_options *o = &s->options;
    const struct pair_options options = {
        .swap = s->swap,
        .input_nc = o->input_nc,
        .output_nc = o->output_nc,
        .input_kind = PIXEL_KINDS,
        .output_kind = PIXEL_KINDS,
        .order = s->order,
        .resize = true,
        .side = o->crop_size,
        .filter = s->filter,
    };
    if (!pair_read(file, &options, &pair->input, &pair->target, &pair->notes, culprit,
                   reason))
        return false;
    pair->found[0] = pair->input.kind;
    pair->found[1] = pair->target.kind;
    if (set_kind(&pair->input, s->input_kind) &&
        set_kind(&pair->target, s->output_kind))
        return true;
    evaluated_pair_free(pair);
    return reason_refuse_memory(reason);
}
