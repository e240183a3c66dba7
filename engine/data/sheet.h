// SPDX-License-Identifier: MIT
//
// Contact sheets: rows of input | output | target in one 8-bit RGB image, for people
// to look at. Small tiles are enlarged by a whole factor, without smoothing.

#ifndef DATA_SHEET_H
#define DATA_SHEET_H

#include "data/picture.h"
#include "pix2pix.h"

enum sheet_column { SHEET_INPUT, SHEET_OUTPUT, SHEET_TARGET, SHEET_COLUMNS };

struct sheet {
    struct pix_image image;
    uint32_t side;              // of a tile, in pixels, before it is enlarged
    uint32_t factor;            // by which a tile is enlarged
    uint32_t rows;              // of the whole sheet
    uint32_t rows_per_stack;    // rows one below the other
};

// A black sheet of `rows` rows with tiles of side x side pixels. The rows are divided
// among `stacks` stacks side by side, so that a long sheet still fits a screen. False
// only without memory, after a message.
bool sheet_create(struct sheet *sheet, uint32_t side, uint32_t rows, uint32_t stacks);
void sheet_free(struct sheet *sheet);    // a sheet of zeros is fine

// Draws one tile. The picture is side x side, of any kind and number of channels. False
// only without memory, after a message.
bool sheet_paste(struct sheet *sheet, uint32_t row, enum sheet_column column,
                 const struct picture *picture);

// By the extension of the path, see image_write.
bool sheet_write(const struct sheet *sheet, const char *path);

#endif
