// SPDX-License-Identifier: MIT
//
// See no_data.h.

#include "data/no_data.h"

#include "data/alpha.h"

#include <float.h>
#include <math.h>
#include <string.h>

// Where the file has floats of 64 bits, the number was rounded as its samples were.
static double as_sample(const struct picture *p, double number)
{
    return p->kind == PIXEL_F32 && fabs(number) <= FLT_MAX ? (double)(float)number
                                                           : number;
}

static uint32_t colours_of(const struct picture *p)
{
    return p->channels - alpha_is_in(p);
}

static size_t plane_of(const struct picture *p)
{
    return (size_t)p->width * p->height;
}

uint64_t no_data_count(const struct picture *p, double number)
{
    const size_t count = p->channels * plane_of(p);
    uint64_t found = 0;
    number = as_sample(p, number);
    for (size_t i = 0; i < count; i++)
        found += picture_sample(p, i) == number;
    return found;
}

static bool has_pixel(const struct picture *p, size_t i, double number)
{
    const size_t plane = plane_of(p);
    for (uint32_t c = 0; c < colours_of(p); c++)
        if (picture_sample(p, c * plane + i) != number)
            return false;
    return true;
}

bool no_data_find(const struct picture *p, double number, struct picture *mask)
{
    uint8_t *marks = NULL;
    *mask = (struct picture){ 0 };
    number = as_sample(p, number);
    for (size_t i = 0; i < plane_of(p); i++) {
        if (!has_pixel(p, i, number))
            continue;
        if (!marks && !picture_create(mask, PIXEL_U8, 1, p->width, p->height))
            return false;
        marks = mask->samples;
        marks[i] = 1;
    }
    return true;
}

// GDAL takes floats for equal that are few units in the last place apart: eight are
// not.
static double beside(const struct picture *p, double number)
{
    const struct pixel_ends ends = pixel_ends(p->kind, p->range);
    if (p->kind != PIXEL_F32)
        return number < ends.high ? number + 1 : number - 1;
    const double step = number == 0 ? (double)FLT_MIN : fabs(number) * 0x1p-20;
    return number < ends.high ? number + step : number - step;
}

bool no_data_put(const struct picture *mask, double number, struct picture *p,
                 uint64_t *moved)
{
    const size_t plane = plane_of(p);
    struct picture resized = { 0 };
    const uint8_t *marks = mask->samples;
    *moved = 0;
    if (marks && !size_equals(picture_size(mask), picture_size(p))) {
        if (!picture_resize(mask, RESIZE_NEAREST, p->width, p->height, &resized))
            return false;
        marks = resized.samples;
    }
    number = as_sample(p, number);
    for (uint32_t c = 0; c < colours_of(p); c++)
        for (size_t i = 0; i < plane; i++) {
            if (marks && marks[i]) {
                picture_set_sample(p, c * plane + i, number);
            } else if (picture_sample(p, c * plane + i) == number) {
                picture_set_sample(p, c * plane + i, beside(p, number));
                ++*moved;
            }
        }
    picture_free(&resized);
    return true;
}
