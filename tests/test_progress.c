// SPDX-License-Identifier: MIT
//
// Where progress is shown, with which words, and not all the time.

#include "base/progress.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/log.h"

static char shown[256], logged[256];

static void note(void *user, const char *text)
{
    assert_ptr_equal(user, shown);
    snprintf(shown, sizeof(shown), "%s", text);
}

static void keep(void *user, enum log_level level, const char *text)
{
    (void)user;
    assert_int_equal(level, LOG_INFO);
    snprintf(logged, sizeof(logged), "%s", text);
}

static const struct log_sink sink = { keep, NULL, LOG_INFO };

// The pauses are set here, so that no clock decides.
static void test_view(void **state)
{
    struct progress p = { { note, shown }, "data", "reading images", "a/train", 7 };
    (void)state;
    log_use(&sink);
    shown[0] = logged[0] = '\0';
    progress_begin(&p);
    assert_string_equal(shown, "reading images: 0 of 7");
    p.pause = 1e9;
    progress_update(&p, 3);
    assert_string_equal(shown, "reading images: 0 of 7");
    p.pause = 0;
    progress_update(&p, 4);
    assert_string_equal(shown, "reading images: 4 of 7");
    assert_true(p.pause > 0 && p.pause < 1);
    assert_string_equal(logged, "");
    log_use(NULL);
}

static void test_log(void **state)
{
    struct progress p = { { 0 }, "data", "reading images", "a/train", 7 };
    (void)state;
    log_use(&sink);
    shown[0] = logged[0] = '\0';
    progress_begin(&p);
    assert_string_equal(logged, "");
    assert_true(p.pause >= 1);
    p.pause = 0;
    progress_update(&p, 4);
    assert_string_equal(logged, "data: reading images: 4 of 7 in a/train");
    assert_true(p.pause > 2);
    assert_string_equal(shown, "");
    log_use(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_view),
        cmocka_unit_test(test_log),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
