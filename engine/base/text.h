// SPDX-License-Identifier: MIT
//
// Text for a terminal. Names of files, and what foreign files say, may hold anything,
// and a terminal obeys what it is sent. Also what is UTF-8.

#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include "base/base.h"

// Copies `text` into `out` of `size` bytes, at least 4, as one line that only shows: a
// newline, return and tab as \n, \r and \t, other control characters and bytes that are
// not UTF-8 as \x1b, the controls U+0080 to U+009F, line and paragraph separators and
// the marks that reorder letters as \u{202e}. Text that does not fit ends in "...",
// which cuts no character. Applied again it changes nothing. Returns the length of
// `out`.
size_t text_escape(const char *text, char *out, size_t size);

// By RFC 3629: no bytes more than needed, no surrogates, nothing above U+10FFFF.
bool text_is_utf8(const char *text);

#endif
