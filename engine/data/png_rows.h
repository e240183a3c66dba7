// SPDX-License-Identifier: MIT
//
// Reads and writes a PNG row by row, so that nobody has to hold the image. Nothing is
// decoded before sizes and chunks were found to fit each other.

#ifndef DATA_PNG_ROWS_H
#define DATA_PNG_ROWS_H

#include "base/pixel.h"
#include "base/reason.h"
#include "data/picture.h"
#include "data/source.h"

struct png_form {
    uint32_t width, height;
    uint32_t channels;       // 1 grey, 2 with alpha, 3 RGB, 4 with alpha
    enum pixel_kind kind;    // u8 or u16
    uint32_t orientation;    // see struct picture; rows are as they are stored
    bool is_interlaced;      // the first row comes after all are decoded and held
};

struct png_rows;

// Reads what comes before the pixels. More pixels than `reading` allows are refused.
// `source` outlives the rows. NULL with the reason; nothing is logged.
struct png_rows *png_rows_begin(struct source *source,
                                const struct picture_reading *reading,
                                struct png_form *form, struct reason *reason);

// Where `reading` has with_tags: what goes to a file that is made of this one, or NULL;
// the caller's. False without memory.
bool png_rows_take_tags(struct png_rows *rows, struct picture_tags **tags,
                        struct reason *reason);

// The next row: `row` gets [width][channels] samples. It is called `height` times.
bool png_rows_next(struct png_rows *rows, void *row, struct reason *reason);

// After the last row: false with the reason where the rest of the file is damaged or
// not there.
bool png_rows_end(struct png_rows *rows, struct reason *reason);

void png_rows_free(struct png_rows *rows);    // NULL is fine

// png.c: writes into what has begun, and ends it. `path` is for messages; it and `to`
// outlive the writer.
struct encoded;
struct png_writer;

// `form` is a picture that a PNG can hold, whose samples are not looked at. NULL after
// a message, and `to` is ended.
struct png_writer *png_writer_begin(struct encoded *to, const struct picture *form,
                                    const char *path);
// The next rows. After a failure only ending is allowed, which says why.
bool png_writer_write(struct png_writer *writer, const struct picture *rows);
// Without `keeps` there is no file. False after a message.
bool png_writer_end(struct png_writer *writer, bool keeps);

#endif
