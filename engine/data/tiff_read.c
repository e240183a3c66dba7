// SPDX-License-Identifier: MIT
//
// Reading rows of a TIFF. Strips are decoded row by row, so that a strip may be as
// large as the image; of tiles a row of them is kept where a caller takes a part of it.
// See tiff.h.

#include "data/tiff_inside.h"

#include "base/bytes.h"
#include "base/mem.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

// What the packed data of a strip or tile may take beyond what they decode to: tables
// and profiles.
#define PACKED_SLACK ((uint64_t)1 << 20)

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
    return window <= TIFF_SLACK + 2 * r->image_bytes ||
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
    if (r->conversion == TIFF_CONVERT_INVERTED)    // at most 16 bits
        tiff_invert(to->kind,
                    to->kind == PIXEL_U8 ? UINT8_MAX : (1u << r->stored.bits) - 1,
                    count, to->samples);
    if (r->conversion == TIFF_CONVERT_MULTIPLIED)
        tiff_divide_by_alpha(to->kind, r->info.channels, to->plane, count, to->samples);
}

static void convert(const struct tiff_reader *r, const struct picture *stored,
                    const struct target *to)
{
    const size_t plane = (size_t)stored->width * stored->height;
    const uint32_t colours = r->conversion == TIFF_CONVERT_CMYK ? 4 : 1;
    if (r->conversion == TIFF_CONVERT_CMYK)
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
    if (r->conversion == TIFF_CONVERT_PALETTE || r->conversion == TIFF_CONVERT_CMYK)
        return read_and_convert(r, y, rows, &to, reason);
    if (!read_stored(r, y, rows, &to, reason))
        return false;
    convert_in_place(r, rows, &to);
    return true;
}
