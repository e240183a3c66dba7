// SPDX-License-Identifier: MIT
//
// The U-Net of affinelayer's implementation as a dictionary of PyTorch tensors: the
// same layers under other names ("enc2.conv.weight", "dec1.deconv.bias",
// "dec2.bn.weight").
//
// Implementation: https://github.com/affinelayer/pix2pix-tensorflow

#ifndef STORE_AFFINELAYER_H
#define STORE_AFFINELAYER_H

#include "models/model.h"
#include "store/dictionary.h"

// How many levels the U-Net of the dictionary has, at most TABLE_LEVELS_MAX + 1; 0 if
// it has no such U-Net.
uint32_t affinelayer_levels(const struct dictionary *d);

// The generator of a dictionary with this number of levels.
struct generator_options affinelayer_generator(const struct dictionary *d,
                                               uint32_t levels);

// The name in such a dictionary of a weight of our U-Net: "enc2.conv.weight" for
// "model.model.1.model.1.weight". False if it has none.
bool affinelayer_name(const struct generator_options *o, const char *name, char *text,
                      size_t size);

#endif
