// SPDX-License-Identifier: MIT
//
// The charts of a benchmark's page. Each writes its heading too, and nothing where the
// result has no rows for it.

#ifndef TOOLS_BENCH_CHARTS_H
#define TOOLS_BENCH_CHARTS_H

#include "bench/result.h"

#include <stdio.h>

// Where the time of a training step in one precision goes: a bar cut by groups of
// calls, and tables by group and by op.
void bench_put_shares(FILE *f, const struct bench_device *d, const char *precision);

// Every call by its arithmetic intensity and its rate, under the two ceilings
// (Williams, Waterman and Patterson 2009, "Roofline").
void bench_put_roofline(FILE *f, const struct bench_device *d, const char *precision);

// Three bars for each convolution: forward, input gradient, weight gradient.
void bench_put_layers(FILE *f, const struct bench_device *d, const char *precision);

// Whole steps beside what their flops, bytes and launches would take at the ceilings.
void bench_put_floors(FILE *f, const struct bench_device *d);

// Time for one image against size or batch, beside linear growth.
void bench_put_growth(FILE *f, const struct bench_device *d, bool by_size);

// The first training step of every device, where there are several.
void bench_put_overview(FILE *f, const struct bench_result *r);

#endif
