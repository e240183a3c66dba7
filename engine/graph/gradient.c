// SPDX-License-Identifier: MIT
//
// Reverse-mode differentiation over the tape: mark the path between the weights and the
// loss, walk the nodes back, let each op emit. Only that path is differentiated, which
// is what the two updates of a GAN need.

#include "graph/graph.h"

#include "base/log.h"
#include "base/mem.h"
#include "graph/tape.h"

#include <assert.h>

// A weight of another network is a constant here: that is how D's update leaves G
// alone, although the loss depends on both.
static bool needs_gradient(const struct graph *g, struct tensor *t)
{
    if (t->weight)
        return emitter_trained_index(&g->emitter, t) != SIZE_MAX;
    return graph_tensor_of(t)->needs_gradient;
}

// Whether the gradient does not flow from a node to this input.
static bool is_constant(const struct op_node *n, size_t k)
{
    return n->op->constant >> k & 1;
}

// Marks every tensor that depends on a trained weight.
static void mark_path(struct graph *g)
{
    // One graph has several backward passes (D's, then G's). What the last one left
    // must not reach this one.
    for (size_t i = 0; i < g->emitter.tensor_count; i++) {
        struct graph_tensor *t = g->emitter.tensors[i];
        t->needs_gradient = false;
        t->is_reached = false;
        t->gradient_is_set = t->gradient_is_constant = false;
        t->gradient = NULL;
    }
    for (size_t i = 0; i < g->node_count; i++) {
        const struct op_node *n = g->nodes[i];
        // Detach, fill, interpolate and the pixel ops: the path of gradients ends at
        // them.
        if (!n->op->backward)
            continue;
        for (size_t k = 0; k < OP_MAX_INPUTS; k++)
            if (n->in[k] && !is_constant(n, k) && needs_gradient(g, n->in[k]))
                graph_tensor_of(n->out)->needs_gradient = true;
    }
}

// A weight that is read in another way than by the nodes that add to its gradient, or
// twice by one of them, is not updated before all of them are done.
static void mark_reader(struct emitter *e, const struct op_node *n, size_t k)
{
    struct tensor *t = emitter_resolve(n->in[k]);
    size_t index = emitter_trained_index(e, t);
    if (index == SIZE_MAX)
        return;
    // A detached weight resolves to the weight but is not it: its reader adds no
    // gradient.
    bool elsewhere = t != n->in[k] || is_constant(n, k);
    for (size_t i = 0; i < OP_MAX_INPUTS; i++)
        elsewhere |= i != k && n->in[i] && emitter_resolve(n->in[i]) == t;
    if (elsewhere)
        e->passes[index].is_read_elsewhere = true;
}

// Marks the tensors on the way from the loss to the trained weights, and counts the
// nodes that add to the gradient of each weight.
static void mark_reached(struct graph *g, struct tensor *loss)
{
    struct emitter *e = &g->emitter;
    // From the loss back, since the tape is in topological order: every reader of a
    // tensor is seen before the node that makes it.
    graph_tensor_of(loss)->is_reached = true;
    for (size_t i = g->node_count; i-- > 0;) {
        const struct op_node *n = g->nodes[i];
        const struct graph_tensor *out = graph_tensor_of(n->out);
        if (!out->is_reached || !out->needs_gradient)
            continue;
        for (size_t k = 0; k < OP_MAX_INPUTS; k++) {
            if (!n->in[k])
                continue;
            mark_reader(e, n, k);
            if (is_constant(n, k) || !needs_gradient(g, n->in[k]))
                continue;
            if (n->in[k]->weight)
                e->passes[emitter_trained_index(e, n->in[k])].left++;
            else
                graph_tensor_of(n->in[k])->is_reached = true;
        }
    }
}

// The second half of a node's backward pass, see struct op. `n` may be NULL, before the
// first node and after the last.
static void backward_weights(struct graph *g, const struct op_node *n)
{
    if (!n || !n->op->backward_weights || g->emitter.failed)
        return;
    g->emitter.label = graph_label(g, "%s, backward", n->label);
    n->op->backward_weights(&g->emitter, n);
}

// With a loss scale no weight may change before it is known that no gradient has
// overflowed, so those of weights come after all others.
static void scaled_weights(struct graph *g, const struct optimizer *optimizer)
{
    struct emitter *e = &g->emitter;
    e->label = "loss scale";
    if (optimizer)
        scaler_emit(e, e->scaler, optimizer);
    for (size_t i = g->node_count; i-- > 0 && !e->failed;) {
        const struct graph_tensor *out = graph_tensor_of(g->nodes[i]->out);
        if (out->needs_gradient && out->gradient_is_set)
            backward_weights(g, g->nodes[i]);
    }
}

// Until called again with NULL, calls read and mark the loss scale of these weights, if
// they have one.
static void use_scaler(struct graph *g, struct weights *weights)
{
    g->emitter.scaler =
        weights && weights_has_scaler(weights) ? &weights->scaler : NULL;
}

// With an optimizer, ops may update weights instead of storing their gradients. With
// `adds` these are added to what is there.
static void backward(struct graph *g, struct tensor *loss, struct weights *weights,
                     const struct optimizer *optimizer, bool adds)
{
    struct emitter *e = &g->emitter;
    if (e->failed)
        return;
    assert(!loss->weight);
    mem_free(e->passes);
    e->passes = mem_array(MAX(weights->count, 1), sizeof(e->passes[0]));
    if (!e->passes) {
        e->failed = true;
        return;
    }
    e->training = weights;
    e->optimizer = optimizer;
    use_scaler(g, weights);
    // A gradient that counts as set is added to; otherwise its first writer overwrites,
    // so nothing has to be cleared.
    for (size_t i = 0; i < weights->count; i++)
        e->passes[i].is_set = adds && weight_is_trained(weights->items[i]);
    mark_path(g);
    mark_reached(g, loss);

    // A loss of several numbers, [1, 2, 1, 1], is differentiated as their sum: each has
    // the gradient 1.
    emitter_set_gradient_constant(loss, 1.0f);
    const struct op_node *waiting = NULL;
    for (size_t i = g->node_count; i-- > 0 && !e->failed;) {
        const struct op_node *n = g->nodes[i];
        struct graph_tensor *out = graph_tensor_of(n->out);
        if (!out->needs_gradient || !out->gradient_is_set)
            continue;
        e->label = graph_label(g, "%s, backward", n->label);
        // Weight gradients wait for the next node's input gradient: only the optimiser
        // reads them, so that both can run between the same two barriers.
        n->op->backward(e, n);
        if (e->scaler)
            continue;
        backward_weights(g, waiting);
        waiting = n;
    }
    backward_weights(g, waiting);
    if (e->scaler)
        scaled_weights(g, optimizer);
    for (size_t i = 0; i < weights->count && !e->failed; i++) {
        struct weight *w = weights->items[i];
        // The optimiser reads every gradient. That of a weight which the loss does not
        // depend on is zero, not what an earlier step left there.
        if (weight_is_trained(w) && !e->passes[i].is_set)
            fill_emit(e, &w->gradient, 0.0f);
    }
    e->training = NULL;
    e->optimizer = NULL;
    use_scaler(g, NULL);
}

void graph_backward(struct graph *g, struct tensor *loss, struct weights *weights)
{
    backward(g, loss, weights, NULL, false);
}

void graph_accumulate(struct graph *g, struct tensor *loss, struct weights *weights,
                      bool is_first)
{
    backward(g, loss, weights, NULL, !is_first);
}

static void update(struct graph *g, struct weight *w, const struct optimizer *optimizer)
{
    g->emitter.label = graph_label(g, "update %s", w->name);
    optimizer_emit(&g->emitter, w, optimizer);
}

void graph_update(struct graph *g, struct weights *weights,
                  const struct optimizer *optimizer)
{
    struct emitter *e = &g->emitter;
    use_scaler(g, weights);
    e->label = "loss scale";
    if (e->scaler)
        scaler_emit(e, e->scaler, optimizer);
    for (size_t i = 0; i < weights->count && !e->failed; i++)
        if (weight_is_trained(weights->items[i]))
            update(g, weights->items[i], optimizer);
    use_scaler(g, NULL);
}

// Weights that a fused kernel has updated are left out: a second update would be
// another step.
static void minimize(struct graph *g, struct tensor *loss, struct weights *weights,
                     const struct optimizer *optimizer, bool adds)
{
    backward(g, loss, weights, optimizer, adds);
    use_scaler(g, weights);
    for (size_t i = 0; i < weights->count && !g->emitter.failed; i++)
        if (weight_is_trained(weights->items[i]) && !g->emitter.passes[i].is_updated)
            update(g, weights->items[i], optimizer);
    use_scaler(g, NULL);
}

void graph_minimize(struct graph *g, struct tensor *loss, struct weights *weights,
                    const struct optimizer *optimizer)
{
    minimize(g, loss, weights, optimizer, false);
}

void graph_minimize_accumulated(struct graph *g, struct tensor *loss,
                                struct weights *weights,
                                const struct optimizer *optimizer)
{
    minimize(g, loss, weights, optimizer, true);
}

void graph_average(struct graph *g, struct weights *weights, float decay)
{
    assert(weights->keeps_average);
    for (size_t i = 0; i < weights->count && !g->emitter.failed; i++) {
        struct weight *w = weights->items[i];
        g->emitter.label = graph_label(g, "average of %s", w->name);
        // Running statistics are averages already. A decay of 0 copies them.
        ema_emit(&g->emitter, w, weight_is_trained(w) ? (double)decay : 0.0);
    }
}

struct tensor *graph_gradient_of(struct graph *g, const struct tensor *t)
{
    (void)g;
    if (t->weight)
        return &t->weight->gradient;
    return ((const struct graph_tensor *)t)->gradient;
}
