// SPDX-License-Identifier: MIT
//
// Devices, buffers, streams: what the rest of the engine takes for granted.

#include "gpu/device.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "gpu/inside.h"
#include "gpu/kernel.h"
#include "gpu/stream.h"
#include "gpu/transfer.h"
#include "ops/op.h"
#include "shared/fill.h"
#include "support/gpu.h"
#include "support/log.h"

static void test_list(void **state)
{
    (void)state;
    struct pix_device_info *list;
    uint32_t count, defaults = 0;
    test_gpu();
    assert_true(gpu_device_list(&list, &count));
    assert_true(count > 0);
    for (uint32_t i = 0; i < count; i++) {
        assert_int_equal(list[i].index, i);
        assert_true(list[i].name[0]);
        assert_int_equal(list[i].usable, list[i].reason[0] == '\0');
        assert_true(!list[i].is_default || list[i].usable);
        defaults += list[i].is_default;
    }
    assert_int_equal(defaults, 1);
    mem_free(list);
}

static void test_select(void **state)
{
    (void)state;
    const char *name = gpu_device_info(test_gpu())->name;
    struct gpu_device *device =
        gpu_device_create(&(struct gpu_device_options){ .select = name });
    assert_non_null(device);
    assert_string_equal(gpu_device_info(device)->name, name);
    gpu_device_destroy(device);

    test_forget_error();
    assert_null(gpu_device_create(&(struct gpu_device_options){ .select = "12345" }));
    assert_non_null(strstr(log_last_error(), "12345"));
    assert_non_null(strstr(log_last_error(), name));
    assert_null(
        gpu_device_create(&(struct gpu_device_options){ .select = "no such thing" }));
}

static void test_minimum_limits(void **state)
{
    (void)state;
    test_gpu();
    struct gpu_device *device =
        gpu_device_create(&(struct gpu_device_options){ .minimum_limits = true });
    assert_non_null(device);
    const struct gpu_limits *limits = gpu_device_limits(device);
    assert_int_equal(limits->max_invocations, 128);
    assert_int_equal(limits->shared_bytes, 16384);
    assert_int_equal(limits->max_binding, 128 << 20);
    gpu_device_destroy(device);
}

// More than one staging chunk, at an odd offset of words.
static void test_transfer(void **state)
{
    (void)state;
    const size_t words = ((size_t)33 << 20) / 4 + 3, offset = 20;
    struct gpu_buffer *buffer =
        gpu_buffer_create(test_gpu(), words * 4 + offset, GPU_DEVICE);
    assert_non_null(buffer);
    uint32_t *sent = malloc(words * 4), *got = malloc(words * 4);
    for (size_t i = 0; i < words; i++)
        sent[i] = (uint32_t)(i * 2654435761u);
    assert_true(gpu_buffer_zero(buffer));
    assert_true(gpu_buffer_upload(buffer, offset, sent, words * 4));
    assert_true(gpu_buffer_download(buffer, offset, got, words * 4));
    assert_memory_equal(sent, got, words * 4);
    assert_true(gpu_buffer_download(buffer, 0, got, offset));
    for (size_t i = 0; i < offset / 4; i++)
        assert_int_equal(got[i], 0);
    free(sent);
    free(got);
    gpu_buffer_destroy(buffer);
}

static void test_too_much_memory(void **state)
{
    (void)state;
    test_forget_error();
    // Larger than any memory: the driver refuses the buffer or its memory.
    struct gpu_buffer *buffer =
        gpu_buffer_create(test_gpu(), (uint64_t)1 << 46, GPU_DEVICE);
    assert_null(buffer);
    assert_true(log_last_error()[0]);
}

// All tests rely on the validation layer reporting a missing barrier: a copy that reads
// what a kernel wrote, with none between them.
static void test_validation_sees_a_race(void **state)
{
    (void)state;
    test_gpu();
    struct gpu_device *device =
        gpu_device_create(&(struct gpu_device_options){ .validation = true });
    assert_non_null(device);
    const struct fill_params params = { .count = 64, .stride = 128, .value = 1.0f };
    const struct gpu_kernel_key key = {
        .shader = SHADER_FILL,
        .spec = { OP_WORKGROUP },
        .spec_count = 1,
        .buffers = 1,
        .params_size = sizeof(params),
    };
    const uint32_t base[3] = { 0, 0, 0 }, count[3] = { 1, 1, 1 };
    uint32_t messages[2];
    for (int races = 0; races < 2; races++) {
        struct gpu_kernel *kernel = gpu_kernel_get(device, &key);
        struct gpu_buffer *buffer = gpu_buffer_create(device, 256, GPU_DEVICE);
        struct gpu_buffer *copy = gpu_buffer_create(device, 256, GPU_READBACK);
        struct gpu_stream *stream = gpu_stream_create(device, 1, 0);
        const struct gpu_binding binding = { buffer, 0, 256 };
        assert_true(gpu_stream_begin(stream));
        assert_true(
            gpu_stream_dispatch(stream, kernel, &binding, NULL, &params, base, count));
        if (!races)
            gpu_stream_barrier(stream);
        gpu_stream_copy(stream, buffer, 0, copy, 0, 256);
        assert_true(gpu_stream_end(stream));
        assert_true(gpu_stream_submit(stream));
        assert_true(gpu_stream_wait(stream));
        gpu_stream_destroy(stream);
        gpu_buffer_destroy(copy);
        gpu_buffer_destroy(buffer);
        messages[races] = gpu_device_message_count(device);
    }
    const bool validates = device->validation.messenger != VK_NULL_HANDLE;
    gpu_device_destroy(device);
    if (!validates)
        skip();
    assert_int_equal(messages[0], 0);
    assert_true(messages[1] > 0);
}

static void test_destroy_nothing(void **state)
{
    (void)state;
    gpu_device_destroy(NULL);
    gpu_buffer_destroy(NULL);
    gpu_stream_destroy(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_list),
        cmocka_unit_test(test_select),
        cmocka_unit_test(test_minimum_limits),
        cmocka_unit_test(test_transfer),
        cmocka_unit_test(test_validation_sees_a_race),
        cmocka_unit_test(test_too_much_memory),
        cmocka_unit_test(test_destroy_nothing),
    };
    return cmocka_run_group_tests_name("device", tests, test_gpu_open, test_gpu_close);
}
