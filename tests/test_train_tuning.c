// SPDX-License-Identifier: MIT
//
// The table of kernels of a run: it is kept, gone on with, taken from the user's cache,
// and refused where it is not that of the run.

#define _XOPEN_SOURCE 700

#include "support/tiny.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/os.h"
#include "program/tuned.h"
#include "settings/rules.h"
#include "store/checkpoint_folder.h"
#include "support/lpips_weights.h"
#include "support/tree.h"
#include "train/objective.h"
#include "train/validation.h"

#define SCRATCH "test_train_tuning.scratch"

// A table that differs from the built-in choice for some shapes of tiny().
static void write_table(const char *path, const char *variant)
{
    static const char *const names[] = {
        "forward 1x3x32x32 -> 4 k4 s2 p1",
        "backward-input 1x8x8x8 -> 32 k4 s2 p1",
        "backward-weight 1x8x8x8 -> 16 k4 s2 p1",
        "backward-weight 1x16x4x4 -> 32 k4 s2 p1",
    };
    struct tuning t = { 0 };
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        assert_true(tuning_set(&t, names[i], variant, false));
    assert_true(tuning_write(path, &t));
    tuning_finish(&t);
}

static bool is_kept;

static void note_kept(void *user, enum pix_log_level level, const char *text)
{
    (void)user;
    (void)level;
    is_kept = is_kept || strstr(text, "tuning.json: --tuning on measures nothing here");
}

// A run keeps its table of kernels and resumes with it, and with no other.
static void test_tuning(void **state)
{
    static const char table[] = SCRATCH "/table.json";
    static const char kept[] = SCRATCH "/tuned/tuning.json";
    struct pix_train_options o = tiny_options(DATA, SCRATCH "/tuned_straight");
    char *steps_file, other[] = SCRATCH "/other.json";
    (void)state;
    public_need_device();
    write_table(table, "simple");
    o.tuning = table;
    o.steps = 6;
    tiny_train(public_device, &o, UINT64_MAX);

    o.out = SCRATCH "/tuned";
    o.steps = 3;
    tiny_train(public_device, &o, UINT64_MAX);
    assert_true(test_remove_tree(table));    // the run has its own
    o.tuning = "auto";
    o.continue_run = true;
    o.steps = 4;
    tiny_train(public_device, &o, UINT64_MAX);
    o.tuning = NULL;
    o.steps = 6;
    tiny_train(public_device, &o, UINT64_MAX);
    tiny_check_same_checkpoint(SCRATCH "/tuned_straight", o.out, 6);

    // Not with a table that was altered, damaged or lost.
    o.tuning = "auto";
    o.steps = 8;
    void *data;
    size_t size;
    assert_true(file_read(kept, &data, &size));
    write_table(kept, "direct-8x32-8x4");
    tiny_check_refused(&o, "is not the table of kernels");
    tiny_write_text(kept, "{");
    tiny_check_refused(&o, "tuning.json cannot be used");
    assert_true(test_remove_tree(kept));
    tiny_check_refused(&o, "is not the table of kernels");
    assert_true(file_write(kept, data, size));
    mem_free(data);
    tiny_train(public_device, &o, 7);

    // But with another one that the user names, from then on.
    write_table(other, "direct-8x32-8x4");
    o.tuning = other;
    o.steps = 8;
    tiny_train(public_device, &o, UINT64_MAX);
    o.tuning = "auto";
    o.steps = 9;
    tiny_train(public_device, &o, UINT64_MAX);
    o.tuning = "off";
    o.steps = 10;
    tiny_train(public_device, &o, UINT64_MAX);
    o.tuning = "auto";    // which is off for this run now
    o.steps = 11;
    tiny_train(public_device, &o, UINT64_MAX);

    // Asked to measure, it says that it does not.
    public_open_again(note_kept, PIX_LOG_INFO);
    o.tuning = "on";
    o.steps = 12;
    tiny_train(public_device, &o, UINT64_MAX);
    public_open_again(public_keep_message, PIX_LOG_INFO);
    assert_true(is_kept);

    // A bad table is refused before there is a run.
    o = tiny_options(DATA, SCRATCH "/untuned");
    o.tuning = SCRATCH "/missing.json";
    tiny_check_refused(&o, "missing.json cannot be used");
    assert_false(file_exists(o.out));
    steps_file = checkpoint_path(SCRATCH "/tuned", 11);
    assert_true(file_exists(steps_file));
    mem_free(steps_file);
}

// The user's cache is read, and a run takes from it what concerns it.
static void test_tuning_cache(void **state)
{
    struct pix_train_options o = tiny_options(DATA, SCRATCH "/cached");
    struct tuning all = { 0 }, t = { 0 };
    char reason[256];
    (void)state;
    public_need_device();
    // Complete, so that nothing is measured.
    o.tuning = "off";
    o.steps = 1;
    struct gpu_device *gpu = gpu_device_create(&(struct gpu_device_options){
        .minimum_limits = test_is_set("PIX_TEST_MINIMUM_LIMITS") });
    struct op_limits limits = plan_op_limits(gpu);
    struct graph *g = graph_create(&limits);
    struct weights *weights[] = { weights_create(false), weights_create(false) };
    struct objective objective;
    const struct objective_options options = {
        .generator = { 5, o.ngf, 3, 3 },
        .discriminator = { 3, o.ndf },
        .batch = 1,
        .load_h = o.load_size.height,
        .load_w = o.load_size.width,
        .crop_h = o.crop_size.height,
        .crop_w = o.crop_size.width,
        .lambda_l1 = 100,
        .optimizer = { OPTIMIZER_ADAM, 0.5, 0.999, 1e-8, 0 },
    };
    assert_true(objective_build(g, weights[0], weights[1], &options, &objective));
    char *here = os_path_absolute(SCRATCH);
    assert_int_equal(setenv("XDG_CACHE_HOME", here, 1), 0);
    char *path = tuned_cache_path(gpu);
    assert_true(tuned_open(gpu, TUNING_AUTO, NULL, &all));
    assert_int_equal(all.count, 0);
    const struct conv_shapes *shapes = graph_products(g);
    assert_true(shapes->count > 20);
    for (size_t i = 0; i < shapes->count; i++) {
        char text[CONV_SHAPE_TEXT_SIZE];
        assert_true(tuning_set(&all, conv_shape_text(&shapes->items[i], text), "simple",
                               false));
    }
    assert_true(tuning_set(&all, "another network", "simple", false));
    assert_true(file_make_folder(SCRATCH "/pix2pix/tuning"));
    assert_true(tuning_write(path, &all));

    o.tuning = "auto";
    tiny_train(public_device, &o, UINT64_MAX);
    assert_true(tuning_read(SCRATCH "/cached/tuning.json", &t, reason, sizeof(reason)));
    assert_int_equal(t.count, shapes->count);
    assert_string_equal(t.device, all.device);
    assert_null(tuning_entry(&t, "another network"));
    // The same bits as a run for which that table is named.
    o.out = SCRATCH "/named";
    o.tuning = SCRATCH "/cached/tuning.json";
    tiny_train(public_device, &o, UINT64_MAX);
    tiny_check_same_checkpoint(SCRATCH "/cached", SCRATCH "/named", 1);

    mem_free(path);
    mem_free(here);
    tuning_finish(&t);
    tuning_finish(&all);
    graph_destroy(g);
    weights_destroy(weights[0]);
    weights_destroy(weights[1]);
    gpu_device_destroy(gpu);
    unsetenv("XDG_CACHE_HOME");
}

// Validations run by the table too: a generator for one image, and LPIPS.
static void test_validation(void **state)
{
    static const char table[] = SCRATCH "/judge.json";
    struct pix_train_options o = tiny_options(SCRATCH "/validated", SCRATCH "/judged");
    struct conv_shapes shapes = { 0 };
    struct tuning all = { 0 }, t = { 0 };
    struct settings settings;
    struct pix_plan plain, parts;
    char reason[256];
    (void)state;
    public_need_device();
    assert_true(file_make_folder(SCRATCH "/validated/train"));
    assert_true(file_make_folder(SCRATCH "/validated/val"));
    tiny_write_pair(SCRATCH "/validated/train", 0);
    tiny_write_pair(SCRATCH "/validated/train", 1);
    tiny_write_pair(SCRATCH "/validated/val", 2);
    lpips_weights_write(SCRATCH "/alex.pth", LPIPS_ALEX);
    o.batch_size = 2;
    o.steps = 1;
    o.val_freq = 1;
    o.val_metrics = "lpips";
    o.lpips = SCRATCH "/alex.pth";
    assert_true(settings_init(&settings, &o));
    assert_true(validation_add_shapes(&shapes, &op_limits_guaranteed, &settings));
    settings_finish(&settings);

    // A table that is named counts for both.
    assert_true(pix_train_plan(public_device, &o, &plain));
    assert_true(tuning_set(&t, "forward 1x3x32x32 -> 64 k11 s4 p2",
                           "shared-64x64x16-8x4-16p", false));
    assert_true(tuning_write(table, &t));
    tuning_finish(&t);
    o.tuning = table;
    assert_true(pix_train_plan(public_device, &o, &parts));
    assert_true(parts.lpips_bytes > plain.lpips_bytes);

    // So does the cache, of which the run keeps what concerns it.
    struct gpu_device *gpu = gpu_device_create(&(struct gpu_device_options){
        .minimum_limits = test_is_set("PIX_TEST_MINIMUM_LIMITS") });
    assert_true(file_make_folder(SCRATCH "/judge_cache/pix2pix/tuning"));
    char *here = os_path_absolute(SCRATCH "/judge_cache");
    assert_int_equal(setenv("XDG_CACHE_HOME", here, 1), 0);
    char *path = tuned_cache_path(gpu);
    assert_true(tuned_open(gpu, TUNING_AUTO, NULL, &all));
    for (size_t i = 0; i < shapes.count; i++) {
        char text[CONV_SHAPE_TEXT_SIZE];
        assert_true(
            tuning_set(&all, conv_shape_text(&shapes.items[i], text), "simple", false));
    }
    assert_true(tuning_write(path, &all));
    o.tuning = "auto";
    const struct pix_step_metrics m = tiny_train(public_device, &o, UINT64_MAX);
    assert_true(m.has_val && m.val[PIX_METRIC_LPIPS_ALEX] > 0);
    assert_true(tuning_read(SCRATCH "/judged/tuning.json", &t, reason, sizeof(reason)));
    assert_true(all.count > 5);
    for (size_t i = 0; i < all.count; i++) {
        const struct tuning_entry *e = tuning_entry(&t, all.entries[i].shape);
        assert_non_null(e);
        assert_string_equal(e->variant, "simple");
    }
    unsetenv("XDG_CACHE_HOME");
    mem_free(path);
    mem_free(here);
    tuning_finish(&t);
    tuning_finish(&all);
    conv_shapes_free(&shapes);
    gpu_device_destroy(gpu);
}

static int open_group(void **state)
{
    (void)state;
    tiny_open(SCRATCH);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tuning),
        cmocka_unit_test(test_tuning_cache),
        cmocka_unit_test(test_validation),
    };
    return cmocka_run_group_tests(tests, open_group, public_close);
}
