// SPDX-License-Identifier: MIT
//
// What goes from a file that is read to one that is written: a profile, and from a TIFF
// where it lies on the earth
// (OGC 19-008, GeoTIFF 1.1), what GDAL says of it, its resolution and its profile. See
// tiff_tags.h.

#include "data/tiff_tags.h"

#include "base/mem.h"
#include "data/codec.h"
#include "data/profile.h"

#include <float.h>
#include <math.h>
#include <string.h>

bool tiff_is(const uint8_t *data, size_t size)
{
    if (size < 4 || (memcmp(data, "II", 2) != 0 && memcmp(data, "MM", 2) != 0))
        return false;
    const bool is_big = data[0] == 'M';
    const uint8_t version = data[is_big ? 3 : 2];
    return data[is_big ? 2 : 3] == 0 && (version == 42 || version == 43);
}

// Compressions that are written as they were read. The others lose something (JPEG), or
// are for other images (CCITT).
static const uint16_t kept_compressions[] = { 1, 5, 8, 32773, 32946, 50000 };

static const uint16_t kept[TIFF_TAGS_MOST] = {
    TIFF_X_RESOLUTION, TIFF_Y_RESOLUTION, TIFF_RESOLUTION_UNIT, TIFF_PIXEL_SCALE,
    TIFF_TIE_POINTS,   TIFF_MATRIX,       TIFF_ICC_PROFILE,     TIFF_GEO_KEYS,
    TIFF_GEO_DOUBLES,  TIFF_GEO_TEXTS,    TIFF_GDAL_METADATA,   TIFF_GDAL_NO_DATA,
};

static bool is_among(uint16_t number, const uint16_t *numbers, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (numbers[i] == number)
            return true;
    return false;
}

bool tiff_tags_keep(uint16_t number)
{
    return is_among(number, kept, ARRAY_LEN(kept));
}

bool tiff_tags_keep_compression(const struct picture_tags *tags)
{
    return is_among(tags->compression, kept_compressions, ARRAY_LEN(kept_compressions));
}

uint32_t tiff_type_bytes(uint16_t type)
{
    static const uint8_t bytes[] = { 0, 1, 1, 2, 4, 8, 1, 1, 2, 4,
                                     8, 4, 8, 4, 0, 0, 8, 8, 8 };
    return type < ARRAY_LEN(bytes) ? bytes[type] : 0;
}

uint32_t tiff_number_bytes(uint16_t type)
{
    return type == TIFF_TYPE_RATIONAL || type == TIFF_TYPE_SIGNED_RATIONAL
               ? 4
               : tiff_type_bytes(type);
}

// Says where the image lies. What GDAL adds holds for an image that lies anywhere.
static bool is_place(uint16_t number)
{
    return number == TIFF_PIXEL_SCALE || number == TIFF_TIE_POINTS ||
           number == TIFF_MATRIX || number == TIFF_GEO_KEYS ||
           number == TIFF_GEO_DOUBLES || number == TIFF_GEO_TEXTS;
}

const struct tiff_tag *tiff_tags_find(const struct tiff_tag *tags, uint32_t count,
                                      uint16_t number)
{
    for (uint32_t i = 0; i < count; i++)
        if (tags[i].number == number)
            return &tags[i];
    return NULL;
}

void tiff_tags_free(struct tiff_tag *tags, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        mem_free(tags[i].values);
}

static bool copy_tag(const struct tiff_tag *from, struct tiff_tag *to)
{
    const size_t bytes = (size_t)from->count * tiff_type_bytes(from->type);
    *to = *from;
    to->values = mem_alloc(bytes);
    if (to->values)
        memcpy(to->values, from->values, bytes);
    return to->values != NULL;
}

void picture_tags_free(struct picture_tags *tags)
{
    if (!tags)
        return;
    tiff_tags_free(tags->tags, tags->count);
    mem_free(tags);
}

bool picture_tags_copy(const struct picture_tags *tags, struct picture_tags **copy)
{
    *copy = NULL;
    if (!tags)
        return true;
    struct picture_tags *to = mem_alloc(sizeof(*to));
    if (!to)
        return false;
    *to = *tags;
    for (to->count = 0; to->count < tags->count; to->count++)
        if (!copy_tag(&tags->tags[to->count], &to->tags[to->count])) {
            picture_tags_free(to);
            return false;
        }
    *copy = to;
    return true;
}

bool picture_tags_create(uint32_t width, uint32_t height, uint32_t colours,
                         void *profile, size_t size, struct picture_tags **tags)
{
    struct picture_tags *t = mem_zalloc(sizeof(*t));
    *tags = t;
    if (!t) {
        mem_free(profile);
        return false;
    }
    *t = (struct picture_tags){ .width = width, .height = height, .colours = colours };
    if (profile && size <= PROFILE_MOST_BYTES && profile_colours(profile, size) > 0) {
        t->tags[0] = (struct tiff_tag){ TIFF_ICC_PROFILE, TIFF_TYPE_UNDEFINED,
                                        (uint32_t)size, profile };
        t->count = 1;
    } else {
        t->is_damaged = true;
        mem_free(profile);
    }
    return true;
}

void picture_tags_set_turned(struct picture_tags *tags)
{
    if (tags)
        tags->is_turned = true;
}

// ---------------------------------------------------------------------------
// Another size

// Pixels of the output for one of the input, in both directions.
struct ratio {
    double x, y;
};

static uint32_t upright_width(const struct picture_tags *t)
{
    return t->is_turned && t->orientation >= 5 ? t->height : t->width;
}

static uint32_t upright_height(const struct picture_tags *t)
{
    return t->is_turned && t->orientation >= 5 ? t->width : t->height;
}

static struct ratio ratio_of(const struct picture_tags *t, uint32_t width,
                             uint32_t height)
{
    return (struct ratio){ (double)width / upright_width(t),
                           (double)height / upright_height(t) };
}

static bool is_turned(const struct picture_tags *t)
{
    return t->is_turned && t->orientation != 0;
}

// Whether coordinates are those of the middle of a pixel, not of its corner: the key
// GTRasterTypeGeoKey is RasterPixelIsPoint (7.1.2.2).
static bool has_points(const struct picture_tags *t)
{
    const struct tiff_tag *keys = tiff_tags_find(t->tags, t->count, TIFF_GEO_KEYS);
    const uint16_t *key = keys ? keys->values : NULL;
    for (uint32_t i = 4; keys && i + 4 <= keys->count; i += 4)
        if (key[i] == 1025 && key[i + 1] == 0)
            return key[i + 3] == 2;
    return false;
}

// Whether the numbers of a tag that says where pixels are can be fitted to another
// size.
static bool can_be_scaled(const struct tiff_tag *tag)
{
    switch (tag->number) {
    case TIFF_PIXEL_SCALE:
        return tag->count >= 2;
    case TIFF_TIE_POINTS:
        return tag->count % 6 == 0;
    case TIFF_MATRIX:
        return tag->count == 16;
    default:
        return true;
    }
}

static bool can_all_be_scaled(const struct picture_tags *t)
{
    for (uint32_t i = 0; i < t->count; i++)
        if (!can_be_scaled(&t->tags[i]))
            return false;
    return true;
}

static bool has_place(const struct picture_tags *t)
{
    for (uint32_t i = 0; i < t->count; i++)
        if (is_place(t->tags[i].number))
            return true;
    return false;
}

// A raster coordinate i of the input is (i + shift) * ratio - shift in the output.
static void scale_place(struct tiff_tag *tag, struct ratio ratio, double shift)
{
    double *v = tag->values;
    if (tag->number == TIFF_PIXEL_SCALE) {
        v[0] /= ratio.x;
        v[1] /= ratio.y;
    }
    for (uint32_t i = 0; tag->number == TIFF_TIE_POINTS && i + 6 <= tag->count;
         i += 6) {
        v[i] = (v[i] + shift) * ratio.x - shift;
        v[i + 1] = (v[i + 1] + shift) * ratio.y - shift;
    }
    // Rows of [i, j, k, 1] to a coordinate of the earth.
    for (uint32_t i = 0; tag->number == TIFF_MATRIX && i < 16; i += 4) {
        v[i + 3] +=
            v[i] * (shift / ratio.x - shift) + v[i + 1] * (shift / ratio.y - shift);
        v[i] /= ratio.x;
        v[i + 1] /= ratio.y;
    }
}

// Dots of the output for an inch of the input. A fraction of 32 bits each.
static void scale_resolution(struct tiff_tag *tag, double ratio)
{
    uint32_t *v = tag->values;
    const double value = (double)v[0] / v[1] * ratio;
    uint32_t below = 10000;
    while (below > 1 && value * below > UINT32_MAX)
        below /= 10;
    v[0] = (uint32_t)MIN(value * below + 0.5, (double)UINT32_MAX);
    v[1] = below;
}

// ---------------------------------------------------------------------------
// What fits

// Of a file of so many channels; 0: they are no colours.
static uint32_t colours_of(uint32_t channels)
{
    return channels <= 2 ? 1 : channels <= 4 ? 3 : 0;
}

// Viewers refuse an image whose profile is of other colours, or show it wrong.
static bool keeps_profile(const struct picture_tags *t, const struct tiff_tag *profile,
                          uint32_t colours)
{
    return t->colours == colours &&
           profile_colours(profile->values, profile->count) == colours;
}

const void *picture_tags_profile(const struct picture_tags *t, uint32_t colours,
                                 size_t *size)
{
    const struct tiff_tag *profile =
        t ? tiff_tags_find(t->tags, t->count, TIFF_ICC_PROFILE) : NULL;
    if (!profile || !keeps_profile(t, profile, colours))
        return NULL;
    *size = profile_size(profile->values);
    return profile->values;
}

static bool keeps_place(const struct picture_tags *t, bool is_same_size)
{
    return !is_turned(t) && (is_same_size || can_all_be_scaled(t));
}

static bool is_same_size(const struct picture_tags *t, uint32_t width, uint32_t height)
{
    return upright_width(t) == width && upright_height(t) == height;
}

uint32_t picture_tags_losses(const struct picture_tags *t, struct picture_holds holds,
                             uint32_t channels, uint32_t width, uint32_t height)
{
    if (!t)
        return 0;
    const struct tiff_tag *profile =
        tiff_tags_find(t->tags, t->count, TIFF_ICC_PROFILE);
    uint32_t losses = t->is_damaged ? PICTURE_LOSES_DAMAGED : 0;
    if (profile && !holds.profile)
        losses |= PICTURE_LOSES_PROFILE_BY_FORMAT;
    else if (profile &&
             !keeps_profile(t, profile, holds.is_rgb ? 3 : colours_of(channels)))
        losses |= PICTURE_LOSES_PROFILE;
    if (has_place(t) && !holds.place)
        losses |= PICTURE_LOSES_PLACE_BY_FORMAT;
    else if (has_place(t) && !keeps_place(t, is_same_size(t, width, height)))
        losses |= is_turned(t) ? PICTURE_LOSES_PLACE_BY_TURN : PICTURE_LOSES_PLACE;
    if (holds.place && t->compression && !tiff_tags_keep_compression(t))
        losses |= PICTURE_LOSES_COMPRESSION;
    return losses;
}

static bool holds(enum pixel_kind kind, double number)
{
    if (kind == PIXEL_F32)
        return fabs(number) <= FLT_MAX;
    return number >= 0 && number <= pixel_ends(kind, PIXEL_WHOLE).high &&
           number == floor(number);
}

bool picture_tags_no_data(const struct picture_tags *t, enum pixel_kind kind,
                          double *number)
{
    if (!t || !t->has_no_data || t->no_data_is_other || !holds(kind, t->no_data))
        return false;
    *number = t->no_data;
    return true;
}

bool picture_tags_lose_no_data(const struct picture_tags *t, enum pixel_kind kind,
                               const struct palette *palette)
{
    double number;
    return t && t->has_no_data && (palette || !picture_tags_no_data(t, kind, &number));
}

static void fit(const struct picture_tags *t, const struct tiff_form *form,
                struct tiff_tag *tag)
{
    const struct ratio ratio = ratio_of(t, form->width, form->height);
    const bool is_swapped = is_turned(t) && t->orientation >= 5;
    if (is_swapped && tag->number == TIFF_X_RESOLUTION)
        tag->number = TIFF_Y_RESOLUTION;
    else if (is_swapped && tag->number == TIFF_Y_RESOLUTION)
        tag->number = TIFF_X_RESOLUTION;
    if (is_same_size(t, form->width, form->height))
        return;
    if (tag->number == TIFF_X_RESOLUTION || tag->number == TIFF_Y_RESOLUTION)
        scale_resolution(tag, tag->number == TIFF_X_RESOLUTION ? ratio.x : ratio.y);
    else if (is_place(tag->number))
        scale_place(tag, ratio, has_points(t) ? 0.5 : 0);
}

bool tiff_tags_fit(const struct tiff_form *form, struct tiff_tag out[TIFF_TAGS_MOST],
                   uint32_t *count)
{
    const struct picture_tags *t = form->tags;
    *count = 0;
    for (uint32_t i = 0; t && i < t->count; i++) {
        const struct tiff_tag *tag = &t->tags[i];
        if ((is_place(tag->number) &&
             !keeps_place(t, is_same_size(t, form->width, form->height))) ||
            (tag->number == TIFF_ICC_PROFILE &&
             (form->palette || !keeps_profile(t, tag, colours_of(form->channels)))) ||
            (tag->number == TIFF_GDAL_NO_DATA &&
             picture_tags_lose_no_data(t, form->kind, form->palette)))
            continue;
        if (!copy_tag(tag, &out[*count])) {
            tiff_tags_free(out, *count);
            *count = 0;
            return false;
        }
        fit(t, form, &out[(*count)++]);
    }
    return true;
}
