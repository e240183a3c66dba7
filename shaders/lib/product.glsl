// SPDX-License-Identifier: MIT
//
// How a kernel's matrix product is computed: on matrix units, or by multiplications.

#ifdef MATRIX
#include "lib/matrix.glsl"
#else
#include "lib/tile.glsl"
#endif
