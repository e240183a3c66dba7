// SPDX-License-Identifier: MIT
//
// See task.h.

#include "data/task.h"

#include "base/log.h"
#include "base/random.h"
#include "data/class_planes.h"
#include "data/colour.h"
#include "data/edges.h"
#include "data/picture_file.h"

#include <assert.h>
#include <string.h>

static size_t plane_count(const struct picture *p)
{
    return (size_t)p->width * p->height;
}

// ---------------------------------------------------------------------------
// What a task makes

struct task_channels task_channels(const struct task *t, uint32_t output_nc)
{
    struct task_channels c = { output_nc, output_nc, output_nc };
    if (t->kind == TASK_COLORIZE)
        c = (struct task_channels){ 3, 1, 2 };
    if (t->kind == TASK_INPAINT)
        c.input = output_nc + 1;
    if (t->kind == TASK_EDGES)
        c.input = 1;
    return c;
}

struct task_kinds task_kinds(const struct task *t, enum pixel_kind image)
{
    if (t->kind == TASK_COLORIZE)
        return (struct task_kinds){ PIXEL_F32, PIXEL_F32 };
    return (struct task_kinds){ t->kind == TASK_EDGES ? PIXEL_U8 : image, image };
}

bool task_takes(const struct task *t, enum pixel_kind image, struct reason *reason)
{
    if (t->kind != TASK_COLORIZE || image != PIXEL_F32)
        return true;
    return reason_refuse(reason, "has samples of f32, and colours are taken of u8 and "
                                 "u16");
}

void task_describe_output(const struct task *t, enum pixel_kind image,
                          enum pixel_kind *kind, uint32_t *channels)
{
    if (t->kind == TASK_COLORIZE || t->labels_out)
        *channels = 3;
    if (t->kind == TASK_COLORIZE)
        *kind = image;
}

// ---------------------------------------------------------------------------
// Holes

enum { HOLE_LEAST = 128 };    // of samples of a mask, in its hole

// Makes a mask of an image in place.
static bool make_mask(struct picture *image, struct reason *reason)
{
    if (image->kind == PIXEL_F32)
        return reason_refuse(reason, "has samples of f32: a mask has u8 or u16, white "
                                     "in the hole");
    if (image->is_array && image->channels != 1)
        return reason_refuse(reason, "has %u channels: a mask has one",
                             (unsigned)image->channels);
    if (!picture_set_channels(image, 1, reason))
        return false;
    if (!picture_set_kind(image, PIXEL_U8, PIXEL_WHOLE))
        return reason_refuse_memory(reason);
    return picture_find_largest(image) >= HOLE_LEAST ||
           reason_refuse(reason,
                         "has no hole: nothing in it is white (%d or more of "
                         "255)",
                         HOLE_LEAST);
}

bool task_read_mask(const char *path, const struct picture_reading *reading,
                    struct picture *mask, struct reason *reason)
{
    if (!picture_read_with(path, reading, mask, reason))
        return false;
    if (make_mask(mask, reason))
        return true;
    picture_free(mask);
    return false;
}

const char *task_hash_mask(const struct task *t, char text[HASH_TEXT_SIZE])
{
    const struct picture *mask = t->mask;
    text[0] = '\0';
    if (t->kind != TASK_INPAINT || t->hole != HOLE_MASK || !mask)
        return text;
    const uint32_t size[] = { mask->width, mask->height };
    const uint64_t hash = hash_bytes(HASH_START, size, sizeof(size));
    return hash_digits(hash_bytes(hash, mask->samples, picture_bytes(mask)), text);
}

// A rectangle, or what a mask says of it, in images whose rows have `row` pixels.
struct hole {
    uint32_t x, y, width, height;
    const struct picture *mask;    // of the rectangle; NULL: all of it
    uint32_t row;
};

static struct hole draw_hole(const struct task *t, uint64_t seed,
                             const struct task_part *part, uint32_t row)
{
    const uint32_t w = part->size.width, h = part->size.height;
    struct hole hole = { 0, 0, w, h, .row = row };
    struct random r;
    if (t->hole == HOLE_MASK) {
        hole.mask = t->mask;
    } else if (t->hole == HOLE_CENTER) {
        hole =
            (struct hole){ w / 4, h / 4, MAX(w / 2, 1u), MAX(h / 2, 1u), .row = row };
    } else {
        random_init(&r, seed, TASK_INPAINT);
        hole.width = MAX(w / 4 + random_below(&r, w / 2 - w / 4 + 1), 1u);
        hole.height = MAX(h / 4 + random_below(&r, h / 2 - h / 4 + 1), 1u);
        hole.x = random_below(&r, w - hole.width + 1);
        hole.y = random_below(&r, h - hole.height + 1);
    }
    hole.x += part->x;
    hole.y += part->y;
    return hole;
}

// Whether pixel i, counted by rows, is in the hole.
static bool hole_has(const struct hole *h, size_t i)
{
    const uint32_t x = (uint32_t)(i % h->row) - h->x,
                   y = (uint32_t)(i / h->row) - h->y;    // below 0 is large
    if (x >= h->width || y >= h->height)
        return false;
    if (!h->mask)
        return true;
    const size_t at =
        (size_t)resize_nearest(y, h->mask->height, h->height) * h->mask->width +
        resize_nearest(x, h->mask->width, h->width);
    return ((const uint8_t *)h->mask->samples)[at] >= HOLE_LEAST;
}

// All of an image.
static struct task_part whole_of(const struct picture *image)
{
    return (struct task_part){ 0, 0, picture_size(image) };
}

// Copies an image into the first channels of `input`, but for the hole, which gets the
// middle of the range; the last channel has the high end in it, the low one elsewhere.
// The image may be rows of the one that the hole is for, with `from` pixels before.
static void cut_hole(const struct picture *image, const struct hole *hole, size_t from,
                     struct picture *input)
{
    const size_t count = plane_count(image);
    const struct pixel_ends ends = pixel_ends(input->kind, input->range);
    assert(input->channels == image->channels + 1);
    memcpy(input->samples, image->samples, picture_bytes(image));
    for (size_t i = 0; i < count; i++) {
        const bool is_in = hole_has(hole, from + i);
        picture_set_sample(input, image->channels * count + i,
                           is_in ? ends.high : ends.low);
        for (size_t c = 0; is_in && c < image->channels; c++)
            picture_set_sample(input, c * count + i, (ends.low + ends.high) / 2);
    }
}

// ---------------------------------------------------------------------------
// Sides

static bool create_like(const struct picture *image, uint32_t channels,
                        struct picture *out)
{
    if (!picture_create(out, image->kind, channels, image->width, image->height))
        return false;
    out->range = image->range;
    return true;
}

// Smaller and back again. Rounded up, so that no side is 0.
static bool blur(const struct picture *image, uint32_t factor, struct picture *out)
{
    struct picture small;
    if (!picture_resize(image, RESIZE_BICUBIC, (image->width + factor - 1) / factor,
                        (image->height + factor - 1) / factor, &small))
        return false;
    const bool ok =
        picture_resize(&small, RESIZE_BICUBIC, image->width, image->height, out);
    picture_free(&small);
    return ok;
}

bool task_make_sides(const struct task *t, struct picture *image, struct picture *input,
                     struct picture *target)
{
    bool ok = false;
    *input = *target = (struct picture){ 0 };
    switch (t->kind) {
    case TASK_COLORIZE:
        ok = colour_split(image, input, target);
        picture_free(image);
        return ok;
    case TASK_SUPERRES:
        ok = blur(image, t->factor, input);
        break;
    case TASK_INPAINT:
        ok = create_like(image, image->channels + 1, input);
        break;
    case TASK_EDGES:
        ok = edges_find(image, input);
        break;
    default:
        ok = picture_copy(image, input);
    }
    if (ok)
        *target = *image;
    else
        picture_free(image);
    *image = (struct picture){ 0 };
    return ok;
}

static void add_noise(double sigma, uint64_t seed, const struct picture *target,
                      struct picture *input)
{
    const size_t count = target->channels * plane_count(target);
    const struct pixel_ends ends = pixel_ends(target->kind, target->range);
    const double scale = sigma / UINT8_MAX * (ends.high - ends.low);
    struct random r;
    random_init(&r, seed, TASK_DENOISE);
    for (size_t i = 0; i < count; i++)
        picture_set_sample(input, i,
                           picture_sample(target, i) + scale * random_normal(&r));
}

void task_renew_part(const struct task *t, uint64_t seed, const struct task_part *part,
                     const struct picture *target, struct picture *input)
{
    if (t->kind == TASK_DENOISE) {
        add_noise(t->sigma, seed, target, input);
    } else if (t->kind == TASK_INPAINT) {
        const struct hole hole = draw_hole(t, seed, part, target->width);
        cut_hole(target, &hole, 0, input);
    }
}

void task_renew(const struct task *t, uint64_t seed, const struct picture *target,
                struct picture *input)
{
    const struct task_part whole = whole_of(target);
    task_renew_part(t, seed, &whole, target, input);
}

bool task_make_input(const struct task *t, uint64_t seed, struct picture *image)
{
    struct picture input, target;
    if (!task_make_sides(t, image, &input, &target))
        return false;
    task_renew(t, seed, &target, &input);
    picture_free(&target);
    *image = input;
    return true;
}

static bool add_lightness(const struct picture *lightness, enum pixel_kind kind,
                          struct picture *chroma)
{
    struct picture rgb;
    if (!colour_join(lightness, chroma, kind, &rgb))
        return false;
    picture_free(chroma);
    *chroma = rgb;
    return true;
}

static void copy_sample(const struct picture *from, struct picture *to, size_t i)
{
    const size_t bytes = pixel_bytes(to->kind);
    memcpy((uint8_t *)to->samples + i * bytes,
           (const uint8_t *)from->samples + i * bytes, bytes);
}

// The image with its hole that an input has, in the kind and the range of another one,
// which has its channels.
static bool copy_context(const struct picture *input, const struct picture *like,
                         struct picture *context)
{
    if (!create_like(input, like->channels, context))
        return false;
    memcpy(context->samples, input->samples, picture_bytes(context));
    if (picture_set_kind(context, like->kind, like->range))
        return true;
    picture_free(context);
    return false;
}

// The last channel of an input says where its hole is. Where the ends of a range are no
// whole numbers, integers are near to them.
static bool add_context(const struct picture *input, struct picture *side)
{
    const size_t count = plane_count(side);
    const struct pixel_ends ends = pixel_ends(input->kind, input->range);
    struct picture context;
    if (!copy_context(input, side, &context))
        return false;
    for (size_t i = 0; i < count; i++) {
        if (picture_sample(input, side->channels * count + i) >
            (ends.low + ends.high) / 2)
            continue;
        for (size_t c = 0; c < side->channels; c++)
            copy_sample(&context, side, c * count + i);
    }
    picture_free(&context);
    return true;
}

bool task_complete(const struct task *t, const struct picture *input,
                   struct picture *side)
{
    if (t->kind == TASK_COLORIZE)
        return add_lightness(input, PIXEL_U8, side);
    if (t->kind == TASK_INPAINT)
        return add_context(input, side);
    return !t->labels_out || class_planes_colour(t->palette, side);
}

bool task_show_input(const struct task *t, struct picture *input)
{
    return !t->labels_in || class_planes_colour(t->palette, input);
}

// All pixels of the class that most pixels have.
static void fill_most_frequent(const double *share, struct picture *planes)
{
    const size_t count = plane_count(planes);
    size_t best = 0;
    for (size_t c = 1; c < planes->channels; c++)
        if (share[c] > share[best])
            best = c;
    memset((uint8_t *)planes->samples + best * count, UINT8_MAX, count);
}

bool task_make_flat(const struct task *t, const struct picture *input,
                    const struct picture *target, const double *colour,
                    struct picture *flat)
{
    const size_t count = plane_count(target);
    if (!create_like(target, target->channels, flat))
        return false;
    for (size_t i = 0; !t->labels_out && i < count * target->channels; i++)
        picture_set_sample(flat, i, colour[i / count]);
    if (t->labels_out)
        fill_most_frequent(colour, flat);
    if (task_complete(t, input, flat))
        return true;
    picture_free(flat);
    return false;
}

bool task_make_copy(const struct task *t, const struct picture *input,
                    const struct picture *target, struct picture *copy)
{
    static const double grey[2] = { 0 };
    struct reason reason;
    *copy = (struct picture){ 0 };
    if (t->kind == TASK_COLORIZE)
        return task_make_flat(t, input, target, grey, copy);
    if (t->kind == TASK_INPAINT)
        return copy_context(input, target, copy);
    const uint32_t channels = t->labels_in ? 3 : input->channels,
                   wanted = t->labels_out ? 3 : target->channels;
    const bool repeats = channels == 1 && wanted == 3 && !input->is_array;
    if (channels != wanted && !repeats)
        return true;
    if (!picture_copy(input, copy) || !task_show_input(t, copy))
        return false;
    if (repeats && !picture_set_channels(copy, 3, &reason)) {
        log_error("data: %s", reason.text);
        return false;
    }
    return picture_set_kind(copy, target->kind, target->range);
}

// ---------------------------------------------------------------------------
// Translation

void task_rest_free(struct task_rest *rest)
{
    picture_free(&rest->image);
    picture_free(&rest->hole);
    *rest = (struct task_rest){ 0 };
}

static bool take_lightness(struct picture *image, struct task_rest *rest)
{
    struct picture lightness;
    if (!colour_split(image, &lightness, NULL))
        return false;
    picture_free(image);
    *image = lightness;
    return picture_copy(image, &rest->image);
}

bool task_enlarge(const struct task *t, struct picture *image)
{
    const struct pix_size size = task_input_size(t, picture_size(image));
    struct picture large;
    if (size_equals(size, picture_size(image)))
        return true;
    if (!picture_resize(image, RESIZE_BICUBIC, size.width, size.height, &large))
        return false;
    picture_free(image);
    *image = large;
    return true;
}

// `from`: the image's pixels before these rows.
static bool take_context(const struct hole *hole, size_t from, struct picture *image,
                         struct task_rest *rest)
{
    struct picture input;
    if (!picture_create(&rest->hole, PIXEL_U8, 1, image->width, image->height) ||
        !create_like(image, image->channels + 1, &input))
        return false;
    for (size_t i = 0; i < plane_count(image); i++)
        ((uint8_t *)rest->hole.samples)[i] = hole_has(hole, from + i);
    cut_hole(image, hole, from, &input);
    rest->image = *image;
    *image = input;
    return true;
}

static bool take_labels(const struct palette *palette, struct picture *image,
                        struct task_rest *rest, struct reason *reason)
{
    rest->pixels = plane_count(image);
    return class_planes_take(image, reason) &&
           class_planes_make(palette, image, &rest->strange, reason);
}

bool task_take_rows(const struct task *t, uint64_t seed, struct pix_size size,
                    uint32_t y, struct picture *rows, struct task_rest *rest,
                    struct reason *reason)
{
    *rest = (struct task_rest){ .kind = rows->kind };
    bool ok = true;
    assert(rows->width == size.width && y + rows->height <= size.height);
    reason_refuse_memory(reason);
    if (t->labels_in)
        ok = take_labels(t->palette, rows, rest, reason);
    else if (t->kind == TASK_COLORIZE)
        ok = take_lightness(rows, rest);
    else if (t->kind == TASK_INPAINT) {
        const struct task_part whole = { 0, 0, size };
        const struct hole hole = draw_hole(t, seed, &whole, size.width);
        ok = take_context(&hole, (size_t)y * size.width, rows, rest);
    }
    if (!ok)
        task_rest_free(rest);
    return ok;
}

bool task_take(const struct task *t, uint64_t seed, struct picture *image,
               struct task_rest *rest, struct reason *reason)
{
    *rest = (struct task_rest){ 0 };
    reason_refuse_memory(reason);
    return task_enlarge(t, image) &&
           task_take_rows(t, seed, picture_size(image), 0, image, rest, reason);
}

static bool finish_colour(const struct task_rest *rest, struct picture *out)
{
    struct picture resized;
    if (size_equals(picture_size(&rest->image), picture_size(out)))
        return add_lightness(&rest->image, rest->kind, out);
    if (!picture_resize(&rest->image, RESIZE_BICUBIC, out->width, out->height,
                        &resized))
        return false;
    const bool ok = add_lightness(&resized, rest->kind, out);
    picture_free(&resized);
    return ok;
}

static bool finish_context(const struct task_rest *rest, struct picture *out)
{
    const uint32_t width = out->width, height = out->height;
    const bool fits = size_equals(picture_size(&rest->image), picture_size(out));
    struct picture image = { 0 }, resized = { 0 };
    bool ok =
        fits ? picture_copy(&rest->image, &image)
             : picture_resize(&rest->image, RESIZE_BICUBIC, width, height, &image) &&
                   picture_resize(&rest->hole, RESIZE_NEAREST, width, height, &resized);
    image.range = rest->image.range;
    ok = ok && picture_set_kind(&image, out->kind, out->range);
    const uint8_t *hole = fits ? rest->hole.samples : resized.samples;
    const size_t count = plane_count(out);
    for (size_t i = 0; ok && i < count * out->channels; i++)
        if (!hole[i % count])
            copy_sample(&image, out, i);
    picture_free(&image);
    picture_free(&resized);
    return ok;
}

bool task_finish(const struct task *t, const struct task_rest *rest,
                 struct picture *out)
{
    if (t->kind == TASK_COLORIZE)
        return finish_colour(rest, out);
    if (t->labels_out)
        return class_planes_colour(t->palette, out);
    return t->kind != TASK_INPAINT || finish_context(rest, out);
}
