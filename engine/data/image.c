// SPDX-License-Identifier: MIT
//
// Images on the host. stb decodes; what it lets pass in silence (files that end early,
// checksums that do not fit) is looked for before.

#include "data/image.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define STBI_NO_STDIO
#include <stb/stb_image.h>
#define STBI_WRITE_NO_STDIO
#include <stb/stb_image_write.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "data/encoded.h"
#include "data/picture.h"
#include "data/png.h"

enum { MAX_SIDE = 32768, JPEG_QUALITY = 95 };

static const size_t max_bytes = (size_t)512 * 1024 * 1024;    // decoded

// Of an image in a file.
static bool size_is_sane(uint64_t width, uint64_t height)
{
    return width > 0 && height > 0 && width <= MAX_SIDE && height <= MAX_SIDE &&
           width * height * 3 <= max_bytes;
}

bool image_create(struct pix_image *image, uint32_t width, uint32_t height)
{
    *image = (struct pix_image){ .width = width, .height = height };
    image->pixels = mem_array((size_t)width * 3, height);
    if (!image->pixels) {
        *image = (struct pix_image){ 0 };
        return false;
    }
    return true;
}

void image_free(struct pix_image *image)
{
    mem_free(image->pixels);
    *image = (struct pix_image){ 0 };
}

// Completeness

enum format { FORMAT_UNKNOWN, FORMAT_PNG, FORMAT_JPEG, FORMAT_BMP, FORMAT_TGA };

static const char *const format_names[] = {
    [FORMAT_PNG] = "PNG",
    [FORMAT_JPEG] = "JPEG",
    [FORMAT_BMP] = "BMP",
    [FORMAT_TGA] = "TGA",
};

enum state { STATE_WHOLE, STATE_TRUNCATED, STATE_DAMAGED };

static uint32_t big_endian(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static uint32_t little_endian(const uint8_t *p)
{
    return (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | p[0];
}

// Walks the chunks: length, type, data, CRC-32 over type and data. The first is the
// header, of 13 bytes.
static enum state check_png(const uint8_t *data, size_t size)
{
    if (size < 33)
        return STATE_TRUNCATED;
    if (memcmp(data + 8, "\0\0\0\rIHDR", 8) != 0)
        return STATE_DAMAGED;

    size_t at = 8;
    for (;;) {
        if (size - at < 12)
            return STATE_TRUNCATED;
        uint32_t length = big_endian(data + at);
        if (length > INT32_MAX)
            return STATE_DAMAGED;
        if (size - at - 12 < length)
            return STATE_TRUNCATED;
        const uint8_t *type = data + at + 4, *end = type + 4 + length;
        if (png_crc(type, (size_t)length + 4) != big_endian(end))
            return STATE_DAMAGED;
        if (memcmp(type, "IEND", 4) == 0)
            return STATE_WHOLE;
        at += (size_t)length + 12;
    }
}

// A segment of Huffman tables: each has 16 counts of codes, by length, then the codes'
// symbols. stb trusts the counts; more than 256 symbols would run over its tables.
static bool huffman_tables_are_sane(const uint8_t *data, size_t size)
{
    while (size >= 17) {
        uint32_t symbols = 0;
        for (int i = 1; i <= 16; i++)
            symbols += data[i];
        if (symbols > 256 || size - 17 < symbols)
            return false;
        data += 17 + symbols;
        size -= 17 + symbols;
    }
    return size == 0;
}

// Walks the markers up to the end-of-image marker. Inside the compressed data of a scan
// 0xff stands before 0, a restart marker, another 0xff, or the marker that ends it.
static enum state check_jpeg(const uint8_t *data, size_t size)
{
    size_t at = 2;
    for (;;) {
        while (at < size && data[at] != 0xff)
            at++;
        while (at < size && data[at] == 0xff)
            at++;
        if (at >= size)
            return STATE_TRUNCATED;
        uint8_t marker = data[at++];
        if (marker == 0xd9)
            return STATE_WHOLE;
        if (marker <= 1 || (marker >= 0xd0 && marker <= 0xd8))
            continue;
        if (size - at < 2)
            return STATE_TRUNCATED;
        size_t length = (size_t)data[at] << 8 | data[at + 1];
        if (length < 2)
            return STATE_DAMAGED;
        if (size - at < length)
            return STATE_TRUNCATED;
        if (marker == 0xc4 && !huffman_tables_are_sane(data + at + 2, length - 2))
            return STATE_DAMAGED;
        at += length;
    }
}

// Uncompressed ones only; the others stb refuses.
static enum state check_bmp(const uint8_t *data, size_t size)
{
    uint64_t width, height, bits;

    if (size < 26)
        return STATE_TRUNCATED;
    uint64_t offset = little_endian(data + 10);
    if (little_endian(data + 14) == 12) {    // the oldest header: 16-bit sizes
        width = data[18] | (uint64_t)data[19] << 8;
        height = data[20] | (uint64_t)data[21] << 8;
        bits = data[24];
    } else {
        if (size < 34)
            return STATE_TRUNCATED;
        uint32_t compression = little_endian(data + 30);
        if (compression != 0 && compression != 3)
            return STATE_WHOLE;
        uint32_t down = little_endian(data + 22);
        width = little_endian(data + 18);
        height = down & 0x80000000 ? 0 - down : down;    // negative: top row first
        bits = data[28];
    }
    if (width > INT32_MAX || height > INT32_MAX)
        return STATE_DAMAGED;
    uint64_t row = (width * bits + 31) / 32 * 4;
    if (row && height > (UINT64_MAX - offset) / row)
        return STATE_DAMAGED;
    return size < offset + row * height ? STATE_TRUNCATED : STATE_WHOLE;
}

static enum state check_tga(const uint8_t *data, size_t size)
{
    if (size < 18)
        return STATE_TRUNCATED;
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
            return STATE_TRUNCATED;
    }
    return size < at ? STATE_TRUNCATED : STATE_WHOLE;
}

// TGA has no signature, so its name must say it.
static enum format find_format(const char *path, const uint8_t *data, size_t size)
{
    static const uint8_t png[] = { 0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n' };
    const char *extension = file_extension(path);

    if (size >= sizeof(png) && memcmp(data, png, sizeof(png)) == 0)
        return FORMAT_PNG;
    if (size >= 3 && data[0] == 0xff && data[1] == 0xd8 && data[2] == 0xff)
        return FORMAT_JPEG;
    if (size >= 2 && data[0] == 'B' && data[1] == 'M')
        return FORMAT_BMP;
    if (strlen(extension) == 4 && (extension[1] | 32) == 't' &&
        (extension[2] | 32) == 'g' && (extension[3] | 32) == 'a')
        return FORMAT_TGA;
    return FORMAT_UNKNOWN;
}

// Reading

bool image_decode(const char *path, const uint8_t *data, size_t size, bool as_rgb,
                  struct decoded *out, struct reason *reason)
{
    int width, height, channels;

    *out = (struct decoded){ 0 };
    if (size == 0)
        return reason_refuse(reason, "the file is empty");
    if (size > INT32_MAX)
        return reason_refuse(reason, "the file is larger than 2 GiB");
    enum format format = find_format(path, data, size);
    enum state state = STATE_WHOLE;
    switch (format) {
    case FORMAT_PNG:
        state = check_png(data, size);
        break;
    case FORMAT_JPEG:
        state = check_jpeg(data, size);
        break;
    case FORMAT_BMP:
        state = check_bmp(data, size);
        break;
    case FORMAT_TGA:
        state = check_tga(data, size);
        break;
    case FORMAT_UNKNOWN:
        return reason_refuse(reason, "not a PNG, JPEG, BMP or TGA image");
    }
    const char *name = format_names[format];
    if (state == STATE_TRUNCATED)
        return reason_refuse(reason, "truncated %s", name);
    if (state == STATE_DAMAGED)
        return reason_refuse(reason, "damaged %s", name);

    // stb gives no size for a PNG that it finds too large.
    uint64_t wide, high;
    if (format == FORMAT_PNG) {
        wide = big_endian(data + 16);
        high = big_endian(data + 20);
    } else {
        if (!stbi_info_from_memory(data, (int)size, &width, &height, &channels))
            return reason_refuse(reason, "damaged or unsupported %s: %s", name,
                                 stbi_failure_reason());
        wide = (uint64_t)width;
        high = (uint64_t)height;
    }
    bool is_wide = !as_rgb && stbi_is_16_bit_from_memory(data, (int)size);
    // Up to four channels of two bytes.
    if (!size_is_sane(wide, high) || (is_wide && wide * high * 8 > max_bytes))
        return reason_refuse(
            reason,
            "%" PRIu64 "x%" PRIu64
            " is no size for an image (1 to %d per side, 512 MiB in all)",
            wide, high, (int)MAX_SIDE);

    void *samples;
    if (is_wide)
        samples =
            stbi_load_16_from_memory(data, (int)size, &width, &height, &channels, 0);
    else
        samples = stbi_load_from_memory(data, (int)size, &width, &height, &channels,
                                        as_rgb ? 3 : 0);
    if (!samples)
        return reason_refuse(reason, "damaged or unsupported %s: %s", name,
                             stbi_failure_reason());
    *out = (struct decoded){
        .width = (uint32_t)width,
        .height = (uint32_t)height,
        .channels = as_rgb ? 3 : (uint32_t)channels,
        .is_wide = is_wide,
        .samples = samples,    // from malloc, which mem_free takes
    };
    return true;
}

bool image_read(const char *path, struct pix_image *image, char *reason,
                size_t reason_size)
{
    struct reason why;
    struct decoded decoded;
    void *data;
    size_t size;

    *image = (struct pix_image){ 0 };
    bool ok = file_load(path, &data, &size, why.text, sizeof(why.text));
    if (ok) {
        ok = image_decode(path, data, size, true, &decoded, &why);
        mem_free(data);
    }
    if (ok)
        *image = (struct pix_image){ decoded.width, decoded.height, decoded.samples };
    else if (reason)
        snprintf(reason, reason_size, "%s", why.text);
    else
        log_error("image: %s: %s", path, why.text);
    return ok;
}

// Writing

enum extension { EXT_NONE, EXT_PNG, EXT_JPG, EXT_BMP, EXT_TGA };

static enum extension find_extension(const char *name)
{
    static const struct {
        const char *text;
        enum extension extension;
    } known[] = {
        { ".png", EXT_PNG }, { ".jpg", EXT_JPG }, { ".jpeg", EXT_JPG },
        { ".bmp", EXT_BMP }, { ".tga", EXT_TGA },
    };
    const char *extension = file_extension(name);

    for (size_t i = 0; i < ARRAY_LEN(known); i++) {
        const char *a = extension, *b = known[i].text;
        while (*a && *b && (*a >= 'A' && *a <= 'Z' ? *a + 32 : *a) == *b) {
            a++;
            b++;
        }
        if (*a == '\0' && *b == '\0')
            return known[i].extension;
    }
    return EXT_NONE;
}

bool image_has_known_extension(const char *name)
{
    return find_extension(name) != EXT_NONE;
}

bool image_write(const char *path, const struct pix_image *image)
{
    struct encoded output;
    int width = (int)image->width, height = (int)image->height;
    int ok = 0;

    enum extension extension = find_extension(path);
    if (extension == EXT_NONE) {
        log_error("image: %s: the extension must be .png, .jpg, .jpeg, .bmp or .tga",
                  path);
        return false;
    }
    if (!size_is_sane(image->width, image->height)) {
        log_error("image: %s: an image of %ux%u can not be written", path,
                  (unsigned)image->width, (unsigned)image->height);
        return false;
    }
    if (!encoded_begin(&output, path))
        return false;
    switch (extension) {
    case EXT_PNG:
        ok = stbi_write_png_to_func(encoded_write, &output, width, height, 3,
                                    image->pixels, width * 3);
        break;
    case EXT_JPG:
        ok = stbi_write_jpg_to_func(encoded_write, &output, width, height, 3,
                                    image->pixels, JPEG_QUALITY);
        break;
    case EXT_BMP:
        ok = stbi_write_bmp_to_func(encoded_write, &output, width, height, 3,
                                    image->pixels);
        break;
    case EXT_TGA:
        ok = stbi_write_tga_to_func(encoded_write, &output, width, height, 3,
                                    image->pixels);
        break;
    case EXT_NONE:
        break;
    }
    return encoded_end(&output, ok, path);
}

bool image_resize(const struct pix_image *in, uint32_t width, uint32_t height,
                  struct pix_image *out)
{
    struct picture from, to = { 0 };

    *out = (struct pix_image){ 0 };
    bool ok = picture_from_image(in, &from) &&
              picture_resize(&from, RESIZE_BICUBIC, width, height, &to) &&
              picture_show(&to, out);
    picture_free(&from);
    picture_free(&to);
    return ok;
}

// Cutting and joining

bool image_crop(const struct pix_image *in, uint32_t x, uint32_t y, uint32_t width,
                uint32_t height, struct pix_image *out)
{
    assert(x <= in->width && width <= in->width - x);
    assert(y <= in->height && height <= in->height - y);
    if (!image_create(out, width, height))
        return false;
    for (uint32_t row = 0; row < height; row++)
        memcpy(out->pixels + (size_t)row * width * 3,
               in->pixels + ((size_t)(y + row) * in->width + x) * 3, (size_t)width * 3);
    return true;
}

bool image_split(const struct pix_image *in, struct pix_image *a, struct pix_image *b)
{
    uint32_t half = in->width / 2;

    *a = *b = (struct pix_image){ 0 };
    if (half == 0) {
        log_error("image: %u pixels of width can not be split into two images",
                  (unsigned)in->width);
        return false;
    }
    if (!image_crop(in, 0, 0, half, in->height, a))
        return false;
    if (!image_crop(in, half, 0, in->width - half, in->height, b)) {
        image_free(a);
        return false;
    }
    return true;
}

uint32_t image_enlargement(uint32_t side)
{
    const uint32_t enough = 160;    // pixels
    return DIV_UP(enough, side);
}

void image_paste(struct pix_image *grid, const struct pix_image *tile, uint32_t x,
                 uint32_t y, uint32_t factor)
{
    assert((uint64_t)x + (uint64_t)tile->width * factor <= grid->width &&
           (uint64_t)y + (uint64_t)tile->height * factor <= grid->height);
    for (uint32_t row = 0; row < tile->height * factor; row++) {
        const uint8_t *from = tile->pixels + (size_t)(row / factor) * tile->width * 3;
        uint8_t *to = grid->pixels + ((size_t)(y + row) * grid->width + x) * 3;
        for (uint32_t column = 0; column < tile->width * factor; column++)
            memcpy(to + (size_t)column * 3, from + (size_t)(column / factor) * 3, 3);
    }
}
