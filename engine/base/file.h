// SPDX-License-Identifier: MIT
//
// Files as wholes: read one, replace one, list a folder. A file that is replaced is
// written beside its place, synced, then renamed, so that a reader sees the old one or
// the new one. Calls to the operating system are in os.h.

#ifndef BASE_FILE_H
#define BASE_FILE_H

#include "base/base.h"

#include <stdio.h>

// Reads a whole file. *data has one more byte than *size, set to 0. Caller frees. Logs
// what failed with the path.
bool file_read(const char *path, void **data, size_t *size);

// The same, but the reason of a failure is written to `reason` and not logged.
bool file_load(const char *path, void **data, size_t *size, char *reason,
               size_t reason_size);

// Replaces a file atomically, and lastingly: it is synced to the disk.
bool file_write(const char *path, const void *data, size_t size);

// The same in pieces. After begin, either commit or abort; both end the writer. After a
// failed write only abort is of use. The old file stays untouched until commit renames.
// Only what is `lasting` is synced: the rest a power cut may take back.
struct file_writer {
    FILE *stream;
    char *path;
    char *temporary;    // in the same folder, of a name that no file of a user has
    bool lasting;
};

bool file_writer_begin(struct file_writer *w, const char *path, bool lasting);
bool file_writer_write(struct file_writer *w, const void *data, size_t size);
bool file_writer_commit(struct file_writer *w);
void file_writer_abort(struct file_writer *w);    // zeroed or ended writers are fine

// Whether a name in a folder is that of a file which a writer had begun; and removing
// those of writers that were killed. Failures to remove are not worth a message.
bool file_is_temporary(const char *name);
void file_remove_temporaries(const char *folder);
// The same, of processes that are gone, for a folder that many write to.
void file_remove_orphans(const char *folder);

// Names of everything in a folder but folders and what is hidden, in byte-wise order. A
// name may be that of a pipe or of a link to nothing: its reader says so.
struct file_list {
    char **names;
    size_t count;
};

bool file_list_read(const char *folder, struct file_list *list);
void file_list_free(struct file_list *list);

bool file_exists(const char *path);    // of any kind
bool file_is_folder(const char *path);
bool file_make_folder(const char *path);    // with its parents; existing is fine
bool file_make_private_folder(const char *path);    // for the user alone

// "folder/name"; caller frees.
char *file_join(const char *folder, const char *name);

// The last part of a path, and its extension with the dot ("" if none): into `path`.
const char *file_name(const char *path);
const char *file_extension(const char *path);

#endif
