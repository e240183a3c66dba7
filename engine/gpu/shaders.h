// SPDX-License-Identifier: MIT
//
// The embedded SPIR-V modules. The list is made by CMake from the kernels in shaders/:
// SHADER_CONV_FORWARD is conv_forward.comp.

#ifndef GPU_SHADERS_H
#define GPU_SHADERS_H

#include "base/base.h"

#define SHADER_MAX_SPEC 20
#define SHADER_SPEC_FORMATS SHADER_MAX_SPEC    // the constant behind those of the ops
#define SHADER_STEP_BINDING 5                  // uniform buffer with struct step_block

enum shader {
#define SHADER(upper, lower) SHADER_##upper,
#include "shader_list.h"
#undef SHADER
    SHADER_COUNT
};

struct shader_code {
    const char *name;
    const uint32_t *words;
    size_t size;           // bytes; 0: the glslc of the build could not compile it
    enum shader halves;    // the same for tensors of 16 bits; itself if there is none
    enum shader scaled;    // the same where losses are scaled; itself if there is none
    bool marks;    // that one says where a number that it stores in 16 bits overflows
    bool is_matrix;    // runs on matrix units, on tensors of any format
};

extern const struct shader_code shader_table[SHADER_COUNT];

// A shader with all that a pipeline of it depends on, see kernel.h.
struct gpu_kernel_key {
    enum shader shader;
    uint32_t spec[SHADER_MAX_SPEC];
    uint32_t spec_count;
    uint32_t formats;        // constant SHADER_SPEC_FORMATS; 0: floats
    uint32_t buffers;        // storage buffers at bindings 0 ..
    uint32_t fetched;        // those that are uniform texel buffers instead, as bits
    uint32_t subgroup;       // its invocations; 0: the kernel does not care
    bool uses_step;          // uniform buffer at SHADER_STEP_BINDING
    uint32_t params_size;    // push constants
};

#endif
