// SPDX-License-Identifier: MIT
//
// The device of a group of tests, and the harness. See gpu.h.

#include "support/gpu.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "gpu/inside.h"
#include "gpu/transfer.h"

static struct gpu_device *device;
static const char *skip_reason = "the group did not open a device";

// Also those of vkDestroyDevice and vkDestroyInstance, about what was left behind.
static uint32_t validation_lines;

static void print(void *user, enum log_level level, const char *text)
{
    (void)user;
    static const char *const names[] = { "error", "warning", "info", "debug" };
    if (strncmp(text, "validation:", 11) == 0)
        validation_lines++;
    fprintf(stderr, "%s: %s\n", names[level], text);
}

const struct log_sink test_log_sink = { .callback = print, .level = LOG_WARN };

int test_log_setup(void **state)
{
    (void)state;
    log_use(&test_log_sink);
    return 0;
}

bool test_is_set(const char *variable)
{
    const char *value = getenv(variable);
    return value && strcmp(value, "0") != 0 && strcmp(value, "") != 0;
}

bool test_validates(void)
{
    return !test_is_set("PIX_TEST_NO_VALIDATION");
}

int test_gpu_open(void **state)
{
    (void)state;
    log_use(&test_log_sink);
    if (test_is_set("PIX_TEST_NO_EXECUTE")) {
        skip_reason = "PIX_TEST_NO_EXECUTE is set: nothing runs on this driver";
    } else {
        struct pix_device_info *list = NULL;
        uint32_t count = 0;
        if (!gpu_device_list(&list, &count))
            return -1;
        mem_free(list);
        if (count == 0) {
            skip_reason = "there is no Vulkan device";
        } else {
            device = gpu_device_create(&(struct gpu_device_options){
                .validation = test_validates(),
                .minimum_limits = test_is_set("PIX_TEST_MINIMUM_LIMITS"),
                .no_cache = true,
            });
            if (!device)
                return -1;
            if (!gpu_device_limits(device)->executes) {
                gpu_device_destroy(device);
                device = NULL;
                skip_reason = "nothing runs on this driver";
            }
        }
    }
    if (device)
        printf("device: %s\n", gpu_device_info(device)->name);
    else {
        printf("skipped: %s\n", skip_reason);
        exit(TEST_SKIPPED);
    }
    return 0;
}

int test_gpu_close(void **state)
{
    (void)state;
    if (!device)
        return 0;
    uint32_t messages = gpu_device_message_count(device);
    uint32_t before = validation_lines;
    gpu_device_destroy(device);
    messages += validation_lines - before;
    device = NULL;
    test_fail_on_messages(messages);
    return 0;
}

void test_fail_on_messages(uint32_t messages)
{
    if (messages == 0)
        return;
    // A failed group teardown is only printed by cmocka: main would return 0.
    fprintf(stderr, "failed: %u validation messages\n", (unsigned)messages);
    exit(1);
}

struct gpu_device *test_gpu(void)
{
    if (!device)
        skip();
    return device;
}

// ---------------------------------------------------------------------------
// Memory

// Stands between the engine and the driver.
static struct {
    PFN_vkCreateBuffer create;
    PFN_vkDestroyBuffer destroy;
    struct {
        VkBuffer buffer;
        uint64_t size;
    } made[1024];
    size_t count;
} tally;

static VkResult VKAPI_PTR create_buffer(VkDevice on, const VkBufferCreateInfo *info,
                                        const VkAllocationCallbacks *callbacks,
                                        VkBuffer *buffer)
{
    const VkResult result = tally.create(on, info, callbacks, buffer);
    assert_true(tally.count < ARRAY_LEN(tally.made));
    if (result == VK_SUCCESS) {
        tally.made[tally.count].buffer = *buffer;
        tally.made[tally.count++].size = info->size;
    }
    return result;
}

static void VKAPI_PTR destroy_buffer(VkDevice on, VkBuffer buffer,
                                     const VkAllocationCallbacks *callbacks)
{
    for (size_t i = 0; i < tally.count; i++)
        if (tally.made[i].buffer == buffer) {
            tally.made[i] = tally.made[--tally.count];
            break;
        }
    tally.destroy(on, buffer, callbacks);
}

struct test_pipelines test_pipelines;
static PFN_vkCreateComputePipelines create_pipelines;

static VkResult VKAPI_PTR watch_pipelines(VkDevice on, VkPipelineCache cache,
                                          uint32_t count,
                                          const VkComputePipelineCreateInfo *infos,
                                          const VkAllocationCallbacks *callbacks,
                                          VkPipeline *out)
{
    test_pipelines.asked += (int)count;
    return test_pipelines.result == VK_SUCCESS
               ? create_pipelines(on, cache, count, infos, callbacks, out)
               : (VkResult)test_pipelines.result;
}

void test_watch_pipelines(void)
{
    struct VolkDeviceTable *vk = &test_gpu()->vk;
    test_pipelines.asked = 0;
    test_pipelines.result = VK_SUCCESS;
    create_pipelines = vk->vkCreateComputePipelines;
    vk->vkCreateComputePipelines = watch_pipelines;
}

void test_unwatch_pipelines(void)
{
    test_gpu()->vk.vkCreateComputePipelines = create_pipelines;
}

uint64_t test_gpu_memory(void)
{
    struct VolkDeviceTable *vk = &test_gpu()->vk;
    uint64_t bytes = 0;
    if (!tally.create) {
        tally.create = vk->vkCreateBuffer;
        tally.destroy = vk->vkDestroyBuffer;
        vk->vkCreateBuffer = create_buffer;
        vk->vkDestroyBuffer = destroy_buffer;
    }
    for (size_t i = 0; i < tally.count; i++)
        bytes += tally.made[i].size;
    return bytes;
}

// ---------------------------------------------------------------------------
// Limits

struct op_limits test_gpu_limits(void)
{
    return plan_op_limits(test_gpu());
}

struct op_limits test_guaranteed_limits(void)
{
    // Loops as short as the shortest of any driver.
    return (struct op_limits){ .max_invocations = 128,
                               .shared_bytes = 16384,
                               .max_texels = 65536,
                               .loop_iterations = 60000 };
}

bool test_is_thorough(void)
{
    return !test_gpu_limits().is_cpu || test_is_set("PIX_TEST_FULL");
}

bool test_takes(size_t i)
{
    return test_is_thorough() || (i % 2 == 1) == test_is_set("PIX_TEST_SECOND_DRIVER");
}

// ---------------------------------------------------------------------------
// Harness

static void create_program(struct harness *h, struct gpu_device *on,
                           struct op_limits limits)
{
    h->limits = limits;
    const struct program_options options = { .device = on,
                                             .submission_seconds = 0.2,
                                             .limits = &h->limits };
    program_destroy(h->program);
    h->program = program_create(&options);
    assert_non_null(h->program);
    h->graph = program_graph(h->program);
}

void harness_begin_without_device(struct harness *h)
{
    *h = (struct harness){
        .step = { .step = 1,
                  .seed_low = 1,
                  .seed_high = 2,
                  .lr = 0.01f,
                  .adam_step_size = 0.02f,
                  .adam_root = 0.03f },
    };
    create_program(h, NULL, test_guaranteed_limits());
    h->weights = weights_create(false);
    assert_non_null(h->weights);
}

void harness_begin(struct harness *h)
{
    struct op_limits limits = test_gpu_limits();
    harness_begin_without_device(h);
    harness_set_limits(h, limits);
}

void harness_set_limits(struct harness *h, struct op_limits limits)
{
    create_program(h, device, limits);
}

void harness_end(struct harness *h)
{
    program_destroy(h->program);
    weights_destroy(h->weights);
    for (size_t i = 0; i < h->input_count; i++)
        free(h->inputs[i].data);
    *h = (struct harness){ 0 };
}

static void add_input(struct harness *h, struct tensor *t, const void *data)
{
    assert_non_null(t);
    assert_true(h->input_count < HARNESS_MAX);
    size_t size = (size_t)tensor_bytes(t);
    struct harness_data *input = &h->inputs[h->input_count++];
    *input = (struct harness_data){ .tensor = t, .data = calloc(1, size) };
    assert_non_null(input->data);
    if (data)
        memcpy(input->data, data,
               (size_t)shape_count(t->shape) * (t->format == TENSOR_U8 ? 1 : 4));
}

struct tensor *harness_input(struct harness *h, const char *name, struct shape shape,
                             const float *data)
{
    struct tensor *t = graph_input(h->graph, name, shape, TENSOR_F32);
    add_input(h, t, data);
    return t;
}

struct tensor *harness_input_bytes(struct harness *h, const char *name,
                                   struct shape shape, const uint8_t *data)
{
    struct tensor *t = graph_input(h->graph, name, shape, TENSOR_U8);
    add_input(h, t, data);
    return t;
}

struct tensor *harness_weight_kind(struct harness *h, enum weight_kind kind,
                                   const char *name, struct shape shape,
                                   const float *data)
{
    struct tensor *t = weights_add(h->weights, kind, shape, "%s", name);
    add_input(h, t, data);
    return t;
}

struct tensor *harness_norm(struct harness *h, uint32_t c, const float *scale,
                            const float *shift, const float *mean,
                            const float *variance)
{
    struct tensor *first = weights_add_norm(h->weights, c, "norm");
    struct norm_weights *norm = first->weight->norm;
    add_input(h, &norm->scale->value, scale);
    add_input(h, &norm->shift->value, shift);
    add_input(h, &norm->mean->value, mean);
    add_input(h, &norm->variance->value, variance);
    return first;
}

struct tensor *harness_weight(struct harness *h, const char *name, struct shape shape,
                              const float *data)
{
    return harness_weight_kind(h, WEIGHT_CONV, name, shape, data);
}

void harness_keep(struct harness *h, struct tensor *t)
{
    assert_non_null(t);
    assert_null(program_get_plan(h->program));
    assert_true(h->output_count < HARNESS_MAX);
    graph_keep(h->graph, t);
    h->outputs[h->output_count++] = (struct harness_data){ .tensor = t };
}

// Fills memory with NaN, so that what is read before it was written shows.
static void poison(struct gpu_buffer *buffer, uint64_t offset, uint64_t size)
{
    void *ones = malloc((size_t)size);
    assert_non_null(ones);
    memset(ones, 0xff, (size_t)size);
    assert_true(gpu_buffer_upload(buffer, offset, ones, size));
    free(ones);
}

void harness_prepare(struct harness *h)
{
    struct gpu_device *d = test_gpu();
    for (size_t i = 0; i < h->input_count; i++)
        if (!h->inputs[i].tensor->weight)
            program_upload(h->program, h->inputs[i].tensor);
    for (size_t i = 0; i < h->output_count; i++)
        if (!h->outputs[i].tensor->weight)
            program_download(h->program, h->outputs[i].tensor);
    assert_true(program_plan(h->program, &h->weights, 1, NULL));
    assert_true(weights_allocate(h->weights, d));
    assert_true(program_start(h->program));
    const struct plan *plan = program_get_plan(h->program);
    for (size_t i = 0; i < plan->block_count; i++)
        poison(plan->blocks[i]->buffer, 0, plan->blocks[i]->size);
    for (size_t i = 0; i < h->weights->count; i++) {
        struct weight *w = h->weights->items[i];
        if (w->uses_gradient)
            poison(w->gradient.block->buffer, w->gradient.offset,
                   tensor_bytes(&w->gradient));
    }
    for (size_t i = 0; i < h->input_count; i++) {
        struct harness_data *input = &h->inputs[i];
        if (input->tensor->weight) {
            assert_true(tensor_upload(d, input->tensor, input->data));
        } else {
            input->upload = program_input(h->program, 0, input->tensor);
            memcpy(input->upload, input->data, (size_t)tensor_bytes(input->tensor));
        }
    }
    assert_true(weights_refresh_copies(h->weights, d));
    for (size_t i = 0; i < h->output_count; i++) {
        struct harness_data *output = &h->outputs[i];
        if (!output->tensor->weight)
            output->download = program_output(h->program, 0, output->tensor);
    }
}

void harness_run(struct harness *h)
{
    if (!program_is_started(h->program))
        harness_prepare(h);
    assert_true(program_run(h->program, &h->step));
}

void harness_run_backward(struct harness *h, struct tensor *y, bool accumulate,
                          float *y_data, float *dy_data)
{
    struct random r;
    random_init(&r, 99, shape_count(y->shape));
    float *data = check_random_floats(&r, y->shape);
    struct tensor *target = harness_input(h, "target", y->shape, data);
    struct tensor *loss = graph_mse(h->graph, y, target);
    for (size_t i = 0; accumulate && i < h->weights->count; i++) {
        struct weight *w = h->weights->items[i];
        if (weight_is_trained(w))
            loss = graph_add(h->graph, loss, graph_mse(h->graph, &w->value, NULL));
    }
    graph_backward(h->graph, loss, h->weights);
    assert_false(graph_failed(h->graph));
    struct tensor *dy = graph_gradient_of(h->graph, y);
    harness_keep(h, y);
    harness_keep(h, dy);
    harness_run(h);
    harness_read(h, y, y_data);
    harness_read(h, dy, dy_data);
}

void harness_add_accumulated(struct shape shape, const float *w, double *dw)
{
    double count = (double)shape_count(shape);
    for (size_t i = 0; i < shape_count(shape); i++)
        dw[i] += 2 * (double)w[i] / count;
}

void harness_write(struct harness *h, struct tensor *t, const float *data)
{
    if (t->weight) {
        assert_true(tensor_upload(test_gpu(), t, data));
        return;
    }
    for (size_t i = 0; i < h->input_count; i++) {
        if (h->inputs[i].tensor == t && h->inputs[i].upload) {
            memcpy(h->inputs[i].upload, data, (size_t)tensor_bytes(t));
            return;
        }
    }
    fail_msg("'%s' is not an input of the harness that a call reads", t->name);
}

static void read_tensor(struct harness *h, const struct tensor *t, void *data,
                        size_t size)
{
    if (t->weight) {
        assert_true(tensor_download(test_gpu(), t, data));
        return;
    }
    for (size_t i = 0; i < h->output_count; i++) {
        if (h->outputs[i].tensor == t) {
            assert_non_null(h->outputs[i].download);
            memcpy(data, h->outputs[i].download, size);
            return;
        }
    }
    fail_msg("'%s' was not kept", t->name);
}

void harness_read(struct harness *h, const struct tensor *t, float *data)
{
    if (!tensor_format_is_16(t->format)) {
        assert_int_equal(t->format, TENSOR_F32);
        read_tensor(h, t, data, (size_t)tensor_bytes(t));
        return;
    }
    const size_t count = (size_t)shape_count(t->shape);
    uint16_t *bits = check_memory((size_t)tensor_bytes(t));
    read_tensor(h, t, bits, (size_t)tensor_bytes(t));
    for (size_t i = 0; i < count; i++)
        data[i] = tensor_value_16(bits[i], t->format);
}

void harness_read_bytes(struct harness *h, const struct tensor *t, uint8_t *data)
{
    assert_int_equal(t->format, TENSOR_U8);
    assert_null(t->weight);
    read_tensor(h, t, data, (size_t)shape_count(t->shape));
}

void harness_read_gradient(struct harness *h, const struct tensor *t, float *data)
{
    (void)h;
    assert_non_null(t->weight);
    assert_true(weight_is_trained(t->weight));
    assert_true(tensor_download(test_gpu(), &t->weight->gradient, data));
}

void harness_check_misfit(struct tensor *(*build)(struct graph *g, struct tensor *a,
                                                  struct tensor *b),
                          struct shape a, struct shape b, const char *named)
{
    struct harness h;
    harness_begin_without_device(&h);
    struct tensor *a_tensor = harness_input(&h, "a", a, NULL);
    struct tensor *b_tensor = harness_input(&h, "b", b, NULL);
    const struct log_sink *sink = log_use(NULL);
    build(h.graph, a_tensor, b_tensor);
    log_use(sink);
    assert_true(graph_failed(h.graph));
    assert_non_null(strstr(log_last_error(), named));
    harness_end(&h);
}
