// SPDX-License-Identifier: MIT
//
// The scores of a model on pairs, beside two baselines that any model has to beat: the
// input itself, and the mean colour of the training targets. Pairs go through
// the pipeline of a translation: its threads read and compare, the device translates,
// and add_pair sums up in the order of the pairs. See evaluate.h.

#include "evaluate/evaluate.h"

#include "base/file_set.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/os.h"
#include "base/parallel.h"
#include "base/progress.h"
#include "data/data_folder.h"
#include "data/pair_tally.h"
#include "data/sheet.h"
#include "evaluate/evaluation.h"
#include "evaluate/labels.h"
#include "evaluate/lpips_set.h"
#include "evaluate/metrics.h"
#include "settings/settings.h"
#include "store/lpips_file.h"
#include "translate/conversion.h"
#include "translate/pipeline.h"
#include "translate/translator.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define GRID_ROWS_PER_STACK 4u    // more rows are divided between two stacks

// `found` is what the files have. The pictures are converted to the kinds of the model
// where they are known.
struct pair {
    struct picture input, target;
    struct pair_notes notes;
    enum pixel_kind found[2];    // of the input, of the target
};

// What was converted on both sides.
struct sides {
    struct conversions input, target;
};

static void pair_free(struct pair *pair)
{
    picture_free(&pair->input);
    picture_free(&pair->target);
}

static bool set_kind(struct picture *p, enum pixel_kind known)
{
    return known == PIXEL_KINDS || picture_set_kind(p, known);
}

// Reads both sides at the model's size, [channels, crop_size, crop_size], and as its
// kinds where they are known.
static bool load_sides(const struct pair_file *file, const struct settings *s,
                       struct pair *pair, const char **culprit, struct reason *reason)
{
    const struct pix_train_options *o = &s->options;
    const struct pair_options options = {
        .swap = s->swap,
        .input_nc = o->input_nc,
        .output_nc = o->output_nc,
        .input_kind = PIXEL_KINDS,
        .output_kind = PIXEL_KINDS,
        .order = s->order,
        .resize = true,
        .side = o->crop_size,
        .filter = s->filter,
    };
    if (!pair_read(file, &options, &pair->input, &pair->target, &pair->notes, culprit,
                   reason))
        return false;
    pair->found[0] = pair->input.kind;
    pair->found[1] = pair->target.kind;
    if (set_kind(&pair->input, s->input_kind) &&
        set_kind(&pair->target, s->output_kind))
        return true;
    pair_free(pair);
    return reason_refuse_memory(reason);
}

static void count_sides(const struct pair *pair, struct sides *counts)
{
    conversion_count(&counts->input, pair->found[0], pair->input.kind,
                     pair->notes.exceeds[0]);
    conversion_count(&counts->target, pair->found[1], pair->target.kind,
                     pair->notes.exceeds[1]);
}

// A colour in samples of each kind.
struct colour {
    double of[PIXEL_KINDS][PIXEL_MAX_CHANNELS];
};

// Makes means of the sums over `used` targets of each kind. With one kind its samples
// are summed up and divided as they are, so that the result is exact up to one
// rounding.
static void finish_colour(const uint64_t used[PIXEL_KINDS], size_t plane,
                          uint32_t channels, struct colour *colour)
{
    uint64_t all = 0;
    for (int kind = 0; kind < PIXEL_KINDS; kind++)
        all += used[kind];
    for (uint32_t c = 0; c < channels; c++) {
        double mean = 0;    // in the range of the networks
        for (int kind = 0; kind < PIXEL_KINDS; kind++) {
            double *sum = &colour->of[kind][c];
            if (used[kind] == 0)
                continue;
            *sum /= (double)used[kind] * (double)plane;
            mean += metrics_to_range((enum pixel_kind)kind, *sum) * (double)used[kind] /
                    (double)all;
        }
        for (int kind = 0; kind < PIXEL_KINDS; kind++)
            if (used[kind] < all)
                colour->of[kind][c] = metrics_from_range((enum pixel_kind)kind, mean);
    }
}

static bool add_files(struct file_set *set, const struct pair_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        if (!file_set_add(set, list->files[i].a) ||
            (list->files[i].b && !file_set_add(set, list->files[i].b)))
            return false;
    return true;
}

// Whether the grid, if there is one, is none of the pairs: they would be overwritten.
static bool keeps_pairs(const struct pair_list *list, const char *grid_path)
{
    struct file_set files = { 0 };
    if (!grid_path)
        return true;
    const char *found = NULL;
    const bool ok = add_files(&files, list) && file_set_find(&files, grid_path, &found);
    if (found)
        log_error("evaluate: the grid %s is %s, an image of the data, which would be "
                  "overwritten: name another file",
                  grid_path, found);
    file_set_free(&files);
    return ok && !found;
}

// What a training target adds to the mean colour.
struct share {
    bool used, exceeds;
    enum pixel_kind found, kind;    // what it was, and is compared as
};

struct mean {
    const struct settings *settings;    // of the model
    const char *data;
    const struct pair_list *list;    // of DATA/train
    struct share *shares;            // by index in the list
    double *sums;                    // [index][output_nc], of samples
    struct progress progress;
    struct os_mutex *mutex;
    // Under it: whether one cannot be read for a reason that passes; which and why.
    bool stop;
    char *trouble;
};

static double *sums_of(const struct mean *m, size_t index)
{
    return m->sums + index * m->settings->options.output_nc;
}

static bool is_stopped(struct mean *m)
{
    os_mutex_lock(m->mutex);
    const bool stop = m->stop;
    os_mutex_unlock(m->mutex);
    return stop;
}

// Any thread.
static void add_target(void *user, size_t index)
{
    struct mean *m = user;
    struct share *share = &m->shares[index];
    struct pair pair;
    struct reason reason;
    const char *culprit;
    if (is_stopped(m))
        return;
    if (load_sides(&m->list->files[index], m->settings, &pair, &culprit, &reason)) {
        share->used = true;
        share->found = pair.found[1];
        share->kind = pair.target.kind;
        share->exceeds = pair.notes.exceeds[1];
        metrics_add_sums(&pair.target, sums_of(m, index));
        pair_free(&pair);
    } else if (reason.kind == REASON_PASSING) {
        os_mutex_lock(m->mutex);
        if (!m->stop)
            m->trouble = mem_printf("%s: %s", culprit, reason.text);
        m->stop = true;
        os_mutex_unlock(m->mutex);
    }
}

static void show_targets(void *user, size_t done)
{
    struct mean *m = user;
    progress_update(&m->progress, done);
}

// Reads all targets and sums them up in the order of the list, so that the colour does
// not depend on the threads. False after a message.
static bool read_targets(struct mean *m, uint32_t threads, struct colour *colour,
                         struct conversions *counts)
{
    const struct pix_train_options *o = &m->settings->options;
    const size_t count = m->list->count;
    uint64_t used[PIXEL_KINDS] = { 0 };
    m->shares = mem_array(count, sizeof(*m->shares));
    m->sums = mem_array(count, o->output_nc * sizeof(*m->sums));
    m->mutex = os_mutex_create();
    if (!m->shares || !m->sums || !m->mutex)
        return false;
    progress_begin(&m->progress);
    parallel_run_watched(count, threads, add_target, show_targets, m);
    if (m->stop) {
        log_error("evaluate: cannot read %s: without it the mean colour of the "
                  "training targets would be another: remove the cause",
                  m->trouble ? m->trouble : "a training target: out of memory");
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        const struct share *share = &m->shares[i];
        if (!share->used)
            continue;
        for (uint32_t c = 0; c < o->output_nc; c++)
            colour->of[share->kind][c] += sums_of(m, i)[c];
        used[share->kind]++;
        conversion_count(counts, share->found, share->kind, share->exceeds);
    }
    if (counts->images == 0) {
        log_error("evaluate: no image in %s/train can be read", m->data);
        return false;
    }
    finish_colour(used, (size_t)o->crop_size * o->crop_size, o->output_nc, colour);
    return true;
}

// The mean of each channel over the targets of DATA/train, in samples of each kind.
// Broken pairs are skipped silently, since training has reported them; what cannot be
// read for a reason that passes would make another mean. The split that is evaluated
// plays no part: like a model, a baseline knows only what training has shown.
//
// `pairs` are those of DATA/train if they are listed already, so that what is odd about
// them is said once, else NULL. `counts` are of the targets, for the caller to report.
static bool mean_colour(const char *data, const struct pair_list *pairs,
                        const char *grid_path, const struct translator *t,
                        struct colour *colour, struct conversions *counts)
{
    struct pair_list own = { 0 };
    if (!pairs && !data_folder_list(data, "train", &own))
        return false;
    struct mean m = {
        .settings = translator_get_settings(t),
        .data = data,
        .list = pairs ? pairs : &own,
        .progress = { translator_view(t), "evaluate", "reading training targets" },
    };
    m.progress.folder = m.list->folder;
    m.progress.count = m.list->count;
    // Of the pairs that are compared it is known already.
    bool ok = pairs || keeps_pairs(m.list, grid_path);
    if (ok) {
        log_info("evaluate: reading the %zu target%s of %s/train for the mean colour",
                 m.list->count, PLURAL(m.list->count), data);
        ok = read_targets(&m, pipeline_threads(translator_threads(t)), colour, counts);
    }
    mem_free(m.trouble);
    mem_free(m.sums);
    mem_free(m.shares);
    os_mutex_destroy(m.mutex);
    pair_list_free(&own);
    return ok;
}

static bool paste_pair(struct sheet *sheet, uint32_t row, const struct pair *pair,
                       const struct picture *output)
{
    return sheet_paste(sheet, row, SHEET_INPUT, &pair->input) &&
           sheet_paste(sheet, row, SHEET_OUTPUT, output) &&
           sheet_paste(sheet, row, SHEET_TARGET, &pair->target);
}

// A pair on its way through the pipeline.
struct record {
    struct pair pair;
    struct picture output;
    struct scores scores[PIX_SUBJECT_COUNT];
    struct confusion labels[PIX_SUBJECT_COUNT];    // empty without a palette
};

struct evaluation {
    const struct settings *settings;    // of the model
    struct pair_list list;
    struct colour colour;    // see mean_colour
    struct sides counts;
    struct conversions training;    // of the targets of DATA/train
    struct progress progress;
    struct record **records;    // by index in the list; NULL: not on its way
    struct sheet *grid;         // NULL: none wanted
    struct pair_tally tally;
    struct palette palette;    // empty: none
    struct confusion labels[PIX_SUBJECT_COUNT];
    struct lpips_set lpips;
    struct pix_evaluation result;
    bool failed;    // not by a broken pair: stop
};

static void record_free(struct record *r)
{
    if (!r)
        return;
    pair_free(&r->pair);
    picture_free(&r->output);
    for (int s = 0; s < PIX_SUBJECT_COUNT; s++)
        confusion_free(&r->labels[s]);
    mem_free(r);
}

// Called by any thread, see struct pipeline_ends.
static bool load_pair(void *user, size_t index, struct picture *picture,
                      enum pixel_kind *output)
{
    struct evaluation *e = user;
    struct record *r = mem_zalloc(sizeof(*r));
    struct reason reason;
    const char *culprit;
    if (!r)
        return false;
    if (!load_sides(&e->list.files[index], e->settings, &r->pair, &culprit, &reason)) {
        log_error("evaluate: %s: %s", culprit, reason.text);
        mem_free(r);
        return false;
    }
    if (!picture_copy(&r->pair.input, picture)) {
        record_free(r);
        return false;
    }
    *output = r->pair.target.kind;
    // Without a lock: each index is one thread's at a time, and the pipeline's own lock
    // orders the threads that have it one after another.
    e->records[index] = r;
    return true;
}

static bool create_labels(struct confusion labels[PIX_SUBJECT_COUNT],
                          const struct palette *palette)
{
    for (int s = 0; s < PIX_SUBJECT_COUNT; s++)
        if (!confusion_create(&labels[s], palette->count))
            return false;
    return true;
}

// The classes of a pair, all of whose pictures are label maps by their samples. The
// input is one only if it has the target's channels.
static bool compare_labels(const struct evaluation *e, struct record *r)
{
    const struct picture *target = &r->pair.target, *input = &r->pair.input;
    if (e->palette.count == 0)
        return true;
    if (!labels_may_be(target->kind, target->channels)) {
        log_error(
            "evaluate: --palette is for label maps, which have 1 or 3 channels of "
            "u8, and the target has %" PRIu32 " of %s",
            target->channels, pixel_kind_name(target->kind));
        return false;
    }
    if (!create_labels(r->labels, &e->palette))
        return false;
    labels_compare(&e->palette, &r->output, target, &r->labels[PIX_SUBJECT_OUTPUT]);
    labels_compare_colour(&e->palette, e->colour.of[target->kind], target,
                          &r->labels[PIX_SUBJECT_MEAN_COLOUR]);
    if (input->channels != target->channels)
        return true;
    struct picture copy;
    bool ok = picture_copy(input, &copy) && picture_set_kind(&copy, target->kind);
    if (ok)
        labels_compare(&e->palette, &copy, target, &r->labels[PIX_SUBJECT_COPY]);
    picture_free(&copy);
    return ok;
}

// Called by any thread with the output, which it takes over.
static bool compare_pair(void *user, size_t index, struct picture *picture)
{
    struct evaluation *e = user;
    struct record *r = e->records[index];
    r->output = *picture;
    *picture = (struct picture){ 0 };
    const struct picture *target = &r->pair.target;
    return compare_labels(e, r) &&
           metrics_compare(&r->output, target, METRICS_ON_HOST,
                           &r->scores[PIX_SUBJECT_OUTPUT]) &&
           metrics_compare_input(&r->pair.input, target, METRICS_ON_HOST,
                                 &r->scores[PIX_SUBJECT_COPY]) &&
           metrics_compare_colour(e->colour.of[target->kind], target, METRICS_ON_HOST,
                                  &r->scores[PIX_SUBJECT_MEAN_COLOUR]);
}

static const char *path_of_input(const struct evaluation *e, size_t index)
{
    const struct pair_file *file = &e->list.files[index];
    return file->b && e->settings->swap ? file->b : file->a;
}

// On the device, whose thread this is.
static bool compare_features(struct evaluation *e, struct record *r)
{
    const struct picture *target = &r->pair.target;
    return lpips_set_compare(&e->lpips, &r->output, target,
                             &r->scores[PIX_SUBJECT_OUTPUT]) &&
           lpips_set_compare_input(&e->lpips, &r->pair.input, target,
                                   &r->scores[PIX_SUBJECT_COPY]) &&
           lpips_set_compare_colour(&e->lpips, e->colour.of[target->kind], target,
                                    &r->scores[PIX_SUBJECT_MEAN_COLOUR]);
}

// Called in the order of the pairs.
static bool add_pair(void *user, size_t index, enum pix_translate_result result)
{
    struct evaluation *e = user;
    struct record *r = e->records[index];
    if (result == PIX_TRANSLATE_DONE) {
        if (!compare_features(e, r) ||
            (e->grid && e->result.pairs < e->grid->rows &&
             !paste_pair(e->grid, e->result.pairs, &r->pair, &r->output)) ||
            !evaluation_add(&e->result, path_of_input(e, index), r->scores))
            e->failed = true;
        for (int s = 0; e->palette.count > 0 && s < PIX_SUBJECT_COUNT; s++)
            confusion_add(&e->labels[s], &r->labels[s]);
        pair_tally_add(&e->tally, &e->list.files[index], &r->pair.notes);
        count_sides(&r->pair, &e->counts);
    } else if (result == PIX_TRANSLATE_NOT_READ) {
        e->result.broken++;
    } else {
        e->failed = true;
    }
    record_free(r);
    e->records[index] = NULL;
    progress_update(&e->progress, index + 1);
    return !e->failed;
}

// Where a split is missing, those that there are are named: `--split` has a default, so
// the option may be new to whoever reads this. Without any, data_folder_list has the
// better message.
static bool check_split(const char *data, const char *split)
{
    static const char *const usual[] = { "train", "val", "test" };
    char others[64] = "";
    bool has;
    if (!data_folder_has(data, split, &has))
        return false;
    for (size_t i = 0, used = 0; !has && i < ARRAY_LEN(usual); i++) {
        bool has_usual;
        if (!data_folder_has(data, usual[i], &has_usual))
            return false;
        if (has_usual)
            used += (size_t)snprintf(others + used, sizeof(others) - used, "%s%s",
                                     used ? ", " : "", usual[i]);
    }
    if (!others[0])
        return true;
    log_error(
        "evaluate: the data folder %s has no folder %s; choose with --split which "
        "pairs are compared, here there are: %s",
        data, split, others);
    return false;
}

// The colours of all targets that can be read, as their files have them: resizing would
// make others between them. What is odd about pairs is reported later.
static bool find_colours(struct evaluation *e)
{
    const struct settings *s = e->settings;
    const struct pair_options options = {
        .swap = s->swap,
        .input_nc = s->options.input_nc,
        .output_nc = s->options.output_nc,
        .input_kind = PIXEL_KINDS,
        .output_kind = PIXEL_KINDS,
        .order = s->order,
    };
    for (size_t i = 0; i < e->list.count; i++) {
        struct picture input, target;
        struct pair_notes notes;
        struct reason reason;
        const char *culprit;
        if (!pair_read(&e->list.files[i], &options, &input, &target, &notes, &culprit,
                       &reason))
            continue;
        const bool ok = palette_add_picture(&e->palette, &target, &reason);
        picture_free(&input);
        picture_free(&target);
        if (!ok) {
            log_error("evaluate: --palette auto cannot take the colours of the target "
                      "of %s: it %s",
                      e->list.files[i].name, reason.text);
            return false;
        }
    }
    return true;
}

static bool open_palette(struct evaluation *e, const char *palette)
{
    if (!palette)
        return true;
    if (!(strcmp(palette, "auto") == 0
              ? find_colours(e)
              : labels_read_palette(palette, "evaluate", &e->palette)))
        return false;
    return create_labels(e->labels, &e->palette);
}

static bool finish(struct evaluation *e)
{
    struct pix_evaluation *result = &e->result;
    if (!evaluation_finish(result))
        return false;
    if (e->palette.count == 0)
        return true;
    for (int s = 0; s < PIX_SUBJECT_COUNT; s++)
        result->labels[s] = labels_score(&e->labels[s]);
    return evaluation_take_labels(result, &e->palette, &e->labels[PIX_SUBJECT_OUTPUT]);
}

// What is odd about the pairs, and what was converted.
static void report(struct evaluation *e, const struct translator *t)
{
    const struct settings *s = e->settings;
    const char *reason = translator_kind_reason(t, true);
    pair_tally_report(&e->tally);
    conversion_report(&e->counts.input, "evaluate", "input", s->input_kind,
                      translator_kind_reason(t, false));
    if (s->input_kind == PIXEL_KINDS)
        conversion_report_range(&e->counts.input, "evaluate", "input");
    conversion_report(&e->counts.target, "evaluate", "target", s->output_kind, reason);
    conversion_report_reach(&e->counts.target, "evaluate", "target");
    // Training targets are usually of the same kinds: of those it was said.
    conversion_leave_out(&e->training, &e->counts.target);
    conversion_report(&e->training, "evaluate", "training target", s->output_kind,
                      reason);
}

bool evaluate_pairs(struct translator *t, const struct pix_evaluate_options *options,
                    struct pix_evaluation *out)
{
    const struct settings *s = translator_get_settings(t);
    const char *data = options->data, *grid_path = options->grid;
    const char *split = options->split ? options->split : "test";
    struct sheet grid = { 0 };
    struct evaluation e = { .settings = s };
    *out = (struct pix_evaluation){ 0 };
    const struct pipeline_ends ends = { load_pair, compare_pair, add_pair, &e };
    bool ok = false;

    if (!check_split(data, split) || !data_folder_list(data, split, &e.list) ||
        !keeps_pairs(&e.list, grid_path) || !open_palette(&e, options->palette) ||
        !mean_colour(data, strcmp(split, "train") == 0 ? &e.list : NULL, grid_path, t,
                     &e.colour, &e.training))
        goto end;
    uint32_t rows =
        grid_path ? (uint32_t)MIN((uint64_t)options->grid_rows, (uint64_t)e.list.count)
                  : 0;
    if (rows && !sheet_create(&grid, s->options.crop_size, rows,
                              rows > GRID_ROWS_PER_STACK ? 2 : 1))
        goto end;
    e.grid = rows ? &grid : NULL;
    e.records = mem_array(e.list.count, sizeof(e.records[0]));
    if (!e.records || !evaluation_create(&e.result, e.list.count))
        goto end;
    if (!lpips_set_open(&e.lpips, translator_device(t),
                        translator_submission_seconds(t), options->lpips, UINT32_MAX,
                        "evaluate"))
        goto end;
    e.result.metrics = METRICS_ON_HOST | e.lpips.found;
    e.result.lpips_hint = e.lpips.found ? NULL : lpips_file_hint();
    e.result.ms_ssim_scales = ssim_scales(s->options.crop_size, s->options.crop_size);
    e.progress = (struct progress){ translator_view(t), "evaluate", "comparing pairs",
                                    e.list.folder, e.list.count };
    progress_begin(&e.progress);
    pipeline_run(t, translator_threads(t), e.list.count, &ends);
    report(&e, t);
    // Pairs are missing where the pipeline failed before it came to them.
    if (e.failed || (uint64_t)e.result.pairs + e.result.broken < e.list.count)
        goto end;
    if (e.result.pairs == 0) {
        log_error("evaluate: no image in %s/%s can be read", data, split);
        goto end;
    }
    if (rows && !sheet_write(&grid, grid_path))
        goto end;
    if (!finish(&e))
        goto end;
    *out = e.result;
    e.result = (struct pix_evaluation){ 0 };
    ok = true;

end:
    for (size_t i = 0; e.records && i < e.list.count; i++)
        record_free(e.records[i]);
    mem_free(e.records);
    for (int i = 0; i < PIX_SUBJECT_COUNT; i++)
        confusion_free(&e.labels[i]);
    lpips_set_close(&e.lpips);
    evaluation_free(&e.result);
    sheet_free(&grid);
    pair_list_free(&e.list);
    return ok;
}
