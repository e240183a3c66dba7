// SPDX-License-Identifier: MIT
//
// The two orders of a U-Net's concatenations: the PyTorch port puts the skip connection
// first, affinelayer the decoder.

#ifndef STORE_NETWORK_ORDER_H
#define STORE_NETWORK_ORDER_H

#include "tensor/weights.h"

// Turns the values of a U-Net's weight, [n, c, h, w], from one order into the other.
// Weights that read no concatenation stay as they are.
void network_order_swap(const struct weight *w, float *values);

#endif
