// SPDX-License-Identifier: MIT
//
// Numbers in files: unsigned, of 1 to 8 bytes, the lowest byte first, whatever the
// order of this machine.

#ifndef BASE_BYTES_H
#define BASE_BYTES_H

#include "base/base.h"

uint64_t bytes_get_little(const uint8_t *bytes, size_t count);
void bytes_put_little(uint8_t *bytes, size_t count, uint64_t number);

// The value of an IEEE half, which every float can hold.
float bytes_half_value(uint16_t bits);

#endif
