// SPDX-License-Identifier: MIT
//
// See survey.h.

#include "dataset/survey.h"

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/os.h"
#include "base/parallel.h"
#include "data/picture_file.h"
#include "settings/settings.h"

#include <string.h>

static bool add_list(struct survey *s, struct pair_list *list, const char *split)
{
    size_t capacity = s->count;
    if (!mem_grow(&s->items, &capacity, s->count + list->count, sizeof(*s->items)))
        return false;
    for (size_t i = 0; i < list->count; i++)
        s->items[s->count++] = (struct survey_item){ &list->files[i], split };
    return true;
}

static bool list_splits(struct survey *s, const char *only)
{
    bool found = false;
    for (int i = 0; i < SPLIT_COUNT; i++) {
        const char *split = split_name((enum split)i);
        bool has = only && strcmp(only, split) == 0;
        if (!only && !data_source_has(&s->source, split, &has))
            return false;
        found = found || has;
        if (has && (!data_source_list(&s->source, split, &s->lists[i]) ||
                    !add_list(s, &s->lists[i], split)))
            return false;
    }
    if (found)
        return true;
    if (only) {
        log_error("dataset: there is no split \"%s\": use train, val or test, or leave "
                  "it out",
                  only);
        return false;
    }
    s->is_whole = true;
    return data_folder_list_whole(s->source.data, s->source.files, false,
                                  &s->lists[0]) &&
           add_list(s, &s->lists[0], "");
}

static bool find_source(struct survey *s, const struct pix_dataset_options *o)
{
    s->source = (struct data_source){
        .data = o->pairs ? NULL : o->data,
        .list = o->pairs,
        .files = o->singles ? DATA_IMAGES : DATA_PAIRS,
    };
    if ((o->data != NULL) == (o->pairs != NULL)) {
        log_error("dataset: %s: name a folder or a list of pairs",
                  o->data ? "a folder and a list are both given"
                          : "no data set is given");
        return false;
    }
    if (!o->split_ratio || split_ratio_parse(o->split_ratio, &s->source.ratio))
        return true;
    log_error("dataset: the ratio of splits is three shares that are not all 0, as "
              "0.8:0.1:0.1, not \"%s\"",
              o->split_ratio);
    return false;
}

// What somebody with single images has to know.
static void tell_of_halves(const struct survey *s)
{
    if (s->count > 0 && s->source.files == DATA_PAIRS && !s->items[0].file->b)
        log_info(
            "dataset: each image is taken for a pair, with A in its left half and B "
            "in its right one; --singles takes it for one image");
}

bool survey_open(struct survey *s, const struct pix_dataset_options *o)
{
    *s = (struct survey){ .view = { o->progress, o->progress_user },
                          .threads = o->threads };
    if (find_source(s, o) && settings_check_reading(&o->read, "dataset")) {
        s->reading = settings_parse_reading(&o->read);
        if (list_splits(s, o->split)) {
            tell_of_halves(s);
            return true;
        }
    }
    survey_close(s);
    return false;
}

void survey_close(struct survey *s)
{
    for (int i = 0; i < SPLIT_COUNT; i++)
        pair_list_free(&s->lists[i]);
    mem_free(s->items);
    *s = (struct survey){ 0 };
}

// ---------------------------------------------------------------------------
// What is written

// The absolute path of a file or folder, or of the nearest folder above it that exists.
// NULL: ".." follows what does not exist, or it cannot be found out.
static char *find_above(const char *path)
{
    char *part = mem_strdup(path), *found = NULL;
    while (part && !found) {
        found = os_path_absolute(*part ? part : ".");
        const size_t length = (size_t)(file_name(part) - part);
        if (found || !*part || strcmp(part + length, "..") == 0)
            break;
        part[length && part[length - 1] != ':' ? length - 1 : length] = '\0';
        if (length == 1)
            strcpy(part, "/");
    }
    mem_free(part);
    return found;
}

static bool lies_in(const char *path, const char *folder)
{
    const size_t length = strlen(folder);
    return strncmp(path, folder, length) == 0 &&
           (!path[length] || path[length] == '/' || path[length] == '\\' ||
            folder[length - 1] == '/');
}

bool survey_check_outside(const struct survey *s, const char *path)
{
    if (!s->source.data)
        return true;
    char *above = find_above(path), *data = os_path_absolute(s->source.data);
    const bool is_in = above && data && lies_in(above, data);
    if (is_in)
        log_error("dataset: %s lies in the data set %s, which would change: name a "
                  "place elsewhere",
                  path, s->source.data);
    const bool ok = above && data && !is_in;
    if (!above || !data)
        log_error("dataset: cannot find out where %s is: %s",
                  above ? s->source.data : path, os_error_text());
    mem_free(above);
    mem_free(data);
    return ok;
}

// ---------------------------------------------------------------------------
// Reading

bool survey_read(const struct survey *s, size_t item, struct picture *a,
                 struct picture *b, const char **culprit, struct reason *reason)
{
    const struct pair_file *file = s->items[item].file;
    struct picture whole;
    *a = *b = (struct picture){ 0 };
    *culprit = file->a;
    if (!picture_read_with(file->a, &s->reading, &whole, reason))
        return false;
    if (file->b || s->source.files == DATA_IMAGES) {
        *a = whole;
        *culprit = file->b ? file->b : file->a;
        if (!file->b || picture_read_with(file->b, &s->reading, b, reason))
            return true;
    } else {
        const bool ok = pair_cut(&whole, a, b, reason);
        if (ok) {
            picture_take_notes(a, &whole);
            whole.tags = NULL;    // they went to the first side with what was noted
        }
        picture_free(&whole);
        if (ok)
            return true;
    }
    picture_free(a);
    picture_free(b);
    return false;
}

const char *survey_path(const struct survey *s, size_t item, bool is_b)
{
    const struct pair_file *file = s->items[item].file;
    return is_b && file->b ? file->b : file->a;
}

// What is run, and the progress of it, which is the calling thread's.
struct tour {
    struct progress progress;
    void (*run)(void *user, size_t item);
    void *user;
};

static void visit(void *user, size_t item)
{
    const struct tour *tour = user;
    tour->run(tour->user, item);
}

static void watch(void *user, size_t done)
{
    struct tour *tour = user;
    progress_update(&tour->progress, done);
}

void survey_run(const struct survey *s, const char *what,
                void (*run)(void *user, size_t item), void *user)
{
    struct tour tour = {
        .progress = { s->view, "dataset", what, data_source_path(&s->source),
                      s->count },
        .run = run,
        .user = user,
    };
    progress_begin(&tour.progress);
    parallel_run_watched(s->count, s->threads ? s->threads : os_core_count(), visit,
                         watch, &tour);
}
