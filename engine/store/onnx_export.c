// SPDX-License-Identifier: MIT
//
// From the tape to ONNX: the nodes that the output depends on, each as one to twelve
// standard ones. See onnx.h. A value of the tape has a name in the model; a value that
// went through an activation on its way into a convolution has one more, so that two
// readers share it.

#include "store/onnx_export.h"

#include "base/log.h"
#include "base/mem.h"
#include "formats/onnx.h"
#include "ops/emitter.h"

#include <assert.h>
#include <stdio.h>

#define PROJECT "pix2pix.c"
#define NAME_SIZE 40
#define STATISTICS_SIZE 128

#define INPUT "input"
#define OUTPUT "output"
#define CHANNEL_AXES "axes_after_channels"

struct name {
    char text[NAME_SIZE];
};

// A tensor that has a name, or what a leaky ReLU of this slope makes of it.
struct value {
    const struct tensor *tensor;
    bool leaky;
    float slope;
    struct name name;
};

enum statistics { OF_BATCH = 1, OF_IMAGE = 2, RUNNING = 4 };

struct exporting {
    struct onnx_writer file;
    const struct graph *graph;
    const struct tensor *input, *output;    // resolved
    bool *wanted;                           // [nodes]: the output depends on it
    struct value *values;
    size_t value_count, value_capacity;
    const struct weight **weights;    // in the order of their first reader
    size_t weight_count, weight_capacity;
    unsigned steps;           // nodes of the model so far
    uint32_t statistics;      // kinds of norms so far
    bool has_channel_axes;    // the constant is there
    bool failed;              // no memory, or a message was logged
};

// ---------------------------------------------------------------------------
// Names

static const struct value *find_value(const struct exporting *x, const struct tensor *t,
                                      bool leaky, float slope)
{
    for (size_t i = 0; i < x->value_count; i++) {
        const struct value *v = &x->values[i];
        if (v->tensor == t && v->leaky == leaky && (!leaky || v->slope == slope))
            return v;
    }
    return NULL;
}

static void add_value(struct exporting *x, struct value value)
{
    if (mem_grow(&x->values, &x->value_capacity, x->value_count + 1,
                 sizeof(*x->values)))
        x->values[x->value_count++] = value;
    else
        x->failed = true;
}

// What a node reads.
static struct name value_of(struct exporting *x, const struct op_node *n, uint32_t i)
{
    const struct tensor *t = emitter_resolve(n->in[i]);
    const struct value *v = find_value(x, t, false, 0.0f);
    if (v)
        return v->name;
    if (!x->failed)
        log_error("onnx: %s reads '%s', which does not follow from the model's input",
                  n->label, t->name);
    x->failed = true;
    return (struct name){ "" };
}

// The name of a weight, which the model holds from now on.
static const char *weight_of(struct exporting *x, const struct weight *w)
{
    for (size_t i = 0; i < x->weight_count; i++)
        if (x->weights[i] == w)
            return w->name;
    if (mem_grow(&x->weights, &x->weight_capacity, x->weight_count + 1,
                 sizeof(x->weights[0])))
        x->weights[x->weight_count++] = w;
    else
        x->failed = true;
    return w->name;
}

// ---------------------------------------------------------------------------
// Nodes of the model

// Begins a node that makes the value returned; with `last` it is that of the node of
// the tape.
static struct name begin_step(struct exporting *x, const struct op_node *n,
                              const char *type, bool last)
{
    struct name out, name;
    snprintf(name.text, sizeof(name.text), "%s_%u", type, ++x->steps);
    out = name;
    if (last && n->out == x->output)
        out = (struct name){ OUTPUT };
    onnx_begin_node(&x->file, type, name.text);
    onnx_put_out(&x->file, out.text);
    if (last)
        add_value(x, (struct value){ .tensor = n->out, .name = out });
    return out;
}

// A node without attributes; b may be NULL.
static struct name step(struct exporting *x, const struct op_node *n, const char *type,
                        const char *a, const char *b, bool last)
{
    const struct name out = begin_step(x, n, type, last);
    onnx_put_in(&x->file, a);
    if (b)
        onnx_put_in(&x->file, b);
    onnx_end_node(&x->file);
    return out;
}

static struct name leaky_step(struct exporting *x, const struct op_node *n,
                              const char *from, float slope, bool last)
{
    if (slope == 0.0f)
        return step(x, n, "Relu", from, NULL, last);
    const struct name out = begin_step(x, n, "LeakyRelu", last);
    onnx_put_in(&x->file, from);
    onnx_put_float(&x->file, "alpha", slope);
    onnx_end_node(&x->file);
    return out;
}

// A constant of one number, named after the node that reads it.
static struct name constant(struct exporting *x, const char *what, float value)
{
    struct name name;
    snprintf(name.text, sizeof(name.text), "%s_%u", what, x->steps);
    onnx_put_constant_floats(&x->file, name.text, &value, 0);
    return name;
}

// ---------------------------------------------------------------------------
// Ops of the tape

static void refuse(struct exporting *x, const struct op_node *n, const char *what)
{
    log_error("onnx: %s %s, and a model of ONNX does not: build the graph without",
              n->label, what);
    x->failed = true;
}

// The input of a convolution, through the leaky ReLU that it begins with.
static struct name conv_input(struct exporting *x, const struct op_node *n)
{
    const struct conv_attributes *a = &n->attr.conv;
    const struct name plain = value_of(x, n, 0);
    if (!a->leaky)
        return plain;
    const struct tensor *t = emitter_resolve(n->in[0]);
    const struct value *shared = find_value(x, t, true, a->slope);
    if (shared)
        return shared->name;
    const struct name name = leaky_step(x, n, plain.text, a->slope, false);
    add_value(x, (struct value){ t, true, a->slope, name });
    return name;
}

static void export_conv(struct exporting *x, const struct op_node *n)
{
    assert(n->in[1]->weight && (!n->in[2] || n->in[2]->weight));
    const struct conv_attributes *a = &n->attr.conv;
    const bool transposed = n->op == &op_conv_transpose;
    const int64_t kernel[] = { a->kernel, a->kernel };
    const int64_t strides[] = { a->stride, a->stride };
    const int64_t pads[] = { a->pad, a->pad, a->pad, a->pad };
    const int64_t output_pad[] = { a->output_pad, a->output_pad };
    const struct name in = conv_input(x, n);
    const struct name out =
        begin_step(x, n, transposed ? "ConvTranspose" : "Conv", !a->tanh);
    onnx_put_in(&x->file, in.text);
    onnx_put_in(&x->file, weight_of(x, n->in[1]->weight));
    if (n->in[2])
        onnx_put_in(&x->file, weight_of(x, n->in[2]->weight));
    onnx_put_ints(&x->file, "kernel_shape", kernel, 2);
    onnx_put_ints(&x->file, "strides", strides, 2);
    onnx_put_ints(&x->file, "pads", pads, 4);
    if (transposed && a->output_pad)
        onnx_put_ints(&x->file, "output_padding", output_pad, 2);
    onnx_end_node(&x->file);
    if (a->tanh)
        step(x, n, "Tanh", out.text, NULL, true);
}

static struct name mean_step(struct exporting *x, const struct op_node *n,
                             const char *from, const int64_t *axes, uint32_t count)
{
    const struct name out = begin_step(x, n, "ReduceMean", false);
    onnx_put_in(&x->file, from);
    onnx_put_ints(&x->file, "axes", axes, count);
    onnx_put_int(&x->file, "keepdims", 1);
    onnx_end_node(&x->file);
    return out;
}

// A vector of weights as [c, 1, 1], which goes with any [n, c, h, w].
static struct name channels_step(struct exporting *x, const struct op_node *n,
                                 const struct weight *w)
{
    static const int64_t axes[] = { 1, 2 };
    if (!x->has_channel_axes)
        onnx_put_constant_ints(&x->file, CHANNEL_AXES, axes, ARRAY_LEN(axes));
    x->has_channel_axes = true;
    return step(x, n, "Unsqueeze", weight_of(x, w), CHANNEL_AXES, false);
}

// y = (x - mean) / sqrt(mean of (x - mean)^2 + epsilon) * scale + shift, written out:
// no operator of ONNX takes its statistics from a batch and leaves it at that. What is
// left of the mean is taken off a second time: a runtime that adds up in plain order
// rounds the mean of a large map, and where the variance is small that shows.
static struct name measured_norm(struct exporting *x, const struct op_node *n)
{
    static const int64_t of_batch[] = { 0, 2, 3 }, of_image[] = { 2, 3 };
    const struct norm_attributes *a = &n->attr.norm;
    const bool batch = a->kind == NORM_BATCH;
    const int64_t *axes = batch ? of_batch : of_image;
    const uint32_t count = batch ? ARRAY_LEN(of_batch) : ARRAY_LEN(of_image);
    const struct norm_weights *w = n->in[1] ? n->in[1]->weight->norm : NULL;
    x->statistics |= batch ? OF_BATCH : OF_IMAGE;

    const struct name in = value_of(x, n, 0);
    const struct name mean = mean_step(x, n, in.text, axes, count);
    const struct name rough = step(x, n, "Sub", in.text, mean.text, false);
    const struct name rest = mean_step(x, n, rough.text, axes, count);
    const struct name centred = step(x, n, "Sub", rough.text, rest.text, false);
    const struct name square = step(x, n, "Mul", centred.text, centred.text, false);
    const struct name variance = mean_step(x, n, square.text, axes, count);
    const struct name epsilon = constant(x, "epsilon", a->epsilon);
    const struct name sum = step(x, n, "Add", variance.text, epsilon.text, false);
    const struct name deviation = step(x, n, "Sqrt", sum.text, NULL, false);
    const struct name out =
        step(x, n, "Div", centred.text, deviation.text, !w && !a->leaky);
    if (!w)
        return out;
    const struct name scale = channels_step(x, n, w->scale);
    const struct name scaled = step(x, n, "Mul", out.text, scale.text, false);
    const struct name shift = channels_step(x, n, w->shift);
    return step(x, n, "Add", scaled.text, shift.text, !a->leaky);
}

// By the running statistics.
static struct name fixed_norm(struct exporting *x, const struct op_node *n)
{
    const struct norm_attributes *a = &n->attr.norm;
    const struct norm_weights *w = n->in[1]->weight->norm;
    const struct weight *const weights[] = { w->scale, w->shift, w->mean, w->variance };
    const struct name in = value_of(x, n, 0);
    const struct name out = begin_step(x, n, "BatchNormalization", !a->leaky);
    onnx_put_in(&x->file, in.text);
    for (size_t i = 0; i < ARRAY_LEN(weights); i++)
        onnx_put_in(&x->file, weight_of(x, weights[i]));
    onnx_put_float(&x->file, "epsilon", a->epsilon);
    onnx_end_node(&x->file);
    x->statistics |= RUNNING;
    return out;
}

static void export_norm(struct exporting *x, const struct op_node *n)
{
    const struct norm_attributes *a = &n->attr.norm;
    if (a->dropout > 0.0f || a->sections > 1) {
        refuse(x, n, a->dropout > 0.0f ? "has dropout" : "has sections");
        return;
    }
    const struct name out = a->fixed ? fixed_norm(x, n) : measured_norm(x, n);
    if (a->leaky)
        leaky_step(x, n, out.text, a->slope, true);
}

static void export_activation(struct exporting *x, const struct op_node *n)
{
    const struct activation_attributes *a = &n->attr.activation;
    const struct name in = value_of(x, n, 0);
    if (a->kind == ACTIVATION_KIND_LEAKY)
        leaky_step(x, n, in.text, a->slope, true);
    else
        step(x, n, a->kind == ACTIVATION_KIND_TANH ? "Tanh" : "Sigmoid", in.text, NULL,
             true);
}

static void export_concat(struct exporting *x, const struct op_node *n)
{
    if (n->attr.concat.samples) {
        refuse(x, n, "joins samples");
        return;
    }
    const struct name a = value_of(x, n, 0), b = value_of(x, n, 1);
    begin_step(x, n, "Concat", true);
    onnx_put_in(&x->file, a.text);
    onnx_put_in(&x->file, b.text);
    onnx_put_int(&x->file, "axis", 1);
    onnx_end_node(&x->file);
}

static void export_add(struct exporting *x, const struct op_node *n)
{
    const struct name a = value_of(x, n, 0), b = value_of(x, n, 1);
    step(x, n, "Add", a.text, b.text, true);
}

static void export_scale(struct exporting *x, const struct op_node *n)
{
    const struct name in = value_of(x, n, 0);
    const struct name factor = constant(x, "factor", n->attr.scale);
    step(x, n, "Mul", in.text, factor.text, true);
}

static void export_pad(struct exporting *x, const struct op_node *n)
{
    const int64_t size = n->attr.pad.size;
    const int64_t pads[] = { 0, 0, size, size, 0, 0, size, size };
    const struct name in = value_of(x, n, 0);
    struct name sizes;
    snprintf(sizes.text, sizeof(sizes.text), "pads_%u", x->steps);
    onnx_put_constant_ints(&x->file, sizes.text, pads, ARRAY_LEN(pads));
    begin_step(x, n, "Pad", true);
    onnx_put_in(&x->file, in.text);
    onnx_put_in(&x->file, sizes.text);
    onnx_put_text(&x->file, "mode",
                  n->attr.pad.kind == PAD_KIND_REFLECT ? "reflect" : "constant");
    onnx_end_node(&x->file);
}

static void export_upsample(struct exporting *x, const struct op_node *n)
{
    static const float twice[] = { 1.0f, 1.0f, 2.0f, 2.0f };
    const struct name in = value_of(x, n, 0);
    struct name scales;
    snprintf(scales.text, sizeof(scales.text), "scales_%u", x->steps);
    onnx_put_constant_floats(&x->file, scales.text, twice, ARRAY_LEN(twice));
    begin_step(x, n, "Resize", true);
    onnx_put_in(&x->file, in.text);
    onnx_put_in(&x->file, "");    // the region of a crop
    onnx_put_in(&x->file, scales.text);
    onnx_put_text(&x->file, "mode", "nearest");
    onnx_put_text(&x->file, "coordinate_transformation_mode", "asymmetric");
    onnx_put_text(&x->file, "nearest_mode", "floor");
    onnx_end_node(&x->file);
}

static const struct {
    const struct op *op;
    void (*run)(struct exporting *x, const struct op_node *n);
} exporters[] = {
    { &op_conv, export_conv },         { &op_conv_transpose, export_conv },
    { &op_norm, export_norm },         { &op_activation, export_activation },
    { &op_concat, export_concat },     { &op_add, export_add },
    { &op_scale, export_scale },       { &op_pad, export_pad },
    { &op_upsample, export_upsample },
};

static void export_node(struct exporting *x, const struct op_node *n)
{
    for (size_t i = 0; i < ARRAY_LEN(exporters); i++)
        if (exporters[i].op == n->op) {
            exporters[i].run(x, n);
            return;
        }
    log_error("onnx: there is no operator for %s: build the graph without", n->label);
    x->failed = true;
}

// ---------------------------------------------------------------------------
// The model

// Whether a tensor that stands for itself is read by a wanted node after node i.
static bool is_read(const struct exporting *x, const struct tensor *t, size_t i)
{
    for (size_t k = i + 1; k < graph_node_count(x->graph); k++) {
        const struct op_node *n = graph_node(x->graph, k);
        for (size_t j = 0; x->wanted[k] && j < OP_MAX_INPUTS; j++)
            if (n->in[j] && emitter_resolve(n->in[j]) == t)
                return true;
    }
    return false;
}

static void export_nodes(struct exporting *x)
{
    for (size_t i = graph_node_count(x->graph); i-- > 0;) {
        // What only stands for another tensor adds nothing.
        struct tensor *out = graph_node(x->graph, i)->out;
        x->wanted[i] = out && emitter_resolve(out) == out && out != x->input &&
                       (out == x->output || is_read(x, out, i));
    }
    for (size_t i = 0; i < graph_node_count(x->graph) && !x->failed; i++)
        if (x->wanted[i])
            export_node(x, graph_node(x->graph, i));
    if (!x->failed && !find_value(x, x->output, false, 0.0f)) {
        log_error("onnx: '%s' is not what a node of the graph makes", x->output->name);
        x->failed = true;
    }
}

static bool is_vector(const struct weight *w)
{
    return w->kind != WEIGHT_CONV && w->kind != WEIGHT_CONV_TRANSPOSE;
}

static void describe_weights(struct exporting *x)
{
    for (size_t i = 0; i < x->weight_count; i++) {
        const struct weight *w = x->weights[i];
        const struct shape s = w->value.shape;
        const uint64_t sides[] = { s.n, s.c, s.h, s.w }, vector[] = { s.c };
        onnx_describe_weight(&x->file, w->name, is_vector(w) ? vector : sides,
                             is_vector(w) ? 1 : 4);
    }
}

static void describe_values(struct exporting *x)
{
    const struct shape in = x->input->shape, out = x->output->shape;
    const struct onnx_side from[] = {
        { "batch", 0 }, { NULL, in.c }, { "height", 0 }, { "width", 0 }
    };
    // Where sides change, what becomes of them depends on them.
    const bool same = in.h == out.h && in.w == out.w;
    const struct onnx_side to[] = { { "batch", 0 },
                                    { NULL, out.c },
                                    { same ? "height" : "output_height", 0 },
                                    { same ? "width" : "output_width", 0 } };
    onnx_describe_input(&x->file, INPUT, from, ARRAY_LEN(from));
    onnx_describe_output(&x->file, OUTPUT, to, ARRAY_LEN(to));
}

// Where the norms take their statistics from.
static void write_statistics(const struct exporting *x, char text[STATISTICS_SIZE])
{
    static const struct {
        enum statistics kind;
        const char *text;
    } kinds[] = {
        { OF_BATCH, "means over batch, height and width" },
        { OF_IMAGE, "means over height and width of each image" },
        { RUNNING, "running statistics of training" },
    };
    size_t length = 0;
    snprintf(text, STATISTICS_SIZE, "none");
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        if (x->statistics & kinds[i].kind)
            length += (size_t)snprintf(text + length, STATISTICS_SIZE - length, "%s%s",
                                       length ? "; " : "", kinds[i].text);
    assert(length < STATISTICS_SIZE);
}

static void put_metadata(struct exporting *x, const struct onnx_description *d)
{
    char statistics[STATISTICS_SIZE];
    char sides[48] = "any";
    if (d->multiple > 1)
        snprintf(sides, sizeof(sides), "multiples of %u", (unsigned)d->multiple);
    write_statistics(x, statistics);
    const char *const entries[][2] = {
        { "project", PROJECT },
        { "architecture", d->architecture },
        { "mode", d->mode },
        { "statistics", statistics },
        { "input", "values in [-1, 1]" },
        { "output", d->output },
        { "sides", sides },
    };
    for (size_t i = 0; i < ARRAY_LEN(entries); i++)
        onnx_put_metadata(&x->file, entries[i][0], entries[i][1]);
}

// The model in a sentence or two; caller frees.
static char *doc_of(const struct exporting *x, const struct onnx_description *d)
{
    return mem_printf("%s: %s, %s, mode %s. From %u channels in [-1, 1] to %u: %s.%s",
                      PROJECT, d->network, d->architecture, d->mode,
                      (unsigned)x->input->shape.c, (unsigned)x->output->shape.c,
                      d->output,
                      x->statistics & OF_BATCH
                          ? " The images of a batch share the statistics of norms: "
                            "run one at a time for what each gives by itself."
                          : "");
}

static bool put_weights(struct exporting *x, onnx_values *values, void *user)
{
    uint64_t largest = 0;
    for (size_t i = 0; i < x->weight_count; i++)
        largest = MAX(largest, tensor_bytes(&x->weights[i]->value));
    float *data = mem_alloc((size_t)largest);
    bool ok = data != NULL;
    for (size_t i = 0; i < x->weight_count && ok; i++)
        ok = values(user, x->weights[i], data) && onnx_put_weight(&x->file, data);
    mem_free(data);
    return ok;
}

bool onnx_write(const char *path, const struct graph *g, struct tensor *input,
                struct tensor *output, const struct onnx_description *description,
                onnx_values *values, void *user)
{
    if (graph_failed(g))
        return false;
    assert(input->format == TENSOR_F32 && output->format == TENSOR_F32);
    struct exporting x = { .graph = g,
                           .input = emitter_resolve(input),
                           .output = emitter_resolve(output) };
    x.wanted = mem_array(MAX(graph_node_count(g), 1), sizeof(*x.wanted));
    x.failed = !x.wanted;
    onnx_begin(&x.file, description->network);
    add_value(&x, (struct value){ .tensor = x.input, .name = { INPUT } });
    if (!x.failed)
        export_nodes(&x);
    bool ok = !x.failed;
    if (ok) {
        describe_weights(&x);
        describe_values(&x);
        put_metadata(&x, description);
        char *doc = doc_of(&x, description);
        ok = doc && onnx_begin_data(&x.file, path, PROJECT, doc) &&
             put_weights(&x, values, user) && onnx_commit(&x.file);
        mem_free(doc);
    }
    if (!ok)
        onnx_abort(&x.file);
    mem_free(x.wanted);
    mem_free(x.values);
    mem_free(x.weights);
    return ok;
}
