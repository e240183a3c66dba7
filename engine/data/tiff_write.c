// SPDX-License-Identifier: MIT
//
// Writing a TIFF by rows: those of a strip, or of a row of tiles, are gathered, then
// compressed. See tiff.h.

#include "data/tiff_inside.h"

#include "base/log.h"
#include "base/mem.h"
#include "data/palette.h"

#include <string.h>

// Of a strip before it is compressed, and of the rows that are gathered.
#define STRIP_BYTES ((uint64_t)256 << 10)
#define BAND_BYTES ((uint64_t)64 << 20)

struct tiff_writer {
    struct tiff_file file;
    const char *path;
    struct tiff_form form;
    struct tiff_tag tags[TIFF_TAGS_MOST];
    uint32_t tag_count;
    TIFFFieldInfo fields[TIFF_TAGS_MOST];
    bool is_planar, is_tiled;
    uint32_t part_width, part_height;    // of a strip or tile
    struct picture band;                 // rows that are gathered
    uint32_t gathered, written;          // rows in it, and before it
    uint8_t *part;                       // a strip or tile as the file has it
    bool failed;
};

// ---------------------------------------------------------------------------
// How the samples are stored

static uint16_t compression_of(const struct tiff_form *form)
{
    const struct picture_tags *t = form->tags;
    const bool is_kept =
        t && tiff_tags_keep_compression(t) && TIFFIsCODECConfigured(t->compression);
    return is_kept ? t->compression : COMPRESSION_ADOBE_DEFLATE;
}

// Of the input only whether it had one: which one is a matter of the kind of samples.
// That other samples had none says nothing: floats without one hardly get smaller, by
// LZW they even grow.
static uint16_t predictor_of(const struct tiff_form *form)
{
    const struct picture_tags *t = form->tags;
    if (form->palette)    // neighbours have nothing to do with each other
        return PREDICTOR_NONE;
    if (t && tiff_tags_keep_compression(t) && t->predictor == PREDICTOR_NONE &&
        t->kind == form->kind)
        return PREDICTOR_NONE;
    return form->kind == PIXEL_F32 ? PREDICTOR_FLOATINGPOINT : PREDICTOR_HORIZONTAL;
}

static bool has_predictor(uint16_t compression)
{
    return compression == COMPRESSION_LZW || compression == COMPRESSION_ZSTD ||
           compression == COMPRESSION_DEFLATE ||
           compression == COMPRESSION_ADOBE_DEFLATE;
}

static uint64_t row_bytes(const struct tiff_form *form, uint32_t width)
{
    return (uint64_t)width * form->channels * pixel_bytes(form->kind);
}

// Tiles as in the input where a row of them is of a size to be held, else strips.
static void find_layout(struct tiff_writer *w)
{
    const struct tiff_form *form = &w->form;
    const struct picture_tags *t = form->tags;
    const uint64_t row = row_bytes(form, form->width);
    w->is_planar = t && t->is_planar && form->channels > 1;
    w->is_tiled = t && t->tile_width && t->tile_width % 16 == 0 &&
                  t->tile_height % 16 == 0 &&
                  row_bytes(form, t->tile_width) * t->tile_height <= BAND_BYTES &&
                  row * t->tile_height <= MAX(BAND_BYTES, row * form->height);
    w->part_width = w->is_tiled ? t->tile_width : form->width;
    w->part_height = w->is_tiled ? t->tile_height
                                 : (uint32_t)MIN(MAX(STRIP_BYTES / row, (uint64_t)1),
                                                 (uint64_t)form->height);
}

// Offsets of a TIFF have 32 bits. What is compressed may be larger than before.
static bool needs_bigtiff(const struct tiff_form *form)
{
    const uint64_t bytes = row_bytes(form, form->width) * form->height;
    const uint64_t worst =
        compression_of(form) == COMPRESSION_LZW ? bytes / 2 : bytes / 64;
    return bytes + worst > UINT32_MAX - ((uint64_t)64 << 20);
}

// ---------------------------------------------------------------------------
// The directory

static bool set_extras(TIFF *tiff, const struct tiff_form *form, uint32_t colours,
                       const uint16_t *extras, uint32_t given)
{
    uint16_t types[PIXEL_MAX_CHANNELS] = { 0 };
    const uint32_t count = form->channels - colours;
    for (uint32_t i = 0; i < MIN(count, given); i++)
        types[i] = extras[i];
    return count == 0 || TIFFSetField(tiff, TIFFTAG_EXTRASAMPLES, (int)count, types);
}

// Of 16 bits; indices that no class has are black.
static bool set_palette(TIFF *tiff, const struct palette *palette)
{
    uint16_t maps[3][PALETTE_MAX] = { { 0 } };
    for (uint32_t i = 0; i < palette->count; i++)
        for (size_t c = 0; c < 3; c++)
            maps[c][i] = (uint16_t)(palette->colours[i][c] * 257);
    return TIFFSetField(tiff, TIFFTAG_PHOTOMETRIC, PHOTOMETRIC_PALETTE) &&
           TIFFSetField(tiff, TIFFTAG_COLORMAP, maps[0], maps[1], maps[2]);
}

// As in the input where channels mean the same; else grey and RGB, and more channels
// than those of an image are no colours.
static bool set_colours(TIFF *tiff, const struct tiff_form *form)
{
    static const uint16_t alpha[] = { EXTRASAMPLE_UNASSALPHA };
    const struct picture_tags *t = form->tags;
    const bool has_alpha =
        !form->is_array && (form->channels == 2 || form->channels == 4);
    if (form->palette)
        return set_palette(tiff, form->palette);
    if (t && t->channels == form->channels) {
        const uint32_t colours = t->photometric == PHOTOMETRIC_RGB ? 3 : 1;
        return TIFFSetField(tiff, TIFFTAG_PHOTOMETRIC, t->photometric) &&
               set_extras(tiff, form, colours, t->extras, t->extra_count);
    }
    const bool is_rgb = form->channels == 3 || form->channels == 4;
    return TIFFSetField(tiff, TIFFTAG_PHOTOMETRIC,
                        is_rgb ? PHOTOMETRIC_RGB : PHOTOMETRIC_MINISBLACK) &&
           set_extras(tiff, form, is_rgb ? 3 : 1, alpha, has_alpha ? 1 : 0);
}

static bool set_layout(const struct tiff_writer *w)
{
    TIFF *tiff = w->file.tiff;
    const struct tiff_form *form = &w->form;
    const uint16_t compression = compression_of(form);
    const bool is_float = form->kind == PIXEL_F32;
    return TIFFSetField(tiff, TIFFTAG_IMAGEWIDTH, form->width) &&
           TIFFSetField(tiff, TIFFTAG_IMAGELENGTH, form->height) &&
           TIFFSetField(tiff, TIFFTAG_SAMPLESPERPIXEL, (int)form->channels) &&
           TIFFSetField(tiff, TIFFTAG_BITSPERSAMPLE,
                        (int)(8 * pixel_bytes(form->kind))) &&
           TIFFSetField(tiff, TIFFTAG_SAMPLEFORMAT,
                        is_float ? SAMPLEFORMAT_IEEEFP : SAMPLEFORMAT_UINT) &&
           TIFFSetField(tiff, TIFFTAG_PLANARCONFIG,
                        w->is_planar ? PLANARCONFIG_SEPARATE : PLANARCONFIG_CONTIG) &&
           TIFFSetField(tiff, TIFFTAG_ORIENTATION, ORIENTATION_TOPLEFT) &&
           TIFFSetField(tiff, TIFFTAG_COMPRESSION, compression) &&
           (!has_predictor(compression) ||
            TIFFSetField(tiff, TIFFTAG_PREDICTOR, predictor_of(form))) &&
           (w->is_tiled ? TIFFSetField(tiff, TIFFTAG_TILEWIDTH, w->part_width) &&
                              TIFFSetField(tiff, TIFFTAG_TILELENGTH, w->part_height)
                        : TIFFSetField(tiff, TIFFTAG_ROWSPERSTRIP, w->part_height)) &&
           set_colours(tiff, form);
}

static double fraction_of(const struct tiff_tag *tag)
{
    const uint32_t *v = tag->values;
    return (double)v[0] / v[1];
}

// Tags that libtiff does not know are declared with the type that they had.
static bool set_tag(struct tiff_writer *w, const struct tiff_tag *tag,
                    TIFFFieldInfo *field)
{
    static char name[] = "kept";
    TIFF *tiff = w->file.tiff;
    switch (tag->number) {
    case TIFF_X_RESOLUTION:
    case TIFF_Y_RESOLUTION:
        return TIFFSetField(tiff, tag->number, fraction_of(tag));
    case TIFF_RESOLUTION_UNIT:
        return TIFFSetField(tiff, tag->number, *(const uint16_t *)tag->values);
    case TIFF_ICC_PROFILE:
        return TIFFSetField(tiff, tag->number, tag->count, tag->values);
    default:
        break;
    }
    *field = (TIFFFieldInfo){ tag->number,
                              TIFF_VARIABLE2,
                              TIFF_VARIABLE2,
                              (TIFFDataType)tag->type,
                              FIELD_CUSTOM,
                              1,
                              1,
                              name };
    return TIFFMergeFieldInfo(tiff, field, 1) == 0 &&
           TIFFSetField(tiff, tag->number, tag->count, tag->values);
}

static bool set_tags(struct tiff_writer *w)
{
    for (uint32_t i = 0; i < w->tag_count; i++)
        if (!set_tag(w, &w->tags[i], &w->fields[i]))
            return false;
    return true;
}

// ---------------------------------------------------------------------------
// Strips and tiles

// Interleaves the planes of a part of the band, row by row, as wide as a part is.
static void fill_part(struct tiff_writer *w, uint32_t first, uint32_t channels,
                      uint32_t x, uint32_t rows)
{
    const struct picture *band = &w->band;
    const size_t bytes = pixel_bytes(band->kind),
                 plane = (size_t)band->width * band->height;
    const uint32_t width = MIN(w->part_width, band->width - x);
    for (uint32_t c = 0; c < channels; c++)
        for (uint32_t y = 0; y < rows; y++) {
            const uint8_t *from =
                (const uint8_t *)band->samples +
                ((first + c) * plane + (size_t)y * band->width + x) * bytes;
            uint8_t *to = w->part + ((size_t)y * w->part_width * channels + c) * bytes;
            if (bytes == 1)
                for (uint32_t i = 0; i < width; i++)
                    to[(size_t)i * channels] = from[i];
            else
                for (uint32_t i = 0; i < width; i++)
                    memcpy(to + (size_t)i * channels * bytes, from + i * bytes, bytes);
        }
}

static bool write_part(struct tiff_writer *w, uint32_t sample, uint32_t channels,
                       uint32_t x, uint32_t rows)
{
    TIFF *tiff = w->file.tiff;
    const size_t pixel = channels * pixel_bytes(w->form.kind);
    const size_t all = (size_t)w->part_width * w->part_height * pixel;
    if (w->is_tiled)
        memset(w->part, 0, all);    // behind the edges of the image
    fill_part(w, sample, channels, x, rows);
    tiff_file_prepare(&w->file);
    if (w->is_tiled)
        return TIFFWriteEncodedTile(
                   tiff, TIFFComputeTile(tiff, x, w->written, 0, (uint16_t)sample),
                   w->part, (tmsize_t)all) >= 0;
    return TIFFWriteEncodedStrip(
               tiff, TIFFComputeStrip(tiff, w->written, (uint16_t)sample), w->part,
               (tmsize_t)((size_t)w->part_width * rows * pixel)) >= 0;
}

// False after a message.
static bool check(struct tiff_writer *w, bool ok)
{
    struct reason reason;
    const bool had_message = w->file.failed_system;
    if (tiff_file_check(&w->file, ok, &reason))
        return true;
    if (!had_message && !w->file.failed_system)
        log_error("image: cannot encode %s: %s", w->path, reason.text);
    w->failed = true;
    return false;
}

static bool write_band(struct tiff_writer *w)
{
    const uint32_t channels = w->is_planar ? 1 : w->form.channels;
    for (uint32_t s = 0; s < w->form.channels; s += channels)
        for (uint64_t x = 0; x < w->form.width; x += w->part_width)
            if (!check(w, write_part(w, s, channels, (uint32_t)x, w->gathered)))
                return false;
    w->written += w->gathered;
    w->gathered = 0;
    return true;
}

// Adds rows to the band.
static void gather(struct tiff_writer *w, uint32_t rows, const uint8_t *samples,
                   size_t plane)
{
    struct picture *band = &w->band;
    const size_t bytes = pixel_bytes(band->kind), row = band->width * bytes;
    const size_t band_plane = (size_t)band->width * band->height * bytes;
    uint8_t *to = (uint8_t *)band->samples + w->gathered * row;
    if (w->form.palette)
        palette_find_all(w->form.palette, samples, plane, rows * row, to);
    for (uint32_t c = 0; !w->form.palette && c < band->channels; c++)
        memcpy(to + c * band_plane, samples + c * plane * bytes, rows * row);
}

bool tiff_writer_write(struct tiff_writer *w, uint32_t rows, const void *samples,
                       size_t plane)
{
    const struct picture *band = &w->band;
    const size_t row = band->width * pixel_bytes(band->kind);
    for (uint32_t done = 0; !w->failed && done < rows;) {
        const uint32_t count = MIN(rows - done, band->height - w->gathered);
        gather(w, count, (const uint8_t *)samples + done * row, plane);
        w->gathered += count;
        done += count;
        if (w->gathered == band->height || w->written + w->gathered == w->form.height)
            write_band(w);
    }
    return !w->failed;
}

// ---------------------------------------------------------------------------
// The file

static bool open_file(struct tiff_writer *w)
{
    struct reason reason;
    // 'l': the lowest byte first.
    if (tiff_file_open(&w->file, needs_bigtiff(&w->form) ? "wl8" : "wl", &reason)) {
        tiff_file_prepare(&w->file);
        return check(w, set_layout(w) && set_tags(w));
    }
    if (!w->file.failed_system)
        log_error("image: cannot encode %s: %s", w->path, reason.text);
    return false;
}

struct tiff_writer *tiff_writer_open(struct encoded *to, const struct tiff_form *form,
                                     const char *path)
{
    struct tiff_writer *w = mem_zalloc(sizeof(*w));
    if (!w) {
        encoded_drop(to);
        return NULL;
    }
    w->form = *form;
    if (form->palette)
        w->form.channels = 1;
    form = &w->form;
    w->path = path;
    w->file.to = to;
    find_layout(w);
    const size_t pixel = form->channels * pixel_bytes(form->kind);
    const uint32_t rows = MIN(w->part_height, form->height);
    w->part = mem_array((size_t)w->part_width * w->part_height, pixel);
    if (w->part && tiff_tags_fit(form, w->tags, &w->tag_count) &&
        picture_create(&w->band, form->kind, form->channels, form->width, rows) &&
        open_file(w))
        return w;
    tiff_writer_close(w, false);
    return NULL;
}

// The fractions of the input, which are not always those of libtiff.
static bool put_fractions(struct tiff_writer *w)
{
    struct source written = encoded_source(w->file.to, w->file.size);
    struct tiff_page page;
    struct reason reason;
    if (!tiff_tags_find(w->tags, w->tag_count, TIFF_X_RESOLUTION) &&
        !tiff_tags_find(w->tags, w->tag_count, TIFF_Y_RESOLUTION))
        return true;
    w->file.source = &written;
    bool ok = tiff_page_find(&w->file, 1, &page, &reason);
    for (uint32_t i = 0; ok && i < w->tag_count; i++)
        if (w->tags[i].type == TIFF_TYPE_RATIONAL)
            ok = tiff_page_put_fraction(&w->file, &page, &w->tags[i], &reason);
    if (!ok && reason.text[0])
        log_error("image: cannot encode %s: %s", w->path, reason.text);
    w->file.source = NULL;
    return ok;
}

static bool finish_file(struct tiff_writer *w)
{
    tiff_file_prepare(&w->file);
    if (!check(w, TIFFWriteDirectory(w->file.tiff) != 0))
        return false;
    tiff_file_close(&w->file);
    return check(w, true) && put_fractions(w);
}

bool tiff_writer_close(struct tiff_writer *w, bool commit)
{
    bool ok = commit && !w->failed && w->written == w->form.height && finish_file(w);
    if (!ok)
        w->file.failed_system = true;    // nothing more is written
    tiff_file_close(&w->file);
    if (ok)
        ok = encoded_end(w->file.to, NULL, w->path);
    else
        encoded_drop(w->file.to);
    tiff_tags_free(w->tags, w->tag_count);
    picture_free(&w->band);
    mem_free(w->part);
    mem_free(w);
    return ok;
}
