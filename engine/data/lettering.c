// SPDX-License-Identifier: MIT
//
// The font gives the strokes of the letters as rectangles on a grid of whole pixels,
// four corners each. See lettering.h.

#ifdef __GNUC__
#pragma GCC diagnostic ignored "-Wpragmas"
#pragma GCC diagnostic ignored "-Wunknown-pragmas"
#pragma GCC diagnostic ignored "-Wunused-function"
#pragma GCC diagnostic ignored "-Wmissing-prototypes"
#endif

#include "data/lettering.h"

#include "base/base.h"

#include <stdio.h>
#include <string.h>

#include <stb/stb_easy_font.h>

// Of a rectangle; the font writes nothing else.
struct corner {
    float x, y, z;
    unsigned char colour[4];
};

enum {
    CORNERS = 4,
    MOST_STROKES = 16 * (LETTERING_LENGTH_MAX + 1),    // the widest letter has 13
};

bool lettering_is_fine(const char *text)
{
    const size_t length = strlen(text);
    for (size_t i = 0; i < length; i++)
        if (text[i] < ' ' || text[i] > '~')
            return false;
    return length <= LETTERING_LENGTH_MAX;
}

uint32_t lettering_width(const char *text)
{
    char own[LETTERING_LENGTH_MAX + 1];    // the font takes no constant text
    snprintf(own, sizeof(own), "%s", text);
    return (uint32_t)stb_easy_font_width(own);
}

static void fill(struct pix_image *image, uint32_t left, uint32_t top, uint32_t right,
                 uint32_t bottom)
{
    right = MIN(right, image->width);
    bottom = MIN(bottom, image->height);
    for (uint32_t y = top; y < bottom; y++)
        if (left < right)
            memset(image->pixels + ((size_t)y * image->width + left) * 3, 255,
                   (size_t)(right - left) * 3);
}

void lettering_draw(struct pix_image *image, const char *text, uint32_t x, uint32_t y,
                    uint32_t end, uint32_t factor)
{
    struct corner strokes[MOST_STROKES][CORNERS];
    char own[LETTERING_LENGTH_MAX + 1];
    snprintf(own, sizeof(own), "%s", text);
    const int count = stb_easy_font_print(0, 0, own, NULL, strokes, sizeof(strokes));
    for (int i = 0; i < count; i++) {
        const struct corner *first = &strokes[i][0], *opposite = &strokes[i][2];
        fill(image, x + (uint32_t)first->x * factor, y + (uint32_t)first->y * factor,
             MIN(end, x + (uint32_t)opposite->x * factor),
             y + (uint32_t)opposite->y * factor);
    }
}
