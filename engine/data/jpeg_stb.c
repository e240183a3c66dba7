// SPDX-License-Identifier: MIT
//
// JPEG files by stb, in a build without libjpeg-turbo. See jpeg_library.h.

#include "base/mem.h"
#include "data/codec.h"
#include "data/encoded.h"
#include "data/jpeg_library.h"

#include <string.h>

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

// stb fills what is missing of a scan without complaint, but looks for an end. The
// caller frees it; NULL without memory.
static uint8_t *end_image(const struct source *source)
{
    const size_t size = (size_t)source->size;
    uint8_t *whole = mem_alloc(size + 2);
    if (whole) {
        memcpy(whole, source->bytes, size);
        whole[size] = 0xff;
        whole[size + 1] = 0xd9;
    }
    return whole;
}

bool jpeg_library_decode(struct source *source, const struct jpeg_frame *frame,
                         bool keep, struct picture *picture, struct reason *reason)
{
    (void)keep;    // what is cut was refused without it
    const struct picture_reading any = { .max_pixels = UINT64_MAX };    // was checked
    if (!check_colours(frame, reason) ||
        !codec_check_length(source->size, frame->width, frame->height, reason) ||
        !source_hold(source, reason))
        return false;
    uint8_t *whole = frame->is_cut ? end_image(source) : NULL;
    if (frame->is_cut && !whole)
        return reason_refuse_memory(reason);
    const bool ok =
        codec_decode("JPEG", whole ? whole : source->bytes,
                     (size_t)source->size + (whole ? 2 : 0), &any, picture, reason);
    mem_free(whole);
    picture->is_cut = ok && frame->is_cut;
    return ok;
}

// stb knows no profiles: segments are put behind the first one, JFIF's, which is in the
// first piece that it writes.
struct output {
    struct encoded *to;
    const void *profile;    // until it is written
    size_t size;
    uint8_t segment[JPEG_MAX_SEGMENT];
};

static void write_profile(struct output *o)
{
    size_t count;
    for (size_t i = 0;
         (count = jpeg_profile_segment(o->profile, o->size, i, o->segment)) > 0; i++) {
        const size_t length = count + 2;
        uint8_t head[] = { 0xff, JPEG_PROFILE_MARKER, (uint8_t)(length >> 8),
                           (uint8_t)length };
        encoded_write(o->to, head, sizeof(head));
        encoded_write(o->to, o->segment, (int)count);
    }
    o->profile = NULL;
}

static void on_write(void *context, void *data, int size)
{
    enum { JFIF = 2 + 2 + 16 };    // the mark of a JPEG, and the segment
    struct output *o = context;
    uint8_t *bytes = data;
    if (o->profile && size >= JFIF) {
        encoded_write(o->to, bytes, JFIF);
        write_profile(o);
        bytes += JFIF;
        size -= JFIF;
    }
    encoded_write(o->to, bytes, size);
}

bool jpeg_library_encode(struct encoded *to, const struct picture *picture,
                         const uint8_t *rgb)
{
    struct output *o = mem_zalloc(sizeof(*o));
    if (!o)
        return false;
    o->to = to;
    o->profile = picture_tags_profile(picture->tags, 3, &o->size);
    const bool ok =
        stbi_write_jpg_to_func(on_write, o, (int)picture->width, (int)picture->height,
                               3, rgb, JPEG_QUALITY) != 0;
    mem_free(o);
    return ok;
}
