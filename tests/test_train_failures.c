// SPDX-License-Identifier: MIT
//
// Bad input and failures of runs end in a message and destroy nothing: images, options,
// memory, checkpoints, numbers that are not finite.

#define _XOPEN_SOURCE 700

#include "support/size.h"
#include "support/tiny.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/os.h"
#include "data/picture_file.h"
#include "store/checkpoint.h"
#include "store/checkpoint_folder.h"
#include "support/tree.h"

#define SCRATCH "test_train_failures.scratch"

static void test_broken_images(void **state)
{
    struct pix_train_options o = tiny_options(BROKEN, SCRATCH "/broken_run");
    (void)state;
    public_need_device();
    o.steps = 2;
    struct pix_step_metrics m = tiny_train(public_device, &o, UINT64_MAX);
    assert_int_equal(m.epoch, 1);    // two of the four images are there
    public_check_message("empty.png");
    public_check_message("noise.jpg");
    assert_null(strstr(public_messages, "1.png"));

    o.data = SCRATCH "/bad";
    o.out = SCRATCH "/none";
    tiny_check_refused(&o, "bad/train");
    o.data = SCRATCH "/empty";
    tiny_check_refused(&o, "empty/train");
    o.data = SCRATCH "/missing";
    tiny_check_refused(&o, "missing");
    o.data = DATA "/train";
    tiny_check_refused(&o, "is the folder of a split itself");
    assert_false(file_exists(SCRATCH "/none"));
}

static void test_refused_runs(void **state)
{
    struct pix_train_options o = tiny_options(DATA, tiny_straight());
    void *before, *after;
    size_t size_before, size_after;
    (void)state;
    public_need_device();
    char *config = file_join(o.out, "config.json");
    assert_true(file_read(config, &before, &size_before));
    tiny_check_refused(&o, "--continue");
    o.out = DATA "/train/0.png";
    tiny_check_refused(&o, "not a folder");
    o.out = DATA;
    tiny_check_refused(&o, "not a run");
    o.continue_run = true;
    tiny_check_refused(&o, "not a run");
    assert_false(pix_train_check(&o));

    o.out = tiny_straight();
    o.lr = 0.1;
    tiny_check_refused(&o, "--lr");
    o = tiny_options(DATA, tiny_straight());
    o.continue_run = true;
    o.no_flip = true;
    tiny_check_refused(&o, "--no-flip");
    o.continue_run = false;
    o.crop_size = SQUARE(33);
    tiny_check_refused(&o, "crop-size");
    o.crop_size = SQUARE(CROP);
    o.out = NULL;
    tiny_check_refused(&o, "--out");
    assert_true(file_read(config, &after, &size_after));
    assert_int_equal(size_before, size_after);
    assert_memory_equal(before, after, size_before);
    mem_free(before);
    mem_free(after);
    mem_free(config);

    // A folder that is there but empty is fine, also with what a killed start left.
    o = tiny_options(DATA, SCRATCH "/fresh");
    o.steps = 1;
    assert_true(file_make_folder(o.out));
    tiny_write_text(SCRATCH "/fresh/.pix2pix-1-1.tmp", "{");
    tiny_write_text(SCRATCH "/fresh/lock", "");
    assert_true(pix_train_check(&o));
    tiny_train(public_device, &o, UINT64_MAX);
    assert_false(file_exists(SCRATCH "/fresh/.pix2pix-1-1.tmp"));
}

static void test_no_memory(void **state)
{
    struct pix_train_options o = tiny_options(DATA, SCRATCH "/large");
    struct pix_plan plan;
    (void)state;
    public_need_device();
    o.crop_size = SQUARE(4096);
    o.load_size = SQUARE(4096);
    o.batch_size = 4096;
    tiny_check_refused(&o, "smaller");

    // The first batch that the device could address but not hold, if there is one.
    uint64_t memory = pix_device_get_info(public_device)->memory_bytes;
    o.crop_size = SQUARE(256);
    o.load_size = SQUARE(256);
    o.ngf = 8;
    o.ndf = 8;
    for (o.batch_size = 1; o.batch_size <= 4096; o.batch_size *= 2) {
        if (!pix_train_plan(public_device, &o, &plan))
            break;
        if (plan.device_bytes > memory) {
            tiny_check_refused(&o, "lower --batch-size");
            public_check_message(pix_device_get_info(public_device)->name);
            break;
        }
    }
    assert_false(file_exists(o.out));
}

static void damage(const char *run, uint64_t step)
{
    char *path = checkpoint_path(run, step);
    assert_true(test_resize_file(path, 5000));
    mem_free(path);
}

static void test_damaged_checkpoints(void **state)
{
    struct pix_train_options o = tiny_options(DATA, SCRATCH "/damaged");
    char before[1024];
    (void)state;
    public_need_device();
    o.save_freq = 2;
    tiny_train(public_device, &o, 6);
    damage(o.out, 6);
    // What was set aside before is not replaced.
    char *path = checkpoint_path(o.out, 6), *aside = mem_printf("%s.unreadable", path);
    tiny_write_text(aside, "mine");
    o.continue_run = true;
    o.keep = 1;
    snprintf(before, sizeof(before), "%s", pix_last_error());
    tiny_train(public_device, &o, 8);
    public_check_message("cut short");
    public_check_message("is now step-00000006.safetensors.unreadable-2");
    void *text;
    size_t size;
    assert_true(file_read(aside, &text, &size));
    assert_string_equal(text, "mine");
    mem_free(text);
    mem_free(aside);
    mem_free(path);
    assert_true(tiny_has_checkpoint(o.out, 8));
    assert_string_equal(pix_last_error(), before);    // what was put right is no error

    damage(o.out, 8);
    tiny_check_refused(&o, "none of 1 checkpoint in ");
    assert_true(tiny_has_checkpoint(o.out, 8));
    tiny_check_metrics(o.out, 1, 8);

    struct pix_translate_options t;
    pix_translate_options_init(&t);
    t.tuning = "off";
    t.model = o.out;
    public_messages[0] = '\0';
    assert_null(pix_translator_create(public_device, &t));
    public_check_message("cut short");
}

// The newest checkpoint cannot be reached: it is on a disk that is not there, behind a
// link. It stays what it is, and no older one takes its place.
static void test_unreachable_checkpoint(void **state)
{
    static const char away[] = SCRATCH "/away", moved[] = SCRATCH "/unreached/moved";
    struct pix_train_options o = tiny_options(DATA, SCRATCH "/unreached");
    (void)state;
    public_need_device();
    o.save_freq = 2;
    o.keep = 9;
    tiny_train(public_device, &o, 6);
    char *path = checkpoint_path(o.out, 6), *folder = checkpoint_folder(o.out);
    assert_true(os_file_rename(path, away));
    assert_int_equal(symlink("nowhere/file", path), 0);
    o.continue_run = true;
    tiny_check_refused(&o, "is a symbolic link, which is not followed");
    assert_non_null(strstr(public_messages, path));
    tiny_check_metrics(o.out, 1, 6);

    // Nor does a run begin again where the folder itself cannot be looked at.
    assert_true(os_file_rename(folder, moved));
    assert_int_equal(symlink("nowhere/folder", folder), 0);
    tiny_check_refused(&o, "that leads to no folder");
    assert_null(strstr(public_messages, "from the beginning"));
    assert_true(os_file_remove(folder));
    assert_true(os_file_rename(moved, folder));

    assert_true(os_file_remove(path));
    assert_true(os_file_rename(away, path));
    public_messages[0] = '\0';
    struct pix_step_metrics m;
    pix_trainer *trainer = pix_trainer_create(public_device, &o);
    assert_non_null(trainer);
    assert_int_equal(pix_trainer_step(trainer, &m), PIX_STEP_DONE);
    assert_int_equal(m.step, 7);
    pix_trainer_destroy(trainer);
    assert_null(strstr(public_messages, "unreadable"));
    tiny_check_metrics(o.out, 1, 7);
    mem_free(folder);
    mem_free(path);
}

#define PAIRS_OF_FLOATS 3

// Pairs of float arrays, in the order of their names, of which the last input (side 0)
// or target is full of one value.
static void make_extreme(const char *data, uint32_t extreme_side, float extreme)
{
    static const char *const sides[] = { "A", "B" };
    for (uint32_t n = 0; n < PAIRS_OF_FLOATS; n++)
        for (uint32_t side = 0; side < 2; side++) {
            struct pix_array a = { PIX_KIND_F32, 3, CROP, CROP, NULL };
            char *folder = mem_printf("%s/train/%s", data, sides[side]);
            char *path = mem_printf("%s/%u.npy", folder, (unsigned)n);
            float *values = mem_array(3 * CROP * CROP, sizeof(*values));
            for (uint32_t i = 0; i < 3 * CROP * CROP; i++)
                values[i] = side == extreme_side && n == 2
                                ? extreme
                                : (float)((i * (n + 2) + side) % 17) / 16 - 0.5f;
            a.data = values;
            assert_true(file_make_folder(folder));
            assert_true(pix_array_write(path, &a));
            mem_free(values);
            mem_free(path);
            mem_free(folder);
        }
}

static struct pix_train_options extreme_options(const char *data, const char *out)
{
    struct pix_train_options o = tiny_options(data, out);
    o.load_size = SQUARE(CROP);
    o.serial_batches = true;
    o.save_freq = 1;
    o.steps = 6;
    o.keep = 1;
    return o;
}

// Trains until the run ends or a step fails; the last step that was done here, 0: none.
static uint64_t train_until_failure(const struct pix_train_options *o)
{
    struct pix_step_metrics m;
    uint64_t done = 0;
    public_messages[0] = '\0';
    pix_trainer *trainer = pix_trainer_create(public_device, o);
    if (!trainer)
        fail_msg("%s", public_messages);
    enum pix_step_result result;
    while ((result = pix_trainer_step(trainer, &m)) == PIX_STEP_DONE)
        done = m.step;
    if (result == PIX_STEP_FAILED)
        assert_false(pix_trainer_save(trainer));
    pix_trainer_destroy(trainer);
    return done;
}

// The third target makes the losses of its step overflow. The run stops there and has
// the checkpoint before.
static void test_losses_not_finite(void **state)
{
    static const char data[] = SCRATCH "/extreme";
    struct pix_train_options o = extreme_options(data, SCRATCH "/nan");
    void *text;
    size_t size;
    (void)state;
    public_need_device();
    make_extreme(data, 1, 3e38f);
    for (int i = 0; i < 2; i++) {    // begun, and continued: it is the same step
        assert_int_equal(train_until_failure(&o), i == 0 ? 2 : 0);
        public_check_message(
            "is not finite in step 3, nor is after it tensor D.model.");
        public_check_message("2.npy");
        public_check_message("step-00000002");
        public_check_message("--on-nan continue");
        assert_true(tiny_has_checkpoint(o.out, 2));
        assert_false(tiny_has_checkpoint(o.out, 3));
        tiny_check_metrics(o.out, 1, 2);
        o.continue_run = true;
    }

    // As told, the run goes on and keeps what was good.
    o.on_nan = "continue";
    assert_int_equal(train_until_failure(&o), 6);
    const char *first = strstr(public_messages, "is not finite in step 3");
    assert_non_null(first);
    assert_null(strstr(first + 1, "is not finite in step"));
    assert_true(file_read(SCRATCH "/nan/metrics.jsonl", &text, &size));
    assert_non_null(strstr(text, ": null"));
    mem_free(text);
    assert_true(tiny_has_checkpoint(o.out, 2));
    assert_false(tiny_has_checkpoint(o.out, 5));
    assert_true(tiny_has_checkpoint(o.out, 6));
    o.steps = 8;
    assert_int_equal(train_until_failure(&o), 8);
    public_check_message("goes on with them");
    assert_true(tiny_has_checkpoint(o.out, 2));
    assert_false(tiny_has_checkpoint(o.out, 6));

    // Told otherwise again, it goes back to that.
    o.on_nan = "stop";
    assert_int_equal(train_until_failure(&o), 0);
    public_check_message("numbers that are not finite");
    public_check_message("step-00000008.safetensors.not-finite");
    public_check_message("is not finite in step 3");
    assert_true(tiny_has_checkpoint(o.out, 2));
}

// The losses stay finite, but the square of a gradient does not. No checkpoint is due
// after that step, which finds it all the same.
static void test_moments_not_finite(void **state)
{
    static const char data[] = SCRATCH "/large_moment";
    // A path that is in a message three times.
    char *out = mem_printf(SCRATCH "/%0200d", 1);
    struct pix_train_options o = extreme_options(data, out);
    (void)state;
    public_need_device();
    make_extreme(data, 1, 1e16f);
    o.gan_mode = "lsgan";
    o.norm = "none";
    o.save_freq = 2;
    assert_int_equal(train_until_failure(&o), 2);
    public_check_message("after step 3 tensor D.model.");
    public_check_message("2.npy");
    public_check_message("step-00000002");
    public_check_message("--on-nan continue trains on all the same");
    assert_true(tiny_has_checkpoint(o.out, 2));
    assert_false(tiny_has_checkpoint(o.out, 3));
    mem_free(out);
}

// A rate that is too high: losses and weights grow until they overflow, in the first
// steps and with no checkpoint for long.
static void test_weights_not_finite(void **state)
{
    static const char data[] = SCRATCH "/large_rate";
    struct pix_train_options o = extreme_options(data, SCRATCH "/rate");
    (void)state;
    public_need_device();
    make_extreme(data, 1, 0.5f);
    o.optimizer = "sgd";
    o.gan_mode = "lsgan";
    o.norm = "none";
    o.lr = 10;
    o.save_freq = 1000;
    o.steps = 20;
    assert_true(train_until_failure(&o) < 10);
    public_check_message("not finite");
    public_check_message(" tensor D.model.");
    public_check_message("there is no checkpoint yet");
}

// The targets become black images of 8 bits.
static void make_black(const char *data)
{
    for (unsigned n = 0; n < PAIRS_OF_FLOATS; n++) {
        struct picture p;
        char *before = mem_printf("%s/train/B/%u.npy", data, n),
             *path = mem_printf("%s/train/B/%u.png", data, n);
        assert_true(picture_create(&p, PIXEL_U8, 3, CROP, CROP));
        assert_true(picture_write(path, &p) && os_file_remove(before));
        picture_free(&p);
        mem_free(path);
        mem_free(before);
    }
}

// Numbers that are not finite come after the best validation, which stays what it was;
// the run ends when its patience does. Black is what a NaN becomes in 8 bits: such a
// model would be perfect.
static void check_best_stays(const char *data, const char *run, bool is_black)
{
    struct pix_train_options o = extreme_options(data, run);
    const uint32_t side = is_black ? 0 : 1;
    struct pix_step_metrics m;
    char *train = file_join(data, "train"), *val = file_join(data, "val");
    for (int i = 0; i < 2; i++) {
        make_extreme(data, side, 0.5f);
        if (is_black)
            make_black(data);
        if (i == 0)
            assert_true(os_file_rename(train, val));
    }
    mem_free(val);
    mem_free(train);
    o.best = "psnr";
    o.patience = 4;
    o.on_nan = "continue";
    o.steps = PAIRS_OF_FLOATS;
    m = tiny_train(public_device, &o, UINT64_MAX);
    assert_true(m.has_val && m.is_best && m.val[PIX_METRIC_PSNR] > 0);

    // From the second epoch on there is an image that no weight survives.
    make_extreme(data, side, 3e38f);
    if (is_black)
        make_black(data);
    o.continue_run = true;
    o.steps = 100;
    public_messages[0] = '\0';
    pix_trainer *trainer = pix_trainer_create(public_device, &o);
    assert_non_null(trainer);
    while (pix_trainer_step(trainer, &m) == PIX_STEP_DONE)
        if (m.has_val) {
            assert_false(m.is_best);
            assert_int_equal(isnan(m.val[PIX_METRIC_L1]) != 0, !is_black);
            assert_int_equal(isnan(m.val[PIX_METRIC_PSNR]) != 0, !is_black);
            assert_int_equal(m.val_metrics, 1 << PIX_METRIC_L1 | 1 << PIX_METRIC_PSNR);
        }
    pix_trainer_destroy(trainer);
    assert_int_equal(m.step, (1 + 4) * PAIRS_OF_FLOATS);
    const char *first =
        strstr(public_messages, "3 of 3 outputs of the validation have");
    assert_int_equal(first != NULL, !is_black);
    assert_null(first ? strstr(first + 1, "3 of 3 outputs of") : NULL);

    char *best = checkpoint_best_path(run);
    struct checkpoint *c = checkpoint_open(best);
    bool is_finite = false;
    assert_non_null(c);
    assert_int_equal(checkpoint_get_state(c)->step, PAIRS_OF_FLOATS);
    assert_true(checkpoint_find_finite(c, &is_finite) && is_finite);
    checkpoint_close(c);
    mem_free(best);
}

static void test_best_not_finite(void **state)
{
    (void)state;
    public_need_device();
    check_best_stays(SCRATCH "/judged", SCRATCH "/judged_run", false);
    check_best_stays(SCRATCH "/black", SCRATCH "/black_run", true);
}

// More pairs than are kept in memory; the last one goes while the run is under way. It
// is asked for while the step before it is under way, and that step is kept.
static void test_vanished_image(void **state)
{
    enum { FILES = 86 };    // 85 pairs of this size are kept
    static const char data[] = SCRATCH "/many";
    struct pix_train_options o = tiny_options(data, SCRATCH "/vanished");
    struct pix_step_metrics m;
    void *bytes;
    size_t size;
    (void)state;
    public_need_device();
    assert_true(file_make_folder(SCRATCH "/many/train"));
    assert_true(file_read(DATA "/train/1.png", &bytes, &size));
    for (int i = 0; i < FILES; i++) {
        char *path = mem_printf("%s/train/%02d.png", data, i);
        assert_true(file_write(path, bytes, size));
        mem_free(path);
    }
    o.load_size = SQUARE(1024);
    o.resize_filter = "bilinear";    // the fastest
    o.steps = FILES + 1;
    o.serial_batches = true;
    o.threads = 1;
    pix_trainer *trainer = pix_trainer_create(public_device, &o);
    assert_non_null(trainer);
    assert_int_equal(pix_trainer_step(trainer, &m), PIX_STEP_DONE);
    assert_true(test_remove_tree(SCRATCH "/many/train/85.png"));
    for (uint64_t i = 2; i < FILES; i++) {
        assert_int_equal(pix_trainer_step(trainer, &m), PIX_STEP_DONE);
        assert_string_equal(public_messages, "");
    }
    assert_int_equal(pix_trainer_step(trainer, &m), PIX_STEP_FAILED);
    assert_int_equal(m.step, FILES - 1);
    public_check_message("85.png is no longer readable");
    assert_null(strstr(strstr(public_messages, "85.png") + 1, "85.png"));    // once
    assert_true(tiny_has_checkpoint(o.out, FILES - 1));
    pix_trainer_destroy(trainer);

    // It comes back, and the run goes on.
    assert_true(file_write(SCRATCH "/many/train/85.png", bytes, size));
    mem_free(bytes);
    o.continue_run = true;
    assert_int_equal(tiny_train(public_device, &o, UINT64_MAX).step, o.steps);
    tiny_check_metrics(o.out, 1, o.steps);
    assert_true(test_remove_tree(data));
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
        cmocka_unit_test(test_broken_images),
        cmocka_unit_test(test_refused_runs),
        cmocka_unit_test(test_no_memory),
        cmocka_unit_test(test_damaged_checkpoints),
        cmocka_unit_test(test_unreachable_checkpoint),
        cmocka_unit_test(test_losses_not_finite),
        cmocka_unit_test(test_moments_not_finite),
        cmocka_unit_test(test_weights_not_finite),
        cmocka_unit_test(test_best_not_finite),
        cmocka_unit_test(test_vanished_image),
    };
    return cmocka_run_group_tests(tests, open_group, public_close);
}
