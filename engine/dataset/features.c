// SPDX-License-Identifier: MIT
//
// See features.h.

#include "dataset/features.h"

#include "base/mem.h"
#include "base/sum.h"
#include "data/alpha.h"

#include <math.h>
#include <string.h>

enum { HASH_SIDE = 8, LOOKS_BITS = 6, TABLE = 2048 };

// Of 255 levels. Below it the hash is one of noise.
#define LOOKS_DEVIATION 2.0
#define LOOKS_CORRELATION 0.98
// Grey: channels are farther apart than this, of 255 levels, in at most one of so many
// pixels.
#define GREY_SPAN 8
#define GREY_PARTS 1000

static size_t plane(const struct picture *p)
{
    return (size_t)p->width * p->height;
}

// ---------------------------------------------------------------------------
// Grey

// The smallest and the largest float.
static void find_ends(const struct picture *p, double *low, double *high)
{
    const float *samples = p->samples;
    *low = HUGE_VAL;
    *high = -HUGE_VAL;
    for (size_t i = 0; i < p->channels * plane(p); i++) {
        *low = MIN(*low, (double)samples[i]);
        *high = MAX(*high, (double)samples[i]);
    }
    if (!(*low < *high))
        *high = *low + 1;
}

// The largest number of the bits that are used: 12 bits in 16 are common.
static double most_of(const struct features *f)
{
    return (double)((UINT32_C(1) << f->bits) - 1);
}

static double find_deviation(const struct picture *grey)
{
    const float *samples = grey->samples;
    const size_t count = plane(grey);
    double mean = 0, squares = 0;
    for (size_t i = 0; i < count; i++)
        mean += (double)samples[i];
    mean /= (double)count;
    for (size_t i = 0; i < count; i++)
        squares += ((double)samples[i] - mean) * ((double)samples[i] - mean);
    return sqrt(squares / (double)count);
}

// The mean of the first channels by these weights, which have a sum of 1.
static void fill_grey(const struct picture *p, double low, double high,
                      const double *weights, uint32_t channels, struct picture *grey)
{
    const size_t count = plane(p);
    for (size_t i = 0; i < count; i++) {
        double sum = 0;
        for (uint32_t c = 0; c < channels; c++)
            sum += picture_sample(p, c * count + i) * weights[c];
        ((float *)grey->samples)[i] = (float)((sum - low) / (high - low) * UINT8_MAX);
    }
}

// Of colours that are equally bright, as label maps may have, one of the channels.
static bool make_grey(const struct picture *p, struct features *f, struct picture *grey)
{
    static const double luma[] = { 0.299, 0.587, 0.114 }, single[] = { 1, 0, 0 };
    static const double alone[3][3] = { { 1, 0, 0 }, { 0, 1, 0 }, { 0, 0, 1 } };
    const bool is_colour = p->channels >= 3;
    double low = 0, high = most_of(f);
    if (!picture_create(grey, PIXEL_F32, 1, p->width, p->height))
        return false;
    if (p->kind == PIXEL_F32)
        find_ends(p, &low, &high);
    fill_grey(p, low, high, is_colour ? luma : single, is_colour ? 3 : 1, grey);
    f->deviation = find_deviation(grey);
    for (int c = 0; c < 3 && is_colour && f->deviation < LOOKS_DEVIATION; c++) {
        fill_grey(p, low, high, alone[c], 3, grey);
        f->deviation = find_deviation(grey);
    }
    return true;
}

// ---------------------------------------------------------------------------
// Looks

static bool find_looks(const struct picture *grey, struct features *f)
{
    struct picture means, small;
    if (!picture_resize(grey, RESIZE_AREA, HASH_SIDE + 1, HASH_SIDE, &means))
        return false;
    const float *m = means.samples;
    for (size_t y = 0; y < HASH_SIDE; y++)
        for (size_t x = 0; x < HASH_SIDE; x++)
            f->looks = f->looks << 1 |
                       (m[y * (HASH_SIDE + 1) + x] < m[y * (HASH_SIDE + 1) + x + 1]);
    picture_free(&means);
    if (!picture_resize(grey, RESIZE_AREA, FEATURES_SMALL, FEATURES_SMALL, &small))
        return false;
    for (size_t i = 0; i < sizeof(f->small); i++)
        f->small[i] =
            (uint8_t)MIN(MAX(((float *)small.samples)[i] + 0.5f, 0), (float)UINT8_MAX);
    picture_free(&small);
    f->has_looks = f->deviation >= LOOKS_DEVIATION;
    return true;
}

// In pairs, fours and bytes, whose counts are added.
static uint32_t count_bits(uint64_t bits)
{
    bits -= bits >> 1 & UINT64_C(0x5555555555555555);
    bits = (bits & UINT64_C(0x3333333333333333)) +
           (bits >> 2 & UINT64_C(0x3333333333333333));
    bits = (bits + (bits >> 4)) & UINT64_C(0x0f0f0f0f0f0f0f0f);
    return (uint32_t)(bits * UINT64_C(0x0101010101010101) >> 56);
}

static double correlate(const uint8_t *a, const uint8_t *b, size_t count)
{
    double sum_a = 0, sum_b = 0, aa = 0, bb = 0, ab = 0;
    for (size_t i = 0; i < count; i++) {
        sum_a += a[i];
        sum_b += b[i];
    }
    for (size_t i = 0; i < count; i++) {
        const double x = a[i] - sum_a / (double)count, y = b[i] - sum_b / (double)count;
        aa += x * x;
        bb += y * y;
        ab += x * y;
    }
    return aa > 0 && bb > 0 ? ab / sqrt(aa * bb) : 0;
}

size_t features_find_looks(const uint64_t *list, size_t from, size_t count,
                           uint64_t looks)
{
    while (from < count && count_bits(list[from] ^ looks) > LOOKS_BITS)
        from++;
    return from;
}

bool features_look_alike(const struct features *a, const struct features *b)
{
    return a->has_looks && b->has_looks &&
           count_bits(a->looks ^ b->looks) <= LOOKS_BITS &&
           correlate(a->small, b->small, sizeof(a->small)) >= LOOKS_CORRELATION;
}

// ---------------------------------------------------------------------------
// Samples

static void count_ends(const struct picture *p, struct features *f)
{
    const size_t colours = (p->channels - alpha_is_in(p)) * plane(p);
    size_t ends = 0, hidden = 0;
    if (p->kind == PIXEL_F32)
        return;
    if (p->kind == PIXEL_U16)
        f->largest = picture_find_largest(p);
    while (f->largest >> f->bits)
        f->bits++;
    const double most = most_of(f);
    for (size_t i = 0; i < colours; i++) {
        const double x = picture_sample(p, i);
        ends += x == 0 || x == most;
    }
    for (size_t i = 0; alpha_is_in(p) && i < plane(p); i++)
        hidden += picture_sample(p, colours + i) == 0;
    f->clipped = (double)ends / (double)colours;
    f->hidden = (double)hidden / (double)plane(p);
}

// Of integers. Compression leaves a little colour, and dust on a scanner too.
static bool find_grey(const struct picture *p)
{
    const size_t pixels = plane(p);
    const double least = GREY_SPAN * (p->kind == PIXEL_U8 ? 1 : UINT16_MAX / UINT8_MAX);
    size_t coloured = 0;
    if (p->kind == PIXEL_F32 || p->channels < 3 || p->is_array)
        return false;
    for (size_t i = 0; i < pixels && coloured <= pixels / GREY_PARTS; i++) {
        const double r = picture_sample(p, i), g = picture_sample(p, pixels + i),
                     b = picture_sample(p, 2 * pixels + i);
        coloured += MAX(MAX(r, g), b) - MIN(MIN(r, g), b) > least;
    }
    return coloured <= pixels / GREY_PARTS;
}

// Colours are looked up by open addressing; 0 is an empty place.
static uint32_t count_colours(const struct picture *p)
{
    uint64_t table[TABLE] = { 0 };
    uint32_t count = 0;
    const size_t pixels = plane(p), channels = MIN(p->channels, 3u);
    const uint8_t *samples = p->samples;
    if (p->kind != PIXEL_U8)
        return 0;
    for (size_t i = 0; i < pixels && count <= FEATURES_MOST_COLOURS; i++) {
        uint64_t colour = 1;
        for (size_t c = 0; c < channels; c++)
            colour = colour << 8 | samples[c * pixels + i];
        size_t at = (size_t)(colour * UINT64_C(0x9e3779b97f4a7c15) >> 53);
        while (table[at] && table[at] != colour)
            at = (at + 1) % TABLE;
        count += table[at] == 0;
        table[at] = colour;
    }
    return count;
}

static uint64_t sum_picture(const struct picture *p)
{
    const uint64_t form[] = { (uint64_t)p->kind, p->channels, p->width, p->height,
                              sum_bytes(p->samples, picture_bytes(p)) };
    return sum_bytes(form, sizeof(form));
}

bool features_find(const struct picture *p, struct features *f, struct picture *grey)
{
    *f = (struct features){
        .kind = p->kind,
        .channels = p->channels,
        .size = picture_size(p),
        .bits = 8,
        .is_cut = p->is_cut,
        .orientation = p->orientation,
        .pages = p->pages,
        .sum = sum_picture(p),
        .is_grey = find_grey(p),
        .colours = count_colours(p),
    };
    count_ends(p, f);
    if (!make_grey(p, f, grey))
        return false;
    if (find_looks(grey, f))
        return true;
    picture_free(grey);
    return false;
}
