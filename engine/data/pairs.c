// SPDX-License-Identifier: MIT
//
// Where both sides are in one image, the two halves are pictures of their own from the
// start, so that resizing mixes no pixels of one into the other. See pairs.h.

#include "data/pairs.h"

#include "base/hash.h"
#include "base/mem.h"
#include "base/os.h"
#include "data/class_planes.h"
#include "data/no_data.h"
#include "data/picture_file.h"

#include <math.h>

void pair_file_free(struct pair_file *file)
{
    mem_free(file->name);
    mem_free(file->a);
    mem_free(file->b);
    *file = (struct pair_file){ 0 };
}

void pair_list_free(struct pair_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        pair_file_free(&list->files[i]);
    mem_free(list->files);
    mem_free(list->folder);
    *list = (struct pair_list){ 0 };
}

// ---------------------------------------------------------------------------
// Reading

// Floats outside [-1, 1] other than those that stand for no data.
static bool exceeds(const struct picture *p, uint64_t no_data)
{
    const size_t count = (size_t)p->channels * p->width * p->height;
    const double number = (double)(float)p->no_data;
    if (no_data == 0 || fabs(number) <= 1)
        return picture_exceeds_range(p);
    uint64_t outside = 0;
    for (size_t i = 0; i < count; i++)
        outside += !(fabs(picture_sample(p, i)) <= 1);
    return outside > no_data;
}

// The largest sample other than those.
static uint32_t find_largest(const struct picture *p, uint64_t no_data)
{
    const size_t count = (size_t)p->channels * p->width * p->height;
    const uint32_t most = picture_find_largest(p);
    uint32_t largest = 0;
    if (no_data == 0 || (double)most > p->no_data)
        return most;
    for (size_t i = 0; i < count; i++)
        if (picture_sample(p, i) != p->no_data)
            largest = MAX(largest, (uint32_t)picture_sample(p, i));
    return largest;
}

// Before resizing, which overshoots at edges.
static void note_values(const struct picture *p, int side, struct pair_notes *notes)
{
    const uint64_t no_data = p->has_no_data ? no_data_count(p, p->no_data) : 0;
    const uint64_t all = (uint64_t)p->channels * p->width * p->height;
    notes->no_data[side] = no_data;
    notes->no_data_number[side] = p->no_data;
    notes->all[side] = all;
    if (pixel_range_is_set(p->range)) {
        const bool is_outside =
            p->no_data < (double)p->range.low || p->no_data > (double)p->range.high;
        notes->outside[side] = picture_count_outside(p) - (is_outside ? no_data : 0);
        notes->samples[side] = all - no_data;
    } else if (p->kind == PIXEL_U16) {
        notes->largest[side] = find_largest(p, no_data);
    } else {
        notes->exceeds[side] = exceeds(p, no_data);
    }
}

// Whether so many channels have one for the alpha, which is still there.
static bool keeps_alpha(const struct pair_options *o, uint32_t channels)
{
    return (channels == 2 || channels == 4) && o->reading.alpha < ALPHA_WHITE;
}

// Converts to so many channels. An array is never converted; one whose sides may be in
// another order has a reason of its own.
static bool set_channels(struct picture *p, uint32_t nc, bool is_input,
                         const char *path, struct pair_notes *notes,
                         struct reason *reason)
{
    const int side = is_input ? 0 : 1;
    const bool was_grey = p->channels < 3, is_grey = nc < 3;
    if (p->is_array && p->channels != nc && p->width != nc && p->height != nc) {
        notes->refusal = is_input ? PAIR_INPUT_CHANNELS : PAIR_TARGET_CHANNELS;
        notes->refused = path;
        notes->found_channels = p->channels;
        notes->wanted_channels = nc;
    } else if (!p->is_array && was_grey != is_grey) {
        *(was_grey ? &notes->repeated[side] : &notes->greyed[side]) = path;
    }
    const struct picture was = *p;
    if (!picture_set_channels(p, nc, reason))
        return false;
    p->has_no_data = was.has_no_data;    // equal channels stay equal
    p->no_data = was.no_data;
    return true;
}

// A side that is a label map: resized without colours that lie between two classes.
static bool finish_labels(struct picture *p, bool is_input,
                          const struct pair_options *o, const char *path,
                          struct pair_notes *notes, struct reason *reason)
{
    const int side = is_input ? 0 : 1;
    struct fit fit = o->fit;
    fit.filter = RESIZE_NEAREST;
    if (p->is_transparent && !notes->transparent)
        notes->transparent = path;
    if (!class_planes_take(p, reason))
        return false;
    if (!fit_apply(&fit, fit.mode == FIT_NOTHING ? picture_size(p) : notes->scaled, p))
        return reason_refuse_memory(reason);
    notes->label_pixels[side] = (uint64_t)p->width * p->height;
    return class_planes_make(o->task.palette, p, &notes->strange[side], reason);
}

// Brings one side, or the image of a task, to its channels and size, and checks its
// kind, with notes about it.
static bool finish_side(struct picture *p, bool is_input, const struct pair_options *o,
                        const char *path, struct pair_notes *notes,
                        struct reason *reason)
{
    const bool is_image = task_makes_sides(&o->task);
    if (is_input ? o->task.labels_in : o->task.labels_out)
        return finish_labels(p, is_input, o, path, notes, reason);
    const enum pixel_kind wanted = is_image ? task_image_kind(&o->task, o->output_kind)
                                   : is_input ? o->input_kind
                                              : o->output_kind;
    const uint32_t nc = is_image   ? task_channels(&o->task, o->output_nc).image
                        : is_input ? o->input_nc
                                   : o->output_nc;
    if (p->is_transparent && !notes->transparent && !keeps_alpha(o, nc))
        notes->transparent = path;
    if (!set_channels(p, nc, is_input, path, notes, reason))
        return false;
    // After the channels: a file with both wrong is reported for its channels, so that
    // a folder in which nothing fits is not reported as one of mixed kinds.
    if (wanted != PIXEL_KINDS && p->kind != wanted) {
        notes->refusal = is_input ? PAIR_INPUT_KIND : PAIR_TARGET_KIND;
        notes->refused = path;
        notes->found = p->kind;
        notes->wanted = wanted;
        return reason_refuse(reason, "is %s, not %s", pixel_kind_name(p->kind),
                             pixel_kind_name(wanted));
    }
    if (is_image && !task_takes(&o->task, p->kind, reason))
        return false;
    picture_set_range(p, is_image   ? task_image_range(&o->task, o->output_range)
                         : is_input ? o->input_range
                                    : o->output_range);
    note_values(p, is_input ? 0 : 1, notes);
    return fit_apply(&o->fit,
                     o->fit.mode == FIT_NOTHING ? picture_size(p) : notes->scaled, p) ||
           reason_refuse_memory(reason);
}

// A file, with notes about it.
static bool read_file(const char *path, const struct pair_options *o,
                      struct picture *picture, struct pair_notes *notes,
                      struct reason *reason)
{
    if (!picture_read_with(path, &o->reading, picture, reason))
        return false;
    file_notes_add(&notes->files, &o->reading, picture, path);
    if (picture->is_narrow && !notes->narrow)
        notes->narrow = path;
    return true;
}

bool pair_cut(const struct picture *whole, struct picture *a, struct picture *b,
              struct reason *reason)
{
    const uint32_t half = whole->width / 2;
    if (half == 0)
        return reason_refuse(reason, "is %ux%u, too narrow for a pair side by side",
                             (unsigned)whole->width, (unsigned)whole->height);
    return (picture_crop(whole, 0, 0, half, whole->height, a) &&
            picture_crop(whole, half, 0, whole->width - half, whole->height, b)) ||
           reason_refuse_memory(reason);
}

// Both sides from one file.
static bool split(const char *path, const struct pair_options *o, struct picture *a,
                  struct picture *b, struct pair_notes *notes, struct reason *reason)
{
    struct picture whole;
    if (!read_file(path, o, &whole, notes, reason))
        return false;
    const bool ok = pair_cut(&whole, a, b, reason);
    if (ok) {
        a->is_transparent = whole.is_transparent;
        b->is_transparent = whole.is_transparent;
        a->has_no_data = b->has_no_data = whole.has_no_data;
        a->no_data = b->no_data = whole.no_data;
    }
    picture_free(&whole);
    return ok;
}

// The sizes of a pair, as its files have them, and what they become; that of `common`
// is the one that it is fitted from.
static void note_sizes(struct pix_size a, struct pix_size b, struct pix_size common,
                       const struct pair_options *o, struct pair_notes *notes)
{
    notes->fit = o->fit;
    notes->a = a;
    notes->b = b;
    notes->scaled = fit_scaled_size(&o->fit, common);
}

// How many times as wide and as high `large` is; 0: not a whole number from 2 on.
static uint32_t find_factor(const struct picture *small, const struct picture *large)
{
    const uint32_t factor = large->width / small->width;
    return factor >= 2 && small->width * factor == large->width &&
                   (uint64_t)small->height * factor == large->height
               ? factor
               : 0;
}

static bool keeps_sizes(const struct fit *fit)
{
    return fit->mode == FIT_CROP || fit->mode == FIT_WHOLE;
}

// Where inputs are meant to be smaller than their targets.
static bool enlarge_input(const struct pair_options *o, bool halves,
                          struct picture *input, const struct picture *target,
                          struct reason *reason)
{
    const uint32_t factor = o->task.factor;
    if (halves)
        return reason_refuse(
            reason, "has both sides, of one size: --factor %u is for two files",
            (unsigned)factor);
    if (find_factor(input, target) != factor)
        return reason_refuse(
            reason,
            "is %ux%u and its target %ux%u: --factor %u is for targets of %ux%u",
            (unsigned)input->width, (unsigned)input->height, (unsigned)target->width,
            (unsigned)target->height, (unsigned)factor,
            (unsigned)(input->width * factor), (unsigned)(input->height * factor));
    const bool is_transparent = input->is_transparent;
    if (!task_enlarge(&o->task, input))
        return reason_refuse_memory(reason);
    input->is_transparent = is_transparent;
    return true;
}

// Where sizes differ by a factor though inputs are not meant to be smaller. A smaller
// input is refused: the network would learn from enlarged ones, and get others when it
// translates.
static bool enlarge_target(const struct pair_options *o, const struct picture *input,
                           struct picture *target, const char *path,
                           struct pair_notes *notes, struct reason *reason)
{
    const uint32_t factor = find_factor(input, target);
    struct picture large;
    if (factor > 0 && factor <= TASK_FACTOR_MAX)
        return reason_refuse(
            reason,
            "is %ux%u and its target %ux%u, %u times as large: "
            "--factor %u enlarges inputs, also when they are translated",
            (unsigned)input->width, (unsigned)input->height, (unsigned)target->width,
            (unsigned)target->height, (unsigned)factor, (unsigned)factor);
    if (find_factor(target, input) == 0)
        return true;
    if (!picture_resize(target, o->fit.filter, input->width, input->height, &large))
        return reason_refuse_memory(reason);
    large.is_transparent = target->is_transparent;
    picture_free(target);
    *target = large;
    notes->enlarged = path;
    return true;
}

// The list says that the file was there.
static void explain_absence(const char *path, struct reason *reason)
{
    if (reason->kind != REASON_ABSENT)
        return;
    if (!os_path_is_absent(path)) {
        reason_refuse(reason, "is a link that leads nowhere");
    } else {
        reason_refuse(reason, "is gone since its folder was listed");
        reason->kind = REASON_PASSING;
    }
}

// Both sides of an image.
static bool read_image(const struct pair_file *file, const struct pair_options *o,
                       struct picture *input, struct picture *target,
                       struct pair_notes *notes, struct reason *reason)
{
    struct picture image;
    bool is_b;
    if (!read_file(file->a, o, &image, notes, reason))
        return false;
    if (!fit_check(&o->fit, &image, &image, false, &is_b, reason)) {
        picture_free(&image);
        return false;
    }
    const struct pix_size size = picture_size(&image);
    note_sizes(size, size, size, o, notes);
    if (!finish_side(&image, false, o, file->a, notes, reason)) {
        picture_free(&image);
        return false;
    }
    if (!task_make_sides(&o->task, &image, input, target))
        return reason_refuse_memory(reason);
    task_renew(&o->task, hash_text(HASH_START, file->name), target, input);
    return true;
}

// Keeps only why a pair was refused.
static void forget_pictures(struct pair_notes *notes)
{
    *notes = (struct pair_notes){
        .refusal = notes->refusal,
        .refused = notes->refused,
        .found = notes->found,
        .wanted = notes->wanted,
        .found_channels = notes->found_channels,
        .wanted_channels = notes->wanted_channels,
    };
}

bool pair_read(const struct pair_file *file, const struct pair_options *o,
               struct picture *input, struct picture *target, struct pair_notes *notes,
               const char **culprit, struct reason *reason)
{
    struct picture *a = o->swap ? target : input, *b = o->swap ? input : target;
    const char *path_b = file->b ? file->b : file->a;
    *input = *target = (struct picture){ 0 };
    *notes = (struct pair_notes){ 0 };
    *culprit = file->a;
    if (task_makes_sides(&o->task)) {
        const bool is_read = read_image(file, o, input, target, notes, reason);
        if (!is_read) {
            explain_absence(file->a, reason);
            forget_pictures(notes);
        }
        return is_read;
    }
    bool ok = file->b ? read_file(file->a, o, a, notes, reason)
                      : split(file->a, o, a, b, notes, reason);
    if (ok && file->b) {
        *culprit = file->b;
        ok = read_file(file->b, o, b, notes, reason);
    }
    const struct pix_size sizes[] = { picture_size(a), picture_size(b) };
    if (ok && task_enlarges(&o->task)) {
        *culprit = o->swap ? path_b : file->a;
        ok = enlarge_input(o, !file->b, input, target, reason);
    } else if (ok && file->b && keeps_sizes(&o->fit)) {
        *culprit = o->swap ? path_b : file->a;
        ok =
            enlarge_target(o, input, target, o->swap ? file->a : path_b, notes, reason);
    }
    if (ok) {
        bool is_b;
        ok = fit_check(&o->fit, a, b, !file->b, &is_b, reason);
        *culprit = is_b ? file->b : file->a;
    }
    if (ok) {
        note_sizes(sizes[0], sizes[1], picture_size(a), o, notes);
        *culprit = o->swap ? path_b : file->a;
        ok = finish_side(input, true, o, *culprit, notes, reason);
    }
    if (ok) {
        *culprit = o->swap ? file->a : path_b;
        ok = finish_side(target, false, o, *culprit, notes, reason);
    }
    if (!ok) {
        explain_absence(*culprit, reason);
        forget_pictures(notes);
        picture_free(input);
        picture_free(target);
    }
    return ok;
}

// ---------------------------------------------------------------------------
// Kinds

// How many files of each kind are on a side, and which pair was the first.
struct kind_counts {
    size_t count[PIXEL_KINDS], first[PIXEL_KINDS];
};

static void count_kind(struct kind_counts *counts, enum pixel_kind kind, size_t index)
{
    if (counts->count[kind]++ == 0)
        counts->first[kind] = index;
}

static enum pixel_kind most_frequent(const struct kind_counts *c)
{
    int best = PIXEL_U8;
    for (int i = 0; i < PIXEL_KINDS; i++)
        if (c->count[i] > c->count[best] ||
            (c->count[i] > 0 && c->count[i] == c->count[best] &&
             c->first[i] < c->first[best]))
            best = i;
    return (enum pixel_kind)best;
}

// The kinds of the files of a pair, those that are not damaged. False for a reason that
// passes.
static bool look_at(const struct pair_file *file, const struct picture_reading *reading,
                    enum pixel_kind kinds[2], const char **culprit,
                    struct reason *reason)
{
    const char *const paths[] = { file->a, file->b ? file->b : file->a };
    kinds[0] = kinds[1] = PIXEL_KINDS;
    for (int k = 0; k < 2; k++) {
        enum pixel_kind kind = kinds[0];    // one file has one kind
        if ((k == 1 && !file->b) ||
            picture_find_kind(paths[k], reading, &kind, reason)) {
            kinds[k] = kind;
            continue;
        }
        *culprit = paths[k];
        explain_absence(paths[k], reason);
        return reason->kind != REASON_PASSING;
    }
    return true;
}

// Opening a file takes a millisecond or more on a network, so of many pairs only some
// are looked at, evenly spread: enough to tell what most are unless there are nearly as
// many of another kind, and then neither is wrong.
bool pair_list_find_kinds(const struct pair_list *list, size_t count,
                          struct pair_options *o, const char **culprit,
                          struct reason *reason)
{
    enum { LOOKS = 1024 };
    struct kind_counts a = { 0 }, b = { 0 };
    if (o->input_kind != PIXEL_KINDS && o->output_kind != PIXEL_KINDS)
        return true;
    count = MIN(count, list->count);
    for (size_t look = 0; look < MIN(count, (size_t)LOOKS); look++) {
        const size_t i = count > LOOKS ? look * count / LOOKS : look;
        enum pixel_kind kinds[2];
        if (!look_at(&list->files[i], &o->reading, kinds, culprit, reason))
            return false;
        if (kinds[0] == PIXEL_KINDS || kinds[1] == PIXEL_KINDS)
            continue;
        count_kind(&a, kinds[0], i);
        count_kind(&b, kinds[1], i);
    }
    if (o->input_kind == PIXEL_KINDS)
        o->input_kind = most_frequent(o->swap ? &b : &a);
    if (o->output_kind == PIXEL_KINDS)
        o->output_kind = most_frequent(o->swap ? &a : &b);
    return true;
}
