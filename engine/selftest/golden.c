// SPDX-License-Identifier: MIT
//
// The formulas of tests/golden/reference.py. See golden.h.

#include "selftest/golden.h"

#include "base/hash.h"

#include <string.h>

uint64_t golden_hash(const char *text)
{
    return hash_bytes(HASH_START, text, strlen(text));
}

uint64_t golden_splitmix(uint64_t seed, uint64_t index)
{
    uint64_t z = seed + (index + 1) * UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

void golden_input(struct shape s, float *x)
{
    for (uint32_t n = 0; n < s.n; n++)
        for (uint32_t c = 0; c < s.c; c++)
            for (uint32_t i = 0; i < s.h; i++)
                for (uint32_t k = 0; k < s.w; k++) {
                    uint32_t v = (n * 7 + c) * 131 + i * 31 + k * 17 + i * k % 97;
                    *x++ = (float)(v % 256 / 127.5 - 1);
                }
}

void golden_weight(const char *name, uint64_t count, double scale, double offset,
                   float *values)
{
    const uint64_t seed = golden_hash(name);
    for (uint64_t i = 0; i < count; i++) {
        double k = (double)(golden_splitmix(seed, i) >> 40);
        // Two roundings on both sides: nothing may be fused.
        volatile double scaled = (k / 8388608.0 - 1) * scale;
        values[i] = (float)(offset + scaled);
    }
}

void golden_start(const char *name, bool is_conv, bool is_one, uint64_t count,
                  double conv_scale, float *values)
{
    golden_weight(name, count, is_conv ? conv_scale : 0.05, is_one ? 1 : 0, values);
}
