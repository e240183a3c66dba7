// SPDX-License-Identifier: MIT
//
// What Unity's importer (Sentis, since renamed Inference Engine) takes of ONNX. Unity
// is not run here: the rules are those of its manual and of its importer's source, of
// versions 1.5 to 2.1.
//
// Manual:
// https://docs.unity3d.com/Packages/com.unity.sentis@2.1/manual/supported-operators.html

#ifndef SUPPORT_ONNX_UNITY_H
#define SUPPORT_ONNX_UNITY_H

#include "support/onnx.h"

#define ONNX_UNITY_SIZE 256

// NULL, or what the importer would refuse or ignore. Returns `text`.
const char *onnx_unity_complaint(const struct onnx_model *m,
                                 char text[ONNX_UNITY_SIZE]);

#endif
