// SPDX-License-Identifier: MIT
//
// See file_set.h.

#include "base/file_set.h"

#include "base/log.h"
#include "base/mem.h"

#include <stdlib.h>

struct file_set_entry {
    struct os_file_id id;
    const char *path;
};

// What a path leads to. True with *exists false: nothing, or it never opens.
static bool look(const char *path, struct os_file_id *id, bool *exists)
{
    *exists = os_file_find_id(path, id);
    if (*exists || os_error_kind() != OS_ERROR_PASSING)
        return true;
    log_error("file: cannot look at %s: %s", path, os_error_text());
    return false;
}

bool file_set_add(struct file_set *set, const char *path)
{
    struct os_file_id id;
    bool exists;
    if (!look(path, &id, &exists))
        return false;
    if (!exists)
        return true;
    if (!mem_grow(&set->entries, &set->capacity, set->count + 1, sizeof(*set->entries)))
        return false;
    set->entries[set->count++] = (struct file_set_entry){ id, path };
    set->is_sorted = false;
    return true;
}

static int compare_ids(const void *a, const void *b)
{
    const struct os_file_id *x = &((const struct file_set_entry *)a)->id;
    const struct os_file_id *y = &((const struct file_set_entry *)b)->id;
    if (x->volume != y->volume)
        return x->volume < y->volume ? -1 : 1;
    return (x->file > y->file) - (x->file < y->file);
}

bool file_set_find(struct file_set *set, const char *path, const char **found)
{
    struct file_set_entry wanted;
    bool exists;
    *found = NULL;
    if (set->count == 0)
        return true;
    if (!look(path, &wanted.id, &exists))
        return false;
    if (!exists)
        return true;
    if (!set->is_sorted)
        qsort(set->entries, set->count, sizeof(*set->entries), compare_ids);
    set->is_sorted = true;
    const struct file_set_entry *same =
        bsearch(&wanted, set->entries, set->count, sizeof(*set->entries), compare_ids);
    *found = same ? same->path : NULL;
    return true;
}

void file_set_free(struct file_set *set)
{
    mem_free(set->entries);
    *set = (struct file_set){ 0 };
}
