// SPDX-License-Identifier: MIT
//
// Antialiased resizing of planes, as Pillow does it.

#ifndef DATA_RESIZE_H
#define DATA_RESIZE_H

#include "base/pixel.h"

enum resize_filter {
    RESIZE_BICUBIC,     // a = -1/2
    RESIZE_BILINEAR,    // a triangle
    RESIZE_AREA,        // a box: the mean when shrinking, the nearest when enlarging
};

// Two passes, horizontal first. Bytes: weights are integers times 2^22 and the rows
// between the passes are rounded to bytes, so that the result is Pillow's within 1/255.
// 16-bit numbers and floats: sums in doubles, rows between the passes in floats; then
// 16-bit numbers are rounded to the nearest, floats are left as they are. `in` and
// `out` are `planes` planes one after the other. False only without memory, after a
// message.
bool resize_planes(enum resize_filter filter, enum pixel_kind kind, uint32_t planes,
                   const void *in, uint32_t width_in, uint32_t height_in, void *out,
                   uint32_t width, uint32_t height);

#endif
