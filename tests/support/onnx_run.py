# SPDX-License-Identifier: MIT
#
# Runs ONNX models of one input and one output with OpenCV:
#
#     python3 onnx_run.py JOBS
#
# JOBS is as for onnx_run.mjs. Prints a line for each: the sides of the output, or what
# OpenCV says against the model.

import sys

import cv2
import numpy


cv2.setNumThreads(1)
print("OpenCV", cv2.__version__, file=sys.stderr)
for line in open(sys.argv[1]):
    model, source, target, *sides = line.split()
    try:
        net = cv2.dnn.readNetFromONNX(model)
        values = numpy.fromfile(source, numpy.float32)
        net.setInput(values.reshape([int(s) for s in sides]))
        output = net.forward()
    except cv2.error as error:
        print("refused:", " ".join(str(error).split()))
        continue
    output.astype(numpy.float32).tofile(target)
    print("x".join(str(s) for s in output.shape))
