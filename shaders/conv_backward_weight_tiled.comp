// SPDX-License-Identifier: MIT
//
// conv_backward_weight_product.glsl in registers, with tiles in shared memory or without.

#version 460
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require

#include "shared/conv.h"
#include "conv_backward_weight_product.glsl"
