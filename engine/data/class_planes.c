// SPDX-License-Identifier: MIT
//
// See class_planes.h.

#include "data/class_planes.h"

#include <assert.h>
#include <string.h>

_Static_assert(CLASSES_MAX <= PIXEL_MAX_CHANNELS, "a class is a channel");

bool class_planes_take(struct picture *labels, struct reason *reason)
{
    if (labels->kind != PIXEL_U8)
        return reason_refuse(reason, "has samples of %s: label maps are of u8",
                             pixel_kind_name(labels->kind));
    if (labels->channels != 1 && labels->channels != 3 && labels->is_array)
        return reason_refuse(reason, "has %u channels: label maps have 1 or 3",
                             (unsigned)labels->channels);
    return picture_set_channels(labels, labels->channels < 3 ? 1 : 3, reason);
}

// ---------------------------------------------------------------------------
// From colours

static bool make_of_indices(const struct palette *palette, const struct picture *labels,
                            uint8_t *planes, struct reason *reason)
{
    const size_t count = (size_t)labels->width * labels->height;
    const uint8_t *samples = labels->samples;
    for (size_t i = 0; i < count; i++) {
        const uint32_t class = samples[i] - palette->first_index;    // wraps below it
        if (class >= palette->count)
            return reason_refuse(
                reason,
                "has the index %u, and those of the palette's colours are %u to %u: a "
                "label map of one channel has indices, unless all colours of the palette "
                "are greys",
                (unsigned)samples[i], (unsigned)palette->first_index,
                (unsigned)(palette->first_index + palette->count - 1));
        planes[class * count + i] = UINT8_MAX;
    }
    return true;
}

// Neighbours mostly have one colour.
static uint64_t make_of_colours(const struct palette *palette,
                                const struct picture *labels, uint8_t *planes)
{
    const size_t count = (size_t)labels->width * labels->height;
    const size_t step = labels->channels == 3 ? count : 0;
    const uint8_t *samples = labels->samples;
    uint8_t last[3] = { 0 };
    uint32_t class = 0;
    bool is_strange = false;
    uint64_t strange = 0;
    for (size_t i = 0; i < count; i++) {
        const uint8_t colour[3] = { samples[i], samples[step + i],
                                    samples[2 * step + i] };
        if (i == 0 || memcmp(colour, last, 3) != 0) {
            class = palette_find(palette, colour[0], colour[1], colour[2]);
            is_strange = memcmp(palette->colours[class], colour, 3) != 0;
            memcpy(last, colour, 3);
        }
        planes[class * count + i] = UINT8_MAX;
        strange += is_strange;
    }
    return strange;
}

bool class_planes_make(const struct palette *palette, struct picture *labels,
                       uint64_t *strange, struct reason *reason)
{
    struct picture planes;
    bool ok = true;
    assert(labels->kind == PIXEL_U8 &&
           (labels->channels == 1 || labels->channels == 3));
    *strange = 0;
    if (!picture_create(&planes, PIXEL_U8, palette->count, labels->width,
                        labels->height))
        return reason_refuse_memory(reason);
    if (labels->channels == 1 && !palette_is_grey(palette))
        ok = make_of_indices(palette, labels, planes.samples, reason);
    else
        *strange = make_of_colours(palette, labels, planes.samples);
    if (!ok) {
        picture_free(&planes);
        return false;
    }
    picture_take_notes(&planes, labels);
    labels->tags = NULL;
    picture_free(labels);
    *labels = planes;
    return true;
}

// ---------------------------------------------------------------------------
// To colours

bool class_planes_colour(const struct palette *palette, struct picture *planes)
{
    struct picture rgb;
    const size_t count = (size_t)planes->width * planes->height;
    const uint8_t *samples = planes->samples;
    assert(planes->kind == PIXEL_U8 && planes->channels == palette->count);
    if (!picture_create(&rgb, PIXEL_U8, 3, planes->width, planes->height))
        return false;
    uint8_t *to = rgb.samples;
    for (size_t i = 0; i < count; i++) {
        uint32_t best = 0;
        for (uint32_t k = 1; k < palette->count; k++)
            if (samples[k * count + i] > samples[best * count + i])
                best = k;
        for (size_t c = 0; c < 3; c++)
            to[c * count + i] = palette->colours[best][c];
    }
    picture_take_notes(&rgb, planes);
    rgb.palette = palette;
    planes->tags = NULL;
    picture_free(planes);
    *planes = rgb;
    return true;
}
