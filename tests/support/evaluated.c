// SPDX-License-Identifier: MIT
//
// See evaluated.h.

#include "support/evaluated.h"

bool evaluated_find(pix_translator *translator, const char *data, const char *split,
                    const char *grid, uint32_t grid_rows, struct evaluated *out)
{
    struct pix_evaluate_options options;
    struct pix_evaluation e;
    *out = (struct evaluated){ .pairs = 0 };
    pix_evaluate_options_init(&options);
    options.data = data;
    options.split = split;
    options.grid = grid;
    options.grid_rows = grid_rows;
    if (!pix_evaluate(translator, &options, &e))
        return false;
    *out = (struct evaluated){
        .pairs = e.pairs,
        .broken = e.broken,
        .l1 = e.totals[PIX_SUBJECT_OUTPUT][PIX_METRIC_L1].mean,
        .l1_copy = e.totals[PIX_SUBJECT_COPY][PIX_METRIC_L1].mean,
        .l1_mean_colour = e.totals[PIX_SUBJECT_MEAN_COLOUR][PIX_METRIC_L1].mean,
    };
    pix_evaluation_free(&e);
    return true;
}
