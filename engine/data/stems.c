// SPDX-License-Identifier: MIT
//
// Unicode's tables are those of utf8proc. See stems.h.

#include "data/stems.h"

#include <stdio.h>
#include <string.h>

#include <utf8proc.h>

#include "base/file.h"
#include "base/mem.h"

size_t stem_length(const char *name)
{
    return (size_t)(file_extension(name) - name);
}

int stem_compare(const char *a, const char *b)
{
    size_t a_length = stem_length(a), b_length = stem_length(b);
    int order = memcmp(a, b, MIN(a_length, b_length));
    return order ? order : (a_length > b_length) - (a_length < b_length);
}

// The stem as it is, but for the case of ASCII letters.
static char *copy_stem(const char *name, bool fold)
{
    char *copy = mem_printf("%.*s", (int)stem_length(name), name);
    for (char *c = copy; fold && c && *c; c++)
        if (*c >= 'A' && *c <= 'Z')
            *c = (char)(*c - 'A' + 'a');
    return copy;
}

static bool is_ascii(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if ((unsigned char)text[i] > 127)
            return false;
    return true;
}

char *stem_make_key(const char *name, bool fold)
{
    const size_t length = stem_length(name);
    const utf8proc_uint8_t *text = (const utf8proc_uint8_t *)name;
    const utf8proc_option_t options =
        (utf8proc_option_t)(UTF8PROC_STABLE | UTF8PROC_COMPOSE |
                            (fold ? UTF8PROC_CASEFOLD : 0));
    if (is_ascii(name, length))
        return copy_stem(name, fold);
    // Code points first, which are then composed and encoded in the same place.
    utf8proc_ssize_t count =
        utf8proc_decompose(text, (utf8proc_ssize_t)length, NULL, 0, options);
    if (count < 0)
        return copy_stem(name, fold);
    utf8proc_int32_t *points = mem_array((size_t)count + 1, sizeof(*points));
    if (!points)
        return NULL;
    utf8proc_decompose(text, (utf8proc_ssize_t)length, points, count, options);
    if (utf8proc_reencode(points, count, options) >= 0)
        return (char *)points;
    mem_free(points);
    return copy_stem(name, fold);
}

void stem_escape(const char *name, char *text, size_t size)
{
    size_t used = 0;
    for (const unsigned char *c = (const unsigned char *)name; *c; c++) {
        const bool is_plain = *c >= ' ' && *c <= '~' && *c != '\\';
        if (used + (is_plain ? 1 : 4) >= size)
            break;
        used +=
            (size_t)snprintf(text + used, size - used, is_plain ? "%c" : "\\x%02x", *c);
    }
    text[used] = '\0';
}
