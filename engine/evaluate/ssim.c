// SPDX-License-Identifier: MIT
//
// The means, variances and the covariance in a window come from four maps, x, y,
// x^2 + y^2 and xy, filtered by the Gaussian: its columns first, of the eleven rows of
// a ring, then its rows. That of y is filtered once for all planes that are compared
// with it. No map of the whole image is held at the first scale. See ssim.h.

#include "evaluate/ssim.h"

#include "base/mem.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#define HALF (SSIM_WINDOW / 2)

// Weights by the distance from the middle. Those of a window's row add up to 1.
static void make_window(double weights[HALF + 1])
{
    const double sigma = 1.5;
    double sum = 0;
    for (uint32_t i = 0; i <= HALF; i++) {
        weights[i] = exp(-(double)(i * i) / (2 * sigma * sigma));
        sum += i == 0 ? weights[i] : 2 * weights[i];
    }
    for (uint32_t i = 0; i <= HALF; i++)
        weights[i] /= sum;
}

// A plane of a scale: as it is given, or the doubles of a smaller scale.
struct scaled {
    struct plane given;
    double *doubles;    // NULL: as given
};

static bool is_flat(const struct scaled *p)
{
    return !p->doubles && !p->given.samples;
}

// Samples count from the lower end of their range: 0 is black, for floats too, since
// SSIM depends on where 0 is.
static void read_row(const struct scaled *p, uint32_t y, double *row)
{
    if (p->doubles)
        memcpy(row, p->doubles + (size_t)y * p->given.width,
               p->given.width * sizeof(double));
    else
        plane_read_row(&p->given, y, -pixel_ends(p->given.kind, p->given.range).low,
                       row);
}

static void multiply_row(const double *restrict x, const double *restrict y,
                         uint32_t width, double *restrict squares,
                         double *restrict product)
{
    for (uint32_t i = 0; i < width; i++) {
        squares[i] = x[i] * x[i] + y[i] * y[i];
        product[i] = x[i] * y[i];
    }
}

// The rows around the middle one with the weights of their distance.
static void filter_columns(const double *const rows[SSIM_WINDOW], const double *weights,
                           uint32_t width, double *restrict out)
{
    const double w0 = weights[0], w1 = weights[1], w2 = weights[2], w3 = weights[3],
                 w4 = weights[4], w5 = weights[5];
    const double *restrict a = rows[0], *restrict b = rows[1], *restrict c = rows[2],
                           *restrict d = rows[3], *restrict e = rows[4],
                           *restrict f = rows[5], *restrict g = rows[6],
                           *restrict h = rows[7], *restrict i = rows[8],
                           *restrict j = rows[9], *restrict k = rows[10];
    for (uint32_t x = 0; x < width; x++)
        out[x] = w0 * f[x] + w1 * (e[x] + g[x]) + w2 * (d[x] + h[x]) +
                 w3 * (c[x] + i[x]) + w4 * (b[x] + j[x]) + w5 * (a[x] + k[x]);
}

// The same along a row; `count` windows.
static void filter_row(const double *restrict in, const double *weights, uint32_t count,
                       double *restrict out)
{
    const double w0 = weights[0], w1 = weights[1], w2 = weights[2], w3 = weights[3],
                 w4 = weights[4], w5 = weights[5];
    for (uint32_t x = 0; x < count; x++)
        out[x] = w0 * in[x + 5] + w1 * (in[x + 4] + in[x + 6]) +
                 w2 * (in[x + 3] + in[x + 7]) + w3 * (in[x + 2] + in[x + 8]) +
                 w4 * (in[x + 1] + in[x + 9]) + w5 * (in[x] + in[x + 10]);
}

// The rows of a map that lie in the window of a row, and that row filtered.
struct map {
    double *ring[SSIM_WINDOW], *filtered;
};

// A plane that is compared with y. Where it is flat, what x and the product are
// filtered to is known.
struct subject {
    const struct scaled *plane;
    struct map x, squares, product;
    // Sums over the windows. `cs` is contrast and structure: SSIM without its
    // luminance.
    struct sums {
        double ssim, cs;
    } sums;
};

static double *take_map(struct map *m, double *scratch, uint32_t width)
{
    m->filtered = scratch;
    for (uint32_t i = 0; i < SSIM_WINDOW; i++)
        m->ring[i] = scratch + (size_t)(1 + i) * width;
    return scratch + (size_t)(1 + SSIM_WINDOW) * width;
}

// The rows up to `last` of an image of this width.
static void filter_map(struct map *m, const double *weights, uint32_t last,
                       uint32_t width, double *column)
{
    const double *window[SSIM_WINDOW];
    for (uint32_t i = 0; i < SSIM_WINDOW; i++)
        window[i] = m->ring[(last + 1 + i) % SSIM_WINDOW];
    filter_columns(window, weights, width, column);
    filter_row(column, weights, width - SSIM_WINDOW + 1, m->filtered);
}

static void filter_subject(struct subject *s, const struct map *y,
                           const double *weights, uint32_t last, uint32_t width,
                           double *column)
{
    filter_map(&s->squares, weights, last, width, column);
    if (!is_flat(s->plane)) {
        filter_map(&s->x, weights, last, width, column);
        filter_map(&s->product, weights, last, width, column);
        return;
    }
    for (uint32_t i = 0; i < width - SSIM_WINDOW + 1; i++) {
        s->x.filtered[i] = s->x.ring[0][0];
        s->product.filtered[i] = s->x.filtered[i] * y->filtered[i];
    }
}

static void add_windows(struct subject *s, const struct map *y, uint32_t count,
                        double c1, double c2)
{
    double ssim = 0, cs = 0;
    for (uint32_t i = 0; i < count; i++) {
        const double mx = s->x.filtered[i], my = y->filtered[i], mm = mx * my;
        const double squares = mx * mx + my * my;
        const double variances = s->squares.filtered[i] - squares;
        const double covariance = s->product.filtered[i] - mm;
        const double structure = (2 * covariance + c2) / (variances + c2);
        cs += structure;
        ssim += structure * ((2 * mm + c1) / (squares + c1));
    }
    s->sums.ssim += ssim;
    s->sums.cs += cs;
}

static size_t scratch_count(uint32_t width, size_t count)
{
    return (size_t)width * (1 + (1 + 3 * count) * (1 + SSIM_WINDOW));
}

// Means over all windows of one scale, of each plane with y. `scratch` has room for
// scratch_count doubles.
static void compare_scale(const struct scaled *planes, size_t count,
                          const struct scaled *y, const double *weights,
                          double *scratch, struct sums *sums)
{
    const uint32_t width = y->given.width, height = y->given.height;
    const uint32_t across = width - SSIM_WINDOW + 1, down = height - SSIM_WINDOW + 1;
    const struct pixel_ends ends = pixel_ends(y->given.kind, y->given.range);
    const double l = ends.high - ends.low, c1 = 0.01 * l * (0.01 * l),
                 c2 = 0.03 * l * (0.03 * l);
    struct subject subjects[SSIM_MOST];
    struct map target;
    double *column = scratch;
    scratch = take_map(&target, scratch + width, width);
    for (size_t k = 0; k < count; k++) {
        struct subject *s = &subjects[k];
        *s = (struct subject){ .plane = &planes[k] };
        scratch = take_map(&s->x, scratch, width);
        scratch = take_map(&s->squares, scratch, width);
        scratch = take_map(&s->product, scratch, width);
    }
    for (uint32_t row = 0; row < height; row++) {
        const uint32_t at = row % SSIM_WINDOW;
        const bool is_window = row + 1 >= SSIM_WINDOW;
        read_row(y, row, target.ring[at]);
        if (is_window)
            filter_map(&target, weights, row, width, column);
        for (size_t k = 0; k < count; k++) {
            struct subject *s = &subjects[k];
            read_row(s->plane, row, s->x.ring[at]);
            multiply_row(s->x.ring[at], target.ring[at], width, s->squares.ring[at],
                         s->product.ring[at]);
            if (!is_window)
                continue;
            filter_subject(s, &target, weights, row, width, column);
            add_windows(s, &target, across, c1, c2);
        }
    }
    for (size_t k = 0; k < count; k++)
        sums[k] = (struct sums){ subjects[k].sums.ssim / ((double)across * down),
                                 subjects[k].sums.cs / ((double)across * down) };
}

// Means of 2 x 2 samples.
static bool halve(const struct scaled *in, double *scratch, struct scaled *out)
{
    const uint32_t width = in->given.width, height = in->given.height;
    const uint32_t w = DIV_UP(width, 2), h = DIV_UP(height, 2);
    double *above = scratch, *below = scratch + width;
    *out = *in;
    out->given.width = w;
    out->given.height = h;
    out->doubles = NULL;
    if (is_flat(in))
        return true;
    out->doubles = mem_array((size_t)w * h, sizeof(double));
    if (!out->doubles)
        return false;
    for (uint32_t y = 0; y < h; y++) {
        double *row = out->doubles + (size_t)y * w;
        read_row(in, 2 * y, above);
        read_row(in, MIN(2 * y + 1, height - 1), below);
        for (uint32_t x = 0; x < width / 2; x++)
            row[x] =
                (above[2 * x] + above[2 * x + 1] + below[2 * x] + below[2 * x + 1]) / 4;
        if (width % 2)
            row[w - 1] = (above[width - 1] + below[width - 1]) / 2;
    }
    return true;
}

uint32_t ssim_scales(uint32_t width, uint32_t height)
{
    uint32_t scales = 0;
    for (uint32_t side = MIN(width, height);
         scales < SSIM_MAX_SCALES && side >= SSIM_WINDOW; side /= 2)
        scales++;
    return scales;
}

// Contrast and structure of all scales but the last, whose whole SSIM counts. Where
// images are opposites the means are negative, and have no power: they count as 0. NaN
// stays NaN.
static void combine(const struct sums *scale, uint32_t scales,
                    struct ssim_result *result)
{
    static const double exponents[SSIM_MAX_SCALES] = { 0.0448, 0.2856, 0.3001, 0.2363,
                                                       0.1333 };
    double sum = 0;
    for (uint32_t n = 0; n < scales; n++) {
        double product = 1;
        sum += exponents[n];
        for (uint32_t i = 0; i <= n; i++) {
            const double mean = i < n ? scale[i].cs : scale[i].ssim;
            product *= pow(mean < 0 ? 0 : mean, exponents[i] / sum);
        }
        result->by_scales[n] = product;
    }
    result->by_scales[0] = scale[0].ssim;
}

// Replaces the planes by the next smaller ones.
static bool halve_all(struct scaled *planes, size_t count, double *scratch)
{
    for (size_t k = 0; k < count; k++) {
        struct scaled smaller;
        if (!halve(&planes[k], scratch, &smaller))
            return false;
        mem_free(planes[k].doubles);
        planes[k] = smaller;
    }
    return true;
}

bool ssim_compare(const struct plane *x, size_t count, const struct plane *y,
                  uint32_t scales, struct ssim_result *results)
{
    struct scaled planes[SSIM_MOST + 1] = { { .doubles = NULL } };    // y is the last
    struct sums sums[SSIM_MAX_SCALES][SSIM_MOST];
    double weights[HALF + 1];
    assert(count <= SSIM_MOST);
    double *scratch = mem_array(scratch_count(y->width, count), sizeof(double));
    bool ok = scratch != NULL;
    make_window(weights);
    for (size_t k = 0; k < count; k++)
        planes[k].given = x[k];
    planes[count].given = *y;
    for (uint32_t i = 0; ok && i < scales; i++) {
        compare_scale(planes, count, &planes[count], weights, scratch, sums[i]);
        ok = i + 1 == scales || halve_all(planes, count + 1, scratch);
    }
    for (size_t k = 0; k <= count; k++)
        mem_free(planes[k].doubles);
    mem_free(scratch);
    for (size_t k = 0; ok && k < count; k++) {
        struct sums scale[SSIM_MAX_SCALES];
        for (uint32_t i = 0; i < scales; i++)
            scale[i] = sums[i][k];
        combine(scale, scales, &results[k]);
    }
    return ok;
}
