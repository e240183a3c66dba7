// SPDX-License-Identifier: MIT
//
// Matrix units. See matrix.h.

#include "gpu/matrix.h"

#include "base/mem.h"
#include "gpu/physical.h"
#include "gpu/properties.h"
#include "gpu/result.h"

#include <string.h>

const char gpu_matrix_extension[] = "VK_KHR_cooperative_matrix";
const char gpu_matrix_bf16_extension[] = "VK_KHR_shader_bfloat16";

// As the extensions' specifications have them: the headers of Debian 12 are older.
#define TYPE_FEATURES ((VkStructureType)1000506000)
#define TYPE_SHAPE ((VkStructureType)1000506001)
#define TYPE_PROPERTIES ((VkStructureType)1000506002)
#define TYPE_BF16_FEATURES ((VkStructureType)1000141000)
#define COMPONENT_FLOAT16 0
#define COMPONENT_FLOAT32 1
#define COMPONENT_BFLOAT16 1000141000
#define SCOPE_SUBGROUP 3

struct matrix_shape {
    VkStructureType type;
    void *next;
    uint32_t m, n, k;
    int32_t a, b, c, result;
    VkBool32 saturating;
    int32_t scope;
};

struct matrix_properties {
    VkStructureType type;
    void *next;
    VkShaderStageFlags stages;
};

typedef VkResult(VKAPI_PTR *get_shapes)(VkPhysicalDevice physical, uint32_t *count,
                                        struct matrix_shape *shapes);

#define VENDOR_AMD 0x1002
#define VENDOR_INTEL 0x8086

// Components that came later than the extension: bf16, f8.
#define COMPONENT_LATER 1000000000

// What is known about drivers; docs/drivers.md has where from.
const char *gpu_matrix_refusal(const struct gpu_matrix_driver *d)
{
    const bool is_amd =
        d->id == VK_DRIVER_ID_AMD_PROPRIETARY || d->id == VK_DRIVER_ID_AMD_OPEN_SOURCE;
    if (is_amd && d->type == VK_PHYSICAL_DEVICE_TYPE_INTEGRATED_GPU)
        return "AMD's driver crashes on integrated GPUs when it is asked for them";
    if (is_amd && !d->mixed_dot)
        return "AMD's driver lists them for GPUs that have none";
    if (d->id == VK_DRIVER_ID_QUALCOMM_PROPRIETARY)
        return "Qualcomm's driver cannot compile kernels for them";
    if (d->vendor == VENDOR_INTEL && d->min_subgroup < 16)
        return "those of Intel's GPUs before Xe2 are slow or compute wrongly";
    if (d->id == VK_DRIVER_ID_MESA_RADV && strstr(d->version, "25.3.0-devel"))
        return "this version of RADV computes wrongly with them";
    return NULL;
}

// `driver` holds the version that *d points to. False after a message where there is no
// memory to find out.
static bool describe(VkPhysicalDevice physical,
                     VkPhysicalDeviceDriverProperties *driver,
                     struct gpu_matrix_driver *d)
{
    bool has_sizes, has_dot;
    VkPhysicalDeviceSubgroupSizeControlPropertiesEXT sizes = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_SIZE_CONTROL_PROPERTIES_EXT,
    };
    VkPhysicalDeviceShaderIntegerDotProductPropertiesKHR dot = {
        .sType =
            VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_INTEGER_DOT_PRODUCT_PROPERTIES_KHR,
    };
    *driver = (VkPhysicalDeviceDriverProperties){
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_DRIVER_PROPERTIES,
    };
    VkPhysicalDeviceProperties2 properties = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2,
        .pNext = driver,
    };
    if (!gpu_properties_find_extension(
            physical, VK_EXT_SUBGROUP_SIZE_CONTROL_EXTENSION_NAME, &has_sizes) ||
        !gpu_properties_find_extension(
            physical, VK_KHR_SHADER_INTEGER_DOT_PRODUCT_EXTENSION_NAME, &has_dot))
        return false;
    if (has_sizes) {
        sizes.pNext = properties.pNext;
        properties.pNext = &sizes;
    }
    if (has_dot) {
        dot.pNext = properties.pNext;
        properties.pNext = &dot;
    }
    vkGetPhysicalDeviceProperties2(physical, &properties);
    *d = (struct gpu_matrix_driver){
        .id = driver->driverID,
        .version = driver->driverInfo,
        .vendor = properties.properties.vendorID,
        .type = properties.properties.deviceType,
        .min_subgroup = has_sizes ? sizes.minSubgroupSize : 0,
        .max_subgroup = has_sizes ? sizes.maxSubgroupSize : 0,
        .can_demand = has_sizes &&
                      (sizes.requiredSubgroupSizeStages & VK_SHADER_STAGE_COMPUTE_BIT),
        .mixed_dot = dot.integerDotProduct4x8BitPackedMixedSignednessAccelerated,
    };
    return true;
}

static bool has_features(VkPhysicalDevice physical)
{
    struct gpu_matrix_features all;
    VkPhysicalDeviceSubgroupSizeControlFeaturesEXT control = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_SIZE_CONTROL_FEATURES_EXT,
    };
    VkPhysicalDeviceFeatures2 features = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2,
        .pNext = gpu_matrix_enable(&all, false, &control),
    };
    vkGetPhysicalDeviceFeatures2(physical, &features);
    return all.cooperative.matrix && all.memory_model.vulkanMemoryModel &&
           control.subgroupSizeControl && control.computeFullSubgroups &&
           gpu_physical_has_float16(physical) && gpu_physical_has_storage16(physical);
}

// A driver may fill in the features of an extension that it does not offer.
static bool find_bf16(VkPhysicalDevice physical, bool *has)
{
    struct gpu_bf16_feature bf16 = { .type = TYPE_BF16_FEATURES };
    VkPhysicalDeviceFeatures2 features = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2,
        .pNext = &bf16,
    };
    if (!gpu_properties_find_extension(physical, gpu_matrix_bf16_extension, has))
        return false;
    if (*has)
        vkGetPhysicalDeviceFeatures2(physical, &features);
    *has = bf16.number && bf16.matrix;
    return true;
}

static bool has_compute(VkPhysicalDevice physical)
{
    struct matrix_properties matrix = { .type = TYPE_PROPERTIES };
    VkPhysicalDeviceProperties2 properties = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2,
        .pNext = &matrix,
    };
    vkGetPhysicalDeviceProperties2(physical, &properties);
    return matrix.stages & VK_SHADER_STAGE_COMPUTE_BIT;
}

// Kernels stage runs of eight, and have tiles of 32.
static bool is_side(uint32_t n)
{
    return n == 8 || n == 16 || n == 32;
}

static bool is_usable(const struct matrix_shape *s, int32_t component)
{
    return s->a == component && s->b == component && s->c == COMPONENT_FLOAT32 &&
           s->result == COMPONENT_FLOAT32 && !s->saturating &&
           s->scope == SCOPE_SUBGROUP && is_side(s->m) && is_side(s->n) &&
           is_side(s->k);
}

// 16 x 16 x 16 first, which every large GPU has, else the largest.
static uint32_t rank(const struct gpu_matrix_product *p)
{
    return p->m == 16 && p->n == 16 && p->k == 16 ? UINT32_MAX : p->m * p->n * p->k;
}

// What there is in a list for a type of operand.
static struct gpu_matrix_product best_of(const struct matrix_shape *shapes,
                                         uint32_t count, int32_t component)
{
    struct gpu_matrix_product best = { 0 };
    for (uint32_t i = 0; i < count; i++) {
        const struct gpu_matrix_product p = { .m = shapes[i].m,
                                              .n = shapes[i].n,
                                              .k = shapes[i].k };
        if (is_usable(&shapes[i], component) && rank(&p) > rank(&best))
            best = p;
    }
    return best;
}

static bool choose(VkPhysicalDevice physical, get_shapes get, struct gpu_matrix *matrix,
                   bool *has_later)
{
    *has_later = false;
    static const char call[] = "vkGetPhysicalDeviceCooperativeMatrixPropertiesKHR(";
    uint32_t count = 0;
    bool ok;
    VkResult result = get(physical, &count, NULL);
    if (!gpu_properties_is_list(call, result, &ok) || count == 0)
        return ok;
    struct matrix_shape *shapes = mem_array(count, sizeof(*shapes));
    if (!shapes)
        return false;
    for (uint32_t i = 0; i < count; i++)
        shapes[i] = (struct matrix_shape){ .type = TYPE_SHAPE };
    result = get(physical, &count, shapes);
    const bool is_list = gpu_properties_is_list(call, result, &ok);
    if (is_list) {
        matrix->f16 = best_of(shapes, count, COMPONENT_FLOAT16);
        matrix->bf16 = best_of(shapes, count, COMPONENT_BFLOAT16);
    }
    for (uint32_t i = 0; is_list && i < count; i++)
        *has_later |= shapes[i].a >= COMPONENT_LATER;
    mem_free(shapes);
    return ok;
}

struct gpu_matrix gpu_matrix_none(const char *reason)
{
    return (struct gpu_matrix){ .f16 = { .why_not = reason },
                                .bf16 = { .why_not = reason } };
}

bool gpu_matrix_find(VkInstance instance, VkPhysicalDevice physical,
                     struct gpu_matrix *matrix)
{
    bool has, has_bf16;
    VkPhysicalDeviceDriverProperties properties;
    *matrix = gpu_matrix_none("it does not offer VK_KHR_cooperative_matrix");
    if (!gpu_properties_find_extension(physical, gpu_matrix_extension, &has) ||
        !find_bf16(physical, &has_bf16))
        return false;
    if (!has)
        return true;
    struct gpu_matrix_driver driver;
    if (!describe(physical, &properties, &driver))
        return false;
    const char *refusal = gpu_matrix_refusal(&driver);
    *matrix = gpu_matrix_none(refusal);
    if (refusal)
        return true;
    *matrix = gpu_matrix_none("it has none that kernels can use");
    // The loader knows none of it where it is older than the extension, but finds it.
    const get_shapes get = (get_shapes)vkGetInstanceProcAddr(
        instance, "vkGetPhysicalDeviceCooperativeMatrixPropertiesKHR");
    const bool is_only_size = driver.min_subgroup == driver.max_subgroup;
    if (!get || driver.min_subgroup == 0 || (!driver.can_demand && !is_only_size) ||
        !has_features(physical) || !has_compute(physical))
        return true;
    bool has_later;
    if (!choose(physical, get, matrix, &has_later))
        return false;
    if (!has_bf16)
        matrix->bf16 = (struct gpu_matrix_product){ 0 };
    if (!matrix->f16.m)
        matrix->f16.why_not = "it has none for f16 that kernels can use";
    if (!matrix->bf16.m)
        matrix->bf16.why_not = has_bf16 ? "it has none for bf16 that kernels can use"
                                        : "it does not offer VK_KHR_shader_bfloat16";
    if (!matrix->f16.m && !matrix->bf16.m)
        return true;
    // The smallest is the one that matrix units were made for: 32 on AMD and NVIDIA, 16
    // on Intel.
    matrix->subgroup = driver.min_subgroup;
    // RDNA 4 has bf16 besides, and spreads operands over the whole subgroup.
    matrix->reads_twice = driver.vendor == VENDOR_AMD && !has_later;
    matrix->is_only_size = !driver.can_demand;
    matrix->literal = driver.id == VK_DRIVER_ID_MOLTENVK;
    return true;
}

void *gpu_matrix_enable(struct gpu_matrix_features *features, bool bf16, void *chain)
{
    features->bf16 = (struct gpu_bf16_feature){
        .type = TYPE_BF16_FEATURES,
        .next = chain,
        .number = VK_TRUE,
        .matrix = VK_TRUE,
    };
    features->memory_model = (VkPhysicalDeviceVulkanMemoryModelFeatures){
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_MEMORY_MODEL_FEATURES,
        .pNext = bf16 ? &features->bf16 : chain,
        .vulkanMemoryModel = VK_TRUE,
    };
    features->cooperative = (struct gpu_matrix_feature){
        .type = TYPE_FEATURES,
        .next = &features->memory_model,
        .matrix = VK_TRUE,
    };
    return &features->cooperative;
}
