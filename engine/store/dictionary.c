// SPDX-License-Identifier: MIT
//
// See dictionary.h.

#include "store/dictionary.h"

#include <stdarg.h>
#include <stdio.h>

#define NAME_SIZE 256

// Wider layers would overflow nothing, but nobody has trained such a network.
#define WIDTH_MAX 65536u

struct dictionary_tensor dictionary_find(const struct dictionary *d, const char *format,
                                         ...)
{
    char name[NAME_SIZE];
    struct dictionary_tensor t = { 0 };
    // A name that does not fit is cut, and then no tensor has it.
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(name, sizeof(name), format, arguments);
    va_end(arguments);
    if (!d->find(d->user, name, &t.rank, t.sides))
        t.rank = 0;
    for (uint32_t i = 0; i < MIN(t.rank, DICTIONARY_RANK); i++)
        if (t.sides[i] > WIDTH_MAX)
            t.rank = 0;
    return t;
}

bool dictionary_has(const struct dictionary *d, const char *name)
{
    return dictionary_find(d, "%s", name).rank > 0;
}
