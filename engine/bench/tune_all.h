// SPDX-License-Identifier: MIT
//
// Measures the kernels of every convolution that training, translating and scoring with
// some options need, and keeps the results in the cache: `pix2pix tune`.

#ifndef BENCH_TUNE_ALL_H
#define BENCH_TUNE_ALL_H

#include "pix2pix.h"
#include "program/tune.h"

struct gpu_device;

// See pix_tune; `report` as in tune_options.
bool tune_all_run(struct gpu_device *device, double submission_seconds,
                  const struct pix_train_options *options,
                  bool (*report)(void *user, const struct tune_result *result,
                                 size_t done, size_t count),
                  void *user);

#endif
