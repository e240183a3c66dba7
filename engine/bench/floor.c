// SPDX-License-Identifier: MIT
//
// Floors of work. See floor.h.

#include "bench/floor.h"

#include <math.h>

#define MOVED 0.15    // part of the faster rate

struct rates rates_faster(const struct rates *a, const struct rates *b)
{
    struct rates r = { .bytes = fmax(a->bytes, b->bytes),
                       .launch = fmin(a->launch, b->launch),
                       .overlapped = fmin(a->overlapped, b->overlapped) };
    for (int i = 0; i < ARITHMETIC_COUNT; i++)
        r.flops[i] = fmax(a->flops[i], b->flops[i]);
    return r;
}

static bool differ(double a, double b)
{
    return fabs(a - b) > MOVED * fmax(a, b);
}

bool rates_moved(const struct rates *a, const struct rates *b,
                 enum pix_bench_bound bound)
{
    bool moved = false;
    if (bound == PIX_BENCH_BYTES)
        return differ(a->bytes, b->bytes);
    if (bound == PIX_BENCH_LAUNCHES)
        return differ(a->launch, b->launch);
    for (int i = 0; i < ARITHMETIC_COUNT; i++)
        moved |= differ(a->flops[i], b->flops[i]);
    return moved;
}

struct floor floor_find(const struct rates *rates, const struct bench_work *work)
{
    const uint32_t ends = MIN(work->barriers, work->launches);
    struct floor f = { .launches = ends * rates->launch +
                                   (work->launches - ends) * rates->overlapped };
    if (rates->bytes <= 0 || rates->launch <= 0)
        return (struct floor){ 0 };
    f.bytes = (double)work->bytes / rates->bytes;
    for (int i = 0; i < ARITHMETIC_COUNT; i++) {
        if (rates->flops[i] <= 0)
            return (struct floor){ 0 };
        f.flops += (double)work->flops[i] / rates->flops[i];
    }
    return f;
}

double floor_longest(const struct floor *f, enum pix_bench_bound *bound)
{
    *bound = PIX_BENCH_FLOPS;
    if (f->bytes > f->flops)
        *bound = PIX_BENCH_BYTES;
    if (f->launches > fmax(f->flops, f->bytes))
        *bound = PIX_BENCH_LAUNCHES;
    return fmax(f->launches, fmax(f->flops, f->bytes));
}
