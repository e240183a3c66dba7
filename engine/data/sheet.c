// SPDX-License-Identifier: MIT
//
// A sheet is divided into stacks, a stack into rows, a row into three tiles of the same
// size. See sheet.h.

#include "data/sheet.h"

#include "data/image.h"

#include <assert.h>
#include <string.h>

#define STACK_GAP 8u         // pixels between two stacks
#define VISIBLE_SIDE 160u    // pixels: a tile of this side needs no enlargement

bool sheet_create(struct sheet *sheet, uint32_t side, uint32_t rows, uint32_t stacks)
{
    assert(side > 0 && rows > 0 && stacks > 0);
    *sheet = (struct sheet){
        .side = side,
        .factor = DIV_UP(VISIBLE_SIDE, side),
        .rows = rows,
        .rows_per_stack = DIV_UP(rows, stacks),
    };
    uint32_t tile = side * sheet->factor;
    return image_create(&sheet->image,
                        stacks * SHEET_COLUMNS * tile + (stacks - 1) * STACK_GAP,
                        sheet->rows_per_stack * tile);
}

void sheet_free(struct sheet *sheet)
{
    image_free(&sheet->image);
    *sheet = (struct sheet){ 0 };
}

// Copies `tile` with its upper left corner at x, y. Each pixel becomes a square of
// factor x factor.
static void paste_image(struct sheet *sheet, const struct pix_image *tile, uint32_t x,
                        uint32_t y)
{
    struct pix_image *to = &sheet->image;
    uint32_t factor = sheet->factor;
    assert((uint64_t)x + (uint64_t)tile->width * factor <= to->width &&
           (uint64_t)y + (uint64_t)tile->height * factor <= to->height);
    for (uint32_t row = 0; row < tile->height * factor; row++) {
        const uint8_t *from = tile->pixels + (size_t)(row / factor) * tile->width * 3;
        uint8_t *line = to->pixels + ((size_t)(y + row) * to->width + x) * 3;
        for (uint32_t column = 0; column < tile->width * factor; column++)
            memcpy(line + (size_t)column * 3, from + (size_t)(column / factor) * 3, 3);
    }
}

bool sheet_paste(struct sheet *sheet, uint32_t row, enum sheet_column column,
                 const struct picture *picture)
{
    const uint32_t tile = sheet->side * sheet->factor;
    const uint32_t stack = row / sheet->rows_per_stack;
    struct pix_image image;
    assert(row < sheet->rows && column < SHEET_COLUMNS);
    if (!image_from_picture(picture, &image))
        return false;
    paste_image(sheet, &image,
                stack * (SHEET_COLUMNS * tile + STACK_GAP) + (uint32_t)column * tile,
                row % sheet->rows_per_stack * tile);
    image_free(&image);
    return true;
}

bool sheet_write(const struct sheet *sheet, const char *path)
{
    return image_write(path, &sheet->image);
}
