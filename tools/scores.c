// SPDX-License-Identifier: MIT
//
// See scores.h.

#include "scores.h"

#include "csv.h"
#include "replacement.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
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

static uint32_t subject_count(bool with_baselines)
{
    return with_baselines ? PIX_SUBJECT_COUNT : 1;
}

// ---------------------------------------------------------------------------
// The table

// "0.1234", or "-" where there is none.
static const char *number(double value, enum pix_metric metric, char *text)
{
    if (isnan(value))
        return "-";
    snprintf(text, 32, metric == PIX_METRIC_PSNR ? "%.2f" : "%.4f", value);
    return text;
}

static void print_cell(int width, double value, enum pix_metric metric)
{
    char text[32];
    output_print(stdout, "%-*s", width, number(value, metric, text));
}

static void print_metric(const struct pix_evaluation *e, enum pix_metric metric,
                         bool with_baselines)
{
    const struct pix_statistics *t = &e->totals[PIX_SUBJECT_OUTPUT][metric];
    char column[32], low[32], high[32], interval[80];
    output_print(stdout, "%-11s", scores_get_column(e, metric, column));
    print_cell(10, t->mean, metric);
    print_cell(10, t->median, metric);
    print_cell(11, t->deviation, metric);
    snprintf(interval, sizeof(interval), isnan(t->low) ? "%s" : "%s .. %s",
             number(t->low, metric, low), number(t->high, metric, high));
    output_print(stdout, with_baselines ? "%-20s" : "%s", interval);
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

void scores_print(const struct pix_evaluation *e, bool with_baselines)
{
    output_print(stdout, "pairs %" PRIu32 "\n", e->pairs);
    output_print(stdout, "%-11s%-10s%-10s%-11s%s", "", "mean", "median", "deviation",
                 with_baselines ? "" : "95 % of the mean\n");
    if (with_baselines)
        output_print(stdout, "%-20s%-14s%s\n", "95 % of the mean", "copied input",
                     "mean colour");
    for (int m = 0; m < PIX_METRIC_COUNT; m++)
        print_metric(e, (enum pix_metric)m, with_baselines);
    print_infinite(e, with_baselines);
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
        output_add_member(&o, scores_get_column(e, (enum pix_metric)m, column),
                          make_scores(&e->images[i], m, with_baselines));
    return o;
}

void scores_add_members(json_t **document, const struct pix_evaluation *e,
                        bool with_baselines)
{
    char column[32];
    json_t *metrics = json_object(), *images = json_array();
    for (int m = 0; m < PIX_METRIC_COUNT; m++)
        output_add_member(&metrics, scores_get_column(e, (enum pix_metric)m, column),
                          make_metric(e, m, with_baselines));
    for (uint32_t i = 0; images && i < e->pairs; i++) {
        if (json_array_append_new(images, make_image(e, i, with_baselines)) != 0) {
            json_decref(images);
            images = NULL;
        }
    }
    output_add_member(document, "metrics", metrics);
    output_add_member(document, "images", images);
}

// ---------------------------------------------------------------------------
// CSV

bool scores_is_csv(const char *path)
{
    const size_t length = strlen(path);
    return length > 4 && (strcmp(path + length - 4, ".csv") == 0 ||
                          strcmp(path + length - 4, ".CSV") == 0);
}

static void write_head(FILE *f, const struct pix_evaluation *e, bool with_baselines)
{
    char column[32];
    csv_add_text(f, "name");
    for (uint32_t s = 0; s < subject_count(with_baselines); s++)
        for (int m = 0; m < PIX_METRIC_COUNT; m++)
            csv_add_name(f, scores_get_column(e, (enum pix_metric)m, column),
                         s ? subjects[s] : "");
    csv_end_row(f);
}

static void write_row(FILE *f, const struct pix_image_scores *image,
                      bool with_baselines)
{
    csv_add_text(f, image->name);
    for (uint32_t s = 0; s < subject_count(with_baselines); s++)
        for (int m = 0; m < PIX_METRIC_COUNT; m++)
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
            write_row(out.file, &e->images[i], with_baselines);
        ok = replacement_end(&out, ferror(out.file) == 0);
    }
    if (!ok)
        output_print_error("%s cannot be written: %s", path, strerror(errno));
    return ok;
}
