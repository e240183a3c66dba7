// SPDX-License-Identifier: MIT
//
// Results of benchmarks in memory, and what follows from their rows. See result.h.

#include "bench/result.h"

#include "output.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

const char *const bench_method[] = {
    "Each measurement: one run that does not count, then runs until the time for it is "
    "over, at least 3 and at most 30. The time is the median; the spread is half the "
    "distance of the quartiles.",
    "Ceilings and calls: by the device's timestamps where they agree with the host's "
    "clock on a long kernel, otherwise by the host's clock around single submissions, "
    "less the time of an empty submission. Short calls are repeated inside a "
    "submission, with a barrier after each; the time of the barrier is included.",
    "A call is measured alone, on the memory that it has in the training step, after a "
    "whole step: its operands may be in caches that they would have left during a step. "
    "Calls with the same kernel, shape and grid are measured once and counted.",
    "Whole steps and translations: by the host's clock, from writing the step block to "
    "the end of the last submission, including the upload of pixels and the download of "
    "losses or pixels. Decoding, resizing, reading and writing files and creating "
    "pipelines are not included.",
    "Images and weights are noise. GFLOP/s: the multiplications and additions of the "
    "definition. GB/s: the bytes of each range that a call reads plus those that it "
    "writes, each once, regardless of caches.",
    "Floor: the longest of the times that the flops, the bytes and the launches would "
    "take at the ceilings. The ceilings are taken before and after each group of calls "
    "and each step, by the fastest of three runs, and the faster ones of both count: "
    "multiply-adds in f32 (matrix units for products of f16 or bf16, where the device "
    "has faster ones for it), the better way of copying, and an empty dispatch for each "
    "dispatch, with a barrier after it or without, as the step has them.",
    "Ceiling: the floor divided by the time taken, and what it is bound by: f, b or l. "
    "It is above 100 % where caches are faster than the copy. A ? says that this "
    "ceiling differed by more than 15 % before and after, or was slower than the row: "
    "another program was running or the device throttled.",
    "Precisions that are measured together take turns: each call and each step runs "
    "once in each before it runs again.",
    NULL,
};

const char *const bench_groups[] = {
    "forward",       "input gradient", "weight gradient",
    "bias gradient", "norm",           "Adam",
    "loss",          "other",          NULL,
};

const char *const bench_ops[] = {
    "convolution", "transposed convolution",
    "split sums",  "norm",
    "activation",  "dropout",
    "concat",      "pad",
    "pixels",      "loss",
    "bias",        "Adam",
    "other",       NULL,
};

const char *const bench_precisions[] = { "f32", "f16", "bf16", NULL };

// Beginnings of the names of calls, and the op: the first that fits.
static const char *const op_prefixes[][2] = {
    { "conv ", "convolution" },
    { "transposed ", "transposed convolution" },
    { "conv_reduce", "split sums" },
    { "conv_backward_bias", "bias" },
    { "norm", "norm" },
    { "activation", "activation" },
    { "dropout", "dropout" },
    { "concat", "concat" },
    { "pad", "pad" },
    { "pixels", "pixels" },
    { "loss", "loss" },
    { "cross_entropy", "loss" },
    { "adam", "Adam" },
    { "", "other" },
};

// ---------------------------------------------------------------------------
// In memory

char *bench_copy_text(const char *text)
{
    const size_t size = strlen(text) + 1;
    char *copy = malloc(size);
    if (copy)
        memcpy(copy, text, size);
    else
        output_print_error("out of memory");
    return copy;
}

void bench_result_init(struct bench_result *r)
{
    char text[64] = "";
    const time_t now = time(NULL);
    const struct tm *utc = gmtime(&now);
    if (utc)
        strftime(text, sizeof(text), "%Y-%m-%d %H:%M UTC", utc);
    *r = (struct bench_result){ .version = bench_copy_text(pix_version()),
                                .when = bench_copy_text(text) };
}

static void free_row(struct bench_row *row)
{
    free(row->group);
    free(row->name);
    free(row->kernel);
    free(row->precision);
    free(row->times);
}

void bench_result_finish(struct bench_result *r)
{
    for (size_t i = 0; i < r->count; i++) {
        struct bench_device *d = &r->devices[i];
        for (size_t k = 0; k < d->count; k++)
            free_row(&d->rows[k]);
        free(d->rows);
        free(d->name);
        free(d->type);
        free(d->driver);
        free(d->driver_version);
        free(d->api_version);
    }
    free(r->devices);
    free(r->version);
    free(r->when);
    *r = (struct bench_result){ 0 };
}

struct bench_device *bench_append_device(struct bench_result *r)
{
    struct bench_device *more =
        realloc(r->devices, (r->count + 1) * sizeof(r->devices[0]));
    if (!more) {
        output_print_error("out of memory");
        return NULL;
    }
    r->devices = more;
    more[r->count] = (struct bench_device){ 0 };
    return &more[r->count++];
}

struct bench_device *bench_add_device(struct bench_result *r,
                                      const struct pix_device_info *info)
{
    char api[64];
    struct bench_device *d = bench_append_device(r);
    if (!d)
        return NULL;
    d->name = bench_copy_text(info->name);
    d->type = bench_copy_text(output_get_device_type(info->type));
    d->driver = bench_copy_text(info->driver);
    d->driver_version = bench_copy_text(info->driver_version);
    d->api_version = bench_copy_text(output_format_api_version(info, api));
    d->memory_bytes = info->memory_bytes;
    return d->name && d->type && d->driver && d->driver_version && d->api_version
               ? d
               : NULL;
}

static bool copy_times(struct bench_row *copy)
{
    const size_t size = copy->row.samples * sizeof(copy->times[0]);
    copy->times = malloc(size);
    if (copy->times)
        memcpy(copy->times, copy->row.times, size);
    else
        output_print_error("out of memory");
    return copy->times != NULL;
}

bool bench_add_row(struct bench_device *d, const struct pix_bench_row *row)
{
    if (d->count == d->capacity) {
        const size_t capacity = d->capacity ? 2 * d->capacity : 64;
        struct bench_row *more = realloc(d->rows, capacity * sizeof(d->rows[0]));
        if (!more) {
            output_print_error("out of memory");
            return false;
        }
        d->rows = more;
        d->capacity = capacity;
    }
    struct bench_row *copy = &d->rows[d->count];
    *copy = (struct bench_row){ .row = *row,
                                .group = bench_copy_text(row->group),
                                .name = bench_copy_text(row->name),
                                .kernel = bench_copy_text(row->kernel),
                                .precision = bench_copy_text(row->precision) };
    bool ok = copy->group && copy->name && copy->kernel && copy->precision;
    if (ok && row->times && row->samples > 0)
        ok = copy_times(copy);
    // A part of a row would be written as one.
    if (!ok) {
        free_row(copy);
        return false;
    }
    copy->order = d->count++;
    copy->row.group = copy->group;
    copy->row.name = copy->name;
    copy->row.kernel = copy->kernel;
    copy->row.precision = copy->precision;
    copy->row.times = copy->times;
    return true;
}

static int compare_numbers(uint64_t a, uint64_t b)
{
    return (a > b) - (a < b);
}

size_t bench_precision_index(const char *precision)
{
    size_t i = 0;
    while (bench_precisions[i] && strcmp(bench_precisions[i], precision) != 0)
        i++;
    return i;
}

static int compare_rows(const void *left, const void *right)
{
    const struct bench_row *a = left, *b = right;
    int order = compare_numbers(a->row.kind, b->row.kind);
    if (order == 0 && a->row.kind != PIX_BENCH_CALL) {
        order = compare_numbers(a->row.size, b->row.size);
        if (order == 0)
            order = compare_numbers(a->row.batch, b->row.batch);
        if (order == 0)
            order = compare_numbers(bench_precision_index(a->precision),
                                    bench_precision_index(b->precision));
    }
    return order ? order : compare_numbers(a->order, b->order);
}

void bench_sort_rows(struct bench_device *d)
{
    if (d->count > 0)
        qsort(d->rows, d->count, sizeof(d->rows[0]), compare_rows);
}

// ---------------------------------------------------------------------------
// What follows from rows

bool bench_is_whole(const struct pix_bench_row *row)
{
    return row->kind == PIX_BENCH_TRAIN || row->kind == PIX_BENCH_TRANSLATE;
}

double bench_get_gflops(const struct pix_bench_row *row)
{
    return row->median > 0 ? 1e-9 * (double)row->flops / row->median : 0;
}

double bench_get_gbytes(const struct pix_bench_row *row)
{
    return row->median > 0 ? 1e-9 * (double)row->bytes / row->median : 0;
}

double bench_get_spread(const struct pix_bench_row *row)
{
    return row->median > 0 ? 0.5 * (row->high - row->low) / row->median : 0;
}

double bench_get_floor(const struct pix_bench_row *row)
{
    return row->ceiling_share * row->median;
}

const char *bench_bound_name(enum pix_bench_bound bound)
{
    static const char *const names[] = { [PIX_BENCH_FLOPS] = "flops",
                                         [PIX_BENCH_BYTES] = "bytes",
                                         [PIX_BENCH_LAUNCHES] = "launches" };
    return names[bound];
}

const char *bench_precision_suffix(const char *precision)
{
    return strcmp(precision, "f16") == 0    ? ", f16"
           : strcmp(precision, "bf16") == 0 ? ", bf16"
                                            : "";
}

const char *bench_format_title(const struct pix_bench_row *row,
                               char text[BENCH_TITLE_SIZE])
{
    snprintf(text, BENCH_TITLE_SIZE, "%s%s", row->name,
             bench_precision_suffix(row->precision));
    return text;
}

bool bench_has_precision(const struct bench_device *d, const char *precision)
{
    for (size_t i = 0; i < d->count; i++)
        if (d->rows[i].row.kind != PIX_BENCH_CEILING &&
            strcmp(d->rows[i].precision, precision) == 0)
            return true;
    return false;
}

size_t bench_list_precisions(const struct bench_device *d,
                             const char *list[BENCH_MOST_PRECISIONS])
{
    size_t count = 0;
    for (size_t i = 0; bench_precisions[i]; i++)
        if (bench_has_precision(d, bench_precisions[i]))
            list[count++] = bench_precisions[i];
    return count;
}

static const char *op_of(const struct pix_bench_row *row)
{
    size_t i = 0;
    while (strncmp(row->name, op_prefixes[i][0], strlen(op_prefixes[i][0])) != 0)
        i++;
    return op_prefixes[i][1];
}

struct bench_share bench_sum_calls(const struct bench_device *d, const char *group,
                                   const char *op, const char *precision,
                                   bool is_simple)
{
    struct bench_share sum = { 0 };
    for (size_t i = 0; i < d->count; i++) {
        const struct pix_bench_row *row = &d->rows[i].row;
        if (row->kind != PIX_BENCH_CALL || row->is_simple != is_simple ||
            strcmp(row->precision, precision) != 0 ||
            (group && strcmp(row->group, group) != 0) ||
            (op && strcmp(op_of(row), op) != 0))
            continue;
        const double floor = row->count * bench_get_floor(row);
        sum.kinds++;
        sum.calls += row->count;
        sum.seconds += row->count * row->median;
        sum.flops += row->count * row->flops;
        sum.bytes += row->count * row->bytes;
        sum.floor += floor;
        sum.by[row->bound_by] += floor;
        sum.doubtful += row->is_doubtful;
    }
    return sum;
}

bool bench_time_group(const struct bench_device *d, const char *group,
                      const char *const *list, size_t count, double *seconds)
{
    double sum = 0;
    for (size_t i = 0; i < count; i++) {
        seconds[i] = bench_sum_calls(d, group, NULL, list[i], false).seconds;
        sum += seconds[i];
    }
    return sum > 0;
}

enum pix_bench_bound bench_get_share_bound(const struct bench_share *share)
{
    int most = 0;
    for (int i = 1; i < 3; i++)
        if (share->by[i] > share->by[most])
            most = i;
    return (enum pix_bench_bound)most;
}

const struct pix_bench_row *bench_find_row(const struct bench_device *d,
                                           enum pix_bench_kind kind, const char *name)
{
    for (size_t i = 0; i < d->count; i++)
        if (d->rows[i].row.kind == kind && strcmp(d->rows[i].row.name, name) == 0)
            return &d->rows[i].row;
    return NULL;
}

const struct pix_bench_row *bench_find_in(const struct bench_device *d,
                                          const struct pix_bench_row *row,
                                          const char *precision)
{
    for (size_t i = 0; i < d->count; i++) {
        const struct pix_bench_row *r = &d->rows[i].row;
        if (r->kind == row->kind && r->is_simple == row->is_simple &&
            (!precision || strcmp(r->precision, precision) == 0) &&
            strcmp(r->group, row->group) == 0 && strcmp(r->name, row->name) == 0)
            return r;
    }
    return NULL;
}

bool bench_find_growth(const struct bench_device *d, const struct pix_bench_row *row,
                       bool by_size, double *ratio)
{
    const struct pix_bench_row *base = NULL;
    uint32_t others = 0;
    for (size_t i = 0; i < d->count; i++) {
        const struct pix_bench_row *r = &d->rows[i].row;
        if (r->kind != row->kind || r->is_simple != row->is_simple || r->samples == 0 ||
            strcmp(r->precision, row->precision) != 0 ||
            (by_size ? r->batch != row->batch : r->size != row->size))
            continue;
        others++;
        if (!base || (by_size ? r->size < base->size : r->batch < base->batch))
            base = r;
    }
    if (others < 2 || row->samples == 0 || base->median <= 0)
        return false;
    *ratio = row->median / base->median;
    if (by_size)
        *ratio *= (double)base->size * base->size / ((double)row->size * row->size);
    else
        *ratio *= (double)base->batch / row->batch;
    return true;
}
