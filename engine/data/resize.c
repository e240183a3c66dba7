// SPDX-License-Identifier: MIT
//
// An output pixel is a weighted mean of the input pixels around its centre. The weights
// are those of a filter, which is stretched by the scale when shrinking, so that no
// input pixel is left out (that is what "antialiased" means). See resize.h.

#include "data/resize.h"

#include "base/mem.h"

#include <assert.h>
#include <math.h>
#include <string.h>

enum { WEIGHT_BITS = 22 };    // of the integers

// The weights of every output pixel along one axis.
struct taps {
    uint32_t stride;    // room for the weights of one output pixel
    uint32_t *first;    // [out] input pixel of the first weight
    uint32_t *count;    // [out] weights in use
    double *exact;      // [out][stride], adding up to 1
    int32_t *weight;    // the same times 2^WEIGHT_BITS, rounded
};

// Cubic convolution with a = -1/2 (Keys 1981, equation 15).
static double cubic(double x)
{
    x = fabs(x);
    if (x < 1.0)
        return (1.5 * x - 2.5) * x * x + 1.0;
    if (x < 2.0)
        return ((-0.5 * x + 2.5) * x - 4.0) * x + 2.0;
    return 0.0;
}

// Linear interpolation, when enlarging.
static double triangle(double x)
{
    return MAX(1.0 - fabs(x), 0.0);
}

// A pixel half way between two belongs to one of them.
static double box(double x)
{
    return x > -0.5 && x <= 0.5 ? 1.0 : 0.0;
}

static const struct {
    double (*weight)(double x);
    double support;    // the weight is 0 farther away
} filters[] = {
    [RESIZE_BICUBIC] = { cubic, 2.0 },
    [RESIZE_BILINEAR] = { triangle, 1.0 },
    [RESIZE_AREA] = { box, 0.5 },
    [RESIZE_NEAREST] = { NULL, 0.0 },
};

static void taps_free(struct taps *taps)
{
    mem_free(taps->first);
    mem_free(taps->count);
    mem_free(taps->exact);
    mem_free(taps->weight);
}

static void fill_nearest(struct taps *taps, uint32_t in, uint32_t margin,
                         struct resize_span out)
{
    for (uint32_t i = 0; i < out.count; i++) {
        taps->first[i] = margin + resize_nearest(out.first + i, in, out.of);
        taps->count[i] = 1;
        taps->exact[i] = 1.0;
        taps->weight[i] = 1 << WEIGHT_BITS;
    }
}

uint32_t resize_reach(enum resize_filter filter, uint32_t in, uint32_t out)
{
    return 1 + (uint32_t)ceil(filters[filter].support * MAX((double)in / out, 1.0));
}

// Pixels of the input, from *first to before *end, that weights of an output pixel fall
// on: those beyond the edge are dropped. Returns its centre: pixel k covers [k, k + 1)
// and has its centre at k + 1/2, here and in the input.
static double find_taps(enum resize_filter filter, double scale, uint32_t in,
                        uint32_t margin, uint32_t pixel, uint32_t *first, uint32_t *end)
{
    const double support = filters[filter].support * MAX(scale, 1.0);
    const double centre = (pixel + 0.5) * scale + margin;
    const double low = centre - support + 0.5, high = centre + support + 0.5;
    *first = low > 0.0 ? (uint32_t)low : 0;
    *end = MIN((uint32_t)high, in + 2 * margin);
    return centre;
}

struct resize_span resize_needs(enum resize_filter filter, uint32_t in,
                                struct resize_span out)
{
    const double scale = (double)in / out.of;
    const uint32_t last = out.first + out.count - 1;
    uint32_t first, end, unused;
    assert(out.count > 0 && last < out.of);
    if (filter == RESIZE_NEAREST) {
        first = resize_nearest(out.first, in, out.of);
        end = resize_nearest(last, in, out.of) + 1;
    } else {
        find_taps(filter, scale, in, 0, out.first, &first, &unused);
        find_taps(filter, scale, in, 0, last, &unused, &end);
    }
    return (struct resize_span){ first, end - first, in };
}

// Of `in` pixels, with a margin on both sides.
static bool taps_create(struct taps *taps, enum resize_filter filter, uint32_t in,
                        uint32_t margin, struct resize_span out)
{
    double scale = (double)in / out.of;
    double stretch = MAX(scale, 1.0);
    double support = filters[filter].support * stretch;

    taps->stride = 2 * (uint32_t)ceil(support) + 1;
    taps->first = mem_array(out.count, sizeof(*taps->first));
    taps->count = mem_array(out.count, sizeof(*taps->count));
    taps->exact = mem_array((size_t)out.count * taps->stride, sizeof(*taps->exact));
    taps->weight = mem_array((size_t)out.count * taps->stride, sizeof(*taps->weight));
    if (!taps->first || !taps->count || !taps->exact || !taps->weight)
        return false;
    if (filter == RESIZE_NEAREST) {
        fill_nearest(taps, in, margin, out);
        return true;
    }

    for (uint32_t i = 0; i < out.count; i++) {
        double *exact = taps->exact + (size_t)i * taps->stride;
        uint32_t first, end;
        const double centre =
            find_taps(filter, scale, in, margin, out.first + i, &first, &end);
        double sum = 0.0;    // of weights inside: they make up for the others

        for (uint32_t k = 0; k < end - first; k++) {
            exact[k] = filters[filter].weight((first + k + 0.5 - centre) / stretch);
            sum += exact[k];
        }
        for (uint32_t k = 0; k < end - first; k++) {
            exact[k] /= sum;
            taps->weight[(size_t)i * taps->stride + k] =
                (int32_t)lround(exact[k] * (1 << WEIGHT_BITS));
        }
        taps->first[i] = first;
        taps->count[i] = end - first;
    }
    return true;
}

// ---------------------------------------------------------------------------
// Bytes

// Sums begin at a half, so the shift rounds to the nearest.
static uint8_t to_byte(int32_t sum)
{
    int32_t value = sum < 0 ? 0 : sum >> WEIGHT_BITS;
    return (uint8_t)MIN(value, 255);
}

// [rows, width_in] to [rows, width].
static void bytes_across(const uint8_t *in, uint32_t width_in, uint32_t rows,
                         const struct taps *taps, uint8_t *out, uint32_t width)
{
    for (uint32_t y = 0; y < rows; y++) {
        const uint8_t *row = in + (size_t)y * width_in;
        uint8_t *to = out + (size_t)y * width;
        for (uint32_t x = 0; x < width; x++) {
            const uint8_t *from = row + taps->first[x];
            const int32_t *weight = taps->weight + (size_t)x * taps->stride;
            int32_t sum = 1 << (WEIGHT_BITS - 1);
            for (uint32_t k = 0; k < taps->count[x]; k++)
                sum += weight[k] * from[k];
            to[x] = to_byte(sum);
        }
    }
}

// [height_in, width] to [height, width]. Adds up whole rows, so that memory is read in
// order; `sums` has room for one.
static void bytes_down(const uint8_t *in, uint32_t width, const struct taps *taps,
                       uint8_t *out, uint32_t height, int32_t *sums)
{
    for (uint32_t y = 0; y < height; y++) {
        const int32_t *weight = taps->weight + (size_t)y * taps->stride;
        uint8_t *to = out + (size_t)y * width;
        for (uint32_t x = 0; x < width; x++)
            sums[x] = 1 << (WEIGHT_BITS - 1);
        for (uint32_t k = 0; k < taps->count[y]; k++) {
            const uint8_t *from = in + ((size_t)taps->first[y] + k) * width;
            int32_t w = weight[k];
            for (uint32_t x = 0; x < width; x++)
                sums[x] += w * from[x];
        }
        for (uint32_t x = 0; x < width; x++)
            to[x] = to_byte(sums[x]);
    }
}

// ---------------------------------------------------------------------------
// Floats, and 16-bit numbers as floats

// As bytes_across and bytes_down, in doubles.
static void floats_across(const float *in, uint32_t width_in, uint32_t rows,
                          const struct taps *taps, float *out, uint32_t width)
{
    for (uint32_t y = 0; y < rows; y++) {
        const float *row = in + (size_t)y * width_in;
        float *to = out + (size_t)y * width;
        for (uint32_t x = 0; x < width; x++) {
            const float *from = row + taps->first[x];
            const double *weight = taps->exact + (size_t)x * taps->stride;
            double sum = 0;
            for (uint32_t k = 0; k < taps->count[x]; k++)
                sum += weight[k] * (double)from[k];
            to[x] = (float)sum;
        }
    }
}

static void floats_down(const float *in, uint32_t width, const struct taps *taps,
                        float *out, uint32_t height, double *sums)
{
    for (uint32_t y = 0; y < height; y++) {
        const double *weight = taps->exact + (size_t)y * taps->stride;
        float *to = out + (size_t)y * width;
        for (uint32_t x = 0; x < width; x++)
            sums[x] = 0;
        for (uint32_t k = 0; k < taps->count[y]; k++) {
            const float *from = in + ((size_t)taps->first[y] + k) * width;
            double w = weight[k];
            for (uint32_t x = 0; x < width; x++)
                sums[x] += w * (double)from[x];
        }
        for (uint32_t x = 0; x < width; x++)
            to[x] = (float)sums[x];
    }
}

static void widen(const uint16_t *in, float *out, size_t count)
{
    for (size_t i = 0; i < count; i++)
        out[i] = in[i];
}

// Rounds to the nearest and clamps.
static void narrow(const float *in, uint16_t *out, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        float v = in[i] + 0.5f;
        out[i] = (uint16_t)(v < 0.0f ? 0.0f : MIN(v, 65535.0f));
    }
}

// ---------------------------------------------------------------------------
// All planes

// What the passes work with. Taps of a direction in which the size stays are NULL: that
// pass is left out.
struct work {
    uint32_t width_in, height_in, width, height;    // as they are stored
    uint32_t margin_across, margin_down;
    struct taps across, down;
    void *middle;        // a plane between the passes, [height_in, width]
    void *sums;          // a row of sums
    float *from, *to;    // a u16 plane as floats, before and after
};

static void resize_bytes(const struct work *w, const uint8_t *in, uint8_t *out)
{
    const uint8_t *rows = in;
    if (w->across.first) {
        uint8_t *to = w->down.first ? w->middle : out;
        bytes_across(in, w->width_in, w->height_in, &w->across, to, w->width);
        rows = to;
    }
    if (w->down.first)
        bytes_down(rows, w->width, &w->down, out, w->height, w->sums);
}

static void resize_floats(const struct work *w, const float *in, float *out)
{
    const float *rows = in;
    if (w->across.first) {
        float *to = w->down.first ? w->middle : out;
        floats_across(in, w->width_in, w->height_in, &w->across, to, w->width);
        rows = to;
    }
    if (w->down.first)
        floats_down(rows, w->width, &w->down, out, w->height, w->sums);
}

static void work_finish(struct work *w)
{
    taps_free(&w->across);
    taps_free(&w->down);
    mem_free(w->middle);
    mem_free(w->sums);
    mem_free(w->from);
    mem_free(w->to);
}

static struct resize_span all_of(uint32_t pixels)
{
    return (struct resize_span){ 0, pixels, pixels };
}

static bool work_begin_memory(struct work *w, enum pixel_kind kind)
{
    size_t plane_in = (size_t)w->width_in * w->height_in;
    size_t plane = (size_t)w->width * w->height;
    bool is_bytes = kind == PIXEL_U8;
    w->middle =
        mem_array((size_t)w->width * w->height_in, is_bytes ? 1 : sizeof(float));
    w->sums = mem_array(w->width, is_bytes ? sizeof(int32_t) : sizeof(double));
    if (kind == PIXEL_U16) {
        w->from = mem_array(plane_in, sizeof(float));
        w->to = mem_array(plane, sizeof(float));
        if (!w->from || !w->to)
            return false;
    }
    return w->middle && w->sums;
}

static bool work_begin(struct work *w, enum resize_filter filter, enum pixel_kind kind)
{
    if ((w->width != w->width_in || w->margin_across > 0) &&
        !taps_create(&w->across, filter, w->width_in - 2 * w->margin_across,
                     w->margin_across, all_of(w->width)))
        return false;
    if ((w->height != w->height_in || w->margin_down > 0) &&
        !taps_create(&w->down, filter, w->height_in - 2 * w->margin_down,
                     w->margin_down, all_of(w->height)))
        return false;
    return work_begin_memory(w, kind);
}

static void work_run(const struct work *w, enum pixel_kind kind, uint32_t planes,
                     const void *in, void *out)
{
    const size_t plane_in = (size_t)w->width_in * w->height_in;
    const size_t plane = (size_t)w->width * w->height;
    for (uint32_t i = 0; i < planes; i++) {
        switch (kind) {
        case PIXEL_U8:
            resize_bytes(w, (const uint8_t *)in + i * plane_in,
                         (uint8_t *)out + i * plane);
            break;
        case PIXEL_U16:
            widen((const uint16_t *)in + i * plane_in, w->from, plane_in);
            resize_floats(w, w->from, w->to);
            narrow(w->to, (uint16_t *)out + i * plane, plane);
            break;
        case PIXEL_F32:
            resize_floats(w, (const float *)in + i * plane_in,
                          (float *)out + i * plane);
            break;
        case PIXEL_KINDS:
            break;
        }
    }
}

bool resize_planes(enum resize_filter filter, enum pixel_kind kind, uint32_t planes,
                   const void *in, uint32_t width_in, uint32_t height_in, void *out,
                   uint32_t width, uint32_t height)
{
    return resize_planes_within(filter, kind, planes, in, width_in, height_in, 0, 0,
                                out, width, height);
}

bool resize_planes_within(enum resize_filter filter, enum pixel_kind kind,
                          uint32_t planes, const void *in, uint32_t width_in,
                          uint32_t height_in, uint32_t across, uint32_t down, void *out,
                          uint32_t width, uint32_t height)
{
    struct work w = { width_in, height_in, width, height, across, down };
    assert(width_in > 2 * across && height_in > 2 * down && width > 0 && height > 0);
    if (width == width_in && height == height_in && across == 0 && down == 0) {
        memcpy(out, in, (size_t)width * height * planes * pixel_bytes(kind));
        return true;
    }
    const bool ok = work_begin(&w, filter, kind);
    if (ok)
        work_run(&w, kind, planes, in, out);
    work_finish(&w);
    return ok;
}

bool resize_rows(enum resize_filter filter, enum pixel_kind kind, uint32_t planes,
                 const void *in, uint32_t width_in, struct resize_span rows_in,
                 void *out, uint32_t width, struct resize_span rows)
{
    struct work w = { width_in, rows_in.count, width, rows.count, 0, 0 };
    bool ok = (width == width_in ||
               taps_create(&w.across, filter, width_in, 0, all_of(width))) &&
              taps_create(&w.down, filter, rows_in.of, 0, rows) &&
              work_begin_memory(&w, kind);
    for (uint32_t i = 0; ok && i < rows.count; i++) {
        assert(w.down.first[i] >= rows_in.first &&
               w.down.first[i] + w.down.count[i] <= rows_in.first + rows_in.count);
        w.down.first[i] -= rows_in.first;
    }
    if (ok)
        work_run(&w, kind, planes, in, out);
    work_finish(&w);
    return ok;
}
