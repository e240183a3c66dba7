// SPDX-License-Identifier: MIT
//
// ONNX models as files: the nodes for each op, the weights, and what is refused.
// test_onnx_run checks that they compute the same. If python3 has the package onnx, its
// checker reads them as well.

#include "store/onnx_export.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"
#include "formats/onnx.h"
#include "support/gpu.h"
#include "support/log.h"
#include "support/onnx.h"
#include "support/onnx_cases.h"
#include "support/onnx_unity.h"
#include "support/tree.h"

#define SCRATCH "test_onnx.scratch"
#define MODEL SCRATCH "/model.onnx"

static const struct onnx_description description = {
    .network = "G",
    .architecture = "a network of tests",
    .mode = "stable",
    .output = "an image in [-1, 1]",
    .input = "values in [-1, 1]",
    .multiple = 32,
};

static int setup(void **state)
{
    (void)state;
    log_use(&test_log_sink);
    return file_make_folder(SCRATCH) ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    return test_remove_tree(SCRATCH) ? 0 : -1;
}

// Values that differ from weight to weight.
static bool give_values(void *user, const struct weight *w, float *values)
{
    assert_null(user);
    const uint64_t hash = hash_bytes(HASH_START, w->name, strlen(w->name));
    for (uint64_t i = 0; i < shape_count(w->value.shape); i++)
        values[i] = (float)((hash + i) % 1000) / 1000;
    return true;
}

static bool give_nothing(void *user, const struct weight *w, float *values)
{
    (void)user;
    (void)values;
    log_error("test: no %s", w->name);
    return false;
}

// Writes the part of a graph between two tensors as a model, and reads it.
static struct onnx_model *written(const struct graph *g, struct tensor *in,
                                  struct tensor *out)
{
    assert_true(onnx_export_write(MODEL, g, in, out, &description, give_values, NULL));
    return onnx_read(MODEL);
}

// The same must fail with a message that has `part` in it, and leave the file alone.
static void check_refused(const struct graph *g, struct tensor *in, struct tensor *out,
                          const char *part)
{
    void *data;
    size_t size;
    assert_true(file_write(MODEL, "old", 3));
    const struct log_sink *sink = log_use(NULL);
    test_forget_error();
    const bool ok =
        onnx_export_write(MODEL, g, in, out, &description, give_values, NULL);
    log_use(sink);
    assert_false(ok);
    if (!strstr(log_last_error(), part))
        fail_msg("the message does not say '%s': %s", part, log_last_error());
    assert_true(file_read(MODEL, &data, &size));
    assert_string_equal(data, "old");
    mem_free(data);
}

static void check_weights(const struct onnx_model *m, const struct weights *weights,
                          bool running)
{
    uint32_t count = 0;
    for (size_t i = 0; i < weights->count; i++) {
        const struct weight *w = weights->items[i];
        const struct onnx_tensor *t = onnx_tensor(m, w->name);
        if (!running && !weight_is_trained(w)) {
            assert_null(t);
            continue;
        }
        if (!t)
            fail_msg("%s is not in the model", w->name);
        const struct shape s = w->value.shape;
        const uint64_t sides[] = { s.n, s.c, s.h, s.w };
        const bool filter = w->kind == WEIGHT_CONV || w->kind == WEIGHT_CONV_TRANSPOSE;
        assert_int_equal(t->kind, 1);
        assert_int_equal(t->rank, filter ? 4 : 1);
        assert_memory_equal(t->sides, filter ? sides : sides + 1, t->rank * 8);
        float *expected = check_floats(s);
        give_values(NULL, w, expected);
        assert_int_equal(t->size, shape_count(s) * 4);
        assert_memory_equal(t->raw, expected, t->size);
        count++;
    }
    for (uint32_t i = 0; i < m->tensor_count; i++)
        count -= strchr(m->tensors[i].name, '.') != NULL;
    assert_int_equal(count, 0);
}

static void check_value(const struct onnx_value *v, const char *name, uint32_t c,
                        const char *height, const char *width)
{
    assert_string_equal(v->name, name);
    assert_int_equal(v->kind, 1);
    assert_int_equal(v->rank, 4);
    assert_string_equal(v->sides[0], "batch");
    assert_null(v->sides[1]);
    assert_int_equal(v->lengths[1], c);
    assert_string_equal(v->sides[2], height);
    assert_string_equal(v->sides[3], width);
}

static void check_fixed(const struct onnx_value *v, struct shape s)
{
    const uint64_t sides[] = { s.n, s.c, s.h, s.w };
    assert_int_equal(v->rank, 4);
    for (uint32_t i = 0; i < 4; i++) {
        assert_null(v->sides[i]);
        assert_int_equal(v->lengths[i], sides[i]);
    }
}

static void test_networks(void **state)
{
    (void)state;
    for (size_t i = 0; i < onnx_case_count; i++) {
        const struct onnx_case *c = &onnx_cases[i];
        struct weights *weights = weights_create(true);
        struct onnx_network n = onnx_build(c, weights);
        struct onnx_model *m = written(n.graph, n.input, n.output);
        const bool same = n.output->shape.h == n.input->shape.h;
        check_case("%s", c->name);
        check_value(&m->inputs[0], "input", c->written.c, "height", "width");
        check_value(&m->outputs[0], "output", n.output->shape.c,
                    same ? "height" : "output_height", same ? "width" : "output_width");
        check_weights(m, weights, c->statistics == STATISTICS_RUNNING);
        onnx_free(m);
        graph_destroy(n.graph);
        weights_destroy(weights);
    }
}

// Every form of every case: the same nodes, in an operator set and for sides that are
// numbers or names; and none that Unity's importer does not take.
static void test_forms(void **state)
{
    (void)state;
    char why[ONNX_UNITY_SIZE];
    for (size_t i = 0; i < onnx_case_count * onnx_form_count; i++) {
        const struct onnx_case *c = &onnx_cases[i / onnx_form_count];
        const struct onnx_form *form = &onnx_forms[i % onnx_form_count];
        struct weights *weights = weights_create(true);
        struct onnx_network n = onnx_build(c, weights);
        struct onnx_model *plain = written(n.graph, n.input, n.output);
        onnx_write(MODEL, c, form, weights, give_values, NULL);
        struct onnx_model *m = onnx_read(MODEL);
        check_case("%s, %s", c->name, form->name);
        assert_int_equal(m->opset, form->opset);
        assert_int_equal(m->ir_version, form->opset == 15 ? 8 : 7);
        // The means of a single image are not averaged over a batch.
        const bool one = form->fixed && c->run.n == 1;
        assert_int_equal(onnx_count(m, "ReduceMean"),
                         one ? 0 : onnx_count(plain, "ReduceMean"));
        for (uint32_t k = 0, of = 0; of < plain->node_count; of++) {
            if (one && strcmp(plain->nodes[of].type, "ReduceMean") == 0)
                continue;
            assert_true(k < m->node_count);
            assert_string_equal(m->nodes[k++].type, plain->nodes[of].type);
        }
        if (form->fixed) {
            check_fixed(&m->inputs[0], c->run);
            assert_null(m->outputs[0].sides[2]);
        } else {
            assert_string_equal(m->inputs[0].sides[2], "height");
        }
        if (onnx_unity_complaint(m, why))
            fail_msg("Unity, '%s', %s: %s", c->name, form->name, why);
        onnx_free(m);
        onnx_free(plain);
        graph_destroy(n.graph);
        weights_destroy(weights);
    }
}

// Some of the four sides may be fixed, and the output's follow from the network.
static void test_fixed(void **state)
{
    (void)state;
    struct weights *weights = weights_create(true);
    struct onnx_case c = *onnx_case("basic");
    c.written = (struct shape){ 2, 6, 40, 48 };
    struct onnx_network n = onnx_build(&c, weights);
    struct onnx_description d = description;
    d.fixes_sides = true;
    assert_true(
        onnx_export_write(MODEL, n.graph, n.input, n.output, &d, give_values, NULL));
    struct onnx_model *m = onnx_read(MODEL);
    assert_string_equal(m->inputs[0].sides[0], "batch");
    assert_string_equal(m->outputs[0].sides[0], "batch");
    assert_int_equal(m->inputs[0].lengths[2], 40);
    assert_int_equal(m->inputs[0].lengths[3], 48);
    assert_int_equal(m->outputs[0].lengths[2], n.output->shape.h);
    assert_int_equal(m->outputs[0].lengths[3], n.output->shape.w);
    assert_string_equal(onnx_metadata(m, "sides"), "height 40, width 48");
    assert_non_null(strstr(m->doc, "one at a time"));
    onnx_free(m);

    d.fixes_sides = false;
    d.fixes_batch = true;
    d.opset = 15;
    assert_true(
        onnx_export_write(MODEL, n.graph, n.input, n.output, &d, give_values, NULL));
    m = onnx_read(MODEL);
    assert_int_equal(m->inputs[0].lengths[0], 2);
    assert_null(m->inputs[0].sides[0]);
    assert_string_equal(m->inputs[0].sides[2], "height");
    assert_string_equal(m->outputs[0].sides[3], "output_width");
    onnx_free(m);
    graph_destroy(n.graph);
    weights_destroy(weights);

    // A batch of one shares its statistics with nobody.
    weights = weights_create(true);
    onnx_write(MODEL, onnx_case("unet"), &onnx_forms[2], weights, give_values, NULL);
    m = onnx_read(MODEL);
    assert_null(strstr(m->doc, "one at a time"));
    onnx_free(m);
    weights_destroy(weights);
}

static void check_complaint(struct onnx_model *m, const char *part)
{
    char text[ONNX_UNITY_SIZE];
    const char *why = onnx_unity_complaint(m, text);
    if (!why || !strstr(why, part))
        fail_msg("the checker says '%s', not '%s'", why ? why : "nothing", part);
}

// The checker of Unity's rules finds what it is for.
static void test_unity_rules(void **state)
{
    (void)state;
    char text[ONNX_UNITY_SIZE];
    struct weights *weights = weights_create(true);
    struct onnx_network n = onnx_build(onnx_case("pieces"), weights);
    struct onnx_model *m = written(n.graph, n.input, n.output);
    assert_null(onnx_unity_complaint(m, text));
    for (uint32_t i = 0; i < m->node_count; i++) {
        struct onnx_node *node = &m->nodes[i];
        const struct onnx_node good = *node;
        node->type = "Shape";
        check_complaint(m, "not in the table");
        *node = good;
        node->attributes[node->attribute_count++] =
            (struct onnx_attribute){ .name = "output_shape", .kind = 7 };
        check_complaint(m, "output_shape");
        *node = good;
        if (strstr(node->type, "Conv")) {
            for (uint32_t k = 0; k < node->attribute_count; k++)
                if (strcmp(node->attributes[k].name, "pads") == 0)
                    node->attributes[k].name = "auto_pad";
            check_complaint(m, "auto_pad");
            *node = good;
            node->attribute_count = 0;
            check_complaint(m, "leaves to a default");
            *node = good;
        }
        if (strcmp(node->type, "Resize") == 0 || strcmp(node->type, "Pad") == 0) {
            node->in[node->in_count - 1] = "input";
            check_complaint(m, "not constant");
            *node = good;
        }
    }
    m->opset = 16;
    check_complaint(m, "operator set 16");
    onnx_free(m);
    graph_destroy(n.graph);
    weights_destroy(weights);
}

static void test_header(void **state)
{
    (void)state;
    struct weights *weights = weights_create(true);
    struct onnx_network n = onnx_build(onnx_case("unet"), weights);
    struct onnx_model *m = written(n.graph, n.input, n.output);
    assert_int_equal(m->ir_version, 7);
    assert_int_equal(m->opset, 13);
    assert_string_equal(m->producer, "pix2pix.c");
    assert_string_equal(m->graph_name, "G");
    assert_non_null(strstr(m->doc, "mode stable"));
    assert_non_null(strstr(m->doc, "one at a time"));
    assert_string_equal(onnx_metadata(m, "project"), "pix2pix.c");
    assert_string_equal(onnx_metadata(m, "architecture"), "a network of tests");
    assert_string_equal(onnx_metadata(m, "mode"), "stable");
    assert_string_equal(onnx_metadata(m, "statistics"),
                        "means over batch, height and width");
    assert_string_equal(onnx_metadata(m, "input"), "values in [-1, 1]");
    assert_string_equal(onnx_metadata(m, "output"), "an image in [-1, 1]");
    assert_string_equal(onnx_metadata(m, "sides"), "multiples of 32");
    onnx_free(m);
    graph_destroy(n.graph);
    weights_destroy(weights);
}

static void check_ints(const struct onnx_node *n, const char *attribute,
                       const int64_t *values, uint32_t count)
{
    const struct onnx_attribute *a = onnx_attribute(n, attribute);
    if (!a)
        fail_msg("%s has no %s", n->name, attribute);
    assert_int_equal(a->kind, 7);
    assert_int_equal(a->count, count);
    assert_memory_equal(a->ints, values, count * sizeof(*values));
}

// Over the images, of what was averaged over height and width.
static void check_means(const struct onnx_model *m)
{
    static const int64_t images[] = { 0 };
    for (uint32_t i = 0; i < m->node_count; i++)
        if (strcmp(m->nodes[i].type, "ReduceMean") == 0) {
            check_ints(&m->nodes[i], "axes", images, 1);
            assert_int_equal(onnx_attribute(&m->nodes[i], "keepdims")->ints[0], 1);
            assert_string_equal(onnx_maker(m, m->nodes[i].in[0])->type,
                                "GlobalAveragePool");
        }
}

// Three levels: one convolution and one transposed one each, norms in all but the first
// and the innermost on the way down, in all but the last on the way up.
static void test_unet(void **state)
{
    (void)state;
    static const int64_t twos[] = { 2, 2 }, ones[] = { 1, 1, 1, 1 }, fours[] = { 4, 4 };
    for (size_t i = 0; i < 2; i++) {
        struct weights *weights = weights_create(true);
        struct onnx_network n =
            onnx_build(onnx_case(i ? "unet, each image" : "unet, batch"), weights);
        struct onnx_model *m = written(n.graph, n.input, n.output);
        assert_int_equal(onnx_count(m, "Conv"), 3);
        assert_int_equal(onnx_count(m, "ConvTranspose"), 3);
        assert_int_equal(onnx_count(m, "LeakyRelu"), 2);
        assert_int_equal(onnx_count(m, "Relu"), 3);
        assert_int_equal(onnx_count(m, "Concat"), 2);
        assert_int_equal(onnx_count(m, "Sqrt"), 1 + 2);
        assert_int_equal(onnx_count(m, "GlobalAveragePool"), 3 * (1 + 2));
        assert_int_equal(onnx_count(m, "ReduceMean"), i ? 0 : 3 * (1 + 2));
        assert_int_equal(onnx_count(m, "Tanh"), 1);
        check_means(m);
        assert_string_equal(onnx_metadata(m, "statistics"),
                            i ? "means over height and width of each image"
                              : "means over batch, height and width");
        // The last nodes: Tanh of the transposed convolution with the bias.
        const struct onnx_node *last = onnx_maker(m, "output");
        assert_string_equal(last->type, "Tanh");
        last = onnx_maker(m, last->in[0]);
        assert_string_equal(last->type, "ConvTranspose");
        assert_int_equal(last->in_count, 3);
        assert_string_equal(last->in[1], "model.model.3.weight");
        assert_string_equal(last->in[2], "model.model.3.bias");
        check_ints(last, "strides", twos, 2);
        check_ints(last, "pads", ones, 4);
        check_ints(last, "kernel_shape", fours, 2);
        assert_null(onnx_attribute(last, "output_padding"));
        // It reads the skip first, and both through one ReLU.
        last = onnx_maker(m, last->in[0]);
        assert_string_equal(last->type, "Relu");
        last = onnx_maker(m, last->in[0]);
        assert_string_equal(last->type, "Concat");
        assert_int_equal(onnx_attribute(last, "axis")->ints[0], 1);
        assert_string_equal(onnx_maker(m, last->in[0])->in[1], "model.model.0.weight");
        onnx_free(m);
        graph_destroy(n.graph);
        weights_destroy(weights);
    }
}

// The first node of a type after `from`.
static const struct onnx_node *find_node(const struct onnx_model *m, const char *type,
                                         uint32_t skip)
{
    for (uint32_t i = 0; i < m->node_count; i++)
        if (strcmp(m->nodes[i].type, type) == 0 && skip-- == 0)
            return &m->nodes[i];
    fail_msg("there is no such %s", type);
    return NULL;
}

static float constant_float(const struct onnx_model *m, const char *name)
{
    float value;
    const struct onnx_tensor *t = onnx_tensor(m, name);
    assert_non_null(t);
    assert_int_equal(t->kind, 1);
    assert_int_equal(t->rank, 0);
    memcpy(&value, t->raw, sizeof(value));
    return value;
}

static void test_attributes(void **state)
{
    (void)state;
    static const int64_t ones[] = { 1, 1 }, twos[] = { 2, 2 }, threes[] = { 3, 3 };
    static const int64_t reflect[] = { 0, 0, 3, 3, 0, 0, 3, 3 };
    static const int64_t zero[] = { 0, 0, 1, 1, 0, 0, 1, 1 };
    struct weights *weights = weights_create(true);
    struct onnx_network n = onnx_build(onnx_case("pieces"), weights);
    struct onnx_model *m = written(n.graph, n.input, n.output);

    const struct onnx_node *pad = find_node(m, "Pad", 0);
    assert_string_equal(onnx_attribute(pad, "mode")->text, "reflect");
    assert_memory_equal(onnx_tensor(m, pad->in[1])->raw, reflect, sizeof(reflect));
    pad = find_node(m, "Pad", 1);
    assert_string_equal(onnx_attribute(pad, "mode")->text, "constant");
    assert_memory_equal(onnx_tensor(m, pad->in[1])->raw, zero, sizeof(zero));

    const struct onnx_node *up = find_node(m, "ConvTranspose", 0);
    check_ints(up, "kernel_shape", threes, 2);
    check_ints(up, "strides", twos, 2);
    check_ints(up, "output_padding", ones, 2);
    check_ints(find_node(m, "Conv", 0), "strides", ones, 2);

    // After the first norm, after the sum, before the last convolution.
    static const float slopes[] = { 0.1f, 0.3f, 0.5f };
    for (uint32_t i = 0; i < ARRAY_LEN(slopes); i++) {
        const struct onnx_attribute *a =
            onnx_attribute(find_node(m, "LeakyRelu", i), "alpha");
        assert_int_equal(a->kind, 1);
        assert_true(a->number == slopes[i]);
    }
    assert_int_equal(onnx_count(m, "LeakyRelu"), 3);
    assert_int_equal(onnx_count(m, "Relu"), 2);    // fused with a norm, and alone
    assert_int_equal(onnx_count(m, "Sigmoid"), 1);
    assert_int_equal(onnx_count(m, "Tanh"), 2);

    static const float twice[] = { 1.0f, 1.0f, 2.0f, 2.0f };
    const struct onnx_node *resize = find_node(m, "Resize", 0);
    assert_string_equal(onnx_attribute(resize, "mode")->text, "nearest");
    assert_string_equal(onnx_attribute(resize, "nearest_mode")->text, "floor");
    assert_string_equal(onnx_attribute(resize, "coordinate_transformation_mode")->text,
                        "asymmetric");
    assert_string_equal(resize->in[1], "");
    assert_memory_equal(onnx_tensor(m, resize->in[2])->raw, twice, sizeof(twice));
    // One norm of three has weights.
    assert_int_equal(onnx_count(m, "Sqrt"), 3);
    assert_int_equal(onnx_count(m, "Unsqueeze"), 2);
    assert_string_equal(onnx_metadata(m, "statistics"),
                        "means over batch, height and width; "
                        "means over height and width of each image");
    const struct onnx_node *root = find_node(m, "Sqrt", 0);
    assert_true(constant_float(m, onnx_maker(m, root->in[0])->in[1]) == 1e-3f);
    bool has_factor = false;
    for (uint32_t i = 0; i < m->tensor_count; i++)
        has_factor |= m->tensors[i].rank == 0 && m->tensors[i].kind == 1 &&
                      constant_float(m, m->tensors[i].name) == 0.25f;
    assert_true(has_factor);
    onnx_free(m);
    graph_destroy(n.graph);
    weights_destroy(weights);
}

static void test_running(void **state)
{
    (void)state;
    static const char *const in[] = { "model.norm.weight", "model.norm.bias",
                                      "model.norm.running_mean",
                                      "model.norm.running_var" };
    struct weights *weights = weights_create(true);
    struct onnx_network n = onnx_build(onnx_case("pieces, running"), weights);
    struct onnx_model *m = written(n.graph, n.input, n.output);
    const struct onnx_node *norm = find_node(m, "BatchNormalization", 0);
    assert_int_equal(norm->in_count, 5);
    assert_string_equal(onnx_maker(m, norm->in[0])->type, "Conv");
    for (uint32_t i = 0; i < ARRAY_LEN(in); i++)
        assert_string_equal(norm->in[i + 1], in[i]);
    assert_true(onnx_attribute(norm, "epsilon")->number == 1e-3f);
    assert_int_equal(onnx_count(m, "BatchNormalization"), 1);
    assert_int_equal(onnx_count(m, "Unsqueeze"), 0);
    assert_int_equal(onnx_count(m, "LeakyRelu"), 3);
    assert_string_equal(onnx_metadata(m, "statistics"),
                        "means over height and width of each image; "
                        "running statistics of training");
    assert_null(strstr(m->doc, "one at a time"));
    onnx_free(m);
    graph_destroy(n.graph);
    weights_destroy(weights);
}

// Readers with the same slope share an activated tensor; a tensor that was concatenated
// twice is concatenated once; nodes that the output does not depend on are left out.
static void test_sharing(void **state)
{
    (void)state;
    struct harness h;
    harness_begin_without_device(&h);
    struct graph *g = h.graph;
    const struct shape shape = { 1, 2, 6, 6 };
    const struct conv_attributes plain = { 1, 1, 0 };
    struct conv_attributes leaky = plain;
    leaky.leaky = true;
    leaky.slope = 0.2f;
    struct conv_attributes relu = leaky;
    relu.slope = 0.0f;
    struct tensor *x = graph_input(g, "x", shape, TENSOR_F32);
    struct tensor *w =
        weights_add(h.weights, WEIGHT_CONV, (struct shape){ 2, 2, 1, 1 }, "model.w");
    struct tensor *a = graph_conv(g, x, w, NULL, leaky);
    struct tensor *b = graph_conv(g, x, w, NULL, leaky);
    struct tensor *c = graph_conv(g, x, w, NULL, relu);
    struct tensor *sum = graph_add(g, graph_add(g, a, b), c);
    struct tensor *joined = graph_concat(g, sum, graph_tanh(g, x));
    struct tensor *again = graph_concat(g, sum, graph_node(g, 5)->out);
    graph_sigmoid(g, joined);
    struct tensor *y = graph_detach(g, graph_add(g, joined, again));
    assert_string_equal(graph_node(g, 5)->op->name, "activation");
    assert_false(graph_failed(g));

    struct onnx_model *m = written(g, x, y);
    assert_int_equal(onnx_count(m, "LeakyRelu"), 1);
    assert_int_equal(onnx_count(m, "Relu"), 1);
    assert_int_equal(onnx_count(m, "Conv"), 3);
    assert_int_equal(onnx_count(m, "Concat"), 1);
    assert_int_equal(onnx_count(m, "Sigmoid"), 0);
    assert_int_equal(onnx_count(m, "Identity"), 0);
    assert_int_equal(m->tensor_count, 1);
    assert_string_equal(onnx_maker(m, "output")->type, "Add");
    onnx_free(m);

    // From the middle on: earlier nodes are left out.
    m = written(g, joined, y);
    assert_int_equal(m->node_count, 1);
    assert_int_equal(m->inputs[0].lengths[1], 4);
    onnx_free(m);
    harness_end(&h);
}

static void test_refused(void **state)
{
    (void)state;
    struct harness h;
    harness_begin_without_device(&h);
    struct graph *g = h.graph;
    const struct shape shape = { 2, 2, 4, 4 };
    struct tensor *x = graph_input(g, "x", shape, TENSOR_F32);
    struct tensor *other = graph_input(g, "other", shape, TENSOR_F32);
    struct norm_attributes norm = { .kind = NORM_BATCH, .dropout = 0.5f };
    check_refused(g, x, graph_norm(g, x, NULL, norm), "dropout");
    norm = (struct norm_attributes){ .kind = NORM_BATCH, .sections = 2 };
    check_refused(g, x, graph_norm(g, x, NULL, norm), "sections");
    check_refused(g, x, graph_dropout(g, x, 0.5f), "dropout");
    check_refused(g, x, graph_stack(g, graph_tanh(g, x), graph_relu(g, x)), "samples");
    check_refused(g, x, graph_add(g, x, other), "'other'");
    check_refused(g, x, graph_l1(g, x, NULL, 1.0f), "loss");
    check_refused(g, x, other, "'other'");
    harness_end(&h);
}

// Any failure leaves the old file unchanged.
static void test_failures(void **state)
{
    (void)state;
    void *data;
    size_t size;
    struct weights *weights = weights_create(true);
    struct onnx_network n = onnx_build(onnx_case("unet"), weights);
    const struct log_sink *sink = log_use(NULL);
    assert_true(file_write(MODEL, "old", 3));
    assert_false(onnx_export_write(MODEL, n.graph, n.input, n.output, &description,
                                   give_nothing, NULL));
    assert_true(file_read(MODEL, &data, &size));
    assert_string_equal(data, "old");
    mem_free(data);
    assert_false(onnx_export_write(SCRATCH "/none/model.onnx", n.graph, n.input,
                                   n.output, &description, give_values, NULL));
    assert_non_null(strstr(log_last_error(), "none/model.onnx"));
    log_use(sink);
    struct file_list list;
    assert_true(file_list_read(SCRATCH, &list));
    assert_int_equal(list.count, 1);
    file_list_free(&list);
    graph_destroy(n.graph);
    weights_destroy(weights);
}

// Readers of Protocol Buffers accept less than 2 GiB. The test writes only the part
// before the data.
static void test_too_large(void **state)
{
    (void)state;
    for (uint64_t less = 0; less <= 64; less += 64) {
        struct onnx_writer w;
        const uint64_t side = (UINT64_C(1) << 29) - less;
        onnx_begin(&w, "G", ONNX_OPSET_MIN);
        onnx_describe_weight(&w, "half", &(uint64_t){ side / 2 }, 1);
        onnx_describe_weight(&w, "rest", &(uint64_t){ side / 2 }, 1);
        const struct log_sink *sink = log_use(NULL);
        test_forget_error();
        assert_int_equal(onnx_begin_data(&w, MODEL, "test", ""), less > 0);
        log_use(sink);
        if (!less)
            assert_non_null(strstr(log_last_error(), "2.00 GiB"));
        onnx_abort(&w);
    }
}

// The checker of ONNX's own library, with its inference of shapes.
static void test_checker(void **state)
{
    (void)state;
    static const char *const pythons[] = { "python3", "/usr/bin/python3" };
    const char *python = NULL;
    char command[512];
    for (size_t i = 0; i < ARRAY_LEN(pythons) && !python; i++) {
        snprintf(command, sizeof(command),
                 "env -u LD_PRELOAD %s -c 'import onnx' >/dev/null 2>&1", pythons[i]);
        if (system(command) == 0)
            python = pythons[i];
    }
    if (!python) {
        print_message("skipped: python3 does not have the package onnx\n");
        skip();
    }
    // The file that the checker refuses is in its message.
    for (size_t i = 0; i < onnx_case_count * onnx_form_count; i++) {
        char path[128];
        struct weights *weights = weights_create(true);
        snprintf(path, sizeof(path), SCRATCH "/case_%zu_form_%zu.onnx",
                 i / onnx_form_count, i % onnx_form_count);
        onnx_write(path, &onnx_cases[i / onnx_form_count],
                   &onnx_forms[i % onnx_form_count], weights, give_values, NULL);
        weights_destroy(weights);
    }
    snprintf(command, sizeof(command),
             "env -u LD_PRELOAD %s -c 'import glob, onnx\n"
             "for path in glob.glob(\"" SCRATCH "/case_*.onnx\"):\n"
             "    print(path)\n"
             "    onnx.checker.check_model(path, full_check=True)' >" SCRATCH
             "/log 2>&1",
             python);
    if (system(command) != 0) {
        void *log;
        size_t size;
        assert_true(file_read(SCRATCH "/log", &log, &size));
        fail_msg("the checker refuses the last of\n%s", (char *)log);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        check_test(test_networks),   check_test(test_forms),
        check_test(test_fixed),      check_test(test_unity_rules),
        check_test(test_header),     check_test(test_unet),
        check_test(test_attributes), check_test(test_running),
        check_test(test_sharing),    check_test(test_refused),
        check_test(test_failures),   check_test(test_too_large),
        check_test(test_checker),
    };
    return cmocka_run_group_tests_name("onnx", tests, setup, teardown);
}
