// SPDX-License-Identifier: MIT
//
// Reading rows of a TIFF. Strips are decoded row by row, so that a strip may be as
// large as the image; of tiles a row of them is kept where a caller takes a part of it.
// See tiff.h.

#include "data/tiff_inside.h"

#include "base/bytes.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/os.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

// What a tile, and the packed data of a strip or tile, may take beyond what the image
// itself is: a tile may be larger than it, and packed data have tables and profiles.
#define SLACK ((uint64_t)16 << 20)
#define PACKED_SLACK ((uint64_t)1 << 20)
#define MOST_SIDE ((uint32_t)INT32_MAX)

// What is done with the samples of a pixel.
enum conversion {
    CONVERT_NOTHING,
    CONVERT_INVERTED,      // in place: the first channel
    CONVERT_MULTIPLIED,    // in place: by the alpha, which is the last
    CONVERT_PALETTE,       // 1 channel becomes 3, others follow
    CONVERT_CMYK,          // 4 become 3, others follow
};

struct tiff_reader {
    struct tiff_file file;
    struct tiff_page page;
    struct tiff_info info;
    struct tiff_stored stored;
    uint32_t samples;    // of a pixel in the file
    uint16_t compression, photometric, planar, predictor;
    uint16_t extras[PIXEL_MAX_CHANNELS];
    uint32_t extra_count;
    enum conversion conversion;
    const uint16_t *maps[3];             // libtiff's
    uint32_t tile_width, tile_height;    // 0: strips
    uint32_t strip_rows;
    uint64_t decoded_bytes;    // of a row of a strip, or of a tile
    uint8_t *decoded;
    uint8_t *packed;    // what libtiff reads into
    uint64_t packed_bytes;
    uint32_t row_sample, row;    // the next one in the strip that is being decoded
    struct picture band;         // the row of tiles at `band_row`, if it has samples
    uint32_t band_row;
};

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
        r->conversion = CONVERT_INVERTED;
        break;
    case PHOTOMETRIC_PALETTE:
        if (!is_plain || !TIFFGetField(r->file.tiff, TIFFTAG_COLORMAP, &r->maps[0],
                                       &r->maps[1], &r->maps[2]))
            return refuse_colours(r, "a palette", reason);
        r->conversion = CONVERT_PALETTE;
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
        r->conversion = CONVERT_CMYK;
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
        r->conversion == CONVERT_PALETTE || r->conversion == CONVERT_CMYK;
    const uint32_t beside = r->samples - colours;
    const uint16_t extra =
        r->extra_count == 1 && beside == 1 ? r->extras[0] : EXTRASAMPLE_UNSPECIFIED;
    const bool has_alpha = extra != EXTRASAMPLE_UNSPECIFIED &&
                           r->stored.kind != PIXEL_F32 && r->stored.bits <= 16;
    r->info.channels = (becomes_rgb ? 3 : colours) + beside;
    r->info.is_array = r->stored.kind == PIXEL_F32 || (beside > 0 && !has_alpha);
    if (has_alpha && extra == EXTRASAMPLE_ASSOCALPHA &&
        r->conversion == CONVERT_NOTHING &&
        (r->stored.bits == 8 || r->stored.bits == 16))
        r->conversion = CONVERT_MULTIPLIED;
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
    tiff_file_prepare(&r->file);
    r->decoded_bytes = is_tiled ? TIFFTileSize64(tiff) : TIFFScanlineSize64(tiff);
    if (!tiff_file_check(&r->file, r->decoded_bytes > 0, reason))
        return false;
    if (is_tiled &&
        (r->tile_width == 0 || r->tile_height == 0 || r->tile_width > MOST_SIDE ||
         r->tile_height > MOST_SIDE || r->decoded_bytes > SLACK + image_bytes(r)))
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
    r->info.kind = r->conversion == CONVERT_PALETTE ? PIXEL_U8 : r->stored.kind;
    if (r->info.channels > PIXEL_MAX_CHANNELS ||
        (r->conversion == CONVERT_PALETTE && r->stored.bits != 8 && r->samples > 1))
        return refuse_colours(r, "a palette", reason);
    r->info.may_be_narrow =
        r->info.kind == PIXEL_U16 &&
        (r->stored.format == SAMPLEFORMAT_INT || r->stored.bits > 16);
    r->info.page = r->page.number;
    r->info.pages = r->page.pages;
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
// Strips and tiles

// A frame of zstd says how much memory its decoder needs (RFC 8878, 3.1.1.1).
static uint64_t zstd_window(const uint8_t head[6])
{
    if (bytes_get_little(head, 4) != 0xfd2fb528u || head[4] & 0x20)
        return 0;    // no frame, or one that is as large as its content
    const uint64_t base = (uint64_t)1 << (10 + (head[5] >> 3));
    return base + base / 8 * (head[5] & 7);
}

static bool check_zstd(struct tiff_reader *r, uint64_t offset, struct reason *reason)
{
    uint8_t head[6];
    if (!tiff_file_read(&r->file, offset, head, sizeof(head), reason))
        return false;
    const uint64_t window = zstd_window(head);
    return window <= SLACK + 2 * image_bytes(r) ||
           reason_refuse(reason,
                         "damaged TIFF: zstd data that need %" PRIu64 " MiB of memory",
                         window >> 20);
}

// Memory for the packed data of a strip or tile of so many decoded bytes. Those that
// are not in the file are refused before it is asked for.
static bool prepare_packed(struct tiff_reader *r, uint32_t number, uint64_t decoded,
                           struct reason *reason)
{
    tiff_file_prepare(&r->file);
    const uint64_t offset = TIFFGetStrileOffset(r->file.tiff, number);
    const uint64_t bytes = TIFFGetStrileByteCount(r->file.tiff, number);
    if (!tiff_file_check(&r->file, true, reason))
        return false;
    if (offset == 0 || bytes == 0)
        return reason_refuse(reason,
                             "a sparse or unfinished TIFF: strip or tile %u has "
                             "no data",
                             (unsigned)number);
    if (offset >= r->file.size)
        return reason_refuse(reason,
                             "truncated TIFF: strip or tile %u is at byte "
                             "%" PRIu64 " of %" PRIu64,
                             (unsigned)number, offset, r->file.size);
    if (bytes > 2 * decoded + PACKED_SLACK)
        return reason_refuse(reason,
                             "damaged TIFF: %" PRIu64 " bytes for a strip or "
                             "tile of %" PRIu64,
                             bytes, decoded);
    if (r->compression == COMPRESSION_ZSTD && !check_zstd(r, offset, reason))
        return false;
    if (bytes <= r->packed_bytes)
        return true;
    // libtiff takes multiples of 1024.
    const uint64_t wanted = ALIGN_UP(bytes, (uint64_t)1024);
    mem_free(r->packed);
    r->packed_bytes = 0;
    r->packed = mem_alloc((size_t)wanted);
    if (!r->packed || !TIFFReadBufferSetup(r->file.tiff, r->packed, (tmsize_t)wanted))
        return reason_refuse_memory(reason);
    r->packed_bytes = wanted;
    return true;
}

static bool prepare_decoded(struct tiff_reader *r, struct reason *reason)
{
    if (!r->decoded && r->decoded_bytes <= SIZE_MAX)
        r->decoded = mem_alloc((size_t)r->decoded_bytes);
    return r->decoded || reason_refuse_memory(reason);
}

static bool decode_row(struct tiff_reader *r, uint32_t sample, uint32_t y,
                       struct reason *reason)
{
    tiff_file_prepare(&r->file);
    const bool ok =
        TIFFReadScanline(r->file.tiff, r->decoded, y, (uint16_t)sample) == 1;
    return tiff_file_check(&r->file, ok, reason);
}

// Decodes row y, of all samples or of one, to r->decoded. Only within a strip and
// forwards is a row behind the last one.
static bool read_row(struct tiff_reader *r, uint32_t sample, uint32_t y,
                     struct reason *reason)
{
    const uint32_t begin = y - y % r->strip_rows;
    uint32_t from = begin;
    if (r->row_sample == sample && r->row > begin && r->row <= y)
        from = r->row;
    for (uint32_t i = from; i <= y; i++) {
        const uint32_t rows = MIN(r->strip_rows, r->info.height - begin);
        if (i == begin &&
            !prepare_packed(r, TIFFComputeStrip(r->file.tiff, begin, (uint16_t)sample),
                            rows * r->decoded_bytes, reason))
            return false;
        if (!decode_row(r, sample, i, reason))
            return false;
    }
    r->row_sample = sample;
    r->row = y + 1;
    return true;
}

// ---------------------------------------------------------------------------
// Samples as they are stored

// Where samples go.
struct target {
    uint8_t *samples;
    size_t plane;    // in samples
    enum pixel_kind kind;
    uint32_t width;
};

static void *place_in(const struct target *to, uint32_t channel, size_t row, uint32_t x)
{
    return to->samples +
           (channel * to->plane + row * to->width + x) * pixel_bytes(to->kind);
}

// Samples of a decoded row, `count` pixels from its first, to (x, y).
static bool unpack(const struct tiff_reader *r, const uint8_t *row, uint32_t sample,
                   uint32_t x, uint32_t y, uint32_t count, const struct target *to,
                   size_t to_row, struct reason *reason)
{
    const bool is_planar = r->planar == PLANARCONFIG_SEPARATE;
    const uint32_t samples = is_planar ? 1 : r->samples;
    uint32_t at;
    for (uint32_t k = 0; k < samples; k++) {
        struct reason why;
        if (tiff_unpack(&r->stored, row, k, samples, count,
                        place_in(to, sample + k, to_row, x), &at, &why))
            continue;
        return reason_refuse(reason, "%s (channel %u, row %u, column %u)", why.text,
                             (unsigned)(sample + k), (unsigned)y, (unsigned)(x + at));
    }
    return true;
}

static uint32_t planes_of(const struct tiff_reader *r)
{
    return r->planar == PLANARCONFIG_SEPARATE ? r->samples : 1;
}

static bool read_strips(struct tiff_reader *r, uint32_t y, uint32_t rows,
                        const struct target *to, struct reason *reason)
{
    for (uint32_t s = 0; s < planes_of(r); s++)
        for (uint32_t i = 0; i < rows; i++)
            if (!read_row(r, s, y + i, reason) ||
                !unpack(r, r->decoded, s, 0, y + i, r->info.width, to, i, reason))
                return false;
    return true;
}

// Rows [y, y + rows) of the tile at (x, top).
static bool read_tile(struct tiff_reader *r, uint32_t sample, uint32_t x, uint32_t top,
                      uint32_t y, uint32_t rows, const struct target *to,
                      struct reason *reason)
{
    TIFF *tiff = r->file.tiff;
    const uint32_t tile = TIFFComputeTile(tiff, x, top, 0, (uint16_t)sample);
    if (!prepare_packed(r, tile, r->decoded_bytes, reason))
        return false;
    tiff_file_prepare(&r->file);
    const bool ok =
        TIFFReadEncodedTile(tiff, tile, r->decoded, (tmsize_t)r->decoded_bytes) ==
        (tmsize_t)r->decoded_bytes;
    if (!tiff_file_check(&r->file, ok, reason))
        return false;
    const size_t step = (size_t)(r->decoded_bytes / r->tile_height);
    for (uint32_t i = 0; i < rows; i++)
        if (!unpack(r, r->decoded + (y - top + i) * step, sample, x, y + i,
                    MIN(r->tile_width, r->info.width - x), to, i, reason))
            return false;
    return true;
}

static bool read_tile_row(struct tiff_reader *r, uint32_t top, uint32_t y,
                          uint32_t rows, const struct target *to, struct reason *reason)
{
    for (uint32_t s = 0; s < planes_of(r); s++)
        for (uint64_t x = 0; x < r->info.width; x += r->tile_width)
            if (!read_tile(r, s, (uint32_t)x, top, y, rows, to, reason))
                return false;
    return true;
}

static struct target target_of(const struct picture *p)
{
    return (struct target){ p->samples, (size_t)p->width * p->height, p->kind,
                            p->width };
}

// A row of tiles, of which only a part is wanted now.
static bool read_band(struct tiff_reader *r, uint32_t top, uint32_t rows,
                      struct reason *reason)
{
    if (r->band.samples && r->band_row == top)
        return true;
    picture_free(&r->band);
    if (!picture_create(&r->band, r->stored.kind, r->samples, r->info.width, rows))
        return reason_refuse_memory(reason);
    const struct target to = target_of(&r->band);
    r->band_row = top;
    return read_tile_row(r, top, top, rows, &to, reason);
}

static bool read_tiles(struct tiff_reader *r, uint32_t y, uint32_t rows,
                       const struct target *to, struct reason *reason)
{
    for (uint32_t done = 0; done < rows;) {
        const uint32_t at = y + done, top = at - at % r->tile_height;
        const uint32_t all = MIN(r->tile_height, r->info.height - top);
        const uint32_t count = MIN(all - (at - top), rows - done);
        struct target part = *to;
        part.samples = place_in(to, 0, done, 0);
        if (count == all) {
            if (!read_tile_row(r, top, top, count, &part, reason))
                return false;
        } else {
            if (!read_band(r, top, all, reason))
                return false;
            const struct target from = target_of(&r->band);
            for (uint32_t c = 0; c < r->samples; c++)
                memcpy(place_in(&part, c, 0, 0), place_in(&from, c, at - top, 0),
                       (size_t)count * to->width * pixel_bytes(to->kind));
        }
        done += count;
    }
    return true;
}

static bool read_stored(struct tiff_reader *r, uint32_t y, uint32_t rows,
                        const struct target *to, struct reason *reason)
{
    return r->tile_width ? read_tiles(r, y, rows, to, reason)
                         : read_strips(r, y, rows, to, reason);
}

// ---------------------------------------------------------------------------
// Samples as a picture has them

static void convert_in_place(const struct tiff_reader *r, uint32_t rows,
                             const struct target *to)
{
    const size_t count = (size_t)rows * to->width;
    if (r->conversion == CONVERT_INVERTED)    // at most 16 bits
        tiff_invert(to->kind,
                    to->kind == PIXEL_U8 ? UINT8_MAX : (1u << r->stored.bits) - 1,
                    count, to->samples);
    if (r->conversion == CONVERT_MULTIPLIED)
        tiff_divide_by_alpha(to->kind, r->info.channels, to->plane, count, to->samples);
}

static void convert(const struct tiff_reader *r, const struct picture *stored,
                    const struct target *to)
{
    const size_t plane = (size_t)stored->width * stored->height;
    const uint32_t colours = r->conversion == CONVERT_CMYK ? 4 : 1;
    if (r->conversion == CONVERT_CMYK)
        tiff_cmyk_to_rgb(stored->kind, stored->samples, plane, plane, to->samples,
                         to->plane);
    else
        tiff_index_to_rgb(stored->kind, stored->samples, plane, r->maps,
                          1u << r->stored.bits, to->samples, to->plane);
    for (uint32_t c = colours; c < stored->channels; c++)
        memcpy(place_in(to, 3 + c - colours, 0, 0),
               (const uint8_t *)stored->samples + c * plane * pixel_bytes(stored->kind),
               plane * pixel_bytes(stored->kind));
}

// Chunky images in parts, so that the samples in the file's colours take little memory;
// planes of their own are read one after the other.
static bool read_and_convert(struct tiff_reader *r, uint32_t y, uint32_t rows,
                             const struct target *to, struct reason *reason)
{
    const uint32_t most = r->planar == PLANARCONFIG_SEPARATE ? rows
                          : r->tile_width                    ? r->tile_height
                                                             : 64;
    bool ok = true;
    for (uint32_t done = 0; ok && done < rows;) {
        // To the end of a row of tiles.
        const uint32_t at = y + done;
        const uint32_t count = MIN(most - (r->tile_width ? at % most : 0), rows - done);
        struct picture stored;
        struct target part = *to;
        if (!picture_create(&stored, r->stored.kind, r->samples, to->width, count))
            return reason_refuse_memory(reason);
        const struct target from = target_of(&stored);
        part.samples = place_in(to, 0, done, 0);
        ok = read_stored(r, at, count, &from, reason);
        if (ok)
            convert(r, &stored, &part);
        picture_free(&stored);
        done += count;
    }
    return ok;
}

bool tiff_reader_read(struct tiff_reader *r, uint32_t y, uint32_t rows, void *samples,
                      size_t plane, struct reason *reason)
{
    const struct target to = { samples, plane, r->info.kind, r->info.width };
    assert(y < r->info.height && rows <= r->info.height - y);
    if (!prepare_decoded(r, reason))
        return false;
    if (r->conversion == CONVERT_PALETTE || r->conversion == CONVERT_CMYK)
        return read_and_convert(r, y, rows, &to, reason);
    if (!read_stored(r, y, rows, &to, reason))
        return false;
    convert_in_place(r, rows, &to);
    return true;
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
                         r->conversion == CONVERT_INVERTED ||
                         r->photometric == PHOTOMETRIC_MASK ||
                         (r->photometric == PHOTOMETRIC_SEPARATED &&
                          r->conversion != CONVERT_CMYK);    // inks are channels
    t->width = r->info.width;
    t->height = r->info.height;
    t->orientation = r->info.orientation;
    t->channels = r->info.channels;
    t->colours = r->conversion == CONVERT_CMYK ? 4 : is_grey ? 1 : 3;
    t->compression = r->compression;
    t->predictor = r->predictor;
    t->photometric = is_grey ? PHOTOMETRIC_MINISBLACK : PHOTOMETRIC_RGB;
    t->is_planar = r->planar == PLANARCONFIG_SEPARATE;
    t->tile_width = r->tile_width;
    t->tile_height = r->tile_height;
    t->extra_count = r->extra_count;
    memcpy(t->extras, r->extras, sizeof(t->extras));
    if (r->conversion == CONVERT_MULTIPLIED)
        t->extras[0] = EXTRASAMPLE_UNASSALPHA;
    if (tiff_page_read_tags(&r->file, &r->page, t, reason))
        return t;
    picture_tags_free(t);
    return NULL;
}
