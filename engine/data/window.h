// SPDX-License-Identifier: MIT
//
// Pictures that go on beyond their edges.

#ifndef DATA_WINDOW_H
#define DATA_WINDOW_H

#include "data/picture.h"

// What comes after the last column (row), and before the first.
enum window_edge {
    WINDOW_MIRROR,    // the picture mirrored, its edge repeated: ... c c b a a b c c b
                      // ...
    WINDOW_WRAP,      // the picture again: ... b c a b c a b ...
};

struct window_edges {
    enum window_edge across, down;    // left and right, top and bottom
};

// The place in a row of n samples that has what a row without an end has at i.
uint32_t window_source(enum window_edge edge, int64_t i, uint32_t n);

// Columns [x, x + width) and rows [y, y + height) of a picture that goes on, however
// far outside they are. False only without memory, after a message.
bool window_create(const struct picture *in, struct window_edges edges, int64_t x,
                   int64_t y, uint32_t width, uint32_t height, struct picture *out);

// Resizes a picture that goes on: so does the result, without a seam. The axes that do
// not wrap are resized as ever, by weights that end at the edge.
bool window_resize(const struct picture *in, struct window_edges edges,
                   enum resize_filter filter, uint32_t width, uint32_t height,
                   struct picture *out);

#endif
