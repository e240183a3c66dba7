// SPDX-License-Identifier: MIT
//
// Which kernel a convolution takes. The choice depends on the shape, the limits of the
// device and a tuning table, and on nothing else, so that two runs add in the same
// order.

#ifndef OPS_CONV_CHOICE_H
#define OPS_CONV_CHOICE_H

#include "ops/conv_variant.h"

// Time that the product is expected to take, to be compared among variants for the same
// class of devices.
uint64_t conv_choice_cost(const struct conv_variant *v, const struct conv_shape *s);

// Whether a variant is one for this class of devices, where nothing was measured.
bool conv_choice_suits(const struct conv_variant *v, const struct op_limits *limits,
                       enum tensor_format format);

// The built-in choice, and the choice: limits->force where it fits, else what
// limits->tuning says where that fits, else the built-in one.
const struct conv_variant *conv_choice_built_in(const struct op_limits *limits,
                                                const struct conv_shape *s);
const struct conv_variant *conv_choice_of(const struct op_limits *limits,
                                          const struct conv_shape *s);

#endif
