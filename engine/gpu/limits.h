// SPDX-License-Identifier: MIT
//
// What a device allows its kernels and buffers. It has no .c: gpu/device.c fills it in
// when a device is opened.

#ifndef GPU_LIMITS_H
#define GPU_LIMITS_H

#include "base/base.h"

// No buffer is larger. Vulkan guarantees a maxMemoryAllocationSize of 1 GiB at least
// (specification, "Required Limits").
#define GPU_MAX_BLOCK ((uint64_t)1 << 30)

struct gpu_limits {
    uint64_t max_binding;        // bytes of one storage buffer binding
    uint64_t max_block;          // bytes of one buffer, at most GPU_MAX_BLOCK
    uint64_t memory;             // bytes of the largest heap that buffers may lie in
    uint32_t max_invocations;    // per workgroup
    uint32_t shared_bytes;       // per workgroup
    uint32_t max_texels;         // of one texel buffer
    // Invocations of a subgroup, where kernels can have full ones of this size and
    // shuffle values between them; else 0.
    uint32_t subgroup;
    bool is_cpu;
    bool float16;      // kernels may compute in f16
    bool storage16;    // buffers may hold numbers of 16 bits
    bool executes;     // false: the driver accepts work and runs nothing (no-op shim)
};

#endif
