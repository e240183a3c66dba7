// SPDX-License-Identifier: MIT
//
// The numbers that a network computes with, as a user asks for them. With f16 and bf16
// activations, their gradients and the operands of products have 16 bits; sums,
// weights, moments, statistics, losses, and the first and the last convolution of each
// network keep 32.

#ifndef SETTINGS_PRECISION_H
#define SETTINGS_PRECISION_H

#include "tensor/tensor.h"

struct gpu_device;

enum precision { PRECISION_F32, PRECISION_F16, PRECISION_BF16, PRECISION_AUTO };

// For weights.precision; not of PRECISION_AUTO.
enum tensor_format precision_format(enum precision p);

// Replaces PRECISION_AUTO by what is best on the device, which one line of the log
// says. False after a message by `subject` if the device does not have what is asked
// for.
bool precision_resolve(struct gpu_device *device, const char *subject,
                       enum precision *p);

#endif
