// SPDX-License-Identifier: MIT
//
// A convolution of which a device computes all directions: its operands, and what the
// results must be by the host's definition in double precision (reference_conv.h).
//
// There are two sets of operands. Those of PRODUCT_EXACT are multiples of 1/8: every
// product and every partial sum is a number that floats hold, so that any order of the
// sum gives the same bits, and a term that is missing, doubled or from elsewhere shows
// in every result. Those of PRODUCT_ROUNDED use all digits, so that arithmetic of less
// precision shows.

#ifndef SELFTEST_PRODUCT_CASE_H
#define SELFTEST_PRODUCT_CASE_H

#include "ops/conv_shape.h"

enum product_data { PRODUCT_EXACT, PRODUCT_ROUNDED, PRODUCT_DATA_COUNT };
enum product_side { PRODUCT_X, PRODUCT_W, PRODUCT_Y, PRODUCT_SIDE_COUNT };

struct product_case {
    struct conv_shape shape;      // its direction does not count
    enum tensor_format format;    // of x, w and y
    struct product_numbers {
        struct shape shape;
        float *operand[PRODUCT_DATA_COUNT];    // which the format can hold
        // As a result, and of PRODUCT_ROUNDED the sum of the magnitudes of its terms.
        // Without the host's definition the first is NULL until the caller has set it,
        // and there is no second.
        double *result[PRODUCT_DATA_COUNT];
        double *magnitude;
    } sides[PRODUCT_SIDE_COUNT];
};

// `defined`: with the results, by the definition. False after a message; either way
// product_case_finish frees it.
bool product_case_init(struct product_case *c, const struct conv_shape *shape,
                       enum tensor_format format, bool defined);
void product_case_finish(struct product_case *c);

// The sides that a direction reads, in the order of graph_product, and the one that it
// writes; the format of that. Weight gradients are always floats.
struct product_roles {
    enum product_side a, b, out;
    enum tensor_format out_format;
};
struct product_roles product_case_roles(const struct product_case *c,
                                        enum conv_direction direction);

// The numbers in a format, as a tensor has them in memory; NaN for all.
void product_case_encode(const float *values, uint64_t count, enum tensor_format format,
                         void *to);
void product_case_erase(uint64_t count, enum tensor_format format, void *to);
float product_case_decode(const void *from, uint64_t i, enum tensor_format format);

// Compares what a device made of a set of operands. *error: the largest difference in
// parts of the allowed one; of PRODUCT_EXACT none is allowed, and it is left alone.
// False: it is wrong, and `text` says where.
#define PRODUCT_TEXT_SIZE 256
bool product_case_check(const struct product_case *c, enum conv_direction direction,
                        enum product_data data, const void *result, double *error,
                        char text[PRODUCT_TEXT_SIZE]);

#endif
