// SPDX-License-Identifier: MIT
//
// From the tape to ONNX: the nodes that the output depends on, then descriptions and
// metadata, then the weights. See onnx_export.h.

#include "store/onnx_export.h"

#include "base/log.h"
#include "base/mem.h"
#include "ops/emitter.h"
#include "store/onnx_ops.h"
#include "store/weight_names.h"

#include <assert.h>
#include <stdio.h>

#define PROJECT "pix2pix.c"
#define STATISTICS_SIZE 128

struct exported {
    struct onnx_ops ops;
    const struct graph *graph;
    bool *wanted;    // [nodes]: the output depends on it
};

// Whether a wanted node after node i reads this tensor. For all nodes together the time
// is quadratic; a network has about a hundred.
static bool is_read(const struct exported *x, const struct tensor *t, size_t i)
{
    for (size_t k = i + 1; k < graph_node_count(x->graph); k++) {
        const struct op_node *n = graph_node(x->graph, k);
        for (size_t j = 0; x->wanted[k] && j < OP_MAX_INPUTS; j++)
            if (n->in[j] && emitter_resolve(n->in[j]) == t)
                return true;
    }
    return false;
}

// Adds the nodes that the output depends on. False after one message.
static bool export_nodes(struct exported *x)
{
    struct onnx_ops *ops = &x->ops;
    // Backwards, so that all readers of a tensor are known before the node that makes
    // it.
    for (size_t i = graph_node_count(x->graph); i-- > 0;) {
        // A node whose output only stands for another tensor adds nothing.
        struct tensor *out = graph_node(x->graph, i)->out;
        x->wanted[i] = out && emitter_resolve(out) == out && out != ops->input &&
                       (out == ops->output || is_read(x, out, i));
    }
    for (size_t i = 0; i < graph_node_count(x->graph) && !ops->failed; i++)
        if (x->wanted[i])
            onnx_ops_add(ops, graph_node(x->graph, i));
    if (!ops->failed && !onnx_ops_has(ops, ops->output)) {
        log_error("onnx: no node of the graph computes '%s'", ops->output->name);
        ops->failed = true;
    }
    return !ops->failed;
}

// Only trained and running values that a node reads become part of the model.
static void describe_weights(struct exported *x)
{
    for (size_t i = 0; i < x->ops.weight_count; i++) {
        const struct weight *w = x->ops.weights[i];
        const struct shape s = w->value.shape;
        const uint64_t sides[] = { s.n, s.c, s.h, s.w }, vector[] = { s.c };
        onnx_describe_weight(&x->ops.file, w->name,
                             weight_names_is_vector(w) ? vector : sides,
                             weight_names_is_vector(w) ? 1 : 4);
    }
}

// Sides with a name instead of a length are free. No node of the model depends on them.
static void describe_values(struct exported *x, const struct onnx_description *d)
{
    const struct shape in = x->ops.input->shape, out = x->ops.output->shape;
    // Where the network changes the sides, the output's are separate free lengths.
    const bool same = in.h == out.h && in.w == out.w;
    const char *const batch = d->fixes_batch ? NULL : "batch";
    const char *const height = d->fixes_sides ? NULL : "height";
    const char *const width = d->fixes_sides ? NULL : "width";
    const struct onnx_side from[] = {
        { batch, in.n }, { NULL, in.c }, { height, in.h }, { width, in.w }
    };
    const struct onnx_side to[] = {
        { batch, out.n },
        { NULL, out.c },
        { same || !height ? height : "output_height", out.h },
        { same || !width ? width : "output_width", out.w },
    };
    onnx_describe_input(&x->ops.file, ONNX_INPUT, from, ARRAY_LEN(from));
    onnx_describe_output(&x->ops.file, ONNX_OUTPUT, to, ARRAY_LEN(to));
}

// Where the norms take their statistics from, in words.
static void write_statistics(const struct exported *x, char text[STATISTICS_SIZE])
{
    static const struct {
        enum onnx_statistics kind;
        const char *text;
    } kinds[] = {
        { ONNX_OF_BATCH, "means over batch, height and width" },
        { ONNX_OF_IMAGE, "means over height and width of each image" },
        { ONNX_RUNNING, "running statistics of training" },
    };
    size_t length = 0;
    snprintf(text, STATISTICS_SIZE, "none");
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        if (x->ops.statistics & kinds[i].kind)
            length += (size_t)snprintf(text + length, STATISTICS_SIZE - length, "%s%s",
                                       length ? "; " : "", kinds[i].text);
    assert(length < STATISTICS_SIZE);
}

// Free texts for whoever opens the model; runtimes do not read them.
static void put_metadata(struct exported *x, const struct onnx_description *d)
{
    char statistics[STATISTICS_SIZE];
    char sides[48] = "any";
    if (d->fixes_sides)
        snprintf(sides, sizeof(sides), "height %u, width %u",
                 (unsigned)x->ops.input->shape.h, (unsigned)x->ops.input->shape.w);
    else if (d->multiple > 1)
        snprintf(sides, sizeof(sides), "multiples of %u", (unsigned)d->multiple);
    write_statistics(x, statistics);
    const char *const entries[][2] = {
        { "project", PROJECT }, { "architecture", d->architecture },
        { "mode", d->mode },    { "statistics", statistics },
        { "input", d->input },  { "output", d->output },
        { "sides", sides },
    };
    for (size_t i = 0; i < ARRAY_LEN(entries); i++)
        onnx_put_metadata(&x->ops.file, entries[i][0], entries[i][1]);
}

// The model in a sentence or two; caller frees.
static char *doc_of(const struct exported *x, const struct onnx_description *d)
{
    return mem_printf("%s: %s, %s, mode %s. From %u channel%s in [-1, 1] to %u: %s.%s",
                      PROJECT, d->network, d->architecture, d->mode,
                      (unsigned)x->ops.input->shape.c, PLURAL(x->ops.input->shape.c),
                      (unsigned)x->ops.output->shape.c, d->output,
                      x->ops.statistics & ONNX_OF_BATCH
                          ? " The images of a batch share the statistics of norms: "
                            "run one at a time for what each gives by itself."
                          : "");
}

// One at a time, in the order in which describe_weights announced them.
static bool put_weights(struct exported *x, onnx_values *values, void *user)
{
    uint64_t largest = 0;
    for (size_t i = 0; i < x->ops.weight_count; i++)
        largest = MAX(largest, tensor_bytes(&x->ops.weights[i]->value));
    float *data = mem_alloc((size_t)largest);
    bool ok = data != NULL;
    for (size_t i = 0; i < x->ops.weight_count && ok; i++)
        ok = values(user, x->ops.weights[i], data) &&
             onnx_put_weight(&x->ops.file, data);
    mem_free(data);
    return ok;
}

bool onnx_export_write(const char *path, const struct graph *g, struct tensor *input,
                       struct tensor *output,
                       const struct onnx_description *description, onnx_values *values,
                       void *user)
{
    if (graph_failed(g))
        return false;
    assert(input->format == TENSOR_F32 && output->format == TENSOR_F32);
    struct exported x = { .graph = g };
    onnx_ops_begin(&x.ops, description->network,
                   description->opset ? description->opset : ONNX_OPSET_MIN,
                   description->fixes_batch && input->shape.n == 1,
                   emitter_resolve(input), emitter_resolve(output));
    x.wanted = mem_array(MAX(graph_node_count(g), 1), sizeof(*x.wanted));
    bool ok = x.wanted && export_nodes(&x);
    if (ok) {
        describe_weights(&x);
        describe_values(&x, description);
        put_metadata(&x, description);
        char *doc = doc_of(&x, description);
        ok = doc && onnx_begin_data(&x.ops.file, path, PROJECT, doc) &&
             put_weights(&x, values, user) && onnx_commit(&x.ops.file);
        mem_free(doc);
    }
    if (!ok)
        onnx_abort(&x.ops.file);
    onnx_ops_free(&x.ops);
    mem_free(x.wanted);
    return ok;
}
