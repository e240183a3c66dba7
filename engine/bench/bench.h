// SPDX-License-Identifier: MIT
//
// The benchmark: ceilings of a device, the distinct calls of a training step, whole
// steps and translations. What the rows are is in pix2pix.h, how they are timed in
// measure.h.

#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

#include "pix2pix.h"

struct gpu_device;

void bench_options_init(struct pix_bench_options *options);
bool bench_run(struct gpu_device *device, double submission_seconds,
               const struct pix_bench_options *options);

#endif
