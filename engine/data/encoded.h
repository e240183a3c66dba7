// SPDX-License-Identifier: MIT
//
// A file that an encoder of stb writes piece by piece: it appears whole or not at all.

#ifndef DATA_ENCODED_H
#define DATA_ENCODED_H

#include "base/file.h"

struct encoded {
    struct file_writer writer;
    bool failed;
};

// The file is not forced to disk (fsync), which takes long: images can be written
// again. False after a message.
bool encoded_begin(struct encoded *e, const char *path);

// The callback for stb_image_write; `context` is the struct.
void encoded_write(void *context, void *data, int size);

// Ends the file; `ok` is whether the encoder succeeded (it fails only without memory).
// False after a message, and then there is no file.
bool encoded_end(struct encoded *e, bool ok, const char *path);

#endif
