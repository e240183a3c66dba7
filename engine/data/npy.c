// SPDX-License-Identifier: MIT
//
// The .npy format (numpy.lib.format): a magic number, a version, the header's length,
// the header, the samples. The header is a Python dictionary with three entries; only
// what NumPy itself writes is understood, since nothing here evaluates Python. See
// codec.h.

#include "data/codec.h"

#include "base/bytes.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MAX_AXES = 3, HEADER_ALIGNMENT = 64 };

static const char magic[] = "\x93NUMPY";

enum { MAGIC = sizeof(magic) - 1 };

struct header {
    char type[8];                // byte order and type: "<f4"
    bool fortran;                // the first axis is the fastest, not the last
    uint64_t shape[MAX_AXES];    // [c, h, w] or [h, w]
    uint32_t axes;               // MAX_AXES + 1: more
    bool has_type, has_order, has_shape;
};

// ---------------------------------------------------------------------------
// The dictionary

struct text {
    const char *at, *end;
};

static void skip_spaces(struct text *t)
{
    while (t->at < t->end && (*t->at == ' ' || *t->at == '\n' || *t->at == '\t'))
        t->at++;
}

// Whether `word` comes next; skips it then.
static bool take(struct text *t, const char *word)
{
    size_t length = strlen(word);
    skip_spaces(t);
    if ((size_t)(t->end - t->at) < length || memcmp(t->at, word, length) != 0)
        return false;
    t->at += length;
    return true;
}

// A quoted string of printable characters. Nothing that is expected has an escape.
static bool take_string(struct text *t, char *to, size_t size)
{
    size_t length = 0;
    skip_spaces(t);
    if (t->at == t->end || (*t->at != '\'' && *t->at != '"'))
        return false;
    char quote = *t->at++;
    while (t->at < t->end && *t->at != quote) {
        if (length + 1 == size || *t->at < ' ' || *t->at > '~')
            return false;
        to[length++] = *t->at++;
    }
    to[length] = '\0';
    return take(t, quote == '"' ? "\"" : "'");
}

// Numbers stop at 2^50, which is too large for every use: no overflow.
static bool take_number(struct text *t, uint64_t *value)
{
    skip_spaces(t);
    if (t->at == t->end || *t->at < '0' || *t->at > '9')
        return false;
    for (*value = 0; t->at < t->end && *t->at >= '0' && *t->at <= '9'; t->at++)
        *value = MIN(*value * 10 + (uint64_t)(*t->at - '0'), UINT64_C(1) << 50);
    take(t, "L");    // long integers of Python 2
    return true;
}

static bool take_shape(struct text *t, struct header *h)
{
    h->axes = 0;
    if (!take(t, "("))
        return false;
    while (!take(t, ")")) {
        uint64_t size;
        if (!take_number(t, &size))
            return false;
        if (h->axes < MAX_AXES)
            h->shape[h->axes] = size;
        h->axes = MIN(h->axes + 1, (uint32_t)MAX_AXES + 1);
        if (!take(t, ",")) {
            if (!take(t, ")"))
                return false;
            break;
        }
    }
    return true;
}

static bool take_header(struct text *t, struct header *h)
{
    char key[16];
    if (!take(t, "{"))
        return false;
    while (!take(t, "}")) {
        if (!take_string(t, key, sizeof(key)) || !take(t, ":"))
            return false;
        if (strcmp(key, "descr") == 0 && !h->has_type)
            h->has_type = take_string(t, h->type, sizeof(h->type));
        else if (strcmp(key, "shape") == 0 && !h->has_shape)
            h->has_shape = take_shape(t, h);
        else if (strcmp(key, "fortran_order") == 0 && !h->has_order)
            h->has_order = (h->fortran = take(t, "True")) || take(t, "False");
        else
            return false;
        if (!take(t, ",")) {
            if (!take(t, "}"))
                return false;
            break;
        }
    }
    skip_spaces(t);
    return t->at == t->end && h->has_type && h->has_shape && h->has_order;
}

// ---------------------------------------------------------------------------
// Reading

bool npy_is(const uint8_t *data, size_t size)
{
    return size >= MAGIC && memcmp(data, magic, MAGIC) == 0;
}

// Reads the header and finds where the samples begin.
static bool read_header(const uint8_t *data, size_t size, struct header *h,
                        size_t *begin, struct reason *reason)
{
    size_t at = MAGIC + 2, bytes;
    if (size < at)
        return reason_refuse(reason, "truncated .npy");
    if (data[MAGIC] < 1 || data[MAGIC] > 3)
        return reason_refuse(reason, ".npy of the unknown version %u.%u",
                             (unsigned)data[MAGIC], (unsigned)data[MAGIC + 1]);
    bytes = data[MAGIC] == 1 ? 2 : 4;
    if (size - at < bytes)
        return reason_refuse(reason, "truncated .npy");
    const size_t length = (size_t)bytes_get_little(data + at, bytes);
    at += bytes;
    if (size - at < length)
        return reason_refuse(reason, "truncated .npy");
    struct text text = { (const char *)data + at, (const char *)data + at + length };
    if (!take_header(&text, h)) {
        // Types with fields are lists instead of strings: not damaged, but not
        // supported.
        return reason_refuse(reason, "damaged .npy, or not an array of u1, u2 or f4");
    }
    *begin = at + length;
    return true;
}

static bool find_kind(const char *type, enum pixel_kind *kind, bool *is_big)
{
    static const char *const names[PIXEL_KINDS] = { "u1", "u2", "f4" };
    if (!*type || !strchr("<>|=", *type))
        return false;
    *is_big = *type == '>';
    for (int i = 0; i < PIXEL_KINDS; i++)
        if (strcmp(type + 1, names[i]) == 0) {
            *kind = (enum pixel_kind)i;
            return true;
        }
    return false;
}

bool npy_find_kind(const uint8_t *data, size_t size, enum pixel_kind *kind)
{
    struct header h = { 0 };
    struct reason reason;
    size_t begin;
    bool is_big;
    return read_header(data, size, &h, &begin, &reason) &&
           find_kind(h.type, kind, &is_big);
}

// Checks the shape against the limits and the bytes that follow, then allocates.
static bool read_shape(const struct header *h, enum pixel_kind kind, uint64_t size,
                       struct picture *out, struct reason *reason)
{
    if (h->axes < 2 || h->axes > MAX_AXES)
        return reason_refuse(reason, "an array of %s, not [c, h, w] or [h, w]",
                             h->axes == 0   ? "no axes"
                             : h->axes == 1 ? "one axis"
                                            : "more than three axes");
    uint64_t channels = h->axes == 3 ? h->shape[0] : 1;
    uint64_t high = h->shape[h->axes - 2], wide = h->shape[h->axes - 1];
    if (channels == 0 || channels > PIXEL_MAX_CHANNELS ||
        !picture_size_is_valid(wide, high, channels * pixel_bytes(kind)))
        return reason_refuse(
            reason,
            "an array of %" PRIu64 "x%" PRIu64 "x%" PRIu64
            " is not an image [c, h, w] (1 to %u channels, 1 to %u per side, "
            "512 MiB in all)",
            channels, high, wide, PIXEL_MAX_CHANNELS, PICTURE_MAX_SIDE);
    uint64_t bytes = channels * high * wide * pixel_bytes(kind);
    if (size != bytes)
        return reason_refuse(
            reason, "%s .npy: %" PRIu64 " bytes of data, its header says %" PRIu64,
            size < bytes ? "truncated" : "damaged", size, bytes);
    return picture_create(out, kind, (uint32_t)channels, (uint32_t)wide,
                          (uint32_t)high) ||
           reason_refuse_memory(reason);
}

// Where sample (c, y, x) is in the file, counted in samples.
static size_t place(const struct picture *p, bool fortran, size_t c, size_t y, size_t x)
{
    return fortran ? (x * p->height + y) * p->channels + c
                   : (c * p->height + y) * p->width + x;
}

static void read_samples(const uint8_t *data, bool is_big, bool fortran,
                         struct picture *out)
{
    size_t bytes = pixel_bytes(out->kind), i = 0;
    for (uint32_t c = 0; c < out->channels; c++)
        for (uint32_t y = 0; y < out->height; y++)
            for (uint32_t x = 0; x < out->width; x++, i++) {
                const uint8_t *from = data + place(out, fortran, c, y, x) * bytes;
                uint32_t bits = 0;
                for (size_t k = 0; k < bytes; k++)
                    bits |= (uint32_t)from[k] << 8 * (is_big ? bytes - 1 - k : k);
                switch (out->kind) {
                case PIXEL_U8:
                    ((uint8_t *)out->samples)[i] = (uint8_t)bits;
                    break;
                case PIXEL_U16:
                    ((uint16_t *)out->samples)[i] = (uint16_t)bits;
                    break;
                case PIXEL_F32:
                case PIXEL_KINDS:
                    memcpy((float *)out->samples + i, &bits, sizeof(bits));
                    break;
                }
            }
}

// Infinity or NaN in one sample would be in every weight after a training step.
static bool check_finite(const struct picture *p, struct reason *reason)
{
    const float *samples = p->samples;
    size_t plane = (size_t)p->width * p->height;
    for (size_t i = 0; p->kind == PIXEL_F32 && i < plane * p->channels; i++)
        if (!isfinite(samples[i]))
            return reason_refuse(reason,
                                 "the value at [%zu, %zu, %zu] is not a finite number",
                                 i / plane, i % plane / p->width, i % p->width);
    return true;
}

bool npy_decode(const uint8_t *data, size_t size, struct picture *picture,
                struct reason *reason)
{
    struct header h = { 0 };
    enum pixel_kind kind;
    size_t begin = 0;
    bool is_big = false;
    *picture = (struct picture){ 0 };
    if (!read_header(data, size, &h, &begin, reason))
        return false;
    if (!find_kind(h.type, &kind, &is_big))
        return reason_refuse(reason, "an array of %s, not of u1, u2 or f4", h.type);
    if (!read_shape(&h, kind, size - begin, picture, reason))
        return false;
    picture->is_array = true;
    read_samples(data + begin, is_big, h.fortran, picture);
    if (check_finite(picture, reason))
        return true;
    picture_free(picture);
    return false;
}

// ---------------------------------------------------------------------------
// Writing

bool npy_write(const char *path, const struct picture *p)
{
    static const char *const types[PIXEL_KINDS] = { "|u1", "<u2", "<f4" };
    char header[2 * HEADER_ALIGNMENT];
    struct file_writer writer;

    // Padded with spaces and a newline, so that the samples begin at a multiple of 64.
    size_t begin = MAGIC + 4;
    memset(header, ' ', sizeof(header));
    int length = snprintf(header + begin, sizeof(header) - begin,
                          "{'descr': '%s', 'fortran_order': False, 'shape': "
                          "(%" PRIu32 ", %" PRIu32 ", %" PRIu32 "), }",
                          types[p->kind], p->channels, p->height, p->width);
    assert(length > 0 && begin + (size_t)length < sizeof(header));
    header[begin + (size_t)length] = ' ';
    size_t size = ALIGN_UP(begin + (size_t)length + 1, (size_t)HEADER_ALIGNMENT);
    header[size - 1] = '\n';
    memcpy(header, magic, MAGIC);
    header[MAGIC] = 1;
    header[MAGIC + 1] = 0;
    header[MAGIC + 2] = (char)(size - begin);
    header[MAGIC + 3] = 0;

    size_t count = (size_t)p->channels * p->height * p->width;
    size_t bytes = pixel_bytes(p->kind);
    uint8_t *data = mem_array(count, bytes);
    if (!data)
        return false;
    for (size_t i = 0; i < count; i++) {
        uint32_t bits = 0;
        if (p->kind == PIXEL_F32)
            memcpy(&bits, (const float *)p->samples + i, sizeof(bits));
        else
            bits = p->kind == PIXEL_U16 ? ((const uint16_t *)p->samples)[i]
                                        : ((const uint8_t *)p->samples)[i];
        for (size_t k = 0; k < bytes; k++)
            data[i * bytes + k] = (uint8_t)(bits >> 8 * k);
    }
    bool ok = file_writer_begin(&writer, path, false);
    if (ok) {
        ok = file_writer_write(&writer, header, size) &&
             file_writer_write(&writer, data, count * bytes);
        if (ok)
            ok = file_writer_commit(&writer);
        else
            file_writer_abort(&writer);
    }
    mem_free(data);
    return ok;
}
