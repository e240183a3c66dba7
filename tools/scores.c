// SPDX-License-Identifier: MIT
//
// See scores.h.

#include "scores.h"

#include "csv.h"
#include "options.h"
#include "replacement.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

enum { USUAL_SCALES = 5 };    // of MS-SSIM

static const char *const subjects[PIX_SUBJECT_COUNT] = {
    [PIX_SUBJECT_OUTPUT] = "output",
    [PIX_SUBJECT_COPY] = "copy",
    [PIX_SUBJECT_MEAN_COLOUR] = "mean_colour",
};

const char *scores_get_column(const struct pix_evaluation *e, enum pix_metric metric,
                              char *text)
{
    const bool is_short = metric == PIX_METRIC_MS_SSIM && e->ms_ssim_scales > 0 &&
                          e->ms_ssim_scales < USUAL_SCALES;
    snprintf(text, 32, is_short ? "%s_%" PRIu32 : "%s", pix_metric_name(metric),
             e->ms_ssim_scales);
    return text;
}

static bool has_metric(const struct pix_evaluation *e, int metric)
{
    return (e->metrics >> metric & 1) != 0;
}

static uint32_t subject_count(bool with_baselines)
{
    return with_baselines ? PIX_SUBJECT_COUNT : 1;
}

// ---------------------------------------------------------------------------
// The table

// "0.1234", or "-" where there is none.
static const char *number(double value, enum pix_metric metric, char *text)
{
    const bool is_db = metric == PIX_METRIC_PSNR;
    if (isnan(value))
        return "-";
    if (is_db && fabs(value) < 0.005)
        value = 0;
    return output_format_number(value, is_db ? 2 : 4, text);
}

// Columns are kept apart even by what is too wide for one. Width 0 is the last.
static void print_text(int width, const char *text)
{
    output_print(stdout, "%-*s", width, text);
    if (width > 0 && strlen(text) >= (size_t)width)
        output_print(stdout, " ");
}

static void print_cell(int width, double value, enum pix_metric metric)
{
    char text[32];
    print_text(width, number(value, metric, text));
}

static void print_metric(const struct pix_evaluation *e, enum pix_metric metric,
                         bool with_baselines)
{
    const struct pix_statistics *t = &e->totals[PIX_SUBJECT_OUTPUT][metric];
    char column[32], low[32], high[32], interval[80];
    output_print(stdout, "%-14s", scores_get_column(e, metric, column));
    print_cell(10, t->mean, metric);
    print_cell(10, t->median, metric);
    print_cell(11, t->deviation, metric);
    snprintf(interval, sizeof(interval), isnan(t->low) ? "%s" : "%s .. %s",
             number(t->low, metric, low), number(t->high, metric, high));
    print_text(with_baselines ? 20 : 0, interval);
    if (with_baselines) {
        print_cell(14, e->totals[PIX_SUBJECT_COPY][metric].mean, metric);
        print_cell(0, e->totals[PIX_SUBJECT_MEAN_COLOUR][metric].mean, metric);
    }
    output_print(stdout, "\n");
}

// Equal images have no finite PSNR.
static void print_infinite(const struct pix_evaluation *e, bool with_baselines)
{
    static const char *const what[PIX_SUBJECT_COUNT] = {
        [PIX_SUBJECT_OUTPUT] = "",
        [PIX_SUBJECT_COPY] = " for the copied input",
        [PIX_SUBJECT_MEAN_COLOUR] = " for the mean colour",
    };
    for (uint32_t s = 0; s < subject_count(with_baselines); s++) {
        const uint32_t infinite = e->totals[s][PIX_METRIC_PSNR].infinite;
        if (infinite > 0)
            output_print(stdout,
                         "psnr is infinite%s in %" PRIu32 " of %" PRIu32
                         " images, which are equal: the other numbers of psnr are "
                         "without them\n",
                         what[s], infinite, e->pairs);
    }
}

// Their scores are in no column.
static void print_not_finite(const struct pix_evaluation *e)
{
    if (e->not_finite > 0)
        output_print(stdout,
                     "%" PRIu32 " of %" PRIu32 " images %s numbers that are not "
                     "finite, so there are no scores of %s\n",
                     e->not_finite, e->pairs, e->not_finite == 1 ? "has" : "have",
                     e->not_finite == 1 ? "it" : "them");
}

// Which images have no such score.
static const char *unscored(enum pix_metric metric)
{
    return metric == PIX_METRIC_SSIM || metric == PIX_METRIC_MS_SSIM
               ? "a side of less than 11 pixels"
               : "a side of less than 32 pixels, or neither 1 nor 3 channels";
}

// A column may be of some images only.
static void print_unscored(const struct pix_evaluation *e)
{
    const uint32_t all = e->pairs - e->not_finite;
    for (int m = 0; m < PIX_METRIC_COUNT; m++) {
        const struct pix_statistics *t = &e->totals[PIX_SUBJECT_OUTPUT][m];
        const uint32_t count = t->count + t->infinite;
        char column[32];
        if (has_metric(e, m) && count < all)
            output_print(stdout, "%s is of %" PRIu32 " of %" PRIu32 " images: %s %s\n",
                         scores_get_column(e, (enum pix_metric)m, column), count,
                         e->pairs, count > 0 ? "the others have" : "they have",
                         unscored((enum pix_metric)m));
    }
}

// Of struct pix_label_scores.
static const struct label_score {
    const char *name, *key;
    size_t offset;
} label_scores[] = {
    { "pixel accuracy", "pixel_accuracy",
      offsetof(struct pix_label_scores, pixel_accuracy) },
    { "class accuracy", "class_accuracy",
      offsetof(struct pix_label_scores, class_accuracy) },
    { "mean IoU", "mean_iou", offsetof(struct pix_label_scores, mean_iou) },
};

enum { LABEL_SCORES = sizeof(label_scores) / sizeof(label_scores[0]) };

static double get_label_score(const struct pix_label_scores *s, int i)
{
    return *(const double *)((const char *)s + label_scores[i].offset);
}

// How well the outputs have one class. NaN where neither they nor the targets have it.
struct class_scores {
    double iou, dice;
};

static struct class_scores get_class_scores(const struct pix_evaluation *e, uint32_t k)
{
    const double hit = (double)e->confusion[(size_t)k * e->classes + k];
    double both = 0;    // the pixels of the targets and those of the outputs
    for (uint32_t i = 0; i < e->classes; i++)
        both += (double)e->confusion[(size_t)k * e->classes + i] +
                (double)e->confusion[(size_t)i * e->classes + k];
    if (both == 0)
        return (struct class_scores){ NAN, NAN };
    return (struct class_scores){ hit / (both - hit), 2 * hit / both };
}

static void print_confusion(const struct pix_evaluation *e)
{
    output_print(stdout, "%-10s%-10s %-10s %s\n", "target", "IoU", "Dice",
                 "output, classes in the order of the rows, in %");
    for (uint32_t k = 0; k < e->classes; k++) {
        const uint64_t *row = e->confusion + (size_t)k * e->classes;
        const struct class_scores scores = get_class_scores(e, k);
        uint64_t sum = 0;
        for (uint32_t i = 0; i < e->classes; i++)
            sum += row[i];
        output_print(stdout, "#%02x%02x%02x   ", e->colours[k][0], e->colours[k][1],
                     e->colours[k][2]);
        print_cell(11, scores.iou, PIX_METRIC_L1);
        print_cell(8, scores.dice, PIX_METRIC_L1);
        for (uint32_t i = 0; i < e->classes; i++)
            if (sum > 0)
                output_print(stdout, "%7.1f", 100.0 * (double)row[i] / (double)sum);
            else
                output_print(stdout, "%7s", "-");
        output_print(stdout, "\n");
    }
}

static void print_labels(const struct pix_evaluation *e, bool with_baselines)
{
    enum { SHOWN = 12 };
    char title[32];
    snprintf(title, sizeof(title), "%" PRIu32 " classes", e->classes);
    print_text(with_baselines ? 16 : 0, title);
    if (with_baselines)
        output_print(stdout, "%-14s%-14s%s", "output", "copied input", "mean colour");
    output_print(stdout, "\n");
    for (int i = 0; i < LABEL_SCORES; i++) {
        output_print(stdout, "%-16s", label_scores[i].name);
        for (uint32_t s = 0; s < subject_count(with_baselines); s++)
            print_cell(s + 1 < subject_count(with_baselines) ? 14 : 0,
                       get_label_score(&e->labels[s], i), PIX_METRIC_L1);
        output_print(stdout, "\n");
    }
    if (e->classes <= SHOWN)
        print_confusion(e);
    else
        output_print(stdout, "the confusion matrix of so many classes is in --json\n");
}

void scores_print(const struct pix_evaluation *e, bool with_baselines)
{
    output_print(stdout, "pairs %" PRIu32 "\n", e->pairs);
    output_print(stdout, "%-14s%-10s%-10s%-11s%s", "", "mean", "median", "deviation",
                 with_baselines ? "" : "95 % of the mean\n");
    if (with_baselines)
        output_print(stdout, "%-20s%-14s%s\n", "95 % of the mean", "copied input",
                     "mean colour");
    for (int m = 0; m < PIX_METRIC_COUNT; m++)
        if (has_metric(e, m))
            print_metric(e, (enum pix_metric)m, with_baselines);
    if (e->lpips_hint)
        output_print(stdout, "%-14s-         %s\n", "lpips", e->lpips_hint);
    print_infinite(e, with_baselines);
    print_not_finite(e);
    print_unscored(e);
    if (e->classes > 0)
        print_labels(e, with_baselines);
    if (e->broken)
        output_print(stdout, "broken %" PRIu32 "\n", e->broken);
}

// ---------------------------------------------------------------------------
// JSON

static json_t *make_statistics(const struct pix_statistics *t)
{
    json_t *o = json_object();
    output_add_member(&o, "count", output_make_uint(t->count));
    output_add_member(&o, "infinite", output_make_uint(t->infinite));
    output_add_member(&o, "mean", output_make_real(t->mean));
    output_add_member(&o, "median", output_make_real(t->median));
    output_add_member(&o, "deviation", output_make_real(t->deviation));
    output_add_member(&o, "low", output_make_real(t->low));
    output_add_member(&o, "high", output_make_real(t->high));
    return o;
}

static json_t *make_metric(const struct pix_evaluation *e, int metric,
                           bool with_baselines)
{
    if (!with_baselines)
        return make_statistics(&e->totals[PIX_SUBJECT_OUTPUT][metric]);
    json_t *o = json_object();
    for (int s = 0; s < PIX_SUBJECT_COUNT; s++)
        output_add_member(&o, subjects[s], make_statistics(&e->totals[s][metric]));
    return o;
}

static json_t *make_scores(const struct pix_image_scores *image, int metric,
                           bool with_baselines)
{
    if (!with_baselines)
        return output_make_real(image->values[PIX_SUBJECT_OUTPUT][metric]);
    json_t *o = json_object();
    for (int s = 0; s < PIX_SUBJECT_COUNT; s++)
        output_add_member(&o, subjects[s], output_make_real(image->values[s][metric]));
    return o;
}

static json_t *make_image(const struct pix_evaluation *e, uint32_t i,
                          bool with_baselines)
{
    char column[32];
    json_t *o = json_object();
    output_add_member(&o, "name", output_make_text(e->images[i].name));
    for (int m = 0; m < PIX_METRIC_COUNT; m++)
        if (has_metric(e, m))
            output_add_member(&o, scores_get_column(e, (enum pix_metric)m, column),
                              make_scores(&e->images[i], m, with_baselines));
    return o;
}

static json_t *make_label_scores(const struct pix_label_scores *s)
{
    json_t *o = json_object();
    for (int i = 0; i < LABEL_SCORES; i++)
        output_add_member(&o, label_scores[i].key,
                          output_make_real(get_label_score(s, i)));
    return o;
}

static json_t *make_labels(const struct pix_evaluation *e, bool with_baselines)
{
    json_t *o = json_object(), *colours = json_array(), *confusion = json_array(),
           *iou = json_array(), *dice = json_array();
    for (uint32_t s = 0; s < subject_count(with_baselines); s++)
        output_add_member(&o, subjects[s], make_label_scores(&e->labels[s]));
    for (uint32_t k = 0; k < e->classes; k++) {
        char text[16];
        json_t *row = json_array();
        snprintf(text, sizeof(text), "#%02x%02x%02x", e->colours[k][0],
                 e->colours[k][1], e->colours[k][2]);
        const struct class_scores scores = get_class_scores(e, k);
        output_append(&colours, output_make_text(text));
        output_append(&iou, output_make_real(scores.iou));
        output_append(&dice, output_make_real(scores.dice));
        for (uint32_t i = 0; i < e->classes; i++)
            output_append(&row,
                          output_make_uint(e->confusion[(size_t)k * e->classes + i]));
        output_append(&confusion, row);
    }
    output_add_member(&o, "colours", colours);
    output_add_member(&o, "iou", iou);
    output_add_member(&o, "dice", dice);
    output_add_member(&o, "confusion", confusion);
    return o;
}

void scores_add_members(json_t **document, const struct pix_evaluation *e,
                        bool with_baselines)
{
    char column[32];
    json_t *metrics = json_object(), *images = json_array();
    for (int m = 0; m < PIX_METRIC_COUNT; m++)
        if (has_metric(e, m))
            output_add_member(&metrics,
                              scores_get_column(e, (enum pix_metric)m, column),
                              make_metric(e, m, with_baselines));
    for (uint32_t i = 0; images && i < e->pairs; i++)
        output_append(&images, make_image(e, i, with_baselines));
    output_add_member(document, "not_finite", output_make_uint(e->not_finite));
    output_add_member(document, "metrics", metrics);
    if (e->classes > 0)
        output_add_member(document, "labels", make_labels(e, with_baselines));
    output_add_member(document, "images", images);
}

// ---------------------------------------------------------------------------
// CSV

bool scores_is_csv(const char *path)
{
    return options_ends_in(path, ".csv") || options_ends_in(path, ".CSV");
}

static void write_head(FILE *f, const struct pix_evaluation *e, bool with_baselines)
{
    char column[32];
    csv_add_text(f, "name");
    for (uint32_t s = 0; s < subject_count(with_baselines); s++)
        for (int m = 0; m < PIX_METRIC_COUNT; m++)
            if (has_metric(e, m))
                csv_add_name(f, scores_get_column(e, (enum pix_metric)m, column),
                             s ? subjects[s] : "");
    csv_end_row(f);
}

static void write_row(FILE *f, const struct pix_evaluation *e, uint32_t i,
                      bool with_baselines)
{
    const struct pix_image_scores *image = &e->images[i];
    csv_add_text(f, image->name);
    for (uint32_t s = 0; s < subject_count(with_baselines); s++)
        for (int m = 0; m < PIX_METRIC_COUNT; m++)
            if (has_metric(e, m) && s == PIX_SUBJECT_OUTPUT && image->not_finite)
                csv_add_nan(f);
            else if (has_metric(e, m))
                csv_add_number(f, image->values[s][m]);
    csv_end_row(f);
}

bool scores_write_csv(const struct pix_evaluation *e, bool with_baselines,
                      const char *path)
{
    struct replacement out = { 0 };
    bool ok = replacement_begin(&out, path);
    if (ok) {
        write_head(out.file, e, with_baselines);
        for (uint32_t i = 0; i < e->pairs; i++)
            write_row(out.file, e, i, with_baselines);
        ok = replacement_end(&out, ferror(out.file) == 0);
    }
    if (!ok)
        output_print_error("%s cannot be written: %s", path, strerror(errno));
    return ok;
}
