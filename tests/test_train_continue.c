// SPDX-License-Identifier: MIT
//
// Runs that are stopped or killed at any time and resume with the same bits, and what
// is in their way: locks, data that moved, checkpoints that are not theirs.

#define _XOPEN_SOURCE 700

#include "support/tiny.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/os.h"
#include "store/checkpoint_folder.h"
#include "support/tree.h"

#define SCRATCH "test_train_continue.scratch"

static const char *program;    // this executable

static void test_stop_and_continue(void **state)
{
    struct pix_train_options o = tiny_options(DATA, SCRATCH "/stopped");
    (void)state;
    public_need_device();
    o.save_freq = 4;
    o.steps = 9;    // with a checkpoint at 9
    tiny_train(public_device, &o, UINT64_MAX);
    assert_true(tiny_has_checkpoint(o.out, 9));

    // Stopped at 14 without one, and with a line that was cut short.
    o.continue_run = true;
    o.steps = 17;
    tiny_train(public_device, &o, 14);
    tiny_check_metrics(o.out, 1, 14);
    FILE *stream = fopen(SCRATCH "/stopped/metrics.jsonl", "ab");
    assert_non_null(stream);
    fputs("{\"step\": 15, \"epo", stream);
    fclose(stream);
    tiny_write_text(SCRATCH "/stopped/checkpoints/.pix2pix-1-1.tmp", "half");
    tiny_write_text(SCRATCH "/stopped/checkpoints/mine.tmp", "whole");

    o.steps = STEPS;
    o.threads = 3;
    o.keep = 2;
    struct pix_step_metrics m = tiny_train(public_device, &o, UINT64_MAX);
    assert_int_equal(m.step, STEPS);
    tiny_check_metrics(o.out, 1, STEPS);
    tiny_check_same_checkpoint(tiny_straight(), o.out, STEPS);
    assert_false(file_exists(SCRATCH "/stopped/checkpoints/.pix2pix-1-1.tmp"));
    assert_true(file_exists(SCRATCH "/stopped/checkpoints/mine.tmp"));
    assert_true(tiny_has_checkpoint(o.out, 16));
    assert_false(tiny_has_checkpoint(o.out, 12));

    // The end of a run stays the end, but fewer checkpoints may be kept.
    o.keep = 1;
    struct pix_step_metrics none;
    pix_trainer *trainer = pix_trainer_create(public_device, &o);
    assert_non_null(trainer);
    assert_int_equal(pix_trainer_step(trainer, &none), PIX_STEP_FINISHED);
    assert_true(pix_trainer_save(trainer));
    pix_trainer_destroy(trainer);
    tiny_check_metrics(o.out, 1, STEPS);
    assert_true(tiny_has_checkpoint(o.out, STEPS));
    assert_false(tiny_has_checkpoint(o.out, 16));

    // What changed stands in the run's configuration.
    struct pix_train_options stored;
    assert_true(pix_train_options_read(o.out, &stored));
    assert_int_equal(stored.steps, STEPS);
    assert_int_equal(stored.keep, 1);
    assert_int_equal(stored.data[0], '/');
    pix_train_options_finish(&stored);
}

static void test_saved_by_hand(void **state)
{
    struct pix_train_options o = tiny_options(DATA, SCRATCH "/hand");
    struct pix_step_metrics m;
    (void)state;
    public_need_device();
    pix_trainer *trainer = pix_trainer_create(public_device, &o);
    assert_non_null(trainer);
    assert_true(pix_trainer_save(trainer));    // nothing to save yet
    for (int i = 0; i < 6; i++)
        assert_int_equal(pix_trainer_step(trainer, &m), PIX_STEP_DONE);
    assert_int_equal(m.step, 6);
    assert_int_not_equal(pix_trainer_drain(trainer, &m), PIX_STEP_FAILED);
    assert_int_equal(pix_trainer_drain(trainer, NULL), PIX_STEP_FINISHED);
    assert_true(pix_trainer_save(trainer));
    assert_true(pix_trainer_save(trainer));
    pix_trainer_destroy(trainer);
    assert_true(tiny_has_checkpoint(o.out, m.step));
    tiny_check_metrics(o.out, 1, m.step);
    assert_false(tiny_has_checkpoint(o.out, 0));
    o.continue_run = true;
    tiny_train(public_device, &o, UINT64_MAX);
    tiny_check_same_checkpoint(tiny_straight(), o.out, STEPS);
}

#ifdef PIX_HAVE_JPEG
static void replace(uint8_t *bytes, size_t size, const char *text, const char *with)
{
    for (size_t i = 0; i + strlen(text) <= size; i++)
        if (memcmp(bytes + i, text, strlen(text)) == 0) {
            memcpy(bytes + i, with, strlen(text));
            return;
        }
    fail_msg("%s is not there", text);
}

// A run on JPEG files that is resumed with another decoder says so: here it was begun
// by a version without the entry, and without sums, which was stb.
static void test_decoder(void **state)
{
    static const char *const paths[] = { SCRATCH "/photos/train/a.jpg",
                                         SCRATCH "/photos/train/b.png" };
    struct pix_train_options o = tiny_options(SCRATCH "/photos", SCRATCH "/decoder");
    uint8_t *pixels = mem_zalloc(3 * 64 * 32);
    const struct pix_image image = { 64, 32, pixels };
    (void)state;
    public_need_device();
    assert_true(file_make_folder(SCRATCH "/photos/train"));
    for (size_t i = 0; i < ARRAY_LEN(paths); i++)
        assert_true(pix_image_write(paths[i], &image));
    mem_free(pixels);
    o.steps = 1;
    tiny_train(public_device, &o, UINT64_MAX);
    o.continue_run = true;
    o.steps = 2;
    public_messages[0] = '\0';
    tiny_train(public_device, &o, UINT64_MAX);
    assert_null(strstr(public_messages, "decodes them"));

    char *path = checkpoint_path(o.out, 2);
    void *data;
    size_t size;
    struct reason reason;
    assert_true(file_load(path, UINT64_MAX, &data, &size, &reason));
    replace(data, size, "pix2pix.jpeg", "pix2pix_jpeg");
    replace(data, size, "pix2pix.sums", "pix2pix_sums");
    assert_true(file_write(path, data, size));
    mem_free(data);
    mem_free(path);
    o.steps = 3;
    tiny_train(public_device, &o, UINT64_MAX);
    assert_non_null(strstr(
        public_messages, "the run was trained on JPEG files as stb decodes them; from "
                         "here on it is libjpeg-turbo"));
}
#endif

static int run_child(const char *out)
{
    struct pix_train_options o = tiny_options(DATA, out);
    struct pix_step_metrics metrics;
    pix_device *own = public_open_device(0);
    o.save_freq = 2;
    pix_trainer *trainer = own ? pix_trainer_create(own, &o) : NULL;
    while (trainer && pix_trainer_step(trainer, &metrics) == PIX_STEP_DONE)
        ;
    return 0;    // not reached where the parent is in time
}

static void wait_a_little(void)
{
    const struct timespec pause = { 0, 2000000 };
    nanosleep(&pause, NULL);
}

static void test_killed(void **state)
{
    // The moments: while it starts, after some checkpoints.
    static const uint64_t moments[] = { 0, 4, 12 };
    char out[64];
    (void)state;
    public_need_device();
    for (size_t i = 0; i < sizeof(moments) / sizeof(moments[0]); i++) {
        snprintf(out, sizeof(out), SCRATCH "/killed%zu", i);
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            execl(program, program, "child", out, (char *)NULL);
            _exit(1);
        }
        char *config = file_join(out, "config.json");
        while (!file_exists(config) ||
               (moments[i] && !tiny_has_checkpoint(out, moments[i]))) {
            if (waitpid(child, NULL, WNOHANG) == child) {
                child = 0;
                break;
            }
            wait_a_little();
        }
        mem_free(config);
        if (child == 0)
            fail_msg("the child ended before it was killed");
        wait_a_little();
        kill(child, SIGKILL);
        assert_true(waitpid(child, NULL, 0) == child);

        struct pix_train_options o = tiny_options(DATA, out);
        o.save_freq = 2;
        o.continue_run = true;
        tiny_train(public_device, &o, UINT64_MAX);
        tiny_check_metrics(out, 1, STEPS);
        tiny_check_same_checkpoint(tiny_straight(), out, STEPS);
    }
}

// Going on with what was killed before it began is beginning.
static void test_continue_nothing(void **state)
{
    struct pix_train_options o = tiny_options(DATA, SCRATCH "/absent");
    (void)state;
    public_need_device();
    o.continue_run = true;
    o.steps = 2;
    assert_true(pix_train_check(&o));
    assert_int_equal(tiny_train(public_device, &o, UINT64_MAX).step, 2);
    tiny_check_metrics(o.out, 1, 2);
    o.out = SCRATCH "/begun";
    assert_true(file_make_folder(o.out));
    tiny_write_text(SCRATCH "/begun/.pix2pix-77-0.tmp", "{");
    assert_int_equal(tiny_train(public_device, &o, UINT64_MAX).step, 2);
}

static void test_locked(void **state)
{
    struct pix_train_options o = tiny_options(DATA, SCRATCH "/locked");
    struct pix_step_metrics m;
    (void)state;
    public_need_device();
    o.steps = 2;
    pix_trainer *trainer = pix_trainer_create(public_device, &o);
    assert_non_null(trainer);
    assert_int_equal(pix_trainer_step(trainer, &m), PIX_STEP_DONE);
    o.continue_run = true;
    tiny_check_refused(&o, "already being trained");
    // Neither does it help to remove the file: the second would write into the run of
    // the first.
    assert_true(os_file_remove(SCRATCH "/locked/lock"));
    tiny_check_refused(&o, "already being trained");
    assert_int_equal(pix_trainer_step(trainer, &m), PIX_STEP_DONE);
    pix_trainer_destroy(trainer);
    tiny_check_metrics(o.out, 1, 2);
    tiny_train(public_device, &o, UINT64_MAX);
}

// The configuration names the data from the root; data that moved are found again.
static void test_moved_data(void **state)
{
    static const char here[] = SCRATCH "/data_here", there[] = SCRATCH "/data_there";
    struct pix_train_options o = tiny_options(here, SCRATCH "/moved"), stored;
    (void)state;
    public_need_device();
    assert_true(file_make_folder(SCRATCH "/data_here/train"));
    tiny_write_pair(SCRATCH "/data_here/train", 1);
    o.steps = 1;
    tiny_train(public_device, &o, UINT64_MAX);
    assert_true(pix_train_options_read(o.out, &stored));
    char *absolute = os_path_absolute(here);
    assert_string_equal(stored.data, absolute);
    mem_free(absolute);
    pix_train_options_finish(&stored);

    o.continue_run = true;
    o.data = SCRATCH "/./data_here/";
    assert_true(pix_train_check(&o));
    o.data = DATA;
    tiny_check_refused(&o, "--data");
    o.data = SCRATCH "/nowhere";
    tiny_check_refused(&o, "cannot look at --data " SCRATCH "/nowhere: ");
    assert_true(os_file_rename(here, there));
    o.data = there;
    o.steps = 2;
    assert_int_equal(tiny_train(public_device, &o, UINT64_MAX).step, 2);
    assert_true(pix_train_options_read(o.out, &stored));
    assert_non_null(strstr(stored.data, "data_there"));
    pix_train_options_finish(&stored);
}

// Folders whose names are no UTF-8, where the file system has such.
static void test_bytes(void **state)
{
    static const char data[] = SCRATCH "/\xff\xfe", moved[] = SCRATCH "/\xfe\xff";
    struct pix_train_options o = tiny_options(data, SCRATCH "/out\xe9"), stored;
    (void)state;
    public_need_device();
    if (!os_folder_make(data, false))
        skip();
    assert_true(file_make_folder(SCRATCH "/\xff\xfe/train"));
    tiny_write_pair(SCRATCH "/\xff\xfe/train", 1);
    o.steps = 1;
    tiny_train(public_device, &o, UINT64_MAX);
    assert_true(pix_train_options_read(o.out, &stored));
    assert_non_null(strstr(stored.data, "\xff\xfe"));

    // As the command continues a run: with what is stored, and nothing else.
    stored.continue_run = true;
    stored.steps = 2;
    assert_int_equal(tiny_train(public_device, &stored, UINT64_MAX).step, 2);
    pix_train_options_finish(&stored);
    // Another folder is another folder, though both look alike as text.
    o.continue_run = true;
    assert_true(os_folder_make(moved, false));
    o.data = moved;
    tiny_check_refused(&o, "--data");

    struct pix_translate_options from;
    pix_translate_options_init(&from);
    from.model = o.out;
    pix_translator *translator = pix_translator_create(public_device, &from);
    assert_non_null(translator);
    pix_translator_destroy(translator);
}

// Other images than those of the checkpoint are another run, unless they are meant: one
// of the same number but of another name, one less, one that can no longer be used.
static void test_changed_images(void **state)
{
    static const char folder[] = SCRATCH "/data_changed/train";
    struct pix_train_options o = tiny_options(SCRATCH "/data_changed",
                                              SCRATCH "/changed"),
                             stored;
    (void)state;
    public_need_device();
    assert_true(file_make_folder(folder));
    for (uint32_t i = 1; i < 4; i++)
        tiny_write_pair(folder, i);
    o.steps = 1;
    tiny_train(public_device, &o, UINT64_MAX);
    o.continue_run = true;

    assert_true(os_file_rename(SCRATCH "/data_changed/train/3.png",
                               SCRATCH "/data_changed/train/9.png"));
    o.steps = 2;
    tiny_check_refused(&o, "3 pairs can be used as before, but not of the same names");
    public_check_message("--data-changed");
    assert_true(tiny_has_checkpoint(o.out, 1));
    tiny_check_metrics(o.out, 1, 1);
    o.data_changed = true;
    assert_true(pix_train_check(&o));
    tiny_train(public_device, &o, UINT64_MAX);
    public_check_message("the image order changes from here on");

    // It is an order for one start, and not stored.
    assert_true(pix_train_options_read(o.out, &stored));
    assert_false(stored.data_changed);
    pix_train_options_finish(&stored);
    o.data_changed = false;
    o.steps = 3;
    tiny_train(public_device, &o, UINT64_MAX);
    assert_true(test_remove_tree(SCRATCH "/data_changed/train/1.png"));
    o.steps = 4;
    tiny_check_refused(&o,
                       "2 pairs can be used now, 3 when the checkpoint was written");
    tiny_write_text(SCRATCH "/data_changed/train/1.png", "no picture");
    tiny_check_refused(&o, "2 pairs can be used now");
    o.data_changed = true;
    tiny_train(public_device, &o, UINT64_MAX);
    tiny_check_metrics(o.out, 1, 4);
}

// A checkpoint under another step's name, and one of another run.
static void test_foreign_checkpoints(void **state)
{
    struct pix_train_options o = tiny_options(DATA, SCRATCH "/foreign");
    struct pix_train_options other = tiny_options(DATA, SCRATCH "/foreign_lr");
    static const char bad_line[] = "{\"step\": 1, no}\n";
    size_t bad_size = strlen(bad_line);
    void *data;
    size_t size;
    (void)state;
    public_need_device();
    o.save_freq = 2;
    o.keep = 9;
    tiny_train(public_device, &o, 4);
    char *two = checkpoint_path(o.out, 2), *eight = checkpoint_path(o.out, 8);
    assert_true(file_read(two, &data, &size));
    assert_true(file_write(eight, data, size));
    mem_free(data);
    other.lr = 0.001;
    other.steps = 6;
    tiny_train(public_device, &other, UINT64_MAX);
    char *from = checkpoint_path(other.out, 6), *six = checkpoint_path(o.out, 6);
    assert_true(file_read(from, &data, &size));
    assert_true(file_write(six, data, size));
    mem_free(data);
    mem_free(from);
    mem_free(two);

    // A whole line that is none does not end the metrics.
    char *metrics = file_join(o.out, "metrics.jsonl");
    assert_true(file_read(metrics, &data, &size));
    char *damaged = mem_printf("%s%s", bad_line, (const char *)data);
    tiny_write_text(metrics, damaged);
    mem_free(damaged);
    mem_free(data);

    o.continue_run = true;
    public_messages[0] = '\0';
    tiny_train(public_device, &o, UINT64_MAX);
    public_check_message("does not match its name");
    public_check_message("different --lr");
    tiny_check_same_checkpoint(tiny_straight(), o.out, STEPS);
    assert_true(file_read(metrics, &data, &size));
    assert_true(strncmp(data, bad_line, bad_size) == 0);
    tiny_write_text(metrics, (const char *)data + bad_size);
    tiny_check_metrics(o.out, 1, STEPS);
    mem_free(data);
    mem_free(metrics);
    mem_free(six);
    mem_free(eight);
}

static int open_group(void **state)
{
    (void)state;
    tiny_open(SCRATCH);
    return 0;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stop_and_continue),
        cmocka_unit_test(test_saved_by_hand),
#ifdef PIX_HAVE_JPEG
        cmocka_unit_test(test_decoder),
#endif
        cmocka_unit_test(test_killed),
        cmocka_unit_test(test_continue_nothing),
        cmocka_unit_test(test_locked),
        cmocka_unit_test(test_moved_data),
        cmocka_unit_test(test_bytes),
        cmocka_unit_test(test_changed_images),
        cmocka_unit_test(test_foreign_checkpoints),
    };
    program = argv[0];
    if (argc == 3 && strcmp(argv[1], "child") == 0)
        return run_child(argv[2]);
    return cmocka_run_group_tests(tests, open_group, public_close);
}
