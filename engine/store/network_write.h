// SPDX-License-Identifier: MIT
//
// Writing the weights of one network as a file of its own.

#ifndef STORE_NETWORK_WRITE_H
#define STORE_NETWORK_WRITE_H

#include "store/network_file.h"

// Writes the network of `f` under the PyTorch port's names and in its order, as .pth or
// .safetensors by the extension of the path. `weights` are those that a builder has
// made for this network: they give names, shapes and order; values are read from `f`,
// moving averages with `averages` where it has them. They are F32, or with `half` F16,
// rounded to the nearest; one that is not finite as F16 is an error. Counters are I64.
// The file appears whole or not at all; false after one message.
bool network_write(const char *path, struct network_file *f,
                   const struct weights *weights, bool averages, bool half);

#endif
