// SPDX-License-Identifier: MIT
//
// The folder of checkpoints: which names count, and which files are removed.

#define _XOPEN_SOURCE 700

#include "store/checkpoint_folder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/log.h"
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

static void assert_names(const char *expected)
{
    char *names = checkpoint_names(RUN);
    assert_string_equal(names, expected);
    mem_free(names);
}

static void write_step(uint64_t step)
{
    char *path = checkpoint_path(RUN, step);
    assert_true(file_write(path, "x", 1));
    mem_free(path);
}

// What can be chosen in a run is said in one line, however much it is.
static void test_names(void **state)
{
    (void)state;
    assert_names("none");
    char *best = checkpoint_best_path(RUN);
    assert_true(file_write(best, "x", 1));
    assert_names("best");
    for (uint64_t step = 1; step <= 10; step++)
        write_step(step);
    assert_names("10, 9, 8, 7, 6, 5, 4, 3, 2, 1, and best");
    write_step(11);
    assert_names("11, 10, 9, 8, 7, 6, 5, 4, 3, 2 and 1 older one, and best");
    write_step(999999999999999999);
    assert_true(test_remove_tree(best));
    assert_names("999999999999999999, 11, 10, 9, 8, 7, 6, 5, 4, 3 and 2 older ones");
    mem_free(best);
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
    for (size_t i = 0; i < ARRAY_LEN(steps); i++)
        write_step(steps[i]);
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        char *path = file_join(RUN "/checkpoints", others[i]);
        assert_true(file_write(path, "x", 1));
        mem_free(path);
    }
    assert_steps((uint64_t[]){ 100000000, 99999999, 20, 10, 3 }, 5);

    // Later ones do not count and stay.
    assert_names("100000000, 99999999, 20, 10, 3");
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

static int messages[LOG_DEBUG + 1];
static char last_text[LOG_LINE_SIZE];

static void count_message(void *user, enum log_level level, const char *text)
{
    (void)user;
    messages[level]++;
    snprintf(last_text, sizeof(last_text), "%s", text);
}

// A good run goes on, with a word that files stay.
static void test_no_listing(void **state)
{
    static const struct log_sink sink = { count_message, NULL, LOG_INFO };
    static const uint64_t steps[] = { 2, 1 };
    struct rlimit before, limit;
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(steps); i++)
        write_step(steps[i]);
    const struct log_sink *outer = log_use(&sink);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    limit = before;
    limit.rlim_cur = 0;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    checkpoint_prune(RUN, 2, 1, 0);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    log_use(outer);
    assert_int_equal(messages[LOG_ERROR], 0);
    assert_int_equal(messages[LOG_WARN], 1);
    assert_non_null(strstr(last_text, "in " RUN ", so old ones stay: file: cannot list "
                                      "folder"));
    assert_steps(steps, 2);
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
        cmocka_unit_test_setup_teardown(test_names, setup, teardown),
        cmocka_unit_test_setup_teardown(test_folder, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_listing, setup, teardown),
    };
    return cmocka_run_group_tests_name("checkpoint_folder", tests, NULL, NULL);
}
