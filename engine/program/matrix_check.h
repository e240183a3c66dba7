// SPDX-License-Identifier: MIT
//
// Whether a device's matrix units compute what other kernels do: drivers are known
// whose units do not (docs/drivers.md).

#ifndef PROGRAM_MATRIX_CHECK_H
#define PROGRAM_MATRIX_CHECK_H

#include "ops/conv_shape.h"

struct conv_variant;
struct gpu_device;

// Whether a kernel for matrix units, which fits the shape, may be used for products of
// its direction and type: runs it once on a small one, unless that was done before, and
// compares with the simple kernel. Where it is wrong, or cannot be compiled, a warning
// says so, and from then on none is right in that type. All are on a device that
// executes nothing. False if the device is lost or memory was missing.
bool matrix_check(struct gpu_device *device, const struct conv_variant *v,
                  const struct conv_shape *shape, bool *is_right);

// Some other comparison has shown it: no check is needed any more.
void matrix_check_mark(struct gpu_device *device, const struct conv_variant *v,
                       const struct conv_shape *shape);

#endif
