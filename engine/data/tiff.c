// SPDX-License-Identifier: MIT
//
// Pictures in TIFF files. See codec.h and tiff.h.

#include "data/tiff.h"

#include "base/mem.h"
#include "data/codec.h"
#include "data/encoded.h"

// Integers of other sizes that are all at most 255, as in .npy arrays.
static bool is_narrow(const struct picture *p)
{
    const uint16_t *samples = p->samples;
    uint16_t most = 0;
    for (size_t i = 0; i < picture_bytes(p) / sizeof(*samples); i++)
        most = MAX(most, samples[i]);
    return most > 0 && most <= UINT8_MAX;
}

static bool read_samples(struct tiff_reader *reader, struct picture *p,
                         struct reason *reason)
{
    const struct tiff_info *info = tiff_reader_info(reader);
    const size_t plane = (size_t)info->width * info->height;
    if (!picture_create(p, info->kind, info->channels, info->width, info->height))
        return reason_refuse_memory(reason);
    p->is_array = info->is_array;
    p->orientation = info->orientation;
    p->pages = info->pages;
    p->has_no_data = info->has_no_data && !info->no_data_is_other;
    p->no_data = info->no_data;
    if (!tiff_reader_read(reader, 0, info->height, p->samples, plane, reason))
        return false;
    p->is_narrow = info->may_be_narrow && is_narrow(p);
    return true;
}

bool tiff_decode(struct source *source, const struct picture_reading *reading,
                 struct picture *picture, struct reason *reason)
{
    *picture = (struct picture){ 0 };
    struct tiff_reader *reader = tiff_reader_open(source, reading->page, reason);
    if (!reader)
        return false;
    const struct tiff_info *info = tiff_reader_info(reader);
    bool ok = codec_check_bytes(info->width, info->height,
                                (uint64_t)info->channels * pixel_bytes(info->kind),
                                reading, reason) &&
              read_samples(reader, picture, reason);
    if (ok && reading->with_tags) {
        picture->tags = tiff_reader_tags(reader, reason);
        ok = picture->tags != NULL;
    }
    if (!ok)
        picture_free(picture);
    tiff_reader_close(reader);
    return ok;
}

bool tiff_find_kind(struct source *source, const struct picture_reading *reading,
                    enum pixel_kind *kind, struct reason *reason)
{
    struct tiff_reader *reader = tiff_reader_open(source, reading->page, reason);
    if (reader)
        *kind = tiff_reader_info(reader)->kind;
    tiff_reader_close(reader);
    return reader != NULL;
}

bool tiff_encode(struct encoded *to, const struct picture *p, const char *path)
{
    const struct tiff_form form = { p->kind,     p->channels, p->width,  p->height,
                                    p->is_array, p->tags,     p->palette };
    struct tiff_writer *writer = tiff_writer_open(to, &form, path);
    if (!writer)
        return false;
    const bool ok =
        tiff_writer_write(writer, p->height, p->samples, (size_t)p->width * p->height);
    return tiff_writer_close(writer, ok) && ok;
}
