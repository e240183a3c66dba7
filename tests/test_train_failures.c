// SPDX-License-Identifier: MIT
//
// Bad input and failures of runs end in a message and destroy nothing: images, options,
// memory, checkpoints, numbers that are not finite, a full disk.

#define _XOPEN_SOURCE 700

#include "support/tiny.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/os.h"
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
    tiny_check_refused(&o, "no folder train");
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
    o.crop_size = 33;
    tiny_check_refused(&o, "crop-size");
    o.crop_size = CROP;
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
    o.crop_size = 4096;
    o.load_size = 4096;
    o.batch_size = 4096;
    tiny_check_refused(&o, "smaller");

    // The first batch that the device could address but not hold, if there is one.
    uint64_t memory = pix_device_get_info(public_device)->memory_bytes;
    o.crop_size = 256;
    o.load_size = 256;
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
    assert_true(os_file_truncate(path, 5000));
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
    o.continue_run = true;
    o.keep = 1;
    snprintf(before, sizeof(before), "%s", pix_last_error());
    tiny_train(public_device, &o, 8);
    public_check_message("cut short");
    public_check_message("unreadable");
    assert_true(tiny_has_checkpoint(o.out, 8));
    assert_string_equal(pix_last_error(), before);    // what was put right is no error

    damage(o.out, 8);
    tiny_check_refused(&o, "none of the 1 checkpoints");
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
    tiny_check_refused(&o, "could not be read this time");
    assert_non_null(strstr(public_messages, path));
    tiny_check_metrics(o.out, 1, 6);

    // Nor does a run begin again where the folder itself cannot be looked at.
    assert_true(os_file_rename(folder, moved));
    assert_int_equal(symlink("nowhere/folder", folder), 0);
    tiny_check_refused(&o, "cannot list");
    assert_null(strstr(public_messages, "from the beginning"));
    assert_true(os_file_remove(folder));
    assert_true(os_file_rename(moved, folder));

    assert_true(os_file_remove(path));
    assert_true(os_file_rename(away, path));
    public_messages[0] = '\0';
    tiny_train(public_device, &o, 7);
    public_check_message("resuming from");
    public_check_message("step-00000006");
    assert_null(strstr(public_messages, "unreadable"));
    tiny_check_metrics(o.out, 1, 7);
    mem_free(folder);
    mem_free(path);
}

// The last moment in the file becomes NaN, then a weight of D, then its losses.
static void test_not_finite(void **state)
{
    struct pix_train_options o = tiny_options(DATA, SCRATCH "/nan");
    void *data;
    size_t size;
    (void)state;
    public_need_device();
    o.steps = 2;
    tiny_train(public_device, &o, UINT64_MAX);
    char *path = checkpoint_path(o.out, 2);
    assert_true(file_read(path, &data, &size));
    memset((char *)data + size - 4, 0xff, 4);
    assert_true(file_write(path, data, size));
    mem_free(data);
    mem_free(path);

    o.continue_run = true;
    o.steps = 6;
    struct pix_step_metrics m = tiny_train(public_device, &o, UINT64_MAX);
    assert_int_equal(m.step, 6);
    const char *first = strstr(public_messages, "is not finite in step 3");
    assert_non_null(first);
    assert_null(strstr(first + 1, "is not finite"));
    assert_true(file_read(SCRATCH "/nan/metrics.jsonl", &data, &size));
    assert_non_null(strstr(data, "\"loss_d_real\": null"));
    mem_free(data);
}

// More pairs than are kept in memory; the last one goes while the run is under way.
static void test_vanished_image(void **state)
{
    enum { FILES = 86, BATCH = 10 };    // 85 pairs of this size are kept
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
    o.load_size = 1024;
    o.batch_size = BATCH;
    o.serial_batches = true;
    o.threads = 1;
    pix_trainer *trainer = pix_trainer_create(public_device, &o);
    assert_non_null(trainer);
    assert_int_equal(pix_trainer_step(trainer, &m), PIX_STEP_DONE);
    assert_true(test_remove_tree(SCRATCH "/many/train/85.png"));
    while (pix_trainer_step(trainer, &m) == PIX_STEP_DONE)
        ;
    assert_int_equal(m.step, FILES / BATCH);
    public_check_message("85.png");
    assert_true(tiny_has_checkpoint(o.out, FILES / BATCH));
    pix_trainer_destroy(trainer);

    // It comes back, and the run goes on.
    assert_true(file_write(SCRATCH "/many/train/85.png", bytes, size));
    mem_free(bytes);
    o.continue_run = true;
    o.steps = FILES / BATCH + 1;
    assert_int_equal(tiny_train(public_device, &o, UINT64_MAX).step, o.steps);
    tiny_check_metrics(o.out, 1, o.steps);
    assert_true(test_remove_tree(data));
}

// Nothing more may be written to the file of metrics; what the disk then holds has no
// checkpoint that is ahead of it.
static void test_failed_metrics(void **state)
{
    struct pix_train_options o = tiny_options(DATA, SCRATCH "/unlogged");
    struct pix_step_metrics m;
    struct rlimit all, none;
    (void)state;
    public_need_device();
    pix_trainer *trainer = pix_trainer_create(public_device, &o);
    assert_non_null(trainer);
    assert_int_equal(pix_trainer_step(trainer, &m), PIX_STEP_DONE);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &all), 0);
    void (*before)(int) = signal(SIGXFSZ, SIG_IGN);
    none = (struct rlimit){ 1, all.rlim_max };
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
    enum pix_step_result result = pix_trainer_step(trainer, &m);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &all), 0);
    signal(SIGXFSZ, before);
    assert_int_equal(result, PIX_STEP_FAILED);
    public_check_message("metrics.jsonl");
    assert_false(pix_trainer_save(trainer));
    assert_false(tiny_has_checkpoint(o.out, 2));
    pix_trainer_destroy(trainer);
    o.continue_run = true;
    tiny_train(public_device, &o, UINT64_MAX);
    tiny_check_metrics(o.out, 1, STEPS);
}

// A folder stands where the file would be.
static void test_failed_checkpoint(void **state)
{
    struct pix_train_options o = tiny_options(DATA, SCRATCH "/full");
    struct pix_step_metrics m;
    (void)state;
    public_need_device();
    o.save_freq = 2;
    pix_trainer *trainer = pix_trainer_create(public_device, &o);
    assert_non_null(trainer);
    assert_true(
        file_make_folder(SCRATCH "/full/checkpoints/step-00000004.safetensors"));
    for (int i = 0; i < 3; i++)
        assert_int_equal(pix_trainer_step(trainer, &m), PIX_STEP_DONE);
    assert_int_equal(pix_trainer_step(trainer, &m), PIX_STEP_FAILED);
    public_check_message("step-00000004");
    assert_int_equal(pix_trainer_step(trainer, &m), PIX_STEP_FAILED);

    // What was trained is not lost once there is room.
    assert_true(
        test_remove_tree(SCRATCH "/full/checkpoints/step-00000004.safetensors"));
    assert_true(tiny_has_checkpoint(o.out, 2));
    assert_true(pix_trainer_save(trainer));
    pix_trainer_destroy(trainer);
    o.continue_run = true;
    tiny_train(public_device, &o, UINT64_MAX);
    tiny_check_same_checkpoint(tiny_straight(), o.out, STEPS);
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
        cmocka_unit_test(test_not_finite),
        cmocka_unit_test(test_vanished_image),
        cmocka_unit_test(test_failed_metrics),
        cmocka_unit_test(test_failed_checkpoint),
    };
    return cmocka_run_group_tests(tests, open_group, public_close);
}
