// SPDX-License-Identifier: MIT
//
// BMP files of Windows and OS/2. They are decoded here, because stb takes the colours
// of OS/2 files and of indices outside the palette from memory that was never written,
// and knows one place for masks only. stb encodes them. Headers are those of
// Microsoft's "Bitmap Header Types" and of IBM's "OS/2 bitmap file format". See
// codec.h.

#include "base/bytes.h"
#include "data/codec.h"
#include "data/encoded.h"

#include <inttypes.h>

#define STBI_WRITE_NO_STDIO
#include <stb/stb_image_write.h>

// Bytes of the headers, which are how versions are told apart. Each begins with the one
// before it, the OS/2 1 header aside.
enum {
    FILE_HEADER = 14,
    OS2_1 = 12,    // BITMAPCOREHEADER: sizes of 16 bits, palette entries of 3 bytes
    OS2_2_SHORT = 16,
    WINDOWS_3 = 40,    // BITMAPINFOHEADER: masks follow it
    WITH_MASKS = 52,
    WITH_ALPHA = 56,
    OS2_2 = 64,
    WINDOWS_4 = 108,
    WINDOWS_5 = 124,
};

enum { RGB = 0, RLE8 = 1, RLE4 = 2, MASKS = 3, JPEG = 4, PNG = 5, ALPHA_MASKS = 6 };

enum { COLOURS = 4 };    // red, green, blue, alpha

struct header {
    uint32_t size;    // of the header, one of the above
    uint32_t width, height, bits, compression;
    bool top_down;
    uint64_t begin;             // of the pixels, in the file
    uint64_t row;               // bytes of one in the file, a multiple of 4
    const uint8_t *palette;     // blue, green, red
    uint32_t entries, entry;    // of the palette, and bytes of one
    uint32_t masks[COLOURS];    // of pixels without a palette; 0: the colour is absent
    bool may_lack_alpha;        // alpha of 0 everywhere means that there is none
};

bool bmp_is(const uint8_t *data, size_t size)
{
    return size >= 2 && data[0] == 'B' && data[1] == 'M';
}

static uint32_t get(const uint8_t *data, size_t bytes)
{
    return (uint32_t)bytes_get_little(data, bytes);
}

// ---------------------------------------------------------------------------
// The header

static bool check_compression(const struct header *h, struct reason *reason)
{
    switch (h->compression) {
    case RGB:
        return true;
    case RLE8:
    case RLE4:
        return reason_refuse(reason, "a BMP with run-length compression, which is not "
                                     "read: save it without compression");
    case MASKS:
    case ALPHA_MASKS:
        if (h->size != OS2_2)    // there they are other compressions
            return (h->bits == 16 || h->bits == 32) ||
                   reason_refuse(reason,
                                 "damaged BMP: masks for pixels of %" PRIu32 " bits",
                                 h->bits);
        break;
    case JPEG:
    case PNG:
        break;
    default:
        return reason_refuse(reason,
                             "damaged BMP: %" PRIu32 " is no kind of compression",
                             h->compression);
    }
    return reason_refuse(reason,
                         "a BMP with compression %" PRIu32
                         ", which is not read: save it without compression",
                         h->compression);
}

static bool is_known(uint32_t size)
{
    static const uint32_t known[] = { OS2_1,      OS2_2_SHORT, WINDOWS_3, WITH_MASKS,
                                      WITH_ALPHA, OS2_2,       WINDOWS_4, WINDOWS_5 };
    for (size_t i = 0; i < ARRAY_LEN(known); i++)
        if (known[i] == size)
            return true;
    return false;
}

static bool bits_are_known(const struct header *h)
{
    return h->bits == 1 || h->bits == 4 || h->bits == 8 || h->bits == 24 ||
           (h->size != OS2_1 && (h->bits == 16 || h->bits == 32));
}

// Sizes and the kind of pixels. A negative height means that the top row comes first.
static bool read_sizes(const uint8_t *data, struct header *h,
                       const struct picture_reading *reading, struct reason *reason)
{
    const uint8_t *at = data + FILE_HEADER + 4;
    const size_t bytes = h->size == OS2_1 ? 2 : 4;
    h->width = get(at, bytes);
    h->height = get(at + bytes, bytes);
    h->top_down = bytes == 4 && h->height & 0x80000000;
    if (h->top_down)
        h->height = 0 - h->height;
    at += 2 * bytes;
    uint32_t planes = get(at, 2);
    h->bits = get(at + 2, 2);
    if (h->size >= WINDOWS_3)
        h->compression = get(at + 4, 4);
    if (h->width == 0 || h->width > INT32_MAX || h->height == 0 || planes != 1)
        return codec_check_state(CODEC_DAMAGED, "BMP", reason);
    if (!bits_are_known(h))
        return reason_refuse(
            reason, "a BMP with pixels of %" PRIu32 " bits, which are not read",
            h->bits);
    return check_compression(h, reason) &&
           codec_check_size(h->width, h->height, false, reading, reason);
}

// Where masks are, and how many, is a matter of the version. `end` is behind them.
static bool read_masks(const uint8_t *data, size_t size, struct header *h,
                       uint64_t *end, struct reason *reason)
{
    static const uint32_t usual16[] = { 0x7c00, 0x3e0, 0x1f, 0 };
    static const uint32_t usual[] = { 0xff0000, 0xff00, 0xff, 0xff000000 };
    uint32_t all = 0;
    *end = FILE_HEADER + (uint64_t)h->size;
    if (h->compression == RGB) {
        for (int i = 0; i < COLOURS; i++)
            h->masks[i] = h->bits == 16 ? usual16[i] : usual[i];
        if (h->bits != 32)
            h->masks[3] = 0;
        h->may_lack_alpha = h->bits == 32;
        return true;
    }
    const bool behind = h->size == WINDOWS_3;
    const int count =
        (behind ? h->compression == ALPHA_MASKS : h->size >= WITH_ALPHA) ? 4 : 3;
    if (behind)
        *end += 4 * (uint64_t)count;
    if (size < *end)
        return codec_check_state(CODEC_TRUNCATED, "BMP", reason);
    for (int i = 0; i < count; i++) {
        uint32_t mask = get(data + FILE_HEADER + WINDOWS_3 + 4 * i, 4);
        uint32_t low = mask & (0 - mask);    // its lowest bit
        // Bits in one piece: adding the lowest carries through all of them.
        if ((mask == 0 && i < 3) || (mask & (mask + low)) || mask & all ||
            (h->bits == 16 && mask > 0xffff))
            return reason_refuse(reason, "damaged BMP: its masks are not those of "
                                         "colours");
        all |= mask;
        h->masks[i] = mask;
    }
    return true;
}

// All of it is in the first bytes, `size` of `whole`.
static bool read_header(const uint8_t *data, size_t size, uint64_t whole,
                        const struct picture_reading *reading, struct header *h,
                        struct reason *reason)
{
    uint64_t end;
    *h = (struct header){ 0 };
    if (size < FILE_HEADER + 4)
        return codec_check_state(CODEC_TRUNCATED, "BMP", reason);
    h->size = get(data + FILE_HEADER, 4);
    if (!is_known(h->size))
        return reason_refuse(reason,
                             "a BMP with a header of %" PRIu32
                             " bytes, which is no version that is read",
                             h->size);
    if (size - FILE_HEADER < h->size)
        return codec_check_state(CODEC_TRUNCATED, "BMP", reason);
    if (!read_sizes(data, h, reading, reason) ||
        !read_masks(data, size, h, &end, reason))
        return false;
    h->begin = get(data + 10, 4);
    h->row = ((uint64_t)h->width * h->bits + 31) / 32 * 4;
    if (h->begin < end)
        return codec_check_state(CODEC_DAMAGED, "BMP", reason);
    if (whole < h->begin + h->row * h->height)
        return codec_check_state(CODEC_TRUNCATED, "BMP", reason);
    if (!codec_check_length(whole, h->width, h->height, reason))
        return false;
    // The number of entries in the header is 0 or wrong in many files; what lies
    // between header and pixels is not.
    h->palette = data + end;
    h->entry = h->size == OS2_1 ? 3 : 4;
    if (h->bits <= 8)
        h->entries = (uint32_t)MIN((h->begin - end) / h->entry, 1u << h->bits);
    return true;
}

// ---------------------------------------------------------------------------
// Pixels

// Sets one row of three planes. `plane` is the samples of one.
static bool take_indices(const struct header *h, const uint8_t *row, uint8_t *to,
                         size_t plane, struct reason *reason)
{
    for (uint32_t x = 0; x < h->width; x++) {
        uint64_t bit = (uint64_t)x * h->bits;
        uint32_t index = row[bit / 8] >> (8 - h->bits - bit % 8);
        index &= (1u << h->bits) - 1;
        if (index >= h->entries)
            return reason_refuse(
                reason, "damaged BMP: colour %" PRIu32 " of a palette of %" PRIu32,
                index, h->entries);
        const uint8_t *entry = h->palette + (size_t)index * h->entry;
        for (size_t c = 0; c < 3; c++)
            to[c * plane + x] = entry[2 - c];
    }
    return true;
}

// A sample of fewer bits becomes one of 8 by repetition: 10011 becomes 10011100.
static uint8_t widen(uint32_t value, int bits)
{
    uint32_t wide = 0;
    for (int shift = 8 - bits; shift > -bits; shift -= bits)
        wide |= shift >= 0 ? value << shift : value >> -shift;
    return (uint8_t)wide;
}

// How a colour is taken out of a pixel: shifted down to at most 8 bits, then looked up.
struct channel {
    uint32_t mask, shift;
    uint8_t sample[256];
};

static void init_channel(struct channel *c, uint32_t mask)
{
    int bits = 0;
    *c = (struct channel){ .mask = mask };
    while (mask && !(mask >> c->shift & 1))
        c->shift++;
    for (uint32_t rest = mask; rest; rest &= rest - 1)
        bits++;
    if (bits > 8) {
        c->shift += (uint32_t)bits - 8;
        bits = 8;
    }
    for (uint32_t i = 0; bits && i < 1u << bits; i++)
        c->sample[i] = widen(i, bits);
}

static void take_colours(const struct header *h, const struct channel *channels,
                         uint32_t count, const uint8_t *row, uint8_t *to, size_t plane)
{
    const size_t bytes = h->bits / 8;
    for (uint32_t x = 0; x < h->width; x++, row += bytes) {
        uint32_t pixel = 0;
        for (size_t i = 0; i < bytes; i++)
            pixel |= (uint32_t)row[i] << 8 * i;
        for (uint32_t c = 0; c < count; c++)
            to[c * plane + x] =
                channels[c].sample[(pixel & channels[c].mask) >> channels[c].shift];
    }
}

// Many programs leave 0 where alpha would be. What nobody could see is not meant.
static void make_opaque(uint8_t *alpha, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (alpha[i])
            return;
    for (size_t i = 0; i < count; i++)
        alpha[i] = 255;
}

bool bmp_accept(const uint8_t *data, size_t size, uint64_t whole,
                const struct picture_reading *reading, struct reason *reason)
{
    struct header h;
    return read_header(data, size, whole, reading, &h, reason);
}

bool bmp_decode(const uint8_t *data, size_t size, const struct picture_reading *reading,
                struct picture *picture, struct reason *reason)
{
    struct header h;
    struct channel channels[COLOURS];
    *picture = (struct picture){ 0 };
    if (!read_header(data, size, size, reading, &h, reason))
        return false;
    const uint32_t count = h.masks[3] && h.bits > 8 ? 4 : 3;
    for (int i = 0; i < COLOURS; i++)
        init_channel(&channels[i], h.masks[i]);
    if (!picture_create(picture, PIXEL_U8, count, h.width, h.height))
        return reason_refuse_memory(reason);
    const size_t plane = (size_t)h.width * h.height;
    uint8_t *samples = picture->samples;
    for (uint32_t y = 0; y < h.height; y++) {
        const uint64_t place = h.top_down ? y : h.height - 1 - y;
        const uint8_t *row = data + h.begin + place * h.row;
        uint8_t *to = samples + (size_t)y * h.width;
        if (h.bits > 8) {
            take_colours(&h, channels, count, row, to, plane);
        } else if (!take_indices(&h, row, to, plane, reason)) {
            picture_free(picture);
            return false;
        }
    }
    if (count == 4 && h.may_lack_alpha)
        make_opaque(samples + 3 * plane, plane);
    return true;
}

// ---------------------------------------------------------------------------
// Writing

static bool encode(struct encoded *to, const struct picture *p, const uint8_t *rgb)
{
    return stbi_write_bmp_to_func(encoded_write, to, (int)p->width, (int)p->height, 3,
                                  rgb) != 0;
}

bool bmp_encode(struct encoded *to, const struct picture *picture, const char *path)
{
    return codec_encode_rgb(to, picture, path, encode);
}
