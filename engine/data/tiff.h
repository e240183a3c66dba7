// SPDX-License-Identifier: MIT
//
// TIFF and BigTIFF files, a range of rows at a time, so that nobody has to hold an
// image or a file whole: pictures (tiff.c) and images that are larger than memory.
// Built where there is libtiff (PIX_HAVE_TIFF).
//
// What is read: 1 to 64 channels; whole numbers of 1 to 64 bits, floats of 16, 32 and
// 64; strips and tiles, chunky and planar, either byte order; none, PackBits, LZW,
// deflate, zstd, CCITT and JPEG, with predictors. As pictures have it:
//
// - up to 7 bits are stretched to 0 to 255, 9 to 15 keep their numbers in u16; wider or
//   signed ones become u16 (8 bits: u8) if all are 0 to 65535, and are refused
//   otherwise;
// - floats become f32 and must be finite;
// - a palette becomes RGB of 8 bits, white-is-zero is inverted, YCbCr in JPEG and CMYK
//   become RGB, colours that were multiplied by their alpha are divided by it;
// - grey and RGB may have an alpha; other extra samples are channels, not colours.

#ifndef DATA_TIFF_H
#define DATA_TIFF_H

#include "base/reason.h"
#include "data/picture.h"
#include "data/source.h"

struct encoded;
struct palette;
struct tiff_reader;
struct tiff_writer;

// What the file says of the image before its samples are read.
struct tiff_info {
    enum pixel_kind kind;
    uint32_t channels, width, height;
    bool is_array;           // the channels are not colours, see struct picture
    bool may_be_narrow;      // u16 from integers of another size
    uint32_t bits;           // of a sample of the file
    uint32_t orientation;    // 2 to 8; 0: upright, or not said
    uint32_t page;           // that was opened, from 1
    uint32_t pages;          // of the file, without overviews and masks
    uint32_t rows;           // that are best read together, of a strip or of tiles
    bool is_tiled;           // they are held then
    // The number that stands for no data, where the tag GDAL_NODATA names one, and
    // whether the samples have another form than it: stretched, inverted, a palette.
    bool has_no_data, no_data_is_other;
    double no_data;
};

// Opens page `page`, from 1; 0: the first. Only the directory is read: the caller
// decides whether the image is too large. The source stays the caller's, and open. NULL
// with the reason; nothing is logged but for debugging.
struct tiff_reader *tiff_reader_open(struct source *source, uint32_t page,
                                     struct reason *reason);
const struct tiff_info *tiff_reader_info(const struct tiff_reader *reader);
// Rows [y, y + rows): channel c of row y + i is written to
// samples[c * plane + i * width], of the kind of the info. Any order of rows is right,
// rising order is fast. After a failure only closing is allowed.
bool tiff_reader_read(struct tiff_reader *reader, uint32_t y, uint32_t rows,
                      void *samples, size_t plane, struct reason *reason);
// What a picture or a writer takes over from the file; the caller frees it with
// picture_tags_free. NULL with the reason.
struct picture_tags *tiff_reader_tags(struct tiff_reader *reader,
                                      struct reason *reason);
void tiff_reader_close(struct tiff_reader *reader);    // NULL is fine

// What is written. With `tags` as the file that they are from: its compression, layout
// and predictor, as far as they fit, its georeference and resolution, fitted to this
// size, and its ICC profile if the colours are as many. Without: deflate with a
// predictor, in strips.
struct tiff_form {
    enum pixel_kind kind;
    uint32_t channels, width, height;
    bool is_array;                      // 2 and 4 channels have no alpha
    const struct picture_tags *tags;    // until the writer is closed; may be NULL
    // RGB of u8 whose colours are all of this one is written as its indices, without a
    // profile and a number that stands for no data. May be NULL; as `tags`.
    const struct palette *palette;
};

// Writes into what has begun, and ends it; what may exceed 4 GiB is a BigTIFF. `path`
// is for messages; it and `to` outlive the writer. NULL after a message, and `to` is
// ended.
struct tiff_writer *tiff_writer_open(struct encoded *to, const struct tiff_form *form,
                                     const char *path);
// The next rows, laid out as tiff_reader_read does. False after a message; then only
// closing is allowed.
bool tiff_writer_write(struct tiff_writer *writer, uint32_t rows, const void *samples,
                       size_t plane);
// Ends the file. Without `commit`, or where a row failed or is missing, there is none.
// False after a message.
bool tiff_writer_close(struct tiff_writer *writer, bool commit);

#endif
