// SPDX-License-Identifier: MIT
//
// What an encoder writes, piece by piece or in places: a file that appears whole or not
// at all, or the same bytes in memory.

#ifndef DATA_ENCODED_H
#define DATA_ENCODED_H

#include "base/file.h"
#include "data/source.h"

struct encoded {
    struct file_writer writer;
    bool failed;
    bool in_memory;
    uint8_t *bytes;    // in memory; taken over by whoever ends it well
    size_t size, capacity;
};

// The file is not forced to disk (fsync), which takes long: images can be written
// again. False after a message.
bool encoded_begin(struct encoded *e, const char *path);
void encoded_begin_memory(struct encoded *e);

// All of it will have so many bytes, as far as is known.
void encoded_expect(struct encoded *e, uint64_t size);

// The callback for stb_image_write; `context` is the struct.
void encoded_write(void *context, void *data, int size);

// Writes at an offset, also behind the end: what is between is 0 until it is written.
// After it, encoded_write may no longer be used. False after a message.
bool encoded_put(struct encoded *e, uint64_t offset, const void *data, size_t size);

// What was written, which has `size` bytes, to be read until it is written to again. It
// is not closed.
struct source encoded_source(const struct encoded *e, uint64_t size);

// Ends the file; `fault` is why the encoder failed, NULL if it did not. False after a
// message that names `path`, and then there is no file, nor bytes in memory.
bool encoded_end(struct encoded *e, const char *fault, const char *path);
void encoded_drop(struct encoded *e);    // the same, of what nobody wants

#endif
