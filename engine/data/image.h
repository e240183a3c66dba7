// SPDX-License-Identifier: MIT
//
// 8-bit RGB images, the public struct pix_image: [height][width][3] bytes. See
// picture.h for other channels and kinds.

#ifndef DATA_IMAGE_H
#define DATA_IMAGE_H

#include "base/base.h"
#include "data/picture.h"
#include "pix2pix.h"

// All black. False only without memory, after a message.
bool image_create(struct pix_image *image, uint32_t width, uint32_t height);
void image_free(struct pix_image *image);

// Reads an image file of any colour type as RGB, see pix_image_read. On failure logs
// "image: PATH: reason".
bool image_read(const char *path, struct pix_image *image);

// Writes by extension, one of IMAGE_EXTENSIONS. False after a message.
bool image_write(const char *path, const struct pix_image *image);

// Grey for 1 and 2 channels, else the first three as RGB; u16 keep their high byte,
// floats of [-1, 1] are rounded as the networks' output. False only without memory,
// after a message.
bool image_from_picture(const struct picture *picture, struct pix_image *image);
bool image_to_picture(const struct pix_image *image, struct picture *picture);

#endif
