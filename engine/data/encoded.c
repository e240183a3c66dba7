// SPDX-License-Identifier: MIT
//
// See encoded.h.

#include "data/encoded.h"

#include "base/log.h"

bool encoded_begin(struct encoded *e, const char *path)
{
    e->failed = false;
    return file_writer_begin(&e->writer, path, false);
}

void encoded_write(void *context, void *data, int size)
{
    struct encoded *e = context;
    if (!e->failed && !file_writer_write(&e->writer, data, (size_t)size))
        e->failed = true;
}

bool encoded_end(struct encoded *e, const char *fault, const char *path)
{
    if (!fault && !e->failed)
        return file_writer_commit(&e->writer);
    if (!e->failed)    // a failed write has its message
        log_error("image: cannot encode %s: %s", path, fault);
    file_writer_abort(&e->writer);
    return false;
}
