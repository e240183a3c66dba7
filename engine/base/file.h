// SPDX-License-Identifier: MIT
//
// Whole files: read one, replace one, list a folder. A new version is written beside
// the file, synced, then renamed, so a reader finds the old one or the new one, never a
// part. Functions that fail log why, with the path, unless they say otherwise. System
// calls are in os.h. Strings that are returned are freed by the caller with mem_free.

#ifndef BASE_FILE_H
#define BASE_FILE_H

#include "base/base.h"
#include "base/reason.h"

#include <stdio.h>

// Reads a whole file: a regular one of at most `limit` bytes, which is checked before
// memory is asked for and again while it is read, as it may grow. *data has one more
// byte than *size, set to 0; the caller frees it. The reason of a failure is written to
// `reason` and not logged.
bool file_load(const char *path, uint64_t limit, void **data, size_t *size,
               struct reason *reason);

// The same for what people write and what describes a run. Failures are logged.
#define FILE_READ_LIMIT ((uint64_t)16 << 20)
bool file_read(const char *path, void **data, size_t *size);

// The first bytes of a regular file, at most `size`, and how many there are. As
// file_load. FILE_HEAD of them show what kind of file it is.
enum { FILE_HEAD = 4096 };
bool file_load_head(const char *path, void *bytes, size_t size, size_t *count,
                    struct reason *reason);

// Opens a regular file to read it, and has its size, 0 where the system does not know
// it (/proc). The caller closes it. As file_load.
FILE *file_open_regular(const char *path, uint64_t *size, struct reason *reason);

// Replaces a file atomically and syncs it to the disk.
bool file_write(const char *path, const void *data, size_t size);

// The same in pieces. After begin comes either commit or abort; both end the writer.
// After a failed write only abort is allowed. The old file is untouched until commit
// renames. Only what is `lasting` is synced; a power cut may undo the rest.
struct file_writer {
    FILE *stream;
    char *path;
    char *temporary;    // in the same folder, with a name that no user's file has
    bool lasting;
    uint64_t size;        // bytes written so far
    uint64_t expected;    // bytes of the whole file, for messages; 0: not known
};

bool file_writer_begin(struct file_writer *w, const char *path, bool lasting);
bool file_writer_write(struct file_writer *w, const void *data, size_t size);
// Writes at an offset, also behind the end: what is between is 0 until it is written.
// After it, file_writer_write may no longer be used.
bool file_writer_replace(struct file_writer *w, uint64_t offset, const void *data,
                         size_t size);
bool file_writer_commit(struct file_writer *w);
void file_writer_abort(struct file_writer *w);    // zeroed or ended writers are fine

// Why a file could not be written: the system's last error, which must not have been
// touched since. Where there is no room it adds how many bytes are `needed`, unless
// that is 0 (not known), and how many are free, with those that will be `released`: of
// what is written so far and then removed. Returns `text`.
#define FILE_REASON_SIZE 384
const char *file_write_reason(const char *path, uint64_t needed, uint64_t released,
                              char text[FILE_REASON_SIZE]);

// Whether a name in a folder is one that a writer gives to its temporary file.
bool file_is_temporary(const char *name);

// Removes the temporary files of writers that were killed: all of a folder, or, in one
// that several processes write to, those of processes that no longer run. A file that
// cannot be removed is left without a message.
void file_remove_temporaries(const char *folder);
void file_remove_orphans(const char *folder);

// Names in a folder, sorted by bytes, without folders and hidden files. A name may be
// that of a pipe or a broken link: whoever reads it reports that.
struct file_list {
    char **names;
    size_t count;
};

bool file_list_read(const char *folder, struct file_list *list);

// The same, and the names of the folders in it, without hidden ones.
bool file_list_read_all(const char *folder, struct file_list *files,
                        struct file_list *folders);
void file_list_free(struct file_list *list);

bool file_exists(const char *path);    // of any kind
bool file_is_folder(const char *path);
bool file_make_folder(const char *path);    // with its parents; existing is fine
bool file_make_private_folder(const char *path);    // for the user alone

// "folder/name"; caller frees.
char *file_join(const char *folder, const char *name);

// Whether a character of a path separates folders: on Windows a backslash, too.
bool file_is_separator(char c);

// The last part of a path, and its extension with the dot ("" if none). Both point into
// `path`.
const char *file_name(const char *path);
const char *file_extension(const char *path);

#endif
