// SPDX-License-Identifier: MIT
//
// Steps that overlap: the same run as one step after the other, and whatever happens to
// the step that is under way is reported when its turn comes.

#define _XOPEN_SOURCE 700

#include "train/trainer.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "data/image.h"
#include "gpu/inside.h"
#include "program/footprint.h"
#include "store/checkpoint.h"
#include "store/checkpoint_folder.h"
#include "support/gpu.h"
#include "support/log.h"
#include "support/lpips_weights.h"
#include "support/size.h"
#include "support/tree.h"
#include "train/trainer_inside.h"

#define SCRATCH "test_trainer.scratch"
#define DATA SCRATCH "/data"
#define VALIDATED SCRATCH "/validated"    // with val/
#define SIDE 36
#define CROP 32
#define PAIRS 5
#define STEPS 13

static void write_pair(const char *folder, uint32_t number, uint32_t side)
{
    struct pix_image image;
    struct random r;
    char *path = mem_printf("%s/%" PRIu32 ".png", folder, number);
    random_init(&r, number, 1);
    assert_true(image_create(&image, 2 * side, side));
    for (size_t i = 0; i < (size_t)6 * side * side; i++)
        image.pixels[i] = (uint8_t)random_below(&r, 256);
    assert_true(image_write(path, &image));
    image_free(&image);
    mem_free(path);
}

static struct pix_train_options tiny(const char *out)
{
    struct pix_train_options o;
    pix_train_options_init(&o);
    o.tuning = "off";
    o.data = DATA;
    o.out = out;
    o.ngf = 4;
    o.ndf = 4;
    o.crop_size = SQUARE(CROP);
    o.load_size = SQUARE(SIDE);
    o.seed = 3;
    o.steps = STEPS;
    o.log_freq = 1;
    o.save_freq = 5;
    o.sample_freq = 4;
    o.keep = 100;
    return o;
}

static struct trainer *begin(const struct pix_train_options *o, bool no_overlap)
{
    test_keep_messages(LOG_WARN);
    struct trainer *t = trainer_create(test_gpu(), 0.2, no_overlap, o);
    if (!t)
        fail_msg("%s", test_messages.text);
    return t;
}

static void end(struct trainer *t)
{
    trainer_destroy(t);
    log_use(&test_log_sink);
}

static void step(struct trainer *t, uint64_t number, struct pix_step_metrics *m)
{
    if (trainer_step(t, m) != PIX_STEP_DONE)
        fail_msg("step %" PRIu64 ": %s", number, test_messages.text);
    assert_int_equal(m->step, number);
}

static bool has_checkpoint(const char *run, uint64_t number)
{
    char *path = checkpoint_path(run, number);
    bool found = file_exists(path);
    mem_free(path);
    return found;
}

// All numbers of a checkpoint, or the pixels of a sample grid, byte for byte.
static void assert_same_file(const char *a, const char *b, const char *name,
                             bool is_checkpoint)
{
    uint8_t *data[2];
    size_t size[2], skip[2] = { 0, 0 };
    const char *const runs[] = { a, b };
    for (int i = 0; i < 2; i++) {
        char *path = file_join(runs[i], name);
        assert_true(file_read(path, (void **)&data[i], &size[i]));
        // The header names the folder of the run.
        for (int k = 0; is_checkpoint && k < 4; k++)
            skip[i] += (size_t)data[i][k] << (8 * k);
        skip[i] += is_checkpoint ? 8 : 0;
        assert_true(skip[i] < size[i]);
        mem_free(path);
    }
    assert_int_equal(size[0] - skip[0], size[1] - skip[1]);
    if (memcmp(data[0] + skip[0], data[1] + skip[1], size[0] - skip[0]) != 0)
        fail_msg("%s of %s and of %s differ", name, a, b);
    mem_free(data[0]);
    mem_free(data[1]);
}

// Lines of metrics first to last: what they say of the losses in numbers[4 * line].
static void read_metrics(const char *run, uint64_t last, double *numbers)
{
    static const char *const names[] = { "loss_d_real", "loss_d_fake", "loss_g_gan",
                                         "loss_g_l1" };
    void *data;
    size_t size;
    char *path = file_join(run, "metrics.jsonl");
    assert_true(file_read(path, &data, &size));
    char *line = data;
    for (uint64_t number = 1; number <= last; number++) {
        uint64_t found;
        char *newline = strchr(line, '\n');
        assert_non_null(newline);
        json_t *d = json_parse(line, (size_t)(newline - line), path);
        assert_true(json_to_u64(json_object_get(d, "step"), &found));
        assert_int_equal(found, number);
        for (size_t i = 0; i < 4; i++)
            assert_true(json_to_double(json_object_get(d, names[i]),
                                       &numbers[4 * (number - 1) + i]));
        json_decref(d);
        line = newline + 1;
    }
    assert_int_equal(*line, '\0');
    mem_free(data);
    mem_free(path);
}

// ---------------------------------------------------------------------------
// The same run

static void test_same_run(void **state)
{
    static const char *const runs[] = { SCRATCH "/one", SCRATCH "/ring" };
    double losses[2][4 * STEPS];
    struct pix_step_metrics m;
    (void)state;
    for (int ring = 0; ring < 2; ring++) {
        struct pix_train_options o = tiny(runs[ring]);
        struct trainer *t = begin(&o, !ring);
        for (uint64_t i = 1; i <= STEPS; i++) {
            step(t, i, &m);
            assert_true(m.ms > 0 && m.images_per_s > 0);
            // What is due is of this step, not of the one that comes after it.
            assert_int_equal(has_checkpoint(o.out, i), i % 5 == 0 || i == STEPS);
        }
        assert_int_equal(trainer_step(t, &m), PIX_STEP_FINISHED);
        assert_int_equal(trainer_drain(t, &m), PIX_STEP_FINISHED);
        end(t);
        assert_string_equal(test_messages.text, "");
        read_metrics(o.out, STEPS, losses[ring]);
    }
    assert_memory_equal(losses[0], losses[1], sizeof(losses[0]));
    for (uint64_t i = 1; i <= STEPS; i++) {
        char name[64];
        snprintf(name, sizeof(name), "checkpoints/step-%08" PRIu64 ".safetensors", i);
        if (i % 5 == 0 || i == STEPS)
            assert_same_file(runs[0], runs[1], name, true);
        snprintf(name, sizeof(name), "samples/step-%08" PRIu64 ".png", i);
        if (i % 4 == 0 || i == STEPS)
            assert_same_file(runs[0], runs[1], name, false);
    }
}

// The step that is under way is what is saved, and it is reported next.
static void test_save_ahead(void **state)
{
    struct pix_train_options o = tiny(SCRATCH "/ahead");
    struct pix_step_metrics m;
    double losses[4 * STEPS], expected[4 * STEPS];
    (void)state;
    read_metrics(SCRATCH "/ring", STEPS, expected);
    o.sample_freq = o.save_freq = 0;
    struct trainer *t = begin(&o, false);
    for (uint64_t i = 1; i <= 3; i++)
        step(t, i, &m);
    assert_true(trainer_save(t));
    assert_false(has_checkpoint(o.out, 3));
    assert_true(has_checkpoint(o.out, 4));
    read_metrics(o.out, 4, losses);
    assert_true(trainer_save(t));    // the same
    step(t, 4, &m);
    assert_true(m.loss_g_l1 == expected[4 * 3 + 3]);
    step(t, 5, &m);

    // Drained, it is where it was told to be.
    step(t, 6, &m);
    assert_int_equal(trainer_drain(t, &m), PIX_STEP_DONE);
    assert_int_equal(m.step, 7);
    assert_int_equal(trainer_drain(t, &m), PIX_STEP_FINISHED);
    assert_true(trainer_save(t));
    assert_true(has_checkpoint(o.out, 7));
    step(t, 8, &m);
    step(t, 9, &m);
    end(t);    // step 10 is under way, and left out
    read_metrics(o.out, 9, losses);

    o.continue_run = true;
    t = begin(&o, false);
    for (uint64_t i = 8; i <= STEPS; i++)
        step(t, i, &m);
    end(t);
    read_metrics(o.out, STEPS, losses);
    assert_memory_equal(losses, expected, sizeof(losses));
    assert_same_file(o.out, SCRATCH "/ring", "checkpoints/step-00000013.safetensors",
                     true);
}

static void test_no_overlap(void **state)
{
    struct pix_train_options o = tiny(SCRATCH "/exact");
    struct pix_step_metrics m;
    (void)state;
    struct trainer *t = begin(&o, true);
    for (uint64_t i = 1; i <= 3; i++)
        step(t, i, &m);
    assert_int_equal(trainer_drain(t, &m), PIX_STEP_FINISHED);
    assert_true(trainer_save(t));
    assert_true(has_checkpoint(o.out, 3));
    end(t);
}

// ---------------------------------------------------------------------------
// Failures

static VkResult VKAPI_CALL lose(VkDevice device, uint32_t count, const VkFence *fences,
                                VkBool32 all, uint64_t timeout)
{
    (void)device, (void)count, (void)fences, (void)all, (void)timeout;
    return VK_ERROR_DEVICE_LOST;
}

static VkResult VKAPI_CALL lose_queue(VkQueue queue, uint32_t count,
                                      const VkSubmitInfo *submits, VkFence fence)
{
    (void)queue, (void)count, (void)submits, (void)fence;
    return VK_ERROR_OUT_OF_DEVICE_MEMORY;
}

static void assert_says(const char *part)
{
    if (!strstr(test_messages.text, part))
        fail_msg("no message has \"%s\": %s", part, test_messages.text);
}

// Steps 5 and 6 are under way when the device goes; 5 is the one that failed.
static void test_lost_device(void **state)
{
    struct pix_train_options o = tiny(SCRATCH "/lost");
    struct gpu_device *device = test_gpu();
    struct pix_step_metrics m;
    double losses[4 * STEPS];
    (void)state;
    o.sample_freq = 0;
    o.save_freq = 2;
    struct trainer *t = begin(&o, false);
    for (uint64_t i = 1; i <= 4; i++)
        step(t, i, &m);
    PFN_vkWaitForFences wait = device->vk.vkWaitForFences;
    device->vk.vkWaitForFences = lose;
    assert_int_equal(trainer_step(t, &m), PIX_STEP_FAILED);
    device->vk.vkWaitForFences = wait;
    device->vk.vkQueueWaitIdle(device->queue);
    assert_says("train: step 5 failed");
    assert_says("was lost in kernel");
    assert_says("step-00000004");
    assert_null(strstr(test_messages.text, "step 6"));
    assert_false(trainer_save(t));
    assert_int_equal(trainer_drain(t, &m), PIX_STEP_FAILED);
    end(t);
    device->lost = false;
    assert_false(has_checkpoint(o.out, 6));
    read_metrics(o.out, 4, losses);
}

// What cannot be submitted is the next step; the one before it is reported as usual.
static void test_failed_submission(void **state)
{
    struct pix_train_options o = tiny(SCRATCH "/unsubmitted");
    struct gpu_device *device = test_gpu();
    struct pix_step_metrics m;
    (void)state;
    o.sample_freq = o.save_freq = 0;
    struct trainer *t = begin(&o, false);
    for (uint64_t i = 1; i <= 4; i++)
        step(t, i, &m);
    PFN_vkQueueSubmit submit = device->vk.vkQueueSubmit;
    device->vk.vkQueueSubmit = lose_queue;
    step(t, 5, &m);
    assert_null(strstr(test_messages.text, "failed"));
    assert_int_equal(trainer_step(t, &m), PIX_STEP_FAILED);
    device->vk.vkQueueSubmit = submit;
    assert_says("train: step 6 failed");
    assert_int_equal(m.step, 5);
    assert_false(trainer_save(t));
    end(t);
}

static PFN_vkQueueSubmit real_submit;
static int submits_left;

static VkResult VKAPI_CALL submit_some(VkQueue queue, uint32_t count,
                                       const VkSubmitInfo *submits, VkFence fence)
{
    if (submits_left-- <= 0)
        return VK_ERROR_OUT_OF_DEVICE_MEMORY;
    return real_submit(queue, count, submits, fence);
}

// A part of step 6 ran: no checkpoint may take that for step 5.
static void test_half_submitted(void **state)
{
    struct pix_train_options o = tiny(SCRATCH "/half");
    struct gpu_device *device = test_gpu();
    struct pix_step_metrics m;
    (void)state;
    o.sample_freq = o.save_freq = 0;
    test_keep_messages(LOG_WARN);
    struct trainer *t = trainer_create(device, 0.002, false, &o);
    assert_non_null(t);
    for (uint64_t i = 1; i <= 4; i++)
        step(t, i, &m);
    real_submit = device->vk.vkQueueSubmit;
    submits_left = 2;
    device->vk.vkQueueSubmit = submit_some;
    step(t, 5, &m);
    device->vk.vkQueueSubmit = real_submit;
    assert_true(submits_left < 0);
    assert_false(trainer_save(t));
    assert_says("there is no state to save");
    assert_false(has_checkpoint(o.out, 5));
    assert_int_equal(trainer_step(t, &m), PIX_STEP_FAILED);
    assert_says("train: step 6 failed");
    end(t);
}

static const struct trainer *watched;
static uint64_t failing_after;

// What comes after this step is its validation: the second image.
static VkResult VKAPI_CALL fail_validation(VkQueue queue, uint32_t count,
                                           const VkSubmitInfo *submits, VkFence fence)
{
    if (watched->step == failing_after && submits_left-- <= 0)
        return VK_ERROR_OUT_OF_DEVICE_MEMORY;
    return real_submit(queue, count, submits, fence);
}

// A run whose rate follows from validations, one after each step. Validation number
// `failing` fails at its second image; 0: none does.
static void run_validated(const char *out, uint64_t failing, double errors[STEPS])
{
    struct pix_train_options o = tiny(out);
    struct gpu_device *device = test_gpu();
    struct pix_step_metrics m;
    o.data = VALIDATED;
    o.lr_policy = "plateau";
    o.steps = 4;
    struct trainer *t = begin(&o, true);
    watched = t;
    submits_left = 1;
    real_submit = device->vk.vkQueueSubmit;
    device->vk.vkQueueSubmit = fail_validation;
    for (uint64_t i = 1; i <= o.steps; i++) {
        failing_after = i == failing ? i : UINT64_MAX;
        step(t, i, &m);
        assert_int_equal(m.has_val, i != failing);
        assert_true(m.lr == o.lr);
        errors[i] = m.val[PIX_METRIC_L1];
    }
    device->vk.vkQueueSubmit = real_submit;
    assert_int_equal(trainer_step(t, &m), PIX_STEP_FINISHED);
    assert_true(has_checkpoint(o.out, o.steps));
    end(t);
}

// The run goes on, at the rate that it has, and the next validation finds what it would
// have found.
static void test_failed_validation(void **state)
{
    double expected[STEPS], found[STEPS];
    (void)state;
    run_validated(SCRATCH "/all_validated", 0, expected);
    assert_string_equal(test_messages.text, "");
    run_validated(SCRATCH "/unvalidated", 2, found);
    assert_says(
        "step 2 is not validated, and the run goes on at the same learning rate");
    assert_int_equal(test_messages.warnings, 1);
    assert_int_equal(test_messages.errors, 0);
    for (int i = 1; i <= 4; i++)
        assert_true(i == 2 ? isnan(found[i]) : found[i] == expected[i]);
}

// The bytes that a run holds on the device at its start, and those that it was planned
// with.
static uint64_t held(const struct pix_train_options *o, struct pix_plan *plan)
{
    const uint64_t before = test_gpu_memory();
    struct trainer *t = begin(o, false);
    const uint64_t bytes = test_gpu_memory() - before;
    end(t);
    assert_true(trainer_plan(test_gpu(), 0.2, o, plan));
    return bytes;
}

// The plan has the copies of a step once, while a run has them for each slot of its
// ring: what validations add is compared.
static void test_memory(void **state)
{
    static const struct {
        double ema;
        const char *metrics;
        bool has_lpips;
    } cases[] = { { 0, "lpips", true }, { 0.9, "l1", false } };
    struct pix_train_options o = tiny(SCRATCH "/held");
    struct pix_plan plain, with;
    (void)state;
    test_gpu();
    lpips_weights_write(SCRATCH "/alex.pth", LPIPS_ALEX);
    o.data = VALIDATED;
    o.lpips = SCRATCH "/alex.pth";
    held(&o, &plain);    // the first run makes what the device keeps
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        o.ema = cases[i].ema;
        o.val_freq = 0;
        assert_true(test_remove_tree(o.out));
        const uint64_t steps = held(&o, &plain);
        assert_int_equal(plain.validation_bytes, 0);
        o.val_freq = 1;
        o.val_metrics = cases[i].metrics;
        assert_true(test_remove_tree(o.out));
        const uint64_t all = held(&o, &with);
        assert_true(with.validation_bytes > 0);
        assert_in_range(with.validation_bytes - (all - steps), 0,
                        footprint_step_block() - 1);
        assert_int_equal(with.device_bytes, plain.device_bytes + with.validation_bytes);
        assert_int_equal(with.lpips_bytes > 0, cases[i].has_lpips);
    }
}

static VkResult VKAPI_CALL no_memory(VkDevice device, const VkMemoryAllocateInfo *info,
                                     const VkAllocationCallbacks *allocator,
                                     VkDeviceMemory *memory)
{
    (void)device, (void)info, (void)allocator, (void)memory;
    return VK_ERROR_OUT_OF_DEVICE_MEMORY;
}

static VkResult VKAPI_CALL no_pool(VkDevice device, const VkCommandPoolCreateInfo *info,
                                   const VkAllocationCallbacks *allocator,
                                   VkCommandPool *pool)
{
    (void)device, (void)info, (void)allocator, (void)pool;
    return VK_ERROR_OUT_OF_HOST_MEMORY;
}

// Another program takes all memory of the device once the run goes: nothing that the
// run still does, checkpoints and sample grids in particular, needs any.
static void test_full_device(void **state)
{
    struct pix_train_options o = tiny(SCRATCH "/full");
    struct gpu_device *device = test_gpu();
    struct pix_step_metrics m;
    (void)state;
    o.ema = 0.9;
    o.sample_freq = 2;
    struct trainer *t = begin(&o, true);
    for (uint64_t i = 1; i <= 4; i++)
        step(t, i, &m);
    const PFN_vkAllocateMemory allocate = device->vk.vkAllocateMemory;
    const PFN_vkCreateCommandPool create = device->vk.vkCreateCommandPool;
    device->vk.vkAllocateMemory = no_memory;
    device->vk.vkCreateCommandPool = no_pool;
    for (uint64_t i = 5; i <= 7 && m.step + 1 == i; i++)
        trainer_step(t, &m);
    const bool saved = trainer_save(t);
    device->vk.vkAllocateMemory = allocate;
    device->vk.vkCreateCommandPool = create;
    assert_string_equal(test_messages.text, "");
    assert_int_equal(m.step, 7);
    assert_true(saved);
    assert_true(has_checkpoint(o.out, 5));
    assert_true(has_checkpoint(o.out, 7));
    assert_true(file_exists(SCRATCH "/full/samples/step-00000006.png"));
    end(t);
}

// ---------------------------------------------------------------------------

static int open_group(void **state)
{
    int result = test_gpu_open(state);
    if (file_exists(SCRATCH))
        test_remove_tree(SCRATCH);
    if (!file_make_folder(DATA "/train"))
        return -1;
    for (uint32_t i = 0; i < PAIRS; i++)
        write_pair(DATA "/train", i, SIDE);
    if (!file_make_folder(VALIDATED "/train") || !file_make_folder(VALIDATED "/val"))
        return -1;
    write_pair(VALIDATED "/train", 0, SIDE);
    for (uint32_t i = 1; i <= 3; i++)
        write_pair(VALIDATED "/val", i, SIDE);
    return result;
}

static int close_group(void **state)
{
    test_remove_tree(SCRATCH);
    return test_gpu_close(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_run),
        cmocka_unit_test(test_save_ahead),
        cmocka_unit_test(test_no_overlap),
        cmocka_unit_test(test_lost_device),
        cmocka_unit_test(test_failed_submission),
        cmocka_unit_test(test_half_submitted),
        cmocka_unit_test(test_failed_validation),
        cmocka_unit_test(test_full_device),
        cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests_name("trainer", tests, open_group, close_group);
}
