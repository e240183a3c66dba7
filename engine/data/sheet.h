// SPDX-License-Identifier: MIT
//
// Contact sheets: rows of tiles, such as input | output | target, in one 8-bit RGB
// image, for people to look at. Small tiles are enlarged by a whole factor, without
// smoothing.

#ifndef DATA_SHEET_H
#define DATA_SHEET_H

#include "data/picture.h"
#include "pix2pix.h"

enum sheet_column { SHEET_INPUT, SHEET_OUTPUT, SHEET_TARGET, SHEET_COLUMNS };

struct sheet_layout {
    struct pix_size tile;    // in pixels
    uint32_t rows;           // of the whole sheet
    uint32_t columns;        // tiles in a row
    // The rows are divided among `stacks` stacks side by side, so that a long sheet
    // still fits a screen.
    uint32_t stacks;
    // Words above the columns of each stack, which lettering_is_fine; cut where they
    // are wider than their column. NULL: none.
    const char *const *headings;
};

struct sheet {
    struct pix_image image;
    struct pix_size tile;       // in pixels, before it is enlarged
    uint32_t factor;            // by which a tile is enlarged
    uint32_t rows, columns;     // of the whole sheet; of a stack
    uint32_t rows_per_stack;    // rows one below the other
    uint32_t heading_height;    // pixels above the tiles; 0: no headings
    uint32_t letter;            // by which letters are enlarged
};

// A black sheet with its headings. False only without memory, after a message.
bool sheet_create(struct sheet *sheet, const struct sheet_layout *layout);
void sheet_free(struct sheet *sheet);    // a sheet of zeros is fine

// Draws one tile. The picture has its size, and any kind and number of channels. False
// only without memory, after a message.
bool sheet_paste(struct sheet *sheet, uint32_t row, uint32_t column,
                 const struct picture *picture);

// Letters a tile in its upper left corner, on black; a text that lettering_is_fine.
void sheet_letter(struct sheet *sheet, uint32_t row, uint32_t column, const char *text);

// By the extension of the path, see image_write.
bool sheet_write(const struct sheet *sheet, const char *path);

#endif
