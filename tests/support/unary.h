// SPDX-License-Identifier: MIT
//
// An op of one tensor and no weights against its reference, forward and backward.

#ifndef SUPPORT_UNARY_H
#define SUPPORT_UNARY_H

#include "support/gradient.h"

struct unary {
    struct shape in, out;
    const float *x;            // NULL: random numbers
    const void *attributes;    // for the functions
    struct tensor *(*build)(struct graph *g, struct tensor *x, const void *attributes);
    void (*forward)(const void *attributes, struct shape in, const double *x,
                    double *y);
    void (*backward)(const void *attributes, struct shape in, const double *x,
                     const double *dy, double *dx);
    const struct tolerance *y, *dx;
};

// Fails the test unless output and gradient are the reference's, once with a gradient
// that is set, once with one that is added to what is there. `name` is for messages.
void unary_check(const struct unary *u, const char *name);

#endif
