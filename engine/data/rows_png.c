// SPDX-License-Identifier: MIT
//
// Rows of a PNG, in and out. It can only be read from its beginning: rows in front of
// those that came last are reached by beginning again. See rows.h.

#include "data/rows_file.h"

#include "base/mem.h"
#include "data/encoded.h"
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

// Whoever writes to the file while it is read may give it another size, for which there
// is no room.
static bool is_same(const struct png_form *a, const struct png_form *b)
{
    return a->width == b->width && a->height == b->height &&
           a->channels == b->channels && a->kind == b->kind;
}

static bool begin(struct png_reader *r, struct reason *reason)
{
    const struct png_form before = r->form;
    png_rows_free(r->rows);
    r->next = 0;
    r->rows = png_rows_begin(&r->source, &r->reading, &r->form, reason);
    if (r->rows && r->row && !is_same(&before, &r->form)) {
        r->form = before;
        return reason_refuse(reason, "has changed while it was read");
    }
    return r->rows != NULL;
}

static bool next(struct png_reader *r, struct reason *reason)
{
    r->next++;
    return png_rows_next(r->rows, r->row, reason) &&
           (r->next < r->form.height || png_rows_end(r->rows, reason));
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
        picture_set_row(rows, i, r->row);
    }
    return true;
}

static void close_rows(struct row_reader *base)
{
    struct png_reader *r = (struct png_reader *)base;
    png_rows_free(r->rows);
    source_close(&r->source);
    picture_tags_free(base->form.tags);
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
    if (!png_rows_take_tags(r->rows, &r->base.form.tags, reason))
        goto fail;
    r->row =
        mem_array((size_t)r->form.width * r->form.channels, pixel_bytes(r->form.kind));
    if (r->row)
        return &r->base;
    reason_refuse_memory(reason);

fail:
    close_rows(&r->base);
    return NULL;
}

struct png_out {
    struct row_writer base;
    struct encoded file;
    struct png_writer *writer;
};

static bool write_rows(struct row_writer *base, const struct picture *rows)
{
    return png_writer_write(((struct png_out *)base)->writer, rows);
}

static bool end_rows(struct row_writer *base, bool keeps)
{
    struct png_out *w = (struct png_out *)base;
    const bool ok = png_writer_end(w->writer, keeps);
    mem_free(w);
    return ok;
}

struct row_writer *rows_png_create(const char *path, const struct picture *form)
{
    struct png_out *w = mem_zalloc(sizeof(*w));
    if (!w)
        return NULL;
    w->base =
        (struct row_writer){ .form = *form, .write = write_rows, .end = end_rows };
    if (encoded_begin(&w->file, path))
        w->writer = png_writer_begin(&w->file, form, path);
    if (w->writer)
        return &w->base;
    mem_free(w);
    return NULL;
}
