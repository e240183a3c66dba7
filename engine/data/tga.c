// SPDX-License-Identifier: MIT
//
// TGA files: stb decodes and encodes them, and here is what it overlooks: colour maps
// that do not begin with entry 0, colours that are not in the map, and rows that are
// stored from the right. Headers are those of the Truevision TGA specification 2.0. See
// codec.h.

#include "base/bytes.h"
#include "base/mem.h"
#include "data/codec.h"
#include "data/encoded.h"

#include <string.h>

#define STBI_WRITE_NO_STDIO
#include <stb/stb_image_write.h>

enum { HEADER = 18 };

// What stb does not ask of a header.
struct layout {
    uint32_t first, entries;    // of the colour map
    size_t entry;               // bytes of one
    size_t map;                 // where it begins
    size_t pixel;               // bytes of one
    uint32_t width, height;
    bool has_indices, is_packed, is_mirrored;
};

static struct layout read_header(const uint8_t *data)
{
    struct layout l = {
        .map = HEADER + (size_t)data[0],
        .has_indices = data[1] == 1 && (data[2] == 1 || data[2] == 9),
        .is_packed = data[2] >= 9,
        .pixel = (data[16] + 7u) / 8,
        .width = (uint32_t)bytes_get_little(data + 12, 2),
        .height = (uint32_t)bytes_get_little(data + 14, 2),
        .is_mirrored = data[17] & 0x10,
    };
    if (data[1]) {
        l.first = (uint32_t)bytes_get_little(data + 3, 2);
        l.entries = (uint32_t)bytes_get_little(data + 5, 2);
        l.entry = (data[7] + 7u) / 8;
    }
    return l;
}

static uint64_t pixels_of(const struct layout *l)
{
    return (uint64_t)l->width * l->height;
}

// Behind the colour map.
static uint64_t pixels_begin(const struct layout *l)
{
    return l->map + (uint64_t)l->entries * l->entry;
}

// Whether so many pixels are colours that the map has; stb takes another one for those
// that it has not.
static bool are_in_map(const struct layout *l, const uint8_t *data, uint64_t count)
{
    if (!l->has_indices || l->pixel > 2)
        return true;
    for (uint64_t i = 0; i < count; i++) {
        uint32_t index = (uint32_t)bytes_get_little(data + i * l->pixel, l->pixel);
        if (index < l->first || index - l->first >= l->entries)
            return false;
    }
    return true;
}

// Walks the pixels: a header of 18 bytes, an identifier, a colour map, then the pixels,
// either plain or (types 9 and up) in packets.
static enum codec_state check(const struct layout *l, const uint8_t *data, size_t size)
{
    uint64_t at = pixels_begin(l);
    uint64_t left = pixels_of(l);
    while (left > 0 && at < size) {
        // Packets: a count, then one pixel to repeat or as many as counted.
        uint64_t count = l->is_packed ? (data[at] & 0x7fu) + 1 : left;
        uint64_t stored = l->is_packed && data[at] & 0x80 ? 1 : count;
        at += l->is_packed;
        if (size - at < stored * l->pixel)
            return CODEC_TRUNCATED;
        if (!are_in_map(l, data + at, MIN(stored, left)))
            return CODEC_DAMAGED;
        at += stored * l->pixel;
        left -= MIN(count, left);
    }
    return left > 0 || size < at ? CODEC_TRUNCATED : CODEC_WHOLE;
}

// A colour map may begin with another entry than 0. stb, which skips that many bytes of
// the map instead, is given a copy with all of its entries; the new ones are never
// used.
static uint8_t *with_whole_map(const struct layout *l, const uint8_t *data,
                               size_t *size)
{
    const size_t added = l->first * l->entry;
    uint8_t *copy = mem_zalloc(*size + added);
    if (!copy)
        return NULL;
    memcpy(copy, data, l->map);
    bytes_put_little(copy + 3, 2, 0);
    bytes_put_little(copy + 5, 2, l->first + l->entries);
    memcpy(copy + l->map + added, data + l->map, *size - l->map);
    *size += added;
    return copy;
}

// Right and left change places where rows are stored from the right.
static void mirror(struct picture *p)
{
    uint8_t *row = p->samples;    // stb's are bytes
    for (size_t y = 0; y < (size_t)p->height * p->channels; y++, row += p->width)
        for (uint32_t x = 0; x < p->width / 2; x++) {
            uint8_t left = row[x];
            row[x] = row[p->width - 1 - x];
            row[p->width - 1 - x] = left;
        }
}

bool tga_may_be(const uint8_t *data, size_t size)
{
    if (size < HEADER)
        return true;
    const struct layout l = read_header(data);
    const uint32_t type = data[2] & ~8u;    // 8: in packets
    return type >= 1 && type <= 3 && pixels_of(&l) > 0;
}

// A packet has at most 128 pixels, and the bytes of one of them.
bool tga_accept(const uint8_t *data, size_t size, uint64_t whole,
                const struct picture_reading *reading, struct reason *reason)
{
    enum { PACKET = 128 };
    if (size < HEADER)
        return codec_check_state(CODEC_TRUNCATED, "TGA", reason);
    const struct layout l = read_header(data);
    const uint64_t pixels = pixels_of(&l);
    const uint64_t least =
        l.is_packed ? DIV_UP(pixels, PACKET) * (l.pixel + 1) : pixels * l.pixel;
    if (data[17] & 0xc0)
        return reason_refuse(reason, "a TGA with interleaved rows, which is not read");
    if (pixels == 0 || (l.has_indices && l.first + l.entries > UINT16_MAX))
        return codec_check_state(CODEC_DAMAGED, "TGA", reason);
    if (!codec_check_size(l.width, l.height, false, reading, reason))
        return false;
    if (whole < pixels_begin(&l) + least)
        return codec_check_state(CODEC_TRUNCATED, "TGA", reason);
    return codec_check_length(whole, l.width, l.height, reason);
}

bool tga_decode(const uint8_t *data, size_t size, const struct picture_reading *reading,
                struct picture *picture, struct reason *reason)
{
    *picture = (struct picture){ 0 };
    if (!tga_accept(data, size, size, reading, reason))
        return false;
    const struct layout l = read_header(data);
    if (!codec_check_state(check(&l, data, size), "TGA", reason))
        return false;
    uint8_t *copy = NULL;
    if (l.has_indices && l.first > 0) {
        copy = with_whole_map(&l, data, &size);
        if (!copy)
            return reason_refuse_memory(reason);
    }
    bool ok = codec_decode("TGA", copy ? copy : data, size, reading, picture, reason);
    if (ok && l.is_mirrored)
        mirror(picture);
    mem_free(copy);
    return ok;
}

static bool encode(struct encoded *to, const struct picture *p, const uint8_t *rgb)
{
    return stbi_write_tga_to_func(encoded_write, to, (int)p->width, (int)p->height, 3,
                                  rgb) != 0;
}

bool tga_encode(struct encoded *to, const struct picture *picture, const char *path)
{
    return codec_encode_rgb(to, picture, path, encode);
}
