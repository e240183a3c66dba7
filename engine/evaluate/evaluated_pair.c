// SPDX-License-Identifier: MIT
//
// See evaluated_pair.h.

#include "evaluate/evaluated_pair.h"

void evaluated_pair_free(struct evaluated_pair *pair)
{
    picture_free(&pair->input);
    picture_free(&pair->target);
    picture_free(&pair->labels);
}

static bool set_kind(struct picture *p, enum pixel_kind known, struct pixel_range range)
{
    return known == PIXEL_KINDS || picture_set_kind(p, known, range);
}

static struct pair_options make_options(const struct settings *s)
{
    const struct pix_train_options *o = &s->options;
    return (struct pair_options){
        .swap = s->swap,
        .input_nc = o->input_nc,
        .output_nc = o->output_nc,
        .input_kind = PIXEL_KINDS,
        .output_kind = PIXEL_KINDS,
        .input_range = s->input_range,
        .output_range = s->output_range,
        .reading = s->reading,
        .task = s->task,
        .fit = settings_fit_to_compare(s),
    };
}

static bool read_pair(const struct pair_file *file, const struct settings *s,
                      const struct pair_options *options, struct evaluated_pair *pair,
                      const char **culprit, struct reason *reason)
{
    pair->labels = (struct picture){ 0 };
    if (!pair_read(file, options, &pair->input, &pair->target, &pair->notes, culprit,
                   reason))
        return false;
    pair->found[0] = pair->input.kind;
    pair->found[1] = pair->target.kind;
    if (set_kind(&pair->input, s->input_kind, s->input_range) &&
        set_kind(&pair->target, s->output_kind, s->output_range))
        return true;
    evaluated_pair_free(pair);
    return reason_refuse_memory(reason);
}

bool evaluated_pair_read(const struct pair_file *file, const struct settings *s,
                         struct evaluated_pair *pair, const char **culprit,
                         struct reason *reason)
{
    const struct pair_options options = make_options(s);
    return read_pair(file, s, &options, pair, culprit, reason);
}

bool evaluated_pair_read_all(const struct pair_file *file, const struct settings *s,
                             struct evaluated_pair *pair, const char **culprit,
                             struct reason *reason)
{
    struct pair_options options = make_options(s);
    options.fit.centred = false;
    return read_pair(file, s, &options, pair, culprit, reason);
}

bool evaluated_pair_read_labels(const struct pair_file *file, const struct settings *s,
                                struct evaluated_pair *pair, const char **culprit,
                                struct reason *reason)
{
    struct pair_options options = make_options(s);
    struct pair_notes notes;
    struct picture input;
    if (s->task.labels_out)    // they are resized so already
        return true;
    if (size_equals(s->swap ? pair->notes.a : pair->notes.b, pair->notes.scaled))
        return true;
    options.fit.filter = RESIZE_NEAREST;
    if (pair_read(file, &options, &input, &pair->labels, &notes, culprit, reason)) {
        picture_free(&input);
        if (set_kind(&pair->labels, s->output_kind, s->output_range))
            return true;
        reason_refuse_memory(reason);
    }
    evaluated_pair_free(pair);
    return false;
}
