// SPDX-License-Identifier: MIT
//
// A ring of rows, somewhat higher than a window: what the canvas has below an image
// that does not wrap is a reflection of rows that are still there. See tile_source.h.

#include "translate/tile_source.h"

#include <assert.h>
#include <string.h>

// Samples that are read at a time, in rows as many as they make.
#define CHUNK_SAMPLES ((uint64_t)1 << 20)

void tile_source_init(struct tile_source *s, const struct translator *t,
                      struct row_reader *reader, const char *name,
                      const struct tile_axis *x, const struct tile_axis *y)
{
    *s = (struct tile_source){ .translator = t, .x = x, .y = y };
    tile_rows_init(&s->image, t, reader, name);
    tile_source_rewind(s);
}

void tile_source_finish(struct tile_source *s)
{
    tile_rows_finish(&s->image);
    picture_free(&s->rows);
    picture_free(&s->mask);
    picture_free(&s->rest);
    picture_free(&s->hole);
}

// When a row of tiles is written, the source has read what the last one under way
// needs.
void tile_source_keep(struct tile_source *s, uint32_t slots, bool no_data)
{
    const struct tile_axis *y = s->y;
    const struct picture *form = &s->image.reader->form;
    s->image.has_no_data =
        no_data && picture_tags_no_data(form->tags, form->kind, &s->image.no_data);
    for (uint32_t row = 0; row < y->count; row++) {
        const uint32_t last = (uint32_t)MIN((uint64_t)row + slots, y->count - 1ull);
        const uint32_t read = tile_axis_window(y, last) + y->window;
        const uint32_t core = tile_axis_core(y, row);
        const uint32_t written = MAX(core, y->first + y->blend) - y->blend;
        s->kept_rows = MAX(s->kept_rows, read - MIN(read, written));
    }
}

void tile_source_rewind(struct tile_source *s)
{
    s->loaded = 0;
    s->notes = (struct translator_notes){ .is_narrow = true };
    s->pixels = s->strange = 0;
}

static char *row_at(const struct picture *p, uint32_t channel, uint32_t y)
{
    return (char *)p->samples + ((size_t)channel * p->height + y % p->height) *
                                    p->width * pixel_bytes(p->kind);
}

static bool create_ring(struct tile_source *s, const struct picture *like)
{
    const uint64_t height = (uint64_t)s->y->window + s->y->unit;
    return s->rows.samples ||
           picture_create(&s->rows, like->kind, like->channels, s->x->canvas,
                          (uint32_t)MIN(height, (uint64_t)s->y->canvas));
}

// Pixels of the canvas beside the image, from those of the image.
static void fill(const struct tile_axis *axis, char *row, size_t bytes, uint32_t from,
                 uint32_t to)
{
    for (uint32_t x = from; x < to; x++)
        memcpy(row + x * bytes, row + (axis->first + tile_axis_source(axis, x)) * bytes,
               bytes);
}

// Rows of the image, which `chunk` has from the row `loaded` of the canvas on.
static void add_rows(struct tile_source *s, const struct picture *chunk)
{
    const size_t bytes = pixel_bytes(chunk->kind);
    for (uint32_t i = 0; i < chunk->height; i++, s->loaded++)
        for (uint32_t c = 0; c < chunk->channels; c++) {
            char *row = row_at(&s->rows, c, s->loaded);
            memcpy(row + s->x->first * bytes, row_at(chunk, c, i),
                   chunk->width * bytes);
            fill(s->x, row, bytes, 0, s->x->first);
            fill(s->x, row, bytes, s->x->first + s->x->size, s->x->canvas);
        }
}

static void add_notes(struct translator_notes *all, const struct translator_notes *more)
{
    all->kind = more->kind;
    all->exceeds |= more->exceeds;
    all->samples += more->samples;
    all->outside += more->outside;
    all->is_narrow &= more->is_narrow;
}

// Rows around an image that wraps are noted where they are rows of the image.
static bool is_first_time(const struct tile_axis *y, uint32_t row)
{
    return row >= y->first && row - y->first < y->size;
}

// Rows from `loaded` on, where there are any, to a ring of them.
static bool keep_rows(const struct tile_source *s, const struct picture *rows,
                      struct picture *ring)
{
    if (!s->kept_rows || !rows->samples)
        return true;
    if (!ring->samples &&
        !picture_create(ring, rows->kind, rows->channels, rows->width, s->kept_rows))
        return false;
    ring->range = rows->range;
    for (uint32_t i = 0; i < rows->height; i++)
        picture_copy_rows(rows, i, 1, ring, (s->loaded + i) % ring->height);
    return true;
}

static bool take_rows(const struct tile_source *s, const struct picture *ring,
                      uint32_t y, uint32_t count, struct picture *rows)
{
    (void)s;    // of the assertion
    *rows = (struct picture){ 0 };
    if (!ring->samples)
        return true;
    assert(y >= s->y->first && s->loaded <= y + ring->height);
    if (!picture_create(rows, ring->kind, ring->channels, ring->width, count))
        return false;
    rows->range = ring->range;
    for (uint32_t i = 0; i < count; i++)
        picture_copy_rows(ring, (y + i) % ring->height, 1, rows, i);
    return true;
}

bool tile_source_take_mask(const struct tile_source *s, uint32_t y, uint32_t rows,
                           struct picture *mask)
{
    return take_rows(s, &s->mask, y, rows, mask);
}

bool tile_source_take_rest(const struct tile_source *s, uint32_t y, uint32_t rows,
                           struct task_rest *rest)
{
    *rest = (struct task_rest){ 0 };
    if (take_rows(s, &s->rest, y, rows, &rest->image) &&
        take_rows(s, &s->hole, y, rows, &rest->hole))
        return true;
    task_rest_free(rest);
    return false;
}

static bool add(struct tile_source *s, struct tile_rows_made *made)
{
    struct translator_notes notes = { 0 };
    if (!keep_rows(s, &made->mask, &s->mask) ||
        !keep_rows(s, &made->rest.image, &s->rest) ||
        !keep_rows(s, &made->rest.hole, &s->hole) ||
        !translator_convert(s->translator, &made->rows, &notes) ||
        !create_ring(s, &made->rows))
        return false;
    if (is_first_time(s->y, s->loaded)) {
        add_notes(&s->notes, &notes);
        s->pixels += made->rest.pixels;
        s->strange += made->rest.strange;
    }
    add_rows(s, &made->rows);
    return true;
}

static bool read_rows(struct tile_source *s, uint32_t end)
{
    const struct tile_rows *image = &s->image;
    const uint64_t samples = (uint64_t)image->size.width * image->reader->form.channels;
    const uint64_t most = MAX(CHUNK_SAMPLES / samples, (uint64_t)image->factor);
    const uint32_t at = tile_axis_source(s->y, s->loaded);
    const uint32_t count =
        (uint32_t)MIN(most, (uint64_t)MIN(end - s->loaded, s->y->size - at));
    struct tile_rows_made made;
    const bool ok = tile_rows_read(&s->image, at, count, &made) && add(s, &made);
    tile_rows_made_free(&made);
    return ok;
}

static void reflect_row(struct tile_source *s)
{
    const uint32_t from = tile_axis_source(s->y, s->loaded);
    assert(s->loaded - from <= s->rows.height);
    for (uint32_t c = 0; c < s->rows.channels; c++)
        memmove(row_at(&s->rows, c, s->loaded), row_at(&s->rows, c, from),
                (size_t)s->rows.width * pixel_bytes(s->rows.kind));
    s->loaded++;
}

bool tile_source_load(struct tile_source *s, uint32_t end)
{
    while (s->loaded < end) {
        if (!s->y->wraps && s->loaded >= s->y->size)
            reflect_row(s);
        else if (!read_rows(s, end))
            return false;
    }
    return true;
}

void tile_source_take(const struct tile_source *s, uint32_t x, uint32_t y,
                      struct picture *tile)
{
    const size_t bytes = pixel_bytes(tile->kind);
    assert(tile->kind == s->rows.kind && tile->channels == s->rows.channels);
    assert(y + tile->height <= s->loaded && y + s->rows.height >= s->loaded);
    for (uint32_t c = 0; c < tile->channels; c++)
        for (uint32_t i = 0; i < tile->height; i++)
            memcpy(row_at(tile, c, i), row_at(&s->rows, c, y + i) + x * bytes,
                   tile->width * bytes);
}
