// SPDX-License-Identifier: MIT
//
// Which network a dictionary of tensors belongs to, by their names and shapes alone.

#ifndef STORE_RECOGNISE_H
#define STORE_RECOGNISE_H

#include "models/model.h"

#define RECOGNISE_RANK 4

// What a dictionary says of a name: false if it has none of it, else its sides.
struct dictionary {
    bool (*find)(const void *user, const char *name, uint32_t *rank,
                 uint64_t sides[RECOGNISE_RANK]);
    const void *user;
};

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
                            // recognise_affinelayer_name
};

// `path` is for messages.
enum recognised recognise(const struct dictionary *d, const char *path,
                          struct recognition *out);

// The name that a weight of our U-Net has in affinelayer's dictionary:
// "model.model.1.model.1.weight" is "enc2.conv.weight".
bool recognise_affinelayer_name(const struct generator_options *options,
                                const char *name, char *text, size_t size);

// "unet_256, ngf 64, batch norm, 3 -> 3 channels" and "n_layers 3, ndf 64, batch norm,
// 6 channels"
void recognise_describe_g(const struct generator_options *options, char *text,
                          size_t size);
void recognise_describe_d(const struct discriminator_options *options,
                          uint32_t channels, char *text, size_t size);

#endif
