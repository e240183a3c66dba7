// SPDX-License-Identifier: MIT
//
// The builder functions: infer shapes, append the node, emit its forward calls. The
// first failure is sticky. See graph.h.

#include "graph/graph.h"

#include "base/log.h"
#include "base/mem.h"
#include "graph/tape.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

struct graph *graph_create(const struct op_limits *limits)
{
    struct graph *g = mem_zalloc(sizeof(*g));
    if (g)
        g->emitter.limits = *limits;
    return g;
}

// An exec reads the calls and tensors of its graph, so it has to be destroyed first.
// Weights belong to their struct weights and stay.
void graph_destroy(struct graph *g)
{
    if (!g)
        return;
    emitter_finish(&g->emitter);
    for (size_t i = 0; i < g->node_count; i++)
        mem_free(g->nodes[i]);
    for (size_t i = 0; i < g->label_count; i++)
        mem_free(g->labels[i]);
    mem_free(g->nodes);
    mem_free(g->labels);
    mem_free(g);
}

bool graph_failed(const struct graph *g)
{
    return g->emitter.failed;
}

const char *graph_label(struct graph *g, const char *format, ...)
{
    char text[256];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    char *copy = mem_strdup(text);
    if (!copy || !mem_grow(&g->labels, &g->label_capacity, g->label_count + 1,
                           sizeof(g->labels[0]))) {
        mem_free(copy);
        g->emitter.failed = true;
        return "";
    }
    g->labels[g->label_count++] = copy;
    return copy;
}

// The name is copied, so that a caller may format it in a buffer of its own.
struct tensor *graph_input(struct graph *g, const char *name, struct shape shape,
                           enum tensor_format format)
{
    struct tensor *t =
        emitter_tensor(&g->emitter, graph_label(g, "%s", name), shape, format);
    if (t)
        t->is_input = true;
    return t;
}

void graph_begin_samples(struct graph *g, uint32_t first_sample)
{
    g->first_sample = first_sample;
    // The counters start again with each part, so that node k of every part draws with
    // the same stream number, and the sample alone tells the parts apart.
    g->dropouts = 0;
    g->interpolations = 0;
}

void graph_store(struct graph *g, enum tensor_format format)
{
    assert(format == TENSOR_F32 || tensor_format_is_16(format));
    g->store = format;
}

void graph_mark(struct graph *g, struct weights *weights)
{
    g->emitter.scaler =
        weights && weights_wants_scaler(weights) ? &weights->scaler : NULL;
}

void graph_keep(struct graph *g, struct tensor *t)
{
    // The planner places roots: a slice stays readable only if all of its root does.
    if (!graph_failed(g) && t)
        tensor_place(emitter_resolve(t)).root->kept = true;
}

// The weight that a message about this node should name, or NULL.
static const char *weight_name(const struct op_node *n)
{
    for (size_t i = 1; i < OP_MAX_INPUTS; i++)
        if (n->in[i] && n->in[i]->weight)
            return n->in[i]->weight->name;
    return NULL;
}

// Takes a copy of `node`, whose inputs and attributes alone are set, and returns the
// node's output. A failure is one of the whole graph: a network with a node missing
// must never run.
static struct tensor *append(struct graph *g, const struct op *op,
                             const struct op_node *node)
{
    struct emitter *e = &g->emitter;
    // Without a first input an earlier builder has failed; graph_fill alone has none.
    if (e->failed || (!node->in[0] && op != &op_fill)) {
        e->failed = true;
        return NULL;
    }
    struct op_node *n = mem_zalloc(sizeof(*n));
    if (!n || !mem_grow(&g->nodes, &g->node_capacity, g->node_count + 1,
                        sizeof(g->nodes[0]))) {
        mem_free(n);
        e->failed = true;
        return NULL;
    }
    // In the list before anything can fail, because the list is what frees it.
    *n = *node;
    n->op = op;
    g->nodes[g->node_count++] = n;
    const char *weight = weight_name(n);
    n->label = weight ? graph_label(g, "%s %s", op->name, weight) : op->name;

    struct op_shapes shapes = { .format = TENSOR_F32 };
    if (!op->infer(n, &shapes)) {
        e->failed = true;
        return NULL;
    }
    assert(shape_count(shapes.out) > 0);
    if (op == &op_detach)
        shapes.format = n->in[0]->format;
    else if (shapes.format == TENSOR_F32 && !shapes.is_full)
        shapes.format = g->store;
    n->out = emitter_tensor(e, n->label, shapes.out, shapes.format);
    for (size_t i = 0; i < OP_MAX_SAVED; i++)
        if (shapes.saved[i].n)
            n->saved[i] = emitter_tensor(e, n->label, shapes.saved[i], TENSOR_F32);
    if (e->failed)
        return NULL;
    // An alias shares the memory but is a tensor of its own, with no gradient: that is
    // how the gradient ends here.
    if (op == &op_detach)
        graph_tensor_of(n->out)->alias = n->in[0];
    e->label = n->label;
    op->forward(e, n);
    return n->out;
}

// Where activations are floats weights are, too.
static struct conv_attributes with_store(const struct graph *g,
                                         struct conv_attributes attr)
{
    attr.full_weight = attr.full_weight || g->store == TENSOR_F32;
    return attr;
}

// x [n, c, h, w], w [c_out, c, k, k], b [1, c_out, 1, 1] or NULL.
struct tensor *graph_conv(struct graph *g, struct tensor *x, struct tensor *w,
                          struct tensor *b, struct conv_attributes attr)
{
    return append(
        g, &op_conv,
        &(struct op_node){ .in = { x, w, b }, .attr.conv = with_store(g, attr) });
}

// x [n, c, h, w], w [c, c_out, k, k]: PyTorch's order, the input's channels first.
struct tensor *graph_conv_transpose(struct graph *g, struct tensor *x, struct tensor *w,
                                    struct tensor *b, struct conv_attributes attr)
{
    return append(
        g, &op_conv_transpose,
        &(struct op_node){ .in = { x, w, b }, .attr.conv = with_store(g, attr) });
}

// x and the result [n, c, h, w], scale [1, c, 1, 1]. A norm with dropout counts among
// the dropout nodes, so a network draws the same masks whether dropout is fused or not.
struct tensor *graph_norm(struct graph *g, struct tensor *x, struct tensor *scale,
                          struct norm_attributes attr)
{
    return graph_norm_following(g, x, scale, NULL, attr);
}

struct tensor *graph_norm_following(struct graph *g, struct tensor *x,
                                    struct tensor *scale, struct tensor *moments,
                                    struct norm_attributes attr)
{
    if (attr.dropout > 0.0f) {
        attr.stream = g->dropouts++;
        attr.first_sample = g->first_sample;
    }
    // The shift is an input for the sake of its gradient.
    struct norm_weights *norm = scale && scale->weight ? scale->weight->norm : NULL;
    struct tensor *shift = norm ? &norm->shift->value : NULL;
    return append(
        g, &op_norm,
        &(struct op_node){ .in = { x, scale, shift, moments }, .attr.norm = attr });
}

// x and the result have the same shape. The slope is read by the leaky kind alone.
static struct tensor *append_activation(struct graph *g, struct tensor *x,
                                        enum activation_kind kind, float slope)
{
    return append(g, &op_activation,
                  &(struct op_node){ .in = { x }, .attr.activation = { kind, slope } });
}

struct tensor *graph_leaky_relu(struct graph *g, struct tensor *x, float slope)
{
    return append_activation(g, x, ACTIVATION_KIND_LEAKY, slope);
}

struct tensor *graph_relu(struct graph *g, struct tensor *x)
{
    return append_activation(g, x, ACTIVATION_KIND_LEAKY, 0.0f);
}

struct tensor *graph_tanh(struct graph *g, struct tensor *x)
{
    return append_activation(g, x, ACTIVATION_KIND_TANH, 0.0f);
}

struct tensor *graph_sigmoid(struct graph *g, struct tensor *x)
{
    return append_activation(g, x, ACTIVATION_KIND_SIGMOID, 0.0f);
}

// The stream numbers dropout nodes in the order in which they are built. A network that
// builds them in another order draws other masks from the same seed.
struct tensor *graph_dropout(struct graph *g, struct tensor *x, float probability)
{
    const struct dropout_attributes attr = {
        .probability = probability,
        .stream = g->dropouts++,
        .first_sample = g->first_sample,
    };
    return append(g, &op_dropout,
                  &(struct op_node){ .in = { x }, .attr.dropout = attr });
}

// [n, ca, h, w] and [n, cb, h, w] -> [n, ca + cb, h, w], a first.
struct tensor *graph_concat(struct graph *g, struct tensor *a, struct tensor *b)
{
    return append(g, &op_concat, &(struct op_node){ .in = { a, b } });
}

// [na, c, h, w] and [nb, c, h, w] -> [na + nb, c, h, w], a first. This lets D look at
// real and generated pairs in one pass.
struct tensor *graph_stack(struct graph *g, struct tensor *a, struct tensor *b)
{
    return append(g, &op_concat,
                  &(struct op_node){ .in = { a, b }, .attr.concat.samples = true });
}

struct tensor *graph_add(struct graph *g, struct tensor *a, struct tensor *b)
{
    return append(g, &op_add, &(struct op_node){ .in = { a, b } });
}

struct tensor *graph_scale(struct graph *g, struct tensor *x, float factor)
{
    return append(g, &op_scale, &(struct op_node){ .in = { x }, .attr.scale = factor });
}

// The result has the values of x. What is built on it sends no gradient to x, so D can
// be trained on G's output without a step of G.
struct tensor *graph_detach(struct graph *g, struct tensor *x)
{
    return append(g, &op_detach, &(struct op_node){ .in = { x } });
}

struct tensor *graph_pad(struct graph *g, struct tensor *x, uint32_t size,
                         enum pad_kind kind)
{
    return graph_pad_sides(g, x, size, kind, kind);
}

struct tensor *graph_pad_sides(struct graph *g, struct tensor *x, uint32_t size,
                               enum pad_kind down, enum pad_kind across)
{
    return append(g, &op_pad,
                  &(struct op_node){ .in = { x }, .attr.pad = { down, across, size } });
}

struct tensor *graph_upsample(struct graph *g, struct tensor *x)
{
    return append(g, &op_upsample, &(struct op_node){ .in = { x } });
}

struct tensor *graph_pool(struct graph *g, struct tensor *x,
                          struct pool_attributes attr)
{
    return append(g, &op_pool, &(struct op_node){ .in = { x }, .attr.pool = attr });
}

struct tensor *graph_affine(struct graph *g, struct tensor *x,
                            const struct affine_attributes *attr)
{
    return append(g, &op_affine,
                  &(struct op_node){ .in = { x }, .attr.affine = *attr });
}

struct tensor *graph_softmax(struct graph *g, struct tensor *x)
{
    return append(g, &op_softmax, &(struct op_node){ .in = { x } });
}

struct tensor *graph_unit(struct graph *g, struct tensor *x)
{
    return append(g, &op_unit, &(struct op_node){ .in = { x } });
}

struct tensor *graph_distance(struct graph *g, struct tensor *a, struct tensor *b,
                              struct tensor *w)
{
    return append(g, &op_distance, &(struct op_node){ .in = { a, b, w } });
}

struct tensor *graph_moments(struct graph *g, struct tensor *x, struct tensor *region,
                             uint32_t step)
{
    return append(g, &op_moments,
                  &(struct op_node){ .in = { x, region }, .attr.step = step });
}

struct tensor *graph_fill(struct graph *g, struct shape shape, float value)
{
    return append(g, &op_fill, &(struct op_node){ .attr.fill = { shape, value } });
}

struct tensor *graph_mask(struct graph *g, struct tensor *x, struct tensor *h,
                          float slope)
{
    return append(g, &op_mask, &(struct op_node){ .in = { x, h }, .attr.mask = slope });
}

// dy [n, c_out, h', w'] and w [c_out, c, k, k] -> [n, c, h, w] as `like`. The size has
// to be given: where the stride does not divide evenly, several sizes have the same h'
// and w'.
struct tensor *graph_conv_gradient(struct graph *g, struct tensor *dy, struct tensor *w,
                                   const struct tensor *like,
                                   struct conv_attributes attr)
{
    if (like) {
        attr.out_h = like->shape.h;
        attr.out_w = like->shape.w;
    }
    attr.leaky = false;    // of the convolution's input: graph_mask comes after this
    return append(
        g, &op_conv_transpose,
        &(struct op_node){ .in = { dy, w }, .attr.conv = with_store(g, attr) });
}

// a, b and the result [n, c, h, w]; one alpha for all elements of a sample.
struct tensor *graph_interpolate(struct graph *g, struct tensor *a, struct tensor *b,
                                 float alpha)
{
    const struct interpolate_attributes attr = {
        .alpha = alpha,
        .stream = g->interpolations++,
        .first_sample = g->first_sample,
    };
    return append(g, &op_interpolate,
                  &(struct op_node){ .in = { a, b }, .attr.interpolate = attr });
}

// x [n, c, h, w] is a gradient by images, the result [1, 1, 1, 1].
struct tensor *graph_gradient_penalty(struct graph *g, struct tensor *x, float weight)
{
    return append(g, &op_penalty,
                  &(struct op_node){ .in = { x }, .attr.penalty = weight });
}

// x and target [n, c, h, w]; the result is [1, groups, 1, 1]. Without a target x is
// compared with the labels of the attributes.
static struct tensor *append_loss(struct graph *g, struct tensor *x,
                                  struct tensor *target, struct loss_attributes attr)
{
    attr.has_target = target != NULL;
    return append(g, &op_loss,
                  &(struct op_node){ .in = { x, target }, .attr.loss = attr });
}

struct tensor *graph_l1(struct graph *g, struct tensor *x, struct tensor *target,
                        float weight)
{
    return append_loss(g, x, target,
                       (struct loss_attributes){
                           .kind = LOSS_KIND_L1, .groups = 1, .weight = weight });
}

struct tensor *graph_mse(struct graph *g, struct tensor *x, struct tensor *target)
{
    return append_loss(
        g, x, target,
        (struct loss_attributes){ .kind = LOSS_KIND_MSE, .groups = 1, .weight = 1.0f });
}

struct tensor *graph_cross_entropy(struct graph *g, struct tensor *x,
                                   struct tensor *target, float weight)
{
    return append(
        g, &op_cross_entropy,
        &(struct op_node){ .in = { x, target }, .attr.cross_entropy = weight });
}

struct tensor *graph_gan_loss(struct graph *g, struct tensor *x, enum loss_kind kind,
                              float label)
{
    return append_loss(
        g, x, NULL,
        (struct loss_attributes){
            .kind = kind, .groups = 1, .labels = { label }, .weight = 1.0f });
}

struct tensor *graph_gan_loss_halves(struct graph *g, struct tensor *x,
                                     enum loss_kind kind, float first, float second)
{
    return append_loss(
        g, x, NULL,
        (struct loss_attributes){
            .kind = kind, .groups = 2, .labels = { first, second }, .weight = 1.0f });
}

struct tensor *graph_pixels_unpack(struct graph *g, struct tensor *pixels,
                                   struct tensor *jitter, uint32_t h, uint32_t w,
                                   struct pixels_attributes attr)
{
    attr.h = h;
    attr.w = w;
    return append(g, &op_pixels_unpack,
                  &(struct op_node){ .in = { pixels, jitter }, .attr.pixels = attr });
}

// x [n, c, h, w] in [-1, 1], or floats as they are -> U8 [n, bytes, 1, 1].
struct tensor *graph_pixels_pack(struct graph *g, struct tensor *x,
                                 enum pixel_kind kind, struct pixel_range range)
{
    return append(g, &op_pixels_pack,
                  &(struct op_node){ .in = { x },
                                     .attr.pixels = { .kind = kind, .range = range } });
}

// The tuner measures single products with it: there is no node, so it cannot be
// differentiated, and the tensors have the shapes of conv_emit.
void graph_product(struct graph *g, const struct conv_shape *shape, struct tensor *a,
                   struct tensor *b, struct tensor *out)
{
    g->emitter.label = "product";
    conv_emit(&g->emitter, shape, a, b, out);
}

size_t graph_node_count(const struct graph *g)
{
    return g->node_count;
}

const struct op_node *graph_node(const struct graph *g, size_t i)
{
    assert(i < g->node_count);
    return g->nodes[i];
}

// ---------------------------------------------------------------------------
// What plan and exec read

void graph_finish(struct graph *g)
{
    emitter_drop_dead(&g->emitter);
    emitter_fill_views(&g->emitter);
}

size_t graph_call_count(const struct graph *g)
{
    return g->emitter.call_count;
}

const struct call *graph_call(const struct graph *g, size_t i)
{
    assert(i < g->emitter.call_count);
    return &g->emitter.calls[i];
}

size_t graph_tensor_count(const struct graph *g)
{
    return g->emitter.tensor_count;
}

struct tensor *graph_tensor(const struct graph *g, size_t i)
{
    assert(i < g->emitter.tensor_count);
    return &g->emitter.tensors[i]->base;
}

const struct conv_shapes *graph_products(const struct graph *g)
{
    return &g->emitter.products;
}
