// SPDX-License-Identifier: MIT
//
// BMP files: stb decodes and encodes them. See codec.h.

#include "base/bytes.h"
#include "data/codec.h"
#include "data/encoded.h"

#define STBI_WRITE_NO_STDIO
#include <stb/stb_image_write.h>

bool bmp_is(const uint8_t *data, size_t size)
{
    return size >= 2 && data[0] == 'B' && data[1] == 'M';
}

// Compares the size of the pixels with that of the file, where they are not compressed;
// stb refuses compressed ones.
static enum codec_state check(const uint8_t *data, size_t size)
{
    uint64_t width, height, bits;

    if (size < 26)
        return CODEC_TRUNCATED;
    uint64_t offset = bytes_get_little(data + 10, 4);
    if (bytes_get_little(data + 14, 4) == 12) {    // the oldest header: 16-bit sizes
        width = data[18] | (uint64_t)data[19] << 8;
        height = data[20] | (uint64_t)data[21] << 8;
        bits = data[24];
    } else {
        if (size < 34)
            return CODEC_TRUNCATED;
        uint32_t compression = (uint32_t)bytes_get_little(data + 30, 4);
        if (compression != 0 && compression != 3)
            return CODEC_WHOLE;
        uint32_t down = (uint32_t)bytes_get_little(data + 22, 4);
        width = bytes_get_little(data + 18, 4);
        height = down & 0x80000000 ? 0 - down : down;    // negative: top row first
        bits = data[28];
    }
    if (width > INT32_MAX || height > INT32_MAX)
        return CODEC_DAMAGED;
    uint64_t row = (width * bits + 31) / 32 * 4;
    if (row && height > (UINT64_MAX - offset) / row)
        return CODEC_DAMAGED;
    return size < offset + row * height ? CODEC_TRUNCATED : CODEC_WHOLE;
}

bool bmp_decode(const uint8_t *data, size_t size, struct picture *picture,
                struct reason *reason)
{
    return codec_check_state(check(data, size), "BMP", reason) &&
           codec_decode("BMP", data, size, picture, reason);
}

static int encode(struct encoded *to, int width, int height, const uint8_t *rgb)
{
    return stbi_write_bmp_to_func(encoded_write, to, width, height, 3, rgb);
}

bool bmp_write(const char *path, const struct picture *picture)
{
    return codec_write_rgb(path, picture, encode);
}
