// SPDX-License-Identifier: MIT
//
// See run_folders.h.

#include "train/run_folders.h"

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/os.h"

#include <string.h>

#define LOCK_NAME ".pix2pix.lock"          // hidden: it is no checkpoint or sample
#define OWNER_LIMIT ((uint64_t)1 << 16)    // bytes of a path

static const char *const names[RUN_FOLDERS] = {
    [RUN_CHECKPOINTS] = "checkpoints",
    [RUN_SAMPLES] = "samples",
    [RUN_REPORT] = "report",
};

static bool check(const char *run, const char *name)
{
    char *path = file_join(run, name);
    bool ok = path && (os_entry_kind(path) != OS_KIND_LINK || os_folder_is_own(path));
    if (path && !ok)
        log_error("train: %s is a symbolic link %s: link it to a folder of yours, or "
                  "remove the link",
                  path,
                  file_is_folder(path) ? "to a folder of another user"
                                       : "that leads to no folder");
    mem_free(path);
    return ok;
}

bool run_folders_check(const char *run)
{
    for (int i = 0; i < RUN_FOLDERS; i++)
        if (!check(run, names[i]))
            return false;
    return true;
}

void run_folders_report(const char *run)
{
    struct log_capture capture;
    log_capture_begin(&capture);
    for (int i = 0; i < RUN_FOLDERS; i++) {
        char *path = file_join(run, names[i]);
        bool is_link = path && os_entry_kind(path) == OS_KIND_LINK;
        char *target = is_link ? os_path_absolute(path) : NULL;
        if (is_link)
            log_info("train: %s is a symbolic link: its files are written to and "
                     "removed from %s",
                     path, target ? target : "where it leads");
        mem_free(target);
        mem_free(path);
    }
    log_capture_end(&capture);
}

static bool is_same_id(const struct os_file_id *a, const struct os_file_id *b)
{
    return a->volume == b->volume && a->file == b->file;
}

static bool is_same(const char *a, const char *b)
{
    struct os_file_id x, y;
    return os_file_find_id(a, &x) && os_file_find_id(b, &y) && is_same_id(&x, &y);
}

// The run whose path is in a folder, if that is another one and still has this folder.
// NULL if there is none: it was moved or removed, or has a folder of its own now.
// Caller frees.
static char *find_other(const char *run, const char *path)
{
    struct reason reason;
    void *data = NULL;
    size_t size;
    bool found = false;
    char *lock = file_join(path, LOCK_NAME);
    const uint64_t failures = mem_failures();
    if (!lock || !file_load(lock, OWNER_LIMIT, &data, &size, &reason)) {
        // The caller sees that memory is missing, and leaves the message to this.
        if (lock && mem_failures() != failures)
            log_error("train: cannot read %s: %s", lock, reason.text);
        mem_free(lock);
        return NULL;
    }
    char *other = data;
    other[strcspn(other, "\n")] = '\0';
    for (int i = 0; *other && !is_same(other, run) && i < RUN_FOLDERS && !found; i++) {
        char *its = file_join(other, names[i]);
        found = its && is_same(its, path);
        mem_free(its);
    }
    if (!found) {
        mem_free(other);
        other = NULL;
    }
    mem_free(lock);
    return other;
}

// For messages: the lock counts without it. On Windows nobody writes to a locked file.
static void write_owner(const char *run, const char *path)
{
    const char *reason;
    struct log_capture capture;
    log_capture_begin(&capture);
    char *owner = os_path_absolute(run), *lock = file_join(path, LOCK_NAME);
    FILE *stream = owner && lock ? os_file_open_own(lock, &reason) : NULL;
    if (stream && os_file_cut(stream, 0))
        fprintf(stream, "%s\n", owner);
    if (stream)
        fclose(stream);
    mem_free(lock);
    mem_free(owner);
    log_capture_end(&capture);
}

static struct os_lock *lock(const char *run, const char *path)
{
    bool held = false;
    const uint64_t failures = mem_failures();
    char *other = find_other(run, path);
    if (mem_failures() != failures) {
        mem_free(other);
        return NULL;
    }
    struct os_lock *taken = other ? NULL : os_lock_take(path, LOCK_NAME, &held);
    if (taken) {
        write_owner(run, path);
    } else if (other || held) {
        char *target = os_path_absolute(path);
        log_error("train: %s leads to %s, where %s%s keeps its files: each of the two "
                  "would remove and replace the other's: give this run a folder of its "
                  "own",
                  path, target ? target : "a folder",
                  other ? "the run " : "another run", other ? other : "");
        mem_free(target);
    } else {
        log_error("train: cannot lock %s: %s", path, os_error_text());
    }
    mem_free(other);
    return taken;
}

// Locks a folder, unless that is done: by its lock from before, or because it is the
// run's own folder, or the other link leads there too.
static bool hold(struct run_folders *f, const char *run, enum run_folder which,
                 const char *path)
{
    if (f->locks[which] && os_lock_is_of(f->locks[which], path))
        return true;
    os_lock_release(f->locks[which]);
    f->locks[which] = NULL;
    if (!os_file_find_id(path, &f->ids[which])) {
        log_error("train: cannot look at %s: %s", path, os_error_text());
        return false;
    }
    for (int i = 0; i < RUN_FOLDERS; i++)
        if (f->locks[i] && is_same_id(&f->ids[i], &f->ids[which]))
            return true;
    if (is_same(run, path))
        return true;
    f->locks[which] = lock(run, path);
    return f->locks[which] != NULL;
}

bool run_folders_lock(struct run_folders *f, const char *run)
{
    bool ok = true;
    for (int i = 0; i < RUN_FOLDERS && ok; i++) {
        char *path = file_join(run, names[i]);
        ok = path && (!file_is_folder(path) || hold(f, run, i, path));
        mem_free(path);
    }
    return ok;
}

void run_folders_release(struct run_folders *f)
{
    for (int i = 0; i < RUN_FOLDERS; i++)
        os_lock_release(f->locks[i]);
    *f = (struct run_folders){ 0 };
}

bool run_folders_make(struct run_folders *f, const char *run, enum run_folder which)
{
    char *path = file_join(run, names[which]);
    bool ok = path && check(run, names[which]) && file_make_folder(path) &&
              hold(f, run, which, path);
    mem_free(path);
    return ok;
}

void run_folders_clean(const char *run)
{
    struct log_capture capture;
    log_capture_begin(&capture);
    file_remove_temporaries(run);
    for (int i = 0; i < RUN_FOLDERS; i++) {
        char *path = file_join(run, names[i]);
        if (path)
            file_remove_temporaries(path);
        mem_free(path);
    }
    log_capture_end(&capture);
}
