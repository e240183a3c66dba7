// SPDX-License-Identifier: MIT
//
// The folder of checkpoints: which names count, and which files are removed.

#include "store/checkpoint_folder.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/mem.h"
#include "support/tree.h"

#define RUN "test_checkpoint_folder.scratch"

static void assert_steps(const uint64_t *expected, size_t count)
{
    uint64_t *steps;
    size_t found;
    assert_true(checkpoint_list(RUN, &steps, &found));
    assert_int_equal(found, count);
    for (size_t i = 0; i < count; i++)
        assert_true(steps[i] == expected[i]);
    mem_free(steps);
}

static void test_folder(void **state)
{
    static const char *const others[] = {
        "step-00000005.safetensors.tmp",
        "step-5.safetensors",
        "step-0000000a.safetensors",
        "step-000000005.safetensors",
        "notes.txt",
    };
    static const uint64_t steps[] = { 3, 10, 99999999, 100000000, 20 };
    (void)state;
    assert_steps(NULL, 0);
    for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
        char *path = checkpoint_path(RUN, steps[i]);
        assert_true(file_write(path, "x", 1));
        mem_free(path);
    }
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        char *path = file_join(RUN "/checkpoints", others[i]);
        assert_true(file_write(path, "x", 1));
        mem_free(path);
    }
    assert_steps((uint64_t[]){ 100000000, 99999999, 20, 10, 3 }, 5);

    // Later ones do not count and stay.
    checkpoint_prune(RUN, 20, 2, 0);
    assert_steps((uint64_t[]){ 100000000, 99999999, 20, 10 }, 4);
    checkpoint_prune(RUN, 100000000, 3, 0);
    assert_steps((uint64_t[]){ 100000000, 99999999, 20 }, 3);
    // That of a step that is named stays beside them.
    checkpoint_prune(RUN, 100000000, 1, 20);
    assert_steps((uint64_t[]){ 100000000, 20 }, 2);
    checkpoint_prune(RUN, 100000000, 1, 100000000);
    assert_steps((uint64_t[]){ 100000000 }, 1);
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        char *path = file_join(RUN "/checkpoints", others[i]);
        assert_true(file_exists(path));
        mem_free(path);
    }

    uint64_t *list;
    size_t count;
    assert_true(checkpoint_list(RUN "/none", &list, &count));
    assert_int_equal(count, 0);
    mem_free(list);
}

static int setup(void **state)
{
    (void)state;
    return test_remove_tree(RUN) && file_make_folder(RUN "/checkpoints") ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    return test_remove_tree(RUN) ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_folder, setup, teardown),
    };
    return cmocka_run_group_tests_name("checkpoint_folder", tests, NULL, NULL);
}
