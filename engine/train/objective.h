// SPDX-License-Identifier: MIT
//
// The pix2pix training step as a graph: the page to read first.

#ifndef TRAIN_OBJECTIVE_H
#define TRAIN_OBJECTIVE_H

#include "models/model.h"

struct objective_options {
    struct unet_options generator;
    struct patchgan_options discriminator;
    uint32_t batch, load_h, load_w, crop_h, crop_w;
    bool no_dropout;
    float lambda_l1;
    struct optimizer optimizer;
};

// The tensors that the host writes before and reads after each step.
struct objective {
    struct tensor *pixels;    // in: U8 samples, see graph_pixels_unpack
    struct tensor *jitter;    // in: crop x, crop y, mirror, 0 of each sample, as uint
    struct tensor *loss_d;    // out: 2 floats, fake and real
    struct tensor *loss_g_gan, *loss_g_l1;    // out: 1 float
    struct tensor *sample_input, *sample_output,
        *sample_target;     // out: U8 [n, 3, h, w]
    struct tensor *fake;    // [n, 3, h, w]; kept only if the caller says so
};

// Builds one step in the PyTorch port's order (JY optimize_parameters). loss_g_l1 comes
// with its lambda.
bool objective_build(struct graph *g, struct weights *generator,
                     struct weights *discriminator,
                     const struct objective_options *options, struct objective *out);

// Translation: samples of one image each, no crop, in; U8 out.
struct translation {
    struct tensor *pixels, *jitter, *output;
};
bool translation_build(struct graph *g, struct weights *generator,
                       const struct unet_options *options, uint32_t batch, uint32_t h,
                       uint32_t w, struct translation *out);

#endif
