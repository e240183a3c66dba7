// SPDX-License-Identifier: MIT
//
// Writing ONNX models: first metadata, nodes and descriptions, which are collected in
// memory; then the data of the weights one after another, so that only one of them is
// in memory. Operator sets 13 to 15 of the default domain.

#ifndef FORMATS_ONNX_H
#define FORMATS_ONNX_H

#include "base/file.h"
#include "formats/protobuf.h"

// The operator sets that a model may ask for; all nodes that are written mean the same
// in them.
#define ONNX_OPSET_MIN 13u
#define ONNX_OPSET_MAX 15u

// One side of an input or output: a name for a free length, or a fixed length.
struct onnx_side {
    const char *name;    // NULL: `length` is fixed
    uint64_t length;
};

struct onnx_writer {
    uint32_t opset;
    struct protobuf graph;       // its fields before the weights: nodes, constants
    struct protobuf values;      // its fields after them: inputs, outputs
    struct protobuf metadata;    // fields of the model
    struct protobuf node;        // fields of the node that is open
    struct protobuf heads;       // of the weights, one after another
    struct onnx_weight {
        size_t head_end;    // in `heads`
        uint64_t bytes;     // of data
    } * weights;
    size_t count, capacity;
    size_t written;    // weights written so far
    struct file_writer file;
    bool failed;    // out of memory; stays set
};

// Starts in memory, with the name of the graph and the operator set of its nodes;
// nothing is written before onnx_begin_data.
void onnx_begin(struct onnx_writer *w, const char *name, uint32_t opset);
void onnx_put_metadata(struct onnx_writer *w, const char *key, const char *text);

// Inputs and outputs of the model: floats.
void onnx_describe_input(struct onnx_writer *w, const char *name,
                         const struct onnx_side *sides, uint32_t rank);
void onnx_describe_output(struct onnx_writer *w, const char *name,
                          const struct onnx_side *sides, uint32_t rank);

// Nodes, each after those whose outputs it reads. The inputs, outputs and attributes of
// a node are put between begin and end.
void onnx_begin_node(struct onnx_writer *w, const char *type, const char *name);
void onnx_put_in(struct onnx_writer *w, const char *value);    // "": omitted
void onnx_put_out(struct onnx_writer *w, const char *value);
void onnx_put_int(struct onnx_writer *w, const char *attribute, int64_t value);
void onnx_put_ints(struct onnx_writer *w, const char *attribute, const int64_t *values,
                   uint32_t count);
void onnx_put_float(struct onnx_writer *w, const char *attribute, float value);
void onnx_put_text(struct onnx_writer *w, const char *attribute, const char *text);
void onnx_end_node(struct onnx_writer *w);

// Constants: [count], or with count 0 a scalar.
void onnx_put_constant_ints(struct onnx_writer *w, const char *name,
                            const int64_t *values, uint32_t count);
void onnx_put_constant_floats(struct onnx_writer *w, const char *name,
                              const float *values, uint32_t count);

// A weight of floats; its data is put later.
void onnx_describe_weight(struct onnx_writer *w, const char *name,
                          const uint64_t *sides, uint32_t rank);

// Opens a temporary file beside the path and writes everything before the data, with a
// text about the model. The data of the weights is then put in the order of their
// descriptions. After a failure, and instead of commit, abort ends the writer. Each
// returns false after one message.
bool onnx_begin_data(struct onnx_writer *w, const char *path, const char *producer,
                     const char *doc);
bool onnx_put_weight(struct onnx_writer *w, const float *data);
bool onnx_commit(struct onnx_writer *w);
void onnx_abort(struct onnx_writer *w);    // fine after commit

#endif
