// SPDX-License-Identifier: MIT
//
// A sheet is divided into stacks, a stack into rows below its headings, a row into
// tiles of the same size. See sheet.h.

#include "data/sheet.h"

#include "data/image.h"
#include "data/lettering.h"

#include <assert.h>
#include <string.h>

#define STACK_GAP 8u         // pixels between two stacks
#define VISIBLE_SIDE 160u    // pixels: a tile whose larger side this is stays as it is
#define LETTERED_SIDE                                                                  \
    80u    // pixels of a tile's width for each of which letters are enlarged
#define HEADING_MARGIN 2u    // above and below letters, in pixels of theirs

static uint32_t stack_width(const struct sheet *sheet)
{
    return sheet->columns * sheet->tile.width * sheet->factor;
}

// The largest at which no heading is wider than its column, but not so large that it
// catches the eye before the pictures do.
static uint32_t choose_letter_factor(const struct sheet_layout *layout, uint32_t tile)
{
    uint32_t widest = 1;
    for (uint32_t i = 0; i < layout->columns; i++)
        widest = MAX(widest, lettering_width(layout->headings[i]));
    return MAX(1u, MIN(tile / LETTERED_SIDE, tile / widest));
}

static void draw_headings(struct sheet *sheet, const struct sheet_layout *layout,
                          uint32_t factor)
{
    const uint32_t tile = sheet->tile.width * sheet->factor;
    for (uint32_t stack = 0; stack < layout->stacks; stack++)
        for (uint32_t i = 0; i < layout->columns; i++) {
            const char *text = layout->headings[i];
            const uint32_t x = stack * (stack_width(sheet) + STACK_GAP) + i * tile;
            const uint32_t width = MIN(tile, lettering_width(text) * factor);
            lettering_draw(&sheet->image, text, x + (tile - width) / 2,
                           HEADING_MARGIN * factor, x + tile, factor);
        }
}

bool sheet_create(struct sheet *sheet, const struct sheet_layout *layout)
{
    const struct pix_size tile = layout->tile;
    const uint32_t stacks = layout->stacks;
    assert(tile.width > 0 && tile.height > 0 && layout->rows > 0 &&
           layout->columns > 0 && stacks > 0);
    *sheet = (struct sheet){
        .tile = tile,
        .factor = DIV_UP(VISIBLE_SIDE, MAX(tile.width, tile.height)),
        .rows = layout->rows,
        .columns = layout->columns,
        .rows_per_stack = DIV_UP(layout->rows, stacks),
    };
    const uint32_t letter =
        layout->headings ? choose_letter_factor(layout, tile.width * sheet->factor) : 0;
    sheet->letter = MAX(1u, letter);
    sheet->heading_height = letter * (LETTERING_HEIGHT + 2 * HEADING_MARGIN);
    if (!image_create(&sheet->image,
                      stacks * stack_width(sheet) + (stacks - 1) * STACK_GAP,
                      sheet->heading_height +
                          sheet->rows_per_stack * tile.height * sheet->factor))
        return false;
    if (letter)
        draw_headings(sheet, layout, letter);
    return true;
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

bool sheet_paste(struct sheet *sheet, uint32_t row, uint32_t column,
                 const struct picture *picture)
{
    const uint32_t width = sheet->tile.width * sheet->factor;
    const uint32_t height = sheet->tile.height * sheet->factor;
    const uint32_t stack = row / sheet->rows_per_stack;
    struct pix_image image;
    assert(row < sheet->rows && column < sheet->columns);
    if (!image_from_picture(picture, &image))
        return false;
    paste_image(sheet, &image,
                stack * (stack_width(sheet) + STACK_GAP) + column * width,
                sheet->heading_height + row % sheet->rows_per_stack * height);
    image_free(&image);
    return true;
}

void sheet_letter(struct sheet *sheet, uint32_t row, uint32_t column, const char *text)
{
    struct pix_image *to = &sheet->image;
    const uint32_t width = sheet->tile.width * sheet->factor;
    const uint32_t height = sheet->tile.height * sheet->factor;
    const uint32_t margin = HEADING_MARGIN * sheet->letter;
    const uint32_t x =
        row / sheet->rows_per_stack * (stack_width(sheet) + STACK_GAP) + column * width;
    const uint32_t y = sheet->heading_height + row % sheet->rows_per_stack * height;
    const uint32_t wide =
        MIN(width, lettering_width(text) * sheet->letter + 2 * margin);
    const uint32_t high = MIN(height, LETTERING_HEIGHT * sheet->letter + 2 * margin);
    assert(row < sheet->rows && column < sheet->columns);
    for (uint32_t i = 0; i < high; i++)
        memset(to->pixels + ((size_t)(y + i) * to->width + x) * 3, 0, (size_t)wide * 3);
    lettering_draw(to, text, x + margin, y + margin, x + wide, sheet->letter);
}

bool sheet_write(const struct sheet *sheet, const char *path)
{
    return image_write(path, &sheet->image);
}
