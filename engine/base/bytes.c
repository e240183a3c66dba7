// SPDX-License-Identifier: MIT
//
// Little-endian numbers, and floats of 16 bits. See bytes.h.

#include "base/bytes.h"

#include <string.h>

uint64_t bytes_get_little(const uint8_t *bytes, size_t count)
{
    uint64_t number = 0;
    for (size_t i = 0; i < count; i++)
        number |= (uint64_t)bytes[i] << (8 * i);
    return number;
}

uint64_t bytes_get_big(const uint8_t *bytes, size_t count)
{
    uint64_t number = 0;
    for (size_t i = 0; i < count; i++)
        number = number << 8 | bytes[i];
    return number;
}

uint64_t bytes_get(const uint8_t *bytes, size_t count, bool is_big)
{
    return is_big ? bytes_get_big(bytes, count) : bytes_get_little(bytes, count);
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

float bytes_bfloat16_value(uint16_t bits)
{
    const uint32_t wide = (uint32_t)bits << 16;
    float value;
    memcpy(&value, &wide, sizeof(value));
    return value;
}

// number / 2^shift, to the nearest, ties to even.
static uint32_t round_shift(uint32_t number, uint32_t shift)
{
    const uint32_t is_odd = number >> shift & 1u;
    return (number + (1u << (shift - 1)) - 1 + is_odd) >> shift;
}

#define FRACTION_BITS 23u               // of a float
#define HALF_BITS 10u                   // of the fraction of a half
#define BIAS_DIFFERENCE (127u - 15u)    // of the exponents
#define HALF_INFINITY 0x7c00u

uint16_t bytes_half_bits(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof(bits));
    const uint32_t sign = bits >> 16 & 0x8000u, magnitude = bits & 0x7fffffffu;
    const uint32_t exponent = magnitude >> FRACTION_BITS;
    if (exponent > BIAS_DIFFERENCE + 30)    // 2^16 and more
        return (uint16_t)(sign | HALF_INFINITY |
                          (magnitude > 0x7f800000u ? 0x200u : 0));
    // A fraction that is rounded up to 1 adds to the exponent, up to infinity.
    if (exponent > BIAS_DIFFERENCE)
        return (uint16_t)(sign |
                          round_shift(magnitude - (BIAS_DIFFERENCE << FRACTION_BITS),
                                      FRACTION_BITS - HALF_BITS));
    // A multiple of 2^-24, the smallest half; of 24 bits nothing is left below 2^-25.
    const uint32_t shift = BIAS_DIFFERENCE + 14 - exponent;
    const uint32_t significand = (magnitude & 0x7fffffu) | 0x800000u;
    return (uint16_t)(sign | (shift > 24 ? 0 : round_shift(significand, shift)));
}

uint16_t bytes_bfloat16_bits(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof(bits));
    if ((bits & 0x7fffffffu) > 0x7f800000u)
        return (uint16_t)(bits >> 16 | 0x40);
    return (uint16_t)((bits + 0x7fffu + (bits >> 16 & 1)) >> 16);
}
