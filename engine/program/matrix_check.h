// SPDX-License-Identifier: MIT
//
// Whether a device's matrix units compute what other kernels do: drivers are known
// whose units do not (docs/drivers.md).

#ifndef PROGRAM_MATRIX_CHECK_H
#define PROGRAM_MATRIX_CHECK_H

#include "tensor/tensor.h"

struct gpu_device;

// Runs each kernel for matrix units with operands in `format` once on a small product
// in each direction, unless there are none for it, it was done before, or a software
// driver never chooses them, and compares with the simple kernel. Where one is wrong,
// or cannot be compiled, it says which in a warning, and the device counts as one
// without matrix units for that format from then on. False if the device is lost or
// memory was missing.
bool matrix_check(struct gpu_device *device, enum tensor_format format);

#endif
