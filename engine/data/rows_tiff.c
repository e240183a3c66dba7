// SPDX-License-Identifier: MIT
//
// Rows of a TIFF, in and out. See rows.h.

#include "data/rows_file.h"

#include "base/mem.h"
#include "data/codec.h"
#include "data/encoded.h"
#include "data/picture_tags.h"
#include "data/tiff.h"

struct tiff_rows {
    struct row_reader base;
    struct source source;
    struct tiff_reader *reader;
};

static bool read_rows(struct row_reader *base, uint32_t y, struct picture *rows,
                      struct reason *reason)
{
    struct tiff_rows *r = (struct tiff_rows *)base;
    return tiff_reader_read(r->reader, y, rows->height, rows->samples,
                            (size_t)rows->width * rows->height, reason);
}

static void close_rows(struct row_reader *base)
{
    struct tiff_rows *r = (struct tiff_rows *)base;
    tiff_reader_close(r->reader);
    source_close(&r->source);
    picture_tags_free(base->form.tags);
    mem_free(r);
}

// Sides are limited, the number of pixels is not: nobody holds them.
static bool check_sides(const struct tiff_info *info, struct reason *reason)
{
    const struct picture_reading any = { .max_pixels = UINT64_MAX };
    return codec_check_bytes(info->width, info->height,
                             (uint64_t)info->channels * pixel_bytes(info->kind), &any,
                             reason);
}

// Only all samples say what they are, or tiles are so high that a row of them is more
// than may be held.
static bool needs_all(const struct tiff_info *info,
                      const struct picture_reading *reading)
{
    const uint64_t most = picture_most_pixels(reading);
    return info->may_be_narrow ||
           (info->is_tiled &&
            (uint64_t)info->width * MIN(info->rows, info->height) > most);
}

struct row_reader *rows_tiff_open(const char *path,
                                  const struct picture_reading *reading,
                                  struct reason *reason)
{
    struct tiff_rows *r = mem_zalloc(sizeof(*r));
    if (!r) {
        reason_refuse_memory(reason);
        return NULL;
    }
    r->base.read = read_rows;
    r->base.close = close_rows;
    if (!source_open(&r->source, path, reason) ||
        !(r->reader = tiff_reader_open(&r->source, reading->page, reason)))
        goto fail;
    const struct tiff_info *info = tiff_reader_info(r->reader);
    if (!check_sides(info, reason))
        goto fail;
    r->base.form = (struct picture){ .kind = info->kind,
                                     .channels = info->channels,
                                     .width = info->width,
                                     .height = info->height,
                                     .is_array = info->is_array,
                                     .orientation = info->orientation,
                                     .pages = info->pages };
    r->base.is_held = needs_all(info, reading);
    if (!reading->with_tags ||
        (r->base.form.tags = tiff_reader_tags(r->reader, reason)))
        return &r->base;

fail:
    close_rows(&r->base);
    return NULL;
}

struct tiff_out {
    struct row_writer base;
    struct encoded file;
    struct tiff_writer *writer;
};

static bool write_rows(struct row_writer *base, const struct picture *rows)
{
    struct tiff_out *w = (struct tiff_out *)base;
    return tiff_writer_write(w->writer, rows->height, rows->samples,
                             (size_t)rows->width * rows->height);
}

static bool end_rows(struct row_writer *base, bool keeps)
{
    struct tiff_out *w = (struct tiff_out *)base;
    const bool ok = tiff_writer_close(w->writer, keeps) || !keeps;
    mem_free(w);
    return ok;
}

struct row_writer *rows_tiff_create(const char *path, const struct picture *p)
{
    const struct tiff_form form = { p->kind,     p->channels, p->width,  p->height,
                                    p->is_array, p->tags,     p->palette };
    struct tiff_out *w = mem_zalloc(sizeof(*w));
    if (!w)
        return NULL;
    w->base = (struct row_writer){ .form = *p, .write = write_rows, .end = end_rows };
    if (encoded_begin(&w->file, path))
        w->writer = tiff_writer_open(&w->file, &form, path);
    if (w->writer)
        return &w->base;
    mem_free(w);
    return NULL;
}
