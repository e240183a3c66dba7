// SPDX-License-Identifier: MIT
//
// What a decoder reads: a file, of which no more than asked for is in memory, or bytes
// in memory. A source is used by one thread at a time.

#ifndef DATA_SOURCE_H
#define DATA_SOURCE_H

#include "base/base.h"
#include "base/reason.h"

#include <stdio.h>

struct source {
    uint64_t size;
    const uint8_t *bytes;    // in memory, or NULL
    void *owned;             // the same where they are freed with it
    FILE *stream;
    uint64_t place;    // of the stream
};

// False with the reason. A file whose size the system does not know is held whole.
bool source_open(struct source *s, const char *path, struct reason *reason);
struct source source_of_memory(const void *bytes, size_t size);    // which stay
void source_close(struct source *s);    // zeroed ones are fine

// Reads `count` bytes from `at` on, fewer where the source ends: *got. False with the
// reason where the system fails.
bool source_read(struct source *s, uint64_t at, void *to, size_t count, size_t *got,
                 struct reason *reason);

// Has the whole file in memory: `bytes`.
bool source_hold(struct source *s, struct reason *reason);

#endif
