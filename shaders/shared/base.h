// SPDX-License-Identifier: MIT
//
// Types shared by C and GLSL: parameter structs hold 4-byte scalars only, so both
// layouts are equal by construction. glslc predefines VULKAN, C compilers do not.

#ifndef SHARED_BASE_H
#define SHARED_BASE_H

#ifdef VULKAN
#define STORE float    // storage type of tensor elements
#else
#include <stdint.h>
typedef uint32_t uint;
#endif

#endif
