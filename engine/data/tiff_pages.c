// SPDX-License-Identifier: MIT
//
// The chain of directories of a TIFF (TIFF 6.0, section 2; BigTIFF as libtiff has it).
// libtiff reads all arrays of a directory that it passes; here are only the entries, to
// count the pages, and to take values over byte for byte. See tiff_inside.h.

#include "data/tiff_inside.h"

#include "base/bytes.h"
#include "base/mem.h"
#include "base/number.h"
#include "data/profile.h"

#include <string.h>

// Entries of a directory, as libtiff limits them, and directories of a file.
enum { MOST_ENTRIES = 4096, MOST_PAGES = 65535 };

enum { SUBFILE_TYPE = 254, OLD_SUBFILE_TYPE = 255 };

// Sizes of the parts of a directory.
struct parts {
    uint32_t count, entry, word;    // of the number of entries, of one, of an offset
};

static struct parts parts_of(const struct tiff_page *page)
{
    return page->is_bigtiff ? (struct parts){ 8, 20, 8 } : (struct parts){ 2, 12, 4 };
}

// Reads the entries of a directory. The caller frees *entries.
static bool read_entries(struct tiff_file *file, const struct tiff_page *page,
                         uint8_t **entries, uint32_t *count, uint64_t *next,
                         struct reason *reason)
{
    const struct parts parts = parts_of(page);
    uint8_t bytes[8];
    *entries = NULL;
    if (!tiff_file_read(file, page->offset, bytes, parts.count, reason))
        return false;
    const uint64_t entry_count = bytes_get(bytes, parts.count, page->is_big_endian);
    if (entry_count == 0 || entry_count > MOST_ENTRIES)
        return reason_refuse(reason, "damaged TIFF: a directory of %llu entries",
                             (unsigned long long)entry_count);
    const size_t size = (size_t)entry_count * parts.entry;
    uint8_t *data = mem_alloc(size + parts.word);
    if (!data)
        return reason_refuse_memory(reason);
    if (!tiff_file_read(file, page->offset + parts.count, data, size + parts.word,
                        reason)) {
        mem_free(data);
        return false;
    }
    *entries = data;
    *count = (uint32_t)entry_count;
    *next = bytes_get(data + size, parts.word, page->is_big_endian);
    return true;
}

// Overviews and masks are no pages of their own.
static bool is_full(const struct tiff_page *page, const uint8_t *entries,
                    uint32_t count)
{
    const struct parts parts = parts_of(page);
    for (uint32_t i = 0; i < count; i++) {
        const uint8_t *entry = entries + (size_t)i * parts.entry;
        const uint8_t *value = entry + 4 + parts.word;
        const uint64_t number = bytes_get(entry, 2, page->is_big_endian);
        const uint32_t bytes =
            tiff_type_bytes((uint16_t)bytes_get(entry + 2, 2, page->is_big_endian));
        if ((number != SUBFILE_TYPE && number != OLD_SUBFILE_TYPE) || bytes > 4)
            continue;
        const uint64_t type = bytes_get(value, bytes, page->is_big_endian);
        if (number == SUBFILE_TYPE ? (type & 5) != 0 : type == 2)
            return false;
    }
    return true;
}

static bool read_header(struct tiff_file *file, struct tiff_page *page, uint64_t *first,
                        struct reason *reason)
{
    uint8_t head[16];
    if (!tiff_file_read(file, 0, head, 8, reason))
        return false;
    *page = (struct tiff_page){ .is_big_endian = head[0] == 'M' };
    page->is_bigtiff = bytes_get(head + 2, 2, page->is_big_endian) == 43;
    if (page->is_bigtiff && !tiff_file_read(file, 8, head + 8, 8, reason))
        return false;
    *first = page->is_bigtiff ? bytes_get(head + 8, 8, page->is_big_endian)
                              : bytes_get(head + 4, 4, page->is_big_endian);
    return true;
}

// Damage behind the page that is read is not its fault: the pages end there, as they do
// where the chain is a circle (found as Brent does).
bool tiff_page_find(struct tiff_file *file, uint32_t number, struct tiff_page *page,
                    struct reason *reason)
{
    uint64_t next, mark = 0;
    uint32_t seen = 0, renew = 1, pages = 0;
    if (!read_header(file, page, &next, reason))
        return false;
    struct tiff_page at = *page;
    while (next && next != mark && seen < MOST_PAGES) {
        uint8_t *entries;
        uint32_t count;
        struct reason why;
        at.offset = next;
        if (++seen == renew) {
            mark = next;
            renew *= 2;
        }
        if (!read_entries(file, &at, &entries, &count, &next, &why)) {
            if (why.kind == REASON_PASSING || seen <= number) {
                *reason = why;
                return false;
            }
            break;
        }
        if (seen == number)
            page->offset = at.offset;
        pages += is_full(&at, entries, count);
        mem_free(entries);
    }
    page->number = number;
    page->pages = pages;
    if (seen == 0)
        return reason_refuse(reason, "damaged TIFF: it has no image");
    if (page->offset == 0)
        return reason_refuse(reason, "has no page %u: it has %u", (unsigned)number,
                             (unsigned)seen);
    return true;
}

// ---------------------------------------------------------------------------
// Values that are kept

// Of one tag. Descriptions are far smaller.
#define MOST_BYTES ((uint64_t)PROFILE_MOST_BYTES)

struct entry {
    uint16_t number, type;
    uint64_t count;
    uint64_t offset;    // where the values are in the file
};

static struct entry entry_at(const struct tiff_page *page, const uint8_t *entries,
                             uint32_t i)
{
    const struct parts parts = parts_of(page);
    const bool is_big = page->is_big_endian;
    const uint8_t *from = entries + (size_t)i * parts.entry;
    struct entry e = {
        .number = (uint16_t)bytes_get(from, 2, is_big),
        .type = (uint16_t)bytes_get(from + 2, 2, is_big),
        .count = bytes_get(from + 4, parts.word, is_big),
        .offset = bytes_get(from + 4 + parts.word, parts.word, is_big),
    };
    // Values that fit are in the place of their offset.
    const uint32_t bytes = tiff_type_bytes(e.type);
    if (bytes && e.count <= parts.word / bytes)
        e.offset =
            page->offset + parts.count + (uint64_t)i * parts.entry + 4 + parts.word;
    return e;
}

static bool is_big_endian(void)
{
    const uint16_t one = 1;
    return *(const uint8_t *)&one == 0;
}

static void swap_numbers(uint8_t *data, size_t bytes, uint32_t each)
{
    for (size_t i = 0; i + each <= bytes; i += each)
        for (uint32_t k = 0; k < each / 2; k++) {
            const uint8_t byte = data[i + k];
            data[i + k] = data[i + each - 1 - k];
            data[i + each - 1 - k] = byte;
        }
}

// The types that these tags have: TIFF 6.0, section 8; GeoTIFF 1.1, chapter 7; ICC.1,
// annex B.4; GDAL's documentation of its TIFF driver. What has another one would be
// written as something else.
static bool has_its_type(const struct tiff_tag *tag)
{
    switch (tag->number) {
    case TIFF_X_RESOLUTION:
    case TIFF_Y_RESOLUTION:
        return tag->type == TIFF_TYPE_RATIONAL;
    case TIFF_RESOLUTION_UNIT:
    case TIFF_GEO_KEYS:
        return tag->type == TIFF_TYPE_SHORT;
    case TIFF_ICC_PROFILE:
        return tag->type == TIFF_TYPE_UNDEFINED || tag->type == TIFF_TYPE_BYTE;
    case TIFF_GEO_TEXTS:
    case TIFF_GDAL_METADATA:
    case TIFF_GDAL_NO_DATA:
        return tag->type == TIFF_TYPE_TEXT;
    default:    // coordinates
        return tag->type == TIFF_TYPE_DOUBLE;
    }
}

// One fraction, which is a number; libtiff writes three units.
static bool is_valid(const struct tiff_tag *tag)
{
    if (!has_its_type(tag))
        return false;
    if (tag->type == TIFF_TYPE_RATIONAL)
        return tag->count == 1 && ((const uint32_t *)tag->values)[1] != 0;
    const uint16_t *unit = tag->values;
    if (tag->number == TIFF_ICC_PROFILE)
        return profile_colours(tag->values, tag->count) > 0;
    return tag->number != TIFF_RESOLUTION_UNIT ||
           (tag->count == 1 && *unit >= 1 && *unit <= 3);
}

static bool take(struct tiff_file *file, const struct tiff_page *page,
                 const struct entry *e, struct picture_tags *tags,
                 struct reason *reason)
{
    const uint32_t each = tiff_type_bytes(e->type);
    if (!tiff_tags_keep(e->number) ||
        tiff_tags_find(tags->tags, tags->count, e->number))
        return true;
    if (each == 0 || e->count == 0 || e->count > MOST_BYTES / each ||
        e->offset > file->size || file->size - e->offset < e->count * each) {
        tags->is_damaged = true;
        return true;
    }
    const size_t bytes = (size_t)e->count * each;
    struct tiff_tag *tag = &tags->tags[tags->count];
    *tag =
        (struct tiff_tag){ e->number, e->type, (uint32_t)e->count, mem_alloc(bytes) };
    if (!tag->values)
        return reason_refuse_memory(reason);
    tags->count++;
    if (!tiff_file_read(file, e->offset, tag->values, bytes, reason))
        return false;
    if (page->is_big_endian != is_big_endian())
        swap_numbers(tag->values, bytes, tiff_number_bytes(e->type));
    if (!is_valid(tag)) {
        tags->is_damaged = true;
        tiff_tags_free(tag, 1);
        tags->count--;
    }
    return true;
}

// libtiff writes both resolutions or none: a missing one would be 0.
static void pair_resolutions(struct picture_tags *tags)
{
    uint32_t found = 0, at = 0;
    for (uint32_t i = 0; i < tags->count; i++)
        if (tags->tags[i].type == TIFF_TYPE_RATIONAL) {
            found++;
            at = i;
        }
    if (found != 1)
        return;
    tiff_tags_free(&tags->tags[at], 1);
    tags->tags[at] = tags->tags[--tags->count];
    tags->is_damaged = true;
}

bool tiff_page_read_tags(struct tiff_file *file, const struct tiff_page *page,
                         struct picture_tags *tags, struct reason *reason)
{
    uint8_t *entries;
    uint32_t count;
    uint64_t next;
    bool ok = read_entries(file, page, &entries, &count, &next, reason);
    for (uint32_t i = 0; ok && i < count; i++) {
        const struct entry e = entry_at(page, entries, i);
        ok = take(file, page, &e, tags, reason);
    }
    if (ok)
        pair_resolutions(tags);
    mem_free(entries);
    return ok;
}

// GDAL writes a number as it prints it, and allows spaces around it.
static bool parse_number(char *text, double *number)
{
    char *from = text + strspn(text, " ");
    size_t length = strlen(from);
    while (length > 0 && from[length - 1] == ' ')
        length--;
    from[length] = '\0';
    return number_parse_real(from, number);
}

bool tiff_page_read_no_data(struct tiff_file *file, const struct tiff_page *page,
                            bool *has, double *number, struct reason *reason)
{
    uint8_t *entries;
    uint32_t count;
    uint64_t next;
    char text[64] = "";
    *has = false;
    bool ok = read_entries(file, page, &entries, &count, &next, reason);
    for (uint32_t i = 0; ok && i < count; i++) {
        const struct entry e = entry_at(page, entries, i);
        if (e.number != TIFF_GDAL_NO_DATA || e.type != TIFF_TYPE_TEXT ||
            e.count >= sizeof(text) || e.offset > file->size ||
            file->size - e.offset < e.count)
            continue;
        ok = tiff_file_read(file, e.offset, text, (size_t)e.count, reason);
        text[ok ? e.count : 0] = '\0';
        *has = ok && parse_number(text, number);
        break;
    }
    mem_free(entries);
    return ok;
}

// ---------------------------------------------------------------------------
// Fractions of a file that was written

bool tiff_page_put_fraction(struct tiff_file *file, const struct tiff_page *page,
                            const struct tiff_tag *tag, struct reason *reason)
{
    uint8_t *entries, bytes[8];
    uint32_t count;
    uint64_t next;
    const uint32_t *values = tag->values;
    reason->text[0] = '\0';
    bool ok = read_entries(file, page, &entries, &count, &next, reason);
    for (uint32_t i = 0; ok && i < count; i++) {
        const struct entry e = entry_at(page, entries, i);
        if (e.number != tag->number || e.type != TIFF_TYPE_RATIONAL || e.count != 1)
            continue;
        bytes_put_little(bytes, 4, values[0]);
        bytes_put_little(bytes + 4, 4, values[1]);
        ok = encoded_put(file->to, e.offset, bytes, sizeof(bytes));
        *file->source = encoded_source(file->to, file->size);
    }
    mem_free(entries);
    return ok;
}
