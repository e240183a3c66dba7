// SPDX-License-Identifier: MIT
//
// Where both sides are in one image, the two halves are pictures of their own from the
// start, so that resizing mixes no pixels of one into the other. See pairs.h.

#include "data/pairs.h"

#include "base/mem.h"
#include "data/picture_file.h"

void pair_list_free(struct pair_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        mem_free(list->files[i].name);
        mem_free(list->files[i].a);
        mem_free(list->files[i].b);
    }
    mem_free(list->files);
    mem_free(list->folder);
    *list = (struct pair_list){ 0 };
}

// ---------------------------------------------------------------------------
// Reading

// Brings one side to its channels and size, and checks its kind.
static bool finish_side(struct picture *p, uint32_t channels, enum pixel_kind kind,
                        const struct pair_options *o, struct reason *reason)
{
    struct picture resized;
    if (!picture_set_channels(p, channels, reason))
        return false;
    // After the channels: a file with both wrong is reported for its channels, so that
    // a folder in which nothing fits is not reported as one of mixed kinds.
    if (kind != PIXEL_KINDS && p->kind != kind)
        return reason_refuse(
            reason,
            "is %s, the first on this side is %s: all of a side must have one kind",
            pixel_kind_name(p->kind), pixel_kind_name(kind));
    if (p->width == o->side && p->height == o->side)
        return true;
    if (!picture_resize(p, o->filter, o->side, o->side, &resized))
        return reason_refuse(reason, "out of memory");
    picture_free(p);
    *p = resized;
    return true;
}

// One side from a file of its own.
static bool read_side(const char *path, const struct pair_options *o, struct picture *p,
                      struct reason *reason)
{
    if (!picture_read(path, p, reason))
        return false;
    if (!o->resize && (p->width != o->side || p->height != o->side))
        return reason_refuse(reason,
                             "is %ux%u, needs %ux%u where images are not resized",
                             (unsigned)p->width, (unsigned)p->height, (unsigned)o->side,
                             (unsigned)o->side);
    return true;
}

// Both sides from one file.
static bool split(const char *path, const struct pair_options *o, struct picture *a,
                  struct picture *b, struct reason *reason)
{
    struct picture whole;
    if (!picture_read(path, &whole, reason))
        return false;
    uint32_t half = whole.width / 2;
    bool ok;
    if (half == 0)
        ok = reason_refuse(reason, "is %ux%u, too narrow for a pair side by side",
                           (unsigned)whole.width, (unsigned)whole.height);
    else if (!o->resize && (whole.width != o->side * 2 || whole.height != o->side))
        ok = reason_refuse(reason, "is %ux%u, needs %ux%u where images are not resized",
                           (unsigned)whole.width, (unsigned)whole.height,
                           (unsigned)o->side * 2, (unsigned)o->side);
    else
        ok = (picture_crop(&whole, 0, 0, half, whole.height, a) &&
              picture_crop(&whole, half, 0, whole.width - half, whole.height, b)) ||
             reason_refuse(reason, "out of memory");
    picture_free(&whole);
    return ok;
}

bool pair_read(const struct pair_file *file, const struct pair_options *o,
               struct picture *input, struct picture *target, const char **culprit,
               struct reason *reason)
{
    struct picture *a = o->swap ? target : input, *b = o->swap ? input : target;
    const char *path_b = file->b ? file->b : file->a;
    *input = *target = (struct picture){ 0 };
    *culprit = file->a;
    bool ok =
        file->b ? read_side(file->a, o, a, reason) : split(file->a, o, a, b, reason);
    if (ok && file->b) {
        *culprit = file->b;
        ok = read_side(file->b, o, b, reason);
    }
    if (ok) {
        *culprit = o->swap ? path_b : file->a;
        ok = finish_side(input, o->input_nc, o->input_kind, o, reason);
    }
    if (ok) {
        *culprit = o->swap ? file->a : path_b;
        ok = finish_side(target, o->output_nc, o->output_kind, o, reason);
    }
    if (!ok) {
        picture_free(input);
        picture_free(target);
    }
    return ok;
}

// ---------------------------------------------------------------------------
// Kinds

// Sets the unknown kinds of `o` to those of the first pair that `by` accepts.
static void find_kinds_by(const struct pair_options *by, const struct pair_list *list,
                          struct pair_options *o)
{
    for (size_t i = 0; i < list->count; i++) {
        struct picture input, target;
        struct reason reason;
        const char *culprit;
        if (o->input_kind != PIXEL_KINDS && o->output_kind != PIXEL_KINDS)
            return;
        if (!pair_read(&list->files[i], by, &input, &target, &culprit, &reason))
            continue;
        if (o->input_kind == PIXEL_KINDS)
            o->input_kind = input.kind;
        if (o->output_kind == PIXEL_KINDS)
            o->output_kind = target.kind;
        picture_free(&input);
        picture_free(&target);
    }
}

// The first usable pair decides. Where there is none, it is the first that would be
// usable with another kind, so that whoever reads all pairs later refuses them for the
// side that is wrong.
void pair_list_find_kinds(const struct pair_list *list, struct pair_options *o)
{
    const struct pair_options wanted = *o;
    struct pair_options any = *o;
    any.input_kind = any.output_kind = PIXEL_KINDS;
    find_kinds_by(&wanted, list, o);
    find_kinds_by(&any, list, o);
    if (o->input_kind == PIXEL_KINDS)
        o->input_kind = PIXEL_U8;
    if (o->output_kind == PIXEL_KINDS)
        o->output_kind = PIXEL_U8;
}
