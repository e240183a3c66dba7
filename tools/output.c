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

// Written in one piece, because decoder threads may have something to say at once.
static void message(const char *prefix, const char *text)
{
    if (live.stream) {
        fprintf(live.stream, "\r%*s\r", live.width, "");
        fflush(live.stream);
    }
    fprintf(stderr, "%s%s\n", prefix, text);
}

void output_error(const char *format, ...)
{
    char text[2048];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    message("error: ", text);
}

void output_note(const char *format, ...)
{
    char text[2048];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    message("", text);
}

static void log_callback(void *user, enum pix_log_level level, const char *text)
{
    (void)user;
    message(level == PIX_LOG_ERROR  ? "error: "
            : level == PIX_LOG_WARN ? "warning: "
                                    : "",
            text);
}

struct pix_log output_log(bool verbose)
{
    return (struct pix_log){
        .callback = log_callback,
        .level = verbose ? PIX_LOG_DEBUG : PIX_LOG_INFO,
    };
}

// ---------------------------------------------------------------------------
// JSON

static struct {
    char brackets[8];
    int depth;
    bool comma;
} json;

// Bytes of the UTF-8 character at `c`, 0 if it is not one (a path may hold anything).
static int utf8_length(const unsigned char *c)
{
    const int length = c[0] < 0x80                   ? 1
                       : c[0] >= 0xc2 && c[0] < 0xe0 ? 2
                       : c[0] >= 0xe0 && c[0] < 0xf0 ? 3
                       : c[0] >= 0xf0 && c[0] < 0xf5 ? 4
                                                     : 0;
    for (int i = 1; i < length; i++)
        if ((c[i] & 0xc0) != 0x80)
            return 0;
    // Overlong forms, surrogates and numbers past the last character.
    if ((c[0] == 0xe0 && c[1] < 0xa0) || (c[0] == 0xed && c[1] > 0x9f) ||
        (c[0] == 0xf0 && c[1] < 0x90) || (c[0] == 0xf4 && c[1] > 0x8f))
        return 0;
    return length;
}

static void json_quoted(const char *text)
{
    putchar('"');
    for (const unsigned char *c = (const unsigned char *)text; *c;) {
        const int length = utf8_length(c);
        if (*c == '"' || *c == '\\')
            printf("\\%c", *c);
        else if (*c < 0x20 || *c == 0x7f)
            printf("\\u%04x", *c);
        else if (length == 0)
            fputs("\\ufffd", stdout);
        else
            fwrite(c, 1, (size_t)length, stdout);
        c += length ? length : 1;
    }
    putchar('"');
}

static void json_key(const char *key)
{
    if (json.comma)
        putchar(',');
    if (json.depth > 0)
        printf("\n%*s", 2 * json.depth, "");
    if (key) {
        json_quoted(key);
        fputs(": ", stdout);
    }
    json.comma = true;
}

void output_begin(const char *key, char bracket)
{
    json_key(key);
    putchar(bracket);
    json.brackets[json.depth++] = bracket;
    json.comma = false;
}

void output_end(void)
{
    const char bracket = json.brackets[--json.depth];
    if (json.comma)
        printf("\n%*s", 2 * json.depth, "");
    putchar(bracket == '{' ? '}' : ']');
    json.comma = true;
    if (json.depth == 0) {
        putchar('\n');
        json.comma = false;
    }
}

void output_text(const char *key, const char *value)
{
    json_key(key);
    if (value)
        json_quoted(value);
    else
        fputs("null", stdout);
}

void output_uint(const char *key, uint64_t value)
{
    json_key(key);
    printf("%" PRIu64, value);
}

void output_real(const char *key, double value)
{
    json_key(key);
    if (isfinite(value))
        printf("%.9g", value);
    else
        fputs("null", stdout);
}

void output_bool(const char *key, bool value)
{
    json_key(key);
    fputs(value ? "true" : "false", stdout);
}

// ---------------------------------------------------------------------------
// Plans, sizes, times

const char *output_bytes(uint64_t bytes, char *text)
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

const char *output_duration(double seconds, char *text)
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

static void plan_bytes(const char *name, uint64_t bytes, bool as_json, const char *key)
{
    char text[32];
    if (as_json)
        output_uint(key, bytes);
    else
        printf("%-26s %14s\n", name, output_bytes(bytes, text));
}

static void plan_count(const char *name, uint64_t count, bool as_json, const char *key)
{
    if (as_json)
        output_uint(key, count);
    else
        printf("%-26s %14" PRIu64 "\n", name, count);
}

void output_plan(const struct pix_plan *p, bool as_json)
{
    if (as_json)
        output_begin(NULL, '{');
    plan_bytes("device memory", p->device_bytes, as_json, "device_bytes");
    plan_bytes("  state of the networks", p->state_bytes, as_json, "state_bytes");
    plan_bytes("  temporaries (arena)", p->arena_bytes, as_json, "arena_bytes");
    plan_bytes("    without reuse", p->arena_bytes_without_reuse, as_json,
               "arena_bytes_without_reuse");
    plan_bytes("  step blocks", p->step_block_bytes, as_json, "step_block_bytes");
    plan_bytes("  staging", p->staging_bytes, as_json, "staging_bytes");
    plan_count("dispatches", p->dispatches, as_json, "dispatches");
    plan_count("barriers", p->barriers, as_json, "barriers");
    plan_count("submissions", p->submissions, as_json, "submissions");
    plan_count("floating point operations", p->flops_per_step, as_json,
               "flops_per_step");
    plan_bytes("memory traffic", p->bytes_per_step, as_json, "bytes_per_step");
    plan_count("weights of the generator", p->weights_g, as_json, "weights_g");
    plan_count("weights of D", p->weights_d, as_json, "weights_d");
    if (as_json)
        output_end();
}

// ---------------------------------------------------------------------------
// Live line

// The last column stays free: some terminals wrap when it is written.
void output_live_begin(FILE *stream)
{
    live.width = terminal_columns(stream) - 1;
    live.stream = stream;
}

void output_live(const char *text)
{
    if (!live.stream)
        return;
    fprintf(live.stream, "\r%-*.*s", live.width, live.width, text);
    fflush(live.stream);
}

void output_live_end(void)
{
    if (!live.stream)
        return;
    fprintf(live.stream, "\r%*s\r", live.width, "");
    fflush(live.stream);
    live.stream = NULL;
}
