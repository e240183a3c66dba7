// SPDX-License-Identifier: MIT
//
// What the files tiff*.c share: a file as libtiff sees it, the directory of a page, and
// what is kept of it for a file that is written.

#ifndef DATA_TIFF_INSIDE_H
#define DATA_TIFF_INSIDE_H

#include "data/encoded.h"
#include "data/tiff.h"
#include "data/tiff_tags.h"

#include <stdarg.h>
#include <stdio.h>
#include <tiffio.h>

// ---------------------------------------------------------------------------
// tiff_file.c: reading and writing for libtiff, and what it says of it

struct tiff_file {
    TIFF *tiff;
    struct source *source;    // that is read
    struct encoded *to;       // or what is written
    uint64_t size, at;        // of the file; where libtiff reads or writes
    bool hit_end;             // something behind the end was asked for
    bool no_memory;
    bool is_garbled;       // libjpeg went on after damage
    bool failed_system;    // see `system`; of a writer there was a message
    struct reason system;
    char fault[120];    // what libtiff said first
};

// `file` has its source or what it writes to, and its size. `mode` is TIFFOpen's. False
// with the reason.
bool tiff_file_open(struct tiff_file *file, const char *mode, struct reason *reason);
// Before each call of libtiff that may fail: an error that is set tells why.
void tiff_file_prepare(struct tiff_file *file);
// Whether a call went well, which returned `ok`. What libtiff passes over as a warning
// is no success where memory was missing.
bool tiff_file_check(struct tiff_file *file, bool ok, struct reason *reason);
// Reads at an offset, past libtiff. False with the reason; "truncated" at the end.
bool tiff_file_read(struct tiff_file *file, uint64_t offset, void *bytes, size_t size,
                    struct reason *reason);
void tiff_file_close(struct tiff_file *file);    // libtiff's side only

// ---------------------------------------------------------------------------
// tiff_pages.c: directories, read without libtiff

struct tiff_page {
    uint64_t offset;    // of its directory
    bool is_big_endian, is_bigtiff;
    uint32_t number;    // from 1
    uint32_t pages;     // of the file, without overviews and masks
};

bool tiff_page_find(struct tiff_file *file, uint32_t number, struct tiff_page *page,
                    struct reason *reason);
// Takes the tags that are kept (tiff_tags.h). False with the reason.
bool tiff_page_read_tags(struct tiff_file *file, const struct tiff_page *page,
                         struct picture_tags *tags, struct reason *reason);
// The number that the tag GDAL_NODATA names. *has is false where there is none: no tag,
// no number ("nan"), or one that no double holds. False with the reason.
bool tiff_page_read_no_data(struct tiff_file *file, const struct tiff_page *page,
                            bool *has, double *number, struct reason *reason);
// libtiff writes a fraction of its own for a number: puts that of `tag` in its place,
// in a file that is written. False with the reason, which is empty where writing fails:
// encoded_put has said it.
bool tiff_page_put_fraction(struct tiff_file *file, const struct tiff_page *page,
                            const struct tiff_tag *tag, struct reason *reason);

// ---------------------------------------------------------------------------
// tiff_samples.c: numbers of a file, and numbers of a picture

struct tiff_stored {
    uint32_t bits;
    uint16_t format;         // SAMPLEFORMAT_UINT, _INT or _IEEEFP
    bool is_index;           // of a palette: not stretched
    enum pixel_kind kind;    // that they become
};

// Converts `count` numbers, every `step`-th from number `first` of a row of the file.
// False with the reason, and *at is then the first that the kind cannot hold.
bool tiff_unpack(const struct tiff_stored *stored, const uint8_t *row, size_t first,
                 size_t step, uint32_t count, void *to, uint32_t *at,
                 struct reason *reason);

// In place: white is the largest number; alpha is the last of `channels` planes, by
// which the others are divided.
void tiff_invert(enum pixel_kind kind, uint32_t most, size_t count, void *samples);
void tiff_divide_by_alpha(enum pixel_kind kind, uint32_t channels, size_t plane,
                          size_t count, void *samples);
// From planes of their own: C, M, Y, K of `kind` to R, G, B; an index to R, G, B of u8
// by maps of `entries` numbers.
void tiff_cmyk_to_rgb(enum pixel_kind kind, const void *from, size_t from_plane,
                      size_t count, void *to, size_t to_plane);
void tiff_index_to_rgb(enum pixel_kind kind, const void *from, size_t count,
                       const uint16_t *const maps[3], uint32_t entries, uint8_t *to,
                       size_t to_plane);

// ---------------------------------------------------------------------------
// tiff_open.c: which image a page has, and how; tiff_read.c: its rows

// What a tile, and what a decoder holds, may take beyond what the image itself is: a
// tile may be larger than it.
#define TIFF_SLACK ((uint64_t)16 << 20)

// What is done with the samples of a pixel.
enum tiff_conversion {
    TIFF_CONVERT_NOTHING,
    TIFF_CONVERT_INVERTED,      // in place: the first channel
    TIFF_CONVERT_MULTIPLIED,    // in place: by the alpha, which is the last
    TIFF_CONVERT_PALETTE,       // 1 channel becomes 3, others follow
    TIFF_CONVERT_CMYK,          // 4 become 3, others follow
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
    enum tiff_conversion conversion;
    const uint16_t *maps[3];             // libtiff's
    uint32_t tile_width, tile_height;    // 0: strips
    uint32_t strip_rows;
    uint64_t decoded_bytes;    // of a row of a strip, or of a tile
    uint64_t image_bytes;      // of all, before or after the conversion: the larger
    uint8_t *decoded;
    uint8_t *packed;    // what libtiff reads into
    uint64_t packed_bytes;
    uint32_t row_sample, row;    // the next one in the strip that is being decoded
    struct picture band;         // the row of tiles at `band_row`, if it has samples
    uint32_t band_row;
};

#endif
