// SPDX-License-Identifier: MIT
//
// The folder of a run: its lock, its configuration, its metrics, and what a killed run
// has left. See run.h.

#include "train/run.h"

#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/os.h"
#include "settings/options.h"
#include "settings/options_file.h"
#include "settings/rules.h"

#include <string.h>

// ---------------------------------------------------------------------------
// The folder

static const char lock_name[] = "lock", tuning_name[] = "tuning.json";

// A folder still counts as empty with what a run leaves that was killed before it had
// written its configuration: the lock, perhaps its table of kernels, and temporary
// files.
static bool note_entry(void *user, const char *name)
{
    bool *empty = user;
    *empty = strcmp(name, lock_name) == 0 || strcmp(name, tuning_name) == 0 ||
             file_is_temporary(name);
    return *empty;
}

// True where the system cannot tell: reading the file will say why, and no run is
// taken for a new one by mistake.
static bool has_config(const char *out)
{
    char *path = file_join(out, "config.json");
    bool found = !path || !os_path_is_absent(path);
    mem_free(path);
    return found;
}

static bool check_new(const char *out)
{
    bool empty = true;
    if (os_path_is_absent(out))
        return true;
    if (!file_is_folder(out)) {
        log_error("train: %s is not a folder: name another one as --out", out);
        return false;
    }
    if (!os_folder_list(out, note_entry, &empty)) {
        log_error("train: cannot list the folder %s: %s", out, os_error_text());
        return false;
    }
    if (has_config(out))
        log_error(
            "train: %s already holds a run: resume it with --continue, or name another "
            "folder as --out",
            out);
    else if (!empty)
        log_error(
            "train: %s is not empty and not a run: name a new or empty folder as --out",
            out);
    return empty;
}

// Other data would make it another run. The same folder under another path is accepted,
// and so is a new path where the old one no longer exists. That the old one cannot be
// reached (a disk that is not mounted, no permission) does not mean that.
static bool keeps_data(const char *out, const char *stored, const char *given)
{
    char *is = os_path_absolute(given);
    char *was = stored ? os_path_absolute(stored) : NULL;
    bool same = was && is && strcmp(was, is) == 0;
    bool is_gone = !was && (!stored || os_path_is_absent(stored));
    if (!was && !is_gone)
        log_error("train: cannot look at %s, which the run in %s was started with: %s: "
                  "make it readable again (a disk that is not mounted?)",
                  stored, out, os_error_text());
    else if (was && !same)
        log_error(
            "train: --data %s is not %s, which the run in %s was started with: leave "
            "--data out, or start another run",
            given, was, out);
    else if (!was && stored && strcmp(stored, given) != 0)
        log_info("train: %s no longer exists: continuing with %s", stored, given);
    mem_free(is);
    mem_free(was);
    return same || is_gone;
}

static bool check_continued(const struct pix_train_options *o)
{
    char now[64], before[64];
    struct pix_train_options stored;

    // Both are resolved, so that a default equals the value that it stands for.
    if (!options_read_run(o->out, &stored))
        return false;
    bool ok = options_resolve(&stored);
    const struct pix_option *row = ok ? options_find_difference(&stored, o) : NULL;
    if (row) {
        log_error(
            "train: --%s %s differs from the run's %s, and a resumed run may change "
            "only steps, epochs, --keep, --threads and frequencies other than "
            "--val-freq: leave --%s out, or start another run",
            row->name, options_get(o, row->name, now, sizeof(now)),
            options_get(&stored, row->name, before, sizeof(before)), row->name);
        ok = false;
    }
    ok = ok && keeps_data(o->out, stored.data, o->data);
    options_finish(&stored);
    return ok;
}

bool run_check(const struct pix_train_options *o, bool *is_new)
{
    *is_new = !o->continue_run || !has_config(o->out);
    return *is_new ? check_new(o->out) : check_continued(o);
}

static bool take_lock(struct run *r, const char *out)
{
    bool held = false;
    char *path = file_join(out, lock_name);
    r->lock = path ? os_lock_take(path, &held) : NULL;
    if (held)
        log_error(
            "train: the run in %s is already being trained: wait until it ends, or "
            "name another folder as --out",
            out);
    else if (path && !r->lock)
        log_error("train: cannot open %s: %s", path, os_error_text());
    mem_free(path);
    return r->lock != NULL;
}

bool run_begin(struct run *r, const struct pix_train_options *o)
{
    *r = (struct run){ 0 };
    if (o->continue_run && has_config(o->out) && !take_lock(r, o->out))
        return false;
    if (!run_check(o, &r->is_new))
        return false;
    if (o->continue_run && r->is_new)
        log_info("train: no run in %s yet: starting from the beginning", o->out);
    return true;
}

static char *config_text(const struct pix_train_options *o)
{
    char *json = json_text(options_to_json(o));
    char *text = json ? mem_printf("%s\n", json) : NULL;
    mem_free(json);
    return text;
}

// Writes config.json unless it has this content: its time stamp is then that of the
// last change.
static bool write_config(const struct pix_train_options *o)
{
    char reason[256];
    void *before = NULL;
    size_t size = 0;
    char *path = file_join(o->out, "config.json");
    char *text = path ? config_text(o) : NULL;
    bool ok = text != NULL;
    if (ok && !(file_load(path, &before, &size, reason, sizeof(reason)) &&
                size == strlen(text) && memcmp(before, text, size) == 0))
        ok = file_write(path, text, strlen(text));
    mem_free(before);
    mem_free(text);
    mem_free(path);
    return ok;
}

bool run_read_tuning(const struct pix_train_options *o, struct tuning *t)
{
    char reason[256];
    char *path = file_join(o->out, tuning_name);
    bool ok =
        path &&
        (os_path_is_absent(path) || tuning_read(path, t, reason, sizeof(reason)));
    if (path && !ok)
        log_error(
            "train: %s cannot be used: %s: restore the file that the run wrote, or "
            "resume with --tuning off (same results up to rounding)",
            path, reason);
    mem_free(path);
    return ok;
}

// The file is rewritten only if the table differs: a resumed run may have been given
// another one by --tuning.
static bool write_tuning(const struct pix_train_options *o, const struct tuning *t)
{
    struct tuning before = { 0 };
    char reason[256], was[HASH_TEXT_SIZE], is[HASH_TEXT_SIZE];
    char *path = file_join(o->out, tuning_name);
    bool same = path && file_exists(path) &&
                tuning_read(path, &before, reason, sizeof(reason)) &&
                strcmp(tuning_hash(&before, was), tuning_hash(t, is)) == 0;
    bool ok = same || (path && tuning_write(path, t));
    tuning_finish(&before);
    mem_free(path);
    return ok;
}

static bool make_folder_in(const char *run, const char *name)
{
    char *path = file_join(run, name);
    bool ok = path && file_make_folder(path);
    mem_free(path);
    return ok;
}

// Removes the files that a killed run was writing.
static void remove_temporaries(const char *run)
{
    static const char *const folders[] = { "checkpoints", "samples" };
    file_remove_temporaries(run);
    for (size_t i = 0; i < ARRAY_LEN(folders); i++) {
        char *path = file_join(run, folders[i]);
        if (path)
            file_remove_temporaries(path);
        mem_free(path);
    }
}

// ---------------------------------------------------------------------------
// Metrics

// Whether a line of metrics belongs to a step after this one. A line that cannot be
// read does not count: it was damaged by something else, and the lines after it are
// good.
static bool is_later(const char *line, size_t length, uint64_t step)
{
    uint64_t found = 0;
    struct log_capture capture;    // a broken line is not an error
    log_capture_begin(&capture);
    json_t *document = json_parse(line, length, "metrics.jsonl");
    log_capture_end(&capture);
    bool later = json_to_u64(json_object_get(document, "step"), &found) && found > step;
    json_decref(document);
    return later;
}

// Cuts off the lines of steps after the checkpoint, which will be taken again, and an
// incomplete last line.
static bool cut_metrics(const char *path, uint64_t step)
{
    void *data = NULL;
    size_t size = 0, kept = 0;
    if (os_path_is_absent(path))
        return true;
    if (!file_read(path, &data, &size))
        return false;
    for (const char *text = data; kept < size;) {
        const char *end = memchr(text + kept, '\n', size - kept);
        size_t length = end ? (size_t)(end - (text + kept)) : 0;
        if (!end || is_later(text + kept, length, step))
            break;
        kept += length + 1;
    }
    mem_free(data);
    if (kept == size || os_file_truncate(path, kept))
        return true;
    log_error("train: cannot shorten %s: %s", path, os_error_text());
    return false;
}

bool run_write_metrics(struct run *r, const struct pix_step_metrics *m)
{
    json_t *line = json_object();
    json_add(&line, "step", json_integer((json_int_t)m->step));
    json_add(&line, "epoch", json_integer((json_int_t)m->epoch));
    json_add(&line, "loss_d_real", json_from_double(m->loss_d_real));
    json_add(&line, "loss_d_fake", json_from_double(m->loss_d_fake));
    json_add(&line, "loss_d_gp", json_from_double(m->loss_d_gp));
    json_add(&line, "loss_g_gan", json_from_double(m->loss_g_gan));
    json_add(&line, "loss_g_l1", json_from_double(m->loss_g_l1));
    json_add(&line, "val_l1", json_from_double(m->val_l1));
    json_add(&line, "lr", json_from_double(m->lr));
    json_add(&line, "ms", json_from_double(m->ms));
    json_add(&line, "images_per_s", json_from_double(m->images_per_s));
    char *text = json_text(line);
    if (!text)
        return false;
    bool ok = fputs(text, r->metrics) != EOF && fputc('\n', r->metrics) != EOF &&
              fflush(r->metrics) == 0;
    mem_free(text);
    if (!ok)
        log_error("train: cannot write %s: %s", r->metrics_path, os_error_text());
    return ok;
}

bool run_sync_metrics(struct run *r)
{
    if (os_file_sync(r->metrics))
        return true;
    log_error("train: cannot write %s: %s", r->metrics_path, os_error_text());
    return false;
}

// ---------------------------------------------------------------------------
// The whole

bool run_open(struct run *r, const struct pix_train_options *o,
              const struct tuning *tuning, uint64_t step)
{
    r->metrics_path = file_join(o->out, "metrics.jsonl");
    if (!r->metrics_path || !file_make_folder(o->out) ||
        (!r->lock && !take_lock(r, o->out)))
        return false;
    // Before the lock was taken another process may have begun, even ended, a run here.
    if (r->is_new && !check_new(o->out))
        return false;
    remove_temporaries(o->out);
    // config.json comes after tuning.json: with it the folder is a run.
    if (!write_tuning(o, tuning) || !write_config(o) ||
        !make_folder_in(o->out, "samples") || !make_folder_in(o->out, "checkpoints") ||
        !cut_metrics(r->metrics_path, step))
        return false;
    r->metrics = os_file_open(r->metrics_path, "ab");
    if (!r->metrics)
        log_error("train: cannot open %s: %s", r->metrics_path, os_error_text());
    return r->metrics != NULL;
}

void run_close(struct run *r)
{
    if (r->metrics)
        fclose(r->metrics);
    os_lock_release(r->lock);
    mem_free(r->metrics_path);
    *r = (struct run){ 0 };
}
