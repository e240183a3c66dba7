// SPDX-License-Identifier: MIT
//
// PNG files: stb decodes them and writes those of 8 bits. Here are the checksums of
// chunks, which stb ignores, and writing of 16 bits: the container and the row filters,
// while stb compresses. Numbers in comments are sections of the PNG specification
// (ISO/IEC 15948). See codec.h.

#include "data/codec.h"

#include "base/mem.h"
#include "data/encoded.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define STBI_WRITE_NO_STDIO
#include <stb/stb_image_write.h>

// stb_image_write.h defines it without declaring it. zlib's format; frees with free.
unsigned char *stbi_zlib_compress(unsigned char *data, int data_len, int *out_len,
                                  int quality);

#define COMPRESSION 8    // as stb's own writer
#define HEADER 13        // bytes of data in IHDR

static const uint8_t signature[] = { 0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n' };

// CRC-32 of the type and the data of a chunk.
static uint32_t crc(const uint8_t *data, size_t size)
{
    uint32_t table[256], value = 0xffffffff;
    for (uint32_t i = 0; i < 256; i++) {
        table[i] = i;
        for (int bit = 0; bit < 8; bit++)
            table[i] = table[i] >> 1 ^ (table[i] & 1 ? 0xedb88320 : 0);
    }
    for (size_t i = 0; i < size; i++)
        value = value >> 8 ^ table[(value ^ data[i]) & 255];
    return ~value;
}

// ---------------------------------------------------------------------------
// Reading

bool png_is(const uint8_t *data, size_t size)
{
    return size >= sizeof(signature) && memcmp(data, signature, sizeof(signature)) == 0;
}

static uint32_t big_endian(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

// Walks the chunks (5.3): length, type, data, CRC-32 over type and data. The first is
// the header, of 13 bytes. stb checks neither checksums nor whether the end is there.
static enum codec_state check(const uint8_t *data, size_t size)
{
    if (size < 33)
        return CODEC_TRUNCATED;
    if (memcmp(data + 8, "\0\0\0\rIHDR", 8) != 0)
        return CODEC_DAMAGED;

    size_t at = 8;
    for (;;) {
        if (size - at < 12)
            return CODEC_TRUNCATED;
        uint32_t length = big_endian(data + at);
        if (length > INT32_MAX)
            return CODEC_DAMAGED;
        if (size - at - 12 < length)
            return CODEC_TRUNCATED;
        const uint8_t *type = data + at + 4, *end = type + 4 + length;
        if (crc(type, (size_t)length + 4) != big_endian(end))
            return CODEC_DAMAGED;
        if (memcmp(type, "IEND", 4) == 0)
            return CODEC_WHOLE;
        at += (size_t)length + 12;
    }
}

// EXIF data is a chunk of its own (11.3.3.6 of the third edition). The file passed
// check().
static uint32_t find_orientation(const uint8_t *data)
{
    const uint8_t *chunk = data + sizeof(signature);
    while (memcmp(chunk + 4, "IEND", 4) != 0) {
        const size_t length = big_endian(chunk);
        if (memcmp(chunk + 4, "eXIf", 4) == 0)
            return exif_orientation(chunk + 8, length);
        chunk += length + 12;
    }
    return 0;
}

bool png_decode(const uint8_t *data, size_t size, struct picture *picture,
                struct reason *reason)
{
    // stb gives no size for a file that it finds too large: it is that of the header.
    if (!codec_check_state(check(data, size), "PNG", reason) ||
        !codec_check_size(big_endian(data + 16), big_endian(data + 20), data[24] == 16,
                          reason) ||
        !codec_decode("PNG", data, size, picture, reason))
        return false;
    picture->orientation = find_orientation(data);
    return true;
}

bool png_find_kind(const uint8_t *data, size_t size, enum pixel_kind *kind)
{
    if (size < 25)
        return false;
    *kind = data[24] == 16 ? PIXEL_U16 : PIXEL_U8;    // the bits of a sample (11.2.2)
    return true;
}

// ---------------------------------------------------------------------------
// Rows

enum { FILTERS = 5 };    // none, sub, up, average, Paeth (9.2)

static uint8_t paeth(uint8_t left, uint8_t up, uint8_t corner)
{
    int p = left + up - corner;
    int to_left = abs(p - left), to_up = abs(p - up), to_corner = abs(p - corner);
    if (to_left <= to_up && to_left <= to_corner)
        return left;
    return to_up <= to_corner ? up : corner;
}

// Writes the filtered row to `out` and returns how far its bytes are from zero: the
// less, the better they compress (12.8). `pixel` is the bytes of one; `above` is all 0
// for the first row.
static uint64_t filter_row(int filter, const uint8_t *row, const uint8_t *above,
                           size_t bytes, size_t pixel, uint8_t *out)
{
    uint64_t cost = 0;
    for (size_t i = 0; i < bytes; i++) {
        uint8_t left = i < pixel ? 0 : row[i - pixel], up = above[i];
        uint8_t corner = i < pixel ? 0 : above[i - pixel], guess = 0;
        switch (filter) {
        case 1:
            guess = left;
            break;
        case 2:
            guess = up;
            break;
        case 3:
            guess = (uint8_t)((left + up) / 2);
            break;
        case 4:
            guess = paeth(left, up, corner);
            break;
        }
        out[i] = (uint8_t)(row[i] - guess);
        cost += out[i] < 128 ? out[i] : 256u - out[i];
    }
    return cost;
}

// All rows, each after the number of its filter: the one that leaves the smallest
// numbers. u16 samples are stored big-endian. The result is freed with mem_free.
static uint8_t *filter_rows(const uint16_t *samples, uint32_t channels, uint32_t width,
                            uint32_t height, size_t *size)
{
    size_t pixel = (size_t)channels * 2, bytes = width * pixel;
    uint8_t *all = mem_array(height, bytes + 1);
    uint8_t *rows = mem_zalloc(2 * bytes), *trial = mem_alloc(bytes);
    if (!all || !rows || !trial) {
        mem_free(all);
        all = NULL;
    }
    for (uint32_t y = 0; all && y < height; y++) {
        uint8_t *row = rows + y % 2 * bytes, *above = rows + (y + 1) % 2 * bytes;
        uint8_t *to = all + y * (bytes + 1);
        const uint16_t *from = samples + (size_t)y * width * channels;
        for (size_t i = 0; i < bytes; i += 2) {
            row[i] = (uint8_t)(from[i / 2] >> 8);
            row[i + 1] = (uint8_t)from[i / 2];
        }
        uint64_t least = UINT64_MAX;
        for (int filter = 0; filter < FILTERS; filter++) {
            uint64_t cost = filter_row(filter, row, above, bytes, pixel, trial);
            if (cost < least) {
                least = cost;
                to[0] = (uint8_t)filter;
                memcpy(to + 1, trial, bytes);
            }
        }
    }
    mem_free(rows);
    mem_free(trial);
    *size = height * (bytes + 1);
    return all;
}

// ---------------------------------------------------------------------------
// Writing

static uint8_t *put_big(uint8_t *to, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        to[i] = (uint8_t)(value >> (24 - 8 * i));
    return to + 4;
}

static uint8_t *put_chunk(uint8_t *to, const char type[5], const uint8_t *data,
                          uint32_t size)
{
    uint8_t *begin = put_big(to, size);
    memcpy(begin, type, 4);
    if (size)
        memcpy(begin + 4, data, size);
    return put_big(begin + 4 + size, crc(begin, (size_t)size + 4));
}

// A file of u16 samples, [height][width][channels], 1 to 4 channels. The result is
// freed with mem_free; NULL without memory, after a message.
static uint8_t *encode_u16(const uint16_t *samples, uint32_t channels, uint32_t width,
                           uint32_t height, size_t *size)
{
    static const uint8_t colours[] = { 0, 0, 4, 2, 6 };    // by channels (11.2.2)
    uint8_t header[HEADER] = { 0 }, *file = NULL;
    size_t raw_size;
    int packed_size = 0;

    assert(channels >= 1 && channels <= 4);
    uint8_t *raw = filter_rows(samples, channels, width, height, &raw_size);
    if (!raw)
        return NULL;
    assert(raw_size <= INT32_MAX);
    uint8_t *packed = stbi_zlib_compress(raw, (int)raw_size, &packed_size, COMPRESSION);
    mem_free(raw);
    put_big(put_big(header, width), height);
    header[8] = 16;
    header[9] = colours[channels];
    *size = sizeof(signature) + 3 * 12 + HEADER + (size_t)packed_size;
    if (packed)
        file = mem_alloc(*size);
    if (file) {
        memcpy(file, signature, sizeof(signature));
        uint8_t *to = put_chunk(file + sizeof(signature), "IHDR", header, HEADER);
        to = put_chunk(to, "IDAT", packed, (uint32_t)packed_size);
        put_chunk(to, "IEND", NULL, 0);
    }
    free(packed);    // from stb, which takes it from realloc
    return file;
}

bool png_write(const char *path, const struct picture *p)
{
    struct encoded output;
    int channels = (int)p->channels;
    void *samples = picture_interleave(p);
    bool ok = samples && encoded_begin(&output, path);
    if (!ok) {
        mem_free(samples);
        return false;
    }
    if (p->kind == PIXEL_U16) {
        size_t size;
        uint8_t *file = encode_u16(samples, p->channels, p->width, p->height, &size);
        if (file)
            encoded_write(&output, file, (int)size);
        ok = file != NULL;
        mem_free(file);
    } else {
        ok = stbi_write_png_to_func(encoded_write, &output, (int)p->width,
                                    (int)p->height, channels, samples,
                                    (int)p->width * channels);
    }
    mem_free(samples);
    return encoded_end(&output, ok, path);
}
