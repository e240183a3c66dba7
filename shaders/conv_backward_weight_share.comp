// SPDX-License-Identifier: MIT
//
// conv_backward_weight_rows.glsl with subgroups: each invocation fetches a part of what
// they all need and shuffles it to the others.

#version 460
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#extension GL_KHR_shader_subgroup_basic : require
#extension GL_KHR_shader_subgroup_shuffle : require

#define SHARE

#include "shared/conv.h"
#include "conv_backward_weight_rows.glsl"
