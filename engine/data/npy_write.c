// SPDX-License-Identifier: MIT
//
// Writes .npy files. Planes are far apart in a file: rows of each are put in their
// place. See npy.h.

#include "data/npy.h"

#include "base/bytes.h"
#include "base/mem.h"
#include "data/codec.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { HEADER_ALIGNMENT = 64, MAGIC = sizeof(NPY_MAGIC) - 1 };

// Padded with spaces and a newline, so that the samples begin at a multiple of 64.
// Returns the size.
static size_t fill_header(const struct picture *p, enum array_order order,
                          char header[2 * HEADER_ALIGNMENT])
{
    static const char *const names[PIXEL_KINDS] = { "|u1", "<u2", "<f4" };
    const bool is_hwc = order == ARRAY_HWC;
    const size_t begin = MAGIC + 4, room = 2 * HEADER_ALIGNMENT - begin;
    memset(header, ' ', 2 * HEADER_ALIGNMENT);
    const int length =
        snprintf(header + begin, room,
                 "{'descr': '%s', 'fortran_order': False, 'shape': "
                 "(%" PRIu32 ", %" PRIu32 ", %" PRIu32 "), }",
                 names[p->kind], is_hwc ? p->height : p->channels,
                 is_hwc ? p->width : p->height, is_hwc ? p->channels : p->width);
    assert(length > 0 && (size_t)length < room);
    header[begin + (size_t)length] = ' ';
    const size_t size = ALIGN_UP(begin + (size_t)length + 1, (size_t)HEADER_ALIGNMENT);
    header[size - 1] = '\n';
    memcpy(header, NPY_MAGIC, MAGIC);
    header[MAGIC] = 1;
    header[MAGIC + 1] = 0;
    header[MAGIC + 2] = (char)(size - begin);
    header[MAGIC + 3] = 0;
    return size;
}

bool npy_writer_begin(struct npy_writer *w, struct encoded *to, const struct picture *p,
                      enum array_order order)
{
    char header[2 * HEADER_ALIGNMENT];
    *w = (struct npy_writer){
        .to = to, .order = order, .width = p->width, .height = p->height
    };
    w->begin = fill_header(p, order, header);
    encoded_expect(to, w->begin + picture_bytes(p));
    if (encoded_put(to, 0, header, w->begin))
        return true;
    encoded_drop(to);
    return false;
}

static uint32_t sample_bits(const struct picture *p, size_t i)
{
    uint32_t bits;
    if (p->kind == PIXEL_U8)
        return ((const uint8_t *)p->samples)[i];
    if (p->kind == PIXEL_U16)
        return ((const uint16_t *)p->samples)[i];
    memcpy(&bits, (const float *)p->samples + i, sizeof(bits));
    return bits;
}

// Samples from `first` on, of planes of which `channels` are interleaved.
static void fill_part(const struct picture *rows, size_t first, uint32_t channels,
                      uint8_t *data)
{
    const size_t plane = (size_t)rows->width * rows->height;
    const size_t bytes = pixel_bytes(rows->kind);
    for (uint32_t c = 0; c < channels; c++)
        for (size_t i = 0; i < plane; i++)
            bytes_put_little(data + (i * channels + c) * bytes, bytes,
                             sample_bits(rows, first + c * plane + i));
}

bool npy_writer_write(struct npy_writer *w, const struct picture *rows)
{
    const uint32_t together = w->order == ARRAY_HWC ? rows->channels : 1;
    const size_t row = (size_t)w->width * together * pixel_bytes(rows->kind);
    const size_t plane = (size_t)rows->width * rows->height;
    uint8_t *data = mem_array(row, rows->height);
    bool ok = data != NULL;
    for (uint32_t c = 0; ok && c < rows->channels; c += together) {
        fill_part(rows, c * plane, together, data);
        ok = encoded_put(w->to, w->begin + ((uint64_t)c * w->height + w->y) * row, data,
                         row * rows->height);
    }
    w->y += rows->height;
    mem_free(data);
    return ok;
}

bool npy_writer_end(struct npy_writer *w, bool keeps)
{
    if (keeps)
        return encoded_end(w->to, NULL, NULL);    // what failed has its message
    encoded_drop(w->to);
    return true;
}

bool npy_encode(struct encoded *to, const struct picture *p, enum array_order order)
{
    struct npy_writer w;
    if (!npy_writer_begin(&w, to, p, order))
        return false;
    const bool ok = npy_writer_write(&w, p);
    return npy_writer_end(&w, ok) && ok;
}
