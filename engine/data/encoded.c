// SPDX-License-Identifier: MIT
//
// See encoded.h.

#include "data/encoded.h"

#include "base/log.h"
#include "base/mem.h"

#include <string.h>

bool encoded_begin(struct encoded *e, const char *path)
{
    *e = (struct encoded){ 0 };
    return file_writer_begin(&e->writer, path, false);
}

void encoded_begin_memory(struct encoded *e)
{
    *e = (struct encoded){ .in_memory = true };
}

void encoded_expect(struct encoded *e, uint64_t size)
{
    e->writer.expected = size;
}

static bool put_in_memory(struct encoded *e, uint64_t offset, const void *data,
                          size_t size)
{
    // More than the address space holds is an allocation that fails.
    const size_t end = offset < SIZE_MAX - size ? (size_t)offset + size : SIZE_MAX;
    const size_t wanted = MAX(end, (size_t)MIN(e->writer.expected, (uint64_t)SIZE_MAX));
    if (end > e->capacity && !mem_grow(&e->bytes, &e->capacity, wanted, 1))
        return false;
    if (offset > e->size)
        memset(e->bytes + e->size, 0, (size_t)offset - e->size);
    memcpy(e->bytes + offset, data, size);
    e->size = MAX(e->size, end);
    return true;
}

static bool append(struct encoded *e, const void *data, size_t size)
{
    return put_in_memory(e, e->size, data, size);
}

bool encoded_put(struct encoded *e, uint64_t offset, const void *data, size_t size)
{
    if (!e->failed)
        e->failed = e->in_memory ? !put_in_memory(e, offset, data, size)
                                 : !file_writer_replace(&e->writer, offset, data, size);
    return !e->failed;
}

struct source encoded_source(const struct encoded *e, uint64_t size)
{
    if (e->in_memory)
        return source_of_memory(e->bytes, (size_t)size);
    // Nobody knows where the stream is: the first read seeks.
    return (struct source){ .size = size, .stream = e->writer.stream, .place = size };
}

void encoded_write(void *context, void *data, int size)
{
    struct encoded *e = context;
    if (!e->failed)
        e->failed = e->in_memory ? !append(e, data, (size_t)size)
                                 : !file_writer_write(&e->writer, data, (size_t)size);
}

bool encoded_end(struct encoded *e, const char *fault, const char *path)
{
    if (!fault && !e->failed)
        return e->in_memory || file_writer_commit(&e->writer);
    if (!e->failed)    // a failed write has its message
        log_error("image: cannot encode %s: %s", path, fault);
    encoded_drop(e);
    return false;
}

void encoded_drop(struct encoded *e)
{
    if (!e->in_memory)
        file_writer_abort(&e->writer);
    mem_free(e->bytes);
    e->bytes = NULL;
}
