// SPDX-License-Identifier: MIT
//
// Reads the golden safetensors files of the fixtures; a failure fails the test.

#ifndef SUPPORT_SAFETENSORS_H
#define SUPPORT_SAFETENSORS_H

#include "base/json.h"

struct safetensors {
    uint8_t *data;    // the whole file
    size_t size;
    struct json_document *header;
    size_t start;    // of the tensors' bytes
};

void safetensors_open(struct safetensors *s, const char *path);
void safetensors_close(struct safetensors *s);

// The floats of "<network>.<name>"; their number must be `count`.
const float *safetensors_floats(const struct safetensors *s, const char *network,
                                const char *name, size_t count);

#endif
