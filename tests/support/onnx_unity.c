// SPDX-License-Identifier: MIT
//
// See onnx_unity.h.

#include "support/onnx_unity.h"

#include <stdio.h>
#include <string.h>

#define OPSET_FIRST 7
#define OPSET_LAST 15

// The operators of its table that a network of ours may have, with the attributes that
// the importer reads and, from `required` on, those that we shall not leave to a
// default: padding that a runtime derives from shapes ("auto_pad", "output_shape") is a
// known cause of wrong sizes.
static const struct rule {
    const char *type;
    uint32_t inputs_min, inputs_max;
    const char *read[6], *required[4];
} rules[] = {
    { "Add", 2, 2, { 0 }, { 0 } },
    { "BatchNormalization", 5, 5, { "epsilon" }, { 0 } },
    { "Concat", 2, 2, { "axis" }, { "axis" } },
    { "Conv",
      2,
      3,
      { "kernel_shape", "pads", "strides", "dilations", "group" },
      { "kernel_shape", "pads", "strides" } },
    { "ConvTranspose",
      2,
      3,
      { "kernel_shape", "pads", "strides", "output_padding" },
      { "kernel_shape", "pads", "strides" } },
    { "Div", 2, 2, { 0 }, { 0 } },
    { "GlobalAveragePool", 1, 1, { 0 }, { 0 } },
    { "LeakyRelu", 1, 1, { "alpha" }, { "alpha" } },
    { "Mul", 2, 2, { 0 }, { 0 } },
    { "Pad", 2, 3, { "mode" }, { "mode" } },
    { "ReduceMean", 1, 1, { "axes", "keepdims" }, { "axes", "keepdims" } },
    { "Relu", 1, 1, { 0 }, { 0 } },
    // An input beside x and scales must be empty: "roi" is not supported.
    { "Resize",
      3,
      3,
      { "mode", "coordinate_transformation_mode", "nearest_mode" },
      { "mode", "coordinate_transformation_mode", "nearest_mode" } },
    { "Sigmoid", 1, 1, { 0 }, { 0 } },
    { "Softmax", 1, 1, { "axis" }, { "axis" } },
    { "Sqrt", 1, 1, { 0 }, { 0 } },
    { "Sub", 2, 2, { 0 }, { 0 } },
    { "Tanh", 1, 1, { 0 }, { 0 } },
    { "Unsqueeze", 2, 2, { 0 }, { 0 } },
};

static bool is_one_of(const char *name, const char *const *list, size_t count)
{
    for (size_t i = 0; i < count && list[i]; i++)
        if (strcmp(list[i], name) == 0)
            return true;
    return false;
}

static const struct rule *rule_of(const char *type)
{
    for (size_t i = 0; i < ARRAY_LEN(rules); i++)
        if (strcmp(rules[i].type, type) == 0)
            return &rules[i];
    return NULL;
}

static bool text_is_one_of(const struct onnx_node *n, const char *attribute,
                           const char *const *list, size_t count)
{
    const struct onnx_attribute *a = onnx_attribute(n, attribute);
    return !a || (a->text && is_one_of(a->text, list, count));
}

// Values of attributes that it knows.
static const char *wrong_value(const struct onnx_model *m, const struct onnx_node *n)
{
    static const char *const pads[] = { "constant", "reflect", "edge" };
    static const char *const resizes[] = { "nearest", "linear" };
    static const char *const places[] = { "asymmetric", "half_pixel", "align_corners" };
    static const char *const nearest[] = { "floor", "ceil", "round_prefer_floor" };
    if (strcmp(n->type, "Pad") == 0) {
        if (!text_is_one_of(n, "mode", pads, ARRAY_LEN(pads)))
            return "has a mode that is not supported";
        if (!onnx_tensor(m, n->in[1]))
            return "has pads that are not constant";
    }
    if (strcmp(n->type, "Resize") == 0) {
        if (!text_is_one_of(n, "mode", resizes, ARRAY_LEN(resizes)) ||
            !text_is_one_of(n, "coordinate_transformation_mode", places,
                            ARRAY_LEN(places)) ||
            !text_is_one_of(n, "nearest_mode", nearest, ARRAY_LEN(nearest)))
            return "has a mode that is not supported";
        if (n->in[1][0])
            return "has a region of interest";
        if (!onnx_tensor(m, n->in[2]))
            return "has scales that are not constant";
    }
    if (strcmp(n->type, "Unsqueeze") == 0 && !onnx_tensor(m, n->in[1]))
        return "has axes that are not constant";
    const struct onnx_attribute *pad = onnx_attribute(n, "pads");
    if (pad && pad->count != 4)
        return "has pads that are not those of two sides";
    return NULL;
}

static const char *complain(char *text, const struct onnx_node *n, const char *why,
                            const char *what)
{
    snprintf(text, ONNX_UNITY_SIZE, "%s (%s) %s%s", n->name, n->type, why, what);
    return text;
}

static const char *check_node(const struct onnx_model *m, const struct onnx_node *n,
                              char text[ONNX_UNITY_SIZE])
{
    const struct rule *r = rule_of(n->type);
    if (!r)
        return complain(text, n, "is not in the table", "");
    if (n->in_count < r->inputs_min || n->in_count > r->inputs_max)
        return complain(text, n, "has another number of inputs", "");
    // It names a layer after its output, and knows no second one of these operators.
    if (n->out_count != 1 || !n->out[0][0])
        return complain(text, n, "has not one output", "");
    for (uint32_t i = 0; i < n->attribute_count; i++)
        if (!is_one_of(n->attributes[i].name, r->read, ARRAY_LEN(r->read)))
            return complain(text, n, "has an attribute that is not supported: ",
                            n->attributes[i].name);
    for (size_t i = 0; i < ARRAY_LEN(r->required) && r->required[i]; i++)
        if (!onnx_attribute(n, r->required[i]))
            return complain(text, n, "leaves to a default: ", r->required[i]);
    const char *wrong = wrong_value(m, n);
    return wrong ? complain(text, n, wrong, "") : NULL;
}

const char *onnx_unity_complaint(const struct onnx_model *m, char text[ONNX_UNITY_SIZE])
{
    if (m->opset < OPSET_FIRST || m->opset > OPSET_LAST) {
        snprintf(text, ONNX_UNITY_SIZE, "operator set %u is not one of %d to %d",
                 (unsigned)m->opset, OPSET_FIRST, OPSET_LAST);
        return text;
    }
    // Other kinds of input become floats or whole numbers of 32 bits.
    if (m->input_count != 1 || m->inputs[0].kind != 1) {
        snprintf(text, ONNX_UNITY_SIZE, "the input is not one tensor of floats");
        return text;
    }
    for (uint32_t i = 0; i < m->node_count; i++)
        if (check_node(m, &m->nodes[i], text))
            return text;
    return NULL;
}
