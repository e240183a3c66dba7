// SPDX-License-Identifier: MIT
//
// Buffers and whole transfers. See memory.h.

#include "gpu/memory.h"

#include "base/mem.h"
#include "gpu/stream.h"
#include "gpu/vulkan.h"

#include <string.h>

// Bytes a staging buffer holds: large enough to hide the cost of a submission.
#define STAGING_BYTES ((uint64_t)16 << 20)

// Types with a feature that is not enabled, or that buffers can not use.
#define FOREIGN_TYPES                                                                  \
    (VK_MEMORY_PROPERTY_PROTECTED_BIT | VK_MEMORY_PROPERTY_LAZILY_ALLOCATED_BIT |      \
     VK_MEMORY_PROPERTY_DEVICE_COHERENT_BIT_AMD |                                      \
     VK_MEMORY_PROPERTY_DEVICE_UNCACHED_BIT_AMD)

// The memory type among `bits` with all `required` and the most of `preferred`.
static uint32_t find_type(const struct gpu_device *device, uint32_t bits,
                          VkMemoryPropertyFlags required,
                          VkMemoryPropertyFlags preferred)
{
    uint32_t best = UINT32_MAX;
    int best_score = -1;
    for (uint32_t i = 0; i < device->memory.memoryTypeCount; i++) {
        VkMemoryPropertyFlags flags = device->memory.memoryTypes[i].propertyFlags;
        if (!(bits & ((uint32_t)1 << i)) || (flags & required) != required ||
            (flags & FOREIGN_TYPES))
            continue;
        int score = (flags & preferred) == preferred ? 1 : 0;
        if (score > best_score) {
            best = i;
            best_score = score;
        }
    }
    return best;
}

struct gpu_buffer *gpu_buffer_create(struct gpu_device *device, uint64_t size,
                                     enum gpu_use use)
{
    static const struct {
        const char *name;
        VkBufferUsageFlags usage;
        VkMemoryPropertyFlags required, preferred;
    } uses[] = {
        [GPU_DEVICE] = { "device",
                         VK_BUFFER_USAGE_STORAGE_BUFFER_BIT |
                             VK_BUFFER_USAGE_UNIFORM_TEXEL_BUFFER_BIT |
                             VK_BUFFER_USAGE_UNIFORM_BUFFER_BIT |
                             VK_BUFFER_USAGE_TRANSFER_SRC_BIT |
                             VK_BUFFER_USAGE_TRANSFER_DST_BIT,
                         0, VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT },
        [GPU_UPLOAD] = { "upload", VK_BUFFER_USAGE_TRANSFER_SRC_BIT,
                         VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT |
                             VK_MEMORY_PROPERTY_HOST_COHERENT_BIT,
                         0 },
        [GPU_READBACK] = { "readback", VK_BUFFER_USAGE_TRANSFER_DST_BIT,
                           VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT |
                               VK_MEMORY_PROPERTY_HOST_COHERENT_BIT,
                           VK_MEMORY_PROPERTY_HOST_CACHED_BIT },
    };
    uint32_t heap = UINT32_MAX;    // the last one tried
    struct gpu_buffer *buffer = mem_zalloc(sizeof(*buffer));
    if (!buffer)
        return NULL;
    buffer->device = device;
    buffer->size = MAX(size, (uint64_t)4);
    const VkBufferCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
        .size = buffer->size,
        .usage = uses[use].usage,
        .sharingMode = VK_SHARING_MODE_EXCLUSIVE,
    };
    VK_TRY(device,
           device->vk.vkCreateBuffer(device->handle, &info, NULL, &buffer->handle));
    VkMemoryRequirements needs;
    device->vk.vkGetBufferMemoryRequirements(device->handle, buffer->handle, &needs);
    uint32_t bits = needs.memoryTypeBits, type;
    VkResult result = VK_ERROR_OUT_OF_DEVICE_MEMORY;
    // A full heap is not the end where another one will do: devices that share the
    // host's memory may show only a small part of it as their own.
    while (result != VK_SUCCESS &&
           (type = find_type(device, bits, uses[use].required, uses[use].preferred)) !=
               UINT32_MAX) {
        const VkMemoryAllocateInfo allocate = {
            .sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
            .allocationSize = needs.size,
            .memoryTypeIndex = type,
        };
        heap = device->memory.memoryTypes[type].heapIndex;
        bits &= ~((uint32_t)1 << type);
        if (needs.size <= device->memory.memoryHeaps[heap].size)
            result = device->vk.vkAllocateMemory(device->handle, &allocate, NULL,
                                                 &buffer->memory);
        if (result != VK_SUCCESS && result != VK_ERROR_OUT_OF_DEVICE_MEMORY &&
            result != VK_ERROR_OUT_OF_HOST_MEMORY)
            VK_TRY(device, result);
    }
    if (heap == UINT32_MAX) {
        log_error("memory: %s offers no memory for %s buffers", device->info.name,
                  uses[use].name);
        goto fail;
    }
    if (result != VK_SUCCESS) {
        log_error("memory: could not have %.1f MiB for a %s buffer; %s has %.1f MiB in "
                  "all: lower --batch-size, --crop-size or --ngf, or free memory",
                  (double)needs.size / (1 << 20), uses[use].name, device->info.name,
                  (double)device->memory.memoryHeaps[heap].size / (1 << 20));
        goto fail;
    }
    VK_TRY(device, device->vk.vkBindBufferMemory(device->handle, buffer->handle,
                                                 buffer->memory, 0));
    if (use != GPU_DEVICE)
        VK_TRY(device, device->vk.vkMapMemory(device->handle, buffer->memory, 0,
                                              VK_WHOLE_SIZE, 0, &buffer->map));
    return buffer;

fail:
    gpu_buffer_destroy(buffer);
    return NULL;
}

void gpu_buffer_destroy(struct gpu_buffer *buffer)
{
    if (!buffer)
        return;
    struct gpu_device *device = buffer->device;
    device->vk.vkDestroyBuffer(device->handle, buffer->handle, NULL);
    device->vk.vkFreeMemory(device->handle, buffer->memory, NULL);
    mem_free(buffer);
}

void *gpu_buffer_map(struct gpu_buffer *buffer)
{
    return buffer->map;
}

uint64_t gpu_buffer_size(const struct gpu_buffer *buffer)
{
    return buffer->size;
}

// ---------------------------------------------------------------------------
// Whole transfers

// One chunk between staging and device memory.
static bool transfer(struct gpu_buffer *from, uint64_t from_offset,
                     struct gpu_buffer *to, uint64_t to_offset, uint64_t size)
{
    struct gpu_stream *stream = gpu_stream_create(from->device, 0, 0);
    bool ok = stream && gpu_stream_begin(stream);
    if (ok) {
        gpu_stream_barrier(stream);
        gpu_stream_copy(stream, from, from_offset, to, to_offset, size);
        ok = gpu_stream_end(stream) && gpu_stream_submit(stream) &&
             gpu_stream_wait(stream);
    }
    gpu_stream_destroy(stream);
    return ok;
}

bool gpu_upload(struct gpu_buffer *to, uint64_t offset, const void *data, uint64_t size)
{
    struct gpu_buffer *staging =
        gpu_buffer_create(to->device, MIN(size, STAGING_BYTES), GPU_UPLOAD);
    bool ok = staging != NULL;
    for (uint64_t done = 0; ok && done < size;) {
        uint64_t part = MIN(size - done, STAGING_BYTES);
        memcpy(gpu_buffer_map(staging), (const uint8_t *)data + done, (size_t)part);
        ok = transfer(staging, 0, to, offset + done, part);
        done += part;
    }
    gpu_buffer_destroy(staging);
    return ok;
}

bool gpu_download(struct gpu_buffer *from, uint64_t offset, void *data, uint64_t size)
{
    struct gpu_buffer *staging =
        gpu_buffer_create(from->device, MIN(size, STAGING_BYTES), GPU_READBACK);
    bool ok = staging != NULL;
    for (uint64_t done = 0; ok && done < size;) {
        uint64_t part = MIN(size - done, STAGING_BYTES);
        ok = transfer(from, offset + done, staging, 0, part);
        if (ok)
            memcpy((uint8_t *)data + done, gpu_buffer_map(staging), (size_t)part);
        done += part;
    }
    gpu_buffer_destroy(staging);
    return ok;
}

bool gpu_zero(struct gpu_buffer *buffer)
{
    struct gpu_stream *stream = gpu_stream_create(buffer->device, 0, 0);
    bool ok = stream && gpu_stream_begin(stream);
    if (ok) {
        gpu_stream_fill(stream, buffer, 0, buffer->size & ~(uint64_t)3, 0);
        ok = gpu_stream_end(stream) && gpu_stream_submit(stream) &&
             gpu_stream_wait(stream);
    }
    gpu_stream_destroy(stream);
    return ok;
}
