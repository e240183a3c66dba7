// SPDX-License-Identifier: MIT
//
// Matrix units (VK_KHR_cooperative_matrix): which matrices a device multiplies, and
// which drivers are not asked. docs/drivers.md has the table with the reasons.

#ifndef GPU_MATRIX_H
#define GPU_MATRIX_H

#include "gpu/limits.h"

#include <volk.h>

extern const char gpu_matrix_extension[];
extern const char gpu_matrix_bf16_extension[];

// Known when a device was asked for its properties.
struct gpu_matrix_driver {
    VkDriverId id;
    const char *version;    // driverInfo, "Mesa 26.1.6"
    uint32_t vendor;
    VkPhysicalDeviceType type;
    uint32_t min_subgroup, max_subgroup;    // 0: the device does not say
    bool can_demand;                        // a size, for compute kernels
    // Whether products of signed and unsigned bytes are accelerated, which tells RDNA 3
    // and later from earlier GPUs of AMD.
    bool mixed_dot;
};

// Why the matrix units of a driver are not used; NULL: they may be.
const char *gpu_matrix_refusal(const struct gpu_matrix_driver *driver);

// No matrix units, for one reason.
struct gpu_matrix gpu_matrix_none(const char *reason);

// The matrices that kernels are to multiply, or why there are none. False after a
// message where there is no memory to find out.
bool gpu_matrix_find(VkInstance instance, VkPhysicalDevice physical,
                     struct gpu_matrix *matrix);

// Appends the features that kernels of matrix units need to a chain for
// VkDeviceCreateInfo; returns its new head. `features` is the caller's memory.
struct gpu_matrix_features {
    VkPhysicalDeviceVulkanMemoryModelFeatures memory_model;
    struct gpu_matrix_feature {
        VkStructureType type;
        void *next;
        VkBool32 matrix, robust;
    } cooperative;
    struct gpu_bf16_feature {
        VkStructureType type;
        void *next;
        VkBool32 number, dot, matrix;
    } bf16;
};
void *gpu_matrix_enable(struct gpu_matrix_features *features, bool bf16, void *chain);

#endif
