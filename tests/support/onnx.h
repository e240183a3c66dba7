// SPDX-License-Identifier: MIT
//
// Takes ONNX models apart, by a walk over the fields of their messages that shares
// nothing with the writer.

#ifndef SUPPORT_ONNX_H
#define SUPPORT_ONNX_H

#include "support/check.h"

#define ONNX_MAX 512
#define ONNX_MAX_LIST 8

struct onnx_attribute {
    const char *name, *text;
    uint64_t kind;
    int64_t ints[ONNX_MAX_LIST];    // of INT and INTS
    uint32_t count;
    float number;
};

struct onnx_node {
    const char *name, *type;
    const char *in[ONNX_MAX_LIST], *out[ONNX_MAX_LIST];
    uint32_t in_count, out_count;
    struct onnx_attribute attributes[ONNX_MAX_LIST];
    uint32_t attribute_count;
};

struct onnx_tensor {
    const char *name;
    uint64_t kind, sides[ONNX_MAX_LIST];
    uint32_t rank;
    const uint8_t *raw;
    size_t size;
};

struct onnx_value {
    const char *name;
    uint64_t kind, lengths[ONNX_MAX_LIST];
    const char *sides[ONNX_MAX_LIST];    // NULL: of that length
    uint32_t rank;
};

struct onnx_model {
    uint64_t ir_version, opset;
    const char *producer, *doc, *graph_name;
    const char *keys[ONNX_MAX_LIST], *texts[ONNX_MAX_LIST];    // metadata
    uint32_t metadata_count;
    struct onnx_node nodes[ONNX_MAX];
    struct onnx_tensor tensors[ONNX_MAX];
    struct onnx_value inputs[ONNX_MAX_LIST], outputs[ONNX_MAX_LIST];
    uint32_t node_count, tensor_count, input_count, output_count;
    void *bytes;
    char *strings[16 * ONNX_MAX];
    size_t string_count;
};

// Reads a file. Fails the test unless it is a model in which each name is defined once,
// before it is used, and each constant and weight is used. Caller frees.
struct onnx_model *onnx_read(const char *path);
void onnx_free(struct onnx_model *m);

// NULL: there is none.
const char *onnx_metadata(const struct onnx_model *m, const char *key);
const struct onnx_tensor *onnx_tensor(const struct onnx_model *m, const char *name);
const struct onnx_attribute *onnx_attribute(const struct onnx_node *n,
                                            const char *name);

// How many nodes are of this type.
uint32_t onnx_count(const struct onnx_model *m, const char *type);
// The node that computes a value; NULL for an input, a constant or a weight.
const struct onnx_node *onnx_maker(const struct onnx_model *m, const char *value);

#endif
