// SPDX-License-Identifier: MIT
//
// See losses.h.

#include "translate/losses.h"

#include "base/log.h"
#include "data/picture_file.h"

static const struct {
    enum log_level level;
    const char *what;
} texts[PICTURE_LOSSES] = {
    { LOG_WARN, "without the georeference of the input, which the format of the output "
                "cannot hold: name outputs .tif to keep it" },
    { LOG_WARN,
      "without the georeference of the input, which is that of pixels as they "
      "are stored, since the image was turned upright: --no-orient keeps both" },
    { LOG_WARN, "without the georeference of the input, whose numbers cannot be fitted "
                "to the size of the output" },
    { LOG_INFO, "without the ICC profile of the input, which is of other colours" },
    { LOG_INFO, "without the ICC profile of the input, which the format of the output "
                "cannot hold" },
    { LOG_INFO, "compressed by deflate, not as the input, since that would lose "
                "something or is not for such samples" },
    { LOG_WARN, "without a tag or ICC profile of the input that is malformed, not for "
                "such images, or larger than 15 MiB" },
    { LOG_WARN,
      "without the number of the input that stands for no data (GDAL_NODATA), "
      "which samples of the output cannot be" },
    { LOG_WARN,
      "as RGB, not with the palette of the classes, which only PNG and TIFF have; a "
      "JPEG has other colours, too: name outputs .png or .tif" },
};

uint32_t losses_of(const char *path, const struct picture *output)
{
    const struct picture_holds holds = picture_file_holds(path);
    uint32_t losses = picture_tags_losses(output->tags, holds, output->channels,
                                          output->width, output->height);
    if (holds.place &&
        picture_tags_lose_no_data(output->tags, output->kind, output->palette))
        losses |= PICTURE_LOSES_NO_DATA;
    if (!output->palette)
        return losses;
    // A profile is for the colours of the input, not for those of classes.
    losses &= ~(uint32_t)(PICTURE_LOSES_PROFILE | PICTURE_LOSES_PROFILE_BY_FORMAT);
    return holds.palette ? losses : losses | PICTURE_LOSES_PALETTE;
}

void losses_report(const uint32_t *losses, size_t count,
                   const char *(*path)(void *user, size_t index), void *user,
                   const char *command)
{
    for (uint32_t bit = 0; bit < PICTURE_LOSSES; bit++) {
        size_t images = 0, first = 0;
        for (size_t i = count; i-- > 0;)
            if (losses[i] >> bit & 1) {
                first = i;
                images++;
            }
        if (images == 1 && count == 1)
            log_message(texts[bit].level, "%s: the output was written %s", command,
                        texts[bit].what);
        else if (images > 0)
            log_message(texts[bit].level,
                        "%s: %zu of %zu outputs were written %s "
                        "(first: that of %s)",
                        command, images, count, texts[bit].what, path(user, first));
    }
}
