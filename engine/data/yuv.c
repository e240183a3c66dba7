// SPDX-License-Identifier: MIT
//
// See yuv.h. Rows are floats: luma and grey in [0, 1], chroma in [-0.5, 0.5].

#include "data/yuv.h"

#include "base/mem.h"

#include <string.h>

// ---------------------------------------------------------------------------
// Places of samples

// Luma samples to one of chroma.
static uint32_t step_across(const struct yuv_format *f)
{
    return f->chroma == YUV_420 || f->chroma == YUV_422 ? 2 : 1;
}

static uint32_t step_down(const struct yuv_format *f)
{
    return f->chroma == YUV_420 ? 2 : 1;
}

static uint32_t chroma_width(const struct yuv_format *f)
{
    return DIV_UP(f->width, step_across(f));
}

static uint32_t chroma_height(const struct yuv_format *f)
{
    return DIV_UP(f->height, step_down(f));
}

static uint32_t sample_bytes(const struct yuv_format *f)
{
    return f->bits > 8 ? 2 : 1;
}

size_t yuv_frame_bytes(const struct yuv_format *f)
{
    const size_t luma = (size_t)f->width * f->height;
    const size_t chroma = (size_t)chroma_width(f) * chroma_height(f);
    return (luma + (f->chroma == YUV_MONO ? 0 : 2 * chroma)) * sample_bytes(f);
}

// Where chroma sample 0 is along an axis, in halves of the luma samples' distance.
static uint32_t site_across(const struct yuv_format *f)
{
    return f->chroma == YUV_420 && f->siting == YUV_CENTRE;
}

static uint32_t site_down(const struct yuv_format *f, bool is_cr)
{
    if (f->chroma != YUV_420)
        return 0;
    return f->siting != YUV_PALDV ? 1 : is_cr ? 0 : 2;
}

// Two samples of `count`, and the share of the second one.
struct tap {
    uint32_t first, second;
    float share;
};

// The chroma at luma sample i, with one of chroma for `step` of luma from `site` on.
static struct tap tap_of(uint32_t i, uint32_t step, uint32_t site, uint32_t count)
{
    // In halves of the luma samples' distance; `step` more, so that it is not negative.
    const uint32_t at = 2 * i + 2 * step - site, unit = 2 * step;
    const uint32_t first = at / unit;
    return (struct tap){ .first = first ? MIN(first - 1, count - 1) : 0,
                         .second = MIN(first, count - 1),
                         .share = (float)(at % unit) / (float)unit };
}

// ---------------------------------------------------------------------------
// Samples and numbers

// Codes of 0 and of 1, for luma, and for a chroma of 0 and of 1.
struct codes {
    float black, white, zero, one;
    float most;
};

static struct codes codes_of(const struct yuv_format *f)
{
    const float scale = (float)(1u << (f->bits - 8)),
                most = (float)((1u << f->bits) - 1);
    if (f->is_full)
        return (struct codes){ 0, most, 128 * scale, 128 * scale + most, most };
    return (struct codes){ 16 * scale, 235 * scale, 128 * scale, 352 * scale, most };
}

static float code_at(const uint8_t *row, uint32_t bytes, uint32_t x)
{
    return bytes == 1 ? (float)row[x]
                      : (float)((uint32_t)row[2 * x] | (uint32_t)row[2 * x + 1] << 8);
}

static void set_code(uint8_t *row, uint32_t bytes, uint32_t x, float value, float most)
{
    // Comparisons that make 0 of what is not a number.
    const float inside = value > 0 ? MIN(value, most) : 0;
    const uint32_t code = (uint32_t)(inside + 0.5f);
    row[bytes * x] = (uint8_t)code;
    if (bytes == 2)
        row[2 * x + 1] = (uint8_t)(code >> 8);
}

static float within(float value)
{
    return value > 0 ? MIN(value, 1.0f) : 0;
}

static void put_row(struct picture *p, uint32_t channel, uint32_t y, const float *row)
{
    const struct pixel_ends ends = pixel_ends(p->kind, p->range);
    const float low = (float)ends.low, span = (float)(ends.high - ends.low);
    const size_t at = ((size_t)channel * p->height + y) * p->width;
    for (uint32_t x = 0; x < p->width; x++) {
        const float v = low + within(row[x]) * span;
        if (p->kind == PIXEL_F32)
            ((float *)p->samples)[at + x] = v;
        else if (p->kind == PIXEL_U16)
            ((uint16_t *)p->samples)[at + x] = (uint16_t)(v + 0.5f);
        else
            ((uint8_t *)p->samples)[at + x] = (uint8_t)(v + 0.5f);
    }
}

static void take_row(const struct picture *p, uint32_t channel, uint32_t y, float *row)
{
    const struct pixel_ends ends = pixel_ends(p->kind, p->range);
    const float low = (float)ends.low, scale = (float)(1 / (ends.high - ends.low));
    const size_t at = ((size_t)channel * p->height + y) * p->width;
    for (uint32_t x = 0; x < p->width; x++)
        row[x] = within(((float)picture_sample(p, at + x) - low) * scale);
}

struct weights_of_rgb {
    float red, green, blue;
};

static struct weights_of_rgb luma_weights(enum yuv_matrix matrix)
{
    return matrix == YUV_BT601 ? (struct weights_of_rgb){ 0.299f, 0.587f, 0.114f }
                               : (struct weights_of_rgb){ 0.2126f, 0.7152f, 0.0722f };
}

// ---------------------------------------------------------------------------
// To pictures

struct reader {
    const struct yuv_format *format;
    struct codes codes;
    const uint8_t *luma, *chroma[2];    // Cb, Cr
    float *down;                        // a row of chroma, [chroma width]
    float *rows[3];                     // Y, Cb, Cr, and then R, G, B: [width]
};

static void read_luma(const struct reader *r, uint32_t y, float *row)
{
    const struct yuv_format *f = r->format;
    const uint32_t bytes = sample_bytes(f);
    const uint8_t *from = r->luma + (size_t)y * f->width * bytes;
    const float scale = 1 / (r->codes.white - r->codes.black);
    for (uint32_t x = 0; x < f->width; x++)
        row[x] = (code_at(from, bytes, x) - r->codes.black) * scale;
}

static void read_chroma(const struct reader *r, uint32_t y, bool is_cr, float *row)
{
    const struct yuv_format *f = r->format;
    const uint32_t bytes = sample_bytes(f), width = chroma_width(f);
    const struct tap down =
        tap_of(y, step_down(f), site_down(f, is_cr), chroma_height(f));
    const uint8_t *first = r->chroma[is_cr] + (size_t)down.first * width * bytes;
    const uint8_t *second = r->chroma[is_cr] + (size_t)down.second * width * bytes;
    const float scale = 1 / (r->codes.one - r->codes.zero);
    for (uint32_t x = 0; x < width; x++) {
        const float a = code_at(first, bytes, x), b = code_at(second, bytes, x);
        r->down[x] = (a + (b - a) * down.share - r->codes.zero) * scale;
    }
    for (uint32_t x = 0; x < f->width; x++) {
        const struct tap t = tap_of(x, step_across(f), site_across(f), width);
        row[x] = r->down[t.first] + (r->down[t.second] - r->down[t.first]) * t.share;
    }
}

static void to_rgb(const struct reader *r)
{
    const struct weights_of_rgb k = luma_weights(r->format->matrix);
    const float red = 2 * (1 - k.red), blue = 2 * (1 - k.blue);
    for (uint32_t x = 0; x < r->format->width; x++) {
        const float y = r->rows[0][x], cb = r->rows[1][x], cr = r->rows[2][x];
        r->rows[0][x] = y + red * cr;
        r->rows[1][x] = y - (k.blue * blue * cb + k.red * red * cr) / k.green;
        r->rows[2][x] = y + blue * cb;
    }
}

bool yuv_to_picture(const struct yuv_format *f, const void *frame, enum pixel_kind kind,
                    struct pixel_range range, struct picture *picture)
{
    const uint32_t channels = f->chroma == YUV_MONO ? 1 : 3;
    const size_t plane = (size_t)chroma_width(f) * chroma_height(f) * sample_bytes(f);
    struct reader r = { .format = f, .codes = codes_of(f), .luma = frame };
    r.chroma[0] = r.luma + (size_t)f->width * f->height * sample_bytes(f);
    r.chroma[1] = r.chroma[0] + (channels == 3 ? plane : 0);
    float *memory = mem_array((size_t)f->width * 4, sizeof(float));
    if (!memory || !picture_create(picture, kind, channels, f->width, f->height)) {
        mem_free(memory);
        return false;
    }
    picture_set_range(picture, pixel_range_for(kind, range));
    for (uint32_t c = 0; c < 3; c++)
        r.rows[c] = memory + (size_t)c * f->width;
    r.down = memory + (size_t)3 * f->width;
    for (uint32_t y = 0; y < f->height; y++) {
        read_luma(&r, y, r.rows[0]);
        if (channels == 3) {
            read_chroma(&r, y, false, r.rows[1]);
            read_chroma(&r, y, true, r.rows[2]);
            to_rgb(&r);
        }
        for (uint32_t c = 0; c < channels; c++)
            put_row(picture, c, y, r.rows[c]);
    }
    mem_free(memory);
    return true;
}

// ---------------------------------------------------------------------------
// From pictures

struct writer {
    const struct yuv_format *format;
    struct codes codes;
    uint8_t *luma, *chroma[2];
    float *rows[3];    // R, G, B, and then Y, Cb, Cr: [width]
    float *wide[2];    // Cb, Cr of all rows, [height][chroma width]
};

// Chroma sample i: of the luma samples around it, by where it is among them.
static float filter(const float *values, size_t stride, uint32_t i, uint32_t step,
                    uint32_t site, uint32_t count)
{
    const uint32_t at = step * i + site / 2;    // the luma sample at it, or before it
    const float here = values[stride * MIN(at, count - 1)];
    const float after = values[stride * MIN(at + 1, count - 1)];
    if (step == 1)
        return here;
    if (site == 1)
        return (here + after) * 0.5f;
    return (values[stride * MIN(at ? at - 1 : 0, count - 1)] + 2 * here + after) *
           0.25f;
}

static void to_yuv(const struct writer *w)
{
    const struct weights_of_rgb k = luma_weights(w->format->matrix);
    for (uint32_t x = 0; x < w->format->width; x++) {
        const float red = w->rows[0][x], blue = w->rows[2][x];
        const float y = k.red * red + k.green * w->rows[1][x] + k.blue * blue;
        w->rows[0][x] = y;
        w->rows[1][x] = (blue - y) / (2 * (1 - k.blue));
        w->rows[2][x] = (red - y) / (2 * (1 - k.red));
    }
}

static void write_row(const struct writer *w, const struct picture *p, uint32_t y)
{
    const struct yuv_format *f = w->format;
    const uint32_t bytes = sample_bytes(f), width = chroma_width(f);
    const float span = w->codes.white - w->codes.black;
    uint8_t *to = w->luma + (size_t)y * f->width * bytes;
    for (uint32_t c = 0; c < p->channels; c++)
        take_row(p, c, y, w->rows[c]);
    if (f->chroma != YUV_MONO)
        to_yuv(w);
    for (uint32_t x = 0; x < f->width; x++)
        set_code(to, bytes, x, w->codes.black + w->rows[0][x] * span, w->codes.most);
    for (uint32_t c = 0; f->chroma != YUV_MONO && c < 2; c++)
        for (uint32_t x = 0; x < width; x++)
            w->wide[c][(size_t)y * width + x] =
                filter(w->rows[c + 1], 1, x, step_across(f), site_across(f), f->width);
}

static void write_chroma(const struct writer *w, bool is_cr)
{
    const struct yuv_format *f = w->format;
    const uint32_t bytes = sample_bytes(f), width = chroma_width(f);
    const float span = w->codes.one - w->codes.zero;
    for (uint32_t y = 0; y < chroma_height(f); y++) {
        uint8_t *to = w->chroma[is_cr] + (size_t)y * width * bytes;
        for (uint32_t x = 0; x < width; x++) {
            const float v = filter(w->wide[is_cr] + x, width, y, step_down(f),
                                   site_down(f, is_cr), f->height);
            set_code(to, bytes, x, w->codes.zero + v * span, w->codes.most);
        }
    }
}

bool yuv_from_picture(const struct yuv_format *f, const struct picture *picture,
                      void *frame)
{
    const bool has_chroma = f->chroma != YUV_MONO;
    const size_t wide = has_chroma ? (size_t)chroma_width(f) * f->height : 0;
    struct writer w = { .format = f, .codes = codes_of(f), .luma = frame };
    float *memory = mem_array((size_t)f->width * 3 + 2 * wide, sizeof(float));
    if (!memory)
        return false;
    for (uint32_t c = 0; c < 3; c++)
        w.rows[c] = memory + (size_t)c * f->width;
    w.wide[0] = memory + (size_t)3 * f->width;
    w.wide[1] = w.wide[0] + wide;
    w.chroma[0] = w.luma + (size_t)f->width * f->height * sample_bytes(f);
    if (has_chroma)
        w.chroma[1] =
            w.chroma[0] + (size_t)chroma_width(f) * chroma_height(f) * sample_bytes(f);
    for (uint32_t y = 0; y < f->height; y++)
        write_row(&w, picture, y);
    for (uint32_t c = 0; has_chroma && c < 2; c++)
        write_chroma(&w, c == 1);
    mem_free(memory);
    return true;
}
