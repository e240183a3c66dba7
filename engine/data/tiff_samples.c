// SPDX-License-Identifier: MIT
//
// Samples of a TIFF, as libtiff has decoded them: in this machine's byte order where
// they are of whole bytes, else packed, the highest bit first. See tiff.h for what
// becomes of them.

#include "data/tiff_inside.h"

#include "base/bytes.h"

#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

// ---------------------------------------------------------------------------
// Numbers of a row

static uint64_t packed_at(const uint8_t *row, size_t bit, uint32_t bits)
{
    uint64_t value = 0;
    for (uint32_t taken = 0; taken < bits;) {
        const uint32_t skip = (uint32_t)((bit + taken) % 8);
        const uint32_t count = MIN(8 - skip, bits - taken);
        const uint32_t byte = row[(bit + taken) / 8];
        value = value << count | (byte >> (8 - skip - count) & ((1u << count) - 1));
        taken += count;
    }
    return value;
}

static uint64_t number_at(const uint8_t *row, size_t i, uint32_t bits)
{
    uint16_t two;
    uint32_t four;
    uint64_t eight;
    switch (bits) {
    case 8:
        return row[i];
    case 16:
        memcpy(&two, row + 2 * i, sizeof(two));
        return two;
    case 32:
        memcpy(&four, row + 4 * i, sizeof(four));
        return four;
    case 64:
        memcpy(&eight, row + 8 * i, sizeof(eight));
        return eight;
    case 24: {    // libtiff swaps these, too
        const uint16_t one = 1;
        const bool is_little = *(const uint8_t *)&one == 1;
        row += 3 * i;
        return row[is_little ? 0 : 2] | (uint32_t)row[1] << 8 |
               (uint32_t)row[is_little ? 2 : 0] << 16;
    }
    default:
        return packed_at(row, i * bits, bits);
    }
}

static bool refuse_integer(const struct tiff_stored *s, uint64_t bits, bool is_negative,
                           struct reason *reason)
{
    char text[24];
    if (is_negative && s->bits < 64)
        bits |= UINT64_MAX << s->bits;
    if (is_negative)
        snprintf(text, sizeof(text), "-%" PRIu64, UINT64_C(0) - bits);
    else
        snprintf(text, sizeof(text), "%" PRIu64, bits);
    return reason_refuse(reason,
                         "a TIFF of %s integers of %u bits with the value %s: they "
                         "must be 0 to 65535: save it as unsigned 16 bits of that "
                         "range, or as 32-bit floats, and name theirs with --range "
                         "LO:HI",
                         s->format == SAMPLEFORMAT_INT ? "signed" : "unsigned",
                         (unsigned)s->bits, text);
}

// A number that has to fit: of a signed type, or of more than 16 bits.
static bool fits(const struct tiff_stored *s, uint64_t bits, struct reason *reason)
{
    const bool is_negative =
        s->format == SAMPLEFORMAT_INT && (bits >> (s->bits - 1) & 1) != 0;
    return (!is_negative && bits <= UINT16_MAX) ||
           refuse_integer(s, bits, is_negative, reason);
}

static bool unpack_u8(const struct tiff_stored *s, const uint8_t *row, size_t first,
                      size_t step, uint32_t count, uint8_t *to, uint32_t *at,
                      struct reason *reason)
{
    const uint32_t most = s->bits < 8 ? (1u << s->bits) - 1 : UINT8_MAX;
    for (uint32_t i = 0; i < count; i++) {
        const uint64_t bits = number_at(row, first + i * step, s->bits);
        if (s->format == SAMPLEFORMAT_INT && !fits(s, bits, reason)) {
            *at = i;
            return false;
        }
        to[i] = (uint8_t)(s->bits == 8 || s->is_index
                              ? bits
                              : (bits * UINT8_MAX + most / 2) / most);
    }
    return true;
}

static bool unpack_u16(const struct tiff_stored *s, const uint8_t *row, size_t first,
                       size_t step, uint32_t count, uint16_t *to, uint32_t *at,
                       struct reason *reason)
{
    const bool must_fit = s->format == SAMPLEFORMAT_INT || s->bits > 16;
    for (uint32_t i = 0; i < count; i++) {
        const uint64_t bits = number_at(row, first + i * step, s->bits);
        if (must_fit && !fits(s, bits, reason)) {
            *at = i;
            return false;
        }
        to[i] = (uint16_t)bits;
    }
    return true;
}

static float float_of(uint64_t bits, uint32_t size)
{
    const uint32_t low = (uint32_t)bits;
    double wide;
    float value;
    switch (size) {
    case 16:
        return bytes_half_value((uint16_t)bits);
    case 64:
        memcpy(&wide, &bits, sizeof(wide));
        // A float that is too large is no number of C; what is not finite is refused.
        return fabs(wide) <= (double)FLT_MAX ? (float)wide : INFINITY;
    default:
        memcpy(&value, &low, sizeof(value));
        return value;
    }
}

// Infinity or NaN in one sample would be in every weight after a training step.
static bool unpack_f32(const struct tiff_stored *s, const uint8_t *row, size_t first,
                       size_t step, uint32_t count, float *to, uint32_t *at,
                       struct reason *reason)
{
    for (uint32_t i = 0; i < count; i++) {
        to[i] = float_of(number_at(row, first + i * step, s->bits), s->bits);
        if (!isfinite(to[i])) {
            *at = i;
            return reason_refuse(reason, "a value is not a finite number%s",
                                 s->bits == 64 ? " of 32 bits" : "");
        }
    }
    return true;
}

bool tiff_unpack(const struct tiff_stored *s, const uint8_t *row, size_t first,
                 size_t step, uint32_t count, void *to, uint32_t *at,
                 struct reason *reason)
{
    switch (s->kind) {
    case PIXEL_U8:
        return unpack_u8(s, row, first, step, count, to, at, reason);
    case PIXEL_U16:
        return unpack_u16(s, row, first, step, count, to, at, reason);
    default:
        return unpack_f32(s, row, first, step, count, to, at, reason);
    }
}

// ---------------------------------------------------------------------------
// Colours

static uint32_t get(enum pixel_kind kind, const void *samples, size_t i)
{
    return kind == PIXEL_U16 ? ((const uint16_t *)samples)[i]
                             : ((const uint8_t *)samples)[i];
}

static void put(enum pixel_kind kind, void *samples, size_t i, uint32_t value)
{
    if (kind == PIXEL_U16)
        ((uint16_t *)samples)[i] = (uint16_t)value;
    else
        ((uint8_t *)samples)[i] = (uint8_t)value;
}

void tiff_invert(enum pixel_kind kind, uint32_t most, size_t count, void *samples)
{
    for (size_t i = 0; i < count; i++)
        put(kind, samples, i, most - MIN(get(kind, samples, i), most));
}

// Where alpha is 0 nothing is known of the colour, and it stays, as in Pillow.
void tiff_divide_by_alpha(enum pixel_kind kind, uint32_t channels, size_t plane,
                          size_t count, void *samples)
{
    const uint64_t most = kind == PIXEL_U16 ? UINT16_MAX : UINT8_MAX;
    for (size_t i = 0; i < count; i++) {
        const uint64_t alpha = get(kind, samples, (channels - 1) * plane + i);
        for (uint32_t c = 0; alpha && alpha < most && c + 1 < channels; c++) {
            const uint64_t value = get(kind, samples, c * plane + i);
            put(kind, samples, c * plane + i,
                (uint32_t)MIN(value * most / alpha, most));
        }
    }
}

// Ink of two kinds lets through what is left of each; rounded to the nearest.
void tiff_cmyk_to_rgb(enum pixel_kind kind, const void *from, size_t from_plane,
                      size_t count, void *to, size_t to_plane)
{
    const uint64_t most = kind == PIXEL_U16 ? UINT16_MAX : UINT8_MAX;
    for (size_t i = 0; i < count; i++) {
        const uint64_t light = most - get(kind, from, 3 * from_plane + i);
        for (uint32_t c = 0; c < 3; c++) {
            const uint64_t left = most - get(kind, from, c * from_plane + i);
            put(kind, to, c * to_plane + i,
                (uint32_t)((left * light + most / 2) / most));
        }
    }
}

// Maps have 16 bits; some writers leave the upper half empty, as libtiff knows too.
void tiff_index_to_rgb(enum pixel_kind kind, const void *from, size_t count,
                       const uint16_t *const maps[3], uint32_t entries, uint8_t *to,
                       size_t to_plane)
{
    uint32_t shift = 0;
    for (uint32_t i = 0; i < 3 * entries && shift == 0; i++)
        shift = maps[i / entries][i % entries] > UINT8_MAX ? 8 : 0;
    for (size_t i = 0; i < count; i++) {
        const uint32_t index = MIN(get(kind, from, i), entries - 1);
        for (uint32_t c = 0; c < 3; c++)
            to[c * to_plane + i] = (uint8_t)(maps[c][index] >> shift);
    }
}
