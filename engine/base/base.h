// SPDX-License-Identifier: MIT
//
// Small things that every file may use.

#ifndef BASE_BASE_H
#define BASE_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))
#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))
#define DIV_UP(n, d) (((n) + (d)-1) / (d))
// Behind a noun in a message: "1 pair", "2 pairs".
#define PLURAL(count) ((count) == 1 ? "" : "s")
#define ALIGN_UP(n, a) (DIV_UP(n, a) * (a))

// The greatest common divisor; of 0 and n it is n.
static inline uint64_t greatest_divisor(uint64_t a, uint64_t b)
{
    while (b) {
        const uint64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

#if defined(__MINGW32__)
#define PRINTF_LIKE(text, first) __attribute__((format(gnu_printf, text, first)))
#elif defined(__GNUC__)
#define PRINTF_LIKE(text, first) __attribute__((format(printf, text, first)))
#else
#define PRINTF_LIKE(text, first)
#endif

#endif
