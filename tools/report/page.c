// SPDX-License-Identifier: MIT
//
// The program writes data, page.js draws it. See page.h.

#include "report/page.h"

#include "options.h"
#include "page/html.h"
#include "page/script.h"
#include "replacement.h"
#include "report/curves.h"
#include "report/images.h"
#include "terminal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_SAMPLES = 200 };

static const char no_memory[] = "out of memory";

static bool fail(char reason[REPORT_REASON_SIZE], const char *what, const char *why)
{
    snprintf(reason, REPORT_REASON_SIZE, "%s%s%s", what, *what ? ": " : "", why);
    return false;
}

char *report_get_path(const char *run)
{
    return options_join_path(run, "report.html");
}

// The last part of a path, which may end in separators.
static const char *last_part(const char *path, char *text, size_t size)
{
    size_t end = strlen(path), begin;
    while (end > 1 && terminal_is_separator(path[end - 1]))
        end--;
    for (begin = end; begin > 0 && !terminal_is_separator(path[begin - 1]);)
        begin--;
    snprintf(text, size, "%.*s", (int)(end - begin), path + begin);
    return text;
}

// ---------------------------------------------------------------------------
// Data

// Writes {"id":JSON} of a file, as it is, where there is one. *size is how many bytes.
static bool put_file(FILE *f, const char *run, const char *name, const char *id,
                     uint64_t *size, char reason[REPORT_REASON_SIZE])
{
    const char *why = no_memory;
    char *folder = options_join_path(run, "report");
    char *path = folder ? options_join_path(folder, name) : NULL;
    FILE *file = path && !terminal_is_absent(path)
                     ? terminal_open_regular(path, size, &why)
                     : NULL;
    bool ok = path && (file || terminal_is_absent(path));
    if (file) {
        char piece[16384];
        size_t got;
        script_begin_data(f, id);
        while ((got = fread(piece, 1, sizeof(piece), file)) > 0)
            script_put_json(f, piece, got);
        script_end_data(f);
        ok = !ferror(file);
        why = strerror(errno);
        fclose(file);
    }
    if (!ok)
        fail(reason, path ? path : "", why);
    free(path);
    free(folder);
    return ok;
}

// Rows of [name, value, help, group, whether it is the default].
static void put_options(FILE *f, const struct pix_train_options *o)
{
    struct pix_train_options initial;
    size_t count;
    const struct pix_option *rows = pix_train_option_table(&count);
    bool begun = false;
    pix_train_options_init(&initial);
    html_put(f, "\"options\":[");
    for (size_t i = 0; i < count; i++) {
        char buffer[64], other[64];
        const char *value =
            pix_train_options_get(o, rows[i].name, buffer, sizeof(buffer));
        const char *usual =
            pix_train_options_get(&initial, rows[i].name, other, sizeof(other));
        if (rows[i].group) {
            html_put(f, "%s[", begun ? ",\n" : "\n");
            script_put_text(f, rows[i].group);
            html_put(f, "]");
            begun = true;
        }
        if (rows[i].is_run_state && strcmp(rows[i].name, "out") != 0)
            continue;
        html_put(f, "%s[", begun ? ",\n" : "\n");
        script_put_text(f, rows[i].name);
        html_put(f, ",");
        script_put_text(f, value);
        html_put(f, ",");
        script_put_text(f, rows[i].help);
        html_put(f, ",%s]",
                 value && usual && strcmp(value, usual) == 0 ? "true" : "false");
        begun = true;
    }
    html_put(f, "]");
}

static void begin_report(FILE *f, const char *title, const char *kind)
{
    html_begin_page(f, title);
    html_put(f, "<div id=\"report\"><noscript><p>This page draws itself with a script, "
                "which this browser does not run.</p></noscript></div>\n");
    script_begin_data(f, "page-data");
    html_put(f, "{\"kind\":\"%s\",\"version\":", kind);
    script_put_text(f, pix_version());
    html_put(f, ",\n\"title\":");
    script_put_text(f, title);
    html_put(f, ",\n");
}

static void end_report(FILE *f)
{
    script_put_code(f);
    html_end_page(f);
}

// What the digits of the gallery take; 0: there is none.
static uint64_t measure_gallery(const char *run)
{
    const char *why;
    uint64_t size = 0;
    char *folder = options_join_path(run, "report");
    char *path = folder ? options_join_path(folder, "validation.json") : NULL;
    FILE *file = path && !terminal_is_absent(path)
                     ? terminal_open_regular(path, &size, &why)
                     : NULL;
    if (file)
        fclose(file);
    free(path);
    free(folder);
    return size;
}

static bool put_run(FILE *f, const char *run, const struct pix_train_options *o,
                    const struct curves *curves, const struct samples *samples,
                    char reason[REPORT_REASON_SIZE])
{
    char title[256], *val = o->data ? options_join_path(o->data, "val") : NULL;
    const char *why;
    uint64_t size = measure_gallery(run);
    const uint64_t room = size < PAGE_IMAGE_BYTES ? PAGE_IMAGE_BYTES - size : 0;
    const uint32_t every =
        samples_thin(samples->digits, samples->count, MOST_SAMPLES, room);
    begin_report(f, last_part(run, title, sizeof(title)), "run");
    html_put(f,
             "\"step\":%" PRIu64 ",\"epoch\":%" PRIu64 ",\"damaged_lines\":%" PRIu64
             ",\n\"has_val\":%s,\n",
             curves->step, curves->epoch, curves->damaged,
             val && terminal_get_path_kind(val) == PATH_FOLDER ? "true" : "false");
    free(val);
    put_options(f, o);
    html_put(f, ",\n\"curves\":{");
    curves_write(f, curves);
    html_put(f, "},\n\"sample_count\":%" PRIu32 ",\"samples\":", samples->count);
    if (!samples_write(f, samples, run, every, &why))
        return fail(reason, "samples/", why);
    html_put(f, "}");
    script_end_data(f);
    if (!put_file(f, run, "run.json", "run-data", &size, reason) ||
        !put_file(f, run, "validation.json", "gallery-data", &size, reason))
        return false;
    end_report(f);
    return true;
}

static void put_member(FILE *f, const char *key, const char *text)
{
    html_put(f, "\"%s\":", key);
    script_put_text(f, text);
    html_put(f, ",");
}

static void put_device(FILE *f, const struct pix_device_info *d)
{
    char version[48];
    snprintf(version, sizeof(version), "%" PRIu32 ".%" PRIu32 ".%" PRIu32,
             d->api_version[0], d->api_version[1], d->api_version[2]);
    html_put(f, "\"devices\":[{");
    put_member(f, "name", d->name);
    put_member(f, "driver", d->driver);
    put_member(f, "driver_version", d->driver_version);
    html_put(f, "\"api_version\":\"%s\"}],", version);
}

static void put_totals(FILE *f, const struct pix_evaluation *e)
{
    bool begun = false;
    html_put(f, "\n\"totals\":[");
    for (int m = 0; m < PIX_METRIC_COUNT; m++) {
        const struct pix_statistics *t = &e->totals[PIX_SUBJECT_OUTPUT][m];
        const double values[] = { t->mean,
                                  t->median,
                                  t->low,
                                  t->high,
                                  e->totals[PIX_SUBJECT_COPY][m].mean,
                                  e->totals[PIX_SUBJECT_MEAN_COLOUR][m].mean };
        if (!(e->metrics >> m & 1))
            continue;
        html_put(f, "%s[\"%s\"", begun ? ",\n" : "\n",
                 pix_metric_name((enum pix_metric)m));
        for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
            html_put(f, ",");
            script_put_number(f, values[i]);
        }
        html_put(f, "]");
        begun = true;
    }
    html_put(f, "]");
}

static void put_evaluation(FILE *f, const struct report_evaluation *e)
{
    char title[256], text[300];
    last_part(e->model, title, sizeof(title));
    snprintf(text, sizeof(text), "%s, evaluated", title);
    begin_report(f, text, "evaluation");
    put_options(f, e->options);
    html_put(f, ",\n\"evaluation\":{");
    put_member(f, "model", e->model);
    put_member(f, "data", e->data);
    put_member(f, "split", e->split);
    put_device(f, e->device);
    html_put(f, "\"pairs\":%" PRIu32 ",\"broken\":%" PRIu32 ",", e->result->pairs,
             e->result->broken);
    put_totals(f, e->result);
    html_put(f, "}}");
    script_end_data(f);
    script_begin_data(f, "gallery-data");
    script_put_json(f, e->result->gallery, strlen(e->result->gallery));
    script_end_data(f);
    end_report(f);
}

// ---------------------------------------------------------------------------
// The whole

static bool end(struct replacement *out, bool ok, const char *path,
                char reason[REPORT_REASON_SIZE])
{
    if (replacement_end(out, ok) || !ok)
        return ok;
    return fail(reason, path, strerror(errno));
}

bool report_write_run(const char *run, const char *path,
                      char reason[REPORT_REASON_SIZE])
{
    struct pix_train_options o;
    struct curves curves = { 0 };
    struct samples samples = { 0 };
    struct replacement out;
    const char *why = "";
    char *own = path ? NULL : report_get_path(run);
    const char *to = path ? path : own;
    if (!to)
        return fail(reason, "", no_memory);
    if (!pix_train_options_read(run, &o)) {
        free(own);
        return fail(reason, "", pix_last_error());
    }
    bool ok = curves_read(&curves, run, &why) && samples_read(&samples, run, &why);
    if (!ok)
        fail(reason, "", why);
    if (ok && !(path ? replacement_begin(&out, to) : replacement_begin_here(&out, to)))
        ok = fail(reason, to, strerror(errno));
    else if (ok)
        ok = end(&out, put_run(out.file, run, &o, &curves, &samples, reason), to,
                 reason);
    samples_free(&samples);
    curves_free(&curves);
    pix_train_options_finish(&o);
    free(own);
    return ok;
}

bool report_write_evaluation(const struct report_evaluation *e, const char *path,
                             char reason[REPORT_REASON_SIZE])
{
    struct replacement out;
    if (!replacement_begin(&out, path))
        return fail(reason, path, strerror(errno));
    put_evaluation(out.file, e);
    return end(&out, true, path, reason);
}
