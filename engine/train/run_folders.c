// SPDX-License-Identifier: MIT
//
// See run_folders.h.

#include "train/run_folders.h"

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/os.h"

static const char *const names[RUN_FOLDERS] = {
    [RUN_CHECKPOINTS] = "checkpoints",
    [RUN_SAMPLES] = "samples",
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

bool run_folders_make(const char *run, enum run_folder which)
{
    char *path = file_join(run, names[which]);
    bool ok = path && file_make_folder(path);
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
