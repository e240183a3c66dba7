// SPDX-License-Identifier: MIT
//
// Rows of a PNG. It can only be read from its beginning: rows in front of those that
// came last are reached by beginning again. See rows.h.

#include "data/rows_file.h"

#include "base/mem.h"
#include "data/png_rows.h"

struct png_reader {
    struct row_reader base;
    struct source source;
    struct picture_reading reading;
    struct png_rows *rows;
    struct png_form form;
    uint32_t next;    // row
    void *row;        // [width][channels]
};

static bool begin(struct png_reader *r, struct reason *reason)
{
    png_rows_free(r->rows);
    r->next = 0;
    r->rows = png_rows_begin(&r->source, &r->reading, &r->form, reason);
    return r->rows != NULL;
}

static bool next(struct png_reader *r, struct reason *reason)
{
    r->next++;
    return png_rows_next(r->rows, r->row, reason) &&
           (r->next < r->form.height || png_rows_end(r->rows, reason));
}

static void take_row(const struct png_reader *r, struct picture *rows, uint32_t y)
{
    const uint32_t channels = rows->channels;
    for (uint32_t c = 0; c < channels; c++)
        for (uint32_t x = 0; x < rows->width; x++) {
            const size_t to = ((size_t)c * rows->height + y) * rows->width + x;
            const size_t from = (size_t)x * channels + c;
            if (rows->kind == PIXEL_U8)
                ((uint8_t *)rows->samples)[to] = ((const uint8_t *)r->row)[from];
            else
                ((uint16_t *)rows->samples)[to] = ((const uint16_t *)r->row)[from];
        }
}

static bool read_rows(struct row_reader *base, uint32_t y, struct picture *rows,
                      struct reason *reason)
{
    struct png_reader *r = (struct png_reader *)base;
    if (y < r->next && !begin(r, reason))
        return false;
    while (r->next < y)
        if (!next(r, reason))
            return false;
    for (uint32_t i = 0; i < rows->height; i++) {
        if (!next(r, reason))
            return false;
        take_row(r, rows, i);
    }
    return true;
}

static void close_rows(struct row_reader *base)
{
    struct png_reader *r = (struct png_reader *)base;
    png_rows_free(r->rows);
    source_close(&r->source);
    mem_free(r->row);
    mem_free(r);
}

struct row_reader *rows_png_open(const char *path,
                                 const struct picture_reading *reading,
                                 struct reason *reason)
{
    struct png_reader *r = mem_zalloc(sizeof(*r));
    if (!r) {
        reason_refuse_memory(reason);
        return NULL;
    }
    r->base.read = read_rows;
    r->base.close = close_rows;
    r->reading = *reading;
    r->reading.max_pixels = UINT64_MAX;    // nobody holds them
    if (!source_open(&r->source, path, reason) || !begin(r, reason))
        goto fail;
    r->base.form = (struct picture){ .kind = r->form.kind,
                                     .channels = r->form.channels,
                                     .width = r->form.width,
                                     .height = r->form.height,
                                     .orientation = r->form.orientation };
    r->base.is_held = r->form.is_interlaced;
    r->row =
        mem_array((size_t)r->form.width * r->form.channels, pixel_bytes(r->form.kind));
    if (r->row)
        return &r->base;
    reason_refuse_memory(reason);

fail:
    close_rows(&r->base);
    return NULL;
}
