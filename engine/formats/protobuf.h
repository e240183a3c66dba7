// SPDX-License-Identifier: MIT
//
// Writing messages of Protocol Buffers. A message is built in memory field by field;
// for a field too large for that only the head is put, and the caller writes its bytes
// behind it. Running out of memory sets `failed`, which stays set: it is checked once
// at the end.
//
// Format: https://protobuf.dev/programming-guides/encoding/

#ifndef FORMATS_PROTOBUF_H
#define FORMATS_PROTOBUF_H

#include "base/base.h"

// The largest file that readers accept, bytes.
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
// Another message as a field; `part` is emptied.
void protobuf_put_message(struct protobuf *m, uint32_t field, struct protobuf *part);
// The fields of another message appended to those of m; `part` is emptied.
void protobuf_put_fields(struct protobuf *m, struct protobuf *part);
// The head of a field of `size` bytes that the caller writes behind the message.
void protobuf_put_head(struct protobuf *m, uint32_t field, uint64_t size);

#endif
