// SPDX-License-Identifier: MIT
//
// Writes and reads the JSON file of a result. Files come from anywhere: everything that
// is read is checked. See file.h.

#include "bench/file.h"

#include "command.h"
#include "output.h"
#include "replacement.h"
#include "terminal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FORMAT "pix2pix bench"
#define FORMAT_VERSION 1
#define FILE_MAX ((size_t)64 << 20)    // a larger file is not a result

// The range of a plausible measurement.
#define SECONDS_LEAST 1e-12
#define SECONDS_MOST 1e9

static const char *const kind_names[] = {
    [PIX_BENCH_CEILING] = "ceiling",
    [PIX_BENCH_CALL] = "call",
    [PIX_BENCH_TRAIN] = "train",
    [PIX_BENCH_TRANSLATE] = "translate",
};

static const char *const clock_names[] = {
    [PIX_BENCH_NOT_TIMED] = "none",
    [PIX_BENCH_DEVICE_CLOCK] = "device",
    [PIX_BENCH_HOST_CLOCK] = "host",
};

// The counters of a plan, as `train --plan --json` names them.
#define PLAN_FIELDS(FIELD)                                                             \
    FIELD(device_bytes)                                                                \
    FIELD(state_bytes)                                                                 \
    FIELD(arena_bytes)                                                                 \
    FIELD(arena_bytes_without_reuse)                                                   \
    FIELD(step_block_bytes)                                                            \
    FIELD(staging_bytes)                                                               \
    FIELD(dispatches)                                                                  \
    FIELD(barriers)                                                                    \
    FIELD(submissions)                                                                 \
    FIELD(weights_g)                                                                   \
    FIELD(weights_d)

// ---------------------------------------------------------------------------
// Writing

static json_t *row_to_json(const struct pix_bench_row *row)
{
    json_t *o = json_object();
    output_add_member(&o, "kind", output_make_text(kind_names[row->kind]));
    output_add_member(&o, "group", output_make_text(row->group));
    output_add_member(&o, "name", output_make_text(row->name));
    output_add_member(&o, "kernel", output_make_text(row->kernel));
    if (row->kind != PIX_BENCH_CEILING)
        output_add_member(&o, "precision", output_make_text(row->precision));
    output_add_member(&o, "simple", json_boolean(row->is_simple));
    output_add_member(&o, "size", output_make_uint(row->size));
    output_add_member(&o, "batch", output_make_uint(row->batch));
    output_add_member(&o, "count", output_make_uint(row->count));
    output_add_member(&o, "flops", output_make_uint(row->flops));
    output_add_member(&o, "bytes", output_make_uint(row->bytes));
    output_add_member(&o, "clock", output_make_text(clock_names[row->clock]));
    output_add_member(&o, "samples", output_make_uint(row->samples));
    if (row->samples > 0) {
        output_add_member(&o, "seconds", output_make_real(row->median));
        output_add_member(&o, "lower_quartile", output_make_real(row->low));
        output_add_member(&o, "upper_quartile", output_make_real(row->high));
        output_add_member(&o, "gflops", output_make_real(bench_get_gflops(row)));
        output_add_member(&o, "gbytes_per_second",
                          output_make_real(bench_get_gbytes(row)));
        output_add_member(&o, "ceiling_share", output_make_real(row->ceiling_share));
        output_add_member(&o, "bound_by",
                          output_make_text(bench_bound_name(row->bound_by)));
    }
    if (row->samples > 0 && row->kind != PIX_BENCH_CEILING) {
        json_t *floor = json_object();
        output_add_member(&floor, "flops", output_make_real(row->floor_flops));
        output_add_member(&floor, "bytes", output_make_real(row->floor_bytes));
        output_add_member(&floor, "launches", output_make_real(row->floor_launches));
        output_add_member(&o, "floor_seconds", floor);
        output_add_member(&o, "doubtful", json_boolean(row->is_doubtful));
    }
    if (row->samples > 0 && row->times) {
        json_t *times = json_array();
        for (uint32_t i = 0; i < row->samples; i++)
            output_append(&times, output_make_real(row->times[i]));
        output_add_member(&o, "all_seconds", times);
    }
    if (row->kind == PIX_BENCH_TRAIN || row->kind == PIX_BENCH_TRANSLATE) {
        json_t *plan = json_object();
#define ADD(field) output_add_member(&plan, #field, output_make_uint(row->plan.field));
        PLAN_FIELDS(ADD)
#undef ADD
        output_add_member(&o, "plan", plan);
    }
    return o;
}

static json_t *result_to_json(const struct bench_result *r)
{
    json_t *o = json_object(), *method = json_array(), *devices = json_array();
    output_add_member(&o, "format", output_make_text(FORMAT));
    output_add_member(&o, "format_version", output_make_uint(FORMAT_VERSION));
    output_add_member(&o, "library_version", output_make_text(r->version));
    output_add_member(&o, "when", output_make_text(r->when));
    output_add_member(&o, "ngf", output_make_uint(r->ngf));
    output_add_member(&o, "ndf", output_make_uint(r->ndf));
    for (size_t i = 0; bench_method[i]; i++)
        output_append(&method, output_make_text(bench_method[i]));
    output_add_member(&o, "method", method);
    for (size_t i = 0; i < r->count; i++) {
        const struct bench_device *d = &r->devices[i];
        json_t *device = json_object(), *rows = json_array();
        output_add_member(&device, "name", output_make_text(d->name));
        output_add_member(&device, "type", output_make_text(d->type));
        output_add_member(&device, "driver", output_make_text(d->driver));
        output_add_member(&device, "driver_version",
                          output_make_text(d->driver_version));
        output_add_member(&device, "api_version", output_make_text(d->api_version));
        output_add_member(&device, "memory_bytes", output_make_uint(d->memory_bytes));
        output_add_member(&device, "complete", json_boolean(d->complete));
        for (size_t k = 0; k < d->count; k++)
            output_append(&rows, row_to_json(&d->rows[k].row));
        output_add_member(&device, "rows", rows);
        output_append(&devices, device);
    }
    output_add_member(&o, "devices", devices);
    return o;
}

bool bench_can_write(const char *path)
{
    struct replacement out;
    if (replacement_begin(&out, path) && replacement_end(&out, false))
        return true;
    output_print_error("%s cannot be written: %s", path, strerror(errno));
    return false;
}

bool bench_write_file(const struct bench_result *r, const char *path)
{
    json_t *document = result_to_json(r);
    struct replacement out = { 0 };
    bool ok = document && replacement_begin(&out, path);
    if (ok) {
        const size_t flags = JSON_INDENT(1) | JSON_REAL_PRECISION(9);
        ok = json_dumpf(document, out.file, flags) == 0 && fputc('\n', out.file) != EOF;
        ok = replacement_end(&out, ok) && ok;
    }
    if (!document)
        output_print_error("out of memory");
    else if (!ok)
        output_print_error("%s cannot be written: %s", path, strerror(errno));
    json_decref(document);
    return ok;
}

// ---------------------------------------------------------------------------
// Reading

// Only the first error is reported.
struct reader {
    const char *path;
    bool failed;
};

static void refuse(struct reader *r, const char *what)
{
    if (!r->failed)
        output_print_error("%s is not a result of pix2pix bench: %s", r->path, what);
    r->failed = true;
}

static char *read_text(struct reader *r, const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    char what[128];
    if (!text) {
        snprintf(what, sizeof(what), "\"%s\" is not a string", key);
        refuse(r, what);
        return NULL;
    }
    // What a terminal would obey becomes an escape of up to four times its length.
    const size_t size = 4 * strlen(text) + 4;
    char *copy = malloc(size);
    if (copy)
        pix_text_escape(text, copy, size);
    else
        output_print_error("out of memory");
    r->failed |= !copy;
    return copy;
}

static uint64_t read_uint(struct reader *r, const json_t *object, const char *key,
                          uint64_t max)
{
    const json_t *v = json_object_get(object, key);
    char what[128];
    if (json_is_integer(v) && json_integer_value(v) >= 0 &&
        (uint64_t)json_integer_value(v) <= max)
        return (uint64_t)json_integer_value(v);
    snprintf(what, sizeof(what), "\"%s\" is not a number from 0 up", key);
    refuse(r, what);
    return 0;
}

static double read_seconds(struct reader *r, const json_t *object, const char *key)
{
    const json_t *v = json_object_get(object, key);
    const double value = json_is_number(v) ? json_number_value(v) : 0;
    char what[128];
    if (value >= SECONDS_LEAST && value <= SECONDS_MOST)
        return value;
    snprintf(what, sizeof(what), "\"%s\" is not a time", key);
    refuse(r, what);
    return 0;
}

static size_t read_name(struct reader *r, const json_t *object, const char *key,
                        const char *const *names, size_t count)
{
    const char *text = json_string_value(json_object_get(object, key));
    char what[128];
    for (size_t i = 0; text && i < count; i++)
        if (strcmp(names[i], text) == 0)
            return i;
    snprintf(what, sizeof(what), "\"%s\" has an unknown value", key);
    refuse(r, what);
    return 0;
}

// Results of before there were precisions are in f32, and have no floors: what they
// have is a share of the ceiling of flops or bytes.
static void read_floor(struct reader *r, const json_t *o, struct pix_bench_row *row)
{
    static const char *const bounds[] = { "flops", "bytes", "launches" };
    const json_t *share = json_object_get(o, "ceiling_share");
    const json_t *floor = json_object_get(o, "floor_seconds");
    double *const parts[] = { &row->floor_flops, &row->floor_bytes,
                              &row->floor_launches };
    row->ceiling_share = json_is_number(share) ? json_number_value(share) : 0;
    if (!(row->ceiling_share >= 0 && row->ceiling_share <= SECONDS_MOST))
        refuse(r, "\"ceiling_share\" is not a share");
    row->bound_by = (enum pix_bench_bound)read_name(r, o, "bound_by", bounds, 3);
    row->is_doubtful = json_is_true(json_object_get(o, "doubtful"));
    if (!floor) {
        *parts[row->bound_by] = row->ceiling_share * row->median;
        return;
    }
    for (int i = 0; i < 3; i++) {
        *parts[i] = json_number_value(json_object_get(floor, bounds[i]));
        if (!(*parts[i] >= 0 && *parts[i] <= SECONDS_MOST))
            refuse(r, "\"floor_seconds\" has what is not a time");
    }
}

// Caller frees; NULL where there are none.
static double *read_times(struct reader *r, const json_t *o, uint32_t count)
{
    const json_t *list = json_object_get(o, "all_seconds");
    if (!list || r->failed)
        return NULL;
    if (json_array_size(list) != count || count == 0) {
        refuse(r, "\"all_seconds\" does not have \"samples\" times");
        return NULL;
    }
    double *times = malloc(count * sizeof(times[0]));
    if (!times)
        output_print_error("out of memory");
    r->failed |= !times;
    for (size_t i = 0; times && i < count; i++) {
        times[i] = json_number_value(json_array_get(list, i));
        if (!(times[i] >= SECONDS_LEAST && times[i] <= SECONDS_MOST))
            refuse(r, "\"all_seconds\" has what is not a time");
    }
    return times;
}

static void read_row(struct reader *r, const json_t *o, struct bench_device *d)
{
    char *group = read_text(r, o, "group"), *name = read_text(r, o, "name");
    char *kernel = read_text(r, o, "kernel");
    double *times = NULL;
    struct pix_bench_row row = {
        .kind = (enum pix_bench_kind)read_name(
            r, o, "kind", kind_names, sizeof(kind_names) / sizeof(kind_names[0])),
        .group = group,
        .name = name,
        .kernel = kernel,
        .is_simple = json_is_true(json_object_get(o, "simple")),
        .size = (uint32_t)read_uint(r, o, "size", UINT32_MAX),
        .batch = (uint32_t)read_uint(r, o, "batch", UINT32_MAX),
        .count = (uint32_t)read_uint(r, o, "count", UINT32_MAX),
        .flops = read_uint(r, o, "flops", INT64_MAX),
        .bytes = read_uint(r, o, "bytes", INT64_MAX),
        .clock = (enum pix_bench_clock)read_name(
            r, o, "clock", clock_names, sizeof(clock_names) / sizeof(clock_names[0])),
        .samples = (uint32_t)read_uint(r, o, "samples", UINT32_MAX),
    };
    row.precision = "";
    if (row.kind != PIX_BENCH_CEILING)
        row.precision =
            json_object_get(o, "precision")
                ? bench_precisions[read_name(r, o, "precision", bench_precisions, 3)]
                : "f32";
    if (row.kind != PIX_BENCH_CEILING && (!row.size || !row.batch || !row.count))
        refuse(r, "\"size\", \"batch\" or \"count\" is 0");
    if (row.samples > 0) {
        row.median = read_seconds(r, o, "seconds");
        row.low = read_seconds(r, o, "lower_quartile");
        row.high = read_seconds(r, o, "upper_quartile");
        if (row.kind != PIX_BENCH_CEILING)
            read_floor(r, o, &row);
        row.times = times = read_times(r, o, row.samples);
    }
    if (row.kind == PIX_BENCH_TRAIN || row.kind == PIX_BENCH_TRANSLATE) {
        const json_t *plan = json_object_get(o, "plan");
#define READ(field) uint64_t field = read_uint(r, plan, #field, INT64_MAX);
        PLAN_FIELDS(READ)
#undef READ
        row.plan = (struct pix_plan){
            .device_bytes = device_bytes,
            .state_bytes = state_bytes,
            .arena_bytes = arena_bytes,
            .arena_bytes_without_reuse = arena_bytes_without_reuse,
            .step_block_bytes = step_block_bytes,
            .staging_bytes = staging_bytes,
            .dispatches = (uint32_t)dispatches,
            .barriers = (uint32_t)barriers,
            .submissions = (uint32_t)submissions,
            .flops_per_step = row.flops,
            .bytes_per_step = row.bytes,
            .weights_g = weights_g,
            .weights_d = weights_d,
        };
    }
    if (!r->failed)
        r->failed = !bench_add_row(d, &row);
    free(group);
    free(name);
    free(kernel);
    free(times);
}

static void read_device(struct reader *r, const json_t *o, struct bench_result *out)
{
    struct bench_device *d = bench_append_device(out);
    const json_t *rows = json_object_get(o, "rows");
    if (!d) {
        r->failed = true;
        return;
    }
    d->name = read_text(r, o, "name");
    d->type = read_text(r, o, "type");
    d->driver = read_text(r, o, "driver");
    d->driver_version = read_text(r, o, "driver_version");
    d->api_version = read_text(r, o, "api_version");
    d->memory_bytes = read_uint(r, o, "memory_bytes", INT64_MAX);
    d->complete = json_is_true(json_object_get(o, "complete"));
    if (!json_is_array(rows))
        refuse(r, "a device has no \"rows\"");
    for (size_t i = 0; !r->failed && i < json_array_size(rows); i++)
        read_row(r, json_array_get(rows, i), d);
}

// Jansson's parser reads past the end of a token that could not grow, so no allocation
// returns NULL to it. The engine has another way, see base/json.c.
static void *malloc_or_exit(size_t size)
{
    void *p = malloc(size);
    if (!p) {
        output_print_error("out of memory while reading a result of pix2pix bench");
        exit(EXIT_FAILED);
    }
    return p;
}

static json_t *parse(const char *text, size_t size, json_error_t *error)
{
    json_malloc_t allocate;
    json_free_t release;
    json_get_alloc_funcs(&allocate, &release);
    json_set_alloc_funcs(malloc_or_exit, free);
    json_t *document = json_loadb(text, size, JSON_REJECT_DUPLICATES, error);
    json_set_alloc_funcs(allocate, release);
    return document;
}

static json_t *load(const char *path)
{
    const char *reason;
    uint64_t known = 0;
    FILE *file = terminal_open_regular(path, &known, &reason);
    json_t *document = NULL;
    json_error_t error;
    size_t size = 0, capacity = (size_t)1 << 16, got;
    char *text = NULL, *more;
    if (!file) {
        output_print_error("%s cannot be read: %s", path, reason);
        return NULL;
    }
    // It may grow while it is read, and files of /proc have no size.
    do {
        capacity *= 2;
        if (known > FILE_MAX || capacity > 2 * FILE_MAX) {
            output_print_error("%s is too large for a result of pix2pix bench", path);
            goto done;
        }
        more = realloc(text, capacity);
        if (!more) {
            output_print_error("out of memory while reading %s", path);
            goto done;
        }
        text = more;
        got = fread(text + size, 1, capacity - size, file);
        size += got;
    } while (size == capacity);
    if (ferror(file)) {
        output_print_error("%s cannot be read: %s", path, strerror(errno));
        goto done;
    }
    document = parse(text, size, &error);
    if (!document) {
        output_print_error("%s is not a result of pix2pix bench: line %d: %s", path,
                           error.line, error.text);
    }

done:
    free(text);
    fclose(file);
    return document;
}

bool bench_read_file(const char *path, struct bench_result *out)
{
    struct reader r = { .path = path };
    *out = (struct bench_result){ 0 };
    json_t *document = load(path);
    if (!document)
        return false;
    const char *format = json_string_value(json_object_get(document, "format"));
    const json_t *devices = json_object_get(document, "devices");
    if (!format || strcmp(format, FORMAT) != 0) {
        refuse(&r, "its \"format\" differs");
    } else if (read_uint(&r, document, "format_version", UINT32_MAX) !=
               FORMAT_VERSION) {
        if (!r.failed)
            refuse(&r, "it was written by another version; measure again");
    } else if (!json_is_array(devices)) {
        refuse(&r, "it has no \"devices\"");
    } else {
        out->version = read_text(&r, document, "library_version");
        out->when = read_text(&r, document, "when");
        out->ngf = (uint32_t)read_uint(&r, document, "ngf", UINT32_MAX);
        out->ndf = (uint32_t)read_uint(&r, document, "ndf", UINT32_MAX);
        for (size_t i = 0; !r.failed && i < json_array_size(devices); i++)
            read_device(&r, json_array_get(devices, i), out);
    }
    json_decref(document);
    if (r.failed)
        bench_result_finish(out);
    return !r.failed;
}
