// SPDX-License-Identifier: MIT
//
// Little-endian numbers. See bytes.h.

#include "base/bytes.h"

uint64_t bytes_get_little(const uint8_t *bytes, size_t count)
{
    uint64_t number = 0;
    for (size_t i = 0; i < count; i++)
        number |= (uint64_t)bytes[i] << (8 * i);
    return number;
}

void bytes_put_little(uint8_t *bytes, size_t count, uint64_t number)
{
    for (size_t i = 0; i < count; i++)
        bytes[i] = (uint8_t)(number >> (8 * i));
}
