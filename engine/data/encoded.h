// SPDX-License-Identifier: MIT
//
// A file that an encoder writes piece by piece: it appears whole or not at all.

#ifndef DATA_ENCODED_H
#define DATA_ENCODED_H

#include "base/file.h"

struct encoded {
    struct file_writer writer;
    bool failed;
};

// Not lasting: many are written, and any can be made again. False after a message.
bool encoded_begin(struct encoded *e, const char *path);

// What stb_image_write calls; `context` is the struct.
void encoded_write(void *context, void *data, int size);

// The encoder is done, well or (out of memory) not. False after a message, and then
// there is no file.
bool encoded_end(struct encoded *e, bool ok, const char *path);

#endif
