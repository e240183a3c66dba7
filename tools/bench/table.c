// SPDX-License-Identifier: MIT
//
// The result of a benchmark as text. See table.h.

#include "bench/table.h"

#include "output.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

void bench_print_method(void)
{
    printf("how it was measured\n");
    for (size_t i = 0; bench_method[i]; i++) {
        const char *text = bench_method[i];
        int column = printf("  -");
        while (*text) {
            const size_t length = strcspn(text, " ");
            if (column + 1 + (int)length > 88) {
                printf("\n");
                column = printf("   ");
            }
            column += printf(" %.*s", (int)length, text);
            text += length + (text[length] == ' ');
        }
        printf("\n");
    }
}

static void print_heading(const char *title, const char *more)
{
    printf("\n%-60s %6s %10s %6s %9s %8s %8s   %s\n", title, "times", "ms", "spread",
           "GFLOP/s", "GB/s", "ceiling", more);
}

static void print_timing(const struct pix_bench_row *row)
{
    if (row->samples == 0) {
        printf(" %10s %6s %9s %8s %9s", "-", "-", "-", "-", "-");
        return;
    }
    char share[16] = "-", spread[16] = "-", gflops[24] = "-", gbytes[24] = "-";
    if (row->flops > 0)
        snprintf(gflops, sizeof(gflops), "%.2f", bench_get_gflops(row));
    if (row->bytes > 0)
        snprintf(gbytes, sizeof(gbytes), "%.2f", bench_get_gbytes(row));
    // A sum has no spread.
    if (row->samples > 1)
        snprintf(spread, sizeof(spread), "%.0f %%", 100 * bench_get_spread(row));
    if (row->ceiling_share > 0)
        snprintf(share, sizeof(share), "%.0f %% %c%c", 100 * row->ceiling_share,
                 *bench_bound_name(row->bound_by), row->is_doubtful ? '?' : ' ');
    printf(" %10.3f %6s %9s %8s %9s", 1e3 * row->median, spread, gflops, gbytes, share);
}

static void print_call(const struct pix_bench_row *row)
{
    printf("%-60s %6" PRIu32, row->name, row->count);
    print_timing(row);
    printf(" %s\n", row->kernel);
}

// A sum of calls as a row.
static struct pix_bench_row row_of(const struct bench_share *sum)
{
    return (struct pix_bench_row){
        .samples = sum->seconds > 0,
        .median = sum->seconds,
        .low = sum->seconds,
        .high = sum->seconds,
        .flops = sum->flops,
        .bytes = sum->bytes,
        .ceiling_share = sum->seconds > 0 ? sum->floor / sum->seconds : 0,
        .bound_by = bench_get_share_bound(sum),
        .is_doubtful = sum->doubtful > 0,
    };
}

static void print_group(const struct bench_device *d, const char *group,
                        const char *precision, bool is_simple)
{
    const struct bench_share sum =
        bench_sum_calls(d, group, NULL, precision, is_simple);
    char title[64];
    if (sum.kinds == 0)
        return;
    snprintf(title, sizeof(title), "%s%s%s", group, bench_precision_suffix(precision),
             is_simple ? ", the simple kernels" : "");
    print_heading(title, "kernel");
    for (size_t i = 0; i < d->count; i++) {
        const struct pix_bench_row *row = &d->rows[i].row;
        if (row->kind == PIX_BENCH_CALL && row->is_simple == is_simple &&
            strcmp(row->group, group) == 0 && strcmp(row->precision, precision) == 0)
            print_call(row);
    }
    if (sum.kinds > 1) {
        const struct pix_bench_row all = row_of(&sum);
        printf("%-60s %6" PRIu32, "  all of a step", sum.calls);
        print_timing(&all);
        printf("\n");
    }
}

// All calls of a step by the names of a list, which are groups or ops.
static void print_sums(const struct bench_device *d, const char *precision,
                       const char *const *names, bool are_groups, double all)
{
    for (size_t i = 0; names[i]; i++) {
        const struct bench_share sum =
            bench_sum_calls(d, are_groups ? names[i] : NULL,
                            are_groups ? NULL : names[i], precision, false);
        if (sum.kinds == 0)
            continue;
        const struct pix_bench_row row = row_of(&sum);
        char share[16];
        snprintf(share, sizeof(share), "%.0f %%", 100 * sum.seconds / all);
        printf("%-60s %6" PRIu32, names[i], sum.calls);
        print_timing(&row);
        printf(" %s\n", share);
    }
}

static void print_shares(const struct bench_device *d, const char *precision)
{
    const struct bench_share all = bench_sum_calls(d, NULL, NULL, precision, false);
    if (all.seconds <= 0)
        return;
    const struct pix_bench_row row = row_of(&all);
    char title[80];
    snprintf(title, sizeof(title), "where the time of a training step goes%s",
             bench_precision_suffix(precision));
    print_heading(title, "share");
    print_sums(d, precision, bench_groups, true, all.seconds);
    printf("%-60s %6" PRIu32, "  all calls, one by one", all.calls);
    print_timing(&row);
    snprintf(title, sizeof(title), "the same by op%s",
             bench_precision_suffix(precision));
    printf("\n");
    print_heading(title, "share");
    print_sums(d, precision, bench_ops, false, all.seconds);
}

// What each whole step cannot be done without.
static void print_floors(const struct bench_device *d)
{
    bool begun = false;
    for (size_t i = 0; i < d->count; i++) {
        const struct pix_bench_row *row = &d->rows[i].row;
        char name[128];
        if (!bench_is_whole(row) || bench_get_floor(row) <= 0)
            continue;
        if (!begun)
            printf("\n%-60s %10s %10s %8s %10s %10s %10s  %s\n",
                   "floors of whole steps", "ms", "floor ms", "ratio", "flops ms",
                   "bytes ms", "launch ms", "bound by");
        begun = true;
        snprintf(name, sizeof(name), "%s%s%s", row->name,
                 bench_precision_suffix(row->precision),
                 row->is_simple ? ", simple kernels" : "");
        printf("%-60s %10.3f %10.3f %8.2f %10.3f %10.3f %10.3f  %s%s\n", name,
               1e3 * row->median, 1e3 * bench_get_floor(row), 1 / row->ceiling_share,
               1e3 * row->floor_flops, 1e3 * row->floor_bytes,
               1e3 * row->floor_launches, bench_bound_name(row->bound_by),
               row->is_doubtful ? " ?" : "");
    }
}

static void print_side(double first, double seconds)
{
    if (seconds > 0)
        printf(" %10.3f %7.2f", 1e3 * seconds, first > 0 ? first / seconds : 0);
    else
        printf(" %10s %7s", "-", "-");
}

// The same work in each precision.
static void print_precisions(const struct bench_device *d)
{
    const char *list[BENCH_MOST_PRECISIONS];
    const size_t count = bench_list_precisions(d, list);
    if (count < 2)
        return;
    printf("\n%-60s", "precisions side by side: ms, and how much faster");
    for (size_t i = 0; i < count; i++)
        printf(" %10s %7s", list[i], "");
    printf("\n");
    for (size_t g = 0; bench_groups[g]; g++) {
        double seconds[BENCH_MOST_PRECISIONS];
        if (!bench_time_group(d, bench_groups[g], list, count, seconds))
            continue;
        printf("%-60s", bench_groups[g]);
        for (size_t i = 0; i < count; i++)
            print_side(seconds[0], seconds[i]);
        printf("\n");
    }
    for (size_t k = 0; k < d->count; k++) {
        const struct pix_bench_row *row = &d->rows[k].row;
        if (!bench_is_whole(row) || row->is_simple ||
            strcmp(row->precision, list[0]) != 0)
            continue;
        printf("%-60s", row->name);
        for (size_t i = 0; i < count; i++) {
            const struct pix_bench_row *other = bench_find_in(d, row, list[i]);
            print_side(row->median, other ? other->median : 0);
        }
        printf("\n");
    }
}

static void print_whole(const struct bench_device *d)
{
    bool any = false, timed = false;
    for (size_t i = 0; i < d->count; i++) {
        any |= bench_is_whole(&d->rows[i].row);
        timed |= bench_is_whole(&d->rows[i].row) && d->rows[i].row.samples > 0;
    }
    if (!any)
        return;
    if (timed) {
        print_heading("whole steps and translations", "images/s");
        for (size_t i = 0; i < d->count; i++) {
            const struct pix_bench_row *row = &d->rows[i].row;
            if (!bench_is_whole(row) || row->samples == 0)
                continue;
            char title[BENCH_TITLE_SIZE];
            printf("%-48s %-18s", bench_format_title(row, title),
                   row->is_simple ? "simple kernels" : "");
            print_timing(row);
            printf(" %.4g\n", row->batch / row->median);
        }
    }
    printf("\n%-48s %10s %8s %8s %10s %10s %10s %10s\n", "counted, without a clock",
           "dispatches", "barriers", "submits", "GFLOP", "MB moved", "MiB arena",
           "MiB total");
    for (size_t i = 0; i < d->count; i++) {
        const struct pix_bench_row *row = &d->rows[i].row;
        char title[BENCH_TITLE_SIZE];
        if (bench_is_whole(row))
            printf("%-48s %10" PRIu32 " %8" PRIu32 " %8" PRIu32
                   " %10.2f %10.1f %10.1f %10.1f%s\n",
                   bench_format_title(row, title), row->plan.dispatches,
                   row->plan.barriers, row->plan.submissions, 1e-9 * (double)row->flops,
                   1e-6 * (double)row->bytes, (double)row->plan.arena_bytes / (1 << 20),
                   (double)row->plan.device_bytes / (1 << 20),
                   row->is_simple ? "  simple" : "");
    }
}

static void print_linear(const struct bench_device *d)
{
    bool begun = false;
    for (size_t i = 0; i < d->count; i++) {
        const struct pix_bench_row *row = &d->rows[i].row;
        double by_size, by_batch;
        if (!bench_is_whole(row))
            continue;
        const bool has_size = bench_find_growth(d, row, true, &by_size);
        const bool has_batch = bench_find_growth(d, row, false, &by_batch);
        char size_text[32] = "-", batch_text[32] = "-";
        if (!has_size && !has_batch)
            continue;
        if (!begun)
            printf("\n%-48s %12s %18s %18s\n", "cost (1 is linear, less is better)",
                   "ms per image", "per pixel (size)", "per image (batch)");
        begun = true;
        if (has_size)
            snprintf(size_text, sizeof(size_text), "%.2f", by_size);
        if (has_batch)
            snprintf(batch_text, sizeof(batch_text), "%.2f", by_batch);
        char title[BENCH_TITLE_SIZE];
        printf("%-48s %12.3f %18s %18s%s\n", bench_format_title(row, title),
               1e3 * row->median / row->batch, size_text, batch_text,
               row->is_simple ? "  simple" : "");
    }
}

static const char *clock_text(const struct bench_device *d)
{
    for (size_t i = 0; i < d->count; i++)
        if (d->rows[i].row.clock == PIX_BENCH_DEVICE_CLOCK)
            return "the device's timestamps; the host's clock for whole steps";
    for (size_t i = 0; i < d->count; i++)
        if (d->rows[i].row.clock == PIX_BENCH_HOST_CLOCK)
            return "the host's clock, less an empty submission for each submission of a call";
    return "none, only counted";
}

void bench_print_device(const struct bench_device *d)
{
    char memory[32];
    printf("%s (%s)\ndriver %s %s, Vulkan %s, memory %s\nclock: %s\n", d->name, d->type,
           *d->driver ? d->driver : "?", d->driver_version, d->api_version,
           output_format_bytes(d->memory_bytes, memory), clock_text(d));
    bool begun = false;
    for (size_t i = 0; i < d->count; i++) {
        const struct pix_bench_row *row = &d->rows[i].row;
        if (row->kind != PIX_BENCH_CEILING)
            continue;
        if (!begun)
            print_heading("ceilings", "kernel");
        begun = true;
        print_call(row);
    }
    for (size_t p = 0; bench_precisions[p]; p++) {
        for (int simple = 0; simple < 2; simple++)
            for (size_t i = 0; bench_groups[i]; i++)
                print_group(d, bench_groups[i], bench_precisions[p], simple == 1);
        print_shares(d, bench_precisions[p]);
    }
    print_whole(d);
    print_floors(d);
    print_precisions(d);
    print_linear(d);
    if (!d->complete)
        printf("\nincomplete: interrupted, or something failed\n");
    printf("\n");
}
