// SPDX-License-Identifier: MIT
//
// Dropout with a mask that is a function of counters, so nothing is stored:
//
//     y[i] = bits(first + i) >= threshold ? x[i] * factor : 0    dx[i] likewise from dy
//
// threshold = probability * 2^32, factor = 1 / (1 - probability). bits(i) is word i % 4
// of Philox 4x32-10 with the counter (i / 4, step, stream, 0) and the run's seed as
// key. first is the place of the tensor's first element in that of the whole batch, of
// which it may be a part; counted modulo 2^32, so the masks of samples that are 2^32
// elements apart are the same.

#ifndef SHARED_DROPOUT_H
#define SHARED_DROPOUT_H

#include "shared/base.h"

struct dropout_params {
    uint count;     // elements
    uint stride;    // invocations of the grid; each takes four elements
    uint run;       // elements of a sample
    STRUCT(view) x, y;
    uint threshold;    // random bits below it make a zero
    float factor;
    uint stream;        // of the node
    uint first;         // element of the whole batch
    uint accumulate;    // backward: 1 adds to dx, 0 overwrites it
};

#endif
