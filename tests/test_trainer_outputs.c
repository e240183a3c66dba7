// SPDX-License-Identifier: MIT
//
// A run goes on where something cannot be written, a full disk or a folder that was
// removed, and loses nothing that memory holds.

#define _XOPEN_SOURCE 700

#include "support/tiny.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/os.h"
#include "store/checkpoint_folder.h"
#include "support/tree.h"

#define SCRATCH "test_trainer_outputs.scratch"

// How often a text is in the messages.
static int count_messages(const char *text)
{
    int count = 0;
    for (const char *at = public_messages; (at = strstr(at, text)); at++)
        count++;
    return count;
}

// As on a full disk, files may not grow beyond `bytes`; 0: any size.
static void limit_files(uint64_t bytes)
{
    static struct rlimit all;
    static void (*before)(int);
    if (bytes > 0) {
        assert_int_equal(getrlimit(RLIMIT_FSIZE, &all), 0);
        before = signal(SIGXFSZ, SIG_IGN);
        const struct rlimit few = { bytes, all.rlim_max };
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &few), 0);
    } else {
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &all), 0);
        signal(SIGXFSZ, before);
    }
}

static void take_steps(pix_trainer *trainer, uint64_t count)
{
    struct pix_step_metrics m;
    for (uint64_t i = 0; i < count; i++)
        if (pix_trainer_step(trainer, &m) != PIX_STEP_DONE)
            fail_msg("%s", public_messages);
}

static bool is_no_temporary(void *user, const char *name)
{
    bool *clean = user;
    *clean = *clean && !file_is_temporary(name);
    return true;
}

static void check_no_temporaries(const char *run)
{
    static const char *const folders[] = { ".", "samples", "checkpoints" };
    for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
        bool clean = true;
        char *path = file_join(run, folders[i]);
        assert_true(os_folder_list(path, is_no_temporary, &clean));
        if (!clean)
            fail_msg("a temporary file is left in %s", path);
        mem_free(path);
    }
}

// The file of metrics cannot grow, nor can a checkpoint be written. The run goes on,
// and nothing is lost when there is room again. The grids are small enough.
static void test_full_disk(void **state)
{
    struct pix_train_options o = tiny_options(DATA, SCRATCH "/full");
    (void)state;
    public_need_device();
    o.save_freq = 3;
    public_messages[0] = '\0';
    pix_trainer *trainer = pix_trainer_create(public_device, &o);
    assert_non_null(trainer);
    take_steps(trainer, 4);
    limit_files(1);
    take_steps(trainer, 6);
    assert_false(pix_trainer_save(trainer));
    limit_files(0);
    assert_int_equal(count_messages("without its metrics"), 1);
    assert_int_equal(count_messages("is not saved, and the run goes on"), 1);
    public_check_message("tried again after step 9");
    public_check_message(" bytes needed, ");
    public_check_message(" free)");
    check_no_temporaries(o.out);
    assert_true(tiny_has_checkpoint(o.out, 3));
    assert_false(tiny_has_checkpoint(o.out, 9));
    tiny_check_metrics(o.out, 1, 4);

    take_steps(trainer, STEPS - 10);
    assert_true(tiny_has_checkpoint(o.out, 15));
    pix_trainer_destroy(trainer);
    tiny_check_metrics(o.out, 1, STEPS);
    tiny_check_same_checkpoint(tiny_straight(), o.out, STEPS);
    check_no_temporaries(o.out);
}

// A checkpoint that is ahead of its metrics is better than none. The run that ends
// before they could be written says so.
static void test_lost_metrics(void **state)
{
    static const char metrics[] = SCRATCH "/unlogged/metrics.jsonl";
    struct pix_train_options o = tiny_options(DATA, SCRATCH "/unlogged");
    (void)state;
    public_need_device();
    o.save_freq = 3;
    pix_trainer *trainer = pix_trainer_create(public_device, &o);
    assert_non_null(trainer);
    take_steps(trainer, 1);
    assert_true(os_file_remove(metrics));
    assert_true(file_make_folder(metrics));
    take_steps(trainer, 3);
    assert_true(tiny_has_checkpoint(o.out, 3));
    public_messages[0] = '\0';
    pix_trainer_destroy(trainer);
    public_check_message("3 lines of metrics could not be written");
    assert_true(test_remove_tree(metrics));
    o.continue_run = true;
    tiny_train(public_device, &o, UINT64_MAX);
    tiny_check_metrics(o.out, 4, STEPS);
    tiny_check_same_checkpoint(tiny_straight(), o.out, STEPS);

    o = tiny_options(DATA, SCRATCH "/unlogged_one");
    trainer = pix_trainer_create(public_device, &o);
    assert_non_null(trainer);
    assert_true(os_file_remove(SCRATCH "/unlogged_one/metrics.jsonl"));
    assert_true(file_make_folder(SCRATCH "/unlogged_one/metrics.jsonl"));
    take_steps(trainer, 1);
    pix_trainer_destroy(trainer);
    public_check_message("1 line of metrics could not be written");
}

// A folder stands where a checkpoint would be.
static void test_failed_checkpoint(void **state)
{
    static const char there[] =
        SCRATCH "/blocked/checkpoints/step-00000004.safetensors";
    struct pix_train_options o = tiny_options(DATA, SCRATCH "/blocked");
    (void)state;
    public_need_device();
    o.save_freq = 4;
    o.sample_freq = 6;
    public_messages[0] = '\0';
    pix_trainer *trainer = pix_trainer_create(public_device, &o);
    assert_non_null(trainer);
    assert_true(file_make_folder(there));
    take_steps(trainer, 4);
    public_check_message("step-00000004");
    public_check_message("tried again after step 6");
    take_steps(trainer, 2);    // with the grids
    assert_true(tiny_has_checkpoint(o.out, 6));
    take_steps(trainer, STEPS - 6);
    assert_false(tiny_has_checkpoint(o.out, 18));
    pix_trainer_destroy(trainer);
    tiny_check_same_checkpoint(tiny_straight(), o.out, STEPS);
}

// The last state cannot be written: that is an error, after which it can still be
// saved.
static void test_failed_end(void **state)
{
    static const char folder[] = SCRATCH "/unsaved/checkpoints";
    struct pix_train_options o = tiny_options(DATA, SCRATCH "/unsaved");
    struct pix_step_metrics m;
    (void)state;
    public_need_device();
    o.save_freq = 10;
    pix_trainer *trainer = pix_trainer_create(public_device, &o);
    assert_non_null(trainer);
    assert_true(test_remove_tree(folder));
    tiny_write_text(folder, "");
    take_steps(trainer, STEPS - 1);
    public_messages[0] = '\0';
    assert_int_equal(pix_trainer_step(trainer, &m), PIX_STEP_FAILED);
    public_check_message("the last state of the run could not be saved");
    public_check_message(folder);
    assert_false(pix_trainer_save(trainer));
    assert_true(os_file_remove(folder));
    assert_true(pix_trainer_save(trainer));
    pix_trainer_destroy(trainer);
    tiny_check_same_checkpoint(tiny_straight(), o.out, STEPS);
    tiny_check_metrics(o.out, 1, STEPS);
}

// Folders, then the whole run, are removed while it is under way.
static void test_removed_folders(void **state)
{
    struct pix_train_options o = tiny_options(DATA, SCRATCH "/removed");
    (void)state;
    public_need_device();
    o.save_freq = 4;
    o.sample_freq = 2;
    pix_trainer *trainer = pix_trainer_create(public_device, &o);
    assert_non_null(trainer);
    take_steps(trainer, 5);
    assert_true(test_remove_tree(SCRATCH "/removed/checkpoints"));
    assert_true(test_remove_tree(SCRATCH "/removed/samples"));
    assert_true(os_file_remove(SCRATCH "/removed/metrics.jsonl"));
    public_messages[0] = '\0';
    take_steps(trainer, 3);
    public_check_message("metrics.jsonl was removed");
    assert_true(tiny_has_checkpoint(o.out, 8));
    assert_true(file_exists(SCRATCH "/removed/samples/step-00000006.png"));
    tiny_check_metrics(o.out, 6, 8);
    // A checkpoint that is gone is written again.
    assert_true(test_remove_tree(SCRATCH "/removed/checkpoints"));
    assert_true(pix_trainer_save(trainer));

    assert_true(test_remove_tree(o.out));
    take_steps(trainer, 3);
    assert_int_equal(count_messages("without what it held"), 1);
    assert_true(pix_trainer_save(trainer));
    o.continue_run = true;
    tiny_check_refused(&o, "already being trained");
    pix_trainer_destroy(trainer);
    tiny_train(public_device, &o, UINT64_MAX);
    tiny_check_metrics(o.out, 9, STEPS);
    tiny_check_same_checkpoint(tiny_straight(), o.out, STEPS);
}

// Another process removes the run and begins its own there: nothing is written in it,
// whether it still trains or not. Moved away, the run makes its folder again.
static void test_replaced_folder(void **state)
{
    struct pix_train_options o = tiny_options(DATA, SCRATCH "/replaced");
    (void)state;
    public_need_device();
    o.save_freq = 2;
    pix_trainer *trainer = pix_trainer_create(public_device, &o);
    assert_non_null(trainer);
    take_steps(trainer, 3);
    assert_true(test_remove_tree(o.out));
    struct pix_train_options other_options = o;
    other_options.seed++;
    other_options.keep = 9;
    pix_trainer *other = pix_trainer_create(public_device, &other_options);
    assert_non_null(other);
    take_steps(other, 1);
    public_messages[0] = '\0';
    take_steps(trainer, 2);
    // Metrics, a checkpoint, what the report is made of.
    assert_int_equal(count_messages("another process has the folder now"), 3);
    assert_false(tiny_has_checkpoint(o.out, 4));
    take_steps(other, 2);
    pix_trainer_destroy(other);
    take_steps(trainer, 2);
    assert_false(tiny_has_checkpoint(o.out, 6));
    assert_true(tiny_has_checkpoint(o.out, 2));
    tiny_check_metrics(o.out, 1, 3);
    assert_true(os_file_rename(o.out, SCRATCH "/moved"));
    take_steps(trainer, STEPS - 7);
    pix_trainer_destroy(trainer);
    tiny_check_metrics(o.out, 4, STEPS);
    tiny_check_same_checkpoint(tiny_straight(), o.out, STEPS);
}

// A file stands where the folder of grids would be: one warning for the whole run.
static void test_failed_samples(void **state)
{
    static const char folder[] = SCRATCH "/no_grids/samples";
    struct pix_train_options o = tiny_options(DATA, SCRATCH "/no_grids");
    (void)state;
    public_need_device();
    o.sample_freq = 2;
    pix_trainer *trainer = pix_trainer_create(public_device, &o);
    assert_non_null(trainer);
    assert_true(test_remove_tree(folder));
    tiny_write_text(folder, "");
    public_messages[0] = '\0';
    take_steps(trainer, 6);
    assert_int_equal(count_messages("there is no sample grid"), 1);
    assert_true(os_file_remove(folder));
    take_steps(trainer, STEPS - 6);
    pix_trainer_destroy(trainer);
    assert_true(file_exists(SCRATCH "/no_grids/samples/step-00000008.png"));
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
        cmocka_unit_test(test_full_disk),
        cmocka_unit_test(test_lost_metrics),
        cmocka_unit_test(test_failed_checkpoint),
        cmocka_unit_test(test_failed_end),
        cmocka_unit_test(test_removed_folders),
        cmocka_unit_test(test_replaced_folder),
        cmocka_unit_test(test_failed_samples),
    };
    return cmocka_run_group_tests(tests, open_group, public_close);
}
