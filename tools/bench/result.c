// SPDX-License-Identifier: MIT
//
// Results of benchmarks in memory, and what follows from their rows. See result.h.

#include "bench/result.h"

#include "output.h"

#include <inttypes.h>
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
    "Ceiling: the time that the flops or the bytes would take at the measured rates of "
    "f32 multiply-adds or of copying, whichever is longer (f or b), divided by the time "
    "taken. It is above 100 % where caches are faster than the copy.",
    NULL,
};

const char *const bench_groups[] = {
    "forward",       "input gradient", "weight gradient",
    "bias gradient", "norm",           "Adam",
    "loss",          "other",          NULL,
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
    snprintf(api, sizeof(api), "%" PRIu32 ".%" PRIu32 ".%" PRIu32, info->api_version[0],
             info->api_version[1], info->api_version[2]);
    d->name = bench_copy_text(info->name);
    d->type = bench_copy_text(output_get_device_type(info->type));
    d->driver = bench_copy_text(info->driver);
    d->driver_version = bench_copy_text(info->driver_version);
    d->api_version = bench_copy_text(api);
    d->memory_bytes = info->memory_bytes;
    return d->name && d->type && d->driver && d->driver_version && d->api_version
               ? d
               : NULL;
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
    *copy =
        (struct bench_row){ *row, bench_copy_text(row->group),
                            bench_copy_text(row->name), bench_copy_text(row->kernel) };
    // A part of a row would be written as one.
    if (!copy->group || !copy->name || !copy->kernel) {
        free_row(copy);
        return false;
    }
    copy->order = d->count++;
    copy->row.group = copy->group;
    copy->row.name = copy->name;
    copy->row.kernel = copy->kernel;
    return true;
}

static int compare_numbers(uint64_t a, uint64_t b)
{
    return (a > b) - (a < b);
}

static int compare_rows(const void *left, const void *right)
{
    const struct bench_row *a = left, *b = right;
    int order = compare_numbers(a->row.kind, b->row.kind);
    if (order == 0 && a->row.kind != PIX_BENCH_CALL) {
        order = compare_numbers(a->row.size, b->row.size);
        if (order == 0)
            order = compare_numbers(a->row.batch, b->row.batch);
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

struct bench_share bench_sum_group(const struct bench_device *d, const char *group,
                                   bool is_simple)
{
    struct bench_share sum = { 0 };
    for (size_t i = 0; i < d->count; i++) {
        const struct pix_bench_row *row = &d->rows[i].row;
        if (row->kind != PIX_BENCH_CALL || row->is_simple != is_simple ||
            strcmp(row->group, group) != 0)
            continue;
        sum.kinds++;
        sum.calls += row->count;
        sum.seconds += row->count * row->median;
        sum.flops += row->count * row->flops;
        sum.bytes += row->count * row->bytes;
    }
    return sum;
}

const struct pix_bench_row *bench_find_row(const struct bench_device *d,
                                           enum pix_bench_kind kind, const char *name)
{
    for (size_t i = 0; i < d->count; i++)
        if (d->rows[i].row.kind == kind && strcmp(d->rows[i].row.name, name) == 0)
            return &d->rows[i].row;
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
