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

// The matrices of one type of number that the device's matrix units multiply: m x k by
// k x n, to sums of f32.
struct gpu_matrix_product {
    uint32_t m, n, k;       // 0: there are none to use
    const char *why_not;    // NULL: there are, or there is no device
    // Kernels whose numbers were compared, as bits, by direction: see
    // program/matrix_check.c.
    uint64_t checked[3];
};

struct gpu_matrix {
    uint32_t subgroup;    // invocations that do it together; 0: there are none to use
    struct gpu_matrix_product f16, bf16;
    bool reads_twice;     // each half of a subgroup reads all of an operand (RDNA 3)
    bool is_only_size;    // all subgroups have that many, and no size can be demanded
    bool literal;    // the driver takes no specialisation constants for their sizes
};

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
    struct gpu_matrix matrix;
    bool executes;    // false: the driver accepts work and runs nothing (no-op shim)
};

#endif
