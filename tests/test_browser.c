// SPDX-License-Identifier: MIT
//
// Pages in a browser: support/browser.mjs opens them in Chromium without a window and
// tries what a person would. PIX_TEST_BROWSER is the node_modules folder with
// playwright-core and axe-core (tools/drivers.sh browser), PIX_TEST_CHROMIUM the
// browser, [/usr/bin/chromium]; without both the test is skipped.

#include <stdio.h>
#include <stdlib.h>

#include "base/file.h"
#include "support/command.h"
#include "support/report_run.h"

static const char *chromium(void)
{
    const char *path = getenv("PIX_TEST_CHROMIUM");
    return path && *path ? path : "/usr/bin/chromium";
}

static const char *packages(void)
{
    const char *folder = getenv("PIX_TEST_BROWSER");
    return folder && *folder ? folder : NULL;
}

// Libraries that the tests are run with are not meant for other programs.
static void look(const char *page, const char *kind)
{
    const int code = command_shell(
        "env -u LD_PRELOAD PIX_TEST_CHROMIUM='%s' timeout 240 node '%s/browser.mjs' "
        "'%s' '%s' %s",
        chromium(), TEST_SUPPORT, packages(), page, kind);
    if (code != 0)
        fail_msg("%s: %s%s", page, command_out, command_err);
}

static void test_run(void **state)
{
    (void)state;
    char *folder = command_file("made");
    report_run_write(folder);
    RUN(0, "report made");
    look("made/report.html", "run");
    mem_free(folder);
}

// What is missing or damaged is said; one step makes curves, too.
static void test_lacking(void **state)
{
    (void)state;
    char *folder = command_file("lacks");
    report_run_write(folder);
    assert_int_equal(
        command_shell("cd lacks && echo '{oops' >report/validation.json && "
                      "rm report/run.json samples/* && head -n 1 metrics.jsonl >one && "
                      "mv one metrics.jsonl"),
        0);
    RUN(0, "report lacks");
    look("lacks/report.html", "lacking");
    mem_free(folder);
}

// The names of files cannot have a '/'.
static void test_evaluation(void **state)
{
    (void)state;
    command_need_device();
    command_make_data();
    command_make_run();
    assert_int_equal(command_shell("cp -r pairs named; f=$(ls named/test | head -n 1); "
                                   "mv \"named/test/$f\" 'named/test/<script>window."
                                   "hacked=1<b class=hacked>.'${f##*.}"),
                     0);
    RUN(0, "evaluate --model run --data named --report page.html");
    look("page.html", "evaluation");
}

static void test_bench(void **state)
{
    (void)state;
    command_need_device();
    RUN(0, "bench --sizes 32 --ngf 4 --ndf 4 --quick --batches 1,2 --html bench.html");
    look("bench.html", "bench");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_run),
        cmocka_unit_test(test_lacking),
        cmocka_unit_test(test_evaluation),
        cmocka_unit_test(test_bench),
    };
    if (!packages() || !file_exists(chromium())) {
        printf("skipped: %s\n",
               packages() ? "there is no Chromium: set PIX_TEST_CHROMIUM"
                          : "set PIX_TEST_BROWSER to a node_modules folder with "
                            "playwright-core and axe-core (tools/drivers.sh browser)");
        return 77;
    }
    return cmocka_run_group_tests(tests, command_open, command_close);
}
