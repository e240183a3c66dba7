// SPDX-License-Identifier: MIT
//
// The ops of a tape as nodes of an ONNX model, and what the model needs besides: the
// weights that they read and where their norms take statistics from.

#ifndef STORE_ONNX_OPS_H
#define STORE_ONNX_OPS_H

#include "formats/onnx.h"
#include "graph/graph.h"

#define ONNX_INPUT "input"
#define ONNX_OUTPUT "output"

#define ONNX_NAME_SIZE 40

struct onnx_name {
    char text[ONNX_NAME_SIZE];
};

// A tensor that has a name in the model, or the output of a leaky ReLU of this slope on
// it.
struct onnx_value {
    const struct tensor *tensor;
    bool leaky;
    float slope;
    struct onnx_name name;
};

// Where norms take their statistics from; several may occur in one model.
enum onnx_statistics { ONNX_OF_BATCH = 1, ONNX_OF_IMAGE = 2, ONNX_RUNNING = 4 };

struct onnx_ops {
    struct onnx_writer file;
    const struct tensor *input, *output;    // of the model, resolved
    struct onnx_value *values;
    size_t value_count, value_capacity;
    const struct weight **weights;    // in the order of their first reader
    size_t weight_count, weight_capacity;
    bool one_image;           // a batch is a single image
    unsigned steps;           // nodes of the model so far
    uint32_t statistics;      // of the norms so far, enum onnx_statistics
    bool has_channel_axes;    // the constant has been added
    bool failed;              // out of memory, or a message was logged
};

// Begins a model of this name in memory, of an operator set of formats/onnx.h. With
// `one_image` the model takes one image only, so that the statistics of its batch are
// those of the image. The file belongs to the caller, who commits or aborts it.
void onnx_ops_begin(struct onnx_ops *x, const char *network, uint32_t opset,
                    bool one_image, const struct tensor *input,
                    const struct tensor *output);

// Adds a node of the tape, after those that it reads from. An op that ONNX cannot
// express sets `failed` after a message.
void onnx_ops_add(struct onnx_ops *x, const struct op_node *n);

// Whether a node has been added whose output is this tensor.
bool onnx_ops_has(const struct onnx_ops *x, const struct tensor *t);

void onnx_ops_free(struct onnx_ops *x);

#endif
