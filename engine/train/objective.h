// SPDX-License-Identifier: MIT
//
// The pix2pix training step as a graph: the page to read first.

#ifndef TRAIN_OBJECTIVE_H
#define TRAIN_OBJECTIVE_H

#include "models/model.h"
#include "models/staging.h"
#include "settings/choice.h"

struct objective_options {
    struct generator_options generator;
    struct discriminator_options discriminator;
    enum gan_mode gan;
    bool no_condition;      // D sees the target or output alone
    uint32_t batch;         // samples that run together
    uint32_t accumulate;    // batches whose gradients are added up; 0 is 1
    uint32_t load_h, load_w, crop_h, crop_w;
    struct staging staging;
    struct staged_augment augment;
    float lambda_l1;
    float lambda_ce;        // of outputs that are classes
    float lambda_gp;        // GAN_WGANGP
    float gp_alpha;         // share of the target where the penalty is taken; below 0:
                            // drawn for each sample
    float d_loss_weight;    // of D's two terms; 0 is 0.5
    bool reuse;    // G's loss is that of D's first run, its gradient goes through the
                   // updated D: the order of the Lua original. Needs accumulate 1. The
                   // norms of D keep the scale of that run, which is a step old.
    float ema;     // decay of the average of G's weights; 0: none
    struct optimizer optimizer;
};

// The tensors that the host writes before and reads after each step. Losses are means
// over all samples of the step; what there is not is NULL.
struct objective {
    struct tensor *pixels;    // in: samples, input then target, see graph_pixels_unpack
    struct tensor *jitter;    // in: crop and mirror of each sample, see staging.h
    struct tensor *loss_d;    // out: 2 floats, fake and real, before d_loss_weight
    struct tensor *loss_d_gp;    // out: with lambda_gp
    struct tensor *loss_g_gan;
    struct tensor *loss_g_l1;    // with lambda_l1; NULL if that is 0
    struct tensor *loss_g_ce;    // with lambda_ce; NULL if that is 0
    struct tensor *sample_input, *sample_output,
        *sample_target;     // out: of the first batch, see graph_pixels_pack
    struct tensor *fake;    // of the first batch; kept only if the caller says so
};

// Builds one step, in the PyTorch port's order (JY optimize_parameters) unless `reuse`.
// Without a discriminator the weights of one stay empty.
bool objective_build(struct graph *g, struct weights *generator,
                     struct weights *discriminator,
                     const struct objective_options *options, struct objective *out);

#endif
