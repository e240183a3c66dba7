// SPDX-License-Identifier: MIT
//
// Sums over pixels. See sight.h.

#include "train/sight.h"

#include "evaluate/plane.h"

#include <assert.h>
#include <math.h>
#include <string.h>

void sight_begin(struct sight *s, bool goes_on)
{
    s->has_before = goes_on && s->count > 0;
    if (s->has_before)
        memcpy(s->before, s->prints[s->count - 1], sizeof(s->before));
    s->count = 0;
}

struct sums {
    double shift;    // the first pixel, so that a constant has squares of 0
    double sum, squares;
    uint32_t counts[SIGHT_SIDE * SIGHT_SIDE];
};

static void add_row(struct sums *sums, const struct plane *p, uint32_t y, double *cells)
{
    enum { PIECE = 256 };
    const size_t first = (size_t)((uint64_t)y * SIGHT_SIDE / p->height) * SIGHT_SIDE;
    for (uint32_t begin = 0; begin < p->width; begin += PIECE) {
        double row[PIECE];
        const size_t at = (size_t)y * p->width + begin;
        const struct plane piece = {
            .samples = (const uint8_t *)p->samples + at * pixel_bytes(p->kind),
            .kind = p->kind,
            .width = MIN(p->width - begin, (uint32_t)PIECE),
            .height = 1,
        };
        plane_read_row(&piece, 0, 0, row);
        if (at == 0)
            sums->shift = row[0];
        for (uint32_t i = 0; i < piece.width; i++) {
            const size_t cell =
                first + (size_t)((uint64_t)(begin + i) * SIGHT_SIDE / p->width);
            const double v = row[i] - sums->shift;
            cells[cell] += row[i];
            sums->counts[cell]++;
            sums->sum += v;
            sums->squares += v * v;
        }
    }
}

// One channel: its variance, and the means of its cells.
static double see_plane(const struct plane *p, double *cells)
{
    const double count = (double)p->width * p->height;
    struct sums sums = { 0 };
    for (uint32_t y = 0; y < p->height; y++)
        add_row(&sums, p, y, cells);
    for (size_t i = 0; i < ARRAY_LEN(sums.counts); i++)
        cells[i] /= MAX(sums.counts[i], 1u);
    const double mean = sums.sum / count;
    return MAX(sums.squares / count - mean * mean, 0.0);
}

void sight_see(struct sight *s, uint32_t image, enum sheet_column column,
               const struct picture *picture)
{
    assert(image < SIGHT_IMAGES);
    struct sight_print *print = &s->prints[image][column];
    const uint32_t channels = MIN(picture->channels, SIGHT_CHANNELS);
    const size_t bytes =
        (size_t)picture->width * picture->height * pixel_bytes(picture->kind);
    *print = (struct sight_print){ 0 };
    for (uint32_t c = 0; c < channels; c++) {
        const struct plane plane = {
            .samples = (const uint8_t *)picture->samples + c * bytes,
            .kind = picture->kind,
            .width = picture->width,
            .height = picture->height,
        };
        print->variance +=
            see_plane(&plane, print->cells + (size_t)c * SIGHT_SIDE * SIGHT_SIDE) /
            channels;
    }
    s->count = MAX(s->count, image + 1);
}

static double square_distance(const struct sight_print *a, const struct sight_print *b)
{
    double sum = 0;
    for (size_t i = 0; i < ARRAY_LEN(a->cells); i++)
        sum += (a->cells[i] - b->cells[i]) * (a->cells[i] - b->cells[i]);
    return sum / ARRAY_LEN(a->cells);
}

struct health_look sight_look(const struct sight *s)
{
    double spreads[SHEET_COLUMNS] = { 0 }, distances[SHEET_COLUMNS] = { 0 };
    const uint32_t steps = s->count - (s->has_before ? 0 : 1);
    assert(s->count > 0);
    for (int column = 0; column < SHEET_COLUMNS; column++) {
        const struct sight_print *last = s->has_before ? &s->before[column] : NULL;
        for (uint32_t i = 0; i < s->count; i++) {
            const struct sight_print *print = &s->prints[i][column];
            spreads[column] += print->variance;
            distances[column] += last ? square_distance(last, print) : 0;
            last = print;
        }
        spreads[column] = sqrt(spreads[column] / s->count);
        distances[column] = steps > 0 ? sqrt(distances[column] / steps) : NAN;
    }
    return (struct health_look){
        .output_spread = spreads[SHEET_OUTPUT],
        .target_spread = spreads[SHEET_TARGET],
        .input_distance = distances[SHEET_INPUT],
        .output_distance = distances[SHEET_OUTPUT],
        .target_distance = distances[SHEET_TARGET],
    };
}
