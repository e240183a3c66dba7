// SPDX-License-Identifier: MIT
//
// Opening a page of a TIFF: whether its image is one that is read, as what, and how it
// lies in the file; all of it from the directory. See tiff.h.

#include "data/tiff_inside.h"

#include "base/mem.h"

#include <inttypes.h>
#include <string.h>

#define MOST_SIDE ((uint32_t)INT32_MAX)

// ---------------------------------------------------------------------------
// What the directory says

static const struct {
    uint16_t number;
    bool is_read;
    const char *name;
} compressions[] = {
    { COMPRESSION_NONE, true, "none" },
    { COMPRESSION_CCITTRLE, true, "CCITT RLE" },
    { COMPRESSION_CCITTFAX3, true, "CCITT group 3" },
    { COMPRESSION_CCITTFAX4, true, "CCITT group 4" },
    { COMPRESSION_LZW, true, "LZW" },
    { COMPRESSION_JPEG, true, "JPEG" },
    { COMPRESSION_PACKBITS, true, "PackBits" },
    { COMPRESSION_DEFLATE, true, "deflate" },
    { COMPRESSION_ADOBE_DEFLATE, true, "deflate" },
    { COMPRESSION_ZSTD, true, "zstd" },
    { COMPRESSION_OJPEG, false, "old-style JPEG" },
    { COMPRESSION_LZMA, false, "LZMA" },
    { COMPRESSION_WEBP, false, "WebP" },
    { COMPRESSION_LERC, false, "LERC" },
    { COMPRESSION_JXL, false, "JPEG XL" },
    { COMPRESSION_JBIG, false, "JBIG" },
    { COMPRESSION_JP2000, false, "JPEG 2000" },
    { 33003, false, "JPEG 2000" },
    { 33005, false, "JPEG 2000" },
    { COMPRESSION_PIXARLOG, false, "PixarLog" },
    { COMPRESSION_SGILOG, false, "SGILog" },
    { COMPRESSION_SGILOG24, false, "SGILog" },
};

static bool check_compression(uint16_t compression, struct reason *reason)
{
    const char *name = NULL;
    for (size_t i = 0; i < ARRAY_LEN(compressions); i++) {
        if (compressions[i].number != compression)
            continue;
        name = compressions[i].name;
        if (compressions[i].is_read && TIFFIsCODECConfigured(compression))
            return true;
        if (compressions[i].is_read)
            return reason_refuse(reason,
                                 "a TIFF compressed by %s, which the libtiff of this "
                                 "build is without: save it with deflate",
                                 name);
    }
    if (name)
        return reason_refuse(reason,
                             "a TIFF compressed by %s, which is not read: save it with "
                             "deflate, LZW or zstd",
                             name);
    return reason_refuse(
        reason,
        "a TIFF of the unknown compression %u, which is not read: save "
        "it with deflate, LZW or zstd",
        (unsigned)compression);
}

static bool find_kind(struct tiff_stored *s, struct reason *reason)
{
    const bool is_whole =
        s->bits == 8 || s->bits == 16 || s->bits == 32 || s->bits == 64;
    bool is_read = false;
    const char *name = "of unknown numbers";
    if (s->format == SAMPLEFORMAT_VOID)
        s->format = SAMPLEFORMAT_UINT;
    switch (s->format) {
    case SAMPLEFORMAT_UINT:
        name = "integers";
        is_read = s->bits >= 1 && (s->bits <= 32 || s->bits == 64);
        s->kind = s->bits <= 8 ? PIXEL_U8 : PIXEL_U16;
        break;
    case SAMPLEFORMAT_INT:
        name = "signed integers";
        is_read = is_whole;
        s->kind = s->bits == 8 ? PIXEL_U8 : PIXEL_U16;
        break;
    case SAMPLEFORMAT_IEEEFP:
        name = "floats";
        is_read = is_whole && s->bits > 8;
        s->kind = PIXEL_F32;
        break;
    case SAMPLEFORMAT_COMPLEXINT:
    case SAMPLEFORMAT_COMPLEXIEEEFP:
        name = "complex numbers";
        break;
    default:
        break;
    }
    return is_read ||
           reason_refuse(reason,
                         "a TIFF of %s of %u bits, which is not read: save it "
                         "with 8 or 16 bits or 32-bit floats",
                         name, (unsigned)s->bits);
}

static bool refuse_photometric(uint16_t photometric, struct reason *reason)
{
    static const struct {
        uint16_t number;
        const char *name;
    } names[] = {
        { PHOTOMETRIC_YCBCR, "YCbCr without JPEG" },
        { PHOTOMETRIC_CIELAB, "CIE L*a*b*" },
        { PHOTOMETRIC_ICCLAB, "ICC L*a*b*" },
        { PHOTOMETRIC_ITULAB, "ITU L*a*b*" },
        { PHOTOMETRIC_LOGL, "logarithms of luminance" },
        { PHOTOMETRIC_LOGLUV, "logarithms of luminance" },
        { PHOTOMETRIC_CFA, "a camera's sensor (CFA)" },
        { 34892, "a camera's sensor (linear raw)" },
    };
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (names[i].number == photometric)
            return reason_refuse(reason,
                                 "a TIFF whose colours are %s, which is not read: save "
                                 "it as RGB",
                                 names[i].name);
    return reason_refuse(
        reason,
        "a TIFF whose colours are of the unknown kind %u, which is not "
        "read: save it as grey or RGB",
        (unsigned)photometric);
}

static bool refuse_colours(const struct tiff_reader *r, const char *colours,
                           struct reason *reason)
{
    return reason_refuse(
        reason,
        "a TIFF of %s with %u channel%s of %u bits, which is not read: "
        "save it as RGB of 8 or 16 bits",
        colours, (unsigned)r->samples, PLURAL(r->samples), (unsigned)r->stored.bits);
}

// How many samples of a pixel are its colour, and what is to be done with them.
static bool find_colours(struct tiff_reader *r, uint32_t *colours,
                         struct reason *reason)
{
    const bool is_plain = r->stored.format == SAMPLEFORMAT_UINT && r->stored.bits <= 16;
    const bool is_usual = is_plain && (r->stored.bits == 8 || r->stored.bits == 16);
    uint16_t inks = INKSET_CMYK;
    *colours = 1;
    switch (r->photometric) {
    case PHOTOMETRIC_MINISBLACK:
    case PHOTOMETRIC_MASK:
        break;
    case PHOTOMETRIC_MINISWHITE:
        if (!is_plain)
            return refuse_colours(r, "white-is-zero numbers", reason);
        r->conversion = TIFF_CONVERT_INVERTED;
        break;
    case PHOTOMETRIC_PALETTE:
        if (!is_plain || !TIFFGetField(r->file.tiff, TIFFTAG_COLORMAP, &r->maps[0],
                                       &r->maps[1], &r->maps[2]))
            return refuse_colours(r, "a palette", reason);
        r->conversion = TIFF_CONVERT_PALETTE;
        r->stored.is_index = true;
        break;
    case PHOTOMETRIC_RGB:
        *colours = 3;
        break;
    case PHOTOMETRIC_YCBCR:
        if (r->compression != COMPRESSION_JPEG || r->planar != PLANARCONFIG_CONTIG ||
            r->samples != 3 || r->stored.bits != 8)
            return refuse_photometric(r->photometric, reason);
        TIFFSetField(r->file.tiff, TIFFTAG_JPEGCOLORMODE, JPEGCOLORMODE_RGB);
        *colours = 3;
        break;
    case PHOTOMETRIC_SEPARATED:
        TIFFGetFieldDefaulted(r->file.tiff, TIFFTAG_INKSET, &inks);
        if (inks != INKSET_CMYK)
            break;    // inks are channels
        if (!is_usual || r->samples < 4)
            return refuse_colours(r, "CMYK", reason);
        r->conversion = TIFF_CONVERT_CMYK;
        *colours = 4;
        break;
    default:
        return refuse_photometric(r->photometric, reason);
    }
    return r->samples >= *colours || refuse_colours(r, "RGB", reason);
}

// Grey and RGB are colours, also with one alpha; other channels are not.
static void find_channels(struct tiff_reader *r, uint32_t colours)
{
    const bool becomes_rgb =
        r->conversion == TIFF_CONVERT_PALETTE || r->conversion == TIFF_CONVERT_CMYK;
    const uint32_t beside = r->samples - colours;
    const uint16_t extra =
        r->extra_count == 1 && beside == 1 ? r->extras[0] : EXTRASAMPLE_UNSPECIFIED;
    const bool has_alpha = extra != EXTRASAMPLE_UNSPECIFIED &&
                           r->stored.kind != PIXEL_F32 && r->stored.bits <= 16;
    r->info.channels = (becomes_rgb ? 3 : colours) + beside;
    r->info.is_array = r->stored.kind == PIXEL_F32 || (beside > 0 && !has_alpha);
    if (has_alpha && extra == EXTRASAMPLE_ASSOCALPHA &&
        r->conversion == TIFF_CONVERT_NOTHING &&
        (r->stored.bits == 8 || r->stored.bits == 16))
        r->conversion = TIFF_CONVERT_MULTIPLIED;
}

static void read_numbers(struct tiff_reader *r)
{
    TIFF *tiff = r->file.tiff;
    uint16_t samples = 1, bits = 1, format = SAMPLEFORMAT_UINT, orientation = 1;
    uint16_t extra_count = 0, *extras = NULL;
    TIFFGetField(tiff, TIFFTAG_IMAGEWIDTH, &r->info.width);
    TIFFGetField(tiff, TIFFTAG_IMAGELENGTH, &r->info.height);
    TIFFGetFieldDefaulted(tiff, TIFFTAG_SAMPLESPERPIXEL, &samples);
    TIFFGetFieldDefaulted(tiff, TIFFTAG_BITSPERSAMPLE, &bits);
    TIFFGetFieldDefaulted(tiff, TIFFTAG_SAMPLEFORMAT, &format);
    TIFFGetFieldDefaulted(tiff, TIFFTAG_ORIENTATION, &orientation);
    TIFFGetFieldDefaulted(tiff, TIFFTAG_PLANARCONFIG, &r->planar);
    TIFFGetFieldDefaulted(tiff, TIFFTAG_COMPRESSION, &r->compression);
    r->samples = samples;
    r->stored.bits = r->info.bits = bits;
    r->stored.format = format;
    r->info.orientation = orientation >= 2 && orientation <= 8 ? orientation : 0;
    if (!TIFFGetField(tiff, TIFFTAG_PHOTOMETRIC, &r->photometric))
        r->photometric = samples >= 3 ? PHOTOMETRIC_RGB : PHOTOMETRIC_MINISBLACK;
    if (!TIFFGetField(tiff, TIFFTAG_PREDICTOR, &r->predictor))
        r->predictor = PREDICTOR_NONE;
    TIFFGetFieldDefaulted(tiff, TIFFTAG_EXTRASAMPLES, &extra_count, &extras);
    r->extra_count = MIN((uint32_t)extra_count, PIXEL_MAX_CHANNELS);
    for (uint32_t i = 0; extras && i < r->extra_count; i++)
        r->extras[i] = extras[i];
    if (TIFFIsTiled(tiff)) {
        TIFFGetField(tiff, TIFFTAG_TILEWIDTH, &r->tile_width);
        TIFFGetField(tiff, TIFFTAG_TILELENGTH, &r->tile_height);
    }
    TIFFGetFieldDefaulted(tiff, TIFFTAG_ROWSPERSTRIP, &r->strip_rows);
    r->strip_rows = MAX(MIN(r->strip_rows, r->info.height), 1u);
}

static bool check_size(const struct tiff_reader *r, struct reason *reason)
{
    const uint64_t width = r->info.width, height = r->info.height;
    if (width == 0 || height == 0 || width > MOST_SIDE || height > MOST_SIDE)
        return reason_refuse(reason, "damaged TIFF: a size of %" PRIu64 "x%" PRIu64,
                             width, height);
    if (r->samples == 0 || r->samples > PIXEL_MAX_CHANNELS)
        return reason_refuse(reason, "a TIFF of %u channels; 1 to %u are read",
                             (unsigned)r->samples, PIXEL_MAX_CHANNELS);
    return true;
}

// Bytes of the image as it is decoded, before and after its conversion.
static uint64_t image_bytes(const struct tiff_reader *r)
{
    const uint64_t pixels = (uint64_t)r->info.width * r->info.height;
    return pixels * MAX((uint64_t)r->info.channels * pixel_bytes(r->info.kind),
                        ((uint64_t)r->samples * r->stored.bits + 7) / 8);
}

static bool find_layout(struct tiff_reader *r, struct reason *reason)
{
    TIFF *tiff = r->file.tiff;
    const bool is_tiled = TIFFIsTiled(tiff) != 0;
    r->image_bytes = image_bytes(r);
    tiff_file_prepare(&r->file);
    r->decoded_bytes = is_tiled ? TIFFTileSize64(tiff) : TIFFScanlineSize64(tiff);
    if (!tiff_file_check(&r->file, r->decoded_bytes > 0, reason))
        return false;
    if (is_tiled &&
        (r->tile_width == 0 || r->tile_height == 0 || r->tile_width > MOST_SIDE ||
         r->tile_height > MOST_SIDE || r->decoded_bytes > TIFF_SLACK + r->image_bytes))
        return reason_refuse(reason,
                             "damaged TIFF: tiles of %u x %u in an image of %u x %u",
                             (unsigned)r->tile_width, (unsigned)r->tile_height,
                             (unsigned)r->info.width, (unsigned)r->info.height);
    r->info.rows = is_tiled ? r->tile_height : r->strip_rows;
    r->info.is_tiled = is_tiled;
    return true;
}

static bool examine(struct tiff_reader *r, struct reason *reason)
{
    uint32_t colours = 1;
    read_numbers(r);
    if (!check_size(r, reason) || !check_compression(r->compression, reason) ||
        !find_kind(&r->stored, reason) || !find_colours(r, &colours, reason))
        return false;
    find_channels(r, colours);
    r->info.kind = r->conversion == TIFF_CONVERT_PALETTE ? PIXEL_U8 : r->stored.kind;
    if (r->info.channels > PIXEL_MAX_CHANNELS ||
        (r->conversion == TIFF_CONVERT_PALETTE && r->stored.bits != 8 &&
         r->samples > 1))
        return refuse_colours(r, "a palette", reason);
    r->info.may_be_narrow =
        r->info.kind == PIXEL_U16 &&
        (r->stored.format == SAMPLEFORMAT_INT || r->stored.bits > 16);
    r->info.page = r->page.number;
    r->info.pages = r->page.pages;
    r->info.no_data_is_other =
        r->conversion != TIFF_CONVERT_NOTHING || r->stored.bits < 8;
    return find_layout(r, reason);
}

struct tiff_reader *tiff_reader_open(struct source *source, uint32_t page,
                                     struct reason *reason)
{
    struct tiff_reader *r = mem_zalloc(sizeof(*r));
    if (!r) {
        reason_refuse_memory(reason);
        return NULL;
    }
    r->file.source = source;
    r->file.size = source->size;
    if (!tiff_page_find(&r->file, page ? page : 1, &r->page, reason) ||
        !tiff_page_read_no_data(&r->file, &r->page, &r->info.has_no_data,
                                &r->info.no_data, reason) ||
        !tiff_file_open(&r->file, "rhm", reason))
        goto fail;
    tiff_file_prepare(&r->file);
    const bool ok = TIFFSetSubDirectory(r->file.tiff, r->page.offset) != 0;
    if (tiff_file_check(&r->file, ok, reason) && examine(r, reason))
        return r;

fail:
    tiff_reader_close(r);
    return NULL;
}

const struct tiff_info *tiff_reader_info(const struct tiff_reader *reader)
{
    return &reader->info;
}

void tiff_reader_close(struct tiff_reader *r)
{
    if (!r)
        return;
    tiff_file_close(&r->file);
    picture_free(&r->band);
    mem_free(r->decoded);
    mem_free(r->packed);
    mem_free(r);
}

// ---------------------------------------------------------------------------
// What a file that is written takes over

struct picture_tags *tiff_reader_tags(struct tiff_reader *r, struct reason *reason)
{
    struct picture_tags *t = mem_zalloc(sizeof(*t));
    if (!t) {
        reason_refuse_memory(reason);
        return NULL;
    }
    const bool is_grey = r->photometric == PHOTOMETRIC_MINISBLACK ||
                         r->conversion == TIFF_CONVERT_INVERTED ||
                         r->photometric == PHOTOMETRIC_MASK ||
                         (r->photometric == PHOTOMETRIC_SEPARATED &&
                          r->conversion != TIFF_CONVERT_CMYK);    // inks are channels
    t->width = r->info.width;
    t->height = r->info.height;
    t->orientation = r->info.orientation;
    t->channels = r->info.channels;
    t->has_no_data = r->info.has_no_data;
    t->no_data_is_other = r->info.no_data_is_other;
    t->no_data = r->info.no_data;
    t->colours = r->conversion == TIFF_CONVERT_CMYK ? 4 : is_grey ? 1 : 3;
    t->compression = r->compression;
    t->predictor = r->predictor;
    t->kind = r->info.kind;
    t->photometric = is_grey ? PHOTOMETRIC_MINISBLACK : PHOTOMETRIC_RGB;
    t->is_planar = r->planar == PLANARCONFIG_SEPARATE;
    t->tile_width = r->tile_width;
    t->tile_height = r->tile_height;
    t->extra_count = r->extra_count;
    memcpy(t->extras, r->extras, sizeof(t->extras));
    if (r->conversion == TIFF_CONVERT_MULTIPLIED)
        t->extras[0] = EXTRASAMPLE_UNASSALPHA;
    if (tiff_page_read_tags(&r->file, &r->page, t, reason))
        return t;
    picture_tags_free(t);
    return NULL;
}
