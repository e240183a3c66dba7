// SPDX-License-Identifier: MIT
//
// The constants are those of scikit-image and OpenCV: the matrix of sRGB to XYZ rounded
// to six digits, and the knees of both curves to the digits of their standards. See
// colour.h.

#include "data/colour.h"

#include <assert.h>
#include <math.h>

// ---------------------------------------------------------------------------
// One colour: sRGB and linear light in [0, 1]

static const double to_xyz[3][3] = {
    { 0.412453, 0.357580, 0.180423 },
    { 0.212671, 0.715160, 0.072169 },
    { 0.019334, 0.119193, 0.950227 },
};

// The inverse of that.
static const double from_xyz[3][3] = {
    { 3.2404813432005266, -1.5371515162713185, -0.4985363261688878 },
    { -0.9692549499965682, 1.8759900014898907, 0.04155592655829284 },
    { 0.05564663913517716, -0.20404133836651123, 1.0573110696453443 },
};

static const double white[3] = { 0.95047, 1.0, 1.08883 };

static double linear_of(double v)
{
    return v > 0.04045 ? pow((v + 0.055) / 1.055, 2.4) : v / 12.92;
}

static double encoded_of(double v)
{
    return v > 0.0031308 ? 1.055 * pow(v, 1 / 2.4) - 0.055 : v * 12.92;
}

static double compressed_of(double t)
{
    return t > 0.008856 ? cbrt(t) : 7.787 * t + 16.0 / 116;
}

static double expanded_of(double f)
{
    return f > 0.2068966 ? f * f * f : (f - 16.0 / 116) / 7.787;
}

static void multiply(const double matrix[3][3], const double v[3], double out[3])
{
    for (int i = 0; i < 3; i++)
        out[i] = matrix[i][0] * v[0] + matrix[i][1] * v[1] + matrix[i][2] * v[2];
}

static void lab_of_linear(const double linear[3], double lab[3])
{
    double xyz[3], f[3];
    multiply(to_xyz, linear, xyz);
    for (int i = 0; i < 3; i++)
        f[i] = compressed_of(xyz[i] / white[i]);
    lab[0] = 116 * f[1] - 16;
    lab[1] = 500 * (f[0] - f[1]);
    lab[2] = 200 * (f[1] - f[2]);
}

// Not clipped.
static void linear_of_lab(const double lab[3], double linear[3])
{
    const double y = (lab[0] + 16) / 116;
    const double f[3] = { y + lab[1] / 500, y, fmax(y - lab[2] / 200, 0) };
    double xyz[3];
    for (int i = 0; i < 3; i++)
        xyz[i] = expanded_of(f[i]) * white[i];
    multiply(from_xyz, xyz, linear);
}

// ---------------------------------------------------------------------------
// Pictures

enum { LEVELS = 256 };

// The light of samples: of u8 by a table.
struct light {
    struct pixel_ends ends;
    double table[LEVELS];
};

static struct light light_of(const struct picture *p)
{
    struct light light = { .ends = pixel_ends(p->kind, p->range) };
    for (int i = 0; i < LEVELS && p->kind == PIXEL_U8; i++)
        light.table[i] = linear_of(i / 255.0);
    return light;
}

static double light_at(const struct light *light, const struct picture *p, size_t i)
{
    const double v = picture_sample(p, i);
    if (p->kind == PIXEL_U8)
        return light->table[(int)v];
    const double share = (v - light->ends.low) / (light->ends.high - light->ends.low);
    return linear_of(fmin(fmax(share, 0), 1));
}

bool colour_split(const struct picture *rgb, struct picture *lightness,
                  struct picture *chroma)
{
    const size_t count = (size_t)rgb->width * rgb->height;
    const struct light light = light_of(rgb);
    assert(rgb->channels == 3);
    if (lightness) {
        if (!picture_create(lightness, PIXEL_F32, 1, rgb->width, rgb->height))
            return false;
        lightness->range = COLOUR_LIGHTNESS;
    }
    if (chroma) {
        if (!picture_create(chroma, PIXEL_F32, 2, rgb->width, rgb->height)) {
            if (lightness)
                picture_free(lightness);
            return false;
        }
        chroma->range = COLOUR_CHROMA;
    }
    for (size_t i = 0; i < count; i++) {
        const double linear[3] = {
            light_at(&light, rgb, i),
            light_at(&light, rgb, count + i),
            light_at(&light, rgb, 2 * count + i),
        };
        double lab[3];
        lab_of_linear(linear, lab);
        if (lightness)
            ((float *)lightness->samples)[i] = (float)lab[0];
        for (size_t c = 0; c < 2 && chroma; c++)
            ((float *)chroma->samples)[c * count + i] = (float)lab[1 + c];
    }
    return true;
}

bool colour_join(const struct picture *lightness, const struct picture *chroma,
                 enum pixel_kind kind, struct picture *rgb)
{
    const size_t count = (size_t)lightness->width * lightness->height;
    const double most = kind == PIXEL_U8 ? UINT8_MAX : UINT16_MAX;
    assert(kind != PIXEL_F32 &&
           size_equals(picture_size(lightness), picture_size(chroma)));
    if (!picture_create(rgb, kind, 3, lightness->width, lightness->height))
        return false;
    for (size_t i = 0; i < count; i++) {
        const double lab[3] = {
            picture_sample(lightness, i),
            picture_sample(chroma, i),
            picture_sample(chroma, count + i),
        };
        double linear[3];
        linear_of_lab(lab, linear);
        for (size_t c = 0; c < 3; c++) {
            const double v = encoded_of(fmin(fmax(linear[c], 0), 1)) * most + 0.5;
            if (kind == PIXEL_U8)
                ((uint8_t *)rgb->samples)[c * count + i] = (uint8_t)v;
            else
                ((uint16_t *)rgb->samples)[c * count + i] = (uint16_t)v;
        }
    }
    return true;
}
