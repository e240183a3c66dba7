// SPDX-License-Identifier: MIT
//
// LPIPS, the learned perceptual distance of two images: R. Zhang, P. Isola, A. A.
// Efros, E. Shechtman, O. Wang, "The Unreasonable Effectiveness of Deep Features as a
// Perceptual Metric", CVPR 2018, https://arxiv.org/abs/1801.03924, in its version 0.1
// (https://github.com/richzhang/PerceptualSimilarity): linear weights ("lin") on the
// features of a network that was trained to classify photographs.

#ifndef MODELS_LPIPS_H
#define MODELS_LPIPS_H

#include "graph/graph.h"
#include "ops/conv_shape.h"

// The networks of torchvision (https://github.com/pytorch/vision, models/) up to their
// last features.
enum lpips_backbone {
    LPIPS_ALEX,
    LPIPS_SQUEEZE,    // SqueezeNet 1.1
    LPIPS_VGG,        // VGG-16
    LPIPS_BACKBONES,
};

#define LPIPS_SIDE_MIN 32u    // of height and width, pixels
#define LPIPS_CHANNELS 3u
#define LPIPS_MOST 3u    // images that are compared with one

const char *lpips_backbone_name(enum lpips_backbone b);     // "alex", as in the package
const char *lpips_backbone_title(enum lpips_backbone b);    // "AlexNet", for people

// x and y [n, 3, h, w] in [-1, 1] -> [n, 1, 1, 1], the distance of each pair. The
// weights are torchvision's "features.N.weight" and ".bias" and a head "linK.weight",
// [1, c, 1, 1], for each of the maps that are compared. They are constants as a rule: a
// struct weights of their own, which nobody trains. The distance has a gradient by x
// and by y.
struct tensor *lpips_build(struct graph *g, struct weights *weights, struct tensor *x,
                           struct tensor *y, enum lpips_backbone b);
// The same of several x, at most LPIPS_MOST, each with y, whose features are computed
// once. False after a message.
bool lpips_build_all(struct graph *g, struct weights *weights, struct tensor *const *x,
                     size_t count, struct tensor *y, enum lpips_backbone b,
                     struct tensor **distances);

// Adds the shapes of its convolutions for a pair of this size to a list. False after a
// message.
bool lpips_add_shapes(struct conv_shapes *list, const struct op_limits *limits,
                      enum lpips_backbone b, uint32_t height, uint32_t width);

#endif
