// SPDX-License-Identifier: MIT
//
// The ends of a pipeline that are files, or images in memory. See items.h.

#include "translate/items.h"

#include "base/file.h"
#include "base/file_set.h"
#include "base/log.h"
#include "base/mem.h"
#include "data/alpha.h"
#include "data/file_notes.h"
#include "data/image.h"
#include "data/picture_file.h"
#include "settings/settings.h"
#include "translate/conversion.h"
#include "translate/losses.h"
#include "translate/pipeline.h"
#include "translate/tiles.h"
#include "translate/translator.h"

#include <inttypes.h>
#include <stdio.h>

struct items {
    struct translator *translator;
    struct pix_translate_item *items;
    struct translator_rest *rests;    // [count], between an input and its output
    pix_translate_done *done;
    void *user;
    uint32_t *losses;    // of each output, see losses.h
    uint64_t *moved;     // samples, see translator_put_no_data
    // Of each input that is a label map: its pixels, and those of unknown colours.
    struct label_count {
        uint64_t pixels, strange;
    } * labels;
};

// Nobody says which kind the output shall have: that of the input, as far as the file
// that is written can hold it.
static enum pixel_kind choose_output(const struct items *all,
                                     const struct pix_translate_item *item,
                                     enum pixel_kind kind)
{
    enum pixel_kind written;
    uint32_t channels;
    translator_describe_written(all->translator, kind, &written, &channels);
    if (!translator_follows_kind(all->translator) || !item->output)
        return PIXEL_KINDS;
    const enum pixel_kind held = picture_kind_held(item->output, kind, channels);
    if (held != kind)
        log_info("%s: %s is written with %s samples: this format cannot hold the "
                 "%s of %s",
                 translator_command(all->translator), item->output,
                 pixel_kind_name(held), pixel_kind_name(kind),
                 item->input ? item->input : "the input");
    return held;
}

// How the file of an item is read: with tags where there is a file to take them.
static struct picture_reading reading_of(const struct items *all,
                                         const struct pix_translate_item *item)
{
    struct picture_reading reading = translator_get_settings(all->translator)->reading;
    reading.with_tags = item->output != NULL;
    return reading;
}

static bool load(const struct items *all, const struct pix_translate_item *item,
                 struct picture *picture, enum pixel_kind *output)
{
    const struct pix_image *in = &item->in;
    struct reason reason;
    bool ok;
    if (item->input) {
        const struct picture_reading reading = reading_of(all, item);
        ok = picture_read_with(item->input, &reading, picture, &reason);
        if (!ok)
            log_error("image: %s: %s", item->input, reason.text);
    } else {
        ok = in->pixels && in->width && in->height;
        if (!ok)
            log_error("%s: the image is empty", translator_command(all->translator));
        ok = ok && image_to_picture(in, picture);
    }
    if (ok)
        *output = choose_output(all, item, picture->kind);
    return ok;
}

static bool load_item(void *user, size_t index, struct picture *picture,
                      enum pixel_kind *output)
{
    const struct items *all = user;
    const struct pix_translate_item *item = &all->items[index];
    struct translator_rest *rest = &all->rests[index];
    const bool ok = load(all, item, picture, output) &&
                    translator_take_rest(all->translator,
                                         item->input ? file_name(item->input) : NULL,
                                         picture, rest);
    all->labels[index] = (struct label_count){ rest->task.pixels, rest->task.strange };
    // Where the output follows the input's kind, it is what the file can hold.
    if (ok && *output != PIXEL_KINDS)
        rest->task.kind = *output;
    return ok;
}

// The kinds of files, of those that this build writes, that hold such a picture: ".png
// or .npy".
static const char *name_holders(enum pixel_kind kind, uint32_t channels, char text[64])
{
    static const char *const names[] = { "x.png", "x.webp", "x.tif", "x.npy" };
    const char *held[ARRAY_LEN(names)];
    size_t count = 0, used = 0;
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (picture_can_be_written(names[i], kind, channels))
            held[count++] = names[i] + 1;
    text[0] = '\0';
    for (size_t i = 0; i < count; i++)
        used += (size_t)snprintf(text + used, 64 - used, "%s%s",
                                 i == 0           ? ""
                                 : i + 1 == count ? " or "
                                                  : ", ",
                                 held[i]);
    return text;
}

// Whether the file that is written can hold an alpha that says something. One that is
// opaque everywhere is left out where it cannot.
static bool add_alpha(const struct items *all, size_t index, struct picture *out)
{
    const struct pix_translate_item *item = &all->items[index];
    struct picture *alpha = &all->rests[index].alpha;
    const bool holds = !item->output || picture_can_be_written(item->output, out->kind,
                                                               out->channels + 1);
    char kinds[64];
    bool ok = true;
    if (holds)
        ok = translator_put_alpha(all->translator, alpha, out);
    else if (alpha->is_transparent) {
        log_error("%s: %s cannot hold the alpha of %s: name a file that can (%s), or "
                  "another --alpha than keep",
                  translator_command(all->translator), item->output,
                  item->input ? item->input : "its input",
                  name_holders(out->kind, out->channels + 1, kinds));
        ok = false;
    }
    picture_free(alpha);
    return ok;
}

// In a file that says which number it is.
static bool add_no_data(const struct items *all, size_t index, struct picture *out)
{
    const char *output = all->items[index].output;
    return !output || !picture_file_holds(output).place ||
           translator_put_no_data(&all->rests[index].no_data, out, &all->moved[index]);
}

static bool store_item(void *user, size_t index, struct picture *picture)
{
    const struct items *all = user;
    struct pix_translate_item *item = &all->items[index];
    if (!translator_put_task(all->translator, &all->rests[index].task, picture) ||
        !add_alpha(all, index, picture) || !add_no_data(all, index, picture))
        return false;
    translator_rest_free(&all->rests[index]);
    if (!item->output)
        return image_from_picture(picture, &item->out);
    const enum array_order order =
        translator_get_settings(all->translator)->reading.order;
    if (!picture_write_ordered(item->output, picture, order))
        return false;
    all->losses[index] = losses_of(item->output, picture);
    return true;
}

static const char *item_path(void *user, size_t index)
{
    const struct items *all = user;
    return all->items[index].input;
}

static bool item_done(void *user, size_t index, enum pix_translate_result result)
{
    const struct items *all = user;
    // Before the caller's function, which may read it.
    all->items[index].result = result;
    return !all->done || all->done(all->user, &all->items[index]);
}

// An input is never overwritten, not even one that is read before: whoever gives it to
// be read wants it kept.
static bool keeps_inputs(const struct translator *t,
                         const struct pix_translate_item *items, size_t count)
{
    const char *table = translator_table_path(t), *mask = translator_mask_path(t);
    struct file_set inputs = { 0 };
    bool ok = file_set_add(&inputs, translator_model_path(t)) &&
              (!table || file_set_add(&inputs, table)) &&
              (!mask || file_set_add(&inputs, mask));
    for (size_t i = 0; ok && i < count; i++)
        ok = !items[i].input || file_set_add(&inputs, items[i].input);
    for (size_t i = 0; ok && i < count; i++) {
        const char *input = NULL;
        ok = !items[i].output || file_set_find(&inputs, items[i].output, &input);
        ok = ok && !input;
        if (input)
            log_error("%s: the output %s is the input %s, which would be "
                      "overwritten: nothing was translated; name another output",
                      translator_command(t), items[i].output, input);
    }
    file_set_free(&inputs);
    return ok;
}

// What was noticed of an input, as report_images in pipeline.c says it of many.
static void tell_of_input(const struct translator *t, const char *path,
                          const struct picture *form)
{
    const struct settings *s = translator_get_settings(t);
    const struct conversions narrow = { .images = 1, .narrow = form->is_narrow };
    const bool has_channel = alpha_is_in(form) && form->channels == s->options.input_nc;
    conversion_report_narrow(&narrow, translator_command(t), "input");
    if (form->is_transparent && !has_channel)
        alpha_report(s->reading.alpha, translator_command(t), 1, 1, "input", path);
    file_notes_report(&s->reading, form, path);
}

// A picture in tiles; takes its samples.
static bool run_tiles(struct translator *t, struct picture *in, struct picture *out)
{
    struct picture no_data = { 0 };
    uint64_t moved;
    bool ok = in->samples && in->width && in->height;
    if (!ok)
        log_error("%s: the image is empty", translator_command(t));
    ok = ok && translator_take_no_data(in, &no_data) &&
         alpha_apply(in, translator_get_settings(t)->reading.alpha);
    if (ok) {
        const enum pix_translate_result result = tiles_translate_picture(t, in, out);
        ok = result == PIX_TRANSLATE_DONE;
        if (result == PIX_TRANSLATE_PENDING)
            log_error("%s: stopped on the way through an image, which has no output",
                      translator_command(t));
    }
    if (ok) {
        tell_of_input(t, "in memory", in);
        translator_warn_of_ranges(t);
        out->tags = in->tags;
        in->tags = NULL;
        ok = translator_put_no_data(&no_data, out, &moved);
    }
    picture_free(&no_data);
    picture_free(in);
    return ok;
}

// The same whole or in tiles, as the translator is.
static bool run(struct translator *t, struct picture *in, struct picture *out)
{
    return translator_tiling(t).cut.tile ? run_tiles(t, in, out)
                                         : translator_run(t, in, out);
}

bool items_translate_image(struct translator *t, const struct pix_image *in,
                           struct pix_image *out)
{
    struct picture picture = { 0 }, made = { 0 };
    *out = (struct pix_image){ 0 };
    if (in->pixels && in->width && in->height && !image_to_picture(in, &picture))
        return false;
    bool ok = run(t, &picture, &made) && image_from_picture(&made, out);
    picture_free(&made);
    return ok;
}

bool items_translate_array(struct translator *t, const struct pix_array *in,
                           struct pix_array *out)
{
    struct picture picture = { 0 }, made = { 0 };
    *out = (struct pix_array){ 0 };
    if (!picture_from_array(in, &picture) || !run(t, &picture, &made))
        return false;
    *out = picture_to_array(&made);
    return true;
}

// ---------------------------------------------------------------------------
// In tiles: one image after the other, read and written by rows

struct tiled_item {
    const struct items *all;
    struct pix_translate_item *item;
    struct picture_tags *tags;    // of the input; the reader's
    struct picture made;          // where it is not written to a file
};

static struct row_writer *open_output(void *user, const struct picture *form)
{
    struct tiled_item *t = user;
    struct picture tagged = *form;
    if (!t->item->output)
        return row_writer_of_picture(form, &t->made);
    tagged.tags = t->tags;
    t->all->losses[t->item - t->all->items] = losses_of(t->item->output, &tagged);
    return row_writer_create(
        t->item->output, &tagged,
        translator_get_settings(t->all->translator)->reading.order);
}

// `picture` gets what is in memory already. NULL after a message.
static struct row_reader *open_input(const struct items *all,
                                     const struct pix_translate_item *item,
                                     struct picture *picture)
{
    struct reason reason;
    enum pixel_kind output;
    *picture = (struct picture){ 0 };
    if (!item->input)
        return load(all, item, picture, &output) ? row_reader_of_picture(picture)
                                                 : NULL;
    const struct picture_reading reading = reading_of(all, item);
    struct row_reader *reader = row_reader_open(item->input, &reading, &reason);
    if (!reader)
        log_error("image: %s: %s", item->input, reason.text);
    return reader;
}

static enum pix_translate_result translate_tiled(const struct items *all,
                                                 struct pix_translate_item *item)
{
    struct tiled_item tiled = { .all = all, .item = item };
    struct picture picture;
    struct tiles_notes notes = { 0 };
    const size_t index = (size_t)(item - all->items);
    enum pix_translate_result result = PIX_TRANSLATE_NOT_READ;
    struct row_reader *reader = open_input(all, item, &picture);
    if (reader)
        tiled.tags = reader->form.tags;
    if (reader)
        result = tiles_translate(all->translator, reader, item->input,
                                 choose_output(all, item, reader->form.kind),
                                 open_output, &tiled, &notes);
    all->moved[index] = notes.moved;
    all->labels[index] = (struct label_count){ notes.pixels, notes.strange };
    if (result == PIX_TRANSLATE_DONE && item->input)
        tell_of_input(all->translator, item->input, &reader->form);
    if (result != PIX_TRANSLATE_DONE)    // there is no output
        all->losses[index] = 0;
    row_reader_close(reader);
    picture_free(&picture);
    if (result == PIX_TRANSLATE_DONE && !item->output &&
        !image_from_picture(&tiled.made, &item->out))
        result = PIX_TRANSLATE_NOT_TRANSLATED;
    picture_free(&tiled.made);
    return result;
}

static bool run_all_tiled(struct items *all, size_t count)
{
    bool ok = true, goes_on = true;
    for (size_t i = 0; goes_on && i < count; i++) {
        const struct pix_translate_item *item = &all->items[i];
        const enum pix_translate_result result = translate_tiled(all, &all->items[i]);
        ok = ok && result == PIX_TRANSLATE_DONE;
        if (result == PIX_TRANSLATE_PENDING) {
            log_info("%s: stopped on the way through %s, which has no output",
                     translator_command(all->translator),
                     item->input ? item->input : "an image");
            break;
        }
        goes_on = item_done(all, i, result) && !translator_is_lost(all->translator);
        ok = ok && (goes_on || i + 1 == count);
    }
    translator_warn_of_ranges(all->translator);
    return ok;
}

// Samples that would have stood for no data, and were moved to the number beside it.
static void report_moved(const struct items *all, size_t count)
{
    uint64_t moved = 0;
    size_t images = 0;
    for (size_t i = 0; i < count; i++) {
        moved += all->moved[i];
        images += all->moved[i] > 0;
    }
    if (images > 0)
        log_info("%s: in %zu of %zu output%s %" PRIu64
                 " sample%s had the number that stands for no data (GDAL_NODATA), and "
                 "got the one beside it",
                 translator_command(all->translator), images, count, PLURAL(count),
                 moved, PLURAL(moved));
}

static void report_strange(const struct items *all, size_t count)
{
    struct label_count sum = { 0, 0 };
    const char *first = NULL;
    for (size_t i = 0; i < count; i++) {
        const char *path = all->items[i].input ? all->items[i].input : "in memory";
        sum.pixels += all->labels[i].pixels;
        sum.strange += all->labels[i].strange;
        if (!first && all->labels[i].strange > 0)
            first = path;
    }
    translator_report_strange(all->translator, sum.pixels, sum.strange, first);
}

bool items_translate(struct translator *t, struct pix_translate_item *items,
                     size_t count, pix_translate_done *done, void *user)
{
    struct items all = { .translator = t,
                         .items = items,
                         .rests = mem_array(count, sizeof(struct translator_rest)),
                         .done = done,
                         .user = user,
                         .losses = mem_array(count, sizeof(uint32_t)),
                         .moved = mem_array(count, sizeof(uint64_t)),
                         .labels = mem_array(count, sizeof(struct label_count)) };
    const struct pipeline_ends ends = {
        load_item, store_item, item_done, &all, 0, item_path,
    };
    for (size_t i = 0; i < count; i++) {
        items[i].result = PIX_TRANSLATE_PENDING;
        items[i].out = (struct pix_image){ 0 };
    }
    if (count > 0 && !translator_tiling(t).cut.tile)
        translator_tell_scaling(t);
    bool ok = all.rests && all.losses && all.moved && all.labels &&
              keeps_inputs(t, items, count) &&
              (translator_tiling(t).cut.tile
                   ? run_all_tiled(&all, count)
                   : pipeline_run(t, translator_threads(t), count, &ends));
    if (all.losses)
        losses_report(all.losses, count, item_path, &all, translator_command(t));
    if (all.moved)
        report_moved(&all, count);
    if (all.labels)
        report_strange(&all, count);
    mem_free(all.labels);
    mem_free(all.losses);
    mem_free(all.moved);
    // Images that were translated but not reported before a stop are not the caller's.
    for (size_t i = 0; i < count; i++)
        if (items[i].result == PIX_TRANSLATE_PENDING)
            image_free(&items[i].out);
    for (size_t i = 0; all.rests && i < count; i++)
        translator_rest_free(&all.rests[i]);
    mem_free(all.rests);
    return ok;
}

static bool plan_tiled(const struct items *all, const struct pix_translate_item *item,
                       struct pix_plan *plan)
{
    struct picture picture;
    struct row_reader *reader = open_input(all, item, &picture);
    const bool ok = reader && tiles_plan(all->translator, &reader->form, plan);
    row_reader_close(reader);
    picture_free(&picture);
    return ok;
}

bool items_plan_size(struct translator *t, uint32_t width, uint32_t height,
                     struct pix_plan *plan)
{
    const enum pixel_kind kind = settings_staging(translator_get_settings(t)).input;
    const bool is_any = width == 0 && height == 0;    // an image of many tiles
    const struct picture form = { .kind = kind,
                                  .width = is_any ? TILES_MAX_SIDE : width,
                                  .height = is_any ? TILES_MAX_SIDE : height };
    if (!translator_tiling(t).cut.tile)
        return translator_plan(t, width, height, plan);
    if (width && height ? width <= TILES_MAX_SIDE && height <= TILES_MAX_SIDE : is_any)
        return tiles_plan(t, &form, plan);
    log_error("%s: an image of %ux%u pixels cannot be translated",
              translator_command(t), (unsigned)width, (unsigned)height);
    return false;
}

bool items_plan(struct translator *t, const struct pix_translate_item *item,
                struct pix_plan *plan)
{
    const struct items all = { .translator = t };
    struct picture picture = { 0 };
    struct translator_form form;
    struct translator_notes notes;
    struct frame frame;
    enum pixel_kind output = PIXEL_KINDS;
    if (translator_tiling(t).cut.tile)
        return plan_tiled(&all, item, plan);
    const struct frame_rule rule = translator_frame_rule(t, false);
    struct translator_rest rest = { 0 };
    translator_tell_scaling(t);
    bool ok = load(&all, item, &picture, &output) &&
              translator_take_rest(t, NULL, &picture, &rest) &&
              translator_prepare(t, &rule, &picture, output, &form, &frame, &notes) &&
              translator_plan_form(t, &form, plan);
    translator_rest_free(&rest);
    picture_free(&picture);
    return ok;
}
