// SPDX-License-Identifier: MIT
//
// A run folder that somebody else has made reaches nothing outside of it: files that
// are links are refused, a linked folder of the user's own is used and named unless it
// is another run's, and in it no link is followed.

#define _XOPEN_SOURCE 700

#include "support/tiny.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/os.h"
#include "store/checkpoint_folder.h"
#include "support/tree.h"

#define SCRATCH "test_train_links.scratch"
#define RUN SCRATCH "/run"
#define VICTIM SCRATCH "/victim"
#define TEXT "{\"step\": 1}\n{\"step\": 99}\nmine\n"

static void check_victim(void)
{
    void *text;
    size_t size;
    assert_true(file_read(VICTIM, &text, &size));
    assert_string_equal(text, TEXT);
    mem_free(text);
}

static void make_run(struct pix_train_options *o)
{
    assert_true(test_remove_tree(RUN));
    *o = tiny_options(DATA, RUN);
    o->steps = 2;
    tiny_train(public_device, o, UINT64_MAX);
    o->continue_run = true;
    o->steps = 3;
    tiny_write_text(VICTIM, TEXT);
}

static void test_linked_files(void **state)
{
    static const char *const names[] = { "metrics.jsonl", "lock", "config.json",
                                         "tuning.json" };
    struct pix_train_options o;
    (void)state;
    public_need_device();
    make_run(&o);
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        char *path = file_join(RUN, names[i]), *aside = file_join(SCRATCH, names[i]);
        // Also one whose file is still to be made.
        for (int exists = 0; exists < 2; exists++) {
            assert_true(os_file_rename(path, aside));
            if (exists)
                assert_int_equal(symlink("../victim", path), 0);
            else
                assert_int_equal(symlink("../made", path), 0);
            public_need_device();    // forgets the messages
            // A run without its options is none: there are links in a folder to begin
            // in.
            tiny_check_refused(&o, "symbolic link");
            public_check_message(names[i]);
            check_victim();
            assert_int_equal(os_path_kind(SCRATCH "/made"), OS_KIND_NONE);
            assert_int_equal(os_entry_kind(path), OS_KIND_LINK);
            assert_true(os_file_rename(aside, path));
        }
        mem_free(aside);
        mem_free(path);
    }
    tiny_train(public_device, &o, UINT64_MAX);

    // A new run begins in no such folder either.
    o = tiny_options(DATA, SCRATCH "/new");
    o.steps = 1;
    assert_true(file_make_folder(o.out));
    assert_int_equal(symlink("../made", SCRATCH "/new/lock"), 0);
    tiny_check_refused(&o, "lock is a symbolic link");
    assert_int_equal(os_path_kind(SCRATCH "/made"), OS_KIND_NONE);
}

// The metrics of another run, by a second name, would be cut back as well.
static void test_hard_link(void **state)
{
    struct pix_train_options o;
    (void)state;
    public_need_device();
    make_run(&o);
    assert_true(os_file_remove(RUN "/metrics.jsonl"));
    assert_int_equal(link(VICTIM, RUN "/metrics.jsonl"), 0);
    tiny_check_refused(&o, "second name");
    check_victim();
    assert_true(os_file_remove(RUN "/metrics.jsonl"));
    assert_int_equal(mkfifo(RUN "/metrics.jsonl", 0600), 0);
    tiny_check_refused(&o, "not a regular file");
    assert_true(os_file_remove(RUN "/metrics.jsonl"));
    tiny_train(public_device, &o, UINT64_MAX);
}

static char infos[8192];

static void keep_infos(void *user, enum pix_log_level level, const char *text)
{
    const size_t used = strlen(infos);
    (void)user;
    (void)level;
    snprintf(infos + used, sizeof(infos) - used, "%s\n", text);
}

// checkpoints/ lies elsewhere, with a link in it that has a checkpoint's name.
static void test_linked_folder(void **state)
{
    struct pix_train_options o;
    (void)state;
    public_need_device();
    make_run(&o);
    assert_true(os_file_rename(RUN "/checkpoints", SCRATCH "/disk"));
    assert_int_equal(symlink("../disk", RUN "/checkpoints"), 0);
    char *linked = checkpoint_path(RUN, 1), *newer = checkpoint_path(RUN, 9);
    assert_int_equal(symlink("../victim", linked), 0);
    assert_int_equal(symlink("../victim", newer), 0);
    o.keep = 1;
    // An older one would take its place.
    tiny_check_refused(&o, "step-00000001.safetensors is a symbolic link");
    assert_true(os_file_remove(linked));
    tiny_check_refused(&o, "step-00000009.safetensors is a symbolic link");
    assert_true(os_file_remove(newer));
    infos[0] = '\0';
    public_open_again(keep_infos, PIX_LOG_INFO);
    pix_trainer *trainer = pix_trainer_create(public_device, &o);
    assert_non_null(trainer);
    // One that appears meanwhile is not removed.
    assert_int_equal(symlink("../victim", linked), 0);
    struct pix_step_metrics m;
    while (pix_trainer_step(trainer, &m) == PIX_STEP_DONE)
        continue;
    pix_trainer_destroy(trainer);
    public_open_again(public_keep_message, PIX_LOG_INFO);
    assert_non_null(strstr(infos, "checkpoints is a symbolic link: its files are"));
    assert_non_null(strstr(infos, "/disk\n"));
    assert_null(strstr(infos, "samples is a symbolic link"));
    check_victim();
    assert_true(tiny_has_checkpoint(RUN, 3));
    assert_false(tiny_has_checkpoint(RUN, 2));
    assert_int_equal(os_entry_kind(linked), OS_KIND_LINK);
    assert_true(os_file_remove(linked));
    tiny_check_metrics(RUN, 1, 3);
    mem_free(linked);
    mem_free(newer);

    // A sample's name that is a link is replaced and not written through.
    o.steps = 4;
    assert_int_equal(symlink("../../victim", RUN "/samples/step-00000004.png"), 0);
    tiny_train(public_device, &o, UINT64_MAX);
    check_victim();
    assert_int_equal(os_entry_kind(RUN "/samples/step-00000004.png"), OS_KIND_FILE);

    // Nowhere, or to a folder of somebody else.
    o.steps = 5;
    assert_true(os_file_rename(SCRATCH "/disk", SCRATCH "/gone"));
    tiny_check_refused(&o, "leads to no folder");
    assert_true(os_file_rename(SCRATCH "/gone", SCRATCH "/disk"));
    if (chown(SCRATCH "/disk", 12345, (gid_t)-1) == 0) {
        tiny_check_refused(&o, "a folder of another user");
        assert_int_equal(chown(SCRATCH "/disk", geteuid(), (gid_t)-1), 0);
    }
    tiny_train(public_device, &o, UINT64_MAX);
}

// Gives a run a link in place of one of its folders.
static void link_folder(const char *run, const char *name, const char *target)
{
    char *path = file_join(run, name);
    assert_true(test_remove_tree(path));
    assert_int_equal(symlink(target, path), 0);
    mem_free(path);
}

static void check_second_refused(const struct pix_train_options *o, const char *folder)
{
    tiny_check_refused(o, folder);
    public_check_message(SCRATCH "/run keeps its files");
    assert_true(tiny_has_checkpoint(RUN, 2));
    assert_false(file_exists(RUN "/checkpoints/step-00000002.safetensors.unreadable"));
}

// Two runs that lead to one folder would prune each other's checkpoints and overwrite
// each other's samples, at the same time or one after the other.
static void share_folder(const char *name)
{
    static const char second[] = SCRATCH "/second", moved[] = SCRATCH "/moved";
    char *path = file_join(RUN, name), *to_run = mem_printf("../run/%s", name);
    char *disk = mem_printf("%s/shared-%s", SCRATCH, name);
    char *to_disk = mem_printf("../shared-%s", name);
    char *own = mem_printf("%s/own-%s", SCRATCH, name);
    char *to_own = mem_printf("../own-%s", name);
    struct pix_train_options a, b = tiny_options(DATA, second);
    struct pix_step_metrics m;
    make_run(&a);
    assert_true(test_remove_tree(second));
    b.seed = 5;
    b.steps = 2;
    tiny_train(public_device, &b, UINT64_MAX);
    b.continue_run = true;
    b.steps = 3;

    // To the folder of another run.
    link_folder(second, name, to_run);
    check_second_refused(&b, path);

    // Both to one on another disk, while the first run is trained, and after it.
    assert_true(os_file_rename(path, disk));
    link_folder(RUN, name, to_disk);
    link_folder(second, name, to_disk);
    pix_trainer *trainer = pix_trainer_create(public_device, &a);
    assert_non_null(trainer);
    check_second_refused(&b, disk);
    assert_int_equal(pix_trainer_step(trainer, &m), PIX_STEP_DONE);
    pix_trainer_destroy(trainer);
    check_second_refused(&b, disk);
    assert_true(tiny_has_checkpoint(RUN, 3));

    // A run that was moved is still the same, and one with another folder has its own.
    assert_true(os_file_rename(RUN, moved));
    a.out = moved;
    a.steps = 4;
    tiny_train(public_device, &a, UINT64_MAX);
    assert_true(file_make_folder(own));
    link_folder(second, name, to_own);
    tiny_train(public_device, &b, UINT64_MAX);

    // The link of a run that is under way comes to lead there.
    b.steps = 4;
    trainer = pix_trainer_create(public_device, &b);
    assert_non_null(trainer);
    link_folder(second, name, to_disk);
    public_messages[0] = '\0';
    assert_int_equal(pix_trainer_step(trainer, &m),
                     strcmp(name, "samples") == 0 ? PIX_STEP_DONE : PIX_STEP_FAILED);
    public_check_message(SCRATCH "/moved keeps its files");
    pix_trainer_destroy(trainer);
    assert_true(tiny_has_checkpoint(moved, 4));
    assert_true(test_remove_tree(moved));
    mem_free(to_own);
    mem_free(own);
    mem_free(to_disk);
    mem_free(disk);
    mem_free(to_run);
    mem_free(path);
}

static void test_shared_folder(void **state)
{
    (void)state;
    public_need_device();
    share_folder("checkpoints");
    share_folder("samples");
}

// One folder for both kinds of files, or the run's own, is nobody else's.
static void test_one_folder(void **state)
{
    struct pix_train_options o;
    (void)state;
    public_need_device();
    make_run(&o);
    assert_true(os_file_rename(RUN "/checkpoints", SCRATCH "/both"));
    link_folder(RUN, "checkpoints", "../both");
    link_folder(RUN, "samples", "../both");
    tiny_train(public_device, &o, UINT64_MAX);
    assert_true(file_exists(SCRATCH "/both/step-00000003.png"));
    assert_true(tiny_has_checkpoint(RUN, 3));
    link_folder(RUN, "samples", ".");
    o.steps = 4;
    tiny_train(public_device, &o, UINT64_MAX);
    assert_true(file_exists(RUN "/step-00000004.png"));
}

static int setup(void **state)
{
    (void)state;
    tiny_open(SCRATCH);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_linked_files),  cmocka_unit_test(test_hard_link),
        cmocka_unit_test(test_linked_folder), cmocka_unit_test(test_shared_folder),
        cmocka_unit_test(test_one_folder),
    };
    return cmocka_run_group_tests(tests, setup, public_close);
}
