// SPDX-License-Identifier: MIT
//
// Reverse-mode differentiation over the tape: mark the path between the weights and the
// loss, walk the nodes back, let each op emit. Only that path is differentiated, which
// is what the two updates of a GAN need.

#include "base/log.h"
#include "base/mem.h"
#include "graph/tape.h"

#include <assert.h>

static bool needs_gradient(const struct graph *g, struct tensor *t)
{
    if (t->weight)
        return emitter_trained_index(&g->emitter, t) != SIZE_MAX;
    return graph_tensor_of(t)->needs_gradient;
}

// Marks every tensor that depends on a trained weight.
static void mark_path(struct graph *g)
{
    for (size_t i = 0; i < g->emitter.tensor_count; i++) {
        struct graph_tensor *t = g->emitter.tensors[i];
        t->needs_gradient = false;
        t->gradient_is_set = false;
        t->gradient = NULL;
    }
    for (size_t i = 0; i < g->node_count; i++) {
        const struct op_node *n = g->nodes[i];
        if (!n->op->backward)
            continue;
        for (size_t k = 0; k < OP_MAX_INPUTS; k++)
            if (n->in[k] && needs_gradient(g, n->in[k]))
                graph_tensor_of(n->out)->needs_gradient = true;
    }
}

void graph_backward(struct graph *g, struct tensor *loss, struct weights *weights)
{
    struct emitter *e = &g->emitter;
    if (e->failed)
        return;
    assert(!loss->weight && shape_count(loss->shape) == 1);
    mem_free(e->weight_is_set);
    e->weight_is_set = mem_array(MAX(weights->count, 1), sizeof(e->weight_is_set[0]));
    if (!e->weight_is_set) {
        e->failed = true;
        return;
    }
    e->training = weights;
    mark_path(g);

    struct graph_tensor *root = graph_tensor_of(loss);
    if (root->needs_gradient) {
        e->label = graph_label(g, "gradient of %s", loss->name);
        struct gradient one = emit_gradient(e, loss);
        if (one.tensor)
            fill_emit(e, one.tensor, 1.0f);
    }
    for (size_t i = g->node_count; i-- > 0 && !e->failed;) {
        const struct op_node *n = g->nodes[i];
        struct graph_tensor *out = graph_tensor_of(n->out);
        if (!out->needs_gradient || !out->gradient_is_set)
            continue;
        e->label = graph_label(g, "%s, backward", n->label);
        n->op->backward(e, n);
    }
    for (size_t i = 0; i < weights->count && !e->failed; i++) {
        struct weight *w = weights->items[i];
        if (weight_is_trained(w) && !e->weight_is_set[i])
            fill_emit(e, &w->gradient, 0.0f);
    }
    e->training = NULL;
}

void graph_update(struct graph *g, struct weights *weights,
                  const struct optimizer *optimizer)
{
    struct emitter *e = &g->emitter;
    for (size_t i = 0; i < weights->count && !e->failed; i++) {
        struct weight *w = weights->items[i];
        if (!weight_is_trained(w))
            continue;
        e->label = graph_label(g, "update %s", w->name);
        if (optimizer->kind == OPTIMIZER_ADAM)
            adam_emit(e, w, optimizer->beta1, optimizer->beta2, optimizer->epsilon);
        else
            sgd_emit(e, w, optimizer->momentum);
    }
}

void graph_minimize(struct graph *g, struct tensor *loss, struct weights *weights,
                    const struct optimizer *optimizer)
{
    graph_backward(g, loss, weights);
    graph_update(g, weights, optimizer);
}

struct tensor *graph_gradient_of(struct graph *g, const struct tensor *t)
{
    (void)g;
    if (t->weight)
        return &t->weight->gradient;
    return ((const struct graph_tensor *)t)->gradient;
}
