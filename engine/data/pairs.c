// SPDX-License-Identifier: MIT
//
// See pairs.h.

#include "data/pairs.h"

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

#define EXPECTED                                                                       \
    "it should hold images (" PICTURE_EXTENSIONS                                       \
    "), each with A on the left and B on "                                             \
    "the right, or folders A/ and B/ with files of equal stems"

// ---------------------------------------------------------------------------
// Stems

static size_t stem_length(const char *name)
{
    return (size_t)(file_extension(name) - name);
}

static int compare_stems(const char *a, const char *b)
{
    size_t a_length = stem_length(a), b_length = stem_length(b);
    int order = memcmp(a, b, MIN(a_length, b_length));
    return order ? order : (a_length > b_length) - (a_length < b_length);
}

static int compare_names(const void *a, const void *b)
{
    const char *x = *(char *const *)a, *y = *(char *const *)b;
    int order = compare_stems(x, y);
    return order ? order : strcmp(x, y);
}

// ---------------------------------------------------------------------------
// Lists

void pair_list_free(struct pair_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        mem_free(list->files[i].name);
        mem_free(list->files[i].a);
        mem_free(list->files[i].b);
    }
    mem_free(list->files);
    *list = (struct pair_list){ 0 };
}

// The pictures of a folder.
static bool list_pictures(const char *folder, struct file_list *list)
{
    size_t count = 0;
    if (!file_list_read(folder, list))
        return false;
    for (size_t i = 0; i < list->count; i++) {
        if (picture_has_known_extension(list->names[i]))
            list->names[count++] = list->names[i];
        else
            mem_free(list->names[i]);
    }
    list->count = count;
    return true;
}

// Adds a file, whose name is taken from the list; `b` may be NULL.
static bool add(struct pair_list *list, const char *folder_a, char **name,
                const char *folder_b, const char *b)
{
    struct pair_file *file = &list->files[list->count++];
    *file = (struct pair_file){ .a = file_join(folder_a, *name) };
    if (b)
        file->b = file_join(folder_b, b);
    file->name = *name;
    *name = NULL;
    return file->a && (!b || file->b);
}

static void leave_out(struct pair_list *list, const char *folder, const char *name,
                      const char *reason, const char *other)
{
    if (list->warns)
        log_warn("dataset: skipping %s/%s: %s%s", folder, name, reason, other);
    list->unpaired++;
}

// Names are in the order of their stems on both sides.
static bool join(struct pair_list *list, const char *folder_a, struct file_list *a,
                 const char *folder_b, struct file_list *b)
{
    size_t i = 0, k = 0;
    list->files = mem_array(a->count, sizeof(*list->files));
    if (!list->files)
        return false;
    while (i < a->count || k < b->count) {
        int order = i == a->count   ? 1
                    : k == b->count ? -1
                                    : compare_stems(a->names[i], b->names[k]);
        if (order < 0) {
            leave_out(list, folder_a, a->names[i++], "nothing of this stem in ",
                      folder_b);
            continue;
        }
        if (order > 0) {
            leave_out(list, folder_b, b->names[k++], "nothing of this stem in ",
                      folder_a);
            continue;
        }
        size_t first_a = i++, first_b = k++;
        for (; i < a->count && compare_stems(a->names[first_a], a->names[i]) == 0; i++)
            leave_out(list, folder_a, a->names[i], "has the stem of ",
                      a->names[first_a]);
        for (; k < b->count && compare_stems(b->names[first_b], b->names[k]) == 0; k++)
            leave_out(list, folder_b, b->names[k], "has the stem of ",
                      b->names[first_b]);
        if (!add(list, folder_a, &a->names[first_a], folder_b, b->names[first_b]))
            return false;
    }
    return true;
}

static bool read_sides(const char *folder_a, const char *folder_b,
                       struct pair_list *list)
{
    struct file_list a = { 0 }, b = { 0 };
    bool ok = list_pictures(folder_a, &a) && list_pictures(folder_b, &b);
    if (ok) {
        if (a.count)
            qsort(a.names, a.count, sizeof(a.names[0]), compare_names);
        if (b.count)
            qsort(b.names, b.count, sizeof(b.names[0]), compare_names);
        ok = join(list, folder_a, &a, folder_b, &b);
    }
    file_list_free(&a);
    file_list_free(&b);
    if (ok && list->count == 0) {
        log_error("dataset: no files in %s and %s have equal stems", folder_a,
                  folder_b);
        ok = false;
    }
    return ok;
}

static bool read_together(const char *folder, struct file_list *names,
                          struct pair_list *list)
{
    list->files = mem_array(names->count, sizeof(*list->files));
    bool ok = list->files != NULL;
    for (size_t i = 0; ok && i < names->count; i++)
        ok = add(list, folder, &names->names[i], NULL, NULL);
    return ok;
}

// DATA/A/train for DATA/train.
static char *side_of_parent(const char *folder, const char *side)
{
    size_t length = strlen(folder);
    while (length > 1 && (folder[length - 1] == '/' || folder[length - 1] == '\\'))
        length--;
    size_t name = length;
    while (name > 0 && folder[name - 1] != '/' && folder[name - 1] != '\\')
        name--;
    return mem_printf("%.*s%s/%.*s", (int)name, folder, side, (int)(length - name),
                      folder + name);
}

bool pair_list_read(const char *folder, bool warns, struct pair_list *list)
{
    struct file_list names = { 0 };
    char *a = NULL, *b = NULL;
    bool ok = false, is_folder = file_is_folder(folder);

    *list = (struct pair_list){ .warns = warns };
    if (is_folder) {
        if (!list_pictures(folder, &names))
            return false;
        if (names.count > 0) {
            ok = read_together(folder, &names, list);
            goto end;
        }
        a = file_join(folder, "A");
        b = file_join(folder, "B");
    } else {
        a = side_of_parent(folder, "A");
        b = side_of_parent(folder, "B");
    }
    if (!a || !b)
        goto end;
    if (file_is_folder(a) && file_is_folder(b))
        ok = read_sides(a, b, list);
    else if (is_folder)
        log_error("dataset: no images in %s: " EXPECTED, folder);
    else
        log_error("dataset: %s is not a folder: " EXPECTED, folder);

end:
    file_list_free(&names);
    mem_free(a);
    mem_free(b);
    if (!ok)
        pair_list_free(list);
    return ok;
}

// ---------------------------------------------------------------------------
// Reading

// Brings one side to its channels and size.
static bool finish_side(struct picture *p, uint32_t channels, enum pixel_kind kind,
                        const struct pair_options *o, struct reason *reason)
{
    struct picture resized;
    if (!picture_set_channels(p, channels, reason))
        return false;
    // Last: where no pair can be used, the kind is not what is wrong.
    if (kind != PIXEL_KINDS && p->kind != kind)
        return refuse(
            reason,
            "is %s, the first on this side is %s: all of a side must be of one kind",
            pixel_kind_name(p->kind), pixel_kind_name(kind));
    if (p->width == o->side && p->height == o->side)
        return true;
    if (!picture_resize(p, o->filter, o->side, o->side, &resized))
        return refuse(reason, "out of memory");
    picture_free(p);
    *p = resized;
    return true;
}

static bool read_side(const char *path, const struct pair_options *o, struct picture *p,
                      struct reason *reason)
{
    if (!picture_read(path, p, reason))
        return false;
    if (!o->resize && (p->width != o->side || p->height != o->side))
        return refuse(reason, "is %ux%u, needs %ux%u where images are not resized",
                      (unsigned)p->width, (unsigned)p->height, (unsigned)o->side,
                      (unsigned)o->side);
    return true;
}

static bool split(const char *path, const struct pair_options *o, struct picture *a,
                  struct picture *b, struct reason *reason)
{
    struct picture whole;
    if (!picture_read(path, &whole, reason))
        return false;
    uint32_t half = whole.width / 2;
    bool ok;
    if (half == 0)
        ok = refuse(reason, "is %ux%u, too narrow for a pair side by side",
                    (unsigned)whole.width, (unsigned)whole.height);
    else if (!o->resize && (whole.width != o->side * 2 || whole.height != o->side))
        ok = refuse(reason, "is %ux%u, needs %ux%u where images are not resized",
                    (unsigned)whole.width, (unsigned)whole.height,
                    (unsigned)o->side * 2, (unsigned)o->side);
    else
        ok = (picture_crop(&whole, 0, 0, half, whole.height, a) &&
              picture_crop(&whole, half, 0, whole.width - half, whole.height, b)) ||
             refuse(reason, "out of memory");
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
