// SPDX-License-Identifier: MIT
//
// See source.h.

#include "data/source.h"

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/os.h"

#include <string.h>

// Of a file whose size is not known before.
#define MAX_UNKNOWN ((uint64_t)64 << 20)

bool source_open(struct source *s, const char *path, struct reason *reason)
{
    size_t size;
    *s = (struct source){ 0 };
    s->stream = file_open_regular(path, &s->size, reason);
    if (!s->stream || s->size > 0)
        return s->stream != NULL;
    source_close(s);
    if (!file_load(path, MAX_UNKNOWN, &s->owned, &size, reason))
        return false;
    s->bytes = s->owned;
    s->size = size;
    return true;
}

struct source source_of_memory(const void *bytes, size_t size)
{
    return (struct source){ .bytes = bytes, .size = size };
}

void source_close(struct source *s)
{
    if (s->stream)
        fclose(s->stream);
    mem_free(s->owned);
    *s = (struct source){ 0 };
}

// The stream is left where it is as long as bytes are read one after another: a seek
// would drop what it holds.
static bool read_stream(struct source *s, uint64_t at, void *to, size_t count,
                        size_t *got, struct reason *reason)
{
    if (s->place != at && !os_file_seek(s->stream, at))
        return reason_refuse_system(reason);
    *got = fread(to, 1, count, s->stream);
    s->place = at + *got;
    return !ferror(s->stream) || reason_refuse_system(reason);
}

bool source_read(struct source *s, uint64_t at, void *to, size_t count, size_t *got,
                 struct reason *reason)
{
    *got = 0;
    if (at >= s->size)
        return true;
    count = (size_t)MIN((uint64_t)count, s->size - at);
    if (s->stream)
        return read_stream(s, at, to, count, got, reason);
    memcpy(to, s->bytes + at, count);
    *got = count;
    return true;
}

bool source_hold(struct source *s, struct reason *reason)
{
    size_t got;
    if (s->bytes)
        return true;
    struct log_capture capture;    // the reason says it
    log_capture_begin(&capture);
    uint8_t *bytes = s->size < SIZE_MAX ? mem_alloc((size_t)s->size + 1) : NULL;
    log_capture_end(&capture);
    if (!bytes)
        return reason_refuse_memory(reason);
    if (!source_read(s, 0, bytes, (size_t)s->size, &got, reason)) {
        mem_free(bytes);
        return false;
    }
    bytes[got] = 0;
    fclose(s->stream);
    *s = (struct source){ .bytes = bytes, .owned = bytes, .size = got };
    return true;
}
