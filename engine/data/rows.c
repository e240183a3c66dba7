// SPDX-License-Identifier: MIT
//
// Readers and writers of whole pictures, in memory or in files of kinds that have none
// of their own. See rows.h.

#include "data/rows.h"

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "data/codec.h"
#include "data/picture_file.h"
#include "data/rows_file.h"

#include <assert.h>
#include <inttypes.h>

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
    picture_copy_rows(r->picture, y, rows->height, rows, 0);
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
    r->base = (struct row_reader){ *picture, read_picture, close_picture, true };
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

// By the first bytes of the file. NULL with the reason, or with `is_known` false.
static struct row_reader *open_rows(const char *path,
                                    const struct picture_reading *reading,
                                    bool *is_known, struct reason *reason)
{
    uint8_t head[FILE_HEAD];
    size_t size;
    *is_known = true;
    if (!file_load_head(path, head, sizeof(head), &size, reason))
        return NULL;
    if (png_is(head, size))
        return rows_png_open(path, reading, reason);
    if (npy_is(head, size))
        return rows_npy_open(path, reading, reason);
#ifdef PIX_HAVE_TIFF
    if (tiff_is(head, size))
        return rows_tiff_open(path, reading, reason);
#endif
    *is_known = false;
    return NULL;
}

// What concerns all pixels at once is done to whole pictures: turning them, and what
// becomes of an alpha.
static bool needs_all(const struct row_reader *r, const struct picture_reading *reading)
{
    const struct picture *form = &r->form;
    return r->is_held || (form->orientation && !reading->as_stored) ||
           (!form->is_array && (form->channels == 2 || form->channels == 4));
}

struct row_reader *row_reader_open(const char *path,
                                   const struct picture_reading *reading,
                                   struct reason *reason)
{
    bool is_known;
    struct row_reader *r = open_rows(path, reading, &is_known, reason);
    if (r && !needs_all(r, reading))
        return r;
    const bool is_broken = !r && is_known;
    row_reader_close(r);
    return is_broken ? NULL : open_whole(path, reading, reason);
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
    picture_copy_rows(rows, 0, rows->height, w->picture, base->y);
    return true;
}

static bool end_picture(struct row_writer *base, bool keeps)
{
    struct picture_writer *w = (struct picture_writer *)base;
    bool ok = true;
    if (!keeps)
        picture_free(w->picture);
    else if (w->path) {
        w->picture->tags = w->base.form.tags;    // the caller's
        ok = picture_write_ordered(w->path, w->picture, w->order);
        w->picture->tags = NULL;
    }
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
    picture->palette = form->palette;
    w->base = (struct row_writer){ .form = *form,
                                   .write = write_picture,
                                   .end = end_picture };
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

static struct row_writer *create(const char *path, const struct picture *form,
                                 enum array_order order)
{
    if (picture_has_extension_of(path, png_is))
        return rows_png_create(path, form);
    if (picture_has_extension_of(path, npy_is))
        return rows_npy_create(path, form, order);
#ifdef PIX_HAVE_TIFF
    if (picture_has_extension_of(path, tiff_is))
        return rows_tiff_create(path, form);
#endif
    return create_whole(path, form, order);
}

struct row_writer *row_writer_create(const char *path, const struct picture *form,
                                     enum array_order order)
{
    struct row_writer *w =
        picture_check_file(path, form) ? create(path, form, order) : NULL;
    // The colours of classes stay as they are.
    if (w && !form->palette && picture_file_holds(path).place)
        w->has_no_data = picture_tags_no_data(form->tags, form->kind, &w->no_data);
    return w;
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
