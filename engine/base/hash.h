// SPDX-License-Identifier: MIT
//
// FNV-1a (Fowler, Noll, Vo) in 64 bits: tells whether bytes are the same as before. It
// is no protection against anybody who wants them to look so.

#ifndef BASE_HASH_H
#define BASE_HASH_H

#include "base/base.h"

#define HASH_START UINT64_C(0xcbf29ce484222325)

// The hash of what gave `hash` and of these bytes after it.
uint64_t hash_bytes(uint64_t hash, const void *data, size_t size);
uint64_t hash_text(uint64_t hash, const char *text);    // its end too

// 16 digits.
#define HASH_TEXT_SIZE 17
const char *hash_digits(uint64_t hash, char text[HASH_TEXT_SIZE]);

#endif
