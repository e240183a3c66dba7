// SPDX-License-Identifier: MIT
//
// The tuner on small shapes, and the cache of what it finds: that it picks what is
// right and possible, that a wrong kernel is never picked, and that nothing bad in the
// cache does more harm than being measured again.

#define _POSIX_C_SOURCE 200809L

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/os.h"
#include "bench/tune_all.h"
#include "ops/conv_choice.h"
#include "program/tuned.h"
#include "support/gpu.h"
#include "support/lpips_weights.h"
#include "support/size.h"
#include "support/tree.h"

#define SCRATCH "test_tune.scratch"

static const struct conv_shape shapes[] = {
    { CONV_FORWARD, { 1, 5, 12, 14 }, 9, 4, 2, 1 },
    { CONV_BACKWARD_INPUT, { 2, 6, 9, 8 }, 7, 3, 1, 1 },
    { CONV_BACKWARD_INPUT, { 1, 4, 7, 10 }, 3, 4, 2, 1 },    // phases of two sizes
    { CONV_BACKWARD_WEIGHT, { 1, 3, 10, 10 }, 8, 4, 2, 1 },
};

static char last[1024];    // message

static void keep_last(void *user, enum log_level level, const char *text)
{
    (void)user;
    if (level <= LOG_WARN)
        snprintf(last, sizeof(last), "%s", text);
}

static const struct log_sink sink = { .callback = keep_last, .level = LOG_WARN };

static void test_picks(void **state)
{
    (void)state;
    struct gpu_device *device = test_gpu();
    const struct op_limits limits = test_gpu_limits();
    struct tune_result results[ARRAY_LEN(shapes)];
    const struct tune_options options = { .submission_seconds = 0.2 };
    last[0] = 0;
    log_use(&sink);
    assert_true(tune_run(device, shapes, ARRAY_LEN(shapes), &options, results));
    log_use(&test_log_sink);
    assert_string_equal(last, "");    // no kernel of ours is wrong
    for (size_t i = 0; i < ARRAY_LEN(shapes); i++) {
        const struct tune_result *r = &results[i];
        assert_true(conv_shape_equal(&r->shape, &shapes[i]));
        assert_ptr_equal(r->built_in, conv_choice_built_in(&limits, &shapes[i]));
        assert_true(r->timed);
        assert_true(conv_variant_fits(r->chosen, &limits, &shapes[i]));
        assert_ptr_equal(conv_variant_find(r->chosen->name), r->chosen);
        assert_true(r->flops > 0 && r->chosen_seconds > 0);
        assert_true(r->chosen == r->built_in ||
                    r->chosen_seconds < 0.96 * r->built_in_seconds);
    }
}

// Rows 16 to 19 of each tile are left out: hardly any work, and wrong.
static const struct conv_variant wrong = { .name = "wrong",
                                           .kind = CONV_DIRECT,
                                           .m = 20,
                                           .n = 32,
                                           .k = 1,
                                           .reg_m = 16,
                                           .reg_n = 8,
                                           .parts = 1 };

static void test_wrong_is_never_chosen(void **state)
{
    (void)state;
    const struct conv_shape shape = { CONV_FORWARD, { 1, 3, 6, 6 }, 20, 3, 1, 1 };
    struct tune_result result;
    const struct tune_options options = { .submission_seconds = 0.2,
                                          .more = &wrong,
                                          .more_count = 1 };
    last[0] = 0;
    log_use(&sink);
    bool ok = tune_run(test_gpu(), &shape, 1, &options, &result);
    log_use(&test_log_sink);
    assert_true(ok);
    assert_true(result.timed);
    assert_ptr_not_equal(result.chosen, &wrong);
    assert_non_null(strstr(last, "wrong computes forward 1x3x6x6 -> 20 k3 s1 p1"));
}

static bool end_at_once(void *user, const struct tune_result *result, size_t done,
                        size_t count)
{
    size_t *calls = user;
    assert_true(result->timed);
    assert_int_equal(done, 1);
    assert_int_equal(count, ARRAY_LEN(shapes));
    (*calls)++;
    return false;
}

static void test_ends(void **state)
{
    (void)state;
    struct tune_result results[ARRAY_LEN(shapes)];
    size_t calls = 0, timed = 0;
    struct tune_options options = { .submission_seconds = 0.2,
                                    .report = end_at_once,
                                    .user = &calls };
    assert_false(tune_run(test_gpu(), shapes, ARRAY_LEN(shapes), &options, results));
    for (size_t i = 0; i < ARRAY_LEN(shapes); i++)
        timed += results[i].timed;
    assert_int_equal(calls, 1);
    assert_int_equal(timed, 1);

    // No time: nothing is begun.
    options = (struct tune_options){ .submission_seconds = 0.2, .seconds = 1e-9 };
    assert_true(tune_run(test_gpu(), shapes, ARRAY_LEN(shapes), &options, results));
    for (size_t i = 0; i < ARRAY_LEN(shapes); i++) {
        assert_ptr_equal(results[i].chosen, results[i].built_in);
        assert_false(results[i].timed);
    }
}

// ---------------------------------------------------------------------------
// The cache

// A graph of two convolutions.
static struct graph *two_shapes(struct weights *w)
{
    const struct op_limits limits = test_gpu_limits();
    const struct conv_attributes a = { .kernel = 3, .stride = 1, .pad = 1 };
    struct graph *g = graph_create(&limits);
    struct tensor *x = graph_input(g, "x", (struct shape){ 1, 2, 6, 6 }, TENSOR_F32);
    x = graph_conv(g, x, weights_add(w, WEIGHT_CONV, (struct shape){ 4, 2, 3, 3 }, "1"),
                   NULL, a);
    graph_conv(g, x, weights_add(w, WEIGHT_CONV, (struct shape){ 4, 4, 3, 3 }, "2"),
               NULL, a);
    assert_false(graph_failed(g));
    return g;
}

// Opens and completes a table; what is in it stands in the cache.
static size_t complete(const struct graph *g, struct tuning *t)
{
    *t = (struct tuning){ 0 };
    last[0] = 0;
    log_use(&sink);
    bool ok = tuned_open(test_gpu(), TUNING_AUTO, NULL, t);
    const size_t known = t->count;
    ok = ok && tuned_complete(test_gpu(), TUNING_ON, 0.2, 30, graph_products(g), t);
    log_use(&test_log_sink);
    assert_true(ok);
    return t->count - known;
}

static void test_cache(void **state)
{
    (void)state;
    struct gpu_device *device = test_gpu();
    char *here = os_path_absolute(".");
    char *caches = mem_printf("%s/" SCRATCH, here);
    assert_int_equal(setenv("XDG_CACHE_HOME", caches, 1), 0);
    char *path = tuned_cache_path(device);
    assert_non_null(path);
    assert_non_null(strstr(path, SCRATCH));
    assert_true(test_remove_tree(path));
    struct weights *w = weights_create(true);
    struct graph *g = two_shapes(w);
    struct tuning t, other = { 0 };
    char reason[256];

    assert_int_equal(complete(g, &t), 2);
    assert_string_equal(last, "");
    tuning_finish(&t);
    // Nothing is measured twice.
    assert_int_equal(complete(g, &t), 0);
    assert_string_equal(last, "");
    tuning_finish(&t);

    // What another process added meanwhile stays.
    assert_true(tuning_read(path, &t, reason, sizeof(reason)));
    struct tuning empty = { 0 };
    assert_true(tuning_set_origin(&empty, t.device, t.driver, t.shaders));
    assert_true(tuning_set(&t, "something else", "simple", true));
    assert_true(tuning_write(path, &t));
    tuning_finish(&t);
    assert_true(tuned_complete(device, TUNING_ON, 0.2, 30, graph_products(g), &empty));
    assert_int_equal(empty.count, 2);
    assert_true(tuning_read(path, &t, reason, sizeof(reason)));
    assert_int_equal(t.count, 3);
    assert_true(tuning_entry(&t, "something else")->untimed);
    // A run takes what concerns it.
    assert_true(tuned_select(&t, graph_products(g), &other));
    assert_int_equal(other.count, 2);
    assert_string_equal(other.device, t.device);
    tuning_finish(&other);
    tuning_finish(&t);

    // Files that are no use: each is named once, measured again and replaced.
    const char *const texts[] = { "", "{\"format\"", "{}", "no table" };
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct tuning again;
        assert_true(file_write(path, texts[i], strlen(texts[i])));
        assert_int_equal(complete(g, &again), 2);
        assert_non_null(strstr(last, "is ignored and will be replaced"));
        tuning_finish(&again);
        assert_int_equal(complete(g, &again), 0);
        assert_string_equal(last, "");
        tuning_finish(&again);
    }
    // One of another device, however it came there.
    assert_true(tuning_set_origin(&other, "another", "driver", "0"));
    assert_true(tuning_set(&other, empty.entries[0].shape, "simple", false));
    assert_true(tuning_write(path, &other));
    assert_int_equal(complete(g, &t), 2);
    assert_non_null(strstr(last, "another device"));
    tuning_finish(&t);
    tuning_finish(&other);
    tuning_finish(&empty);

    // A folder that cannot be made is no reason to stop.
    char *file = mem_printf("%s/file", caches);
    assert_true(file_write(file, "", 0));
    assert_int_equal(setenv("XDG_CACHE_HOME", file, 1), 0);
    assert_int_equal(complete(g, &t), 2);
    assert_non_null(strstr(last, "cannot save the measurements"));
    tuning_finish(&t);

    assert_true(test_remove_tree(path));
    graph_destroy(g);
    weights_destroy(w);
    mem_free(file);
    mem_free(path);
    mem_free(caches);
    mem_free(here);
}

static void test_files(void **state)
{
    (void)state;
    struct gpu_device *device = test_gpu();
    struct tuning t = { 0 };
    log_use(&sink);
    assert_true(tuned_open(device, TUNING_OFF, NULL, &t));
    assert_int_equal(t.count, 0);
    assert_null(t.device);
    assert_false(tuned_open(device, TUNING_FILE, SCRATCH "/missing.json", &t));
    assert_non_null(strstr(last, "--tuning " SCRATCH "/missing.json cannot be used"));
    assert_true(file_write(SCRATCH "/bad.json", "[", 1));
    assert_false(tuned_open(device, TUNING_FILE, SCRATCH "/bad.json", &t));
    assert_non_null(strstr(last, "line 1"));
    // A table of another device is taken: the user named it.
    assert_true(tuning_set_origin(&t, "another", "driver", "0"));
    assert_true(tuning_set(&t, "shape", "simple", false));
    assert_true(tuning_write(SCRATCH "/good.json", &t));
    tuning_finish(&t);
    assert_true(tuned_open(device, TUNING_FILE, SCRATCH "/good.json", &t));
    assert_int_equal(t.count, 1);
    log_use(&test_log_sink);
    tuning_finish(&t);
}

// Ends after the first shape.
static bool note_count(void *user, const struct tune_result *result, size_t done,
                       size_t count)
{
    (void)result, (void)done;
    *(size_t *)user = count;
    return false;
}

static size_t count_shapes(const struct pix_train_options *o)
{
    size_t count = 0;
    assert_false(tune_all_run(test_gpu(), 0.2, o, note_count, &count));
    return count;
}

// `pix2pix tune` measures the networks of LPIPS that are asked for: those of
// validations, and that of a file.
static void test_lpips(void **state)
{
    (void)state;
    struct pix_train_options o;
    test_gpu();
    assert_true(file_make_folder(SCRATCH));
    lpips_weights_write(SCRATCH "/squeeze.pth", LPIPS_SQUEEZE);
    pix_train_options_init(&o);
    o.crop_size = SQUARE(32);
    o.ngf = o.ndf = 4;
    const size_t count = count_shapes(&o);
    assert_true(count > 20);
    o.lpips = SCRATCH "/squeeze.pth";
    const size_t with = count_shapes(&o);
    assert_true(with > count + 10);
    o.val_metrics = "l1,lpips";
    assert_int_equal(count_shapes(&o), with + 5);    // of AlexNet
    o.lpips = SCRATCH "/none.pth";
    log_use(&sink);
    assert_int_equal(count_shapes(&o), 0);
    log_use(&test_log_sink);
    assert_non_null(strstr(last, "none.pth"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_picks), cmocka_unit_test(test_wrong_is_never_chosen),
        cmocka_unit_test(test_ends),  cmocka_unit_test(test_cache),
        cmocka_unit_test(test_files), cmocka_unit_test(test_lpips),
    };
    return cmocka_run_group_tests(tests, test_gpu_open, test_gpu_close);
}
