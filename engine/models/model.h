// SPDX-License-Identifier: MIT
//
// Networks. A network is a builder over weights: the first run names and makes the
// weights, later runs over the same weights share them. Names, shapes and order are the
// PyTorch port's state_dict, whatever of the options the port itself lacks.

#ifndef MODELS_MODEL_H
#define MODELS_MODEL_H

#include "graph/graph.h"

enum model_norm { MODEL_NORM_BATCH, MODEL_NORM_INSTANCE, MODEL_NORM_NONE };

// Where a batch norm takes its statistics from. An instance norm always uses each
// image's own.
enum model_statistics {
    STATISTICS_BATCH,        // of the current batch, and the running ones follow
    STATISTICS_PER_IMAGE,    // each image's own
    STATISTICS_RUNNING,      // the running ones
    STATISTICS_GIVEN,        // those that struct given_norms holds, instance norms too
};

// Statistics of norms that the caller has found, where an image runs in pieces. Norms
// are numbered as they are built, which is an order in which they can be computed.
struct given_norms {
    // Scale, shift, mean and variance of each norm, as weights_add_norm makes them, by
    // the names that batch norms have in the network's own weights. Builders add them.
    struct weights *weights;
    bool measures;        // norm `measured` is not applied but measured: the output is
    uint32_t measured;    // of no use. The norms in front of it take what is given
    // Not 0: the statistics follow those of one image after the other, of which they
    // keep so much (shared/norm.h); nothing is measured apart.
    float keep;
    struct tensor *region;    // what of its input counts, in pixels of the network's
    uint32_t height;          // rows of that
    // Out: norms so far; then mean and variance of the measured one, [n, c, 1, 2], see
    // graph_moments.
    uint32_t count;
    struct tensor *moments;
};

// How a network is built. Zero is training.
struct model_mode {
    bool no_dropout;    // switched off, whatever the network has
    enum model_statistics statistics;
    bool keep_running;    // STATISTICS_BATCH: the running ones stay as they are,
                          // because these samples have been counted before
    uint32_t sections;    // batches in the tensor that are normalised apart; 0 is 1
    // Generators: left and right, top and bottom continue each other, also inside.
    bool wraps_across, wraps_down;
    struct given_norms *given;    // STATISTICS_GIVEN
    bool full;                    // in floats, whatever the precision of the weights
    bool passes_only;             // D: no gradient of this run's weights is wanted
};

// Generators map x [n, channels_in, h, w] to [n, channels_out, h, w] in [-1, 1]; h and
// w are multiples of generator_multiple, from generator_least_side on.
struct generator_options {
    uint32_t levels;    // U-Net and encoder-decoder: halvings, 2 or more
    uint32_t ngf;       // channels ngf * {1, 2, 4, 8, 8, ...}
    uint32_t channels_in, channels_out;
    enum generator_kind {
        GENERATOR_UNET,
        GENERATOR_ENCODER_DECODER,    // the U-Net without its skips
        GENERATOR_RESNET,
    } kind;
    uint32_t blocks;    // ResNet: residual blocks
    enum model_norm norm;
    bool bias;    // in front of a norm too; without: in front of instance norm
    bool norm_innermost;    // of the U-Net's smallest map, after its encoder
    bool decoder_first;     // in the U-Net's concatenations; without: the skip
    bool resize;    // doubling by nearest neighbour and a convolution, instead of
                    // a transposed convolution
    bool no_dropout;
    bool dropout_inner;    // U-Net: in the three innermost decoders, as in the paper;
                           // without: between the innermost and the four outer levels
    bool classes;          // outputs are probabilities, by a softmax over channels (see
                           // graph_softmax), instead of a tanh of each
};

struct tensor *generator_build(struct graph *g, struct weights *weights,
                               struct tensor *x,
                               const struct generator_options *options,
                               struct model_mode mode);

// With `classes` the logits that the softmax takes: generator_build without it.
struct tensor *generator_build_logits(struct graph *g, struct weights *weights,
                                      struct tensor *x,
                                      const struct generator_options *options,
                                      struct model_mode mode);

uint32_t generator_multiple(const struct generator_options *options);
uint32_t generator_least_side(const struct generator_options *options);

// How far a generator sees, norms with statistics of the image left aside: an output
// pixel depends on input pixels of at most this distance on each axis. For a U-Net of n
// levels 3 (2^n - 1).
uint32_t generator_radius(const struct generator_options *options);

// Discriminators map x [n, c, h, w] to logits [n, 1, h', w'].
struct discriminator_options {
    uint32_t layers;    // PatchGAN: 1 to 6; 3 sees 70x70 pixels
    uint32_t ndf;
    bool pixel;    // the PixelGAN: each pixel alone; `layers` is ignored
    enum model_norm norm;
    bool bias;    // as the generator's
};

struct tensor *discriminator_build(struct graph *g, struct weights *weights,
                                   struct tensor *x,
                                   const struct discriminator_options *options,
                                   struct model_mode mode);

// The gradient of the sum of all logits for x, [n, c, h, w], itself built from ordinary
// nodes: transposed convolutions that share the discriminator's weights, and masks. The
// discriminator must have no norm.
struct tensor *discriminator_input_gradient(
    struct graph *g, struct weights *weights, struct tensor *x,
    const struct discriminator_options *options);

// The side of the square that one logit sees, pixels.
uint32_t discriminator_receptive_field(const struct discriminator_options *options);

// The side of the map of logits for an input of this side; 0: it is too small.
uint32_t discriminator_output_side(const struct discriminator_options *options,
                                   uint32_t side);

#endif
