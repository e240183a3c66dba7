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

bool checkpoint_list(const char *run, uint64_t **steps, size_t *count)
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
    for (size_t i = 0; i < files.count; i++)
        if (step_of_name(files.names[i], &(*steps)[*count]))
            ++*count;
    qsort(*steps, *count, sizeof(**steps), newest_first);
    ok = true;

done:
    file_list_free(&files);
    mem_free(folder);
    return ok;
}

void checkpoint_prune(const char *run, uint64_t newest, uint32_t keep, uint64_t finite)
{
    uint64_t *steps = NULL;
    size_t count = 0, kept = 0;
    if (!checkpoint_list(run, &steps, &count))
        return;
    // The newest come first, so the first `keep` up to `newest` stay.
    for (size_t i = 0; i < count; i++) {
        if (steps[i] > newest || kept++ < keep || steps[i] == finite)
            continue;
        char *path = checkpoint_path(run, steps[i]);
        if (path && !os_file_remove(path))
            log_warn("checkpoint: cannot remove %s: %s", path, os_error_text());
        mem_free(path);
    }
    mem_free(steps);
}
