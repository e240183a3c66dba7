// SPDX-License-Identifier: MIT
//
// See lib/conv_backward_weight_rows.glsl.

#version 460
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require

#include "shared/conv.h"
#include "lib/conv_backward_weight_rows.glsl"
