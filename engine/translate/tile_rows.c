// SPDX-License-Identifier: MIT
//
// See tile_rows.h.

#include "translate/tile_rows.h"

#include "base/log.h"
#include "data/no_data.h"

#define FILTER RESIZE_BICUBIC    // that of task_enlarge

void tile_rows_init(struct tile_rows *r, const struct translator *t,
                    struct row_reader *reader, const char *name)
{
    const struct pix_size size = picture_size(&reader->form);
    *r = (struct tile_rows){ .translator = t, .reader = reader, .name = name };
    r->size = task_input_size(&translator_get_settings(t)->task, size);
    r->factor = r->size.width / size.width;
}

void tile_rows_finish(struct tile_rows *r)
{
    picture_free(&r->held);
    picture_free(&r->held_mask);
}

void tile_rows_made_free(struct tile_rows_made *made)
{
    picture_free(&made->rows);
    picture_free(&made->mask);
    task_rest_free(&made->rest);
}

// Rows of the file, with the channels that the task takes. *mask is empty where nobody
// asks for it.
static bool read_rows(struct tile_rows *r, uint32_t y, uint32_t count,
                      struct picture *rows, struct picture *mask)
{
    struct reason reason;
    *mask = (struct picture){ 0 };
    if (!row_reader_read(r->reader, y, count, rows, &reason)) {
        log_error("image: %s", reason.text);
        return false;
    }
    rows->has_no_data = r->has_no_data;
    rows->no_data = r->no_data;
    const bool ok =
        (!r->has_no_data ||
         (no_data_find(rows, r->no_data, mask) &&
          (mask->samples || picture_create(mask, PIXEL_U8, 1, rows->width, count)))) &&
        translator_take_image(r->translator, rows);
    if (!ok) {
        picture_free(rows);
        picture_free(mask);
    }
    return ok;
}

// ---------------------------------------------------------------------------
// Enlarging

// A picture of rows from `first` on: those that `held` has, then `more`. Takes the
// samples of both.
static bool append(struct picture *held, uint32_t drop, struct picture *more)
{
    struct picture all;
    const uint32_t kept = held->height - drop;
    if (!held->samples || kept == 0) {
        picture_free(held);
        *held = *more;
        return true;
    }
    if (!picture_create(&all, more->kind, more->channels, more->width,
                        kept + more->height)) {
        picture_free(more);
        return false;
    }
    all.range = more->range;
    all.is_array = more->is_array;
    picture_copy_rows(held, drop, kept, &all, 0);
    picture_copy_rows(more, 0, more->height, &all, kept);
    picture_free(held);
    picture_free(more);
    *held = all;
    return true;
}

// Makes `held` begin at `first` and go on up to `end` at least.
static bool hold(struct tile_rows *r, uint32_t first, uint32_t end)
{
    struct picture rows, mask;
    const uint32_t last = r->first + r->held.height;    // before which it has rows
    const bool continues = r->held.samples && first >= r->first && first <= last;
    const uint32_t from = continues ? last : first;
    if (continues && end <= last)
        return true;
    if (!continues)
        tile_rows_finish(r);
    if (!read_rows(r, from, end - from, &rows, &mask))
        return false;
    const uint32_t drop = continues ? first - r->first : 0;
    r->first = first;
    if (append(&r->held, drop, &rows) &&
        (!mask.samples || append(&r->held_mask, drop, &mask)))
        return true;
    picture_free(&mask);
    tile_rows_finish(r);
    return false;
}

// Rows of an enlarged image, of which `held` has rows of the file from `first` on.
static bool enlarge(const struct tile_rows *r, const struct picture *held,
                    enum resize_filter filter, struct resize_span out,
                    struct picture *rows)
{
    const struct resize_span in = { r->first, held->height, r->reader->form.height };
    return picture_create(rows, held->kind, held->channels, r->size.width, out.count) &&
           resize_rows(filter, held->kind, held->channels, held->samples, held->width,
                       in, rows->samples, rows->width, out);
}

static bool read_enlarged(struct tile_rows *r, uint32_t y, uint32_t count,
                          struct picture *rows, struct picture *mask)
{
    const struct resize_span out = { y, count, r->size.height };
    const struct resize_span in = resize_needs(FILTER, r->reader->form.height, out);
    if (!hold(r, in.first, in.first + in.count) ||
        !enlarge(r, &r->held, FILTER, out, rows))
        return false;
    rows->range = r->held.range;
    rows->is_array = r->held.is_array;
    rows->is_narrow = r->reader->form.is_narrow;
    return !r->held_mask.samples ||
           enlarge(r, &r->held_mask, RESIZE_NEAREST, out, mask);
}

bool tile_rows_read(struct tile_rows *r, uint32_t y, uint32_t count,
                    struct tile_rows_made *made)
{
    *made = (struct tile_rows_made){ 0 };
    const bool ok =
        (r->factor > 1 ? read_enlarged(r, y, count, &made->rows, &made->mask)
                       : read_rows(r, y, count, &made->rows, &made->mask)) &&
        translator_take_rows(r->translator, r->name, r->size, y, &made->rows,
                             &made->rest);
    if (!ok)
        tile_rows_made_free(made);
    return ok;
}
