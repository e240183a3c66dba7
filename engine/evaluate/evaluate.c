// SPDX-License-Identifier: MIT
//
// The scores of a model on pairs, beside two baselines that any model has to beat: the
// input itself, and the mean colour of the training targets. Pairs go through
// the pipeline of a translation: its threads read and compare, the device translates,
// and add_pair sums up in the order of the pairs. See evaluate.h.

#include "evaluate/evaluate.h"

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/progress.h"
#include "data/data_folder.h"
#include "data/pair_tally.h"
#include "evaluate/evaluated_pair.h"
#include "evaluate/evaluation.h"
#include "evaluate/gallery.h"
#include "evaluate/labels.h"
#include "evaluate/lpips_set.h"
#include "evaluate/mean_colour.h"
#include "evaluate/metrics.h"
#include "evaluate/read_files.h"
#include "evaluate/side_by_side.h"
#include "settings/settings.h"
#include "store/lpips_file.h"
#include "translate/conversion.h"
#include "translate/pipeline.h"
#include "translate/translator.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

// What was converted on both sides.
struct sides {
    struct conversions input, target;
};

static void count_outside(const struct pair_notes *notes, int side,
                          struct conversions *c)
{
    c->samples += notes->samples[side];
    c->outside += notes->outside[side];
}

// `compared` is the kind of the target as the model makes it.
static void count_sides(const struct evaluated_pair *pair, enum pixel_kind compared,
                        struct sides *counts)
{
    count_outside(&pair->notes, 0, &counts->input);
    count_outside(&pair->notes, 1, &counts->target);
    conversion_count(&counts->input, pair->found[0], pair->input.kind,
                     pair->notes.exceeds[0]);
    conversion_count(&counts->target, pair->found[1], compared, pair->notes.exceeds[1]);
}

// Whether nothing that is written of the result is one of the files that are read.
static bool keeps_inputs(const struct translator *t, const struct data_source *source,
                         const struct pair_list *list, const struct side_by_side *grid,
                         const struct pix_evaluate_options *o)
{
    const char *palette = labels_palette_is_named(o->palette) ? o->palette : NULL;
    struct read_files files = { 0 };
    if (!read_files_matter(&o->grid, 1) &&
        !read_files_matter(o->outputs, o->output_count))
        return true;
    bool ok =
        read_files_add_pairs(&files, list) && read_files_add_source(&files, source) &&
        read_files_add(&files, palette) && read_files_add_lpips(&files, o->lpips) &&
        read_files_add(&files, translator_model_path(t)) &&
        read_files_add(&files, translator_table_path(t));
    for (uint32_t i = 0; ok && i < grid->beside_count; i++)
        ok = read_files_add_listing(&files, &grid->beside[i]);
    ok = ok && read_files_keep(&files, &o->grid, 1, "evaluate") &&
         read_files_keep(&files, o->outputs, o->output_count, "evaluate");
    read_files_free(&files);
    return ok;
}

// A pair on its way through the pipeline.
struct record {
    struct evaluated_pair pair;
    enum pixel_kind target_kind;    // before a task makes an image of it
    struct picture output;
    // The input as if the model had written it; empty where its channels differ.
    struct picture copy;
    struct picture flat;    // the mean colour, where a task makes an image of it
    struct scores scores[PIX_SUBJECT_COUNT];
    // What is compared with the target.
    struct subject subjects[METRICS_MOST_SUBJECTS];
    size_t subject_count;
    struct confusion labels[PIX_SUBJECT_COUNT];    // empty without a palette
};

struct evaluation {
    const struct settings *settings;    // of the model
    struct pair_list list;
    struct mean_colour colour;
    struct sides counts;
    struct conversions training;    // of the targets of DATA/train
    struct progress progress;
    struct record **records;    // by index in the list; NULL: not on its way
    bool has_grid;
    struct side_by_side grid;
    struct pair_tally tally;
    struct palette palette;    // empty: none
    struct confusion labels[PIX_SUBJECT_COUNT];
    struct lpips_set lpips;
    bool has_gallery;
    struct gallery gallery;
    struct pix_evaluation result;
    bool failed;    // not by a broken pair: stop
};

static void record_free(struct record *r)
{
    if (!r)
        return;
    evaluated_pair_free(&r->pair);
    picture_free(&r->output);
    picture_free(&r->copy);
    picture_free(&r->flat);
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
    const struct pair_file *file = &e->list.files[index];
    if (!evaluated_pair_read(file, e->settings, &r->pair, &culprit, &reason) ||
        (e->palette.count > 0 &&
         !evaluated_pair_read_labels(file, e->settings, &r->pair, &culprit, &reason))) {
        log_error("evaluate: %s: %s", culprit, reason.text);
        mem_free(r);
        return false;
    }
    if (!picture_copy(&r->pair.input, picture)) {
        record_free(r);
        return false;
    }
    *output = r->target_kind = r->pair.target.kind;
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

// The classes of a pair, all of whose pictures are label maps by their samples.
static bool compare_labels(const struct evaluation *e, struct record *r)
{
    const struct picture *target =
        r->pair.labels.samples ? &r->pair.labels : &r->pair.target;
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
    if (r->flat.samples)
        labels_compare(&e->palette, &r->flat, target,
                       &r->labels[PIX_SUBJECT_MEAN_COLOUR]);
    else
        labels_compare_colour(&e->palette, e->colour.of[target->kind], target,
                              &r->labels[PIX_SUBJECT_MEAN_COLOUR]);
    if (r->copy.samples)
        labels_compare(&e->palette, &r->copy, target, &r->labels[PIX_SUBJECT_COPY]);
    return true;
}

// What the output is compared beside, and all of them as the images that a task makes.
static bool complete(const struct evaluation *e, struct record *r)
{
    const struct task *task = &e->settings->task;
    const struct picture *input = &r->pair.input;
    struct picture *target = &r->pair.target;
    return task_make_copy(task, input, target, &r->copy) &&
           (!task_is_set(task) ||
            (task_make_flat(task, input, target, e->colour.of[target->kind],
                            &r->flat) &&
             task_complete(task, input, target) &&
             task_complete(task, input, &r->output) &&
             task_show_input(task, &r->pair.input)));
}

// Where there is no copy it has no scores.
static void list_subjects(const struct evaluation *e, struct record *r)
{
    const double *colour = r->flat.samples ? NULL : e->colour.of[r->pair.target.kind];
    struct scores *scores = r->scores;
    scores_clear(&scores[PIX_SUBJECT_COPY]);
    r->subjects[r->subject_count++] =
        (struct subject){ &r->output, NULL, &scores[PIX_SUBJECT_OUTPUT] };
    r->subjects[r->subject_count++] =
        (struct subject){ colour ? NULL : &r->flat, colour,
                          &scores[PIX_SUBJECT_MEAN_COLOUR] };
    if (r->copy.samples)
        r->subjects[r->subject_count++] =
            (struct subject){ &r->copy, NULL, &scores[PIX_SUBJECT_COPY] };
}

// Called by any thread with the output, which it takes over.
static bool compare_pair(void *user, size_t index, struct picture *picture)
{
    struct evaluation *e = user;
    struct record *r = e->records[index];
    r->output = *picture;
    *picture = (struct picture){ 0 };
    if (!complete(e, r) || !compare_labels(e, r))
        return false;
    list_subjects(e, r);
    return metrics_compare_all(r->subjects, r->subject_count, &r->pair.target,
                               METRICS_ON_HOST);
}

static const char *path_of_input(const struct evaluation *e, size_t index)
{
    const struct pair_file *file = &e->list.files[index];
    return file->b && e->settings->swap ? file->b : file->a;
}

static bool show_pair(struct evaluation *e, const char *input, const struct record *r)
{
    return !e->has_gallery ||
           gallery_add(&e->gallery, file_name(input), &r->scores[PIX_SUBJECT_OUTPUT],
                       &r->pair.input, &r->output, &r->pair.target);
}

// Called in the order of the pairs.
static bool add_pair(void *user, size_t index, enum pix_translate_result result)
{
    struct evaluation *e = user;
    struct record *r = e->records[index];
    if (result == PIX_TRANSLATE_DONE) {
        // On the device, whose thread this is.
        if (!lpips_set_compare(&e->lpips, r->subjects, r->subject_count,
                               &r->pair.target) ||
            (e->has_grid &&
             !side_by_side_add(&e->grid, e->list.files[index].name, &r->pair.input,
                               &r->output, &r->pair.target)) ||
            !show_pair(e, path_of_input(e, index), r) ||
            !evaluation_add(&e->result, path_of_input(e, index), r->scores))
            e->failed = true;
        for (int s = 0; e->palette.count > 0 && s < PIX_SUBJECT_COUNT; s++)
            confusion_add(&e->labels[s], &r->labels[s]);
        pair_tally_add(&e->tally, &e->list.files[index], &r->pair.notes);
        count_sides(&r->pair, r->target_kind, &e->counts);
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

// The ratio of the model's run finds the images that were not trained on, in the folder
// that was, but has no meaning in one that is laid out by splits.
static bool find_source(const struct settings *s, const struct pix_evaluate_options *o,
                        struct data_source *source)
{
    bool is_split = false;
    *source = settings_source(s);
    source->data = o->pairs ? NULL : o->data;
    source->list = o->pairs;
    if (o->split_ratio && !split_ratio_parse(o->split_ratio, &source->ratio)) {
        log_error(
            "evaluate: the ratio of splits is three shares that are not all 0, as "
            "0.8:0.1:0.1, not \"%s\"",
            o->split_ratio);
        return false;
    }
    if (!source->data || o->split_ratio || !split_ratio_is_set(&source->ratio))
        return true;
    if (!data_folder_is_split(source->data, &is_split))
        return false;
    if (is_split) {
        log_info("evaluate: %s has folders of splits, so that the --split-ratio %s of "
                 "the model's run is not used",
                 source->data, s->options.split_ratio);
        source->ratio = (struct split_ratio){ 0 };
    }
    return true;
}

// An image of which a task makes both sides has one range. That of floats and colours
// that networks get is another matter.
static bool check_ranges(const struct settings *s)
{
    if (!task_makes_sides(&s->task) || s->task.kind == TASK_COLORIZE ||
        pixel_range_equals(s->input_range, s->output_range))
        return true;
    log_error(
        "evaluate: inputs and targets of --task %s are of one image, which has one "
        "range: pass --range in place of --input-range or --output-range",
        s->options.task);
    return false;
}

// Where a split is missing, those that there are are named: `--split` has a default, so
// the option may be new to whoever reads this. Without any, data_source_list has the
// better message.
static bool check_split(const struct data_source *source, const char *split)
{
    static const char *const usual[] = { "train", "val", "test" };
    char others[64] = "";
    bool has;
    if (!data_source_has(source, split, &has))
        return false;
    for (size_t i = 0, used = 0; !has && i < ARRAY_LEN(usual); i++) {
        bool has_usual;
        if (!data_source_has(source, usual[i], &has_usual))
            return false;
        if (has_usual)
            used += (size_t)snprintf(others + used, sizeof(others) - used, "%s%s",
                                     used ? ", " : "", usual[i]);
    }
    if (!others[0])
        return true;
    if (source->list || split_ratio_is_set(&source->ratio))
        log_error("evaluate: no images of %s are for %s; choose with --split which are "
                  "compared, here there are: %s",
                  data_source_path(source), split, others);
    else
        log_error(
            "evaluate: the data folder %s has no folder %s; choose with --split which "
            "pairs are compared, here there are: %s",
            source->data, split, others);
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
        .reading = s->reading,
        .task = s->task,
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

// That of a model of classes is its own, unless another one is named; its label maps
// have no other colours.
static bool open_palette(struct evaluation *e, const char *palette)
{
    const struct task *task = &e->settings->task;
    if (task->labels_out && !labels_palette_is_named(palette)) {
        e->palette = *task->palette;
        return create_labels(e->labels, &e->palette);
    }
    if (!palette)
        return true;
    if (!(labels_palette_is_named(palette)
              ? labels_read_palette(palette, "evaluate", &e->palette)
              : find_colours(e)))
        return false;
    return labels_check_palette(&e->palette, "evaluate") &&
           create_labels(e->labels, &e->palette);
}

static bool finish(struct evaluation *e)
{
    struct pix_evaluation *result = &e->result;
    if (!evaluation_finish(result, "evaluate") ||
        (e->has_gallery && !(result->gallery = gallery_text(&e->gallery, 0))))
        return false;
    if (e->palette.count == 0)
        return true;
    labels_report(&e->labels[PIX_SUBJECT_OUTPUT], "evaluate");
    for (int s = 0; s < PIX_SUBJECT_COUNT; s++)
        result->labels[s] = labels_score(&e->labels[s]);
    return evaluation_take_labels(result, &e->palette, &e->labels[PIX_SUBJECT_OUTPUT]);
}

// Of the training targets: the split that is evaluated plays no part, since a baseline
// knows, like a model, only what training has shown. Where that split is train/, its
// pairs are listed already, so that what is odd about them is said once.
static bool find_mean_colour(struct evaluation *e, const struct translator *t,
                             const struct data_source *source, bool is_train)
{
    struct pair_list own = { 0 };
    const bool ok =
        (is_train || data_source_list(source, "train", &own)) &&
        mean_colour_find(is_train ? &e->list : &own, t, &e->colour, &e->training);
    pair_list_free(&own);
    return ok;
}

// What is odd about the pairs, and what was converted.
static void report(struct evaluation *e, struct translator *t)
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
    conversion_report_outside(&e->counts.input, "evaluate", "input", s->input_range,
                              CONVERSION_CLAMPED);
    conversion_report_outside(&e->counts.target, "evaluate", "target", s->output_range,
                              "are compared as they are, though no output can reach "
                              "them");
    if (e->result.pairs > 0) {
        translator_note_ranges(t, e->counts.input.samples > 0,
                               e->counts.target.samples > 0);
        translator_warn_of_ranges(t);
    }
    // Training targets are usually of the same kinds: of those it was said.
    conversion_leave_out(&e->training, &e->counts.target);
    conversion_report(&e->training, "evaluate", "training target", s->output_kind,
                      reason);
}

// With the kernels of the translator, for images of the size that it translates.
static bool open_lpips(struct evaluation *e, struct translator *t, const char *path)
{
    const struct pix_size size = e->settings->options.crop_size;
    const struct program_options options = {
        .device = translator_device(t),
        .submission_seconds = translator_submission_seconds(t),
        .tuning = translator_tuning(t),
    };
    const struct op_limits limits = plan_op_limits(options.device);
    struct conv_shapes shapes = { 0 };
    const bool ok = lpips_set_open(&e->lpips, &options, path, UINT32_MAX, "evaluate") &&
                    (MIN(size.width, size.height) < LPIPS_SIDE_MIN ||
                     (lpips_set_add_shapes(&shapes, &limits, e->lpips.found,
                                           size.height, size.width) &&
                      translator_tune(t, &shapes)));
    conv_shapes_free(&shapes);
    return ok;
}

bool evaluate_pairs(struct translator *t, const struct pix_evaluate_options *options,
                    struct pix_evaluation *out)
{
    const struct settings *s = translator_get_settings(t);
    const struct pix_size size = s->options.crop_size;
    const char *split = options->split ? options->split : "test";
    struct evaluation e = { .settings = s,
                            .tally = { .alpha = s->reading.alpha,
                                       .task = s->task.kind },
                            .has_grid = options->grid };
    struct data_source source;
    *out = (struct pix_evaluation){ 0 };
    const struct pipeline_ends ends = {
        load_pair, compare_pair, add_pair, &e, .has_model_size = true,
    };
    bool ok = false;

    if (translator_tiling(t).cut.tile) {
        log_error("%s: pairs are compared at the model's size: create the translator "
                  "without tiles",
                  translator_command(t));
        return false;
    }
    if (!check_ranges(s) || !side_by_side_check(options) ||
        !find_source(s, options, &source) || !check_split(&source, split) ||
        !data_source_list(&source, split, &e.list) ||
        (e.has_grid && !side_by_side_create(&e.grid, options, &e.list, s)) ||
        !keeps_inputs(t, &source, &e.list, &e.grid, options) ||
        !open_palette(&e, options->palette) || !open_lpips(&e, t, options->lpips) ||
        !find_mean_colour(&e, t, &source, strcmp(split, "train") == 0))
        goto end;
    e.records = mem_array(e.list.count, sizeof(e.records[0]));
    if (!e.records || !evaluation_create(&e.result, e.list.count))
        goto end;
    e.result.metrics = METRICS_ON_HOST | e.lpips.found;
    e.result.lpips_hint = e.lpips.found ? NULL : lpips_file_hint();
    e.result.ms_ssim_scales = ssim_scales(size.width, size.height);
    e.has_gallery = options->wants_gallery;
    gallery_begin(&e.gallery, e.list.count, PIX_METRIC_L1, e.result.metrics);
    e.progress = (struct progress){ translator_view(t), "evaluate", "comparing pairs",
                                    e.list.folder, e.list.count };
    progress_begin(&e.progress);
    pipeline_run(t, translator_threads(t), e.list.count, &ends);
    report(&e, t);
    // Pairs are missing where the pipeline failed before it came to them.
    if (e.failed || (uint64_t)e.result.pairs + e.result.broken < e.list.count)
        goto end;
    if (e.result.pairs == 0) {
        log_error("evaluate: no image in %s can be read", e.list.folder);
        goto end;
    }
    if (e.has_grid && !sheet_write(&e.grid.sheet, options->grid))
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
    gallery_free(&e.gallery);
    lpips_set_close(&e.lpips);
    evaluation_free(&e.result);
    side_by_side_free(&e.grid);
    pair_list_free(&e.list);
    return ok;
}
