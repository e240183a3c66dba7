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
    struct picture rows;              // a ring: row y of the canvas at y % height
    uint32_t loaded;                  // rows of the canvas so far
    struct translator_notes notes;    // of the image's rows so far
};

void tile_source_init(struct tile_source *s, const struct translator *t,
                      struct row_reader *reader, const struct tile_axis *x,
                      const struct tile_axis *y);
void tile_source_finish(struct tile_source *s);

// Begins at the top again.
void tile_source_rewind(struct tile_source *s);
// Makes rows up to `end` available, rising until the next rewind, as many as a window
// has. False after a message.
bool tile_source_load(struct tile_source *s, uint32_t end);
// A window of these rows, from x and y on in the canvas: `tile` has its size, and the
// kind and channels of the network's input.
void tile_source_take(const struct tile_source *s, uint32_t x, uint32_t y,
                      struct picture *tile);

#endif
