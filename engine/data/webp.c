// SPDX-License-Identifier: MIT
//
// WebP files, by libwebp. The container is RIFF (RFC 9649, section 2): chunks of a
// name, a length and data, which is padded to an even length. See codec.h.

#include "data/codec.h"

#include "base/bytes.h"
#include "base/mem.h"
#include "data/encoded.h"
#include "data/profile.h"

#include <errno.h>
#include <string.h>

#include <webp/decode.h>
#include <webp/encode.h>

enum {
    HEADER = 12,
    CHUNK = 8,
    LEVEL = 4,    // of 0 to 9: higher ones take long for a few percent
};

// ---------------------------------------------------------------------------
// Reading

// Some of its functions call a file damaged where memory was missing; malloc leaves its
// trace in errno, which was 0.
static bool refuse(VP8StatusCode status, struct reason *reason)
{
    if (status == VP8_STATUS_OUT_OF_MEMORY || errno == ENOMEM) {
        mem_note_failure();
        return reason_refuse_memory(reason);
    }
    return codec_check_state(status == VP8_STATUS_NOT_ENOUGH_DATA ||
                                     status == VP8_STATUS_SUSPENDED
                                 ? CODEC_TRUNCATED
                                 : CODEC_DAMAGED,
                             "WebP", reason);
}

// Behind the header: a picture, or, in the extended form (2.7), what the file has and
// how large the canvas is.
static bool find_features(const uint8_t *data, size_t size, uint64_t whole,
                          WebPBitstreamFeatures *f, struct reason *reason)
{
    if (size < HEADER + CHUNK || whole < bytes_get_little(data + 4, 4) + CHUNK)
        return codec_check_state(CODEC_TRUNCATED, "WebP", reason);
    errno = 0;
    const VP8StatusCode status = WebPGetFeatures(data, size, f);
    if (status == VP8_STATUS_NOT_ENOUGH_DATA && size < whole && size >= 30 &&
        memcmp(data + HEADER, "VP8X", 4) == 0) {
        f->width = (int)bytes_get_little(data + 24, 3) + 1;
        f->height = (int)bytes_get_little(data + 27, 3) + 1;
        f->has_animation = 0;    // the library sees that at once
        return true;
    }
    return status == VP8_STATUS_OK || refuse(status, reason);
}

bool webp_accept(const uint8_t *data, size_t size, uint64_t whole,
                 const struct picture_reading *reading, struct reason *reason)
{
    WebPBitstreamFeatures features;
    if (!find_features(data, size, whole, &features, reason))
        return false;
    if (features.has_animation)
        return reason_refuse(reason, "an animated WebP, of which no single image is "
                                     "read: save the one that is meant as PNG");
    const uint64_t width = (uint64_t)features.width, height = (uint64_t)features.height;
    return codec_check_size(width, height, false, reading, reason) &&
           codec_check_length(whole, width, height, reason);
}

// The data of the first chunk of this name; NULL: there is none.
static const uint8_t *find_chunk(const uint8_t *data, size_t size, const char *name,
                                 size_t *bytes)
{
    size_t at = HEADER;
    size = (size_t)MIN((uint64_t)size, bytes_get_little(data + 4, 4) + CHUNK);
    while (size - at >= CHUNK) {
        size_t length = (size_t)bytes_get_little(data + at + 4, 4);
        if (size - at - CHUNK < length)
            break;
        *bytes = length;
        if (memcmp(data + at, name, 4) == 0)
            return data + at + CHUNK;
        length += length & 1;
        at += CHUNK + MIN(length, size - at - CHUNK);
    }
    return NULL;
}

// EXIF data is a chunk of its own, in which some programs repeat the mark that it has
// in a JPEG.
static uint32_t find_orientation(const uint8_t *data, size_t size)
{
    static const char mark[] = "Exif\0";    // and the 0 that ends the literal
    size_t length;
    const uint8_t *exif = find_chunk(data, size, "EXIF", &length);
    if (!exif)
        return 0;
    const bool has_mark =
        length >= sizeof(mark) && memcmp(exif, mark, sizeof(mark)) == 0;
    const size_t skipped = has_mark ? sizeof(mark) : 0;
    return exif_orientation(exif + skipped, length - skipped);
}

// So is a profile (2.7.1.4).
static bool take_tags(const uint8_t *data, size_t size, struct picture *p,
                      struct reason *reason)
{
    size_t length;
    const uint8_t *from = find_chunk(data, size, "ICCP", &length);
    uint8_t *profile = NULL;
    if (!from)
        return true;
    if (length > 0 && length <= PROFILE_MOST_BYTES) {
        profile = mem_alloc(length);
        if (!profile)
            return reason_refuse_memory(reason);
        memcpy(profile, from, length);
    }
    return picture_tags_create(p->width, p->height, 3, profile, length, &p->tags) ||
           reason_refuse_memory(reason);
}

static bool decode(const uint8_t *data, size_t size, const WebPDecoderConfig *like,
                   uint8_t *samples, uint32_t channels, struct reason *reason)
{
    WebPDecoderConfig config = *like;
    const size_t row = (size_t)config.input.width * channels;
    config.output.colorspace = channels == 4 ? MODE_RGBA : MODE_RGB;
    config.output.is_external_memory = 1;
    config.output.u.RGBA.rgba = samples;
    config.output.u.RGBA.stride = (int)row;
    config.output.u.RGBA.size = row * (size_t)config.input.height;
    errno = 0;
    const VP8StatusCode status = WebPDecode(data, size, &config);
    WebPFreeDecBuffer(&config.output);
    return status == VP8_STATUS_OK || refuse(status, reason);
}

// Where memory runs out libwebp 1.2.4 may free what it never had. So what it takes at
// most, pixels of 4 bytes and tables, is asked for before.
static bool has_memory(uint32_t width, uint32_t height, struct reason *reason)
{
    enum { TABLES = 4 << 20 };
    void *probe = mem_alloc((size_t)width * height * 4 + TABLES);
    mem_free(probe);
    return probe || reason_refuse_memory(reason);
}

bool webp_decode(const uint8_t *data, size_t size,
                 const struct picture_reading *reading, struct picture *picture,
                 struct reason *reason)
{
    WebPDecoderConfig config;
    *picture = (struct picture){ 0 };
    if (!webp_accept(data, size, size, reading, reason))
        return false;
    if (!WebPInitDecoderConfig(&config) ||
        WebPGetFeatures(data, size, &config.input) != VP8_STATUS_OK)
        return codec_check_state(CODEC_DAMAGED, "WebP", reason);
    const uint32_t width = (uint32_t)config.input.width;
    const uint32_t height = (uint32_t)config.input.height;
    const uint32_t channels = config.input.has_alpha ? 4 : 3;
    uint8_t *samples = mem_array((size_t)width * channels, height);
    if (!samples)
        return reason_refuse_memory(reason);
    bool ok = has_memory(width, height, reason) &&
              decode(data, size, &config, samples, channels, reason);
    if (ok) {
        codec_count_rows(height);
        ok = picture_create(picture, PIXEL_U8, channels, width, height) ||
             reason_refuse_memory(reason);
    }
    if (ok) {
        picture_set_interleaved(picture, samples);
        picture->orientation = find_orientation(data, size);
        ok = !reading->with_tags || take_tags(data, size, picture, reason);
        if (!ok)
            picture_free(picture);
    }
    mem_free(samples);
    return ok;
}

// ---------------------------------------------------------------------------
// Writing: without loss, with the colours of clear pixels.

static int on_write(const uint8_t *data, size_t size, const WebPPicture *picture)
{
    struct encoded *to = picture->custom_ptr;
    encoded_write(to, (void *)data, (int)size);
    return !to->failed;
}

static bool set_pixels(WebPPicture *to, const uint8_t *samples, uint32_t channels)
{
    const int row = to->width * (int)channels;
    return channels == 4 ? WebPPictureImportRGBA(to, samples, row)
                         : WebPPictureImportRGB(to, samples, row);
}

// RGB, or with alpha; `p` has three or four channels.
static bool encode(struct encoded *file, const struct picture *p)
{
    WebPConfig config;
    WebPPicture to;
    uint8_t *samples = picture_interleave(p);
    if (!samples || !WebPConfigInit(&config) || !WebPPictureInit(&to) ||
        !WebPConfigLosslessPreset(&config, LEVEL)) {
        mem_free(samples);
        return false;
    }
    config.exact = 1;
    to.use_argb = 1;
    to.width = (int)p->width;
    to.height = (int)p->height;
    to.writer = on_write;
    to.custom_ptr = file;
    const bool ok = set_pixels(&to, samples, p->channels) && WebPEncode(&config, &to);
    if (to.error_code == VP8_ENC_ERROR_OUT_OF_MEMORY ||
        to.error_code == VP8_ENC_ERROR_BITSTREAM_OUT_OF_MEMORY)
        mem_note_failure();
    WebPPictureFree(&to);
    mem_free(samples);
    return ok;
}

// With a profile a file has the extended form (2.7): what it has and its size, the
// profile, and then what the encoder has made.
static bool write_extended(struct encoded *to, const struct encoded *from,
                           const void *profile, size_t size)
{
    enum { FLAGS = 10, HAS_PROFILE = 0x20, HAS_ALPHA = 0x10 };
    static uint8_t padding[1];
    uint8_t head[HEADER + CHUNK + FLAGS + CHUNK] = { 0 };
    WebPBitstreamFeatures f;
    if (WebPGetFeatures(from->bytes, from->size, &f) != VP8_STATUS_OK)
        return false;
    const uint64_t whole =
        (uint64_t)sizeof(head) - CHUNK + size + (size & 1) + from->size - HEADER;
    if (whole > UINT32_MAX - 1)
        return false;
    memcpy(head, "RIFF", 4);
    bytes_put_little(head + 4, 4, whole);
    memcpy(head + 8, "WEBPVP8X", 8);
    bytes_put_little(head + 16, 4, FLAGS);
    head[20] = HAS_PROFILE | (f.has_alpha ? HAS_ALPHA : 0);
    bytes_put_little(head + 24, 3, (uint64_t)f.width - 1);
    bytes_put_little(head + 27, 3, (uint64_t)f.height - 1);
    memcpy(head + 30, "ICCP", 4);
    bytes_put_little(head + 34, 4, size);
    encoded_write(to, head, sizeof(head));
    encoded_write(to, (void *)profile, (int)size);
    encoded_write(to, padding, (int)(size & 1));
    encoded_write(to, from->bytes + HEADER, (int)(from->size - HEADER));
    return true;
}

static bool encode_with_profile(struct encoded *to, const struct picture *colours,
                                const struct picture_tags *tags)
{
    struct encoded plain;
    size_t size;
    const void *profile = picture_tags_profile(tags, 3, &size);
    if (!profile)
        return encode(to, colours);
    encoded_begin_memory(&plain);
    const bool ok = encode(&plain, colours) && !plain.failed &&
                    plain.size <= INT32_MAX &&
                    write_extended(to, &plain, profile, size);
    encoded_drop(&plain);
    return ok;
}

bool webp_encode(struct encoded *to, const struct picture *picture, const char *path)
{
    struct picture colours;
    struct reason reason;
    const uint64_t failures = mem_failures();
    bool ok = picture_copy(picture, &colours);
    if (ok) {
        colours.is_array = false;
        ok = picture_set_channels(&colours, picture->channels % 2 ? 3 : 4, &reason) &&
             encode_with_profile(to, &colours, picture->tags);
        picture_free(&colours);
    }
    return encoded_end(to,
                       ok                           ? NULL
                       : mem_failures() != failures ? "out of memory"
                                                    : "the encoder has failed",
                       path);
}
