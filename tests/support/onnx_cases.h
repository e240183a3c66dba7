// SPDX-License-Identifier: MIT
//
// The networks that the tests write as ONNX models.

#ifndef SUPPORT_ONNX_CASES_H
#define SUPPORT_ONNX_CASES_H

#include "models/model.h"
#include "store/onnx_export.h"
#include "support/check.h"

// All kinds of networks, all that their options change, and an op of each kind.
struct onnx_case {
    const char *name;
    struct tensor *(*build)(const struct onnx_case *c, struct graph *g,
                            struct weights *weights, struct tensor *x);
    struct generator_options generator;    // one of these two, or neither
    struct discriminator_options discriminator;
    enum model_statistics statistics;
    bool own_statistics;    // a norm uses those of each image
    struct shape written,
        run;    // of the input when the model is written, and when it runs
};
extern const struct onnx_case onnx_cases[];
extern const size_t onnx_case_count;
const struct onnx_case *onnx_case(const char *name);

// Builds the network of a case in a new graph. `weights` may be empty or have been made
// by an earlier build. The caller destroys the graph.
struct onnx_network {
    struct graph *graph;
    struct tensor *input, *output;
};
struct onnx_network onnx_build(const struct onnx_case *c, struct weights *weights);

// What a model may be asked to be: each operator set, and free or fixed sides.
struct onnx_form {
    const char *name;
    uint32_t opset;
    bool fixed;    // to the shape of the case's run
};
extern const struct onnx_form onnx_forms[];
extern const size_t onnx_form_count;

// Writes a case in a form as a model.
void onnx_write(const char *path, const struct onnx_case *c,
                const struct onnx_form *form, struct weights *weights,
                onnx_values *values, void *user);

#endif
