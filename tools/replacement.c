// SPDX-License-Identifier: MIT
//
// See replacement.h.

#include "replacement.h"

#include "terminal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

// `target` is taken over; NULL: errno says why.
static bool begin(struct replacement *r, char *target)
{
    *r = (struct replacement){ .target = target };
    const size_t size = r->target ? strlen(r->target) + 64 : 0;
    r->temporary = r->target ? malloc(size) : NULL;
    if (r->temporary) {
        // A short name: the file's own may be as long as names can be.
        size_t folder = strlen(r->target);
        while (folder > 0 && !terminal_is_separator(r->target[folder - 1]))
            folder--;
        snprintf(r->temporary, size, "%.*s.pix2pix-%lu-0.tmp", (int)folder, r->target,
                 terminal_get_process_number());
        r->file = terminal_create_file(r->temporary);
    }
    if (r->file)
        return true;
    const int error = errno;
    free(r->target);
    free(r->temporary);
    *r = (struct replacement){ 0 };
    errno = error;
    return false;
}

bool replacement_begin(struct replacement *r, const char *path)
{
    *r = (struct replacement){ 0 };
    const enum path_kind kind = terminal_get_path_kind(path);
    if (kind == PATH_OTHER) {
        r->file = terminal_open_file(path, "wb");
        return r->file != NULL;
    }
    if (kind == PATH_FOLDER) {
        errno = EISDIR;
        return false;
    }
    return begin(r, terminal_resolve_path(path));
}

bool replacement_begin_here(struct replacement *r, const char *path)
{
    char *target = malloc(strlen(path) + 1);
    if (target)
        strcpy(target, path);
    else
        errno = ENOMEM;
    return begin(r, target);
}

bool replacement_end(struct replacement *r, bool keep)
{
    int error = errno;
    bool ok = !ferror(r->file);
    if (fclose(r->file) != 0) {
        error = errno;
        ok = false;
    }
    if (r->temporary) {
        if (ok && keep && !terminal_move_file(r->temporary, r->target)) {
            error = errno;
            ok = false;
        }
        if (!ok || !keep)
            terminal_remove_file(r->temporary);
    }
    free(r->target);
    free(r->temporary);
    *r = (struct replacement){ 0 };
    errno = error;
    return ok;
}
