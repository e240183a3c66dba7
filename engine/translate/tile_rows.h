// SPDX-License-Identifier: MIT
//
// Rows of an image as its model's task makes them: read, enlarged, and with what their
// output needs of them. Where they are enlarged, what is made of rows at both sides of
// an edge between two calls is that of the whole image.

#ifndef TRANSLATE_TILE_ROWS_H
#define TRANSLATE_TILE_ROWS_H

#include "data/rows.h"
#include "translate/translator.h"

struct tile_rows {
    const struct translator *translator;
    struct row_reader *reader;    // not owned
    const char *name;             // of its file, or NULL
    struct pix_size size;         // of the image, once it is enlarged
    uint32_t factor;              // by so much
    // The number that stands for no data, where somebody asks for it.
    bool has_no_data;
    double no_data;
    // Where rows are enlarged: those of the file from `first` on that came last, with
    // the channels that the task takes, and where they have no data.
    uint32_t first;
    struct picture held, held_mask;
};

// `name` stays the caller's.
void tile_rows_init(struct tile_rows *r, const struct translator *t,
                    struct row_reader *reader, const char *name);
void tile_rows_finish(struct tile_rows *r);

// What was made of rows; zeroed: nothing.
struct tile_rows_made {
    struct picture rows;    // as the networks take them, but for kind and channels
    struct picture mask;    // u8 of one channel, see data/no_data.h, or empty
    struct task_rest rest;
};

// Rows from y on, rising ones at little cost. False after a message.
bool tile_rows_read(struct tile_rows *r, uint32_t y, uint32_t count,
                    struct tile_rows_made *made);
void tile_rows_made_free(struct tile_rows_made *made);

#endif
