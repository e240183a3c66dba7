// SPDX-License-Identifier: MIT
//
// FNV-1a (Fowler, Noll, Vo) in 64 bits: shows whether bytes have changed. It is not a
// cryptographic hash: it does not protect against deliberate collisions.

#ifndef BASE_HASH_H
#define BASE_HASH_H

#include "base/base.h"

#define HASH_START UINT64_C(0xcbf29ce484222325)

// Appends bytes to what was hashed into `hash`, at first HASH_START. hash_text includes
// the terminating 0, so that "a", "bc" differs from "ab", "c".
uint64_t hash_bytes(uint64_t hash, const void *data, size_t size);
uint64_t hash_text(uint64_t hash, const char *text);

// 16 hexadecimal digits; returns `text`.
#define HASH_TEXT_SIZE 17
const char *hash_digits(uint64_t hash, char text[HASH_TEXT_SIZE]);

#endif
