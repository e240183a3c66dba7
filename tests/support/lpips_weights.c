// SPDX-License-Identifier: MIT
//
// See lpips_weights.h.

#include "support/lpips_weights.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "formats/pth.h"
#include "store/weight_names.h"
#include "support/golden.h"

enum lpips_backbone lpips_weights_backbone(const char *name)
{
    for (int b = 0; b < LPIPS_BACKBONES; b++)
        if (strcmp(name, lpips_backbone_name(b)) == 0)
            return b;
    fail_msg("no backbone %s", name);
    return LPIPS_ALEX;
}

struct weights *lpips_weights_create(enum lpips_backbone b)
{
    const struct shape s = { 1, 3, 64, 64 };
    struct graph *g = graph_create(&op_limits_guaranteed);
    struct weights *weights = weights_create(true);
    assert_non_null(lpips_build(g, weights, graph_input(g, "x", s, TENSOR_F32),
                                graph_input(g, "y", s, TENSOR_F32), b));
    graph_destroy(g);
    return weights;
}

void lpips_weights_draw(const struct weight *w, enum lpips_backbone b, double biases,
                        float *values)
{
    char name[128];
    const struct shape s = w->value.shape;
    snprintf(name, sizeof(name), "%s.%s", lpips_backbone_name(b), w->name);
    if (strncmp(w->name, "lin", 3) == 0)
        golden_weight(name, shape_count(s), 0.5, 0.5, values);
    else if (w->kind == WEIGHT_BIAS)
        golden_weight(name, shape_count(s), 0.1, biases, values);
    else
        golden_weight(name, shape_count(s), sqrt(6.0 / ((double)s.c * s.h * s.w)), 0.0,
                      values);
}

struct drawing {
    const struct weights *weights;
    enum lpips_backbone backbone;
};

static bool draw_values(void *user, size_t i, void *data)
{
    const struct drawing *d = user;
    lpips_weights_draw(d->weights->items[i], d->backbone, 0.0, data);
    return true;
}

void lpips_weights_write(const char *path, enum lpips_backbone b)
{
    enum { MOST = 80 };
    struct pth_tensor tensors[MOST];
    struct weights *weights = lpips_weights_create(b);
    struct drawing d = { weights, b };
    assert_true(weights->count <= MOST);
    for (size_t i = 0; i < weights->count; i++) {
        tensors[i] =
            (struct pth_tensor){ .name = weights->items[i]->name, .kind = "F32" };
        tensors[i].rank = weight_names_sides(weights->items[i], tensors[i].sides);
    }
    assert_true(pth_write(path, tensors, weights->count, draw_values, &d));
    weights_destroy(weights);
}
