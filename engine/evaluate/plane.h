// SPDX-License-Identifier: MIT
//
// One channel of an image, or a colour in its place, read as doubles.

#ifndef EVALUATE_PLANE_H
#define EVALUATE_PLANE_H

#include "base/base.h"
#include "base/pixel.h"

// [height][width].
struct plane {
    const void *samples;    // NULL: `value` everywhere, in samples of this kind
    enum pixel_kind kind;
    struct pixel_range range;
    double value;
    uint32_t width, height;
};

// Row y plus a number.
void plane_read_row(const struct plane *p, uint32_t y, double plus,
                    double *restrict row);

#endif
