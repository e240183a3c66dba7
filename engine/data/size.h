// SPDX-License-Identifier: MIT
//
// Sizes in pixels, struct pix_size, compared and as text.

#ifndef DATA_SIZE_H
#define DATA_SIZE_H

#include "base/base.h"
#include "pix2pix.h"

#include <stdio.h>

enum { SIZE_TEXT_SIZE = 24 };

static inline bool size_equals(struct pix_size a, struct pix_size b)
{
    return a.width == b.width && a.height == b.height;
}

static inline bool size_is_zero(struct pix_size size)
{
    return size.width == 0 && size.height == 0;
}

// As options have it: "256" for a square, else "512x256". Returns text.
static inline const char *size_text(struct pix_size size, char text[SIZE_TEXT_SIZE])
{
    if (size.width == size.height)
        snprintf(text, SIZE_TEXT_SIZE, "%u", (unsigned)size.width);
    else
        snprintf(text, SIZE_TEXT_SIZE, "%ux%u", (unsigned)size.width,
                 (unsigned)size.height);
    return text;
}

#endif
