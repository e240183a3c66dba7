// SPDX-License-Identifier: MIT
//
// PNG files, by libpng; png_rows.c reads them. Numbers in comments are sections of the
// PNG specification (ISO/IEC 15948). See codec.h.

#include "data/codec.h"

#include "base/log.h"
#include "base/mem.h"
#include "data/encoded.h"
#include "data/palette.h"
#include "data/png_memory.h"
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
        ok = png_rows_take_tags(rows, &picture->tags, reason) &&
             take_rows(rows, picture, reason);
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

struct png_writer {
    struct encoded *file;
    const char *path;
    png_structp png;
    png_infop info;
    const struct palette *palette;    // samples are indices of it; NULL: they are not
    uint8_t *row;      // as the file has it: [width][channels], 16 bits big-endian
    bool failed;       // nothing but the end is left to do
    char fault[96];    // why libpng gave up
    char warning[96];
};

// libpng must not return from an error; it jumps to the last setjmp, also its own.
static void on_error(png_structp png, png_const_charp text)
{
    struct png_writer *w = png_get_error_ptr(png);
    snprintf(w->fault, sizeof(w->fault), "%s", text);
    png_longjmp(png, 1);
}

static void on_warning(png_structp png, png_const_charp text)
{
    struct png_writer *w = png_get_error_ptr(png);
    snprintf(w->warning, sizeof(w->warning), "%s", text);
}

static void on_write(png_structp png, png_bytep data, size_t size)
{
    struct png_writer *w = png_get_io_ptr(png);
    encoded_write(w->file, data, (int)size);
    if (w->file->failed)
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

// Where libpng leaves it out, which profile.c has not foreseen, its warning says so.
// What it only does not like about it is no matter, nor that it is the usual one, sRGB.
static void set_profile(struct png_writer *w, const struct picture *form)
{
    size_t size;
    const void *profile =
        picture_tags_profile(form->tags, form->channels < 3 ? 1 : 3, &size);
    if (!profile)
        return;
    const uint64_t failures = mem_failures();
    png_set_benign_errors(w->png, 1);
#ifdef PNG_SKIP_sRGB_CHECK_PROFILE
    png_set_option(w->png, PNG_SKIP_sRGB_CHECK_PROFILE, PNG_OPTION_ON);
#endif
    png_set_iCCP(w->png, w->info, "ICC profile", PNG_COMPRESSION_TYPE_BASE, profile,
                 (png_uint_32)size);
    png_set_benign_errors(w->png, 0);
    if (png_get_valid(w->png, w->info, PNG_INFO_iCCP))
        w->warning[0] = '\0';
    if (mem_failures() != failures)    // which is not for libpng to pass over
        png_error(w->png, "out of memory");
}

static void set_palette(struct png_writer *w)
{
    png_color colours[PALETTE_MAX];
    for (uint32_t i = 0; i < w->palette->count; i++) {
        const uint8_t *c = w->palette->colours[i];
        colours[i] = (png_color){ c[0], c[1], c[2] };
    }
    png_set_PLTE(w->png, w->info, colours, (int)w->palette->count);
}

// Functions of their own: libpng jumps back into them, and what their callers hold is
// still there. False with w->fault.
static bool write_info(struct png_writer *w, const struct picture *form)
{
    static const int colours[] = { 0, PNG_COLOR_TYPE_GRAY, PNG_COLOR_TYPE_GRAY_ALPHA,
                                   PNG_COLOR_TYPE_RGB, PNG_COLOR_TYPE_RGB_ALPHA };
    assert(form->channels >= 1 && form->channels <= 4 && form->kind != PIXEL_F32);
    if (setjmp(png_jmpbuf(w->png)))
        return false;
    png_set_user_limits(w->png, PICTURE_MAX_SIDE, PICTURE_MAX_SIDE);
    png_set_write_fn(w->png, w, on_write, on_flush);
    png_set_compression_buffer_size(w->png, CHUNK);
    png_set_compression_level(w->png, LEVEL);
    // Indices that are neighbours have nothing to do with each other (12.8).
    png_set_filter(w->png, PNG_FILTER_TYPE_BASE,
                   w->palette ? PNG_FILTER_NONE : PNG_ALL_FILTERS);
    png_set_IHDR(
        w->png, w->info, form->width, form->height, form->kind == PIXEL_U16 ? 16 : 8,
        w->palette ? PNG_COLOR_TYPE_PALETTE : colours[form->channels],
        PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    // A profile is for the colours of the input, not for those of classes.
    if (w->palette)
        set_palette(w);
    else
        set_profile(w, form);
    png_write_info(w->png, w->info);
    return true;
}

static bool write_rows(struct png_writer *w, const struct picture *rows)
{
    if (setjmp(png_jmpbuf(w->png)))
        return false;
    for (uint32_t y = 0; y < rows->height; y++) {
        if (w->palette)
            palette_find_all(w->palette,
                             (const uint8_t *)rows->samples + (size_t)y * rows->width,
                             (size_t)rows->width * rows->height, rows->width, w->row);
        else
            fill_row(rows, y, w->row);
        png_write_row(w->png, w->row);
    }
    return true;
}

static bool write_end(struct png_writer *w)
{
    if (setjmp(png_jmpbuf(w->png)))
        return false;
    png_write_end(w->png, w->info);
    return true;
}

static bool begin_image(struct png_writer *w, const struct picture *form)
{
    snprintf(w->fault, sizeof(w->fault), "out of memory");
    w->row = mem_array((size_t)form->width * form->channels, pixel_bytes(form->kind));
    if (w->row)
        w->png =
            png_create_write_struct_2(PNG_LIBPNG_VER_STRING, w, on_error, on_warning, w,
                                      png_memory_alloc, png_memory_free);
    if (w->png)
        w->info = png_create_info_struct(w->png);
    return w->info && write_info(w, form);
}

struct png_writer *png_writer_begin(struct encoded *to, const struct picture *form,
                                    const char *path)
{
    struct png_writer *w = mem_zalloc(sizeof(*w));
    if (!w) {
        encoded_end(to, "out of memory", path);
        return NULL;
    }
    w->file = to;
    w->path = path;
    w->palette = form->palette;
    if (begin_image(w, form))
        return w;
    w->failed = true;
    png_writer_end(w, false);
    return NULL;
}

bool png_writer_write(struct png_writer *w, const struct picture *rows)
{
    w->failed = w->failed || !write_rows(w, rows);
    return !w->failed;
}

bool png_writer_end(struct png_writer *w, bool keeps)
{
    bool ok = true;
    if (keeps || w->failed) {
        const bool is_whole = !w->failed && write_end(w);
        if (is_whole && w->warning[0])    // else an error follows that says the same
            log_warn("image: %s: libpng: %s", w->path, w->warning);
        ok = encoded_end(w->file, is_whole ? NULL : w->fault, w->path);
    } else {
        encoded_drop(w->file);
    }
    png_destroy_write_struct(&w->png, &w->info);
    mem_free(w->row);
    mem_free(w);
    return ok;
}

bool png_encode(struct encoded *to, const struct picture *p, const char *path)
{
    struct png_writer *w = png_writer_begin(to, p, path);
    if (!w)
        return false;
    png_writer_write(w, p);    // the end says why it failed
    return png_writer_end(w, true);
}
