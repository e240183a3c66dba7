// SPDX-License-Identifier: MIT
//
// Messages, JSON documents and the live line. See output.h.

#include "output.h"

#include "terminal.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

// ---------------------------------------------------------------------------
// Messages

static struct {
    FILE *stream;    // NULL: there is no live line
    int width;
} live;

enum { TEXT_SIZE = 8192, SHOWN_SIZE = 2 * TEXT_SIZE };

// Written in one piece, because decoder threads may log at the same time.
static void message(const char *prefix, const char *text)
{
    char shown[SHOWN_SIZE];
    pix_text_escape(text, shown, sizeof(shown));
    if (live.stream) {
        fprintf(live.stream, "\r%*s\r", live.width, "");
        fflush(live.stream);
    }
    fprintf(stderr, "%s%s\n", prefix, shown);
}

void output_print_error(const char *format, ...)
{
    char text[TEXT_SIZE];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    message("error: ", text);
}

void output_print_note(const char *format, ...)
{
    char text[TEXT_SIZE];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    message("", text);
}

void output_print(FILE *stream, const char *format, ...)
{
    char text[TEXT_SIZE], shown[SHOWN_SIZE];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    const size_t head = strspn(text, "\n");
    size_t end = strlen(text), tail = 0;
    for (; end > head && text[end - 1] == '\n'; end--)
        tail++;
    text[end] = 0;
    pix_text_escape(text + head, shown, sizeof(shown));
    for (size_t i = 0; i < head; i++)
        putc('\n', stream);
    fputs(shown, stream);
    for (size_t i = 0; i < tail; i++)
        putc('\n', stream);
}

static void log_callback(void *user, enum pix_log_level level, const char *text)
{
    (void)user;
    message(level == PIX_LOG_ERROR  ? "error: "
            : level == PIX_LOG_WARN ? "warning: "
                                    : "",
            text);
}

struct pix_log output_get_log(bool verbose)
{
    return (struct pix_log){
        .callback = log_callback,
        .level = verbose ? PIX_LOG_DEBUG : PIX_LOG_INFO,
    };
}

// ---------------------------------------------------------------------------
// JSON

void output_add_member(json_t **object, const char *key, json_t *value)
{
    if (json_object_set_new(*object, key, value) == 0)
        return;
    json_decref(*object);
    *object = NULL;
}

void output_append(json_t **array, json_t *value)
{
    if (json_array_append_new(*array, value) == 0)
        return;
    json_decref(*array);
    *array = NULL;
}

json_t *output_make_uint(uint64_t value)
{
    return json_integer((json_int_t)value);
}

json_t *output_make_text(const char *value)
{
    json_t *v = value ? json_string(value) : json_null();
    if (v)
        return v;
    // No byte becomes more than four characters, so that two names stay two.
    const size_t size = 4 * strlen(value) + 4;
    char *text = malloc(size);
    if (text) {
        pix_text_escape(value, text, size);
        v = json_string(text);
    }
    free(text);
    return v;
}

json_t *output_make_real(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

// ASCII alone: a document on a terminal may have names in it, too.
bool output_print_json(json_t *document)
{
    const bool ok = document && json_dumpf(document, stdout,
                                           JSON_INDENT(2) | JSON_REAL_PRECISION(9) |
                                               JSON_ENSURE_ASCII) == 0;
    json_decref(document);
    if (ok)
        putchar('\n');
    else
        output_print_error("the JSON document could not be written");
    return ok;
}

// ---------------------------------------------------------------------------
// Plans, sizes, times

const char *output_format_number(double value, int decimals, char *text)
{
    const double size = fabs(value);
    if (isnan(value))
        snprintf(text, 32, "nan");    // some systems print its sign
    else if (value == 0)
        snprintf(text, 32, "%.*f", decimals, 0.0);
    else if (size >= 1e4 || size < pow(10, 1 - decimals))
        snprintf(text, 32, "%.4g", value);
    else
        snprintf(text, 32, "%.*f", decimals, value);
    return text;
}

const char *output_format_rate(double value, char *text)
{
    snprintf(text, 32, fabs(value) >= 999.5 && fabs(value) < 1e12 ? "%.0f" : "%.3g",
             value);
    return text;
}

const char *output_format_seconds(double seconds, char *text)
{
    if (seconds >= 999.5)
        return output_format_duration(seconds, text);
    if (seconds >= 0.9995)
        snprintf(text, 32, "%.3g s", seconds);
    else
        snprintf(text, 32, "%.3g ms", 1e3 * seconds);
    return text;
}

const char *output_format_bytes(uint64_t bytes, char *text)
{
    static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB" };
    double value = (double)bytes;
    size_t unit = 0;
    while (value >= 1024 && unit + 1 < sizeof(units) / sizeof(units[0])) {
        value /= 1024;
        unit++;
    }
    snprintf(text, 32, unit == 0 ? "%.0f %s" : "%.4g %s", value, units[unit]);
    return text;
}

const char *output_format_duration(double seconds, char *text)
{
    if (!(seconds >= 0 && seconds < 1e9)) {
        snprintf(text, 32, "?");
        return text;
    }
    const uint64_t whole = (uint64_t)(seconds + 0.5);
    const unsigned minute = (unsigned)(whole / 60 % 60),
                   second = (unsigned)(whole % 60);
    if (whole >= 3600)
        snprintf(text, 32, "%" PRIu64 ":%02u:%02u", whole / 3600, minute, second);
    else
        snprintf(text, 32, "%u:%02u", minute, second);
    return text;
}

const char *output_get_device_type(enum pix_device_type type)
{
    static const char *const names[] = {
        [PIX_DEVICE_DISCRETE] = "discrete", [PIX_DEVICE_INTEGRATED] = "integrated",
        [PIX_DEVICE_VIRTUAL] = "virtual",   [PIX_DEVICE_CPU] = "cpu",
        [PIX_DEVICE_OTHER] = "other",
    };
    return names[type];
}

const char *output_format_api_version(const struct pix_device_info *device, char *text)
{
    const uint32_t *version = device->api_version;
    snprintf(text, 64, "%" PRIu32 ".%" PRIu32 ".%" PRIu32, version[0], version[1],
             version[2]);
    return text;
}

void output_add_device(json_t **object, const struct pix_device_info *device)
{
    const struct pix_device_info *d = device;
    char version[64];
    output_add_member(object, "name", output_make_text(d->name));
    output_add_member(object, "type",
                      output_make_text(output_get_device_type(d->type)));
    output_add_member(object, "vendor_id", output_make_uint(d->vendor_id));
    output_add_member(object, "device_id", output_make_uint(d->device_id));
    output_add_member(object, "driver", output_make_text(d->driver));
    output_add_member(object, "driver_version", output_make_text(d->driver_version));
    output_add_member(object, "api_version",
                      output_make_text(output_format_api_version(d, version)));
    output_add_member(object, "memory_bytes", output_make_uint(d->memory_bytes));
}

bool output_print_plan(const struct pix_plan *p, bool as_json)
{
    const struct {
        const char *key, *name;
        uint64_t value;
        bool is_bytes, is_optional;    // optional: a line only where there is any
        bool is_flops;
    } rows[] = {
        { "device_bytes", "device memory", p->device_bytes, true },
        { "state_bytes", "  state of the networks", p->state_bytes, true },
        { "arena_bytes", "  temporaries (arena)", p->arena_bytes, true },
        { "arena_bytes_without_reuse", "    without reuse",
          p->arena_bytes_without_reuse, true },
        { "step_block_bytes", "  step blocks", p->step_block_bytes, true },
        { "staging_bytes", "  staging", p->staging_bytes, true },
        { "validation_bytes", "  validation", p->validation_bytes, true, true },
        { "lpips_bytes", "    of which LPIPS", p->lpips_bytes, true, true },
        { "validation_epochs", "epochs between validations", p->validation_epochs,
          false, true },
        { "dispatches", "dispatches", p->dispatches, false },
        { "barriers", "barriers", p->barriers, false },
        { "submissions", "submissions", p->submissions, false },
        { "flops_per_step", "floating point operations", p->flops_per_step, false,
          .is_flops = true },
        { "bytes_per_step", "memory traffic", p->bytes_per_step, true },
        { "weights_g", "weights of the generator", p->weights_g, false },
        { "weights_d", "weights of D", p->weights_d, false },
    };
    json_t *document = as_json ? json_object() : NULL;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char text[32];
        if (as_json)
            output_add_member(&document, rows[i].key, output_make_uint(rows[i].value));
        else if (rows[i].is_optional && rows[i].value == 0)
            continue;
        else if (rows[i].is_bytes)
            printf("%-26s %14s\n", rows[i].name,
                   output_format_bytes(rows[i].value, text));
        else if (rows[i].is_flops)
            printf("%-26s %8.4g %s\n", rows[i].name,
                   (double)rows[i].value * (rows[i].value < 1000000000 ? 1e-6 : 1e-9),
                   rows[i].value < 1000000000 ? "MFLOP" : "GFLOP");
        else
            printf("%-26s %14" PRIu64 "\n", rows[i].name, rows[i].value);
    }
    return !as_json || output_print_json(document);
}

// ---------------------------------------------------------------------------
// Live line

// The last column stays free: some terminals wrap when it is written.
void output_begin_live(FILE *stream)
{
    live.width = terminal_get_columns(stream) - 1;
    live.stream = stream;
}

void output_show_live(const char *text)
{
    char shown[SHOWN_SIZE];
    if (!live.stream)
        return;
    pix_text_escape(text, shown, sizeof(shown));
    fprintf(live.stream, "\r%-*.*s", live.width, live.width, shown);
    fflush(live.stream);
}

void output_end_live(void)
{
    if (!live.stream)
        return;
    fprintf(live.stream, "\r%*s\r", live.width, "");
    fflush(live.stream);
    live.stream = NULL;
}
