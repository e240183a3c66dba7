// SPDX-License-Identifier: MIT
//
// Which matrices are found of what a driver reports: a driver of this file's own,
// behind the loader's functions, which has no memory at one of the questions or lists
// oddities.

#include "support/check.h"

#include "gpu/matrix.h"

#include <stdio.h>
#include <string.h>

// As the extension has it, see matrix.c.
struct shape_entry {
    VkStructureType type;
    void *next;
    uint32_t m, n, k;
    int32_t a, b, c, result;
    VkBool32 saturating;
    int32_t scope;
};

// VkComponentTypeKHR
enum { F16, F32, S8 = 3, S32 = 5, U8 = 7, BF16 = 1000141000, E4M3 = 1000491002 };

#define F16_TO_F32 .b = 0, .c = 1, .result = 1, .scope = 3
#define TO_F32(x) .a = x, .b = x, .c = F32, .result = F32, .scope = 3

static struct {
    bool lacks_bf16, lacks_bf16_matrix;    // the extension, a feature
    int calls, fails_at;                   // those that list something; 0: none fails
    VkResult result;                       // of the one that fails
    const struct shape_entry *shapes;
    uint32_t shape_count;
} driver;

static VkResult next_result(void)
{
    return ++driver.calls == driver.fails_at ? driver.result : VK_SUCCESS;
}

static VkResult VKAPI_CALL list_extensions(VkPhysicalDevice physical, const char *layer,
                                           uint32_t *count, VkExtensionProperties *all)
{
    static const char *const names[] = { "VK_KHR_cooperative_matrix",
                                         "VK_EXT_subgroup_size_control",
                                         "VK_KHR_shader_integer_dot_product",
                                         "VK_KHR_shader_bfloat16" };
    (void)physical;
    (void)layer;
    const VkResult result = next_result();
    if (result < VK_SUCCESS)
        return result;
    *count = ARRAY_LEN(names) - driver.lacks_bf16;
    for (uint32_t i = 0; all && i < *count; i++)
        snprintf(all[i].extensionName, sizeof(all[i].extensionName), "%s", names[i]);
    return result;
}

static VkResult VKAPI_CALL list_shapes(VkPhysicalDevice physical, uint32_t *count,
                                       struct shape_entry *shapes)
{
    (void)physical;
    const VkResult result = next_result();
    if (result < VK_SUCCESS)
        return result;
    *count = driver.shape_count;
    for (uint32_t i = 0; shapes && i < *count; i++) {
        assert_int_equal(shapes[i].type, 1000506001);
        shapes[i] = driver.shapes[i];
    }
    return result;
}

static PFN_vkVoidFunction VKAPI_CALL find_function(VkInstance instance,
                                                   const char *name)
{
    (void)instance;
    assert_string_equal(name, "vkGetPhysicalDeviceCooperativeMatrixPropertiesKHR");
    return (PFN_vkVoidFunction)list_shapes;
}

// A head of the structures in a chain.
struct chained {
    VkStructureType type;
    struct chained *next;
};

// All features that a kernel may need: every structure of the chain is of booleans.
static void VKAPI_CALL get_features(VkPhysicalDevice physical,
                                    VkPhysicalDeviceFeatures2 *features)
{
    (void)physical;
    for (struct chained *c = features->pNext; c; c = c->next) {
        VkBool32 *first = (VkBool32 *)(void *)(c + 1);
        first[0] = VK_TRUE;
        // The second one where there is one that is asked for.
        if (c->type ==
            VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_SIZE_CONTROL_FEATURES_EXT)
            first[1] = VK_TRUE;
        if ((int)c->type == 1000141000)
            first[2] = !driver.lacks_bf16_matrix;
    }
}

static void VKAPI_CALL get_limits(VkPhysicalDevice physical,
                                  VkPhysicalDeviceProperties *properties)
{
    (void)physical;
    memset(properties, 0, sizeof(*properties));
    properties->limits.maxPerStageDescriptorStorageBuffers = 8;
}

static void VKAPI_CALL get_properties(VkPhysicalDevice physical,
                                      VkPhysicalDeviceProperties2 *properties)
{
    (void)physical;
    properties->properties.vendorID = 0x10de;
    properties->properties.deviceType = VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU;
    for (struct chained *c = properties->pNext; c; c = c->next)
        if (c->type == VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_DRIVER_PROPERTIES) {
            ((VkPhysicalDeviceDriverProperties *)(void *)c)->driverID =
                VK_DRIVER_ID_NVIDIA_PROPRIETARY;
        } else if ((int)c->type == 1000506002) {
            *(VkShaderStageFlags *)(void *)(c + 1) = VK_SHADER_STAGE_COMPUTE_BIT;
        } else if (
            c->type ==
            VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_SIZE_CONTROL_PROPERTIES_EXT) {
            VkPhysicalDeviceSubgroupSizeControlPropertiesEXT *sizes = (void *)c;
            sizes->minSubgroupSize = sizes->maxSubgroupSize = 32;
        }
}

static bool find(const struct shape_entry *shapes, uint32_t count, int fails_at,
                 VkResult result, struct gpu_matrix *matrix)
{
    driver.calls = 0;
    driver.fails_at = fails_at;
    driver.result = result;
    driver.shapes = shapes;
    driver.shape_count = count;
    static char physical;    // any handle: only functions of this file see it
    const bool ok =
        gpu_matrix_find(VK_NULL_HANDLE, (VkPhysicalDevice)(void *)&physical, matrix);
    // Either there are some, or a reason why not.
    if (ok) {
        assert_int_equal(matrix->f16.m == 0, matrix->f16.why_not != NULL);
        assert_int_equal(matrix->bf16.m == 0, matrix->bf16.why_not != NULL);
        assert_int_equal(matrix->subgroup == 0,
                         matrix->f16.m == 0 && matrix->bf16.m == 0);
    }
    return ok;
}

static int use_driver(void **state)
{
    (void)state;
    vkEnumerateDeviceExtensionProperties = list_extensions;
    vkGetInstanceProcAddr = find_function;
    vkGetPhysicalDeviceFeatures2 = get_features;
    vkGetPhysicalDeviceProperties = get_limits;
    vkGetPhysicalDeviceProperties2 = get_properties;
    return 0;
}

static const struct shape_entry usual[] = {
    { .m = 8, .n = 8, .k = 8, F16_TO_F32 },
    { .m = 16, .n = 16, .k = 16, F16_TO_F32 },
    { .m = 32, .n = 32, .k = 32, F16_TO_F32 },
};

// Where there is no memory for an answer there is none, whichever it is.
static void test_memory(void **state)
{
    struct gpu_matrix m;
    (void)state;
    assert_true(find(usual, ARRAY_LEN(usual), 0, VK_SUCCESS, &m));
    assert_int_equal(m.f16.m, 16);
    assert_int_equal(m.subgroup, 32);
    const int calls = driver.calls;
    assert_true(calls >= 10);    // four extensions and the shapes, each counted first
    for (int i = 1; i <= calls; i++)
        if (find(usual, ARRAY_LEN(usual), i, VK_ERROR_OUT_OF_HOST_MEMORY, &m))
            fail_msg("call %d without memory is taken for an answer", i);
}

// A loader that cannot list has none, and one that lists a part has that.
static void test_failures(void **state)
{
    struct gpu_matrix m;
    (void)state;
    assert_true(find(usual, ARRAY_LEN(usual), 9, VK_ERROR_INITIALIZATION_FAILED, &m));
    assert_int_equal(m.subgroup, 0);
    assert_true(find(usual, ARRAY_LEN(usual), 9, VK_INCOMPLETE, &m));
    assert_int_equal(m.f16.m, 16);
    assert_true(find(usual, ARRAY_LEN(usual), 10, VK_INCOMPLETE, &m));
    assert_int_equal(m.f16.m, 16);
}

// Sides that are no part of a tile of 32, also 0, which divides nothing.
static void test_odd_shapes(void **state)
{
    static const struct shape_entry odd[] = {
        { .m = 0, .n = 0, .k = 0, F16_TO_F32 },
        { .m = 8, .n = 0, .k = 8, F16_TO_F32 },
        { .m = 8, .n = 8, .k = 0, F16_TO_F32 },
        { .m = 24, .n = 8, .k = 8, F16_TO_F32 },
        { .m = 8, .n = 8, .k = 4, F16_TO_F32 },
        { .m = 64, .n = 64, .k = 16, F16_TO_F32 },
        { .m = 8, .n = 8, .k = 8, .b = 0, .c = 0, .result = 0, .scope = 3 },
        { .m = 8, .n = 8, .k = 8, .saturating = VK_TRUE, F16_TO_F32 },
        { .m = 8, .n = 8, .k = 8, .b = 0, .c = 1, .result = 1, .scope = 2 },
    };
    struct gpu_matrix m;
    (void)state;
    assert_true(find(odd, ARRAY_LEN(odd), 0, VK_SUCCESS, &m));
    assert_int_equal(m.subgroup, 0);
    assert_true(find(odd, 0, 0, VK_SUCCESS, &m));
    assert_int_equal(m.subgroup, 0);
    assert_true(find(usual, 1, 0, VK_SUCCESS, &m));
    assert_int_equal(m.f16.m, 8);
}

// Both operands are of one type, and sums floats; each type has a size of its own.
static void test_types(void **state)
{
    static const struct {
        const char *name;
        struct shape_entry shapes[6];
        uint32_t f16[3], bf16[3];
    } lists[] = {
        { "RADV gfx1201, Mesa 26.1",
          { { .m = 16, .n = 16, .k = 16, TO_F32(E4M3) },
            { 0, NULL, 16, 16, 16, U8, S8, S32, S32, VK_TRUE, 3 },
            { 0, NULL, 16, 16, 16, F16, F16, F16, F16, VK_FALSE, 3 },
            { 0, NULL, 16, 16, 16, BF16, BF16, BF16, BF16, VK_FALSE, 3 },
            { .m = 16, .n = 16, .k = 16, TO_F32(F16) },
            { .m = 16, .n = 16, .k = 16, TO_F32(BF16) } },
          { 16, 16, 16 },
          { 16, 16, 16 } },
        { "RADV navi31, Mesa 26.1",
          { { 0, NULL, 16, 16, 16, F16, F16, F16, F16, VK_FALSE, 3 },
            { .m = 16, .n = 16, .k = 16, TO_F32(F16) } },
          { 16, 16, 16 },
          { 0 } },
        { "lavapipe, Mesa 26.1",
          { { 0, NULL, 8, 8, 8, F16, F16, F16, F16, VK_FALSE, 3 },
            { .m = 8, .n = 8, .k = 8, TO_F32(F16) },
            { 0, NULL, 8, 8, 8, U8, U8, S32, S32, VK_FALSE, 3 } },
          { 8, 8, 8 },
          { 0 } },
        { "NVK, Ampere, Mesa 26.1",
          { { .m = 16, .n = 8, .k = 8, TO_F32(F16) },
            { .m = 16, .n = 8, .k = 16, TO_F32(F16) },
            { 0, NULL, 16, 8, 32, U8, U8, S32, S32, VK_FALSE, 3 },
            { .m = 16, .n = 16, .k = 16, TO_F32(F16) },
            { 0, NULL, 16, 16, 32, S8, S8, S32, S32, VK_FALSE, 3 } },
          { 16, 16, 16 },
          { 0 } },
        { "Intel, Xe2",
          { { 0, NULL, 8, 16, 32, S8, S8, S32, S32, VK_FALSE, 3 },
            { 0, NULL, 8, 16, 16, F16, F16, F16, F16, VK_FALSE, 3 },
            { .m = 8, .n = 16, .k = 16, TO_F32(F16) } },
          { 8, 16, 16 },
          { 0 } },
        { "Adreno 840: no part of a tile",
          { { .m = 64, .n = 64, .k = 16, TO_F32(F16) } },
          { 0 },
          { 0 } },
        { "different sizes, and two types in one",
          { { .m = 16, .n = 8, .k = 8, TO_F32(F16) },
            { .m = 16, .n = 8, .k = 16, TO_F32(F16) },
            { .m = 8, .n = 16, .k = 16, TO_F32(BF16) },
            { 0, NULL, 16, 16, 16, BF16, F16, F32, F32, VK_FALSE, 3 },
            { .m = 64, .n = 16, .k = 16, TO_F32(BF16) } },
          { 16, 8, 16 },
          { 8, 16, 16 } },
        { "bf16 only",
          { { .m = 16, .n = 16, .k = 16, TO_F32(BF16) } },
          { 0 },
          { 16, 16, 16 } },
        { "bf16 to bf16",
          { { 0, NULL, 16, 16, 16, BF16, BF16, BF16, BF16, VK_FALSE, 3 } },
          { 0 },
          { 0 } },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
        struct gpu_matrix m;
        assert_true(
            find(lists[i].shapes, ARRAY_LEN(lists[i].shapes), 0, VK_SUCCESS, &m));
        const uint32_t f16[] = { m.f16.m, m.f16.n, m.f16.k };
        const uint32_t bf16[] = { m.bf16.m, m.bf16.n, m.bf16.k };
        if (memcmp(f16, lists[i].f16, sizeof(f16)) != 0 ||
            memcmp(bf16, lists[i].bf16, sizeof(bf16)) != 0)
            fail_msg("%s: f16 %u x %u x %u, bf16 %u x %u x %u", lists[i].name, f16[0],
                     f16[1], f16[2], bf16[0], bf16[1], bf16[2]);
    }
}

// A product of bf16 in the list is no use without the extension, or its feature.
static void test_bf16_features(void **state)
{
    static const struct shape_entry both[] = {
        { .m = 16, .n = 16, .k = 16, TO_F32(F16) },
        { .m = 16, .n = 16, .k = 16, TO_F32(BF16) },
    };
    (void)state;
    for (int lacks = 0; lacks < 4; lacks++) {
        struct gpu_matrix m;
        driver.lacks_bf16 = lacks & 1;
        driver.lacks_bf16_matrix = lacks & 2;
        assert_true(find(both, ARRAY_LEN(both), 0, VK_SUCCESS, &m));
        assert_int_equal(m.f16.m, 16);
        assert_int_equal(m.bf16.m, lacks ? 0 : 16);
        // Alone there is none, and nothing to open a device with.
        assert_true(find(both + 1, 1, 0, VK_SUCCESS, &m));
        assert_int_equal(m.subgroup, lacks ? 0 : 32);
    }
    driver.lacks_bf16 = driver.lacks_bf16_matrix = false;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        check_test(test_memory),        check_test(test_failures),
        check_test(test_odd_shapes),    check_test(test_types),
        check_test(test_bf16_features),
    };
    return cmocka_run_group_tests(tests, use_driver, NULL);
}
