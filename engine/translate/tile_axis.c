// SPDX-License-Identifier: MIT
//
// Arithmetic of tiles. See tile_axis.h.

#include "translate/tile_axis.h"

#include "data/window.h"

#include <assert.h>

uint32_t tile_axis_whole(uint32_t size, const struct tile_cut *cut)
{
    return ALIGN_UP(MAX(size, cut->least), cut->unit);
}

void tile_axis_init(struct tile_axis *a, uint32_t size, const struct tile_cut *cut)
{
    const uint32_t unit = cut->unit, tile = cut->tile, margin = cut->margin;
    assert(size && unit && tile && tile % unit == 0 && margin % unit == 0);
    *a = (struct tile_axis){
        .size = size, .unit = unit, .margin = margin, .wraps = cut->wraps
    };
    const uint32_t whole = tile_axis_whole(size, cut), units = whole / unit;
    assert(!cut->wraps || size == whole);
    if (cut->wraps)
        a->first = margin;
    a->canvas = whole + 2 * a->first;
    a->count = DIV_UP(whole, tile);
    const uint32_t least = units / a->count, most = DIV_UP(units, a->count);
    a->window = (uint32_t)MIN((uint64_t)most * unit + 2 * (uint64_t)margin,
                              (uint64_t)a->canvas);
    // Three tiles never meet in one pixel.
    if (cut->blends && (a->count > 1 || a->wraps))
        a->blend = MIN(margin, least * unit / 2);
}

uint32_t tile_axis_core(const struct tile_axis *a, uint32_t tile)
{
    const uint64_t units = (a->canvas - 2 * a->first) / a->unit;
    return a->first + (uint32_t)(units * tile / a->count) * a->unit;
}

uint32_t tile_axis_window(const struct tile_axis *a, uint32_t tile)
{
    const uint32_t core = tile_axis_core(a, tile);
    return MIN(core - MIN(core, a->margin), a->canvas - a->window);
}

// Whether a tile has a neighbour in front of it, or behind it.
static bool has_previous(const struct tile_axis *a, uint32_t tile)
{
    return tile > 0 || a->wraps;
}

static bool has_next(const struct tile_axis *a, uint32_t tile)
{
    return tile + 1 < a->count || a->wraps;
}

uint32_t tile_axis_reach(const struct tile_axis *a, uint32_t tile, uint32_t *end)
{
    const uint32_t first = tile_axis_core(a, tile), last = tile_axis_core(a, tile + 1);
    *end = has_next(a, tile) ? last + a->blend : last;
    return has_previous(a, tile) ? first - a->blend : first;
}

// How far a pixel is in the zone around an edge, from 0 to 1.
static float rise(const struct tile_axis *a, uint32_t edge, uint32_t pixel)
{
    const double zone = 2.0 * a->blend;
    const double at = (double)pixel + 0.5 - ((double)edge - a->blend);
    return (float)(at <= 0 ? 0 : at >= zone ? 1 : at / zone);
}

float tile_axis_weight(const struct tile_axis *a, uint32_t tile, uint32_t pixel)
{
    const uint32_t first = tile_axis_core(a, tile), end = tile_axis_core(a, tile + 1);
    if (a->blend == 0)
        return pixel >= first && pixel < end ? 1.0f : 0.0f;
    const float in = has_previous(a, tile) ? rise(a, first, pixel) : 1.0f;
    const float out = has_next(a, tile) ? rise(a, end, pixel) : 0.0f;
    return MIN(in, 1.0f - out);
}

uint32_t tile_axis_source(const struct tile_axis *a, uint32_t pixel)
{
    return window_source(a->wraps ? WINDOW_WRAP : WINDOW_MIRROR,
                         (int64_t)pixel - a->first, a->size);
}
