// SPDX-License-Identifier: MIT
//
// Numbers in files: unsigned, of 1 to 8 bytes, the lowest byte first ("little") or last
// ("big"), whatever the order of this machine.

#ifndef BASE_BYTES_H
#define BASE_BYTES_H

#include "base/base.h"

uint64_t bytes_get_little(const uint8_t *bytes, size_t count);
uint64_t bytes_get_big(const uint8_t *bytes, size_t count);
uint64_t bytes_get(const uint8_t *bytes, size_t count, bool is_big);
void bytes_put_little(uint8_t *bytes, size_t count, uint64_t number);

// The value of an IEEE half (F16), and of a bfloat16 (BF16), the upper 16 bits of a
// float. A float can hold every one.
float bytes_half_value(uint16_t bits);
float bytes_bfloat16_value(uint16_t bits);

// The half that is nearest to a float, of two equally near ones the even one: IEEE
// 754's default. From 65520 on it is infinity; a NaN stays one.
uint16_t bytes_half_bits(float value);

// The nearest bfloat16 likewise.
uint16_t bytes_bfloat16_bits(float value);

#endif
