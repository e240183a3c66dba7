// SPDX-License-Identifier: MIT
//
// NumPy's .npy files, versions 1 to 3: pictures as arrays.

#ifndef DATA_NPY_H
#define DATA_NPY_H

#include "data/picture.h"

bool npy_is(const uint8_t *data, size_t size);    // by its first bytes

// Arrays [c, h, w] or [h, w], which is one channel, of u1, u2 or f4 in either byte
// order and either memory order. Floats must be finite.
bool npy_decode(const uint8_t *data, size_t size, struct picture *picture,
                struct reason *reason);

// [c, h, w] in little endian.
bool npy_write(const char *path, const struct picture *picture);

#endif
