// SPDX-License-Identifier: MIT
//
// Comparing arrays from the device with what the double-precision reference says, and
// making their inputs. A failure prints the case, the worst element, its index and both
// values.

#ifndef SUPPORT_CHECK_H
#define SUPPORT_CHECK_H

// What cmocka.h needs before it.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/random.h"
#include "tensor/tensor.h"

// An element passes if |actual - expected| <=
// relative * |expected| + of_largest * (largest |expected| of the array) + absolute.
struct tolerance {
    const char *name;
    double relative, of_largest, absolute;
};

extern const struct tolerance TOLERANCE_EXACT;          // copies
extern const struct tolerance TOLERANCE_ELEMENTWISE;    // a few roundings
extern const struct tolerance TOLERANCE_SUM;            // sums, norms, convolutions
extern const struct tolerance TOLERANCE_NETWORK;        // many ops in a row
extern const struct tolerance TOLERANCE_GRADIENT;       // central differences in f32

// The name printed with every later failure: "conv n1 c3 5x7 k4 s2 p1".
void check_case(const char *format, ...) PRINTF_LIKE(1, 2);
const char *check_case_name(void);

// Fails the test unless all of `actual` is within the tolerance (NaN never is).
// `what`: "y", "dx". The shape gives the index that is printed.
void check_array(const char *what, const float *actual, const double *expected,
                 struct shape shape, const struct tolerance *tolerance);
void check_number(const char *what, double actual, double expected,
                  const struct tolerance *tolerance);
// Equal bits.
void check_same(const char *what, const float *actual, const float *expected,
                struct shape shape);

// Memory that lives until the end of the test, which is check_test in the list of a
// group. It is zeros and never NULL. A long loop may release all of it earlier.
#define check_test(f) cmocka_unit_test_teardown(f, check_release)
void *check_memory(size_t size);
int check_release(void **state);

// Arrays in such memory.
float *check_floats(struct shape shape);                             // zeros
float *check_random_floats(struct random *r, struct shape shape);    // N(0, 1)
double *check_doubles(struct shape shape);                           // zeros
double *check_widen(const float *x, struct shape shape);             // a copy

#endif
