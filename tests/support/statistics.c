// SPDX-License-Identifier: MIT
//
// VK_KHR_pipeline_executable_properties. See statistics.h.

#include "support/statistics.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "gpu/inside.h"
#include "gpu/result.h"

bool statistics_are_kept(const struct gpu_device *device)
{
    return device->statistics;
}

static double value_of(const VkPipelineExecutableStatisticKHR *s)
{
    switch (s->format) {
    case VK_PIPELINE_EXECUTABLE_STATISTIC_FORMAT_BOOL32_KHR:
        return s->value.b32 ? 1 : 0;
    case VK_PIPELINE_EXECUTABLE_STATISTIC_FORMAT_INT64_KHR:
        return (double)s->value.i64;
    case VK_PIPELINE_EXECUTABLE_STATISTIC_FORMAT_UINT64_KHR:
        return (double)s->value.u64;
    default:
        return s->value.f64;
    }
}

static bool read_values(struct gpu_device *device,
                        const VkPipelineExecutableInfoKHR *info, struct statistics *out)
{
    uint32_t count = 0;
    VkPipelineExecutableStatisticKHR *list = NULL;
    VK_TRY(device, device->vk.vkGetPipelineExecutableStatisticsKHR(device->handle, info,
                                                                   &count, NULL));
    list = mem_array(MAX(count, 1), sizeof(*list));
    out->values = mem_array(MAX(count, 1), sizeof(*out->values));
    if (!list || !out->values)
        goto fail;
    for (uint32_t i = 0; i < count; i++)
        list[i] = (VkPipelineExecutableStatisticKHR){
            .sType = VK_STRUCTURE_TYPE_PIPELINE_EXECUTABLE_STATISTIC_KHR,
        };
    VK_TRY(device, device->vk.vkGetPipelineExecutableStatisticsKHR(device->handle, info,
                                                                   &count, list));
    for (uint32_t i = 0; i < count; i++) {
        struct statistic *s = &out->values[out->count++];
        snprintf(s->name, sizeof(s->name), "%.*s", (int)sizeof(s->name) - 1,
                 list[i].name);
        s->value = value_of(&list[i]);
    }
    mem_free(list);
    return true;

fail:
    mem_free(list);
    return false;
}

// The last text among the driver's representations is the nearest to the machine.
static bool read_assembly(struct gpu_device *device,
                          const VkPipelineExecutableInfoKHR *info,
                          struct statistics *out)
{
    uint32_t count = 0;
    VkPipelineExecutableInternalRepresentationKHR *list = NULL, *last = NULL;
    VK_TRY(device, device->vk.vkGetPipelineExecutableInternalRepresentationsKHR(
                       device->handle, info, &count, NULL));
    list = mem_array(MAX(count, 1), sizeof(*list));
    if (!list)
        goto fail;
    for (uint32_t i = 0; i < count; i++)
        list[i] = (VkPipelineExecutableInternalRepresentationKHR){
            .sType = VK_STRUCTURE_TYPE_PIPELINE_EXECUTABLE_INTERNAL_REPRESENTATION_KHR,
        };
    // First the sizes, then the one text.
    VK_TRY(device, device->vk.vkGetPipelineExecutableInternalRepresentationsKHR(
                       device->handle, info, &count, list));
    for (uint32_t i = 0; i < count; i++)
        if (list[i].isText && list[i].dataSize > 0)
            last = &list[i];
    if (last) {
        out->assembly = mem_zalloc(last->dataSize + 1);
        if (!out->assembly)
            goto fail;
        for (uint32_t i = 0; i < count; i++) {
            list[i].pData = NULL;
            if (&list[i] != last)
                list[i].dataSize = 0;
        }
        last->pData = out->assembly;
        VK_TRY(device, device->vk.vkGetPipelineExecutableInternalRepresentationsKHR(
                           device->handle, info, &count, list));
    }
    mem_free(list);
    return true;

fail:
    mem_free(list);
    return false;
}

bool statistics_read(struct gpu_device *device, const struct gpu_kernel *kernel,
                     struct statistics *out)
{
    assert(device->statistics);
    *out = (struct statistics){ 0 };
    const VkPipelineInfoKHR pipeline = {
        .sType = VK_STRUCTURE_TYPE_PIPELINE_INFO_KHR,
        .pipeline = kernel->pipeline,
    };
    const VkPipelineExecutableInfoKHR info = {
        .sType = VK_STRUCTURE_TYPE_PIPELINE_EXECUTABLE_INFO_KHR,
        .pipeline = kernel->pipeline,
    };
    // A compute pipeline's only executable, on every driver known; the first elsewhere.
    VkPipelineExecutablePropertiesKHR properties = {
        .sType = VK_STRUCTURE_TYPE_PIPELINE_EXECUTABLE_PROPERTIES_KHR,
    };
    uint32_t count = 1;
    VkResult result = device->vk.vkGetPipelineExecutablePropertiesKHR(
        device->handle, &pipeline, &count, &properties);
    if (result != VK_INCOMPLETE)
        VK_TRY(device, result);
    if (count == 0) {
        log_error("kernel: the driver of %s reports no statistics for %s",
                  device->info.name, kernel->name);
        goto fail;
    }
    out->subgroup_size = properties.subgroupSize;
    if (!read_values(device, &info, out) || !read_assembly(device, &info, out))
        goto fail;
    return true;

fail:
    statistics_finish(out);
    return false;
}

void statistics_finish(struct statistics *s)
{
    mem_free(s->values);
    mem_free(s->assembly);
    *s = (struct statistics){ 0 };
}
