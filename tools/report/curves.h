// SPDX-License-Identifier: MIT
//
// The numbers of a run's metrics as curves over its steps, thin enough for a page.

#ifndef TOOLS_REPORT_CURVES_H
#define TOOLS_REPORT_CURVES_H

#include "pix2pix.h"

#include <stdbool.h>
#include <stdio.h>

#define CURVE_POINTS ((size_t)1000)    // at most, of a curve

// Six losses, two loss scales with the updates left out, learning rate, speed; then a
// curve for each metric of validations.
enum { CURVE_NAMED = 12, CURVE_COUNT = CURVE_NAMED + PIX_METRIC_COUNT };

struct curve {
    double *x, *y;
    size_t count, capacity;
};

struct curves {
    struct curve items[CURVE_COUNT];
    uint64_t lines, damaged;
    uint64_t step, epoch;    // of the last line; 0: there is none
    bool failed;             // out of memory
};

// Reads metrics.jsonl. False with the reason; free in either case.
bool curves_read(struct curves *c, const char *run, const char **reason);
void curves_free(struct curves *c);    // zeroed ones are fine

// Writes the members of an object: "loss_g_l1":[[steps],[values]], and so on.
void curves_write(FILE *f, const struct curves *c);

// Takes at most CURVE_POINTS of `count` points, in their order: the first, the last,
// and the smallest and largest of each of equal parts between. `tx` and `ty` have room
// for CURVE_POINTS. Returns how many.
size_t curves_thin(const double *x, const double *y, size_t count, double *tx,
                   double *ty);

#endif
