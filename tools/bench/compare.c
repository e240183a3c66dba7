// SPDX-License-Identifier: MIT
//
// Two results of benchmarks side by side. See compare.h.

#include "bench/compare.h"

#include "bench/file.h"
#include "bench/result.h"
#include "output.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

// The only precision of a device, or NULL.
static const char *only_precision(const struct bench_device *d)
{
    const char *list[BENCH_MOST_PRECISIONS];
    return bench_list_precisions(d, list) == 1 ? list[0] : NULL;
}

// Whether the precisions are what is compared: each has another one.
static bool differ_in_precision(const struct bench_device *a,
                                const struct bench_device *b)
{
    const char *p = only_precision(a), *q = only_precision(b);
    return p && q && strcmp(p, q) != 0;
}

// Devices that are compared.
struct pair {
    const struct bench_device *a, *b;
    bool any_precision;
};

static const struct pix_bench_row *find_same(const struct pair *p,
                                             const struct bench_device *d,
                                             const struct pix_bench_row *row)
{
    return bench_find_in(d, row, p->any_precision ? NULL : row->precision);
}

// Returns how much faster b is. The kernels that measure ceilings are as long as suits
// the device: for those the rates are compared.
static double speed(const struct pix_bench_row *a, const struct pix_bench_row *b)
{
    const double times = a->median / b->median;
    if (a->kind == PIX_BENCH_CEILING && a->flops > 0)
        return times * ((double)b->flops / (double)a->flops);
    if (a->kind == PIX_BENCH_CEILING && a->bytes > 0)
        return times * ((double)b->bytes / (double)a->bytes);
    return times;
}

// How much faster B is: two digits where two decimals have fewer.
static void print_speed(double ratio)
{
    output_print(stdout, ratio < 0.1 ? " %9.2g\n" : " %9.2f\n", ratio);
}

static void print_value(const struct pix_bench_row *row)
{
    if (row->samples == 0)
        output_print(stdout, " %15s", "-");
    else if (row->kind == PIX_BENCH_CEILING && row->flops > 0)
        output_print(stdout, " %8.4g GFLOP/s", bench_get_gflops(row));
    else if (row->kind == PIX_BENCH_CEILING && row->bytes > 0)
        output_print(stdout, " %11.4g GB/s", bench_get_gbytes(row));
    else
        output_print(stdout, " %12.3f ms", 1e3 * row->median);
}

// Prints a line for a counter that differs.
static void print_counter(const char *name, uint64_t a, uint64_t b)
{
    if (a != b)
        output_print(stdout, "    %-62s %15" PRIu64 " %15" PRIu64 " %9.3f\n", name, a,
                     b, a > 0 ? (double)b / (double)a : 0);
}

static void print_ratio(const struct pix_bench_row *a, const struct pix_bench_row *b,
                        bool shows_precision)
{
    const bool is_doubtful = a->is_doubtful || b->is_doubtful;
    char name[256];
    snprintf(name, sizeof(name), "%s%s%s%s", a->name,
             shows_precision ? bench_precision_suffix(a->precision) : "",
             a->is_simple ? ", simple" : "", is_doubtful ? " ?" : "");
    output_print(stdout, "%-66s", name);
    print_value(a);
    print_value(b);
    if (a->samples > 0 && b->samples > 0)
        print_speed(speed(a, b));
    else
        output_print(stdout, " %9s\n", "-");
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

// Prints what all calls of a group take in a step, where both have them.
static void print_sum(const struct pair *p, const char *group, const char *in_a,
                      const char *in_b)
{
    const struct bench_share a = bench_sum_calls(p->a, group, NULL, in_a, false);
    const struct bench_share b = bench_sum_calls(p->b, group, NULL, in_b, false);
    char name[64];
    if (a.seconds <= 0 || b.seconds <= 0)
        return;
    snprintf(name, sizeof(name), "  all of a step%s%s",
             p->any_precision ? "" : bench_precision_suffix(in_a),
             a.doubtful > 0 || b.doubtful > 0 ? " ?" : "");
    output_print(stdout, "%-66s %12.3f ms %12.3f ms", name, 1e3 * a.seconds,
                 1e3 * b.seconds);
    print_speed(a.seconds / b.seconds);
}

static void print_sums(const struct pair *p, const char *group)
{
    if (p->any_precision)
        print_sum(p, group, only_precision(p->a), only_precision(p->b));
    for (size_t i = 0; !p->any_precision && bench_precisions[i]; i++)
        print_sum(p, group, bench_precisions[i], bench_precisions[i]);
}

// Prints the rows of one kind and group that both have, the geometric mean of their
// ratios, and the sums of calls. Returns how many rows there were.
static uint32_t compare_group(const struct pair *p, enum pix_bench_kind kind,
                              const char *group)
{
    const struct bench_device *a = p->a;
    double logs = 0;
    uint32_t timed = 0, count = 0;
    for (size_t i = 0; i < a->count; i++) {
        const struct pix_bench_row *row = &a->rows[i].row;
        if (row->kind != kind || (group && strcmp(row->group, group) != 0))
            continue;
        const struct pix_bench_row *other = find_same(p, p->b, row);
        if (!other)
            continue;
        if (count == 0)
            output_print(stdout, "\n%-66s %15s %15s %9s\n", row->group, "A", "B",
                         "speed B/A");
        print_ratio(row, other, !p->any_precision);
        count++;
        if (row->samples > 0 && other->samples > 0) {
            logs += log(speed(row, other));
            timed++;
        }
    }
    if (timed > 1 && kind != PIX_BENCH_CEILING) {
        output_print(stdout, "%-66s %15s %15s", "  geometric mean", "", "");
        print_speed(exp(logs / timed));
    }
    if (count > 0 && kind == PIX_BENCH_CALL)
        print_sums(p, group);
    return count;
}

// Whether a device has rows, but none in this precision.
static bool lacks_precision(const struct bench_device *d, const char *precision)
{
    const char *list[BENCH_MOST_PRECISIONS];
    const size_t count = bench_list_precisions(d, list);
    for (size_t i = 0; i < count; i++)
        if (strcmp(list[i], precision) == 0)
            return false;
    return count > 0;
}

static void print_missing(const struct pair *p, const struct bench_device *in,
                          const struct bench_device *from, const char *name)
{
    bool begun = false;
    uint32_t left_out[BENCH_MOST_PRECISIONS] = { 0 };
    for (size_t i = 0; i < in->count; i++) {
        const struct pix_bench_row *row = &in->rows[i].row;
        if (find_same(p, from, row))
            continue;
        if (!begun)
            output_print(stdout, "\nonly in %s\n", name);
        begun = true;
        if (!p->any_precision && row->kind != PIX_BENCH_CEILING &&
            lacks_precision(from, row->precision)) {
            left_out[bench_precision_index(row->precision)]++;
            continue;
        }
        output_print(stdout, "  %s: %s%s%s\n", row->group, row->name,
                     p->any_precision ? "" : bench_precision_suffix(row->precision),
                     row->is_simple ? ", simple" : "");
    }
    for (size_t i = 0; i < BENCH_MOST_PRECISIONS; i++)
        if (left_out[i] > 0)
            output_print(stdout, "  all in %s: %" PRIu32 " row%s\n",
                         bench_precisions[i], left_out[i], left_out[i] == 1 ? "" : "s");
}

static void compare_devices(const struct bench_device *a, const struct bench_device *b)
{
    const struct pair p = { a, b, differ_in_precision(a, b) };
    uint32_t count = 0;
    output_print(stdout, "A: %s, driver %s %s\n", a->name, a->driver,
                 a->driver_version);
    output_print(stdout, "B: %s, driver %s %s\n", b->name, b->driver,
                 b->driver_version);
    if (p.any_precision)
        output_print(stdout, "A is in %s, B in %s\n", only_precision(a),
                     only_precision(b));
    count += compare_group(&p, PIX_BENCH_CEILING, NULL);
    for (size_t i = 0; bench_groups[i]; i++)
        count += compare_group(&p, PIX_BENCH_CALL, bench_groups[i]);
    count += compare_group(&p, PIX_BENCH_TRAIN, NULL);
    count += compare_group(&p, PIX_BENCH_TRANSLATE, NULL);
    if (count == 0)
        output_print(stdout, "\nno rows in common\n");
    print_missing(&p, a, b, "A");
    print_missing(&p, b, a, "B");
    output_print(stdout, "\n");
}

static bool same_device(const struct bench_device *a, const struct bench_device *b)
{
    return strcmp(a->name, b->name) == 0 && strcmp(a->driver, b->driver) == 0;
}

// Finds the device of `r` that corresponds to device `index` of `from`: the only one
// where both have just one; otherwise, of devices with the same name and driver, the
// one at the same position among them.
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

bool bench_compare_files(const char *const paths[2])
{
    struct bench_result a = { 0 }, b = { 0 };
    bool ok = bench_read_file(paths[0], &a) && bench_read_file(paths[1], &b);
    if (!ok)
        goto done;
    output_print(stdout, "A: %s, pix2pix %s, %s\n", paths[0], a.version, a.when);
    output_print(stdout, "B: %s, pix2pix %s, %s\n", paths[1], b.version, b.when);
    if (a.ngf != b.ngf || a.ndf != b.ndf)
        output_print(stdout,
                     "the networks differ: A has --ngf %" PRIu32 " --ndf %" PRIu32
                     ", B --ngf %" PRIu32 " --ndf %" PRIu32
                     ": whole steps are different work\n",
                     a.ngf, a.ndf, b.ngf, b.ndf);
    output_print(
        stdout,
        "speed B/A: above 1, B is faster; counters are shown where they differ; "
        "? marks what the ceilings beside it make doubtful\n\n");
    for (size_t i = 0; i < a.count; i++) {
        const struct bench_device *other = find_device(&b, &a, i);
        if (other)
            compare_devices(&a.devices[i], other);
        else
            output_print(stdout, "only in A: %s\n", a.devices[i].name);
    }
    for (size_t i = 0; i < b.count; i++)
        if (!find_device(&a, &b, i))
            output_print(stdout, "only in B: %s\n", b.devices[i].name);

done:
    bench_result_finish(&a);
    bench_result_finish(&b);
    return ok;
}
