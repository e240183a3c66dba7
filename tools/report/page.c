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

// Opens a file of report/. True with no file where there is none; false with the
// reason.
static bool open_file(const char *run, const char *name, FILE **file, uint64_t *size,
                      char reason[REPORT_REASON_SIZE])
{
    const char *why = no_memory;
    char *folder = options_join_path(run, "report");
    char *path = folder ? options_join_path(folder, name) : NULL;
    const bool is_absent = path && terminal_is_absent(path);
    *file = path && !is_absent ? terminal_open_regular(path, size, &why) : NULL;
    const bool ok = *file || is_absent;
    if (!ok)
        fail(reason, path ? path : "", why);
    free(path);
    free(folder);
    return ok;
}

// Writes a file of report/ as an element of data, as it is, where there is one.
static bool put_file(FILE *f, const char *run, const char *name, const char *id,
                     char reason[REPORT_REASON_SIZE])
{
    FILE *file;
    uint64_t size;
    char piece[16384];
    size_t got;
    if (!open_file(run, name, &file, &size, reason))
        return false;
    if (!file)
        return true;
    script_begin_data(f, id);
    while ((got = fread(piece, 1, sizeof(piece), file)) > 0)
        script_put_json(f, piece, got);
    script_end_data(f);
    const bool ok = !ferror(file);
    if (!ok)
        fail(reason, name, strerror(errno));
    fclose(file);
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

// How many of the sample grids have room beside the gallery, see samples_thin.
static bool find_room(const char *run, const struct samples *samples, uint32_t *every,
                      char reason[REPORT_REASON_SIZE])
{
    FILE *file;
    uint64_t size = 0;
    if (!open_file(run, "validation.json", &file, &size, reason))
        return false;
    if (file)
        fclose(file);
    const uint64_t room = size < PAGE_IMAGE_BYTES ? PAGE_IMAGE_BYTES - size : 0;
    *every = samples_thin(samples->digits, samples->count, MOST_SAMPLES, room);
    return true;
}

// Whether the data has pairs to validate with; also where that cannot be seen now, and
// where images are divided.
static bool find_val(const struct pix_train_options *o, bool *has_val)
{
    *has_val = true;
    if (o->pairs || o->split_ratio)
        return true;
    char *path = o->data ? options_join_path(o->data, "val") : NULL;
    *has_val = path && !terminal_is_absent(path);
    free(path);
    return path || !o->data;
}

static bool put_run(FILE *f, const char *run, const struct pix_train_options *o,
                    const struct curves *curves, const struct samples *samples,
                    char reason[REPORT_REASON_SIZE])
{
    char title[256];
    const char *why;
    uint32_t every;
    bool has_val;
    if (!find_val(o, &has_val))
        return fail(reason, "", no_memory);
    if (!find_room(run, samples, &every, reason))
        return false;
    begin_report(f, last_part(run, title, sizeof(title)), "run");
    html_put(f,
             "\"step\":%" PRIu64 ",\"epoch\":%" PRIu64 ",\"damaged_lines\":%" PRIu64
             ",\n\"has_val\":%s,\n",
             curves->step, curves->epoch, curves->damaged, has_val ? "true" : "false");
    put_options(f, o);
    html_put(f, ",\n\"curves\":{");
    curves_write(f, curves);
    html_put(f, "},\n\"sample_count\":%" PRIu32 ",\"samples\":", samples->count);
    if (!samples_write(f, samples, run, every, &why))
        return fail(reason, "samples/", why);
    html_put(f, "}");
    script_end_data(f);
    if (!put_file(f, run, "run.json", "run-data", reason) ||
        !put_file(f, run, "validation.json", "gallery-data", reason))
        return false;
    end_report(f);
    return true;
}

// ---------------------------------------------------------------------------
// Evaluations

static void put_member(FILE *f, const char *key, const char *text)
{
    html_put(f, "\"%s\":", key);
    script_put_text(f, text);
    html_put(f, ",");
}

static void put_device(FILE *f, const struct pix_device_info *d)
{
    char version[64];
    html_put(f, "\"devices\":[{");
    put_member(f, "name", d->name);
    put_member(f, "driver", d->driver);
    put_member(f, "driver_version", d->driver_version);
    html_put(f, "\"api_version\":\"%s\"}],", output_format_api_version(d, version));
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

// Which outputs these are. "chosen" is how the checkpoint of a run was; a step is named
// anyway.
static void put_translator(FILE *f, const struct report_evaluation *e)
{
    const struct pix_translator_info *t = e->translator;
    const char *chosen = e->checkpoint ? e->checkpoint : "newest";
    // Not by looking at the path again, which may fail now.
    const bool is_run = strcmp(e->model, t->path) != 0;
    char file[256];
    put_member(f, "file", last_part(t->path, file, sizeof(file)));
    put_member(f, "mode", t->mode);
    html_put(f, "\"average\":%s,", t->is_average ? "true" : "false");
    if (t->is_checkpoint)
        html_put(f, "\"step\":%" PRIu64 ",", t->step);
    if (is_run && strspn(chosen, "0123456789") == 0)
        put_member(f, "chosen", chosen);
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
    put_translator(f, e);
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
