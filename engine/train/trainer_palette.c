// SPDX-License-Identifier: MIT
//
// The classes of a run that leaves them to its label maps (--palette auto): the colours
// of all of them, in the order of red, green and blue, so that neither names nor the
// order of files decide. They are part of what the networks learn, so config.json and
// every checkpoint have them. See trainer_inside.h.

#include "train/trainer_inside.h"

#include "base/log.h"
#include "data/pairs.h"
#include "settings/options_file.h"
#include "settings/rules.h"

#include <inttypes.h>

// What "auto" stood for when the run was begun.
static bool take_stored(struct settings *s)
{
    struct settings stored;
    if (!settings_read_run(s->options.out, &stored))
        return false;
    const bool ok =
        settings_finds_palette(&stored) || settings_set_palette(s, &stored.palette);
    settings_finish(&stored);
    return ok;
}

// `grey` becomes the path of a label map of one channel, unless there was one before.
static bool add_colours(const struct settings *s, const struct pair_file *file,
                        const struct pair_options *options, struct palette *palette,
                        const char **grey)
{
    struct picture input, target;
    struct pair_notes notes;
    struct reason reason;
    const char *culprit;
    if (!pair_read(file, options, &input, &target, &notes, &culprit, &reason)) {
        if (reason.kind == REASON_CONTENT)    // the check of the data set reports it
            return true;
        log_error("train: --palette auto cannot read %s: %s", culprit, reason.text);
        return false;
    }
    const bool ok =
        (!s->task.labels_in || palette_add_picture(palette, &input, &reason)) &&
        (!s->task.labels_out || palette_add_picture(palette, &target, &reason));
    picture_free(&input);
    picture_free(&target);
    for (int side = 0; side < 2; side++)
        if (!*grey && (side == 0 ? s->task.labels_in : s->task.labels_out))
            *grey = notes.repeated[side];
    if (!ok)
        log_error("train: --palette auto cannot take the colours of %s: it %s: name a "
                  "file of colours",
                  file->name, reason.text);
    return ok;
}

static bool find(const struct settings *s, const struct pair_list *pairs,
                 struct palette *palette)
{
    const struct pair_options options = {
        .swap = s->swap,
        .input_nc = 3,
        .output_nc = 3,
        .input_kind = PIXEL_KINDS,
        .output_kind = PIXEL_KINDS,
        .reading = s->reading,
    };
    const size_t most = s->options.max_dataset_size;
    const char *grey = NULL;
    for (size_t i = 0; i < (most ? MIN(pairs->count, most) : pairs->count); i++)
        if (!add_colours(s, &pairs->files[i], &options, palette, &grey))
            return false;
    if (palette->count == 0) {
        log_error("train: --palette auto finds no label map in %s that can be read",
                  pairs->folder);
        return false;
    }
    // Beside colours these are indices, of an order that nobody has said.
    if (grey && !palette_is_grey(palette)) {
        log_error("train: --palette auto cannot say which colours the indices of label "
                  "maps of one channel stand for (first: %s), since others have "
                  "colours: name a file of the colours, in the order of the indices",
                  grey);
        return false;
    }
    palette_sort(palette);
    return settings_check_palette(s, palette, "auto");
}

bool trainer_find_palette(struct trainer *t, const struct pair_list *pairs)
{
    struct settings *s = &t->settings;
    struct palette palette = { .count = 0 };
    char text[PALETTE_TEXT_SIZE];
    if (settings_finds_palette(s) && !t->run.is_new && !take_stored(s))
        return false;
    if (!settings_finds_palette(s))
        return true;
    if (!find(s, pairs, &palette) || !settings_set_palette(s, &palette))
        return false;
    log_info("train: --palette auto finds %" PRIu32 " classes in %s: %s", palette.count,
             pairs->folder, palette_text(&palette, text));
    return true;
}
