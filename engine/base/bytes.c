// SPDX-License-Identifier: MIT
//
// Little-endian numbers. See bytes.h.

#include "base/bytes.h"

#include <string.h>

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

// 1 bit of sign, 5 of exponent (bias 15), 10 of fraction.
float bytes_half_value(uint16_t bits)
{
    uint32_t sign = (uint32_t)(bits & 0x8000u) << 16, exponent = bits >> 10 & 31u;
    uint32_t fraction = bits & 0x3ffu, result;
    float value;
    if (exponent == 0) {    // zero, or too small for a full exponent
        value = (float)fraction / 16777216.0f;
        return sign ? -value : value;
    }
    result = sign | (exponent == 31 ? 255u : exponent + 112) << 23 | fraction << 13;
    memcpy(&value, &result, sizeof(value));
    return value;
}
