// SPDX-License-Identifier: MIT
//
// The ends of a pipeline that are files, or images in memory. See items.h.

#include "translate/items.h"

#include "base/file_set.h"
#include "base/log.h"
#include "base/mem.h"
#include "data/image.h"
#include "data/picture_file.h"
#include "settings/settings.h"
#include "translate/losses.h"
#include "translate/pipeline.h"
#include "translate/translator.h"

struct items {
    const struct translator *translator;
    struct pix_translate_item *items;
    struct picture *alphas;    // [count], between an input and its output
    pix_translate_done *done;
    void *user;
    uint32_t *losses;    // of each output, see losses.h
};

// Nobody says which kind the output shall have: that of the input, as far as the file
// that is written can hold it.
static enum pixel_kind choose_output(const struct items *all,
                                     const struct pix_translate_item *item,
                                     enum pixel_kind kind)
{
    const struct settings *s = translator_get_settings(all->translator);
    if (translator_kinds(all->translator).output != PIXEL_KINDS || !item->output)
        return PIXEL_KINDS;
    const enum pixel_kind held =
        picture_kind_held(item->output, kind, s->options.output_nc);
    if (held != kind)
        log_info("%s: %s is written with %s samples: this format cannot hold the "
                 "%s of %s",
                 translator_command(all->translator), item->output,
                 pixel_kind_name(held), pixel_kind_name(kind),
                 item->input ? item->input : "the input");
    return held;
}

static bool load(const struct items *all, const struct pix_translate_item *item,
                 struct picture *picture, enum pixel_kind *output)
{
    const struct pix_image *in = &item->in;
    struct reason reason;
    bool ok;
    if (item->input) {
        struct picture_reading reading =
            translator_get_settings(all->translator)->reading;
        reading.with_tags = item->output != NULL;
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
    return load(all, &all->items[index], picture, output) &&
           translator_take_alpha(all->translator, picture, &all->alphas[index]);
}

// Whether the file that is written can hold an alpha that says something. One that is
// opaque everywhere is left out where it cannot.
static bool add_alpha(const struct items *all, size_t index, struct picture *out)
{
    const struct pix_translate_item *item = &all->items[index];
    struct picture *alpha = &all->alphas[index];
    const bool holds = !item->output || picture_can_be_written(item->output, out->kind,
                                                               out->channels + 1);
    bool ok = true;
    if (holds)
        ok = translator_put_alpha(all->translator, alpha, out);
    else if (alpha->is_transparent) {
        log_error("%s: %s cannot hold the alpha of %s: name a .png, or another --alpha "
                  "than keep",
                  translator_command(all->translator), item->output,
                  item->input ? item->input : "its input");
        ok = false;
    }
    picture_free(alpha);
    return ok;
}

static bool store_item(void *user, size_t index, struct picture *picture)
{
    const struct items *all = user;
    struct pix_translate_item *item = &all->items[index];
    if (!add_alpha(all, index, picture))
        return false;
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
    const char *table = translator_table_path(t);
    struct file_set inputs = { 0 };
    bool ok = file_set_add(&inputs, translator_model_path(t)) &&
              (!table || file_set_add(&inputs, table));
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

bool items_translate(struct translator *t, struct pix_translate_item *items,
                     size_t count, pix_translate_done *done, void *user)
{
    struct items all = { .translator = t,
                         .items = items,
                         .alphas = mem_array(count, sizeof(struct picture)),
                         .done = done,
                         .user = user,
                         .losses = mem_array(count, sizeof(uint32_t)) };
    const struct pipeline_ends ends = {
        load_item, store_item, item_done, &all, 0, item_path,
    };
    for (size_t i = 0; i < count; i++) {
        items[i].result = PIX_TRANSLATE_PENDING;
        items[i].out = (struct pix_image){ 0 };
    }
    bool ok = all.alphas && all.losses && keeps_inputs(t, items, count) &&
              pipeline_run(t, translator_threads(t), count, &ends);
    if (all.losses)
        losses_report(all.losses, count, item_path, &all, translator_command(t));
    mem_free(all.losses);
    // Images that were translated but not reported before a stop are not the caller's.
    for (size_t i = 0; i < count; i++)
        if (items[i].result == PIX_TRANSLATE_PENDING)
            image_free(&items[i].out);
    for (size_t i = 0; all.alphas && i < count; i++)
        picture_free(&all.alphas[i]);
    mem_free(all.alphas);
    return ok;
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
    bool ok = load(&all, item, &picture, &output) &&
              translator_prepare(t, &picture, output, &form, &frame, &notes) &&
              translator_plan_form(t, &form, plan);
    picture_free(&picture);
    return ok;
}
