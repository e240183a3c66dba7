// SPDX-License-Identifier: MIT
//
// Images that are read and written a few rows at a time, because they are larger than
// memory, or because somebody looks at them several times. Rows are pictures as high as
// there are rows, [c][rows][w].
//
// A kind of file is a struct that begins with the reader or the writer. Functions that
// return false leave the reason; nothing is logged but for missing memory.

#ifndef DATA_ROWS_H
#define DATA_ROWS_H

#include "data/picture.h"

struct row_reader {
    // Kind, channels, size and what else a picture says of itself, without samples.
    struct picture form;
    // Fills in rows->height rows from `y` on; `rows` is made as `form` says. Rising y
    // is fast, others may take as long as all rows before them.
    bool (*read)(struct row_reader *r, uint32_t y, struct picture *rows,
                 struct reason *reason);
    void (*close)(struct row_reader *r);    // and frees it
    bool is_held;    // all rows are in memory, or would have to be
};

// Of a picture, which must outlive it. NULL after a message.
struct row_reader *row_reader_of_picture(const struct picture *picture);

// Of a file; how much of it is in memory depends on its kind. NULL with the reason.
struct row_reader *row_reader_open(const char *path,
                                   const struct picture_reading *reading,
                                   struct reason *reason);
bool row_reader_read(struct row_reader *r, uint32_t y, uint32_t count,
                     struct picture *rows, struct reason *reason);
void row_reader_close(struct row_reader *r);    // NULL is fine

struct row_writer {
    struct picture form;    // without samples
    uint32_t y;             // rows so far
    // The number that stands for no data in the file, see no_data.h.
    bool has_no_data;
    double no_data;
    // The next rows, of `form`; after a failure nothing but `end` is called.
    bool (*write)(struct row_writer *w, const struct picture *rows);
    // After all rows, or with `keeps` false, which leaves what was there before. Frees
    // the writer. False after a message.
    bool (*end)(struct row_writer *w, bool keeps);
};

// To a picture, which is created as large as `form` says; to a file by its extension.
// Messages are logged, at once where the file cannot hold such a picture.
struct row_writer *row_writer_of_picture(const struct picture *form,
                                         struct picture *picture);
struct row_writer *row_writer_create(const char *path, const struct picture *form,
                                     enum array_order order);
bool row_writer_write(struct row_writer *w, const struct picture *rows);
// Without `keeps`, or if rows are missing, the file is as it was. NULL is fine.
bool row_writer_end(struct row_writer *w, bool keeps);

#endif
