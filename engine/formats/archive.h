// SPDX-License-Identifier: MIT
//
// Zip archives whose records are stored as they are, through libzip: any part of a
// record can be read, and no size that stands in a file is larger than the file.

#ifndef FORMATS_ARCHIVE_H
#define FORMATS_ARCHIVE_H

#include "base/base.h"

#include <stdio.h>

// ---------------------------------------------------------------------------
// Reading

struct archive;

struct archive_record {
    uint64_t index, size;
    bool summed;    // it has a checksum
};

// Takes over a stream that is open to read, also on failure; `size` is the file's and
// `path` for messages. NULL after one message.
struct archive *archive_open(FILE *stream, uint64_t size, const char *path);
void archive_close(struct archive *a);    // NULL is fine

uint64_t archive_count(const struct archive *a);
const char *archive_name(const struct archive *a, uint64_t index);    // or NULL

// False without a message if there is none of this name.
bool archive_find(struct archive *a, const char *name, uint64_t *index);
// False after a message if a record is compressed, encrypted, or cannot be in the file.
bool archive_look(struct archive *a, uint64_t index, struct archive_record *record);

// Reads bytes of a record: from `offset` on with `begin`, then piece by piece. What was
// read from its first byte to its last is compared with its checksum by `end`. Failures
// are told; a begin that is followed by another one need not have an end.
bool archive_begin(struct archive *a, const struct archive_record *r, uint64_t offset);
bool archive_take(struct archive *a, void *data, size_t size);
bool archive_end(struct archive *a);

// ---------------------------------------------------------------------------
// Writing

struct archive_part {
    const char *name;    // ASCII
    uint64_t size;
};

// Writes an archive as a whole or not at all, with nothing in it that depends on time
// or place. The bytes of each record begin at a multiple of 64. `bytes` is asked for
// those of each part in turn, once; they must last until the next call. It returns NULL
// after a message to give up.
bool archive_write(const char *path, const struct archive_part *parts, size_t count,
                   const void *(*bytes)(void *user, size_t part), void *user);

#endif
