// SPDX-License-Identifier: MIT
//
// Rows are copied in runs: most of a window is the picture itself. See window.h.

#include "data/window.h"

#include "base/mem.h"

#include <string.h>

uint32_t window_source(enum window_edge edge, int64_t i, uint32_t n)
{
    const int64_t period = edge == WINDOW_MIRROR ? 2 * (int64_t)n : (int64_t)n;
    const int64_t at = (i % period + period) % period;
    return (uint32_t)(at < n ? at : period - 1 - at);
}

// Columns of a row that the window has at [column, column + count), count at least 1.
struct run {
    uint32_t from, count;
};

// The longest run of rising columns from here on.
static struct run find_run(const uint32_t *columns, uint32_t column, uint32_t width)
{
    struct run run = { columns[column], 1 };
    while (column + run.count < width &&
           columns[column + run.count] == run.from + run.count)
        run.count++;
    return run;
}

static void copy_row(const char *from, const uint32_t *columns, uint32_t width,
                     size_t bytes, char *to)
{
    for (uint32_t x = 0; x < width;) {
        const struct run run = find_run(columns, x, width);
        memcpy(to + x * bytes, from + run.from * bytes, run.count * bytes);
        x += run.count;
    }
}

bool window_create(const struct picture *in, struct window_edges edges, int64_t x,
                   int64_t y, uint32_t width, uint32_t height, struct picture *out)
{
    const size_t bytes = pixel_bytes(in->kind);
    uint32_t *columns = mem_array(width, sizeof(*columns));
    *out = (struct picture){ 0 };
    if (!columns || !picture_create(out, in->kind, in->channels, width, height)) {
        mem_free(columns);
        return false;
    }
    out->is_array = in->is_array;
    out->range = in->range;
    out->range = in->range;
    for (uint32_t i = 0; i < width; i++)
        columns[i] = window_source(edges.across, x + i, in->width);
    for (uint32_t c = 0; c < in->channels; c++)
        for (uint32_t i = 0; i < height; i++) {
            const size_t row = window_source(edges.down, y + i, in->height);
            copy_row((const char *)in->samples +
                         ((size_t)c * in->height + row) * in->width * bytes,
                     columns, width, bytes,
                     (char *)out->samples + ((size_t)c * height + i) * width * bytes);
        }
    mem_free(columns);
    return true;
}

bool window_resize(const struct picture *in, struct window_edges edges,
                   enum resize_filter filter, uint32_t width, uint32_t height,
                   struct picture *out)
{
    const uint32_t across = edges.across == WINDOW_WRAP && width != in->width
                                ? resize_reach(filter, in->width, width)
                                : 0;
    const uint32_t down = edges.down == WINDOW_WRAP && height != in->height
                              ? resize_reach(filter, in->height, height)
                              : 0;
    struct picture wide = { 0 };
    *out = (struct picture){ 0 };
    bool ok =
        window_create(in, edges, -(int64_t)across, -(int64_t)down,
                      in->width + 2 * across, in->height + 2 * down, &wide) &&
        picture_create(out, in->kind, in->channels, width, height) &&
        resize_planes_within(filter, in->kind, in->channels, wide.samples, wide.width,
                             wide.height, across, down, out->samples, width, height);
    if (ok) {
        out->is_array = in->is_array;
        out->range = in->range;
    } else {
        picture_free(out);
    }
    picture_free(&wide);
    return ok;
}
