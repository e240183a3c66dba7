// SPDX-License-Identifier: MIT
//
// Normalised cross-correlation (Lewis, "Fast Normalized Cross-Correlation", 1995) of
// the lengths of gradients, coarse to fine: all shifts are tried in small images, and
// those near the best one in images of twice the size. See alignment.h.

#include "dataset/alignment.h"

#include <math.h>

enum { LEVELS = 4, FINE = 256, COARSE = 32, LEAST = 32, REACH = 2 };

struct pyramid {
    struct picture levels[LEVELS];
    size_t count;
};

static void pyramid_free(struct pyramid *p)
{
    for (size_t i = 0; i < p->count; i++)
        picture_free(&p->levels[i]);
    p->count = 0;
}

static bool make_edges(const struct picture *grey, struct picture *edges)
{
    const float *from = grey->samples;
    const uint32_t w = grey->width, h = grey->height;
    if (!picture_create(edges, PIXEL_F32, 1, w, h))
        return false;
    float *to = edges->samples;
    for (uint32_t y = 0; y < h; y++)
        for (uint32_t x = 0; x < w; x++) {
            const float *row = from + (size_t)y * w;
            const float dx = row[MIN(x + 1, w - 1)] - row[x ? x - 1 : 0];
            const float dy = from[(size_t)MIN(y + 1, h - 1) * w + x] -
                             from[(size_t)(y ? y - 1 : 0) * w + x];
            to[(size_t)y * w + x] = sqrtf(dx * dx + dy * dy);
        }
    return true;
}

static bool pyramid_build(const struct picture *grey, struct pix_size size,
                          struct pyramid *p)
{
    struct picture resized;
    *p = (struct pyramid){ 0 };
    if (!picture_resize(grey, RESIZE_AREA, size.width, size.height, &resized))
        return false;
    bool ok = make_edges(&resized, &p->levels[0]);
    picture_free(&resized);
    p->count = ok;
    while (ok && p->count < LEVELS) {
        const struct picture *last = &p->levels[p->count - 1];
        if (MIN(last->width, last->height) < 2 * COARSE)
            break;
        ok = picture_resize(last, RESIZE_AREA, last->width / 2, last->height / 2,
                            &p->levels[p->count]);
        p->count += ok;
    }
    if (!ok)
        pyramid_free(p);
    return ok;
}

// Of what is `margin` and more inside the first image.
static double correlate(const struct picture *a, const struct picture *b,
                        int32_t margin, int32_t dx, int32_t dy)
{
    const int32_t w = (int32_t)a->width, h = (int32_t)a->height;
    const double count = (double)(w - 2 * margin) * (h - 2 * margin);
    double sum_a = 0, sum_b = 0, aa = 0, bb = 0, ab = 0;
    for (int32_t y = margin; y < h - margin; y++) {
        const float *row_a = (const float *)a->samples + (size_t)y * a->width;
        const float *row_b =
            (const float *)b->samples + (size_t)(y + dy) * b->width + dx;
        for (int32_t x = margin; x < w - margin; x++) {
            const double p = (double)row_a[x], q = (double)row_b[x];
            sum_a += p;
            sum_b += q;
            aa += p * p;
            bb += q * q;
            ab += p * q;
        }
    }
    aa -= sum_a * sum_a / count;
    bb -= sum_b * sum_b / count;
    return aa > 1e-3 * count && bb > 1e-3 * count
               ? (ab - sum_a * sum_b / count) / sqrt(aa * bb)
               : -1;
}

// The best shift within `reach` of the one that is there.
static double search(const struct picture *a, const struct picture *b, int32_t margin,
                     int32_t reach, int32_t shift[2])
{
    const int32_t from[2] = { shift[0], shift[1] };
    double best = -2;
    for (int32_t y = from[1] - reach; y <= from[1] + reach; y++)
        for (int32_t x = from[0] - reach; x <= from[0] + reach; x++) {
            if (MAX(x, -x) > margin || MAX(y, -y) > margin)
                continue;
            const double found = correlate(a, b, margin, x, y);
            if (found > best) {
                best = found;
                shift[0] = x;
                shift[1] = y;
            }
        }
    return best;
}

static int32_t margin_of(const struct picture *level)
{
    return (int32_t)(MIN(level->width, level->height) / 8);
}

static void compare(const struct pyramid *a, const struct pyramid *b,
                    struct alignment *out)
{
    int32_t shift[2] = { 0, 0 };
    for (size_t i = a->count; i-- > 0;) {
        const int32_t margin = margin_of(&a->levels[i]);
        const bool is_coarsest = i + 1 == a->count;
        shift[0] *= 2;
        shift[1] *= 2;
        out->best = search(&a->levels[i], &b->levels[i], margin,
                           is_coarsest ? margin : REACH, shift);
    }
    out->here = correlate(&a->levels[0], &b->levels[0], margin_of(&a->levels[0]), 0, 0);
    out->is_known = out->here > -1 && out->best > -1;
    out->dx = shift[0];
    out->dy = shift[1];
}

bool alignment_find(const struct picture *a, const struct picture *b,
                    struct alignment *out)
{
    const uint32_t longest = MAX(a->width, a->height);
    const double scale = longest > FINE ? (double)FINE / longest : 1;
    const struct pix_size size = { (uint32_t)(a->width * scale + 0.5),
                                   (uint32_t)(a->height * scale + 0.5) };
    struct pyramid pa, pb = { 0 };
    *out = (struct alignment){ 0 };
    if (MIN(size.width, size.height) < LEAST || MIN(b->width, b->height) < LEAST)
        return true;
    const bool ok = pyramid_build(a, size, &pa) && pyramid_build(b, size, &pb);
    if (ok) {
        compare(&pa, &pb, out);
        out->dx *= (double)a->width / size.width;
        out->dy *= (double)a->height / size.height;
    }
    pyramid_free(&pa);
    pyramid_free(&pb);
    return ok;
}
