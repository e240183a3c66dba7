// SPDX-License-Identifier: MIT
//
// Networks. A network is a builder over weights: the first run names and makes the
// weights, later runs over the same weights share them. Names, shapes and order are the
// PyTorch port's state_dict.

#ifndef MODELS_MODEL_H
#define MODELS_MODEL_H

#include "graph/graph.h"

// How a network is built. Zero is training.
struct model_mode {
    bool no_dropout;
    bool per_image;    // translation: norm statistics of each image by itself, running
                       // statistics untouched
    uint32_t sections;    // batches in the tensor that are normalised apart; 0 is 1
};

// Batch normalisation as the port has it (epsilon 1e-5, momentum 0.1), with the weights
// <prefix>.weight, .bias, .running_mean, .running_var; the prefix is formatted. Then
// dropout, with this probability of a zero.
struct tensor *model_norm(struct graph *g, struct weights *weights, struct tensor *x,
                          struct model_mode mode, float dropout, const char *format,
                          ...) PRINTF_LIKE(6, 7);

// U-Net generator: x [n, 3, h, w] -> [n, 3, h, w] in [-1, 1]; h and w multiples of
// 2^levels. Channels ngf * {1, 2, 4, 8, 8, ...}. levels >= 5.
struct unet_options {
    uint32_t levels, ngf, channels_in, channels_out;
};
struct tensor *unet_build(struct graph *g, struct weights *weights, struct tensor *x,
                          const struct unet_options *options, struct model_mode mode);

// PatchGAN: x [n, c, h, w] -> logits [n, 1, h', w']; `layers` 3 sees 70x70 pixels.
struct patchgan_options {
    uint32_t layers, ndf;
};
struct tensor *patchgan_build(struct graph *g, struct weights *weights,
                              struct tensor *x, const struct patchgan_options *options,
                              struct model_mode mode);

#endif
