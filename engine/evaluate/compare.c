// SPDX-License-Identifier: MIT
//
// Each thread reads, compares and frees one pair after another, and has LPIPS look at
// it when the device is free; reports and sums come afterwards, in the order of the
// pairs. See compare.h.

#include "evaluate/compare.h"

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/os.h"
#include "base/parallel.h"
#include "data/alpha.h"
#include "data/file_notes.h"
#include "data/pairing.h"
#include "data/picture_file.h"
#include "evaluate/evaluation.h"
#include "evaluate/labels.h"
#include "evaluate/lpips_set.h"
#include "evaluate/read_files.h"
#include "program/tuned.h"
#include "settings/choice.h"
#include "settings/range.h"
#include "settings/settings.h"
#include "store/lpips_file.h"
#include "translate/conversion.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// What came of a pair.
struct outcome {
    bool compared;
    struct scores scores;
    uint32_t scales;         // of MS-SSIM
    enum pixel_kind kind;    // that they were compared as
    bool kinds_differ, grey_repeated;
    // The first file that was laid over a background; that has floats outside [-1, 1],
    // and no range. Or NULL.
    const char *laid, *beyond;
    bool is_narrow;    // see struct conversions
    uint64_t samples, outside;
    struct file_notes files;
    struct reason reason;    // why it was not compared
    bool about_b;            // the file that the reason is about
};

struct comparison {
    struct picture_reading reading;
    struct pixel_range range;    // of u16 and f32
    struct pair_list list;
    struct outcome *outcomes;
    struct palette palette;    // empty: none
    struct os_mutex *mutex;    // guards `labels`
    struct confusion labels;
    struct tuning tuning;    // of the device
    struct lpips_set lpips;
    struct os_mutex *device_mutex;    // for whoever uses the device, with what follows
    const struct log_sink *sink;      // of the caller
    bool has_failed;                  // the device, or memory for it
    char error[LOG_LINE_SIZE];
};

// ---------------------------------------------------------------------------
// One pair

// Grey becomes RGB where the other is.
static bool match_channels(struct picture *x, const struct picture *y, bool *repeated,
                           struct reason *reason)
{
    if (x->channels != 1 || y->channels != 3 || x->is_array)
        return true;
    *repeated = true;
    return picture_set_channels(x, 3, reason);
}

// The kinds are in rising order: u8, u16, f32.
static bool match_kind(struct picture *x, enum pixel_kind kind,
                       struct pixel_range range, struct reason *reason)
{
    return picture_set_kind(x, kind, range) || reason_refuse_memory(reason);
}

static void note_values(const struct picture *p, const char *path, struct outcome *o)
{
    if (pixel_range_is_set(p->range)) {
        o->samples += (uint64_t)p->channels * p->width * p->height;
        o->outside += picture_count_outside(p);
    } else if (!o->beyond && picture_exceeds_range(p)) {
        o->beyond = path;
    }
}

static bool match(const struct comparison *c, const struct pair_file *file,
                  struct picture *a, struct picture *b, struct outcome *o)
{
    if (a->width != b->width || a->height != b->height)
        return reason_refuse(&o->reason,
                             "%" PRIu32 "x%" PRIu32 " pixels against %" PRIu32
                             "x%" PRIu32 " of the other image: both must have one "
                             "size: resize one side; translate writes outputs of the "
                             "size of their input, unless --output-size says otherwise",
                             a->width, a->height, b->width, b->height);
    if (!match_channels(a, b, &o->grey_repeated, &o->reason) ||
        !match_channels(b, a, &o->grey_repeated, &o->reason))
        return false;
    if (a->channels != b->channels)
        return reason_refuse(
            &o->reason,
            "%" PRIu32 " channel%s against %" PRIu32
            " of the other image: both must have the same, or be grey and RGB",
            a->channels, PLURAL(a->channels), b->channels);
    o->kind = MAX(a->kind, b->kind);
    o->kinds_differ = a->kind != b->kind;
    note_values(a, file->a, o);
    note_values(b, file->b, o);
    return match_kind(a, o->kind, c->range, &o->reason) &&
           match_kind(b, o->kind, c->range, &o->reason);
}

static bool count_labels(struct comparison *c, const struct picture *a,
                         const struct picture *b, struct reason *reason)
{
    struct confusion own;
    if (!labels_may_be(a->kind, a->channels))
        return reason_refuse(reason,
                             "%" PRIu32 " channel%s of %s: label maps have 1 or 3 of "
                             "u8",
                             a->channels, PLURAL(a->channels),
                             pixel_kind_name(a->kind));
    if (!confusion_create(&own, c->palette.count))
        return reason_refuse_memory(reason);
    labels_compare(&c->palette, a, b, &own);
    os_mutex_lock(c->mutex);
    confusion_add(&c->labels, &own);
    os_mutex_unlock(c->mutex);
    confusion_free(&own);
    return true;
}

static bool read_one(const struct comparison *c, const char *path, bool is_b,
                     struct picture *picture, struct outcome *o)
{
    o->about_b = is_b;
    if (!picture_read_with(path, &c->reading, picture, &o->reason))
        return false;
    picture_set_range(picture, c->range);
    o->is_narrow = o->is_narrow || picture->is_narrow;
    file_notes_add(&o->files, &c->reading, picture, path);
    if (picture->is_transparent && c->reading.alpha >= ALPHA_WHITE && !o->laid)
        o->laid = path;
    return true;
}

// One pair at a time, since the device is one; the other threads read and compare
// meanwhile. A failure ends the whole.
static void compare_features(struct comparison *c, const struct picture *a,
                             const struct picture *b, struct scores *scores)
{
    const struct subject subject = { a, NULL, scores };
    struct log_capture capture;
    if (c->lpips.found == 0)
        return;
    os_mutex_lock(c->device_mutex);
    const struct log_sink *before = log_use(c->sink);
    if (!c->has_failed) {
        log_capture_begin(&capture);
        c->has_failed = !lpips_set_compare(&c->lpips, &subject, 1, b);
        snprintf(c->error, sizeof(c->error), "%s", log_capture_end(&capture));
    }
    log_use(before);
    os_mutex_unlock(c->device_mutex);
}

// Called by any thread.
static void compare_pair(void *user, size_t i)
{
    struct comparison *c = user;
    const struct pair_file *file = &c->list.files[i];
    struct outcome *o = &c->outcomes[i];
    struct picture a = { 0 }, b = { 0 };
    if (read_one(c, file->a, false, &a, o) && read_one(c, file->b, true, &b, o)) {
        o->about_b = false;
        if (match(c, file, &a, &b, o)) {
            o->scales = ssim_scales(a.width, a.height);
            o->compared =
                (metrics_compare(&a, &b, METRICS_ON_HOST, &o->scores) ||
                 reason_refuse_memory(&o->reason)) &&
                (c->palette.count == 0 || count_labels(c, &a, &b, &o->reason));
            if (o->compared)
                compare_features(c, &a, &b, &o->scores);
        }
    }
    picture_free(&a);
    picture_free(&b);
}

// ---------------------------------------------------------------------------
// The palette

// The colours of all images of B that can be read; the others are reported later.
static bool find_colours(struct comparison *c)
{
    for (size_t i = 0; i < c->list.count; i++) {
        const char *path = c->list.files[i].b;
        struct picture picture;
        struct reason reason;
        if (!picture_read_with(path, &c->reading, &picture, &reason))
            continue;
        const bool ok = palette_add_picture(&c->palette, &picture, &reason);
        picture_free(&picture);
        if (!ok) {
            log_error("compare: --palette auto cannot take the colours of %s: it %s",
                      path, reason.text);
            return false;
        }
    }
    return true;
}

static bool open_palette(struct comparison *c, const char *palette)
{
    if (!palette)
        return true;
    if (labels_palette_is_named(palette)) {
        if (!labels_read_palette(palette, "compare", &c->palette))
            return false;
    } else {
        if (!find_colours(c))
            return false;
        // Without any there is no pair either, which is reported then.
        if (c->palette.count == 0)
            return true;
    }
    c->mutex = os_mutex_create();
    return labels_check_palette(&c->palette, "compare") && c->mutex &&
           confusion_create(&c->labels, c->palette.count);
}

// ---------------------------------------------------------------------------
// All pairs

static bool list_files(const struct pix_compare_options *o, struct pair_list *list)
{
    *list = (struct pair_list){ .files = mem_array(1, sizeof(list->files[0])) };
    if (!list->files)
        return false;
    list->count = 1;
    list->files[0] =
        (struct pair_file){ mem_strdup(o->a), mem_strdup(o->a), mem_strdup(o->b) };
    return list->files[0].name && list->files[0].a && list->files[0].b;
}

static bool list_pairing(const struct listing *a, const struct listing *b,
                         struct pair_list *list)
{
    struct pairing pairing = { 0 };
    bool ok = pairing_find(a, b, &pairing) && pairing_report(&pairing);
    if (ok && pairing.pairs == 0) {
        log_error("compare: no image of %s (%zu) has the same name as one of %s (%zu)",
                  a->folder, a->pictures.count, b->folder, b->pictures.count);
        ok = false;
    }
    if (ok) {
        list->folder = mem_strdup(a->folder);
        list->files = mem_array(pairing.pairs, sizeof(list->files[0]));
        ok = list->folder && list->files && pairing_add(&pairing, list);
    }
    pairing_free(&pairing);
    return ok;
}

static bool list_folders(const struct pix_compare_options *o, struct pair_list *list)
{
    struct listing a = { 0 }, b = { 0 };
    bool ok = listing_read(o->a, picture_has_known_extension, &a) &&
              listing_read(o->b, picture_has_known_extension, &b);
    if (ok) {
        listing_warn(&a);
        listing_warn(&b);
        ok = list_pairing(&a, &b, list);
    }
    listing_free(&a);
    listing_free(&b);
    return ok;
}

static bool list_pairs(const struct pix_compare_options *o, struct pair_list *list)
{
    const bool a = file_is_folder(o->a), b = file_is_folder(o->b);
    *list = (struct pair_list){ 0 };
    if (a != b) {
        log_error("compare: %s is a folder and %s is not: name two images or two "
                  "folders",
                  a ? o->a : o->b, a ? o->b : o->a);
        return false;
    }
    return a ? list_folders(o, list) : list_files(o, list);
}

// What was noticed of all pairs.
struct notices {
    size_t kinds[PIXEL_KINDS], grey, beyond, laid;
    const char *first_beyond, *first_laid;
    struct conversions values;
    struct file_tally files;
};

static void count_notices(const struct comparison *c, size_t i, struct notices *n)
{
    const struct outcome *o = &c->outcomes[i];
    if (o->kinds_differ)
        n->kinds[o->kind]++;
    n->grey += o->grey_repeated;
    n->values.images++;
    n->values.narrow += o->is_narrow;
    n->values.samples += o->samples;
    n->values.outside += o->outside;
    if (o->beyond && n->beyond++ == 0)
        n->first_beyond = o->beyond;
    file_tally_add(&n->files, &o->files);
    if (o->laid && n->laid++ == 0)
        n->first_laid = o->laid;
}

static void report_notices(const struct notices *n, const struct comparison *c)
{
    const struct pixel_range range = c->range;
    const size_t count = c->list.count;
    alpha_report(c->reading.alpha, "compare", (uint32_t)n->laid, (uint32_t)count,
                 "pair", n->first_laid);
    for (int kind = 0; kind < PIXEL_KINDS; kind++)
        if (n->kinds[kind] > 0)
            log_info("compare: %zu of %zu pair%s two sample types and %s compared as "
                     "%s",
                     n->kinds[kind], count, count == 1 ? " has" : "s have",
                     n->kinds[kind] == 1 ? "is" : "are",
                     pixel_kind_name((enum pixel_kind)kind));
    if (n->grey > 0)
        log_info("compare: %zu of %zu pair%s of a grey image and an RGB one, whose "
                 "channels are all compared with the grey",
                 n->grey, count, count == 1 ? " is" : "s are");
    if (n->beyond > 0)
        log_warn(
            "compare: %zu of %zu pair%s values outside [-1, 1], which are compared "
            "unchanged (first: %s): psnr and ssim take the range for [-1, 1], and "
            "LPIPS was trained on it: name the range that they have with --range LO:HI",
            n->beyond, count, count == 1 ? " has" : "s have", n->first_beyond);
    conversion_report_narrow(&n->values, "compare", "pair");
    conversion_report_outside(&n->values, "compare", "pair", range,
                              "are compared as they are");
    if (pixel_range_is_set(range) && n->values.samples == 0)
        log_warn(
            "compare: --range has no effect: it is for u16 and f32, and all images "
            "are u8");
    file_tally_report(&n->files, count, "pair");
}

// MS-SSIM by the scales that all images have, so that its mean is one of equal things.
static void level_scales(struct comparison *c, uint32_t *scales)
{
    bool any = false;
    for (size_t i = 0; i < c->list.count; i++) {
        const struct outcome *o = &c->outcomes[i];
        if (o->compared && o->scales > 0)
            *scales = any ? MIN(*scales, o->scales) : o->scales;
        any = any || (o->compared && o->scales > 0);
    }
    for (size_t i = 0; *scales > 0 && i < c->list.count; i++) {
        struct scores *s = &c->outcomes[i].scores;
        s->values[PIX_METRIC_MS_SSIM] = s->ms_ssim[*scales - 1];
    }
}

// A pair that was not compared.
struct problem {
    const char *path;
    const struct outcome *outcome;    // of an array, in the order of the pairs
};

// Problems with one reason, which lie one after another.
struct group {
    const struct problem *first;
    size_t count;
};

static int by_reason(const void *a, const void *b)
{
    const struct problem *x = a, *y = b;
    const int order = strcmp(x->outcome->reason.text, y->outcome->reason.text);
    return order ? order : (x->outcome > y->outcome) - (x->outcome < y->outcome);
}

static int by_pair(const void *a, const void *b)
{
    const struct outcome *x = ((const struct group *)a)->first->outcome,
                         *y = ((const struct group *)b)->first->outcome;
    return (x > y) - (x < y);
}

static void report_group(const struct group *g)
{
    const struct problem *p = g->first;
    const char *reason = p->outcome->reason.text;
    const char *third = g->count > 2 ? p[2].path : "";
    if (g->count == 1)
        log_error("compare: %s: %s", p->path, reason);
    else
        log_error("compare: %zu images (%s, %s%s%s%s): %s", g->count, p[0].path,
                  p[1].path, *third ? ", " : "", third, g->count > 3 ? ", ..." : "",
                  reason);
}

// One message for equal problems, since a wrong folder has the same one with every
// image. False without memory.
static bool report_problems(const struct comparison *c, size_t count)
{
    struct problem *problems = mem_array(count, sizeof(problems[0]));
    struct group *groups = mem_array(count, sizeof(groups[0]));
    const bool ok = problems && groups;
    size_t found = 0, group_count = 0;
    for (size_t i = 0; ok && i < c->list.count; i++) {
        const struct outcome *o = &c->outcomes[i];
        const struct pair_file *file = &c->list.files[i];
        if (!o->compared)
            problems[found++] = (struct problem){ o->about_b ? file->b : file->a, o };
    }
    if (found > 0)
        qsort(problems, found, sizeof(problems[0]), by_reason);
    for (size_t i = 0; i < found; i++) {
        struct group *last = group_count > 0 ? &groups[group_count - 1] : NULL;
        if (last && strcmp(last->first->outcome->reason.text,
                           problems[i].outcome->reason.text) == 0)
            last->count++;
        else
            groups[group_count++] = (struct group){ &problems[i], 1 };
    }
    if (group_count > 0)
        qsort(groups, group_count, sizeof(groups[0]), by_pair);
    for (size_t i = 0; i < group_count; i++)
        report_group(&groups[i]);
    mem_free(groups);
    mem_free(problems);
    return ok;
}

static bool add_all(struct comparison *c, struct pix_evaluation *out)
{
    struct notices notices = { .grey = 0 };
    level_scales(c, &out->ms_ssim_scales);
    for (size_t i = 0; i < c->list.count; i++) {
        const struct pair_file *file = &c->list.files[i];
        const struct outcome *o = &c->outcomes[i];
        struct scores scores[PIX_SUBJECT_COUNT];
        if (!o->compared) {
            out->broken++;
            continue;
        }
        count_notices(c, i, &notices);
        for (int s = 0; s < PIX_SUBJECT_COUNT; s++)
            scores_clear(&scores[s]);
        scores[PIX_SUBJECT_OUTPUT] = o->scores;
        if (!evaluation_add(out, file->a, scores))
            return false;
    }
    if (out->broken > 0 && !report_problems(c, out->broken))
        return false;
    report_notices(&notices, c);
    return true;
}

// With the kernels that were measured on the device by `pix2pix tune` or others; for a
// few images of any sizes nothing is measured.
static bool open_lpips(struct comparison *c, struct gpu_device *device,
                       double submission_seconds, const char *path)
{
    const struct program_options options = {
        .device = device,
        .submission_seconds = submission_seconds,
        .tuning = &c->tuning,
    };
    c->sink = log_current();
    c->device_mutex = device ? os_mutex_create() : NULL;
    return !device ||
           (c->device_mutex && tuned_open(device, TUNING_AUTO, NULL, &c->tuning) &&
            lpips_set_open(&c->lpips, &options, path, UINT32_MAX, "compare"));
}

static bool compare_all(struct comparison *c, uint32_t threads,
                        struct pix_evaluation *out)
{
    parallel_run(c->list.count, threads ? threads : UINT32_MAX, compare_pair, c);
    if (c->has_failed) {
        log_error("%s", c->error);
        return false;
    }
    out->metrics = METRICS_ON_HOST | c->lpips.found;
    if (!c->device_mutex)
        out->lpips_hint = "--lpips FILE, or auto, computes it on a device";
    else if (c->lpips.found == 0)
        out->lpips_hint = lpips_file_hint();
    return add_all(c, out);
}

// As in evaluate.c.
static bool keeps_inputs(const struct pair_list *list,
                         const struct pix_compare_options *o, bool has_device)
{
    const char *palette = labels_palette_is_named(o->palette) ? o->palette : NULL;
    struct read_files files = { 0 };
    if (!read_files_matter(o->outputs, o->output_count))
        return true;
    const bool ok = read_files_add_pairs(&files, list) &&
                    read_files_add(&files, palette) &&
                    (!has_device || read_files_add_lpips(&files, o->lpips)) &&
                    read_files_keep(&files, o->outputs, o->output_count, "compare");
    read_files_free(&files);
    return ok;
}

bool compare_images(const struct pix_compare_options *o, struct gpu_device *device,
                    double submission_seconds, struct pix_evaluation *out)
{
    struct comparison c = { 0 };
    *out = (struct pix_evaluation){ 0 };
    if (!settings_check_reading(&o->read, "compare"))
        return false;
    c.reading = settings_parse_reading(&o->read);
    if (o->range && !range_parse(o->range, &c.range)) {
        log_error("compare: --range takes two numbers, LO:HI with LO below HI, not "
                  "\"%s\"",
                  o->range);
        return false;
    }
    bool ok = list_pairs(o, &c.list) && keeps_inputs(&c.list, o, device) &&
              evaluation_create(out, c.list.count) &&
              (c.outcomes = mem_array(c.list.count, sizeof(c.outcomes[0]))) != NULL;
    ok = ok && open_palette(&c, o->palette) &&
         open_lpips(&c, device, submission_seconds, o->lpips) &&
         compare_all(&c, o->threads, out);
    if (ok && out->pairs == 0) {
        log_error("compare: no pair of images could be compared");
        ok = false;
    }
    if (ok && c.palette.count > 0)
        labels_report(&c.labels, "compare");
    ok = ok && evaluation_finish(out, "compare") &&
         (c.palette.count == 0 || evaluation_take_labels(out, &c.palette, &c.labels));
    if (!ok)
        evaluation_free(out);
    lpips_set_close(&c.lpips);
    tuning_finish(&c.tuning);
    os_mutex_destroy(c.device_mutex);
    confusion_free(&c.labels);
    os_mutex_destroy(c.mutex);
    mem_free(c.outcomes);
    pair_list_free(&c.list);
    return ok;
}
