// SPDX-License-Identifier: MIT
//
// See decoding.h.

#include "support/decoding.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/mem.h"

void decoding_check(const struct decoding *d, const uint8_t *file, size_t size)
{
    struct picture p;
    struct reason reason;
    const size_t head = MIN(size, (size_t)FILE_HEAD);
    uint8_t *first = mem_alloc(head);
    memcpy(first, file, head);
    if (!d->accept(first, head, size, &(struct picture_reading){ 0 }, &reason))
        fail_msg("%s: not accepted: %s", d->name, reason.text);
    mem_free(first);
    if (!d->decode(file, size, &(struct picture_reading){ 0 }, &p, &reason))
        fail_msg("%s: %s", d->name, reason.text);
    assert_int_equal(p.kind, PIXEL_U8);
    assert_int_equal(p.channels, d->channels);
    assert_int_equal(p.width, d->width);
    assert_int_equal(p.height, d->height);
    const uint8_t *sample = p.samples;
    for (uint32_t c = 0; c < p.channels; c++)
        for (uint32_t y = 0; y < p.height; y++)
            for (uint32_t x = 0; x < p.width; x++, sample++) {
                const uint8_t wanted = d->expected(d->made, x, y, c);
                if (*sample != wanted)
                    fail_msg("%s: [%u, %u, %u] is %u, not %u", d->name, (unsigned)c,
                             (unsigned)y, (unsigned)x, *sample, wanted);
            }
    picture_free(&p);
    for (size_t part = 0; part < size; part++) {
        uint8_t *copy = mem_alloc(part);
        memcpy(copy, file, part);
        d->accept(copy, MIN(part, head), part, &(struct picture_reading){ 0 }, &reason);
        if (d->decode(copy, part, &(struct picture_reading){ 0 }, &p, &reason))
            fail_msg("%s is accepted at %zu of %zu bytes", d->name, part, size);
        mem_free(copy);
    }
}

uint32_t decoding_crc(const uint8_t *data, size_t size)
{
    uint32_t value = 0xffffffff;
    for (size_t i = 0; i < size; i++) {
        value ^= data[i];
        for (int bit = 0; bit < 8; bit++)
            value = value >> 1 ^ (value & 1 ? 0xedb88320 : 0);
    }
    return ~value;
}
