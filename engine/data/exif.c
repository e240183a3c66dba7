// SPDX-License-Identifier: MIT
//
// EXIF data is a TIFF file inside an image: a header, then directories of entries of 12
// bytes. Only the orientation is looked up, which is in the first directory (Exif 2.32,
// 4.6.2 and 4.6.4). The bytes may be anybody's: every offset is checked. Of the
// libraries that read EXIF the light ones decode all tags by tables, for one number.
// See codec.h.

#include "data/codec.h"

#include "base/bytes.h"

#include <string.h>

enum { ENTRY = 12, ORIENTATION = 0x0112, SHORT = 3, HIGHEST = 8 };

uint32_t exif_orientation(const uint8_t *data, size_t size)
{
    if (size < 8 || (memcmp(data, "II", 2) != 0 && memcmp(data, "MM", 2) != 0))
        return 0;
    const bool is_big = data[0] == 'M';
    const size_t directory = (size_t)bytes_get(data + 4, 4, is_big);
    if (bytes_get(data + 2, 2, is_big) != 42 || directory > size ||
        size - directory < 2)
        return 0;
    // Entries that the file is too short for are left out.
    const size_t room = (size - directory - 2) / ENTRY;
    const size_t count = (size_t)bytes_get(data + directory, 2, is_big);
    const uint8_t *entry = data + directory + 2;
    for (size_t i = 0; i < MIN(count, room); i++, entry += ENTRY) {
        // Tag, type, number of values, the value itself if it has at most 4 bytes.
        if (bytes_get(entry, 2, is_big) != ORIENTATION)
            continue;
        const uint32_t value = (uint32_t)bytes_get(entry + 8, 2, is_big);
        const bool is_valid = bytes_get(entry + 2, 2, is_big) == SHORT &&
                              bytes_get(entry + 4, 4, is_big) == 1;
        return is_valid && value > 1 && value <= HIGHEST ? value : 0;
    }
    return 0;
}
