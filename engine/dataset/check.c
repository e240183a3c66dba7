// SPDX-License-Identifier: MIT
//
// Each thread reads one pair after another and keeps only their features; what is odd
// follows from the features of all, in the order of the pairs, so that the report is
// the same whatever the number of threads. See check.h.

#include "dataset/check.h"

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/os.h"
#include "dataset/check_inside.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *check_name(const struct check *c, size_t item, size_t seen_from, bool is_b,
                       char text[CHECK_NAME_SIZE])
{
    const struct survey *s = &c->survey;
    const char *split = s->items[item].split;
    const char *path = survey_path(s, item, is_b);
    if (strcmp(split, s->items[seen_from].split) == 0)
        snprintf(text, CHECK_NAME_SIZE, "%s", path);
    else
        snprintf(text, CHECK_NAME_SIZE, "%s, which is for %s", path, split);
    return text;
}

void check_add(struct check *c, enum pix_finding_kind kind, size_t item, int side,
               size_t other, const char *format, ...)
{
    char text[CHECK_TEXT_SIZE];
    const struct survey *s = &c->survey;
    const char *file = survey_path(s, item, side);
    const char *partner = survey_path(s, item, !side);
    const bool is_of_both = kind == PIX_FINDING_EQUAL || kind == PIX_FINDING_SHIFTED ||
                            kind == PIX_FINDING_MISMATCHED || kind == PIX_FINDING_SIZE;
    const struct alignment *a = &c->entries[item].alignment;
    const bool is_shift = kind == PIX_FINDING_SHIFTED;
    const struct found found = {
        .finding = { .kind = kind,
                     .split = s->items[item].split,
                     .file = file,
                     .other = other != FOUND_NONE ? survey_path(s, other, side)
                              : is_of_both && partner != file ? partner
                                                              : NULL,
                     .dx = is_shift ? a->dx : 0,
                     .dy = is_shift ? a->dy : 0 },
        .item = item,
        .other = other,
    };
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    findings_add(&c->findings, &found, text);
}

// ---------------------------------------------------------------------------
// Reading

// Called by any thread.
static void look(void *user, size_t item)
{
    struct check *c = user;
    struct entry *e = &c->entries[item];
    struct picture sides[2], greys[2] = { 0 };
    const uint64_t failures = mem_failures();
    e->is_read =
        survey_read(&c->survey, item, &sides[0], &sides[1], &e->culprit, &e->reason);
    e->has_b = e->is_read && sides[1].samples;
    bool ok = e->is_read && features_find(&sides[0], &e->sides[0], &greys[0]);
    if (ok && e->has_b)
        ok = features_find(&sides[1], &e->sides[1], &greys[1]) &&
             alignment_find(&greys[0], &greys[1], &e->alignment);
    e->failed = mem_failures() != failures || (e->is_read && !ok);
    for (int i = 0; i < 2; i++) {
        picture_free(&sides[i]);
        picture_free(&greys[i]);
    }
}

// Whether nothing kept an image from being looked at that may pass: without it the set
// would be another one. The threads have no log.
static bool has_all(const struct check *c)
{
    for (size_t i = 0; i < c->survey.count; i++) {
        const struct entry *e = &c->entries[i];
        if (!e->failed && !e->is_read && e->reason.kind == REASON_PASSING) {
            log_error("dataset: %s cannot be looked at for now: %s", e->culprit,
                      e->reason.text);
            return false;
        }
        if (!e->failed)
            continue;
        log_error("dataset: out of memory while %s was looked at: free some, or use "
                  "fewer threads",
                  survey_path(&c->survey, i, false));
        return false;
    }
    return true;
}

static void add_broken(struct check *c)
{
    for (size_t i = 0; i < c->survey.count; i++) {
        const struct entry *e = &c->entries[i];
        if (!e->is_read)
            check_add(c, PIX_FINDING_BROKEN, i,
                      strcmp(e->culprit, survey_path(&c->survey, i, false)) != 0,
                      FOUND_NONE, "cannot be read: %s", e->reason.text);
    }
}

// ---------------------------------------------------------------------------
// Files that are in no pair

struct search {
    struct check *check;
    const char **paths;    // of all pairs, sorted
    size_t count;
    const char *split;
    enum pix_finding_kind kind;
};

static int compare_paths(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool add_left_out(void *user, const char *path)
{
    const struct search *s = user;
    struct findings *f = &s->check->findings;
    const struct found found = {
        .finding = { .kind = s->kind, .split = s->split, .file = path },
        .item = FOUND_NONE,
        .other = FOUND_NONE
    };
    if (s->kind == PIX_FINDING_UNREAD)
        findings_add(f, &found, "has an extension that is not read");
    else if (s->count &&
             bsearch(&path, s->paths, s->count, sizeof(*s->paths), compare_paths))
        return true;
    else if (check_is_of_singles(s->check))
        findings_add(f, &found, "is not used, since another place has the images");
    else
        findings_add(f, &found,
                     "is in no pair: nothing of the same name is on the "
                     "other side, or another place has the pairs");
    return !f->failed;
}

static bool visit_split(struct search *s, const char *split)
{
    const char *data = s->check->survey.source.data;
    s->split = split ? split : "";
    s->kind = PIX_FINDING_ALONE;
    if (!data_folder_visit(data, split, add_left_out, s))
        return false;
    s->kind = PIX_FINDING_UNREAD;
    return data_folder_visit_unread(data, split, add_left_out, s);
}

// A list names what it has.
static bool add_unlisted(struct check *c, const char *only)
{
    const struct survey *survey = &c->survey;
    struct search s = { .check = c };
    if (survey->source.list)
        return true;
    s.paths = mem_array(2 * survey->count, sizeof(*s.paths));
    if (!s.paths)
        return false;
    for (size_t i = 0; i < survey->count; i++) {
        const struct pair_file *file = survey->items[i].file;
        s.paths[s.count++] = file->a;
        if (file->b)
            s.paths[s.count++] = file->b;
    }
    qsort(s.paths, s.count, sizeof(*s.paths), compare_paths);
    bool ok = true;
    if (survey->is_whole)
        ok = visit_split(&s, NULL);
    else if (split_ratio_is_set(&survey->source.ratio))
        // Of a divided folder one split is not all that is in it.
        ok = only || visit_split(&s, NULL);
    else
        for (int i = 0; ok && i < SPLIT_COUNT; i++)
            if (!only || strcmp(only, split_name((enum split)i)) == 0)
                ok = visit_split(&s, split_name((enum split)i));
    mem_free(s.paths);
    return ok;
}

// ---------------------------------------------------------------------------

static bool check_sheet_path(const char *path)
{
    if (!path || os_path_is_absent(path))
        return true;
    log_error("dataset: %s exists already: name another file for the sheet", path);
    return false;
}

bool check_dataset(const struct pix_dataset_options *o, const char *sheet,
                   struct pix_dataset_report *report)
{
    struct check c = { 0 };
    *report = (struct pix_dataset_report){ 0 };
    bool ok = check_sheet_path(sheet) && survey_open(&c.survey, o) &&
              (!sheet || survey_check_outside(&c.survey, sheet));
    c.entries = ok ? mem_array(c.survey.count, sizeof(*c.entries)) : NULL;
    ok = ok && c.entries;
    if (ok) {
        survey_run(&c.survey,
                   check_is_of_singles(&c) ? "checking images" : "checking pairs", look,
                   &c);
        ok = has_all(&c);
    }
    if (ok) {
        add_broken(&c);
        check_images(&c);
        ok = add_unlisted(&c, o->split) && check_sides(&c) && check_likeness(&c) &&
             !c.findings.failed;
    }
    if (ok) {
        findings_sort(&c.findings);
        report->pairs = c.survey.count;
        // What was found is worth more than the sheet of it.
        const bool is_drawn = !sheet || check_draw(&c, sheet);
        ok = findings_hand_over(&c.findings, report) && is_drawn;
    }
    findings_free(&c.findings);
    mem_free(c.entries);
    survey_close(&c.survey);
    return ok;
}
