// SPDX-License-Identifier: MIT
//
// Readers and writers of whole pictures, in memory or in files of kinds that have none
// of their own. See rows.h.

#include "data/rows.h"

#include "base/log.h"
#include "base/mem.h"
#include "data/picture_file.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

// Rows [from, from + count) of one picture to rows [to, ...) of another of the same
// kind, channels and width.
static void copy_rows(const struct picture *in, uint32_t from, uint32_t count,
                      struct picture *out, uint32_t to)
{
    const size_t row = (size_t)in->width * pixel_bytes(in->kind);
    for (uint32_t c = 0; c < in->channels; c++)
        memcpy((char *)out->samples + ((size_t)c * out->height + to) * row,
               (const char *)in->samples + ((size_t)c * in->height + from) * row,
               count * row);
}

// ---------------------------------------------------------------------------
// Reading

struct picture_reader {
    struct row_reader base;
    const struct picture *picture;
    struct picture own;    // read from a file
};

static bool read_picture(struct row_reader *base, uint32_t y, struct picture *rows,
                         struct reason *reason)
{
    const struct picture_reader *r = (const struct picture_reader *)base;
    (void)reason;
    copy_rows(r->picture, y, rows->height, rows, 0);
    return true;
}

static void close_picture(struct row_reader *base)
{
    struct picture_reader *r = (struct picture_reader *)base;
    picture_free(&r->own);
    mem_free(r);
}

struct row_reader *row_reader_of_picture(const struct picture *picture)
{
    struct picture_reader *r = mem_zalloc(sizeof(*r));
    if (!r)
        return NULL;
    r->base = (struct row_reader){ *picture, read_picture, close_picture };
    r->base.form.samples = NULL;
    r->picture = picture;
    return &r->base;
}

static struct row_reader *open_whole(const char *path,
                                     const struct picture_reading *reading,
                                     struct reason *reason)
{
    struct picture picture;
    if (!picture_read_with(path, reading, &picture, reason))
        return NULL;
    struct row_reader *base = row_reader_of_picture(&picture);
    if (!base) {
        picture_free(&picture);
        reason_refuse_memory(reason);
        return NULL;
    }
    struct picture_reader *r = (struct picture_reader *)base;
    r->own = picture;
    r->picture = &r->own;
    return base;
}

struct row_reader *row_reader_open(const char *path,
                                   const struct picture_reading *reading,
                                   struct reason *reason)
{
    return open_whole(path, reading, reason);
}

bool row_reader_read(struct row_reader *r, uint32_t y, uint32_t count,
                     struct picture *rows, struct reason *reason)
{
    const struct picture *form = &r->form;
    assert(count && y < form->height && count <= form->height - y);
    if (!picture_create(rows, form->kind, form->channels, form->width, count))
        return reason_refuse_memory(reason);
    rows->is_array = form->is_array;
    rows->is_narrow = form->is_narrow;
    rows->range = form->range;
    if (r->read(r, y, rows, reason))
        return true;
    picture_free(rows);
    return false;
}

void row_reader_close(struct row_reader *r)
{
    if (r)
        r->close(r);
}

// ---------------------------------------------------------------------------
// Writing

struct picture_writer {
    struct row_writer base;
    struct picture *picture;
    struct picture own;    // for a file
    const char *path;
    enum array_order order;
};

static bool write_picture(struct row_writer *base, const struct picture *rows)
{
    struct picture_writer *w = (struct picture_writer *)base;
    copy_rows(rows, 0, rows->height, w->picture, base->y);
    return true;
}

static bool end_picture(struct row_writer *base, bool keeps)
{
    struct picture_writer *w = (struct picture_writer *)base;
    bool ok = true;
    if (!keeps)
        picture_free(w->picture);
    else if (w->path)
        ok = picture_write_ordered(w->path, w->picture, w->order);
    picture_free(&w->own);
    mem_free(w);
    return ok;
}

struct row_writer *row_writer_of_picture(const struct picture *form,
                                         struct picture *picture)
{
    struct picture_writer *w = mem_zalloc(sizeof(*w));
    *picture = (struct picture){ 0 };
    if (!w || !picture_create(picture, form->kind, form->channels, form->width,
                              form->height)) {
        mem_free(w);
        return NULL;
    }
    picture->range = form->range;
    w->base = (struct row_writer){ *form, 0, write_picture, end_picture };
    w->picture = picture;
    return &w->base;
}

static struct row_writer *create_whole(const char *path, const struct picture *form,
                                       enum array_order order)
{
    struct picture picture;
    struct row_writer *base = row_writer_of_picture(form, &picture);
    if (!base)
        return NULL;
    struct picture_writer *w = (struct picture_writer *)base;
    w->own = picture;
    w->picture = &w->own;
    w->path = path;
    w->order = order;
    return base;
}

struct row_writer *row_writer_create(const char *path, const struct picture *form,
                                     enum array_order order)
{
    return create_whole(path, form, order);
}

bool row_writer_write(struct row_writer *w, const struct picture *rows)
{
    assert(rows->kind == w->form.kind && rows->channels == w->form.channels);
    assert(rows->width == w->form.width && rows->height <= w->form.height - w->y);
    if (!w->write(w, rows))
        return false;
    w->y += rows->height;
    return true;
}

bool row_writer_end(struct row_writer *w, bool keeps)
{
    if (!w)
        return true;
    return w->end(w, keeps && w->y == w->form.height);
}
