// SPDX-License-Identifier: MIT
//
// A file that an encoder writes piece by piece: it appears whole or not at all. Or the
// same bytes in memory.

#ifndef DATA_ENCODED_H
#define DATA_ENCODED_H

#include "base/file.h"

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

// The callback for stb_image_write; `context` is the struct.
void encoded_write(void *context, void *data, int size);

// Ends the file; `fault` is why the encoder failed, NULL if it did not. False after a
// message that names `path`, and then there is no file, nor bytes in memory.
bool encoded_end(struct encoded *e, const char *fault, const char *path);
void encoded_drop(struct encoded *e);    // the same, of what nobody wants

#endif
