// SPDX-License-Identifier: MIT
//
// What all networks share: a normalisation with its weights. See model.h.

#include "models/model.h"

#include <stdarg.h>
#include <stdio.h>

struct tensor *model_norm(struct graph *g, struct weights *weights, struct tensor *x,
                          uint32_t c, struct model_mode mode, const char *format, ...)
{
    char prefix[192];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(prefix, sizeof(prefix), format, arguments);
    va_end(arguments);

    const struct shape shape = { 1, c, 1, 1 };
    struct tensor *scale =
        weights_add(weights, WEIGHT_NORM_SCALE, shape, "%s.weight", prefix);
    struct tensor *shift =
        weights_add(weights, WEIGHT_NORM_SHIFT, shape, "%s.bias", prefix);
    struct tensor *mean =
        weights_add(weights, WEIGHT_RUNNING_MEAN, shape, "%s.running_mean", prefix);
    struct tensor *variance =
        weights_add(weights, WEIGHT_RUNNING_VARIANCE, shape, "%s.running_var", prefix);
    const struct norm_attributes attr = {
        .kind = mode.per_image ? NORM_INSTANCE : NORM_BATCH,
        .epsilon = 1e-5f,
        .momentum = 0.1f,
        .update_running = !mode.per_image,
    };
    bool updates = attr.update_running;
    return graph_norm(g, x, scale, shift, updates ? mean : NULL,
                      updates ? variance : NULL, attr);
}
