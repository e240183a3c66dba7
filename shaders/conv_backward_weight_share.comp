// SPDX-License-Identifier: MIT
//
// See lib/conv_backward_weight_rows.glsl.
// Invocations of a subgroup share what they all want.

#version 460
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#extension GL_KHR_shader_subgroup_basic : require
#extension GL_KHR_shader_subgroup_shuffle : require

#define SHARE

#include "shared/conv.h"
#include "lib/conv_backward_weight_rows.glsl"
