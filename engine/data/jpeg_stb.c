// SPDX-License-Identifier: MIT
//
// JPEG files by stb, in a build without libjpeg-turbo. See jpeg_library.h.

#include "data/codec.h"
#include "data/encoded.h"
#include "data/jpeg_library.h"

#define STBI_WRITE_NO_STDIO
#include <stb/stb_image_write.h>

// stb decodes CMYK and YCCK as Adobe's programs store them, inverted, and takes any
// other file of four components for YCbCr.
static bool check_colours(const struct jpeg_frame *f, struct reason *reason)
{
    return f->components != 4 || f->has_adobe ||
           reason_refuse(reason, "a JPEG of four colours (CMYK) without Adobe's "
                                 "segment, which this build, without libjpeg-turbo, "
                                 "cannot read: save it as RGB");
}

bool jpeg_library_decode(struct source *source, const struct jpeg_frame *frame,
                         bool keep, struct picture *picture, struct reason *reason)
{
    (void)keep;    // stb fills what is missing without complaint
    const struct picture_reading any = { .max_pixels = UINT64_MAX };    // was checked
    if (!check_colours(frame, reason) ||
        !codec_check_length(source->size, frame->width, frame->height, reason) ||
        !source_hold(source, reason) ||
        !codec_decode("JPEG", source->bytes, (size_t)source->size, &any, picture,
                      reason))
        return false;
    picture->is_cut = frame->is_cut;
    return true;
}

bool jpeg_library_encode(struct encoded *to, int width, int height, const uint8_t *rgb)
{
    return stbi_write_jpg_to_func(encoded_write, to, width, height, 3, rgb,
                                  JPEG_QUALITY) != 0;
}
