// SPDX-License-Identifier: MIT
//
// The one place that knows where a split is. Files of two folders are paired by stem,
// as a merge of two sorted lists. See data_folder.h.

#include "data/data_folder.h"

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "data/picture_file.h"

#include <stdlib.h>
#include <string.h>

#define EXPECTED                                                                       \
    "it should hold images (" PICTURE_EXTENSIONS                                       \
    "), each with A on the left and B on "                                             \
    "the right, or folders A/ and B/ with files of equal stems"

// ---------------------------------------------------------------------------
// Stems

// The name without its extension.
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

// By stem, then by extension: of files with one stem the first is always the same. That
// differs from the order of the whole names, where "m-1.png" comes before "m.png".
static int compare_names(const void *a, const void *b)
{
    const char *x = *(char *const *)a, *y = *(char *const *)b;
    int order = compare_stems(x, y);
    return order ? order : strcmp(x, y);
}

// ---------------------------------------------------------------------------
// Lists

// The files of a folder that can be read as images.
static bool list_images(const char *folder, struct file_list *list)
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

// Adds a pair. Takes over *name, the file in A; `b` is NULL where both are in one
// image.
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

static void report_skipped(const char *folder, const char *name, const char *reason,
                           const char *other)
{
    log_warn("dataset: skipping %s/%s: %s%s", folder, name, reason, other);
}

// Pairs the files of two folders, each sorted by compare_names. Of several files with
// one stem the first is used.
static bool join(struct pair_list *list, const char *folder_a, struct file_list *a,
                 const char *folder_b, struct file_list *b)
{
    size_t i = 0, k = 0;
    list->files = mem_array(a->count, sizeof(*list->files));
    if (!list->files)
        return false;
    // i and k are the next files of A and B; the smaller stem has no partner.
    while (i < a->count || k < b->count) {
        int order = i == a->count   ? 1
                    : k == b->count ? -1
                                    : compare_stems(a->names[i], b->names[k]);
        if (order < 0) {
            report_skipped(folder_a, a->names[i++], "no file of this stem in ",
                           folder_b);
            continue;
        }
        if (order > 0) {
            report_skipped(folder_b, b->names[k++], "no file of this stem in ",
                           folder_a);
            continue;
        }
        // A stem in both: skip the other files that have it.
        size_t first_a = i++, first_b = k++;
        for (; i < a->count && compare_stems(a->names[first_a], a->names[i]) == 0; i++)
            report_skipped(folder_a, a->names[i], "has the stem of ",
                           a->names[first_a]);
        for (; k < b->count && compare_stems(b->names[first_b], b->names[k]) == 0; k++)
            report_skipped(folder_b, b->names[k], "has the stem of ",
                           b->names[first_b]);
        if (!add(list, folder_a, &a->names[first_a], folder_b, b->names[first_b]))
            return false;
    }
    return true;
}

// The pairs of two folders.
static bool read_sides(const char *folder_a, const char *folder_b,
                       struct pair_list *list)
{
    struct file_list a = { 0 }, b = { 0 };
    bool ok = list_images(folder_a, &a) && list_images(folder_b, &b);
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

// The pairs of one folder, A and B side by side in each image.
static bool read_together(const char *folder, struct file_list *names,
                          struct pair_list *list)
{
    list->files = mem_array(names->count, sizeof(*list->files));
    bool ok = list->files != NULL;
    for (size_t i = 0; ok && i < names->count; i++)
        ok = add(list, folder, &names->names[i], NULL, NULL);
    return ok;
}

// ---------------------------------------------------------------------------
// Folders

struct paths {
    char *split;    // DATA/split
    char *a, *b;    // DATA/A/split and DATA/B/split
};

static void free_paths(struct paths *p)
{
    mem_free(p->split);
    mem_free(p->a);
    mem_free(p->b);
}

// False without memory, after a message.
static bool find_paths(const char *data, const char *split, struct paths *p)
{
    *p = (struct paths){
        .split = file_join(data, split),
        .a = mem_printf("%s/A/%s", data, split),
        .b = mem_printf("%s/B/%s", data, split),
    };
    if (p->split && p->a && p->b)
        return true;
    free_paths(p);
    return false;
}

bool data_folder_has(const char *data, const char *split)
{
    struct paths p;
    if (!find_paths(data, split, &p))
        return false;
    bool has = file_is_folder(p.split) || file_is_folder(p.a);
    free_paths(&p);
    return has;
}

// The pairs of a folder that exists: its own images, or those of its folders A/ and B/.
static bool list_folder(const char *folder, struct pair_list *list)
{
    struct file_list names;
    if (!list_images(folder, &names))
        return false;
    if (names.count > 0) {
        bool ok = read_together(folder, &names, list);
        file_list_free(&names);
        return ok;
    }
    file_list_free(&names);
    char *a = file_join(folder, "A"), *b = file_join(folder, "B");
    bool ok = a && b;
    if (ok && file_is_folder(a) && file_is_folder(b)) {
        ok = read_sides(a, b, list);
    } else if (ok) {
        log_error("dataset: no images in %s: " EXPECTED, folder);
        ok = false;
    }
    mem_free(a);
    mem_free(b);
    return ok;
}

bool data_folder_list(const char *data, const char *split, struct pair_list *list)
{
    struct paths p;
    bool ok = false;
    *list = (struct pair_list){ 0 };
    if (!file_is_folder(data)) {
        log_error("dataset: the data folder %s %s", data,
                  file_exists(data) ? "is not a folder"
                                    : "does not exist: pass its path with --data");
        return false;
    }
    if (!find_paths(data, split, &p))
        return false;
    list->folder = mem_strdup(p.split);
    if (list->folder && file_is_folder(p.split))
        ok = list_folder(p.split, list);
    else if (list->folder && file_is_folder(p.a) && file_is_folder(p.b))
        ok = read_sides(p.a, p.b, list);
    else if (list->folder)
        log_error(
            "dataset: the data folder %s has no folder %s (nor A/%s and B/%s): " EXPECTED,
            data, split, split, split);
    free_paths(&p);
    if (!ok)
        pair_list_free(list);
    return ok;
}
