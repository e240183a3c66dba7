// SPDX-License-Identifier: MIT
//
// Names of files without their extensions, by which pairs are found. Two that look
// alike may differ in their bytes: "é" is one character or an "e" with an accent
// (Unicode's normal forms C and D; macOS gives names in the second). Keys are equal for
// both.

#ifndef DATA_STEMS_H
#define DATA_STEMS_H

#include "base/base.h"

size_t stem_length(const char *name);

// Compares the bytes of two stems.
int stem_compare(const char *a, const char *b);

// The stem in normal form C, with `fold` also without its case; a stem that is not
// UTF-8 as it is. Freed with mem_free; NULL without memory, after a message.
char *stem_make_key(const char *name, bool fold);

// The name with every byte that is not printable ASCII as \xNN, so that differences can
// be seen. Cut to `size`.
void stem_escape(const char *name, char *text, size_t size);

#endif
