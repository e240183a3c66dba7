// SPDX-License-Identifier: MIT
//
// See edges.h.

#include "data/edges.h"

#include "base/mem.h"

#include <math.h>
#include <string.h>

enum { REACH = 4 * EDGES_SIGMA };    // of the Gaussian: 4 deviations, as SciPy cuts it

// Planes of one image.
struct field {
    int width, height;
    double *light;            // in [0, 1], then smoothed
    double *rows;             // smoothed along rows
    double *down, *across;    // derivatives
    double *strength;         // their magnitude
    uint8_t *marks;           // of a maximum: 1 above the low threshold, 2 an edge
    size_t *stack;            // of edges whose neighbours are to be looked at
};

static void field_free(struct field *f)
{
    mem_free(f->light);
    mem_free(f->rows);
    mem_free(f->down);
    mem_free(f->across);
    mem_free(f->strength);
    mem_free(f->marks);
    mem_free(f->stack);
}

static bool field_create(struct field *f, const struct picture *image)
{
    const size_t count = (size_t)image->width * image->height;
    *f = (struct field){
        .width = (int)image->width,
        .height = (int)image->height,
        .light = mem_array(count, sizeof(double)),
        .rows = mem_array(count, sizeof(double)),
        .down = mem_array(count, sizeof(double)),
        .across = mem_array(count, sizeof(double)),
        .strength = mem_array(count, sizeof(double)),
        .marks = mem_array(count, 1),
        .stack = mem_array(count, sizeof(size_t)),
    };
    if (f->light && f->rows && f->down && f->across && f->strength && f->marks &&
        f->stack)
        return true;
    field_free(f);
    return false;
}

static void take_light(struct field *f, const struct picture *image)
{
    static const double luma[3] = { 0.299, 0.587, 0.114 };
    const size_t count = (size_t)image->width * image->height;
    const struct pixel_ends ends = pixel_ends(image->kind, image->range);
    const uint32_t channels = image->channels;
    for (size_t i = 0; i < count; i++) {
        double sum = 0;
        for (uint32_t c = 0; c < channels; c++)
            sum += picture_sample(image, c * count + i) *
                   (channels == 3 ? luma[c] : 1.0 / channels);
        f->light[i] = (sum - ends.low) / (ends.high - ends.low);
    }
}

// ---------------------------------------------------------------------------
// Gradients. Beyond the edges of an image its edge goes on.

static int within(int i, int n)
{
    return i < 0 ? 0 : i < n ? i : n - 1;
}

static double at(const struct field *f, const double *plane, int y, int x)
{
    return plane[(size_t)within(y, f->height) * (size_t)f->width +
                 (size_t)within(x, f->width)];
}

static size_t index_of(const struct field *f, int y, int x)
{
    return (size_t)y * (size_t)f->width + (size_t)x;
}

static void smooth(struct field *f)
{
    double weights[2 * REACH + 1], sum = 0;
    for (int k = -REACH; k <= REACH; k++)
        sum += weights[k + REACH] = exp(-k * k / (2.0 * EDGES_SIGMA * EDGES_SIGMA));
    for (int y = 0; y < f->height; y++)
        for (int x = 0; x < f->width; x++) {
            double v = 0;
            for (int k = -REACH; k <= REACH; k++)
                v += weights[k + REACH] / sum * at(f, f->light, y, x + k);
            f->rows[index_of(f, y, x)] = v;
        }
    for (int y = 0; y < f->height; y++)
        for (int x = 0; x < f->width; x++) {
            double v = 0;
            for (int k = -REACH; k <= REACH; k++)
                v += weights[k + REACH] / sum * at(f, f->rows, y + k, x);
            f->light[index_of(f, y, x)] = v;
        }
}

static void derive(struct field *f)
{
    static const double weights[3] = { 1, 2, 1 };
    for (int y = 0; y < f->height; y++)
        for (int x = 0; x < f->width; x++) {
            double down = 0, across = 0;
            for (int k = -1; k <= 1; k++) {
                down += weights[k + 1] *
                        (at(f, f->light, y + 1, x + k) - at(f, f->light, y - 1, x + k));
                across += weights[k + 1] * (at(f, f->light, y + k, x + 1) -
                                            at(f, f->light, y + k, x - 1));
            }
            const size_t i = index_of(f, y, x);
            f->down[i] = down;
            f->across[i] = across;
            f->strength[i] = hypot(down, across);
        }
}

// ---------------------------------------------------------------------------
// Edges

// Whether no neighbour along the gradient is stronger: between the nearest of the four
// or eight on either side, by interpolation.
static bool is_maximum(const struct field *f, int y, int x)
{
    const size_t i = index_of(f, y, x);
    const double down = fabs(f->down[i]), across = fabs(f->across[i]);
    const bool is_steep = down >= across;
    const int sign = f->down[i] * f->across[i] < 0 ? -1 : 1;
    const double share = is_steep ? across / down : down / across;
    for (int k = -1; k <= 1; k += 2) {
        const double straight =
            is_steep ? at(f, f->strength, y + k, x) : at(f, f->strength, y, x + k);
        const double oblique = is_steep ? at(f, f->strength, y + k, x + k * sign)
                                        : at(f, f->strength, y + k * sign, x + k);
        if (oblique * share + straight * (1 - share) > f->strength[i])
            return false;
    }
    return true;
}

// What is above the low threshold and touches an edge is one.
static void follow(struct field *f, size_t first)
{
    size_t count = 0;
    f->marks[first] = 2;
    f->stack[count++] = first;
    while (count) {
        const size_t i = f->stack[--count];
        const int x = (int)(i % (size_t)f->width), y = (int)(i / (size_t)f->width);
        for (int k = 0; k < 9; k++) {
            // The outermost pixels have no marks, so none is outside.
            const size_t next = index_of(f, y + k / 3 - 1, x + k % 3 - 1);
            if (f->marks[next] != 1)
                continue;
            f->marks[next] = 2;
            f->stack[count++] = next;
        }
    }
}

static void mark(struct field *f)
{
    for (int y = 1; y < f->height - 1; y++)
        for (int x = 1; x < f->width - 1; x++) {
            const size_t i = index_of(f, y, x);
            f->marks[i] = f->strength[i] > 0 && f->strength[i] >= EDGES_LOW &&
                          is_maximum(f, y, x);
        }
    for (int y = 1; y < f->height - 1; y++)
        for (int x = 1; x < f->width - 1; x++) {
            const size_t i = index_of(f, y, x);
            if (f->marks[i] == 1 && f->strength[i] >= EDGES_HIGH)
                follow(f, i);
        }
}

bool edges_find(const struct picture *image, struct picture *out)
{
    struct field f;
    if (!field_create(&f, image))
        return false;
    if (!picture_create(out, PIXEL_U8, 1, image->width, image->height)) {
        field_free(&f);
        return false;
    }
    take_light(&f, image);
    smooth(&f);
    derive(&f);
    mark(&f);
    for (size_t i = 0; i < (size_t)image->width * image->height; i++)
        ((uint8_t *)out->samples)[i] = f.marks[i] == 2 ? 0 : UINT8_MAX;
    field_free(&f);
    return true;
}
