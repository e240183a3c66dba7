// SPDX-License-Identifier: MIT
//
// Where tiles come from: the rows of the canvas that a row of tiles needs, as the
// networks take them. Where top and bottom continue each other, the last rows of the
// image are read first, and the first ones again at the end.

#ifndef TRANSLATE_TILE_SOURCE_H
#define TRANSLATE_TILE_SOURCE_H

#include "data/rows.h"
#include "translate/tile_axis.h"
#include "translate/translator.h"

struct tile_source {
    const struct translator *translator;
    struct row_reader *reader;    // not owned; so the axes
    const struct tile_axis *x, *y;
    struct picture rows;    // a ring: row y of the canvas at y % height
    // Where the image has no data, if its file says so: another ring, of the image's
    // columns, from which rows are taken that are older than `rows` has them.
    bool has_no_data;
    double no_data;
    uint32_t mask_rows;               // that the ring needs
    struct picture mask;              // u8, see data/no_data.h
    uint32_t loaded;                  // rows of the canvas so far
    struct translator_notes notes;    // of the image's rows so far
};

void tile_source_init(struct tile_source *s, const struct translator *t,
                      struct row_reader *reader, const struct tile_axis *x,
                      const struct tile_axis *y);
void tile_source_finish(struct tile_source *s);

// The file that is written says which number stands for no data: from now on rows are
// looked at for those of the input, to be asked for by a sink up to `slots` rows of
// tiles later.
void tile_source_keep_no_data(struct tile_source *s, uint32_t slots);

// Begins at the top again.
void tile_source_rewind(struct tile_source *s);
// Makes rows up to `end` available, rising until the next rewind, as many as a window
// has. False after a message.
bool tile_source_load(struct tile_source *s, uint32_t end);
// A window of these rows, from x and y on in the canvas: `tile` has its size, and the
// kind and channels of the network's input.
void tile_source_take(const struct tile_source *s, uint32_t x, uint32_t y,
                      struct picture *tile);

// The mask of rows from y on in the canvas, which are of the image; empty where none is
// kept. False without memory, after a message.
bool tile_source_take_mask(const struct tile_source *s, uint32_t y, uint32_t rows,
                           struct picture *mask);

#endif
