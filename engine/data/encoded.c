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

static bool append(struct encoded *e, const void *data, size_t size)
{
    if (!mem_grow(&e->bytes, &e->capacity, e->size + size, 1))
        return false;
    memcpy(e->bytes + e->size, data, size);
    e->size += size;
    return true;
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
