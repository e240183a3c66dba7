// SPDX-License-Identifier: MIT
//
// Pipelines from embedded shaders. See kernel.h.

#include "gpu/kernel.h"

#include "base/mem.h"
#include "gpu/vulkan.h"

#include <assert.h>
#include <string.h>

#define MAX_BUFFERS SHADER_STEP_BINDING

static bool key_equal(const struct gpu_kernel_key *a, const struct gpu_kernel_key *b)
{
    return a->shader == b->shader && a->spec_count == b->spec_count &&
           a->buffers == b->buffers && a->uses_step == b->uses_step &&
           a->params_size == b->params_size &&
           memcmp(a->spec, b->spec, a->spec_count * sizeof(a->spec[0])) == 0;
}

static bool create_layout(struct gpu_device *device, struct gpu_kernel *kernel)
{
    VkDescriptorSetLayoutBinding bindings[MAX_BUFFERS + 1];
    uint32_t count = 0;
    for (; count < kernel->key.buffers; count++)
        bindings[count] = (VkDescriptorSetLayoutBinding){
            .binding = count,
            .descriptorType = VK_DESCRIPTOR_TYPE_STORAGE_BUFFER,
            .descriptorCount = 1,
            .stageFlags = VK_SHADER_STAGE_COMPUTE_BIT,
        };
    if (kernel->key.uses_step)
        bindings[count++] = (VkDescriptorSetLayoutBinding){
            .binding = SHADER_STEP_BINDING,
            .descriptorType = VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER,
            .descriptorCount = 1,
            .stageFlags = VK_SHADER_STAGE_COMPUTE_BIT,
        };
    const VkDescriptorSetLayoutCreateInfo set_info = {
        .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO,
        .bindingCount = count,
        .pBindings = bindings,
    };
    VK_TRY(device, device->vk.vkCreateDescriptorSetLayout(device->handle, &set_info,
                                                          NULL, &kernel->set_layout));
    const VkPushConstantRange range = {
        .stageFlags = VK_SHADER_STAGE_COMPUTE_BIT,
        .size = kernel->key.params_size,
    };
    const VkPipelineLayoutCreateInfo layout_info = {
        .sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO,
        .setLayoutCount = 1,
        .pSetLayouts = &kernel->set_layout,
        .pushConstantRangeCount = range.size ? 1 : 0,
        .pPushConstantRanges = &range,
    };
    VK_TRY(device, device->vk.vkCreatePipelineLayout(device->handle, &layout_info, NULL,
                                                     &kernel->layout));
    return true;

fail:
    return false;
}

static bool create_pipeline(struct gpu_device *device, struct gpu_kernel *kernel)
{
    const struct shader_code *code = &shader_table[kernel->key.shader];
    const VkShaderModuleCreateInfo module_info = {
        .sType = VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO,
        .codeSize = code->size,
        .pCode = code->words,
    };
    VK_TRY(device, device->vk.vkCreateShaderModule(device->handle, &module_info, NULL,
                                                   &kernel->module));
    VkSpecializationMapEntry entries[SHADER_MAX_SPEC];
    for (uint32_t i = 0; i < kernel->key.spec_count; i++)
        entries[i] = (VkSpecializationMapEntry){
            .constantID = i,
            .offset = i * (uint32_t)sizeof(uint32_t),
            .size = sizeof(uint32_t),
        };
    const VkSpecializationInfo specialization = {
        .mapEntryCount = kernel->key.spec_count,
        .pMapEntries = entries,
        .dataSize = kernel->key.spec_count * sizeof(uint32_t),
        .pData = kernel->key.spec,
    };
    const VkComputePipelineCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO,
        // A long dispatch is split by its grid.
        .flags = VK_PIPELINE_CREATE_DISPATCH_BASE_BIT,
        .stage = {
            .sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
            .stage = VK_SHADER_STAGE_COMPUTE_BIT,
            .module = kernel->module,
            .pName = "main",
            .pSpecializationInfo = &specialization,
        },
        .layout = kernel->layout,
    };
    VK_TRY(device, device->vk.vkCreateComputePipelines(device->handle, device->cache, 1,
                                                       &info, NULL, &kernel->pipeline));
    return true;

fail:
    log_error("kernel: the driver of %s can not compile %s", device->info.name,
              kernel->name);
    return false;
}

struct gpu_kernel *gpu_kernel_get(struct gpu_device *device,
                                  const struct gpu_kernel_key *key)
{
    assert(key->buffers <= MAX_BUFFERS && key->spec_count <= SHADER_MAX_SPEC);
    for (size_t i = 0; i < device->kernel_count; i++)
        if (key_equal(&device->kernels[i]->key, key))
            return device->kernels[i];

    struct gpu_kernel *kernel = mem_zalloc(sizeof(*kernel));
    if (!kernel)
        return NULL;
    kernel->key = *key;
    kernel->name = shader_table[key->shader].name;
    if (!create_layout(device, kernel) || !create_pipeline(device, kernel))
        goto fail;
    if (!mem_grow(&device->kernels, &device->kernel_capacity, device->kernel_count + 1,
                  sizeof(device->kernels[0])))
        goto fail;
    device->kernels[device->kernel_count++] = kernel;
    return kernel;

fail:
    gpu_kernel_destroy(device, kernel);
    return NULL;
}

void gpu_kernel_destroy(struct gpu_device *device, struct gpu_kernel *kernel)
{
    if (!kernel)
        return;
    device->vk.vkDestroyPipeline(device->handle, kernel->pipeline, NULL);
    device->vk.vkDestroyPipelineLayout(device->handle, kernel->layout, NULL);
    device->vk.vkDestroyDescriptorSetLayout(device->handle, kernel->set_layout, NULL);
    device->vk.vkDestroyShaderModule(device->handle, kernel->module, NULL);
    mem_free(kernel);
}
