// SPDX-License-Identifier: MIT
//
// 8-bit RGB images on the host: decode and encode through stb, split pairs, tile sample
// grids. The public struct pix_image is the image type. See picture.h for others.

#ifndef DATA_IMAGE_H
#define DATA_IMAGE_H

#include "base/base.h"
#include "data/reason.h"
#include "pix2pix.h"

bool image_create(struct pix_image *image, uint32_t width,
                  uint32_t height);    // zeroed
void image_free(struct pix_image *image);

// What is in a file, samples interleaved: bytes, or 16-bit numbers if it is wide.
struct decoded {
    uint32_t width, height, channels;
    bool is_wide;
    void *samples;    // for mem_free
};

// Decodes a file in memory; the path is for TGA, which has no signature. As RGB it has
// three channels of bytes, else what the file has: 1 grey, 2 with alpha, 3 RGB, 4 with
// alpha. Nothing is logged.
bool image_decode(const char *path, const uint8_t *data, size_t size, bool as_rgb,
                  struct decoded *out, struct reason *reason);

// Decodes any colour type to RGB. On failure logs "image: PATH: reason" as an error if
// `reason` is NULL, else writes the reason there instead of logging.
bool image_read(const char *path, struct pix_image *image, char *reason,
                size_t reason_size);

// By extension; through a file beside, renamed.
bool image_write(const char *path, const struct pix_image *image);
bool image_has_known_extension(const char *name);

// Antialiased bicubic, see resize.h.
bool image_resize(const struct pix_image *in, uint32_t width, uint32_t height,
                  struct pix_image *out);

// Columns [x, x + width) and rows [y, y + height).
bool image_crop(const struct pix_image *in, uint32_t x, uint32_t y, uint32_t width,
                uint32_t height, struct pix_image *out);

// Splits at half width (floor), as the PyTorch port: left A, right B. An image narrower
// than 2 pixels is refused.
bool image_split(const struct pix_image *in, struct pix_image *a, struct pix_image *b);

// The whole factor at which a tile of this side is large enough to be looked at.
uint32_t image_enlargement(uint32_t side);

// Copies `tile` into `grid` with its upper left corner at x, y, each pixel repeated
// `factor` times in both directions; must fit.
void image_paste(struct pix_image *grid, const struct pix_image *tile, uint32_t x,
                 uint32_t y, uint32_t factor);

#endif
