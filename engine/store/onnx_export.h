// SPDX-License-Identifier: MIT
//
// A network as an ONNX model: what the tape of a graph holds between two of its
// tensors, op by op, with the weights by the PyTorch port's names. It maps floats
// [n, c, h, w] to floats; n, h and w are free, whatever they are in the graph.

#ifndef STORE_ONNX_EXPORT_H
#define STORE_ONNX_EXPORT_H

#include "graph/graph.h"

// Texts of the model; they change nothing else.
struct onnx_description {
    const char *network;         // the name of the graph: "G"
    const char *architecture;    // "unet_256, ngf 64"
    const char *mode;      // of the norms, as `translate --mode` names it: "stable"
    const char *output;    // what comes out: "an image in [-1, 1]", "logits"
    uint32_t multiple;     // height and width must be multiples of it; 0 and 1: any
};

// Gives the values of a weight, or false after a message.
typedef bool onnx_values(void *user, const struct weight *w, float *values);

// Writes the model, or one message and no file. The tape says everything, so the graph
// is built as the model shall compute, without dropout, which is refused. A batch norm
// takes means over n, h and w, as STATISTICS_BATCH does; over h and w as an instance
// norm if it was built with STATISTICS_PER_IMAGE, which is the same for one image; or
// with STATISTICS_RUNNING the running statistics. There need be no plan and no device:
// `values` gives those of a weight, one at a time.
bool onnx_write(const char *path, const struct graph *g, struct tensor *input,
                struct tensor *output, const struct onnx_description *description,
                onnx_values *values, void *user);

#endif
