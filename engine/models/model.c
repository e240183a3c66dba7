// SPDX-License-Identifier: MIT
//
// What all networks share: a normalisation with its weights. See model.h.

#include "models/model.h"

#include <stdarg.h>
#include <stdio.h>

struct tensor *model_norm(struct graph *g, struct weights *weights, struct tensor *x,
                          struct model_mode mode, float dropout, const char *format,
                          ...)
{
    char prefix[192];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(prefix, sizeof(prefix), format, arguments);
    va_end(arguments);

    if (graph_failed(g))
        return NULL;
    const struct norm_attributes attr = {
        .kind = mode.per_image ? NORM_INSTANCE : NORM_BATCH,
        .epsilon = 1e-5f,
        .momentum = 0.1f,
        .update_running = !mode.per_image,
        .sections = mode.sections,
        .dropout = dropout,
    };
    return graph_norm(g, x, weights_add_norm(weights, x->shape.c, prefix), attr);
}
