// SPDX-License-Identifier: MIT
//
// Antialiased resizing of planes, as Pillow does it (Resample.c of Pillow 9).

#ifndef DATA_RESIZE_H
#define DATA_RESIZE_H

#include "base/pixel.h"

enum resize_filter {
    RESIZE_BICUBIC,     // cubic convolution with a = -1/2
    RESIZE_BILINEAR,    // a triangle
    RESIZE_AREA,        // a box: the mean when shrinking, the nearest when enlarging
    RESIZE_NEAREST,     // one pixel each: no colours that are not in the image
};

// Resizes `in`, [planes, height_in, width_in], to `out`, [planes, height, width], in
// two passes, horizontal first. u8: weights are integers times 2^22 and the rows
// between the passes are rounded to bytes, so that the result is Pillow's within 1/255.
// u16 and floats: sums in doubles, rows between the passes in floats; u16 are then
// rounded to the nearest. Bicubic overshoots at edges: u8 and u16 are clamped, floats
// are not. False only without memory, after a message.
bool resize_planes(enum resize_filter filter, enum pixel_kind kind, uint32_t planes,
                   const void *in, uint32_t width_in, uint32_t height_in, void *out,
                   uint32_t width, uint32_t height);

// The pixel of `in` in which the centre of `pixel` of `out` lies.
static inline uint32_t resize_nearest(uint32_t pixel, uint32_t in, uint32_t out)
{
    return (uint32_t)((2 * (uint64_t)pixel + 1) * in / (2 * (uint64_t)out));
}

// Pixels of the input beyond its edge that weights would reach, of `in` pixels that
// become `out`.
uint32_t resize_reach(enum resize_filter filter, uint32_t in, uint32_t out);

// The same of what lies within margins: `across` columns on the left and on the right,
// `down` rows above and below, which are counted in width_in and height_in. Weights
// reach into them, so that an image that goes on beyond its edges has no edge.
bool resize_planes_within(enum resize_filter filter, enum pixel_kind kind,
                          uint32_t planes, const void *in, uint32_t width_in,
                          uint32_t height_in, uint32_t across, uint32_t down, void *out,
                          uint32_t width, uint32_t height);

// Some of `of` pixels along an axis.
struct resize_span {
    uint32_t first, count, of;
};

// The pixels of `in` that those of `out`, at least one, are made of.
struct resize_span resize_needs(enum resize_filter filter, uint32_t in,
                                struct resize_span out);

// Rows of what resize_planes makes of a whole image that gets another height, equal to
// the last bit: `in`, [planes, rows_in.count, width_in], has the rows that resize_needs
// asks for, and maybe more; `out` is [planes, rows.count, width]. False only without
// memory, after a message.
bool resize_rows(enum resize_filter filter, enum pixel_kind kind, uint32_t planes,
                 const void *in, uint32_t width_in, struct resize_span rows_in,
                 void *out, uint32_t width, struct resize_span rows);

#endif
