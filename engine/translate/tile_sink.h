// SPDX-License-Identifier: MIT
//
// Where the outputs of tiles go: rows that are put together from them, blended where
// they are not the same, and handed on when no tile has a part in them any more.

#ifndef TRANSLATE_TILE_SINK_H
#define TRANSLATE_TILE_SINK_H

#include "data/rows.h"
#include "translate/tile_axis.h"
#include "translate/tile_source.h"

struct tile_sink {
    const struct translator *translator;
    struct row_writer *writer;    // not owned; so the axes
    const struct tile_axis *x, *y;
    // The kind, channels and range of tiles. What the model's task makes of them is
    // done to rows, unless it was done to the tiles.
    struct picture form;
    bool is_finished;
    // A ring: row y of the canvas at y % height; sums of floats where tiles blend.
    struct picture rows;
    float *weights;                      // of the columns of a window
    uint32_t written;                    // rows of the canvas so far
    const struct tile_source *source;    // of what rows need of the image; not owned
    uint64_t moved;    // samples that would have stood for it, see data/no_data.h
};

// `form` is that of tiles, without samples, and `is_finished` says whether they are
// what is written. False after a message.
bool tile_sink_init(struct tile_sink *s, struct row_writer *writer,
                    const struct tile_source *source, const struct picture *form,
                    bool is_finished);
void tile_sink_finish(struct tile_sink *s);

// The output of a tile: that of its window.
void tile_sink_add(struct tile_sink *s, uint32_t column, uint32_t row,
                   const struct picture *tile);
// After all tiles of a row: writes what is complete. False after a message.
bool tile_sink_end_row(struct tile_sink *s, uint32_t row);

#endif
