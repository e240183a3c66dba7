// SPDX-License-Identifier: MIT
//
// Staged samples: what the host writes for each image or pair, and how a graph makes
// [n, c, h, w] floats in [-1, 1] of it. A sample is the input's planes and, in a pair,
// the target's planes behind them; see shared/pixels.h for the layout of planes.

#ifndef MODELS_STAGING_H
#define MODELS_STAGING_H

#include "base/pixel.h"
#include "graph/graph.h"

// How the host stores images where it writes inputs and reads outputs.
struct staging {
    enum pixel_kind input, output;    // the target is stored as the output
    struct pixel_range input_range, output_range;
};

// Whether pairs are augmented on their way, and how. Zeroed: they are not.
struct staged_augment {
    bool is_set;
    // Pixels of inputs, and of targets, are taken as they are, not mixed (labels).
    bool nearest_in, nearest_out;
    uint32_t touched;    // first channels of inputs whose values change too
};

// Pairs of one size: how they are stored, and how they are cut.
struct staged_pairs {
    struct staging staging;
    uint32_t channels_in, channels_out;
    uint32_t load_h, load_w;    // as stored, pixels
    uint32_t crop_h, crop_w;    // as the networks see them
    struct staged_augment augment;
    struct tensor *pixels;    // U8 [n, bytes of a sample, 1, 1]
    struct tensor *jitter;    // [n, 1, 1, 4]: crop x, crop y, mirror, 0, as uint;
                              // augmented [n, 1, 1, 12]
};

// Adds both tensors as inputs of the graph, for `samples` pairs.
void staging_pairs(struct graph *g, struct staged_pairs *pairs, uint32_t samples);

// The inputs or the targets of samples first_sample to first_sample + samples - 1:
// [samples, channels, crop_h, crop_w].
enum staged_image { STAGED_INPUT, STAGED_TARGET };
struct tensor *staging_take(struct graph *g, const struct staged_pairs *pairs,
                            enum staged_image image, uint32_t first_sample,
                            uint32_t samples);

#endif
