// SPDX-License-Identifier: MIT
//
// How far a network sees: the elements that a range of its output depends on, followed
// from layer to layer back to the input, on one axis. For the files of models/ only.

#ifndef MODELS_REACH_H
#define MODELS_REACH_H

#include "ops/op.h"

// Elements first to last of one map, both included. They may lie outside of it.
struct reach {
    int64_t first, last;
};

// What the output elements of a convolution depend on in its input. Padding, of zeros
// or reflected, is `pad` of it: a reflected element stands for one nearer the edge.
struct reach reach_conv(struct reach out, struct conv_attributes attr);

// The same of network_double: a transposed convolution or, with `resize`, what replaces
// it.
struct reach reach_double(struct reach out, struct conv_attributes attr, bool resize);

#endif
