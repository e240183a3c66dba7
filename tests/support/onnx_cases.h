// SPDX-License-Identifier: MIT
//
// The networks that the tests write as ONNX models.

#ifndef SUPPORT_ONNX_CASES_H
#define SUPPORT_ONNX_CASES_H

#include "models/model.h"
#include "support/check.h"

// All kinds of networks, all that their options change, and an op of each kind.
struct onnx_case {
    const char *name;
    struct tensor *(*build)(const struct onnx_case *c, struct graph *g,
                            struct weights *weights, struct tensor *x);
    struct generator_options generator;    // one of these two, or neither
    struct discriminator_options discriminator;
    enum model_statistics statistics;
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

#endif
