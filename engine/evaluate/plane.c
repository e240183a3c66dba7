// SPDX-License-Identifier: MIT
//
// A loop for each kind, which compilers make vectors of. See plane.h.

#include "evaluate/plane.h"

void plane_read_row(const struct plane *p, uint32_t y, double plus,
                    double *restrict row)
{
    const uint32_t width = p->width;
    const size_t at = (size_t)y * width;
    if (!p->samples) {
        for (uint32_t x = 0; x < width; x++)
            row[x] = p->value + plus;
    } else if (p->kind == PIXEL_U8) {
        const uint8_t *samples = (const uint8_t *)p->samples + at;
        for (uint32_t x = 0; x < width; x++)
            row[x] = samples[x] + plus;
    } else if (p->kind == PIXEL_U16) {
        const uint16_t *samples = (const uint16_t *)p->samples + at;
        for (uint32_t x = 0; x < width; x++)
            row[x] = samples[x] + plus;
    } else {
        const float *samples = (const float *)p->samples + at;
        for (uint32_t x = 0; x < width; x++)
            row[x] = (double)samples[x] + plus;
    }
}
