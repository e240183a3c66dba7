// SPDX-License-Identifier: MIT
//
// Messages of Protocol Buffers, to be written only. A message in the making is a row of
// fields in memory; what is too large for that is announced by its size and follows
// later. A lack of memory is sticky: `failed` says so in the end.

#ifndef FORMATS_PROTOBUF_H
#define FORMATS_PROTOBUF_H

#include "base/base.h"

// What readers take at most, all of a file.
#define PROTOBUF_MAX_SIZE ((uint64_t)INT32_MAX)

// Zero is an empty message.
struct protobuf {
    uint8_t *bytes;
    size_t size, capacity;
    bool failed;
};

void protobuf_free(struct protobuf *m);

void protobuf_put_number(struct protobuf *m, uint32_t field, uint64_t value);
void protobuf_put_float(struct protobuf *m, uint32_t field, float value);
void protobuf_put_bytes(struct protobuf *m, uint32_t field, const void *bytes,
                        size_t size);
void protobuf_put_text(struct protobuf *m, uint32_t field, const char *text);
// The fields of another message, which is empty then.
void protobuf_put_message(struct protobuf *m, uint32_t field, struct protobuf *part);
// The same without a field of its own: the fields are added to those of m.
void protobuf_put_fields(struct protobuf *m, struct protobuf *part);
// The head of a field whose bytes the caller writes behind what is here.
void protobuf_put_head(struct protobuf *m, uint32_t field, uint64_t size);

#endif
