// SPDX-License-Identifier: MIT
//
// See data_source.h.

#include "data/data_source.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/os.h"
#include "data/pair_table.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static bool is_divided(const struct data_source *s)
{
    return split_ratio_is_set(&s->ratio);
}

// What is divided is listed for each split.
static bool is_quiet(const char *split)
{
    return strcmp(split, split_name(SPLIT_TRAIN)) != 0;
}

// The split of a row: its own, by the ratio, or else train. False without memory.
static bool find_split(const struct data_source *s, const struct pair_file *file,
                       const struct pair_row *row, enum split *split)
{
    *split = row ? row->split : SPLIT_COUNT;
    if (*split < SPLIT_COUNT)
        return true;
    *split = SPLIT_TRAIN;
    return !is_divided(s) || split_ratio_find(&s->ratio, file->name, split);
}

// Keeps those of a split, with their rows, which may be NULL. False without memory.
static bool keep_split(const struct data_source *s, const char *split,
                       struct pair_list *list, struct pair_row *rows,
                       size_t counts[SPLIT_COUNT])
{
    const size_t count = list->count;
    bool ok = true;
    memset(counts, 0, SPLIT_COUNT * sizeof(*counts));
    list->count = 0;
    for (size_t i = 0; i < count; i++) {
        enum split found = SPLIT_COUNT;
        ok = ok && find_split(s, &list->files[i], rows ? &rows[i] : NULL, &found);
        if (ok)
            counts[found]++;
        if (!ok || strcmp(split_name(found), split) != 0) {
            pair_file_free(&list->files[i]);
            continue;
        }
        if (rows)
            rows[list->count] = rows[i];
        list->files[list->count++] = list->files[i];
    }
    return ok;
}

// The text of a ratio as the user would write it.
static const char *ratio_text(const struct split_ratio *r, char text[64])
{
    snprintf(text, 64, "%.4g:%.4g:%.4g", r->shares[SPLIT_TRAIN], r->shares[SPLIT_VAL],
             r->shares[SPLIT_TEST]);
    return text;
}

// Where there are few, the hashes of their names may leave a split without any, which
// evaluate would find after hours.
static void warn_of_empty(const struct data_source *s, const char *folder, size_t all,
                          const size_t counts[SPLIT_COUNT])
{
    const char *what = pair_noun(s->files == DATA_IMAGES, all);
    char ratio[64];
    for (int i = SPLIT_TRAIN + 1; i < SPLIT_COUNT; i++)
        if (counts[i] == 0 && s->ratio.shares[i] > 0)
            log_warn("dataset: of the %zu %s of %s none is for %s by the ratio %s: "
                     "choose a larger share, or name splits in a list (--pairs)",
                     all, what, folder, split_name((enum split)i),
                     ratio_text(&s->ratio, ratio));
}

// Says how many of all are left, and names the split before the folder. `counts` is
// NULL where the ratio divides none.
static bool describe_split(const struct data_source *s, const char *split, size_t all,
                           const size_t counts[SPLIT_COUNT], struct pair_list *list)
{
    const char *what = pair_noun(s->files == DATA_IMAGES, all);
    char ratio[64];
    char *folder = mem_printf("%s of %s", split, list->folder);
    if (!folder)
        return false;
    if (list->count == 0 && is_divided(s))
        log_error("dataset: of the %zu %s of %s none is for %s by the ratio %s: add "
                  "images, or choose a larger share with --split-ratio",
                  all, what, list->folder, split, ratio_text(&s->ratio, ratio));
    else if (list->count == 0)
        log_error("dataset: of the %zu %s of %s none is for %s: name this split in "
                  "some of its lines, or divide it with --split-ratio",
                  all, what, list->folder, split);
    else
        log_info("dataset: %zu of %zu %s of %s %s for %s%s%s", list->count, all, what,
                 list->folder, list->count == 1 ? "is" : "are", split,
                 is_divided(s) ? " by the ratio " : "",
                 is_divided(s) ? ratio_text(&s->ratio, ratio) : "");
    if (list->count > 0 && is_divided(s) && counts && !is_quiet(split))
        warn_of_empty(s, list->folder, all, counts);
    mem_free(list->folder);
    list->folder = folder;
    return list->count > 0;
}

// ---------------------------------------------------------------------------
// Lists

// An absent file would end the start of a run as one that has just gone.
static bool check_files(const struct pair_table *table, const char *path)
{
    const struct pair_list *list = &table->pairs;
    const char *first = NULL;
    uint64_t line = 0;
    size_t absent = 0;
    for (size_t i = 0; i < list->count; i++) {
        const char *const paths[] = { list->files[i].a, list->files[i].b };
        for (size_t k = 0; k < ARRAY_LEN(paths); k++) {
            if (!paths[k] || !os_path_is_absent(paths[k]) || absent++ > 0)
                continue;
            first = paths[k];
            line = table->rows[i].line;
        }
    }
    if (absent > 0)
        log_error("dataset: %zu file%s that %s lists %s not exist (first: line %" PRIu64
                  ", \"%s\"): paths are relative to the folder of the list",
                  absent, PLURAL(absent), path, absent == 1 ? "does" : "do", line,
                  first);
    return absent == 0;
}

static bool list_table(const struct data_source *s, const char *split,
                       struct pair_list *list)
{
    struct pair_table table;
    if (!pair_table_read(s->list, s->files, is_quiet(split), &table))
        return false;
    const size_t all = table.pairs.count;
    size_t open = 0, counts[SPLIT_COUNT];
    for (size_t i = 0; i < all; i++)
        open += table.rows[i].split == SPLIT_COUNT;
    if (is_divided(s) && open == 0 && !is_quiet(split))
        log_warn("dataset: each line of %s names a split, so that the ratio has no "
                 "effect",
                 s->list);
    const bool ok = keep_split(s, split, &table.pairs, table.rows, counts) &&
                    describe_split(s, split, all, open ? counts : NULL, &table.pairs) &&
                    check_files(&table, s->list);
    if (ok) {
        *list = table.pairs;
        table.pairs = (struct pair_list){ 0 };
    }
    pair_table_free(&table);
    return ok;
}

static bool table_has(const struct data_source *s, const char *split, bool *has)
{
    struct pair_table table;
    bool ok = pair_table_read(s->list, s->files, true, &table);
    for (size_t i = 0; ok && i < table.pairs.count && !*has; i++) {
        enum split found;
        ok = find_split(s, &table.pairs.files[i], &table.rows[i], &found);
        *has = ok && strcmp(split_name(found), split) == 0;
    }
    if (ok)
        pair_table_free(&table);
    return ok;
}

static bool visit_table(const struct data_source *s,
                        bool (*visit)(void *user, const char *path), void *user)
{
    struct pair_table table;
    if (!pair_table_read(s->list, s->files, true, &table))
        return false;
    bool ok = visit(user, s->list);
    for (size_t i = 0; ok && i < table.pairs.count; i++) {
        const struct pair_file *file = &table.pairs.files[i];
        ok = visit(user, file->a) && (!file->b || visit(user, file->b));
    }
    pair_table_free(&table);
    return ok;
}

// ---------------------------------------------------------------------------
// Either

static bool list_divided(const struct data_source *s, const char *split,
                         struct pair_list *list)
{
    bool is_split;
    if (!data_folder_is_split(s->data, &is_split))
        return false;
    if (is_split) {
        log_error("dataset: %s has folders of splits (train, val or test), which a "
                  "ratio cannot divide: leave out --split-ratio, or name a folder that "
                  "holds the images itself",
                  s->data);
        return false;
    }
    if (!data_folder_list_whole(s->data, s->files, is_quiet(split), list))
        return false;
    const size_t all = list->count;
    size_t counts[SPLIT_COUNT];
    if (keep_split(s, split, list, NULL, counts) &&
        describe_split(s, split, all, counts, list))
        return true;
    pair_list_free(list);
    return false;
}

bool data_source_has(const struct data_source *s, const char *split, bool *has)
{
    enum split wanted;
    *has = false;
    if (s->list)
        return table_has(s, split, has);
    if (!is_divided(s))
        return data_folder_has(s->data, split, has);
    *has = split_find(split, &wanted) && s->ratio.shares[wanted] > 0;
    return true;
}

bool data_source_list(const struct data_source *s, const char *split,
                      struct pair_list *list)
{
    *list = (struct pair_list){ 0 };
    return s->list         ? list_table(s, split, list)
           : is_divided(s) ? list_divided(s, split, list)
                           : data_folder_list(s->data, split, s->files, list);
}

bool data_source_visit(const struct data_source *s,
                       bool (*visit)(void *user, const char *path), void *user)
{
    if (s->list)
        return visit_table(s, visit, user);
    if (is_divided(s))
        return data_folder_visit(s->data, NULL, visit, user);
    for (int i = 0; i < SPLIT_COUNT; i++)
        if (!data_folder_visit(s->data, split_name((enum split)i), visit, user))
            return false;
    return true;
}
