// SPDX-License-Identifier: MIT
//
// Words on images: printable ASCII in the small font of stb_easy_font.h, whose letters
// are at most 9 pixels high.

#ifndef DATA_LETTERING_H
#define DATA_LETTERING_H

#include "pix2pix.h"

#define LETTERING_HEIGHT 9u         // pixels
#define LETTERING_LENGTH_MAX 63u    // letters; more are not drawn

// Whether all of it can be drawn: one line of printable ASCII that is not too long.
bool lettering_is_fine(const char *text);

// Pixels, of a text that is fine.
uint32_t lettering_width(const char *text);

// Draws a text that is fine in white. Each pixel of it becomes a square of
// factor x factor; the upper left corner of the first is at x, y. What lies beyond the
// image, or right of `end`, is left out.
void lettering_draw(struct pix_image *image, const char *text, uint32_t x, uint32_t y,
                    uint32_t end, uint32_t factor);

#endif
