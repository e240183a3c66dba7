// SPDX-License-Identifier: MIT
//
// What stb does not do for PNG: checksums of chunks, and writing 16-bit samples.

#ifndef DATA_PNG_H
#define DATA_PNG_H

#include "base/base.h"

// CRC-32 of the type and the data of a chunk.
uint32_t png_crc(const uint8_t *data, size_t size);

// A PNG file of 16-bit samples, 1 to 4 channels interleaved. The result is freed with
// mem_free; NULL without memory, after a message.
uint8_t *png_encode_16(const uint16_t *samples, uint32_t channels, uint32_t width,
                       uint32_t height, size_t *size);

#endif
