// SPDX-License-Identifier: MIT
//
// TGA files: stb decodes and encodes them. See codec.h.

#include "data/codec.h"
#include "data/encoded.h"

#define STBI_WRITE_NO_STDIO
#include <stb/stb_image_write.h>

// Walks the pixels: a header of 18 bytes, an identifier, a colour map, then the pixels,
// either plain or (types 9 and up) in packets.
static enum codec_state check(const uint8_t *data, size_t size)
{
    if (size < 18)
        return CODEC_TRUNCATED;
    uint64_t map_entries = data[5] | (uint64_t)data[6] << 8;
    uint64_t pixels =
        (data[12] | (uint64_t)data[13] << 8) * (data[14] | (uint64_t)data[15] << 8);
    uint64_t bytes = (data[16] + 7u) / 8;
    uint64_t at = 18 + (uint64_t)data[0];
    if (data[1])
        at += map_entries * ((data[7] + 7u) / 8);

    if (data[2] < 9) {
        at += pixels * bytes;
    } else {
        // Packets: a count, then one pixel to repeat or as many as counted.
        while (pixels > 0 && at < size) {
            uint64_t count = (data[at] & 0x7fu) + 1;
            at += 1 + (data[at] & 0x80 ? bytes : bytes * count);
            pixels -= MIN(count, pixels);
        }
        if (pixels > 0)
            return CODEC_TRUNCATED;
    }
    return size < at ? CODEC_TRUNCATED : CODEC_WHOLE;
}

bool tga_decode(const uint8_t *data, size_t size, struct picture *picture,
                struct reason *reason)
{
    return codec_check_state(check(data, size), "TGA", reason) &&
           codec_decode("TGA", data, size, picture, reason);
}

static int encode(struct encoded *to, int width, int height, const uint8_t *rgb)
{
    return stbi_write_tga_to_func(encoded_write, to, width, height, 3, rgb);
}

bool tga_write(const char *path, const struct picture *picture)
{
    return codec_write_rgb(path, picture, encode);
}
