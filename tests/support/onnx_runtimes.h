// SPDX-License-Identifier: MIT
//
// Programs that run ONNX models, as far as they are installed:
//
// - ONNX Runtime: PIX_TEST_ONNXRUNTIME is the folder of the npm package
//   onnxruntime-web, which needs `node`;
// - OpenCV of the system: the module cv2 of python3 or /usr/bin/python3;
// - another OpenCV: PIX_TEST_OPENCV_PYTHON is a Python that has cv2.

#ifndef SUPPORT_ONNX_RUNTIMES_H
#define SUPPORT_ONNX_RUNTIMES_H

#include "support/check.h"

#define ONNX_RUNTIMES_MAX 3

struct onnx_runtime {
    const char *name;
    bool needs_fixed;      // sides that are numbers
    bool needs_one;        // one image, where norms use each image's own statistics:
                           // OpenCV before 4.7 subtracts no [n, c, 1, 1] with n > 1
    char command[1024];    // in front of the path of a list of jobs
};

// Those that are installed; returns how many.
size_t onnx_runtimes_find(struct onnx_runtime all[ONNX_RUNTIMES_MAX]);

// One model to run: paths, and the shapes of its input and output. Values are files of
// floats.
struct onnx_job {
    char model[256], in[256], out[256];
    struct shape from, to;
};

// Runs all of them in one process, which writes the files `out`: floats. Its own files
// go into the folder. Fails the test with what the runtime says.
void onnx_runtime_run(const struct onnx_runtime *runtime, const char *folder,
                      const struct onnx_job *jobs, size_t count);

// The output of a job; caller frees.
float *onnx_job_output(const struct onnx_job *job);

#endif
