// SPDX-License-Identifier: MIT
//
// JPEG files: stb decodes and encodes them. Markers and segments are those of ITU-T
// T.81, annex B. See codec.h.

#include "data/codec.h"
#include "data/encoded.h"

#include <string.h>

#define STBI_WRITE_NO_STDIO
#include <stb/stb_image_write.h>

enum { QUALITY = 95 };    // of 100: sharp edges stay without visible rings

bool jpeg_is(const uint8_t *data, size_t size)
{
    return size >= 3 && data[0] == 0xff && data[1] == 0xd8 && data[2] == 0xff;
}

// A segment of Huffman tables: each has a class, 16 counts of codes by length, then the
// codes' symbols. stb trusts the counts; more than 256 symbols would overrun its
// tables.
static bool huffman_tables_are_sane(const uint8_t *data, size_t size)
{
    while (size >= 17) {
        uint32_t symbols = 0;
        for (int i = 1; i <= 16; i++)
            symbols += data[i];
        if (symbols > 256 || size - 17 < symbols)
            return false;
        data += 17 + symbols;
        size -= 17 + symbols;
    }
    return size == 0;
}

// What the first frame of a file says of it, and how its colours are meant, as far as
// stb does not find out.
struct frame {
    uint32_t width, height;    // 0: not known yet
    uint32_t components;
    bool has_adobe;
    uint8_t transform;    // that Adobe's segment names: 0 CMYK, 2 YCCK
};

static bool is_frame(uint8_t marker)
{
    return marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 &&
           marker != 0xcc;
}

static void note_segment(uint8_t marker, const uint8_t *data, size_t size,
                         struct frame *frame)
{
    if (is_frame(marker) && size >= 6) {
        if (frame->components == 0) {
            frame->height = (uint32_t)data[1] << 8 | data[2];
            frame->width = (uint32_t)data[3] << 8 | data[4];
        }
        frame->components = data[5];
    }
    if (marker == 0xee && size >= 12 && memcmp(data, "Adobe", 5) == 0) {
        frame->has_adobe = true;
        frame->transform = data[11];
    }
}

// Walks the markers up to the end of the image. Inside the compressed data of a scan,
// 0xff comes before 0, a restart marker, another 0xff, or the marker that ends the
// scan. Of the first `size` bytes of `whole` it checks what is there.
static enum codec_state check(const uint8_t *data, size_t size, uint64_t whole,
                              struct frame *frame)
{
    const enum codec_state behind = size < whole ? CODEC_WHOLE : CODEC_TRUNCATED;
    size_t at = 2;
    for (;;) {
        while (at < size && data[at] != 0xff)
            at++;
        while (at < size && data[at] == 0xff)
            at++;
        if (at >= size)
            return behind;
        uint8_t marker = data[at++];
        if (marker == 0xd9)
            return CODEC_WHOLE;
        if (marker == 0 && frame->components == 0)
            return CODEC_DAMAGED;    // no marker, and there are no data yet
        if (marker <= 1 || (marker >= 0xd0 && marker <= 0xd8))
            continue;
        if (size - at < 2)
            return behind;
        size_t length = (size_t)data[at] << 8 | data[at + 1];
        if (length < 2)
            return CODEC_DAMAGED;
        if (whole - at < length)
            return CODEC_TRUNCATED;
        if (size - at < length)
            return behind;
        if (marker == 0xc4 && !huffman_tables_are_sane(data + at + 2, length - 2))
            return CODEC_DAMAGED;
        note_segment(marker, data + at + 2, length - 2, frame);
        at += length;
    }
}

// EXIF data is in an APP1 segment before the first scan. The file passed check().
static uint32_t find_orientation(const uint8_t *data, size_t size)
{
    static const char name[] = "Exif\0";    // and the 0 that ends the literal
    size_t at = 2;
    while (size - at >= 4 && data[at] == 0xff) {
        uint8_t marker = data[at + 1];
        size_t length = (size_t)data[at + 2] << 8 | data[at + 3];
        if (marker == 0xff) {    // fill bytes (B.1.1.2)
            at++;
            continue;
        }
        if (marker == 0xda || marker == 0xd9 || length < 2 || size - at - 2 < length)
            break;
        if (marker == 0xe1 && length >= 2 + sizeof(name) &&
            memcmp(data + at + 4, name, sizeof(name)) == 0)
            return exif_orientation(data + at + 4 + sizeof(name),
                                    length - 2 - sizeof(name));
        at += 2 + length;
    }
    return 0;
}

// stb decodes CMYK and YCCK as Adobe's programs store them, inverted, and takes any
// other file of four components for YCbCr. Without Adobe's segment readers do not
// agree: to libjpeg the numbers are ink, to Pillow they are inverted.
static bool check_colours(const struct frame *f, struct reason *reason)
{
    if (f->components != 4 ||
        (f->has_adobe && (f->transform == 0 || f->transform == 2)))
        return true;
    return reason_refuse(reason,
                         "a JPEG of four colours (CMYK) that does not say how they "
                         "are meant, in Adobe's segment: save it as RGB");
}

static bool examine(const uint8_t *data, size_t size, uint64_t whole,
                    const struct picture_reading *reading, struct frame *frame,
                    struct reason *reason)
{
    return codec_check_state(check(data, size, whole, frame), "JPEG", reason) &&
           (frame->width == 0 || frame->height == 0 ||
            codec_check_size(frame->width, frame->height, false, reading, reason));
}

bool jpeg_accept(const uint8_t *data, size_t size, uint64_t whole,
                 const struct picture_reading *reading, struct reason *reason)
{
    struct frame frame = { 0 };
    return examine(data, size, whole, reading, &frame, reason);
}

bool jpeg_decode(const uint8_t *data, size_t size,
                 const struct picture_reading *reading, struct picture *picture,
                 struct reason *reason)
{
    struct frame frame = { 0 };
    *picture = (struct picture){ 0 };
    if (!examine(data, size, size, reading, &frame, reason) ||
        !check_colours(&frame, reason) ||
        !codec_decode("JPEG", data, size, reading, picture, reason))
        return false;
    picture->orientation = find_orientation(data, size);
    return true;
}

static bool encode(struct encoded *to, int width, int height, const uint8_t *rgb)
{
    return stbi_write_jpg_to_func(encoded_write, to, width, height, 3, rgb, QUALITY) !=
           0;
}

bool jpeg_write(const char *path, const struct picture *picture)
{
    return codec_write_rgb(path, picture, encode);
}

bool jpeg_encode(struct encoded *to, const struct picture *picture, const char *path)
{
    return codec_encode_rgb(to, picture, path, encode);
}
