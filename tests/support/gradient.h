// SPDX-License-Identifier: MIT
//
// Gradient check by central differences, for any graph: the loss is the mean squared
// difference of the graph's output and a random target.

#ifndef SUPPORT_GRADIENT_H
#define SUPPORT_GRADIENT_H

#include "support/gpu.h"

struct gradient_options {
    const char *name;    // of the case
    // Appends to h->graph, taking inputs and weights from the harness (its own weights
    // or those a model adds to h->weights), and returns the output.
    struct tensor *(*build)(struct harness *h, void *user);
    void *user;
    // Called once before the first run, with memory allocated: uploads what build did
    // not give a value for. May be NULL.
    void (*initialise)(struct harness *h, void *user);
    double step;                           // of the difference; 0: 1e-2
    uint32_t directions;                   // random directions for each weight; 0: 2
    uint32_t elements;                     // single elements of each weight; 0: 4
    const struct tolerance *tolerance;     // NULL: TOLERANCE_GRADIENT
    const struct conv_variant *variant;    // of convolutions; NULL: the built-in choice
};

// Checks the gradient of every trained weight in h->weights. Skips without a device.
void gradient_check(const struct gradient_options *options);

#endif
