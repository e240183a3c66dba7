// SPDX-License-Identifier: MIT
//
// All names are known, and differ, before anything is written. See arrange.h.

#include "dataset/arrange.h"

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/os.h"
#include "data/picture_file.h"
#include "data/stems.h"
#include "dataset/survey.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// What became of combining or separating a pair.
struct outcome {
    char trouble[LOG_LINE_SIZE];    // why it was not written; "": it was
    bool is_passing;                // that is not the fault of its files
    bool is_bare;                   // it loses what its files have beside samples
};

struct arrangement {
    struct survey survey;
    const char *out;
    char **stems;    // of the files that are made, by item: "out/train/a"
    struct outcome *outcomes;
};

// ---------------------------------------------------------------------------
// The new folder

static bool note_entry(void *user, const char *name)
{
    (void)name;
    *(bool *)user = false;
    return false;
}

// Absent or empty, and not in the data set, which would then be another one.
static bool check_out(const struct survey *s, const char *out)
{
    bool is_empty = true;
    if (!os_path_is_absent(out) &&
        (!file_is_folder(out) || !os_folder_list(out, note_entry, &is_empty) ||
         !is_empty)) {
        log_error("dataset: %s is not a new or empty folder: name another one, since "
                  "nothing is overwritten",
                  out);
        return false;
    }
    return survey_check_outside(s, out);
}

// "a/b.png" as the name of a file: "a_b". Lists may name ".." and absolute paths.
static char *make_stem(const struct arrangement *a, size_t item)
{
    const struct survey_item *i = &a->survey.items[item];
    const char *name = i->file->name;
    while (*name == '.' || *name == '/' || *name == '\\')
        name++;
    char *stem = mem_printf("%s/%s%s%.*s", a->out, i->split, *i->split ? "/" : "",
                            (int)stem_length(name), name);
    const size_t before = strlen(a->out) + 1 + strlen(i->split) + (*i->split != 0);
    for (char *c = stem ? stem + before : NULL; c && *c; c++)
        if (*c == '/' || *c == '\\' || *c == ':')
            *c = '_';
    return stem;
}

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool check_stems(const struct arrangement *a)
{
    const size_t count = a->survey.count;
    char **sorted = mem_array(MAX(count, 1u), sizeof(*sorted));
    bool ok = sorted != NULL;
    if (ok) {
        memcpy(sorted, a->stems, count * sizeof(*sorted));
        qsort(sorted, count, sizeof(*sorted), compare_texts);
    }
    for (size_t i = 1; ok && i < count; i++) {
        ok = strcmp(sorted[i - 1], sorted[i]) != 0;
        if (!ok)
            log_error("dataset: two images would become %s: rename one of them",
                      sorted[i]);
    }
    mem_free(sorted);
    return ok;
}

// Those of the splits, in out/`above` and with `below` in each.
static bool make_folders(const struct arrangement *a, const char *above,
                         const char *below)
{
    for (size_t i = 0; i < a->survey.count; i++) {
        if (i > 0 &&
            strcmp(a->survey.items[i].split, a->survey.items[i - 1].split) == 0)
            continue;
        char *folder =
            mem_printf("%s/%s%s%s", a->out, above, a->survey.items[i].split, below);
        const bool ok = folder && file_make_folder(folder);
        mem_free(folder);
        if (!ok)
            return false;
    }
    return true;
}

static bool arrangement_init(struct arrangement *a, const struct pix_dataset_options *o,
                             const char *out)
{
    *a = (struct arrangement){ .out = out };
    if (!survey_open(&a->survey, o) || !check_out(&a->survey, out))
        return false;
    const size_t count = a->survey.count;
    a->stems = mem_array(count, sizeof(*a->stems));
    a->outcomes = mem_array(count, sizeof(*a->outcomes));
    if (!a->stems || !a->outcomes)
        return false;
    for (size_t i = 0; i < count; i++) {
        a->stems[i] = make_stem(a, i);
        if (!a->stems[i])
            return false;
    }
    return check_stems(a);
}

static void arrangement_finish(struct arrangement *a)
{
    for (size_t i = 0; a->stems && i < a->survey.count; i++)
        mem_free(a->stems[i]);
    mem_free(a->stems);
    mem_free(a->outcomes);
    survey_close(&a->survey);
}

// ---------------------------------------------------------------------------
// Pairs in one image

static bool match(struct picture *a, struct picture *b, struct reason *reason)
{
    if (a->height != b->height || a->width != b->width)
        return reason_refuse(reason,
                             "is %ux%u and its partner %ux%u: sides of one image have "
                             "one size, resize one of them",
                             (unsigned)a->width, (unsigned)a->height,
                             (unsigned)b->width, (unsigned)b->height);
    if (a->kind != b->kind)
        return reason_refuse(reason, "is %s and its partner %s: convert one of them",
                             pixel_kind_name(a->kind), pixel_kind_name(b->kind));
    if (a->channels != b->channels) {
        struct picture *grey = a->channels == 1 ? a : b;
        const struct picture *other = grey == a ? b : a;
        if (grey->channels != 1 || other->channels != 3 || grey->is_array)
            return reason_refuse(reason,
                                 "has %u channels and its partner %u: convert one of "
                                 "them",
                                 (unsigned)a->channels, (unsigned)b->channels);
        return picture_set_channels(grey, 3, reason);
    }
    return true;
}

static void copy_rows(const struct picture *from, struct picture *to, size_t left)
{
    const size_t bytes = pixel_bytes(from->kind);
    const size_t row = from->width * bytes, stride = to->width * bytes;
    for (size_t y = 0; y < (size_t)from->channels * from->height; y++)
        memcpy((uint8_t *)to->samples + y * stride + left * bytes,
               (const uint8_t *)from->samples + y * row, row);
}

static bool join(struct picture *a, struct picture *b, struct picture *out,
                 struct reason *reason)
{
    if (!match(a, b, reason))
        return false;
    if (!picture_create(out, a->kind, a->channels, a->width + b->width, a->height))
        return reason_refuse_memory(reason);
    out->is_array = a->is_array;
    copy_rows(a, out, 0);
    copy_rows(b, out, a->width);
    return true;
}

// A profile or a georeference is of a whole file. What is made of two, or of a half,
// has neither.
static void drop_tags(struct outcome *o, struct picture *p)
{
    const struct picture_holds nothing = { 0 };
    o->is_bare |=
        picture_tags_losses(p->tags, nothing, p->channels, p->width, p->height) != 0;
    picture_tags_free(p->tags);
    p->tags = NULL;
}

static void tell_bare(const struct arrangement *a)
{
    size_t count = 0, first = 0;
    for (size_t i = a->survey.count; i-- > 0;)
        if (a->outcomes[i].is_bare && !a->outcomes[i].trouble[0]) {
            count++;
            first = i;
        }
    if (count > 0)
        log_warn(
            "dataset: %zu of %zu pairs have an ICC profile or a georeference, which "
            "what is made of them does not have, as %s",
            count, a->survey.count, survey_path(&a->survey, first, false));
}

// As `stem`.png, or .npy where that cannot hold the samples.
static bool write_picture(const struct arrangement *a, const char *stem,
                          const struct picture *p, char trouble[LOG_LINE_SIZE])
{
    struct log_capture capture;
    const bool is_png = picture_can_be_written("x.png", p->kind, p->channels);
    log_capture_begin(&capture);
    char *path = mem_printf("%s%s", stem, is_png ? ".png" : ".npy");
    const bool ok = path && picture_write_ordered(path, p, a->survey.reading.order);
    snprintf(trouble, LOG_LINE_SIZE, "%s", log_capture_end(&capture));
    mem_free(path);
    return ok;
}

// Of a pair that was read, or was not for that reason.
static void note_refusal(struct outcome *o, const char *path,
                         const struct reason *reason)
{
    snprintf(o->trouble, sizeof(o->trouble), "dataset: %s %s", path, reason->text);
    o->is_passing = reason->kind == REASON_PASSING;
}

// Called by any thread.
static void combine(void *user, size_t item)
{
    const struct arrangement *a = user;
    struct outcome *o = &a->outcomes[item];
    struct picture left = { 0 }, right = { 0 }, out = { 0 };
    const char *path = survey_path(&a->survey, item, false);
    struct reason reason;
    bool ok = a->survey.items[item].file->b ||
              reason_refuse(&reason, "holds both sides already");
    ok = ok && survey_read(&a->survey, item, &left, &right, &path, &reason);
    if (ok) {
        path = survey_path(&a->survey, item, false);
        drop_tags(o, &left);
        drop_tags(o, &right);
        ok = join(&left, &right, &out, &reason);
    }
    if (!ok)
        note_refusal(o, path, &reason);
    else if (write_picture(a, a->stems[item], &out, o->trouble))
        o->trouble[0] = '\0';
    else
        o->is_passing = true;
    picture_free(&left);
    picture_free(&right);
    picture_free(&out);
}

// False after a message where it is not the pairs that are to blame.
static bool tell_troubles(const struct arrangement *a, uint64_t *written,
                          uint64_t *failed)
{
    bool ok = true;
    for (size_t i = 0; ok && i < a->survey.count; i++) {
        const struct outcome *one = &a->outcomes[i];
        if (one->is_passing) {
            log_error("%s", one->trouble);
            ok = false;
        } else if (one->trouble[0]) {
            log_warn("%s", one->trouble);
        }
        *(one->trouble[0] ? failed : written) += 1;
    }
    return ok;
}

// Calls run(a, i) for each pair, and reports what became of them. False after a
// message.
static bool arrange(struct arrangement *a, const char *what,
                    void (*run)(void *user, size_t item), uint64_t *written,
                    uint64_t *failed)
{
    a->survey.reading.with_tags = true;
    survey_run(&a->survey, what, run, a);
    if (!tell_troubles(a, written, failed))
        return false;
    tell_bare(a);
    return true;
}

bool arrange_combined(const struct pix_dataset_options *o, const char *out,
                      uint64_t *written, uint64_t *failed)
{
    struct arrangement a;
    *written = *failed = 0;
    if (o->singles) {
        log_error("dataset: single images cannot be combined: pairs can");
        return false;
    }
    const bool ok = arrangement_init(&a, o, out) && make_folders(&a, "", "") &&
                    arrange(&a, "combining pairs", combine, written, failed);
    arrangement_finish(&a);
    return ok;
}

// ---------------------------------------------------------------------------
// Sides of one image

// "out/train/a" as "out/A/train/a".
static bool write_side(const struct arrangement *a, size_t item, const char *side,
                       const struct picture *p)
{
    char *stem = mem_printf("%s/%s%s", a->out, side, a->stems[item] + strlen(a->out));
    const bool ok = stem && write_picture(a, stem, p, a->outcomes[item].trouble);
    mem_free(stem);
    return ok;
}

// Called by any thread.
static void separate(void *user, size_t item)
{
    const struct arrangement *a = user;
    struct outcome *o = &a->outcomes[item];
    struct picture left = { 0 }, right = { 0 };
    const char *path = survey_path(&a->survey, item, false);
    struct reason reason;
    bool ok = !a->survey.items[item].file->b ||
              reason_refuse(&reason, "has its partner in another file already");
    ok = ok && survey_read(&a->survey, item, &left, &right, &path, &reason);
    if (ok)
        drop_tags(o, &left);
    if (!ok)
        note_refusal(o, path, &reason);
    else if (write_side(a, item, "A", &left) && write_side(a, item, "B", &right))
        o->trouble[0] = '\0';
    else
        o->is_passing = true;
    picture_free(&left);
    picture_free(&right);
}

bool arrange_separated(const struct pix_dataset_options *o, const char *out,
                       uint64_t *written, uint64_t *failed)
{
    struct arrangement a;
    *written = *failed = 0;
    if (o->singles) {
        log_error("dataset: single images have no sides to separate: pairs do");
        return false;
    }
    const bool ok = arrangement_init(&a, o, out) && make_folders(&a, "A/", "") &&
                    make_folders(&a, "B/", "") &&
                    arrange(&a, "separating pairs", separate, written, failed);
    arrangement_finish(&a);
    return ok;
}

// ---------------------------------------------------------------------------
// Splits

static bool copy_bytes(FILE *from, struct file_writer *to)
{
    uint8_t bytes[32768];
    size_t count;
    while ((count = fread(bytes, 1, sizeof(bytes), from)) > 0)
        if (!file_writer_write(to, bytes, count))
            return false;
    return !ferror(from);
}

static bool copy_file(const char *from, const char *to)
{
    struct file_writer writer;
    struct reason reason;
    uint64_t size;
    FILE *file = file_open_regular(from, &size, &reason);
    if (!file) {
        log_error("dataset: %s %s", from, reason.text);
        return false;
    }
    bool ok = file_writer_begin(&writer, to, false);
    if (ok && !copy_bytes(file, &writer)) {
        if (ferror(file))
            log_error("dataset: cannot read %s: %s", from, os_error_text());
        file_writer_abort(&writer);
        ok = false;
    } else if (ok) {
        ok = file_writer_commit(&writer);
    }
    fclose(file);
    return ok;
}

// "out/train/a" as "out/train/A/a.png" where there are two sides.
static bool copy_side(const struct arrangement *a, size_t item, const char *from,
                      const char *side)
{
    const char *stem = a->stems[item], *name = file_name(stem);
    char *path = mem_printf("%.*s%s%s%s", (int)(name - stem), stem, side, name,
                            file_extension(from));
    const bool ok = path && copy_file(from, path);
    mem_free(path);
    return ok;
}

static bool copy_all(const struct arrangement *a, uint64_t copied[3])
{
    struct progress progress = { a->survey.view, "dataset", "copying images",
                                 data_source_path(&a->survey.source), a->survey.count };
    progress_begin(&progress);
    for (size_t i = 0; i < a->survey.count; i++) {
        const struct survey_item *item = &a->survey.items[i];
        enum split split;
        if (!copy_side(a, i, item->file->a, item->file->b ? "A/" : "") ||
            (item->file->b && !copy_side(a, i, item->file->b, "B/")))
            return false;
        if (split_find(item->split, &split))
            copied[split]++;
        progress_update(&progress, i + 1);
    }
    return true;
}

bool arrange_split(const struct pix_dataset_options *o, const char *out,
                   uint64_t copied[3])
{
    struct arrangement a;
    memset(copied, 0, 3 * sizeof(*copied));
    if (!o->split_ratio && !o->pairs) {
        log_error("dataset: name the shares of the splits, as 0.8:0.1:0.1");
        return false;
    }
    bool ok = arrangement_init(&a, o, out);
    const bool sides = ok && a.survey.count > 0 && a.survey.items[0].file->b;
    ok = ok && make_folders(&a, "", sides ? "/A" : "") &&
         (!sides || make_folders(&a, "", "/B")) && copy_all(&a, copied);
    arrangement_finish(&a);
    return ok;
}
