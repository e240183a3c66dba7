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

// Extensions of files that picture_read takes, for messages.
#define PICTURE_EXTENSIONS ".png .jpg .jpeg .bmp .tga .npy"

struct picture {
    enum pixel_kind kind;
    uint32_t channels, width, height;
    bool is_array;    // from .npy: its channels are no colours and are not converted
    void *samples;    // [c][h][w]
};

bool picture_create(struct picture *picture, enum pixel_kind kind, uint32_t channels,
                    uint32_t width, uint32_t height);    // zeroed
void picture_free(struct picture *picture);
size_t picture_bytes(const struct picture *picture);
bool picture_copy(const struct picture *in, struct picture *out);

// As the file has it. Nothing is logged: `reason` says why not.
bool picture_read(const char *path, struct picture *picture, struct reason *reason);
bool picture_has_known_extension(const char *name);

// Writes by the extension of the path: .npy takes everything, .png u8 and u16 of 1 to 4
// channels, .jpg, .jpeg, .bmp and .tga u8 of 1 to 4 without the alpha. The file appears
// whole or not at all.
bool picture_write(const char *path, const struct picture *picture);

// Whether a file of this name can hold such a picture with all of its channels.
bool picture_can_be_written(const char *name, enum pixel_kind kind, uint32_t channels);

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

// To be looked at: grey for 1 and 2 channels, else the first three as RGB.
bool picture_show(const struct picture *picture, struct pix_image *image);
bool picture_from_image(const struct pix_image *image, struct picture *picture);

// The public form. A copy, false after a message if the array is none; and the same
// samples, which are the array's from then.
bool picture_from_array(const struct pix_array *array, struct picture *picture);
struct pix_array picture_to_array(struct picture *picture);

#endif
