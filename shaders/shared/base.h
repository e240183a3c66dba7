// SPDX-License-Identifier: MIT
//
// Types shared by C and GLSL: parameter structs hold 4-byte scalars only, so both
// layouts are equal by construction. glslc predefines VULKAN, C compilers do not.

#ifndef SHARED_BASE_H
#define SHARED_BASE_H

// How the elements of a tensor are stored, two bits for each binding in the constant
// SPEC_FORMATS of the kernels that can read and write 16 bits, see lib/tensor.glsl.
#define FORMAT_F32 0
#define FORMAT_F16 1
#define FORMAT_BF16 2
#define FORMAT_BITS 2
#define FORMAT_OF_COPY 4    // in the place of a binding: that of a weight's copy
#define SPEC_FORMATS 20

#ifdef VULKAN
// Here because extensions are named before anything else.
#ifdef PIX_16BIT
#extension GL_EXT_shader_16bit_storage : require
#endif
#define STORE float          // storage type of tensor elements that are always floats
#define STRUCT(name) name    // a struct as a member of another one
#else
#include <stdint.h>
typedef uint32_t uint;
#define STRUCT(name) struct name
#endif

// Where the elements of a tensor lie in its buffer: sample n starts at offset + n *
// stride, counted in elements. A tensor that is a slice of another one's channels has
// the other one's stride. Filled in by the emitter, see struct call_use in ops/op.h.
struct view {
    uint offset, stride;
};

#endif
