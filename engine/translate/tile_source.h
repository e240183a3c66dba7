// SPDX-License-Identifier: MIT
//
// Where tiles come from: the rows of the canvas that a row of tiles needs, as the
// networks take them. Where top and bottom continue each other, the last rows of the
// image are read first, and the first ones again at the end.

#ifndef TRANSLATE_TILE_SOURCE_H
#define TRANSLATE_TILE_SOURCE_H

#include "translate/tile_axis.h"
#include "translate/tile_rows.h"
#include "translate/translator.h"

struct tile_source {
    const struct translator *translator;
    const struct tile_axis *x, *y;    // not owned
    struct tile_rows image;
    struct picture rows;    // a ring: row y of the canvas at y % height
    // What outputs need of the image: rings of its columns, from which rows are taken
    // that are older than `rows` has them. Where it has no data, if its file says so
    // (u8, see data/no_data.h); and what the model's task keeps (struct task_rest).
    uint32_t kept_rows;    // that these rings need; 0: nobody asks for them
    struct picture mask, rest, hole;
    uint32_t loaded;                  // rows of the canvas so far
    struct translator_notes notes;    // of the image's rows so far
    uint64_t pixels, strange;         // of them, see struct task_rest
};

// `name` is that of the image's file, or NULL, and stays the caller's, as the reader
// and the axes do.
void tile_source_init(struct tile_source *s, const struct translator *t,
                      struct row_reader *reader, const char *name,
                      const struct tile_axis *x, const struct tile_axis *y);
void tile_source_finish(struct tile_source *s);

// From now on what an output needs is kept, to be asked for by a sink up to `slots`
// rows of tiles later: with `no_data` also where the image has none, since the file
// that is written says which number that is.
void tile_source_keep(struct tile_source *s, uint32_t slots, bool no_data);

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
// What the task keeps of these rows, likewise.
bool tile_source_take_rest(const struct tile_source *s, uint32_t y, uint32_t rows,
                           struct task_rest *rest);

#endif
