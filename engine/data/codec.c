// SPDX-License-Identifier: MIT
//
// What stb is asked for, and what it is not trusted with: sizes are checked before it
// allocates, and each kind checks that its file is whole. See codec.h.

#include "data/codec.h"

#include <inttypes.h>

#define STBI_NO_STDIO
#include <stb/stb_image.h>

#include "base/mem.h"
#include "data/encoded.h"

static _Thread_local uint64_t rows_decoded;

uint64_t codec_rows_decoded(void)
{
    return rows_decoded;
}

void codec_count_rows(uint32_t count)
{
    rows_decoded += count;
}

bool codec_check_state(enum codec_state state, const char *name, struct reason *reason)
{
    if (state == CODEC_TRUNCATED)
        return reason_refuse(reason, "truncated %s", name);
    if (state == CODEC_DAMAGED)
        return reason_refuse(reason, "damaged %s", name);
    return true;
}

bool codec_check_size(uint64_t width, uint64_t height, bool is_u16,
                      const struct picture_reading *reading, struct reason *reason)
{
    // What decoding takes: RGB, which is what public images are, or up to four channels
    // of 16 bits.
    return codec_check_bytes(width, height, is_u16 ? 8 : 3, reading, reason);
}

bool codec_check_bytes(uint64_t width, uint64_t height, uint64_t bytes,
                       const struct picture_reading *reading, struct reason *reason)
{
    const uint64_t most = picture_most_pixels(reading);
    if (width > 0 && height > most / width)
        return reason_refuse(reason,
                             "%" PRIu64 "x%" PRIu64 " are more than %" PRIu64
                             " pixels: if it is meant, allow more with --max-pixels",
                             width, height, most);
    if (picture_size_is_valid(width, height, bytes))
        return true;
    return reason_refuse(reason,
                         "%" PRIu64 "x%" PRIu64 " is not a valid image size (1 to %u "
                         "per side)",
                         width, height, (unsigned)PICTURE_MAX_SIDE);
}

bool codec_check_length(uint64_t size, uint64_t width, uint64_t height,
                        struct reason *reason)
{
    const uint64_t most = ((uint64_t)32 << 20) + 2 * 3 * width * height;
    return size <= most ||
           reason_refuse(reason,
                         "a file of %" PRIu64 " bytes, too many for an image of "
                         "%" PRIu64 "x%" PRIu64,
                         size, width, height);
}

// With stb's own reason, which it keeps for each thread. Memory that ran out since
// `failures` is one that stb does not always name.
static bool refuse_damaged(const char *name, uint64_t failures, struct reason *reason)
{
    if (mem_failures() != failures)
        return reason_refuse_memory(reason);
    return reason_refuse(reason, "damaged or unsupported %s: %s", name,
                         stbi_failure_reason());
}

bool codec_decode(const char *name, const uint8_t *data, size_t size,
                  const struct picture_reading *reading, struct picture *picture,
                  struct reason *reason)
{
    const int bytes = (int)size;
    const uint64_t failures = mem_failures();
    int width, height, channels;

    *picture = (struct picture){ 0 };
    if (size > INT32_MAX)
        return reason_refuse(reason, "the file is larger than 2 GiB");
    if (!stbi_info_from_memory(data, bytes, &width, &height, &channels))
        return refuse_damaged(name, failures, reason);
    if (!codec_check_size((uint64_t)width, (uint64_t)height, false, reading, reason))
        return false;
    uint8_t *samples =
        stbi_load_from_memory(data, bytes, &width, &height, &channels, 0);
    if (!samples)
        return refuse_damaged(name, failures, reason);
    codec_count_rows((uint32_t)height);
    bool ok = picture_create(picture, PIXEL_U8, (uint32_t)channels, (uint32_t)width,
                             (uint32_t)height);
    if (ok)
        picture_set_interleaved(picture, samples);
    else
        reason_refuse_memory(reason);
    mem_free(samples);    // stb's are from malloc, which mem_free takes
    return ok;
}

bool codec_encode_rgb(struct encoded *to, const struct picture *picture,
                      const char *path,
                      bool (*encode)(struct encoded *to, const struct picture *picture,
                                     const uint8_t *rgb))
{
    const uint64_t failures = mem_failures();
    uint8_t *rgb = mem_array((size_t)picture->width * 3, picture->height);
    bool ok = rgb != NULL;
    if (ok) {
        picture_get_rgb(picture, rgb);
        ok = encode(to, picture, rgb);
    }
    ok = encoded_end(to,
                     ok                           ? NULL
                     : mem_failures() == failures ? "the encoder has failed"
                                                  : "out of memory",
                     path);
    mem_free(rgb);
    return ok;
}
