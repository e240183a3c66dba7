// SPDX-License-Identifier: MIT
//
// pix2pix bench: measures devices and prints a table; compares two measurements.

#include "bench_file.h"
#include "options.h"
#include "terminal.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST_CASES 64
#define MOST_NUMBERS 16
#define SIZE_MOST 16384
#define BATCH_MOST 4096

#define QUICK_SECONDS 0.05

struct bench {
    const char *sizes, *batches;
    uint32_t ngf, ndf;
    bool linear, quick, simple, counters;
    const char *only;
    const char *json, *html;
    const char *show;
    const char *compare[2];
    struct device_arguments device;

    struct pix_bench_case cases[MOST_CASES];
    uint32_t case_count;
};

// ---------------------------------------------------------------------------
// Table

static void print_method(void)
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
    printf("\n%-60s %6s %10s %6s %9s %8s %8s  %s\n", title, "times", "ms", "spread",
           "GFLOP/s", "GB/s", "ceiling", more);
}

static void print_timing(const struct pix_bench_row *row)
{
    if (row->samples == 0) {
        printf(" %10s %6s %9s %8s %8s", "-", "-", "-", "-", "-");
        return;
    }
    char share[16] = "-", spread[16] = "-", gflops[24] = "-", gbytes[24] = "-";
    if (row->flops > 0)
        snprintf(gflops, sizeof(gflops), "%.2f", bench_gflops(row));
    if (row->bytes > 0)
        snprintf(gbytes, sizeof(gbytes), "%.2f", bench_gbytes(row));
    // A sum has none.
    if (row->samples > 1)
        snprintf(spread, sizeof(spread), "%.0f %%", 100 * bench_spread(row));
    if (row->ceiling_share > 0)
        snprintf(share, sizeof(share), "%.0f %% %c", 100 * row->ceiling_share,
                 row->bound_by_bytes ? 'b' : 'f');
    printf(" %10.3f %6s %9s %8s %8s", 1e3 * row->median, spread, gflops, gbytes, share);
}

static void print_call(const struct pix_bench_row *row)
{
    printf("%-60s %6" PRIu32, row->name, row->count);
    print_timing(row);
    printf("  %s\n", row->kernel);
}

static void print_group(const struct bench_device *d, const char *group, bool is_simple)
{
    const struct bench_share sum = bench_sum_group(d, group, is_simple);
    char title[64];
    if (sum.kinds == 0)
        return;
    snprintf(title, sizeof(title), "%s%s", group,
             is_simple ? ", the simple kernels" : "");
    print_heading(title, "kernel");
    for (size_t i = 0; i < d->count; i++) {
        const struct pix_bench_row *row = &d->rows[i].row;
        if (row->kind == PIX_BENCH_CALL && row->is_simple == is_simple &&
            strcmp(row->group, group) == 0)
            print_call(row);
    }
    if (sum.kinds > 1) {
        const struct pix_bench_row all = { .samples = sum.seconds > 0,
                                           .median = sum.seconds,
                                           .low = sum.seconds,
                                           .high = sum.seconds,
                                           .flops = sum.flops,
                                           .bytes = sum.bytes };
        printf("%-60s %6" PRIu32, "  all of a step", sum.calls);
        print_timing(&all);
        printf("\n");
    }
}

static void print_shares(const struct bench_device *d)
{
    double all = 0;
    for (size_t i = 0; bench_groups[i]; i++)
        all += bench_sum_group(d, bench_groups[i], false).seconds;
    if (all <= 0)
        return;
    printf("\n%-60s %6s %10s %6s\n", "where the time of a training step goes", "calls",
           "ms", "share");
    for (size_t i = 0; bench_groups[i]; i++) {
        const struct bench_share s = bench_sum_group(d, bench_groups[i], false);
        if (s.kinds > 0)
            printf("%-60s %6" PRIu32 " %10.3f %4.0f %%\n", bench_groups[i], s.calls,
                   1e3 * s.seconds, 100 * s.seconds / all);
    }
    printf("%-60s %6s %10.3f\n", "all calls, one by one", "", 1e3 * all);
}

static bool is_whole(const struct pix_bench_row *row)
{
    return row->kind == PIX_BENCH_TRAIN || row->kind == PIX_BENCH_TRANSLATE;
}

static void print_whole(const struct bench_device *d)
{
    bool any = false, timed = false;
    for (size_t i = 0; i < d->count; i++) {
        any |= is_whole(&d->rows[i].row);
        timed |= is_whole(&d->rows[i].row) && d->rows[i].row.samples > 0;
    }
    if (!any)
        return;
    if (timed) {
        print_heading("whole steps and translations", "images/s");
        for (size_t i = 0; i < d->count; i++) {
            const struct pix_bench_row *row = &d->rows[i].row;
            if (!is_whole(row) || row->samples == 0)
                continue;
            printf("%-48s %-18s", row->name, row->is_simple ? "simple kernels" : "");
            print_timing(row);
            printf("  %.4g\n", row->batch / row->median);
        }
    }
    printf("\n%-48s %10s %8s %8s %10s %10s %10s %10s\n", "counted, without a clock",
           "dispatches", "barriers", "submits", "GFLOP", "MB moved", "MiB arena",
           "MiB in all");
    for (size_t i = 0; i < d->count; i++) {
        const struct pix_bench_row *row = &d->rows[i].row;
        if (is_whole(row))
            printf("%-48s %10" PRIu32 " %8" PRIu32 " %8" PRIu32
                   " %10.2f %10.1f %10.1f %10.1f%s\n",
                   row->name, row->plan.dispatches, row->plan.barriers,
                   row->plan.submissions, 1e-9 * (double)row->flops,
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
        if (!is_whole(row))
            continue;
        const bool has_size = bench_linear(d, row, true, &by_size);
        const bool has_batch = bench_linear(d, row, false, &by_batch);
        char size_text[32] = "-", batch_text[32] = "-";
        if (!has_size && !has_batch)
            continue;
        if (!begun)
            printf("\n%-48s %12s %18s %18s\n", "cost (1 is linear, less is better)",
                   "ms an image", "a pixel, by size", "an image, by batch");
        begun = true;
        if (has_size)
            snprintf(size_text, sizeof(size_text), "%.2f", by_size);
        if (has_batch)
            snprintf(batch_text, sizeof(batch_text), "%.2f", by_batch);
        printf("%-48s %12.3f %18s %18s%s\n", row->name, 1e3 * row->median / row->batch,
               size_text, batch_text, row->is_simple ? "  simple" : "");
    }
}

static const char *clock_text(const struct bench_device *d)
{
    for (size_t i = 0; i < d->count; i++)
        if (d->rows[i].row.clock == PIX_BENCH_DEVICE_CLOCK)
            return "the device's timestamps; whole steps by the host's clock";
    for (size_t i = 0; i < d->count; i++)
        if (d->rows[i].row.clock == PIX_BENCH_HOST_CLOCK)
            return "the host's, less an empty submission for each of a call's";
    return "none: counted only";
}

static void print_device(const struct bench_device *d)
{
    char memory[32];
    printf("%s (%s)\ndriver %s %s, Vulkan %s, memory %s\nclock: %s\n", d->name, d->type,
           *d->driver ? d->driver : "?", d->driver_version, d->api_version,
           output_bytes(d->memory_bytes, memory), clock_text(d));
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
    for (int simple = 0; simple < 2; simple++)
        for (size_t i = 0; bench_groups[i]; i++)
            print_group(d, bench_groups[i], simple == 1);
    print_shares(d);
    print_whole(d);
    print_linear(d);
    if (!d->complete)
        printf("\nnot complete: it was interrupted, or something failed\n");
    printf("\n");
}

// ---------------------------------------------------------------------------
// Comparison

static bool same_work(const struct pix_bench_row *a, const struct pix_bench_row *b)
{
    return a->kind == b->kind && a->is_simple == b->is_simple &&
           strcmp(a->group, b->group) == 0 && strcmp(a->name, b->name) == 0;
}

static const struct pix_bench_row *find_same(const struct bench_device *d,
                                             const struct pix_bench_row *row)
{
    for (size_t i = 0; i < d->count; i++)
        if (same_work(&d->rows[i].row, row))
            return &d->rows[i].row;
    return NULL;
}

// How much faster b is. The kernels of ceilings are as long as suits the device: there
// the rates are compared.
static double speed(const struct pix_bench_row *a, const struct pix_bench_row *b)
{
    const double times = a->median / b->median;
    if (a->kind == PIX_BENCH_CEILING && a->flops > 0)
        return times * ((double)b->flops / (double)a->flops);
    if (a->kind == PIX_BENCH_CEILING && a->bytes > 0)
        return times * ((double)b->bytes / (double)a->bytes);
    return times;
}

static void print_value(const struct pix_bench_row *row)
{
    if (row->samples == 0)
        printf(" %15s", "-");
    else if (row->kind == PIX_BENCH_CEILING && row->flops > 0)
        printf(" %8.4g GFLOP/s", bench_gflops(row));
    else if (row->kind == PIX_BENCH_CEILING && row->bytes > 0)
        printf(" %11.4g GB/s", bench_gbytes(row));
    else
        printf(" %12.3f ms", 1e3 * row->median);
}

// Counters that differ.
static void print_counter(const char *name, uint64_t a, uint64_t b)
{
    if (a != b)
        printf("    %-62s %15" PRIu64 " %15" PRIu64 " %9.3f\n", name, a, b,
               a > 0 ? (double)b / (double)a : 0);
}

static void print_ratio(const struct pix_bench_row *a, const struct pix_bench_row *b)
{
    char name[256];
    snprintf(name, sizeof(name), "%s%s", a->name, a->is_simple ? ", simple" : "");
    printf("%-66s", name);
    print_value(a);
    print_value(b);
    if (a->samples > 0 && b->samples > 0)
        printf(" %9.2f\n", speed(a, b));
    else
        printf(" %9s\n", "-");
    if (a->kind == PIX_BENCH_CEILING)
        return;
    print_counter("times in a step", a->count, b->count);
    print_counter("floating point operations", a->flops, b->flops);
    print_counter("bytes moved", a->bytes, b->bytes);
    print_counter("dispatches", a->plan.dispatches, b->plan.dispatches);
    print_counter("barriers", a->plan.barriers, b->plan.barriers);
    print_counter("bytes of the arena", a->plan.arena_bytes, b->plan.arena_bytes);
    print_counter("bytes of device memory", a->plan.device_bytes, b->plan.device_bytes);
}

// Rows of one kind and group that both have, and the geometric mean of their ratios.
static uint32_t compare_group(const struct bench_device *a,
                              const struct bench_device *b, enum pix_bench_kind kind,
                              const char *group)
{
    double logs = 0;
    uint32_t timed = 0, count = 0;
    for (size_t i = 0; i < a->count; i++) {
        const struct pix_bench_row *row = &a->rows[i].row;
        if (row->kind != kind || (group && strcmp(row->group, group) != 0))
            continue;
        const struct pix_bench_row *other = find_same(b, row);
        if (!other)
            continue;
        if (count == 0)
            printf("\n%-66s %15s %15s %9s\n", row->group, "A", "B", "speed B/A");
        print_ratio(row, other);
        count++;
        if (row->samples > 0 && other->samples > 0) {
            logs += log(speed(row, other));
            timed++;
        }
    }
    if (timed > 1 && kind != PIX_BENCH_CEILING)
        printf("%-66s %15s %15s %9.2f\n", "  geometric mean", "", "",
               exp(logs / timed));
    return count;
}

static void print_missing(const struct bench_device *in,
                          const struct bench_device *from, const char *name)
{
    bool begun = false;
    for (size_t i = 0; i < in->count; i++) {
        const struct pix_bench_row *row = &in->rows[i].row;
        if (find_same(from, row))
            continue;
        if (!begun)
            printf("\nonly in %s\n", name);
        begun = true;
        printf("  %s: %s%s\n", row->group, row->name, row->is_simple ? ", simple" : "");
    }
}

static void compare_devices(const struct bench_device *a, const struct bench_device *b)
{
    uint32_t count = 0;
    printf("A: %s, driver %s %s\nB: %s, driver %s %s\n", a->name, a->driver,
           a->driver_version, b->name, b->driver, b->driver_version);
    count += compare_group(a, b, PIX_BENCH_CEILING, NULL);
    for (size_t i = 0; bench_groups[i]; i++)
        count += compare_group(a, b, PIX_BENCH_CALL, bench_groups[i]);
    count += compare_group(a, b, PIX_BENCH_TRAIN, NULL);
    count += compare_group(a, b, PIX_BENCH_TRANSLATE, NULL);
    if (count == 0)
        printf("\nthey have no row in common\n");
    print_missing(a, b, "A");
    print_missing(b, a, "B");
    printf("\n");
}

static bool same_device(const struct bench_device *a, const struct bench_device *b)
{
    return strcmp(a->name, b->name) == 0 && strcmp(a->driver, b->driver) == 0;
}

// The device of `r` that is the device `index` of `from`: the only one where both have
// one; else the first of that name for the first, the second for the second.
static const struct bench_device *find_device(const struct bench_result *r,
                                              const struct bench_result *from,
                                              size_t index)
{
    const struct bench_device *like = &from->devices[index];
    size_t skip = 0;
    if (r->count == 1 && from->count == 1)
        return &r->devices[0];
    for (size_t i = 0; i < index; i++)
        skip += same_device(&from->devices[i], like);
    for (size_t i = 0; i < r->count; i++)
        if (same_device(&r->devices[i], like) && skip-- == 0)
            return &r->devices[i];
    return NULL;
}

static int compare(const char *const paths[2])
{
    struct bench_result a = { 0 }, b = { 0 };
    int code = EXIT_FAILED;
    if (!bench_read(paths[0], &a) || !bench_read(paths[1], &b))
        goto done;
    printf("A: %s, pix2pix %s, %s\nB: %s, pix2pix %s, %s\n", paths[0], a.version,
           a.when, paths[1], b.version, b.when);
    if (a.ngf != b.ngf || a.ndf != b.ndf)
        printf("the networks differ: A has --ngf %" PRIu32 " --ndf %" PRIu32
               ", B --ngf %" PRIu32 " --ndf %" PRIu32
               ": whole steps are not the same work\n",
               a.ngf, a.ndf, b.ngf, b.ndf);
    printf("speed B/A: above 1 B is faster; counters are shown where they differ\n\n");
    for (size_t i = 0; i < a.count; i++) {
        const struct bench_device *other = find_device(&b, &a, i);
        if (other)
            compare_devices(&a.devices[i], other);
        else
            printf("only in A: %s\n", a.devices[i].name);
    }
    for (size_t i = 0; i < b.count; i++)
        if (!find_device(&a, &b, i))
            printf("only in B: %s\n", b.devices[i].name);
    code = EXIT_DONE;

done:
    bench_result_finish(&a);
    bench_result_finish(&b);
    return code;
}

// ---------------------------------------------------------------------------
// Measuring

struct taker {
    struct bench_device *device;
    bool failed;
};

static bool take_row(void *user, const struct pix_bench_row *row)
{
    struct taker *t = user;
    t->failed = t->failed || !bench_add_row(t->device, row);
    return !t->failed && !terminal_interrupted();
}

static bool is_interrupted(void *user)
{
    (void)user;
    return terminal_interrupted();
}

static void show_progress(void *user, const char *text)
{
    (void)user;
    output_live(text);
}

static bool measure_device(const struct bench *b, pix_device *device,
                           struct bench_result *result)
{
    struct bench_device *d = bench_add_device(result, pix_device_get_info(device));
    struct taker taker = { d, false };
    struct pix_bench_options options;
    if (!d)
        return false;
    pix_bench_options_init(&options);
    options.cases = b->cases;
    options.case_count = b->case_count;
    options.ngf = b->ngf;
    options.ndf = b->ndf;
    options.with_simple = b->simple;
    options.no_clock = b->counters;
    if (b->quick)
        options.seconds = QUICK_SECONDS;
    options.no_calls = b->linear || (b->only && strcmp(b->only, "calls") != 0);
    options.no_train = b->only && strcmp(b->only, "train") != 0;
    options.no_translate = b->only && strcmp(b->only, "translate") != 0;
    options.row = take_row;
    options.progress = show_progress;
    options.stop = is_interrupted;
    options.user = &taker;
    if (terminal_is_interactive(stderr))
        output_live_begin(stderr);
    d->complete = pix_bench(device, &options);
    output_live_end();
    bench_sort(d);
    print_device(d);
    return d->complete;
}

static bool measure_one(const struct bench *b, const char *select,
                        struct bench_result *result)
{
    struct device_arguments arguments = b->device;
    arguments.select = select;
    pix_device *device = options_open_device(&arguments);
    if (!device)
        return false;
    const bool ok = measure_device(b, device, result);
    return options_close_device(device, ok ? EXIT_DONE : EXIT_FAILED) == EXIT_DONE;
}

static bool measure_all(const struct bench *b, struct bench_result *result)
{
    struct pix_device_info *list;
    uint32_t count;
    const struct pix_log log = output_log(b->device.verbose);
    if (!pix_device_list(&log, &list, &count))
        return false;
    bool ok = count > 0;
    if (!ok)
        output_error("there is no device to measure");
    for (uint32_t i = 0; i < count && !terminal_interrupted(); i++) {
        char select[16];
        snprintf(select, sizeof(select), "%" PRIu32, list[i].index);
        if (list[i].usable)
            ok = measure_one(b, select, result) && ok;
        else
            output_note("%s is left out: it %s", list[i].name, list[i].reason);
    }
    pix_device_list_free(list);
    return ok;
}

static int run(const struct bench *b)
{
    struct bench_result result;
    // Not after minutes.
    if ((b->json && !bench_can_write(b->json)) ||
        (b->html && !bench_can_write(b->html)))
        return EXIT_FAILED;
    bench_result_init(&result);
    result.ngf = b->ngf;
    result.ndf = b->ndf;
    bool ok = result.version && result.when;
    terminal_catch_interrupt();
    if (ok && b->device.select && strcmp(b->device.select, "all") == 0)
        ok = measure_all(b, &result);
    else if (ok)
        ok = measure_one(b, b->device.select, &result);
    bool any = false;
    for (size_t i = 0; i < result.count; i++)
        any |= result.devices[i].count > 0;
    if (any) {
        if (!b->counters)
            print_method();
        // What an interrupted benchmark has found is kept as well.
        if (b->json)
            ok = bench_write(&result, b->json) && ok;
        if (b->html)
            ok = bench_write_page(&result, b->html) && ok;
    }
    bench_result_finish(&result);
    return terminal_interrupted() ? EXIT_INTERRUPTED : ok ? EXIT_DONE : EXIT_FAILED;
}

// A result of before.
static int show(const char *path, const char *html)
{
    struct bench_result result;
    if (!bench_read(path, &result))
        return EXIT_FAILED;
    printf("%s, pix2pix %s, %s\n\n", path, result.version, result.when);
    for (size_t i = 0; i < result.count; i++)
        print_device(&result.devices[i]);
    print_method();
    const bool ok = !html || bench_write_page(&result, html);
    bench_result_finish(&result);
    return ok ? EXIT_DONE : EXIT_FAILED;
}

// ---------------------------------------------------------------------------
// Command line

// "64,128": returns how many, 0 after a message.
static uint32_t parse_list(const struct command *command, const char *name,
                           const char *text, uint32_t most,
                           uint32_t numbers[MOST_NUMBERS])
{
    uint32_t count = 0;
    const char *c = text;
    for (;;) {
        uint32_t value = 0;
        const char *start = c;
        for (; *c >= '0' && *c <= '9' && value <= most; c++)
            value = value * 10 + (uint32_t)(*c - '0');
        if (c == start || value == 0 || value > most || (*c && *c != ',') ||
            count == MOST_NUMBERS) {
            options_usage_error(command,
                                "--%s takes up to %d numbers from 1 to %" PRIu32
                                " with commas between them, not \"%s\"",
                                name, MOST_NUMBERS, most, text);
            return 0;
        }
        numbers[count++] = value;
        if (!*c++)
            return count;
    }
}

// False: there are too many.
static bool add_case(struct bench *b, uint32_t size, uint32_t batch)
{
    for (uint32_t i = 0; i < b->case_count; i++)
        if (b->cases[i].size == size && b->cases[i].batch == batch)
            return true;
    if (b->case_count == MOST_CASES)
        return false;
    b->cases[b->case_count++] = (struct pix_bench_case){ size, batch };
    return true;
}

static bool make_cases(const struct command *command, struct bench *b)
{
    const char *sizes = b->sizes, *batches = b->batches;
    uint32_t s[MOST_NUMBERS], n[MOST_NUMBERS];
    struct pix_train_options networks;
    pix_train_options_init(&networks);
    networks.ngf = b->ngf;
    networks.ndf = b->ndf;
    if (!pix_train_options_resolve(&networks)) {
        options_usage_error(command, "%s", pix_last_error());
        return false;
    }
    if (!sizes)
        sizes = b->linear ? "256,64,128,512" : b->quick ? "64" : "256";
    if (!batches)
        batches = b->linear ? "1,2,4,8" : "1";
    const uint32_t size_count = parse_list(command, "sizes", sizes, SIZE_MOST, s);
    if (size_count == 0)
        return false;
    const uint32_t batch_count = parse_list(command, "batches", batches, BATCH_MOST, n);
    if (batch_count == 0)
        return false;
    for (uint32_t i = 0; i < size_count; i++) {
        // A step can be made of it, or else the message says which sizes do.
        struct pix_train_options o;
        pix_train_options_init(&o);
        o.crop_size = s[i];
        if (!pix_train_options_resolve(&o)) {
            options_usage_error(command, "--sizes %s: %s", sizes, pix_last_error());
            return false;
        }
        for (uint32_t k = 0; k < batch_count; k++)
            if ((!b->linear || i == 0 || k == 0) && !add_case(b, s[i], n[k])) {
                options_usage_error(command,
                                    "--sizes and --batches make more than %d cases",
                                    MOST_CASES);
                return false;
            }
    }
    return true;
}

static bool same_file(const char *a, const char *b)
{
    return strcmp(a, b) == 0 || terminal_same_path(a, b);
}

// Whether something is given that only a measurement takes.
static bool measures(const struct bench *b)
{
    return b->sizes || b->batches || b->ngf || b->ndf || b->linear || b->quick ||
           b->simple || b->counters || b->only || b->json || b->device.select ||
           b->device.verbose || b->device.validation;
}

int command_bench(int argc, char **argv)
{
    struct bench b = { 0 };
    const struct argument arguments[] = {
        { "sizes", ARGUMENT_TEXT, &b.sizes, "LIST", "sides of the images, pixels [256]",
          NULL },
        { "batches", ARGUMENT_TEXT, &b.batches, "LIST", "images in a batch [1]", NULL },
        { "ngf", ARGUMENT_COUNT, &b.ngf, "N", "filters of G's first convolution [64]",
          NULL },
        { "ndf", ARGUMENT_COUNT, &b.ndf, "N", "filters of D's first convolution [64]",
          NULL },
        { "quick", ARGUMENT_FLAG, &b.quick, NULL,
          "a small network: 64 pixels, ngf and ndf 16", NULL },
        { "linear", ARGUMENT_FLAG, &b.linear, NULL,
          "how cost grows: whole steps at 256,64,128,512 pixels", NULL },
        { "only", ARGUMENT_CHOICE, &b.only, "PART",
          "ceilings and one of: calls, train, translate", "calls|train|translate" },
        { "simple", ARGUMENT_FLAG, &b.simple, NULL,
          "the simple convolutions too, for comparison (slow)", NULL },
        { "counters", ARGUMENT_FLAG, &b.counters, NULL,
          "only what needs no clock: nothing is run", NULL },
        { "json", ARGUMENT_TEXT, &b.json, "FILE", "write the result, to be compared",
          NULL },
        { "html", ARGUMENT_TEXT, &b.html, "FILE", "write a page with charts", NULL },
        { "show", ARGUMENT_TEXT, &b.show, "FILE",
          "print a result again, or make its page (--html)", NULL },
        { "compare", ARGUMENT_PAIR, b.compare, "A B", "compare two results", NULL },
    };
    const struct command command = {
        .name = "bench",
        .usage = "bench [--quick|--linear] [--json FILE] [--html FILE]",
        .purpose =
            "       pix2pix bench --compare A.json B.json\n"
            "       pix2pix bench --show A.json [--html FILE]\n"
            "Measures what a device can do at most, every kernel call of a training "
            "step, and\nwhole training steps and translations. About two minutes on a "
            "software device,\na few seconds with --quick. --device all takes every "
            "device in turn. A LIST is\nnumbers with commas; each size is taken with "
            "each batch. With --linear each size\nis taken with the first batch and "
            "each batch [1,2,4,8] with the first size, and\ncalls are left out: many "
            "minutes on a software device.\n\n",
        .arguments = arguments,
        .count = sizeof(arguments) / sizeof(arguments[0]),
        .device = &b.device,
    };
    int code;
    if (!options_parse(&command, argc, argv, NULL, &code))
        return code;
    if (b.compare[0]) {
        if (argc > 3)
            return options_usage_error(&command, "--compare takes two files and goes "
                                                 "with no other option");
        return compare(b.compare);
    }
    if (b.show) {
        if (measures(&b))
            return options_usage_error(&command, "--show goes with no other option "
                                                 "than --html");
        if (b.html && same_file(b.show, b.html))
            return options_usage_error(&command, "--html would overwrite --show");
        return show(b.show, b.html);
    }
    if (b.json && b.html && same_file(b.json, b.html))
        return options_usage_error(&command, "--json and --html name the same file");
    if (b.linear && b.only && strcmp(b.only, "calls") == 0)
        return options_usage_error(&command, "--linear has no calls");
    if (b.ngf == 0)
        b.ngf = b.quick ? 16 : 64;
    if (b.ndf == 0)
        b.ndf = b.quick ? 16 : 64;
    if (!make_cases(&command, &b))
        return EXIT_USAGE;
    return run(&b);
}
