// SPDX-License-Identifier: MIT
//
// See listing.h.

#include "data/listing.h"

#include "base/log.h"
#include "base/mem.h"
#include "data/picture_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_EXTENSIONS = 8, EXTENSION_SIZE = 16 };

static void make_lower(char *text)
{
    for (char *c = text; *c; c++)
        if (*c >= 'A' && *c <= 'Z')
            *c = (char)(*c - 'A' + 'a');
}

// What systems leave in folders of images, besides names that begin with a dot
// (base/file.c): Windows, macOS in archives, network storage.
static bool is_litter(const char *name)
{
    static const char *const litter[] = {
        "thumbs.db", "ehthumbs.db", "desktop.ini", "__macosx", "@eadir", "$recycle.bin",
    };
    char lower[EXTENSION_SIZE];
    snprintf(lower, sizeof(lower), "%s", name);
    make_lower(lower);
    for (size_t i = 0; i < ARRAY_LEN(litter); i++)
        if (strcmp(lower, litter[i]) == 0 && strlen(name) == strlen(lower))
            return true;
    return false;
}

static void drop_litter(struct file_list *list)
{
    size_t kept = 0;
    for (size_t i = 0; i < list->count; i++) {
        if (is_litter(list->names[i]))
            mem_free(list->names[i]);
        else
            list->names[kept++] = list->names[i];
    }
    list->count = kept;
}

// Moves the names that are not read from one list to the other. False without memory.
static bool separate(struct file_list *from, bool (*is_read)(const char *name),
                     struct file_list *others)
{
    size_t count = 0, kept = 0;
    for (size_t i = 0; i < from->count; i++)
        count += !is_read(from->names[i]);
    if (count == 0)
        return true;
    others->names = mem_array(count, sizeof(*others->names));
    if (!others->names)
        return false;
    for (size_t i = 0; i < from->count; i++) {
        if (is_read(from->names[i]))
            from->names[kept++] = from->names[i];
        else
            others->names[others->count++] = from->names[i];
    }
    from->count = kept;
    return true;
}

bool listing_read(const char *folder, bool (*is_read)(const char *name),
                  struct listing *l)
{
    *l = (struct listing){ .folder = mem_strdup(folder) };
    if (l->folder && file_list_read_all(folder, &l->pictures, &l->folders)) {
        drop_litter(&l->pictures);
        drop_litter(&l->folders);
        if (separate(&l->pictures, is_read, &l->others))
            return true;
    }
    listing_free(l);
    return false;
}

// Moves all names of a list to the end of another one, each behind "folder/".
static bool append(struct file_list *to, size_t *capacity, const char *folder,
                   const struct file_list *from)
{
    for (size_t i = 0; i < from->count; i++) {
        char *name = file_join(folder, from->names[i]);
        if (!name || !mem_grow(&to->names, capacity, to->count + 1, sizeof(name))) {
            mem_free(name);
            return false;
        }
        to->names[to->count++] = name;
    }
    return true;
}

bool listing_read_folders(const struct listing *of, bool (*is_read)(const char *name),
                          struct listing *l)
{
    size_t pictures = 0, others = 0;
    *l = (struct listing){ .folder = mem_strdup(of->folder) };
    bool ok = l->folder != NULL;
    for (size_t i = 0; ok && i < of->folders.count; i++) {
        const char *name = of->folders.names[i];
        struct listing part = { 0 };
        if (strcmp(name, "A") == 0 || strcmp(name, "B") == 0)
            continue;
        char *path = file_join(of->folder, name);
        ok = path && listing_read(path, is_read, &part) &&
             append(&l->pictures, &pictures, name, &part.pictures) &&
             append(&l->others, &others, name, &part.others);
        listing_free(&part);
        mem_free(path);
    }
    if (!ok)
        listing_free(l);
    return ok;
}

void listing_free(struct listing *l)
{
    mem_free(l->folder);
    file_list_free(&l->pictures);
    file_list_free(&l->others);
    file_list_free(&l->folders);
    *l = (struct listing){ 0 };
}

// ---------------------------------------------------------------------------
// Files that are passed over

struct extension {
    char text[EXTENSION_SIZE];    // in lower case, cut
    size_t count;
};

static void copy_extension(const char *name, char text[EXTENSION_SIZE])
{
    snprintf(text, EXTENSION_SIZE, "%s", file_extension(name));
    make_lower(text);
}

// By count, then by text.
static int compare_extensions(const void *a, const void *b)
{
    const struct extension *x = a, *y = b;
    if (x->count != y->count)
        return x->count < y->count ? 1 : -1;
    return strcmp(x->text, y->text);
}

static void count_extensions(const struct file_list *names, char *text, size_t size)
{
    struct extension all[MOST_EXTENSIONS];
    size_t count = 0, more = 0, used = 0;
    for (size_t i = 0; i < names->count; i++) {
        char extension[EXTENSION_SIZE];
        size_t k = 0;
        copy_extension(names->names[i], extension);
        while (k < count && strcmp(all[k].text, extension) != 0)
            k++;
        if (k == count && count < MOST_EXTENSIONS) {
            memcpy(all[count].text, extension, sizeof(extension));
            all[count++].count = 0;
        }
        if (k < count)
            all[k].count++;
        else
            more++;
    }
    qsort(all, count, sizeof(all[0]), compare_extensions);
    text[0] = '\0';
    for (size_t k = 0; k < count && used < size; k++)
        used += (size_t)snprintf(text + used, size - used, "%s%zu %s", k ? ", " : "",
                                 all[k].count,
                                 all[k].text[0] ? all[k].text : "without an extension");
    if (more > 0 && used < size)
        snprintf(text + used, size - used, ", %zu more", more);
}

void listing_describe_others(const struct listing *l, char *text, size_t size)
{
    char counts[MOST_EXTENSIONS * (EXTENSION_SIZE + 24)];
    const size_t count = l->others.count, all = count + l->pictures.count;
    text[0] = '\0';
    if (count == 0)
        return;
    count_extensions(&l->others, counts, sizeof(counts));
    snprintf(text, size, "%zu of %zu file%s in %s: %s (first: %s)", count, all,
             PLURAL(all), l->folder, counts, l->others.names[0]);
}

void listing_warn(const struct listing *l)
{
    char text[LOG_LINE_SIZE / 2];
    listing_describe_others(l, text, sizeof(text));
    if (text[0])
        log_warn("dataset: passing over %s. Only " PICTURE_EXTENSIONS
                 " are read: convert other images to one of these",
                 text);
}
