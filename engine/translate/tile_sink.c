// SPDX-License-Identifier: MIT
//
// See tile_sink.h.

#include "translate/tile_sink.h"

#include "base/mem.h"
#include "data/no_data.h"

#include <assert.h>
#include <math.h>
#include <string.h>

// Samples that are written at a time.
#define CHUNK_SAMPLES ((uint64_t)1 << 20)

static bool blends(const struct tile_sink *s)
{
    return s->x->blend || s->y->blend;
}

bool tile_sink_init(struct tile_sink *s, struct row_writer *writer,
                    const struct tile_source *source, const struct picture *form,
                    bool is_finished)
{
    const struct tile_axis *x = source->x, *y = source->y;
    uint32_t most = 0;
    *s = (struct tile_sink){ .translator = source->translator,
                             .writer = writer,
                             .x = x,
                             .y = y,
                             .form = *form,
                             .is_finished = is_finished,
                             .source = source };
    for (uint32_t i = 0; i < y->count; i++) {
        uint32_t end;
        const uint32_t first = tile_axis_reach(y, i, &end);
        most = MAX(most, end - first);
    }
    // Rows behind the image are not written: a row of tiles of nothing else adds to
    // them.
    if (!y->wraps && y->canvas - y->size >= y->unit)
        most = y->canvas;
    assert(!y->wraps || !y->blend);    // the first rows would need the last ones
    s->written = y->first;
    s->weights = mem_array(x->window, sizeof(*s->weights));
    return s->weights && picture_create(&s->rows, blends(s) ? PIXEL_F32 : form->kind,
                                        form->channels, x->canvas, most);
}

void tile_sink_finish(struct tile_sink *s)
{
    mem_free(s->weights);
    picture_free(&s->rows);
}

static size_t row_index(const struct picture *p, uint32_t channel, uint32_t y)
{
    return ((size_t)channel * p->height + y % p->height) * p->width;
}

static void copy_row(struct tile_sink *s, const struct picture *tile, size_t from,
                     size_t to, uint32_t count)
{
    const size_t bytes = pixel_bytes(tile->kind);
    memcpy((char *)s->rows.samples + to * bytes,
           (const char *)tile->samples + from * bytes, count * bytes);
}

static void blend_row(struct tile_sink *s, const struct picture *tile, size_t from,
                      size_t to, uint32_t count, float weight)
{
    float *sums = (float *)s->rows.samples + to;
    for (uint32_t i = 0; i < count; i++)
        sums[i] += weight * s->weights[i] * (float)picture_sample(tile, from + i);
}

void tile_sink_add(struct tile_sink *s, uint32_t column, uint32_t row,
                   const struct picture *tile)
{
    uint32_t right, bottom;
    const uint32_t left = tile_axis_reach(s->x, column, &right);
    const uint32_t top = tile_axis_reach(s->y, row, &bottom);
    const uint32_t x0 = tile_axis_window(s->x, column);
    const uint32_t y0 = tile_axis_window(s->y, row);
    assert(tile->width == s->x->window && tile->height == s->y->window);
    assert(top >= s->written && bottom - s->written <= s->rows.height);
    for (uint32_t x = left; x < right; x++)
        s->weights[x - left] = tile_axis_weight(s->x, column, x);
    for (uint32_t c = 0; c < tile->channels; c++)
        for (uint32_t y = top; y < bottom; y++) {
            const size_t from = row_index(tile, c, y - y0) + (left - x0);
            const size_t to = row_index(&s->rows, c, y) + left;
            if (blends(s))
                blend_row(s, tile, from, to, right - left,
                          tile_axis_weight(s->y, row, y));
            else
                copy_row(s, tile, from, to, right - left);
        }
}

// Sums of u8 and u16 are rounded to the nearest.
static void round_row(const float *sums, struct picture *out, size_t to)
{
    uint8_t *const bytes = out->samples;
    uint16_t *const words = out->samples;
    for (uint32_t i = 0; i < out->width; i++) {
        const float sum = roundf(sums[i]);
        if (out->kind == PIXEL_U8)
            bytes[to + i] = (uint8_t)MIN(sum, (float)UINT8_MAX);
        else
            words[to + i] = (uint16_t)MIN(sum, (float)UINT16_MAX);
    }
}

// What tiles at both ends of an axis that wraps add to each other's pixels.
static void fold_row(const struct tile_axis *a, float *sums)
{
    const uint32_t end = a->first + a->size;
    if (!a->wraps)
        return;
    for (uint32_t i = 0; i < a->blend; i++) {
        sums[a->first + i] += sums[end + i];
        sums[end - 1 - i] += sums[a->first - 1 - i];
    }
}

// Rows from `written` on of the image, which the canvas may exceed at both sides.
static void fetch(struct tile_sink *s, struct picture *out)
{
    const size_t bytes = pixel_bytes(s->rows.kind);
    for (uint32_t c = 0; c < out->channels; c++)
        for (uint32_t y = 0; y < out->height; y++) {
            const size_t to = row_index(out, c, y);
            char *row = (char *)s->rows.samples +
                        row_index(&s->rows, c, s->written + y) * bytes;
            const char *from = row + s->x->first * bytes;
            if (blends(s))
                fold_row(s->x, (float *)row);
            if (s->rows.kind == out->kind)
                memcpy((char *)out->samples + to * bytes, from, out->width * bytes);
            else
                round_row((const float *)from, out, to);
            if (blends(s))    // for the rows that take its place
                memset(row, 0, s->rows.width * bytes);
        }
}

// Makes rows from `written` on what the model's task makes of them.
static bool put_task(struct tile_sink *s, struct picture *rows)
{
    struct task_rest rest;
    if (s->is_finished)
        return true;
    if (!tile_source_take_rest(s->source, s->written, rows->height, &rest))
        return false;
    rest.kind = s->writer->form.kind;
    const bool ok = translator_put_task(s->translator, &rest, rows);
    task_rest_free(&rest);
    return ok;
}

// In rows from `written` on.
static bool put_no_data(struct tile_sink *s, struct picture *rows)
{
    struct picture mask;
    uint64_t moved;
    if (!s->writer->has_no_data)
        return true;
    rows->range = s->writer->form.range;
    rows->is_array = s->writer->form.is_array;
    const bool ok = tile_source_take_mask(s->source, s->written, rows->height, &mask) &&
                    no_data_put(&mask, s->writer->no_data, rows, &moved);
    s->moved += ok ? moved : 0;
    picture_free(&mask);
    return ok;
}

static bool write_rows(struct tile_sink *s, uint32_t count)
{
    struct picture rows;
    if (!picture_create(&rows, s->form.kind, s->form.channels, s->writer->form.width,
                        count))
        return false;
    rows.range = s->form.range;
    fetch(s, &rows);
    const bool ok = put_task(s, &rows) && put_no_data(s, &rows) &&
                    row_writer_write(s->writer, &rows);
    picture_free(&rows);
    s->written += count;
    return ok;
}

bool tile_sink_end_row(struct tile_sink *s, uint32_t row)
{
    const uint64_t most =
        CHUNK_SAMPLES / ((uint64_t)s->writer->form.width * s->form.channels);
    uint32_t end = s->y->first + s->y->size;
    if (row + 1 < s->y->count)
        end = MIN(tile_axis_core(s->y, row + 1) - s->y->blend, end);
    while (s->written < end)
        if (!write_rows(
                s, (uint32_t)MIN(MAX(most, (uint64_t)1), (uint64_t)(end - s->written))))
            return false;
    return true;
}
