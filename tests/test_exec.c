// SPDX-License-Identifier: MIT
//
// Running a step: the same bits every time, however it is cut into submissions; copies
// in and out; what is measured.

#include "graph/exec_inside.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/random.h"
#include "gpu/inside.h"
#include "support/gpu.h"
#include "support/log.h"
#include "train/objective.h"

#define CROP 32
#define LOAD 36
#define BATCH 2

struct step {
    uint32_t slots;    // 0: one
    struct graph *graph;
    struct weights *generator, *discriminator;
    struct objective objective;
    struct plan *plan;
    struct exec *exec;
    uint8_t *pixels;
    uint32_t *jitter;
    const float *losses[4];
};

static void step_begin(struct step *s, double submission_seconds)
{
    struct gpu_device *device = test_gpu();
    const struct op_limits limits = test_gpu_limits();
    const struct plan_limits plan_limits = plan_device_limits(device);
    const struct objective_options options = {
        .generator = { 5, 4, 3, 3 },
        .discriminator = { 3, 4 },
        .batch = BATCH,
        .load_h = LOAD,
        .load_w = LOAD,
        .crop_h = CROP,
        .crop_w = CROP,
        .lambda_l1 = 100,
        .optimizer = { OPTIMIZER_ADAM, 0.5, 0.999, 1e-8, 0 },
    };
    s->graph = graph_create(&limits);
    s->generator = weights_create(false);
    s->discriminator = weights_create(false);
    assert_true(objective_build(s->graph, s->generator, s->discriminator, &options,
                                &s->objective));
    s->plan = plan_build(s->graph, &plan_limits);
    assert_non_null(s->plan);
    struct random r;
    random_init(&r, 7, 1);
    struct weights *const networks[] = { s->generator, s->discriminator };
    for (size_t i = 0; i < 2; i++) {
        assert_true(weights_place(networks[i], plan_limits.max_block));
        assert_true(weights_allocate(networks[i], device));
        assert_true(weights_initialise(networks[i], device, &r, WEIGHTS_NORMAL, 0.02));
    }
    assert_true(plan_allocate(s->plan, device));
    s->exec = exec_create(device, s->graph, submission_seconds, MAX(s->slots, 1));
    assert_non_null(s->exec);
    uint8_t *pixels = s->pixels = exec_upload(s->exec, s->objective.pixels);
    uint32_t *jitter = s->jitter = exec_upload(s->exec, s->objective.jitter);
    assert_non_null(pixels);
    assert_non_null(jitter);
    random_init(&r, 8, 1);
    for (size_t i = 0; i < (size_t)BATCH * 2 * LOAD * LOAD * 3; i++)
        pixels[i] = (uint8_t)random_below(&r, 256);
    for (uint32_t i = 0; i < BATCH; i++) {
        jitter[4 * i] = i;
        jitter[4 * i + 1] = 3 - i;
        jitter[4 * i + 2] = i & 1;
    }
    s->losses[0] = exec_download(s->exec, s->objective.loss_d);
    s->losses[1] = s->losses[0] + 1;
    s->losses[2] = exec_download(s->exec, s->objective.loss_g_gan);
    s->losses[3] = exec_download(s->exec, s->objective.loss_g_l1);
}

static struct step_block block_of(uint32_t step)
{
    return (struct step_block){
        .step = step,
        .seed_low = 5,
        .lr = 2e-4f,
        .adam_step_size = 4e-4f,
        .adam_root = 0.03f,
    };
}

static void step_run(struct step *s, uint32_t step)
{
    const struct step_block block = block_of(step);
    assert_true(exec_run(s->exec, &block));
}

static void step_end(struct step *s)
{
    exec_destroy(s->exec);
    plan_destroy(s->plan);
    graph_destroy(s->graph);
    weights_destroy(s->generator);
    weights_destroy(s->discriminator);
}

// All weights and moments of both networks.
static float *step_state(const struct step *s, size_t *count)
{
    size_t capacity = 0, used = 0;
    float *all = NULL;
    const struct weights *const networks[] = { s->generator, s->discriminator };
    for (size_t i = 0; i < 2; i++)
        for (size_t k = 0; k < networks[i]->count; k++) {
            struct weight *w = networks[i]->items[k];
            const struct tensor *const parts[] = { &w->value, &w->m, &w->v };
            for (size_t p = 0; p < (weight_is_trained(w) ? 3 : 1); p++) {
                size_t n = (size_t)shape_count(w->value.shape);
                assert_true(mem_grow(&all, &capacity, used + n, sizeof(float)));
                assert_true(tensor_download(test_gpu(), parts[p], all + used));
                used += n;
            }
        }
    *count = used;
    return all;
}

// Cuts a step into many submissions. What a software driver takes for the first use of
// its kernels, seconds, is cut too.
static double short_budget(void)
{
    return gpu_device_limits(test_gpu())->is_cpu ? 1e-3 : 2e-5;
}

static float *run_steps(double submission_seconds, uint32_t steps, size_t *count,
                        float losses[4], uint32_t *submissions)
{
    struct step s = { 0 };
    step_begin(&s, submission_seconds);
    for (uint32_t i = 1; i <= steps; i++)
        step_run(&s, i);
    for (size_t i = 0; i < 4; i++)
        losses[i] = *s.losses[i];
    float *state = step_state(&s, count);
    *submissions = s.exec->submissions;
    assert_non_null(strstr(exec_last_kernel(s.exec), "call"));
    step_end(&s);
    return state;
}

// The watchdog's cutting changes no bit, in the first step (cut by estimate) and in
// later ones (cut by measurement).
static void test_cut_anywhere(void **state)
{
    (void)state;
    size_t whole_count, cut_count;
    float whole_losses[4], cut_losses[4];
    uint32_t whole_submissions, cut_submissions;
    test_gpu();
    float *whole = run_steps(1e4, 3, &whole_count, whole_losses, &whole_submissions);
    float *cut = run_steps(short_budget(), 3, &cut_count, cut_losses, &cut_submissions);
    assert_int_equal(whole_submissions, 1);
    assert_true(cut_submissions > 10);
    assert_int_equal(whole_count, cut_count);
    assert_memory_equal(whole, cut, whole_count * sizeof(float));
    assert_memory_equal(whole_losses, cut_losses, sizeof(whole_losses));
    for (size_t i = 0; i < 4; i++)
        assert_true(whole_losses[i] > 0);
    mem_free(whole);
    mem_free(cut);
}

static void test_same_bits_twice(void **state)
{
    (void)state;
    size_t count_a, count_b;
    float losses_a[4], losses_b[4];
    uint32_t submissions;
    test_gpu();
    float *a = run_steps(0.0, 4, &count_a, losses_a, &submissions);
    float *b = run_steps(0.0, 4, &count_b, losses_b, &submissions);
    assert_memory_equal(a, b, count_a * sizeof(float));
    assert_memory_equal(losses_a, losses_b, sizeof(losses_a));
    mem_free(a);
    mem_free(b);
}

// A step whose number differs has another dropout mask, hence other bits.
static void test_step_block_reaches_the_kernels(void **state)
{
    (void)state;
    struct step s = { 0 };
    step_begin(&s, 0.0);
    step_run(&s, 1);
    float first = *s.losses[3];
    step_run(&s, 2);
    assert_true(*s.losses[3] != first);
    step_end(&s);
}

// ---------------------------------------------------------------------------
// A ring of slots

// Steps whose pixels, jitter and block all differ; losses of each in losses[4 * step].
static float *run_ring(uint32_t slots, double submission_seconds, uint32_t steps,
                       float *losses, size_t *count)
{
    struct step s = { .slots = slots };
    step_begin(&s, submission_seconds);
    uint32_t begun = 0, done = 0;
    while (done < steps) {
        // As many as fit, but the first, which is measured, alone.
        while (begun < steps && begun - done < slots && (done > 0 || begun == 0)) {
            struct random r;
            uint32_t slot = begun % slots;
            const struct step_block block = block_of(begun + 1);
            uint8_t *pixels = exec_slot_memory(s.exec, slot, s.pixels);
            uint32_t *jitter = exec_slot_memory(s.exec, slot, s.jitter);
            random_init(&r, begun, 2);
            for (size_t i = 0; i < (size_t)BATCH * 2 * LOAD * LOAD * 3; i++)
                pixels[i] = (uint8_t)random_below(&r, 256);
            for (uint32_t i = 0; i < BATCH * 4; i++)
                jitter[i] = i % 4 == 3 ? 0 : random_below(&r, i % 4 == 2 ? 2 : 4);
            assert_true(exec_submit(s.exec, slot, &block));
            begun++;
        }
        assert_true(exec_wait(s.exec, done % slots));
        assert_true(exec_seconds(s.exec) > 0);
        for (size_t i = 0; i < 4; i++)
            losses[4 * done + i] =
                *(const float *)exec_slot_memory(s.exec, done % slots, s.losses[i]);
        done++;
    }
    assert_null(exec_slot_memory(s.exec, 0, &s));
    float *state = step_state(&s, count);
    step_end(&s);
    return state;
}

static void test_ring(void **state)
{
    enum { STEPS = 7 };
    float expected[4 * STEPS], losses[4 * STEPS];
    size_t expected_count, count;
    (void)state;
    test_gpu();
    float *one = run_ring(1, 1e4, STEPS, expected, &expected_count);
    for (uint32_t i = 1; i < STEPS; i++)
        assert_memory_not_equal(expected, expected + 4 * i, 4 * sizeof(float));
    for (uint32_t slots = 2; slots <= EXEC_MAX_SLOTS; slots++)
        for (int cut = 0; cut < 2; cut++) {
            memset(losses, 0, sizeof(losses));
            float *ring = run_ring(slots, cut ? 1e-3 : 1e4, STEPS, losses, &count);
            assert_int_equal(count, expected_count);
            assert_memory_equal(losses, expected, sizeof(losses));
            assert_memory_equal(ring, one, count * sizeof(float));
            mem_free(ring);
        }
    mem_free(one);
}

// What is in flight when the exec goes is waited for.
static void test_destroyed_in_flight(void **state)
{
    (void)state;
    struct step s = { .slots = 2 };
    const struct step_block second = block_of(2), third = block_of(3);
    step_begin(&s, 1e4);
    step_run(&s, 1);
    assert_true(exec_submit(s.exec, 0, &second));
    assert_true(exec_submit(s.exec, 1, &third));
    step_end(&s);
}

// Every call can be timed alone, and is run as often as asked for.
static void test_time_call(void **state)
{
    (void)state;
    struct step s = { 0 };
    step_begin(&s, 0.0);
    step_run(&s, 1);
    step_run(&s, 2);
    double sum = 0;
    for (size_t i = 0; i < graph_call_count(s.graph); i++) {
        struct exec_time time;
        assert_true(exec_time_call(s.exec, i, 2, &time));
        assert_true(time.wall >= 0);
        assert_true(time.repeats == 2 || time.submissions > 1);
        sum += time.wall;
    }
    assert_true(sum > 0);
    step_end(&s);
}

// ---------------------------------------------------------------------------
// A lost device: the driver's answer is replaced

static VkResult VKAPI_CALL lose(VkDevice device, uint32_t count, const VkFence *fences,
                                VkBool32 all, uint64_t timeout)
{
    (void)device, (void)count, (void)fences, (void)all, (void)timeout;
    return VK_ERROR_DEVICE_LOST;
}

static void test_lost_device_names_the_last_kernel(void **state)
{
    (void)state;
    struct step s = { 0 };
    struct gpu_device *device = test_gpu();
    step_begin(&s, 1e4);
    step_run(&s, 1);
    step_run(&s, 2);
    PFN_vkWaitForFences wait = device->vk.vkWaitForFences;
    device->vk.vkWaitForFences = lose;
    const struct step_block block = { .step = 3,
                                      .adam_step_size = 1e-4f,
                                      .adam_root = 1 };
    test_forget_error();
    assert_false(exec_run(s.exec, &block));
    // The device is in truth well: let it finish before its objects go.
    device->vk.vkWaitForFences = wait;
    device->vk.vkQueueWaitIdle(device->queue);
    assert_true(gpu_device_is_lost(device));
    device->lost = false;
    assert_non_null(strstr(log_last_error(), "lost"));
    assert_non_null(strstr(log_last_error(), exec_last_kernel(s.exec)));
    assert_non_null(strstr(exec_last_kernel(s.exec), "call"));
    step_end(&s);

    // Several submissions in flight: one message, none is left waiting, and the next
    // run fails as well instead of ending the program.
    step_begin(&s, short_budget());
    for (uint32_t i = 1; i <= 3; i++)    // two are measured
        step_run(&s, i);
    assert_true(s.exec->submissions > 10);
    device->vk.vkWaitForFences = lose;
    assert_false(exec_run(s.exec, &block));
    device->vk.vkWaitForFences = wait;
    device->vk.vkQueueWaitIdle(device->queue);
    assert_non_null(strstr(log_last_error(), exec_last_kernel(s.exec)));
    assert_false(exec_run(s.exec, &block));
    assert_non_null(strstr(log_last_error(), "lost"));
    step_end(&s);
    device->lost = false;
}

static VkResult VKAPI_CALL lose_queue(VkQueue queue, uint32_t count,
                                      const VkSubmitInfo *submits, VkFence fence)
{
    (void)queue, (void)count, (void)submits, (void)fence;
    return VK_ERROR_DEVICE_LOST;
}

// The run that was under way tells what the device had reached, not the one that could
// no longer be submitted.
static void test_lost_in_a_ring(void **state)
{
    (void)state;
    struct step s = { .slots = 2 };
    const struct step_block second = block_of(2), third = block_of(3);
    struct gpu_device *device = test_gpu();
    step_begin(&s, 1e4);
    step_run(&s, 1);
    assert_true(exec_submit(s.exec, 0, &second));
    PFN_vkQueueSubmit submit = device->vk.vkQueueSubmit;
    device->vk.vkQueueWaitIdle(device->queue);    // its marks are all there
    device->vk.vkQueueSubmit = lose_queue;
    test_forget_error();
    assert_false(exec_submit(s.exec, 1, &third));
    assert_non_null(strstr(log_last_error(), "vkQueueSubmit returned"));
    assert_false(exec_wait(s.exec, 0));
    device->vk.vkQueueSubmit = submit;
    assert_non_null(strstr(log_last_error(), "it had reached kernel"));
    char last[64];
    size_t calls = graph_call_count(s.graph);
    snprintf(last, sizeof(last), "of %zu", calls);
    assert_non_null(strstr(log_last_error(), last));
    // Not the first call, where the second run would have stood.
    assert_null(strstr(log_last_error(), "call 1 of"));
    assert_false(exec_submit(s.exec, 0, &third));
    device->lost = false;
    step_end(&s);
}

static VkResult VKAPI_CALL no_room(VkQueue queue, uint32_t count,
                                   const VkSubmitInfo *submits, VkFence fence)
{
    (void)queue, (void)count, (void)submits, (void)fence;
    return VK_ERROR_OUT_OF_DEVICE_MEMORY;
}

// The kernel that is reported is that of the submission that failed, also after the run
// before it has ended well.
static void test_failed_in_a_ring(void **state)
{
    (void)state;
    struct step s = { .slots = 2 };
    const struct step_block second = block_of(2), third = block_of(3);
    struct gpu_device *device = test_gpu();
    step_begin(&s, 1e4);
    step_run(&s, 1);
    assert_true(exec_submit(s.exec, 0, &second));
    PFN_vkQueueSubmit submit = device->vk.vkQueueSubmit;
    device->vk.vkQueueSubmit = no_room;
    assert_false(exec_submit(s.exec, 1, &third));
    device->vk.vkQueueSubmit = submit;
    assert_non_null(strstr(exec_last_kernel(s.exec), "call 1 of"));
    assert_true(exec_wait(s.exec, 0));
    assert_non_null(strstr(exec_last_kernel(s.exec), "call 1 of"));
    assert_true(exec_submit(s.exec, 0, &third));
    assert_true(exec_wait(s.exec, 0));
    assert_null(strstr(exec_last_kernel(s.exec), "call 1 of"));
    step_end(&s);
}

// What cannot be recorded is not run in part the next time.
static uint32_t sets_left;
static PFN_vkAllocateDescriptorSets real_sets;

static VkResult VKAPI_CALL few_sets(VkDevice handle,
                                    const VkDescriptorSetAllocateInfo *info,
                                    VkDescriptorSet *sets)
{
    if (sets_left == 0)
        return VK_ERROR_OUT_OF_POOL_MEMORY;
    sets_left--;
    return real_sets(handle, info, sets);
}

static void test_failed_recording(void **state)
{
    (void)state;
    struct step s = { 0 };
    struct gpu_device *device = test_gpu();
    const struct step_block block = { .step = 2,
                                      .adam_step_size = 1e-4f,
                                      .adam_root = 1 };
    step_begin(&s, short_budget());
    step_run(&s, 1);    // two are measured
    step_run(&s, 1);
    float before = *s.losses[3];
    real_sets = device->vk.vkAllocateDescriptorSets;
    device->vk.vkAllocateDescriptorSets = few_sets;
    sets_left = 50;
    assert_false(exec_run(s.exec, &block));
    sets_left = 50;
    assert_false(exec_run(s.exec, &block));
    device->vk.vkAllocateDescriptorSets = real_sets;
    assert_true(*s.losses[3] == before);
    step_run(&s, 2);
    assert_true(*s.losses[3] != before);
    step_end(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cut_anywhere),
        cmocka_unit_test(test_same_bits_twice),
        cmocka_unit_test(test_step_block_reaches_the_kernels),
        cmocka_unit_test(test_ring),
        cmocka_unit_test(test_destroyed_in_flight),
        cmocka_unit_test(test_time_call),
        cmocka_unit_test(test_lost_device_names_the_last_kernel),
        cmocka_unit_test(test_lost_in_a_ring),
        cmocka_unit_test(test_failed_in_a_ring),
        cmocka_unit_test(test_failed_recording),
    };
    return cmocka_run_group_tests_name("exec", tests, test_gpu_open, test_gpu_close);
}
