// SPDX-License-Identifier: MIT
//
// A trained generator as a graph without losses.

#ifndef TRANSLATE_TRANSLATION_H
#define TRANSLATE_TRANSLATION_H

#include "models/model.h"
#include "models/staging.h"
#include "ops/conv_shape.h"
#include "settings/choice.h"
#include "settings/settings.h"

// How a generator is built in this mode.
struct model_mode translation_model_mode(enum translation_mode mode);

// What the host writes before a run and reads after it.
struct translation {
    struct tensor *pixels;    // in: one image a sample, see graph_pixels_unpack
    struct tensor *jitter;    // in: [batch, 1, 1, 4], zeros: no crop, no mirror
    struct tensor *output;    // out: see graph_pixels_pack
    // Where a norm is measured, else NULL. In: [1, 1, 1, 4], the rectangle, in pixels;
    // out: mean and variance, see graph_moments.
    struct tensor *region, *moments;
};

// For `batch` images of h x w pixels. False after a message.
bool translation_build(struct graph *g, struct weights *generator,
                       const struct generator_options *options, struct staging staging,
                       enum translation_mode mode, uint32_t batch, uint32_t h,
                       uint32_t w, struct translation *out);
// The same with a generator of any mode.
bool translation_build_mode(struct graph *g, struct weights *generator,
                            const struct generator_options *options,
                            struct staging staging, struct model_mode mode,
                            uint32_t batch, uint32_t h, uint32_t w,
                            struct translation *out);

// Adds the shapes of its convolutions to a list, for one image of the size that is
// trained on. The modes differ in norms and dropout: the convolutions of one are those
// of all. False after a message.
bool translation_add_shapes(struct conv_shapes *list, const struct op_limits *limits,
                            const struct settings *s);

#endif
