// SPDX-License-Identifier: MIT
//
// What networks are made of: convolutions and norms with their weights, by the rules
// that the options of a network set. For the files of models/ only.

#ifndef MODELS_PARTS_H
#define MODELS_PARTS_H

#include "models/model.h"
#include "models/reach.h"

#define MODEL_DROPOUT 0.5f

struct network {
    struct graph *g;
    struct weights *weights;
    enum model_norm norm;
    bool bias;      // in front of a norm
    bool resize;    // see generator_options
    struct model_mode mode;
};

// Convolutions in front of a norm have a bias where the norm does not take it out
// again: the PyTorch port's rule, which it applies to networks without any norm as
// well.
static inline bool network_bias(enum model_norm norm, bool everywhere)
{
    return everywhere || norm == MODEL_NORM_INSTANCE;
}

// The last convolution, whose tanh logits of classes do not go through.
static inline struct conv_attributes network_last(struct conv_attributes last,
                                                  bool classes)
{
    last.tanh = last.tanh && !classes;
    return last;
}

// A convolution with the weight NAME.weight and, if wanted, NAME.bias. The name is
// formatted.
struct tensor *network_conv(const struct network *n, struct tensor *x, uint32_t c_out,
                            struct conv_attributes attr, bool bias, const char *format,
                            ...) PRINTF_LIKE(6, 7);

// A border of `size` pixels on all sides: what lies at the other end where the mode
// says so, else of this kind. NULL of a failed graph.
struct tensor *network_pad(const struct network *n, struct tensor *x, uint32_t size,
                           enum pad_kind kind);

// Twice the size, [n, c, h, w] -> [n, c_out, 2 h, 2 w]: a transposed convolution, or
// with `resize` nearest neighbour and a convolution.
struct tensor *network_double(const struct network *n, struct tensor *x, uint32_t c_out,
                              struct conv_attributes attr, bool bias,
                              const char *format, ...) PRINTF_LIKE(6, 7);

// A norm (epsilon 1e-5, momentum 0.1, as the port's) with the weights NAME.weight,
// .bias, .running_mean and .running_var if it is a batch norm, then a ReLU and dropout
// as wanted. With MODEL_NORM_NONE only these.
struct tensor *network_norm(const struct network *n, struct tensor *x, bool relu,
                            bool dropout, const char *format, ...) PRINTF_LIKE(5, 6);

// What the elements `out` of the output depend on in the input.
struct reach unet_reach(const struct generator_options *options, struct reach out);
struct reach resnet_reach(const struct generator_options *options, struct reach out);

struct tensor *unet_build(struct graph *g, struct weights *weights, struct tensor *x,
                          const struct generator_options *options,
                          struct model_mode mode);
struct tensor *resnet_build(struct graph *g, struct weights *weights, struct tensor *x,
                            const struct generator_options *options,
                            struct model_mode mode);

#endif
