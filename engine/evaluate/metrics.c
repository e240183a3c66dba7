// SPDX-License-Identifier: MIT
//
// Sums of the samples of u8 and u16 pictures are sums of whole numbers and exact in
// doubles; only the division at the end rounds. See metrics.h.

#include "evaluate/metrics.h"

#include <assert.h>
#include <math.h>

// Steps of a kind in a distance of 1 in [-1, 1]: half of its largest number, since that
// is 1 to the networks and 0 is -1. Floats are in that range already.
static double unit(enum pixel_kind kind)
{
    return kind == PIXEL_U8 ? 127.5 : kind == PIXEL_U16 ? 32767.5 : 1.0;
}

double metrics_to_range(enum pixel_kind kind, double sample)
{
    return kind == PIXEL_F32 ? sample : sample / unit(kind) - 1.0;
}

double metrics_from_range(enum pixel_kind kind, double value)
{
    return kind == PIXEL_F32 ? value : (value + 1.0) * unit(kind);
}

// Sample i, through all channels, as it is held.
static double sample(const struct picture *p, size_t i)
{
    switch (p->kind) {
    case PIXEL_U8:
        return ((const uint8_t *)p->samples)[i];
    case PIXEL_U16:
        return ((const uint16_t *)p->samples)[i];
    default:
        return (double)((const float *)p->samples)[i];
    }
}

static size_t plane_count(const struct picture *p)
{
    return (size_t)p->width * p->height;
}

static size_t sample_count(const struct picture *p)
{
    return p->channels * plane_count(p);
}

double metrics_l1(const struct picture *x, const struct picture *y)
{
    size_t count = sample_count(x);
    double sum = 0;
    assert(x->kind == y->kind && sample_count(y) == count);
    for (size_t i = 0; i < count; i++)
        sum += fabs(sample(x, i) - sample(y, i));
    return sum / (double)count / unit(x->kind);
}

bool metrics_l1_of_input(const struct picture *input, const struct picture *target,
                         double *l1)
{
    struct picture copy;
    *l1 = NAN;
    if (input->channels != target->channels)
        return true;
    // As if the model had written it.
    bool ok = picture_copy(input, &copy) && picture_set_kind(&copy, target->kind);
    if (ok)
        *l1 = metrics_l1(&copy, target);
    picture_free(&copy);
    return ok;
}

double metrics_l1_of_colour(const double *colour, const struct picture *target)
{
    size_t count = sample_count(target), plane = plane_count(target);
    double sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += fabs(sample(target, i) - colour[i / plane]);
    return sum / (double)count / unit(target->kind);
}

void metrics_add_sums(const struct picture *picture, double *sums)
{
    const size_t plane = plane_count(picture);
    for (uint32_t c = 0; c < picture->channels; c++) {
        double sum = 0;
        for (size_t i = 0; i < plane; i++)
            sum += sample(picture, c * plane + i);
        sums[c] += sum;
    }
}
