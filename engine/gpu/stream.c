// SPDX-License-Identifier: MIT
//
// One command buffer. See stream.h.

#include "gpu/stream.h"

#include "base/mem.h"
#include "gpu/inside.h"
#include "gpu/result.h"

#include <assert.h>

#define MAX_FETCHED 2    // texel buffers of a kernel

struct gpu_stream {
    struct gpu_device *device;
    VkCommandPool pool;
    VkCommandBuffer commands;
    VkDescriptorPool sets;
    VkQueryPool queries;
    VkFence fence;
    VkBufferView *views;    // of the texel buffers that are bound
    size_t view_count, view_capacity;
    uint32_t timestamps;
    bool is_recorded;    // commands were begun before
    bool copies;         // it writes to memory that the host may read
    bool submitted;      // and not waited for yet
};

struct gpu_stream *gpu_stream_create(struct gpu_device *device, uint32_t dispatches,
                                     uint32_t timestamps)
{
    struct gpu_stream *stream = mem_zalloc(sizeof(*stream));
    if (!stream)
        return NULL;
    stream->device = device;
    // Commands are freed with their pool, so each stream has a pool of its own.
    const VkCommandPoolCreateInfo pool = {
        .sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO,
        .queueFamilyIndex = device->family,
    };
    VK_TRY(device,
           device->vk.vkCreateCommandPool(device->handle, &pool, NULL, &stream->pool));
    const VkCommandBufferAllocateInfo allocate = {
        .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
        .commandPool = stream->pool,
        .level = VK_COMMAND_BUFFER_LEVEL_PRIMARY,
        .commandBufferCount = 1,
    };
    VK_TRY(device, device->vk.vkAllocateCommandBuffers(device->handle, &allocate,
                                                       &stream->commands));
    // One set for each dispatch, written while recording and never again. The pool is
    // sized for the kernel with the most bindings of each kind.
    if (dispatches) {
        const VkDescriptorPoolSize sizes[] = {
            { VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, dispatches * SHADER_STEP_BINDING },
            { VK_DESCRIPTOR_TYPE_UNIFORM_TEXEL_BUFFER, dispatches * MAX_FETCHED },
            { VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER, dispatches },
        };
        const VkDescriptorPoolCreateInfo sets = {
            .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO,
            .maxSets = dispatches,
            .poolSizeCount = ARRAY_LEN(sizes),
            .pPoolSizes = sizes,
        };
        VK_TRY(device, device->vk.vkCreateDescriptorPool(device->handle, &sets, NULL,
                                                         &stream->sets));
    }
    if (timestamps && device->timestamp_seconds > 0) {
        const VkQueryPoolCreateInfo queries = {
            .sType = VK_STRUCTURE_TYPE_QUERY_POOL_CREATE_INFO,
            .queryType = VK_QUERY_TYPE_TIMESTAMP,
            .queryCount = timestamps,
        };
        VK_TRY(device, device->vk.vkCreateQueryPool(device->handle, &queries, NULL,
                                                    &stream->queries));
        stream->timestamps = timestamps;
    }
    const VkFenceCreateInfo fence = { .sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO };
    VK_TRY(device,
           device->vk.vkCreateFence(device->handle, &fence, NULL, &stream->fence));
    return stream;

fail:
    gpu_stream_destroy(stream);
    return NULL;
}

void gpu_stream_destroy(struct gpu_stream *stream)
{
    if (!stream)
        return;
    struct gpu_device *device = stream->device;
    // The device must be done with all that is destroyed here
    // (VUID-vkDestroyCommandPool-commandPool-00041).
    if (stream->submitted)
        gpu_stream_wait(stream);
    device->vk.vkDestroyFence(device->handle, stream->fence, NULL);
    device->vk.vkDestroyQueryPool(device->handle, stream->queries, NULL);
    device->vk.vkDestroyDescriptorPool(device->handle, stream->sets, NULL);
    device->vk.vkDestroyCommandPool(device->handle, stream->pool, NULL);
    for (size_t i = 0; i < stream->view_count; i++)
        device->vk.vkDestroyBufferView(device->handle, stream->views[i], NULL);
    mem_free(stream->views);
    mem_free(stream);
}

bool gpu_stream_begin(struct gpu_stream *stream)
{
    struct gpu_device *device = stream->device;
    assert(!stream->submitted);
    // Keeps the memory of the commands that it forgets for those that follow.
    if (stream->is_recorded)
        VK_TRY(device, device->vk.vkResetCommandPool(device->handle, stream->pool, 0));
    stream->is_recorded = true;
    stream->copies = false;
    // Without ONE_TIME_SUBMIT: a step's commands are submitted in every step.
    const VkCommandBufferBeginInfo begin = {
        .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO,
    };
    VK_TRY(device, device->vk.vkBeginCommandBuffer(stream->commands, &begin));
    // Part of the commands, because every submission needs its queries reset.
    if (stream->timestamps)
        device->vk.vkCmdResetQueryPool(stream->commands, stream->queries, 0,
                                       stream->timestamps);
    return true;

fail:
    return false;
}

// A view of a texel buffer, which exists as long as the stream.
static bool create_view(struct gpu_stream *stream, const struct gpu_binding *b,
                        VkBufferView *view)
{
    struct gpu_device *device = stream->device;
    // Required for uniform texel buffers ("Required Format Support"), all of them.
    const VkFormat format = b->texel == 2                 ? VK_FORMAT_R16_UINT
                            : b->texel == 8               ? VK_FORMAT_R16G16B16A16_UINT
                            : b->texel == 4 && b->is_uint ? VK_FORMAT_R32_UINT
                            : b->texel == 4               ? VK_FORMAT_R32_SFLOAT
                            : b->is_uint                  ? VK_FORMAT_R32G32B32A32_UINT
                                         : VK_FORMAT_R32G32B32A32_SFLOAT;
    assert(b->texel == 16 || b->texel == 8 || b->texel == 4 || b->texel == 2);
    const VkBufferViewCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_BUFFER_VIEW_CREATE_INFO,
        .buffer = b->buffer->handle,
        .format = format,
        .offset = b->offset,
        .range = b->size - b->size % b->texel,    // whole texels
    };
    if (!mem_grow(&stream->views, &stream->view_capacity, stream->view_count + 1,
                  sizeof(stream->views[0])))
        return false;
    VK_TRY(device, device->vk.vkCreateBufferView(device->handle, &info, NULL, view));
    stream->views[stream->view_count++] = *view;
    return true;

fail:
    return false;
}

bool gpu_stream_dispatch(struct gpu_stream *stream, struct gpu_kernel *kernel,
                         const struct gpu_binding *bindings,
                         const struct gpu_binding *step, const void *params,
                         const uint32_t base[3], const uint32_t count[3])
{
    struct gpu_device *device = stream->device;
    assert(count[0] && count[1] && count[2]);
    assert(!kernel->key.uses_step || step);

    VkDescriptorSet set;
    const VkDescriptorSetAllocateInfo allocate = {
        .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_ALLOCATE_INFO,
        .descriptorPool = stream->sets,
        .descriptorSetCount = 1,
        .pSetLayouts = &kernel->set_layout,
    };
    VK_TRY(device,
           device->vk.vkAllocateDescriptorSets(device->handle, &allocate, &set));
    VkDescriptorBufferInfo buffers[SHADER_STEP_BINDING + 1];
    VkBufferView views[SHADER_STEP_BINDING];
    VkWriteDescriptorSet writes[SHADER_STEP_BINDING + 1];
    uint32_t writes_count = 0;
    for (uint32_t i = 0; i < kernel->key.buffers + (kernel->key.uses_step ? 1 : 0);
         i++) {
        bool is_step = i == kernel->key.buffers;
        const struct gpu_binding *b = is_step ? step : &bindings[i];
        bool is_fetched = !is_step && kernel->key.fetched & (1u << i);
        if (is_fetched && !create_view(stream, b, &views[i]))
            goto fail;
        buffers[i] = (VkDescriptorBufferInfo){ b->buffer->handle, b->offset, b->size };
        writes[writes_count++] = (VkWriteDescriptorSet){
            .sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET,
            .dstSet = set,
            .dstBinding = is_step ? SHADER_STEP_BINDING : i,
            .descriptorCount = 1,
            .descriptorType = is_step      ? VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER
                              : is_fetched ? VK_DESCRIPTOR_TYPE_UNIFORM_TEXEL_BUFFER
                                           : VK_DESCRIPTOR_TYPE_STORAGE_BUFFER,
            .pBufferInfo = &buffers[i],
            .pTexelBufferView = is_fetched ? &views[i] : NULL,
        };
    }
    device->vk.vkUpdateDescriptorSets(device->handle, writes_count, writes, 0, NULL);
    VkCommandBuffer commands = stream->commands;
    device->vk.vkCmdBindPipeline(commands, VK_PIPELINE_BIND_POINT_COMPUTE,
                                 kernel->pipeline);
    device->vk.vkCmdBindDescriptorSets(commands, VK_PIPELINE_BIND_POINT_COMPUTE,
                                       kernel->layout, 0, 1, &set, 0, NULL);
    if (kernel->key.params_size)
        device->vk.vkCmdPushConstants(commands, kernel->layout,
                                      VK_SHADER_STAGE_COMPUTE_BIT, 0,
                                      kernel->key.params_size, params);
    // The validation layer (1.3.239) looks for races between plain dispatches only, so
    // those that are not split are plain.
    if (base[0] || base[1] || base[2])
        device->vk.vkCmdDispatchBase(commands, base[0], base[1], base[2], count[0],
                                     count[1], count[2]);
    else
        device->vk.vkCmdDispatch(commands, count[0], count[1], count[2]);
    return true;

fail:
    return false;
}

// One global barrier rather than one for each buffer: drivers for GPUs treat both
// alike, and the graph already leaves out barriers that are not needed
// (graph/barriers.c).
void gpu_stream_barrier(struct gpu_stream *stream)
{
    // SHADER_READ includes texel buffers. Reads need no access flag in the first scope:
    // a write after a read waits for execution only (specification, "Execution and
    // Memory Dependencies").
    const VkPipelineStageFlags stages =
        VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT | VK_PIPELINE_STAGE_TRANSFER_BIT;
    const VkMemoryBarrier barrier = {
        .sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER,
        .srcAccessMask = VK_ACCESS_SHADER_WRITE_BIT | VK_ACCESS_TRANSFER_WRITE_BIT,
        .dstAccessMask = VK_ACCESS_SHADER_READ_BIT | VK_ACCESS_SHADER_WRITE_BIT |
                         VK_ACCESS_UNIFORM_READ_BIT | VK_ACCESS_TRANSFER_READ_BIT |
                         VK_ACCESS_TRANSFER_WRITE_BIT,
    };
    stream->device->vk.vkCmdPipelineBarrier(stream->commands, stages, stages, 0, 1,
                                            &barrier, 0, NULL, 0, NULL);
}

void gpu_stream_copy(struct gpu_stream *stream, struct gpu_buffer *from,
                     uint64_t from_offset, struct gpu_buffer *to, uint64_t to_offset,
                     uint64_t size)
{
    const VkBufferCopy region = { from_offset, to_offset, size };
    stream->device->vk.vkCmdCopyBuffer(stream->commands, from->handle, to->handle, 1,
                                       &region);
    stream->copies = true;
}

void gpu_stream_fill(struct gpu_stream *stream, struct gpu_buffer *buffer,
                     uint64_t offset, uint64_t size, uint32_t word)
{
    stream->device->vk.vkCmdFillBuffer(stream->commands, buffer->handle, offset, size,
                                       word);
    stream->copies = true;
}

void gpu_stream_timestamp(struct gpu_stream *stream, uint32_t index)
{
    if (!stream->timestamps)
        return;
    assert(index < stream->timestamps);
    // The bottom of the pipe: when all earlier work is done.
    stream->device->vk.vkCmdWriteTimestamp(
        stream->commands, VK_PIPELINE_STAGE_BOTTOM_OF_PIPE_BIT, stream->queries, index);
}

bool gpu_stream_end(struct gpu_stream *stream)
{
    struct gpu_device *device = stream->device;
    // A fence alone does not make writes visible to the host (specification, "Fences").
    if (stream->copies) {
        const VkMemoryBarrier barrier = {
            .sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER,
            .srcAccessMask = VK_ACCESS_TRANSFER_WRITE_BIT,
            .dstAccessMask = VK_ACCESS_HOST_READ_BIT,
        };
        device->vk.vkCmdPipelineBarrier(
            stream->commands, VK_PIPELINE_STAGE_TRANSFER_BIT,
            VK_PIPELINE_STAGE_HOST_BIT, 0, 1, &barrier, 0, NULL, 0, NULL);
    }
    VK_TRY(device, device->vk.vkEndCommandBuffer(stream->commands));
    return true;

fail:
    return false;
}

bool gpu_stream_submit(struct gpu_stream *stream)
{
    struct gpu_device *device = stream->device;
    assert(!stream->submitted);
    if (device->lost)    // it was reported then
        return false;
    // No semaphores: there is one queue, and barriers order what it runs.
    const VkSubmitInfo submit = {
        .sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
        .commandBufferCount = 1,
        .pCommandBuffers = &stream->commands,
    };
    VK_TRY(device, device->vk.vkQueueSubmit(device->queue, 1, &submit, stream->fence));
    stream->submitted = true;
    return true;

fail:
    return false;
}

bool gpu_stream_wait(struct gpu_stream *stream)
{
    struct gpu_device *device = stream->device;
    bool submitted = stream->submitted;
    stream->submitted = false;
    // The loss was reported when it happened.
    if (!submitted || device->lost)
        return !device->lost;
    // No time limit: a software driver may take minutes, and if a device hangs its
    // driver reports it as lost.
    VK_TRY(device, device->vk.vkWaitForFences(device->handle, 1, &stream->fence,
                                              VK_TRUE, UINT64_MAX));
    VK_TRY(device, device->vk.vkResetFences(device->handle, 1, &stream->fence));
    return true;

fail:
    return false;
}

bool gpu_stream_seconds(struct gpu_stream *stream, uint32_t from, uint32_t to,
                        double *seconds)
{
    struct gpu_device *device = stream->device;
    uint64_t ticks[2];
    const uint32_t index[2] = { from, to };
    if (!stream->timestamps)
        return false;
    // Without the WAIT flag: after the fence the results are there, and a driver that
    // never writes any must not hang the caller.
    for (int i = 0; i < 2; i++)
        if (device->vk.vkGetQueryPoolResults(
                device->handle, stream->queries, index[i], 1, sizeof(ticks[i]),
                &ticks[i], sizeof(ticks[i]), VK_QUERY_RESULT_64_BIT) != VK_SUCCESS)
            return false;
    // The counter wraps at its valid bits.
    *seconds = (double)((ticks[1] - ticks[0]) & device->timestamp_mask) *
               device->timestamp_seconds;
    return true;
}
