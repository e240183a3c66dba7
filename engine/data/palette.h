// SPDX-License-Identifier: MIT
//
// The colours of label maps: class k has colour k.

#ifndef DATA_PALETTE_H
#define DATA_PALETTE_H

#include "base/reason.h"
#include "data/picture.h"

#define PALETTE_MAX 256u

struct palette {
    uint32_t count;
    uint8_t colours[PALETTE_MAX][3];    // red, green, blue
    uint32_t first_index;    // of the first colour in label maps of indices: 0 or 1
};

// Reads a text file, or takes the colours of an 8-bit image. A line of text is a colour
// as "#rrggbb", as "red green blue" or, with its index before it, as "index red green
// blue", each of 0 to 255; what follows is its name, which is not used. An index counts
// from 0 or 1. In a GIMP palette the first three numbers are the colour, whatever its
// name is. Lines that are empty or begin with '#' and a space, and the head of a GIMP
// palette, are left out. False with the reason: no colour, more than PALETTE_MAX, a
// colour twice, a line that is none of these, or one that may have an index or a number
// as its name.
bool palette_read(const char *path, struct palette *palette, struct reason *reason);

// Adds the colours of a picture that are not in it yet, in the order of its pixels. It
// has 8 bits and 1 or 3 channels. False with the reason.
bool palette_add_picture(struct palette *palette, const struct picture *picture,
                         struct reason *reason);

// A palette as an option has it: "#rrggbb,#rrggbb", or "1:#rrggbb,#rrggbb" where
// indices count from 1. palette_parse is false where a text is not that, has a colour
// twice, or more than PALETTE_MAX.
#define PALETTE_TEXT_SIZE (8 * PALETTE_MAX + 3)
char *palette_text(const struct palette *palette, char text[PALETTE_TEXT_SIZE]);
bool palette_parse(const char *text, struct palette *palette);

// Whether all of its colours are greys.
bool palette_is_grey(const struct palette *palette);

// In the order of red, then green, then blue.
void palette_sort(struct palette *palette);

// The class of the colour that is nearest in RGB, by the sum of squares; of equally
// near ones the first. There is at least one.
uint32_t palette_find(const struct palette *palette, uint8_t r, uint8_t g, uint8_t b);
// The same of `count` pixels, [3][plane] bytes, of which the first is at `rgb`.
void palette_find_all(const struct palette *palette, const uint8_t *rgb, size_t plane,
                      size_t count, uint8_t *classes);

#endif
