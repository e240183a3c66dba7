// SPDX-License-Identifier: MIT
//
// Merges of sorted lists. See pairing.h.

#include "data/pairing.h"

#include "base/log.h"
#include "base/mem.h"
#include "data/picture_file.h"
#include "data/stems.h"

#include <stdlib.h>
#include <string.h>

enum { NAME_SIZE = 256 };    // of an example in a message

// By stem, then by extension: of files with one stem the first is always the same. That
// differs from the order of the whole names, where "m-1.png" comes before "m.png".
static int compare_names(const void *a, const void *b)
{
    const struct pairing_file *x = a, *y = b;
    int order = stem_compare(x->name, y->name);
    return order ? order : strcmp(x->name, y->name);
}

static bool init_side(const struct listing *listing, struct pairing_side *side)
{
    side->listing = listing;
    side->count = listing->pictures.count;
    side->files = mem_array(side->count, sizeof(*side->files));
    if (!side->files)
        return false;
    for (size_t i = 0; i < side->count; i++)
        side->files[i].name = listing->pictures.names[i];
    if (side->count > 1)
        qsort(side->files, side->count, sizeof(*side->files), compare_names);
    return true;
}

static void free_side(struct pairing_side *side)
{
    for (size_t i = 0; side->files && i < side->count; i++)
        mem_free(side->files[i].key);
    mem_free(side->files);
    *side = (struct pairing_side){ 0 };
}

void pairing_free(struct pairing *p)
{
    free_side(&p->a);
    free_side(&p->b);
    p->pairs = 0;
}

// ---------------------------------------------------------------------------
// Equal bytes

static void set_pair(struct pairing *p, size_t a, size_t b)
{
    p->a.files[a].state = p->b.files[b].state = PAIRING_PAIRED;
    p->a.files[a].other = b;
    p->b.files[b].other = a;
    p->pairs++;
}

// Marks the files behind `first` that have its stem, and returns where they end.
static size_t mark_doubles(struct pairing_side *side, size_t first)
{
    size_t i = first + 1;
    for (; i < side->count &&
           stem_compare(side->files[first].name, side->files[i].name) == 0;
         i++) {
        side->files[i].state = PAIRING_DOUBLE;
        side->files[i].other = first;
    }
    return i;
}

static void join_bytes(struct pairing *p)
{
    // i and k are the next files of A and B; the smaller stem has no partner.
    size_t i = 0, k = 0;
    while (i < p->a.count && k < p->b.count) {
        int order = stem_compare(p->a.files[i].name, p->b.files[k].name);
        if (order == 0)
            set_pair(p, i, k);
        size_t next = order <= 0 ? mark_doubles(&p->a, i) : i;
        if (order >= 0)
            k = mark_doubles(&p->b, k);
        i = next;
    }
    while (i < p->a.count)
        i = mark_doubles(&p->a, i);
    while (k < p->b.count)
        k = mark_doubles(&p->b, k);
}

// ---------------------------------------------------------------------------
// Equal keys

struct keyed {
    const char *key;
    size_t index;
};

// By key, then in the order of the files.
static int compare_keys(const void *a, const void *b)
{
    const struct keyed *x = a, *y = b;
    int order = strcmp(x->key, y->key);
    return order ? order : (x->index > y->index) - (x->index < y->index);
}

// The files that are alone, by key. The list is freed with mem_free.
static bool list_alone(struct pairing_side *side, struct keyed **list, size_t *count)
{
    *count = 0;
    *list = mem_array(side->count, sizeof(**list));
    if (!*list)
        return false;
    for (size_t i = 0; i < side->count; i++) {
        struct pairing_file *file = &side->files[i];
        if (file->state != PAIRING_ALONE)
            continue;
        file->key = stem_make_key(file->name, false);
        if (!file->key)
            return false;
        (*list)[(*count)++] = (struct keyed){ file->key, i };
    }
    if (*count > 1)
        qsort(*list, *count, sizeof(**list), compare_keys);
    return true;
}

// Of several files with one key the first is used, the others stay alone.
static bool join_keys(struct pairing *p)
{
    struct keyed *a = NULL, *b = NULL;
    size_t a_count, b_count, i = 0, k = 0;
    bool ok = list_alone(&p->a, &a, &a_count) && list_alone(&p->b, &b, &b_count);
    while (ok && i < a_count && k < b_count) {
        int order = strcmp(a[i].key, b[k].key);
        if (order == 0) {
            set_pair(p, a[i].index, b[k].index);
            const char *key = a[i].key;
            while (i < a_count && strcmp(a[i].key, key) == 0)
                i++;
            while (k < b_count && strcmp(b[k].key, key) == 0)
                k++;
        } else if (order < 0) {
            i++;
        } else {
            k++;
        }
    }
    mem_free(a);
    mem_free(b);
    return ok;
}

bool pairing_find(const struct listing *a, const struct listing *b, struct pairing *p)
{
    *p = (struct pairing){ 0 };
    if (init_side(a, &p->a) && init_side(b, &p->b)) {
        join_bytes(p);
        if (join_keys(p))
            return true;
    }
    pairing_free(p);
    return false;
}

bool pairing_add(const struct pairing *p, struct pair_list *list)
{
    for (size_t i = 0; i < p->a.count; i++) {
        const struct pairing_file *a = &p->a.files[i];
        if (a->state != PAIRING_PAIRED)
            continue;
        struct pair_file *file = &list->files[list->count++];
        *file = (struct pair_file){
            .name = mem_strdup(a->name),
            .a = file_join(p->a.listing->folder, a->name),
            .b = file_join(p->b.listing->folder, p->b.files[a->other].name),
        };
        if (!file->name || !file->a || !file->b)
            return false;
    }
    return true;
}

// ---------------------------------------------------------------------------
// Reports

// Names by key, to look others up.
struct index {
    struct keyed *entries;
    char **keys;
    size_t count;
};

static void index_free(struct index *index)
{
    for (size_t i = 0; index->keys && i < index->count; i++)
        mem_free(index->keys[i]);
    mem_free(index->keys);
    mem_free(index->entries);
    *index = (struct index){ 0 };
}

static bool index_build(const struct file_list *names, bool fold, struct index *index)
{
    *index = (struct index){ 0 };
    index->entries = mem_array(names->count, sizeof(*index->entries));
    index->keys = mem_array(names->count, sizeof(*index->keys));
    bool ok = index->entries && index->keys;
    for (size_t i = 0; ok && i < names->count; i++) {
        index->keys[i] = stem_make_key(names->names[i], fold);
        ok = index->keys[i] != NULL;
        index->entries[i] = (struct keyed){ index->keys[i], i };
        index->count++;
    }
    if (!ok)
        index_free(index);
    else if (index->count > 1)
        qsort(index->entries, index->count, sizeof(*index->entries), compare_keys);
    return ok;
}

static int compare_key(const void *key, const void *entry)
{
    return strcmp(key, ((const struct keyed *)entry)->key);
}

// The name with this key, NULL if there is none.
static const char *index_find(const struct index *index, const struct file_list *names,
                              const char *key)
{
    const struct keyed *entry = index->count
                                    ? bsearch(key, index->entries, index->count,
                                              sizeof(*index->entries), compare_key)
                                    : NULL;
    return entry ? names->names[entry->index] : NULL;
}

enum { NAMES_SIZE = 600 };    // of the text with names

// Why files of a side are left out: how many, and the first of them with the other file
// that is the reason.
struct reasons {
    struct left_out {
        size_t count;
        const char *name, *other;
        // All of them, or as many as there is room for: "a.png, b.png and 7 more".
        char names[NAMES_SIZE];
        size_t named;
    } doubles, unread, alike, alone;
    size_t images;    // of `unread`, those whose partner is an image
};

static void count_left_out(struct left_out *l, const char *name, const char *other)
{
    const size_t used = strlen(l->names);
    if (l->count++ == 0) {
        l->name = name;
        l->other = other;
    }
    if (l->named + 1 < l->count || used + strlen(name) + 32 > sizeof(l->names))
        return;
    snprintf(l->names + used, sizeof(l->names) - used, "%s%s", used ? ", " : "", name);
    l->named++;
}

// The names that were counted. A name that fills the room alone is cut.
static const char *names_text(struct left_out *l)
{
    const size_t used = strlen(l->names);
    if (l->named == 0)
        snprintf(l->names, sizeof(l->names) - 32, "%s", l->name);
    else if (l->named < l->count)
        snprintf(l->names + used, sizeof(l->names) - used, " and %zu more",
                 l->count - l->named);
    return l->names;
}

static bool has_alone(const struct pairing_side *side)
{
    for (size_t i = 0; i < side->count; i++)
        if (side->files[i].state == PAIRING_ALONE)
            return true;
    return false;
}

static bool find_reasons(const struct pairing_side *side,
                         const struct pairing_side *opposite, struct reasons *reasons)
{
    const struct file_list *pictures = &opposite->listing->pictures;
    const struct file_list *others = &opposite->listing->others;
    struct index unread = { 0 }, folded = { 0 };
    *reasons = (struct reasons){ 0 };
    // Most folders are complete.
    bool ok = !has_alone(side) || (index_build(others, false, &unread) &&
                                   index_build(pictures, true, &folded));
    for (size_t i = 0; ok && i < side->count; i++) {
        const struct pairing_file *file = &side->files[i];
        struct left_out *to = NULL;
        const char *other = NULL;
        if (file->state == PAIRING_DOUBLE) {
            to = &reasons->doubles;
            other = side->files[file->other].name;
        } else if (file->state == PAIRING_ALONE) {
            char *key = stem_make_key(file->name, true);
            ok = key != NULL;
            if (ok && (other = index_find(&unread, others, file->key)) != NULL)
                to = &reasons->unread;
            else if (ok && (other = index_find(&folded, pictures, key)) != NULL)
                to = &reasons->alike;
            else
                to = &reasons->alone;
            mem_free(key);
        }
        if (ok && to) {
            if (to == &reasons->unread)
                reasons->images += picture_has_foreign_extension(other);
            count_left_out(to, file->name, other);
            log_debug("dataset: skipping %s/%s%s%s", side->listing->folder, file->name,
                      other ? ": there is " : "", other ? other : "");
        }
    }
    index_free(&unread);
    index_free(&folded);
    return ok;
}

static void report_side(struct reasons *r, const struct pairing_side *side,
                        const struct pairing_side *opposite)
{
    const char *folder = side->listing->folder;
    const char *other_folder = opposite->listing->folder, *s = PLURAL(side->count);
    if (r->alone.count > 0)
        log_warn(
            "dataset: skipping %zu of %zu file%s of %s: no file of the same name in "
            "%s: %s",
            r->alone.count, side->count, s, folder, other_folder,
            names_text(&r->alone));
    if (r->unread.count > 0)
        log_warn("dataset: skipping %zu of %zu file%s of %s: the partner in %s has an "
                 "extension that is not read (first: %s, %s)",
                 r->unread.count, side->count, s, folder, other_folder, r->unread.name,
                 r->unread.other);
    if (r->alike.count > 0) {
        char name[NAME_SIZE], other[NAME_SIZE];
        stem_escape(r->alike.name, name, sizeof(name));
        stem_escape(r->alike.other, other, sizeof(other));
        log_warn(
            "dataset: skipping %zu of %zu file%s of %s: the name in %s differs, "
            "though only in case or in how characters are encoded (first: %s, %s): "
            "rename one of them",
            r->alike.count, side->count, s, folder, other_folder, name, other);
    }
    if (r->doubles.count > 0)
        log_warn("dataset: skipping %zu of %zu files of %s: a file with the same name "
                 "and another extension is used (first: %s, for %s)",
                 r->doubles.count, side->count, folder, r->doubles.name,
                 r->doubles.other);
}

// Pairs that join_keys made look equal, but are not: a word, since nothing shows it.
static void report_keys(const struct pairing *p)
{
    size_t count = 0, first = 0;
    for (size_t i = p->a.count; i-- > 0;) {
        const struct pairing_file *a = &p->a.files[i];
        if (a->state == PAIRING_PAIRED && a->key) {
            count++;
            first = i;
        }
    }
    if (count == 0)
        return;
    char a[NAME_SIZE], b[NAME_SIZE];
    stem_escape(p->a.files[first].name, a, sizeof(a));
    stem_escape(p->b.files[p->a.files[first].other].name, b, sizeof(b));
    log_info("dataset: %zu of %zu pair%s names that differ in how characters are "
             "encoded (first: %s and %s): they are taken as equal",
             count, p->pairs, p->pairs == 1 ? " has" : "s have", a, b);
}

bool pairing_report(const struct pairing *p)
{
    struct reasons a, b;
    if (!find_reasons(&p->a, &p->b, &a) || !find_reasons(&p->b, &p->a, &b))
        return false;
    report_side(&a, &p->a, &p->b);
    report_side(&b, &p->b, &p->a);
    report_keys(p);
    return true;
}

bool pairing_count_unread(const struct pairing *p, size_t *count, const char **example)
{
    struct reasons a, b;
    if (!find_reasons(&p->a, &p->b, &a) || !find_reasons(&p->b, &p->a, &b))
        return false;
    *count = a.unread.count + b.unread.count;
    *example = a.unread.count ? a.unread.other : b.unread.other;
    return true;
}

bool pairing_is_poor(const struct pairing *p, bool *is_poor)
{
    const size_t half = DIV_UP(MAX(p->a.count, p->b.count), 2);
    struct reasons a, b;
    *is_poor = p->pairs < half;
    if (!*is_poor)
        return true;
    if (!find_reasons(&p->a, &p->b, &a) || !find_reasons(&p->b, &p->a, &b))
        return false;
    *is_poor = p->pairs + MAX(a.images, b.images) < half;
    return true;
}
