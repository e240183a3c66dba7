// SPDX-License-Identifier: MIT
//
// The self-test: whether a device and its driver compute what they should. What is
// tested is in pix2pix.h; inside.h has the parts.

#ifndef SELFTEST_SELFTEST_H
#define SELFTEST_SELFTEST_H

#include "pix2pix.h"

struct gpu_device;

const char *selftest_part_name(enum pix_selftest_part part);

bool selftest_run(struct gpu_device *device, double submission_seconds,
                  const struct pix_selftest_options *options,
                  struct pix_selftest_result *result);

#endif
