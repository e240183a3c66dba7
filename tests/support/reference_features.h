// SPDX-License-Identifier: MIT
//
// The definitions of what networks that look at pictures are made of, as reference.h
// has those of the others: plain loops over [n, c, h, w] arrays of doubles.

#ifndef SUPPORT_REFERENCE_FEATURES_H
#define SUPPORT_REFERENCE_FEATURES_H

#include "ops/op.h"

// s is the shape of x everywhere.
struct shape reference_pool_shape(struct pool_attributes a, struct shape s);
void reference_pool_forward(struct pool_attributes a, struct shape s, const double *x,
                            double *y);
void reference_pool_backward(struct pool_attributes a, struct shape s, const double *x,
                             const double *dy, double *dx);

void reference_unit_forward(struct shape s, const double *x, double *y);
void reference_unit_backward(struct shape s, const double *x, const double *dy,
                             double *dx);

void reference_affine_forward(const struct affine_attributes *a, struct shape s,
                              const double *x, double *y);
void reference_affine_backward(const struct affine_attributes *a, struct shape s,
                               const double *dy, double *dx);

// w has s.c elements, y and dy s.n. db may be NULL.
void reference_distance_forward(struct shape s, const double *a, const double *b,
                                const double *w, double *y);
void reference_distance_backward(struct shape s, const double *a, const double *b,
                                 const double *w, const double *dy, double *da,
                                 double *db);

// Of the classes of pixels, see shared/softmax.h. t is the target, as y has it; dx is
// the gradient of the loss.
void reference_softmax_forward(struct shape s, const double *x, double *y);
void reference_softmax_backward(struct shape s, const double *x, const double *dy,
                                double *dx);
double reference_cross_entropy(struct shape s, const double *x, const double *t);
void reference_cross_entropy_backward(struct shape s, const double *x, const double *t,
                                      double *dx);

#endif
