// SPDX-License-Identifier: MIT
//
// conv_forward_product.glsl on matrix units. Compiled with PIX_16BIT, by
// tools/compile_matrix.sh.

#version 460
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#extension GL_EXT_shader_explicit_arithmetic_types_float16 : require
#extension GL_KHR_cooperative_matrix : require
#extension GL_KHR_memory_scope_semantics : require
#extension GL_KHR_shader_subgroup_basic : require
#ifdef PIX_BF16
#extension GL_EXT_bfloat16 : require
#endif

#define MATRIX

#include "shared/conv.h"
#include "conv_forward_product.glsl"
