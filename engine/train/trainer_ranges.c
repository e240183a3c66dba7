// SPDX-License-Identifier: MIT
//
// The ranges of the samples of a run (base/pixel.h): named, or found in its images
// once, at its beginning. They are part of what the networks learn, so config.json and
// every checkpoint have them as numbers. See trainer_inside.h.

#include "train/trainer_inside.h"

#include "base/log.h"
#include "data/dataset.h"
#include "data/pairs.h"
#include "data/side_range.h"
#include "settings/options_file.h"
#include "settings/range.h"
#include "settings/rules.h"

#include <inttypes.h>
#include <string.h>

static const char *const option_names[] = { "input-range", "output-range" };
static const char *const side_names[] = { "input", "target" };

static enum pixel_kind kind_of(const struct settings *s, int side)
{
    const struct staging staging = settings_staging(s);
    return side == 0 ? staging.input : staging.output;
}

static struct pixel_range range_of(const struct settings *s, int side)
{
    return side == 0 ? s->input_range : s->output_range;
}

// Whether a range is still to be found.
static bool is_open(const struct settings *s, int side)
{
    return (side == 0 ? s->finds_input_range : s->finds_output_range) &&
           kind_of(s, side) != PIXEL_U8;
}

// u8 has no other range than its own. --range may be meant for the other side.
static void tell_of_bytes(const struct settings *s, int side)
{
    const struct pix_train_options *o = &s->options;
    const char *text = side == 0 ? o->input_range : o->output_range;
    const enum log_level level =
        o->range && strcmp(o->range, text) == 0 ? LOG_INFO : LOG_WARN;
    if (kind_of(s, side) == PIXEL_U8 && strcmp(text, "full") != 0)
        log_message(
            level,
            "train: --%s %s has no effect: it is for u16 and f32, and the %ss are "
            "u8, 0 to 255",
            option_names[side], text, side_names[side]);
}

static bool check_side(const struct settings *s, int side)
{
    const struct pixel_range range = range_of(s, side);
    tell_of_bytes(s, side);
    return !pixel_range_is_set(range) ||
           range_check(kind_of(s, side), range, "train", option_names[side]);
}

// What "auto" stood for when the run was begun.
static bool take_stored(struct settings *s)
{
    struct settings stored;
    bool ok = true;
    if (!settings_read_run(s->options.out, &stored))
        return false;
    for (int side = 0; ok && side < 2; side++) {
        const struct pixel_range range = range_of(&stored, side);
        if (!is_open(s, side) || !pixel_range_is_set(range))
            continue;
        char text[RANGE_TEXT_SIZE];
        log_info("train: --%s auto is %s, as at the beginning of the run",
                 option_names[side], range_text(range, text));
        ok = settings_set_range(s, side == 1, range);
    }
    settings_finish(&stored);
    return ok;
}

static bool set_found(struct settings *s, int side, const struct side_range *found)
{
    char text[RANGE_TEXT_SIZE];
    if (found->images == 0) {
        log_error(
            "train: --%s auto finds no %s that can be read: name the range, LO:HI",
            option_names[side], side_names[side]);
        return false;
    }
    if (found->is_flat) {
        log_error("train: --%s auto finds no range: all samples of %" PRIu32
                  " %s%s are %.9g: name it, LO:HI, or full",
                  option_names[side], found->images, side_names[side],
                  PLURAL(found->images), (double)found->range.low);
        return false;
    }
    log_info("train: --%s auto is %s: of %" PRIu64 " samples of %" PRIu32
             " %s%s %g %% are below it, and as many above",
             option_names[side], range_text(found->range, text), found->samples,
             found->images, side_names[side], PLURAL(found->images),
             100 * SIDE_RANGE_SHARE);
    return settings_set_range(s, side == 1, found->range);
}

static bool find(struct settings *s, const struct pair_list *pairs)
{
    const struct dataset_options options = settings_dataset(s);
    struct side_range sides[2] = { { .wanted = is_open(s, 0) },
                                   { .wanted = is_open(s, 1) } };
    if (!sides[0].wanted && !sides[1].wanted)
        return true;
    if (!dataset_find_ranges(&options, pairs, sides))
        return false;
    for (int side = 0; side < 2; side++)
        if (sides[side].wanted && !set_found(s, side, &sides[side]))
            return false;
    return true;
}

bool trainer_find_ranges(struct trainer *t, const struct pair_list *pairs)
{
    struct settings *s = &t->settings;
    if (!check_side(s, 0) || !check_side(s, 1))
        return false;
    if ((is_open(s, 0) || is_open(s, 1)) && !t->run.is_new && !take_stored(s))
        return false;
    return find(s, pairs);
}
