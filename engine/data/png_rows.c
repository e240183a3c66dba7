// SPDX-License-Identifier: MIT
//
// libpng decodes; here is what comes before it: a walk over the chunks, which finds a
// file that is cut, or that holds far more than its header says. Numbers in comments
// are sections of the PNG specification (ISO/IEC 15948).
//
// Samples are those of the file. What says how they were meant to look (gAMA, cHRM,
// sRGB, iCCP, cICP) is not applied: networks are trained on the numbers that everybody
// else's readers give. Outputs carry no such chunks but iCCP, see picture_tags.h.

#include "data/png_rows.h"

#include "base/bytes.h"
#include "base/mem.h"
#include "data/codec.h"
#include "data/png_memory.h"
#include "data/profile.h"

#include <inttypes.h>
#include <png.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>

enum {
    HEADER = 33,    // the signature, and a chunk with 13 bytes
    CHUNK = 12,     // length, type and checksum
    MAX_EXIF = 64 * 1024,
    MOST_OF_A_BYTE = 4 * 258,    // that deflate makes
    // Compressed bytes that may be left when the last row is there: the end of the
    // stream and its checksum.
    MAX_REST = 1024,
};

// What the walk over the chunks finds.
struct layout {
    uint32_t width, height;
    uint8_t depth, colour;    // bits of a sample; kind of pixel (11.2.2)
    bool is_interlaced;
    uint64_t compressed;    // bytes in all IDAT chunks
    uint32_t orientation;
    bool has_profile;
};

struct png_rows {
    struct source *source;
    uint64_t at;
    struct layout layout;
    struct png_form form;
    bool with_tags;
    png_structp png;
    png_infop info;
    uint8_t *raw;    // a row as libpng gives it, or all of an interlaced image
    size_t raw_row;
    uint32_t y;
    // Of an image with a palette.
    const png_color *palette;
    const png_byte *alpha;
    int colours, alphas;
    // While libpng is in a call: whether it decodes rows, and how much it read when
    // there were none left.
    bool in_rows;
    size_t rest;
    struct reason *reason;
    bool has_reason;    // set by what is called back
    uint64_t failures;
};

// ---------------------------------------------------------------------------
// The chunks

static bool refuse_cut(struct reason *reason)
{
    return codec_check_state(CODEC_TRUNCATED, "PNG", reason);
}

static bool refuse_damaged(struct reason *reason)
{
    return codec_check_state(CODEC_DAMAGED, "PNG", reason);
}

// All of `count` bytes.
static bool read_all(struct source *s, uint64_t at, void *to, size_t count,
                     struct reason *reason)
{
    size_t got;
    return source_read(s, at, to, count, &got, reason) &&
           (got == count || refuse_cut(reason));
}

static bool read_header(struct source *s, struct layout *l, struct reason *reason)
{
    uint8_t data[HEADER];
    if (!read_all(s, 0, data, sizeof(data), reason))
        return false;
    *l = (struct layout){
        .width = (uint32_t)bytes_get_big(data + 16, 4),
        .height = (uint32_t)bytes_get_big(data + 20, 4),
        .depth = data[24],
        .colour = data[25],
        .is_interlaced = data[28] != 0,
    };
    return memcmp(data + 8, "\0\0\0\rIHDR", 8) == 0 || refuse_damaged(reason);
}

static bool is_type(const uint8_t *type)
{
    for (int i = 0; i < 4; i++)
        if (!((type[i] >= 'A' && type[i] <= 'Z') || (type[i] >= 'a' && type[i] <= 'z')))
            return false;
    return true;
}

// EXIF data is a chunk of its own (11.3.3.6 of the third edition).
static bool read_orientation(struct source *s, uint64_t at, uint32_t length,
                             struct layout *l, struct reason *reason)
{
    const size_t size = MIN(length, (uint32_t)MAX_EXIF);
    uint8_t *data = mem_alloc(size);
    if (!data)
        return reason_refuse_memory(reason);
    const bool ok = read_all(s, at, data, size, reason);
    if (ok)
        l->orientation = exif_orientation(data, size);
    mem_free(data);
    return ok;
}

// Walks the chunks behind the header (5.3). Checksums are left to libpng.
static bool walk(struct source *s, struct layout *l, struct reason *reason)
{
    uint8_t chunk[8];
    for (uint64_t at = HEADER;; at += 4) {
        if (s->size - at < CHUNK)
            return refuse_cut(reason);
        if (!read_all(s, at, chunk, sizeof(chunk), reason))
            return false;
        const uint32_t length = (uint32_t)bytes_get_big(chunk, 4);
        const uint8_t *type = chunk + 4;
        if (length > INT32_MAX || !is_type(type))
            return refuse_damaged(reason);
        if (s->size - at - CHUNK < length)
            return refuse_cut(reason);
        if (memcmp(type, "IEND", 4) == 0)
            return true;
        at += sizeof(chunk);
        if (memcmp(type, "IDAT", 4) == 0)
            l->compressed += length;
        else if (memcmp(type, "iCCP", 4) == 0)
            l->has_profile = true;
        else if (memcmp(type, "eXIf", 4) == 0 &&
                 !read_orientation(s, at, length, l, reason))
            return false;
        at += length;
    }
}

static uint32_t samples_of(uint8_t colour)
{
    static const uint8_t samples[] = { 1, 0, 3, 1, 2, 0, 4 };
    return colour < ARRAY_LEN(samples) ? samples[colour] : 0;
}

// Bytes that the decompressed data have: each row begins with its filter (7.2). An
// interlaced image has about twice as many rows, in seven passes (8.2).
static uint64_t bytes_of(const struct layout *l)
{
    const uint64_t row =
        1 + ((uint64_t)l->width * samples_of(l->colour) * l->depth + 7) / 8;
    return row * l->height + (l->is_interlaced ? (row + 64) * 2 : 0);
}

// Compressed data can be larger than what they become, where programs write them in
// small pieces. More than that is not an image; and of so few as deflate at its best,
// 258 bytes of 2 bits (RFC 1951, 3.2.5), could not make the pixels, none is made.
static bool check_compressed(const struct layout *l, struct reason *reason)
{
    const uint64_t most = 2 * bytes_of(l) + 32 * (uint64_t)l->height + 64 * 1024;
    const uint64_t pixels =
        (uint64_t)l->width * samples_of(l->colour) * l->depth / 8 * l->height;
    if (pixels / MOST_OF_A_BYTE > l->compressed + MAX_REST)
        return reason_refuse(reason,
                             "truncated PNG: %" PRIu64 " bytes of compressed data, too "
                             "few for an image of %" PRIu32 "x%" PRIu32,
                             l->compressed, l->width, l->height);
    return l->compressed <= most ||
           reason_refuse(reason,
                         "damaged PNG: %" PRIu64 " bytes of compressed data, too many "
                         "for an image of %" PRIu32 "x%" PRIu32,
                         l->compressed, l->width, l->height);
}

// ---------------------------------------------------------------------------
// libpng. It must not return from an error; it jumps to the last setjmp, also its own.

static void on_error(png_structp png, png_const_charp text)
{
    struct png_rows *r = png_get_error_ptr(png);
    if (mem_failures() != r->failures)
        reason_refuse_memory(r->reason);
    else if (!r->has_reason)
        reason_refuse(r->reason, "damaged PNG: %s", text);
    png_longjmp(png, 1);
}

// Warnings are about what is left out. Of pixels nothing is; that bytes follow the
// compressed data is not about them, nor is transparency where there is alpha.
static void on_warning(png_structp png, png_const_charp text)
{
    static const char *const harmless[] = { "IDAT: Extra compressed data",
                                            "tRNS: invalid with alpha channel" };
    for (size_t i = 0; i < ARRAY_LEN(harmless); i++)
        if (strcmp(text, harmless[i]) == 0)
            return;
    if (strncmp(text, "IDAT", 4) == 0 || strncmp(text, "tRNS", 4) == 0)
        png_error(png, text);
}

// Behind the last row libpng decompresses whatever is left.
static bool reads_too_much(struct png_rows *r, size_t size)
{
    if (!r->in_rows || (r->layout.is_interlaced
                            ? png_get_current_pass_number(r->png) < 7
                            : png_get_current_row_number(r->png) < r->layout.height))
        return false;
    r->rest += size;
    return r->rest > MAX_REST;
}

static void on_read(png_structp png, png_bytep to, size_t size)
{
    struct png_rows *r = png_get_io_ptr(png);
    if (reads_too_much(r, size))
        png_error(png, "more compressed data than its header asks for");
    r->has_reason = !read_all(r->source, r->at, to, size, r->reason);
    if (r->has_reason)
        png_error(png, "");
    r->at += size;
}

// ---------------------------------------------------------------------------
// Before the pixels

static bool create(struct png_rows *r)
{
    r->png = png_create_read_struct_2(PNG_LIBPNG_VER_STRING, r, on_error, on_warning, r,
                                      png_memory_alloc, png_memory_free);
    if (r->png)
        r->info = png_create_info_struct(r->png);
    return r->info != NULL;
}

// Chunks that the samples do not depend on are passed over, and none is decompressed:
// zTXt, iTXt and iCCP may become larger than the image. Their checksums are checked. A
// profile that is wanted has a limit.
static void pass_over_others(png_structp png, bool with_profile)
{
    png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_NEVER, NULL, -1);
    if (with_profile) {
        png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_AS_DEFAULT,
                                    (png_const_bytep) "iCCP", 1);
        png_set_chunk_malloc_max(png, PROFILE_MOST_BYTES);
    }
    png_set_crc_action(png, PNG_CRC_ERROR_QUIT, PNG_CRC_ERROR_QUIT);
    png_set_benign_errors(png, 1);
}

// Whole bytes, or two of them: grey of fewer bits is scaled to the full range (13.12).
// Indices stay, so that one outside of the palette is found.
static void set_transformations(struct png_rows *r)
{
    r->form.channels = samples_of(r->layout.colour);
    const bool has_alpha = png_get_valid(r->png, r->info, PNG_INFO_tRNS) != 0;
    if (r->layout.colour == PNG_COLOR_TYPE_PALETTE) {
        png_set_packing(r->png);
        r->form.channels = 3;
    } else {
        png_set_expand_gray_1_2_4_to_8(r->png);
        if (has_alpha)
            png_set_tRNS_to_alpha(r->png);
    }
    r->form.channels += has_alpha;
    png_set_interlace_handling(r->png);
}

static void get_palette(struct png_rows *r)
{
    png_colorp palette;
    png_bytep alpha;
    png_get_PLTE(r->png, r->info, &palette, &r->colours);
    r->palette = palette;
    if (r->form.channels == 4) {
        png_get_tRNS(r->png, r->info, &alpha, &r->alphas, NULL);
        r->alpha = alpha;
    }
}

// A function of its own, as are those below that libpng jumps back into: what their
// callers hold is still there.
static bool read_info(struct png_rows *r, bool with_tags)
{
    if (setjmp(png_jmpbuf(r->png)))
        return false;
    pass_over_others(r->png, with_tags && r->layout.has_profile);
    png_set_user_limits(r->png, PICTURE_MAX_SIDE, PICTURE_MAX_SIDE);
    png_set_read_fn(r->png, r, on_read);
    png_read_info(r->png, r->info);
    set_transformations(r);
    png_read_update_info(r->png, r->info);
    r->raw_row = png_get_rowbytes(r->png, r->info);
    if (r->layout.colour == PNG_COLOR_TYPE_PALETTE)
        get_palette(r);
    return true;
}

static void begin_call(struct png_rows *r, bool in_rows, struct reason *reason)
{
    r->reason = reason;
    r->has_reason = false;
    r->in_rows = in_rows;
    r->failures = mem_failures();
}

static bool begin(struct png_rows *r, const struct picture_reading *reading,
                  struct reason *reason)
{
    struct layout *l = &r->layout;
    begin_call(r, false, reason);
    if (!read_header(r->source, l, reason) ||
        !codec_check_size(l->width, l->height, l->depth == 16, reading, reason) ||
        !walk(r->source, l, reason) || !check_compressed(l, reason))
        return false;
    r->form = (struct png_form){ .width = l->width,
                                 .height = l->height,
                                 .kind = l->depth == 16 ? PIXEL_U16 : PIXEL_U8,
                                 .orientation = l->orientation,
                                 .is_interlaced = l->is_interlaced };
    if (!create(r))
        return reason_refuse_memory(reason);
    if (!read_info(r, reading->with_tags))
        return false;
    r->with_tags = reading->with_tags;
    return true;
}

struct png_rows *png_rows_begin(struct source *source,
                                const struct picture_reading *reading,
                                struct png_form *form, struct reason *reason)
{
    struct png_rows *r = mem_zalloc(sizeof(*r));
    if (!r) {
        reason_refuse_memory(reason);
        return NULL;
    }
    r->source = source;
    if (!begin(r, reading, reason)) {
        png_rows_free(r);
        return NULL;
    }
    *form = r->form;
    return r;
}

// libpng leaves a profile out that is damaged, larger than its limit, or of grey where
// there are colours, and so on, after a warning; also one that it had no memory for.
bool png_rows_take_tags(struct png_rows *r, struct picture_tags **tags,
                        struct reason *reason)
{
    png_charp name;
    png_bytep from;
    png_uint_32 size = 0;
    int method;
    uint8_t *profile = NULL;
    *tags = NULL;
    if (!r->with_tags || !r->layout.has_profile)
        return true;
    if (mem_failures() != r->failures)
        return reason_refuse_memory(reason);
    if (png_get_iCCP(r->png, r->info, &name, &method, &from, &size) != 0) {
        profile = mem_alloc(size);
        if (!profile)
            return reason_refuse_memory(reason);
        memcpy(profile, from, size);
    }
    return picture_tags_create(r->form.width, r->form.height,
                               r->form.channels < 3 ? 1 : 3, profile, size, tags) ||
           reason_refuse_memory(reason);
}

void png_rows_free(struct png_rows *r)
{
    if (!r)
        return;
    png_destroy_read_struct(&r->png, &r->info, NULL);
    mem_free(r->raw);
    mem_free(r);
}

// ---------------------------------------------------------------------------
// Rows

static bool decode_row(struct png_rows *r)
{
    if (setjmp(png_jmpbuf(r->png)))
        return false;
    png_read_row(r->png, r->raw, NULL);
    codec_count_rows(1);
    return true;
}

// Each pass reads all rows, and changes the pixels that it has.
static bool decode_passes(struct png_rows *r)
{
    if (setjmp(png_jmpbuf(r->png)))
        return false;
    for (int pass = 0; pass < PNG_INTERLACE_ADAM7_PASSES; pass++)
        for (uint32_t y = 0; y < r->form.height; y++)
            png_read_row(r->png, r->raw + y * r->raw_row, NULL);
    codec_count_rows(r->form.height);
    return true;
}

static bool expand(const struct png_rows *r, const uint8_t *raw, uint8_t *row,
                   struct reason *reason)
{
    const uint32_t channels = r->form.channels;
    for (uint32_t x = 0; x < r->form.width; x++, row += channels) {
        const int index = raw[x];
        if (index >= r->colours)
            return reason_refuse(reason, "damaged PNG: colour %d of a palette of %d",
                                 index, r->colours);
        row[0] = r->palette[index].red;
        row[1] = r->palette[index].green;
        row[2] = r->palette[index].blue;
        if (channels == 4)
            row[3] = index < r->alphas ? r->alpha[index] : 255;
    }
    return true;
}

static void get_words(const uint8_t *raw, uint16_t *row, size_t count)
{
    for (size_t i = 0; i < count; i++)
        row[i] = (uint16_t)(raw[2 * i] << 8 | raw[2 * i + 1]);
}

bool png_rows_next(struct png_rows *r, void *row, struct reason *reason)
{
    const struct png_form *f = &r->form;
    const bool holds_all = f->is_interlaced;
    begin_call(r, true, reason);
    if (!r->raw && !(r->raw = mem_array(holds_all ? f->height : 1, r->raw_row)))
        return reason_refuse_memory(reason);
    if (holds_all ? r->y == 0 && !decode_passes(r) : !decode_row(r))
        return false;
    const uint8_t *raw = holds_all ? r->raw + r->y * r->raw_row : r->raw;
    r->y++;
    if (r->palette)
        return expand(r, raw, row, reason);
    if (f->kind == PIXEL_U16)
        get_words(raw, row, (size_t)f->width * f->channels);
    else
        memcpy(row, raw, (size_t)f->width * f->channels);
    return true;
}

bool png_rows_end(struct png_rows *r, struct reason *reason)
{
    begin_call(r, false, reason);
    if (setjmp(png_jmpbuf(r->png)))
        return false;
    png_read_end(r->png, NULL);
    return true;
}
