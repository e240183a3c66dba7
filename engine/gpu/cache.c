// SPDX-License-Identifier: MIT
//
// The pipeline cache and its file. See cache.h. It only saves time, so any problem with
// it is a debug message. The file's data are checked before the driver gets them: some
// drivers trust them blindly, and a damaged file could crash the process.

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

// Pipelines of older versions of the engine accumulate in the file, so one that grew
// larger than this is deleted and starts again from nothing.
#define MAXIMUM_BYTES ((size_t)64 << 20)

// Seconds between two writes, for callers that create many kernels one by one.
#define SAVE_INTERVAL 1.0

static VkPhysicalDeviceProperties properties_of(const struct gpu_device *device)
{
    VkPhysicalDeviceProperties p;
    vkGetPhysicalDeviceProperties(device->physical, &p);
    return p;
}

// The path has all that the data depend on: vendor, device, driver version and the
// driver's UUID. Caller frees. NULL where the system has no cache folder.
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

// Why the content of a file cannot be given to the driver, or NULL.
static const char *find_fault(const struct gpu_device *device, const uint8_t *file,
                              size_t size)
{
    const VkPhysicalDeviceProperties p = properties_of(device);
    const uint8_t *data = file + HEADER_BYTES;
    if (size < HEADER_BYTES || memcmp(file, magic, sizeof(magic)) != 0)
        return "it is not a pipeline cache";
    if (bytes_get_little(file + 8, 4) != VERSION)
        return "it has another version";
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
        return "it belongs to another device or driver";
    return NULL;
}

// The whole file, or NULL where there is none that can be used.
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
                ? "it cannot be read"
                : find_fault(device, bytes, *size);

done:
    if (stream)
        fclose(stream);
    if (fault) {
        log_debug("cache: %s is ignored: %s", path, fault);
        mem_free(bytes);
        bytes = NULL;
    }
    return bytes;
}

// Bytes of the driver's data; 0 if the driver does not answer.
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
    struct log_capture capture;
    if (cache->is_open)
        return;
    *cache = (struct gpu_cache){ .is_open = true };
    log_capture_begin(&capture);
    cache->path = device->no_cache ? NULL : find_path(device);
    uint8_t *file = cache->path ? read_file(device, cache->path, &size) : NULL;
    const char *error = log_capture_end(&capture);
    if (error[0])
        log_debug("cache: %s", error);
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
        cache->handle = VK_NULL_HANDLE;    // pipelines are created without one
        log_debug("cache: vkCreatePipelineCache returned %s", gpu_result_name(result));
    }
    // A driver may drop what it is given and still report success. What it dropped
    // counts as missing from the file, which is then written again.
    if (cache->handle && file)
        cache->stored = size_of(device, cache->handle);
    mem_free(file);
}

// Whether another process wrote the file after this one read or wrote it last.
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

// Adds what other processes wrote to this one's cache, so that writing does not lose
// it.
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
        log_debug("cache: merged what another process wrote to %s", cache->path);
    }
    device->vk.vkDestroyPipelineCache(device->handle, other, NULL);
    mem_free(file);
}

// ---------------------------------------------------------------------------
// Writing

// A new file: our header, then the driver's data, of *size bytes. NULL if there is
// nothing new to write.
static uint8_t *collect(struct gpu_device *device, size_t *size)
{
    struct gpu_cache *cache = &device->cache;
    uint8_t *file = NULL;
    if (device->vk.vkGetPipelineCacheData(device->handle, cache->handle, size, NULL) !=
            VK_SUCCESS ||
        *size <= MAX(cache->stored, DATA_HEADER_BYTES))
        return NULL;
    if (*size > MAXIMUM_BYTES) {
        log_debug("cache: %s is deleted: it would have %zu MiB", cache->path,
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
        file_remove_orphans(folder);    // of processes that were killed
    // Not synced: after a power cut the driver compiles again.
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
