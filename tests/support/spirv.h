// SPDX-License-Identifier: MIT
//
// A small SPIR-V reader: what a compute shader's interface is, as far as the host must
// agree with it.

#ifndef SUPPORT_SPIRV_H
#define SUPPORT_SPIRV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SPIRV_MAX_BINDINGS 8
#define SPIRV_MAX_SPEC 32

struct spirv_binding {
    bool exists;
    bool is_storage;      // storage buffer,
    bool is_fetched;      // or uniform texel buffer, else uniform buffer
    bool non_writable;    // readonly
    bool non_readable;    // writeonly
    uint32_t set;
};

struct spirv_module {
    struct spirv_binding bindings[SPIRV_MAX_BINDINGS];
    uint32_t push_bytes;    // size of the push constant block, 0: none
    bool spec[SPIRV_MAX_SPEC];
    uint32_t spec_limit;    // largest constant id + 1, 0: none
    uint32_t
        local_size_id;    // constant id of the local size in x; UINT32_MAX: literal
    uint32_t local_size[3];    // defaults
    bool uses_num_workgroups;
    uint32_t capabilities[16];
    uint32_t capability_count;
};

// False after printing what is wrong.
bool spirv_read(const uint32_t *words, size_t size, struct spirv_module *module);

#endif
