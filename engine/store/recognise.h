// SPDX-License-Identifier: MIT
//
// Recognising the network that a dictionary of tensors belongs to, by names and shapes
// alone: those of the PyTorch port
// (https://github.com/junyanz/pytorch-CycleGAN-and-pix2pix) and of affinelayer's
// implementation.

#ifndef STORE_RECOGNISE_H
#define STORE_RECOGNISE_H

#include "models/model.h"
#include "store/dictionary.h"

enum recognised {
    RECOGNISED_NOTHING,
    RECOGNISED_G,
    RECOGNISED_D,
    RECOGNISED_REFUSED,    // of a known kind, but the engine cannot build it; after one
                           // message
};

struct recognition {
    struct generator_options generator;            // RECOGNISED_G
    struct discriminator_options discriminator;    // RECOGNISED_D
    uint32_t channels_d;    // input channels of the discriminator
    bool is_affinelayer;    // names are those of affinelayer's layers, see
                            // affinelayer_name
};

// `path` is for messages.
enum recognised recognise_network(const struct dictionary *d, const char *path,
                                  struct recognition *out);

// "unet_256, ngf 64, batch norm, 3 -> 3 channels" and "n_layers 3, ndf 64, batch norm,
// 6 channels"
void recognise_describe_g(const struct generator_options *options, char *text,
                          size_t size);
void recognise_describe_d(const struct discriminator_options *options,
                          uint32_t channels, char *text, size_t size);

#endif
