// SPDX-License-Identifier: MIT
//
// Conversions are those of Pillow and of shaders/shared/pixels.h, so that a file gives
// the same numbers here, in the PyTorch port and on the device. See picture.h.

#include "data/picture.h"

#include "base/log.h"
#include "base/mem.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

enum { MOST_COLOURS = 4 };    // channels of an image file: RGB and alpha

// The largest sample: white, or opaque. Floats have none.
static const uint32_t full[PIXEL_KINDS] = { UINT8_MAX, UINT16_MAX, 0 };

bool picture_size_is_valid(uint64_t width, uint64_t height, uint64_t bytes)
{
    return width > 0 && height > 0 && width <= PICTURE_MAX_SIDE &&
           height <= PICTURE_MAX_SIDE && width * height * bytes <= PTRDIFF_MAX;
}

bool picture_check_frames(uint32_t width, uint32_t height, uint64_t bytes,
                          uint64_t max_pixels, struct reason *reason)
{
    if (!picture_size_is_valid(width, height, bytes))
        return reason_refuse(reason, "frames of %" PRIu32 "x%" PRIu32 " are too large",
                             width, height);
    if ((uint64_t)width * height > max_pixels)
        return reason_refuse(reason,
                             "frames of %" PRIu32 "x%" PRIu32 " have more than %" PRIu64
                             " pixels (--max-pixels)",
                             width, height, max_pixels);
    return true;
}

bool picture_create(struct picture *picture, enum pixel_kind kind, uint32_t channels,
                    uint32_t width, uint32_t height)
{
    *picture = (struct picture){ kind, channels, width, height };
    picture->samples =
        mem_array((size_t)width * height, (size_t)channels * pixel_bytes(kind));
    if (!picture->samples)
        *picture = (struct picture){ 0 };
    return picture->samples != NULL;
}

void picture_free(struct picture *picture)
{
    mem_free(picture->samples);
    picture_tags_free(picture->tags);
    *picture = (struct picture){ 0 };
}

static size_t plane_count(const struct picture *p)
{
    return (size_t)p->width * p->height;
}

static size_t plane_bytes(const struct picture *p)
{
    return plane_count(p) * pixel_bytes(p->kind);
}

size_t picture_bytes(const struct picture *picture)
{
    return plane_bytes(picture) * picture->channels;
}

// What a picture keeps that is made of another one.
static void keep_nature(const struct picture *in, struct picture *out)
{
    out->is_array = in->is_array;
    out->range = in->range;
}

bool picture_copy(const struct picture *in, struct picture *out)
{
    if (!picture_create(out, in->kind, in->channels, in->width, in->height))
        return false;
    keep_nature(in, out);
    memcpy(out->samples, in->samples, picture_bytes(in));
    return true;
}

void picture_add_sums(const struct picture *picture, struct pix_size as, double *sums)
{
    const size_t plane = plane_count(picture);
    const double weight = (double)as.width * as.height / (double)plane;
    for (uint32_t c = 0; c < picture->channels; c++) {
        double sum = 0;
        for (size_t i = 0; i < plane; i++)
            sum += picture_sample(picture, c * plane + i);
        sums[c] += sum * weight;
    }
}

// The first sample of a channel.
static void *plane_of(const struct picture *p, uint32_t channel)
{
    return (char *)p->samples + channel * plane_bytes(p);
}

// ---------------------------------------------------------------------------
// Interleaved samples and planes. A loop for each size of sample: the compiler makes
// fast ones of them, and every image of a data folder passes here.

// `count` pixels, whose first is number `first`.
static void set_pixels(struct picture *p, size_t first, size_t count,
                       const void *interleaved)
{
    const size_t step = p->channels;
    for (uint32_t c = 0; c < p->channels; c++) {
        if (p->kind == PIXEL_U16) {
            const uint16_t *from = (const uint16_t *)interleaved + c;
            uint16_t *to = (uint16_t *)plane_of(p, c) + first;
            for (size_t i = 0; i < count; i++)
                to[i] = from[i * step];
        } else {
            const uint8_t *from = (const uint8_t *)interleaved + c;
            uint8_t *to = (uint8_t *)plane_of(p, c) + first;
            for (size_t i = 0; i < count; i++)
                to[i] = from[i * step];
        }
    }
}

void picture_set_interleaved(struct picture *p, const void *interleaved)
{
    set_pixels(p, 0, plane_count(p), interleaved);
}

void picture_set_row(struct picture *p, uint32_t y, const void *interleaved)
{
    set_pixels(p, (size_t)y * p->width, p->width, interleaved);
}

void *picture_interleave(const struct picture *p)
{
    size_t count = plane_count(p), step = p->channels;
    void *interleaved = mem_array(count, step * pixel_bytes(p->kind));
    for (uint32_t c = 0; interleaved && c < p->channels; c++) {
        if (p->kind == PIXEL_U16) {
            const uint16_t *from = plane_of(p, c);
            uint16_t *to = (uint16_t *)interleaved + c;
            for (size_t i = 0; i < count; i++)
                to[i * step] = from[i];
        } else {
            const uint8_t *from = plane_of(p, c);
            uint8_t *to = (uint8_t *)interleaved + c;
            for (size_t i = 0; i < count; i++)
                to[i * step] = from[i];
        }
    }
    return interleaved;
}

// ---------------------------------------------------------------------------
// Channels

// Sample i of a channel of a u8 or u16 picture; i may run into the following channels.
static uint32_t sample(const struct picture *p, uint32_t channel, size_t i)
{
    return p->kind == PIXEL_U16 ? ((const uint16_t *)plane_of(p, channel))[i]
                                : ((const uint8_t *)plane_of(p, channel))[i];
}

static void set_sample(struct picture *p, uint32_t channel, size_t i, uint32_t value)
{
    if (p->kind == PIXEL_U16)
        ((uint16_t *)plane_of(p, channel))[i] = (uint16_t)value;
    else
        ((uint8_t *)plane_of(p, channel))[i] = (uint8_t)value;
}

// 0.299, 0.587 and 0.114 times 2^16, as in Pillow's Convert.c.
static uint32_t luma(uint32_t r, uint32_t g, uint32_t b)
{
    return (19595 * r + 38470 * g + 7471 * b + 32768) >> 16;
}

static void set_luma(struct picture *to, const struct picture *from, size_t count)
{
    const float *f[3] = { plane_of(from, 0), plane_of(from, 1), plane_of(from, 2) };
    for (size_t i = 0; i < count; i++)
        if (to->kind == PIXEL_F32)
            ((float *)to->samples)[i] =
                0.299f * f[0][i] + 0.587f * f[1][i] + 0.114f * f[2][i];
        else
            set_sample(
                to, 0, i,
                luma(sample(from, 0, i), sample(from, 1, i), sample(from, 2, i)));
}

// With what is opaque.
static void fill_plane(struct picture *to, uint32_t channel, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (to->kind == PIXEL_F32)
            ((float *)plane_of(to, channel))[i] =
                (float)pixel_ends(PIXEL_F32, to->range).high;
        else
            set_sample(to, channel, i, full[to->kind]);
}

bool picture_set_channels(struct picture *p, uint32_t channels, struct reason *reason)
{
    struct picture to;
    if (p->channels == channels)
        return true;
    // Channels where sides were expected: of [h, w, c] taken as [c, h, w] the width is
    // the number of channels, in the opposite case the height.
    if (p->is_array && (p->width == channels || p->height == channels))
        return reason_refuse(
            reason,
            "has %u channels, the model %u: with sides of %u and %u it "
            "may be of the other --npy-order",
            (unsigned)p->channels, (unsigned)channels, (unsigned)p->height,
            (unsigned)p->width);
    if (p->is_array)
        return reason_refuse(reason, "has %u channel%s, the model %u",
                             (unsigned)p->channels, PLURAL(p->channels),
                             (unsigned)channels);
    if (channels > MOST_COLOURS)
        return reason_refuse(
            reason, "has %u channel%s; image files cannot have %u: use .npy",
            (unsigned)p->channels, PLURAL(p->channels), (unsigned)channels);
    if (!picture_create(&to, p->kind, channels, p->width, p->height))
        return reason_refuse_memory(reason);

    to.range = p->range;

    // Colours first, then alpha in the last channel.
    size_t count = plane_count(p);
    uint32_t colours = channels < 3 ? 1 : 3, colours_in = p->channels < 3 ? 1 : 3;
    bool has_alpha = p->channels > colours_in;
    for (uint32_t c = 0; c < colours; c++) {
        if (colours == colours_in)
            memcpy(plane_of(&to, c), plane_of(p, c), plane_bytes(p));
        else if (colours == 3)
            memcpy(plane_of(&to, c), plane_of(p, 0), plane_bytes(p));
        else
            set_luma(&to, p, count);
    }
    if (channels > colours) {
        if (has_alpha)
            memcpy(plane_of(&to, colours), plane_of(p, colours_in), plane_bytes(p));
        else
            fill_plane(&to, colours, count);
    }
    picture_free(p);
    *p = to;
    return true;
}

// ---------------------------------------------------------------------------
// Kinds

// Sample i as the networks see it, by the formula of shaders/shared/pixels.h; outside
// of a range it is not clamped.
static float to_float(const struct picture *p, size_t i)
{
    const double v = picture_sample(p, i);
    if (pixel_range_is_set(p->range)) {
        const double low = (double)p->range.low, high = (double)p->range.high;
        return (float)(((v - low) / (high - low) - 0.5) * 2);
    }
    return p->kind == PIXEL_F32 ? (float)v
                                : ((float)v / (float)full[p->kind] - 0.5f) * 2.0f;
}

// The opposite of to_float, rounded to the nearest and clamped.
static uint32_t from_float(float x, enum pixel_kind kind)
{
    float most = (float)full[kind], v = (x + 1.0f) * (most / 2.0f);
    return v > 0.0f ? (uint32_t)MIN(v + 0.5f, most) : 0;    // NaN is 0
}

bool picture_exceeds_range(const struct picture *p)
{
    const float *samples = p->samples;
    const size_t count = plane_count(p) * p->channels;
    for (size_t i = 0; p->kind == PIXEL_F32 && i < count; i++)
        if (!(samples[i] >= -1.0f && samples[i] <= 1.0f))
            return true;
    return false;
}

uint32_t picture_find_largest(const struct picture *p)
{
    const size_t count = p->kind == PIXEL_F32 ? 0 : plane_count(p) * p->channels;
    uint32_t largest = 0;
    for (size_t i = 0; i < count; i++)
        largest = MAX(largest, sample(p, 0, i));
    return largest;
}

void picture_set_range(struct picture *p, struct pixel_range range)
{
    p->range = pixel_range_for(p->kind, range);
}

uint64_t picture_count_outside(const struct picture *p)
{
    const size_t count =
        pixel_range_is_set(p->range) ? plane_count(p) * p->channels : 0;
    const double low = (double)p->range.low, high = (double)p->range.high;
    uint64_t outside = 0;
    for (size_t i = 0; i < count; i++) {
        const double v = picture_sample(p, i);
        outside += !(v >= low && v <= high);
    }
    return outside;
}

void picture_clamp(struct picture *p)
{
    const struct pixel_ends ends = pixel_ends(p->kind, p->range);
    const size_t count = plane_count(p) * p->channels;
    const bool holds_all = p->kind != PIXEL_F32 && !pixel_range_is_set(p->range);
    for (size_t i = 0; !holds_all && i < count; i++) {
        const double held = picture_sample(p, i);
        const double v = held < ends.low    ? ends.low
                         : held > ends.high ? ends.high
                                            : held;
        if (p->kind == PIXEL_F32)
            ((float *)p->samples)[i] = (float)v;
        else
            set_sample(p, 0, i, (uint32_t)(v + 0.5));
    }
}

// Sample i of a picture to sample i of another one, at least one of which has a range.
static void set_ranged_sample(const struct picture *p, struct picture *to, size_t i)
{
    const struct pixel_ends ends = pixel_ends(to->kind, to->range);
    double v = picture_sample(p, i);
    if (!pixel_range_equals(p->range, to->range))
        v = ends.low + ((double)to_float(p, i) + 1) / 2 * (ends.high - ends.low);
    if (to->kind == PIXEL_F32)
        ((float *)to->samples)[i] = (float)v;
    else
        set_sample(to, 0, i, v > 0 ? (uint32_t)MIN(v + 0.5, full[to->kind]) : 0);
}

static void set_whole_sample(const struct picture *p, struct picture *to, size_t i)
{
    if (to->kind == PIXEL_F32)
        ((float *)to->samples)[i] = to_float(p, i);
    else if (p->kind == PIXEL_F32)
        set_sample(to, 0, i, from_float(((const float *)p->samples)[i], to->kind));
    else if (to->kind == PIXEL_U16)
        set_sample(to, 0, i, sample(p, 0, i) * 257);    // 255 to 65535
    else
        set_sample(to, 0, i, sample(p, 0, i) >> 8);
}

bool picture_set_kind(struct picture *p, enum pixel_kind kind, struct pixel_range range)
{
    struct picture to;
    range = pixel_range_for(kind, range);
    const bool is_ranged = pixel_range_is_set(p->range) || pixel_range_is_set(range);
    if (p->kind == kind && pixel_range_equals(p->range, range))
        return true;
    if (!picture_create(&to, kind, p->channels, p->width, p->height))
        return false;
    to.is_array = p->is_array;
    to.range = range;
    size_t count = plane_count(p) * p->channels;
    for (size_t i = 0; i < count; i++)
        if (is_ranged)
            set_ranged_sample(p, &to, i);
        else
            set_whole_sample(p, &to, i);
    picture_free(p);
    *p = to;
    return true;
}

// ---------------------------------------------------------------------------
// Sizes

bool picture_resize(const struct picture *in, enum resize_filter filter, uint32_t width,
                    uint32_t height, struct picture *out)
{
    if (!picture_create(out, in->kind, in->channels, width, height))
        return false;
    keep_nature(in, out);
    if (resize_planes(filter, in->kind, in->channels, in->samples, in->width,
                      in->height, out->samples, width, height))
        return true;
    picture_free(out);
    return false;
}

bool picture_crop(const struct picture *in, uint32_t x, uint32_t y, uint32_t width,
                  uint32_t height, struct picture *out)
{
    if (!picture_create(out, in->kind, in->channels, width, height))
        return false;
    keep_nature(in, out);
    picture_copy_part(in, x, y, width, height, out->samples);
    return true;
}

void picture_copy_part(const struct picture *in, uint32_t x, uint32_t y, uint32_t width,
                       uint32_t height, void *samples)
{
    const size_t bytes = pixel_bytes(in->kind);
    char *to = samples;
    assert(x <= in->width && width <= in->width - x);
    assert(y <= in->height && height <= in->height - y);
    for (uint32_t c = 0; c < in->channels; c++) {
        const char *from =
            (char *)plane_of(in, c) + ((size_t)y * in->width + x) * bytes;
        for (uint32_t row = 0; row < height; row++, to += width * bytes)
            memcpy(to, from + (size_t)row * in->width * bytes, width * bytes);
    }
}

void picture_copy_rows(const struct picture *in, uint32_t from, uint32_t count,
                       struct picture *out, uint32_t to)
{
    const size_t row = in->width * pixel_bytes(in->kind);
    assert(in->kind == out->kind && in->channels == out->channels);
    assert(in->width == out->width);
    assert(from + count <= in->height && to + count <= out->height);
    for (uint32_t c = 0; c < in->channels; c++)
        memcpy((char *)plane_of(out, c) + to * row,
               (const char *)plane_of(in, c) + from * row, count * row);
}

// Where a picture that lies as an orientation says has the pixel (x, y) of the upright
// one: at begin + x * right + y * down.
struct path {
    int64_t begin, right, down;
};

static struct path find_path(uint32_t width, uint32_t height, uint32_t orientation)
{
    const int64_t w = width, last_x = w - 1, last_y = (height - (int64_t)1) * w;
    switch (orientation) {
    case 2:
        return (struct path){ last_x, -1, w };
    case 3:
        return (struct path){ last_y + last_x, -1, -w };
    case 4:
        return (struct path){ last_y, 1, -w };
    case 5:
        return (struct path){ 0, w, 1 };
    case 6:
        return (struct path){ last_y, -w, 1 };
    case 7:
        return (struct path){ last_y + last_x, -w, -1 };
    case 8:
        return (struct path){ last_x, w, -1 };
    default:
        return (struct path){ 0, 1, w };
    }
}

bool picture_turn_upright(struct picture *p, uint32_t orientation)
{
    const struct path path = find_path(p->width, p->height, orientation);
    const bool exchanges = orientation >= 5;
    const size_t bytes = pixel_bytes(p->kind);
    struct picture to;
    if (!picture_create(&to, p->kind, p->channels, exchanges ? p->height : p->width,
                        exchanges ? p->width : p->height))
        return false;
    keep_nature(p, &to);
    to.is_narrow = p->is_narrow;
    to.is_cut = p->is_cut;
    to.orientation = p->orientation;
    to.pages = p->pages;
    to.tags = p->tags;
    p->tags = NULL;
    picture_tags_set_turned(to.tags);
    for (uint32_t c = 0; c < p->channels; c++) {
        const char *from = plane_of(p, c);
        char *out = plane_of(&to, c);
        for (uint32_t y = 0; y < to.height; y++)
            for (uint32_t x = 0; x < to.width; x++, out += bytes)
                memcpy(out,
                       from + (path.begin + x * path.right + y * path.down) *
                                  (int64_t)bytes,
                       bytes);
    }
    picture_free(p);
    *p = to;
    return true;
}

// ---------------------------------------------------------------------------
// 8-bit RGB

// Sample i of a channel as a byte, of any kind.
static uint8_t to_byte(const struct picture *p, uint32_t channel, size_t i)
{
    if (pixel_range_is_set(p->range))
        return (uint8_t)from_float(to_float(p, channel * plane_count(p) + i), PIXEL_U8);
    switch (p->kind) {
    case PIXEL_U8:
        return ((const uint8_t *)plane_of(p, channel))[i];
    case PIXEL_U16:
        return (uint8_t)(((const uint16_t *)plane_of(p, channel))[i] >> 8);
    case PIXEL_F32:
    case PIXEL_KINDS:
        break;
    }
    return (uint8_t)from_float(((const float *)plane_of(p, channel))[i], PIXEL_U8);
}

void picture_get_rgb(const struct picture *picture, uint8_t *rgb)
{
    const size_t count = plane_count(picture);
    for (uint32_t c = 0; c < 3; c++) {
        uint32_t channel = picture->channels < 3 ? 0 : c;
        for (size_t i = 0; i < count; i++)
            rgb[i * 3 + c] = to_byte(picture, channel, i);
    }
}

// ---------------------------------------------------------------------------
// Arrays of the public API

_Static_assert((int)PIX_KIND_U8 == PIXEL_U8 && (int)PIX_KIND_U16 == PIXEL_U16 &&
                   (int)PIX_KIND_F32 == PIXEL_F32,
               "the kinds of pix2pix.h");

bool picture_from_array(const struct pix_array *array, struct picture *picture)
{
    *picture = (struct picture){ 0 };
    if (!array->data || !array->width || !array->height || !array->channels ||
        array->channels > PIXEL_MAX_CHANNELS || (uint32_t)array->kind >= PIXEL_KINDS) {
        log_error("image: an array of %ux%ux%u is not an image (1 to %u channels)",
                  (unsigned)array->channels, (unsigned)array->height,
                  (unsigned)array->width, PIXEL_MAX_CHANNELS);
        return false;
    }
    if (!picture_create(picture, (enum pixel_kind)array->kind, array->channels,
                        array->width, array->height))
        return false;
    // What no image file could hold has channels that are not colours.
    picture->is_array = array->kind == PIX_KIND_F32 || array->channels > MOST_COLOURS;
    memcpy(picture->samples, array->data, picture_bytes(picture));
    if (picture_tags_copy(array->tags, &picture->tags))
        return true;
    picture_free(picture);
    return false;
}

struct pix_array picture_to_array(struct picture *picture)
{
    const struct pix_array array = { (enum pix_kind)picture->kind,
                                     picture->channels,
                                     picture->width,
                                     picture->height,
                                     picture->samples,
                                     picture->tags };
    *picture = (struct picture){ 0 };
    return array;
}
