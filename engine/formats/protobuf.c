// SPDX-License-Identifier: MIT
//
// A field is a key, its number and kind, and then its value: a varint, four bytes, or a
// size and that many bytes. See protobuf.h.

#include "formats/protobuf.h"

#include "base/mem.h"

#include <string.h>

enum kind { KIND_NUMBER = 0, KIND_SIZED = 2, KIND_FOUR_BYTES = 5 };

static void append(struct protobuf *m, const void *bytes, size_t size)
{
    if (m->failed || size == 0)
        return;
    if (!mem_grow(&m->bytes, &m->capacity, m->size + size, 1)) {
        m->failed = true;
        return;
    }
    memcpy(m->bytes + m->size, bytes, size);
    m->size += size;
}

// A varint: seven bits per byte, lowest first; the eighth bit says that more follow.
static void append_number(struct protobuf *m, uint64_t value)
{
    uint8_t bytes[10];    // 64 bits in groups of seven
    size_t size = 0;
    for (; value > 0x7f; value >>= 7)
        bytes[size++] = (uint8_t)(value | 0x80);
    bytes[size++] = (uint8_t)value;
    append(m, bytes, size);
}

// The kind lets readers skip fields that they do not know.
static void append_key(struct protobuf *m, uint32_t field, enum kind kind)
{
    append_number(m, (uint64_t)field << 3 | kind);
}

void protobuf_free(struct protobuf *m)
{
    mem_free(m->bytes);
    *m = (struct protobuf){ 0 };
}

// Negative numbers of an int64 field are passed as their two's complement and take ten
// bytes, as in the format.
void protobuf_put_number(struct protobuf *m, uint32_t field, uint64_t value)
{
    append_key(m, field, KIND_NUMBER);
    append_number(m, value);
}

// Lowest byte first, as the format says, whatever the order of this machine.
void protobuf_put_float(struct protobuf *m, uint32_t field, float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof(bits));
    const uint8_t bytes[4] = { (uint8_t)bits, (uint8_t)(bits >> 8),
                               (uint8_t)(bits >> 16), (uint8_t)(bits >> 24) };
    append_key(m, field, KIND_FOUR_BYTES);
    append(m, bytes, sizeof(bytes));
}

void protobuf_put_head(struct protobuf *m, uint32_t field, uint64_t size)
{
    append_key(m, field, KIND_SIZED);
    append_number(m, size);
}

void protobuf_put_bytes(struct protobuf *m, uint32_t field, const void *bytes,
                        size_t size)
{
    protobuf_put_head(m, field, size);
    append(m, bytes, size);
}

void protobuf_put_text(struct protobuf *m, uint32_t field, const char *text)
{
    protobuf_put_bytes(m, field, text, strlen(text));
}

// A message has neither head nor end of its own, so fields can be put one part after
// another.
void protobuf_put_fields(struct protobuf *m, struct protobuf *part)
{
    append(m, part->bytes, part->size);
    m->failed |= part->failed;
    protobuf_free(part);
}

void protobuf_put_message(struct protobuf *m, uint32_t field, struct protobuf *part)
{
    protobuf_put_head(m, field, part->size);
    protobuf_put_fields(m, part);
}
