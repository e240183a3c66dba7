// SPDX-License-Identifier: MIT
//
// Whether a number is finite, by its bits: a driver may assume that there is no NaN and
// make isnan() false.

bool is_finite(float v)
{
    return (floatBitsToUint(v) & 0x7f800000u) != 0x7f800000u;
}
