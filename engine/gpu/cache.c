// SPDX-License-Identifier: MIT
//
// The pipeline cache and its file: one for each device and driver, in the user's cache
// folder. It only saves time, so whatever is wrong with it is a debug line. A driver
// gets what one wrote and nothing else: some trust the bytes blindly.

#include "gpu/cache.h"

#include "base/bytes.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/os.h"
#include "gpu/inside.h"
#include "gpu/result.h"

#include <string.h>

// A file: this header, then what vkGetPipelineCacheData gave. Numbers are
// little-endian.
//
//     0  magic    8 bytes
//     8  version  4 bytes, of this header
//    12  zero     4 bytes
//    16  length   8 bytes, of the data
//    24  checksum 8 bytes, FNV-1a of the data
#define HEADER_BYTES ((size_t)32)
#define VERSION 1

static const char magic[8] = { 'P', '2', 'P', 'c', 'a', 'c', 'h', 'e' };

// The header of the data, the same for every driver (specification, "Pipeline Cache
// Header"): length, version, vendor, device, UUID.
#define DATA_HEADER_BYTES ((size_t)16 + VK_UUID_SIZE)

// Pipelines of other versions of the engine gather in it, so that a large one is begun
// anew.
#define MAXIMUM_BYTES ((size_t)64 << 20)

// Between two writings, where many kernels are made one by one.
#define SAVE_INTERVAL 1.0

static VkPhysicalDeviceProperties properties_of(const struct gpu_device *device)
{
    VkPhysicalDeviceProperties p;
    vkGetPhysicalDeviceProperties(device->physical, &p);
    return p;
}

// Caller frees. NULL where there is no cache folder.
static char *find_path(const struct gpu_device *device)
{
    const VkPhysicalDeviceProperties p = properties_of(device);
    char uuid[2 * VK_UUID_SIZE + 1];
    for (size_t i = 0; i < VK_UUID_SIZE; i++)
        snprintf(uuid + 2 * i, 3, "%02x", p.pipelineCacheUUID[i]);
    char *folder = os_cache_folder();
    char *path = folder ? mem_printf("%s/pipelines/%04x-%04x-%08x-%s.bin", folder,
                                     p.vendorID, p.deviceID, p.driverVersion, uuid)
                        : NULL;
    mem_free(folder);
    return path;
}

// ---------------------------------------------------------------------------
// Reading

// What is wrong with the content of a file, or NULL.
static const char *find_fault(const struct gpu_device *device, const uint8_t *file,
                              size_t size)
{
    const VkPhysicalDeviceProperties p = properties_of(device);
    const uint8_t *data = file + HEADER_BYTES;
    if (size < HEADER_BYTES || memcmp(file, magic, sizeof(magic)) != 0)
        return "it is none of ours";
    if (bytes_get_little(file + 8, 4) != VERSION)
        return "it is of another version";
    if (bytes_get_little(file + 16, 8) != size - HEADER_BYTES)
        return "it was cut short";
    size -= HEADER_BYTES;
    if (bytes_get_little(file + 24, 8) != hash_bytes(HASH_START, data, size))
        return "it is damaged";
    if (size < DATA_HEADER_BYTES || bytes_get_little(data, 4) != DATA_HEADER_BYTES ||
        bytes_get_little(data + 4, 4) != VK_PIPELINE_CACHE_HEADER_VERSION_ONE ||
        bytes_get_little(data + 8, 4) != p.vendorID ||
        bytes_get_little(data + 12, 4) != p.deviceID ||
        memcmp(data + 16, p.pipelineCacheUUID, VK_UUID_SIZE) != 0)
        return "it is of another device or driver";
    return NULL;
}

// The whole file, or NULL where there is none of use.
static uint8_t *read_file(const struct gpu_device *device, const char *path,
                          size_t *size)
{
    uint8_t *bytes = NULL;
    const char *fault = NULL;
    uint64_t length = 0;
    enum os_kind kind = os_path_kind(path);
    if (kind == OS_KIND_NONE)
        return NULL;
    FILE *stream = kind == OS_KIND_FILE ? os_file_open(path, "rb") : NULL;
    if (!stream || !os_file_size(stream, &length)) {
        fault = kind == OS_KIND_FILE ? os_error_text() : "it is not a file";
        goto done;
    }
    if (length > HEADER_BYTES + MAXIMUM_BYTES) {
        fault = "it is too large";
        goto done;
    }
    *size = (size_t)length;
    bytes = mem_alloc(*size);
    fault = !bytes ? "out of memory"
            : fread(bytes, 1, *size, stream) != *size
                ? "it can not be read"
                : find_fault(device, bytes, *size);

done:
    if (stream)
        fclose(stream);
    if (fault) {
        log_debug("cache: %s is not used: %s", path, fault);
        mem_free(bytes);
        bytes = NULL;
    }
    return bytes;
}

// Bytes of the driver's data; 0 if it does not say.
static size_t size_of(struct gpu_device *device, VkPipelineCache handle)
{
    size_t size = 0;
    return device->vk.vkGetPipelineCacheData(device->handle, handle, &size, NULL) ==
                   VK_SUCCESS
               ? size
               : 0;
}

void gpu_cache_open(struct gpu_device *device)
{
    struct gpu_cache *cache = &device->cache;
    size_t size = 0;
    if (cache->is_open)
        return;
    *cache = (struct gpu_cache){ .is_open = true };
    cache->path = device->no_cache ? NULL : find_path(device);
    uint8_t *file = cache->path ? read_file(device, cache->path, &size) : NULL;
    VkPipelineCacheCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_PIPELINE_CACHE_CREATE_INFO,
        .initialDataSize = file ? size - HEADER_BYTES : 0,
        .pInitialData = file ? file + HEADER_BYTES : NULL,
    };
    if (file)
        memcpy(cache->seen, file, HEADER_BYTES);
    VkResult result =
        device->vk.vkCreatePipelineCache(device->handle, &info, NULL, &cache->handle);
    if (result == VK_SUCCESS) {
        cache->loaded = info.initialDataSize;
    } else if (file) {
        info.initialDataSize = 0;
        info.pInitialData = NULL;
        result = device->vk.vkCreatePipelineCache(device->handle, &info, NULL,
                                                  &cache->handle);
    }
    if (result != VK_SUCCESS) {
        cache->handle = VK_NULL_HANDLE;    // pipelines are made without
        log_debug("cache: vkCreatePipelineCache returned %s", gpu_result_name(result));
    }
    // A driver may drop what it is given without a word.
    if (cache->handle && file)
        cache->stored = size_of(device, cache->handle);
    mem_free(file);
}

// Whether another process has written the file since this one read or wrote it.
static bool was_replaced(const struct gpu_cache *cache)
{
    uint8_t header[HEADER_BYTES];
    FILE *stream = os_path_kind(cache->path) == OS_KIND_FILE
                       ? os_file_open(cache->path, "rb")
                       : NULL;
    bool replaced = stream &&
                    fread(header, 1, sizeof(header), stream) == sizeof(header) &&
                    memcmp(header, cache->seen, sizeof(header)) != 0;
    if (stream)
        fclose(stream);
    return replaced;
}

// Takes over what other processes wrote, so that it is not lost by writing.
static void merge_file(struct gpu_device *device)
{
    struct gpu_cache *cache = &device->cache;
    size_t size = 0;
    uint8_t *file = was_replaced(cache) ? read_file(device, cache->path, &size) : NULL;
    VkPipelineCache other = VK_NULL_HANDLE;
    if (!file)
        return;
    const VkPipelineCacheCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_PIPELINE_CACHE_CREATE_INFO,
        .initialDataSize = size - HEADER_BYTES,
        .pInitialData = file + HEADER_BYTES,
    };
    if (device->vk.vkCreatePipelineCache(device->handle, &info, NULL, &other) ==
            VK_SUCCESS &&
        device->vk.vkMergePipelineCaches(device->handle, cache->handle, 1, &other) ==
            VK_SUCCESS) {
        cache->stored = size_of(device, other);
        memcpy(cache->seen, file, HEADER_BYTES);
        log_debug("cache: took over what another process wrote to %s", cache->path);
    }
    device->vk.vkDestroyPipelineCache(device->handle, other, NULL);
    mem_free(file);
}

// ---------------------------------------------------------------------------
// Writing

// The driver's data behind our header; NULL if there is nothing to write. *size is that
// of the data.
static uint8_t *collect(struct gpu_device *device, size_t *size)
{
    struct gpu_cache *cache = &device->cache;
    uint8_t *file = NULL;
    if (device->vk.vkGetPipelineCacheData(device->handle, cache->handle, size, NULL) !=
            VK_SUCCESS ||
        *size <= MAX(cache->stored, DATA_HEADER_BYTES))
        return NULL;
    if (*size > MAXIMUM_BYTES) {
        log_debug("cache: %s is begun anew: it would have %zu MiB", cache->path,
                  *size >> 20);
        os_file_remove(cache->path);
        mem_free(cache->path);
        cache->path = NULL;
        return NULL;
    }
    file = mem_zalloc(HEADER_BYTES + *size);
    if (!file || device->vk.vkGetPipelineCacheData(device->handle, cache->handle, size,
                                                   file + HEADER_BYTES) != VK_SUCCESS) {
        mem_free(file);
        return NULL;
    }
    memcpy(file, magic, sizeof(magic));
    bytes_put_little(file + 8, 4, VERSION);
    bytes_put_little(file + 16, 8, *size);
    bytes_put_little(file + 24, 8, hash_bytes(HASH_START, file + HEADER_BYTES, *size));
    return file;
}

static bool write_file(const char *path, const uint8_t *file, size_t size)
{
    struct file_writer w = { 0 };
    char *folder = mem_printf("%.*s", (int)(file_name(path) - path), path);
    bool ok = folder && file_make_private_folder(folder);
    if (ok)
        file_remove_orphans(folder);    // others may be writing
    // What a power cut takes is made again.
    ok = ok && file_writer_begin(&w, path, false);
    if (ok && file_writer_write(&w, file, size))
        ok = file_writer_commit(&w);
    else
        ok = false;
    file_writer_abort(&w);
    mem_free(folder);
    return ok;
}

void gpu_cache_save(struct gpu_device *device, bool now)
{
    struct gpu_cache *cache = &device->cache;
    double time = os_seconds();
    if (!cache->handle || !cache->path || !cache->has_grown || device->lost ||
        (!now && cache->saved > 0 && time - cache->saved < SAVE_INTERVAL))
        return;
    // A cache that cannot be written is not an error of the user's.
    struct log_capture capture;
    log_capture_begin(&capture);
    size_t size = 0;
    merge_file(device);
    uint8_t *file = collect(device, &size);
    bool ok = file && write_file(cache->path, file, HEADER_BYTES + size);
    const char *error = log_capture_end(&capture);
    if (ok) {
        cache->stored = size;
        memcpy(cache->seen, file, HEADER_BYTES);
        log_debug("cache: wrote %zu KiB to %s", size >> 10, cache->path);
    } else if (error[0]) {
        log_debug("cache: %s", error);
    }
    mem_free(file);
    cache->has_grown = false;
    cache->saved = time;
}

void gpu_cache_close(struct gpu_device *device)
{
    gpu_cache_save(device, true);
    device->vk.vkDestroyPipelineCache(device->handle, device->cache.handle, NULL);
    mem_free(device->cache.path);
    device->cache = (struct gpu_cache){ 0 };
}
