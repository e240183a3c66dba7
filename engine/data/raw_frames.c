// SPDX-License-Identifier: MIT
//
// See raw_frames.h.

#include "data/raw_frames.h"

#include "base/bytes.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

// Of inputs. f32 has no number of channels of its own.
static const struct {
    const char *name;
    enum pixel_kind kind;
    uint32_t channels;
} formats[] = {
    { "rgb24", PIXEL_U8, 3 },   { "rgba", PIXEL_U8, 4 }, { "gray8", PIXEL_U8, 1 },
    { "gray16", PIXEL_U16, 1 }, { "f32", PIXEL_F32, 0 },
};

// A side of a size, 1 to 9 digits; *end is what follows.
static bool read_side(const char *text, const char **end, uint32_t *side)
{
    size_t digits = 0;
    *side = 0;
    for (; digits < 9 && text[digits] >= '0' && text[digits] <= '9'; digits++)
        *side = *side * 10 + (uint32_t)(text[digits] - '0');
    *end = text + digits;
    return *side > 0;
}

bool raw_parse(const char *text, uint32_t channels, uint64_t max_pixels,
               struct raw_format *f, struct reason *reason)
{
    const char *colon = strchr(text, ':'), *end = NULL;
    const size_t length = colon ? (size_t)(colon - text) : 0;
    size_t i = 0;
    while (i < ARRAY_LEN(formats) && (strlen(formats[i].name) != length ||
                                      memcmp(formats[i].name, text, length) != 0))
        i++;
    if (!colon || i == ARRAY_LEN(formats) || !read_side(colon + 1, &end, &f->width) ||
        *end != 'x' || !read_side(end + 1, &end, &f->height) || *end)
        return reason_refuse(reason, "takes rgb24, rgba, gray8, gray16 or f32, and the "
                                     "size of frames (rgb24:640x480)");
    f->kind = formats[i].kind;
    f->channels = formats[i].channels ? formats[i].channels : channels;
    return picture_check_frames(
        f->width, f->height, (uint64_t)f->channels * sizeof(float), max_pixels, reason);
}

size_t raw_frame_bytes(const struct raw_format *f)
{
    return (size_t)f->width * f->height * f->channels * pixel_bytes(f->kind);
}

const char *raw_ffmpeg_name(const struct raw_format *f)
{
    static const char *const names[PIXEL_KINDS][4] = {
        { "gray", "ya8", "rgb24", "rgba" },
        { "gray16le", "ya16le", "rgb48le", "rgba64le" },
        { "grayf32le", NULL, NULL, NULL },
    };
    return f->channels <= 4 ? names[f->kind][f->channels - 1] : NULL;
}

bool raw_to_picture(const struct raw_format *f, const void *frame,
                    struct picture *picture, struct reason *reason)
{
    const size_t pixels = (size_t)f->width * f->height, size = pixel_bytes(f->kind);
    const uint8_t *from = frame;
    if (!picture_create(picture, f->kind, f->channels, f->width, f->height))
        return reason_refuse_memory(reason);
    picture->is_array = f->kind == PIXEL_F32;
    for (size_t i = 0; i < pixels; i++) {
        for (uint32_t c = 0; c < f->channels; c++, from += size) {
            const size_t at = c * pixels + i;
            const uint32_t bits = (uint32_t)bytes_get_little(from, size);
            if (f->kind == PIXEL_U8)
                ((uint8_t *)picture->samples)[at] = (uint8_t)bits;
            else if (f->kind == PIXEL_U16)
                ((uint16_t *)picture->samples)[at] = (uint16_t)bits;
            else
                memcpy((float *)picture->samples + at, &bits, sizeof(bits));
            if (f->kind == PIXEL_F32 && !isfinite(((float *)picture->samples)[at])) {
                picture_free(picture);
                return reason_refuse(reason, "sample %zu is not finite",
                                     i * f->channels + c);
            }
        }
    }
    return true;
}

void raw_from_picture(const struct picture *p, void *frame)
{
    const size_t pixels = (size_t)p->width * p->height, size = pixel_bytes(p->kind);
    uint8_t *to = frame;
    for (size_t i = 0; i < pixels; i++) {
        for (uint32_t c = 0; c < p->channels; c++, to += size) {
            const size_t at = c * pixels + i;
            uint32_t bits;
            if (p->kind == PIXEL_U8)
                bits = ((const uint8_t *)p->samples)[at];
            else if (p->kind == PIXEL_U16)
                bits = ((const uint16_t *)p->samples)[at];
            else
                memcpy(&bits, (const float *)p->samples + at, sizeof(bits));
            bytes_put_little(to, size, bits);
        }
    }
}
