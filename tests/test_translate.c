// SPDX-License-Identifier: MIT
//
// Many images through a tiny generator: whatever the batch and the company, an image
// becomes the same pixels as alone, and what is reported comes in the order of the
// images.

#define _XOPEN_SOURCE 700

#include "pix2pix.h"
#include "support/public.h"
#include "support/size.h"
#include "support/tree.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/os.h"
#include "data/image.h"
#include "gpu/inside.h"
#include "translate/pipeline.h"
#include "translate/translator.h"

#define SCRATCH "test_translate.scratch"
#define CROP 32u    // the smallest the networks take
#define IMAGES 7

static const char *const scratch = SCRATCH;
static char events[16384];    // messages and images that are done, a line each

static void add_event(const char *format, ...) PRINTF_LIKE(1, 2);
static void add_event(const char *format, ...)
{
    size_t used = strlen(events);
    va_list args;
    va_start(args, format);
    vsnprintf(events + used, sizeof(events) - used, format, args);
    va_end(args);
}

static void keep_message(void *user, enum pix_log_level level, const char *text)
{
    (void)user;
    if (level <= PIX_LOG_WARN)
        add_event("%s\n", text);
}

static void need_device(void)
{
    public_need_device();
    events[0] = '\0';
}

// Soft blobs, another picture for each number.
static struct pix_image make_image(uint32_t width, uint32_t height, uint32_t number)
{
    struct pix_image image = { width, height, malloc((size_t)width * height * 3 + 1) };
    assert_non_null(image.pixels);
    for (uint32_t y = 0; y < height; y++)
        for (uint32_t x = 0; x < width; x++)
            for (uint32_t c = 0; c < 3; c++)
                image.pixels[(y * width + x) * 3 + c] =
                    (uint8_t)((x * (number + c + 1) + y * (5 - c) + 40 * number) * 3);
    return image;
}

static pix_translator *open_translator(const char *preprocess, uint32_t batch_size)
{
    struct pix_translate_options o;
    pix_translate_options_init(&o);
    o.tuning = "off";
    o.model = SCRATCH "/run";
    o.preprocess = preprocess;
    o.batch_size = batch_size;
    pix_translator *translator = pix_translator_create(public_device, &o);
    if (!translator)
        fail_msg("%s", events);
    events[0] = '\0';
    return translator;
}

// Tells the order, and that the result is there already.
static bool note_done(void *user, struct pix_translate_item *item)
{
    const struct pix_translate_item *items = user;
    add_event("item %d: %d\n", (int)(item - items), (int)item->result);
    return true;
}

static void free_items(struct pix_translate_item *items, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        pix_image_free(&items[i].in);
        pix_image_free(&items[i].out);
    }
}

static void assert_same_image(const struct pix_image *a, const struct pix_image *b)
{
    assert_int_equal(a->width, b->width);
    assert_int_equal(a->height, b->height);
    assert_memory_equal(a->pixels, b->pixels, (size_t)a->width * a->height * 3);
}

// ---------------------------------------------------------------------------

static void test_batches(void **state)
{
    static const uint32_t batch_sizes[] = { 0, 1, 2, 3, IMAGES, 64 };
    struct pix_translate_item items[IMAGES] = { 0 };
    struct pix_image alone[IMAGES];
    (void)state;
    need_device();
    pix_translator *translator = open_translator(NULL, 0);
    for (uint32_t i = 0; i < IMAGES; i++) {
        // Some have to be resized.
        items[i].in = make_image(i % 3 ? CROP : CROP + 9, CROP + i % 2 * 5, i);
        assert_true(pix_translator_run(translator, &items[i].in, &alone[i]));
    }
    pix_translator_destroy(translator);
    // Each has the size of its input.
    for (uint32_t i = 0; i < IMAGES; i++) {
        assert_int_equal(alone[i].width, items[i].in.width);
        assert_int_equal(alone[i].height, items[i].in.height);
    }
    for (uint32_t i = 1; i < IMAGES; i++)
        assert_memory_not_equal(alone[i].pixels, alone[0].pixels, CROP * CROP * 3);

    for (size_t k = 0; k < ARRAY_LEN(batch_sizes); k++) {
        translator = open_translator("resize", batch_sizes[k]);
        // Twice: with the program of the short last batch there already.
        for (int again = 0; again < 2; again++) {
            events[0] = '\0';
            assert_true(
                pix_translator_run_many(translator, items, IMAGES, note_done, items));
            assert_string_equal(events, "item 0: 1\nitem 1: 1\nitem 2: 1\nitem 3: 1\n"
                                        "item 4: 1\nitem 5: 1\nitem 6: 1\n");
            for (uint32_t i = 0; i < IMAGES; i++) {
                assert_same_image(&items[i].out, &alone[i]);
                pix_image_free(&items[i].out);
            }
        }
        // One image, and none.
        assert_true(pix_translator_run_many(translator, &items[2], 1, NULL, NULL));
        assert_int_equal(items[2].result, PIX_TRANSLATE_DONE);
        assert_same_image(&items[2].out, &alone[2]);
        pix_image_free(&items[2].out);
        assert_true(pix_translator_run_many(translator, NULL, 0, NULL, NULL));
        pix_translator_destroy(translator);
    }
    free_items(items, IMAGES);
    for (uint32_t i = 0; i < IMAGES; i++)
        pix_image_free(&alone[i]);
}

// A batch ends where the size that runs changes; empty images are passed over.
static void test_mixed_sizes(void **state)
{
    static const uint32_t sizes[][2] = {
        { 32, 32 }, { 32, 32 }, { 40, 32 }, { 32, 32 }, { 64, 32 }, { 64, 32 },
        { 32, 64 }, { 32, 32 }, { 0, 0 },   { 0, 32 },  { 32, 32 },
    };
    enum { COUNT = ARRAY_LEN(sizes) };
    struct pix_translate_item items[COUNT] = { 0 };
    struct pix_image alone[COUNT] = { 0 };
    char first[sizeof(events)];
    (void)state;
    need_device();
    pix_translator *translator = open_translator("none", 0);
    for (uint32_t i = 0; i < COUNT; i++) {
        items[i].in = make_image(sizes[i][0], sizes[i][1], i);
        bool fits = sizes[i][0] > 0;
        assert_true(pix_translator_run(translator, &items[i].in, &alone[i]) == fits);
    }
    for (uint32_t batch = 1; batch <= 4; batch++) {
        events[0] = '\0';
        assert_false(
            pix_translator_run_many(translator, items, COUNT, note_done, items));
        for (uint32_t i = 0; i < COUNT; i++) {
            assert_int_equal(items[i].result == PIX_TRANSLATE_DONE,
                             alone[i].pixels != NULL);
            if (alone[i].pixels)
                assert_same_image(&items[i].out, &alone[i]);
            else
                assert_null(items[i].out.pixels);
            pix_image_free(&items[i].out);
        }
        if (batch == 1)
            memcpy(first, events, sizeof(events));
        assert_string_equal(events, first);
        assert_non_null(strstr(events, "the image is empty"));
        pix_translator_destroy(translator);
        translator = open_translator("none", batch + 1);
    }
    pix_translator_destroy(translator);
    free_items(items, COUNT);
    for (uint32_t i = 0; i < COUNT; i++)
        pix_image_free(&alone[i]);
}

// From files to files, with some that cannot be read or written; more in a row than
// there are images in flight.
static void test_files(void **state)
{
    enum { GOOD = 5, COUNT = 60 };
    static const uint32_t batch_sizes[] = { 1, 2, 8 };
    struct pix_translate_item items[COUNT] = { 0 };
    struct pix_image alone[GOOD];
    char first[sizeof(events)];
    (void)state;
    need_device();
    assert_true(file_make_folder(SCRATCH "/out"));
    assert_true(file_write(SCRATCH "/noise.png", "this is no picture", 18));
    pix_translator *translator = open_translator(NULL, 1);
    for (uint32_t i = 0; i < GOOD; i++) {
        char *path = mem_printf("%s/in%" PRIu32 ".png", scratch, i);
        // The last two look like pairs.
        struct pix_image in = make_image(i < 3 ? 48 : 80, 40, i);
        assert_true(pix_image_write(path, &in));
        assert_true(pix_translator_run(translator, &in, &alone[i]));
        pix_image_free(&in);
        mem_free(path);
    }
    for (uint32_t i = 0; i < COUNT; i++) {
        // Good ones at both ends, 50 bad ones between them, one without a place.
        uint32_t good = i < 3 ? i : i >= 55 ? 3 + i % 2 : GOOD;
        items[i].input = good < GOOD ? mem_printf("%s/in%" PRIu32 ".png", scratch, good)
                         : i % 2 ? mem_printf("%s/absent%" PRIu32 ".png", scratch, i)
                                 : mem_printf("%s/noise.png", scratch);
        items[i].output = mem_printf(i == 1 ? "%s/noise.png/%" PRIu32 ".png"
                                            : "%s/out/%" PRIu32 ".png",
                                     scratch, i);
    }
    pix_translator_destroy(translator);

    for (size_t k = 0; k < ARRAY_LEN(batch_sizes); k++) {
        translator = open_translator(NULL, batch_sizes[k]);
        assert_false(
            pix_translator_run_many(translator, items, COUNT, note_done, items));
        pix_translator_destroy(translator);
        if (k == 0)
            memcpy(first, events, sizeof(events));
        assert_string_equal(events, first);
        for (uint32_t i = 0; i < COUNT; i++) {
            struct pix_image out;
            bool good = i < 3 || i >= 55;
            assert_int_equal(items[i].result, i == 1 ? PIX_TRANSLATE_NOT_WRITTEN
                                              : good ? PIX_TRANSLATE_DONE
                                                     : PIX_TRANSLATE_NOT_READ);
            assert_null(items[i].out.pixels);
            assert_true(file_exists(items[i].output) == (good && i != 1));
            if (!file_exists(items[i].output))
                continue;
            assert_true(pix_image_read(items[i].output, &out));
            assert_same_image(&out, &alone[i < 3 ? i : 3 + i % 2]);
            pix_image_free(&out);
            assert_int_equal(remove(items[i].output), 0);
        }
    }
    // Each message stands right before its image; the warning comes once.
    assert_non_null(strstr(first, "item 0: 1\nfile: "));
    assert_non_null(strstr(first, "absent3.png"));
    assert_true(strstr(first, "item 2: 1\n") < strstr(first, "absent3.png") &&
                strstr(first, "absent3.png") < strstr(first, "item 3: 2\n"));
    const char *warning = strstr(first, "twice as wide");
    assert_true(warning > strstr(first, "item 54: ") &&
                warning < strstr(first, "item 55: "));
    assert_null(strstr(warning + 1, "twice as wide"));

    for (uint32_t i = 0; i < COUNT; i++) {
        mem_free((char *)items[i].input);
        mem_free((char *)items[i].output);
    }
    for (uint32_t i = 0; i < GOOD; i++)
        pix_image_free(&alone[i]);
}

static bool stop_at_third(void *user, struct pix_translate_item *item)
{
    const struct pix_translate_item *items = user;
    return item - items < 2;
}

static void test_stop(void **state)
{
    enum { COUNT = 30 };
    struct pix_translate_item items[COUNT] = { 0 };
    (void)state;
    need_device();
    for (uint32_t i = 0; i < COUNT; i++)
        items[i].in = make_image(CROP, CROP, i);
    for (uint32_t batch = 1; batch <= 2; batch++) {
        pix_translator *translator = open_translator(NULL, batch);
        assert_false(
            pix_translator_run_many(translator, items, COUNT, stop_at_third, items));
        for (uint32_t i = 0; i < COUNT; i++) {
            assert_int_equal(items[i].result,
                             i < 3 ? PIX_TRANSLATE_DONE : PIX_TRANSLATE_PENDING);
            assert_true((items[i].out.pixels != NULL) == (i < 3));
            pix_image_free(&items[i].out);
        }
        pix_translator_destroy(translator);
    }
    free_items(items, COUNT);
}

// ---------------------------------------------------------------------------
// From inside: what lies in memory, and a device that goes

enum { MANY = 40 };

static struct {
    struct os_mutex *mutex;
    uint32_t loaded, live, most_live, done, failed;
} flow;

static bool flow_load(void *user, size_t index, struct picture *picture,
                      enum pixel_kind *output)
{
    (void)user;
    (void)output;
    // The channels of one do not fit.
    if (!picture_create(picture, PIXEL_U8, index == 7 ? 2 : 3, CROP, CROP))
        return false;
    picture->is_array = true;
    os_mutex_lock(flow.mutex);
    flow.loaded++;
    flow.live++;
    flow.most_live = MAX(flow.most_live, flow.live);
    os_mutex_unlock(flow.mutex);
    return true;
}

static bool flow_store(void *user, size_t index, struct picture *picture)
{
    (void)user, (void)index, (void)picture;
    os_mutex_lock(flow.mutex);
    flow.live--;
    os_mutex_unlock(flow.mutex);
    return true;
}

static bool flow_done(void *user, size_t index, enum pix_translate_result result)
{
    (void)user, (void)index;
    flow.done++;
    flow.failed += result != PIX_TRANSLATE_DONE;
    return true;
}

static struct translator *open_flow_tuned(struct gpu_device **gpu, uint32_t batch_size,
                                          const char *tuning)
{
    const struct gpu_device_options options = { .validation = test_validates() };
    struct pix_translate_options o;
    pix_translate_options_init(&o);
    o.tuning = tuning;
    o.model = SCRATCH "/run";
    o.preprocess = "none";
    o.batch_size = batch_size;
    *gpu = gpu_device_create(&options);
    assert_non_null(*gpu);
    struct translator *t = translator_create(*gpu, 0, &o);
    assert_non_null(t);
    memset(&flow, 0, sizeof(flow));
    flow.mutex = os_mutex_create();
    return t;
}

static struct translator *open_flow(struct gpu_device **gpu, uint32_t batch_size)
{
    return open_flow_tuned(gpu, batch_size, "off");
}

static void close_flow(struct translator *t, struct gpu_device *gpu)
{
    translator_destroy(t);
    gpu_device_destroy(gpu);
    os_mutex_destroy(flow.mutex);
}

// Whatever the batch, no more is loaded than there may be: but one for each thread
// before the size is known, and the one that is next.
static void test_memory(void **state)
{
    enum { THREADS = 3, ROOM = 4 };
    static const uint64_t bytes[] = { 1, ROOM * CROP * CROP * 3 };
    (void)state;
    need_device();
    for (size_t i = 0; i < ARRAY_LEN(bytes); i++) {
        struct gpu_device *gpu;
        struct translator *t = open_flow(&gpu, 64);
        const struct pipeline_ends ends = { flow_load, flow_store, flow_done, NULL,
                                            bytes[i] };
        assert_false(pipeline_run(t, THREADS, MANY, &ends));
        assert_int_equal(flow.done, MANY);
        assert_int_equal(flow.failed, 1);
        // The one that did not fit is not stored.
        assert_true(flow.most_live <= ROOM + THREADS + 3);
        close_flow(t, gpu);
    }
}

static PFN_vkWaitForFences real_wait;

static VkResult VKAPI_CALL lose(VkDevice handle, uint32_t count, const VkFence *fences,
                                VkBool32 all, uint64_t timeout)
{
    real_wait(handle, count, fences, all, timeout);
    return VK_ERROR_DEVICE_LOST;
}

// The rest is not even loaded.
static void test_lost_device(void **state)
{
    struct gpu_device *gpu;
    (void)state;
    need_device();
    struct translator *t = open_flow(&gpu, 1);
    const struct pipeline_ends ends = { flow_load, flow_store, flow_done, NULL };
    const struct pipeline_ends few = { flow_load, flow_store, flow_done, NULL, 1 };
    assert_true(pipeline_run(t, 1, 3, &ends));    // it is measured then
    real_wait = gpu->vk.vkWaitForFences;
    gpu->vk.vkWaitForFences = lose;
    flow.done = flow.loaded = 0;
    assert_false(pipeline_run(t, 1, MANY, &few));
    gpu->vk.vkWaitForFences = real_wait;
    gpu->vk.vkQueueWaitIdle(gpu->queue);
    assert_true(flow.done >= 1 && flow.done <= 4);
    assert_int_equal(flow.failed, flow.done);
    assert_true(flow.loaded < MANY / 2);
    gpu->lost = false;
    close_flow(t, gpu);
}

// An empty cache folder; end_cache gets what is returned.
static char *use_cache(const char *name)
{
    const char *outer = getenv("XDG_CACHE_HOME");
    char *before = outer ? mem_strdup(outer) : NULL;
    char *here = os_path_absolute(".");
    char *path = mem_printf("%s/" SCRATCH "/cache_%s", here, name);
    assert_int_equal(setenv("XDG_CACHE_HOME", path, 1), 0);
    mem_free(path);
    mem_free(here);
    return before;
}

static void end_cache(char *before)
{
    if (before)
        setenv("XDG_CACHE_HOME", before, 1);
    else
        unsetenv("XDG_CACHE_HOME");
    mem_free(before);
}

static void count_errors(void *user, enum log_level level, const char *text)
{
    uint32_t *errors = user;
    *errors += level == LOG_ERROR && strstr(text, "DEVICE_LOST");
}

// A batch that does not fit is tried again in parts without a word. A device that goes
// while kernels are measured is reported.
static void test_lost_while_tuning(void **state)
{
    uint32_t errors = 0;
    const struct log_sink sink = { count_errors, &errors, LOG_INFO };
    struct gpu_device *gpu;
    (void)state;
    need_device();
    char *before = use_cache("lost");
    struct translator *t = open_flow_tuned(&gpu, 4, "on");
    const struct pipeline_ends ends = { flow_load, flow_store, flow_done, NULL };
    real_wait = gpu->vk.vkWaitForFences;
    gpu->vk.vkWaitForFences = lose;
    log_use(&sink);
    assert_false(pipeline_run(t, 1, 6, &ends));
    log_use(NULL);
    gpu->vk.vkWaitForFences = real_wait;
    gpu->vk.vkQueueWaitIdle(gpu->queue);
    assert_true(errors > 0);
    gpu->lost = false;
    close_flow(t, gpu);
    end_cache(before);
}

// What the sink got while kernels were measured.
static struct {
    struct gpu_device *gpu;
    PFN_vkCmdDispatch real_dispatch;
    uint32_t begun, ended, wrong, built_in, other_sizes, done_before;
    char warning[LOG_LINE_SIZE];
} tuning;

static void VKAPI_CALL compute_nothing(VkCommandBuffer commands, uint32_t x, uint32_t y,
                                       uint32_t z)
{
    (void)commands, (void)x, (void)y, (void)z;
}

// Kernels compute nothing from the message that they are measured to the one that they
// were: that both come in time is tested as well.
static void follow_tuning(void *user, enum log_level level, const char *text)
{
    (void)user;
    if (strstr(text, "tuning: timing ")) {
        tuning.begun++;
        tuning.done_before = flow.done;
        tuning.gpu->vk.vkCmdDispatch = compute_nothing;
    }
    tuning.other_sizes += strstr(text, "only the first new size") != NULL;
    tuning.built_in += strstr(text, "nothing is measured") != NULL;
    if (strstr(text, " kernels timed in ")) {
        tuning.ended++;
        tuning.gpu->vk.vkCmdDispatch = tuning.real_dispatch;
    }
    if (level == LOG_WARN && strstr(text, "wrong")) {
        tuning.wrong++;
        snprintf(tuning.warning, sizeof(tuning.warning), "%s", text);
    }
    if (level == LOG_ERROR)
        add_event("%s\n", text);
}

// With "auto" a software driver gets the built-in kernels, with a word and no
// measurement; a GPU is measured.
static void test_tuning_on_software(void **state)
{
    static const struct log_sink sink = { follow_tuning, NULL, LOG_INFO };
    struct gpu_device *gpu;
    (void)state;
    need_device();
    char *before = use_cache("software");
    struct translator *t = open_flow_tuned(&gpu, 4, "auto");
    const struct pipeline_ends ends = { flow_load, flow_store, flow_done, NULL };
    const bool is_cpu = gpu_device_limits(gpu)->is_cpu;
    memset(&tuning, 0, sizeof(tuning));
    tuning.gpu = gpu;
    tuning.real_dispatch = gpu->vk.vkCmdDispatch;
    log_use(&sink);
    // Six images by fours: two sizes of batches, one message about them.
    bool ok = pipeline_run(t, 1, 6, &ends);
    log_use(NULL);
    assert_true(ok);
    assert_int_equal(tuning.begun, is_cpu ? 0 : 1);
    assert_int_equal(tuning.built_in, is_cpu ? 1 : 0);
    close_flow(t, gpu);
    end_cache(before);
}

// With an empty cache a translation measures kernels and says so, a kernel that
// computes something else than the simple one is reported, whatever the batch.
static void test_tuning_is_reported(void **state)
{
    static const uint32_t batch_sizes[] = { 1, 4 };
    static const struct log_sink sink = { follow_tuning, NULL, LOG_INFO };
    (void)state;
    need_device();
    for (size_t i = 0; i < ARRAY_LEN(batch_sizes); i++) {
        char *before = use_cache(i ? "batch" : "single");
        struct gpu_device *gpu;
        struct translator *t = open_flow_tuned(&gpu, batch_sizes[i], "on");
        const struct pipeline_ends ends = { flow_load, flow_store, flow_done, NULL };
        memset(&tuning, 0, sizeof(tuning));
        tuning.gpu = gpu;
        tuning.real_dispatch = gpu->vk.vkCmdDispatch;
        log_use(&sink);
        bool ok = pipeline_run(t, 1, 7, &ends);
        log_use(NULL);
        if (!ok)
            fail_msg("%s", events);
        assert_int_equal(tuning.begun, 1);
        assert_int_equal(tuning.ended, 1);
        assert_int_equal(tuning.other_sizes, batch_sizes[i] > 1);    // 4 and 3
        assert_int_equal(tuning.done_before, 0);
        assert_true(tuning.wrong > 0);
        assert_non_null(strstr(tuning.warning, "tune: kernel "));
        assert_ptr_equal(gpu->vk.vkCmdDispatch, tuning.real_dispatch);
        close_flow(t, gpu);
        end_cache(before);
    }
}

// ---------------------------------------------------------------------------

// No gradients and no moments: training has three or four numbers for each weight.
static void test_plan(void **state)
{
    struct pix_plan one, four, training;
    struct pix_train_options o;
    (void)state;
    need_device();
    pix_translator *translator = open_translator(NULL, 1);
    assert_true(pix_translator_plan(translator, 0, 0, &one));
    assert_true(pix_train_options_read(SCRATCH "/run", &o));
    assert_true(pix_train_plan(public_device, &o, &training));
    pix_train_options_finish(&o);
    assert_int_equal(one.weights_g, training.weights_g);
    assert_true(one.state_bytes >= one.weights_g * 4);
    // Each of them begins at a multiple of 256 bytes, and there are less than 64.
    assert_true(one.state_bytes < one.weights_g * 4 + 64 * 256);
    assert_true(training.state_bytes >= one.weights_g * 12);
    assert_true(one.arena_bytes < training.arena_bytes / 2);
    // Norms read the step block, so a translation has one too.
    assert_int_equal(one.step_block_bytes, training.step_block_bytes);
    assert_int_equal(one.device_bytes, one.state_bytes + one.arena_bytes +
                                           one.step_block_bytes + one.staging_bytes);
    pix_translator_destroy(translator);

    translator = open_translator(NULL, 4);
    assert_true(pix_translator_plan(translator, 0, 0, &four));
    assert_int_equal(four.state_bytes, one.state_bytes);
    assert_int_equal(four.staging_bytes, 4 * one.staging_bytes);
    assert_int_equal(four.flops_per_step, 4 * one.flops_per_step);
    pix_translator_destroy(translator);

    struct pix_translate_options t = { .model = SCRATCH "/run", .batch_size = 100000 };
    assert_null(pix_translator_create(public_device, &t));
    assert_non_null(strstr(events, "--batch-size"));
}

// ---------------------------------------------------------------------------

// A run of two steps.
static void train(void)
{
    struct pix_train_options o;
    assert_true(file_make_folder(SCRATCH "/data/train"));
    struct pix_image pair = make_image(2 * CROP, CROP, 1);
    assert_true(pix_image_write(SCRATCH "/data/train/0.png", &pair));
    pix_image_free(&pair);
    pix_train_options_init(&o);
    o.tuning = "off";
    o.data = SCRATCH "/data";
    o.out = SCRATCH "/run";
    o.ngf = o.ndf = 4;
    o.crop_size = SQUARE(CROP);
    o.steps = 2;
    o.sample_freq = 0;
    pix_trainer *trainer = pix_trainer_create(public_device, &o);
    if (!trainer)
        fail_msg("%s", events);
    while (pix_trainer_step(trainer, NULL) == PIX_STEP_DONE)
        ;
    pix_trainer_destroy(trainer);
}

static int open_group(void **state)
{
    (void)state;
    public_open(SCRATCH);
    public_open_again(keep_message, PIX_LOG_INFO);
    if (public_has_device())
        train();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_batches),
        cmocka_unit_test(test_mixed_sizes),
        cmocka_unit_test(test_files),
        cmocka_unit_test(test_stop),
        cmocka_unit_test(test_plan),
        cmocka_unit_test(test_memory),
        cmocka_unit_test(test_lost_device),
        cmocka_unit_test(test_lost_while_tuning),
        cmocka_unit_test(test_tuning_is_reported),
        cmocka_unit_test(test_tuning_on_software),
    };
    return cmocka_run_group_tests(tests, open_group, public_close);
}
