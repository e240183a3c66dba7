// SPDX-License-Identifier: MIT
//
// PNG files, by libpng; png_rows.c reads them. Numbers in comments are sections of the
// PNG specification (ISO/IEC 15948). See codec.h.

#include "data/codec.h"

#include "base/log.h"
#include "base/mem.h"
#include "data/encoded.h"
#include "data/png_rows.h"

#include <assert.h>
#include <png.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>

static const uint8_t signature[] = { 0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n' };

// ---------------------------------------------------------------------------
// Reading

bool png_is(const uint8_t *data, size_t size)
{
    return size >= sizeof(signature) && memcmp(data, signature, sizeof(signature)) == 0;
}

static bool take_rows(struct png_rows *rows, struct picture *picture,
                      struct reason *reason)
{
    void *row =
        mem_array(picture->width, picture->channels * pixel_bytes(picture->kind));
    bool ok = row || reason_refuse_memory(reason);
    for (uint32_t y = 0; ok && y < picture->height; y++) {
        ok = png_rows_next(rows, row, reason);
        if (ok)
            picture_set_row(picture, y, row);
    }
    mem_free(row);
    return ok && png_rows_end(rows, reason);
}

bool png_decode(struct source *source, const struct picture_reading *reading,
                struct picture *picture, struct reason *reason)
{
    struct png_form f;
    *picture = (struct picture){ 0 };
    struct png_rows *rows = png_rows_begin(source, reading, &f, reason);
    if (!rows)
        return false;
    bool ok = picture_create(picture, f.kind, f.channels, f.width, f.height) ||
              reason_refuse_memory(reason);
    if (ok) {
        picture->orientation = f.orientation;
        ok = take_rows(rows, picture, reason);
    }
    png_rows_free(rows);
    if (!ok)
        picture_free(picture);
    return ok;
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
    png_set_user_limits(o->png, PICTURE_MAX_SIDE, PICTURE_MAX_SIDE);
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
