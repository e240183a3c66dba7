// SPDX-License-Identifier: MIT
//
// Types shared by C and GLSL: parameter structs hold 4-byte scalars only, so both
// layouts are equal by construction. glslc predefines VULKAN, C compilers do not.

#ifndef SHARED_BASE_H
#define SHARED_BASE_H

#ifdef VULKAN
#define STORE float          // storage type of tensor elements
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
