// SPDX-License-Identifier: MIT
//
// For tests of decoders of images: a file whose pixels are known, whole and cut, and
// what files are made of.

#ifndef SUPPORT_DECODING_H
#define SUPPORT_DECODING_H

#include "data/picture.h"

#include <stddef.h>
#include <stdint.h>

struct decoding {
    const char *name;    // of the file, for messages
    bool (*accept)(const uint8_t *data, size_t size, uint64_t whole,
                   const struct picture_reading *reading, struct reason *reason);
    bool (*decode)(const uint8_t *data, size_t size,
                   const struct picture_reading *reading, struct picture *picture,
                   struct reason *reason);
    uint32_t channels, width, height;    // that the picture must have; samples are u8
    uint8_t (*expected)(const void *made, uint32_t x, uint32_t y, uint32_t c);
    const void *made;
};

// The file is accepted by its first bytes and decoded as expected, and no beginning of
// it is a picture, nor is any read beyond its end (which sanitizers see).
void decoding_check(const struct decoding *d, const uint8_t *file, size_t size);

// The CRC-32 that a chunk of a PNG ends with, of its type and data.
uint32_t decoding_crc(const uint8_t *data, size_t size);

#endif
