// SPDX-License-Identifier: MIT
//
// The passes over an image. Up to as many tiles as the translator has slots are under
// way; they come back in the order in which they went, so sums have a fixed order. See
// tiles.h.

#include "translate/tiles.h"

#include "base/file.h"
#include "base/log.h"
#include "base/progress.h"
#include "data/picture_file.h"
#include "translate/conversion.h"
#include "translate/tile_axis.h"
#include "translate/tile_sink.h"
#include "translate/tile_source.h"
#include "translate/tile_statistics.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

#define SAMPLED 4    // tiles of an axis that samples are taken of, at most

struct spot {
    uint32_t column, row;
};

struct tiles {
    struct translator *translator;
    struct translator_tiling tiling;
    const char *name;          // for messages
    enum pixel_kind kind;      // of the image
    enum pixel_kind output;    // see tiles_translate
    struct pix_size image;     // as it comes
    struct tile_axis x, y;     // of what the networks get
    struct translator_form form;
    // Tiles become what is written when they come, which takes less memory than to
    // finish rows of them.
    bool finishes_tiles;
    struct tile_source source;
    struct tile_sink sink;                    // of the last pass
    struct tile_statistics statistics;        // of the passes before
    struct picture in, out;                   // of one tile
    struct spot flights[TRANSLATOR_SLOTS];    // oldest first
    uint32_t in_flight;
    struct progress progress;
    size_t done;
    enum pix_translate_result failure;    // what a failure means for the image
};

// ---------------------------------------------------------------------------
// One pass

static bool is_sampled(uint32_t i, uint32_t count)
{
    for (uint32_t k = 0; k < SAMPLED; k++)
        if (i == (2 * k + 1) * (uint64_t)count / (2 * SAMPLED))
            return true;
    return count <= SAMPLED;
}

// Whether this pass runs over a tile.
static bool takes(const struct tiles *s, struct spot p)
{
    return s->form.measured == 0 || !s->tiling.samples ||
           (is_sampled(p.column, s->x.count) && is_sampled(p.row, s->y.count));
}

static uint64_t tiles_of_pass(const struct tiles *s, bool measures)
{
    if (!measures || !s->tiling.samples)
        return (uint64_t)s->x.count * s->y.count;
    return (uint64_t)MIN(s->x.count, (uint32_t)SAMPLED) *
           MIN(s->y.count, (uint32_t)SAMPLED);
}

// The core of a tile in its window. Each pixel of the image is in one.
static struct translator_region core_of(const struct tiles *s, struct spot p)
{
    const uint32_t x = tile_axis_window(&s->x, p.column);
    const uint32_t y = tile_axis_window(&s->y, p.row);
    return (struct translator_region){
        .top = tile_axis_core(&s->y, p.row) - y,
        .left = tile_axis_core(&s->x, p.column) - x,
        .bottom = tile_axis_core(&s->y, p.row + 1) - y,
        .right = tile_axis_core(&s->x, p.column + 1) - x,
    };
}

static bool submit(struct tiles *s, struct spot p)
{
    const struct picture *in = &s->in;
    const struct translator_region core = core_of(s, p);
    tile_source_take(&s->source, tile_axis_window(&s->x, p.column),
                     tile_axis_window(&s->y, p.row), &s->in);
    if (!(s->form.measured
              ? translator_submit_measured(s->translator, in, &s->form, &core)
              : translator_submit(s->translator, &in, 1, &s->form) == 1))
        return false;
    s->flights[s->in_flight++] = p;
    return true;
}

static bool fail(struct tiles *s, enum pix_translate_result failure)
{
    s->failure = failure;
    return false;
}

static bool add_output(struct tiles *s, struct spot p)
{
    static const struct task_rest none;
    if (!s->finishes_tiles) {
        tile_sink_add(&s->sink, p.column, p.row, &s->out);
        return true;
    }
    const bool ok = translator_put_task(s->translator, &none, &s->out);
    if (ok)
        tile_sink_add(&s->sink, p.column, p.row, &s->out);
    picture_free(&s->out);
    return ok && translator_create_output(s->translator, &s->form, &s->out);
}

// The oldest tile that is under way.
static bool land(struct tiles *s)
{
    const struct spot p = s->flights[0];
    const struct translator_region core = core_of(s, p);
    bool ok;
    s->in_flight--;
    for (uint32_t i = 0; i < s->in_flight; i++)
        s->flights[i] = s->flights[i + 1];
    if (s->form.measured) {
        ok = translator_wait_moments(s->translator, s->statistics.moments);
        if (ok)
            tile_statistics_add(&s->statistics, (double)(core.right - core.left) *
                                                    (core.bottom - core.top));
    } else {
        ok = translator_wait(s->translator, &s->out) && add_output(s, p);
        if (ok && p.column + 1 == s->x.count && !tile_sink_end_row(&s->sink, p.row))
            return fail(s, PIX_TRANSLATE_NOT_WRITTEN);
    }
    progress_update(&s->progress, ++s->done);
    return ok;
}

static bool run_row(struct tiles *s, uint32_t row)
{
    struct spot p = { 0, row };
    if (!tile_source_load(&s->source, tile_axis_window(&s->y, row) + s->y.window))
        return fail(s, PIX_TRANSLATE_NOT_READ);
    for (; p.column < s->x.count; p.column++) {
        if (!takes(s, p))
            continue;
        if (translator_is_stopped(s->translator))
            return fail(s, PIX_TRANSLATE_PENDING);
        if (s->in_flight == TRANSLATOR_SLOTS && !land(s))
            return false;
        if (!submit(s, p))
            return false;
    }
    return true;
}

// Over all tiles, and until none is under way.
static bool run_pass(struct tiles *s)
{
    bool ok = true;
    tile_source_rewind(&s->source);
    for (uint32_t row = 0; ok && row < s->y.count; row++)
        ok = run_row(s, row);
    while (ok && s->in_flight)
        ok = land(s);
    for (; s->in_flight; s->in_flight--)
        translator_wait(s->translator, NULL);
    return ok;
}

// ---------------------------------------------------------------------------
// All passes

static bool give(struct tiles *s, uint32_t norm)
{
    struct tile_statistics *all = &s->statistics;
    float *mean = all->moments, *variance = all->moments + all->channels;
    for (uint32_t c = 0; c < all->channels; c++) {
        mean[c] = tile_statistics_mean(all, c);
        variance[c] = tile_statistics_variance(all, c);
    }
    return translator_give_norm(s->translator, norm, mean, variance);
}

static uint32_t norms_of(const struct tiles *s)
{
    return s->tiling.measures ? translator_norm_count(s->translator) : 0;
}

// A norm's statistics are fixed before the next one is looked at.
static bool measure(struct tiles *s)
{
    bool ok = true;
    for (uint32_t norm = 0; ok && norm < norms_of(s); norm++) {
        s->form.measured = norm + 1;
        ok = tile_statistics_init(&s->statistics,
                                  translator_norm_channels(s->translator, norm)) &&
             run_pass(s) && give(s, norm);
        tile_statistics_finish(&s->statistics);
    }
    s->form.measured = 0;
    return ok;
}

// The output is opened first: of one that cannot be written nothing is measured.
static bool translate(struct tiles *s, tiles_open *open, void *user)
{
    struct picture tile = { .width = s->x.size, .height = s->y.size };
    translator_describe_output(s->translator, &s->form, &tile);
    struct picture form = tile;
    translator_describe_image(s->translator, s->kind, s->output, &form);
    struct row_writer *writer = open(user, &form);
    if (!writer)
        return fail(s, PIX_TRANSLATE_NOT_WRITTEN);
    s->finishes_tiles = form.palette && !s->x.blend && !s->y.blend;
    tile_source_keep(&s->source, TRANSLATOR_SLOTS, writer->has_no_data);
    const bool ok =
        measure(s) &&
        tile_sink_init(&s->sink, writer, &s->source, s->finishes_tiles ? &form : &tile,
                       s->finishes_tiles) &&
        translator_create_output(s->translator, &s->form, &s->out) && run_pass(s);
    tile_sink_finish(&s->sink);
    const bool is_written = row_writer_end(writer, ok);
    return ok && !is_written ? fail(s, PIX_TRANSLATE_NOT_WRITTEN) : ok;
}

static void tell_size(const struct tiles *s)
{
    char passes[64] = "", enlarged[48] = "";
    if (s->image.width != s->x.size)
        snprintf(enlarged, sizeof(enlarged), ", enlarged to %" PRIu32 "x%" PRIu32 ",",
                 s->x.size, s->y.size);
    if (norms_of(s))
        snprintf(passes, sizeof(passes), ", after %" PRIu32 " passes over %s",
                 norms_of(s), s->tiling.samples ? "some of them" : "them");
    log_info("%s: %s of %" PRIu32 "x%" PRIu32 "%s in %" PRIu64
             " tile%s, for each of which the network runs over %" PRIu32 "x%" PRIu32
             "%s",
             translator_command(s->translator), s->name, s->image.width,
             s->image.height, enlarged, tiles_of_pass(s, false),
             PLURAL(tiles_of_pass(s, false)), s->form.width, s->form.height, passes);
}

static void begin_progress(struct tiles *s)
{
    s->progress = (struct progress){
        .view = translator_view(s->translator),
        .area = translator_command(s->translator),
        .what = "translating tiles",
        .folder = s->name,
        .count =
            (size_t)(norms_of(s) * tiles_of_pass(s, true) + tiles_of_pass(s, false)),
    };
    progress_begin(&s->progress);
}

// Sides that continue at their other end cannot be filled up. `size` is that of the
// image before it becomes `factor` times as large.
static bool check_side(const struct translator *t, const char *side, uint32_t size,
                       uint32_t factor, const struct tile_cut *cut)
{
    uint32_t whole = size;
    while (tile_axis_whole(whole * factor, cut) != whole * factor)
        whole++;
    if (!cut->wraps || size == whole)
        return true;
    log_error("%s: --wrap with --tile does not take an image with a %s of %" PRIu32
              " pixels%s: the network needs a multiple of %" PRIu32
              "; resize it to %" PRIu32 ", or leave out --wrap",
              translator_command(t), side, size,
              factor > 1 ? ", which are enlarged" : "", cut->unit, whole);
    return false;
}

// The axes of an image, and the form of its windows. False after a message.
static bool cut(struct tiles *s, struct translator *t, const struct picture *form,
                enum pixel_kind output)
{
    const struct translator_tiling tiling = translator_tiling(t);
    const struct task *task = &translator_get_settings(t)->task;
    struct tile_cut across = tiling.cut, down = tiling.cut;
    *s = (struct tiles){ .translator = t,
                         .tiling = tiling,
                         .kind = form->kind,
                         .output = output,
                         .image = picture_size(form) };
    const struct pix_size size = task_input_size(task, s->image);
    const uint32_t factor = size.width / form->width;
    across.wraps = tiling.wraps_across;
    down.wraps = tiling.wraps_down;
    if (!check_side(t, "width", form->width, factor, &across) ||
        !check_side(t, "height", form->height, factor, &down))
        return false;
    tile_axis_init(&s->x, size.width, &across);
    tile_axis_init(&s->y, size.height, &down);
    s->form = translator_form_of(t, form->kind, s->x.window, s->y.window, output);
    return true;
}

enum pix_translate_result tiles_translate(struct translator *t,
                                          struct row_reader *reader, const char *path,
                                          enum pixel_kind output, tiles_open *open,
                                          void *user, struct tiles_notes *notes)
{
    struct tiles s;
    struct pix_plan plan;
    assert(reader->form.width && reader->form.height);
    *notes = (struct tiles_notes){ 0 };
    if (!cut(&s, t, &reader->form, output) ||
        !translator_plan_window(t, &s.form, true, &plan))
        return PIX_TRANSLATE_NOT_TRANSLATED;
    s.name = path ? path : "an image";
    s.failure = PIX_TRANSLATE_NOT_TRANSLATED;
    tell_size(&s);
    begin_progress(&s);
    tile_source_init(&s.source, t, reader, path ? file_name(path) : NULL, &s.x, &s.y);
    const bool ok =
        translator_create_input(t, &s.form, &s.in) && translate(&s, open, user);
    if (ok) {
        *notes =
            (struct tiles_notes){ s.sink.moved, s.source.pixels, s.source.strange };
        translator_tell_of_conversion(t, &s.source.notes, s.form.staging.input);
        translator_note_ranges(t, s.source.notes.samples > 0,
                               pixel_range_is_set(s.form.staging.output_range));
    }
    if (ok && translator_kinds(t).input == PIXEL_KINDS && s.source.notes.exceeds)
        conversion_report_range(&(struct conversions){ .images = 1, .beyond = 1 },
                                translator_command(t), "input");
    tile_source_finish(&s.source);
    picture_free(&s.in);
    picture_free(&s.out);
    return ok ? PIX_TRANSLATE_DONE : s.failure;
}

static struct row_writer *open_picture(void *user, const struct picture *form)
{
    return row_writer_of_picture(form, user);
}

enum pix_translate_result tiles_translate_picture(struct translator *t,
                                                  const struct picture *in,
                                                  struct picture *out)
{
    struct row_reader *reader = row_reader_of_picture(in);
    enum pix_translate_result result = PIX_TRANSLATE_NOT_READ;
    struct tiles_notes notes = { 0 };
    *out = (struct picture){ 0 };
    if (reader)
        result =
            tiles_translate(t, reader, NULL, PIXEL_KINDS, open_picture, out, &notes);
    if (result == PIX_TRANSLATE_DONE)
        translator_tell_of_strange(t, notes.pixels, notes.strange);
    row_reader_close(reader);
    return result;
}

bool tiles_plan(struct translator *t, const struct picture *form, struct pix_plan *out)
{
    struct tiles s;
    return cut(&s, t, form, PIXEL_KINDS) &&
           translator_plan_window(t, &s.form, false, out);
}
