// SPDX-License-Identifier: MIT
//
// Names have at least eight digits, so that they sort by step in a listing, and are
// exact: a copy or a temporary file beside a checkpoint is not taken for one. See
// checkpoint_folder.h.

#include "store/checkpoint_folder.h"

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/os.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME_FORMAT "step-%08" PRIu64 ".safetensors"

char *checkpoint_folder(const char *run)
{
    return file_join(run, "checkpoints");
}

char *checkpoint_path(const char *run, uint64_t step)
{
    char name[64];
    char *folder = checkpoint_folder(run);
    snprintf(name, sizeof(name), NAME_FORMAT, step);
    char *path = folder ? file_join(folder, name) : NULL;
    mem_free(folder);
    return path;
}

char *checkpoint_best_path(const char *run)
{
    char *folder = checkpoint_folder(run);
    char *path = folder ? file_join(folder, "best.safetensors") : NULL;
    mem_free(folder);
    return path;
}

// Accepts exactly the names that checkpoint_path makes.
static bool step_of_name(const char *name, uint64_t *step)
{
    char again[64];
    if (strncmp(name, "step-", 5) != 0)
        return false;
    size_t length = strspn(name + 5, "0123456789");
    // 18 digits fit 64 bits.
    if (length < 8 || length > 18)
        return false;
    *step = strtoull(name + 5, NULL, 10);
    snprintf(again, sizeof(again), NAME_FORMAT, *step);
    return strcmp(name, again) == 0;
}

static int newest_first(const void *a, const void *b)
{
    const uint64_t *left = a, *right = b;
    return (*left < *right) - (*left > *right);
}

// Checkpoints of a run lie in its folder: a link could lead to anything. Without it an
// older one would take its place, and the steps between would be lost.
static bool is_link(const char *path, bool reports)
{
    if (os_entry_kind(path) != OS_KIND_LINK)
        return false;
    if (reports)
        log_error(
            "checkpoint: %s is a symbolic link, which is not followed: put the file "
            "itself in its place, or move the link out of the folder",
            path);
    return true;
}

// Links are passed over, or refused.
static bool list_steps(const char *run, bool refuses, uint64_t **steps, size_t *count)
{
    struct file_list files = { 0 };
    bool ok = false;
    char *folder = checkpoint_folder(run);
    *steps = NULL;
    *count = 0;
    if (!folder)
        return false;
    // A run that has written none. A folder that cannot be looked at is another matter:
    // a run would begin again and remove what is in it.
    if (os_path_is_absent(folder)) {
        ok = true;
        goto done;
    }
    if (!file_list_read(folder, &files))
        goto done;
    // Room for the case that every file is a checkpoint.
    *steps = mem_array(files.count, sizeof(**steps));
    if (!*steps)
        goto done;
    for (size_t i = 0; i < files.count; i++) {
        if (!step_of_name(files.names[i], &(*steps)[*count]))
            continue;
        char *path = file_join(folder, files.names[i]);
        if (!path)
            goto done;
        const bool found = is_link(path, refuses);
        mem_free(path);
        if (found && refuses)
            goto done;
        *count += !found;
    }
    qsort(*steps, *count, sizeof(**steps), newest_first);
    ok = true;

done:
    if (!ok) {
        mem_free(*steps);
        *steps = NULL;
        *count = 0;
    }
    file_list_free(&files);
    mem_free(folder);
    return ok;
}

bool checkpoint_list(const char *run, uint64_t **steps, size_t *count)
{
    return list_steps(run, true, steps, count);
}

char *checkpoint_names(const char *run)
{
    enum { MOST = 10 };
    char text[MOST * 24] = "";
    uint64_t *steps = NULL;
    size_t count = 0, used = 0;
    char *names = NULL, *best = checkpoint_best_path(run);
    if (best && list_steps(run, false, &steps, &count)) {
        const bool has_best = !os_path_is_absent(best);
        for (size_t i = 0; i < MIN(count, (size_t)MOST); i++)
            used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%" PRIu64,
                                     i ? ", " : "", steps[i]);
        char older[64] = "";
        if (count > MOST)
            snprintf(older, sizeof(older), " and %zu older one%s", count - MOST,
                     PLURAL(count - MOST));
        names = mem_printf("%s%s%s%s", text, older, count && has_best ? ", and " : "",
                           has_best ? "best"
                           : count  ? ""
                                    : "none");
    }
    mem_free(steps);
    mem_free(best);
    return names;
}

// The run is not worse for what fails here: the next call removes what stays now.
static void remove_old(const char *run, uint64_t step)
{
    struct log_capture capture;
    log_capture_begin(&capture);
    char *path = checkpoint_path(run, step);
    const bool ok = path && os_file_remove(path);
    if (path && !ok)
        log_error("%s", os_error_text());
    mem_free(path);
    const char *error = log_capture_end(&capture);
    if (!ok)
        log_warn("checkpoint: cannot remove the old checkpoint of step %" PRIu64
                 " in %s: %s",
                 step, run, error);
}

void checkpoint_prune(const char *run, uint64_t newest, uint32_t keep, uint64_t finite)
{
    uint64_t *steps = NULL;
    size_t count = 0, kept = 0;
    struct log_capture capture;
    log_capture_begin(&capture);
    const bool ok = list_steps(run, false, &steps, &count);
    const char *error = log_capture_end(&capture);
    if (!ok)
        log_warn("checkpoint: cannot list the checkpoints in %s, so old ones stay: %s",
                 run, error);
    // The newest come first, so the first `keep` up to `newest` stay.
    for (size_t i = 0; i < count; i++)
        if (steps[i] <= newest && kept++ >= keep && steps[i] != finite)
            remove_old(run, steps[i]);
    mem_free(steps);
}
