// SPDX-License-Identifier: MIT
//
// The .npy format (numpy.lib.format): a magic number, a version, the header's length,
// the header, the samples. The header is a Python dictionary with three entries; only
// what NumPy itself writes is understood, since nothing here evaluates Python.
//
// Types that have no kind of their own are read as the kind that holds their numbers
// without a change of meaning, or refused: a scale that nobody has named would be a
// guess. See codec.h and, for rows, npy.h.

#include "data/npy.h"

#include "base/bytes.h"
#include "base/mem.h"
#include "data/codec.h"

#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MAX_AXES = 3, MAGIC = sizeof(NPY_MAGIC) - 1 };

struct header {
    char type[8];                // byte order and type: "<f4"
    bool fortran;                // the first axis is the fastest, not the last
    uint64_t shape[MAX_AXES];    // as stored
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
    return size >= MAGIC && memcmp(data, NPY_MAGIC, MAGIC) == 0;
}

// Types with fields are lists instead of strings: not damaged, but not supported.
static bool refuse_header(struct reason *reason)
{
    return reason_refuse(reason, "damaged .npy, or not an array of numbers");
}

// Finds the dictionary, [*at, *end), from the first `size` bytes of `whole`.
static bool find_header(const uint8_t *data, size_t size, uint64_t whole, size_t *at,
                        size_t *end, struct reason *reason)
{
    size_t bytes;
    *at = *end = MAGIC + 2;
    if (size < *at)
        return reason_refuse(reason, "truncated .npy");
    if (data[MAGIC] < 1 || data[MAGIC] > 3)
        return reason_refuse(reason, ".npy of the unknown version %u.%u",
                             (unsigned)data[MAGIC], (unsigned)data[MAGIC + 1]);
    bytes = data[MAGIC] == 1 ? 2 : 4;
    if (size - *at < bytes)
        return reason_refuse(reason, "truncated .npy");
    const uint64_t length = bytes_get_little(data + *at, bytes);
    *at += bytes;
    if (whole - *at < length)
        return reason_refuse(reason, "truncated .npy");
    // Later versions are for types of thousands of fields.
    if (length > UINT16_MAX)
        return refuse_header(reason);
    *end = *at + (size_t)length;
    return true;
}

// The samples begin behind the dictionary. What is there of the file reaches so far.
static bool read_header(const uint8_t *data, size_t size, uint64_t whole,
                        struct header *h, size_t *begin, struct reason *reason)
{
    size_t at;
    if (!find_header(data, size, whole, &at, begin, reason))
        return false;
    struct text text = { (const char *)data + at, (const char *)data + *begin };
    return take_header(&text, h) || refuse_header(reason);
}

enum class { CLASS_BOOL, CLASS_UNSIGNED, CLASS_SIGNED, CLASS_FLOAT };

// What NumPy calls a type, and the kind that it is read as. Booleans are black and
// white, as an image file of one bit would be; wide integers must be those of u2.
struct type {
    const char *name;
    enum class class;
    uint32_t bytes;
    enum pixel_kind kind;
};

static const struct type types[] = {
    { "u1", CLASS_UNSIGNED, 1, PIXEL_U8 },  { "u2", CLASS_UNSIGNED, 2, PIXEL_U16 },
    { "f4", CLASS_FLOAT, 4, PIXEL_F32 },    { "b1", CLASS_BOOL, 1, PIXEL_U8 },
    { "f2", CLASS_FLOAT, 2, PIXEL_F32 },    { "f8", CLASS_FLOAT, 8, PIXEL_F32 },
    { "i2", CLASS_SIGNED, 2, PIXEL_U16 },   { "i4", CLASS_SIGNED, 4, PIXEL_U16 },
    { "i8", CLASS_SIGNED, 8, PIXEL_U16 },   { "u4", CLASS_UNSIGNED, 4, PIXEL_U16 },
    { "u8", CLASS_UNSIGNED, 8, PIXEL_U16 }, { "i1", CLASS_SIGNED, 1, PIXEL_U8 },
};

static const struct type *find_type(const char *name, bool *is_big)
{
    if (!*name || !strchr("<>|=", *name))
        return NULL;
    *is_big = *name == '>';
    for (size_t i = 0; i < ARRAY_LEN(types); i++)
        if (strcmp(name + 1, types[i].name) == 0)
            return &types[i];
    return NULL;
}

// An image of an array: its sides, and how far apart samples lie in the file.
struct layout {
    uint64_t channels, height, width;
    uint64_t step_c, step_y, step_x;    // in samples
    enum array_order order;
    uint32_t top;    // rows above those that are there, for messages
};

static struct layout layout_of(const struct header *h, enum array_order order)
{
    // Two axes are one channel, in either order.
    const uint64_t *s = h->shape;
    const uint64_t sides[MAX_AXES] = {
        h->axes == 3         ? s[0]
        : order == ARRAY_HWC ? s[0]
                             : 1,
        h->axes == 3         ? s[1]
        : order == ARRAY_HWC ? s[1]
                             : s[0],
        h->axes == 3         ? s[2]
        : order == ARRAY_HWC ? 1
                             : s[1],
    };
    // Products of sides that are too large for an image overflow, and are not used.
    const uint64_t steps[MAX_AXES] = {
        h->fortran ? 1 : sides[1] * sides[2],
        h->fortran ? sides[0] : sides[2],
        h->fortran ? sides[0] * sides[1] : 1,
    };
    const int c = order == ARRAY_HWC ? 2 : 0, y = order == ARRAY_HWC ? 0 : 1, x = y + 1;
    return (struct layout){ sides[c], sides[y], sides[x], steps[c],
                            steps[y], steps[x], order,    0 };
}

static bool is_image(const struct layout *l, enum pixel_kind kind)
{
    return l->channels > 0 && l->channels <= PIXEL_MAX_CHANNELS &&
           picture_size_is_valid(l->width, l->height, l->channels * pixel_bytes(kind));
}

static bool refuse_shape(const struct header *h, const struct type *type,
                         enum array_order order, struct reason *reason)
{
    const enum array_order other = order == ARRAY_HWC ? ARRAY_CHW : ARRAY_HWC;
    const struct layout l = layout_of(h, other);
    char shape[80];
    int length = 0;
    for (uint32_t i = 0; i < h->axes; i++)
        length += snprintf(shape + length, sizeof(shape) - (size_t)length, "%s%" PRIu64,
                           i ? "x" : "", h->shape[i]);
    if (h->axes == 3 && is_image(&l, type->kind))
        return reason_refuse(
            reason,
            "an array of %s is not an image %s; it looks like %s, which --npy-order "
            "%s reads",
            shape, array_order_axes(order), array_order_axes(other),
            array_order_name(other));
    return reason_refuse(reason,
                         "an array of %s is not an image %s (1 to %u channels, 1 to %u "
                         "per side)",
                         shape, array_order_axes(order), PIXEL_MAX_CHANNELS,
                         (unsigned)PICTURE_MAX_SIDE);
}

bool npy_find_kind(const uint8_t *data, size_t size, enum pixel_kind *kind)
{
    struct header h = { 0 };
    struct reason reason;
    size_t begin;
    bool is_big;
    if (!read_header(data, size, size, &h, &begin, &reason))
        return false;
    const struct type *type = find_type(h.type, &is_big);
    if (type)
        *kind = type->kind;
    return type != NULL;
}

// Checks the shape against the limits and the bytes that follow.
static bool check_shape(const struct header *h, const struct type *type,
                        const struct layout *l, uint64_t size, struct reason *reason)
{
    if (h->axes < 2 || h->axes > MAX_AXES)
        return reason_refuse(reason, "an array of %s, not %s or [h, w]",
                             h->axes == 0   ? "no axes"
                             : h->axes == 1 ? "one axis"
                                            : "more than three axes",
                             array_order_axes(l->order));
    if (!is_image(l, type->kind))
        return refuse_shape(h, type, l->order, reason);
    uint64_t bytes = l->channels * l->height * l->width * type->bytes;
    return size == bytes ||
           reason_refuse(reason,
                         "%s .npy: %" PRIu64 " bytes of data, its header says %" PRIu64,
                         size < bytes ? "truncated" : "damaged", size, bytes);
}

// What a file says before its samples.
struct array {
    const struct type *type;
    bool is_big, is_fortran;
    struct layout layout;
    size_t begin;    // of the samples
};

static bool read_array(const uint8_t *data, size_t size, uint64_t whole,
                       const struct picture_reading *reading, struct array *a,
                       struct reason *reason)
{
    struct header h = { 0 };
    if (!read_header(data, size, whole, &h, &a->begin, reason))
        return false;
    a->type = find_type(h.type, &a->is_big);
    if (!a->type)
        return reason_refuse(reason,
                             "an array of %s, not of u1, u2, f4, f2, f8, b1 or "
                             "integers from 0 to 65535",
                             h.type);
    a->is_fortran = h.fortran;
    a->layout = layout_of(&h, reading->order);
    return check_shape(&h, a->type, &a->layout, whole - a->begin, reason) &&
           codec_check_size(a->layout.width, a->layout.height,
                            a->type->kind == PIXEL_U16, reading, reason);
}

// A header that is longer than what is there of the file, as padding makes it, says
// nothing.
bool npy_accept(const uint8_t *data, size_t size, uint64_t whole,
                const struct picture_reading *reading, struct reason *reason)
{
    struct array a = { 0 };
    size_t at, end;
    return find_header(data, size, whole, &at, &end, reason) &&
           (end > size || read_array(data, size, whole, reading, &a, reason));
}

static bool refuse_integer(const struct type *type, const char *text,
                           struct reason *reason)
{
    return reason_refuse(reason,
                         "an array of %s with the value %s: integers must be 0 to "
                         "65535: save it as u2 of that range, or as f4 and name its "
                         "range with --range LO:HI",
                         type->name, text);
}

// A sample of a kind from the bits of a type. False if the kind cannot hold it.
static bool put_integer(const struct type *type, uint64_t bits, uint16_t *to,
                        struct reason *reason)
{
    char text[24];
    const bool is_negative =
        type->class == CLASS_SIGNED && bits >> (8 * type->bytes - 1) != 0;
    if (!is_negative && bits <= UINT16_MAX) {
        *to = (uint16_t)bits;
        return true;
    }
    if (is_negative && type->bytes < 8)
        bits |= UINT64_MAX << 8 * type->bytes;
    if (is_negative)
        snprintf(text, sizeof(text), "-%" PRIu64, UINT64_C(0) - bits);
    else
        snprintf(text, sizeof(text), "%" PRIu64, bits);
    return refuse_integer(type, text, reason);
}

static float float_of(const struct type *type, uint64_t bits)
{
    const uint32_t low = (uint32_t)bits;
    double wide;
    float value;
    switch (type->bytes) {
    case 2:
        return bytes_half_value((uint16_t)bits);
    case 8:
        memcpy(&wide, &bits, sizeof(wide));
        // A float that is too large is no number of C; what is not finite is refused.
        return fabs(wide) <= (double)FLT_MAX ? (float)wide : INFINITY;
    default:
        memcpy(&value, &low, sizeof(value));
        return value;
    }
}

static bool refuse_value(const struct type *type, const struct layout *l, uint32_t c,
                         uint32_t y, uint32_t x, struct reason *reason)
{
    const uint32_t at[MAX_AXES] = { l->order == ARRAY_HWC ? y : c,
                                    l->order == ARRAY_HWC ? x : y,
                                    l->order == ARRAY_HWC ? c : x };
    return reason_refuse(reason, "the value at [%u, %u, %u] is not %s", (unsigned)at[0],
                         (unsigned)at[1], (unsigned)at[2],
                         type->class == CLASS_BOOL ? "True or False"
                         : type->bytes == 8        ? "a finite number of 32 bits"
                                                   : "a finite number");
}

// Infinity or NaN in one sample would be in every weight after a training step.
static bool read_samples(const uint8_t *data, const struct type *type, bool is_big,
                         const struct layout *l, struct picture *out,
                         struct reason *reason)
{
    const size_t bytes = type->bytes;
    uint16_t integer = 0;
    size_t i = 0;
    for (uint32_t c = 0; c < out->channels; c++)
        for (uint32_t y = 0; y < out->height; y++)
            for (uint32_t x = 0; x < out->width; x++, i++) {
                const uint8_t *from =
                    data + (c * l->step_c + y * l->step_y + x * l->step_x) * bytes;
                uint64_t bits = 0;
                for (size_t k = 0; k < bytes; k++)
                    bits |= (uint64_t)from[k] << 8 * (is_big ? bytes - 1 - k : k);
                if (out->kind == PIXEL_U16) {
                    if (!put_integer(type, bits, (uint16_t *)out->samples + i, reason))
                        return false;
                } else if (out->kind == PIXEL_U8) {
                    const bool is_bool = type->class == CLASS_BOOL;
                    if (type->class == CLASS_SIGNED &&
                        !put_integer(type, bits, &integer, reason))
                        return false;
                    if (is_bool && bits > 1)
                        return refuse_value(type, l, c, l->top + y, x, reason);
                    ((uint8_t *)out->samples)[i] =
                        (uint8_t)(is_bool ? bits * UINT8_MAX : bits);
                } else {
                    const float value = float_of(type, bits);
                    if (!isfinite(value))
                        return refuse_value(type, l, c, l->top + y, x, reason);
                    ((float *)out->samples)[i] = value;
                }
            }
    return true;
}

// u2 is taken at its word.
static bool may_be_narrow(const struct type *type)
{
    return type->kind == PIXEL_U16 &&
           !(type->class == CLASS_UNSIGNED && type->bytes == 2);
}

// Whether integers that are read as u16 are likely to be of 8 bits. Zeros are black in
// both.
static bool is_narrow(const struct type *type, const struct picture *p)
{
    const uint16_t *samples = p->samples;
    uint16_t most = 0;
    if (!may_be_narrow(type))
        return false;
    for (size_t i = 0; i < picture_bytes(p) / sizeof(*samples); i++)
        most = MAX(most, samples[i]);
    return most > 0 && most <= UINT8_MAX;
}

bool npy_decode(const uint8_t *data, size_t size, const struct picture_reading *reading,
                struct picture *picture, struct reason *reason)
{
    struct array a = { 0 };
    *picture = (struct picture){ 0 };
    if (!read_array(data, size, size, reading, &a, reason))
        return false;
    const struct layout *l = &a.layout;
    if (!picture_create(picture, a.type->kind, (uint32_t)l->channels,
                        (uint32_t)l->width, (uint32_t)l->height))
        return reason_refuse_memory(reason);
    picture->is_array = true;
    if (read_samples(data + a.begin, a.type, a.is_big, l, picture, reason)) {
        picture->is_narrow = is_narrow(a.type, picture);
        return true;
    }
    picture_free(picture);
    return false;
}

// ---------------------------------------------------------------------------
// By rows

// The version, the length and the longest dictionary.
enum { MAX_HEADER = MAGIC + 2 + 4 + UINT16_MAX };

struct npy_reader {
    struct source *source;
    struct array array;
};

static bool open_array(struct npy_reader *r, struct source *source,
                       const struct picture_reading *reading, struct reason *reason)
{
    size_t size;
    uint8_t *head = mem_alloc(MAX_HEADER);
    if (!head)
        return reason_refuse_memory(reason);
    r->source = source;
    const bool ok = source_read(source, 0, head, MAX_HEADER, &size, reason) &&
                    read_array(head, size, source->size, reading, &r->array, reason);
    mem_free(head);
    return ok;
}

struct npy_reader *npy_reader_open(struct source *source,
                                   const struct picture_reading *reading,
                                   struct npy_form *form, struct reason *reason)
{
    struct npy_reader *r = mem_zalloc(sizeof(*r));
    if (!r) {
        reason_refuse_memory(reason);
        return NULL;
    }
    if (!open_array(r, source, reading, reason)) {
        npy_reader_close(r);
        return NULL;
    }
    const struct array *a = &r->array;
    *form = (struct npy_form){ a->type->kind, (uint32_t)a->layout.channels,
                               (uint32_t)a->layout.width, (uint32_t)a->layout.height,
                               a->is_fortran || may_be_narrow(a->type) };
    return r;
}

void npy_reader_close(struct npy_reader *r)
{
    mem_free(r);
}

static bool read_part(struct npy_reader *r, uint64_t first, size_t bytes, uint8_t *to,
                      struct reason *reason)
{
    const uint64_t at = r->array.begin + first * r->array.type->bytes;
    size_t got;
    return source_read(r->source, at, to, bytes, &got, reason) &&
           (got == bytes || reason_refuse(reason, "truncated .npy"));
}

// Rows of pixels lie together, those of planes for each plane.
bool npy_reader_read(struct npy_reader *r, uint32_t y, struct picture *rows,
                     struct reason *reason)
{
    const struct array *a = &r->array;
    const bool has_planes = a->layout.order == ARRAY_CHW;
    const size_t samples = rows->height * (size_t)a->layout.step_y;
    const size_t bytes = samples * a->type->bytes;
    const uint32_t parts = has_planes ? rows->channels : 1;
    struct layout l = a->layout;
    uint8_t *data = mem_array(parts, bytes);
    bool ok = data || reason_refuse_memory(reason);
    for (uint32_t i = 0; ok && i < parts; i++)
        ok = read_part(r, i * l.step_c + y * l.step_y, bytes, data + i * bytes, reason);
    if (has_planes)
        l.step_c = samples;
    l.top = y;
    ok = ok && read_samples(data, a->type, a->is_big, &l, rows, reason);
    mem_free(data);
    return ok;
}
