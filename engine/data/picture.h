// SPDX-License-Identifier: MIT
//
// Pictures of any number of channels and any kind of sample, as planes. They come from
// image files (1 to 4 channels: grey, grey and alpha, RGB, RGBA; PNG also with 16 bits)
// or from .npy arrays [c, h, w] or [h, w] of u1, u2 or f4, and are written as such.

#ifndef DATA_PICTURE_H
#define DATA_PICTURE_H

#include "base/pixel.h"
#include "data/reason.h"
#include "data/resize.h"
#include "pix2pix.h"

#define PICTURE_MAX_SIDE 32768u
#define PICTURE_MAX_BYTES ((uint64_t)512 * 1024 * 1024)

struct picture {
    enum pixel_kind kind;
    uint32_t channels, width, height;
    bool is_array;    // from .npy: its channels are no colours and are not converted
    void *samples;    // [c][h][w]
};

// Whether a picture with so many bytes in each pixel may have this size.
bool picture_size_is_valid(uint64_t width, uint64_t height, uint64_t bytes);

bool picture_create(struct picture *picture, enum pixel_kind kind, uint32_t channels,
                    uint32_t width, uint32_t height);    // zeroed
void picture_free(struct picture *picture);
size_t picture_bytes(const struct picture *picture);
bool picture_copy(const struct picture *in, struct picture *out);

// Makes it one of so many channels: 1 is the luma of ITU-R BT.601 as Pillow computes
// it, 2 has alpha beside it, 3 is RGB, 4 has alpha beside them. Missing alpha is
// opaque. An array must have them.
bool picture_set_channels(struct picture *picture, uint32_t channels,
                          struct reason *reason);

// Another kind of the same values, where [-1, 1] is that of the networks. To u8 and u16
// as the networks' output; from u16 to u8 it is the high byte.
bool picture_set_kind(struct picture *picture, enum pixel_kind kind);

bool picture_resize(const struct picture *in, enum resize_filter filter, uint32_t width,
                    uint32_t height, struct picture *out);
bool picture_crop(const struct picture *in, uint32_t x, uint32_t y, uint32_t width,
                  uint32_t height, struct picture *out);

// Samples of u8 and u16 pictures side by side, [h][w][c], as image files have them. The
// first takes them over into planes; the second returns new memory for mem_free, NULL
// after a message.
void picture_set_interleaved(struct picture *picture, const void *interleaved);
void *picture_interleave(const struct picture *picture);

// Writes [h][w][3] bytes for people to look at: grey for 1 and 2 channels, else the
// first three as RGB.
void picture_get_rgb(const struct picture *picture, uint8_t *rgb);

// The public form. A copy, false after a message if the array is none; and the same
// samples, which are the array's from then.
bool picture_from_array(const struct pix_array *array, struct picture *picture);
struct pix_array picture_to_array(struct picture *picture);

#endif
