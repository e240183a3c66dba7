// SPDX-License-Identifier: MIT
//
// Whether a path leads to a file of a set, by whatever name.

#define _XOPEN_SOURCE 700

#include "base/file_set.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/log.h"
#include "support/tree.h"

#define SCRATCH "test_file_set.scratch"

static int setup(void **state)
{
    (void)state;
    return test_remove_tree(SCRATCH) && file_make_folder(SCRATCH "/in") &&
                   file_make_folder(SCRATCH "/out")
               ? 0
               : 1;
}

static int teardown(void **state)
{
    (void)state;
    return test_remove_tree(SCRATCH) ? 0 : 1;
}

static const char *find(struct file_set *set, const char *path)
{
    const char *found;
    assert_true(file_set_find(set, path, &found));
    return found;
}

static void test_paths(void **state)
{
    static const char *const same[] = {
        SCRATCH "/in/7",     SCRATCH "/out/../in/7", SCRATCH "/./in//7",
        SCRATCH "/out/link", SCRATCH "/out/hard",    SCRATCH "/turned/7",
    };
    char names[20][64];
    struct file_set set = { 0 };
    (void)state;
    assert_null(find(&set, SCRATCH "/in/7"));
    for (int i = 0; i < 20; i++) {
        snprintf(names[i], sizeof(names[i]), SCRATCH "/in/%d", i);
        assert_true(file_write(names[i], "x", 1));
        assert_true(file_set_add(&set, names[i]));
    }
    // What is not there has no identity, neither in the set nor outside.
    assert_true(file_set_add(&set, SCRATCH "/absent"));
    assert_int_equal(set.count, 20);
    assert_null(find(&set, SCRATCH "/absent"));

    assert_int_equal(symlink("../in/7", SCRATCH "/out/link"), 0);
    assert_int_equal(symlink("in", SCRATCH "/turned"), 0);
    assert_int_equal(link(SCRATCH "/in/7", SCRATCH "/out/hard"), 0);
    for (size_t i = 0; i < ARRAY_LEN(same); i++)
        assert_string_equal(find(&set, same[i]), SCRATCH "/in/7");
    assert_string_equal(find(&set, SCRATCH "/in/0"), SCRATCH "/in/0");
    assert_string_equal(find(&set, SCRATCH "/in/19"), SCRATCH "/in/19");

    // The same content is another file.
    assert_true(file_write(SCRATCH "/out/7", "x", 1));
    assert_null(find(&set, SCRATCH "/out/7"));
    // More may come after a question.
    assert_true(file_set_add(&set, SCRATCH "/out/7"));
    assert_string_equal(find(&set, SCRATCH "/out/7"), SCRATCH "/out/7");
    assert_string_equal(find(&set, SCRATCH "/in/3"), SCRATCH "/in/3");
    file_set_free(&set);
    assert_null(find(&set, SCRATCH "/in/3"));
}

// What cannot be looked at may be anything; what cannot ever be opened is nothing.
static void test_unknown(void **state)
{
    static const char closed[] = SCRATCH "/closed/file";
    struct file_set set = { 0 };
    const char *found;
    (void)state;
    assert_int_equal(symlink("loop", SCRATCH "/loop"), 0);
    assert_true(file_write(SCRATCH "/some", "x", 1));
    assert_true(file_set_add(&set, SCRATCH "/some"));
    assert_true(file_set_add(&set, SCRATCH "/loop"));
    assert_int_equal(set.count, 1);
    assert_null(find(&set, SCRATCH "/loop"));
    if (geteuid() != 0) {    // who may look everywhere
        assert_true(file_make_folder(SCRATCH "/closed"));
        assert_int_equal(chmod(SCRATCH "/closed", 0), 0);
        const bool added = file_set_add(&set, closed);
        const bool looked = file_set_find(&set, closed, &found);
        assert_int_equal(chmod(SCRATCH "/closed", 0700), 0);
        assert_false(added);
        assert_false(looked);
        assert_non_null(strstr(log_last_error(), closed));
    }
    file_set_free(&set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_paths),
        cmocka_unit_test(test_unknown),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
