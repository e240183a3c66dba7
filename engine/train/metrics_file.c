// SPDX-License-Identifier: MIT
//
// Lines are kept in memory until they are in the file, whole. See metrics_file.h.

#include "train/metrics_file.h"

#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/os.h"
#include "settings/choice.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

// Lines that are kept while they cannot be written: some ten thousand.
#define PENDING_MAX ((size_t)4 << 20)

// Bytes of metrics.jsonl: about five million lines.
#define MAX_METRICS ((uint64_t)1 << 30)

// ---------------------------------------------------------------------------
// The file

// Whether a line of metrics belongs to a step after this one. A line that cannot be
// read does not count: it was damaged by something else, and the lines after it are
// good. False after a message if there is no memory to read it.
static bool find_later(const char *line, size_t length, uint64_t step, bool *is_later)
{
    uint64_t found = 0;
    const uint64_t failures = mem_failures();
    struct log_capture capture;    // a broken line is not an error
    log_capture_begin(&capture);
    json_t *document = json_parse(line, length, METRICS_NAME);
    const char *error = log_capture_end(&capture);
    const bool ok = mem_failures() == failures;
    *is_later = json_to_u64(json_object_get(document, "step"), &found) && found > step;
    json_decref(document);
    if (!ok)
        log_error("%s", error);
    return ok;
}

// Opened without following a link, whatever has happened to the folder. NULL after a
// message; `size` is how much was to be written.
static FILE *open_file(const char *path, uint64_t size)
{
    char text[FILE_REASON_SIZE];
    const char *reason;
    FILE *stream = os_file_open_own(path, &reason);
    if (!stream)
        log_error("train: cannot write %s: %s", path,
                  reason ? reason : file_write_reason(path, size, 0, text));
    return stream;
}

// Cuts off the lines of steps after the checkpoint, which will be taken again, and an
// incomplete last line. The file that is open is read and cut.
static bool cut_later(const char *path, uint64_t step)
{
    uint64_t all = 0;
    size_t kept = 0;
    FILE *stream = open_file(path, 0);
    if (!stream)
        return false;
    bool ok = os_file_size(stream, &all) && os_file_seek(stream, 0);
    if (ok && all > MAX_METRICS) {
        log_error("train: %s is too large: %" PRIu64 " bytes, at most %" PRIu64
                  " are read: move it away to continue without the metrics so far",
                  path, all, MAX_METRICS);
        fclose(stream);
        return false;
    }
    const size_t size = (size_t)all;
    char *text = ok ? mem_alloc(size + 1) : NULL;
    bool has_memory = !ok || text;
    ok = text && fread(text, 1, size, stream) == size;
    while (ok && kept < size) {
        const char *end = memchr(text + kept, '\n', size - kept);
        size_t length = end ? (size_t)(end - (text + kept)) : 0;
        bool is_later = false;
        if (end)
            ok = has_memory = find_later(text + kept, length, step, &is_later);
        if (!end || is_later)
            break;
        kept += length + 1;
    }
    mem_free(text);
    ok = ok && (kept == size || os_file_cut(stream, kept));
    if (!ok && has_memory)
        log_error("train: cannot read or shorten %s: %s", path, os_error_text());
    fclose(stream);
    return ok;
}

// Takes back what was written of a line. A file that was removed meanwhile has none.
// *reason is as of os_file_open_own.
static bool cut_back(const char *path, uint64_t size, const char **reason)
{
    uint64_t now = 0;
    FILE *stream = os_file_open_own(path, reason);
    bool ok = stream && os_file_size(stream, &now) &&
              (now <= size || os_file_cut(stream, size));
    if (stream)
        fclose(stream);
    return ok;
}

// ---------------------------------------------------------------------------
// Lines

// L1 is in every line, so that a table of them has a column; the others where they were
// computed. NaN is null.
static void add_validation(json_t **line, const struct pix_step_metrics *m)
{
    for (int i = 0; i < PIX_METRIC_COUNT; i++) {
        char key[32];
        if (i != PIX_METRIC_L1 && !(m->val_metrics >> i & 1))
            continue;
        snprintf(key, sizeof(key), "val_%s", choice_name(choice_metrics, i));
        json_add(line, key, json_from_double(m->val[i]));
    }
}

static void add_scales(json_t **line, const struct pix_step_metrics *m)
{
    json_add(line, "loss_scale_g", json_from_double(m->scale_g));
    json_add(line, "skipped_g", json_integer((json_int_t)m->skipped_g));
    if (!m->has_gan)
        return;
    json_add(line, "loss_scale_d", json_from_double(m->scale_d));
    json_add(line, "skipped_d", json_integer((json_int_t)m->skipped_d));
}

static char *metrics_text(const struct pix_step_metrics *m)
{
    json_t *line = json_object();
    json_add(&line, "step", json_integer((json_int_t)m->step));
    json_add(&line, "epoch", json_integer((json_int_t)m->epoch));
    json_add(&line, "loss_d_real", json_from_double(m->loss_d_real));
    json_add(&line, "loss_d_fake", json_from_double(m->loss_d_fake));
    json_add(&line, "loss_d_gp", json_from_double(m->loss_d_gp));
    json_add(&line, "loss_g_gan", json_from_double(m->loss_g_gan));
    json_add(&line, "loss_g_l1", json_from_double(m->loss_g_l1));
    if (m->has_ce)
        json_add(&line, "loss_g_ce", json_from_double(m->loss_g_ce));
    if (m->has_scale)
        add_scales(&line, m);
    add_validation(&line, m);
    json_add(&line, "lr", json_from_double(m->lr));
    json_add(&line, "ms", json_from_double(m->ms));
    json_add(&line, "images_per_s", json_from_double(m->images_per_s));
    return json_text(line);
}

// Without a first line; the newest ones are those that are wanted.
static void drop_oldest(struct metrics_file *f)
{
    const char *end = memchr(f->pending, '\n', f->pending_size);
    const size_t length = (size_t)(end - f->pending) + 1;
    f->pending_size -= length;
    memmove(f->pending, f->pending + length, f->pending_size);
    f->lost_lines++;
}

static bool keep_line(struct metrics_file *f, const char *text)
{
    const size_t length = strlen(text);
    while (f->pending_size > 0 && f->pending_size + length + 1 > PENDING_MAX)
        drop_oldest(f);
    if (!mem_grow(&f->pending, &f->pending_capacity, f->pending_size + length + 1, 1))
        return false;
    memcpy(f->pending + f->pending_size, text, length);
    f->pending_size += length;
    f->pending[f->pending_size++] = '\n';
    return true;
}

static uint64_t count_pending(const struct metrics_file *f)
{
    uint64_t count = 0;
    for (size_t i = 0; i < f->pending_size; i++)
        count += f->pending[i] == '\n';
    return count;
}

// ---------------------------------------------------------------------------
// Reading

static double get_number(const json_t *line, const char *key)
{
    double value;
    return json_to_double(json_object_get(line, key), &value) ? value : NAN;
}

// 0: the run has none.
static double get_scale(const json_t *line, const char *key)
{
    const double value = get_number(line, key);
    return value > 0 ? value : 0;
}

// False: no line of ours.
static bool get_metrics(const json_t *line, struct pix_step_metrics *m)
{
    *m = (struct pix_step_metrics){
        .loss_d_real = get_number(line, "loss_d_real"),
        .loss_d_fake = get_number(line, "loss_d_fake"),
        .loss_d_gp = get_number(line, "loss_d_gp"),
        .loss_g_gan = get_number(line, "loss_g_gan"),
        .loss_g_l1 = get_number(line, "loss_g_l1"),
        .loss_g_ce = get_number(line, "loss_g_ce"),
        .scale_d = get_scale(line, "loss_scale_d"),
        .scale_g = get_scale(line, "loss_scale_g"),
        .lr = get_number(line, "lr"),
        .ms = get_number(line, "ms"),
        .images_per_s = get_number(line, "images_per_s"),
    };
    m->has_gan = !isnan(m->loss_g_gan);
    m->has_gp = !isnan(m->loss_d_gp);
    m->has_ce = json_object_get(line, "loss_g_ce") != NULL;
    m->has_scale = m->scale_g > 0;
    json_to_u64(json_object_get(line, "skipped_d"), &m->skipped_d);
    json_to_u64(json_object_get(line, "skipped_g"), &m->skipped_g);
    for (int i = 0; i < PIX_METRIC_COUNT; i++) {
        char key[32];
        snprintf(key, sizeof(key), "val_%s", choice_name(choice_metrics, i));
        m->val[i] = get_number(line, key);
        // A line without a validation has an L1 of null.
        if (i == PIX_METRIC_L1 ? !isnan(m->val[i]) : json_object_get(line, key) != NULL)
            m->val_metrics |= 1u << i;
    }
    m->has_val = m->val_metrics != 0;
    return json_to_u64(json_object_get(line, "step"), &m->step) &&
           json_to_u64(json_object_get(line, "epoch"), &m->epoch);
}

// Parses a line. False after a message if there is no memory for it.
static bool parse_line(const char *text, size_t length, struct pix_step_metrics *m,
                       bool *is_whole)
{
    const uint64_t failures = mem_failures();
    struct log_capture capture;    // a broken line is not an error
    log_capture_begin(&capture);
    json_t *line = json_parse(text, length, METRICS_NAME);
    const char *error = log_capture_end(&capture);
    const bool ok = mem_failures() == failures;
    *is_whole = line && get_metrics(line, m);
    json_decref(line);
    if (!ok)
        log_error("%s", error);
    return ok;
}

bool metrics_file_read(const char *run,
                       bool (*line)(void *user, const struct pix_step_metrics *m),
                       void *user, uint64_t *damaged)
{
    struct reason reason = { 0 };
    void *data = NULL;
    size_t size = 0;
    char *path = file_join(run, METRICS_NAME);
    bool ok = path && (os_path_is_absent(path) ||
                       file_load(path, MAX_METRICS, &data, &size, &reason));
    *damaged = 0;
    if (path && !ok)
        log_error("metrics: cannot read %s: %s", path, reason.text);
    const char *at = data, *end;
    bool goes_on = true;
    for (; ok && goes_on && at && (end = strchr(at, '\n')); at = end + 1) {
        struct pix_step_metrics m;
        bool is_whole = false;
        ok = parse_line(at, (size_t)(end - at), &m, &is_whole);
        *damaged += ok && !is_whole;
        goes_on = !is_whole || line(user, &m);
    }
    mem_free(data);
    mem_free(path);
    return ok;
}

// ---------------------------------------------------------------------------
// The whole

// Without a reason the system's last error is it.
static bool report_failure(const struct metrics_file *f, const char *reason)
{
    char text[FILE_REASON_SIZE];
    log_error("train: cannot write %s: %s", f->path,
              reason ? reason : file_write_reason(f->path, f->pending_size, 0, text));
    return false;
}

// The file is opened each time, so that one that was removed or replaced is noticed,
// and closed, since some file systems report a full disk only then.
bool metrics_file_append(struct metrics_file *f, bool lasting)
{
    const char *reason = NULL;
    uint64_t before = 0;
    if (f->is_torn && !cut_back(f->path, f->torn_at, &reason))
        return report_failure(f, reason);
    f->is_torn = false;
    FILE *stream = open_file(f->path, f->pending_size);
    if (!stream)
        return false;
    const bool has_size = os_file_size(stream, &before);
    bool ok = has_size &&
              (f->pending_size == 0 ||
               fwrite(f->pending, 1, f->pending_size, stream) == f->pending_size) &&
              (lasting ? os_file_sync(stream) : fflush(stream) == 0);
    if (!ok)
        report_failure(f, NULL);
    if (fclose(stream) != 0 && ok)
        ok = report_failure(f, NULL);
    // What was written of a line is taken back, now or before the next attempt. Nothing
    // was where the size is not known.
    if (!ok && has_size) {
        f->is_torn = !cut_back(f->path, before, &reason);
        f->torn_at = before;
    }
    if (!ok)
        return false;
    if (before < f->size)
        log_warn("train: %s was removed or cut while the run was under way: the lines "
                 "before are missing in it",
                 f->path);
    f->size = before + f->pending_size;
    f->pending_size = 0;
    return true;
}

bool metrics_file_open(struct metrics_file *f, const char *run, uint64_t step)
{
    f->path = file_join(run, METRICS_NAME);
    return f->path && cut_later(f->path, step) && metrics_file_append(f, false);
}

void metrics_file_add(struct metrics_file *f, const struct pix_step_metrics *m)
{
    struct log_capture capture;
    log_capture_begin(&capture);
    char *text = metrics_text(m);
    bool ok = text && keep_line(f, text);
    mem_free(text);
    const char *error = log_capture_end(&capture);
    if (!ok) {
        f->lost_lines++;
        log_warn("train: the metrics of step %" PRIu64 " are lost: %s", m->step, error);
    }
}

bool metrics_file_has_pending(const struct metrics_file *f)
{
    return f->pending_size > 0;
}

void metrics_file_close(struct metrics_file *f)
{
    const uint64_t lost = f->lost_lines + count_pending(f);
    if (lost > 0)
        log_warn("train: %" PRIu64
                 " line%s of metrics could not be written to %s and %s lost",
                 lost, PLURAL(lost), f->path, lost == 1 ? "is" : "are");
    mem_free(f->pending);
    mem_free(f->path);
    *f = (struct metrics_file){ 0 };
}
