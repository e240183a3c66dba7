// SPDX-License-Identifier: MIT
//
// .npy files by rows, so that nobody has to hold an image or a file whole. What is read
// and written is said in codec.h.

#ifndef DATA_NPY_H
#define DATA_NPY_H

#include "data/encoded.h"
#include "data/picture.h"
#include "data/source.h"

#define NPY_MAGIC "\x93NUMPY"

struct npy_form {
    enum pixel_kind kind;
    uint32_t channels, width, height;
    // The first axis is the fastest, so that rows are all over the file, or only all
    // samples say what they are (is_narrow of struct picture).
    bool needs_all;
};

struct npy_reader;

// Reads what comes before the samples. More pixels than `reading` allows are refused.
// `source` outlives the reader. NULL with the reason; nothing is logged but for missing
// memory.
struct npy_reader *npy_reader_open(struct source *source,
                                   const struct picture_reading *reading,
                                   struct npy_form *form, struct reason *reason);
// Rows from `y` on, as many as `rows` has; any order is fast. Not for what needs all.
bool npy_reader_read(struct npy_reader *reader, uint32_t y, struct picture *rows,
                     struct reason *reason);
void npy_reader_close(struct npy_reader *reader);    // NULL is fine

// npy_write.c: writes into what has begun, and ends it. It outlives the writer.
struct npy_writer {
    struct encoded *to;
    enum array_order order;
    uint32_t width, height;
    uint32_t y;      // rows so far
    size_t begin;    // of the samples
};

// `form` is a picture, whose samples are not looked at. Functions return false after a
// message; this one then has ended `to`.
bool npy_writer_begin(struct npy_writer *writer, struct encoded *to,
                      const struct picture *form, enum array_order order);
// The next rows. After a failure the writer is only ended, without `keeps`.
bool npy_writer_write(struct npy_writer *writer, const struct picture *rows);
// Without `keeps` what was there before stays.
bool npy_writer_end(struct npy_writer *writer, bool keeps);

#endif
