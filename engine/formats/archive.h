// SPDX-License-Identifier: MIT
//
// Zip archives whose records are stored uncompressed, through libzip. Any part of a
// record can be read. Sizes are checked against the size of the file before use.

#ifndef FORMATS_ARCHIVE_H
#define FORMATS_ARCHIVE_H

#include "base/base.h"

#include <stdio.h>

// ---------------------------------------------------------------------------
// Reading

struct archive;

struct archive_record {
    uint64_t index, size;
    bool summed;    // has a checksum
};

// Takes ownership of a stream that is open for reading, also on failure. `size` is the
// size of the file in bytes, `path` is for messages. NULL after one message.
struct archive *archive_open(FILE *stream, uint64_t size, const char *path);
void archive_close(struct archive *a);    // NULL is fine

uint64_t archive_count(const struct archive *a);
const char *archive_name(const struct archive *a, uint64_t index);    // or NULL

// False without a message if there is no record of this name.
bool archive_find(struct archive *a, const char *name, uint64_t *index);
// Describes a record. False after one message if it is compressed or encrypted, or does
// not fit the file.
bool archive_look(struct archive *a, uint64_t index, struct archive_record *record);

// Reads a record in pieces: `begin` at a byte offset, then any number of `take`, then
// `end`, which checks the checksum if the record was read from its first byte to its
// last. A begin may follow another one without an end. False after one message.
bool archive_begin(struct archive *a, const struct archive_record *r, uint64_t offset);
bool archive_take(struct archive *a, void *data, size_t size);
bool archive_end(struct archive *a);

// ---------------------------------------------------------------------------
// Writing

struct archive_part {
    const char *name;    // ASCII
    uint64_t size;
};

// Writes an archive, which appears whole or not at all and depends on nothing except
// its arguments: no dates, no paths. The bytes of each record begin at a multiple
// of 64. `bytes` is called once per part, in order; what it returns must stay valid
// until the next call. It returns NULL after a message to give up.
bool archive_write(const char *path, const struct archive_part *parts, size_t count,
                   const void *(*bytes)(void *user, size_t part), void *user);

#endif
