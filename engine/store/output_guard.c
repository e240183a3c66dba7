// SPDX-License-Identifier: MIT
//
// See output_guard.h.

#include "store/output_guard.h"

#include "base/file.h"
#include "base/file_set.h"
#include "base/log.h"
#include "base/os.h"
#include "formats/safetensors.h"
#include "store/checkpoint.h"

#include <string.h>

// Whether a file that is not whole was a checkpoint: writers put the step at the
// beginning.
static bool begins_as_checkpoint(const char *path, bool *found)
{
    char head[16384];
    const size_t length = strlen(CHECKPOINT_STEP);
    size_t count = 0;
    struct reason reason;
    *found = false;
    if (!file_load_head(path, head, sizeof(head), &count, &reason)) {
        log_error("%s", reason.text);
        return false;
    }
    for (size_t i = 0; i + length <= count && !*found; i++)
        *found = memcmp(head + i, CHECKPOINT_STEP, length) == 0;
    return true;
}

// False after a message if that cannot be known for the moment.
static bool find_checkpoint(const char *path, bool *found)
{
    enum os_kind kind;
    bool is_damaged;
    *found = false;
    if (!os_path_look(path, &kind)) {
        log_error("%s", os_error_text());
        return false;
    }
    if (kind != OS_KIND_FILE)
        return true;
    struct safetensors *s = safetensors_examine(path, &is_damaged);
    if (!s)
        return is_damaged && begins_as_checkpoint(path, found);
    *found = safetensors_metadata(s, CHECKPOINT_STEP) != NULL;
    safetensors_close(s);
    return true;
}

// A checkpoint is not overwritten, since its run could not be resumed, and neither is
// what may be one.
bool output_guard_checkpoint(const char *path)
{
    struct log_capture capture;
    bool found;
    log_capture_begin(&capture);
    const bool ok = find_checkpoint(path, &found);
    const char *error = log_capture_end(&capture);
    if (!ok)
        log_error("convert: %s is not replaced: it cannot be read, so it may be a "
                  "checkpoint: %s",
                  path, error);
    else if (found)
        log_error(
            "convert: %s is a checkpoint, which its run needs to resume: name another "
            "file",
            path);
    return ok && !found;
}

bool output_guard_inputs(const char *path, const char *const *inputs, size_t count)
{
    struct file_set set = { 0 };
    const char *found = NULL;
    bool ok = true;
    for (size_t i = 0; i < count && ok; i++)
        ok = !inputs[i] || file_set_add(&set, inputs[i]);
    ok = ok && file_set_find(&set, path, &found);
    if (found)
        log_error(
            "convert: %s is the input %s, which would be overwritten: name another "
            "file",
            path, found);
    file_set_free(&set);
    return ok && !found;
}
