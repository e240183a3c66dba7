// SPDX-License-Identifier: MIT
//
// FNV-1a. See hash.h.

#include "base/hash.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

// The factor is the FNV prime of 64 bits, 2^40 + 2^8 + 0xb3. Files store hashes and are
// named by them: another function would make them all look foreign.
uint64_t hash_bytes(uint64_t hash, const void *data, size_t size)
{
    const uint8_t *bytes = data;
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ bytes[i]) * UINT64_C(0x100000001b3);
    return hash;
}

uint64_t hash_text(uint64_t hash, const char *text)
{
    return hash_bytes(hash, text, strlen(text) + 1);
}

const char *hash_digits(uint64_t hash, char text[HASH_TEXT_SIZE])
{
    snprintf(text, HASH_TEXT_SIZE, "%016" PRIx64, hash);
    return text;
}
