// SPDX-License-Identifier: MIT
//
// Images are read and written as pictures, so that both forms accept the same files and
// convert them in the same way. See image.h.

#include "data/image.h"

#include "base/log.h"
#include "base/mem.h"
#include "data/picture_file.h"

bool image_create(struct pix_image *image, uint32_t width, uint32_t height)
{
    *image = (struct pix_image){ .width = width, .height = height };
    image->pixels = mem_array((size_t)width * 3, height);
    if (!image->pixels) {
        *image = (struct pix_image){ 0 };
        return false;
    }
    return true;
}

void image_free(struct pix_image *image)
{
    mem_free(image->pixels);
    *image = (struct pix_image){ 0 };
}

bool image_from_picture(const struct picture *picture, struct pix_image *image)
{
    if (!image_create(image, picture->width, picture->height))
        return false;
    picture_get_rgb(picture, image->pixels);
    return true;
}

bool image_to_picture(const struct pix_image *image, struct picture *picture)
{
    if (!picture_create(picture, PIXEL_U8, 3, image->width, image->height))
        return false;
    picture_set_interleaved(picture, image->pixels);
    return true;
}

bool image_read(const char *path, struct pix_image *image)
{
    struct picture picture;
    struct reason reason;
    *image = (struct pix_image){ 0 };
    bool ok = picture_read(path, &picture, &reason);
    // Channels of an array are not colours, so it has no RGB.
    if (ok && picture.is_array)
        ok =
            reason_refuse(&reason, picture_has_image_extension(path)
                                       ? "has floats or channels that are not colours: "
                                         "read it as an array"
                                       : PICTURE_UNKNOWN);
    if (!ok)
        log_error("image: %s: %s", path, reason.text);
    ok = ok && image_from_picture(&picture, image);
    picture_free(&picture);
    return ok;
}

bool image_write(const char *path, const struct pix_image *image)
{
    struct picture picture;
    if (!picture_has_image_extension(path)) {
        log_error("image: %s: the extension must be one of " IMAGE_EXTENSIONS, path);
        return false;
    }
    if (!picture_size_is_valid(image->width, image->height, 3)) {
        log_error("image: %s: an image of %ux%u cannot be written", path,
                  (unsigned)image->width, (unsigned)image->height);
        return false;
    }
    bool ok = image_to_picture(image, &picture) && picture_write(path, &picture);
    picture_free(&picture);
    return ok;
}
