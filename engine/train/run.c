// SPDX-License-Identifier: MIT
//
// The folder of a run: its lock, its configuration, and what a killed run has left. See
// run.h.

#include "train/run.h"

#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/os.h"
#include "settings/options.h"
#include "settings/options_file.h"
#include "settings/rules.h"
#include "settings/table.h"

#include <stdio.h>
#include <string.h>

// ---------------------------------------------------------------------------
// The folder

static const char lock_name[] = "lock", tuning_name[] = "tuning.json",
                  config_name[] = "config.json";

static bool is_file_of(const char *out, const char *name)
{
    char *path = file_join(out, name);
    bool ok = path && os_entry_kind(path) != OS_KIND_LINK;
    if (path && !ok)
        log_error(
            "train: %s is a symbolic link, and a run writes to no file outside of "
            "its folder: put the file itself in place of the link",
            path);
    mem_free(path);
    return ok;
}

// The folder of a run may be somebody else's work, with links in it to files of this
// user, which the run would overwrite, cut or remove.
static bool check_links(const char *out)
{
    static const char *const files[] = { lock_name, config_name, tuning_name,
                                         METRICS_NAME };
    for (size_t i = 0; i < ARRAY_LEN(files); i++)
        if (!is_file_of(out, files[i]))
            return false;
    return run_folders_check(out);
}

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

// Whether a folder holds a run. Found is also what the system cannot tell: reading the
// file will say why, and no run is taken for a new one by mistake. False if memory is
// missing.
static bool find_config(const char *out, bool *found)
{
    char *path = file_join(out, config_name);
    *found = path && !os_path_is_absent(path);
    mem_free(path);
    return path != NULL;
}

static bool check_new(const char *out)
{
    bool empty = true, found;
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
    if (!find_config(out, &found))
        return false;
    if (found) {
        log_error("train: %s already holds a run: resume it with --continue, or name "
                  "another folder as --out",
                  out);
        return false;
    }
    if (!empty)
        log_error(
            "train: %s is not empty and not a run: name a new or empty folder as --out",
            out);
    return empty;
}

// Other data would make it another run. The same folder, or list, under another path is
// accepted, and so is a new path where the old one no longer exists. That the old one
// cannot be reached (a disk that is not mounted, no permission) does not mean that.
static bool keeps_data(const char *out, const char *option, const char *stored,
                       const char *given)
{
    char *was = stored ? os_path_absolute(stored) : NULL;
    bool is_gone = !was && (!stored || os_path_is_absent(stored));
    char *is = was ? os_path_absolute(given) : NULL;
    bool same = is && strcmp(was, is) == 0;
    if (was && !is)
        log_error("train: cannot look at --%s %s: %s: name one that can be read, or "
                  "leave --%s out to go on with %s",
                  option, given, os_error_text(), option, was);
    else if (!was && !is_gone)
        log_error("train: cannot look at %s, which the run in %s was started with: %s: "
                  "make it readable again (a disk that is not mounted?)",
                  stored, out, os_error_text());
    else if (was && !same)
        log_error(
            "train: --%s %s is not %s, which the run in %s was started with: leave "
            "--%s out, or start another run",
            option, given, was, out, option);
    else if (!was && stored && strcmp(stored, given) != 0)
        log_info("train: %s no longer exists: continuing with %s", stored, given);
    mem_free(is);
    mem_free(was);
    return same || is_gone;
}

// "--threads, --steps and --keep": what a resumed run may change.
static const char *changeable_text(char *text, size_t size)
{
    size_t count, last = 0, used = 0;
    const struct pix_option *rows = table_rows(&count);
    for (size_t i = 0; i < count; i++)
        if (rows[i].may_change)
            last = i;
    for (size_t i = 0; i < count && used < size; i++)
        if (rows[i].may_change)
            used += (size_t)snprintf(text + used, size - used, "%s--%s",
                                     used == 0   ? ""
                                     : i == last ? " and "
                                                 : ", ",
                                     rows[i].name);
    return text;
}

static bool check_continued(const struct pix_train_options *o)
{
    char now[64], before[64], changeable[512];
    struct pix_train_options stored;

    // Both are resolved, so that a default equals the value that it stands for.
    if (!options_read_run(o->out, &stored))
        return false;
    bool ok = options_resolve(&stored);
    const struct pix_option *row = ok ? options_find_difference(&stored, o) : NULL;
    if (row) {
        log_error(
            "train: --%s %s differs from the run's %s, and a resumed run may change "
            "only %s: leave --%s out, or train on from its weights in another folder: "
            "--out OTHER --init-g %s --init-d %s",
            row->name, options_get(o, row->name, now, sizeof(now)),
            options_get(&stored, row->name, before, sizeof(before)),
            changeable_text(changeable, sizeof(changeable)), row->name, o->out, o->out);
        ok = false;
    }
    ok = ok && keeps_data(o->out, o->pairs ? "pairs" : "data",
                          stored.pairs ? stored.pairs : stored.data,
                          o->pairs ? o->pairs : o->data);
    options_finish(&stored);
    return ok;
}

bool run_check(const struct pix_train_options *o, bool *is_new)
{
    bool found = false;
    if (o->continue_run && !find_config(o->out, &found))
        return false;
    *is_new = !found;
    if (!check_links(o->out))
        return false;
    return *is_new ? check_new(o->out) : check_continued(o);
}

static bool take_lock(struct run *r, const char *out)
{
    bool held = false;
    r->lock = os_lock_take(out, lock_name, &held);
    if (held)
        log_error(
            "train: the run in %s is already being trained: wait until it ends, or "
            "name another folder as --out (removing its file \"%s\" changes nothing)",
            out, lock_name);
    else if (!r->lock)
        log_error("train: cannot lock %s/%s: %s", out, lock_name, os_error_text());
    return r->lock != NULL;
}

bool run_begin(struct run *r, const struct pix_train_options *o)
{
    bool found = false;
    *r = (struct run){ 0 };
    if (!check_links(o->out))    // before the lock is made
        return false;
    if (o->continue_run && !find_config(o->out, &found))
        return false;
    if (found && (!take_lock(r, o->out) || !run_folders_lock(&r->folders, o->out)))
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

static bool has_content(const char *path, const char *text)
{
    struct reason reason;
    void *data = NULL;
    size_t size = 0;
    bool same = file_load(path, FILE_READ_LIMIT, &data, &size, &reason) &&
                size == strlen(text) && memcmp(data, text, size) == 0;
    mem_free(data);
    return same;
}

// Writes config.json unless it has this content: its time stamp is then that of the
// last change.
static bool write_config(const struct pix_train_options *o)
{
    char *path = file_join(o->out, config_name);
    char *text = path ? config_text(o) : NULL;
    bool ok = text && (has_content(path, text) || file_write(path, text, strlen(text)));
    mem_free(text);
    mem_free(path);
    return ok;
}

bool run_read_tuning(const struct pix_train_options *o, struct tuning *t)
{
    char reason[256];
    char *path = file_join(o->out, tuning_name);
    bool ok = path &&
              (os_path_is_absent(path) || tuning_read(path, t, reason, sizeof(reason)));
    if (path && !ok)
        log_error(
            "train: %s cannot be used: %s: restore the file that the run wrote, or "
            "resume with --tuning off (same results up to rounding)",
            path, reason);
    mem_free(path);
    return ok;
}

// One that cannot be read, for lack of memory too, is another one.
static bool has_tuning(const char *path, const struct tuning *t)
{
    struct tuning found = { 0 };
    char reason[256], was[HASH_TEXT_SIZE], is[HASH_TEXT_SIZE];
    struct log_capture capture;
    log_capture_begin(&capture);
    const bool same = file_exists(path) &&
                      tuning_read(path, &found, reason, sizeof(reason)) &&
                      strcmp(tuning_hash(&found, was), tuning_hash(t, is)) == 0;
    log_capture_end(&capture);
    tuning_finish(&found);
    return same;
}

// The file is rewritten only if the table differs: a resumed run may have been given
// another one by --tuning.
static bool write_tuning(const struct pix_train_options *o, const struct tuning *t)
{
    char *path = file_join(o->out, tuning_name);
    bool ok = path && (has_tuning(path, t) || tuning_write(path, t));
    mem_free(path);
    return ok;
}

// Whether the folder that is at the run's path now may be the run's: an empty one, or
// this very run, moved to another disk or on one that is mounted again.
static bool may_take(const struct pix_train_options *o)
{
    bool ok = os_path_is_absent(o->out), found;
    if (!ok && !find_config(o->out, &found))
        return false;
    if (!ok && found) {
        char *path = file_join(o->out, config_name);
        char *text = path ? config_text(o) : NULL;
        ok = text && has_content(path, text);
        mem_free(text);
        mem_free(path);
    } else if (!ok) {
        bool empty = true;
        ok = os_folder_list(o->out, note_entry, &empty) && empty;
    }
    return ok;
}

// The lock went with the folder. Meanwhile another process may have made it again, and
// in what is another's nothing is written: it is looked at before the file of the lock
// is made there, and again under the lock.
static bool lock_again(struct run *r)
{
    const char *out = r->options->out;
    bool held = false;
    os_lock_release(r->lock);
    r->lock = NULL;
    const bool is_free = may_take(r->options);
    if (is_free && !file_make_folder(out))
        return false;
    if (is_free)
        r->lock = os_lock_take(out, lock_name, &held);
    if (is_free && !r->lock && !held) {
        log_error("train: cannot lock %s/%s: %s", out, lock_name, os_error_text());
        return false;
    }
    if (r->lock && may_take(r->options))
        return true;
    os_lock_release(r->lock);
    r->lock = NULL;
    log_error("train: %s was removed or replaced while the run was under way, and "
              "another process has the folder now, in which nothing is written: move "
              "it away, and this run makes its own again",
              out);
    return false;
}

// Makes the folder of a run again that somebody has removed meanwhile: what it held is
// gone, but its newest state is in memory. False if another process has the folder.
static bool restore(struct run *r)
{
    const char *out = r->options->out;
    const bool is_gone = !r->lock || !os_lock_is_of(r->lock, out);
    bool found;
    if ((is_gone && !lock_again(r)) || !find_config(out, &found))
        return false;
    if (found) {
        if (is_gone)
            log_info("train: %s is another folder now, with this run in it: the run "
                     "goes on there",
                     out);
        return true;
    }
    bool ok = write_tuning(r->options, r->tuning) && write_config(r->options);
    if (ok)
        log_warn(
            "train: %s%s was removed while the run was under way: it is made again%s",
            out, is_gone ? "" : "/config.json",
            is_gone ? ", without what it held" : "");
    return ok;
}

bool run_make_folder(struct run *r, enum run_folder which)
{
    return restore(r) && run_folders_make(&r->folders, r->options->out, which);
}

char *run_report_path(const char *out, const char *name)
{
    char *folder = file_join(out, "report");
    char *path = folder ? file_join(folder, name) : NULL;
    mem_free(folder);
    return path;
}

bool run_write_report(struct run *r, const char *name, const char *text)
{
    if (!run_make_folder(r, RUN_REPORT))
        return false;
    char *path = run_report_path(r->options->out, name);
    const bool ok =
        path && (has_content(path, text) || file_write(path, text, strlen(text)));
    mem_free(path);
    return ok;
}

// ---------------------------------------------------------------------------
// What fails again and again

// Whether two messages differ in their numbers only.
static bool is_same_cause(const char *a, const char *b)
{
    static const char numbers[] = "0123456789.";
    for (;;) {
        a += strspn(a, numbers);
        b += strspn(b, numbers);
        if (*a != *b)
            return false;
        if (!*a)
            return true;
        a++;
        b++;
    }
}

bool run_output_failed(struct run_output *o, const char *error)
{
    char cause[sizeof(o->cause)];
    snprintf(cause, sizeof(cause), "%s", error);
    const bool is_known = o->is_failing && is_same_cause(o->cause, cause);
    o->is_failing = true;
    memcpy(o->cause, cause, sizeof(cause));
    return !is_known;
}

bool run_output_done(struct run_output *o)
{
    const bool had_failed = o->is_failing;
    o->is_failing = false;
    return had_failed;
}

// ---------------------------------------------------------------------------
// Metrics

static void flush_metrics(struct run *r, bool lasting)
{
    struct log_capture capture;
    log_capture_begin(&capture);
    bool ok = restore(r) && metrics_file_append(&r->metrics, lasting);
    const char *error = log_capture_end(&capture);
    if (!ok && run_output_failed(&r->metrics_output, error))
        log_warn("train: the run goes on without its metrics, which are kept in memory "
                 "until they can be written: %s",
                 error);
    else if (ok && run_output_done(&r->metrics_output))
        log_info("train: %s is written again, with the lines that were kept",
                 r->metrics.path);
}

void run_write_metrics(struct run *r, const struct pix_step_metrics *m)
{
    metrics_file_add(&r->metrics, m);
    if (metrics_file_has_pending(&r->metrics))
        flush_metrics(r, false);
}

void run_sync_metrics(struct run *r)
{
    flush_metrics(r, true);
}

// ---------------------------------------------------------------------------
// The whole

bool run_open(struct run *r, const struct pix_train_options *o,
              const struct tuning *tuning, uint64_t step)
{
    r->options = o;
    r->tuning = tuning;
    if (!file_make_folder(o->out) || (!r->lock && !take_lock(r, o->out)))
        return false;
    // Before the lock was taken another process may have begun, even ended, a run here.
    if (r->is_new && !check_new(o->out))
        return false;
    run_folders_clean(o->out);
    // config.json comes after tuning.json: with it the folder is a run.
    if (!write_tuning(o, tuning) || !write_config(o) ||
        !run_folders_make(&r->folders, o->out, RUN_SAMPLES) ||
        !run_folders_make(&r->folders, o->out, RUN_CHECKPOINTS))
        return false;
    run_folders_report(o->out);
    return metrics_file_open(&r->metrics, o->out, step);
}

void run_close(struct run *r)
{
    if (metrics_file_has_pending(&r->metrics))
        flush_metrics(r, false);
    metrics_file_close(&r->metrics);
    run_folders_release(&r->folders);
    os_lock_release(r->lock);
    *r = (struct run){ 0 };
}
