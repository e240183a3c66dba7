// SPDX-License-Identifier: MIT
//
// PNG files: libpng writes them, stb decodes them; here are the checksums of chunks,
// which stb ignores. Numbers in comments are sections of the PNG specification (ISO/IEC
// 15948). See codec.h.

#include "data/codec.h"

#include "base/log.h"
#include "base/mem.h"
#include "data/encoded.h"

#include <assert.h>
#include <png.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>

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
// Of the first `size` bytes of `whole` it checks what is there.
static enum codec_state check(const uint8_t *data, size_t size, uint64_t whole)
{
    if (size < 33)
        return CODEC_TRUNCATED;
    if (memcmp(data + 8, "\0\0\0\rIHDR", 8) != 0)
        return CODEC_DAMAGED;

    uint64_t at = 8;
    for (;;) {
        if (whole - at < 12)
            return CODEC_TRUNCATED;
        if (at + 8 > size)
            return CODEC_WHOLE;    // as far as can be seen
        uint32_t length = big_endian(data + at);
        if (length > INT32_MAX)
            return CODEC_DAMAGED;
        if (whole - at - 12 < length)
            return CODEC_TRUNCATED;
        const uint64_t end = at + 12 + length;
        const uint8_t *type = data + at + 4;
        if (end <= size &&
            crc(type, (size_t)length + 4) != big_endian(type + 4 + length))
            return CODEC_DAMAGED;
        if (memcmp(type, "IEND", 4) == 0)
            return CODEC_WHOLE;
        at = end;
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

// stb gives no size for a file that it finds too large: it is that of the header.
bool png_accept(const uint8_t *data, size_t size, uint64_t whole,
                const struct picture_reading *reading, struct reason *reason)
{
    return codec_check_state(check(data, size, whole), "PNG", reason) &&
           codec_check_size(big_endian(data + 16), big_endian(data + 20),
                            data[24] == 16, reading, reason);
}

bool png_decode(const uint8_t *data, size_t size, const struct picture_reading *reading,
                struct picture *picture, struct reason *reason)
{
    if (!png_accept(data, size, size, reading, reason) ||
        !codec_decode("PNG", data, size, reading, picture, reason))
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
// Writing

// Of zlib: on photographs 2 to 6 percent larger than its usual level, 6, in half of the
// time. All filters (9.2) are tried for each row.
enum { LEVEL = 4, CHUNK = 64 * 1024 };

struct output {
    struct encoded *file;
    png_structp png;
    png_infop info;
    uint8_t *row;      // as the file has it: [width][channels], 16 bits big-endian
    char fault[96];    // why libpng gave up
    char warning[96];
};

// libpng must not return from an error; it jumps to the last setjmp, also its own.
static void on_error(png_structp png, png_const_charp text)
{
    struct output *o = png_get_error_ptr(png);
    snprintf(o->fault, sizeof(o->fault), "%s", text);
    png_longjmp(png, 1);
}

static void on_warning(png_structp png, png_const_charp text)
{
    struct output *o = png_get_error_ptr(png);
    snprintf(o->warning, sizeof(o->warning), "%s", text);
}

static png_voidp on_alloc(png_structp png, png_alloc_size_t size)
{
    (void)png;
    return mem_alloc(size);
}

static void on_free(png_structp png, png_voidp memory)
{
    (void)png;
    mem_free(memory);
}

static void on_write(png_structp png, png_bytep data, size_t size)
{
    struct output *o = png_get_io_ptr(png);
    encoded_write(o->file, data, (int)size);
    if (o->file->failed)
        png_error(png, "the file cannot be written");
}

// The file's buffer is written when it is closed.
static void on_flush(png_structp png)
{
    (void)png;
}

static void fill_row(const struct picture *p, uint32_t y, uint8_t *row)
{
    const size_t plane = (size_t)p->width * p->height, step = p->channels;
    for (uint32_t c = 0; c < p->channels; c++) {
        const size_t from = c * plane + (size_t)y * p->width;
        if (p->kind == PIXEL_U16) {
            const uint16_t *samples = (const uint16_t *)p->samples + from;
            uint8_t *to = row + 2 * (size_t)c;
            for (uint32_t x = 0; x < p->width; x++, to += 2 * step) {
                to[0] = (uint8_t)(samples[x] >> 8);
                to[1] = (uint8_t)samples[x];
            }
        } else {
            const uint8_t *samples = (const uint8_t *)p->samples + from;
            for (uint32_t x = 0; x < p->width; x++)
                row[x * step + c] = samples[x];
        }
    }
}

// A function of its own: libpng jumps back into it, and what its caller holds is still
// there. False with o->fault.
static bool encode(struct output *o, const struct picture *p)
{
    static const int colours[] = { 0, PNG_COLOR_TYPE_GRAY, PNG_COLOR_TYPE_GRAY_ALPHA,
                                   PNG_COLOR_TYPE_RGB, PNG_COLOR_TYPE_RGB_ALPHA };
    assert(p->channels >= 1 && p->channels <= 4 && p->kind != PIXEL_F32);
    if (setjmp(png_jmpbuf(o->png)))
        return false;
    png_set_write_fn(o->png, o, on_write, on_flush);
    png_set_compression_buffer_size(o->png, CHUNK);
    png_set_compression_level(o->png, LEVEL);
    png_set_filter(o->png, PNG_FILTER_TYPE_BASE, PNG_ALL_FILTERS);
    png_set_IHDR(o->png, o->info, p->width, p->height, p->kind == PIXEL_U16 ? 16 : 8,
                 colours[p->channels], PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT,
                 PNG_FILTER_TYPE_DEFAULT);
    png_write_info(o->png, o->info);
    for (uint32_t y = 0; y < p->height; y++) {
        fill_row(p, y, o->row);
        png_write_row(o->png, o->row);
    }
    png_write_end(o->png, o->info);
    return true;
}

bool png_encode(struct encoded *to, const struct picture *p, const char *path)
{
    struct output o = { .file = to, .fault = "out of memory" };
    o.row = mem_array((size_t)p->width * p->channels, pixel_bytes(p->kind));
    if (o.row)
        o.png = png_create_write_struct_2(PNG_LIBPNG_VER_STRING, &o, on_error,
                                          on_warning, &o, on_alloc, on_free);
    if (o.png)
        o.info = png_create_info_struct(o.png);
    const bool ok = o.info && encode(&o, p);
    if (ok && o.warning[0])    // where it failed, an error follows that says the same
        log_warn("image: %s: libpng: %s", path, o.warning);
    png_destroy_write_struct(&o.png, &o.info);
    mem_free(o.row);
    return encoded_end(to, ok ? NULL : o.fault, path);
}

bool png_write(const char *path, const struct picture *p)
{
    struct encoded file;
    return encoded_begin(&file, path) && png_encode(&file, p, path);
}
