// SPDX-License-Identifier: MIT
//
// How one axis of an image is cut into tiles. The canvas is the image as the network
// takes it, continued up to a multiple of what the network needs. Its pixels are shared
// out to the cores of the tiles; what the network runs over is a window, of the same
// size for all tiles, which has at least `margin` pixels around the core but where the
// canvas ends: there the network sees the edge that it would see in the whole image.
// Cores and windows begin at multiples.
//
// An axis that wraps is one whose ends continue each other. Its canvas has the image
// once and the margin on both sides, where it shows what lies at the image's other end,
// so that no window ends with the image.
//
// Where a margin is too small for the result of the whole image, the outputs of
// neighbours are blended from `blend` pixels in front of the edge between their cores
// to as many behind it.

#ifndef TRANSLATE_TILE_AXIS_H
#define TRANSLATE_TILE_AXIS_H

#include "base/base.h"

// What all axes have in common. `tile` and `margin` are multiples of `unit`.
struct tile_cut {
    uint32_t unit;     // what the network needs multiples of
    uint32_t least;    // the smallest side that it takes
    uint32_t tile;     // pixels that a core has at most
    uint32_t margin;
    bool blends, wraps;
};

struct tile_axis {
    uint32_t size;      // pixels of the image, 1 or more
    uint32_t canvas;    // of the canvas: `size`, rounded up to `unit`
    uint32_t first;     // the pixel of the canvas that is the image's first
    uint32_t unit;      // what the network needs multiples of
    uint32_t count;     // tiles
    uint32_t window;    // pixels of a window
    uint32_t margin;
    uint32_t blend;
    bool wraps;
};

// The smallest side, from `size` on, that an axis can have to wrap.
uint32_t tile_axis_whole(uint32_t size, const struct tile_cut *cut);

// Cores all have nearly the same number of pixels. Size + unit + 2 margin and tile +
// 2 margin are below 2^32. Where the cut wraps, `size` is a tile_axis_whole.
void tile_axis_init(struct tile_axis *a, uint32_t size, const struct tile_cut *cut);

// The first pixel of a core in the canvas; that of number `count` is the canvas' end.
uint32_t tile_axis_core(const struct tile_axis *a, uint32_t tile);
uint32_t tile_axis_window(const struct tile_axis *a, uint32_t tile);

// Pixels of the canvas whose output tile `tile` has a part in: first to before *end.
uint32_t tile_axis_reach(const struct tile_axis *a, uint32_t tile, uint32_t *end);

// The part that tile `tile` has in the output of a pixel: those of all tiles add up to
// 1, and those outside of its reach are 0. Of an axis that wraps and blends, pixels in
// front of the image and behind it are those at its other end.
float tile_axis_weight(const struct tile_axis *a, uint32_t tile, uint32_t pixel);

// The pixel of the image that a pixel of the canvas shows: behind its end the image is
// mirrored, with its last pixel repeated, as often as it takes; or it begins again.
uint32_t tile_axis_source(const struct tile_axis *a, uint32_t pixel);

#endif
