// SPDX-License-Identifier: MIT
//
// Rows of a .npy array, in and out. See rows.h.

#include "data/rows_file.h"

#include "base/mem.h"
#include "data/npy.h"

struct npy_in {
    struct row_reader base;
    struct source source;
    struct npy_reader *reader;
};

static bool read_rows(struct row_reader *base, uint32_t y, struct picture *rows,
                      struct reason *reason)
{
    return npy_reader_read(((struct npy_in *)base)->reader, y, rows, reason);
}

static void close_rows(struct row_reader *base)
{
    struct npy_in *r = (struct npy_in *)base;
    npy_reader_close(r->reader);
    source_close(&r->source);
    mem_free(r);
}

struct row_reader *rows_npy_open(const char *path,
                                 const struct picture_reading *reading,
                                 struct reason *reason)
{
    struct picture_reading all = *reading;
    struct npy_form form;
    struct npy_in *r = mem_zalloc(sizeof(*r));
    if (!r) {
        reason_refuse_memory(reason);
        return NULL;
    }
    r->base.read = read_rows;
    r->base.close = close_rows;
    all.max_pixels = UINT64_MAX;    // nobody holds them
    if (!source_open(&r->source, path, reason) ||
        !(r->reader = npy_reader_open(&r->source, &all, &form, reason))) {
        close_rows(&r->base);
        return NULL;
    }
    r->base.form = (struct picture){ .kind = form.kind,
                                     .channels = form.channels,
                                     .width = form.width,
                                     .height = form.height,
                                     .is_array = true };
    r->base.is_held = form.needs_all;
    return &r->base;
}

struct npy_out {
    struct row_writer base;
    struct encoded file;
    struct npy_writer writer;
};

static bool write_rows(struct row_writer *base, const struct picture *rows)
{
    return npy_writer_write(&((struct npy_out *)base)->writer, rows);
}

static bool end_rows(struct row_writer *base, bool keeps)
{
    struct npy_out *w = (struct npy_out *)base;
    const bool ok = npy_writer_end(&w->writer, keeps);
    mem_free(w);
    return ok;
}

struct row_writer *rows_npy_create(const char *path, const struct picture *form,
                                   enum array_order order)
{
    struct npy_out *w = mem_zalloc(sizeof(*w));
    if (!w)
        return NULL;
    w->base =
        (struct row_writer){ .form = *form, .write = write_rows, .end = end_rows };
    if (encoded_begin(&w->file, path) &&
        npy_writer_begin(&w->writer, &w->file, form, order))
        return &w->base;
    mem_free(w);
    return NULL;
}
