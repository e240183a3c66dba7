// SPDX-License-Identifier: MIT
//
// Buffers. See memory.h.

#include "gpu/memory.h"

#include "base/mem.h"
#include "gpu/inside.h"
#include "gpu/result.h"

// Properties of memory types that need a feature which is not enabled (protected
// memory, VK_AMD_device_coherent_memory), or that are for images only.
#define FOREIGN_TYPES                                                                  \
    (VK_MEMORY_PROPERTY_PROTECTED_BIT | VK_MEMORY_PROPERTY_LAZILY_ALLOCATED_BIT |      \
     VK_MEMORY_PROPERTY_DEVICE_COHERENT_BIT_AMD |                                      \
     VK_MEMORY_PROPERTY_DEVICE_UNCACHED_BIT_AMD)

// The index of the first memory type among `bits` (bit i: type i) that has all
// properties of `required`, one with all of `preferred` before others; UINT32_MAX:
// none. Of types with equal properties the faster is listed first (specification,
// "Device Memory").
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

// What a buffer of a use needs.
struct kind {
    const char *name;
    VkBufferUsageFlags usage;
    VkMemoryPropertyFlags required, preferred;    // of its memory type
};

static const struct kind kinds[] = {
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
    // The host reads uncached memory slowly.
    [GPU_READBACK] = { "readback", VK_BUFFER_USAGE_TRANSFER_DST_BIT,
                       VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT |
                           VK_MEMORY_PROPERTY_HOST_COHERENT_BIT,
                       VK_MEMORY_PROPERTY_HOST_CACHED_BIT },
    [GPU_STAGING] = { "staging",
                      VK_BUFFER_USAGE_TRANSFER_SRC_BIT |
                          VK_BUFFER_USAGE_TRANSFER_DST_BIT,
                      VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT |
                          VK_MEMORY_PROPERTY_HOST_COHERENT_BIT,
                      VK_MEMORY_PROPERTY_HOST_CACHED_BIT },
};

// Allocates from the best memory type, and from the next best where its heap is full:
// devices that share the host's memory may show only a small part of it as their own.
static bool allocate(struct gpu_buffer *buffer, const struct kind *kind)
{
    struct gpu_device *device = buffer->device;
    const double mib = 1 << 20;
    uint32_t heap = UINT32_MAX;    // the last one tried
    VkMemoryRequirements needs;
    device->vk.vkGetBufferMemoryRequirements(device->handle, buffer->handle, &needs);
    uint32_t bits = needs.memoryTypeBits, type;
    VkResult result = VK_ERROR_OUT_OF_DEVICE_MEMORY;
    while (result != VK_SUCCESS && (type = find_type(device, bits, kind->required,
                                                     kind->preferred)) != UINT32_MAX) {
        const VkMemoryAllocateInfo info = {
            .sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
            .allocationSize = needs.size,
            .memoryTypeIndex = type,
        };
        heap = device->memory.memoryTypes[type].heapIndex;
        bits &= ~((uint32_t)1 << type);
        // VUID-vkAllocateMemory-pAllocateInfo-01713 forbids more than the heap has.
        if (needs.size <= device->memory.memoryHeaps[heap].size)
            result = device->vk.vkAllocateMemory(device->handle, &info, NULL,
                                                 &buffer->memory);
        if (result != VK_SUCCESS && result != VK_ERROR_OUT_OF_DEVICE_MEMORY &&
            result != VK_ERROR_OUT_OF_HOST_MEMORY)
            break;
    }
    if (result == VK_SUCCESS)
        return true;
    if (result != VK_ERROR_OUT_OF_DEVICE_MEMORY &&
        result != VK_ERROR_OUT_OF_HOST_MEMORY)
        gpu_result_report(device, "vkAllocateMemory(", result);
    else if (heap == UINT32_MAX)
        log_error("memory: %s has no memory type for %s buffers", device->info.name,
                  kind->name);
    else
        log_error(
            "memory: out of device memory, cannot allocate %.1f MiB for a %s "
            "buffer; %s has %.1f MiB in total: free memory, or make the batch, the "
            "images or the network smaller",
            (double)needs.size / mib, kind->name, device->info.name,
            (double)device->memory.memoryHeaps[heap].size / mib);
    return false;
}

struct gpu_buffer *gpu_buffer_create(struct gpu_device *device, uint64_t size,
                                     enum gpu_use use)
{
    struct gpu_buffer *buffer = mem_zalloc(sizeof(*buffer));
    if (!buffer)
        return NULL;
    buffer->device = device;
    buffer->size = MAX(size, (uint64_t)4);    // an empty buffer is not allowed
    const VkBufferCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
        .size = buffer->size,
        .usage = kinds[use].usage,
        .sharingMode = VK_SHARING_MODE_EXCLUSIVE,
    };
    VK_TRY(device,
           device->vk.vkCreateBuffer(device->handle, &info, NULL, &buffer->handle));
    if (!allocate(buffer, &kinds[use]))
        goto fail;
    // Offset 0 has any alignment. Every buffer has an allocation of its own, of which
    // 4096 are guaranteed (maxMemoryAllocationCount).
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
    // Freeing memory unmaps it (specification, "vkFreeMemory").
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
