// SPDX-License-Identifier: MIT
//
// The pipeline cache on disk, with a driver whose data are made up here: what is
// written when, what is given to the driver, and that nothing that lies in the file or
// happens to it is an error. Then kernels made by several threads.

#define _XOPEN_SOURCE 700

#include "gpu/kernel.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/os.h"
#include "gpu/cache.h"
#include "gpu/inside.h"
#include "ops/op.h"
#include "shared/fill.h"
#include "support/gpu.h"
#include "support/tree.h"

#define SCRATCH "test_cache.scratch"
#define HEADER 32    // of a file, and of a driver's data too

// ---------------------------------------------------------------------------
// The folder

static char *home;    // what stands for the user's cache folder

static char *find_folder(void)
{
    return mem_printf("%s/pix2pix/pipelines", home);
}

// The one file in the folder, NULL if it is empty; caller frees.
static char *find_file(void)
{
    struct file_list list = { 0 };
    char *folder = find_folder(), *path = NULL;
    if (file_is_folder(folder)) {
        assert_true(file_list_read(folder, &list));
        assert_true(list.count <= 1);
        path = list.count ? file_join(folder, list.names[0]) : NULL;
        file_list_free(&list);
    }
    mem_free(folder);
    return path;
}

// A file that is replaced has another number.
static ino_t file_number(void)
{
    struct stat info;
    char *path = find_file();
    assert_non_null(path);
    assert_int_equal(stat(path, &info), 0);
    mem_free(path);
    return info.st_ino;
}

// ---------------------------------------------------------------------------
// The driver

static size_t payload;         // bytes behind the header of the data
static size_t changed;         // a byte of the header that is wrong
static bool refuses;           // to take data
static bool drops;             // what it is given, silently
static size_t merged;          // bytes that were taken over since the device was opened
static uint32_t creations;     // of caches since the device was opened
static uint8_t given[4096];    // what the driver was given last
static size_t given_size;

static PFN_vkCreatePipelineCache real_create;

static void fill_data(const struct gpu_device *d, uint8_t *data, size_t size)
{
    VkPhysicalDeviceProperties p;
    vkGetPhysicalDeviceProperties(d->physical, &p);
    const uint32_t words[] = { HEADER, VK_PIPELINE_CACHE_HEADER_VERSION_ONE, p.vendorID,
                               p.deviceID };
    for (size_t i = 0; i < 16; i++)
        data[i] = (uint8_t)(words[i / 4] >> (8 * (i % 4)));
    memcpy(data + 16, p.pipelineCacheUUID, VK_UUID_SIZE);
    for (size_t i = HEADER; i < size; i++)
        data[i] = (uint8_t)(i * 31 + size);
    if (changed)
        data[changed] ^= 1;
}

static struct gpu_device *device;    // that the answers are for

static VkResult VKAPI_CALL get_data(VkDevice handle, VkPipelineCache cache,
                                    size_t *size, void *data)
{
    (void)handle;
    // What is new is there once kernels were made.
    bool is_own = cache == device->cache.handle && device->cache.has_grown;
    *size = is_own ? HEADER + payload : drops ? HEADER : MAX(given_size, HEADER);
    if (data)
        fill_data(device, data, *size);
    return VK_SUCCESS;
}

static VkResult VKAPI_CALL merge(VkDevice handle, VkPipelineCache into, uint32_t count,
                                 const VkPipelineCache *from)
{
    (void)handle, (void)into, (void)from;
    merged += count * given_size;
    return VK_SUCCESS;
}

static VkResult VKAPI_CALL create(VkDevice handle,
                                  const VkPipelineCacheCreateInfo *info,
                                  const VkAllocationCallbacks *allocator,
                                  VkPipelineCache *cache)
{
    VkPipelineCacheCreateInfo plain = *info;
    creations++;
    if (refuses && info->initialDataSize)
        return VK_ERROR_INITIALIZATION_FAILED;
    given_size = info->initialDataSize;
    assert_true(given_size <= sizeof(given));
    if (given_size)
        memcpy(given, info->pInitialData, given_size);
    plain.initialDataSize = 0;
    plain.pInitialData = NULL;
    return real_create(handle, &plain, allocator, cache);
}

static uint32_t complaints;    // warnings and errors of the engine
static char debug[8192];

static void count_complaints(void *user, enum log_level level, const char *text)
{
    size_t used = strlen(debug);
    (void)user;
    complaints += level <= LOG_WARN && strncmp(text, "validation:", 11) != 0;
    if (level == LOG_DEBUG)
        snprintf(debug + used, sizeof(debug) - used, "%s\n", text);
    else
        test_log_sink.callback(NULL, level, text);
}

static const struct log_sink sink = { .callback = count_complaints,
                                      .level = LOG_DEBUG };

static void open_device(bool no_cache)
{
    log_use(&sink);
    complaints = creations = 0;
    merged = 0;
    debug[0] = '\0';
    device = gpu_device_create(
        &(struct gpu_device_options){ .validation = true, .no_cache = no_cache });
    assert_non_null(device);
    complaints = 0;    // of the device itself
    real_create = device->vk.vkCreatePipelineCache;
    device->vk.vkCreatePipelineCache = create;
    device->vk.vkGetPipelineCacheData = get_data;
    device->vk.vkMergePipelineCaches = merge;
}

static void close_device(void)
{
    uint32_t messages = gpu_device_message_count(device);
    gpu_device_destroy(device);
    device = NULL;
    log_use(&test_log_sink);
    assert_int_equal(messages, 0);
    assert_int_equal(complaints, 0);
}

// A kernel that exists with many values of a constant.
static struct gpu_kernel_key make_key(uint32_t workgroup)
{
    return (struct gpu_kernel_key){
        .shader = SHADER_FILL,
        .spec = { workgroup },
        .spec_count = 1,
        .buffers = 1,
        .params_size = sizeof(struct fill_params),
    };
}

// A run: opens a device, makes a kernel, and returns the bytes that came from the file.
static size_t run(size_t bytes)
{
    const struct gpu_kernel_key key = make_key(OP_WORKGROUP);
    payload = bytes;
    open_device(false);
    assert_int_equal(creations, 0);    // nothing is read that may not be needed
    assert_non_null(gpu_kernel_get(device, &key));
    size_t loaded = device->cache.loaded;
    assert_int_equal(loaded, given_size);
    close_device();
    return loaded;
}

static void assert_given(size_t bytes)
{
    uint8_t expected[sizeof(given)];
    open_device(true);
    fill_data(device, expected, HEADER + bytes);
    close_device();
    assert_int_equal(given_size, HEADER + bytes);
    assert_memory_equal(given, expected, HEADER + bytes);
}

static void begin(void)
{
    test_gpu();
    assert_true(test_remove_tree(SCRATCH));
    assert_true(file_make_folder(SCRATCH));
    assert_int_equal(setenv("XDG_CACHE_HOME", home, 1), 0);
    refuses = drops = false;
    changed = 0;
}

// ---------------------------------------------------------------------------
// What is written and read

static void test_second_run_uses_the_first(void **state)
{
    (void)state;
    begin();
    assert_int_equal(run(1000), 0);
    assert_int_equal(run(1000), HEADER + 1000);
    size_t size = given_size;
    assert_given(1000);
    assert_int_equal(size, HEADER + 1000);
}

static void test_written_when_it_grew(void **state)
{
    const struct gpu_kernel_key keys[] = { make_key(32), make_key(64), make_key(128) };
    (void)state;
    begin();
    // A header alone says nothing.
    assert_int_equal(run(0), 0);
    assert_null(find_file());

    assert_int_equal(run(100), 0);
    ino_t number = file_number();
    assert_int_equal(run(100), HEADER + 100);
    assert_true(file_number() == number);
    assert_int_equal(run(50), HEADER + 100);
    assert_true(file_number() == number);
    assert_int_equal(run(101), HEADER + 100);
    assert_true(file_number() != number);
    assert_int_equal(run(101), HEADER + 101);

    // At once, so that a killed process leaves it too; then not for every kernel, but
    // at the end.
    payload = 200;
    number = file_number();
    open_device(false);
    assert_non_null(gpu_kernel_get(device, &keys[0]));
    assert_true(file_number() != number);
    number = file_number();
    payload = 300;
    device->cache.saved = os_seconds() + 1000;
    assert_non_null(gpu_kernel_get(device, &keys[1]));
    assert_true(file_number() == number);
    close_device();
    assert_true(file_number() != number);
    assert_int_equal(run(300), HEADER + 300);
}

static void test_no_cache(void **state)
{
    const struct gpu_kernel_key key = make_key(OP_WORKGROUP);
    (void)state;
    begin();
    payload = 1000;
    for (int i = 0; i < 2; i++) {
        open_device(i == 0);
        if (i == 1)    // a system that names no folder
            unsetenv("XDG_CACHE_HOME");
        char *before = i == 1 ? getenv("HOME") : NULL;
        char *kept = before ? mem_strdup(before) : NULL;
        if (i == 1)
            unsetenv("HOME");
        assert_non_null(gpu_kernel_get(device, &key));
        assert_null(device->cache.path);
        close_device();
        if (kept)
            setenv("HOME", kept, 1);
        mem_free(kept);
        assert_false(file_exists(SCRATCH "/user/pix2pix"));
    }
}

static void test_bounded(void **state)
{
    (void)state;
    begin();
    assert_int_equal(run(1000), 0);
    assert_int_equal(run((size_t)64 << 20), HEADER + 1000);
    assert_null(find_file());
    assert_int_equal(run(1000), 0);

    // One that is too large is not read.
    char *path = find_file();
    assert_true(test_resize_file(path, ((uint64_t)64 << 20) + 1000));
    mem_free(path);
    assert_int_equal(run(1000), 0);
    assert_int_equal(run(1000), HEADER + 1000);
}

// ---------------------------------------------------------------------------
// What may lie in the file

// The next run takes nothing of the file and puts a good one in its place.
static void assert_ignored(const char *reason)
{
    char *path = find_file();
    assert_non_null(path);
    mem_free(path);
    if (run(500) != 0)
        fail_msg("a file of which %s was used", reason);
    if (!strstr(debug, reason))
        fail_msg("no line says that %s: %s", reason, debug);
    assert_int_equal(run(500), HEADER + 500);
}

static void change_byte(size_t at)
{
    void *data;
    size_t size;
    char *path = find_file();
    assert_true(file_read(path, &data, &size));
    assert_true(at < size);
    ((uint8_t *)data)[at] ^= 1;
    assert_true(file_write(path, data, size));
    mem_free(data);
    mem_free(path);
}

static void test_damaged_files(void **state)
{
    static const struct {
        size_t at;
        const char *reason;
    } bytes[] = {
        { 0, "not a pipeline cache" }, { 8, "another version" },
        { 16, "cut short" },           { 24, "damaged" },
        { HEADER, "damaged" },         { HEADER + HEADER + 499, "damaged" },
    };
    static const uint64_t sizes[] = { 0, 10, HEADER, HEADER + 5,
                                      HEADER + HEADER + 499 };
    (void)state;
    begin();
    assert_int_equal(run(500), 0);
    for (size_t i = 0; i < ARRAY_LEN(bytes); i++) {
        change_byte(bytes[i].at);
        assert_ignored(bytes[i].reason);
    }
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        char *path = find_file();
        assert_true(test_resize_file(path, sizes[i]));
        mem_free(path);
        assert_ignored(sizes[i] < HEADER ? "not a pipeline cache" : "cut short");
    }
}

// The file is as it was written, but the driver that wrote it was another.
static void test_foreign_data(void **state)
{
    // Length of the header, its version, vendor, device, UUID.
    static const size_t bytes[] = { 1, 4, 8, 12, 16, 31 };
    (void)state;
    begin();
    for (size_t i = 0; i < ARRAY_LEN(bytes); i++) {
        assert_true(test_remove_tree(SCRATCH "/user"));
        changed = bytes[i];
        assert_int_equal(run(500), 0);
        changed = 0;
        assert_ignored("another device or driver");
    }
}

static void test_refused_data(void **state)
{
    (void)state;
    begin();
    assert_int_equal(run(500), 0);
    refuses = true;
    assert_int_equal(run(500), 0);
    assert_int_equal(creations, 2);
    refuses = false;
    assert_int_equal(run(500), HEADER + 500);
}

// What the driver does not have of a file is written again.
static void test_dropped_data(void **state)
{
    (void)state;
    begin();
    assert_int_equal(run(500), 0);
    drops = true;
    ino_t number = file_number();
    assert_int_equal(run(400), HEADER + 500);
    assert_true(file_number() != number);
    drops = false;
    assert_int_equal(run(400), HEADER + 400);
}

// Another process writes between the reading and the writing of this one.
static void test_merged(void **state)
{
    const struct gpu_kernel_key key = make_key(OP_WORKGROUP);
    (void)state;
    begin();
    assert_int_equal(run(300), 0);
    char *path = find_file();
    void *data;
    size_t size;
    assert_true(file_read(path, &data, &size));
    assert_true(test_remove_tree(path));
    assert_int_equal(run(100), 0);
    assert_int_equal(merged, 0);

    payload = 400;
    open_device(false);
    gpu_cache_open(device);
    assert_true(file_write(path, data, size));
    assert_non_null(gpu_kernel_get(device, &key));
    assert_int_equal(merged, HEADER + 300);
    close_device();
    assert_int_equal(merged, HEADER + 300);    // once
    assert_int_equal(run(400), HEADER + 400);
    assert_int_equal(merged, 0);
    mem_free(data);
    mem_free(path);
}

// ---------------------------------------------------------------------------
// What may happen to it

static void test_no_room(void **state)
{
    struct rlimit all, none;
    (void)state;
    begin();
    // A file where the folder would be.
    assert_true(file_write(home, "", 0));
    assert_int_equal(run(500), 0);
    assert_non_null(strstr(debug, "cache: file: cannot make folder"));
    assert_string_equal(log_last_error(), "");
    assert_true(test_remove_tree(home));

    // A disk that is full.
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &all), 0);
    void (*before)(int) = signal(SIGXFSZ, SIG_IGN);
    none = (struct rlimit){ 100, all.rlim_max };
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
    size_t loaded = run(500);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &all), 0);
    signal(SIGXFSZ, before);
    assert_int_equal(loaded, 0);
    assert_null(find_file());
    assert_non_null(strstr(debug, "cannot write"));

    // A folder where the file would be.
    assert_int_equal(run(500), 0);
    char *path = find_file();
    assert_true(test_remove_tree(path));
    assert_true(file_make_folder(path));
    assert_int_equal(run(500), 0);
    assert_true(file_is_folder(path));
    mem_free(path);
}

// Writers take turns as they like; a reader finds a whole file whenever it looks.
struct writer {
    struct gpu_device copy;
    bool done;
};

static VkResult VKAPI_CALL get_growing(VkDevice handle, VkPipelineCache cache,
                                       size_t *size, void *data)
{
    // Two calls for one writing; each writer of its own thread.
    static _Thread_local size_t bytes;
    (void)handle, (void)cache;
    if (!data)
        bytes += 7;
    *size = HEADER + bytes;
    if (data)
        fill_data(device, data, *size);
    return VK_SUCCESS;
}

static void write_often(void *user)
{
    struct writer *w = user;
    for (int i = 0; i < 100; i++) {
        w->copy.cache.has_grown = true;
        gpu_cache_save(&w->copy, true);
    }
}

static void test_two_writers(void **state)
{
    const struct gpu_kernel_key key = make_key(OP_WORKGROUP);
    static struct writer writers[2];
    struct os_thread *threads[2];
    (void)state;
    begin();
    payload = 10;
    open_device(false);
    assert_non_null(gpu_kernel_get(device, &key));
    device->vk.vkGetPipelineCacheData = get_growing;
    for (int i = 0; i < 2; i++) {
        writers[i].copy = *device;
        writers[i].copy.cache.stored = 0;
        threads[i] = os_thread_create(write_often, &writers[i]);
        assert_non_null(threads[i]);
    }
    size_t least = SIZE_MAX;
    for (int i = 0; i < 100; i++) {
        struct gpu_device reader = *device;
        reader.cache = (struct gpu_cache){ 0 };
        gpu_cache_open(&reader);
        least = MIN(least, reader.cache.loaded);
        gpu_cache_close(&reader);
    }
    for (int i = 0; i < 2; i++)
        os_thread_join(threads[i]);
    device->vk.vkGetPipelineCacheData = get_data;
    close_device();
    assert_true(least > 0);
    payload = 0;
    assert_true(run(0) > HEADER);
    // Nothing is left beside the file, hidden or not.
    char *folder = find_folder(), *path = find_file();
    assert_true(test_remove_tree(path));
    assert_int_equal(remove(folder), 0);
    mem_free(path);
    mem_free(folder);
}

// ---------------------------------------------------------------------------
// Kernels at once

// Drivers refuse some of the kernels that follow.
static PFN_vkCreateComputePipelines real_pipelines;

static VkResult VKAPI_CALL refuse_some(VkDevice handle, VkPipelineCache cache,
                                       uint32_t count,
                                       const VkComputePipelineCreateInfo *infos,
                                       const VkAllocationCallbacks *allocator,
                                       VkPipeline *pipelines)
{
    const uint32_t *spec = infos->stage.pSpecializationInfo->pData;
    if (*spec % 10 == 0)
        return *spec == 20 ? VK_ERROR_OUT_OF_DEVICE_MEMORY
                           : VK_ERROR_OUT_OF_HOST_MEMORY;
    return real_pipelines(handle, cache, count, infos, allocator, pipelines);
}

static void test_many_kernels(void **state)
{
    struct gpu_kernel_key keys[60];
    struct gpu_kernel *kernels[60], *again[60];
    (void)state;
    begin();
    payload = 0;
    // 48 kernels, 12 of which are named twice.
    for (uint32_t i = 0; i < 60; i++)
        keys[i] = make_key(i % 5 == 4 ? i : 1 + i);
    open_device(true);
    assert_true(gpu_kernel_get_all(device, keys, 60, kernels));
    assert_int_equal(device->kernel_count, 48);
    for (uint32_t i = 0, next = 0; i < 60; i++) {
        assert_int_equal(kernels[i]->key.spec[0], keys[i].spec[0]);
        // In the order in which they were named first.
        if (i % 5 != 4)
            assert_ptr_equal(kernels[i], device->kernels[next++]);
        else
            assert_ptr_equal(kernels[i], kernels[i - 1]);
    }
    assert_true(gpu_kernel_get_all(device, keys, 60, again));
    assert_memory_equal(kernels, again, sizeof(kernels));
    assert_int_equal(device->kernel_count, 48);
    assert_ptr_equal(gpu_kernel_get(device, &keys[7]), kernels[7]);
    close_device();
}

static void test_failed_kernels(void **state)
{
    struct gpu_kernel_key keys[40];
    struct gpu_kernel *kernels[40];
    (void)state;
    begin();
    payload = 0;
    for (uint32_t i = 0; i < 40; i++)
        keys[i] = make_key(11 + i);
    open_device(true);
    real_pipelines = device->vk.vkCreateComputePipelines;
    device->vk.vkCreateComputePipelines = refuse_some;
    assert_false(gpu_kernel_get_all(device, keys, 40, kernels));
    // The first one that failed, once.
    assert_int_equal(complaints, 2);
    assert_non_null(strstr(log_last_error(), "cannot compile fill"));
    assert_int_equal(device->kernel_count, 36);
    for (uint32_t i = 1; i < device->kernel_count; i++)
        assert_true(device->kernels[i]->key.spec[0] >
                    device->kernels[i - 1]->key.spec[0]);
    complaints = 0;
    assert_null(gpu_kernel_get(device, &keys[9]));
    assert_int_equal(complaints, 2);
    device->vk.vkCreateComputePipelines = real_pipelines;
    complaints = 0;
    assert_true(gpu_kernel_get_all(device, keys, 40, kernels));
    assert_int_equal(device->kernel_count, 40);
    close_device();
}

// ---------------------------------------------------------------------------

static int open_group(void **state)
{
    char *here = os_path_absolute(".");
    assert_non_null(here);
    home = mem_printf("%s/" SCRATCH "/user", here);
    mem_free(here);
    return test_gpu_open(state);
}

static int close_group(void **state)
{
    assert_true(test_remove_tree(SCRATCH));
    mem_free(home);
    return test_gpu_close(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_second_run_uses_the_first),
        cmocka_unit_test(test_written_when_it_grew),
        cmocka_unit_test(test_no_cache),
        cmocka_unit_test(test_bounded),
        cmocka_unit_test(test_damaged_files),
        cmocka_unit_test(test_foreign_data),
        cmocka_unit_test(test_refused_data),
        cmocka_unit_test(test_dropped_data),
        cmocka_unit_test(test_merged),
        cmocka_unit_test(test_no_room),
        cmocka_unit_test(test_two_writers),
        cmocka_unit_test(test_many_kernels),
        cmocka_unit_test(test_failed_kernels),
    };
    return cmocka_run_group_tests_name("cache", tests, open_group, close_group);
}
