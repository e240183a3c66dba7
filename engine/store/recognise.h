// SPDX-License-Identifier: MIT
//
// Which network a dictionary of tensors belongs to, by their names and shapes alone.

#ifndef STORE_RECOGNISE_H
#define STORE_RECOGNISE_H

#include "models/model.h"
#include "store/dictionary.h"

enum recognised {
    RECOGNISED_NOTHING,
    RECOGNISED_G,
    RECOGNISED_D,
    RECOGNISED_REFUSED,    // a network of a known kind that the engine can not build;
                           // after a message
};

struct recognition {
    struct generator_options generator;            // RECOGNISED_G
    struct discriminator_options discriminator;    // RECOGNISED_D
    uint32_t channels_d;                           // that it takes
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
