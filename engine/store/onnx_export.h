// SPDX-License-Identifier: MIT
//
// A network as an ONNX model: the part of a graph's tape that leads from one tensor to
// another, op by op, with the weights under the PyTorch port's names. The model maps
// floats [n, c, h, w] to floats [n, c, h, w]; n, h and w are free, whatever they are in
// the graph, or fixed to what they are there. No node of the model depends on them: the
// model has no arithmetic on shapes, and what is fixed stands at its input and output.

#ifndef STORE_ONNX_EXPORT_H
#define STORE_ONNX_EXPORT_H

#include "graph/graph.h"

// Texts for the metadata of the model.
struct onnx_description {
    const char *network;         // the name of the graph: "G"
    const char *architecture;    // "unet_256, ngf 64"
    const char *mode;      // of the norms, as `translate --mode` names it: "stable"
    const char *input;     // "values in [-1, 1]"
    const char *output;    // "an image in [-1, 1]", "logits"
    uint32_t multiple;     // height and width must be multiples of it; 0 and 1: any
    uint32_t opset;        // ONNX_OPSET_MIN to ONNX_OPSET_MAX; 0: the first
    bool fixes_batch;      // n is that of the graph; else it is free
    bool fixes_sides;      // the same for h and w
};

// Fills in the values of a weight. False after a message.
typedef bool onnx_values(void *user, const struct weight *w, float *values);

// Writes the model; false after one message, and then there is no file. The graph must
// be built the way the model shall compute: without dropout, which is refused, and with
// the statistics that its batch norms shall use: means over n, h and w
// (STATISTICS_BATCH), over h and w (STATISTICS_PER_IMAGE, the same for one image), or
// the running statistics (STATISTICS_RUNNING). The graph needs no plan and no device:
// `values` is called for each weight once, in the order of the file.
bool onnx_export_write(const char *path, const struct graph *g, struct tensor *input,
                       struct tensor *output,
                       const struct onnx_description *description, onnx_values *values,
                       void *user);

#endif
