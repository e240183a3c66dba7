// SPDX-License-Identifier: MIT
//
// Each op of the tape as one to 17 nodes of ONNX. A value of the tape has a name in
// the model; a value that passes an activation on its way into a convolution has one
// more, so that two readers share it. See onnx_ops.h.

#include "store/onnx_ops.h"

#include "base/log.h"
#include "base/mem.h"
#include "ops/emitter.h"

#include <assert.h>
#include <stdio.h>

#define CHANNEL_AXES "axes_after_channels"

// ---------------------------------------------------------------------------
// Names

static const struct onnx_value *find_value(const struct onnx_ops *x,
                                           const struct tensor *t, bool leaky,
                                           float slope)
{
    for (size_t i = 0; i < x->value_count; i++) {
        const struct onnx_value *v = &x->values[i];
        if (v->tensor == t && v->leaky == leaky && (!leaky || v->slope == slope))
            return v;
    }
    return NULL;
}

static void add_value(struct onnx_ops *x, struct onnx_value value)
{
    if (mem_grow(&x->values, &x->value_capacity, x->value_count + 1,
                 sizeof(*x->values)))
        x->values[x->value_count++] = value;
    else
        x->failed = true;
}

// The name of input i of a node.
static struct onnx_name value_of(struct onnx_ops *x, const struct op_node *n,
                                 uint32_t i)
{
    const struct tensor *t = emitter_resolve(n->in[i]);
    const struct onnx_value *v = find_value(x, t, false, 0.0f);
    if (v)
        return v->name;
    if (!x->failed)
        log_error("onnx: %s reads '%s', which is not computed from the model's input",
                  n->label, t->name);
    x->failed = true;
    return (struct onnx_name){ "" };
}

// The name of a weight, which becomes part of the model.
static const char *weight_of(struct onnx_ops *x, const struct weight *w)
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

// Begins a node and returns the name of its output. With `last` that is the output of
// the tape's node. The number makes the name unique: in ONNX each value is assigned
// exactly once.
static struct onnx_name begin_step(struct onnx_ops *x, const struct op_node *n,
                                   const char *type, bool last)
{
    struct onnx_name out, name;
    snprintf(name.text, sizeof(name.text), "%s_%u", type, ++x->steps);
    out = name;
    if (last && n->out == x->output)
        out = (struct onnx_name){ ONNX_OUTPUT };
    onnx_begin_node(&x->file, type, name.text);
    onnx_put_out(&x->file, out.text);
    if (last)
        add_value(x, (struct onnx_value){ .tensor = n->out, .name = out });
    return out;
}

// A node without attributes; b may be NULL.
static struct onnx_name step(struct onnx_ops *x, const struct op_node *n,
                             const char *type, const char *a, const char *b, bool last)
{
    const struct onnx_name out = begin_step(x, n, type, last);
    onnx_put_in(&x->file, a);
    if (b)
        onnx_put_in(&x->file, b);
    onnx_end_node(&x->file);
    return out;
}

// max(x, slope * x); a slope of 0 is a ReLU.
static struct onnx_name leaky_step(struct onnx_ops *x, const struct op_node *n,
                                   const char *from, float slope, bool last)
{
    if (slope == 0.0f)
        return step(x, n, "Relu", from, NULL, last);
    const struct onnx_name out = begin_step(x, n, "LeakyRelu", last);
    onnx_put_in(&x->file, from);
    onnx_put_float(&x->file, "alpha", slope);
    onnx_end_node(&x->file);
    return out;
}

// A constant of one number, named after the node that reads it.
static struct onnx_name constant(struct onnx_ops *x, const char *what, float value)
{
    struct onnx_name name;
    snprintf(name.text, sizeof(name.text), "%s_%u", what, x->steps);
    onnx_put_constant_floats(&x->file, name.text, &value, 0);
    return name;
}

// ---------------------------------------------------------------------------
// Ops of the tape

static void refuse(struct onnx_ops *x, const struct op_node *n, const char *what)
{
    log_error("onnx: %s %s, which ONNX cannot express", n->label, what);
    x->failed = true;
}

// The input of a convolution, after the leaky ReLU that is fused with it if there is
// one.
static struct onnx_name conv_input(struct onnx_ops *x, const struct op_node *n)
{
    const struct conv_attributes *a = &n->attr.conv;
    const struct onnx_name plain = value_of(x, n, 0);
    if (!a->leaky)
        return plain;
    const struct tensor *t = emitter_resolve(n->in[0]);
    const struct onnx_value *shared = find_value(x, t, true, a->slope);
    if (shared)
        return shared->name;
    const struct onnx_name name = leaky_step(x, n, plain.text, a->slope, false);
    add_value(x, (struct onnx_value){ t, true, a->slope, name });
    return name;
}

// Weights are [out, in, k, k], of a transposed convolution [in, out, k, k], in the tape
// as in ONNX. A fused tanh becomes a node of its own.
static void export_conv(struct onnx_ops *x, const struct op_node *n)
{
    assert(n->in[1]->weight && (!n->in[2] || n->in[2]->weight));
    const struct conv_attributes *a = &n->attr.conv;
    const bool transposed = n->op == &op_conv_transpose;
    const int64_t kernel[] = { a->kernel, a->kernel };
    const int64_t strides[] = { a->stride, a->stride };
    const int64_t pads[] = { a->pad, a->pad, a->pad, a->pad };
    const int64_t output_pad[] = { a->output_pad, a->output_pad };
    const struct onnx_name in = conv_input(x, n);
    const struct onnx_name out =
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

// The mean over height and width, and with `batch` also over the images; they stay as
// sides of length 1 for broadcasting. One ReduceMean over all three would do, but
// OpenCV 4.14 and 5.0 compute something else for it where there are several images.
static struct onnx_name mean_step(struct onnx_ops *x, const struct op_node *n,
                                  const char *from, bool batch)
{
    static const int64_t images[] = { 0 };
    const struct onnx_name mean = step(x, n, "GlobalAveragePool", from, NULL, false);
    if (!batch)
        return mean;
    const struct onnx_name out = begin_step(x, n, "ReduceMean", false);
    onnx_put_in(&x->file, mean.text);
    onnx_put_ints(&x->file, "axes", images, ARRAY_LEN(images));
    onnx_put_int(&x->file, "keepdims", 1);
    onnx_end_node(&x->file);
    return out;
}

// A vector of weights as [c, 1, 1], which broadcasts to [n, c, h, w].
static struct onnx_name channels_step(struct onnx_ops *x, const struct op_node *n,
                                      const struct weight *w)
{
    // Since operator set 13 Unsqueeze takes its axes as an input; ReduceMean still has
    // them as an attribute, until 18.
    static const int64_t axes[] = { 1, 2 };
    if (!x->has_channel_axes)
        onnx_put_constant_ints(&x->file, CHANNEL_AXES, axes, ARRAY_LEN(axes));
    x->has_channel_axes = true;
    return step(x, n, "Unsqueeze", weight_of(x, w), CHANNEL_AXES, false);
}

// y = (x - mean) / sqrt(mean of (x - mean)^2 + epsilon) * scale + shift, spelled out:
// ONNX has no operator for a norm that uses the statistics of its input without
// updating running ones. The mean is subtracted twice: a runtime that sums in plain
// order rounds the mean of a large map, which matters where the variance is small. The
// second pass removes what is left of it.
static struct onnx_name measured_norm(struct onnx_ops *x, const struct op_node *n)
{
    const struct norm_attributes *a = &n->attr.norm;
    const bool batch = a->kind == NORM_BATCH && !x->one_image;
    const struct norm_weights *w = n->in[1] ? n->in[1]->weight->norm : NULL;
    x->statistics |= batch ? ONNX_OF_BATCH : ONNX_OF_IMAGE;

    const struct onnx_name in = value_of(x, n, 0);
    const struct onnx_name mean = mean_step(x, n, in.text, batch);
    const struct onnx_name rough = step(x, n, "Sub", in.text, mean.text, false);
    const struct onnx_name rest = mean_step(x, n, rough.text, batch);
    const struct onnx_name centred = step(x, n, "Sub", rough.text, rest.text, false);
    const struct onnx_name square =
        step(x, n, "Mul", centred.text, centred.text, false);
    const struct onnx_name variance = mean_step(x, n, square.text, batch);
    const struct onnx_name epsilon = constant(x, "epsilon", a->epsilon);
    const struct onnx_name sum = step(x, n, "Add", variance.text, epsilon.text, false);
    const struct onnx_name deviation = step(x, n, "Sqrt", sum.text, NULL, false);
    const struct onnx_name out =
        step(x, n, "Div", centred.text, deviation.text, !w && !a->leaky);
    if (!w)
        return out;
    const struct onnx_name scale = channels_step(x, n, w->scale);
    const struct onnx_name scaled = step(x, n, "Mul", out.text, scale.text, false);
    const struct onnx_name shift = channels_step(x, n, w->shift);
    return step(x, n, "Add", scaled.text, shift.text, !a->leaky);
}

// With the running statistics of training.
static struct onnx_name fixed_norm(struct onnx_ops *x, const struct op_node *n)
{
    const struct norm_attributes *a = &n->attr.norm;
    const struct norm_weights *w = n->in[1]->weight->norm;
    const struct weight *const weights[] = { w->scale, w->shift, w->mean, w->variance };
    const struct onnx_name in = value_of(x, n, 0);
    const struct onnx_name out = begin_step(x, n, "BatchNormalization", !a->leaky);
    onnx_put_in(&x->file, in.text);
    for (size_t i = 0; i < ARRAY_LEN(weights); i++)
        onnx_put_in(&x->file, weight_of(x, weights[i]));
    onnx_put_float(&x->file, "epsilon", a->epsilon);
    onnx_end_node(&x->file);
    x->statistics |= ONNX_RUNNING;
    return out;
}

// A norm, and the ReLU that is fused with it. Dropout would have to draw the engine's
// random numbers; sections are parts of a batch with statistics of their own.
static void export_norm(struct onnx_ops *x, const struct op_node *n)
{
    const struct norm_attributes *a = &n->attr.norm;
    if (a->dropout > 0.0f || a->sections > 1) {
        refuse(x, n, a->dropout > 0.0f ? "has dropout" : "has sections");
        return;
    }
    const struct onnx_name out = a->fixed ? fixed_norm(x, n) : measured_norm(x, n);
    if (a->leaky)
        leaky_step(x, n, out.text, a->slope, true);
}

static void export_activation(struct onnx_ops *x, const struct op_node *n)
{
    const struct activation_attributes *a = &n->attr.activation;
    const struct onnx_name in = value_of(x, n, 0);
    if (a->kind == ACTIVATION_KIND_LEAKY)
        leaky_step(x, n, in.text, a->slope, true);
    else
        step(x, n, a->kind == ACTIVATION_KIND_TANH ? "Tanh" : "Sigmoid", in.text, NULL,
             true);
}

// Of one axis since operator set 13.
static void export_softmax(struct onnx_ops *x, const struct op_node *n)
{
    const struct onnx_name in = value_of(x, n, 0);
    const struct onnx_name share = begin_step(x, n, "Softmax", false);
    onnx_put_in(&x->file, in.text);
    onnx_put_int(&x->file, "axis", 1);
    onnx_end_node(&x->file);
    const struct onnx_name two = constant(x, "two", 2.0f);
    const struct onnx_name twice = step(x, n, "Mul", share.text, two.text, false);
    const struct onnx_name one = constant(x, "one", 1.0f);
    step(x, n, "Sub", twice.text, one.text, true);
}

// Along the channels. Joining samples only occurs in training.
static void export_concat(struct onnx_ops *x, const struct op_node *n)
{
    if (n->attr.concat.samples) {
        refuse(x, n, "joins samples");
        return;
    }
    const struct onnx_name a = value_of(x, n, 0), b = value_of(x, n, 1);
    begin_step(x, n, "Concat", true);
    onnx_put_in(&x->file, a.text);
    onnx_put_in(&x->file, b.text);
    onnx_put_int(&x->file, "axis", 1);
    onnx_end_node(&x->file);
}

static void export_add(struct onnx_ops *x, const struct op_node *n)
{
    const struct onnx_name a = value_of(x, n, 0), b = value_of(x, n, 1);
    step(x, n, "Add", a.text, b.text, true);
}

static void export_scale(struct onnx_ops *x, const struct op_node *n)
{
    const struct onnx_name in = value_of(x, n, 0);
    const struct onnx_name factor = constant(x, "factor", n->attr.scale);
    step(x, n, "Mul", in.text, factor.text, true);
}

// ONNX lists the padding before all sides, then the one after all sides.
static void export_pad(struct onnx_ops *x, const struct op_node *n)
{
    const enum pad_kind kind = n->attr.pad.down;
    const int64_t size = n->attr.pad.size;
    const int64_t pads[] = { 0, 0, size, size, 0, 0, size, size };
    const struct onnx_name in = value_of(x, n, 0);
    struct onnx_name sizes;
    // The others are those of --wrap, which is of a translation, not of a network.
    assert(kind == n->attr.pad.across && kind != PAD_KIND_WRAP);
    snprintf(sizes.text, sizeof(sizes.text), "pads_%u", x->steps);
    onnx_put_constant_ints(&x->file, sizes.text, pads, ARRAY_LEN(pads));
    begin_step(x, n, "Pad", true);
    onnx_put_in(&x->file, in.text);
    onnx_put_in(&x->file, sizes.text);
    onnx_put_text(&x->file, "mode", kind == PAD_KIND_REFLECT ? "reflect" : "constant");
    onnx_end_node(&x->file);
}

// Each pixel twice in both directions. "asymmetric" and "floor" make output pixel i
// read input pixel i / 2.
static void export_upsample(struct onnx_ops *x, const struct op_node *n)
{
    static const float twice[] = { 1.0f, 1.0f, 2.0f, 2.0f };
    const struct onnx_name in = value_of(x, n, 0);
    struct onnx_name scales;
    snprintf(scales.text, sizeof(scales.text), "scales_%u", x->steps);
    onnx_put_constant_floats(&x->file, scales.text, twice, ARRAY_LEN(twice));
    begin_step(x, n, "Resize", true);
    onnx_put_in(&x->file, in.text);
    onnx_put_in(&x->file, "");    // region of interest, unused
    onnx_put_in(&x->file, scales.text);
    onnx_put_text(&x->file, "mode", "nearest");
    onnx_put_text(&x->file, "coordinate_transformation_mode", "asymmetric");
    onnx_put_text(&x->file, "nearest_mode", "floor");
    onnx_end_node(&x->file);
}

// The ops of networks at inference. Those of training (losses, dropout, gradients) are
// missing: what is exported does not depend on them.
static const struct {
    const struct op *op;
    void (*run)(struct onnx_ops *x, const struct op_node *n);
} exporters[] = {
    { &op_conv, export_conv },         { &op_conv_transpose, export_conv },
    { &op_norm, export_norm },         { &op_activation, export_activation },
    { &op_concat, export_concat },     { &op_add, export_add },
    { &op_scale, export_scale },       { &op_pad, export_pad },
    { &op_upsample, export_upsample }, { &op_softmax, export_softmax },
};

void onnx_ops_add(struct onnx_ops *x, const struct op_node *n)
{
    for (size_t i = 0; i < ARRAY_LEN(exporters); i++)
        if (exporters[i].op == n->op) {
            exporters[i].run(x, n);
            return;
        }
    log_error("onnx: %s has no operator in ONNX", n->label);
    x->failed = true;
}

void onnx_ops_begin(struct onnx_ops *x, const char *network, uint32_t opset,
                    bool one_image, const struct tensor *input,
                    const struct tensor *output)
{
    *x = (struct onnx_ops){ .input = input, .output = output, .one_image = one_image };
    onnx_begin(&x->file, network, opset);
    add_value(x, (struct onnx_value){ .tensor = input, .name = { ONNX_INPUT } });
}

bool onnx_ops_has(const struct onnx_ops *x, const struct tensor *t)
{
    return find_value(x, t, false, 0.0f) != NULL;
}

void onnx_ops_free(struct onnx_ops *x)
{
    mem_free(x->values);
    mem_free(x->weights);
}
